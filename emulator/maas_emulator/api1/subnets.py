"""``subnets/`` of API 1.0 (1.9+), and ``networks/`` as 1.9 shows them: read-only."""

from __future__ import annotations

import ipaddress
import re

from maas_emulator import netparse, networks
from maas_emulator.api1 import groups
from maas_emulator.api1.addresses import taken
from maas_emulator.api1.fabrics import (
    default_space,
    one_of,
    protect,
    show_subnet,
    show_vlan,
)
from maas_emulator.forms_1x import (
    IP,
    NO_CHOICE,
    Field,
    ModelForm,
    Wrong,
    as_ips,
    number,
    text,
)
from maas_emulator.web import (
    BARE_JSON,
    BARE_TEXT,
    TEXT,
    Answer,
    Endpoint,
    Invalid,
    no_content,
)

subnets = Endpoint("subnets/", "SubnetsHandler", since="1.9")
subnet = Endpoint("subnets/{subnet:[.: \\w-]+(?:/\\d\\d\\d?)?}/", "SubnetHandler", since="1.9")
old_many = Endpoint("networks/", "NetworksHandler", since="1.9")
old_one = Endpoint("networks/{name}/", "NetworkHandler", since="1.9")


def _subnet(request, edit=False):
    return one_of(request, "Subnet", "subnet", edit, cidr=lambda row: row["cidr"])


_CIDR_NAME = re.compile(r"[.: \w/-]+\n?\Z", re.ASCII)
_OUTSIDE = "Gateway IP must be within CIDR range."


def _parsed(cidr):
    """The network that a text means; raises what MAAS answers for another one."""
    try:
        return netparse.cidr(cidr)
    except netparse.BadAddress as bad:
        raise Answer(400, str(bad), TEXT) from None


class SubnetForm(ModelForm):
    """A subnet; only for a new one may fabric and vid tell the VLAN."""

    defaults = {"name": "", "cidr": "", "gateway_ip": "", "dns_servers": [], "vlan": None,
                "space": None}  # fmt: skip

    def __init__(self, request, stored=None):
        super().__init__(request, stored)
        self.fields = {
            "fabric": self._id_of("fabrics"),
            "vlan": self._id_of("vlans"),
            "vid": number(0, 4095),
            "space": self._id_of("spaces"),
            "name": text(255, _CIDR_NAME),
            "cidr": text(required=True),
            "gateway_ip": IP,
            "dns_servers": Field(list, empty=None, many=True),
        }

    def _id_of(self, kind):
        rows = self.region.rows(kind)

        def clean(value):
            found = [ident for ident in rows if str(ident) == str(value).strip()]
            if not found:
                raise Wrong(NO_CHOICE)
            return found[0]

        return Field(clean, empty=None)

    def initial(self):
        return {k: v for k, v in (self.stored or {}).items() if k not in ("fabric", "vid")}

    def clean(self):
        self._clean_name()
        self.cleaned["dns_servers"] = self._dns_servers()
        if not self.stored:
            self._clean_vlan()
            if self.cleaned.get("space") is None:
                self.cleaned["space"] = default_space(self.region)

    def _clean_name(self):
        cidr = self.cleaned.get("cidr")
        old = self.stored or {"name": "", "cidr": ""}
        name = self.cleaned.get("name") or ""
        if (cidr and name == old["name"] and old["name"] == old["cidr"]) or (
            not self.stored and not name
        ):
            self.cleaned["name"] = cidr or ""

    def _dns_servers(self):
        given = self.cleaned.get("dns_servers") or []
        if given[-1:] == [""]:
            return []
        return [ip for words in given for ip in as_ips(words).split(" ")]

    def _clean_vlan(self):
        cleaned = self.cleaned
        fabric, vlan, vid = (cleaned.get(name) for name in ("fabric", "vlan", "vid"))
        if vlan is not None:
            if fabric is not None and self._row("vlans", vlan)["fabric_id"] != fabric:
                shown = show_vlan(self.region, self._row("vlans", vlan))
                where = f"VLAN {shown['fabric']}.{shown['name']} is not in fabric"
                self.set_error("vlan", f"{where} name={self._row('fabrics', fabric)['name']}.")
            return
        default = fabric is None
        fabric = networks.default_fabric(self.region)["id"] if default else fabric
        if not vid:
            cleaned["vlan"] = networks.default_vlan(self.region, fabric)["id"]
            return
        rows = networks.vlans_of(self.region, fabric)
        found = [row["id"] for row in rows if row["vid"] == vid]
        if found:
            cleaned["vlan"] = found[0]
            return
        name = f"fabric name={self._row('fabrics', fabric)['name']}"
        where = "default fabric" if default else name
        self.set_error("vid", f"No VLAN with vid {vid} in {where}.")

    def _row(self, kind, ident):
        return self.region.rows(kind)[ident]

    def set_error(self, name, message):
        self.errors.setdefault(name, []).append(message)

    def check_object(self, excluded):
        if "cidr" in self.cleaned:
            self.values["net"] = _parsed(self.values["cidr"])
            self.values["cidr"] = str(self.values["net"])
        gateway = self.values["gateway_ip"]
        if not gateway:
            return
        if not self.values["cidr"]:
            raise Answer(500, "invalid IPNetwork ", TEXT)
        net, address = self.values["net"], netparse.address(gateway)
        link_local = net.version == address.version == 6 and address.is_link_local
        if address not in net and not link_local:
            raise Wrong({"gateway_ip": [_OUTSIDE]})

    def check_unique(self, excluded):
        others = [row for row in self.region.rows("subnets").values() if row is not self.stored]
        found = {}
        if not {"name", "space"} & excluded:
            mine = self.values["name"], self.values["space"]
            if self.values["space"] is not None and mine in [
                (o["name"], o["space"]) for o in others
            ]:
                found["__all__"] = ["Subnet with this Name and Space already exists."]
        if "cidr" not in excluded and self.values["cidr"] in [o["cidr"] for o in others]:
            found["cidr"] = ["Subnet with this Cidr already exists."]
        if found:
            raise Wrong(found)

    def check_again(self):
        if not self.values["name"]:
            raise Invalid({"name": ["This field cannot be blank."]}, BARE_JSON)
        super().check_again()


