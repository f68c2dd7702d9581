"""``nodes/SYSTEM_ID/`` and its MAC addresses: one machine of API 1.0."""

from __future__ import annotations

from urllib.parse import unquote

from maas_emulator import storage
from maas_emulator.api1 import machines, show
from maas_emulator.api1.node_form import NodeForm, bad_mac, clean_mac
from maas_emulator.forms import REQUIRED, Check
from maas_emulator.web import (
    TEXT,
    Answer,
    Endpoint,
    Invalid,
    Missing,
    Response,
    as_json,
    no_content,
)

one = Endpoint("nodes/{system_id}/", "NodeHandler", plain_until="1.8")
macs = Endpoint("nodes/{system_id}/macs/", "NodeMacsHandler", until="1.9", plain_until="1.8")
mac = Endpoint(
    "nodes/{system_id}/macs/{mac_address}/", "NodeMacHandler", until="1.9", plain_until="1.8"
)

_BSON = "application/bson"
#: A BSON document with nothing known under ``lldp`` and ``lshw``.
_NO_DETAILS = b"\x11\0\0\0\nlldp\0\nlshw\0\0"
_COMMISSIONABLE = (machines.NEW, machines.READY, machines.FAILED_COMMISSIONING, machines.BROKEN)
#: What an aborted machine falls back to, and since when; 1.7 only knows of erasing.
_ABORTED = {
    machines.DISK_ERASING: (machines.FAILED_DISK_ERASING, "1.7"),
    machines.COMMISSIONING: (machines.NEW, "1.8"),
    machines.DEPLOYING: (machines.ALLOCATED, "1.8"),
}


@one("GET")
def read_node(request):
    """Read a node."""
    return show.machine(request.region, machines.machine_of(request))


@one("PUT")
def update_node(request):
    """Change a node."""
    region = request.region
    if region.release >= "1.9" and not request.user.is_superuser:
        raise Answer(403, "This method is reserved for admin users.", TEXT)
    row = machines.machine_of(request, machines.may_edit)
    row.update(NodeForm(request, machines.group_of(region, row), row).read())
    return show.machine(region, row)


@one("DELETE")
def delete_node(request):
    """Delete a node."""
    region = request.region
    row = machines.machine_of(request, machines.only_admin)
    if machines.is_stuck(region, row):
        text = f"Cannot delete node {row['system_id']}: node is in state Allocated."
        raise Answer(409, text, TEXT)
    for nic in row["macs"]:
        region.rows("interfaces").pop(nic["id"], None)
    storage.drop_all(region, row)
    del region.rows(machines.MACHINES)[row["id"]]
    return no_content()


def _switchable(request, doing):
    """The machine to switch; 1.5 and 1.6 do not tell one that is not there from others' ones."""
    region, user = request.region, request.user
    if region.release >= "1.7":
        return machines.machine_of(request, machines.may_edit)
    for row in region.rows(machines.MACHINES).values():
        if row["system_id"] == request.ids["system_id"] and machines.may_edit(user, row):
            return row
    raise Answer(403, f"You are not allowed to {doing} this node.", TEXT)


@one("POST", "start")
def start(request):
    """Switch a node on, which deploys an allocated one."""
    region = request.region
    row = _switchable(request, "start up")
    if region.release >= "1.8" and row["owner"] is None:
        raise Answer(409, "Can't start node: it hasn't been allocated.", TEXT)
    series = request.form.get("distro_series")
    if series:
        system, _, row["distro_series"] = series.rpartition("/")
        row["osystem"] = system or "ubuntu"
    row["user_data"] = request.form.get("user_data")
    machines.asked_for(region, row, request.user.username, "start")
    if region.release < machines.LIFECYCLE:
        if not row["power_type"]:
            raise Answer(403, "You are not allowed to start up this node.", TEXT)
        if row["status"] == machines.ALLOCATED:
            machines.install(region, row)
    if row["status"] == machines.ALLOCATED and region.release >= machines.LIFECYCLE:
        machines.set_status(region, row, machines.DEPLOYING)
    if row["owner"] and row["power_type"]:
        row["power_state"] = "on"
    return show.machine(region, row)


@one("POST", "stop")
def stop(request):
    """Switch a node off."""
    row = _switchable(request, "shut down")
    if request.region.release < machines.LIFECYCLE and not row["power_type"]:
        raise Answer(403, "You are not allowed to shut down this node.", TEXT)
    machines.asked_for(request.region, row, request.user.username, "stop")
    if row["power_state"] == "on":
        row["power_state"] = "off"
    elif request.region.release >= "1.7" and not row["power_type"]:
        return as_json(None)
    return show.machine(request.region, row)


