"""The requests that lead from the storage of a machine to what is described, in order.

First goes what contradicts the description, what depends on something before that; then what is
new is made.  What is as described is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from saltext.maas.resources import storage_sizes as sizes
from saltext.maas.resources.storage_found import (
    ACTIVE,
    BACKING,
    BCACHE,
    CACHE,
    DATASTORE,
    DISK,
    PARTITION,
    RAID,
    SPARE,
    VOLUME,
    Device,
    Found,
    own_tags,
)
from saltext.maas.resources.storage_wished import Group, Impossible, Layout, Wish

#: Requests that MAAS takes from the owner of an allocated machine, too.
MOUNTING = ("format", "unformat", "mount", "unmount", "mount_special", "unmount_special")
_DEFAULT_MODE = "writethrough"


@dataclass
class Step:
    """One request.

    Attributes:
        text: What it does, and to what.
        path: Below the path of the machine or node, names in braces stand for ids.
        method: ``POST``, ``PUT`` or ``DELETE``.
        op: Operation of a POST.
        data: Form fields; a :class:`Ref` stands for an id.
        makes: Name of the device whose id the answer holds.
        loses: The device whose data is lost; empty for none.
        of_machine: Whether the path is below ``machines/`` rather than ``nodes/``.
    """

    text: str
    path: str
    method: str = "POST"
    op: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    makes: str = ""
    loses: str = ""
    of_machine: bool = False


@dataclass(frozen=True)
class Ref:
    """The id of a device that may be made on the way.

    Attributes:
        name: Name of the device.
    """

    name: str


#: The collections of groups, by what an id of one is kept under.
COLLECTIONS = {"raid": "raids", "volume-group": "volume-groups", "bcache": "bcaches",
               "vmfs-datastore": "vmfs-datastores",
               "bcache-cache-set": "bcache-cache-sets"}  # fmt: skip


def known_ids(layout: Layout) -> dict[str, int]:
    """Return the ids of the described devices that are there."""
    return {
        name: one.there.id for name, one in layout.devices.items() if one.there and one.there.id
    }


class Steps:
    """Works out the steps of one machine.

    Args:
        layout: What is described.
        there: What there is.
    """

    def __init__(self, layout: Layout, there: Found):
        self.layout, self.there = layout, there
        self._kept = {id(one.there): one for one in layout.devices.values() if one.there}
        self._dropped: set[int] = set()  # devices, by their Python id
        self._broken: set[str] = set()  # groups that go
        self._left: set[int] = set()  # members taken out of a group that stays
        self._unmounted: set[int] = set()
        self._find_contradictions()
        self._refuse_taken_names()

    def all(self) -> list[Step]:
        """Return the steps in order."""
        return [*self._first(), *self._removals(), *self._additions()]

    def drops(self, devices: list[Device]) -> bool:
        """Return whether some of some devices go."""
        return any(id(one) in self._dropped for one in devices)

    # What contradicts

    def _find_contradictions(self):
        for group in self.layout.groups.values():
            if not group.stays and any(one.of == group.name or one.group == group.name
                                       for one in self.there.devices.values()):  # fmt: skip
                self._break(group.name)
            if group.stays and group.kind == VOLUME:
                for one in self.there.volumes(group.name):
                    if id(one) not in self._kept:
                        self._drop(one)
        for wish in self.layout.devices.values():
            if wish.there is not None and wish.exact:
                self._compare(wish, wish.there)

    def _compare(self, wish, there):
        for part in there.parts:
            if id(part) not in self._kept:
                self._drop(part)
        same = (there.role, there.group) == (wish.role, self._group_there(wish))
        if there.role and not same:
            self._release(there)

    def _refuse_taken_names(self):
        """MAAS calls no two disks of a machine alike, not even in different volume groups."""
        stay = {one.name.removeprefix(f"{one.of}-"): one for one in self.there.devices.values()
                if one.kind != PARTITION and id(one) not in self._dropped}  # fmt: skip
        for wish in self.layout.devices.values():
            other = stay.get(wish.name.removeprefix(f"{wish.of}-"))
            if wish.of and wish.there is None and other is not None:
                raise Impossible(
                    f"{wish.name}: MAAS has {other.name} of that name already; describe the devices"
                    f" that {other.of or other.name} is made of, or choose another name"
                )

    def _group_there(self, wish):
        """The name that MAAS has for the group of a member: a cache set has one of its own."""
        if wish.role != CACHE:
            return wish.group
        return wish.there.group if wish.there and wish.there.role == CACHE else wish.group

    def _stays(self, name):
        group = self.layout.groups.get(name)
        return group if group and group.stays else None

    def _drop(self, device):
        """Note that a device goes, with all on it."""
        if id(device) in self._dropped:
            return
        self._dropped.add(id(device))
        for part in device.parts:
            self._drop(part)
        if device.role:
            self._release(device)

    def _release(self, device):
        """Note that a device leaves its group, which goes where it cannot do without it."""
        if self._stays(device.group) and device.role not in (BACKING, CACHE):
            self._left.add(id(device))
        elif device.role == CACHE:
            for name, cache in self.there.caches.items():
                if cache == device.group:
                    self._break(name)
        else:
            self._break(device.group)

    def _break(self, name):
        if name in self._broken:
            return
        self._broken.add(name)
        for one in self.there.devices.values():
            if one.of == name:
                self._drop(one)

    # What goes

    def _first(self) -> Iterator[Step]:
        disk = self.layout.boot_disk
        if disk and disk != self.there.boot_disk:
            number = self.there.devices[disk].id
            yield Step(f"boot from {disk}", f"blockdevices/{number}/", op="set_boot_disk")

    def _removals(self) -> Iterator[Step]:
        yield from self._unmounts()
        members = [one for one in self.there.devices.values() if one.role]
        for one in self._deepest_first():
            if one.kind == VOLUME and (id(one) in self._dropped):
                yield self._delete_volume(one)
            elif one.of in self._broken and one.kind in (RAID, BCACHE, DATASTORE):
                kind = {RAID: "raid", BCACHE: "bcache", DATASTORE: "vmfs-datastore"}[one.kind]
                path = _path(kind, one.of)
                yield Step(f"delete {kind} {one.of}", path, "DELETE", loses=one.name)
            if one.kind in (VOLUME,) and one.of in self._broken and self._is_last(one):
                yield self._delete_group(one.of)
        yield from self._empty_groups()
        yield from self._unused_caches(members)
        for group in self.layout.groups.values():
            if group.stays and group.early:
                yield from self._membership(group, coming=False)
        for one in sorted(self.there.devices.values(), key=lambda one: -(one.id or 0)):
            above = one.above
            if above and id(one) in self._dropped and id(above) not in self._dropped:
                path = f"blockdevices/{above.id}/partition/{one.id}"
                yield Step(f"delete partition {one.name}", path, "DELETE", loses=one.name)
        for wish in self.layout.devices.values():
            there = wish.there
            if there and wish.exact and there.fs and not wish.fs:
                yield self._on(there, "unformat", f"remove {there.fs} from {wish.name}", wish.name)

    def _deepest_first(self):
        """Return the devices, those that are made of others first."""
        depth: dict[int, int] = {}

        def of(one: Device) -> int:
            if id(one) not in depth:
                depth[id(one)] = 0
                below = [one.above] if one.above else []
                below += [other for other in self.there.devices.values()
                          if one.of and other.group == one.of]  # fmt: skip
                depth[id(one)] = 1 + max(map(of, below), default=0)
            return depth[id(one)]

        return sorted(self.there.devices.values(), key=of, reverse=True)

    def _is_last(self, volume):
        rest = [one for one in self._deepest_first() if one.kind == VOLUME and one.of == volume.of]
        return rest[-1] is volume

    def _empty_groups(self):
        """Delete volume groups that hold nothing."""
        for name in sorted(self._broken):
            members = [one for one in self.there.devices.values() if one.group == name]
            is_volumes = any(one.role not in (ACTIVE, SPARE, BACKING, CACHE, DATASTORE)
                             for one in members)  # fmt: skip
            if is_volumes and not self.there.volumes(name):
                yield self._delete_group(name)

    @staticmethod
    def _delete_group(name):
        path = _path("volume-group", name)
        return Step(f"delete volume group {name}", path, "DELETE", loses=name)

    @staticmethod
    def _delete_volume(one):
        path = _path("volume-group", one.of)
        return Step(f"delete logical volume {one.name}", path, op="delete_logical_volume",
                    data={"id": one.id}, loses=one.name)  # fmt: skip

    def _unused_caches(self, members):
        """Delete the cache sets whose device goes, or gets another use."""
        for one in members:
            wish = self._kept.get(id(one))
            wanted = wish is None or not wish.exact or wish.role == CACHE
            if one.role == CACHE and (id(one) in self._dropped or not wanted):
                path = _path("bcache-cache-set", one.group)
                yield Step(f"delete cache set {one.group}", path, "DELETE", loses=one.name)

    def _unmounts(self):
        taken = {one.mount for one in self.layout.devices.values() if one.mount} - {"none"}
        special = self.layout.entry.get("special")
        wished = {one["mount"]: (one["fs"], one.get("options")) for one in special or ()}
        taken |= set(wished)
        for point, has in self.there.special.items():
            if (point in taken or special is not None) and wished.get(point) != has:
                yield Step(f"unmount {has[0]} from {point}", "", op="unmount_special",
                           data={"mount_point": point}, of_machine=True)  # fmt: skip
        for one in self.there.devices.values():
            wish = self._kept.get(id(one))
            exact = wish is not None and wish.exact
            same = wish and exact and (wish.fs, wish.mount) == (one.fs, one.mount)
            if not one.mount or same or (id(one) in self._dropped and one.mount not in taken):
                continue
            if exact or one.mount in taken:
                self._unmounted.add(id(one))
                yield self._on(one, "unmount", f"unmount {one.name} from {one.mount}")

    def _on(self, device, op, text, loses="", **data):
        own, over = (
            one and (str(one.id) if isinstance(one, Device) else f"{{{one.name}}}")
            for one in (device, device.above)
        )
        path = f"blockdevices/{over}/partition/{own}" if over else f"blockdevices/{own}/"
        return Step(text, path, op=op, data=data, loses=loses)

    # What comes

    def _additions(self) -> Iterator[Step]:
        done: set = set()
        for wish in self.layout.devices.values():
            yield from self._make(wish, done)
        for group in self.layout.groups.values():
            yield from self._make_group(group, done)
        for wish in self.layout.devices.values():
            yield from self._format(wish)
        for one in self.layout.entry.get("special") or ():
            if self.there.special.get(one["mount"]) != (one["fs"], one.get("options")):
                data = {"fstype": one["fs"], "mount_point": one["mount"]}
                data.update({"mount_options": one["options"]} if one.get("options") else {})
                yield Step(f"mount {one['fs']} at {one['mount']}", "", op="mount_special",
                           data=data, of_machine=True)  # fmt: skip

    def _make(self, wish: Wish, done: set) -> Iterator[Step]:
        if wish.name in done:
            return
        done.add(wish.name)
        if wish.above is not None:
            yield from self._make(wish.above, done)
        if wish.of:
            yield from self._make_group(self.layout.groups[wish.of], done)
        if wish.above is not None and wish.there is None:
            data = {} if self._takes_the_rest(wish) else {"size": wish.size}
            text = f"make partition {wish.name} of {sizes.text(wish.size)}"
            path = f"blockdevices/{{{wish.above.name}}}/partitions/"
            yield Step(text, path, data=data, makes=wish.name)
        if wish.kind == DISK and wish.tags is not None:
            yield from self._tags(wish)

    @staticmethod
    def _takes_the_rest(wish):
        return wish.asked in (None, sizes.REST) and wish.above.parts[-1] is wish

    @staticmethod
    def _tags(wish):
        old, new = set(own_tags(wish.there)), set(wish.tags)
        new -= set(wish.there.raw.get("tags") or ()) - old
        for op, changed in (("add_tag", new - old), ("remove_tag", old - new)):
            for tag in sorted(changed):
                word = op.partition("_")[0]
                yield Step(f"{word} tag {tag} of {wish.name}", f"blockdevices/{wish.there.id}/",
                           op=op, data={"tag": tag})  # fmt: skip

    def _make_group(self, group: Group, done: set) -> Iterator[Step]:
        key = ("group", group.name)
        if key in done:
            return
        done.add(key)
        for member in group.members:
            yield from self._make(member, done)
        if group.kind == BCACHE:
            yield from self._make_bcache(group, done)
        elif not group.stays:
            yield self._create_group(group)
        else:
            yield from self._membership(group, coming=True)
            if not group.early:
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
            text = f"make RAID {group.level} {group.name} of {names}"
            return Step(text, "raids/", data=data, makes=group.name)
        return Step(
            f"make volume group {group.name} of {names}",
            "volume-groups/",
            data=data,
            makes=_id("volume-group", group.name),
        )

    def _make_bcache(self, group, done):
        backing = next(one for one in group.members if one.role == BACKING)
        cache = next(one for one in group.members if one.role == CACHE)
        exists = cache.there is not None and cache.there.role == CACHE
        exists = exists and id(cache.there) not in self._dropped
        name = Ref(_id("bcache-cache-set", cache.there.group) if exists else f"cache:{cache.name}")
        if not exists and name not in done:
            done.add(name)
            word = "cache_partition" if cache.kind == PARTITION else "cache_device"
            yield Step(f"make a cache set on {cache.name}", "bcache-cache-sets/",
                       data={word: Ref(cache.name)}, makes=name.name)  # fmt: skip
        mode = group.mode or _DEFAULT_MODE
        if not group.stays:
            word = "backing_partition" if backing.kind == PARTITION else "backing_device"
            yield Step(f"make bcache {group.name} of {backing.name}, cached on {cache.name}",
                       "bcaches/", makes=group.name, data={
                           "name": group.name, word: Ref(backing.name), "cache_set": name,
                           "cache_mode": mode})  # fmt: skip
        elif group.mode and self.there.modes.get(group.name, group.mode) != group.mode:
            yield Step(f"cache {group.name} by {mode}", _path("bcache", group.name), "PUT",
                       data={"cache_mode": mode})  # fmt: skip

    def _volumes(self, group, done):
        path = _path("volume-group", group.name)
        # What shrinks makes room for what grows.
        for wish in sorted(group.virtual, key=lambda one: one.size - (one.there or one).size):
            done.add(wish.name)
            size, text = wish.size, sizes.text(wish.size)
            own = wish.name[len(group.name) + 1 :]
            if wish.there is None:
                yield Step(f"make logical volume {wish.name} of {text}", path, makes=wish.name,
                           op="create_logical_volume",
                           data={"name": own, "size": size})  # fmt: skip
            elif wish.there.size != size:
                loses = wish.name if size < wish.there.size else ""
                yield Step(f"resize logical volume {wish.name} to {text}",
                           f"blockdevices/{wish.there.id}/", "PUT", data={"size": size},
                           loses=loses)  # fmt: skip

    def _membership(self, group, coming):
        """Add members to a group that stays, or take some out."""
        if group.kind == BCACHE:
            return
        data: dict = {}
        names = []
        wished = {id(one.there): one for one in group.members if one.there}
        for one in () if coming else self.there.devices.values():
            wish = wished.get(id(one))
            if one.group == group.name and (wish is None or wish.role != one.role):
                word = "remove_" + self._word(group, one)
                data.setdefault(word, []).append(one.id)
                names.append(f"without {one.name}")
        for wish in group.members if coming else ():
            there = wish.there
            if there is None or (there.role, there.group) != (wish.role, group.name):
                data.setdefault("add_" + self._word(group, wish), []).append(Ref(wish.name))
                names.append(f"with {wish.name}")
        if data:
            kind = "raid" if group.kind == RAID else "volume-group"
            path = _path(kind, group.name)
            yield Step(f"change {kind} {group.name}: {', '.join(names)}", path, "PUT", data=data)

    @staticmethod
    def _word(group, member):
        inside = member.kind == PARTITION
        if group.kind == RAID and member.role == SPARE:
            return "spare_partitions" if inside else "spare_devices"
        return "partitions" if inside else "block_devices"

    def _format(self, wish):
        if not wish.fs:
            return
        there = wish.there
        fresh = there is None or (there.fs, there.label) != (wish.fs, wish.label or there.label)
        if fresh:
            data = {"fstype": wish.fs, **({"label": wish.label} if wish.label else {})}
            loses = wish.name if there is not None and there.fs else ""
            yield self._on(wish, "format", f"format {wish.name} as {wish.fs}", loses, **data)
        same = not fresh and (there.mount, there.options) == (wish.mount, wish.options)
        if wish.mount and not same:
            data = {} if wish.fs == "swap" else {"mount_point": wish.mount}
            data.update({"mount_options": wish.options} if wish.options else {})
            yield self._on(wish, "mount", f"mount {wish.name} at {wish.mount}", **data)


def _id(kind: str, name: str) -> str:
    """Return the key of the id of a group; MAAS does not find every group by its name."""
    return f"{kind}/{name}"


def _path(kind: str, name: str) -> str:
    return f"{kind}/{{{_id(kind, name)}}}/"
