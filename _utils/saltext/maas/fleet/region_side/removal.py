"""A cluster leaves its region: what hangs on it, who takes its DHCP over, and that it is gone."""

from __future__ import annotations

from saltext.maas import runtime
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.reconcile import desired_object


def release_dhcp(dunders, minion: str, successor: str | None = None, test: bool = False) -> dict:
    """Take a cluster off the DHCP that it serves, so that it can go.

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
    clusters = runtime.pillar(dunders, "clusters")
    region = Region(dunders)
    key = region.key(minion, clusters.get(minion) or {})
    if region.state(key) == "absent":
        return {}
    other = region.key(successor, clusters.get(successor) or {}) if successor else None
    if other and region.state(other) not in ("connected", "accepted"):
        raise MaasError(f"{successor}: cannot take over: it is not connected to the region")
    desired_objects, changes = [], {}
    if region.type == "node_group":
        if other:
            raise BadInput("successor: in MAAS 1.x no other cluster can serve a cluster's network")
        for name, record in region.snapshot.records("node_group_interface", key).items():
            values = region.values("node_group_interface", record)
            if values.get("management") not in (None, "unmanaged"):
                fields = {"cluster": key, "name": values["name"], "management": "unmanaged"}
                desired_objects.append(desired_object("node_group_interface", fields))
                changes[str(name)] = {"old": minion, "new": None, "enabled": True}
    else:
        for vlan, (racks, on, record) in _served(region, key).items():
            keeps = [one for one in racks if one != key]
            heir = keeps[0] if keeps else (other if on else None)
            if heir and heir == other and not keeps:
                _need_interface(region, successor, other, vlan, record)
            changes[vlan] = {"old": racks, "new": heir, "enabled": on}
            if on and not heir:
                desired_objects.append(desired_object("dhcp", {"vlan": vlan}, absent=True))
            else:  # MAAS deletes no rack that a VLAN names, even while DHCP is off
                racks = {"primary_rack": heir or "", "secondary_rack": ""}
                desired_objects.append(desired_object("dhcp", {"vlan": vlan, **racks}))
    if desired_objects and not test:
        plan = region.carry_out(desired_objects)
        failed = [f"{one.name}: {one.error or one.problem}" for one in plan.changes if not one.done]
        if failed:
            raise MaasError("; ".join(failed))
    return changes


def _served(region, key):
    """``{VLAN: (its racks, whether DHCP is on, its record)}`` where a rack is one of them."""
    found = {}
    for vlan, record in region.snapshot.records("dhcp").items():
        values = region.values("dhcp", record)
        racks = [one for one in (values.get("primary_rack"), values.get("secondary_rack")) if one]
        if key in racks:
            found[vlan] = (racks, bool(values.get("enabled")), record)
    return found


def _need_interface(region, minion, key, vlan, record):
    here = region.snapshot.group("subnet", "vlan").get(vlan, ())
    subnets = {one.raw["id"] for one in here}
    for nic in region.snapshot.records("rack")[key].raw.get("interface_set", ()):
        links = {(link.get("subnet") or {}).get("id") for link in nic.get("links", ())}
        if (nic.get("vlan") or {}).get("id") == record.raw["id"] or links & subnets:
            return
    raise MaasError(f"{minion}: cannot take over DHCP on {vlan}: it has no interface there")


def machines(dunders, minion: str, successor: str | None = None) -> list[str]:
    """The machines that hang on a cluster.

    In 1.x those of its node group; from 2.0 on those on VLANs that it alone serves, or on
    VLANs that are relayed there.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        minion: The cluster's minion.
        successor: Minion of a rack that takes DHCP over, so that none hang on this one.

    Returns:
        Host names, sorted.
    """
    clusters = runtime.pillar(dunders, "clusters")
    region = Region(dunders)
    key = region.key(minion, clusters.get(minion) or {})
    client = region.snapshot.client
    if region.state(key) == "absent":
        return []
    if region.type == "node_group":
        nodes = client.get("nodes/", op="list", expect=[{"hostname": str}])
        return sorted(
            one["hostname"] for one in nodes if (one.get("nodegroup") or {}).get("uuid") == key
        )
    served = {} if successor else _served(region, key)
    alone = {vlan: record for vlan, (racks, on, record) in served.items() if on and racks == [key]}
    if not alone:
        return []
    ids = {record.raw["id"] for record in alone.values()}
    for record in region.snapshot.records("dhcp").values():
        if region.values("dhcp", record).get("relay_vlan") in alone:
            ids.add(record.raw["id"])
    return sorted(
        one["hostname"]
        for one in client.get("machines/", expect=[{"hostname": str}])
        if any((nic.get("vlan") or {}).get("id") in ids for nic in one.get("interface_set") or ())
    )


def remove(dunders, minion: str) -> bool:
    """Delete a cluster at the region; whether there was one.

    Raises:
        MaasError: Something hangs on it, or MAAS refuses.
    """
    clusters = runtime.pillar(dunders, "clusters")
    region = Region(dunders)
    key = region.key(minion, clusters.get(minion) or {})
    if region.state(key) == "absent":
        return False
    identity = {"uuid": key} if region.type == "node_group" else {"hostname": key}
    plan = region.carry_out([desired_object(region.type, identity, absent=True)])
    for change in plan.changes:
        if not change.done:
            raise MaasError(f"{change.name}: {change.error or change.problem}")
    return True
