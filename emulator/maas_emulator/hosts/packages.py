"""What MAAS's packages do on their host: install, configure once more, upgrade.

As their scripts do it, traps included. ``debconf.json`` stands for debconf's database.
"""

from __future__ import annotations

import json
import os
import re
import string

from maas_emulator.hosts import formats, layout
from maas_emulator.hosts.layout import MAAS, ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox

_LETTERS = string.ascii_letters + string.digits


class ScriptFailed(Exception):
    """A package's script ended with an error; its package is left half-configured."""


def password(length: int = 20) -> str:
    """Make up a password of letters and digits."""
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in os.urandom(length))


def new_uuid() -> str:
    """Make up a uuid."""
    import uuid  # slow, and seldom needed

    return str(uuid.uuid4())


def _host_url(host, address):
    """The URL that the region's package makes of an address."""
    port = host.trait("port")
    return f"http://{address}/MAAS" if port == 80 else f"http://{address}:{port}/MAAS"


# A fresh installation


def fresh(host: Sandbox, address: str, url: str | None, uuid: str | None, database: dict) -> dict:
    """Return the files of a fresh installation of a host's roles.

    Args:
        host: The sandbox, with its release and roles.
        address: IP address of the host, of which a region makes its URL.
        url: Region URL that debconf was given, or that ``maas init`` was.
        uuid: Of a cluster, where its release has one.
        database: Of the region, in place of the defaults.

    Returns:
        ``{path: (text, mode, "user:group")}``.
    """
    texts = {}
    if "region" in host.roles:
        url = url or _host_url(host, address)
        database = {
            "host": "localhost", "port": None, "name": "maasdb", "user": "maas",
            "password": password(12), **database,
        }  # fmt: skip
        texts.update(_fresh_region(host, url, database))
    if host.kind == "snap":  # ``maas init`` writes the URL into both files
        both = formats.write_yaml({"maas_url": url or _host_url(host, address)})
        return _fresh_snap(host, {"region_config": both, "cluster_config": both, **texts})
    if "cluster" in host.roles:
        texts.update(_fresh_cluster(host, url, uuid))
    files = {}
    for name, (path, mode, owner) in host.files().items():
        if name in texts:
            files[path] = (texts[name], mode, owner)
        elif name.endswith("_log") and layout.has_role(name, host.roles):
            files[path] = ("", mode, owner)
    files["var/lib/dpkg/status"] = (dpkg_status(host), 0o644, ROOT)
    answers = json.dumps(_fresh_answers(host, url))
    files["var/lib/emulator/debconf.json"] = (answers, 0o600, ROOT)
    if "broker" in texts:
        files["var/lib/emulator/broker.json"] = (texts["broker"], 0o600, ROOT)
    return files


def _fresh_region(host, url, database):
    if host.kind == "snap" or host.release >= "1.9":
        keys = {f"database_{key}": database[key] for key in ("host", "name", "user")}
        keys.update(maas_url=url, database_pass=database["password"])
        if database["port"] or (host.kind == "deb" and host.release >= "2.2"):
            keys["database_port"] = database["port"] or 5432
        return {"region_config": formats.write_yaml(keys)}
    if host.release >= "1.7":
        return {"region_config": formats.region_settings(host.release, url, database)}
    longpoll, workers = password(), password()
    return {
        "region_config": formats.region_settings(host.release, url, database, longpoll),
        "txlongpoll": formats.txlongpoll(longpoll),
        "celery_config": formats.celery_config(workers, formats.host_of(url)),
        "broker": json.dumps({formats.LONGPOLL_USER: longpoll, formats.WORKERS_USER: workers}),
    }


