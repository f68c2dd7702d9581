"""``nodegroups/UUID/interfaces/``: what a cluster does on its networks."""

from __future__ import annotations

from maas_emulator.api1 import groups
from maas_emulator.api1.interface_form import FIELDS, form_for
from maas_emulator.web import Endpoint, Missing, no_content

#: Fields of which DHCP has to know.
_WATCHED = ("ip", "management", "interface", "subnet_mask", "broadcast_ip", "router_ip",
            "ip_range_low", "ip_range_high")  # fmt: skip
_WATCHED_1_9 = tuple(name for name in _WATCHED if name not in ("broadcast_ip", "router_ip"))

many = Endpoint("nodegroups/{uuid}/interfaces/", "NodeGroupInterfacesHandler")
one = Endpoint("nodegroups/{uuid}/interfaces/{name}/", "NodeGroupInterfaceHandler")


def _key(release):
    """What an interface is called in its path."""
    return "name" if release >= groups.RPC else "interface"


def shown(region, row, unset=None):
    """What the API tells, never ``router_ip``; a write answers ``""`` for unset fields."""
    shown_values = {
        name: unset if row[name] is None else row[name]
        for name, since in FIELDS
        if region.release >= since
    }
    if region.release >= groups.SUBNETS:  # these are the subnet's, not the interface's
        for name in ("subnet_mask", "broadcast_ip"):
            shown_values[name] = shown_values[name] or ""
    return shown_values


def _interface_of(request):
    group = groups.group_of(request)
    key = _key(request.region.release)
    for row in groups.interfaces_of(request.region, group):
        if row[key] == request.ids["name"]:
            return group, row
    raise Missing("NodeGroupInterface", request)


@many("GET", "list")
def list_interfaces(request):
    """List the interfaces of a cluster."""
    group = groups.group_of(request)
    if request.region.release < groups.RPC:
        groups.need_worker(request, group)
    return [shown(request.region, row) for row in groups.interfaces_of(request.region, group)]


@many("POST", "new")
def create_interface(request):
    """Create an interface."""
    group = groups.group_of(request)
    groups.need_worker(request, group)
    region = request.region
    values = form_for(request, group).read()
    groups.before_dhcp(region, group)
    row = groups.add_interface(region, group, values)
    return groups.after_dhcp(region, group) or shown(region, row, "")


@one("GET")
def read_interface(request):
    """Read an interface."""
    group, row = _interface_of(request)
    if request.region.release < groups.RPC:
        groups.need_worker(request, group)
    return shown(request.region, row)


@one("PUT")
def update_interface(request):
    """Change an interface."""
    group, row = _allowed(request)
    region = request.region
    values = form_for(request, group, row).read()
    # What was null is an empty text for a while, which counts as a change.
    watched = _WATCHED if region.release < groups.SUBNETS else _WATCHED_1_9
    changes = any(row[name] is None or row[name] != values[name] for name in watched)
    if changes:
        groups.before_dhcp(region, group)
    groups.change_interface(region, group, row, values)
    return (changes and groups.after_dhcp(region, group)) or shown(region, row, "")


@one("DELETE")
def delete_interface(request):
    """Delete an interface."""
    region = request.region
    group, row = _allowed(request)
    served = group["status"] == groups.ACCEPTED and row["management"] != groups.UNMANAGED
    if served:
        groups.before_dhcp(region, group)
    del region.rows(groups.INTERFACES)[row["id"]]
    groups.touch(group)
    return (served and groups.after_dhcp(region, group)) or no_content()


def _allowed(request):
    groups.need_worker(request, groups.group_of(request))
    return _interface_of(request)


@one("POST", "report_foreign_dhcp", until=groups.RPC)
def report_foreign_dhcp(request):
    """Take a cluster's word on another DHCP server; an empty address says that it is gone."""
    group, row = _allowed(request)
    address = str(request.needed("foreign_dhcp_ip"))
    row["foreign_dhcp_ip"] = address or None
    groups.touch(group)
    return shown(request.region, row)
