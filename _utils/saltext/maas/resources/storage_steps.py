"""Requests for the storage of a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from saltext.maas.resources.storage_current import BCACHE, PARTITION, RAID, SPARE, Device
from saltext.maas.resources.storage_desired import DesiredDevice, DesiredGroup, DesiredStorage

#: Operations that MAAS also accepts on allocated machines.
MOUNTING = ("format", "unformat", "mount", "unmount", "mount_special", "unmount_special")


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


@dataclass(frozen=True)
class Rest:
    """The size of a partition that takes what is left, which MAAS knows itself from 2.3 on.

    Attributes:
        size: In bytes.
    """

    size: int


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


def group_id(kind: str, name: str) -> str:
    """Return the key of the id of a group; MAAS does not find every group by its name."""
    return f"{kind}/{name}"


def group_path(kind: str, name: str) -> str:
    """Return the path of a group, in which its id is to be put."""
    return f"{kind}/{{{group_id(kind, name)}}}/"


def on_device(
    device: Device | DesiredDevice, op: str, text: str, erases: str = "", **data: Any
) -> StorageStep:
    """Return the step of an operation on a disk or partition, with its form fields."""
    own, over = (
        one and (str(one.id) if isinstance(one, Device) else f"{{{one.name}}}")
        for one in (device, device.above)
    )
    path = f"blockdevices/{over}/partition/{own}" if over else f"blockdevices/{own}/"
    return StorageStep(text, path, op=op, data=data, erases=erases)


def membership(
    current_devices: Iterable[Device], group: DesiredGroup, coming: bool
) -> Iterator[StorageStep]:
    """Yield the step that adds members to a group that is kept, or removes some."""
    if group.kind == BCACHE:
        return
    data: dict = {}
    names = []
    targets = {id(one.current): one for one in group.members if one.current}
    for one in () if coming else current_devices:
        target = targets.get(id(one))
        if one.group == group.name and (target is None or target.role != one.role):
            word = "remove_" + _word(group, one)
            data.setdefault(word, []).append(one.id)
            names.append(f"remove {one.name}")
    for target in group.members if coming else ():
        current = target.current
        if current is None or (current.role, current.group) != (target.role, group.name):
            data.setdefault("add_" + _word(group, target), []).append(Ref(target.name))
            names.append(f"add {target.name}")
    if data:
        kind = "raid" if group.kind == RAID else "volume-group"
        path = group_path(kind, group.name)
        yield StorageStep(f"change {kind} {group.name}: {', '.join(names)}", path, "PUT", data=data)


def _word(group, member):
    inside = member.kind == PARTITION
    if group.kind == RAID and member.role == SPARE:
        return "spare_partitions" if inside else "spare_devices"
    return "partitions" if inside else "block_devices"
