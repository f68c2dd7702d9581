"""Do a region's files, debconf, commands, broker and database say the same?"""

from __future__ import annotations

import json
import os
import stat
from urllib.parse import urlsplit

from saltext.maas.client.profile import Profile
from saltext.maas.errors import MaasError
from saltext.maas.host import (
    broker,
    config_files,
    database,
    debconf,
    region_config,
    shared_secret,
    tls,
    transaction,
    vault,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import available
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN
from saltext.maas.region_url import is_loopback

_AGAIN = "Run maas_region.configured, which brings all places into agreement."


def config(installation: Installation) -> dict:
    """All that a region is configured with, from wherever its release keeps it.

    Args:
        installation: The host.

    Returns:
        As :func:`saltext.maas.host.region_config.read_config`, and besides ``release``, ``kind``,
        ``debconf_host``, ``shared_secret`` (1.7 and later), ``tls`` (3.2 and later) and
        ``vault`` (3.3 and later), which are None where they cannot be told.
        ``sources`` says for each where it comes from: a file, ``default``,
        ``debconf QUESTION``, ``database``, ``vault``, or ``unknown: REASON``.
        Passwords are asterisks.

    Raises:
        HostError: No region here, or a file is broken.
    """
    told = region_config.read_config(installation)
    sources = told["sources"]
    told.update(release=str(installation.release), kind=installation.kind)
    question = installation.fact("region_host_question")
    if question:
        answers = debconf.show(installation, *installation.fact("region_packages"))
        told["debconf_host"] = answers.get(question, "")
        sources["debconf_host"] = f"debconf {question}"
    if installation.has("secret"):
        found = shared_secret.status(installation)
        told["shared_secret"] = "installed" if found["installed"] else "missing"
        there = [place for place, here in found["places"].items() if here]
        sources["shared_secret"] = (
            found["leading"] if found["leading"] in there else (there[0] if there else "default")
        )
    if installation.has("tls_command"):
        told["tls"], sources["tls"] = _told(lambda: tls.status(installation), "database")
    if installation.has("vault_command"):
        path = installation.inside(installation.path("region_config"))
        told["vault"] = vault.config(installation)
        sources["vault"] = path if told["vault"] else "default"
    return told


def _told(ask, source):
    try:
        return ask(), source
    except MaasError as error:
        return None, f"unknown: {error}"


def unencrypted(installation: Installation, url: str | None = None) -> list[dict]:
    """The URLs of a region at which keys and passwords cross a network for all to read.

    Args:
        installation: The region's host.
        url: Another URL at which it is asked, if there is one.

    Returns:
        At most one finding, as :func:`check` has them.
    """
    places = {"configured": region_config.read_config(installation)["url"], "maas:api:url": url}
    places = {place: one for place, one in places.items() if one and Profile(one).unencrypted}
    if not places:
        return []
    https = "Let the region speak TLS (maas_region.tls_enabled)"
    if installation.release < "3.2":
        https = "Put a web server with TLS before the region"
    return [
        _finding(
            "encryption", places,
            "API keys and passwords cross the network unencrypted.",
            f"{https}, and name it as https:// with its CA in maas:api:ca_file.", "warning",
        )
    ]  # fmt: skip


def check(installation: Installation) -> list[dict]:
    """Where the places that hold a region's settings disagree, or hold a trap.

    Args:
        installation: The host.

    Returns:
        ``[{"setting", "places": {place: value}, "status", "problem", "remedy"}]``, empty when
        all agree; the status is ``problem``, or ``warning`` for a trap that an upgrade or
        reconfigure would spring.  Secrets are asterisks.

    Raises:
        HostError: No region here, or a file is broken.

    MAAS 1.5 to 3.7.
    """
    installation.need("region")
    found = [
        *_unfinished(installation),
        *_files(installation),
        *_broker(installation),
        *_modes(installation),
        *_command(installation),
        *_debconf(installation),
        *_database(installation),
    ]
    if installation.has("secret"):
        found += [
            _finding("shared_secret", {}, f"{one['problem']} {one['consequence']}", one["remedy"])
            for one in shared_secret.status(installation)["problems"]
            if not one["problem"].startswith(_UNREACHABLE)
        ]
    return found


_UNREACHABLE = "No connection to the region's database"


def _finding(setting, places, problem, remedy, status="problem"):
    return {
        "setting": setting, "places": places, "status": status, "problem": problem,
        "remedy": remedy,
    }  # fmt: skip


def _unfinished(installation):
    left = transaction.plan(installation, "region")
    return [
        _finding(
            "files", {}, f"A run {one['old']}.", "Run maas_region.configured, which finishes it."
        )
        for one in left.values()
    ]


def _shown(setting, value):
    return HIDDEN if setting.secret and value else value


def _files(installation):
    found, table = [], available(installation)
    for name, places in config_files.read_all(installation).items():
        if len({str(value) for value, _ in places}) > 1:
            shown = {place: _shown(table[name], value) for value, place in places}
            told = f"{name} is not the same in {' and '.join(shown)}."
            found.append(_finding(name, shown, told, f"Give {name}. {_AGAIN}"))
    return found


def _broker(installation):
    if "broker_host" not in available(installation):
        return []
    values = region_config.read_config(installation, secrets=True)
    here, url = values["broker"], values["url"]
    found = []
    host = urlsplit(url).hostname if is_loopback(here["host"]) else here["host"]
    if here["workers_host"] != host:
        found.append(
            _finding(
                "broker_workers_host",
                {"BROKER_URL": here["workers_host"], "expected": host},
                f"Clusters are told to reach RabbitMQ at {here['workers_host']}, not at {host}.",
                f"Give the url. {_AGAIN}",
            )
        )
    if not is_loopback(here["host"]):
        return found
    for name, user in broker.USERS.items():
        try:
            right = broker.accepts(installation, user, here[name[len("broker_") :]])
        except HostError as error:
            return [*found, _finding(name, {}, str(error), "Start rabbitmq-server.")]
        if not right:
            told = f"RabbitMQ refuses its user {user} with the password in MAAS's files."
            found.append(_finding(name, {}, told, f"Give {name}. {_AGAIN}"))
    return found


def _modes(installation):
    found = []
    for one in config_files.config_files(installation):
        path = installation.path(one.place)
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
        except OSError:
            continue
        if mode & 0o007:
            name = installation.inside(path)
            told = f"{name} has the mode {mode:04o}: every user may read its passwords."
            found.append(_finding("files", {name: f"{mode:04o}"}, told, f"chmod 0640 {name}"))
    return found


def _command(installation):
    """What the release's own command says, where there is one."""
    argv = installation.fact("config_command")
    if not argv:
        return []
    table = available(installation)
    dumps = argv[-1] == "--json"
    # local_config_get prints only what it is asked for.
    options = [setting.option for setting in table.values() if setting.key] if dumps else []
    try:
        told = installation.check([*argv, *options])
        theirs = json.loads(told) if dumps else _parsable(told)
    except (HostError, ValueError) as error:
        remedy = "Run that command by hand as root and look at what it says."
        return [_finding("files", {}, f"{' '.join(argv[:2])}: {error}", remedy)]
    found, file = [], installation.inside(installation.path("region_config"))
    values, sources = region_config.values(installation)
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


def _debconf(installation):
    question = installation.fact("region_host_question")
    if not question:
        return []
    values, _ = region_config.values(installation)
    url, file = values["url"], installation.inside(installation.path("region_config"))
    answer = debconf.show(installation, *installation.fact("region_packages")).get(question, "")
    trap = debconf.trap(installation, answer)
    places = {file: url, f"debconf {question}": answer}
    if trap:
        return [_finding("url", places, trap, f"Give the url. {_AGAIN}")]
    would_be = debconf.url_from_host(installation, answer)
    if would_be == url.rstrip("/"):
        return []
    if debconf.region_host(url) == answer:
        if debconf.edit_skips(installation, url):
            return []
        when = debconf.when_rewritten(installation)
        remedy = f"Use the URL {would_be}, or run maas_region.configured after every {when}."
        told = f"The next {when} makes the URL {would_be}."
        return [_finding("url", places, told, remedy, "warning")]
    told = f"debconf would make the URL {would_be} of its answer, but it is {url}."
    return [_finding("url", places, told, f"Give the url. {_AGAIN}")]


def _database(installation):
    try:
        with database.connection(installation, timeout=5) as conn:
            enabled = installation.has("vault_command") and database.vault_enabled(conn)
    except database.DriverMissing:
        return []
    except database.DatabaseError as error:
        remedy = "Give the right database_host, _port, _name, _user or _password, or start it."
        return [_finding("database", {}, str(error), remedy)]
    found = []
    if enabled and not vault.config(installation):
        told = "The region's secrets are in Vault, but this host does not know how to reach it."
        found.append(_finding("vault", {}, told, "Configure it with maas_region.vault_configured."))
    return [*found, *_tls(installation)]


def _tls(installation):
    if not installation.has("tls_command"):
        return []
    values, _ = region_config.values(installation)
    now, _ = _told(lambda: tls.status(installation), "database")
    parts = urlsplit(values["url"])
    if not now or not now["enabled"] or (parts.scheme == "https" and parts.port == now["port"]):
        return []
    if parts.scheme == "https":  # behind something else that speaks TLS
        return []
    good = f"https://{debconf.region_host(values['url'])}:{now['port']}/MAAS"
    told = f"TLS is on at port {now['port']}, but the region's URL is {values['url']}."
    places = {
        "database": now["port"],
        installation.inside(installation.path("region_config")): values["url"],
    }
    return [_finding("tls", places, told, f"Configure the url {good}, or switch TLS off.")]
