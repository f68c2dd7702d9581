"""What later releases keep for older clients: ``networks/``, ``fannetworks/`` and results."""

from __future__ import annotations

import ipaddress

from maas_emulator import nodes
from maas_emulator.crud import serve
from maas_emulator.forms import Check
from maas_emulator.web import BARE_TEXT, Answer, Endpoint, Missing

networks = Endpoint("networks/", "NetworksHandler")
network = Endpoint("networks/{name}/", "NetworkHandler")
fans = Endpoint("fannetworks/", "FanNetworksHandler", until="3.2")
fan = Endpoint("fannetworks/{id}/", "FanNetworkHandler", until="3.2")
commissioning_results = Endpoint("commissioning-results/", "CommissioningResultsHandler")
installation_results = Endpoint("installation-results/", "InstallationResultsHandler")

# -- networks: subnets as 1.5 called them, to be read only ---------------------------------------


def _show_network(region, row):
    vlan = region.rows("vlans")[row["vlan"]]
    name = f"subnet-{row['id']}"
    return {
        "name": name,
        "ip": str(row["net"].network_address),
        "netmask": str(row["net"].netmask),
        "vlan_tag": vlan["vid"] or None,
        "description": row["name"],
        "default_gateway": row["gateway_ip"],
        "dns_servers": row["dns_servers"],
        "resource_uri": f"/MAAS/api/2.0/networks/{name}/",
    }


def _subnet(request):
    rows = request.region.rows("subnets")
    ident = request.ids["name"].rpartition("subnet-")[2]
    row = rows.get(int(ident)) if ident.isdecimal() else None
    if row is None:
        raise Missing("Subnet", request)
    return row


@networks("GET")
def list_networks(request):
    """List networks."""
    region = request.region
    return [_show_network(region, row) for row in region.rows("subnets").values()]


@network("GET")
def read_network(request):
    """Read a network."""
    return _show_network(request.region, _subnet(request))


@network("GET", "list_connected_macs")
def list_connected_macs(request):
    """List the MAC addresses of interfaces on the network."""
    row = _subnet(request)
    return [
        {"mac_address": nic["mac"]}
        for node in nodes.everything(request.region)
        for nic in node["interfaces"]
        if any(link["subnet"] == row["id"] for link in nic["links"])
    ]


def gone(request):
    """Refuse to change a network: that is no more."""
    raise Answer(410, b"", BARE_TEXT)


networks("POST", admin=True)(gone)
network("PUT", admin=True)(gone)
network("DELETE", admin=True)(gone)
network("POST", "connect_macs", admin=True)(gone)
network("POST", "disconnect_macs", admin=True)(gone)

# -- fan networks --------------------------------------------------------------------------------

_FAN = ("id", "name", "underlay", "overlay", "dhcp", "host_reserve", "bridge", "off")


def _show_fan(region, row):
    shown = {name: row[name] for name in _FAN}
    return {**shown, "resource_uri": f"/MAAS/api/2.0/fannetworks/{row['id']}/"}


def _read_fan(request, stored):
    check = Check(request, stored)
    name = check.text("name", None, required=True, longest=256)
    rows = request.region.rows("fan_networks").values()
    if name and any(row["name"] == name and row is not stored for row in rows):
        check.error("name", "Fan network with this Name already exists.")
    fields = {"name": name}
    for field in ("underlay", "overlay"):
        given = check.text(field, None, required=True)
        try:
            fields[field] = str(ipaddress.ip_network(given, strict=False)) if given else None
        except ValueError:
            check.error(field, "Enter a valid IPv4 network.")
    fields["host_reserve"] = check.integer("host_reserve", 1, 0)
    for field in ("dhcp", "off"):
        fields[field] = check.boolean(field, None)
    fields["bridge"] = check.text("bridge") or None
    check.done()
    return fields


serve(fans, fan, rows="fan_networks", model="FanNetwork", show=_show_fan, read=_read_fan)

# -- results: nothing here runs a script -----------------------------------------------------------


@commissioning_results("GET")
@installation_results("GET")
def list_results(request):
    """List results, of which there are none."""
    return []
