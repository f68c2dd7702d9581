"""Disks, partitions and what is made of them: sizes, uses, and what is shown."""

from __future__ import annotations

import uuid

from saltext.maas.emulator.crud import hide_newer
from saltext.maas.emulator.web import Missing

MIB = 1024 * 1024
#: What a partition table takes of a disk.
TABLE = 8 * MIB
_DISK_SINCE = {**dict.fromkeys(("system_id", "firmware_version"), "2.4"),
               **dict.fromkeys(("storage_pool", "numa_node"), "2.7")}  # fmt: skip
_PARTITION_SINCE = {"system_id": "2.4", "device_id": "2.4", "tags": "2.9"}
_GROUP_SINCE = {"system_id": "2.4"}
#: Kind of a group: what its members' file systems are called, and what they are used for.
MEMBERS = {
    "lvm-vg": ("lvm-pv", "LVM volume for {}"),
    "bcache": ("bcache-backing", "Backing device for {}"),
    "vmfs6": ("vmfs6", "VMFS datastore for {}"),
    **{f"raid-{level}": ("raid", f"Active raid-{level} device for {{}}") for level in
       (0, 1, 5, 6, 10)},
}  # fmt: skip


def new_uuid(given=None):
    """A UUID: the one that was sent, or a new one."""
    return str(given or uuid.uuid4())


def human(size):
    """A size as MAAS writes it (``21.5 GB``)."""
    number = float(size)
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if number < 1000 or unit == "PB":
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return ""


def disks_of(region, node):
    """The disks of a machine."""
    ident = node["system_id"]
    return [row for row in region.rows("disks").values() if row["node"] == ident]


def partitions_of(region, disk):
    """The partitions of a disk."""
    rows = region.rows("partitions").values()
    return [row for row in rows if row["disk"] == disk["id"]]


def groups_of(region, node, *kinds):
    """Volume groups, RAIDs, bcaches and datastores of a machine."""
    ident = node["system_id"]
    return [
        row
        for row in region.rows("groups").values()
        if row["node"] == ident and any(row["kind"].startswith(kind) for kind in kinds)
    ]


def user_of(region, kind, ident):
    """``(kind of file system, what for)`` of a device that a group or cache set has, or None."""
    for group in region.rows("groups").values():
        if (kind, ident) in group["devices"]:
            filesystem, text = MEMBERS[group["kind"]]
            return filesystem, text.format(group["name"])
        if (kind, ident) in group.get("spares", ()):
            return "raid-spare", f"Spare {group['kind']} device for {group['name']}"
    for row in region.rows("cache_sets").values():
        if (kind, ident) == row["device"]:
            return "bcache-cache", f"Cache device for cache{row['id']}"
    return None


def _filesystem(region, kind, row):
    member = user_of(region, kind, row["id"])
    if member:
        return {"fstype": member[0], "label": None, "uuid": row.get("uuid"), "mount_point": None,
                "mount_options": None}  # fmt: skip
    return row["filesystem"]


def _used_for(region, kind, row):
    member = user_of(region, kind, row["id"])
    if member:
        return member[1]
    filesystem = row["filesystem"]
    if filesystem and filesystem["mount_point"]:
        return f"{filesystem['fstype']} formatted filesystem mounted at {filesystem['mount_point']}"
    if filesystem:
        return f"Unmounted {filesystem['fstype']} formatted filesystem"
    held = len(partitions_of(region, row)) if kind == "disk" else 0
    if held:
        return f"GPT partitioned with {held} partition{'s' if held > 1 else ''}"
    return "Unused"


