"""An export as a pillar for a later release, mapped as MAAS's own migrations do it.

What the later release knows under another name or in another place is converted
(:mod:`~saltext.maas.pillar.successors`, :mod:`~saltext.maas.pillar.from_1x`).  Then the result is
checked and planned as for an empty region of that release, and what is refused is left out with
the reason.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from saltext.maas.errors import BadInput
from saltext.maas.pillar import from_1x, successors
from saltext.maas.pillar.checks import problems
from saltext.maas.pillar.controllers import controllers
from saltext.maas.pillar.desired_objects import cluster_uuid, desired_objects
from saltext.maas.pillar.migration import Migration
from saltext.maas.pillar.validators import ROOT
from saltext.maas.reconcile import Snapshot, make_plan
from saltext.maas.release import Release, supported

_STEPS = (
    from_1x.boot_sources,
    from_1x.networks,
    from_1x.clusters,
    from_1x.vlans,
    from_1x.nodes,
    successors.default_domain,
    successors.spaces,
    successors.reserved_names,
    successors.commissioning_scripts,
    successors.boot_sources,
    successors.settings,
    successors.machines,
    successors.license_keys,
    successors.users,
)
_FOLLOWS = "skipped: dependency cannot be applied"


def target(text: object, source: Release) -> Release:
    """Return the release that an export is for.

    Args:
        text: What a user wrote, such as ``3.7``.
        source: The region's own release.

    Raises:
        BadInput: It is no release, or one before the region's.
    """
    try:
        found = supported(text)  # type: ignore[arg-type]
    except ValueError as error:
        raise BadInput(f"for_release: {error}") from None
    if found.series != source.series and found < source:
        raise BadInput(
            f"for_release: {found.series} is older than the region's MAAS {source.series}; must be "
            f"{source.series} or later"
        )
    return found


def convert(
    described: dict, snapshot: Snapshot, release: Release, hosts: dict | None = None
) -> tuple[dict, list[str]]:
    """Describe a region for another release.

    Args:
        described: The mapping under ``maas`` for the region's own release; it is changed.
        snapshot: The region.
        release: The later release, see :func:`target`.
        hosts: ``{UUID or name of a cluster: id of its host's minion}``, which 1.x does not know.

    Returns:
        The mapping under ``maas``, and what cannot be carried, one line each, by pillar path.

    Raises:
        BadInput: What is refused cannot be left out.
    """
    found = Migration(described, snapshot, release, hosts or {})
    for step in _STEPS:
        step(found)
    described["release"] = release.series
    described.pop("images", None)  # it was about the images that this region has now
    for name in [name for name, part in described.items() if part in ({}, [])]:
        del described[name]
    while lines := list(_refused(described, release)):
        # What only depends on something else that is refused may be right without that.
        _leave_out(found, [line for line in lines if _FOLLOWS not in line] or lines)
    for part in described.values():
        if isinstance(part, dict):
            part.update({key: None for key, one in part.items() if one == {}})
    return described, sorted(found.notes)


def hosts_of(clusters: dict, racks: Any) -> dict[str, str]:
    """Return which minion is on the host of each cluster, by the cluster's UUID or name.

    Args:
        clusters: The pillar's own ``clusters``.
        racks: What a user adds, ``{UUID or name of a cluster: minion}``; None for nothing.

    Raises:
        BadInput: ``racks`` is no such mapping.
    """
    racks = {} if racks is None else racks
    if not isinstance(racks, dict) or not all(isinstance(one, str) for one in racks.values()):
        raise BadInput(f"racks: {racks!r} must be a mapping of clusters to minions")
    own = controllers({"clusters": clusters}).values()
    return {**{cluster_uuid(one.minion, one.values): one.minion for one in own}, **racks}


def report(found: Any) -> str:
    """Return what a person must do beside applying an export, as text."""
    secrets = [f"  {one}" for one in found.secrets]
    parts = [("Secrets to be stored:", secrets), ("Not carried, or otherwise:", found.notes)]
    return "\n".join(line for head, lines in parts if lines for line in [head, *lines, ""])


def _refused(described, release) -> Iterator[str]:
    """What an empty region of a release would refuse, one line each, by pillar path."""
    lines = problems(described, release)
    if lines:
        yield from lines
        return
    try:
        plan = make_plan(_empty_region(release), desired_objects(described, release))
    except BadInput as error:
        yield from error.problems
        return
    for change in plan.changes:
        if change.problem:
            yield f"{change.desired.where}: {change.problem}"


def _empty_region(release):
    """A region that has nothing but its own host, which brings the default fabric."""
    found = Snapshot(None, release)
    if release >= "1.9" and not {**found.records("fabric"), **found.records("vlan")}:
        vlan = {"id": 1, "fabric": "fabric-0", "vid": 0, "name": "untagged", "mtu": 1500}
        found.fold("fabric", {"id": 0, "name": "fabric-0", "class_type": None, "vlans": [
            {**vlan, "dhcp_on": False}]})  # fmt: skip
    return found


def _leave_out(found: Migration, lines: list[str]) -> None:
    """Take out what some lines are about, last items of lists first."""
    places: dict = {}
    for line in lines:
        places.setdefault(*locate(found.described, line))
    places.pop((), None)
    if not places:  # it says nothing of a place
        raise BadInput(lines)
    for path in sorted(places, key=_order, reverse=True):
        if any(path[:depth] in places for depth in range(1, len(path))):
            continue  # it goes along
        found.note(":".join(map(str, path)), f"left out: {places[path]}")
        node = functools.reduce(lambda at, key: at[key], path[:-1], found.described)
        del node[path[-1]]
        _clean(found.described, path[:-1])


def _clean(described, path):
    """Remove a section, or a part of an object, that holds nothing any more."""
    node = functools.reduce(lambda at, key: at[key], path[:-1], described)
    if len(path) % 2 and not node[path[-1]]:  # at even depth there are objects
        del node[path[-1]]


def _order(path):
    return [(1, key, "") if isinstance(key, int) else (0, 0, str(key)) for key in path]


def locate(described: dict, line: str) -> tuple[tuple, str]:
    """Return the keys that lead to what a line is about, and what it says of that.

    Args:
        described: The mapping under ``maas``.
        line: Such as ``maas:subnets:2001:db8::/64:vlan: must be ...``.
    """
    node: Any = described
    path: list = []
    rest = line.removeprefix(f"{ROOT}:")
    while True:
        fits = [key for key in _keys(node) if rest.startswith(f"{key}:")]
        if not fits:
            return tuple(path), rest
        path.append(max(fits, key=lambda key: len(str(key))))
        # A plan says of which field it speaks behind the path of the object.
        node, rest = node[path[-1]], rest[len(str(path[-1])) + 1 :].lstrip()


def _keys(node):
    return range(len(node)) if isinstance(node, list) else node if isinstance(node, dict) else ()
