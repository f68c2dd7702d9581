"""From one release of MAAS to another on a sandbox host: what packages and snap carry over.

As their scripts do it, losses included: 1.9 takes the host alone of the region's URL, and looks for
the database on its own host.
"""

from __future__ import annotations

import json
import os
import re
import shutil

from maas_emulator.hosts import formats, layout, migrations, packages
from maas_emulator.hosts.sandbox import Sandbox, exact, launcher, launchers

_YAML_SINCE = "1.9"


class Refused(Exception):
    """The release cannot be installed over the one that is."""


def to_release(host: Sandbox, release: str) -> None:
    """Bring a host to a release, with all that its packages or its snap do for it.

    Args:
        host: The sandbox.
        release: A release line such as ``3.8``.

    Raises:
        Refused: The snap's epoch does not allow it.
    """
    before = host.release
    there = exact(release)
    if str(before) == there:
        return
    old = _read_all(host)
    _refuse_epoch(host, there)
    plain = {path: host.read(path) for path in migrations.files(host)}
    running = [name for name in host.service_names() if host.service(name)["running"]]
    places = {name: path for name, (path, _, _) in host.files().items()}
    _become(host, there)
    _place_commands(host)
    if any(plain.values()):
        for path, text in migrations.files(host).items():
            host.write(path, text)
    _carry_over(host, before, old, places)
    if host.kind == "deb":
        _after_packages(host, before)
    else:
        _after_refresh(host)
    for name in running:
        if name not in host.service_names():
            with host.state("services") as services:
                services.pop(name, None)


def _read_all(host):
    names = ("region_config", "cluster_config", "pserv", "cluster_celery", "secret", "maas_id")
    files = host.files()
    return {name: host.read(name) for name in names if name in files}


def _refuse_epoch(host, there):
    if host.kind != "snap":
        return
    old = host.trait("epoch")
    new = layout.of_release(layout.TRAITS["snap"], _release(there))["epoch"]
    starred = not "3.2" <= _release(there) < "3.5"
    if old != new and not (starred and old == new - 1):
        raise Refused(
            f'cannot refresh "maas" to new revision with epoch {new}, because it cannot read the '
            f"current epoch of {old}"
        )


def _release(text):
    from maas_emulator.release import Release

    return Release(text)


def _become(host, there):
    info = host.info
    host.write("emulator.json", json.dumps({**info, "release": there}, indent=1))


def _place_commands(host):
    for path, text in launchers(host).items():
        if host.read(path) is None:
            host.write(path, text, 0o755)


def _carry_over(host, before, old, places):
    release = host.release
    if "region" in host.roles and before < _YAML_SINCE <= release:
        _new_region_file(host, old["region_config"], places["region_config"])
    if host.kind == "deb" and "cluster" in host.roles:
        if before < _YAML_SINCE <= release:
            _new_cluster_file(host, old, places)
        elif before < "2.0" <= release:
            host.write("cluster_config", old["cluster_config"], *host.files()["cluster_config"][1:])
            os.unlink(host.path(places["cluster_config"]))
    for name in ("secret", "maas_id"):  # the snap's data moved in 2.8
        if old.get(name) and host.read(name) is None:
            host.write(name, old[name], *host.files()[name][1:])


def _new_region_file(host, text, path):
    settings = formats.read_settings(text)
    database = settings["DATABASES"]["default"]
    address = settings["DEFAULT_MAAS_URL"].split("/")[2]
    keys = {
        "maas_url": f"http://{address}/MAAS",
        "database_host": "localhost",
        "database_name": database["NAME"],
        "database_user": database["USER"],
        "database_pass": database["PASSWORD"],
    }
    host.write("region_config", formats.write_yaml(keys), *host.files()["region_config"][1:])
    os.replace(host.path(path), host.path(path) + ".maas-old")


