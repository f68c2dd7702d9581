"""``nodes/SYSTEM_ID/interfaces/`` of API 1.0 (1.9+), of machines and devices; not recorded."""

from __future__ import annotations

import ipaddress

from maas_emulator.api1 import machines
from maas_emulator.api1.addresses import taken
from maas_emulator.api1.fabrics import show_subnet, show_vlan
from maas_emulator.api1.nic_form import NO_CHOICE, NicForm
from maas_emulator.forms import BAD_IP, Check, is_ip
from maas_emulator.web import TEXT, Answer, Endpoint, Missing, no_content

many, old_many = (
    Endpoint(f"nodes/{{system_id}}/{part}/", "NodeInterfacesHandler", since="1.9")
    for part in ("interfaces", "node-interfaces")
)
one, old_one = (
    Endpoint(f"nodes/{{system_id}}/{part}/{{id}}/", "NodeInterfaceHandler", since="1.9")
    for part in ("interfaces", "node-interfaces")
)

_LINKED = (
    "Cannot configure interface to link up (with no IP address) while other links are already"
    " configured."
)
_MODES = ("auto", "dhcp", "static", "link_up")


def interface_shown(region, row, nic):
    """An interface as the API shows it."""
    vlan = region.rows("vlans").get(nic["vlan"] or 0)
    return {
        "id": nic["id"],
        "name": nic["name"],
        "type": nic["type"],
        "vlan": show_vlan(region, vlan) if vlan else None,
        "mac_address": nic["mac_address"],
        "parents": list(nic["parents"]),
        "children": [other["name"] for other in row["macs"] if nic["name"] in other["parents"]],
        "tags": list(nic["tags"]),
        "enabled": nic["enabled"],
        "links": [_link_shown(region, link) for link in nic["links"]],
        "params": nic["params"] or "",
        "discovered": None,
        "effective_mtu": nic["params"].get("mtu") or (vlan or {}).get("mtu", 1500),
        "resource_uri": f"/MAAS/api/1.0/nodes/{row['system_id']}/interfaces/{nic['id']}/",
    }


def _link_shown(region, link):
    shown = {"id": link["id"], "mode": link["mode"]}
    if link["ip_address"]:
        shown["ip_address"] = link["ip_address"]
    subnet = region.rows("subnets").get(link["subnet"])
    if subnet:
        shown["subnet"] = show_subnet(region, subnet)
    return shown


def _node(request, allowed=machines.may_see):
    """The machine or device of the path."""
    try:
        return machines.machine_of(request, allowed)
    except Missing:
        return machines.machine_of(request, allowed, "devices")


def _interface(request, allowed=machines.may_see):
    row, spec = _node(request, allowed), request.ids["id"]
    for nic in row["macs"]:
        if spec in (str(nic["id"]), nic["name"], f"name:{nic['name']}"):
            return row, nic
    raise Missing("Interface", request)


@many("GET")
@old_many("GET")
def list_interfaces(request):
    """List the interfaces of a node."""
    row = _node(request)
    return [interface_shown(request.region, row, nic) for nic in row["macs"]]


def _need_status(row, doing):
    """Refuse to change an interface of a machine that is neither Ready nor Broken."""
    if row.get("status") not in (None, machines.READY, machines.BROKEN):
        text = f"Cannot {doing} interface because the node is not Ready."
        raise Answer(409, text, TEXT)


def _create(request, kind):
    region = request.region
    row = _node(request, machines.may_edit if kind == "physical" else machines.only_admin)
    if kind != "vlan":
        _need_status(row, "create bond" if kind == "bond" else "create")
    values = NicForm(request, row, kind).read()
    nic = machines.add_mac(region, row, values["mac_address"])
    nic.update(values, type=kind)
    for other in row["macs"]:
        if kind == "bond" and other["name"] in nic["parents"]:
            _unlink_all(region, other)
            other["vlan"] = nic["vlan"]
    _link_up(region, nic)
    return interface_shown(region, row, nic)


def _unlink_all(region, nic):
    for link in nic["links"]:
        region.rows("links").pop(link["id"], None)
    nic["links"] = []


def _link_up(region, nic):
    """Let an interface without any link be up."""
    if not nic["links"]:
        link = {"mode": "link_up", "subnet": None, "ip_address": None, "default_gateway": False}
        nic["links"].append(region.rows("links").add(link))


@many("POST", "create_physical")
@old_many("POST", "create_physical")
def create_physical(request):
    """Add a physical interface."""
    return _create(request, "physical")


@many("POST", "create_bond")
@old_many("POST", "create_bond")
def create_bond(request):
    """Add a bond."""
    return _create(request, "bond")


@many("POST", "create_vlan")
@old_many("POST", "create_vlan")
def create_vlan(request):
    """Add a VLAN interface."""
    return _create(request, "vlan")


