"""``subnets/`` of API 1.0 (1.9+), and ``networks/`` as 1.9 shows them: read-only."""

from __future__ import annotations

import ipaddress

from saltext.maas.emulator import api1_groups as groups
from saltext.maas.emulator import networks
from saltext.maas.emulator.api1_addresses import taken
from saltext.maas.emulator.api1_fabrics import DEFAULT_SPACE, show_subnet
from saltext.maas.emulator.api1_network_fields import (
    NO_CHOICE,
    read_cidr,
    read_dns_servers,
    read_gateway,
    read_vlan,
)
from saltext.maas.emulator.forms import Check
from saltext.maas.emulator.lookup import find, name_of
from saltext.maas.emulator.web import BARE_TEXT, TEXT, Answer, Endpoint, Missing, no_content

subnets = Endpoint("subnets/", "SubnetsHandler", since="1.9")
subnet = Endpoint("subnets/{subnet:[^/]+(?:/\\d+)?}/", "SubnetHandler", since="1.9")
old_many = Endpoint("networks/", "NetworksHandler", since="1.9")
old_one = Endpoint("networks/{name}/", "NetworkHandler", since="1.9")


def _subnet(request):
    rows = request.region.rows("subnets")
    spec = request.ids["subnet"]
    return find(request, "Subnet", rows, spec, name=name_of, cidr=lambda row: row["cidr"])


def _space(check, region, stored):
    """The space of a form, by id or name."""
    given = check.form.get("space")
    if given in (None, ""):
        return stored["space"] if stored else DEFAULT_SPACE
    for row in region.rows("spaces").values():
        if str(given) in (str(row["id"]), row["name"], f"name:{row['name']}"):
            return row["id"]
    check.error("space", NO_CHOICE)
    return None


def _read(request, stored=None):
    region = request.region
    check = Check(request, stored)
    net = read_cidr(check, region, stored)
    vlan = read_vlan(check, region, stored)
    dns_servers = read_dns_servers(check, stored, "dns_servers")
    fields = {
        "name": check.text("name") or (stored or {}).get("name") or str(net),
        "gateway_ip": read_gateway(check, net, stored),
        "dns_servers": dns_servers,
        "space": _space(check, region, stored),
    }
    for other in region.rows("subnets").values():
        if other is not stored and all(other[key] == fields[key] for key in ("name", "space")):
            check.error("__all__", "Subnet with this Name and Space already exists.")
    check.done()
    return {**fields, "net": net, "vlan": vlan()}


def _after_write(region, row):
    return {**show_subnet(region, row), "gateway_ip": row["gateway_ip"] or ""}


@subnets("GET")
def list_subnets(request):
    """List subnets."""
    return [show_subnet(request.region, row) for row in request.region.rows("subnets").values()]


@subnets("POST", admin=True)
def create_subnet(request):
    """Create a subnet."""
    fields = _read(request)
    row = networks.add_subnet(request.region, fields.pop("net"), fields.pop("vlan"), **fields)
    return _after_write(request.region, row)


@subnet("GET")
def read_subnet(request):
    """Read a subnet."""
    return show_subnet(request.region, _subnet(request))


@subnet("PUT", admin=True)
def update_subnet(request):
    """Change a subnet."""
    row = _subnet(request)
    fields = _read(request, row)
    row.update(fields, cidr=str(fields["net"]))
    return _after_write(request.region, row)


@subnet("DELETE", admin=True)
def delete_subnet(request):
    """Delete a subnet that no cluster interface is on: another is an error of the server."""
    region, row = request.region, _subnet(request)
    if any(nic.get("subnet_id") == row["id"] for nic in region.rows(groups.INTERFACES).values()):
        text = (
            "(\"Cannot delete some instances of model 'Subnet' because they are referenced through"
            " a protected foreign key: 'NodeGroupInterface.subnet'\", [<NodeGroupInterface>])"
        )
        raise Answer(500, text, TEXT)
    del region.rows("subnets")[row["id"]]
    return no_content()


# -- which addresses are in use ----------------------------------------------------------------