def _after_write(region, row):
    return {**show_subnet(region, row), "gateway_ip": row["gateway_ip"] or ""}


_STORED = ("name", "gateway_ip", "dns_servers", "space")


@subnets("GET")
def list_subnets(request):
    """List subnets."""
    return [show_subnet(request.region, row) for row in request.region.rows("subnets").values()]


@subnets("POST", admin=True)
def create_subnet(request):
    """Create a subnet."""
    values = SubnetForm(request).read()
    fields = {name: values[name] for name in _STORED}
    row = networks.add_subnet(request.region, values["net"], values["vlan"], **fields)
    return _stored(request.region, row)


@subnet("GET")
def read_subnet(request):
    """Read a subnet."""
    return show_subnet(request.region, _subnet(request))


@subnet("PUT")
def update_subnet(request):
    """Change a subnet."""
    row = _subnet(request, edit=True)
    values = SubnetForm(request, row).read()
    row.update({name: values[name] for name in (*_STORED, "vlan", "net", "cidr")})
    networks.touch(request.region, "subnets", row["id"])
    return _stored(request.region, row)


def _stored(region, row):
    """A gateway that is not there is shown as empty once, and is null from then on."""
    shown = _after_write(region, row)
    row["gateway_ip"] = row["gateway_ip"] or None
    return shown


@subnet("DELETE")
def delete_subnet(request):
    """Delete a subnet that no cluster interface is on: another is an error of the server."""
    region, row = request.region, _subnet(request, edit=True)
    uuids = {group["id"]: group["uuid"] for group in groups.all_groups(region)}
    protect(
        "Subnet",
        "NodeGroupInterface.subnet",
        [f"<NodeGroupInterface {uuids[nic['group']]},{nic['name']}>"
         for nic in region.rows(groups.INTERFACES).values() if nic["subnet_id"] == row["id"]],
    )  # fmt: skip
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
        "vlan_tag": vlan["vid"],
        "description": row["name"],
        "default_gateway": row["gateway_ip"],
        "dns_servers": row["dns_servers"],
        "resource_uri": f"/MAAS/api/1.0/networks/subnet-{row['id']}/",
    }


@old_many("GET")
def list_networks(request):
    """List subnets as the networks of old."""
    return [_as_network(request.region, row) for row in request.region.rows("subnets").values()]


def _network(request):
    return one_of(request, "Subnet", "name", cidr=lambda row: row["cidr"])


@old_one("GET")
def read_network(request):
    """Read a subnet as a network of old."""
    return _as_network(request.region, _network(request))


@old_one("GET", "list_connected_macs")
def connected_macs(request):
    """List MAC addresses on a network; a subnet shows none here."""
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
