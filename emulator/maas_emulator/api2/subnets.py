"""``subnets/``."""

from __future__ import annotations

import ipaddress
import re

from maas_emulator import addresses, forms_2x, ips, networks
from maas_emulator.forms import BAD_SERVER, is_ip
from maas_emulator.lookup import find, name_of
from maas_emulator.web import BARE_JSON, Answer, Endpoint, Invalid, conflict, no_content

subnets = Endpoint("subnets/", "SubnetsHandler")
subnet = Endpoint("subnets/{subnet:[^/]+(?:/\\d+)?}/", "SubnetHandler")

NAME = forms_2x.pattern(r"^[.: \w/-]+$")
#: Ways of booting by the DHCP option that asks for them.
OCTETS = {
    "00:00": "pxe", "00:07": "uefi_amd64_tftp", "00:10": "uefi_amd64_http",
    "00:09": "uefi_ebc_tftp", "00:0B": "uefi_arm64_tftp", "00:13": "uefi_arm64_http",
    "00:0C": "open-firmware_ppc64el", "00:0E": "powernv", "00:1F": "s390x",
    "00:20": "s390x_partition",
}  # fmt: skip
OUTSIDE = "Gateway IP must be within CIDR range."
EXCLUDED = "The new subnet CIDR would exclude the reserved ip {}. Please remove it first."
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
    region = request.region
    vlans: dict = {}
    rows = region.rows("subnets").values()
    return [networks.show_subnet(region, row, vlans) for row in rows]


# -- the form ----------------------------------------------------------------------------------


def _fields(region):
    rows = region.rows
    fields = [
        forms_2x.reference("fabric", forms_2x.by_key(rows("fabrics")), model=None),
        forms_2x.reference("vlan", forms_2x.by_key(rows("vlans")), blank=False),
        forms_2x.integer("vid", low=0, high=4094, model=None),
        forms_2x.choice("rdns_mode", ("0", "1", "2"), blank=False, default=2),
        forms_2x.flag("active_discovery"),
        forms_2x.flag("allow_dns", True),
        forms_2x.flag("allow_proxy", True),
        forms_2x.flag("managed", True),
        forms_2x.text("name", blank=False, longest=255, model=(NAME,)),
        forms_2x.text("description"),
        forms_2x.text("cidr", required=True),
        forms_2x.address("gateway_ip"),
        forms_2x.words("dns_servers"),
    ]
    if region.release >= "3.0":
        fields.append(forms_2x.words("disabled_boot_architectures"))
    return fields


def _check_cidr(region, stored):
    """A network, which keeps the reserved addresses of the subnet."""

    def check(given):
        net = networks.as_network(given)
        if net is None:
            raise forms_2x.Refused(BAD_CIDR)
        if net.prefixlen == 0:
            raise forms_2x.Refused("Prefix length must be greater than 0.")
        for held in region.rows("reservedips").values() if stored else ():
            if held["subnet"] == stored["id"] and ipaddress.ip_address(held["ip"]) not in net:
                raise forms_2x.Refused(EXCLUDED.format(held["ip"]))
        return given

    return check


def _clean(form, region):
    """What looks at several fields; stops where a DNS server is none."""
    found = form.cleaned
    if "space" in form.sent and region.release >= "2.2":
        form.note("space", NO_SPACE)
    for name in ("allow_dns", "allow_proxy", "managed"):
        if name not in form.data:
            found[name] = True
        elif name != "managed" and region.release >= "3.5":  # knows what is true
            found[name] = str(form.data.get(name)).lower() in ("true", "t", "1")
    if form.data.get("dns_servers", "") != "":
        found["dns_servers"] = form.data.getlist("dns_servers")
    before = form.stored
    name, cidr = found.get("name"), found.get("cidr")
    named_so = before is not None and name == before["name"] == before["cidr"]
    if cidr and (named_so or (not name and before is None)):
        found["name"] = cidr
    if not _clean_servers(form):
        return
    _clean_architectures(form)
    if before is None:
        _clean_vlan(form, region)


def _clean_servers(form):
    found = []
    for item in form.cleaned.get("dns_servers", ()):
        words = [word for word in re.split(r"[,\s]+", str(item)) if word]
        for word in words:
            if not is_ip(word):
                form.error("__all__", BAD_SERVER.format(word))
                return False
        found += words or [""]
    form.cleaned["dns_servers"] = found
    return True


def _clean_architectures(form):
    known = []
    for item in form.cleaned.get("disabled_boot_architectures") or ():
        for word in item.split(" "):
            name = OCTETS.get(word.replace("0x", "00:"), word)
            if name not in (*OCTETS.values(), "ipxe"):
                form.note("disabled_boot_architectures", f"Unknown boot architecture {word}")
            elif name not in known:
                known.append(name)
    if "disabled_boot_architectures" in form.cleaned:
        form.cleaned["disabled_boot_architectures"] = known


