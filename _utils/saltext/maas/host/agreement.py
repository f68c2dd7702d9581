"""Do a region's files, debconf, commands, broker and database say the same?"""

from __future__ import annotations

import json
import os
import stat
from urllib.parse import urlsplit

from saltext.maas.client.profile import Profile
from saltext.maas.client.redact import HIDDEN
from saltext.maas.host import (
    broker,
    debconf,
    documents,
    region,
    shared_secret,
    tls,
    transaction,
    urls,
    vault,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.settings import available
from saltext.maas.host.surface import Surface

_AGAIN = "Run maas_region.configured, which brings all places into agreement."


def config(surface: Surface) -> dict:
    """All that a region is configured with, from wherever its release keeps it.

    Args:
        surface: The host.

    Returns:
        As :func:`saltext.maas.host.region.read_config`, and besides ``release``, ``kind``,
        ``debconf_host``, ``shared_secret`` (1.7 and later), ``tls`` (3.2 and later) and
        ``vault`` (3.3 and later), which are None where they cannot be told.
        ``sources`` says for each where it comes from: a file, ``default``,
        ``debconf QUESTION``, ``database``, ``vault``, or ``unknown: REASON``.
        Passwords are asterisks.

    Raises:
        HostError: No region here, or a file is broken.
    """
    told = region.read_config(surface)
    sources = told["sources"]
    told.update(release=str(surface.release), kind=surface.kind)
    question = surface.fact("region_host_question")
    if question:
        answers = debconf.show(surface, *surface.fact("region_packages"))
        told["debconf_host"] = answers.get(question, "")
        sources["debconf_host"] = f"debconf {question}"
    if surface.has("secret"):
        found = shared_secret.status(surface)
        told["shared_secret"] = "installed" if found["installed"] else "missing"
        there = [place for place, here in found["places"].items() if here]
        sources["shared_secret"] = (
            found["leading"] if found["leading"] in there else (there[0] if there else "default")
        )
    if surface.has("tls_command"):
        told["tls"], sources["tls"] = _told(lambda: tls.status(surface), "database")
    if surface.has("vault_command"):
        path = surface.inside(surface.path("region_config"))
        told["vault"] = vault.config(surface)
        sources["vault"] = path if told["vault"] else "default"
    return told


def _told(ask, source):
    from saltext.maas.client.errors import MaasError

    try:
        return ask(), source
    except MaasError as error:
        return None, f"unknown: {error}"


def unencrypted(surface: Surface, url: str | None = None) -> list[dict]:
    """The URLs of a region at which keys and passwords cross a network for all to read.

    Args:
        surface: The region's host.
        url: Another URL at which it is asked, if there is one.

    Returns:
        At most one finding, as :func:`check` has them.
    """
    places = {"configured": region.read_config(surface)["url"], "maas:api:url": url}
    places = {place: one for place, one in places.items() if one and Profile(one).unencrypted}
    if not places:
        return []
    https = "Let the region speak TLS (maas_region.tls_enabled)"
    if surface.release < "3.2":
        https = "Put a web server with TLS before the region"
    return [
        _finding(
            "encryption", places,
            "API keys and passwords cross the network unencrypted.",
            f"{https}, and name it as https:// with its CA in maas:api:ca_file.", "warning",
        )
    ]  # fmt: skip


def check(surface: Surface) -> list[dict]:
    """Where the places that hold a region's settings disagree, or hold a trap.

    Args:
        surface: The host.

    Returns:
        ``[{"setting", "places": {place: value}, "status", "problem", "remedy"}]``, empty when
        all agree; the status is ``problem``, or ``warning`` for a trap that an upgrade or
        reconfigure would spring.  Secrets are asterisks.

    Raises:
        HostError: No region here, or a file is broken.

    MAAS 1.5 to 3.7.
    """
    surface.need("region")
    found = [
        *_unfinished(surface),
        *_files(surface),
        *_broker(surface),
        *_modes(surface),
        *_command(surface),
        *_debconf(surface),
        *_database(surface),
    ]
    if surface.has("secret"):
        found += [
            _finding("shared_secret", {}, f"{one['problem']} {one['consequence']}", one["remedy"])
            for one in shared_secret.status(surface)["problems"]
            if not one["problem"].startswith(_UNREACHABLE)
        ]
    return found


_UNREACHABLE = "No connection to the region's database"


def _finding(setting, places, problem, remedy, status="problem"):
    return {
        "setting": setting, "places": places, "status": status, "problem": problem,
        "remedy": remedy,
    }  # fmt: skip


def _unfinished(surface):
    left = transaction.plan(surface, "region")
    return [
        _finding(
            "files", {}, f"A run {one['old']}.", "Run maas_region.configured, which finishes it."
        )
        for one in left.values()
    ]


def _shown(setting, value):
    return HIDDEN if setting.secret and value else value


def _files(surface):
    found, table = [], available(surface)
    for name, places in documents.read_all(surface).items():
        if len({str(value) for value, _ in places}) > 1:
            shown = {place: _shown(table[name], value) for value, place in places}
            told = f"{name} is not the same in {' and '.join(shown)}."
            found.append(_finding(name, shown, told, f"Give {name}. {_AGAIN}"))
    return found


def _broker(surface):
    if "broker_host" not in available(surface):
        return []
    values = region.read_config(surface, secrets=True)
    here, url = values["broker"], values["url"]
    found = []
    host = urlsplit(url).hostname if urls.loopback(here["host"]) else here["host"]
    if here["workers_host"] != host:
        found.append(
            _finding(
                "broker_workers_host",
                {"BROKER_URL": here["workers_host"], "expected": host},
                f"Clusters are told to reach RabbitMQ at {here['workers_host']}, not at {host}.",
                f"Give the url. {_AGAIN}",
            )
        )
    if not urls.loopback(here["host"]):
        return found
    for name, user in broker.USERS.items():
        try:
            right = broker.accepts(surface, user, here[name[len("broker_") :]])
        except HostError as error:
            return [*found, _finding(name, {}, str(error), "Start rabbitmq-server.")]
        if not right:
            told = f"RabbitMQ refuses its user {user} with the password in MAAS's files."
            found.append(_finding(name, {}, told, f"Give {name}. {_AGAIN}"))
    return found


def _modes(surface):
    found = []
    for one in documents.documents(surface):
        path = surface.path(one.place)
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
        except OSError:
            continue
        if mode & 0o007:
            name = surface.inside(path)
            told = f"{name} has the mode {mode:04o}: every user may read its passwords."
            found.append(_finding("files", {name: f"{mode:04o}"}, told, f"chmod 0640 {name}"))
    return found


def _command(surface):
    """What the release's own command says, where there is one."""
    argv = surface.fact("config_command")
    if not argv:
        return []
    table = available(surface)
    dumps = argv[-1] == "--json"
    # local_config_get prints only what it is asked for.
    options = [setting.option for setting in table.values() if setting.key] if dumps else []
    try:
        told = surface.check([*argv, *options])
        theirs = json.loads(told) if dumps else _parsable(told)
    except (HostError, ValueError) as error:
        remedy = "Run that command by hand as root and look at what it says."
        return [_finding("files", {}, f"{' '.join(argv[:2])}: {error}", remedy)]
    found, file = [], surface.inside(surface.path("region_config"))
    values, sources = region.values(surface)
    for name, setting in table.items():
        if setting.key not in theirs or sources[name] != file or theirs[setting.key] is None:
            continue
        shown = setting.normal(theirs[setting.key])
        if shown != values[name]:
            places = {file: _shown(setting, values[name]), argv[0]: _shown(setting, shown)}
            problem = f"{file} and {argv[0]} do not say the same about {name}."
            remedy = "Look for MAAS_REGION_CONFIG in the environment, and for another file."
            found.append(_finding(name, places, problem, remedy))
    return found


def _parsable(text):
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: None if value in ("None", "(hidden)") else value for key, _, value in pairs}