def _fresh_cluster(host, url, uuid):
    if host.release >= "1.9":
        keys = {"maas_url": [url] if host.release >= "2.5" else url} if url else {}
        if uuid and host.release < "3.5":
            keys["cluster_uuid"] = uuid
        return {"cluster_config": formats.write_yaml(keys) if keys else ""}
    conf, pserv = formats.cluster_conf(), formats.pserv(host.release)
    if url:
        conf, pserv = _cluster_url(host.release, conf, pserv, url)
    return {
        "cluster_config": conf + (f'CLUSTER_UUID="{uuid}"\n' if uuid else ""),
        "cluster_celery": formats.cluster_celery(uuid),
        "pserv": pserv,
        "bootresources": formats.bootresources(),
    }


def _fresh_snap(host, texts):
    modes = {"cluster": "rack", "region+cluster": "region+rack", "region": "region"}
    configured = host.info["configured"]
    mode = modes[host.info["role"]] if configured else "none"
    version = f"name: maas\nversion: {host.release}-1-g.0000000\n"
    version += f"base: {host.trait('base')}\nepoch: {host.trait('epoch')}\n"
    files = {"snap/maas/current/meta/snap.yaml": (version, 0o644, ROOT)}
    places = host.files()
    for name, text in {**(texts if configured else {}), "snap_mode": mode}.items():
        path, bits, owner = places[name]
        files[path] = (text, bits, owner)
    return files


def installed(host: Sandbox) -> list[str]:
    """Return the packages of MAAS's roles that dpkg has as installed, by their present names."""
    text = host.read("var/lib/dpkg/status") or ""
    return re.findall(r"^Package: (maas-.*)$", text, re.MULTILINE)


def dpkg_status(host: Sandbox, only: list[str] | None = None) -> str:
    """Return what dpkg's status file says.

    Args:
        host: The sandbox.
        only: Packages that were installed before; by default all of the host's roles are.
    """
    version = f"{host.release}{'+bzr1' if host.release < '2.3' else '-1'}-0ubuntu1"
    version = f"1:{version}" if host.release >= "2.9" else version
    names = [("dpkg", "1.0"), ("maas-common", version), ("maas-cli", version)]
    for role in host.roles:
        every = host.trait(f"{role}_packages")
        if only is not None and role == "region" and "maas-region-controller" not in only:
            every = every[:1]
        names += [(name, version) for name in every]
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: net\n"
        f"Maintainer: Nobody <nobody@example.com>\nArchitecture: all\nVersion: {which}\n"
        f"Description: {name} of a sandbox host\n"
        for name, which in names
    ) + "\n"  # fmt: skip


def _fresh_answers(host, url):
    found = {}
    for role in host.roles:
        for question, (package, kind) in host.questions(role).items():
            value = (url or "") if question.endswith("controller/maas-url") else ""
            found[question] = {"type": kind, "value": value, "owner": package}
    if "region" in host.roles:
        found["maas/default-maas-url"]["value"] = formats.host_of(url)
    return found


# Configured once more


def reconfigure(host: Sandbox, package: str) -> None:
    """Do what ``dpkg-reconfigure`` of a package does.

    Raises:
        LookupError: It is not installed.
        ScriptFailed: Its script failed.
    """
    for role in host.roles:
        if package not in host.trait(f"{role}_packages"):
            continue
        if package == host.trait(f"{role}_packages")[-1]:  # the one with the script
            _SCRIPTS[role](host, upgrade=False)
        _restart(host, role)
        return
    raise LookupError(package)


def upgrade(host: Sandbox) -> None:
    """Do what an upgrade of all of MAAS's packages does.

    Args:
        host: The sandbox.

    Raises:
        ScriptFailed: A package's script failed.
    """
    for role in host.roles:
        _SCRIPTS[role](host, upgrade=True)
        _restart(host, role)


def _restart(host, role):
    names = [*host.trait(f"{role}_restarted")]
    if role == "region" and "cluster" in host.roles and host.release >= "1.7":
        names.append(host.trait("cluster_daemon"))  # what needs the region starts anew, too
    for name in names:
        host.set_service(name, running=True)


def _answer(host, question):
    return host.peek("debconf").get(question, {}).get("value", "")


