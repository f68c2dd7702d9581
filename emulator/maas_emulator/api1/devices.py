"""``devices/`` (1.8+) and ``events/`` (1.8+) of API 1.0."""

from __future__ import annotations

import uuid

from maas_emulator.api1 import groups, machines, show
from maas_emulator.api1.node_form import clean_mac, read_macs
from maas_emulator.api1.node_interfaces import interface_shown
from maas_emulator.forms import Check
from maas_emulator.web import TEXT, Answer, Endpoint, no_content

many = Endpoint("devices/", "DevicesHandler", since="1.8")
one = Endpoint("devices/{system_id}/", "DeviceHandler", since="1.8")
events = Endpoint("events/", "EventsHandler", since="1.8")

DEVICES = "devices"
_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
_MOST_EVENTS = 1000


def device_shown(region, row):
    """A device as the API shows it."""
    found = {
        "system_id": row["system_id"],
        "hostname": machines.fqdn(region, row),
        "owner": row["owner"],
        "macaddress_set": [{"mac_address": nic["mac_address"]} for nic in row["macs"]],
        "parent": row["parent"],
        "tag_names": list(row["tags"]),
        "ip_addresses": machines.addresses(row),
        "zone": show.zone(region, row["zone"]),
        "resource_uri": show.uri(row, DEVICES),
    }
    if region.release >= "1.9":
        found["interface_set"] = [interface_shown(region, row, nic) for nic in row["macs"]]
    return found


def _read(request, row=None):
    region = request.region
    check = Check(request, row)
    values = {"hostname": check.text("hostname") or (row["hostname"] if row else "")}
    for kind in (machines.MACHINES, DEVICES):
        for other in region.rows(kind).values():
            if (
                values["hostname"]
                and other is not row
                and (other["hostname"] == values["hostname"])
            ):
                check.error("hostname", "Node with this Hostname already exists.")
    values["parent"] = check.text("parent", None) or None
    known = {other["system_id"] for other in region.rows(machines.MACHINES).values()}
    if values["parent"] and values["parent"] not in known:
        text = "Select a valid choice. That choice is not one of the available choices."
        check.error("parent", text)
    if row is None:
        values["macs"] = read_macs(region, check)
    check.done()
    return values


@many("GET", "list")
def list_devices(request):
    """List devices."""
    query, region = request.query, request.region
    names, ids = query.getlist("hostname"), query.getlist("id")
    macs = {clean_mac(mac) for mac in query.getlist("mac_address")}
    return [
        device_shown(region, row)
        for row in region.rows(DEVICES).values()
        if (not ids or row["system_id"] in ids)
        and (not names or row["hostname"] in names)
        and (not macs or macs & {nic["mac_address"] for nic in row["macs"]})
    ]


@many("POST", "new")
def create_device(request):
    """Create a device, which belongs to its creator."""
    region, values = request.region, _read(request)
    macs = values.pop("macs")
    values["hostname"] = values["hostname"] or machines.random_hostname(region)
    row = region.rows(DEVICES).add(
        {"system_id": f"node-{uuid.uuid1()}", "owner": request.user.username, "macs": [],
         "tags": [], "zone": "default", "sticky_ips": [],
         "group": min(region.rows(groups.GROUPS)), **values}
    )  # fmt: skip
    for mac in macs:
        machines.add_mac(region, row, mac)
    return device_shown(region, row)


def _device(request, allowed=machines.anybody):
    return machines.machine_of(request, allowed, DEVICES)


@one("GET")
def read_device(request):
    """Read a device."""
    return device_shown(request.region, _device(request))


@one("PUT")
def update_device(request):
    """Change a device."""
    row = _device(request, machines.may_edit)
    row.update(_read(request, row))
    return device_shown(request.region, row)


@one("DELETE")
def delete_device(request):
    """Delete a device."""
    row = _device(request, machines.may_edit)
    for nic in row["macs"]:
        request.region.rows("interfaces").pop(nic["id"], None)
    del request.region.rows(DEVICES)[row["id"]]
    return no_content()


# -- events ------------------------------------------------------------------------------------


def _number(query, name, default, least):
    text = query.get(name)
    if text in (None, ""):
        return default
    try:
        number = int(text)
    except ValueError:
        raise Answer(400, f"Invalid {name}: Please enter an integer value", TEXT) from None
    if number < least:
        raise Answer(400, f"Invalid {name}: Please enter a number that is {least} or greater", TEXT)
    return number


@events("GET", "query")
def query_events(request):
    """Look into what happened to nodes, the latest first."""
    query, region = request.query, request.region
    limit = _number(query, "limit", 100, 1)
    after = _number(query, "after", None, 0)
    if limit > _MOST_EVENTS:
        raise Answer(400, f"Requested number of events {limit} is greater than limit: 1000", TEXT)
    level = query.get("level", "INFO").upper()
    if level not in _LEVELS:
        raise Answer(400, f"Unknown log level: {level}", TEXT)
    worth = _LEVELS[: _LEVELS.index(level) + 1]
    names, ids = query.getlist("hostname"), query.getlist("id")
    found = [
        row
        for row in reversed(region.rows(machines.EVENTS).values())
        if row["level"] in worth
        and (not names or row["hostname"] in names)
        and (not ids or row["node"] in ids)
        and (after is None or row["id"] > after)
    ]
    found = found[:limit] if after is None else found[-limit:]
    place = f"/MAAS/api/1.0/events/?op=query&limit={limit}&level={level}"
    newest, oldest = (found[0]["id"], found[-1]["id"]) if found else (after or 0, 1)
    return {
        "count": len(found),
        "events": found,
        "next_uri": f"{place}&after={newest}",
        "prev_uri": f"{place}&after={max(0, oldest - limit - 1)}",
    }
