"""A cluster leaves its region: what hangs on it, who takes its DHCP over, and that it is gone."""

from __future__ import annotations

from saltext.maas import runtime
from saltext.maas.client.errors import BadInput, MaasError
from saltext.maas.fleet.region_side.region import Region
from saltext.maas.reconcile import want


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
        ``{where: {"old", "new"}}``: who served DHCP, and who does now (None for nobody).
    """
    clusters = runtime.pillar(dunders, "clusters")
    region = Region(dunders)
    key = region.key(minion, clusters.get(minion) or {})
    if region.state(key) == "absent":
        return {}
    other = region.key(successor, clusters.get(successor) or {}) if successor else None
    if other and region.state(other) not in ("connected", "accepted"):
        raise MaasError(f"{successor}: cannot take over: it is not connected to the region")
    wishes, changes = [], {}
    if region.type == "node_group":
        if other:
            raise BadInput("successor: in MAAS 1.x no other cluster can serve a cluster's network")
        for name, record in region.snapshot.records("node_group_interface", key).items():
            values = region.values("node_group_interface", record)
            if values.get("management") not in (None, "unmanaged"):
                fields = {"cluster": key, "name": values["name"], "management": "unmanaged"}
                wishes.append(want("node_group_interface", fields))
                changes[str(name)] = {"old": minion, "new": None}
    else:
        for vlan, record in region.snapshot.records("dhcp").items():
            values = region.values("dhcp", record)
            first, second = values.get("primary_rack"), values.get("secondary_rack")
            if key not in (first, second):
                continue
            keeps = [one for one in (first, second) if one and one != key]
            heir = keeps[0] if keeps else other
            changes[vlan] = {"old": [one for one in (first, second) if one], "new": heir}
            fields = {"vlan": vlan, "enabled": bool(heir), "primary_rack": heir or ""}
            fields["secondary_rack"] = ""
            gone = not heir
            wishes.append(want("dhcp", {"vlan": vlan} if gone else fields, absent=gone))
    if wishes and not test:
        plan = region.carry_out(wishes)
        failed = [f"{one.name}: {one.error or one.problem}" for one in plan.changes if not one.done]
        if failed:
            raise MaasError("; ".join(failed))
    return changes


def machines(dunders, minion: str) -> list[str]:
    """The machines that hang on a cluster: its node group's, or those on VLANs it serves alone.

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
        nodes = client.get("nodes/", op="list")
        return sorted(
            one["hostname"] for one in nodes if (one.get("nodegroup") or {}).get("uuid") == key
        )
    alone = set()
    for record in region.snapshot.records("dhcp").values():
        values = region.values("dhcp", record)
        if [one for one in (values.get("primary_rack"), values.get("secondary_rack")) if one] == [
            key
        ]:
            alone.add(record.raw["id"])
    if not alone:
        return []
    return sorted(
        one["hostname"]
        for one in client.get("machines/")
        if any((nic.get("vlan") or {}).get("id") in alone for nic in one.get("interface_set") or ())
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
    plan = region.carry_out([want(region.type, identity, absent=True)])
    for change in plan.changes:
        if not change.done:
            raise MaasError(f"{change.name}: {change.error or change.problem}")
    return True
