"""Views of machines: many as a table, one with its interfaces and disks."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable
from typing import Any

from saltext.maas import poll
from saltext.maas.client.session import Client
from saltext.maas.errors import BadInput, LostAnswer, MaasError, Unreachable, few
from saltext.maas.machines.lifecycle import all_listed
from saltext.maas.machines.operations import IN_PROGRESS, NAMES
from saltext.maas.render import machines
from saltext.maas.render.text import clean
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.interfaces_model import InterfaceLayout
from saltext.maas.resources.storage_current import read_storage

#: The columns of a table for a terminal.
_SHOWN = ("hostname", "status", "power", "owner", "zone", "pool", "tags", "addresses")
#: All columns.
_COLUMNS = (*_SHOWN, "architecture", "cpus", "memory", "system_id", "fqdn")
#: What MAAS filters by itself, with the names of its filters.
_BY_MAAS = {"zone": "zone", "pool": "pool", "tag": "tags"}
#: How many machines an error names.
_NAMED = 3
_BUSY = {NAMES[one] for one in IN_PROGRESS}


def rows(client: Client, **wanted: str | list | None) -> list[dict]:
    """Read the machines of a region with one request.

    Args:
        client: The region's client.
        wanted: ``status``, ``zone``, ``pool``, ``owner``, ``tag``, ``architecture`` that a machine
            must have, or a glob of its ``name``; of a list it must have one. None for any. From
            2.6 on MAAS itself filters by zone, pool and tag.

    Returns:
        A row for each, by host name, as the runner ``maas.machines`` describes it.

    Raises:
        BadInput: There is no such status.
        MaasError: The region cannot be asked, or has no such zone, pool or tag.
    """
    filters = {name: _listed(value) for name, value in wanted.items() if value is not None}
    known = {one.lower() for one in NAMES}
    for one in filters.get("status", ()):
        if one.lower() not in known:
            raise BadInput(f"status: {one!r} must be one of: {', '.join(NAMES)}")
    sent = {}
    if client.release >= "2.6":
        # Several tags mean machines that have all of them.
        sent = {_BY_MAAS[name]: values for name, values in filters.items()
                if name in _BY_MAAS and (name != "tag" or len(values) == 1)}  # fmt: skip
    found = [row(raw) for raw in all_listed(client, sent)]
    return sorted((one for one in found if _fits(one, filters)), key=lambda one: one["hostname"])


def _listed(value):
    values = value if isinstance(value, list) else str(value).split(",")
    return [str(one).strip() for one in values]


def counts(found: list[dict]) -> dict[str, int]:
    """Return how many machines there are in each status, by its name."""
    return dict(sorted(Counter(row["status"] for row in found if row["status"]).items()))


def counts_text(found: list[dict]) -> str:
    """Return the same in words."""
    return ", ".join(f"{count} {clean(status)}" for status, count in counts(found).items())


def watch(
    read: Callable[[], list[dict]],
    pause: float,
    seconds: float,
    report: Callable[[int, int, str], object],
) -> list[dict]:
    """Read machines again and again, until MAAS works on none of them.

    Args:
        read: Returns their rows.
        pause: Seconds between two readings.
        seconds: How long to go on.
        report: Called with how many are done, how many there are, and a text.

    Returns:
        The last rows.

    Raises:
        MaasError: MAAS is still working on some.
    """
    now: dict[str, Any] = {"what": "an answer", "why": None}

    def quiet():
        try:
            found = read()
        except (LostAnswer, Unreachable) as error:  # it may be restarting
            now["why"] = error
            return None
        busy = [row for row in found if row["status"] in _BUSY]
        report(len(found) - len(busy), len(found), counts_text(found))
        names = [row["hostname"] for row in busy]
        now.update(what=few(names, _NAMED), why=counts_text(busy))
        return None if busy else [found]

    ended = poll.wait(quiet, seconds, pause, pause)
    if ended is None:
        raise MaasError(poll.timed_out(seconds, now["what"], now["why"]))
    return ended[0]


def row(raw: dict) -> dict[str, Any]:
    """Return the row of a machine, from its answer."""
    return {
        "hostname": raw["hostname"],
        "status": raw["status_name"],
        "power": raw.get("power_state"),
        "owner": raw.get("owner") or None,
        "zone": raw["zone"]["name"],
        "pool": (raw.get("pool") or {}).get("name"),
        "tags": sorted(raw.get("tag_names") or ()),
        "architecture": raw.get("architecture"),
        "cpus": raw.get("cpu_count"),
        "memory": raw.get("memory"),
        "addresses": list(raw.get("ip_addresses") or ()),
        "system_id": raw["system_id"],
        "fqdn": raw.get("fqdn"),
    }


def _fits(row, filters):
    return all(_has(row, name, values) for name, values in filters.items())


def _has(row, name, values):
    if name == "name":
        return any(fnmatch.fnmatchcase(row[one] or "", value)
                   for one in ("hostname", "fqdn") for value in values)  # fmt: skip
    there = row["tags"] if name == "tag" else [row[name]]
    if name == "architecture":
        there = [row[name], str(row[name]).partition("/")[0]]
    return bool({str(one).lower() for one in there} & {one.lower() for one in values})


def chosen(columns: list | str | None, more: tuple = ()) -> tuple:
    """Return the columns that are shown.

    Args:
        columns: Their names; None for those of a table.
        more: Columns that are there besides.

    Raises:
        BadInput: There is no such column.
    """
    names = (*more, *_SHOWN) if columns is None else tuple(_listed(columns))
    for one in names:
        if one not in (*more, *_COLUMNS):
            allowed = ", ".join((*more, *_COLUMNS))
            raise BadInput(f"columns: {one!r} must be one of: {allowed}")
    return names


def as_table(found: list[dict], names: tuple = _SHOWN) -> str:
    """Write rows as a table for a terminal, with the number of machines in each status below."""
    cells = [{name: name for name in names}]
    cells += [{name: _text(row[name]) for name in names} for row in found]
    widths = {name: max(len(one[name]) for one in cells) for name in names}
    lines = ["  ".join(one[name].ljust(widths[name]) for name in names).rstrip() for one in cells]
    machines = "machine" if len(found) == 1 else "machines"
    total = f"{len(found)} {machines}" + (f": {counts_text(found)}" if counts(found) else "")
    return "\n".join([*lines, "", total])


def _text(value):
    return clean(", ".join(value) if isinstance(value, list) else str(value or ""))


def described(raw: dict) -> dict[str, Any]:
    """Return one machine with its interfaces and disks, from its answer."""
    return {
        **row(raw),
        "power_type": raw.get("power_type"),
        "locked": bool(raw.get("locked")),
        "system": {
            name: raw.get(name) or None
            for name in ("osystem", "distro_series", "hwe_kernel", "min_hwe_kernel")
        },
        "interfaces": {nic["name"]: _nic(nic) for nic in raw.get("interface_set") or ()},
        "disks": {disk["name"]: _disk(disk) for disk in raw.get("blockdevice_set") or ()},
        "drawn": _drawn(raw),
    }


def _drawn(raw):
    """Its interfaces and disks as lines, in the words of a plan."""
    vlan, subnet = BY_NAME["vlan"].key_of, BY_NAME["subnet"].key_of
    nics = machines.interface_parts(InterfaceLayout(raw, vlan, subnet))
    disks = machines.storage_parts(read_storage(raw))
    lines = [*machines.interface_lines(nics, nics), *machines.storage_lines(disks, disks, True)]
    return "\n".join(f"{'  ' * one.depth}{clean(one.text)}" for one in lines)


def _nic(nic):
    vlan = nic.get("vlan")
    return {
        "type": nic.get("type"),
        "mac_address": nic.get("mac_address"),
        "vlan": BY_NAME["vlan"].key_of(vlan) if vlan else None,
        "parents": nic.get("parents") or [],
        "links": [
            {
                "mode": link.get("mode"),
                "ip_address": link.get("ip_address"),
                "subnet": (link.get("subnet") or {}).get("cidr"),
            }
            for link in nic.get("links") or ()
        ],
    }


def _disk(disk):
    return {
        "type": disk.get("type"),
        "size": disk.get("size"),
        "model": disk.get("model"),
        "tags": disk.get("tags") or [],
        **_file_system(disk),
        "partitions": [
            {"size": part.get("size"), **_file_system(part)}
            for part in disk.get("partitions") or ()
        ],
    }


def _file_system(holder):
    values = holder.get("filesystem") or {}
    return {"fstype": values.get("fstype"), "mount_point": values.get("mount_point")}
