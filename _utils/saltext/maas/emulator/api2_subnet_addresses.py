"""``subnets/ID/?op=ip_addresses``: which addresses are given out, and to whom."""

from __future__ import annotations

import ipaddress

from saltext.maas.emulator import crud, ips
from saltext.maas.emulator.api2_subnets import subnet, subnet_of


def _bmcs(region, held):
    rows = [row for row in region.rows("machines").values() if row["power_id"] == held.get("bmc")]
    rows += [row for row in region.rows("vm_hosts").values() if row["power_id"] == held.get("bmc")]
    return [
        {
            "id": held["id"],
            "power_type": row["power_type"],
            "nodes": [{"system_id": row["system_id"], "hostname": row["hostname"]}]
            if "system_id" in row
            else [],
        }
        for row in rows
    ]


def _node_summary(region, held):
    for kind in ("machines", "devices", "racks"):
        for node in region.rows(kind).values():
            if node["system_id"] == held.get("node"):
                domain = region.rows("domains")[node["domain"]]["name"]
                via = [nic["name"] for nic in node["interfaces"] if nic["id"] == held["nic"]]
                return {
                    "system_id": node["system_id"],
                    "node_type": node["node_type"],
                    "fqdn": f"{node['hostname']}.{domain}",
                    "hostname": node["hostname"],
                    "is_container": kind == "devices" and bool(node["parent"]),
                    "via": via[0] if via else None,
                }
    return None


def _show_address(request, held):
    """An address that is given out, with what it belongs to."""
    region = request.region
    date = crud.mail_date()[:-6].replace(" 20", ". 20", 1)
    shown = {"ip": held["ip"], "alloc_type": held["alloc_type"], "created": date, "updated": date}
    names = [row for row in region.rows("dnsresources").values() if held["id"] in row["ips"]]
    parts = {
        "user": held["owner"],
        "bmcs": _bmcs(region, held),
        "node_summary": _node_summary(region, held),
        "dns_records": [
            {
                "id": row["id"],
                "name": row["name"],
                "domain": region.rows("domains")[row["domain"]]["name"],
            }
            for row in names
        ],
    }
    wishes = {"dns_records": "with_node_summary", "node_summary": "with_node_summary",
              "user": "with_username"}  # fmt: skip
    for name, value in parts.items():
        wanted = str(request.query.get(wishes.get(name), "1")).lower() not in ("0", "false", "no")
        if value and wanted:
            shown[name] = value
    return shown


def _of_racks(region, row):
    """Addresses of racks' interfaces, as those of others are kept."""
    return [
        {"id": None, "ip": link["ip_address"], "alloc_type": ips.STICKY, "owner": "MAAS",
         "node": rack["system_id"], "nic": nic["id"]}
        for rack in region.rows("racks").values()
        for nic in rack["interfaces"]
        for link in nic["links"]
        if link["subnet"] == row["id"] and link["ip_address"]
    ]  # fmt: skip


@subnet("GET", "ip_addresses")
def ip_addresses(request):
    """List the addresses that are given out."""
    region, row = request.region, subnet_of(request)
    given = [held for held in region.rows("ips").values() if held["subnet"] == row["id"]]
    given += _of_racks(region, row)
    given.sort(key=lambda held: int(ipaddress.ip_address(held["ip"])))
    return [_show_address(request, held) for held in given]
