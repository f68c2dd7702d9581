"""Disks, partitions, file systems and what is made of them: what is kept, sizes, and what is shown.

What a disk or partition is used for tells its file system, which may be part of a group (volume
group, RAID, bcache, datastore) or of a cache set. A machine that somebody has works on copies of
its file systems, which go at its release.
"""

from __future__ import annotations

import contextlib
import uuid

from maas_emulator.crud import hide_newer
from maas_emulator.web import BARE_JSON, TEXT, Answer, Invalid

MIB = 1024 * 1024
GIB = 1024 * MIB
ALIGNMENT = 4 * MIB
#: The smallest disk that a machine boots from.
LEAST_BOOT_DISK = 512 * MIB
_LARGEST_MBR = ((2**32 - 1) * 512 - MIB) // ALIGNMENT * ALIGNMENT
_SUPERBLOCK = 128 * 1024
DISK, PARTITION = "disk", "partition"
_KINDS = {DISK: "disks", PARTITION: "partitions"}
TABLES = ("disks", "partitions", "filesystems", "groups", "cache_sets")
FORMATS = ("fat32", "ext2", "ext4", "xfs", "vfat", "swap", "ramfs", "tmpfs", "btrfs", "zfsroot")
#: First releases of what not all have.
_FORMATS_SINCE = {**dict.fromkeys(("xfs", "swap", "ramfs", "tmpfs"), "2.0"), "btrfs": "2.2",
                  "zfsroot": "2.4"}  # fmt: skip
IN_MEMORY = ("ramfs", "tmpfs")
RAIDS = ("raid-0", "raid-1", "raid-5", "raid-6", "raid-10")
_LEAST_MEMBERS = {"raid-0": 2, "raid-1": 2, "raid-5": 3, "raid-6": 4, "raid-10": 3}
#: What is said of the members of a kind of file system, with the group's name and kind.
_USES = {
    "lvm-pv": "LVM volume for {name}",
    "raid": "Active {kind} device for {name}",
    "raid-spare": "Spare {kind} device for {name}",
    "bcache-cache": "Cache device for {name}",
    "bcache-backing": "Backing device for {name}",
    "vmfs6": "VMFS extent for {name}",
}
NICE_NAMES = {"lvm-vg": "volume group", "bcache": "Bcache", "vmfs6": "VMFS",
              **dict.fromkeys(RAIDS, "RAID")}  # fmt: skip
_BLOCK_SIZES = {"lvm-vg": 4096, "vmfs6": 1024, **dict.fromkeys(RAIDS, 512)}
_DISK_SINCE = {**dict.fromkeys(("system_id", "firmware_version"), "2.4"),
               **dict.fromkeys(("storage_pool", "numa_node"), "2.7")}  # fmt: skip
_PARTITION_SINCE = {"system_id": "2.4", "device_id": "2.4", "tags": "2.5"}
_GROUP_SINCE = {"system_id": "2.4"}
#: Statuses in which a machine works on copies of its file systems.
_ALLOCATED = (6, 9, 10, 11, 12, 13, 14, 15)
_COPIED = (*_ALLOCATED, 16, 17, 18, 19, 20, 21, 22)
_TESTING, _BEFORE_TESTING = (16, 17, 18, 19, 20, 21, 22), (6, 11, 13, 15)


def refused(text, field="__all__"):
    """What a look at a row finds wrong when it is stored, once a form had no objection."""
    return Invalid({field: [text]}, BARE_JSON)


def forbidden(text):
    """What is found wrong while something is done: in words only."""
    return Answer(400, text, TEXT)


def is_node_1x(node):
    """Whether a machine is a node of API 1.0."""
    return "macs" in node


def formats(release):
    """The file systems of a release."""
    return tuple(one for one in FORMATS if release >= _FORMATS_SINCE.get(one, "1.9"))


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


