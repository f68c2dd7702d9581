"""Machines as API 1.0 tells them: which fields, since when."""

from __future__ import annotations

import time
from urllib.parse import quote

from maas_emulator import storage
from maas_emulator.api1 import machines
from maas_emulator.api1.node_interfaces import interface_shown

#: (field of an answer, first release[, None or first release without it]).
_FIELDS = (
    ("system_id", "1.5"), ("hostname", "1.5"), ("owner", "1.5"), ("macaddress_set", "1.5"),
    ("architecture", "1.5"), ("cpu_count", "1.5"), ("memory", "1.5"), ("storage", "1.5"),
    ("status", "1.5"), ("netboot", "1.5"), ("power_type", "1.5"), ("tag_names", "1.5"),
    ("ip_addresses", "1.5"), ("routers", "1.5"), ("zone", "1.5"), ("osystem", "1.6"),
    ("distro_series", "1.6"), ("power_state", "1.7"), ("disable_ipv4", "1.7"),
    ("substatus", "1.7"), ("boot_type", "1.8"), ("pxe_mac", "1.8"), ("swap_size", "1.8"),
    ("physicalblockdevice_set", "1.8"), ("min_hwe_kernel", "1.9"), ("hwe_kernel", "1.9"),
    ("interface_set", "1.9"), ("boot_disk", "1.9"), ("blockdevice_set", "1.9"),
    ("virtualblockdevice_set", "1.9"), ("substatus_name", "1.9"), ("substatus_action", "1.9"),
    ("substatus_message", "1.9"),
)  # fmt: skip
#: What an answer to somebody who did not sign in leaves out, up to 1.8 and from 1.9 on.
_SIGNED_ONLY = ("substatus", "substatus_name", "substatus_action", "substatus_message")
_SIGNED_ONLY_1_9 = ("substatus", "macaddress_set", "pxe_mac")
_BARE_INTERFACE = ("id", "name", "type", "mac_address", "parents", "tags", "enabled", "params")


def uri(row, kind="nodes"):
    """Path of a machine or device."""
    return f"/MAAS/api/1.0/{kind}/{row['system_id']}/"


def mac(row, nic):
    """A MAC address with its path."""
    mac = nic["mac_address"]
    return {"mac_address": mac, "resource_uri": f"{uri(row)}macs/{quote(mac, '')}/"}


def zone(region, name):
    """The zone of a machine, whose description lives with the zone."""
    for zone in region.rows("zones").values():
        if zone["name"] == name:
            return {
                "name": name,
                "description": zone["description"],
                "resource_uri": f"/MAAS/api/1.0/zones/{name}/",
            }
    return None


def disks(region, row):
    """The fields of a machine that show its disks; the boot disk is the one that was chosen."""
    shown = storage.of_machine(region, row)
    if row["boot_disk"] is None:
        shown["boot_disk"] = None
    if not shown["blockdevice_set"]:
        del shown["storage"]
    return shown


def machine(region, row):
    """What the API tells about a machine."""
    macs = [mac(row, nic) for nic in row["macs"] if nic["mac_address"]]
    if region.release >= "1.9":  # MAC addresses have no place of their own any more
        macs = [{"mac_address": item["mac_address"]} for item in macs]
    known = {
        **row,
        "hostname": machines.fqdn(region, row),
        "macaddress_set": macs,
        "pxe_mac": macs[0] if macs else None,
        "status": machines.folded(row["status"]),
        "substatus": row["status"],
        "substatus_name": machines.label(region, row["status"]),
        "substatus_action": row["last_event"][0],
        "substatus_message": row["last_event"][1],
        "tag_names": list(row["tags"]),
        "ip_addresses": machines.addresses(row),
        "routers": None,
        "zone": zone(region, row["zone"]),
        "interface_set": [interface_shown(region, row, nic) for nic in row["macs"]],
        **disks(region, row),
    }
    found = {name: known[name] for name, since in _FIELDS if region.release >= since}
    return {**found, "resource_uri": uri(row)}


def machine_to_anybody(region, row):
    """The answer to an enlistment that was not signed: zone and VLANs as the database has them."""
    newer = region.release >= "1.9"
    left_out = _SIGNED_ONLY_1_9 if newer else _SIGNED_ONLY
    found = {k: v for k, v in machine(region, row).items() if k not in left_out}
    zone = next(z for z in region.rows("zones").values() if z["name"] == row["zone"])
    found["zone"] = _bare(zone, "id", "name", "description")
    if newer:
        for nic in found["interface_set"]:
            vlan = region.rows("vlans").get(nic["vlan"]["id"]) if nic["vlan"] else None
            names = "id", "name", "vid", "mtu", "fabric_id"
            nic["vlan"] = vlan and _bare(vlan, *names)
        found["interface_set"] = [
            {name: nic[name] for name in (*_BARE_INTERFACE, "vlan")}
            for nic in found["interface_set"]
        ]
    else:
        found["macaddress_set"] = [{"mac_address": nic["mac_address"]} for nic in row["macs"]]
    found["resource_uri"] = "/MAAS/api/1.0/nodes/"
    return found


def _bare(row, *names):
    """An object as the database has it."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000")
    state = f"<django.db.models.base.ModelState object at 0x{id(row):x}>"
    return {**{name: row[name] for name in names}, "created": now, "updated": now, "_state": state}
