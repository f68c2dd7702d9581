"""``nodes/`` of API 2.0: every node of whatever kind, to be read."""

from __future__ import annotations

from saltext.maas.emulator import nodes
from saltext.maas.emulator.web import Endpoint

many = Endpoint("nodes/", "NodesHandler")


@many("GET")
def list_nodes(request):
    """List nodes."""
    return [nodes.show(request.region, node) for node in nodes.everything(request.region)]
