"""The requests that change the storage of a machine to what is described, in order.

What contradicts the description is deleted first, from the top down; then new devices are created.
Devices that match the description are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltext.maas.resources import storage_sizes as sizes
from saltext.maas.resources.storage_current import (
    BACKING,
    BCACHE,
    CACHE,
    PARTITION,
    RAID,
    SPARE,
    VOLUME,
    own_tags,
)
from saltext.maas.resources.storage_desired import DesiredDevice, DesiredGroup
from saltext.maas.resources.storage_removals import StorageRemovals
from saltext.maas.resources.storage_steps import (
    Ref,
    Rest,
    StorageStep,
    group_id,
    group_path,
    membership,
    on_device,
)

_DEFAULT_MODE, _DEFAULT_TABLE = "writethrough", "GPT"


class StoragePlan(StorageRemovals):
    """The steps of one machine.

    Args:
        desired: The description.
        current: The current storage.
    """

    def all(self) -> list[StorageStep]:
        """Return the steps in order."""
        return [*self.boot_disk(), *self.removals(), *self._additions()]

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
            size = target.size
            data = {"size": Rest(size) if self._takes_the_rest(target) else size}
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
                yield on_device(target.current or target, op, text, tag=tag)

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
            yield from membership(self.current.devices.values(), group, coming=True)
            if not group.removes_first:
                yield from membership(self.current.devices.values(), group, coming=False)
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
            makes=group_id("volume-group", group.name),
        )

    def _make_bcache(self, group, done):
        backing = next(one for one in group.members if one.role == BACKING)
        cache = next(one for one in group.members if one.role == CACHE)
        exists = cache.current is not None and cache.current.role == CACHE
        exists = exists and id(cache.current) not in self._deleted
        name = Ref(
            group_id("bcache-cache-set", cache.current.group) if exists else f"cache:{cache.name}"
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
            path = group_path("bcache", group.name)
            yield StorageStep(text, path, "PUT", data={"cache_mode": mode})

    def _volumes(self, group, done):
        path = group_path("volume-group", group.name)
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
            yield on_device(
                target, "format", f"format {target.name} as {target.fs}", erases, **data
            )
        same = not fresh and (current.mount, current.options) == (target.mount, target.options)
        if target.mount and not same:
            data = {} if target.fs == "swap" else {"mount_point": target.mount}
            data.update({"mount_options": target.options} if target.options else {})
            yield on_device(target, "mount", f"mount {target.name} at {target.mount}", **data)
