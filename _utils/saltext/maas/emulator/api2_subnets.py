"""``subnets/``."""

from __future__ import annotations

import ipaddress

from saltext.maas.emulator import addresses, networks
from saltext.maas.emulator.api2_fabrics import NO_CHOICE
from saltext.maas.emulator.api2_vlans import BAD_VID
from saltext.maas.emulator.forms import BAD_IP, BAD_SERVER, Check, is_ip
from saltext.maas.emulator.lookup import find, name_of
from saltext.maas.emulator.web import Answer, Endpoint, no_content

subnets = Endpoint("subnets/", "SubnetsHandler")
subnet = Endpoint("subnets/{subnet:[^/]+(?:/\\d+)?}/", "SubnetHandler")

BAD_CIDR = "Required format: <network>/<prefixlen>."
NO_SPACE = "Spaces may no longer be set on subnets. Set the space on the underlying VLAN."
BUSY = (
    "Cannot delete a subnet that is actively servicing a dynamic IP range. "
    "(Delete the dynamic range or disable DHCP first.)"
)
IN_USE = (
    "Cannot delete a subnet that has IP addresses in use by nodes. "
    "(Use the 'force' parameter to override.)"
)


#: Tables whose rows go with the subnet that a field of theirs has.
_HANGING = {"static_routes": ("source", "destination"), "dhcp_snippets": ("subnet",),
            "reservedips": ("subnet",)}  # fmt: skip


def subnet_of(request):
    """The subnet that a path names, or 404."""
    rows = request.region.rows("subnets")
    spec = request.ids["subnet"]
    return find(request, "Subnet", rows, spec, name=name_of, cidr=lambda row: row["cidr"])


@subnets("GET")
def list_subnets(request):
    """List all subnets."""
    region, vlans = request.region, {}
    rows = region.rows("subnets").values()
    return [networks.show_subnet(region, row, vlans) for row in rows]


def read_cidr(check, region, stored):
    """The network of a form, refused when it overlaps with others (3.7)."""
    given = check.text("cidr", None, required=True)
    if stored and not check.has("cidr"):
        return stored["net"]
    if not given:
        return None
    try:
        net = ipaddress.ip_network(given, strict=False) if "/" in given else None
    except ValueError:
        net = None
    if net is None:
        check.error("cidr", BAD_CIDR)
        return None
    if net.prefixlen == 0:
        check.error("cidr", "Prefix length must be greater than 0.")
        return net
    others = [row for row in region.rows("subnets").values() if row is not stored]
    if region.release >= "3.7" and any(_overlap(net, row["net"]) for row in others):
        check.error("__all__", f"Subnet {net} would overlap with existing subnets.")
    if any(row["net"] == net for row in others):
        check.error("cidr", "Subnet with this Cidr already exists.")
    return net


def _overlap(one, other):
    return one.version == other.version and one.overlaps(other)


def read_gateway(check, net, stored):
    """The gateway; None when there is none."""
    if not check.has("gateway_ip"):
        return stored["gateway_ip"] if stored else None
    given = str(check.form.get("gateway_ip") or "").strip()
    if not given:
        return None
    if not is_ip(given):
        check.error("gateway_ip", BAD_IP)
        return None
    address = ipaddress.ip_address(given)
    link_local = address.version == 6 and address.is_link_local
    if net is not None and address not in net and not link_local:
        check.error("gateway_ip", "Gateway IP must be within CIDR range.")
    return str(address)


def read_words(check, name, stored):
    """A list: repeated, or separated by spaces or commas."""
    if not check.has(name):
        return stored[name] if stored else []
    given = " ".join(str(value) for value in check.form.getlist(name) if value is not None)
    return given.replace(",", " ").split()


def read_dns_servers(check, stored, field="__all__"):
    """The list of DNS servers; what is none is told at a field of its own, or at none."""
    found = read_words(check, "dns_servers", stored)
    for word in found:
        if not is_ip(word):
            check.error(field, BAD_SERVER.format(word))
    return found


def _flag(check, region, name, default=True):
    """allow_dns and allow_proxy know what is true since 3.5; before, what is false."""
    if region.release >= "3.5" and check.has(name):
        return str(check.form.get(name)).lower() in ("true", "t", "1")
    return check.boolean(name, default)


def read_vlan(check, region, stored):
    """The VLAN of a form: its id, or a fabric and a VID; a function that finds or makes it."""
    if check.form.get("vlan") not in (None, ""):
        given = str(check.form.get("vlan"))
        if given.isdecimal() and int(given) in region.rows("vlans"):
            return lambda: int(given)
        check.error("vlan", NO_CHOICE)
        return None
    if stored:
        return lambda: stored["vlan"]
    parent = None
    if check.form.get("fabric") not in (None, ""):
        given = str(check.form.get("fabric"))
        for row in region.rows("fabrics").values():
            if given in (str(row["id"]), row["name"], f"name:{row['name']}"):
                parent = row["id"]
        if parent is None:
            check.error("fabric", NO_CHOICE)
            return None
    vid = check.integer("vid")
    if vid is None:
        return lambda: _default_vlan(region, parent)
    if not 0 <= vid <= 4094:
        check.error("vid", BAD_VID)
        return None
    where = networks.DEFAULT_FABRIC if parent is None else parent
    for vlan in networks.vlans_of(region, where):
        if vlan["vid"] == vid:
            return lambda: vlan["id"]
    name = region.rows("fabrics").get(where, {"name": "fabric-0"})["name"]
    check.error("vid", f"No VLAN with vid {vid} in fabric {name}.")
    return None


