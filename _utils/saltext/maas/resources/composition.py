"""Descriptions of machines that MAAS composes on VM hosts: their checks and form fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from saltext.maas.release import Release
from saltext.maas.resources import kinds
from saltext.maas.resources.engine_types import Snapshot
from saltext.maas.resources.storage_sizes import ALLOWED, MIB, in_bytes
from saltext.maas.resources.vlan_names import VLAN_NAME

_LEAST_MEMORY = 1024
_WORD = re.compile(r"[\w.-]+")
_MEMORY = "a size such as 4GiB or 4G, or a number of MiB; 1024 MiB or more"
#: Names that MAAS takes from a VM host; it replaces any other by one of its own.
HOST_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]+")


def _memory(value):
    """MiB, from a size with a unit or a number of MiB."""
    found = int(value) if str(value).isdigit() else in_bytes(value) // MIB
    if found < _LEAST_MEMORY:
        raise ValueError
    return found


def _disk_size(value):
    found = in_bytes(value)
    if found < MIB:
        raise ValueError
    return found


def _list(value):
    if not isinstance(value, list):
        raise ValueError
    return value


def _cores(value):
    return [kinds.bounded(0).normal(one) for one in value]


def _words(value):
    found = kinds.NAMES.normal(value)
    if not all(map(_WORD.fullmatch, found)):
        raise ValueError
    return found


def _matching(pattern, allowed):
    def normal(value):
        if not re.fullmatch(pattern, str(value), re.ASCII):
            raise ValueError
        return str(value)

    return kinds.Kind(allowed, normal)


class _Key(NamedTuple):
    """A key of a description: what it may be, what it is, and the first release that has it."""

    kind: kinds.Kind
    doc: str = ""
    since: str = ""


_DISK = {
    "size": _Key(kinds.Kind(ALLOWED, _disk_size)),
    "pool": _Key(_matching(r"[\w.-]+", "the name of a storage pool"),
                 "Storage pool of the VM host."),
    "tags": _Key(kinds.Kind("a list of words", _words), "Tags of the disk."),
}  # fmt: skip
_INTERFACE = {
    "name": _Key(
        _matching(r"[A-Za-z0-9][\w-]{0,14}", "a name of up to 15 letters, digits, - and _")
    ),
    "subnet": _Key(kinds.NETWORK, "Subnet that it is attached to."),
    "vlan": _Key(VLAN_NAME, "VLAN that it is attached to."),
    "ip_address": _Key(kinds.ADDRESS, "Its first address."),
}
_LISTS = {"disks": _DISK, "interfaces": _INTERFACE}
_LIST = kinds.Kind("a list of mappings", _list)
_KEYS = {
    "cores": _Key(kinds.bounded(1), "Cores; 1 if left out."),
    "memory": _Key(kinds.Kind(_MEMORY, _memory), "Memory; 2048 MiB if left out, 1024 up to 2.7."),
    "disks": _Key(_LIST, "Its disks, the one to boot from first."),
    "interfaces": _Key(_LIST, "Its interfaces.", "2.5"),
    "hugepages_backed": _Key(kinds.BOOLEAN, "Whether hugepages back its memory.", "2.9"),
    "pinned_cores": _Key(kinds.Kind("a list of numbers of cores", _cores),
                         "Cores of the VM host that it runs on, in place of ``cores``.", "2.9"),
    "skip_commissioning": _Key(
        kinds.BOOLEAN, "Whether it is Ready at once, without being commissioned."
    ),
}  # fmt: skip


def normal(value: Any) -> dict:
    """Return a description in its normal form: memory in MiB, sizes in bytes.

    Raises:
        ValueError: It is no mapping.
    """
    if not isinstance(value, dict):
        raise ValueError
    found = {}
    for name, one in value.items():
        if name in _LISTS and isinstance(one, list):
            one = [_each(_LISTS[name], item) for item in one]
        elif name in _KEYS:
            one = _KEYS[name].kind.cleaned(one)
        if one is not None:
            found[name] = one
    return found


def _each(keys, item):
    if not isinstance(item, dict):
        return item
    return {
        key: keys[key].kind.cleaned(one) if key in keys else one
        for key, one in item.items()
        if one is not None
    }


def mistakes(entry: dict, release: Release | None = None) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a description: ``(path, sentence)``.

    Args:
        entry: The description in its normal form.
        release: The region's; None where none is known.
    """
    for name, value in entry.items():
        path, since = f"compose:{name}", _KEYS[name].since if name in _KEYS else ""
        if release is not None and not release.within(since):
            yield path, f"MAAS {release} does not support it; {since} and later do"
            continue
        wrong = [(path, text) for _, text in kinds.wrong({name: value}, _KEYS)]
        yield from wrong
        if name in _LISTS and not wrong:
            yield from _wrong_items(path, _LISTS[name], value)
    names = [one.get("name") for one in _mappings(entry.get("interfaces"))]
    for name in sorted({str(one) for one in names if names.count(one) > 1}):
        yield "compose:interfaces", f"{name!r} is the name of two interfaces"
    if entry.get("cores") and entry.get("pinned_cores"):
        yield "compose:cores", "cannot go with pinned_cores; leave one of them out"


