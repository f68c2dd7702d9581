"""What the forms of machines and devices have in common."""

from __future__ import annotations

import re

from saltext.maas.emulator import nodes
from saltext.maas.emulator.forms import REQUIRED, not_a_choice
from saltext.maas.emulator.web import Invalid

_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}\Z", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z", re.IGNORECASE)
NO_CHOICE = not_a_choice("That choice")


def is_mac(text):
    """Whether a text is a MAC address."""
    return bool(_MAC.match(text))


def owner_of_mac(region, mac):
    """The node that has an interface with a MAC address, or None."""
    for node in nodes.everything(region):
        if any(nic["mac"] == mac for nic in node["interfaces"]):
            return node
    return None


def is_registered(request, rows):
    """Whether one of some nodes has the MAC address that a query names."""
    wanted = str(request.needed("mac_address")).lower()
    return any(nic["mac"] == wanted for row in rows for nic in row["interfaces"])


def power_parameters(request, rows):
    """The power parameters of some nodes by system_id: of those a query names, or of all."""
    wanted = request.query.getlist("id")
    return {
        row["system_id"]: row.get("power_parameters", {})
        for row in rows
        if not wanted or row["system_id"] in wanted
    }


def new_nic(region, name, mac, vlan=None, **more):
    """An interface without links."""
    row = {"vlan": vlan, "name": name, "mac": mac.lower(), "links": [], **more}
    return region.rows("interfaces").add(row)


def macs(check, region):
    """The MAC addresses of a form: at least one, well formed and not in use."""
    given = [str(mac).strip() for mac in check.form.getlist("mac_addresses") if mac]
    found = [mac for item in given for mac in item.split(",")]
    if not found:
        check.error("mac_addresses", REQUIRED)
    for mac in found:
        if not is_mac(mac):
            check.error("mac_addresses", f"'{mac}' is not a valid MAC address.")
            continue
        holder = owner_of_mac(region, mac.lower())
        if holder:
            text = f"MAC address {mac} already in use on {holder['hostname']}."
            check.error("mac_addresses", text)
    return [mac.lower() for mac in found]


def hostname(check, region, stored):
    """The name of a node; one with a domain in it is split, none gives a name made up."""
    given = check.text("hostname", "")
    if stored and not check.has("hostname"):
        return stored["hostname"]
    name, _, domain = given.partition(".")
    if domain and not check.has("domain"):
        check.form["domain"] = [domain]
    if not name:
        return stored["hostname"] if stored else ""
    if not _HOST.match(name):
        check.error("hostname", f"Label contains disallowed characters: '{name}'.")
    elif any(n["hostname"] == name and n is not stored for n in nodes.everything(region)):
        check.error("hostname", "Node with this Hostname already exists.")
    return name


def named(check, region, field, kind, stored, default):
    """A zone, pool or domain that a form names by id or name."""
    given = check.form.get(field)
    if given in (None, ""):
        return stored[field] if stored else default
    for row in region.rows(kind).values():
        if str(given) in (str(row["id"]), row["name"]):
            return row["id"]
    check.error(field, NO_CHOICE)
    return default


def default_domain(region):
    """The id of the domain that nodes get."""
    return next(row["id"] for row in region.rows("domains").values() if row["default"])


#: Filters of lists: name to what a node must have for it.
FILTERS = {
    "hostname": lambda region, node: {node["hostname"]},
    "id": lambda region, node: {node["system_id"]},
    "mac_address": lambda region, node: {nic["mac"] for nic in node["interfaces"]},
    "domain": lambda region, node: {region.rows("domains")[node["domain"]]["name"]},
    "zone": lambda region, node: {region.rows("zones")[node["zone"]]["name"]},
    "pool": lambda region, node: {region.rows("pools")[node.get("pool", 0)]["name"]},
    "owner": lambda region, node: {node.get("owner")},
    "parent": lambda region, node: {node.get("parent")},
    "tags": lambda region, node: set(node.get("tags", [])),
}
_TABLES = {"zone": "zones", "pool": "pools", "domain": "domains"}


def chosen(request, rows, more=None):
    """The nodes that the filters of a list ask for.

    Args:
        request: The call.
        rows: Nodes.
        more: Further filters, as in :data:`FILTERS`.

    Raises:
        Invalid: A filter names a zone, pool or domain that there is not.
    """
    region, query = request.region, request.query
    for field, kind in _TABLES.items():
        known = {row["name"] for row in region.rows(kind).values()}
        wrong = [name for name in query.getlist(field) if name not in known]
        if wrong and (field != "pool" or region.release >= "2.4"):
            raise Invalid({field: [f"No such {field}(s): {', '.join(wrong)}."]})
    for name, test in {**FILTERS, **(more or {})}.items():
        if name in query:
            asked = set(query.getlist(name))
            if name == "mac_address":
                asked = {mac.lower() for mac in asked}
            rows = [node for node in rows if asked & test(region, node)]
    return list(rows)


def set_zone(request, rows):
    """The operation ``set_zone`` of a list of nodes."""
    zone = str(request.needed("zone"))
    wanted = request.form.getlist("nodes") + request.form.getlist("system_id")
    found = [row for row in request.region.rows("zones").values() if row["name"] == zone]
    if not found:
        raise Invalid({"zone": [NO_CHOICE]})
    for node in rows:
        if node["system_id"] in wanted:
            node["zone"] = found[0]["id"]


def set_owner_data(request, node):
    """Store key and value pairs of a node; an empty value takes its key out."""
    for name in request.form:
        if name == "op":
            continue
        value = request.form.get(name)
        if value in (None, ""):
            node["owner_data"].pop(name, None)
        else:
            node["owner_data"][name] = str(value)
