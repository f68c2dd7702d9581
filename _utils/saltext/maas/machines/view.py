"""Views of machines: many as a table, one with its interfaces and disks."""

from __future__ import annotations

from typing import Any

from saltext.maas.client.session import Client
from saltext.maas.errors import MaasError
from saltext.maas.render import machines
from saltext.maas.render.text import clean
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.interfaces_model import InterfaceLayout
from saltext.maas.resources.storage_current import read_storage

#: The columns of a table for a terminal.
_SHOWN = ("hostname", "status", "power", "owner", "zone", "pool", "tags", "addresses")
_SHAPE = {"system_id": str, "hostname": str, "status_name": str, "zone": {"name": str}}


def rows(client: Client, **wanted: str | None) -> list[dict]:
    """Read the machines of a region with one request.

    Args:
        client: The region's client.
        wanted: ``status``, ``zone``, ``pool``, ``owner`` or ``tag`` that a machine must have; None
            for any.

    Returns:
        A row for each, by host name, as the runner ``maas.machines`` describes it.

    Raises:
        MaasError: The region cannot be asked, or its release has no machines.
    """
    if client.release < "2.0":
        raise MaasError(f"MAAS {client.release} has no machines; they came with 2.0")
    found = [_row(raw) for raw in client.get("machines/", expect=[_SHAPE])]
    return sorted((row for row in found if _fits(row, wanted)), key=lambda row: row["hostname"])


def _row(raw):
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
    }


def _fits(row, wanted):
    for name, value in wanted.items():
        values = row["tags"] if name == "tag" else [row[name]]
        if value is not None and str(value).lower() not in [str(one).lower() for one in values]:
            return False
    return True


def as_table(found: list[dict]) -> str:
    """Write rows as a table for a terminal."""
    cells = [{name: name for name in _SHOWN}]
    cells += [{name: _text(row[name]) for name in _SHOWN} for row in found]
    widths = {name: max(len(one[name]) for one in cells) for name in _SHOWN}
    lines = ["  ".join(one[name].ljust(widths[name]) for name in _SHOWN).rstrip() for one in cells]
    return "\n".join(lines)


def _text(value):
    return clean(", ".join(value) if isinstance(value, list) else str(value or ""))


def described(raw: dict) -> dict[str, Any]:
    """Return one machine with its interfaces and disks, from its answer."""
    return {
        **_row(raw),
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
    vlan = nic.get("vlan") or {}
    return {
        "type": nic.get("type"),
        "mac_address": nic.get("mac_address"),
        "vlan": f"{vlan['fabric']}/{vlan['vid']}" if vlan else None,
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
