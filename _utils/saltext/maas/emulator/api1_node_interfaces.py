"""``nodes/SYSTEM_ID/interfaces/`` of API 1.0 (1.9+)."""

from __future__ import annotations


def interface_shown(region, row, nic):
    """An interface as the API shows it."""
    return {
        "id": nic["id"],
        "name": nic["name"],
        "type": nic["type"],
        "vlan": None,
        "mac_address": nic["mac_address"],
        "parents": list(nic["parents"]),
        "children": [other["name"] for other in row["macs"] if nic["name"] in other["parents"]],
        "tags": list(nic["tags"]),
        "enabled": nic["enabled"],
        "links": [],
        "params": nic["params"] or "",
        "discovered": None,
        "effective_mtu": 1500,
        "resource_uri": f"/MAAS/api/1.0/nodes/{row['system_id']}/interfaces/{nic['id']}/",
    }
