"""``subnets/ID/?op=ip_addresses``: which addresses are given out, and to whom."""

from __future__ import annotations

import ipaddress

from maas_emulator import addresses, crud, ips
from maas_emulator.api2.subnets import subnet, subnet_of


def _bmcs(region, held):
    found = []
    for ident in held.get("bmcs", ()):
        nodes = [row for row in region.rows("machines").values() if row["bmc"] == ident]
        hosts = [row for row in region.rows("vm_hosts").values() if row["power_id"] == ident]
        found.append(
            {
                "id": hosts[0]["id"] if hosts else ident,
                "power_type": (nodes + hosts)[0]["power_type"],
                "nodes": [{name: row[name] for name in ("system_id", "hostname")} for row in nodes],
            }
        )
    return found


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
    aliases = {"dns_records": "with_node_summary", "node_summary": "with_node_summary",
              "user": "with_username"}  # fmt: skip
    for name, value in parts.items():
        wanted = str(request.query.get(aliases.get(name), "1")).lower() not in ("0", "false", "no")
        if value and wanted:
            shown[name] = value
    return shown


def _of_nics(region, row):
    """Addresses of racks' interfaces, and those that were seen, as those of others are kept."""
    for kind, node, nic in addresses.nics(region):
        if kind == "racks":
            found: list = [(link, ips.STICKY, "MAAS") for link in nic["links"]]
        else:
            found = [(item, ips.DISCOVERED, None) for item in nic.get("discovered") or ()]
        for item, alloc_type, owner in found:
            if item["subnet"] == row["id"] and item["ip_address"]:
                yield {"id": None, "ip": item["ip_address"], "alloc_type": alloc_type,
                       "owner": owner, "node": node["system_id"], "nic": nic["id"]}  # fmt: skip


@subnet("GET", "ip_addresses")
def ip_addresses(request):
    """List the addresses that are given out."""
    region, row = request.region, subnet_of(request)
    given = [held for held in region.rows("ips").values() if held["subnet"] == row["id"]]
    given += _of_nics(region, row)
    given.sort(key=lambda held: int(ipaddress.ip_address(held["ip"])))
    return [_show_address(request, held) for held in given]
