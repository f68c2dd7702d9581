"""Do a region's files, debconf, commands, broker and database say the same?"""

from __future__ import annotations

import json
import os
import stat
from typing import Any
from urllib.parse import urlsplit

from saltext.maas.client.profile import Profile
from saltext.maas.errors import MaasError
from saltext.maas.host import (
    broker,
    config_files,
    database,
    debconf,
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

AGAIN = "Run maas_region.configured, which makes all places consistent."
_UNREACHABLE = "No connection to the region's database"


def config(installation: Installation) -> dict[str, Any]:
    """Return all that a region is configured with, from wherever its release keeps it.

    Returns:
        As :func:`saltext.maas.host.config_files.read_config`, and besides ``release``, ``kind``,
        ``debconf_host``, ``shared_secret`` (1.7 and later), ``tls`` (3.2 and later) and
        ``vault`` (3.3 and later), which are None where they cannot be read.
        ``sources`` says for each where it comes from: a file, ``default``,
        ``debconf QUESTION``, ``database``, ``vault``, or ``unknown: REASON``.
        Passwords are asterisks.

    Raises:
        HostError: No region here, or a file is broken.
    """
    found = config_files.read_config(installation)
    sources = found["sources"]
    found.update(release=str(installation.release), kind=installation.kind)
    question = installation.fact("region_host_question")
    if question:
        found["debconf_host"] = _answer(installation, question)
        sources["debconf_host"] = f"debconf {question}"
    if installation.has("secret"):
        secret = shared_secret.status(installation)
        found["shared_secret"] = "installed" if secret["installed"] else "missing"
        there = [place for place, here in secret["places"].items() if here]
        leading = secret["leading"]
        sources["shared_secret"] = leading if leading in there else [*there, "default"][0]
    if installation.has("tls_command"):
        try:
            found["tls"], sources["tls"] = tls.status(installation), "database"
        except MaasError as error:
            found["tls"], sources["tls"] = None, f"unknown: {error}"
    if installation.has("vault_command"):
        found["vault"] = vault.config(installation)
        sources["vault"] = _file(installation) if found["vault"] else "default"
    return found


def _answer(installation, question):
    packages = installation.fact("region_packages")
    return debconf.show(installation, *packages).get(question, "")


def _file(installation):
    return installation.inside(installation.path("region_config"))


def unencrypted(installation: Installation, url: str | None = None) -> list[dict[str, Any]]:
    """Return the URLs of a region at which keys and passwords cross a network for all to read.

    Args:
        url: Another URL at which it is asked, if there is one.

    Returns:
        At most one finding, as :func:`check` has them.
    """
    places = {"configured": config_files.read_config(installation)["url"], "maas:api:url": url}
    open_places = {place: one for place, one in places.items() if one and Profile(one).unencrypted}
    if not open_places:
        return []
    https = "Let the region speak TLS (maas_region.tls_enabled)"
    if installation.release < "3.2":
        https = "Put a web server with TLS before the region"
    text = "API keys and passwords cross the network unencrypted."
    remedy = f"{https}, and name it as https:// with its CA in maas:api:ca_file."
    return [_finding("encryption", open_places, text, remedy, "warning")]


def check(installation: Installation) -> list[dict[str, Any]]:
    """Return where the places that hold a region's settings disagree, or hold a trap.

    Returns:
        ``[{"setting", "places": {place: value}, "status", "problem", "remedy"}]``, empty when
        all agree; the status is ``problem``, or ``warning`` for a trap that an upgrade or
        reconfigure would spring.  Secrets are asterisks.

    Raises:
        HostError: No region here, or a file is broken.

    MAAS 1.5 to 3.8.
    """
    installation.need("region")
    values, sources = config_files.values(installation)
    found = [
        *_unfinished(installation),
        *_files(installation),
        *_broker(installation, values),
        *_modes(installation),
        *_command(installation, values, sources),
        *_debconf(installation, values["url"]),
        *_database(installation, values["url"]),
    ]
    if installation.has("secret"):
        found += [
            _finding("shared_secret", {}, f"{one['problem']} {one['consequence']}", one["remedy"])
            for one in shared_secret.status(installation)["problems"]
            if not one["problem"].startswith(_UNREACHABLE)
        ]
    return found


def _finding(setting, places, problem, remedy, status="problem"):
    return {
        "setting": setting, "places": places, "status": status, "problem": problem,
        "remedy": remedy,
    }  # fmt: skip


def _unfinished(installation):
    remedy = "Run maas_region.configured, which finishes it."
    left = transaction.plan(installation, "region").values()
    return [_finding("files", {}, f"A run {one['old']}.", remedy) for one in left]


def _shown(setting, value):
    return HIDDEN if setting.secret and value else value


def _files(installation):
    found, table = [], available(installation)
    for name, places in config_files.read_all(installation).items():
        if len({str(value) for value, _ in places}) > 1:
            shown = {place: _shown(table[name], value) for value, place in places}
            text = f"{name} is not the same in {' and '.join(shown)}."
            found.append(_finding(name, shown, text, f"Give {name}. {AGAIN}"))
    return found


def _broker(installation, values):
    if "broker_host" not in values:
        return []
    found = []
    host, here = broker.workers_host(values), values["broker_workers_host"]
    if here != host:
        places = {"BROKER_URL": here, "expected": host}
        text = f"Clusters reach RabbitMQ at {here} by their configuration, not at {host}."
        found.append(_finding("broker_workers_host", places, text, f"Give the url. {AGAIN}"))
    for name, user in broker.USERS.items() if is_loopback(values["broker_host"]) else ():
        try:
            right = broker.accepts(installation, user, values[name])
        except HostError as error:
            return [*found, _finding(name, {}, str(error), "Start rabbitmq-server.")]
        if not right:
            text = f"RabbitMQ refuses its user {user} with the password in MAAS's files."
            found.append(_finding(name, {}, text, f"Give {name}. {AGAIN}"))
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
            text = f"{name} has the mode {mode:04o}: every user may read its passwords."
            found.append(_finding("files", {name: f"{mode:04o}"}, text, f"chmod 0640 {name}"))
    return found


def _command(installation, values, sources):
    """Where the release's own command, if it has one, reads other values than the file's."""
    argv = installation.fact("config_command")
    if not argv:
        return []
    table = available(installation)
    dumps = argv[-1] == "--json"
    # local_config_get prints only what it is asked for.
    options = [setting.option for setting in table.values() if setting.key] if dumps else []
    try:
        printed = installation.check([*argv, *options])
        theirs = json.loads(printed) if dumps else _parsable(printed)
    except (HostError, ValueError) as error:
        remedy = "Run that command by hand as root and look at what it prints."
        return [_finding("files", {}, f"{' '.join(argv[:2])}: {error}", remedy)]
    found, file = [], _file(installation)
    for name, setting in table.items():
        value = theirs.get(setting.key)
        if value is None or sources[name] != file or setting.normal(value) == values[name]:
            continue
        shown = [_shown(setting, one) for one in (values[name], setting.normal(value))]
        problem = f"{file} and {argv[0]} do not say the same about {name}."
        remedy = "Look for MAAS_REGION_CONFIG in the environment, and for another file."
        found.append(_finding(name, dict(zip((file, argv[0]), shown)), problem, remedy))
    return found


def _parsable(text):
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: None if value in ("None", "(hidden)") else value for key, _, value in pairs}


