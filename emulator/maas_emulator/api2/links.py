"""The operations of ``nodes/ID/interfaces/ID/``: links to subnets, gateways and tags."""

from __future__ import annotations

import ipaddress

from maas_emulator import forms_2x, ips, links, machines, networks
from maas_emulator.api2.interfaces import (
    interface_of,
    one,
    refuse_controller,
    refuse_status,
    show,
)
from maas_emulator.forms import REQUIRED
from maas_emulator.forms_2x import Refused
from maas_emulator.machine_forms import asked_truth
from maas_emulator.web import TEXT, Answer, Invalid

_MODES = (links.AUTO, links.DHCP, links.STATIC, links.LINK_UP)
_OCCUPIED = (
    "Cannot configure interface to link up (with no IP address) while other links are already"
    " configured. Specify force=True to override this behavior and delete all links."
)


def _changeable(request, what, of_controller=None):
    """The interface to change, with its node."""
    node, nic = interface_of(request, to_change=True)
    refuse_controller(node, of_controller or what)
    refuse_status(node, what)
    return node, nic


def _label(region, subnet):
    """A subnet as messages call it."""
    vid = region.rows("vlans")[subnet["vlan"]]["vid"]
    return f"{subnet['name']}:{subnet['cidr']}(vid={vid})"


def _mode(allowed):
    def python(value):
        value = "" if value in forms_2x.EMPTY else str(value).lower()
        if value and value not in allowed:
            listed = ", ".join(f"'{item}'" for item in allowed)
            raise Refused(f"'{value}' is not a valid mode.  It should be one of: {listed}.")
        return value

    return forms_2x.Field("mode", python, required=True, model=None)


def _subnet(region, nic, force):
    """A field that names a subnet of the interface's VLAN, or any where that does not matter."""
    everywhere = nic["vlan"] is None or force
    rows = {
        ident: row
        for ident, row in region.rows("subnets").items()
        if everywhere or row["vlan"] == nic["vlan"]
    }
    return forms_2x.reference("subnet", networks.subnet_named(region, rows), model=None)


@one("POST", "link_subnet")
def link_subnet(request):
    """Link an interface to a subnet."""
    force = asked_truth(request.form, "force")
    node, nic = _changeable(request, "link subnet")
    region = request.region
    allowed = _MODES if node["node_type"] == machines.MACHINE else (links.STATIC,)
    fields = (
        _subnet(region, nic, force),
        forms_2x.address("ip_address", model=None),
        forms_2x.flag("default_gateway", model=None),
        _mode(allowed),
    )
    form = forms_2x.ModelForm(request, fields)
    form.read()
    for child in links.children_of(node, nic):
        if child.get("type") == "bond":
            text = f"Cannot link interface({nic['name']}) when interface is in a bond"
            form.note("bond", f"{text}({child['name']}).")
    _look_at(region, form, nic, force)
    if form.errors:
        raise Invalid(form.errors)
    seen = form.cleaned
    subnet = region.rows("subnets").get(seen.get("subnet"))
    if seen["mode"] == links.STATIC and seen.get("ip_address"):
        _refuse_taken(region, nic, seen["ip_address"])
    elif seen["mode"] == links.STATIC and ips.next_free(region, subnet) is None:
        raise Answer(503, f"No more IPs available in subnet: {subnet['cidr']}.", TEXT)
    if seen["mode"] == links.LINK_UP or force:
        links.clear_nic(region, node, nic)
    if force and subnet and nic["vlan"] is not None:
        links.set_vlan(region, node, nic, subnet["vlan"])
    link = links.add(region, node, nic, seen["mode"], subnet, seen.get("ip_address") or None)
    if seen.get("default_gateway"):
        node.setdefault("gateway_links", {})[subnet["net"].version] = link["id"]
    return show(request, node, nic)


def _look_at(region, form, nic, force):
    """What a mode needs, and where it cannot be."""
    mode, subnet = form.cleaned.get("mode"), form.cleaned.get("subnet")
    if not mode:
        return
    row = region.rows("subnets").get(subnet)
    if mode in (links.AUTO, links.STATIC) and row is None:
        form.note("subnet", REQUIRED)
    elif mode == links.STATIC and form.cleaned.get("ip_address"):
        _look_at_address(region, form, row)
    elif mode == links.DHCP:
        other = next((link for link in nic["links"] if link["mode"] == links.DHCP), None)
        if other:
            of = region.rows("subnets").get(other["subnet"])
            where = f" from '{_label(region, of)}'" if of else ""
            form.note("mode", f"Interface is already set to DHCP{where}.")
    elif mode == links.LINK_UP and not force and _has_links(nic):
        form.note("mode", _OCCUPIED)
    if form.cleaned.get("default_gateway"):
        if mode not in (links.AUTO, links.STATIC):
            form.note("default_gateway", f"Cannot use in mode '{mode}'.")
        elif row is None:
            text = "Subnet is required when default_gateway is True."
            form.note("default_gateway", text)
        elif not row["gateway_ip"]:
            text = f"Cannot set as default gateway because subnet {_label(region, row)}"
            form.note("default_gateway", f"{text} doesn't provide a gateway IP address.")