def _mappings(items):
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []


def _wrong_items(path, keys, items):
    required = "size" if keys is _DISK else "name"
    for number, item in enumerate(items):
        below = f"{path}:{number}"
        if not isinstance(item, dict):
            yield below, f"{item!r} must be a mapping of: {', '.join(keys)}"
            continue
        yield from ((f"{below}:{key}", text) for key, text in kinds.wrong(item, keys))
        if required not in item:
            yield f"{below}:{required}", "is missing"
        elif keys is _INTERFACE and len(item) == 1:
            yield below, "must have subnet, vlan or ip_address, to which it is attached"


def references(entry: dict | None) -> Iterator[tuple[str, str]]:
    """Yield the ``(type, key)`` of the subnets and VLANs that a description names."""
    for one in _mappings((entry or {}).get("interfaces")):
        for type in ("subnet", "vlan"):
            if isinstance(one.get(type), str):
                yield type, one[type]


def addresses(entry: dict | None) -> dict[str, int]:
    """Return the addresses that a description asks for: ``{address: number of its interface}``."""
    found = enumerate(_mappings((entry or {}).get("interfaces")))
    return {one["ip_address"]: number for number, one in found if "ip_address" in one}


def form(entry: dict, snapshot: Snapshot) -> dict:
    """Return the form fields of a request to compose a machine.

    Args:
        entry: The description in its normal form.
        snapshot: The region, for the ids of VLANs.
    """
    found = {name: entry[name] for name in ("cores", "memory") if name in entry}
    if "pinned_cores" in entry:
        found["pinned_cores"] = entry["pinned_cores"]
    for name in ("hugepages_backed", "skip_commissioning"):
        if entry.get(name):
            found[name] = "true"
    if entry.get("disks"):
        found["storage"] = ",".join(map(_disk, entry["disks"]))
    if entry.get("interfaces"):
        found["interfaces"] = ";".join(_interface(one, snapshot) for one in entry["interfaces"])
    return found


def _disk(one):
    """A disk as MAAS's constraint of storage says it: its size in GB, pool and tags."""
    size = f"{(Decimal(one['size']) / 10**9).normalize():f}"
    words = [*([one["pool"]] if "pool" in one else []), *one.get("tags", ())]
    return size + (f"({','.join(words)})" if words else "")


def _interface(one, snapshot):
    """An interface as MAAS's constraint says it; MAAS finds the VLAN of an address itself."""
    if "ip_address" in one:
        return f"{one['name']}:ip={one['ip_address']}"
    vlan = snapshot.resolve("vlan", one["vlan"]) if "vlan" in one else (
        snapshot.resolve("subnet", one["subnet"])["vlan"]
    )  # fmt: skip
    return f"{one['name']}:vlan=id:{vlan['id']}"


def differences(entry: dict, raw: dict) -> Iterator[str]:
    """Yield what of a composed machine is not as described, as far as MAAS reports it."""
    cores = len(entry.get("pinned_cores") or ()) or entry.get("cores")
    have = raw.get("cpu_count")
    if cores and have and cores != have:
        yield f"has {have} cores, not {cores}"
    memory, have = entry.get("memory"), raw.get("memory")
    # Commissioning may find less than it was given, which its firmware takes.
    if memory and have and abs(memory - have) * 10 > memory:
        yield f"has {have} MiB of memory, not {memory}"
    disks = sorted(disk["size"] for disk in _own_disks(raw))
    wanted = sorted(one["size"] for one in entry.get("disks", ()))
    # A storage pool may round a size up.
    same = len(disks) == len(wanted) and all(
        abs(one - other) * 100 <= other for one, other in zip(disks, wanted)
    )
    if wanted and disks and not same:
        yield f"has disks of {_gigabytes(disks)}, not {_gigabytes(wanted)}"


def _own_disks(raw):
    return [disk for disk in raw.get("blockdevice_set") or () if disk.get("type") == "physical"]


def _gigabytes(sizes):
    return f"{', '.join(f'{one / 10**9:g}' for one in sizes)} GB"


def described(raw: dict) -> dict:
    """Return a description with which a machine like one of the region is composed."""
    found = {"cores": raw.get("cpu_count"), "memory": raw.get("memory")}
    found["disks"] = [{"size": disk["size"]} for disk in _own_disks(raw)]
    return {name: one for name, one in found.items() if one}


def _documented(keys):
    """Keys for the reference; :func:`mistakes` checks them."""
    found: dict = {key: {"allowed": one.kind.allowed, "doc": one.doc} for key, one in keys.items()}
    for key in keys.keys() & _LISTS:
        found[key]["items"] = {"allowed": "a mapping", "properties": _documented(_LISTS[key])}
    return found


KIND = kinds.Kind(
    "a mapping", normal, schema={"type": "object", "documented": {"properties": _documented(_KEYS)}}
)
