"""``nodes/``: machines, devices and controllers in one list."""

from __future__ import annotations

from maas_emulator import machines, node_filters, node_forms, nodes, permissions, power
from maas_emulator.api2 import controllers, devices
from maas_emulator.web import Answer, Endpoint, Response, no_content

many = Endpoint("nodes/", "NodesHandler")
one = Endpoint("nodes/{system_id}/", "NodeHandler")


def show(region, node):
    """A node as the list of its own kind shows it."""
    if node["node_type"] == machines.MACHINE:
        return machines.show(region, node)
    if node["node_type"] == nodes.DEVICE:
        return devices.show(region, node)
    return nodes.show_node(region, node, node["node_type"] != nodes.REGION)


@many("GET")
def list_nodes(request):
    """List all nodes: devices, machines, racks and regions."""
    region, found = request.region, []
    for kind in ("devices", "machines", "racks", "regions"):
        rows = permissions.visible(request, kind)
        if kind in ("devices", "machines"):
            rows = node_filters.listed(request, rows)
        else:
            rows = [row for row in rows if controllers.is_asked_for(request, row)]
        found += [row for row in rows if row not in found]
    return [show(region, node) for node in found]


@many("GET", "is_registered", since="2.2", anonymous=True)
def is_registered(request):
    """Tell whether a node has a MAC address."""
    return node_forms.is_registered(request)


@many("POST", "set_zone")
def set_zone(request):
    """Put nodes into a zone."""
    node_forms.set_zone(request)


@one("GET")
def read_node(request):
    """Read a node."""
    return show(request.region, permissions.node_of(request))


@one("DELETE")
def delete_node(request):
    """Delete a machine or device; controllers go by their own endpoint."""
    node = permissions.node_of(request, permissions.may_admin)
    kinds = {machines.MACHINE: "machines", nodes.DEVICE: "devices"}
    if node["node_type"] not in kinds:
        raise Answer(400, "Controllers are deleted by an endpoint of their own.")
    machines.forget(request.region, kinds[node["node_type"]], node)
    return no_content()


@one("GET", "power_parameters")
def power_parameters(request):
    """Power parameters."""
    node = permissions.node_of(request, permissions.may_read_secrets)
    return power.parameters_of(request.region, node)


@one("GET", "details")
def details(request):
    """What was found out about the hardware, in BSON: nothing."""
    permissions.node_of(request)
    return Response(200, b"\x11\x00\x00\x00\x0alldp\x00\x0alshw\x00\x00", "application/bson")
