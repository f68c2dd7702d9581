"""The requests that change the storage of a machine to what is described, in order.

What contradicts the description is deleted first, from the top down; then new devices are created.
Devices that match the description are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from saltext.maas.resources import storage_sizes as sizes
from saltext.maas.resources.storage_current import (
    ACTIVE,
    BACKING,
    BCACHE,
    CACHE,
    DATASTORE,
    PARTITION,
    RAID,
    SPARE,
    VOLUME,
    CurrentStorage,
    Device,
    own_tags,
)
from saltext.maas.resources.storage_desired import (
    DesiredDevice,
    DesiredGroup,
    DesiredStorage,
    StorageProblem,
)

#: Operations that MAAS also accepts on allocated machines.
MOUNTING = ("format", "unformat", "mount", "unmount", "mount_special", "unmount_special")
_DEFAULT_MODE, _DEFAULT_TABLE = "writethrough", "GPT"


@dataclass
class StorageStep:
    """One request.

    Attributes:
        text: What it does, and to what.
        path: Below the path of the machine or node; names in braces are replaced by ids.
        method: ``POST``, ``PUT`` or ``DELETE``.
        op: Operation of a POST.
        data: Form fields; a :class:`Ref` is replaced by an id.
        makes: Name of the created device, whose id is in the answer.
        erases: The device whose data is lost; empty for none.
        of_machine: Whether the path is below ``machines/`` rather than ``nodes/``.
    """

    text: str
    path: str
    method: str = "POST"
    op: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    makes: str = ""
    erases: str = ""
    of_machine: bool = False


@dataclass(frozen=True)
class Ref:
    """The id of a device that may be created by an earlier step.

    Attributes:
        name: Name of the device.
    """

    name: str


#: The collections of groups, by the kind that their ids are stored under.
COLLECTIONS = {"raid": "raids", "volume-group": "volume-groups", "bcache": "bcaches",
               "vmfs-datastore": "vmfs-datastores",
               "bcache-cache-set": "bcache-cache-sets"}  # fmt: skip


def known_ids(desired: DesiredStorage) -> dict[str, int]:
    """Return the ids of the described devices that exist."""
    return {
        name: one.current.id
        for name, one in desired.devices.items()
        if one.current and one.current.id
    }


class StoragePlan:
    """The steps of one machine.

    Args:
        desired: The description.
        current: The current storage.
    """

    def __init__(self, desired: DesiredStorage, current: CurrentStorage):
        self.desired, self.current = desired, current
        self._targets = {id(one.current): one for one in desired.devices.values() if one.current}
        self._deleted: set[int] = set()  # devices, by their Python id
        self._deleted_groups: set[str] = set()  # groups to delete
        self._unmounted: set[int] = set()
        self._find_contradictions()
        self._refuse_taken_names()

    def all(self) -> list[StorageStep]:
        """Return the steps in order."""
        return [*self._boot_disk(), *self._removals(), *self._additions()]

    def deletes(self, devices: list[Device]) -> bool:
        """Return whether any of these devices is deleted."""
        return any(id(one) in self._deleted for one in devices)

    def left(self, device: Device) -> Device:
        """Return what the steps leave of a device whose content is not described."""
        group = self._group_in_place(device.group)
        leaves = group is not None and not any(one.current is device for one in group.members)
        freed = device.group in self._deleted_groups or (leaves and group.kind != BCACHE)
        role = "" if freed else device.role
        mount = None if id(device) in self._unmounted else device.mount
        return replace(device, role=role, group=role and device.group, mount=mount)

    def special(self) -> dict[str, tuple]:
        """Return the file systems in memory once the steps are done."""
        special = self.desired.entry.get("special")
        if special is not None:
            return {one["mount"]: (one["fs"], one.get("options")) for one in special}
        taken = {one.mount for one in self.desired.devices.values()}
        return {at: has for at, has in self.current.special.items() if at not in taken}

    # Contradictions

    def _find_contradictions(self):
        for group in self.desired.groups.values():
            if not group.in_place and any(one.of == group.name or one.group == group.name
                                       for one in self.current.devices.values()):  # fmt: skip
                self._mark_group_deleted(group.name)
            if group.in_place and group.kind == VOLUME:
                for one in self.current.volumes(group.name):
                    if id(one) not in self._targets:
                        self._mark_deleted(one)
        for target in self.desired.devices.values():
            if target.current is not None and target.exact:
                self._compare(target, target.current)

    def _compare(self, target, current):
        for part in current.parts:
            if id(part) not in self._targets:
                self._mark_deleted(part)
        same = (current.role, current.group) == (target.role, self._group_there(target))
        if current.role and not same:
            self._mark_removed(current)

    def _refuse_taken_names(self):
        """Refuse a name in use: MAAS accepts it once a machine, even in several volume groups."""
        stay = {one.name.removeprefix(f"{one.of}-"): one for one in self.current.devices.values()
                if one.kind != PARTITION and id(one) not in self._deleted}  # fmt: skip
        for target in self.desired.devices.values():
            other = stay.get(target.name.removeprefix(f"{target.of}-"))
            if target.of and target.current is None and other is not None:
                raise StorageProblem(
                    f"{target.name}: its name is that of an existing device, {other.name}; "
                    f"describe the devices of {other.of or other.name}, or choose another name"
                )

    def _group_there(self, target):
        """The name of a member's group in MAAS; that of a cache set is MAAS's own."""
        if target.role != CACHE:
            return target.group
        return (
            target.current.group
            if target.current and target.current.role == CACHE
            else target.group
        )

    def _group_in_place(self, name):
        group = self.desired.groups.get(name)
        return group if group and group.in_place else None

    def _mark_deleted(self, device):
        """Mark a device as deleted, with everything on it."""
        if id(device) in self._deleted:
            return
        self._deleted.add(id(device))
        for part in device.parts:
            self._mark_deleted(part)
        if device.role:
            self._mark_removed(device)

    def _mark_removed(self, device):
        """Mark a device as removed from its group; delete the group if it requires the device."""
        if self._group_in_place(device.group) and device.role not in (BACKING, CACHE):
            return  # it leaves the group, which is kept
        if device.role == CACHE:
            for name, cache in self.current.caches.items():
                if cache == device.group:
                    self._mark_group_deleted(name)
        else:
            self._mark_group_deleted(device.group)

    def _mark_group_deleted(self, name):
        if name in self._deleted_groups:
            return
        self._deleted_groups.add(name)
        for one in self.current.devices.values():
            if one.of == name:
                self._mark_deleted(one)

    # Deleting

    def _boot_disk(self) -> Iterator[StorageStep]:
        disk = self.desired.boot_disk
        if disk and disk != self.current.boot_disk:
            number = self.current.devices[disk].id
            yield StorageStep(f"boot from {disk}", f"blockdevices/{number}/", op="set_boot_disk")

    def _removals(self) -> Iterator[StorageStep]:
        yield from self._unmounts()
        members = [one for one in self.current.devices.values() if one.role]
        for one in self._deepest_first() if self._deleted else ():
            if one.kind == VOLUME and (id(one) in self._deleted):
                yield self._delete_volume(one)
            elif one.of in self._deleted_groups and one.kind in (RAID, BCACHE, DATASTORE):
                kind = {RAID: "raid", BCACHE: "bcache", DATASTORE: "vmfs-datastore"}[one.kind]
                path = _path(kind, one.of)
                yield StorageStep(f"delete {kind} {one.of}", path, "DELETE", erases=one.name)
            if one.kind in (VOLUME,) and one.of in self._deleted_groups and self._is_last(one):
                yield self._delete_group(one.of)
        yield from self._empty_groups()
        yield from self._unused_caches(members)
        for group in self.desired.groups.values():
            if group.in_place and group.removes_first:
                yield from self._membership(group, coming=False)
        for one in sorted(self.current.devices.values(), key=lambda one: -(one.id or 0)):
            above = one.above
            if above and id(one) in self._deleted and id(above) not in self._deleted:
                path = f"blockdevices/{above.id}/partition/{one.id}"
                yield StorageStep(f"delete partition {one.name}", path, "DELETE", erases=one.name)
        for target in self.desired.devices.values():
            current = target.current
            if current and target.exact and current.fs and not target.fs:
                yield self._on_device(
                    current, "unformat", f"remove {current.fs} from {target.name}", target.name
                )

    def _deepest_first(self):
        """Return the devices, those on top of others first."""
        depth: dict[int, int] = {}

        def of(one: Device) -> int:
            if id(one) not in depth:
                depth[id(one)] = 0
                below = [one.above] if one.above else []
                below += [other for other in self.current.devices.values()
                          if one.of and other.group == one.of]  # fmt: skip
                depth[id(one)] = 1 + max(map(of, below), default=0)
            return depth[id(one)]

        return sorted(self.current.devices.values(), key=of, reverse=True)

    def _is_last(self, volume):
        rest = [one for one in self._deepest_first() if one.kind == VOLUME and one.of == volume.of]
        return rest[-1] is volume

    def _empty_groups(self):
        """Delete volume groups without volumes."""
        for name in sorted(self._deleted_groups):
            members = [one for one in self.current.devices.values() if one.group == name]
            is_volumes = any(one.role not in (ACTIVE, SPARE, BACKING, CACHE, DATASTORE)
                             for one in members)  # fmt: skip
            if is_volumes and not self.current.volumes(name):
                yield self._delete_group(name)

    @staticmethod
    def _delete_group(name):
        path = _path("volume-group", name)
        return StorageStep(f"delete volume group {name}", path, "DELETE", erases=name)

    @staticmethod
    def _delete_volume(one):
        path = _path("volume-group", one.of)
        return StorageStep(f"delete logical volume {one.name}", path, op="delete_logical_volume",
                    data={"id": one.id}, erases=one.name)  # fmt: skip

    def _unused_caches(self, members):
        """Delete the cache sets whose device is deleted or gets another use."""
        for one in members:
            target = self._targets.get(id(one))
            wanted = target is None or not target.exact or target.role == CACHE
            if one.role == CACHE and (id(one) in self._deleted or not wanted):
                path = _path("bcache-cache-set", one.group)
                yield StorageStep(f"delete cache set {one.group}", path, "DELETE", erases=one.name)

    def _unmounts(self):
        taken = {one.mount for one in self.desired.devices.values() if one.mount} - {"none"}
        special = self.desired.entry.get("special")
        targets = {one["mount"]: (one["fs"], one.get("options")) for one in special or ()}
        taken |= set(targets)
        for point, has in self.current.special.items():
            if (point in taken or special is not None) and targets.get(point) != has:
                yield StorageStep(f"unmount {has[0]} from {point}", "", op="unmount_special",
                           data={"mount_point": point}, of_machine=True)  # fmt: skip
        for one in self.current.devices.values():
            target = self._targets.get(id(one))
            exact = target is not None and target.exact
            same = target and exact and (target.fs, target.mount) == (one.fs, one.mount)
            if not one.mount or same or id(one) in self._deleted:
                continue
            if exact or one.mount in taken:
                self._unmounted.add(id(one))
                yield self._on_device(one, "unmount", f"unmount {one.name} from {one.mount}")

    def _on_device(self, device, op, text, erases="", **data):
        own, over = (
            one and (str(one.id) if isinstance(one, Device) else f"{{{one.name}}}")
            for one in (device, device.above)
        )
        path = f"blockdevices/{over}/partition/{own}" if over else f"blockdevices/{own}/"
        return StorageStep(text, path, op=op, data=data, erases=erases)

    # Creating

    def _additions(self) -> Iterator[StorageStep]:
        done: set = set()
        for target in self.desired.devices.values():
            yield from self._make(target, done)
        for group in self.desired.groups.values():
            yield from self._make_group(group, done)
        for target in self.desired.devices.values():
            yield from self._set_table(target)
            yield from self._format(target)
        for one in self.desired.entry.get("special") or ():
            if self.current.special.get(one["mount"]) != (one["fs"], one.get("options")):
                data = {"fstype": one["fs"], "mount_point": one["mount"]}
                data.update({"mount_options": one["options"]} if one.get("options") else {})
                yield StorageStep(
                    f"mount {one['fs']} at {one['mount']}",
                    "",
                    op="mount_special",
                    data=data,
                    of_machine=True,
                )

    def _make(self, target: DesiredDevice, done: set) -> Iterator[StorageStep]:
        if target.name in done:
            return
        done.add(target.name)
        if target.above is not None:
            yield from self._make(target.above, done)
        if target.of:
            yield from self._make_group(self.desired.groups[target.of], done)
        if target.above is not None and target.current is None:
            data = {} if self._takes_the_rest(target) else {"size": target.size}
            text = f"create partition {target.name} of {sizes.text(target.size)}"
            path = f"blockdevices/{{{target.above.name}}}/partitions/"
            yield StorageStep(text, path, data=data, makes=target.name)
        if target.tags is not None:
            yield from self._tags(target)

    @staticmethod
    def _takes_the_rest(target):
        return target.asked in (None, sizes.REST) and target.above.parts[-1] is target

    def _tags(self, target):
        old, new = set(own_tags(target.current)) if target.current else set(), set(target.tags)
        new -= set(target.current.raw.get("tags") or ()) - old if target.current else set()
        for op, changed in (("add_tag", new - old), ("remove_tag", old - new)):
            for tag in sorted(changed):
                text = f"{op.partition('_')[0]} tag {tag} of {target.name}"
                yield self._on_device(target.current or target, op, text, tag=tag)

    def _set_table(self, target):
        """Set the type of a partition table; it goes with its last partition, a new one is GPT."""
        parts = target.current.parts if target.current else ()
        stays = any(id(part) not in self._deleted for part in parts)
        there = target.current.raw.get("partition_table_type") if stays else None
        if target.table and target.table != (there or _DEFAULT_TABLE):
            yield StorageStep(
                f"set the partition table of {target.name} to {target.table}",
                f"blockdevices/{{{target.name}}}/", "PUT",
                data={"partition_table_type": target.table},
            )  # fmt: skip

    def _make_group(self, group: DesiredGroup, done: set) -> Iterator[StorageStep]:
        key = ("group", group.name)
        if key in done:
            return
        done.add(key)
        for member in group.members:
            yield from self._make(member, done)
        if group.kind == BCACHE:
            yield from self._make_bcache(group, done)
        elif not group.in_place:
            yield self._create_group(group)
        else:
            yield from self._membership(group, coming=True)
            if not group.removes_first:
                yield from self._membership(group, coming=False)
        if group.kind == VOLUME:
            yield from self._volumes(group, done)

    def _create_group(self, group):
        data: dict[str, Any] = {"name": group.name}
        if group.kind == RAID:
            data["level"] = f"raid-{group.level}"
        for member in group.members:
            inside = member.kind == PARTITION
            word = "partitions" if inside else "block_devices"
            if member.role == SPARE:
                word = "spare_partitions" if inside else "spare_devices"
            data.setdefault(word, []).append(Ref(member.name))
        names = ", ".join(one.name for one in group.members)
        if group.kind == RAID:
            text = f"create RAID {group.level} {group.name} of {names}"
            return StorageStep(text, "raids/", data=data, makes=group.name)
        return StorageStep(
            f"create volume group {group.name} of {names}",
            "volume-groups/",
            data=data,
            makes=_id("volume-group", group.name),
        )

    def _make_bcache(self, group, done):
        backing = next(one for one in group.members if one.role == BACKING)
        cache = next(one for one in group.members if one.role == CACHE)
        exists = cache.current is not None and cache.current.role == CACHE
        exists = exists and id(cache.current) not in self._deleted
        name = Ref(
            _id("bcache-cache-set", cache.current.group) if exists else f"cache:{cache.name}"
        )
        if not exists and name not in done:
            done.add(name)
            word = "cache_partition" if cache.kind == PARTITION else "cache_device"
            yield StorageStep(f"create a cache set on {cache.name}", "bcache-cache-sets/",
                       data={word: Ref(cache.name)}, makes=name.name)  # fmt: skip
        mode = group.mode or _DEFAULT_MODE
        if not group.in_place:
            word = "backing_partition" if backing.kind == PARTITION else "backing_device"
            yield StorageStep(
                f"create bcache {group.name} of {backing.name}, cached on {cache.name}",
                "bcaches/",
                makes=group.name,
                data={
                    "name": group.name,
                    word: Ref(backing.name),
                    "cache_set": name,
                    "cache_mode": mode,
                },
            )
        elif group.mode and self.current.modes.get(group.name, group.mode) != group.mode:
            text = f"set the cache mode of {group.name} to {mode}"
            path = _path("bcache", group.name)
            yield StorageStep(text, path, "PUT", data={"cache_mode": mode})

    def _volumes(self, group, done):
        path = _path("volume-group", group.name)
        # Volumes that shrink first, since they make room for those that grow.
        for target in sorted(group.virtual, key=lambda one: one.size - (one.current or one).size):
            done.add(target.name)
            size, text = target.size, sizes.text(target.size)
            own = target.name[len(group.name) + 1 :]
            if target.current is None:
                yield StorageStep(
                    f"create logical volume {target.name} of {text}",
                    path,
                    makes=target.name,
                    op="create_logical_volume",
                    data={"name": own, "size": size},
                )
            elif target.current.size != size:
                erases = target.name if size < target.current.size else ""
                yield StorageStep(
                    f"resize logical volume {target.name} to {text}",
                    f"blockdevices/{target.current.id}/",
                    "PUT",
                    data={"size": size},
                    erases=erases,
                )

    def _membership(self, group, coming):
        """Add members to a group that is kept, or remove some."""
        if group.kind == BCACHE:
            return
        data: dict = {}
        names = []
        targets = {id(one.current): one for one in group.members if one.current}
        for one in () if coming else self.current.devices.values():
            target = targets.get(id(one))
            if one.group == group.name and (target is None or target.role != one.role):
                word = "remove_" + self._word(group, one)
                data.setdefault(word, []).append(one.id)
                names.append(f"remove {one.name}")
        for target in group.members if coming else ():
            current = target.current
            if current is None or (current.role, current.group) != (target.role, group.name):
                data.setdefault("add_" + self._word(group, target), []).append(Ref(target.name))
                names.append(f"add {target.name}")
        if data:
            kind = "raid" if group.kind == RAID else "volume-group"
            path = _path(kind, group.name)
            yield StorageStep(
                f"change {kind} {group.name}: {', '.join(names)}", path, "PUT", data=data
            )

    @staticmethod
    def _word(group, member):
        inside = member.kind == PARTITION
        if group.kind == RAID and member.role == SPARE:
            return "spare_partitions" if inside else "spare_devices"
        return "partitions" if inside else "block_devices"

    def _format(self, target):
        if not target.fs:
            return
        current = target.current
        fresh = current is None or (current.fs, current.label) != (
            target.fs,
            target.label or current.label,
        )
        if fresh:
            data = {"fstype": target.fs, **({"label": target.label} if target.label else {})}
            erases = target.name if current is not None and current.fs else ""
            yield self._on_device(
                target, "format", f"format {target.name} as {target.fs}", erases, **data
            )
        same = not fresh and (current.mount, current.options) == (target.mount, target.options)
        if target.mount and not same:
            data = {} if target.fs == "swap" else {"mount_point": target.mount}
            data.update({"mount_options": target.options} if target.options else {})
            yield self._on_device(target, "mount", f"mount {target.name} at {target.mount}", **data)


def _id(kind: str, name: str) -> str:
    """Return the key of the id of a group; MAAS does not find every group by its name."""
    return f"{kind}/{name}"


def _path(kind: str, name: str) -> str:
    return f"{kind}/{{{_id(kind, name)}}}/"
