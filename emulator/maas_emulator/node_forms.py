"""What lists of nodes of all kinds can be asked and shown."""

from __future__ import annotations

import re

from maas_emulator import forms_2x, nodes, power
from maas_emulator.forms import REQUIRED
from maas_emulator.web import TEXT, Answer, Invalid

_KEY = re.compile(r"[\w.-]+\Z")


def is_registered(request, rows=None, without=(7,)):
    """Whether a node has the MAC address that a query names.

    Args:
        request: The call.
        rows: Nodes; all unless given.
        without: Statuses of machines that do not count.
    """
    wanted = str(request.needed("mac_address"))
    wanted = forms_2x.normal_mac(wanted) if forms_2x.is_mac(wanted) else wanted.lower()
    rows = nodes.everything(request.region) if rows is None else rows
    rows = [row for row in rows if row.get("status") not in without]
    return any(nic["mac"] == wanted for row in rows for nic in row["interfaces"])


def power_parameters(request, rows):
    """The power parameters of some nodes by system_id: of those a query names, or of all."""
    wanted = request.query.getlist("id")
    return {
        row["system_id"]: power.parameters_of(request.region, row)
        for row in rows
        if not wanted or row["system_id"] in wanted
    }


def new_nic(region, name, mac, vlan=None, **more):
    """An interface without links."""
    row = {"vlan": vlan, "name": name, "mac": mac, "links": [], **more}
    return region.rows("interfaces").add(row)


def set_zone(request):
    """The operation ``set_zone`` of lists, whatever the list is of."""
    form, region, errors = request.form, request.region, {}
    wanted = set(map(str, form.getlist("nodes")))
    zone = form.get("zone")
    found = [row for row in region.rows("zones").values() if row["name"] == str(zone)]
    known = {row["system_id"]: row for row in nodes.everything(region)}
    if not request.may("can_edit_machines"):
        known = {}
    if not wanted:
        errors["system_id"] = [REQUIRED]
    elif wanted - known.keys():
        errors["system_id"] = ["Some of the given system ids are invalid system ids."]
    if zone in (None, ""):
        errors["zone"] = [REQUIRED]
    elif not found:
        errors["zone"] = [forms_2x.NO_CHOICE]
    if errors:
        raise Invalid(errors)
    for ident in wanted:
        known[ident]["zone"] = found[0]["id"]


def set_owner_data(request, node):
    """Store key and value pairs of a node; an empty value takes its key out.

    Raises:
        Answer: 409 for who does not have it, 500 for a key that MAAS fails with.
    """
    release = request.region.release
    if node["owner"] != request.user.username and release >= "2.5":
        text = "Cannot set owner data: it hasn't been allocated."
        if release >= "3.0":
            text = "Cannot set workload annotation: it hasn't been acquired."
        raise Answer(409, text, TEXT)
    pairs = {name: request.form.get(name) for name in request.form if name != "op"}
    for name, value in pairs.items():
        if value not in (None, "") and release >= "3.0" and not _KEY.match(name):
            raise Answer(500, "Invalid character in key name", TEXT)
    for name, value in pairs.items():
        if value in (None, ""):
            node["owner_data"].pop(name, None)
        else:
            node["owner_data"][name] = str(value)
