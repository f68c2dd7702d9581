"""The operations of ``nodes/ID/interfaces/ID/``: links to subnets, gateways and tags."""

from __future__ import annotations

import ipaddress

from saltext.maas.emulator import ips, machines
from saltext.maas.emulator.api2_interfaces import interface_of, link_up, node_of, one, show
from saltext.maas.emulator.forms import BAD_IP, REQUIRED, Check, is_ip, not_a_choice
from saltext.maas.emulator.web import TEXT, Answer

MODES = ("AUTO", "DHCP", "STATIC", "LINK_UP")
_IN_USE = "IP address is already in use."


def _subnet_named(check, region):
    """The subnet that a form names by id, CIDR or name; None when there is none."""
    given = check.form.get("subnet")
    if given in (None, ""):
        return None
    given = str(given)
    prefix, colon, value = given.partition(":")
    if colon and prefix in ("cidr", "name", "id"):
        given = value
    for subnet in region.rows("subnets").values():
        if given in (str(subnet["id"]), subnet["cidr"], subnet["name"]):
            return subnet["id"]
    check.error("subnet", not_a_choice("That choice"))
    return None


def _static_address(check, region, subnet, nic):
    """The address of a static link: the one that was sent, or the next free one."""
    given = check.form.get("ip_address")
    if given in (None, ""):
        return ips.next_free(region, subnet)
    if not is_ip(str(given)):
        check.error("ip_address", BAD_IP)
    elif ipaddress.ip_address(str(given)) not in subnet["net"]:
        text = f"IP address is not in the given subnet '{subnet['name']} ({subnet['cidr']})'."
        check.error("ip_address", text)
    elif ips.is_taken(region, str(given)):
        raise Answer(404, _IN_USE, TEXT)
    return str(given)


@one("POST", "link_subnet")
def link_subnet(request):
    """Link an interface to a subnet."""
    region, node = request.region, node_of(request, "link")
    nic, check = interface_of(request, node), Check(request)
    mode = check.choice("mode", MODES, required=True)
    subnet = region.rows("subnets").get(_subnet_named(check, region))
    if mode in ("AUTO", "STATIC") and subnet is None and "subnet" not in check.errors:
        check.error("subnet", REQUIRED)
    address = None
    if mode == "STATIC" and subnet is not None and not check.errors:
        address = _static_address(check, region, subnet, nic)
    check.done()
    row = {"mode": mode.lower(), "subnet": subnet["id"] if subnet else None}
    kept = [link for link in nic["links"] if link.get("mode") != "link_up"]
    if str(check.form.get("force", "")).lower() == "true" or mode == "LINK_UP":
        kept = []
    nic["links"] = [*kept, region.rows("links").add({**row, "ip_address": address})]
    if subnet:
        nic["vlan"] = subnet["vlan"]
    machines.set_links(region, node, nic)
    return show(request, node, nic)


def _link(request, nic):
    given = str(request.form.get("id") or request.form.get("link_id") or "")
    for link in nic["links"]:
        if str(link["id"]) == given:
            return link
    return None


@one("POST", "unlink_subnet")
def unlink_subnet(request):
    """Take a link away."""
    region, node = request.region, node_of(request, "unlink")
    nic, check = interface_of(request, node), Check(request)
    link = _link(request, nic)
    if link is None:
        given = check.form.get("id")
        check.error("id", not_a_choice(given) if given else REQUIRED)
    check.done()
    nic["links"] = [item for item in nic["links"] if item is not link]
    if not nic["links"]:
        nic["links"] = [link_up(region)]
    machines.set_links(region, node, nic)
    return show(request, node, nic)


@one("POST", "disconnect", since="2.1")
def disconnect(request):
    """Take all links and the VLAN away."""
    region, node = request.region, node_of(request, "disconnect")
    nic = interface_of(request, node)
    nic.update(links=[], vlan=None)
    machines.set_links(region, node, nic)
    return show(request, node, nic)


@one("POST", "set_default_gateway")
def set_default_gateway(request):
    """Use the gateway of a link."""
    region, node = request.region, node_of(request, "update")
    nic = interface_of(request, node)
    subnets = region.rows("subnets")
    wanted = _link(request, nic)
    links = [wanted] if wanted else nic["links"]
    found = [link for link in links if (subnets.get(link["subnet"]) or {}).get("gateway_ip")]
    if not found:
        raise Answer(400, '{"link_id": ["This field is required."]}')
    version = subnets[found[0]["subnet"]]["net"].version
    node.setdefault("gateway_links", {})[version] = found[0]["id"]
    return show(request, node, nic)


@one("POST", "add_tag", admin=True)
def add_tag(request):
    """Add a tag."""
    node = node_of(request)
    nic, tag = interface_of(request, node), request.needed("tag")
    nic["tags"] = [*(item for item in nic.get("tags", []) if item != tag), tag]
    return show(request, node, nic)


@one("POST", "remove_tag", admin=True)
def remove_tag(request):
    """Remove a tag."""
    node = node_of(request)
    nic, tag = interface_of(request, node), request.needed("tag")
    nic["tags"] = [item for item in nic.get("tags", []) if item != tag]
    return show(request, node, nic)
