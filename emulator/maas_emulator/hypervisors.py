"""What runs at the addresses of VM hosts, where a region's racks get an answer.

It is in ``region.state["hypervisors"]``, by type and address: cores, memory, storage pools, MAC
addresses, and the virtual machines by project and name.
"""

from __future__ import annotations

import hashlib
import re


def plug(region, address, kind="lxd", *, cores=16, memory=65536, cpu_speed=2400,
         architecture="amd64/generic", storage_pools=None, mac_addresses=()):  # fmt: skip
    """Let a hypervisor answer at an address; see :func:`maas_emulator.hardware.vm_host`."""
    found = {
        "kind": kind, "address": address, "cores": cores, "memory": memory,
        "cpu_speed": cpu_speed, "architecture": architecture, "vms": {},
        "pools": dict(storage_pools or {"default": 10**12}),
        "macs": [mac.lower() for mac in mac_addresses] or [made_mac(address, kind)],
    }  # fmt: skip
    _plugged(region)[kind, address] = found
    return found


def unplug(region, address, kind="lxd"):
    """Let nothing answer at an address any more; KeyError where nothing does."""
    del _plugged(region)[kind, address]


def _plugged(region):
    return region.state.setdefault("hypervisors", {})


def made_mac(*texts):
    """A MAC address that follows from some texts."""
    digest = hashlib.sha256("/".join(texts).encode()).hexdigest()
    return ":".join(["52", "54", "00", digest[:2], digest[2:4], digest[4:6]])


def at(region, row):
    """What answers at the address of a VM host; None for nothing."""
    where = row["power_type"], str(row["power_parameters"].get("power_address") or "")
    if region.options.vm_hosts and where not in _plugged(region):
        _answer_unless_invalid(region, *where)
    return _plugged(region).get(where)


def _answer_unless_invalid(region, kind, address):
    if not re.search(r"\.invalid\b", address):
        plug(region, address, kind)


def project(row):
    """The project of LXD that a VM host is about; empty for virsh."""
    return row["power_parameters"].get("project") or ("default" if is_lxd(row) else "")


def is_lxd(row):
    """Whether a VM host runs LXD."""
    return row["power_type"] == "lxd"


def vms(region, row):
    """The virtual machines that a VM host has in its project, by name."""
    found = at(region, row)
    every = found["vms"] if found else {}
    return {name: vm for (place, name), vm in every.items() if place == project(row)}


def used(region, row):
    """What the virtual machines of a VM host take: cores, MiB, bytes."""
    every = vms(region, row).values() if row.get("capabilities") else ()
    return {
        "cores": sum(vm["cores"] for vm in every),
        "memory": sum(vm["memory"] for vm in every),
        "local_storage": sum(disk["size"] for vm in every for disk in vm["disks"]),
    }


def pools(region, row):
    """The storage pools of a VM host, as the API shows them."""
    every, found = vms(region, row).values(), []
    for number, (name, total) in enumerate((row.get("pools") or {}).items()):
        taken = sum(disk["size"] for vm in every for disk in vm["disks"] if disk["pool"] == name)
        found.append({
            "id": name, "name": name, "type": "dir", "path": f"/var/lib/{name}", "total": total,
            "used": taken, "available": total - taken, "default": number == 0,
        })  # fmt: skip
    return found


def decompose(region, machine):
    """Delete the virtual machine of a machine; nothing happens where it is none."""
    row = region.rows("vm_hosts").get(machine.get("vm_host"))
    found = at(region, row) if row else None
    if found:
        name = machine["own_parameters"].get("instance_name" if is_lxd(row) else "power_id")
        found["vms"].pop((project(row), name), None)
