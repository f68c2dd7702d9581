"""Copying disks and interfaces from one machine to others."""

from __future__ import annotations

from maas_emulator import links, node_forms, nodes, storage
from maas_emulator.forms_2x import Refused
from maas_emulator.storage import DISK, PARTITION


def disks(region, source, node):
    """Which disk of a machine takes after which of another's.

    Returns:
        ``{id of the source's: the machine's}``.

    Raises:
        Refused: They do not fit.
    """
    if node["architecture"] != source["architecture"]:
        pair = f"{node['architecture']} != {source['architecture']}"
        raise Refused(f"node architectures do not match ({pair})")
    boot, from_boot = storage.boot_disk(region, node), storage.boot_disk(region, source)
    if boot is None:
        raise Refused("destination node has no physical block devices")
    if from_boot is None:
        raise Refused("source node has no physical block devices")
    if boot["size"] < from_boot["size"]:
        names = f"({boot['name']}) is smaller than source boot disk({from_boot['name']})"
        raise Refused(f"destination boot disk{names}")
    mine = [row for row in storage.disks_of(region, node, "physical") if row is not boot]
    theirs = [row for row in storage.disks_of(region, source, "physical") if row is not from_boot]
    if len(mine) < len(theirs):
        counts = f"({len(mine) + 1} < {len(theirs) + 1})"
        raise Refused(f"source node does not have enough physical block devices {counts}")
    found = {from_boot["id"]: boot}
    tests = (
        lambda one, other: one["size"] == other["size"] and set(one["tags"]) == set(other["tags"]),
        lambda one, other: one["size"] >= other["size"] and set(one["tags"]) == set(other["tags"]),
        lambda one, other: one["size"] >= other["size"],
    )
    for test in tests:
        for row in list(mine):
            other = next((item for item in theirs if test(row, item)), None)
            if other:
                found[other["id"]] = row
                mine.remove(row)
                theirs.remove(other)
    if mine:
        text = "destination node physical block devices do not match the source nodes physical"
        raise Refused(f"{len(mine)} {text} block devices")
    return found


def nics(source, node):
    """Which interface of a machine takes after which of another's, by name.

    Raises:
        Refused: One is missing.
    """
    mine = {nic["name"]: nic for nic in node["interfaces"] if nodes.is_physical(nic)}
    theirs = [nic for nic in source["interfaces"] if nodes.is_physical(nic)]
    missing = [nic["name"] for nic in theirs if nic["name"] not in mine]
    if missing:
        text = "destination node physical interfaces do not match the source nodes physical"
        raise Refused(f"{text} interfaces: {', '.join(missing)}")
    return {nic["id"]: mine[nic["name"]] for nic in theirs}


def copy_storage(region, source, node):
    """Lay a machine's disks out as another's are."""
    mapping = {(DISK, ident): row for ident, row in disks(region, source, node).items()}
    storage.clear(region, node)
    _copy_tables(region, node, mapping)
    waiting = list(storage.groups_of(region, source, ""))
    caches = {}
    for _ in range(10):
        for row in storage.cache_sets_of(region, source):
            key = storage.cache_device(region, row)
            if key in mapping and row["id"] not in caches:
                made = storage.add_cache_set(region, node, (key[0], mapping[key]["id"]))
                caches[row["id"]] = made["id"]
        for group in list(waiting):
            rows = storage.members(region, group)
            ready = all(row["device"] in mapping for row in rows)
            if ready and (group["cache_set"] is None or group["cache_set"] in caches):
                waiting.remove(group)
                _copy_group(region, node, group, mapping, caches)
    for key, row in list(mapping.items()):
        for filesystem in storage.filesystems_of(region, key):
            if filesystem["fstype"] in storage.FORMATS and not filesystem["acquired"]:
                storage.add_filesystem(
                    region, node, (key[0], row["id"]), filesystem["fstype"],
                    label=filesystem["label"], mount_point=filesystem["mount_point"],
                    options=filesystem["mount_options"],
                )  # fmt: skip


def _copy_tables(region, node, mapping):
    for (_, ident), row in list(mapping.items()):
        disk = region.rows("disks")[ident]
        row["table"] = disk["table"]
        for part in storage.partitions_of(region, disk):
            if (PARTITION, part["id"]) not in mapping:
                mapping[PARTITION, part["id"]] = region.rows("partitions").add(
                    {**part, "node": node["system_id"], "disk": row["id"],
                     "uuid": storage.new_uuid(), "tags": list(part["tags"])}
                )  # fmt: skip


def _copy_group(region, node, group, mapping, caches):
    rows = storage.members(region, group)
    keys = {row["id"]: (row["device"][0], mapping[row["device"]]["id"]) for row in rows}
    made = storage.add_group(
        region, node, group["kind"], group["name"],
        [keys[row["id"]] for row in rows if row["fstype"] != "raid-spare"],
        spares=[keys[row["id"]] for row in rows if row["fstype"] == "raid-spare"],
        cache_set=caches.get(group["cache_set"]), cache_mode=group["cache_mode"],
    )  # fmt: skip
    for volume in storage.volumes_of(region, group):
        if group["kind"] == "lvm-vg":
            copy = storage.add_volume(region, node, made, volume["name"], volume["size"])
        else:
            copy = storage.volumes_of(region, made)[0]
        mapping[DISK, volume["id"]] = copy
        _copy_tables(region, node, {(DISK, volume["id"]): copy})


def copy_interfaces(region, source, node):
    """Configure a machine's interfaces as another's are; addresses are new ones."""
    mapping = nics(source, node)
    links.clear(region, node)
    for nic in list(node["interfaces"]):
        if not nodes.is_physical(nic) and nic in node["interfaces"]:
            links.delete(region, node, nic)
    for nic in source["interfaces"]:
        if nic["id"] not in mapping:
            parents = [mapping[ident] for ident in nic["parents"] if ident in mapping]
            mac = parents[0]["mac"] if parents else nic["mac"]
            mapping[nic["id"]] = node_forms.new_nic(
                region, nic["name"], mac, None, type=nic["type"], tags=list(nic.get("tags", [])),
                parents=[item["id"] for item in parents],
            )  # fmt: skip
            node["interfaces"].append(mapping[nic["id"]])
        mine = mapping[nic["id"]]
        mine.update(vlan=nic["vlan"], params=dict(nic.get("params") or {}))
        mine["enabled"] = nic.get("enabled", True)
        for link in nic["links"]:
            subnet = region.rows("subnets").get(link["subnet"])
            links.add(region, node, mine, link["mode"], subnet)