def _reserved(region, row):
    """``[(first, last, purposes)]`` as numbers of what a subnet gives away to nobody."""
    found = []
    for nic in region.rows(groups.INTERFACES).values():
        if nic.get("subnet_id") != row["id"]:
            continue
        for low, high, purpose in (
            ("ip_range_low", "ip_range_high", "dynamic-range"),
            ("ip", "ip", "cluster-ip"),
        ):
            if nic[low] and nic[high]:
                ends = [int(ipaddress.ip_address(nic[end])) for end in (low, high)]
                found.append((*ends, purpose))
    single = [(row["gateway_ip"], "gateway-ip")] if row["gateway_ip"] else []
    single += [(ip, "dns-server") for ip in row["dns_servers"]]
    single += [(ip, "assigned-ip") for ip in taken(region)]
    for ip, purpose in single:
        address = ipaddress.ip_address(ip)
        if address in row["net"]:
            found.append((int(address), int(address), purpose))
    return sorted(found)


def _range_shown(row, low, high, purposes=None):
    cls = type(row["net"].network_address)
    shown = {"start": str(cls(low)), "end": str(cls(high)), "num_addresses": high - low + 1}
    return shown if purposes is None else {**shown, "purpose": purposes}


@subnet("GET", "reserved_ip_ranges")
def reserved_ip_ranges(request):
    """List the ranges that are in use."""
    row = _subnet(request)
    return [
        _range_shown(row, low, high, [why]) for low, high, why in _reserved(request.region, row)
    ]


def _unreserved(region, row):
    net = row["net"]
    first, last = int(net[0]), int(net[-1])
    if net.num_addresses > 2:
        first, last = first + 1, last - (net.version == 4)
    for low, high, _ in _reserved(region, row):
        if low > first:
            yield first, low - 1
        first = max(first, high + 1)
    if first <= last:
        yield first, last


@subnet("GET", "unreserved_ip_ranges")
def unreserved_ip_ranges(request):
    """List the ranges that are free."""
    row = _subnet(request)
    return [_range_shown(row, low, high) for low, high in _unreserved(request.region, row)]


@subnet("GET", "statistics")
def statistics(request):
    """Count the addresses of a subnet."""
    region, row = request.region, _subnet(request)
    free = [high - low + 1 for low, high in _unreserved(region, row)]
    net = row["net"]
    total = net.num_addresses - (2 if net.version == 4 and net.num_addresses > 2 else 0)
    usage = 1 - sum(free) / total
    return {
        "num_available": sum(free),
        "largest_available": max(free, default=0),
        "num_unavailable": total - sum(free),
        "total_addresses": total,
        "usage": usage,
        "usage_string": f"{usage:.0%}",
        "available_string": f"{1 - usage:.0%}",
        "first_address": str(net[0]),
        "last_address": str(net[-1]),
        "ip_version": net.version,
    }


@subnet("GET", "ip_addresses")
def ip_addresses(request):
    """List the addresses of a subnet that somebody has."""
    region, row = request.region, _subnet(request)
    mine = [ip for ip in taken(region) if ipaddress.ip_address(ip) in row["net"]]
    return [{"ip": ip, "alloc_type": 4} for ip in sorted(mine, key=ipaddress.ip_address)]


# -- networks, as 1.9 still shows them ---------------------------------------------------------


def _as_network(region, row):
    vlan = region.rows("vlans")[row["vlan"]]
    return {
        "name": f"subnet-{row['id']}",
        "ip": str(row["net"].network_address),
        "netmask": str(row["net"].netmask),
        "vlan_tag": vlan["vid"] or None,
        "description": row["name"],
        "default_gateway": row["gateway_ip"],
        "dns_servers": ",".join(row["dns_servers"]),
        "resource_uri": f"/MAAS/api/1.0/networks/subnet-{row['id']}/",
    }


@old_many("GET")
def list_networks(request):
    """List subnets as the networks of old."""
    return [_as_network(request.region, row) for row in request.region.rows("subnets").values()]


def _network(request):
    for row in request.region.rows("subnets").values():
        if f"subnet-{row['id']}" == request.ids["name"]:
            return row
    raise Missing("Subnet", request)


@old_one("GET")
def read_network(request):
    """Read a subnet as a network of old."""
    return _as_network(request.region, _network(request))


@old_one("GET", "list_connected_macs")
def connected_macs(request):
    """List MAC addresses on a network; a subnet is not told of any here."""
    _network(request)
    return []


@old_many("POST", admin=True)
@old_one("PUT", admin=True)
@old_one("DELETE", admin=True)
@old_one("POST", "connect_macs", admin=True)
@old_one("POST", "disconnect_macs", admin=True)
def gone(request):
    """Networks are not written any more."""
    raise Answer(410, "Gone", BARE_TEXT)
