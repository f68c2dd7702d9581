"""``nodes/`` of API 1.0, as far as a region without machines needs it."""

from __future__ import annotations

from saltext.maas.emulator.web import Endpoint, Missing

many = Endpoint("nodes/", "NodesHandler")
one = Endpoint("nodes/{system_id}/", "NodeHandler")


@many("GET", "list")
def list_nodes(request):
    """List nodes."""
    return []


@many("GET", "list_allocated")
def list_allocated(request):
    """List nodes allocated to the user."""
    return []


@many("GET", "is_registered", anonymous=True)
def is_registered(request):
    """Tell whether a MAC address belongs to a node."""
    request.needed("mac_address")
    return False


@one("GET")
def read_node(request):
    """Read a node."""
    raise Missing("Node", request)