def _clean_vlan(form, region):
    """The VLAN of a new subnet: its id, or a fabric and a VID; none for the default one."""
    found, fabrics = form.cleaned, region.rows("fabrics")
    fabric, vlan, vid = (found.get(name) for name in ("fabric", "vlan", "vid"))
    if vlan is not None:
        row = region.rows("vlans")[vlan]
        if fabric not in (None, row["fabric_id"]):
            label = networks.vlan_label(region, row)
            text = f"VLAN {label} is not in fabric name={fabrics[fabric]['name']}."
            form.note("vlan", text)
    elif vid:
        where = networks.DEFAULT_FABRIC if fabric is None else fabric
        for row in networks.vlans_of(region, where):
            if row["vid"] == vid:
                found["vlan"] = row["id"]
                return
        text = "default fabric" if fabric is None else f"fabric name={fabrics[fabric]['name']}"
        form.note("vid", f"No VLAN with vid {vid} in {text}.")
    elif fabric is not None:
        found["vlan"] = networks.default_vlan(region, fabric)["id"]


def _check_whole(form, region):
    """Gateway and overlaps of the subnet as it becomes."""
    row = form.row
    net, gateway = networks.as_network(row["cidr"]), row["gateway_ip"]
    if gateway and not form.errors.get("gateway_ip"):
        if net is None:
            raise Answer(500, "invalid IPNetwork ")
        address = ipaddress.ip_address(gateway)
        if address not in net and not (net.version == 6 and address.is_link_local):
            form.error("gateway_ip", OUTSIDE)
            return
    others = [other for other in region.rows("subnets").values() if other is not form.stored]
    if net and region.release >= "3.7" and any(_overlap(net, other["net"]) for other in others):
        form.error("__all__", f"Subnet {net} would overlap with existing subnets.")


def _overlap(one, other):
    return one.version == other.version and one.overlaps(other)


def _space(form, region):
    """The space of a form, which subnets have before 2.2 only."""
    given = form.sent.get("space")
    if given in (None, ""):
        return (form.stored or {}).get("space") or networks.DEFAULT_SPACE
    for row in region.rows("spaces").values():
        if str(given) in (str(row["id"]), row["name"]):
            return row["id"]
    form.error("space", forms_2x.NO_CHOICE)
    return None


def _read_form(request, stored=None):
    """Check a form; returns the subnet as it becomes."""
    region = request.region
    form = forms_2x.ModelForm(request, _fields(region), stored)
    form.read({"cidr": _check_cidr(region, stored)})
    _clean(form, region)
    form.apply()
    row = form.row
    net = networks.as_network(row["cidr"])
    row["name"] = row["name"] or row["cidr"]
    row.update(net=net, cidr=str(net or ""))
    _check_whole(form, region)
    form.unique("Subnet", region.rows("subnets").values(), "cidr")
    if region.release < "2.2":
        row["space"] = _space(form, region)
    if not form.errors and row["rdns_mode"] == "":  # found when it is stored
        raise Invalid({"rdns_mode": ["\u201c\u201d value must be an integer."]}, BARE_JSON)
    form.done()
    row["rdns_mode"] = int(row["rdns_mode"])
    row["gateway_ip"] = row["gateway_ip"] or None
    return row


def _after_write(region, row):
    """What a write answers with: a missing gateway is an empty text there, null later on."""
    shown = networks.show_subnet(region, row)
    shown["gateway_ip"] = shown["gateway_ip"] or ""
    return shown


@subnets("POST", admin=True)
def create_subnet(request):
    """Create a subnet."""
    region, fields = request.region, _read_form(request)
    vlan, net, _ = (fields.pop(name) for name in ("vlan", "net", "cidr"))
    if vlan is None:
        default = networks.default_fabric(region)["id"]
        vlan = networks.default_vlan(region, default)["id"]
    return _after_write(region, networks.add_subnet(region, net, vlan, **fields))


@subnet("GET")
def read_subnet(request):
    """Read a subnet."""
    return networks.show_subnet(request.region, subnet_of(request))


@subnet("PUT")
def update_subnet(request):
    """Update a subnet."""
    row = subnet_of(request)
    request.admin_only()
    row.update(_read_form(request, row))
    return _after_write(request.region, row)


def _forget(region, ident):
    """What goes with a subnet: routes from and to it, its snippets, reserved addresses, names."""
    for kind, fields in _HANGING.items():
        table = region.rows(kind)
        for row in list(table.values()):
            if any(row[field] == ident for field in fields):
                del table[row["id"]]


@subnet("DELETE")
def delete_subnet(request):
    """Delete a subnet with its ranges."""
    region, row = request.region, subnet_of(request)
    request.admin_only()
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
    if any(held.get("bmcs") for held in given):
        raise conflict()  # the BMC would get its address anew, in a subnet that is no more
    for item in own:
        del ranges[item["id"]]
    for held in given:
        ips.remove(region, held["id"])
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
    return [addresses.shown(row, item) for item in addresses.in_use(request.region, row)]


@subnet("GET", "unreserved_ip_ranges")
def unreserved_ip_ranges(request):
    """List what is free in the subnet."""
    row = subnet_of(request)
    return [addresses.shown(row, gap, False) for gap in addresses.gaps(request.region, row)]


def _flag(request, name):
    return str(request.query.get(name, "")).lower() in ("1", "true", "yes", "on")


@subnet("GET", "statistics")
def subnet_statistics(request):
    """Count the subnet's addresses."""
    return addresses.statistics(
        request.region,
        subnet_of(request),
        _flag(request, "include_ranges"),
        _flag(request, "include_suggestions"),
    )
