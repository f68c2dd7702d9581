"""The storage of a machine as the planned requests leave it, to be shown before they are sent."""

from __future__ import annotations

from dataclasses import replace

from saltext.maas.resources.storage_current import (
    BCACHE,
    CACHE,
    RAID,
    CurrentStorage,
    Device,
    own_tags,
)
from saltext.maas.resources.storage_desired import DesiredDevice
from saltext.maas.resources.storage_plan import StoragePlan


def outcome(plan: StoragePlan) -> CurrentStorage:
    """Return the storage that a machine has once all steps of a plan are done.

    Args:
        plan: The plan, whose steps have been computed.

    A device that is created has no id, and a new cache set the name of its bcache.
    """
    desired, current = plan.desired, plan.current
    targets = {id(one.current): one for one in desired.devices.values() if one.current}
    tops: list[tuple[Device | None, DesiredDevice | None]]
    tops = [(one, targets.get(id(one))) for one in current.devices.values()
            if one.above is None and not plan.deletes([one])]  # fmt: skip
    tops += [(None, one) for one in desired.devices.values() if not (one.current or one.above)]
    devices: dict[str, Device] = {}
    for now, target in tops:
        one = _device(plan, now, target)
        devices[one.name] = one
        for number, (part, wanted) in enumerate(_parts(plan, now, target), 1):
            below = _device(plan, part, wanted)
            below.name, below.above = f"{one.name}-part{number}", one
            one.parts.append(below)
            devices[below.name] = below
    levels, modes, caches = dict(current.levels), dict(current.modes), dict(current.caches)
    for group in desired.groups.values():
        if group.kind == RAID:
            levels[group.name] = group.level
        elif group.kind == BCACHE:
            modes[group.name] = group.mode or modes.get(group.name, "")
            cache = next(one for one in group.members if one.role == CACHE)
            caches[group.name] = _group(cache)
    for some in (levels, modes, caches):
        for gone in some.keys() - devices.keys():
            del some[gone]  # type: ignore[attr-defined]
    boot = desired.boot_disk or current.boot_disk
    special = plan.special()
    return CurrentStorage(devices, levels, current.overhead, boot, special, modes, caches)


def _parts(plan, now, target):
    if target is not None and target.exact:
        return [(part.current, part) for part in target.parts]
    return [(part, None) for part in now.parts if not plan.deletes([part])]


def _device(plan: StoragePlan, now: Device | None, target: DesiredDevice | None) -> Device:
    if now is not None and (target is None or not target.exact):
        return replace(plan.left(now), parts=[], raw=_tagged(now, target))
    assert target is not None  # a new device is a described one
    label = target.label or (now.label if now and now.fs == target.fs else None)
    return Device(
        now.name if now else target.name, target.kind, target.size, now.id if now else None,
        of=target.of, fs=target.fs, label=label, mount=target.mount, options=target.options,
        role=target.role, group=_group(target), raw=_tagged(now, target),
    )  # fmt: skip


def _group(target):
    """The group of a member; a cache set that is kept has the name that MAAS gave it."""
    now = target.current
    return now.group if target.role == CACHE and now and now.role == CACHE else target.group


def _tagged(now, target):
    """The answer of a device with the tags and the partition table that it is to have."""
    raw = dict(now.raw) if now else {}
    if target is not None and target.tags is not None:
        by_hand = set(own_tags(now)) if now else set()
        by_maas = [tag for tag in raw.get("tags") or () if tag not in by_hand]
        raw["tags"] = [*by_maas, *(tag for tag in target.tags if tag not in by_maas)]
    if target is not None and target.table:
        raw["partition_table_type"] = target.table
    return raw