def _has_links(nic):
    return any(link["mode"] != links.LINK_UP for link in nic["links"])


def _look_at_address(region, form, subnet):
    address = ipaddress.ip_address(form.cleaned["ip_address"])
    if address not in subnet["net"]:
        text = f"IP address is not in the given subnet '{_label(region, subnet)}'."
        form.note("ip_address", text)
    for row in region.rows("ipranges").values():
        first, last = (ipaddress.ip_address(row[name]) for name in ("start_ip", "end_ip"))
        of_subnet = row["subnet"] == subnet["id"] and row["type"] == "dynamic"
        if of_subnet and int(first) <= int(address) <= int(last):
            text = f"IP address is inside a dynamic range {first} to {last}."
            form.note("ip_address", text)


def _refuse_taken(region, nic, address):
    reserved = [
        row
        for row in region.rows("reservedips").values()
        if row["mac_address"] == nic["mac"] or row["ip"] == address
    ]
    if len(reserved) > 1:
        text = f"The MAC address {nic['mac']} or the static IP {address} are associated with a"
        raise Answer(409, f"{text} reserved IP and cannot be used.", TEXT)
    for row in reserved:
        if row["ip"] != address:
            text = f"The static IP {address} does not match the reserved IP {row['ip']} for the"
            raise Answer(409, f"{text} MAC address {nic['mac']}.", TEXT)
        if row["mac_address"] != nic["mac"]:
            text = f"The static IP {address} is already reserved for the MAC address"
            raise Answer(409, f"{text} {row['mac_address']}.", TEXT)
    if ips.is_taken(region, address):
        raise Answer(404, "IP address is already in use.", TEXT)


@one("POST", "unlink_subnet")
def unlink_subnet(request):
    """Take a link away."""
    node, nic = _changeable(request, "unlink subnet", "link subnet")
    link = _chosen(request, "id", nic["links"], required=True)
    links.unlink(request.region, node, nic, link)
    return show(request, node, nic)


def _chosen(request, name, choices, required=False):
    """The link that a field means by its id; None where it is empty and need not be given."""
    given = request.form.get(name)
    if given in forms_2x.EMPTY:
        if required:
            raise Invalid({name: [REQUIRED]})
        return None
    for link in choices:
        if str(link["id"]) == str(given):
            return link
    listed = ", ".join(f"'{link['id']}'" for link in choices)
    text = f"'{given}' is not a valid {name}.  It should be one of: {listed}."
    raise Invalid({name: [text]})


@one("POST", "disconnect", since="2.1")
def disconnect(request):
    """Take all links and the VLAN away."""
    node, nic = _changeable(request, "disconnect")
    links.set_vlan(request.region, node, nic, None)
    links.clear_nic(request.region, node, nic)
    return show(request, node, nic)


@one("POST", "set_default_gateway")
def set_default_gateway(request):
    """Use the gateway of a link."""
    node, nic = _changeable(request, "set default gateway", "link subnet")
    subnets = request.region.rows("subnets")
    usable = [link for link in nic["links"] if link["mode"] != links.LINK_UP]
    usable = [link for link in usable if (subnets.get(link["subnet"]) or {}).get("gateway_ip")]
    if not usable:
        raise Invalid({"__all__": ["This interface has no usable gateways."]})
    link = _chosen(request, "link_id", usable)
    chosen = node.setdefault("gateway_links", {})
    if link:
        chosen[subnets[link["subnet"]]["net"].version] = link["id"]
        return show(request, node, nic)
    gateways = {subnets[item["subnet"]]["gateway_ip"] for item in usable}
    versions = [ipaddress.ip_address(gateway).version for gateway in gateways]
    many = [version for version in (4, 6) if versions.count(version) > 1]
    if many:
        named = " and ".join(f"IPv{version}" for version in many)
        text = f"This field is required; Interface has more than one usable {named} gateway"
        raise Invalid({"link_id": [f"{text}{'s' if len(many) > 1 else ''}."]})
    for item in reversed(usable):
        chosen[subnets[item["subnet"]]["net"].version] = item["id"]
    return show(request, node, nic)


@one("POST", "add_tag")
def add_tag(request):
    """Add a tag."""
    node, nic = interface_of(request, to_change=True)
    tag, before = str(request.needed("tag")), nic.get("tags", [])
    nic["tags"] = before if tag in before else [*before, tag]
    return show(request, node, nic)


@one("POST", "remove_tag")
def remove_tag(request):
    """Remove a tag."""
    node, nic = interface_of(request, to_change=True)
    tag = str(request.needed("tag"))
    nic["tags"] = [item for item in nic.get("tags", []) if item != tag]
    return show(request, node, nic)