@one("POST", "release")
def release(request):
    """Give a node back."""
    region = request.region
    row = machines.machine_of(request, machines.may_edit)
    if row["status"] in machines.RELEASABLE:
        machines.release(region, row, request.user.username)
    elif row["status"] not in (machines.READY, machines.RELEASING):
        label = machines.label(region, row["status"])
        text = f"Node cannot be released in its current state ('{label}')."
        raise Answer(409, text, TEXT)
    return show.machine(region, row)


@one("POST", "commission")
def commission(request):
    """Commission a node (again)."""
    newest = request.region.release >= "1.9"
    row = machines.machine_of(request, *([machines.only_admin] if newest else []))
    if not request.user.is_superuser or row["status"] not in _COMMISSIONABLE:
        text = "Commission is not available because of the current state of the node."
        raise Invalid(
            {"__all__": [text]} if newest else {"action": ["Not a permitted action: commission."]}
        )
    machines.commission(request.region, row, request.user.username)
    return show.machine(request.region, row)


@one("GET", "details")
def details(request):
    """What a node said of its hardware; nothing here."""
    machines.machine_of(request)
    return Response(200, _NO_DETAILS, _BSON)


@one("GET", "power_parameters", admin=True, since="1.7")
def power_parameters(request):
    """Power parameters of a node, secrets included."""
    return machines.machine_of(request)["power_parameters"]


@one("GET", "query_power_state", since="1.7")
def query_power_state(request):
    """Ask a node's power controller, through its cluster."""
    row = machines.machine_of(request)
    group = machines.group_of(request.region, row)
    if group is None or not group["connected"]:
        raise Answer(503, "Unable to connect to cluster controller", TEXT)
    if not row["power_type"]:
        raise Answer(503, "Power state is not queryable", TEXT)
    return {"state": row["power_state"]}


@one("POST", "mark_broken", since="1.7")
def mark_broken(request):
    """Say that a node is broken; an allocated one is released."""
    row = machines.machine_of(request, machines.may_edit)
    text = request.form.get("comment") or request.form.get("error_description") or ""
    row.update(owner=None, error_description=text)
    who = request.user.username
    machines.set_status(request.region, row, machines.BROKEN, who, "mark broken")
    return show.machine(request.region, row)


@one("POST", "mark_fixed", since="1.7")
def mark_fixed(request):
    """Say that a broken node is fixed."""
    row = machines.machine_of(request, machines.only_admin)
    if row["status"] != machines.BROKEN:
        raise Answer(409, "Can't mark a non-broken node as 'Ready'.", TEXT)
    row["error_description"] = ""
    who = request.user.username
    machines.set_status(request.region, row, machines.READY, who, "mark fixed")
    return show.machine(request.region, row)


@one("POST", "abort_operation", since="1.7")
def abort_operation(request):
    """Stop what a node is at."""
    region = request.region
    row = machines.machine_of(request, machines.may_edit)
    after, since = _ABORTED.get(row["status"], (None, "1.7"))
    if after is None or region.release < since:
        label = machines.label(region, row["status"])
        text = f"Cannot abort in current state: node {row['system_id']} is in state {label}."
        raise Answer(409, text, TEXT)
    action = f"abort {machines.label(region, row['status']).lower()}"
    machines.set_status(region, row, after, request.user.username, action)
    return show.machine(region, row)


# -- MAC addresses -----------------------------------------------------------------------------


@macs("GET")
def list_macs(request):
    """List the MAC addresses of a node."""
    row = machines.machine_of(request)
    return [show.mac(row, nic) for nic in row["macs"] if nic["mac_address"]]


@macs("POST")
def add_mac(request):
    """Add a MAC address."""
    row = machines.machine_of(request, machines.may_edit)
    check = Check(request)
    text = check.text("mac_address", required=True)
    address = clean_mac(text)
    if text and address is None:
        check.error("mac_address", bad_mac(request.region, text))
    elif address and machines.machine_with_mac(request.region, address):
        check.error("mac_address", "This MAC address is already registered.")
    check.done()
    return show.mac(row, machines.add_mac(request.region, row, address))


def _mac_of(request, allowed=machines.anybody):
    row = machines.machine_of(request, allowed)
    text = unquote(request.ids["mac_address"])
    address = clean_mac(text)
    if address is None:
        raise Invalid({"__all__": [bad_mac(request.region, text) if text else REQUIRED]})
    for nic in row["macs"]:
        if nic["mac_address"] == address:
            return row, nic
    raise Missing("MACAddress", request)


@mac("GET")
def read_mac(request):
    """Read a MAC address."""
    return show.mac(*_mac_of(request))


@mac("DELETE")
def delete_mac(request):
    """Delete a MAC address."""
    row, nic = _mac_of(request, machines.may_edit)
    row["macs"].remove(nic)
    request.region.rows("interfaces").pop(nic["id"], None)
    return no_content()
