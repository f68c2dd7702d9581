"""A cluster is removed from its region: what depends on it, its DHCP, and the cluster itself."""

from __future__ import annotations

from saltext.maas.errors import MaasError
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.reconcile import desired_object


def release_dhcp(
    region: Region, minion: str, successor: str | None = None, test: bool = False
) -> dict:
    """Take a cluster off the DHCP that it serves; see :py:func:`maas_fleet.release_dhcp`."""
    with region.alone(test) as lock:
        if region.state(region.key(minion)) == "absent":
            return {}
        desired_objects, changes = region.without_dhcp(minion, successor)
        if desired_objects and not test:
            _carry_out(region, desired_objects, lock)
    return changes


def machines(region: Region, minion: str, successor: str | None = None) -> list[str]:
    """List the machines that depend on a cluster; see :py:func:`maas_fleet.machines`."""
    key = region.key(minion)
    return [] if region.state(key) == "absent" else region.machines_of(key, successor)


def remove(region: Region, minion: str) -> bool:
    """Delete a cluster at the region; see :py:func:`maas_fleet.remove`."""
    with region.alone() as lock:
        key = region.key(minion)
        if region.state(key) == "absent":
            return False
        _carry_out(region, [desired_object(region.type, {region.identity: key}, absent=True)], lock)
    return True


def _carry_out(region, desired_objects, lock):
    plan = region.carry_out(desired_objects, lock)
    failed = [f"{one.name}: {one.error or one.problem}" for one in plan.changes if not one.done]
    if failed:
        raise MaasError("; ".join(failed))
