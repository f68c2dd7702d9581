"""Nodes of every kind, as something that others refer to or that is in the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from saltext.maas.errors import MaasError, NotFound, StrangeAnswer
from saltext.maas.resources.engine_types import Predicted, Run, Snapshot
from saltext.maas.resources.table import Field, Record, Table

#: The resource types that controllers are described as, by the ``node_type`` of API 2.0.
CONTROLLERS = {2: ("rack",), 3: ("region_controller",), 4: ("rack", "region_controller")}
#: Key, in an object that was read by itself, of the time when that was.
_READ_AT = "time of its own request"


class Node(Table):
    """A machine, device or controller, by its host name; only looked up."""

    name = "node"
    numbered = ""
    collection = "nodes/"
    item_path = "nodes/{system_id}/"
    list_op = "list"
    in_answers = {"system_id": str, "hostname": str}
    mixed = True
    identity = ("hostname",)
    can_create = can_update = can_delete = prunable = has_modules = False
    fields = (Field("hostname", doc="Host name."),)

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        return False


def stays(record: Record, predicted: Predicted) -> bool:
    """Return whether a node is still there after a plan; a rack controller may go by it."""
    # One that is a region controller as well stays with its interfaces.
    rack = record.raw.get("node_type") == 2
    return not rack or record.key in predicted.of("rack")


#: How often a node is read whose answer is another one.
_READS = 3


def reread(table: Table, run: Run, record: Record) -> Record:
    """Read a node again after requests whose answers do not show the node itself.

    Args:
        table: The node's table.
        run: The run.
        record: The node as it was read before.

    Returns:
        The node as it is now; the snapshot has it as well.

    Raises:
        MaasError: It cannot be read.
    """
    shape = table.shape(run.snapshot.release)
    path, ident = table.item(run.snapshot, record.raw), record.raw["system_id"]
    for _ in range(_READS):
        raw = run.client.get(path, expect=shape)
        if raw.get("system_id") == ident:
            break
    else:
        raise StrangeAnswer(f"GET {path}: the region answers with another node")
    raw = table.from_answer(run.snapshot.release, raw)
    raw = {**table.complete_answer(raw, {}, record.raw), _READ_AT: time.monotonic()}
    run.snapshot.fold(table.name, raw, replaces=record.raw)
    return Record(record.key, raw)


def fresh(table: Table, run: Run, record: Record | None) -> Record | None:
    """Return a node as it is now, of many others unread; see :meth:`Table.fresh`."""
    if record is None:
        return None
    read_at = max(record.raw.get(_READ_AT, 0.0), run.snapshot.read_at(table.name))
    if time.monotonic() - read_at < run.trust_seconds:
        return record
    try:
        return reread(table, run, record)
    except NotFound:
        return None


@contextlib.contextmanager
def rereading(table: Table, run: Run, record: Record) -> Iterator[None]:
    """Read a node again after such requests, also if one failed; see :func:`reread`."""
    with rereading_if_failed(table, run, record):
        yield
    reread(table, run, record)


@contextlib.contextmanager
def rereading_if_failed(table: Table, run: Run, record: Record) -> Iterator[None]:
    """Read a node again if one of some requests failed; see :func:`reread`."""
    try:
        yield
    except MaasError as error:
        with contextlib.suppress(MaasError):
            reread(table, run, record)
            error.reread = True
        raise


def nics(raw: dict) -> list[dict]:
    """Return the interfaces of a node."""
    return raw.get("interface_set") or []


def links(nic: dict) -> Iterator[tuple[dict, dict]]:
    """Yield the links of an interface, each with its subnet, which may be empty."""
    for link in nic.get("links") or ():
        yield link, link.get("subnet") or {}


def vlan_ids(raw: dict) -> set:
    """Return the ids of the VLANs that a node has interfaces on."""
    return {(nic.get("vlan") or {}).get("id") for nic in nics(raw)}


def subnet_ids(raw: dict) -> set:
    """Return the ids of the subnets that a node has addresses in."""
    return {subnet.get("id") for nic in nics(raw) for _, subnet in links(nic)}


def static_addresses(raw: dict) -> Iterator[tuple[dict, str]]:
    """Yield the addresses of a node that DHCP has not given to it, each after its subnet."""
    for nic in nics(raw):
        for link, subnet in links(nic):
            if link.get("ip_address") and link.get("mode") != "dhcp":
                yield subnet, link["ip_address"]


def connected(snapshot: Snapshot, ids: set, ids_of: Callable[[dict], set]) -> Iterator[Record]:
    """Yield the nodes that have an interface in one of some networks.

    Args:
        snapshot: The region.
        ids: Ids of VLANs or subnets.
        ids_of: :func:`vlan_ids` or :func:`subnet_ids`.
    """
    for record in snapshot.records("node").values():
        if ids & ids_of(record.raw):
            yield record


def holder(snapshot: Snapshot, ids: set, ids_of: Callable[[dict], set]) -> str | None:
    """Return which node has an interface in one of some networks, as a sentence; None if none."""
    found = next(connected(snapshot, ids, ids_of), None)
    return f"{found.key} has an interface there" if found else None
