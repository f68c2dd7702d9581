"""``devices/``."""

from __future__ import annotations

from maas_emulator import (
    links,
    machine_forms,
    machines,
    node_filters,
    node_forms,
    nodes,
    permissions,
)
from maas_emulator.api2.groups import show_zone
from maas_emulator.crud import hide_newer
from maas_emulator.dns import show_domain
from maas_emulator.interface_forms import next_name
from maas_emulator.web import Endpoint, Response, no_content

many = Endpoint("devices/", "DevicesHandler")
one = Endpoint("devices/{system_id}/", "DeviceHandler")

_SINCE = {"description": "2.6", "workload_annotations": "3.0"}


def _device(request, test=permissions.may_view):
    return permissions.node_of(request, test, ("devices",), "Device")


def show(region, row):
    """A device as the API shows it."""
    domain = region.rows("domains")[row["domain"]]
    ident = row["system_id"]
    shown = {
        "system_id": ident,
        "hostname": row["hostname"],
        "fqdn": f"{row['hostname']}.{domain['name']}",
        "description": row["description"],
        "domain": show_domain(region, domain),
        "zone": show_zone(region.rows("zones")[row["zone"]]),
        "owner": row["owner"],
        "parent": row["parent"],
        "address_ttl": None,
        "ip_addresses": nodes.addresses_of(row),
        "tag_names": row["tags"],
        "node_type": nodes.DEVICE,
        "node_type_name": "Device",
        "owner_data": row["owner_data"],
        "workload_annotations": row["owner_data"],
        "interface_set": [nodes.show_interface(region, row, nic) for nic in row["interfaces"]],
        "resource_uri": f"/MAAS/api/2.0/devices/{ident}/",
    }
    return hide_newer(region.release, shown, _SINCE)


@many("GET")
def list_devices(request):
    """List devices."""
    rows = permissions.visible(request, "devices")
    return [show(request.region, row) for row in node_filters.listed(request, rows)]


@many("POST")
def create_device(request):
    """Add a device."""
    region = request.region
    fields = machine_forms.device(request, None)
    macs = fields.pop("mac_addresses")
    row = nodes.new_node(region, "", None, nodes.DEVICE)
    row.update(fields, owner=request.user.username, owner_data={}, tags=[])
    for mac in macs:
        row["interfaces"].append(node_forms.new_nic(region, next_name(row), mac))
    return show(region, region.rows("devices").add(row))


@one("GET")
def read_device(request):
    """Read a device."""
    return show(request.region, _device(request))


@one("PUT")
def update_device(request):
    """Change a device."""
    row = _device(request, permissions.may_edit)
    row.update(machine_forms.device(request, row))
    return show(request.region, row)


@one("DELETE")
def delete_device(request):
    """Delete a device."""
    row = _device(request, permissions.may_edit)
    machines.forget(request.region, "devices", row)
    return no_content()


@many("GET", "is_registered", since="2.2", anonymous=True)
def is_registered(request):
    """Tell whether a node has a MAC address."""
    return node_forms.is_registered(request)


@many("POST", "set_zone")
def set_zone(request):
    """Put devices into a zone."""
    node_forms.set_zone(request)


@one("POST", "set_owner_data")
def set_owner_data(request):
    """Store key and value pairs."""
    row = _device(request, permissions.may_edit)
    node_forms.set_owner_data(request, row)
    return show(request.region, row)


@one("POST", "set_workload_annotations", since="3.0")
def set_workload_annotations(request):
    """Store key and value pairs."""
    return set_owner_data(request)


@one("POST", "restore_default_configuration")
@one("POST", "restore_networking_configuration")
def restore(request):
    """Configure the interfaces anew."""
    row = _device(request, permissions.may_admin)
    links.defaults(request.region, row)
    return show(request.region, row)


@one("GET", "power_parameters")
def power_parameters(request):
    """Power parameters, which a device has none of."""
    _device(request, permissions.may_read_secrets)
    return {}


@one("GET", "details")
def details(request):
    """What was found out about the hardware, in BSON: nothing."""
    _device(request)
    return Response(200, b"\x11\x00\x00\x00\x0alldp\x00\x0alshw\x00\x00", "application/bson")