def _new_cluster_file(host, old, places):
    conf = old["cluster_config"]
    url = re.search(r'^MAAS_URL="?([^"\n]*)', conf, re.MULTILINE)
    keys = {"maas_url": url and url[1], "cluster_uuid": formats.cluster_uuid(conf)}
    text = formats.write_yaml({key: value for key, value in keys.items() if value})
    host.write("cluster_config", text, *host.files()["cluster_config"][1:])
    for name in ("cluster_config", "pserv"):
        path = host.path(places[name])
        if os.path.exists(path):
            os.replace(path, f"{path}.maas-old")


def _after_packages(host, before):
    known = host.peek("debconf")
    with host.state("debconf") as store:
        for role in host.roles:
            for question, (package, kind) in host.questions(role).items():
                if question not in known:
                    store[question] = {"type": kind, "value": "", "owner": package}
    installed = packages.installed(host)
    host.write("var/lib/dpkg/status", packages.dpkg_status(host, installed))
    if "region" in host.roles and host.release < _YAML_SINCE:
        packages.upgrade(host)
    wanted = host.peek("debconf").get("maas-region-controller/dbconfig-install", {}).get("value")
    whole = "maas-region-controller" in installed
    whole = whole and (wanted != "false" or host.release >= "2.0")
    if "region" in host.roles and whole:
        _migrate(host)
    for role in host.roles:
        for name in host.trait(f"{role}_started"):
            host.set_service(name, running=True)


def _migrate(host):
    from maas_emulator.hosts import commands

    tool, release = host.trait("region_tools")[0], host.release
    if release >= "1.10":
        commands.main([host.root, tool, "dbupgrade"])
        return
    for words in (["syncdb"], ["migrate", "maasserver"], ["migrate", "metadataserver"]):
        commands.main([host.root, tool, *words, "--noinput"])


def _after_refresh(host):
    from maas_emulator.hosts import commands

    version = f"name: maas\nversion: {host.release}-1-g.0000000\n"
    version += f"base: {host.trait('base')}\nepoch: {host.trait('epoch')}\n"
    host.write("snap/maas/current/meta/snap.yaml", version)
    if "region" in host.roles:  # its hook
        commands.main([host.root, "maas", "migrate"])
    host.set_service("maas", running=True)


# From packages to the snap


def install_snap(host: Sandbox, channel: str) -> None:
    """Do what ``snap install maas`` does where packages are: its folders, and no mode."""
    there = exact(channel.partition("/")[0])
    version = f"name: maas\nversion: {there}-1-g.0000000\n"
    host.write("snap/maas/current/meta/snap.yaml", version)
    host.write("var/snap/maas/common/snap_mode", "none")
    for folder in ("image-storage", "tftp_root"):
        os.makedirs(host.path(f"var/snap/maas/common/maas/{folder}"), exist_ok=True)
    path = "snap/maas/current/bin/maas-deb-migrate"
    host.write(path, launcher(host.root, "maas-deb-migrate"), 0o755)
    host.set_service("maas", running=True)


def deb_migrate(host: Sandbox) -> None:
    """Do what the snap's ``maas-deb-migrate`` does: it can be run again."""
    mode = "+".join(role.replace("cluster", "rack") for role in host.roles)
    host.write("var/snap/maas/common/snap_mode", mode)
    for name in ("regiond.conf", "rackd.conf"):
        text = host.read(f"etc/maas/{name}")
        if text is not None:
            host.write(f"var/snap/maas/current/{name}", text, 0o640)
    data, there = host.path("var/lib/maas"), host.path("var/snap/maas/common/maas")
    if os.path.isdir(data):
        if os.path.isdir(there):  # as mv does
            there = os.path.join(there, "maas")
        os.rename(data, there)
    shutil.rmtree(host.path("etc/maas"), ignore_errors=True)


def remove_packages(host: Sandbox) -> None:
    """Remove MAAS's packages; what is left is the snap."""
    for path in launchers(host):
        if "maas" in os.path.basename(path):
            os.unlink(host.path(path))
    host.write("var/lib/dpkg/status", "")
    host.write("emulator.json", json.dumps({**host.info, "kind": "snap"}, indent=1))
    _place_commands(host)
