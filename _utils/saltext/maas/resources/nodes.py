"""Nodes of every kind, as something that others refer to or that is in the way."""

from __future__ import annotations

from saltext.maas.resources.field import Field
from saltext.maas.resources.table import Table

#: The resource types that controllers are described as, by the ``node_type`` of API 2.0.
CONTROLLERS = {2: ("rack",), 3: ("region_controller",), 4: ("rack", "region_controller")}


class Node(Table):
    """A machine, device or controller, by its host name; only looked up."""

    name = "node"
    noun = "node"
    numbered = ""
    collection = "nodes/"
    mixed = True
    identity = ("hostname",)
    can_create = False
    can_update = False
    can_delete = False
    prunable = has_modules = False
    fields = (Field("hostname", doc="Host name."),)

    def read(self, snapshot, partition):
        operation = "list" if snapshot.release < "2.0" else None
        shape = [{"system_id": str, "hostname": str}]
        return snapshot.client.get(self.collection, op=operation, expect=shape)

    def exports(self, snapshot, record):
        return False


def leaving(others):
    """Yield the deletions of racks among all changes: what these are connected to goes later."""
    for change in others.of("rack"):
        if change.action == "delete":
            yield change


def stays(record, predicted) -> bool:
    """Whether a node is still there after a plan; a rack controller may go by it."""
    # One that is a region controller as well stays with its interfaces.
    rack = record.raw.get("node_type") == 2
    return not rack or record.key in predicted.of("rack")


def member(snapshot, belongs) -> str | None:
    """A node that belongs to something, as a sentence; None if none does.

    Args:
        snapshot: The region.
        belongs: Whether a node, as MAAS answers it, belongs to it.
    """
    for record in snapshot.records("node").values():
        if belongs(record.raw):
            return f"{record.key} belongs to it"
    return None


def named(raw: dict, part: str):
    """The name of a node's zone, pool or domain."""
    return (raw.get(part) or {}).get("name")


def nic_vlans(nic: dict):
    """The ids of the VLANs that an interface of a node is on."""
    yield (nic.get("vlan") or {}).get("id")


def nic_subnets(nic: dict):
    """The ids of the subnets that an interface of a node has an address in."""
    for link in nic.get("links") or ():
        yield (link.get("subnet") or {}).get("id")


def holder(snapshot, ids: set, of_nic) -> str | None:
    """Which node has an interface in one of some networks, as a sentence; None if none has."""
    for record in snapshot.records("node").values():
        for nic in record.raw.get("interface_set") or ():
            if ids & set(of_nic(nic)):
                return f"{record.key} has an interface there"
    return None
