"""``regioncontrollers/``, and what racks and regions have in common beside reading them."""

from __future__ import annotations

from maas_emulator import machine_forms, node_forms, power, region_hosts
from maas_emulator.api2.controllers import (
    delete_rack,
    filtered,
    find_controller,
    rack,
)
from maas_emulator.nodes import BOTH, REGION, new_node, show_node
from maas_emulator.web import TEXT, Answer, Endpoint, Response, no_content

regions = Endpoint("regioncontrollers/", "RegionControllersHandler")
region_ = Endpoint("regioncontrollers/{system_id}/", "RegionControllerHandler")

_NO_BMC = "Unable to control the power of {}: it has no power type."


def seed(region):
    """Make the region's own controller."""
    region.rows("regions").add(new_node(region, region.options.hostname, None, REGION))


def _region(request):
    return find_controller(request, "regions", "RegionController")


def _rack(request):
    return find_controller(request, "racks", "RackController")


@regions("GET")
def list_regions(request):
    """List region controllers."""
    region = request.region
    return [show_node(region, node, False) for node in filtered(request, "regions")]


@regions("GET", "is_registered", since="2.2", anonymous=True)
def is_registered(request):
    """Tell whether a node has a MAC address."""
    return node_forms.is_registered(request)


@regions("POST", "set_zone")
def set_zone(request):
    """Put region controllers into a zone."""
    node_forms.set_zone(request)


@region_("GET")
def read_region(request):
    """Read a region controller."""
    return show_node(request.region, _region(request), False)


@region_("PUT", admin=True)
def update_region(request):
    """Update a region controller."""
    node = _region(request)
    machine_forms.controller(request, node)
    return show_node(request.region, node, False)


@region_("DELETE", admin=True)
def delete_region(request):
    """Delete a region controller that does not run; one that is a rack as well stays a rack's."""
    node = _region(request)
    if node["node_type"] == BOTH:  # it is the rack that is deleted
        return delete_rack(request)
    if region_hosts.runs(node):
        raise Answer(400, f"Unable to delete {node['hostname']} as it's currently running.", TEXT)
    table = request.region.rows("regions")
    del table[next(key for key, row in table.items() if row is node)]
    return no_content()


@region_("GET", "power_parameters", admin=True)
def region_power_parameters(request):
    """Power parameters of a region controller."""
    row = _region(request)
    request.admin_only("can_edit_machines")
    return power.parameters_of(request.region, row)


def _details(find):
    def details(request):
        """What was found out about the hardware, in BSON: nothing."""
        find(request)
        return Response(200, b"\x11\x00\x00\x00\x0alldp\x00\x0alshw\x00\x00", "application/bson")

    return details


region_("GET", "details")(_details(_region))
rack("GET", "details")(_details(_rack))


def _switch(request):
    """Switch a rack, which has nothing to switch it with."""
    raise Answer(503, _NO_BMC.format(_rack(request)["hostname"]), TEXT)


rack("POST", "power_on")(_switch)
rack("POST", "power_off")(_switch)


@rack("POST", "test", since="2.2")
@rack("POST", "abort", since="2.2")
@rack("POST", "override_failed_testing", since="2.3")
def change_tests(request):
    """Start, stop or overrule the tests of a rack, of which there are none."""
    return show_node(request.region, _rack(request), True)