def _region(host, upgrade):
    release = host.release
    if upgrade and release >= "1.9":
        return
    question = "maas/default-maas-url"
    given = _answer(host, question)
    if not given and not upgrade:  # debconf is given what the file has
        given = _region_has(host)
        with host.state("debconf") as store:
            store[question]["value"] = given
    if release >= "1.9":
        if given:
            _set_region_url(host, given)
        return
    if given or upgrade:
        host.edit("region_config", formats.set_default_url, given)
    if release < "1.7":
        _new_broker_passwords(host, given, given or upgrade)


def _region_has(host):
    if host.release < "1.9":
        return formats.default_url_host(host.read("region_config"))
    default = "http://localhost:5240/MAAS"  # a whole URL, of which the script makes a broken one
    return formats.read_yaml(host.read("region_config")).get("maas_url", default)


def _set_region_url(host, given):
    if host.release >= "2.1":
        # A port that is there already is appended a second time.
        found = re.fullmatch(r"(?:[^:]*|\[[0-9a-fA-F:]*\])((?::[0-9]*)?)", given)
        given += (found and found[1]) or ":5240"
    try:
        url = formats.check_url(f"http://{given}/MAAS")
    except ValueError as error:
        raise ScriptFailed(f"CommandError: maas-url: {error}") from None
    host.edit_yaml("region_config", {"maas_url": url})


def _new_broker_passwords(host, address, workers_too):
    new = {formats.LONGPOLL_USER: password()}
    if workers_too:
        new[formats.WORKERS_USER] = password()
        new_url = new[formats.WORKERS_USER], address or "localhost"
        host.edit("celery_config", formats.set_broker_url, *new_url)
    with host.state("broker") as users:
        users.update(new)
    host.edit("region_config", formats.set_rabbitmq_password, new[formats.LONGPOLL_USER])
    host.edit("txlongpoll", formats.set_longpoll_password, new[formats.LONGPOLL_USER])


def _cluster(host, upgrade):
    release = host.release
    name = host.trait("cluster_packages")[0]
    if upgrade and release >= "1.9":
        return
    url = _answer(host, f"{name}/maas-url")
    if url:
        configure_cluster_url(host, url)
    if release < "1.9":
        _keep_uuid(host)
    secret = _answer(host, f"{name}/shared-secret")
    if secret:
        install_secret(host, secret)


def configure_cluster_url(host: Sandbox, url: str) -> None:
    """Point a cluster or rack at its region, as its package's script and MAAS's command do.

    Raises:
        ScriptFailed: The URL is none that MAAS takes.
    """
    if host.release >= "1.9":
        try:
            formats.check_url(url)
        except ValueError as error:
            raise ScriptFailed(str(error)) from None
        host.edit_yaml("cluster_config", {"maas_url": [url] if host.release >= "2.5" else url})
        return
    conf, pserv = host.read("cluster_config"), host.read("pserv")
    conf, pserv = _cluster_url(host.release, conf, pserv, url)
    host.write("cluster_config", conf)
    host.write("pserv", pserv)


def _cluster_url(release, conf, pserv, url):
    if release >= "1.7.1":
        return formats.configure_maas_url(conf, pserv, url)
    return formats.sed_cluster_url(conf, url), formats.sed_generator(pserv, url)


def _keep_uuid(host):
    """Make sure that a cluster has a uuid; one in the older file is taken over."""
    conf = host.read("cluster_config")
    if formats.cluster_uuid(conf):
        return
    old = formats.cluster_uuid(host.read("cluster_celery") or "")
    host.write("cluster_config", f'{conf}CLUSTER_UUID="{old or new_uuid()}"\n')


def install_secret(host: Sandbox, text: str) -> None:
    """Put a shared secret into its file, as the packages' scripts do.

    Raises:
        ScriptFailed: It is not hexadecimal.
    """
    try:
        value = bytes.fromhex(text.strip()).hex()
    except ValueError as error:
        raise ScriptFailed(f"Secret could not be decoded: {error}") from None
    host.write("secret", value, 0o640, MAAS, anew=True)


_SCRIPTS = {"region": _region, "cluster": _cluster}
