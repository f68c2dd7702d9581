"""Storage of machines: descriptions, differences, and the requests that apply them.

The parts: :mod:`~saltext.maas.resources.storage_schema` checks descriptions,
:mod:`~saltext.maas.resources.storage_current` reads an answer,
:mod:`~saltext.maas.resources.storage_desired` computes sizes and which devices are kept,
:mod:`~saltext.maas.resources.storage_layouts` knows MAAS's own layouts,
:mod:`~saltext.maas.resources.storage_removals` and
:mod:`~saltext.maas.resources.storage_plan` the order of requests.
"""

from __future__ import annotations

import re
from typing import Any

from saltext.maas.api_path import segment
from saltext.maas.errors import NotDone, WrongAnswer
from saltext.maas.machines import nodes_1x
from saltext.maas.machines import operations as at
from saltext.maas.resources import kinds
from saltext.maas.resources.engine_types import Client
from saltext.maas.resources.steps import confirmed, own_paths, send_all
from saltext.maas.resources.storage_current import (
    BACKING,
    CACHE,
    CurrentStorage,
    Device,
    described,
    everything,
    read_storage,
    use_of,
)
from saltext.maas.resources.storage_desired import DesiredStorage, StorageProblem
from saltext.maas.resources.storage_layouts import (
    VMWARE,
    LayoutComparison,
    is_vmware,
    options_in_bytes,
)
from saltext.maas.resources.storage_outcome import outcome
from saltext.maas.resources.storage_plan import StoragePlan
from saltext.maas.resources.storage_schema import DOCUMENTED, problems
from saltext.maas.resources.storage_steps import (
    COLLECTIONS,
    MOUNTING,
    Ref,
    Rest,
    StorageStep,
    known_ids,
)

__all__ = [
    "KIND",
    "StorageProblem",
    "apply_steps",
    "described",
    "normal",
    "problem",
    "problems",
    "steps",
]


def normal(value: Any) -> dict | None:
    """Return a description of storage in its normal form, without empty values.

    Raises:
        ValueError: It is no mapping.
    """
    if not isinstance(value, dict):
        raise ValueError
    return {str(name): one for name, one in value.items() if one is not None} or None


KIND = kinds.Kind(
    "a mapping of disks and what is made of them", normal,
    schema={"type": ["object", "null"], "documented": {"properties": DOCUMENTED}},
)  # fmt: skip


def needs_bcaches(entry: dict, raw: dict) -> bool:
    """Return whether a description depends on the list of a machine's bcaches.

    Only that shows their cache modes, and their cache sets if there are several.
    """
    groups: dict[str, set] = {}
    for role, _, group in map(use_of, everything(raw)):
        groups.setdefault(role, set()).add(group)
    described = [*(entry.get("bcaches") or {}).values(), entry.get("layout_options") or {}]
    mode = any((one or {}).get("mode") or (one or {}).get("cache_mode") for one in described)
    return BACKING in groups and bool(mode or len(groups.get(CACHE, ())) > 1)


def has_bcaches(raw: dict) -> bool:
    """Return whether a machine has bcaches."""
    return any(one.role == BACKING for one in read_storage(raw).devices.values())


def vmware_layout(raw: dict) -> dict | None:
    """Return the description of a machine's storage where a layout of VMware has made it."""
    current = read_storage(raw)
    boot = current.devices.get(current.boot_disk or "")
    if boot is None:
        return None
    for disk in current.disks():
        options = {} if disk is boot else {"root_device": disk.name}
        compared = LayoutComparison(current, boot, options, raw.get("architecture") or "")
        for layout in VMWARE if is_vmware(disk) else ():
            if compared.matches(layout):
                found = {"boot_disk": current.boot_disk, "layout": layout}
                return {**found, "layout_options": options} if options else found
    return None


def steps(entry: dict, raw: dict, bcaches: list | None = None) -> list[StorageStep]:
    """Return the requests that give a machine the storage described, in order; empty for none.

    Args:
        entry: The description, free of :func:`problems`.
        raw: The machine as MAAS answered it.
        bcaches: Its bcaches, where they were read.

    Raises:
        StorageProblem: The description cannot be applied.
    """
    return _plan(entry, raw, bcaches)[0]


def before_and_after(
    entry: dict, raw: dict, bcaches: list | None = None
) -> tuple[CurrentStorage, CurrentStorage, list[StorageStep]]:
    """Return the storage of a machine as it is, and as the steps leave it, and the steps.

    The partitions that a layout makes are not in it.  The arguments are those of :func:`steps`.

    Raises:
        StorageProblem: The description cannot be applied.
    """
    todo, _, plan = _plan(entry, raw, bcaches)
    return read_storage(raw, bcaches), outcome(plan), todo


def _plan(entry, raw, bcaches=None) -> tuple[list[StorageStep], dict, StoragePlan]:
    """The steps, the ids of the described devices, and the plan of what no layout makes."""
    current = read_storage(raw, bcaches)
    desired = DesiredStorage(entry, current)
    if not entry.get("layout"):
        some = StoragePlan(desired, current)
        if any(is_vmware(disk) and some.deletes(disk.parts) for disk in current.disks()):
            blank = {**entry, "layout": "blank"}
            return _layout_steps(blank, current, {}, known_ids(desired))
        return some.all(), known_ids(desired), some
    boot = current.devices.get(desired.boot_disk or current.boot_disk or "")
    if boot is None:
        raise StorageProblem("the machine has no boot disk")
    options = options_in_bytes(entry.get("layout_options") or {}, current, boot)
    if "root_device" in options:
        options["root_device"] = desired.disk_name(options["root_device"])
    comparison = LayoutComparison(current, boot, options, raw.get("architecture") or "")
    if comparison.matches(entry["layout"]):
        plan = StoragePlan(desired, current)
        return plan.all(), known_ids(desired), plan
    return _layout_steps(entry, current, options, known_ids(desired))


