"""``nodes/ID/interfaces/`` of controllers: read them, and move one to another VLAN."""

from __future__ import annotations

from saltext.maas.emulator import nodes
from saltext.maas.emulator.forms import Check
from saltext.maas.emulator.web import Endpoint, Missing

many = Endpoint("nodes/{system_id}/interfaces/", "InterfacesHandler")
one = Endpoint("nodes/{system_id}/interfaces/{id}/", "InterfaceHandler")


def _node(request):
    region = request.region
    for row in [*region.rows("racks").values(), *region.rows("regions").values()]:
        if row["system_id"] == request.ids["system_id"]:
            return row
    raise Missing("Node", request)


def _interface(request, node):
    for nic in node["interfaces"]:
        if request.ids["id"] in (str(nic["id"]), nic["name"]):
            return nic
    raise Missing("Interface", request)


@many("GET")
def list_interfaces(request):
    """List a controller's interfaces."""
    node = _node(request)
    return [nodes.show_interface(request.region, node, nic) for nic in node["interfaces"]]


@one("GET")
def read_interface(request):
    """Show one interface."""
    node = _node(request)
    return nodes.show_interface(request.region, node, _interface(request, node))


@one("PUT", admin=True)
def update_interface(request):
    """Move an interface to another VLAN, which is all that a controller's form lets one do."""
    node = _node(request)
    nic = _interface(request, node)
    check = Check(request)
    if "vlan" in request.form:
        vlans = request.region.rows("vlans")
        text = request.form.get("vlan")
        if text and not (text.isdigit() and int(text) in vlans):
            check.error(
                "vlan",
                "Select a valid choice. That choice is not one of the available choices.",
            )
        check.done()
        nic["vlan"] = int(text) if text else None
    return nodes.show_interface(request.region, node, nic)
