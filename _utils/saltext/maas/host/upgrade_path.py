"""Which releases of MAAS an upgrade stops at, and which Ubuntu its packages need there."""

from __future__ import annotations

from typing import NamedTuple

from saltext.maas.errors import BadInput
from saltext.maas.host import install
from saltext.maas.release import SERIES, Release

#: Those that are left from their last release alone: the one before migrates the database by
#: itself, and only up to 2.5 a database of 1.x is taken.
_LEFT_FROM_LAST = ("14.04", "16.04")
#: The snap's epochs: since which release, which one, and the oldest whose data it takes.
_EPOCHS = (("2.2", 0, 0), ("2.6", 1, 0), ("2.8", 2, 1), ("2.9", 3, 2), ("3.2", 3, 3),
           ("3.5", 4, 3), ("3.8", 5, 4), ("4.0", 6, 5))  # fmt: skip
_NEVER_PACKAGED = "1.10"


class Step(NamedTuple):
    """One step of an upgrade.

    Attributes:
        release: The release that it ends with.
        ubuntu: The Ubuntu that its packages need; empty for the snap.
    """

    release: str
    ubuntu: str


def ubuntu(release: Release) -> str:
    """Return the LTS release of Ubuntu that a release's packages are made for, or nothing."""
    packaged = release.within(up_to=install.LAST_DEB) and release.series != _NEVER_PACKAGED
    return install.row(release).ubuntu[0] if packaged else ""


def steps(kind: str, start: Release, to: Release) -> list[Step]:
    """Return the steps of an upgrade, each as far as MAAS can go in one.

    Args:
        kind: ``deb`` or ``snap``.
        start: The release that is installed.
        to: The release that is wanted.

    Returns:
        Steps; empty where ``start`` is of this release already.

    Raises:
        BadInput: It is older, or there is no way to it.

    Example:
        ``steps("deb", Release("2.9"), Release("3.8"))`` passes 3.5 and 3.7.
    """
    if to.parts[:2] < start.parts[:2]:
        raise BadInput([f"to: MAAS {to} is older than MAAS {start}, which is installed"])
    if kind == "deb" and not ubuntu(to):
        text = f"to: MAAS {to} has no Debian packages"
        last = install.LAST_DEB
        hint = f"; upgrade to {last}, and move to the snap" if to > last else ""
        raise BadInput([text + hint])
    names = [Release(one) for one in SERIES if one != _NEVER_PACKAGED]
    names += [to] if to.series not in SERIES else []
    found: list[Step] = []
    now = start
    while now.parts[:2] < to.parts[:2]:
        reached = [
            one for one in names
            if now.parts[:2] < one.parts[:2] <= to.parts[:2] and _direct(kind, now, one)
        ]  # fmt: skip
        if not reached:
            raise BadInput([f"to: no upgrade leads from MAAS {now} to MAAS {to}"])
        now = reached[-1]
        found.append(Step(now.series, ubuntu(now) if kind == "deb" else ""))
    return found


def _direct(kind, now, then):
    if kind == "snap":
        (_, epoch, _), (_, _, oldest) = _epoch(now), _epoch(then)
        return epoch >= oldest
    order = [*dict.fromkeys(row.ubuntu[0] for row in install.TABLE)]
    here, there = ubuntu(now), ubuntu(then)
    if here == there or not there or not here:
        return bool(there)
    last = [one for one in SERIES if ubuntu(Release(one)) == here][-1]
    if here in _LEFT_FROM_LAST and now.series != last:
        return False
    return order.index(there) == order.index(here) + 1


def _epoch(release):
    return [row for row in _EPOCHS if release >= row[0]][-1]