def _layout_steps(entry, current: CurrentStorage, options, ids):
    """The steps of one of MAAS's layouts, which replaces all current storage."""
    data = {"storage_layout": entry["layout"]}
    for name, value in options.items():
        if name == "root_device":
            value = current.devices[value].id
        data[name] = str(value).lower() if isinstance(value, bool) else value
    lost = [one.name for one in current.devices.values() if one.fs or one.role or one.parts]
    apply = StorageStep(
        f"apply the layout {entry['layout']} to all disks",
        "",
        op="set_storage_layout",
        data=data,
        erases=", ".join(lost),
        of_machine=True,
    )
    emptied = CurrentStorage(
        {one.name: _emptied(one) for one in current.disks()}, {}, current.overhead,
        current.boot_disk, current.special if entry.get("special") is not None else {}, {}, {},
    )  # fmt: skip
    # Older releases keep file systems in memory with a layout: remove all before, add them after.
    unmounts = [
        StorageStep(
            f"unmount {fs} from {point}",
            "",
            op="unmount_special",
            data={"mount_point": point},
            of_machine=True,
        )
        for point, (fs, _) in emptied.special.items()
    ]
    emptied.special = {}
    plan = StoragePlan(DesiredStorage(entry, emptied), emptied)
    rest = plan.all()
    boot = [one for one in rest if one.op == "set_boot_disk"]
    return [*unmounts, *boot, apply, *(one for one in rest if one not in boot)], ids, plan


def _emptied(disk):
    return Device(disk.name, disk.kind, disk.size, disk.id, raw=disk.raw)


def texts(found_steps: list[StorageStep]) -> list[str]:
    """Return what steps do, a line each, with the devices whose data is lost."""
    return [
        f"{one.text} (its data is lost: {one.erases})" if one.erases else one.text
        for one in found_steps
    ]


def problem(found_steps: list[StorageStep], raw: dict) -> str | None:
    """Return why MAAS would refuse steps in the status that a machine is in."""
    status = raw["status"]
    allowed = status == at.READY
    if status == at.ALLOCATED:
        allowed = all(one.op in MOUNTING for one in found_steps)
    if not found_steps or allowed:
        return None
    what = f"it is {raw['status_name']}, and MAAS changes disks only of machines that are Ready"
    if status in (at.DEPLOYED, at.DEPLOYING, at.ALLOCATED, at.FAILED_DEPLOYMENT):
        return f"{what}; release it first"
    if status == at.FAILED_TESTING:
        return f"{what}; commission it first"
    return f"{what}; repeat the run when it is"


#: Operations whose answer does not show the device.
_UNSHOWN = ("set_boot_disk", "delete_logical_volume")
#: First release that makes a partition of what is left.
_FINDS_REST = "2.3"
#: Operations that API 1.0 wants by GET.
_TAGGING = ("add_tag", "remove_tag")


def apply_steps(client: Client, raw: dict, entry: dict, bcaches: list | None = None) -> None:
    """Give a machine the storage described.

    Args:
        client: The client.
        raw: The machine as MAAS answered it.
        entry: The description.
        bcaches: Its bcaches, where they were read.

    Raises:
        MaasError: A step failed; the error says which are done, and which are left.
    """
    todo, ids, _ = _plan(entry, raw, bcaches)
    paths = set(own_paths(raw))
    send_all(
        "storage", todo, lambda step: _send(client, raw["system_id"], step, ids, paths), texts(todo)
    )


def _send(client, system_id, step, ids, paths):
    node = f"nodes/{segment(system_id)}/"

    def known(name):
        kind = name.partition("/")[0]
        if name not in ids and kind in COLLECTIONS:
            for one in client.get(
                node + COLLECTIONS[kind] + "/", expect=[{"id": int, "name": str}]
            ):
                ids[f"{kind}/{one['name']}"] = one["id"]
        if name not in ids:
            raise NotDone(f"there is no {name} any more; another client changed the machine")
        return ids[name]

    def sent(value):
        if isinstance(value, list):
            return [sent(one) for one in value]
        return known(value.name) if isinstance(value, Ref) else value

    of_machine = f"{nodes_1x.collection(client.release)}{segment(system_id)}/"
    root = of_machine if step.of_machine else node
    path = root + re.sub(r"\{([^}]+)\}", lambda match: str(known(match[1])), step.path)
    data = {name: sent(value) for name, value in step.data.items()}
    answer = _request(client, step, path, data)
    if step.method == "DELETE" or step.op in _UNSHOWN:
        return
    if step.path == "bcaches/":  # MAAS shows a new one without its path
        disk = answer.get("virtual_device") if isinstance(answer, dict) else None
        confirmed(disk, f"{node}blockdevices/", known=paths)
    else:
        confirmed(answer, path, step.op, paths)
    paths.update(own_paths(answer))
    if step.makes:
        ids[step.makes] = _id_of(answer)


def _request(client, step, path, data):
    if step.method == "DELETE":
        return client.delete(path)
    if step.method == "PUT":
        return client.put(path, data=data)
    if step.op in _TAGGING and nodes_1x.is_node(client.release):
        return client.get(path, op=step.op, **data)
    if isinstance(data.get("size"), Rest):
        rest = data.pop("size")
        data |= {"size": rest.size} if client.release < _FINDS_REST else {}
    return client.post(path, op=step.op, data=data, repeat=False)


def _id_of(answer):
    """The id of the created device; for a group that of the virtual disk on it."""
    device = answer.get("virtual_device") or answer if isinstance(answer, dict) else {}
    if not isinstance(device.get("id"), int):
        raise WrongAnswer("the region answered with something else than a device")
    return device["id"]
