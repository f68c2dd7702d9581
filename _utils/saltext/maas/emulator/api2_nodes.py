"""``nodes/``: machines, devices and controllers in one list."""

from __future__ import annotations

from saltext.maas.emulator import api2_devices, machines, node_forms, nodes
from saltext.maas.emulator.web import Answer, Endpoint, Missing, Response, no_content

many = Endpoint("nodes/", "NodesHandler")
one = Endpoint("nodes/{system_id}/", "NodeHandler")


def _node(request):
    for node in nodes.everything(request.region):
        if node["system_id"] == request.ids["system_id"]:
            return node
    raise Missing("Node", request)


def show(region, node):
    """A node as the list of its own kind shows it."""
    if node["node_type"] == machines.MACHINE:
        return machines.show(region, node)
    if node["node_type"] == nodes.DEVICE:
        return api2_devices.show(region, node)
    return nodes.show_node(region, node, node["node_type"] != nodes.REGION)


@many("GET")
def list_nodes(request):
    """List all nodes."""
    found = node_forms.chosen(request, nodes.everything(request.region))
    return [show(request.region, node) for node in found]


@many("GET", "is_registered", since="2.2")
def is_registered(request):
    """Tell whether a MAC address is known."""
    return (
        node_forms.owner_of_mac(request.region, request.needed("mac_address").lower()) is not None
    )


@many("POST", "set_zone", admin=True)
def set_zone(request):
    """Put nodes into a zone."""
    node_forms.set_zone(request, nodes.everything(request.region))


@one("GET")
def read_node(request):
    """Read a node."""
    return show(request.region, _node(request))


@one("DELETE")
def delete_node(request):
    """Delete a machine or device; controllers go by their own endpoint."""
    node = _node(request)
    kinds = {machines.MACHINE: "machines", nodes.DEVICE: "devices"}
    if node["node_type"] not in kinds:
        raise Answer(400, "Controllers are deleted by an endpoint of their own.")
    machines.forget(request.region, kinds[node["node_type"]], node)
    return no_content()


@one("GET", "power_parameters", admin=True)
def power_parameters(request):
    """Power parameters."""
    return _node(request).get("power_parameters", {})


@one("GET", "details")
def details(request):
    """What was found out about the hardware, in BSON: nothing."""
    _node(request)
    return Response(200, b"\x11\x00\x00\x00\x0alldp\x00\x0alshw\x00\x00", "application/bson")