def _default_vlan(region, parent):
    """The untagged VLAN of a fabric, or of fabric 0, which may have to be made."""
    if parent is None:
        parent = networks.default_fabric(region)["id"]
    return networks.default_vlan(region, parent)["id"]


def _space(check, region, stored):
    """The space of a form, which subnets have before 2.2 only."""
    given = check.form.get("space")
    if given in (None, ""):
        return (stored or {}).get("space") or networks.DEFAULT_SPACE
    if region.release >= "2.2":
        check.error("space", NO_SPACE)
        return None
    for row in region.rows("spaces").values():
        if str(given) in (str(row["id"]), row["name"]):
            return row["id"]
    check.error("space", NO_CHOICE)
    return None


def _read_form(request, stored=None):
    """Check a form; returns the fields to store."""
    region = request.region
    check = Check(request, stored)
    net = read_cidr(check, region, stored)
    vlan = read_vlan(check, region, stored)
    dns_servers = read_dns_servers(check, stored)
    space = _space(check, region, stored)
    mode = check.choice("rdns_mode", ("0", "1", "2"), 2)
    fields = {
        "name": check.text("name") or (stored or {}).get("name") or str(check.form.get("cidr")),
        "description": check.text("description"),
        "gateway_ip": read_gateway(check, net, stored),
        "dns_servers": dns_servers,
        "allow_dns": _flag(check, region, "allow_dns"),
        "allow_proxy": _flag(check, region, "allow_proxy"),
        "active_discovery": check.boolean("active_discovery", False),
        "managed": check.boolean("managed", True),
        "disabled_boot_architectures": read_words(check, "disabled_boot_architectures", stored),
    }
    check.done()
    if region.release < "2.2":
        fields["space"] = space
    fields.update(rdns_mode=int(mode), net=net, vlan=vlan())
    return fields


def _after_write(region, row):
    """What a write answers with: a missing gateway is an empty text there, null later on."""
    shown = networks.show_subnet(region, row)
    shown["gateway_ip"] = shown["gateway_ip"] or ""
    return shown


@subnets("POST", admin=True)
def create_subnet(request):
    """Create a subnet."""
    fields = _read_form(request)
    row = networks.add_subnet(request.region, fields.pop("net"), fields.pop("vlan"), **fields)
    return _after_write(request.region, row)


@subnet("GET")
def read_subnet(request):
    """Read a subnet."""
    return networks.show_subnet(request.region, subnet_of(request))


@subnet("PUT", admin=True)
def update_subnet(request):
    """Update a subnet."""
    row = subnet_of(request)
    row.update(_read_form(request, row))
    row["cidr"] = str(row["net"])
    return _after_write(request.region, row)


def _forget(region, ident):
    """What goes with a subnet: routes from and to it, its snippets, reserved addresses, names."""
    for kind, fields in _HANGING.items():
        table = region.rows(kind)
        for row in list(table.values()):
            if any(row[field] == ident for field in fields):
                del table[row["id"]]
    there = region.rows("ips")
    for row in region.rows("dnsresources").values():
        row["ips"] = [held for held in row["ips"] if held in there]


@subnet("DELETE", admin=True)
def delete_subnet(request):
    """Delete a subnet with its ranges."""
    region, row = request.region, subnet_of(request)
    ranges = region.rows("ipranges")
    own = [item for item in ranges.values() if item["subnet"] == row["id"]]
    serving = region.rows("vlans")[row["vlan"]]["dhcp_on"]
    if serving and any(item["type"] == "dynamic" for item in own):
        raise Answer(400, BUSY)
    force = str(request.query.get("force", "")).lower() in ("true", "1", "yes", "on")
    table = region.rows("ips")
    given = [held for held in table.values() if held["subnet"] == row["id"]]
    used = addresses.racks_on(region, row) or any(held.get("node") for held in given)
    if region.release >= "3.7" and used and not force:
        raise Answer(400, IN_USE)
    for item in own:
        del ranges[item["id"]]
    for held in given:
        del table[held["id"]]
    for node in networks.all_nodes(region):
        for nic in node["interfaces"]:
            nic["links"] = [link for link in nic["links"] if link["subnet"] != row["id"]]
    _forget(region, row["id"])
    del region.rows("subnets")[row["id"]]
    return no_content()


@subnet("GET", "reserved_ip_ranges")
def reserved_ip_ranges(request):
    """List what is reserved in the subnet."""
    row = subnet_of(request)
    found = addresses.merged(addresses.taken(request.region, row))
    return [addresses.shown(row["net"], *item) for item in found]


@subnet("GET", "unreserved_ip_ranges")
def unreserved_ip_ranges(request):
    """List what is free in the subnet."""
    row = subnet_of(request)
    return [addresses.shown(row["net"], *gap) for gap in addresses.gaps(request.region, row)]


def _wish(request, name):
    return str(request.query.get(name, "")).lower() in ("1", "true", "yes", "on")


@subnet("GET", "statistics")
def subnet_statistics(request):
    """Count the subnet's addresses."""
    return addresses.statistics(
        request.region,
        subnet_of(request),
        _wish(request, "include_ranges"),
        _wish(request, "include_suggestions"),
    )
