"""Nodes of every kind, as something that others refer to or that is in the way."""

from __future__ import annotations

from collections.abc import Iterator

from saltext.maas.resources.field import Field, Record
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


def nic_vlans(nic: dict):
    """The ids of the VLANs that an interface of a node is on."""
    yield (nic.get("vlan") or {}).get("id")


def nic_subnets(nic: dict):
    """The ids of the subnets that an interface of a node has an address in."""
    for link in nic.get("links") or ():
        yield (link.get("subnet") or {}).get("id")


def connected(snapshot, ids: set, of_nic) -> Iterator[Record]:
    """Yield the nodes that have an interface in one of some networks.

    Args:
        snapshot: The region.
        ids: Ids of VLANs or subnets.
        of_nic: :func:`nic_vlans` or :func:`nic_subnets`.
    """
    for record in snapshot.records("node").values():
        if any(ids & set(of_nic(nic)) for nic in record.raw.get("interface_set") or ()):
            yield record


def holder(snapshot, ids: set, of_nic) -> str | None:
    """Return which node has an interface in one of some networks, as a sentence; None if none."""
    found = next(connected(snapshot, ids, of_nic), None)
    return f"{found.key} has an interface there" if found else None
