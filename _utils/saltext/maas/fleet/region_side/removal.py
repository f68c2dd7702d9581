"""A cluster is removed from its region: what hangs on it, its DHCP, and the cluster itself."""

from __future__ import annotations

from saltext.maas import runtime
from saltext.maas.errors import MaasError
from saltext.maas.fleet.region_side.region import open_region
from saltext.maas.reconcile import desired_object


def release_dhcp(
    dunders, minion: str, successor: str | None = None, test: bool = False
) -> dict[str, dict]:
    """Take a cluster off the DHCP that it serves, so that it can be removed.

    From 2.0 on its stand-by, or ``successor``, takes over; a VLAN that nobody else can serve
    gets no DHCP any more.  In 1.x nothing takes over: DHCP is switched off on its interfaces.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minion: The cluster's minion.
        successor: Minion of the rack that takes over (2.0 and later).
        test: Only plan.

    Returns:
        ``{where: {"old", "new", "enabled"}}``: which racks DHCP had, which one it has now (None
        for none), and whether it is on.

    Raises:
        MaasError: The successor cannot take over; nothing was changed.
    """
    region = _region(dunders)
    with region.alone(test) as lock:
        if region.state(region.key(minion)) == "absent":
            return {}
        desired_objects, changes = region.without_dhcp(minion, successor)
        if desired_objects and not test:
            _carry_out(region, desired_objects, lock)
    return changes


def machines(dunders, minion: str, successor: str | None = None) -> list[str]:
    """List the machines that hang on a cluster.

    In 1.x those of its node group; from 2.0 on those on VLANs that it alone serves, or on
    VLANs that are relayed there.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minion: The cluster's minion.
        successor: Minion of a rack that takes DHCP over, so that none hang on this one.

    Returns:
        Host names, sorted.

    Raises:
        MaasError: The region cannot be asked.
    """
    region = _region(dunders)
    key = region.key(minion)
    return [] if region.state(key) == "absent" else region.machines(key, successor)


def remove(dunders, minion: str) -> bool:
    """Delete a cluster at the region.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minion: The cluster's minion.

    Returns:
        Whether there was one.

    Raises:
        MaasError: Something hangs on it, or MAAS refuses.
    """
    region = _region(dunders)
    with region.alone() as lock:
        key = region.key(minion)
        if region.state(key) == "absent":
            return False
        _carry_out(region, [desired_object(region.type, {region.identity: key}, absent=True)], lock)
    return True


def _region(dunders):
    return open_region(dunders, runtime.pillar(dunders, "clusters"))


def _carry_out(region, desired_objects, lock):
    plan = region.carry_out(desired_objects, lock)
    failed = [f"{one.name}: {one.error or one.problem}" for one in plan.changes if not one.done]
    if failed:
        raise MaasError("; ".join(failed))
