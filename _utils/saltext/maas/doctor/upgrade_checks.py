"""The examination of a region's host before MAAS is upgraded there."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from saltext.maas.doctor import findings
from saltext.maas.doctor.findings import Finding
from saltext.maas.errors import BadInput
from saltext.maas.host import (
    config_files,
    database,
    debconf,
    files,
    install,
    openfga,
    preseeds,
    upgrade_path,
    vault,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release

#: Since which release the snap needs which snapd.
_SNAPD = (("3.8", 2.75),)
#: What packages and their update of the database take at the least, in bytes.
_PACKAGES_BYTES = 2 * 2**30
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
        installation: A host; of one without a region its system alone is checked.
        to: The release that it is to have.

    Returns:
        Pairs for :func:`saltext.maas.doctor.findings.run`.

    Raises:
        HostError: The host has that release, or a later one.
    """
    if installation.release.parts[:2] >= to.parts[:2]:
        raise HostError(
            f"This host has MAAS {installation.release} already, which is not older than {to}."
        )
    then = dataclasses.replace(installation, release=to)
    found: list[tuple[str, Callable]] = [
        ("upgrade: path", partial(_path, installation, to)),
        ("upgrade: system", partial(_system, then)),
        ("upgrade: disk", partial(_disk, installation, then)),
    ]
    if "region" not in installation.roles:
        return found
    found += [
        ("upgrade: database", partial(_database, installation, then)),
        ("upgrade: work", partial(_work, installation)),
    ]
    if installation.release < "2.0" <= to:
        found.append(("upgrade: Python", partial(_python2, installation)))
    if installation.release < "3.0" <= to and installation.release >= "2.0":
        found.append(("upgrade: pods", partial(_rsd, installation)))
    if installation.kind == "deb" and installation.release < "2.4" <= to:
        found.append(("upgrade: URL", partial(_port_80, installation)))
    if installation.kind == "snap" and installation.release < "2.9" <= to:
        found.append(("upgrade: snap", partial(_own_database, installation)))
    if to >= "3.8":
        found += [
            ("upgrade: permissions", partial(_openfga, installation, then)),
            ("upgrade: preseeds", partial(own_preseeds, installation, to)),
        ]
    if installation.release < "3.8" <= to:
        found.append(("upgrade: MAC addresses", partial(_equal_macs, installation)))
    return found


def _path(installation, to):
    try:
        steps = upgrade_path.steps(installation.kind, installation.release, to)
    except BadInput as error:
        return findings.problem(f"{error}.", "Choose another release.")
    if len(steps) > 1:
        text = f"MAAS {to} cannot be reached from {installation.release} directly."
        between = ", then ".join(step.release for step in steps[:-1])
        return findings.problem(text, f"Upgrade to {between} first.")
    return findings.ok(f"MAAS {installation.release} can be upgraded to {to}.")


def _system(then):
    if then.kind == "snap":
        return _snap_system(then)
    needed = upgrade_path.ubuntu(then.release)
    if not needed:
        return []  # which the path says
    here = ubuntu(then)
    text = f"The packages of MAAS {then.release} need Ubuntu {needed}"
    if here is None:
        return findings.unknown(f"{text}; the version here could not be read.")
    if here in install.row(then.release).ubuntu:
        return findings.ok(f"{text}; this is Ubuntu {here}.")
    if float(here) < float(needed):
        return findings.problem(f"{text}; this is Ubuntu {here}.", "Upgrade Ubuntu first.")
    return findings.problem(f"{text}; this is Ubuntu {here}.", "Choose a later release.")


def _snap_system(then):
    needed = next((value for since, value in reversed(_SNAPD) if then.release >= since), None)
    if not needed:
        return findings.ok(f"MAAS {then.release} has no other known requirements.")
    here = _snapd(then)
    text = f"MAAS {then.release} needs snapd {needed:g} or later"
    if here is None:
        return findings.unknown(f"{text}; the version here could not be read.")
    if here < needed:
        return findings.problem(f"{text}; this is snapd {here:g}.", "Upgrade snapd first.")
    return findings.ok(f"{text}; this is snapd {here:g}.")


def _number(text, pattern):
    found = re.search(pattern, text or "", re.MULTILINE)
    return float(found[1]) if found else None


