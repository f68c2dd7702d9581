"""What a description of storage makes of the disks that a machine has: sizes, and what stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from saltext.maas.resources import storage_sizes as sizes
from saltext.maas.resources.storage_found import (
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
    Device,
    Found,
)


class Impossible(ValueError):
    """A machine cannot be laid out as described."""


@dataclass
class Wish:
    """One device as described.

    Attributes:
        name, kind, size, fs, label, mount, options: As of a
            :class:`~saltext.maas.resources.storage_found.Device`.
        exact: Whether its content is described, so that any other goes.
        there: The device that is there for it; None where it is to be made.
        asked: The size as described.
        above, parts, of: As of a device.
        role, group: As of a device.
        tags: Tags of a disk; None for any.
    """

    name: str
    kind: str
    size: int
    exact: bool = True
    there: Device | None = None
    asked: Any = None
    above: Wish | None = None
    parts: list[Wish] = field(default_factory=list)
    of: str = ""
    fs: str | None = None
    label: str | None = None
    mount: str | None = None
    options: str | None = None
    role: str = ""
    group: str = ""
    tags: list | None = None


@dataclass
class Group:
    """A RAID, a volume group, or a bcache as described.

    Attributes:
        name: Its name.
        kind: ``raid``, ``volume`` or ``bcache``.
        members: Its members, those of each role together.
        stays: Whether the one that is there can become it in place.
        early: Whether members go from it before new ones come.
        level, mode: Of a RAID, of a bcache.
        virtual: What is made of it.
    """

    name: str
    kind: str
    members: list[Wish]
    stays: bool = False
    early: bool = True
    level: int = 0
    mode: str = ""
    virtual: list[Wish] = field(default_factory=list)


class Layout:
    """All that is described, in the order in which it is made.

    Args:
        entry: The description.
        there: What the machine has.

    Attributes:
        devices: The devices described, by name.
        groups: What is made of several, by name.

    Raises:
        Impossible: With what to do.
    """

    def __init__(self, entry: dict, there: Found):
        self.entry, self.there = entry, there
        self.devices: dict[str, Wish] = {}
        self.groups: dict[str, Group] = {}
        self._making: list[str] = []
        self._chosen = self._choose()
        self.boot_disk = self.disk_name(entry["boot_disk"]) if entry.get("boot_disk") else None
        for name in entry.get("disks") or {}:
            self.device(name)
        for kind in ("raids", "volume_groups", "bcaches"):
            for name in entry.get(kind) or {}:
                self._group(kind, name)
        self._refuse_boot_disk()

    # Which disks are meant

    def _choose(self) -> dict[str, Device]:
        """Return the disk that each name of the description means."""
        found: dict[str, Device] = {}
        for name, entry in (self.entry.get("disks") or {}).items():
            match = (entry or {}).get("match")
            disk = self._matching(name, match) if match else self._named(name)
            if disk in found.values():
                raise Impossible(f"disks:{name}: {disk.name} is described twice")
            found[name] = disk
        return found

    def _named(self, name):
        for disk in self.there.disks():
            if disk.name == name:
                return disk
        raise Impossible(f"there is no disk {name!r}; it has {self._list(self.there.disks())}")

    def _matching(self, name, match):
        disks = self.there.disks()
        for key in ("name", "serial", "model", "id_path"):
            if key in match:
                disks = [one for one in disks if (one.raw.get(key) or "") == str(match[key])]
        if "tag" in match:
            disks = [one for one in disks if match["tag"] in (one.raw.get("tags") or ())]
        if "size" in match:
            size = sizes.in_bytes(match["size"])
            disks = [one for one in disks if abs(one.size - size) * 100 <= size]
        for key, choose in (("smallest", min), ("largest", max)):
            if key in match:
                tag = match[key] if match[key] is not True else None
                disks = [one for one in disks if not tag or tag in (one.raw.get("tags") or ())]
                best = choose((one.size for one in disks), default=0)
                disks = sorted(
                    (one for one in disks if one.size == best), key=lambda one: one.id or 0
                )
                disks = disks[:1]
        if len(disks) == 1:
            return disks[0]
        if disks:
            raise Impossible(f"disks:{name}:match: fits {self._list(disks)}; say more of it")
        every = self._list(self.there.disks())
        raise Impossible(f"disks:{name}:match: fits no disk of the machine, which has {every}")

    @staticmethod
    def _list(disks):
        shown = []
        for one in disks:
            known = (one.raw.get("model"), one.raw.get("serial"), sizes.text(one.size))
            shown.append(f"{one.name} ({', '.join(str(word) for word in known if word)})")
        return ", ".join(shown) or "none"

    def disk_name(self, name: str) -> str:
        """Return the name in MAAS of a disk that is described, or of one that is there."""
        return self._chosen[name].name if name in self._chosen else self._named(name).name

    # Devices

    def device(self, name: str) -> Wish:
        """Return a device by the name that the description gives it."""
        if name in self.devices:
            return self.devices[name]
        if name in self._making:
            raise Impossible(f"{name}: it would be made of itself")
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
            raise Impossible(f"there is no {name!r} among what is described")
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
        disk = self._chosen.get(name) or self._named(name)
        wish = Wish(name, DISK, disk.size, exact=False, there=disk)
        wish.tags = entry.get("tags")
        self._fill(wish, entry)

    def _fill(self, wish, entry):
        """Note a device, and what is on it."""
        self.devices[wish.name] = wish
        wish.fs, wish.label = entry.get("fs"), entry.get("label")
        wish.mount, wish.options = entry.get("mount"), entry.get("options")
        if wish.fs == "swap":
            wish.mount = "none"
        wish.exact = wish.exact or bool(wish.fs) or "partitions" in entry
        parts = entry.get("partitions") or []
        try:
            found = sizes.shared_out([one.get("size") for one in parts], self.there.room(wish.size))
        except ValueError as error:
            raise Impossible(f"{wish.name}: {error}") from None
        kept = list(wish.there.parts) if wish.there else []
        for number, (part, size) in enumerate(zip(parts, found, strict=True), 1):
            below = Wish(f"{wish.name}-part{number}", PARTITION, size, asked=part.get("size"))
            below.above = wish
            # Partitions keep their order, so after the first new one all are new.
            while kept and kept[0].size != size:
                kept.pop(0)
            below.there = kept.pop(0) if kept else None
            wish.parts.append(below)
            self._fill(below, part)

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
        group = Group(name, made, members, level=int(entry.get("level") or 0))
        group.mode = entry.get("mode") or ""
        group.stays = self._stays(group)
        self.groups[name] = group
        if kind == "volume_groups":
            self._volumes(group, entry)
            return
        active = [one.size for one in members if one.role == (ACTIVE if made == RAID else BACKING)]
        spares = [one.size for one in members if one.role == SPARE]
        size = sizes.of_raid(group.level, active, spares) if made == RAID else sum(active)
        wish = Wish(name, made, size, of=name)
        wish.there = self.there.devices.get(name) if group.stays else None
        group.virtual = [wish]
        self._fill(wish, entry)

    def _volumes(self, group, entry):
        volumes = entry.get("volumes") or {}
        room = sizes.of_group([one.size for one in group.members])
        try:
            found = sizes.shared_out([(one or {}).get("size") for one in volumes.values()], room)
        except ValueError as error:
            raise Impossible(f"volume_groups:{group.name}: {error}") from None
        for (volume, entry), size in zip(volumes.items(), found, strict=True):
            wish = Wish(f"{group.name}-{volume}", VOLUME, size, of=group.name)
            there = self.there.devices.get(wish.name) if group.stays else None
            wish.there = there if there and there.of == group.name else None
            group.virtual.append(wish)
            self._fill(wish, entry or {})

    def _member(self, group, name, role):
        wish = self.device(name)
        shared = role == CACHE and wish.role == CACHE
        if (wish.role and not shared) or wish.fs or wish.parts:
            raise Impossible(f"{name}: it is a member of {group}, and described otherwise as well")
        wish.role, wish.exact = role, True
        wish.group = wish.group if shared else group
        return wish

    def _stays(self, group):
        """Whether the group that is there can become the described one in place."""
        role = {RAID: ACTIVE, VOLUME: EXTENT, BCACHE: BACKING}[group.kind]
        there = self.there.members(group.name, role)
        kept = [one.there for one in group.members
                if one.role == role and any(one.there is other for other in there)]  # fmt: skip
        if not kept or (group.kind == RAID and self.there.levels[group.name] != group.level):
            return False
        if group.kind == BCACHE:
            caches = [one for one in group.members if one.role == CACHE]
            cache = self.there.caches.get(group.name)
            return all(one.there and one.there.group == cache for one in caches)
        gone = [one for one in there if not any(one is other for other in kept)]
        group.early = not gone or self._enough(group, kept)
        return group.early or all(self._let_go(one) for one in gone)

    def _enough(self, group, kept):
        """Whether a group can do with what of its members stays."""
        if group.kind == RAID:
            return len(kept) >= sizes.LEAST[group.level]
        volumes = self.entry["volume_groups"][group.name].get("volumes") or {}
        used = sum(one.size for one in self.there.volumes(group.name)
                   if one.name[len(group.name) + 1 :] in volumes)  # fmt: skip
        return sizes.of_group([one.size for one in kept]) >= used

    def _let_go(self, device):
        """Whether nothing else is to be done with a device than to take it out of a group."""
        top = device.above or device
        wish = next((one for one in self.devices.values() if one.there is device), None)
        if wish is None:
            entries = self.entry.get("disks") or {}
            return not any(self._chosen[name] is top and (entries[name] or {}).keys() & {
                "partitions", "fs"} for name in entries)  # fmt: skip
        return not (wish.role or wish.fs or wish.parts)

    def _refuse_boot_disk(self):
        boot = self.boot_disk or self.there.boot_disk
        for wish in self.devices.values():
            if (
                wish.kind == DISK
                and wish.there
                and wish.there.name == boot
                and (wish.role or wish.fs)
            ):
                what = f"a member of {wish.group}" if wish.role else f"formatted as {wish.fs}"
                raise Impossible(
                    f"{wish.name}: it is the boot disk, so it cannot be {what} as a whole; "
                    f"describe a partition of it"
                )