@contextlib.contextmanager
def undone_on_error(region, node):
    """Take back what was done to the disks of a machine when it ends in an error."""
    before = {kind: {row["id"]: (row, dict(row)) for row in _of(region, kind, node)}
              for kind in TABLES}  # fmt: skip
    try:
        yield
    except Exception:
        for kind, rows in before.items():
            table = region.rows(kind)
            for row in _of(region, kind, node):
                if row["id"] not in rows:
                    del table[row["id"]]
            for key, (row, fields) in rows.items():
                row.clear()
                row.update(fields)
                table[key] = row
        raise


# -- what there is -----------------------------------------------------------------------------


def _of(region, kind, node):
    return region.rows(kind).of(node["system_id"])


def disks_of(region, node, kind=None):
    """The disks of a machine; all, or ``physical`` or ``virtual`` ones."""
    return [row for row in _of(region, "disks", node) if kind in (None, row["kind"])]


def partitions_of(region, disk):
    """The partitions of a disk."""
    rows = [row for row in region.rows("partitions").of(disk["node"]) if row["disk"] == disk["id"]]
    return sorted(rows, key=lambda row: row["id"])


def groups_of(region, node, *kinds):
    """Volume groups, RAIDs, bcaches and datastores of a machine, by how their kind begins."""
    rows = _of(region, "groups", node)
    return [row for row in rows if any(row["kind"].startswith(kind) for kind in kinds)]


def cache_sets_of(region, node):
    """The cache sets of a machine."""
    return _of(region, "cache_sets", node)


def device(region, key):
    """The disk or partition that a key (its kind, its id) means."""
    kind, ident = key
    return region.rows(_KINDS[kind])[ident]


def node_of(region, row):
    """The machine that a row of this module is of."""
    for node in region.rows("machines").of(row["node"]):
        return node
    raise KeyError(row["node"])


def boot_disk(region, node):
    """The disk that a machine boots from: the one that was chosen, else its oldest that will do."""
    disks = disks_of(region, node, "physical")
    chosen = [row for row in disks if row["id"] == node.get("boot_disk")]
    large = [row for row in disks if row["size"] >= LEAST_BOOT_DISK]
    return next(iter(chosen or large), None)


def group_of(region, filesystem):
    """The group that a file system is part of, or None."""
    return region.rows("groups").get(filesystem["group"])


def members(region, group, *fstypes):
    """The file systems that a group is made of."""
    rows = [
        row for row in region.rows("filesystems").of(group["node"]) if row["group"] == group["id"]
    ]
    return [row for row in rows if not fstypes or row["fstype"] in fstypes]


def cache_set_name(region, row):
    """Cache sets are called by their place among those of their machine."""
    rows = region.rows("cache_sets").of(row["node"])
    return f"cache{rows.index(row)}"


def volumes_of(region, group):
    """The virtual disks of a group."""
    rows = region.rows("disks").of(group["node"])
    return [row for row in rows if row.get("group") == group["id"]]


# -- file systems ------------------------------------------------------------------------------


def is_allocated(node):
    """Whether a machine works on copies of its file systems."""
    return node["status"] in _COPIED


def filesystems_of(region, key):
    """All file systems of a device, of both kinds."""
    kind, ident = key or (DISK, None)
    own, rows = region.rows(_KINDS[kind]).get(ident), region.rows("filesystems")
    return [row for row in (rows.of(own["node"]) if own else rows.values()) if row["device"] == key]


def filesystem_of(region, key):
    """The file system of a device that counts at present, or None."""
    found = filesystems_of(region, key)
    if not found:
        return None
    if is_allocated(node_of(region, found[0])):
        rows = [row for row in found if row["acquired"]]
        rows += [row for row in found if row["fstype"] not in FORMATS]
    else:
        rows = [row for row in found if not row["acquired"]]
    return rows[0] if rows else None


