"""The examination of a region's host before MAAS is upgraded there."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from functools import partial

from saltext.maas.doctor import findings
from saltext.maas.doctor.findings import Finding
from saltext.maas.errors import BadInput
from saltext.maas.host import config_files, database, files, openfga, preseeds, vault
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release

#: The release that every upgrade across it has to stop at.
_REQUIRED_STOP = "3.8"
_PACKAGES_UP_TO = "3.8"
#: Since which release what of the system is needed: Ubuntu for packages, snapd for the snap.
_UBUNTU = (("3.8", 26.04),)
_SNAPD = (("3.8", 2.75),)
_SNAPD_INFO = ("usr/lib/snapd/info", "snap/snapd/current/usr/lib/snapd/info")


def target(text: str | float) -> Release:
    """Return the release of an ``upgrade_to``.

    Raises:
        BadInput: It is none.
    """
    try:
        return Release(text)
    except ValueError as error:
        raise BadInput([f"upgrade_to: {error}"]) from None


def checks(installation: Installation, to: Release) -> list[tuple[str, Callable]]:
    """Return the checks of what would stop an upgrade, or no longer work after it.

    Args:
        installation: A region's host.
        to: The release that it is to have.

    Returns:
        Pairs for :func:`saltext.maas.doctor.findings.run`.

    Raises:
        HostError: The host has that release, or a later one.
    """
    installation.need("region")
    if installation.release.parts[:2] >= to.parts[:2]:
        raise HostError(
            f"This host has MAAS {installation.release} already, which is not older than {to}."
        )
    then = dataclasses.replace(installation, release=to)
    found: list[tuple[str, Callable]] = [
        ("upgrade: path", partial(_path, installation, to)),
        ("upgrade: system", partial(_system, then)),
        ("upgrade: database", partial(_database, installation, then)),
    ]
    if to >= "3.8":
        found += [
            ("upgrade: permissions", partial(_openfga, installation, then)),
            ("upgrade: preseeds", partial(own_preseeds, installation, to)),
        ]
    if installation.release < "3.8" <= to:
        found.append(("upgrade: MAC addresses", partial(_equal_macs, installation)))
    return found


def _path(installation, to):
    if installation.kind == "deb" and not to.within("", _PACKAGES_UP_TO):
        return findings.problem(
            f"MAAS {to} has no Debian packages.",
            f"Upgrade to {_PACKAGES_UP_TO}, and move to the snap with its maas-deb-migrate.",
        )
    if installation.release < _REQUIRED_STOP and not to.within("", _REQUIRED_STOP):
        text = f"MAAS {to} cannot be reached from {installation.release} directly."
        return findings.problem(text, f"Upgrade to {_REQUIRED_STOP} first.")
    return findings.ok(f"MAAS {installation.release} can be upgraded to {to}.")


def _since(table, release):
    return next((value for since, value in reversed(table) if release >= since), None)


def _system(then):
    snap = then.kind == "snap"
    needed = _since(_SNAPD if snap else _UBUNTU, then.release)
    name, read = ("snapd", _snapd) if snap else ("Ubuntu", _ubuntu)
    here = read(then) if needed else None
    if not needed:
        return findings.ok(f"MAAS {then.release} has no other known requirements.")
    text = f"MAAS {then.release} needs {name} {needed:g} or later"
    if here is None:
        return findings.unknown(f"{text}; the version here could not be read.")
    if here < needed:
        return findings.problem(f"{text}; this is {name} {here:g}.", f"Upgrade {name} first.")
    return findings.ok(f"{text}; this is {name} {here:g}.")


def _number(text, pattern):
    found = re.search(pattern, text or "", re.MULTILINE)
    return float(found[1]) if found else None


def _ubuntu(installation):
    text = files.read(f"{installation.root}/etc/os-release") or ""
    if not re.search(r'^ID="?ubuntu"?$', text, re.MULTILINE):
        return None
    return _number(text, r'^VERSION_ID="?(\d+\.\d+)')


def _snapd(installation):
    texts = (files.read(f"{installation.root}/{path}") for path in _SNAPD_INFO)
    found = [_number(text, r"^VERSION=(\d+\.\d+)") for text in texts]
    return max(filter(None, found), default=None)


def _database(installation, then):
    with database.connection(installation, timeout=5) as conn:
        old, missing = database.too_old(conn, then), database.missing_rights(conn, then)
        version = database.version(conn)
    good = then.fact("postgresql_good")
    if old:
        return findings.problem(
            f"{old} MAAS's own upgrade does not check this, and the region would not start then.",
            "Upgrade PostgreSQL before MAAS.",
        )
    found = [Finding("", "problem", *pair) for pair in missing]
    if version < good:
        text = f"MAAS {then.release} warns of PostgreSQL {version:g}: support for it ends soon."
        found += findings.warning(text, f"Upgrade PostgreSQL to {good:g} or later.")
    return found or findings.ok(
        f"PostgreSQL {version:g} is suitable, and its role has all required rights."
    )


def _openfga(installation, then):
    settings, _ = config_files.values(installation)
    obstacles = openfga.obstacles(then, settings, bool(vault.config(installation)))
    ok = findings.ok("maas-openfga will reach the database as the region does.")
    return [Finding("", "problem", *pair) for pair in obstacles] or ok


def own_preseeds(installation: Installation, to: Release) -> list[Finding]:
    """Check for preseeds that a release deprecates.

    Args:
        installation: A region's host.
        to: The release.
    """
    own = preseeds.custom(installation)
    if not own:
        return findings.ok("No curtin_userdata preseed was changed or added here.")
    return findings.warning(
        f"MAAS {to} deprecates custom preseeds: {', '.join(own)}.",
        "Replace them, such as by cloud-init user data or custom images, before a later upgrade.",
    )


def _equal_macs(installation):
    with database.connection(installation, timeout=30) as conn:
        equal = database.equal_macs(conn)
    if not equal:
        return findings.ok("No two physical interfaces have the same MAC address.")
    shown = "; ".join(f"{mac} ({', '.join(where)})" for mac, where in list(equal.items())[:10])
    return findings.problem(
        f"The upgrade stops at physical interfaces with the same MAC address: {shown}.",
        "Correct or delete all but one of each; case and separators make no difference.",
    )
