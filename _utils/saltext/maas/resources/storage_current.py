"""The current storage of a machine, from MAAS's answer.

The list of machines has all of it apart from the cache modes of bcaches; the group that a disk or
partition belongs to is in its ``used_for``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from saltext.maas.resources import storage_sizes as sizes

DISK, PARTITION, RAID, VOLUME, BCACHE = "disk", "partition", "raid", "volume", "bcache"
#: Roles of members in their group.
ACTIVE, SPARE, EXTENT, BACKING, CACHE = "active", "spare", "extent", "backing", "cache"
DATASTORE = "datastore"
_USES = (
    (re.compile(r"Active raid-(\d+) device for (.+)"), ACTIVE),
    (re.compile(r"Spare raid-(\d+) device for (.+)"), SPARE),
    (re.compile(r"LVM volume for()(.*)"), EXTENT),
    (re.compile(r"Backing device for()(.*)"), BACKING),
    (re.compile(r"Cache device for()(.*)"), CACHE),
    (re.compile(r"VMFS extent for()(.*)"), DATASTORE),
)
#: Tags that MAAS gives disks by itself.
_OWN_TAGS = re.compile(r"ssd|rotary|sata|\d+rpm")


@dataclass
class Device:
    """A disk, a partition, or a virtual disk: a RAID, a logical volume, a bcache.

    Attributes:
        name: Its name; of a partition its position on its disk, ``sda-part1`` for the first,
            whatever number MAAS gives it.
        kind: ``disk``, ``partition``, ``raid``, ``volume`` or ``bcache``.
        size: In bytes.
        id: Its id in MAAS; None for a device that does not exist yet.
        above: The disk of a partition.
        of: Name of the group that a virtual disk is made of.
        parts: The partitions of a disk.
        fs, label, mount, options: Its file system, and where it is mounted.
        role: Its role in the group that it is a member of; empty if it is in none.
        group: Name of that group.
        raw: MAAS's answer.
    """

    name: str
    kind: str
    size: int
    id: int | None = None
    above: Device | None = None
    of: str = ""
    parts: list[Device] = field(default_factory=list)
    fs: str | None = None
    label: str | None = None
    mount: str | None = None
    options: str | None = None
    role: str = ""
    group: str = ""
    raw: dict = field(default_factory=dict, repr=False)


@dataclass
class CurrentStorage:
    """All of a machine's storage.

    Attributes:
        devices: All devices, by name.
        levels: The level of each RAID.
        overhead: Bytes of a disk that its partition table takes.
        boot_disk: Name of the disk that it boots from.
        special: ``{mount point: (type, options)}`` of file systems in memory.
        modes: Cache mode of each bcache, if it was read.
        caches: The cache set of each bcache, where it is known.
    """

    devices: dict[str, Device]
    levels: dict[str, int]
    overhead: int
    boot_disk: str | None
    special: dict[str, tuple]
    modes: dict[str, str]
    caches: dict[str, str]

    def members(self, group: str, *roles: str) -> list[Device]:
        """Return the devices that a group is made of."""
        return [one for one in self.devices.values() if one.group == group and one.role in roles]

    def disks(self) -> list[Device]:
        """Return the physical disks."""
        return [one for one in self.devices.values() if one.kind == DISK]

    def volumes(self, group: str) -> list[Device]:
        """Return the logical volumes of a volume group."""
        return [one for one in self.devices.values() if one.kind == VOLUME and one.of == group]

    def capacity(self, size: int) -> int:
        """Return how much partitions a disk of a size can hold, in bytes."""
        return sizes.rounded(size - self.overhead)


def read_storage(raw: dict, bcaches: list[dict] | None = None) -> CurrentStorage:
    """Return the storage of a machine.

    Args:
        raw: The machine as MAAS answered it.
        bcaches: Its bcaches, where they were read.
    """
    disks, every = raw.get("blockdevice_set") or [], everything(raw)
    groups = {name: (role, level) for role, level, name in map(use_of, every) if name}
    devices: dict[str, Device] = {}
    for disk in disks:
        one = _device(disk, disk["name"], DISK)
        if disk.get("type") == "virtual":
            one.kind, one.of = _made_of(one.name, groups)
        devices[one.name] = one
        parts = sorted(disk.get("partitions") or (), key=lambda part: part["id"])
        for number, part in enumerate(parts, 1):
            below = _device(part, f"{one.name}-part{number}", PARTITION)
            below.above = one
            one.parts.append(below)
            devices[below.name] = below
    special = {
        one["mount_point"]: (one["fstype"], one.get("mount_options") or None)
        for one in raw.get("special_filesystems") or ()
    }
    levels = {name: int(level) for name, (_, level) in groups.items() if level}
    boot = (raw.get("boot_disk") or {}).get("name")
    modes = {one["name"]: one["cache_mode"] for one in bcaches or ()}
    caches = {one["name"]: one["cache_set"]["name"] for one in bcaches or ()}
    only = {one.group for one in devices.values() if one.role == CACHE}
    if bcaches is None and len(only) == 1:
        backed = [one.group for one in devices.values() if one.role == BACKING]
        caches = dict.fromkeys(backed, only.pop())
    return CurrentStorage(devices, levels, _overhead(raw, disks), boot, special, modes, caches)


def everything(raw: dict) -> list[dict]:
    """Return the disks and partitions of a machine as MAAS answered them."""
    disks = raw.get("blockdevice_set") or []
    return [*disks, *(part for disk in disks for part in disk.get("partitions") or ())]


def use_of(raw: dict) -> tuple[str, str, str]:
    """Return the role of a disk or partition, the level of its RAID, and the name of its group."""
    return _use(raw.get("used_for") or "")


@functools.lru_cache(maxsize=4096)  # machines are alike
def _use(text):
    for pattern, role in _USES:
        match = pattern.fullmatch(text)
        if match:
            return role, match[1], match[2].strip()
    return "", "", ""


def _device(raw, name, kind):
    role, _, group = use_of(raw)
    one = Device(name, kind, int(raw["size"]), raw["id"], role=role, group=group, raw=raw)
    system = raw.get("filesystem") or {}
    if not role and system:
        one.fs, one.label = system.get("fstype"), system.get("label") or None
        one.mount, one.options = system.get("mount_point"), system.get("mount_options") or None
    return one


def _made_of(name, groups):
    role = groups.get(name, ("",))[0]
    if role in (ACTIVE, SPARE):
        return RAID, name
    if role == BACKING:
        return BCACHE, name
    if role == DATASTORE:
        return DATASTORE, name
    volume_groups = [one for one, (role, _) in groups.items() if role == EXTENT]
    inside = [one for one in volume_groups if name.startswith(f"{one}-")]
    return VOLUME, max(inside, key=len, default="")


def _overhead(raw, disks) -> int:
    """The size of a partition table in bytes, which depends on how the machine boots."""
    for disk in disks:
        if disk.get("partition_table_type") and not disk.get("filesystem"):
            return disk["used_size"] - sum(part["size"] for part in disk["partitions"])
    arch = (raw.get("architecture") or "").partition("/")[0]
    likely = {"ppc64el": 13, "amd64": 6}.get(arch, 5)
    for disk in disks:
        if not disk.get("filesystem") and disk.get("available_size"):
            for number in (likely, 5, 6, 13):
                size = disk["size"] - number * sizes.MIB
                if sizes.rounded(size) == disk["available_size"]:
                    return number * sizes.MIB
    return likely * sizes.MIB


def own_tags(device: Device) -> Iterator[str]:
    """Yield the tags of a disk or partition that MAAS did not give it by itself."""
    own = device.kind == DISK
    for tag in device.raw.get("tags") or ():
        if not (own and _OWN_TAGS.fullmatch(tag)):
            yield tag


def described(raw: dict, bcaches: list[dict] | None = None) -> dict[str, Any] | None:
    """Return a machine's storage as a description.

    Args:
        raw: The machine as MAAS answered it.
        bcaches: Its bcaches, where they were read.

    Returns:
        None for a machine without disks, with a datastore of VMware, or with several caches and
        bcaches that were not read.
    """
    if not raw.get("blockdevice_set"):
        return None
    current = read_storage(raw, bcaches)
    if any(one.role == DATASTORE or one.kind == DATASTORE for one in current.devices.values()):
        return None
    entry: dict[str, Any] = {"boot_disk": current.boot_disk} if current.boot_disk else {}
    for one in current.devices.values():
        if one.kind == DISK:
            entry.setdefault("disks", {})[one.name] = _content(current, one)
        elif one.kind == RAID:
            members = {
                "level": current.levels[one.of],
                **_members(current, one.of, ACTIVE, "devices"),
                **_members(current, one.of, SPARE, "spares"),
            }
            entry.setdefault("raids", {})[one.name] = {**members, **_content(current, one)}
        elif one.kind == BCACHE:
            backing = {"backing": current.members(one.of, BACKING)[0].name}
            entry.setdefault("bcaches", {})[one.name] = {**backing, **_content(current, one)}
        if one.role == EXTENT and one.group not in entry.get("volume_groups", ()):
            volumes = {
                volume.name[len(one.group) + 1 :]: {
                    "size": sizes.text(volume.size), **_content(current, volume)
                }
                for volume in current.volumes(one.group)
            }  # fmt: skip
            entry.setdefault("volume_groups", {})[one.group] = {
                **_members(current, one.group, EXTENT, "devices"), "volumes": volumes
            }  # fmt: skip
    for name, bcache in entry.get("bcaches", {}).items():
        cache = current.members(current.caches.get(name, ""), CACHE)
        if not cache:
            return None  # which of several caches a bcache has is not in the list
        bcache["cache"] = cache[0].name
        if name in current.modes:
            bcache["mode"] = current.modes[name]
    if current.special:
        entry["special"] = [
            _without_empty({"fs": fs, "mount": mount, "options": options})
            for mount, (fs, options) in sorted(current.special.items())
        ]
    return entry


def _members(current, group, role, name):
    found = [one.name for one in current.members(group, role)]
    return {name: found} if found else {}


def _content(current, device):
    entry = _without_empty(
        {"fs": device.fs, "label": device.label, "mount": device.mount, "options": device.options}
    )
    if device.fs == "swap":
        entry.pop("mount", None)
    tags = sorted(own_tags(device)) if device.kind in (DISK, PARTITION) else []
    if tags:
        entry["tags"] = tags
    if device.parts and device.raw.get("partition_table_type") == "MBR":
        entry["partition_table"] = "MBR"
    parts = [
        {"size": sizes.text(part.size), **_content(current, part)}
        if part is not device.parts[-1] or sum(one.size for one in device.parts)
        != current.capacity(device.size)
        else {"size": sizes.REST, **_content(current, part)}
        for part in device.parts
    ]  # fmt: skip
    return {**entry, "partitions": parts} if parts else entry


def _without_empty(entry):
    return {name: value for name, value in entry.items() if value}