def add_filesystem(region, node, key, fstype, *, acquired=False, label=None, uid=None,
                   mount_point=None, options=None, group=None, cache_set=None):  # fmt: skip
    """Put a file system on a device (None: in memory).

    Raises:
        Invalid: The device boots the machine, has one, or the mount point is taken.
    """
    row = {
        "node": node["system_id"], "device": key, "fstype": fstype, "acquired": acquired,
        "label": label, "uuid": new_uuid(uid), "mount_point": mount_point,
        "mount_options": options, "group": group, "cache_set": cache_set,
    }  # fmt: skip
    if fstype == "swap" and mount_point is not None:
        row["mount_point"] = "none"
    check_filesystem(region, node, row)
    if key and any(old["acquired"] == acquired for old in filesystems_of(region, key)):
        kind = "Block device" if key[0] == DISK else "Partition"
        raise refused(f"Filesystem with this {kind} and Acquired already exists.")
    return region.rows("filesystems").add(row)


def check_filesystem(region, node, row):
    """Refuse a file system that cannot be where it is, or is mounted where another one is."""
    key = row["device"]
    if key and key[0] == DISK:
        boot = boot_disk(region, node)
        if boot and boot["id"] == key[1]:
            raise refused(
                "Cannot place filesystem directly on the boot disk. Create a partition on the"
                " boot disk first and then format the partition."
            )
    if row["fstype"] in IN_MEMORY and row["mount_point"] is None:
        raise refused("Virtual filesystems must be mounted.")
    if row["mount_point"] is None or row["fstype"] == "swap":
        return
    for other in _of(region, "filesystems", node):
        same = other["mount_point"] == row["mount_point"] and other is not row
        if same and other["acquired"] == row["acquired"]:
            raise refused(f"Another filesystem is already mounted at {row['mount_point']}.")


def drop_filesystem(region, row):
    """Take a file system away."""
    region.rows("filesystems").pop(row["id"], None)


def _show_filesystem(row):
    if row is None:
        return None
    names = ("fstype", "label", "uuid", "mount_point", "mount_options")
    return {name: row[name] for name in names}


def special_of(region, node):
    """The file systems in memory that a machine has at present."""
    acquired = node["status"] in _ALLOCATED or (
        node["status"] in _TESTING and node["previous_status"] in _BEFORE_TESTING
    )
    rows = [row for row in _of(region, "filesystems", node) if row["device"] is None]
    return [_show_filesystem(row) for row in rows if row["acquired"] == acquired]


def acquire(region, node):
    """Copy the file systems of a machine, for who has it."""
    release(region, node)
    for row in _of(region, "filesystems", node):
        if row["fstype"] in FORMATS:
            region.rows("filesystems").add({**row, "acquired": True})


def release(region, node):
    """Drop the copies again."""
    for row in _of(region, "filesystems", node):
        if row["acquired"]:
            drop_filesystem(region, row)


# -- sizes -------------------------------------------------------------------------------------


def _overhead(node):
    """What a partition table takes of a disk."""
    arch = (node["architecture"] or "").partition("/")[0]
    no_grub = node["bios_boot_method"] == "uefi" or is_node_1x(node)
    more = {"ppc64el": 8 * MIB, "amd64": 0 if no_grub else MIB}
    return 5 * MIB + more.get(arch, 0)


def left_for_partitions(region, disk):
    """How much of a disk partitions could still have, in bytes."""
    used = sum(row["size"] for row in partitions_of(region, disk))
    left = disk["size"] - used - _overhead(node_of(region, disk))
    return left // ALIGNMENT * ALIGNMENT


def available(region, disk):
    """How much of a disk is left, in bytes."""
    if filesystem_of(region, (DISK, disk["id"])):
        return 0
    if region.release < "2.0" and not disk["table"]:
        return disk["size"]
    return left_for_partitions(region, disk)


def used(region, disk):
    """How much of a disk is used, in bytes; a partition table takes some."""
    if filesystem_of(region, (DISK, disk["id"])):
        return disk["size"]
    if not disk["table"]:
        return 0
    return sum(row["size"] for row in partitions_of(region, disk)) + _overhead(
        node_of(region, disk)
    )


