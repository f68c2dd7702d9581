"""``events/``: what happened to nodes, and ``discovery/``: what racks saw on the wire."""

from __future__ import annotations

from urllib.parse import urlencode

from maas_emulator import nodes
from maas_emulator.forms import truth
from maas_emulator.web import (
    BARE_TEXT,
    TEXT,
    Answer,
    Endpoint,
    Missing,
    no_content,
)

events = Endpoint("events/", "EventsHandler")
discoveries = Endpoint("discovery/", "DiscoveriesHandler", since="2.1")
discovery = Endpoint("discovery/{id}/", "DiscoveryHandler", since="2.1")

LEVELS = {"AUDIT": 0, "DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
LIMIT = 1000
_PAGED = ("after", "before")


def _number(request, name, default=None):
    given = request.query.get(name)
    if given in (None, ""):
        return default
    try:
        return int(given)
    except ValueError:
        raise Answer(400, f"invalid literal for int() with base 10: '{given}'", TEXT) from None


def _matches(request):
    """A function that tells whether a node's event is wanted."""
    query, region = request.query, request.region
    tests = {
        "hostname": lambda node: node["hostname"],
        "id": lambda node: node["system_id"],
        "zone": lambda node: region.rows("zones")[node["zone"]]["name"],
        "domain": lambda node: region.rows("domains")[node["domain"]]["name"],
        "owner": lambda node: node.get("owner"),
    }
    asked = {name: query.getlist(name) for name in tests if name in query}
    macs = [mac.lower() for mac in query.getlist("mac_address")]

    def wanted(row):
        node = nodes.find(region, row["node"])
        if node is None:
            return not asked and not macs
        own = {nic["mac"] for nic in node["interfaces"]}
        return all(tests[name](node) in given for name, given in asked.items()) and (
            not macs or own & set(macs)
        )

    return wanted


def _show(region, row):
    node = nodes.find(region, row["node"])
    return {
        "id": row["id"],
        "level": row["level"],
        "type": row["type"],
        "description": row["description"],
        "username": row["username"],
        "node": row["node"],
        "hostname": node["hostname"] if node else row["hostname"],
        "created": row["created"],
    }


def _page(request, **position):
    pairs = [("op", "query")]
    for name, values in request.query.items():
        if name not in ("op", *_PAGED):
            pairs += [(name, value) for value in values]
    pairs += [(name, value) for name, value in position.items() if value is not None]
    return f"/MAAS/api/2.0/events/?{urlencode(pairs)}"


@events("GET", "query")
def query_events(request):
    """List events, the newest first, page by page."""
    limit = _number(request, "limit", 100)
    if limit > LIMIT:
        text = f"Requested number of events {limit} is greater than limit: {LIMIT}"
        raise Answer(400, text, TEXT)
    level = str(request.query.get("level", "INFO"))
    if level not in LEVELS:
        listed = ", ".join(LEVELS)
        raise Answer(400, f"Unrecognised log level: {level}; choose one of: {listed}", TEXT)
    before, after = _number(request, "before"), _number(request, "after")
    if before is not None and after is not None:
        raise Answer(400, "There is undetermined behaviour when both ``after`` and ``before`` are"
                          " specified.", TEXT)  # fmt: skip
    wanted = _matches(request)
    region = request.region
    found = [
        row
        for row in region.rows("events").values()
        if ((LEVELS[row["level"]] >= LEVELS[level] and level != "AUDIT") or row["level"] == level)
        and wanted(row)
        and (before is None or row["id"] < before)
        and (after is None or row["id"] > after)
    ]
    found.sort(key=lambda row: row["id"])
    chosen = found[:limit] if after is not None else found[-limit:] if limit else []
    chosen.reverse()
    newest = max((row["id"] for row in chosen), default=None)
    oldest = min((row["id"] for row in chosen), default=None)
    shown = [_show(region, row) for row in chosen]
    older = oldest is not None and any(row["id"] < oldest for row in region.rows("events").values())
    return {
        "count": len(shown),
        "events": shown,
        "next_uri": _page(request, after=newest),
        "prev_uri": _page(request, before=oldest) if older else None,
    }


# -- discoveries -------------------------------------------------------------------------------

_SCAN_ALL = (
    "Bad request: scanning all subnets is not allowed unless force=True is specified.\n\n"
    "**WARNING: This will scan ALL networks attached to MAAS rack controllers.\n"
    "Check with your internet service provider or IT department to be sure this is\n"
    "allowed before proceeding.**\n"
)
_NO_RACK = (
    "Unable to initiate network scanning on any rack controller. Verify that the rack controllers"
    " are started and have connected to the region."
)
_STARTED = "Scanning is in-progress on all rack controllers."


def _show_discovery(region, row):
    shown = {name: row[name] for name in ("ip", "mac_address", "mac_organization", "last_seen")}
    shown.update((name, row[name]) for name in ("hostname", "fabric_name", "vid"))
    observer = nodes.find(region, row["observer"])
    shown["discovery_id"] = row["discovery_id"]
    shown["observer"] = {
        "system_id": row["observer"],
        "hostname": observer["hostname"] if observer else None,
        "interface_id": row["interface_id"],
        "interface_name": row["interface_name"],
    }
    shown["resource_uri"] = f"/MAAS/api/2.0/discovery/{row['discovery_id']}/"
    return shown


def _known(request):
    """MAC and IP addresses that the region has in its books."""
    region = request.region
    macs = {nic["mac"] for node in nodes.everything(region) for nic in node["interfaces"]}
    return macs, {row["ip"] for row in region.rows("ips").values()}


def _lister(by_mac, by_ip):
    def list_discoveries(request):
        """List what racks saw, or what of it is unknown."""
        macs, addresses = _known(request)
        return [
            _show_discovery(request.region, row)
            for row in request.region.rows("discoveries").values()
            if not (by_mac and row["mac_address"] in macs)
            and not (by_ip and row["ip"] in addresses)
        ]

    return list_discoveries


discoveries("GET")(_lister(False, False))
discoveries("GET", "by_unknown_mac")(_lister(True, False))
discoveries("GET", "by_unknown_ip")(_lister(False, True))
discoveries("GET", "by_unknown_ip_and_mac")(_lister(True, True))


@discovery("GET")
def read_discovery(request):
    """Read a discovery."""
    for row in request.region.rows("discoveries").values():
        if row["discovery_id"] == request.ids["id"]:
            return _show_discovery(request.region, row)
    raise Missing("Discovery", request)


def _refuse(request):
    if not request.may("can_edit_global_entities"):
        raise Answer(403, "Must be an administrator to clear discovery entries.", BARE_TEXT)


@discoveries("POST", "clear")
def clear(request):
    """Forget what was seen."""
    _refuse(request)
    chosen = [truth(request.form.get(name)) for name in ("all", "mdns", "neighbours")]
    if not any(chosen):
        text = "Bad request: could not determine what data to clear.\nMust specify mdns=True,"
        raise Answer(400, f"{text} neighbours=True, or all=True.", BARE_TEXT)
    if chosen[0] or chosen[2]:
        request.region.rows("discoveries").clear()
    for row in request.region.rows("discoveries").values():
        row["hostname"] = None
    return no_content()


@discoveries("POST", "clear_by_mac_and_ip", since="2.6")
def clear_one(request):
    """Forget one neighbour."""
    _refuse(request)
    ip, mac = request.needed("ip"), request.needed("mac")
    rows = request.region.rows("discoveries")
    for row in list(rows.values()):
        if (row["ip"], row["mac_address"]) == (ip, mac):
            del rows[row["id"]]
            return no_content()
    raise Answer(410, b"", BARE_TEXT)


@discoveries("POST", "scan")
def scan(request):
    """Have racks look at the networks, of which nothing comes here."""
    if not request.form.getlist("cidr") and not truth(request.form.get("force")):
        raise Answer(400, _SCAN_ALL, BARE_TEXT)
    ready = [
        row["system_id"]
        for row in request.region.rows("racks").values()
        if row["connected"] and row["services"] == "running"
    ]
    return {
        "result": _STARTED if ready else _NO_RACK,
        "scan_started_on": ready,
        "scan_failed_on": [],
        "scan_attempted_on": ready,
        "failed_to_connect_to": [],
        "rpc_call_timed_out_on": [],
        "failures": [],
    }