def _debconf(installation, url):
    question = installation.fact("region_host_question")
    if not question:
        return []
    answer = _answer(installation, question)
    would_be = debconf.url_from_host(installation, answer)
    places = {_file(installation): url, f"debconf {question}": answer}
    problem = debconf.trap(installation, answer)
    if not problem and would_be == url.rstrip("/"):
        return []
    if not problem and debconf.region_host(url) == answer:
        if debconf.edit_skips(installation, url):
            return []
        when = debconf.when_rewritten(installation)
        remedy = f"Use the URL {would_be}, or run maas_region.configured after every {when}."
        text = f"The next {when} makes the URL {would_be}."
        return [_finding("url", places, text, remedy, "warning")]
    problem = problem or f"debconf would make the URL {would_be} of its answer, but it is {url}."
    return [_finding("url", places, problem, f"Give the url. {AGAIN}")]


def _database(installation, url):
    try:
        with database.connection(installation, timeout=5) as conn:
            enabled = installation.has("vault_command") and database.vault_enabled(conn)
            port = database.setting(conn, "tls_port") if installation.has("tls_command") else None
    except database.DriverMissing:
        return []
    except database.DatabaseError as error:
        remedy = "Give the right database_host, _port, _name, _user or _password, or start it."
        return [_finding("database", {}, str(error), remedy)]
    found = []
    if enabled and not vault.config(installation):
        text = "The region's secrets are in Vault, but this host does not know how to reach it."
        found.append(_finding("vault", {}, text, "Configure it with maas_region.vault_configured."))
    if port and urlsplit(url).scheme != "https":  # else something in front may speak TLS too
        good = f"https://{debconf.region_host(url)}:{port}/MAAS"
        text = f"TLS is on at port {port}, but the region's URL is {url}."
        places = {"database": port, _file(installation): url}
        remedy = f"Configure the url {good}, or switch TLS off."
        found.append(_finding("tls", places, text, remedy))
    return found