@one("GET")
@old_one("GET")
def read_interface(request):
    """Read an interface."""
    return interface_shown(request.region, *_interface(request))


@one("PUT")
@old_one("PUT")
def update_interface(request):
    """Change an interface."""
    row, nic = _interface(request, machines.may_edit)
    _need_status(row, "update interface")
    values = NicForm(request, row, nic["type"], nic).read()
    if values["vlan"] != nic["vlan"]:
        _unlink_all(request.region, nic)
    for other in row["macs"]:
        other["parents"] = [
            values["name"] if name == nic["name"] else name for name in other["parents"]
        ]
    nic.update(values)
    return interface_shown(request.region, row, nic)


@one("DELETE")
@old_one("DELETE")
def delete_interface(request):
    """Delete an interface, and what is built upon it alone."""
    row, nic = _interface(request, machines.may_edit)
    _need_status(row, "delete interface")
    gone = [nic]
    for other in list(row["macs"]):
        if nic["name"] in other["parents"]:
            other["parents"] = [name for name in other["parents"] if name != nic["name"]]
            if not other["parents"]:
                gone.append(other)
    for item in gone:
        row["macs"].remove(item)
        request.region.rows("interfaces").pop(item["id"], None)
    return no_content()


# -- links -------------------------------------------------------------------------------------


@one("POST", "link_subnet")
@old_one("POST", "link_subnet")
def link_subnet(request):
    """Put an interface on a subnet."""
    region = request.region
    row, nic = _interface(request, machines.may_edit)
    _need_status(row, "link subnet")
    check = Check(request)
    mode = check.choice("mode", _MODES, required=True)
    given = check.form.get("subnet")
    subnet = next(
        (item for item in region.rows("subnets").values() if str(given) in (
            str(item["id"]), item["name"], f"cidr:{item['cidr']}")), None
    )  # fmt: skip
    if given not in (None, "") and subnet is None:
        check.error("subnet", NO_CHOICE)
    elif subnet is None and mode in ("auto", "static"):
        check.error("subnet", "This field is required.")
    if mode == "link_up" and nic["links"]:
        check.error("mode", _LINKED)
    if mode == "dhcp" and any(link["mode"] == "dhcp" for link in nic["links"]):
        check.error("mode", "Interface is already set to DHCP.")
    address = _address(region, check, mode, subnet)
    check.done()
    if any(link["mode"] == "link_up" for link in nic["links"]):
        _unlink_all(region, nic)
    link = {"mode": mode, "subnet": subnet and subnet["id"], "ip_address": address,
            "default_gateway": check.boolean("default_gateway")}  # fmt: skip
    if subnet:
        nic["vlan"] = subnet["vlan"]
    nic["links"].append(region.rows("links").add(link))
    return interface_shown(region, row, nic)


def _address(region, check, mode, subnet):
    """The address of a static link: the one asked for, or the first free one."""
    if mode != "static" or subnet is None:
        return None
    used = taken(region)
    text = check.text("ip_address")
    if text:
        if not is_ip(text):
            check.error("ip_address", BAD_IP)
        elif ipaddress.ip_address(text) not in subnet["net"]:
            check.error("ip_address", "IP address is not in the given subnet '{}'.".format(
                subnet["name"]))  # fmt: skip
        elif text in used:
            check.error("ip_address", f"IP address is already in use: {text}")
        return text
    hosts = (str(address) for address in subnet["net"].hosts())
    return next((ip for ip in hosts if ip not in used and ip != subnet["gateway_ip"]), None)


def _link(request, name):
    row, nic = _interface(request, machines.may_edit)
    ident = request.form.get(name)
    for link in nic["links"]:
        if str(link["id"]) == str(ident):
            return row, nic, link
    check = Check(request)
    check.error(name, NO_CHOICE)
    check.done()
    raise Missing("Link", request)


@one("POST", "unlink_subnet")
@old_one("POST", "unlink_subnet")
def unlink_subnet(request):
    """Take an interface off a subnet."""
    row, nic, link = _link(request, "id")
    _need_status(row, "unlink subnet")
    nic["links"].remove(link)
    request.region.rows("links").pop(link["id"], None)
    _link_up(request.region, nic)
    return interface_shown(request.region, row, nic)


@one("POST", "set_default_gateway")
@old_one("POST", "set_default_gateway")
def set_default_gateway(request):
    """Say which link a node's default gateway comes from."""
    row, nic, link = _link(request, "link_id")
    _need_status(row, "set default gateway")
    subnet = request.region.rows("subnets").get(link["subnet"])
    if not subnet or not subnet["gateway_ip"]:
        raise Answer(400, "This interface has no usable gateways.", TEXT)
    for other in row["macs"]:
        for item in other["links"]:
            item["default_gateway"] = item is link
    return interface_shown(request.region, row, nic)
