"""Hosts of one region, of which there may be several: what their regiond's starts and ends do."""

from __future__ import annotations

import json

from maas_emulator import nodes
from maas_emulator.web import JSON, Response

_RACKS = (nodes.RACK, nodes.BOTH)
_REGIONS = (nodes.REGION, nodes.BOTH)


class SeveralNodes(LookupError):
    """More than one node has the host's name or one of its MAC addresses."""


def started(region, hostname, system_id=None, interfaces=(), port=None):
    """A regiond starts; the node of its host is found, or made.

    As with MAAS, any node with the host's name or one of its MAC addresses is taken, and becomes a
    region controller: from 2.1 on if none has the system_id, in 2.0 in any case.

    Args:
        region: The region.
        hostname, interfaces: Of the host.
        system_id: What its file ``maas_id`` says.
        port: Where it can be reached.

    Returns:
        The node's system_id.

    Raises:
        SeveralNodes: More than one node fits, so that it does not start.
    """
    with region.lock:
        row = _found(region, hostname, system_id, interfaces)
        if row is None:
            row = region.rows("regions").add(nodes.new_node(region, hostname, None, nodes.REGION))
        elif row["node_type"] not in _REGIONS:
            _upgrade(region, row)
        if interfaces and not row["interfaces"]:
            nodes.set_interfaces(region, row, interfaces)
        row.update(running=True, rpc_port=port)
        region.written()
        return row["system_id"]


def _found(region, hostname, system_id, interfaces):
    known = nodes.find_id(region, system_id) if system_id else None
    if known and region.release >= "2.1":
        return known
    macs = {nic["mac"].lower() for nic in interfaces if nic.get("mac")}
    found = [
        row for row in nodes.everything(region)
        if row is known or row["hostname"] == hostname
        or macs & {nic["mac"] for nic in row["interfaces"]}
    ]  # fmt: skip
    if len(found) > 1:
        raise SeveralNodes(", ".join(row["hostname"] for row in found))
    return found[0] if found else None


def _upgrade(region, row):
    for kind in ("machines", "devices"):
        for key in [key for key, one in region.rows(kind).items() if one is row]:
            del region.rows(kind)[key]
    row["node_type"] = nodes.BOTH if row["node_type"] in _RACKS else nodes.REGION
    region.rows("regions")[-row["id"]] = row


def ended(region, system_id):
    """A regiond ended, as it should; others notice one that was killed after 90 s."""
    with region.lock:
        row = nodes.find_id(region, system_id)
        if row is not None:
            row["running"] = False
        region.written()


def runs(row):
    """Whether a region controller runs, as far as the others know."""
    return row.get("running", True)


def rpc(region):
    """Where racks reach each process of each region controller that runs."""
    loops = {
        f"{row['hostname']}:pid=1": [["127.0.0.1", row.get("rpc_port") or region.rpc_port]]
        for row in region.rows("regions").values()
        if runs(row)
    }
    return Response(200, json.dumps({"eventloops": loops}), JSON)
