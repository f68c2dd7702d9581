"""The storage of a machine that contradicts its description, and the requests that delete it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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
)
from saltext.maas.resources.storage_desired import DesiredStorage, StorageProblem
from saltext.maas.resources.storage_steps import StorageStep, group_path, membership, on_device


class StorageRemovals:
    """What contradicts the description of one machine, and the steps that delete it.

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

    def boot_disk(self) -> Iterator[StorageStep]:
        """Yield the step that chooses the disk to boot from."""
        disk = self.desired.boot_disk
        if disk and disk != self.current.boot_disk:
            number = self.current.devices[disk].id
            yield StorageStep(f"boot from {disk}", f"blockdevices/{number}/", op="set_boot_disk")

    def removals(self) -> Iterator[StorageStep]:
        """Yield the steps that delete, unmount and remove members."""
        yield from self._unmounts()
        members = [one for one in self.current.devices.values() if one.role]
        for one in self._deepest_first() if self._deleted else ():
            if one.kind == VOLUME and (id(one) in self._deleted):
                yield self._delete_volume(one)
            elif one.of in self._deleted_groups and one.kind in (RAID, BCACHE, DATASTORE):
                kind = {RAID: "raid", BCACHE: "bcache", DATASTORE: "vmfs-datastore"}[one.kind]
                path = group_path(kind, one.of)
                yield StorageStep(f"delete {kind} {one.of}", path, "DELETE", erases=one.name)
            if one.kind in (VOLUME,) and one.of in self._deleted_groups and self._is_last(one):
                yield self._delete_group(one.of)
        yield from self._empty_groups()
        yield from self._unused_caches(members)
        for group in self.desired.groups.values():
            if group.in_place and group.removes_first:
                yield from membership(self.current.devices.values(), group, coming=False)
        for one in sorted(self.current.devices.values(), key=lambda one: -(one.id or 0)):
            above = one.above
            if above and id(one) in self._deleted and id(above) not in self._deleted:
                path = f"blockdevices/{above.id}/partition/{one.id}"
                yield StorageStep(f"delete partition {one.name}", path, "DELETE", erases=one.name)
        for target in self.desired.devices.values():
            current = target.current
            if current and target.exact and current.fs and not target.fs:
                yield on_device(
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
        path = group_path("volume-group", name)
        return StorageStep(f"delete volume group {name}", path, "DELETE", erases=name)

    @staticmethod
    def _delete_volume(one):
        path = group_path("volume-group", one.of)
        return StorageStep(f"delete logical volume {one.name}", path, op="delete_logical_volume",
                    data={"id": one.id}, erases=one.name)  # fmt: skip

    def _unused_caches(self, members):
        """Delete the cache sets whose device is deleted or gets another use."""
        for one in members:
            target = self._targets.get(id(one))
            wanted = target is None or not target.exact or target.role == CACHE
            if one.role == CACHE and (id(one) in self._deleted or not wanted):
                path = group_path("bcache-cache-set", one.group)
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
                yield on_device(one, "unmount", f"unmount {one.name} from {one.mount}")
