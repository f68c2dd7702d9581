"""The desired storage of a machine: devices with their sizes, and which current ones they keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from saltext.maas.resources import storage_sizes as sizes
from saltext.maas.resources.storage_current import (
    ACTIVE,
    BACKING,
    BCACHE,
    CACHE,
    DISK,
    EXTENT,
    PARTITION,
    RAID,
    SPARE,
    VOLUME,
    CurrentStorage,
    Device,
)


class StorageProblem(ValueError):
    """The description of storage cannot be applied; the text says why and what to do."""


@dataclass
class DesiredDevice:
    """One device as described.

    Attributes:
        name, kind, size, fs, label, mount, options: As of a
            :class:`~saltext.maas.resources.storage_current.Device`.
        exact: Whether its content is described, so that other content is deleted.
        current: The current device that it is; None if it is to be created.
        asked: The size in the description.
        above, parts, of: As of a device.
        role, group: As of a device.
        tags: Tags of a disk or partition; None for any.
        table: Type of a disk's partition table; empty for any.
    """

    name: str
    kind: str
    size: int
    exact: bool = True
    current: Device | None = None
    asked: Any = None
    above: DesiredDevice | None = None
    parts: list[DesiredDevice] = field(default_factory=list)
    of: str = ""
    fs: str | None = None
    label: str | None = None
    mount: str | None = None
    options: str | None = None
    role: str = ""
    group: str = ""
    tags: list | None = None
    table: str = ""


@dataclass
class DesiredGroup:
    """A RAID, a volume group, or a bcache as described.

    Attributes:
        name: Its name.
        kind: ``raid``, ``volume`` or ``bcache``.
        members: Its members, grouped by role.
        in_place: Whether the current group can be changed in place.
        removes_first: Whether members are removed before new ones are added.
        level, mode: Of a RAID, of a bcache.
        virtual: The virtual disks on it.
    """

    name: str
    kind: str
    members: list[DesiredDevice]
    in_place: bool = False
    removes_first: bool = True
    level: int = 0
    mode: str = ""
    virtual: list[DesiredDevice] = field(default_factory=list)


def _tagged(disks, tag):
    return [one for one in disks if tag in (one.raw.get("tags") or ())]


def _first(disks, sign):
    """The smallest of some disks, or with sign -1 the largest, as a list; of several the oldest."""
    return sorted(disks, key=lambda one: (sign * one.size, one.id or 0))[:1]


class DesiredStorage:
    """All desired devices and groups, in the order in which they are created.

    Args:
        entry: The description.
        current: What the machine has.

    Attributes:
        devices: The devices described, by name.
        groups: RAIDs, volume groups and bcaches, by name.

    Raises:
        StorageProblem: With what to do.
    """

    def __init__(self, entry: dict, current: CurrentStorage):
        self.entry, self.current = entry, current
        self.devices: dict[str, DesiredDevice] = {}
        self.groups: dict[str, DesiredGroup] = {}
        self._making: list[str] = []
        self._disks = self._match_disks()
        self.boot_disk = self.disk_name(entry["boot_disk"]) if entry.get("boot_disk") else None
        for name in entry.get("disks") or {}:
            self.device(name)
        for kind in ("raids", "volume_groups", "bcaches"):
            for name in entry.get(kind) or {}:
                self._group(kind, name)
        self._refuse_boot_disk()

    # Matching of disks

    def _match_disks(self) -> dict[str, Device]:
        """Return the disk for each name in the description."""
        found: dict[str, Device] = {}
        for name, entry in (self.entry.get("disks") or {}).items():
            match = (entry or {}).get("match")
            disk = self._matching(name, match) if match else self._named(name)
            if disk in found.values():
                raise StorageProblem(f"disks:{name}: {disk.name} is described twice")
            found[name] = disk
        return found

    def _named(self, name):
        for disk in self.current.disks():
            if disk.name == name:
                return disk
        raise StorageProblem(
            f"the machine has no disk {name!r}; it has {self._list(self.current.disks())}"
        )

    def _matching(self, name, match):
        disks = self.current.disks()
        for key in ("name", "serial", "model", "id_path"):
            if key in match:
                disks = [one for one in disks if (one.raw.get(key) or "") == str(match[key])]
        if "tag" in match:
            disks = _tagged(disks, match["tag"])
        if "size" in match:
            size = sizes.in_bytes(match["size"])
            disks = [one for one in disks if abs(one.size - size) * 100 <= size]
        for key, sign in (("smallest", 1), ("largest", -1)):
            tag = match.get(key)
            if tag and tag is not True:
                disks = _tagged(disks, tag)
            if key in match:
                disks = _first(disks, sign)
        if len(disks) == 1:
            return disks[0]
        if disks:
            raise StorageProblem(f"disks:{name}:match: matches {self._list(disks)}; add criteria")
        every = self._list(self.current.disks())
        raise StorageProblem(
            f"disks:{name}:match: matches no disk of the machine, which has {every}"
        )

    @staticmethod
    def _list(disks):
        shown = []
        for one in disks:
            known = (one.raw.get("model"), one.raw.get("serial"), sizes.text(one.size))
            shown.append(f"{one.name} ({', '.join(str(word) for word in known if word)})")
        return ", ".join(shown) or "none"

    def disk_name(self, name: str) -> str:
        """Return the name in MAAS of a disk that is described, or of one that is there."""
        return self._disks[name].name if name in self._disks else self._named(name).name

    # Devices

    def device(self, name: str) -> DesiredDevice:
        """Return a device by the name that the description gives it."""
        if name in self.devices:
            return self.devices[name]
        if name in self._making:
            raise StorageProblem(f"{name}: it is a member of itself")
        self._making.append(name)
        try:
            base, _, number = name.rpartition("-part")
            if base and number.isdigit():
                self.device(base)
            elif name in (self.entry.get("raids") or {}):
                self._group("raids", name)
            elif name in (self.entry.get("bcaches") or {}):
                self._group("bcaches", name)
            elif not self._volume(name):
                self._make_disk(name)
        finally:
            self._making.remove(name)
        if name not in self.devices:
            raise StorageProblem(f"there is no {name!r} among what is described")
        return self.devices[name]

    def _volume(self, name):
        for group in self.entry.get("volume_groups") or {}:
            volumes = self.entry["volume_groups"][group].get("volumes") or {}
            if any(name == f"{group}-{volume}" for volume in volumes):
                self._group("volume_groups", group)
                return True
        return False

    def _make_disk(self, name):
        entry = (self.entry.get("disks") or {}).get(name) or {}
        disk = self._disks.get(name) or self._named(name)
        target = DesiredDevice(name, DISK, disk.size, exact=False, current=disk)
        self._add_device(target, entry)

    def _add_device(self, target, entry):
        """Add a device with its file system and partitions."""
        self.devices[target.name] = target
        target.fs, target.label = entry.get("fs"), entry.get("label")
        target.mount, target.options = entry.get("mount"), entry.get("options")
        target.tags, target.table = entry.get("tags"), entry.get("partition_table") or ""
        if target.fs == "swap":
            target.mount = "none"
        target.exact = target.exact or bool(target.fs) or "partitions" in entry
        parts = entry.get("partitions") or []
        try:
            found = sizes.divide(
                [one.get("size") for one in parts], self.current.capacity(target.size)
            )
        except ValueError as error:
            raise StorageProblem(f"{target.name}: {error}") from None
        kept = list(target.current.parts) if target.current else []
        for number, (part, size) in enumerate(zip(parts, found, strict=True), 1):
            below = DesiredDevice(
                f"{target.name}-part{number}", PARTITION, size, asked=part.get("size")
            )
            below.above = target
            # Partitions keep their order, so after the first new one all are new.
            while kept and kept[0].size != size:
                kept.pop(0)
            below.current = kept.pop(0) if kept else None
            target.parts.append(below)
            self._add_device(below, part)

    # Groups

    def _group(self, kind, name):
        if name in self.groups:
            return
        entry = self.entry[kind][name] or {}
        roles = {"raids": (("devices", ACTIVE), ("spares", SPARE)),
                 "volume_groups": (("devices", EXTENT),),
                 "bcaches": (("backing", BACKING), ("cache", CACHE))}[kind]  # fmt: skip
        members = []
        for key, role in roles:
            value = entry.get(key) or []
            for one in [value] if isinstance(value, str) else value:
                members.append(self._member(name, one, role))
        made = {"raids": RAID, "volume_groups": VOLUME, "bcaches": BCACHE}[kind]
        group = DesiredGroup(name, made, members, level=int(entry.get("level") or 0))
        group.mode = entry.get("mode") or ""
        group.in_place = self._can_stay_in_place(group)
        self.groups[name] = group
        if kind == "volume_groups":
            self._volumes(group, entry)
            return
        active = [one.size for one in members if one.role == (ACTIVE if made == RAID else BACKING)]
        spares = [one.size for one in members if one.role == SPARE]
        size = sizes.raid_size(group.level, active, spares) if made == RAID else sum(active)
        target = DesiredDevice(name, made, size, of=name)
        target.current = self.current.devices.get(name) if group.in_place else None
        group.virtual = [target]
        self._add_device(target, entry)

    def _volumes(self, group, entry):
        volumes = entry.get("volumes") or {}
        capacity = sizes.volume_group_size([one.size for one in group.members])
        try:
            found = sizes.divide([(one or {}).get("size") for one in volumes.values()], capacity)
        except ValueError as error:
            raise StorageProblem(f"volume_groups:{group.name}: {error}") from None
        for (volume, entry), size in zip(volumes.items(), found, strict=True):
            target = DesiredDevice(f"{group.name}-{volume}", VOLUME, size, of=group.name)
            current = self.current.devices.get(target.name) if group.in_place else None
            target.current = current if current and current.of == group.name else None
            group.virtual.append(target)
            self._add_device(target, entry or {})

    def _member(self, group, name, role):
        target = self.device(name)
        shared = role == CACHE and target.role == CACHE
        if (target.role and not shared) or target.fs or target.parts:
            raise StorageProblem(
                f"{name}: it is a member of {group}, so it cannot have another use"
            )
        target.role, target.exact = role, True
        target.group = target.group if shared else group
        return target

    def _can_stay_in_place(self, group):
        """Whether the current group can be changed to the described one in place."""
        role = {RAID: ACTIVE, VOLUME: EXTENT, BCACHE: BACKING}[group.kind]
        current = self.current.members(group.name, role)
        kept = [one.current for one in group.members
                if one.role == role and any(one.current is other for other in current)]  # fmt: skip
        if not kept or (group.kind == RAID and self.current.levels[group.name] != group.level):
            return False
        if group.kind == BCACHE:
            caches = [one for one in group.members if one.role == CACHE]
            cache = self.current.caches.get(group.name)
            return all(one.current and one.current.group == cache for one in caches)
        gone = [one for one in current if not any(one is other for other in kept)]
        group.removes_first = not gone or self._suffices(group, kept)
        return group.removes_first or all(self._can_leave(one) for one in gone)

    def _suffices(self, group, kept):
        """Whether the remaining members suffice for a group."""
        if group.kind == RAID:
            return len(kept) >= sizes.LEAST[group.level]
        volumes = self.entry["volume_groups"][group.name].get("volumes") or {}
        used = sum(one.size for one in self.current.volumes(group.name)
                   if one.name[len(group.name) + 1 :] in volumes)  # fmt: skip
        return sizes.volume_group_size([one.size for one in kept]) >= used

    def _can_leave(self, device):
        """Whether a device only has to be removed from its group."""
        top = device.above or device
        target = next((one for one in self.devices.values() if one.current is device), None)
        if target is None:
            entries = self.entry.get("disks") or {}
            return not any(self._disks[name] is top and (entries[name] or {}).keys() & {
                "partitions", "fs"} for name in entries)  # fmt: skip
        return not (target.role or target.fs or target.parts)

    def _refuse_boot_disk(self):
        boot = self.boot_disk or self.current.boot_disk
        for target in self.devices.values():
            if (
                target.kind == DISK
                and target.current
                and target.current.name == boot
                and (target.role or target.fs)
            ):
                what = f"a member of {target.group}" if target.role else f"formatted as {target.fs}"
                raise StorageProblem(
                    f"{target.name}: it is the boot disk, so it cannot be {what} as a whole; "
                    f"describe a partition of it"
                )
