"""``networks/`` of API 1.0, up to 1.8; what 1.9 shows there instead was not seen."""

from __future__ import annotations

from maas_emulator.api1 import machines, show
from maas_emulator.api1.network_form import NetworkForm
from maas_emulator.api1.node_form import clean_mac
from maas_emulator.web import Endpoint, Invalid, Missing, no_content

many = Endpoint("networks/", "NetworksHandler", until="1.9")
one = Endpoint("networks/{name}/", "NetworkHandler", until="1.9", plain_until="1.8")


def _shown(request, row, unset=None):
    names = ["name", "ip", "netmask", "vlan_tag", "description"]
    if request.region.release >= "1.7":
        names += ["default_gateway", "dns_servers"]
    shown = {name: row[name] for name in names}
    if "default_gateway" in shown and not shown["default_gateway"]:
        shown["default_gateway"] = unset
    shown["resource_uri"] = f"/MAAS/api/1.0/networks/{row['name']}/"
    return shown


def _network_of(request):
    for row in request.region.rows("networks").values():
        if row["name"] == request.ids["name"]:
            return row
    raise Missing("Network", request)


@many("GET")
def list_networks(request):
    """List networks, or those that some nodes are on."""
    rows = sorted(request.region.rows("networks").values(), key=lambda row: row["name"])
    nodes = request.query.getlist("node")
    if nodes:
        known = request.region.rows(machines.MACHINES).values()
        macs = {n["mac_address"] for row in known if row["system_id"] in nodes for n in row["macs"]}
        rows = [row for row in rows if macs & set(row.get("macs", ()))]
    return [_shown(request, row) for row in rows]


@many("POST", admin=True)
def create_network(request):
    """Create a network."""
    row = request.region.rows("networks").add(NetworkForm(request).read())
    return _shown(request, row, "")


@one("GET")
def read_network(request):
    """Read a network."""
    return _shown(request, _network_of(request))


@one("PUT", admin=True)
def update_network(request):
    """Change a network."""
    row = _network_of(request)
    row.update(NetworkForm(request, row).read())
    return _shown(request, row, "")


@one("DELETE", admin=True)
def delete_network(request):
    """Delete a network; one that is not there is as good as deleted."""
    try:
        row = _network_of(request)
    except Missing:
        return no_content()
    del request.region.rows("networks")[row["id"]]
    return no_content()


def _nics(region):
    """``{MAC address: (machine, interface)}`` of all machines."""
    rows = region.rows(machines.MACHINES).values()
    return {nic["mac_address"]: (row, nic) for row in rows for nic in row["macs"]}


@one("GET", "list_connected_macs")
def connected_macs(request):
    """List the MAC addresses on a network."""
    nics, here = _nics(request.region), _network_of(request).get("macs", [])
    seen = [nics[mac] for mac in here if mac in nics]
    return [show.mac(row, nic) for row, nic in seen if machines.may_see(request.user, row)]


@one("POST", "connect_macs", admin=True)
@one("POST", "disconnect_macs", admin=True)
def change_macs(request):
    """Put MAC addresses on a network, or take them off."""
    row, nics = _network_of(request), _nics(request.region)
    given = request.form.getlist("macs")
    unknown = [mac for mac in given if clean_mac(mac) not in nics]
    if unknown:
        raise Invalid({"macs": [f"Unknown MAC address(es): {', '.join(unknown)}."]})
    here = row.setdefault("macs", [])
    for mac in map(clean_mac, given):
        if request.op == "connect_macs" and mac not in here:
            here.append(mac)
        elif request.op == "disconnect_macs" and mac in here:
            here.remove(mac)