def ubuntu(installation: Installation) -> str | None:
    """Return the release of Ubuntu on this host, such as ``24.04``; None where it is another."""
    text = files.read(f"{installation.root}/etc/os-release") or ""
    if not re.search(r'^ID="?ubuntu"?$', text, re.MULTILINE):
        return None
    found = re.search(r'^VERSION_ID="?(\d+\.\d+)', text, re.MULTILINE)
    return found[1] if found else None


def _snapd(installation):
    texts = (files.read(f"{installation.root}/{path}") for path in _SNAPD_INFO)
    found = [_number(text, r"^VERSION=(\d+\.\d+)") for text in texts]
    return max(filter(None, found), default=None)


def _database(installation, then):
    with database.connection(installation, timeout=5) as conn:
        old, missing = database.too_old(conn, then), database.missing_rights(conn, then)
        version, (owner, role, name) = database.version(conn), database.owner(conn)
    good = then.fact("postgresql_good")
    if old:
        return findings.problem(
            f"{old} MAAS's own upgrade does not check this, and the region would not start then.",
            "Upgrade PostgreSQL before MAAS.",
        )
    found = [Finding("", "problem", *pair) for pair in missing]
    if installation.release < "3.5" <= then.release and owner != role:
        text = f"The database {name} belongs to {owner}; from 3.5 on it has to belong to {role}."
        remedy = f'As a superuser: ALTER DATABASE "{name}" OWNER TO "{role}".'
        found += findings.problem(text, remedy)
    if version < good:
        text = f"MAAS {then.release} warns of PostgreSQL {version:g}: support for it ends soon."
        found += findings.warning(text, f"Upgrade PostgreSQL to {good:g} or later.")
    return found or findings.ok(
        f"PostgreSQL {version:g} is suitable, and its role has all required rights."
    )


def _work(installation):
    with database.connection(installation, timeout=30) as conn:
        work = database.at_work(conn, installation.release)
    if not work:
        return findings.ok("No image is imported, and no machine is deployed or tested.")
    shown = ", ".join(work[:10]) + (", ..." if len(work) > 10 else "")
    return findings.problem(
        f"An upgrade would interrupt: {shown}.", "Wait for it to end, or stop it."
    )


def _disk(installation, then):
    needed, images = _PACKAGES_BYTES, 0
    if "region" in installation.roles and installation.release < "3.5" <= then.release:
        with database.connection(installation, timeout=300) as conn:
            images = database.images_size(conn)
    place = os.path.join(installation.root, "var")
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:.1f} GiB are free in /var"
    if free < needed + images:
        part = f", {images / 2**30:.1f} GiB of them for images, which leave the database"
        return findings.problem(
            f"{text}; MAAS {then.release} needs {(needed + images) / 2**30:.1f} GiB there"
            f"{part if images else ''}.",
            "Make room.",
        )
    return findings.ok(f"{text}.")


def _python2(installation):
    if installation.find("python2.7"):
        return findings.ok("python2.7 is there, by which 2.0 to 2.5 migrate a database of 1.x.")
    return findings.problem(
        "python2.7 is not installed, by which 2.0 to 2.5 migrate a database of 1.x; no package "
        "of MAAS brings it.",
        "Install the package python2.7.",
    )


def _rsd(installation):
    with database.connection(installation, timeout=30) as conn:
        names = database.rsd_pods(conn)
    if not names:
        return findings.ok("There is no RSD pod, which 3.0 would delete.")
    return findings.problem(
        f"3.0 deletes RSD pods with their machines, and iSCSI storage: {', '.join(names[:10])}.",
        "Release and delete them first.",
    )


def _port_80(installation):
    url = config_files.read_config(installation)["url"]
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.port not in (None, 80):
        return findings.ok("The region's URL does not need Apache.")
    then = f"http://{debconf.region_host(url)}:5240{parts.path}"
    return findings.problem(
        f"From 2.4 on the region's host does not answer at port 80, which {url} leads to.",
        f"salt-run maas.reconfigure_url {then}, unless a load balancer answers there.",
    )


def _own_database(installation):
    mode = (files.read(installation.path("snap_mode")) or "").strip()
    if mode != "all":
        return findings.ok("The region's database is outside of the snap.")
    return findings.problem(
        "The database is within the snap, which 2.9 refuses.",
        "Move it to a PostgreSQL of its own with the helper migrate-snap-database of the snap 2.8.",
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