def available(region, disk):
    """How much of a disk is left, in bytes."""
    if disk["filesystem"] or user_of(region, "disk", disk["id"]):
        return 0
    used = sum(row["size"] for row in partitions_of(region, disk))
    return max(0, (disk["size"] - TABLE - used) // MIB * MIB)


def show_disk(region, row):
    """A disk as the API shows it."""
    parts = partitions_of(region, row)
    shown = {
        "id": row["id"],
        "system_id": row["node"],
        "name": row["name"],
        "uuid": row.get("uuid"),
        "type": row["kind"],
        "path": f"/dev/disk/by-dname/{row['name']}",
        "size": row["size"],
        "block_size": row["block_size"],
        "available_size": available(region, row),
        "used_size": sum(item["size"] for item in parts),
        "used_for": _used_for(region, "disk", row),
        "tags": row["tags"],
        "filesystem": _filesystem(region, "disk", row),
        "partition_table_type": "GPT" if parts else None,
        "partitions": [show_partition(region, item) for item in parts],
        "model": row["model"],
        "serial": row["serial"],
        "id_path": row["id_path"],
        "firmware_version": None,
        "storage_pool": None,
        "numa_node": 0 if row["kind"] == "physical" else None,
        "resource_uri": f"/MAAS/api/2.0/nodes/{row['node']}/blockdevices/{row['id']}/",
    }
    return hide_newer(region.release, shown, _DISK_SINCE)


def show_partition(region, row):
    """A partition as the API shows it."""
    disk = region.rows("disks")[row["disk"]]
    number = 1 + partitions_of(region, disk).index(row)
    base = f"/MAAS/api/2.0/nodes/{disk['node']}/blockdevices/{disk['id']}/partition/{row['id']}"
    shown = {
        "id": row["id"],
        "system_id": disk["node"],
        "device_id": disk["id"],
        "uuid": row["uuid"],
        "type": "partition",
        "path": f"/dev/disk/by-dname/{disk['name']}-part{number}",
        "size": row["size"],
        "bootable": row["bootable"],
        "filesystem": _filesystem(region, "partition", row),
        "used_for": _used_for(region, "partition", row),
        "tags": row["tags"],
        "resource_uri": base,
    }
    return hide_newer(region.release, shown, _PARTITION_SINCE)


def show_device(region, device):
    """A disk or partition that is part of something."""
    kind, ident = device
    if kind == "disk":
        return show_disk(region, region.rows("disks")[ident])
    return show_partition(region, region.rows("partitions")[ident])


def device_size(region, device):
    """The size of a disk or partition in bytes."""
    kind, ident = device
    return region.rows("disks" if kind == "disk" else "partitions")[ident]["size"]


def group_size(region, row):
    """The size of a group in bytes: by its RAID level, else the sum of its members."""
    sizes = [device_size(region, device) for device in row["devices"]]
    if not sizes:
        return 0
    count = {"raid-0": len(sizes), "raid-1": 1, "raid-5": len(sizes) - 1,
             "raid-6": len(sizes) - 2, "raid-10": len(sizes) // 2}  # fmt: skip
    if row["kind"] in count:
        return min(sizes) * count[row["kind"]]
    return sum(sizes)


def show_group(region, row):
    """A volume group, RAID, bcache or datastore as the API shows it."""
    size, ident = group_size(region, row), row["id"]
    base = f"/MAAS/api/2.0/nodes/{row['node']}"
    shown = {"id": ident, "system_id": row["node"], "uuid": row["uuid"], "name": row["name"],
             "size": size, "human_size": human(size)}  # fmt: skip
    devices = [show_device(region, device) for device in row["devices"]]
    virtual = region.rows("disks").get(row.get("disk"))
    if row["kind"] == "lvm-vg":
        volumes = [item for item in region.rows("disks").values() if item.get("group") == ident]
        used = sum(item["size"] for item in volumes)
        shown.update(
            devices=devices,
            available_size=size - used,
            human_available_size=human(size - used),
            used_size=used,
            human_used_size=human(used),
            logical_volumes=[show_disk(region, item) for item in volumes],
            resource_uri=f"{base}/volume-group/{ident}/",
        )
    elif row["kind"] == "vmfs6":
        shown.update(devices=devices, filesystem=row["filesystem"])
        shown["resource_uri"] = f"{base}/vmfs-datastore/{ident}/"
    elif row["kind"] == "bcache":
        shown.update(
            cache_set=show_cache_set(region, region.rows("cache_sets")[row["cache_set"]]),
            backing_device=devices[0],
            virtual_device=show_disk(region, virtual),
            cache_mode=row["cache_mode"],
            resource_uri=f"{base}/bcache/{ident}/",
        )
    else:
        shown.update(
            level=row["kind"],
            devices=devices,
            spare_devices=[show_device(region, device) for device in row["spares"]],
            virtual_device=show_disk(region, virtual),
            resource_uri=f"{base}/raid/{ident}/",
        )
    return hide_newer(region.release, shown, _GROUP_SINCE)


def show_cache_set(region, row):
    """A bcache cache set as the API shows it."""
    shown = {
        "id": row["id"],
        "system_id": row["node"],
        "name": f"cache{row['id']}",
        "cache_device": show_device(region, row["device"]),
        "resource_uri": f"/MAAS/api/2.0/nodes/{row['node']}/bcache-cache-set/{row['id']}/",
    }
    return hide_newer(region.release, shown, _GROUP_SINCE)


def of_machine(region, node):
    """The fields of a machine that tell its storage."""
    disks = disks_of(region, node)
    shown = [show_disk(region, row) for row in disks]
    physical = [item for item in shown if item["type"] == "physical"]
    boot = node.get("boot_disk")
    ident = node["system_id"]
    sets = [row for row in region.rows("cache_sets").values() if row["node"] == ident]
    return {
        "storage": sum(item["size"] for item in physical) / 1000.0 / 1000.0,
        "blockdevice_set": shown,
        "physicalblockdevice_set": physical,
        "virtualblockdevice_set": [item for item in shown if item["type"] == "virtual"],
        "boot_disk": next(
            (item for item in physical if item["id"] == boot), physical[0] if physical else None
        ),
        "volume_groups": [show_group(region, row) for row in groups_of(region, node, "lvm")],
        "raids": [show_group(region, row) for row in groups_of(region, node, "raid")],
        "bcaches": [show_group(region, row) for row in groups_of(region, node, "bcache")],
        "cache_sets": [show_cache_set(region, row) for row in sets],
    }


def row_of(request, kind, name, model, **wanted):
    """A row of the machine that a path is about; 404 when it is not there or not of it.

    Args:
        request: The call.
        kind: Name of the table.
        name: Which part of the path has its id (or name).
        model: What the 404 calls it.
        wanted: What its fields must be.
    """
    spec = request.ids[name]
    for row in request.region.rows(kind).values():
        named = spec in (str(row["id"]), row.get("name"))
        if named and all(row[field] == value for field, value in wanted.items()):
            return row
    raise Missing(model, request)


def add_disk(region, node, name, size, kind="physical", **more):
    """Add a disk to a machine."""
    row = {"node": node["system_id"], "name": name, "size": size, "kind": kind, "block_size": 512,
           "model": "", "serial": "", "id_path": "", "tags": [], "filesystem": None}  # fmt: skip
    return region.rows("disks").add({**row, **more})
