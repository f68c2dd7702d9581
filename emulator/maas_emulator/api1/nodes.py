"""``nodes/`` of API 1.0: all machines."""

from __future__ import annotations

from maas_emulator.api1 import machines, show
from maas_emulator.api1.acquire import chosen
from maas_emulator.api1.node_form import (
    NodeForm,
    clean_mac,
    group_for,
    need_sound_ranges,
    power_sent,
)
from maas_emulator.web import JSON, TEXT, Answer, Endpoint, Invalid, as_json

many = Endpoint("nodes/", "NodesHandler")


def visible(request):
    """The machines that a list call may show and asks for, in the order they came."""
    query, region = request.query, request.region
    rows = [row for row in region.rows(machines.MACHINES).values()
            if machines.may_see(request.user, row)]  # fmt: skip
    macs = query.getlist("mac_address")
    bad = [mac for mac in macs if clean_mac(mac) is None]
    if bad:
        raise Answer(400, f"Invalid MAC address(es): {', '.join(bad)}", TEXT)
    wanted_macs = {clean_mac(mac) for mac in macs}
    names, ids = query.getlist("hostname"), query.getlist("id")
    return [
        row
        for row in rows
        if (not ids or row["system_id"] in ids)
        and (not names or row["hostname"] in names)
        and (not macs or wanted_macs & {nic["mac_address"] for nic in row["macs"]})
        and query.get("zone", row["zone"]) == row["zone"]
        and query.get("agent_name", row["agent_name"]) == row["agent_name"]
    ]


def _all_shown(region, rows):
    return [show.machine(region, row) for row in rows]


@many("GET", "list")
def list_nodes(request):
    """List nodes."""
    return _all_shown(request.region, visible(request))


@many("GET", "list_allocated")
def list_allocated(request):
    """List nodes allocated to the user."""
    ids = request.query.getlist("id")
    rows = request.region.rows(machines.MACHINES).values()
    name = request.user.username
    mine = [row for row in rows if row["owner"] == name and machines.in_use(row["status"])]
    return _all_shown(request.region, [r for r in mine if not ids or r["system_id"] in ids])


@many("GET", "is_registered", anonymous="only")
def is_registered(request):
    """Tell whether a MAC address belongs to a node."""
    row = machines.machine_with_mac(request.region, clean_mac(request.needed("mac_address")))
    return row is not None and row.get("status") != machines.RETIRED


@many("POST", "new", anonymous=True)
def create_node(request):
    """Enlist a node; one that an administrator enlists is commissioned at once."""
    region, user = request.region, request.user
    group = group_for(request)
    values = NodeForm(request, group).read()
    need_sound_ranges(region, group)
    values.update(power_sent(request, group))
    row = machines.add(region, group, values.pop("macs"), **values)
    if user is None:
        return as_json(show.machine_to_anybody(region, row))
    if user.is_superuser:
        machines.commission(region, row, user.username)
    return show.machine(region, row)


@many("POST", "accept", anonymous=True)
def accept(request):
    """Accept enlisted nodes; tells those that were not accepted before."""
    if request.user is None:
        raise Answer(401, "You must be logged in to accept nodes.", TEXT)
    rows = _named(request, "accept", machines.only_admin)
    return _accepted(request, rows)


@many("POST", "accept_all")
def accept_all(request):
    """Accept all enlisted nodes."""
    if not request.user.is_superuser:
        return []
    return _accepted(request, request.region.rows(machines.MACHINES).values())


def _accepted(request, rows):
    new = [row for row in rows if row["status"] == machines.NEW]
    for row in new:
        machines.commission(request.region, row, request.user.username)
    return _all_shown(request.region, new)


def _named(request, doing, allowed=machines.may_edit):
    """The machines that ``nodes`` names, all of which have to be there and allowed."""
    if request.is_json:
        raise Answer(500, "'dict' object has no attribute 'getlist'", TEXT)
    if not request.bound:
        raise Answer(500, "'NoneType' object has no attribute 'getlist'", TEXT)
    ids = request.form.getlist("nodes")
    rows = {row["system_id"]: row for row in request.region.rows(machines.MACHINES).values()}
    unknown = [ident for ident in ids if ident not in rows]
    if unknown:
        raise Answer(400, f"Unknown node(s): {', '.join(unknown)}.", TEXT)
    refused = [ident for ident in ids if not allowed(request.user, rows[ident])]
    if refused:
        text = f"You don't have the required permission to {doing} the following node(s): "
        raise Answer(403, f"{text}{', '.join(refused)}.", TEXT)
    return [rows[ident] for ident in dict.fromkeys(ids)]


@many("POST", "check_commissioning")
def check_commissioning(request):
    """Tell which nodes are commissioned for too long; none ever is."""
    return []


@many("POST", "release")
def release(request):
    """Release nodes; tells those that were not released before."""
    region, rows = request.region, _named(request, "release")
    free = [row for row in rows if row["status"] in machines.RELEASABLE]
    stuck = [
        row
        for row in rows
        if row not in free and row["status"] not in (machines.READY, machines.RELEASING)
    ]
    if stuck:
        listed = ", ".join(
            f"{row['system_id']} ('{machines.label(region, row['status'])}')" for row in stuck
        )
        text = f"Node(s) cannot be released in their current state: {listed}."
        raise Answer(409, text, TEXT)
    for row in free:
        machines.release(region, row, request.user.username)
    return [row["system_id"] for row in free]


@many("POST", "set_zone", admin=True)
def set_zone(request):
    """Put nodes into a zone."""
    region = request.region
    rows = {row["system_id"]: row for row in region.rows(machines.MACHINES).values()}
    zone = request.form.get("zone") or "default"
    ids = request.form.getlist("nodes")
    errors = {}
    if not any(item["name"] == zone for item in region.rows("zones").values()):
        text = "Select a valid choice. That choice is not one of the available choices."
        errors["zone"] = [text]
    unknown = [ident for ident in ids if ident not in rows]
    if unknown:
        errors["system_id"] = [f"Invalid parameter: list of node IDs required: {unknown[0]}"]
    if errors:
        raise Invalid(errors)
    for ident in ids:
        rows[ident]["zone"] = zone
    return as_json(None, content_type=JSON)


@many("POST", "acquire")
def acquire(request):
    """Allocate a node that meets some constraints."""
    region = request.region
    row = chosen(request)
    row.update(owner=request.user.username, agent_name=request.form.get("agent_name") or "")
    machines.set_status(region, row, machines.ALLOCATED, request.user.username, "acquire")
    return show.machine(region, row)


@many("GET", "deployment_status", since="1.7")
def deployment_status(request):
    """Tell how far the deployment of nodes is."""
    rows = {row["system_id"]: row for row in request.region.rows(machines.MACHINES).values()}
    ids = request.query.getlist("nodes")
    unknown = [ident for ident in ids if ident not in rows]
    if unknown:
        raise Answer(400, f"Unknown node(s): {', '.join(unknown)}.", TEXT)
    texts = {
        machines.DEPLOYED: "Deployed",
        machines.DEPLOYING: "Deploying",
        machines.FAILED_DEPLOYMENT: "Failed deployment",
    }
    return {ident: texts.get(rows[ident]["status"], "Not in Deployment") for ident in ids}


@many("GET", "power_parameters", admin=True, since="1.7")
def power_parameters(request):
    """Power parameters of nodes."""
    ids = request.query.getlist("id")
    return {
        row["system_id"]: row["power_parameters"]
        for row in request.region.rows(machines.MACHINES).values()
        if not ids or row["system_id"] in ids
    }
