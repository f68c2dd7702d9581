"""The examination of a region controller."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from saltext.maas import site_manager
from saltext.maas.doctor import checks, findings, upgrade_checks
from saltext.maas.doctor.findings import Finding
from saltext.maas.host import backup, config_files, consistency, database, msm, openfga, vault
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release

_OLD_BACKUP = 8  # days, for those who make one a week


#: Connections that MAAS's documentation counts on for each worker of a region, and its workers.
_PER_WORKER, _WORKERS = 11, 4


def examine(
    installation: Installation,
    url: str | None = None,
    ca_file: str | None = None,
    api_url: str | None = None,
    described: dict | None = None,
    upgrade_to: Release | None = None,
) -> dict[str, Any]:
    """Check all that a region needs, without changing anything.

    Args:
        installation: The host.
        url: What the pillar says that the region URL is, if it does.
        ca_file: CA for an https URL.
        api_url: The URL at which this minion asks the API, if the pillar names one.
        described: The mapping under ``maas`` of the pillar.
        upgrade_to: A later release, to check besides what would stop an upgrade to it.

    Returns:
        See :func:`saltext.maas.doctor.findings.run`.

    Raises:
        HostError: No region here, or its file is broken.

    MAAS 1.5 to 3.8.
    """
    installation.need("region")
    here = config_files.read_config(installation)["url"]
    found: list[tuple[str, Callable]] = [
        *checks.release(installation),
        ("region URL", partial(checks.region_url, installation, here, ca_file)),
        ("name resolution", partial(checks.name_resolution, here, True)),
        ("consistency", partial(_consistency, installation, here, url)),
        ("encryption", partial(_encryption, installation, api_url)),
        ("database", partial(_database, installation)),
        ("shared secret", partial(checks.secret, installation)),
        ("ports", partial(checks.listeners, installation, "region")),
    ]
    if made := backup.last(installation):
        found.append(("backup", partial(_backup, made)))
    if installation.has("msm_command"):
        found.append(("Site Manager", partial(_site_manager, installation, described or {})))
    if installation.release >= "3.8":
        own_preseeds = partial(upgrade_checks.own_preseeds, installation, installation.release)
        found += [("permissions", partial(_openfga, installation)), ("preseeds", own_preseeds)]
    if upgrade_to:
        found += upgrade_checks.checks(installation, upgrade_to)
    return findings.run(found)


def _consistency(installation, here, desired):
    found = [
        Finding(f"{one['setting']} in all places", one["status"], one["problem"], one["remedy"])
        for one in consistency.check(installation)
        if one["setting"] != "database"  # has a check of its own
    ]
    if desired and desired.rstrip("/") != here.rstrip("/"):
        text = f"It is {here}, but the pillar says {desired}."
        found += findings.problem(text, consistency.AGAIN, "url in all places")
    return found or findings.ok("Config files, debconf, commands and database say the same.")


def _encryption(installation, api_url):
    for one in consistency.unencrypted(installation, api_url):
        return findings.warning(one["problem"], one["remedy"])
    return findings.ok("The region is asked over TLS, or on this host only.")


def _database(installation):
    try:
        with database.connection(installation, timeout=5) as conn:
            version, theirs = database.version(conn), database.clock(conn)
            missing = database.missing_rights(conn, installation)
            used = database.connections_used(conn)
    except database.DatabaseError as error:
        return findings.problem(
            str(error),
            "Check host, port, name, user and password in the region's configuration, "
            "PostgreSQL's pg_hba.conf and listen_addresses, and that it runs.",
        )
    ahead = time.time() - theirs
    return [
        *_version(installation, version),
        *(Finding("database's rights", "warning", *pair) for pair in missing),
        *_connections(installation, used),
        *checks.clock(ahead, "database's", "database's clock"),
    ]


def _connections(installation, used):
    """Whether PostgreSQL takes as many connections as the region hosts that run may open."""
    settings, _ = config_files.values(installation)
    each = _PER_WORKER * settings.get("num_workers", _WORKERS)
    needed = used["regions"] * each
    if needed <= used["most"]:
        return []
    return findings.warning(
        f"{used['regions']} region hosts may open {each} connections each, and PostgreSQL takes "
        f"{used['most']} besides those of superusers; {used['now']} are open.",
        f"Set max_connections of PostgreSQL to {needed + 10} or more, or num_workers lower.",
        "database's connections",
    )


def _version(installation, version):
    release = installation.release
    oldest, good = (installation.fact(f"postgresql_{name}") for name in ("oldest", "good"))
    text = f"PostgreSQL {version:g} answers; MAAS {release} needs {oldest:g} or later."
    if version < oldest:
        return findings.problem(text, f"Upgrade PostgreSQL to {good:g} or later.")
    if version < good:
        return findings.warning(
            f"{text} It warns that support for {version:g} ends soon.",
            f"Upgrade PostgreSQL to {good:g} or later before MAAS.",
        )
    return findings.ok(text)


def _backup(made):
    days = max(0.0, time.time() - made["made"]) / 86400
    text = f"The last good backup, {made['name']} in {made['folder']}, is {days:.1f} days old."
    if days > _OLD_BACKUP:
        return findings.warning(text, "See why none was made since (salt-run maas.backup).")
    return findings.ok(text)


def _openfga(installation):
    settings, _ = config_files.values(installation)
    obstacles = openfga.obstacles(installation, settings, bool(vault.config(installation)))
    reason = openfga.failure(installation)
    if reason is None:
        return [
            *findings.ok("maas-openfga answers."),
            *(Finding("", "warning", *pair) for pair in obstacles),
        ]
    text = f"maas-openfga does not answer ({reason}), so that MAAS refuses most requests."
    remedy = "Start it, and check its log."
    return findings.problem(
        text, " ".join([remedy, *(part for pair in obstacles for part in pair)])
    )


def _site_manager(installation, described):
    now = msm.status(installation)
    parts = site_manager.owned(described, installation.release)
    if now.state != "connected" or not parts:
        return findings.ok(now.text())
    return findings.warning(
        f"{now.text()} It writes {' and '.join(parts)} as well.",
        "Describe them in one of the two only, or end the enrolment (maas_msm.withdrawn).",
    )
