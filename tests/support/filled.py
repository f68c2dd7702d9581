"""Values for the fields that may be empty, of each resource type, and what they refer to."""

from __future__ import annotations

from support.examples import known

#: ``{type: {field: value}}`` for what a table's own example leaves out.
FILLED = {
    "package_repository": {
        "distributions": ["jammy"], "components": ["main"], "disabled_pockets": ["security"],
        "key": "-----BEGIN PGP PUBLIC KEY BLOCK-----", "arches": ["amd64"],
    },
    "script": {
        "title": "Fans", "packages": {"apt": ["ipmitool"]}, "for_hardware": ["pci:8086:1234"],
        "comment": "first", "destructive": True,
    },
    "notification": {"message": "hi"},
    "fabric": {"class_type": "10g", "description": "racks"},
    "space": {"description": "outside"},
    "vlan": {"name": "storage", "description": "disks"},
    "subnet": {
        "name": "front", "description": "desks", "disabled_boot_architectures": ["pxe", "ipxe"],
    },
    "network": {"default_gateway": "172.16.0.1", "dns_servers": ["192.0.2.53"]},
    "dhcp_snippet": {"description": "clock"},
    "domain": {"forward_dns_servers": None},
}  # fmt: skip


def filled(table, release) -> dict:
    """An example's values with those of all fields that may be empty."""
    values = {**table.example, **FILLED.get(table.name, {})}
    if release >= "2.2":
        values.pop("space", None) if table.name == "subnet" else None
    return known(table, {k: v for k, v in values.items() if v is not None}, release)
