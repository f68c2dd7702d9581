"""The examination of a region controller."""

from __future__ import annotations

import functools
import time

from saltext.maas.doctor import checks, findings
from saltext.maas.host import consistency, database, region_config

#: First PostgreSQL that a release runs with, and the first that it does not complain about.
_OLDEST = (("1.5", 9.1), ("3.3", 12))
_GOOD = (("1.5", 9.1), ("3.3", 14), ("3.6", 16))


def examine(installation, url=None, ca_file=None, api_url=None) -> dict:
    """Look at all that a region needs, without changing anything.

    Args:
        installation: The host.
        url: What the pillar says that the region URL is, if it does.
        ca_file: CA for an https URL.
        api_url: The URL at which this minion asks the API, if the pillar names one.

    Returns:
        See :func:`saltext.maas.doctor.findings.run`.

    Raises:
        HostError: No region here, or its file is broken.

    MAAS 1.5 to 3.7.
    """
    installation.need("region")
    here = region_config.read_config(installation)["url"]
    return findings.run(
        [
            ("region URL", functools.partial(checks.region_url, installation, here, ca_file)),
            ("name resolution", functools.partial(checks.name_resolution, here, True)),
            ("agreement", functools.partial(_agreement, installation, here, url)),
            ("encryption", functools.partial(_encryption, installation, api_url)),
            ("database", functools.partial(_database, installation)),
            ("shared secret", functools.partial(checks.secret, installation)),
            ("ports", functools.partial(checks.listeners, installation, "region")),
        ]
    )


def _agreement(installation, here, desired):
    found = [
        findings.Finding(
            f"{one['setting']} in all places", one["status"], one["problem"], one["remedy"]
        )
        for one in consistency.check(installation)
        if one["setting"] != "database"  # has a check of its own
    ]
    if desired and desired.rstrip("/") != here.rstrip("/"):
        told = f"It is {here}, but the pillar says {desired}."
        remedy = "Run maas_region.configured, which brings all places into agreement."
        found.append(findings.problem("url in all places", told, remedy))
    return found or [
        findings.ok("agreement", "Files, debconf, commands and database say the same.")
    ]


def _encryption(installation, api_url):
    told = consistency.unencrypted(installation, api_url)
    return [findings.warning("encryption", one["problem"], one["remedy"]) for one in told] or [
        findings.ok("encryption", "The region is asked over TLS, or on this host only.")
    ]


def _database(installation):
    try:
        with database.connection(installation, timeout=5) as conn:
            version, theirs = conn.server_version, database.clock(conn)
            ahead = time.time() - theirs
            return [_version(installation.release, version), _same_clock(ahead)]
    except database.DatabaseError as error:
        return [
            findings.problem(
                "database", str(error),
                "Check host, port, name, user and password in the region's configuration, "
                "PostgreSQL's pg_hba.conf and listen_addresses, and that it runs.",
            )
        ]  # fmt: skip


def _version(release, number):
    # 9.5 is 90500, 12.3 is 120003.
    major = number // 10000
    version = major + (number // 100 % 100) / 10 if major < 10 else float(major)
    oldest, good = (_since(release, facts) for facts in (_OLDEST, _GOOD))
    told = f"PostgreSQL {version:g} answers; MAAS {release} wants {oldest:g} or later."
    if version < oldest:
        return findings.problem("database", told, f"Upgrade PostgreSQL to {good:g} or later.")
    if version < good:
        return findings.warning(
            "database", f"{told} It says that {version:g} will not do for long.",
            f"Upgrade PostgreSQL to {good:g} or later before MAAS.",
        )  # fmt: skip
    return findings.ok("database", told)


def _since(release, facts):
    return [value for since, value in facts if release >= since][-1]


def _same_clock(ahead):
    found = checks.clock(ahead, "database's", 300)
    return findings.Finding("database's clock", found.status, found.found, found.remedy)