def _debconf(surface):
    question = surface.fact("region_host_question")
    if not question:
        return []
    values, _ = region.values(surface)
    url, file = values["url"], surface.inside(surface.path("region_config"))
    answer = debconf.show(surface, *surface.fact("region_packages")).get(question, "")
    trap = debconf.trap(surface, answer)
    places = {file: url, f"debconf {question}": answer}
    if trap:
        return [_finding("url", places, trap, f"Give the url. {_AGAIN}")]
    would_be = debconf.url_from_host(surface, answer)
    if would_be == url.rstrip("/"):
        return []
    if debconf.region_host(url) == answer:
        if debconf.edit_skips(surface, url):
            return []
        when = debconf.when_rewritten(surface)
        remedy = f"Use the URL {would_be}, or run maas_region.configured after every {when}."
        told = f"The next {when} makes the URL {would_be}."
        return [_finding("url", places, told, remedy, "warning")]
    told = f"debconf would make the URL {would_be} of its answer, but it is {url}."
    return [_finding("url", places, told, f"Give the url. {_AGAIN}")]


def _database(surface):
    from saltext.maas import database

    try:
        with database.connection(surface, timeout=5) as conn:
            enabled = surface.has("vault_command") and database.vault_enabled(conn)
    except database.DriverMissing:
        return []
    except database.DatabaseError as error:
        remedy = "Give the right database_host, _port, _name, _user or _password, or start it."
        return [_finding("database", {}, str(error), remedy)]
    found = []
    if enabled and not vault.config(surface):
        told = "The region's secrets are in Vault, but this host does not know how to reach it."
        found.append(_finding("vault", {}, told, "Configure it with maas_region.vault_configured."))
    return [*found, *_tls(surface)]


def _tls(surface):
    if not surface.has("tls_command"):
        return []
    values, _ = region.values(surface)
    now, _ = _told(lambda: tls.status(surface), "database")
    parts = urlsplit(values["url"])
    if not now or not now["enabled"] or (parts.scheme == "https" and parts.port == now["port"]):
        return []
    if parts.scheme == "https":  # behind something else that speaks TLS
        return []
    good = f"https://{debconf.region_host(values['url'])}:{now['port']}/MAAS"
    told = f"TLS is on at port {now['port']}, but the region's URL is {values['url']}."
    places = {"database": now["port"], surface.inside(surface.path("region_config")): values["url"]}
    return [_finding("tls", places, told, f"Configure the url {good}, or switch TLS off.")]