def group_size(region, group):
    """The size of a group in bytes: by its RAID level, else the sum of its members."""
    rows = members(region, group)
    sizes = [device(region, row["device"])["size"] for row in rows]
    if not sizes:
        return 0
    kind, active = group["kind"], sum(row["fstype"] == "raid" for row in rows)
    if kind == "lvm-vg":
        return (sum(sizes) // ALIGNMENT - len(sizes)) * ALIGNMENT
    if kind == "raid-0":
        return sum(sizes) - _SUPERBLOCK * len(sizes)
    if kind == "raid-10":
        return min(sizes) * active / 2 - _SUPERBLOCK
    count = {"raid-1": 1, "raid-5": active - 1, "raid-6": active - 2}
    if kind in count:
        return min(sizes) * count[kind] - _SUPERBLOCK
    return sum(sizes)


def group_left(region, group):
    """How much of a volume group is left, in bytes."""
    return group_size(region, group) - sum(row["size"] for row in volumes_of(region, group))


# -- making and dropping -----------------------------------------------------------------------


def add_disk(region, node, name, size, kind="physical", **more):
    """Add a disk to a machine.

    Raises:
        Invalid: It has one of that name.
    """
    row = {"node": node["system_id"], "name": name, "size": size, "kind": kind, "block_size": 512,
           "model": "", "serial": "", "id_path": "", "tags": [], "table": None, "group": None,
           "firmware_version": None, "numa_node": 0}  # fmt: skip
    row.update(more)
    if any(other["name"] == name for other in disks_of(region, node)):
        raise twin_disk()
    return region.rows("disks").add(row)


def twin_disk():
    """What is said of a second disk of a name."""
    return refused("Block device with this Node config and Name already exists.")


def add_partition(region, node, disk, size=None, bootable=False, uid=None, index=None):
    """Make a partition; without a size of all that is left.

    Raises:
        Invalid: The disk cannot have one, or has no room for it.
    """
    group = region.rows("groups").get(disk["group"])
    if group and not disk["table"] and group["kind"] in ("lvm-vg", "bcache"):
        word = {"lvm-vg": "logical", "bcache": "Bcache"}[group["kind"]]
        text = f"Cannot create a partition table on a {word} volume."
        raise refused(text, "block_device")
    mbr = is_node_1x(node) and boot_disk(region, node) is disk  # it boots from BIOS
    disk["table"] = disk["table"] or ("MBR" if mbr else "GPT")
    left = left_for_partitions(region, disk)
    size = (left if size is None else size) // ALIGNMENT * ALIGNMENT
    if size < ALIGNMENT:
        raise refused(f"Ensure this value is greater than or equal to {ALIGNMENT}.", "size")
    if size > left:
        text = "Partition cannot be saved; not enough free space on the block device."
        raise refused(text, "size")
    if disk["table"] == "MBR" and size > _LARGEST_MBR:
        text = "Partition cannot be saved; size is larger than the MBR 2TiB maximum."
        raise refused(text, "size")
    row = {"node": node["system_id"], "disk": disk["id"], "size": size, "bootable": bool(bootable),
           "uuid": new_uuid(uid), "tags": []}  # fmt: skip
    row["index"] = index or _next_index(region, node, disk)
    return region.rows("partitions").add(row)


def _next_index(region, node, disk):
    index = 1 + max((row["index"] for row in partitions_of(region, disk)), default=0)
    if index == 4 and disk["table"] == "MBR":
        return 5
    if index > 1 or disk["table"] != "GPT":
        return index
    arch = (node["architecture"] or "").partition("/")[0]
    boot = boot_disk(region, node)
    prep = arch == "ppc64el" and boot and boot["id"] == disk["id"]
    grub = arch == "amd64" and node["bios_boot_method"] != "uefi" and disk["kind"] == "physical"
    return 2 if prep or grub else 1


def _refuse_part(region, device, noun):
    filesystem = filesystem_of(region, device)
    group = filesystem and group_of(region, filesystem)
    if group:
        nice = NICE_NAMES[group["kind"]]
        raise forbidden(f"Cannot delete {noun} because its part of a {nice}.")


def drop_partition(region, row):
    """Delete a partition; those after it move up, and with the last one the table goes.

    Raises:
        Invalid: It is part of something.
    """
    _refuse_part(region, (PARTITION, row["id"]), "partition")
    _forget_partition(region, row)
    disk = region.rows("disks")[row["disk"]]
    if not partitions_of(region, disk):
        disk["table"] = None
    for other in partitions_of(region, disk):
        if other["index"] > row["index"]:
            other["index"] -= 1
            if other["size"] > left_for_partitions(region, disk) + other["size"]:
                text = f"Partition {other['id']} cannot be resized to fit on the block device; not"
                raise refused(f"{text} enough free space.", "size")


def _forget_partition(region, row):
    for filesystem in filesystems_of(region, (PARTITION, row["id"])):
        _forget_filesystem(region, filesystem)
    region.rows("partitions").pop(row["id"], None)


def _forget_filesystem(region, row):
    """Take a file system away with its device; a cache set goes with its only one."""
    drop_filesystem(region, row)
    if row["cache_set"] is not None:
        region.rows("cache_sets").pop(row["cache_set"], None)


def drop_disk(region, row):
    """Delete a disk with what is on it.

    Raises:
        Invalid: It is part of something.
    """
    _refuse_part(region, (DISK, row["id"]), "block device")
    forget_disk(region, row)


def forget_disk(region, row):
    """Take a disk away with all that is on it, whatever it is part of.

    A virtual one takes its RAID or bcache along, and a disk groups that have no other member.
    """
    if region.rows("disks").pop(row["id"], None) is None:
        return
    for part in partitions_of(region, row):
        _forget_partition(region, part)
    for filesystem in filesystems_of(region, (DISK, row["id"])):
        _forget_filesystem(region, filesystem)
        group = group_of(region, filesystem)
        if group and not members(region, group):
            drop_group(region, group)
    group = region.rows("groups").get(row["group"])
    if group and group["kind"] != "lvm-vg":
        drop_group(region, group)


def drop_group(region, group):
    """Delete a group, with the disks that are made of it and what is on those."""
    if region.rows("groups").pop(group["id"], None) is None:
        return
    for row in volumes_of(region, group):
        forget_disk(region, row)
    for filesystem in members(region, group):
        drop_filesystem(region, filesystem)


def add_group(region, node, kind, name, keys, *, uid=None, spares=(), cache_set=None,
              cache_mode=None):  # fmt: skip
    """Make a group of devices.

    Raises:
        Invalid: It has no name, or not the members that it needs.
    """
    if not name:
        raise refused("This field cannot be blank.", "name")
    group = region.rows("groups").add(
        {"node": node["system_id"], "kind": kind, "name": name, "uuid": new_uuid(uid),
         "cache_set": cache_set, "cache_mode": cache_mode}
    )  # fmt: skip
    fstype = {"lvm-vg": "lvm-pv", "bcache": "bcache-backing", "vmfs6": "vmfs6"}.get(kind, "raid")
    for key in keys:
        add_filesystem(region, node, key, fstype, group=group["id"])
    for key in spares:
        add_filesystem(region, node, key, "raid-spare", group=group["id"])
    save_group(region, node, group)
    return group


def save_group(region, node, group):
    """Store a group anew: its members are counted, and its virtual disk follows.

    Raises:
        Invalid: There are too few.
    """
    rows = members(region, group)
    if not rows:
        raise refused("At least one filesystem must have been added.")
    kind = group["kind"]
    if kind in RAIDS:
        active = sum(row["fstype"] == "raid" for row in rows)
        spares = len(rows) - active
        if active < _LEAST_MEMBERS[kind] or (kind == "raid-0" and spares):
            count = "no spares" if kind == "raid-0" else "any number of spares"
            raise refused(
                f"RAID level {kind[5:]} must have at least {_LEAST_MEMBERS[kind]} raid devices and"
                f" {count}."
            )
    if kind == "lvm-vg":
        if group_left(region, group) < 0:
            raise forbidden("Volume group cannot be smaller than its logical volumes.")
        return
    size = group_size(region, group)
    block = _BLOCK_SIZES.get(kind) or _block_size(region, rows[0]["device"])
    volume = next(iter(volumes_of(region, group)), None)
    if volume is None:
        add_disk(region, node, group["name"], int(size), "virtual", group=group["id"],
                 uuid=new_uuid(), block_size=block, numa_node=None)  # fmt: skip
        return
    others = [row for row in disks_of(region, node) if row is not volume]
    if any(row["name"] == group["name"] for row in others):
        raise twin_disk()
    volume.update(name=group["name"], size=int(size), block_size=block)


def _block_size(region, key):
    row = device(region, key)
    return row["block_size"] if key[0] == DISK else region.rows("disks")[row["disk"]]["block_size"]


def add_volume(region, node, group, name, size=None, uid=None):
    """Make a logical volume; without a size of all that is left."""
    left = group_left(region, group)
    size = (left if size is None else size) // ALIGNMENT * ALIGNMENT
    if size > left:
        text = f"There is not enough free space ({human(size)}) on volume group {group['name']}."
        raise refused(text)
    return add_disk(region, node, name, size, "virtual", group=group["id"], uuid=new_uuid(uid),
                    block_size=4096, numa_node=None)  # fmt: skip


def add_cache_set(region, node, key):
    """The cache set on a device, which is made if there is none."""
    for row in filesystems_of(region, key):
        if row["cache_set"] is not None:
            return region.rows("cache_sets")[row["cache_set"]]
    row = region.rows("cache_sets").add({"node": node["system_id"]})
    add_filesystem(region, node, key, "bcache-cache", cache_set=row["id"])
    return row


def cache_device(region, row):
    """The key of the device that a cache set is on."""
    rows = region.rows("filesystems").of(row["node"])
    return next((item["device"] for item in rows if item["cache_set"] == row["id"]), None)


def without_boot_disk(region, node, key):
    """A device for a group: instead of the whole boot disk, a partition of all of it."""
    boot = boot_disk(region, node)
    if key[0] == DISK and boot and boot["id"] == key[1]:
        return PARTITION, add_partition(region, node, boot)["id"]
    return key


def clear(region, node):
    """Leave a machine nothing but its bare disks."""
    for row in _of(region, "groups", node):
        drop_group(region, row)
    for disk in disks_of(region, node):
        disk["table"] = None
        for part in partitions_of(region, disk):
            _forget_partition(region, part)
        for filesystem in filesystems_of(region, (DISK, disk["id"])):
            _forget_filesystem(region, filesystem)
    for row in _of(region, "filesystems", node):
        drop_filesystem(region, row)


def drop_all(region, node):
    """Forget all that a machine had."""
    for kind in TABLES:
        table = region.rows(kind)
        for row in _of(region, kind, node):
            table.pop(row["id"], None)


# -- what is shown -----------------------------------------------------------------------------


def used_for(region, key, disk=None):
    """What a device is used for, in words."""
    row = filesystem_of(region, key)
    if row is None:
        if disk is None or not disk["table"]:
            return "Unused"
        count = len(partitions_of(region, disk))
        return f"{disk['table']} partitioned with {count} partition{'s' if count > 1 else ''}"
    if row["mount_point"] is not None:
        return f"{row['fstype']} formatted filesystem mounted at {row['mount_point']}"
    group = group_of(region, row)
    if group:
        return _USES[row["fstype"]].format(name=group["name"], kind=group["kind"])
    if row["cache_set"] is not None:
        name = cache_set_name(region, region.rows("cache_sets")[row["cache_set"]])
        return _USES[row["fstype"]].format(name=name)
    return f"Unmounted {row['fstype']} formatted filesystem"


def disk_name(region, row):
    """What a disk is called: a logical volume by its group, too."""
    group = region.rows("groups").get(row["group"])
    if group and group["kind"] == "lvm-vg":
        return f"{group['name']}-{row['name']}"
    return row["name"]


def show_disk(region, row, in_list=False):
    """A disk as the API shows it.

    Args:
        region: The region.
        row: The disk.
        in_list: Whether it is in ``blockdevices/``, where some of it is missing.
    """
    name, key = disk_name(region, row), (DISK, row["id"])
    physical = row["kind"] == "physical"
    shown = {
        "id": row["id"],
        "system_id": row["node"],
        "name": name,
        "uuid": None if physical else row["uuid"],
        "type": row["kind"],
        "path": f"/dev/disk/by-dname/{row['name'] if in_list else name}",
        "size": row["size"],
        "block_size": row["block_size"],
        "available_size": available(region, row),
        "used_size": used(region, row),
        "used_for": used_for(region, key, row),
        "tags": row["tags"],
        "filesystem": _show_filesystem(filesystem_of(region, key)),
        "partition_table_type": row["table"],
        "partitions": [show_partition(region, item) for item in partitions_of(region, row)],
        "model": row["model"] if physical else None,
        "serial": row["serial"] if physical else None,
        "id_path": row["id_path"] if physical else None,
        "firmware_version": row["firmware_version"],
        "storage_pool": row.get("storage_pool"),
        "numa_node": row["numa_node"],
        "resource_uri": f"{_uri(region, row['node'])}/blockdevices/{row['id']}/",
    }
    if in_list or not physical:
        del shown["firmware_version"]
    return hide_newer(region.release, shown, _DISK_SINCE)


def _uri(region, system_id):
    return f"/MAAS/api/{region.release.api}/nodes/{system_id}"


def show_partition(region, row):
    """A partition as the API shows it."""
    disk, key = region.rows("disks")[row["disk"]], (PARTITION, row["id"])
    base = f"{_uri(region, disk['node'])}/blockdevices/{disk['id']}/partition/{row['id']}"
    shown = {
        "id": row["id"],
        "system_id": disk["node"],
        "device_id": disk["id"],
        "uuid": row["uuid"],
        "type": "partition",
        "path": f"/dev/disk/by-dname/{disk_name(region, disk)}-part{row['index']}",
        "size": row["size"],
        "bootable": row["bootable"],
        "filesystem": _show_filesystem(filesystem_of(region, key)),
        "used_for": used_for(region, key),
        "tags": row["tags"],
        "resource_uri": base,
    }
    return hide_newer(region.release, shown, _PARTITION_SINCE)


def show_device(region, key):
    """A disk or partition that is part of something."""
    row = device(region, key)
    return show_disk(region, row) if key[0] == DISK else show_partition(region, row)


def _show_members(region, group, *fstypes):
    return [show_device(region, row["device"]) for row in members(region, group, *fstypes)]


def show_group(region, row):
    """A volume group, RAID, bcache or datastore as the API shows it."""
    size, ident = group_size(region, row), row["id"]
    base = _uri(region, row["node"])
    shown = {"id": ident, "system_id": row["node"], "uuid": row["uuid"], "name": row["name"],
             "size": size, "human_size": human(size)}  # fmt: skip
    volumes = volumes_of(region, row)
    if row["kind"] == "lvm-vg":
        taken = sum(item["size"] for item in volumes)
        shown.update(
            devices=_show_members(region, row),
            available_size=size - taken,
            human_available_size=human(size - taken),
            used_size=taken,
            human_used_size=human(taken),
            logical_volumes=[show_disk(region, item) for item in volumes],
            resource_uri=f"{base}/volume-group/{ident}/",
        )
    elif row["kind"] == "vmfs6":
        filesystem = filesystem_of(region, (DISK, volumes[0]["id"])) if volumes else None
        place = filesystem and {name: filesystem[name] for name in ("fstype", "mount_point")}
        shown.update(devices=_show_members(region, row), filesystem=place)
        shown["resource_uri"] = f"{base}/vmfs-datastore/{ident}/"
    elif row["kind"] == "bcache":
        shown.update(
            cache_set=show_cache_set(region, region.rows("cache_sets")[row["cache_set"]]),
            backing_device=_show_members(region, row)[0],
            virtual_device=show_disk(region, volumes[0]),
            cache_mode=row["cache_mode"],
            resource_uri=f"{base}/bcache/{ident}/",
        )
    else:
        shown.update(
            level=row["kind"],
            devices=_show_members(region, row, "raid"),
            spare_devices=_show_members(region, row, "raid-spare"),
            virtual_device=show_disk(region, volumes[0]),
            resource_uri=f"{base}/raid/{ident}/",
        )
    return hide_newer(region.release, shown, _GROUP_SINCE)


def show_cache_set(region, row):
    """A bcache cache set as the API shows it."""
    shown = {
        "id": row["id"],
        "system_id": row["node"],
        "name": cache_set_name(region, row),
        "cache_device": show_device(region, cache_device(region, row)),
        "resource_uri": f"{_uri(region, row['node'])}/bcache-cache-set/{row['id']}/",
    }
    return hide_newer(region.release, shown, _GROUP_SINCE)


def of_machine(region, node):
    """The fields of a machine that tell its storage."""
    disks = disks_of(region, node)
    shown = [show_disk(region, row) for row in disks]
    physical = [item for item in shown if item["type"] == "physical"]
    boot, ident = boot_disk(region, node), node["system_id"]

    def named(rows):
        return [{"system_id": ident, "id": row["id"], "__incomplete__": True} for row in rows]

    return {
        "storage": sum(item["size"] for item in physical) / 1000.0 / 1000.0,
        "blockdevice_set": shown,
        "physicalblockdevice_set": physical,
        "virtualblockdevice_set": [item for item in shown if item["type"] == "virtual"],
        "boot_disk": next((item for item in physical if boot and item["id"] == boot["id"]), None),
        "volume_groups": named(groups_of(region, node, "lvm")),
        "raids": named(groups_of(region, node, "raid")),
        "bcaches": named(groups_of(region, node, "bcache")),
        "cache_sets": named(cache_sets_of(region, node)),
    }


# -- deploying ---------------------------------------------------------------------------------


def _on_bcache(region, key):
    """Whether a device is made of a bcache, or is in one."""
    row = device(region, key)
    if key[0] == PARTITION:
        return _on_bcache(region, (DISK, row["disk"]))
    group = region.rows("groups").get(row["group"])
    if group is None:
        return False
    if group["kind"] == "bcache":
        return True
    return any(_on_bcache(region, item["device"]) for item in members(region, group))


def issues(region, node):
    """Why a machine's disks are not fit for a deployment: texts."""
    disks, system = disks_of(region, node), node["osystem"]
    if node["ephemeral_deploy"]:
        return []
    if not disks:
        return ["There are currently no storage devices.  Please add a storage device to be able"
                " to deploy this node."]  # fmt: skip
    found = []
    if boot_disk(region, node) is None:
        found.append("Specify a storage device to be able to deploy this node.")
    if system not in ("ubuntu", "centos", "rhel"):
        return found
    keys = []
    for disk in disks:
        parts = partitions_of(region, disk)
        keys += (
            [(PARTITION, part["id"]) for part in parts] if disk["table"] else [(DISK, disk["id"])]
        )
    mounted = {}
    for key in keys:
        row = filesystem_of(region, key)
        if row and row["mount_point"]:
            mounted[row["mount_point"]] = key
    boot = "/boot" in mounted and not _on_bcache(region, mounted["/boot"])
    if "/" not in mounted:
        found.append("Mount the root '/' filesystem to be able to deploy this node.")
    elif _on_bcache(region, mounted["/"]) and not boot:
        found.append(
            "This node cannot be deployed because it cannot boot from a bcache volume. Mount /boot"
            " on a non-bcache device to be able to deploy this node."
        )
    arch = node["architecture"].partition("/")[0]
    if not boot and arch == "arm64" and node["bios_boot_method"] != "uefi":
        found.append(
            "This node cannot be deployed because it needs a separate /boot partition.  Mount"
            " /boot on a device to be able to deploy this node."
        )
    return found
