"""``devices/``."""

from __future__ import annotations

from saltext.maas.emulator import machines, node_forms, nodes
from saltext.maas.emulator.api2_groups import show_zone
from saltext.maas.emulator.crud import hide_newer
from saltext.maas.emulator.dns import show_domain
from saltext.maas.emulator.forms import Check, not_a_choice
from saltext.maas.emulator.web import Endpoint, Missing, Response, no_content

many = Endpoint("devices/", "DevicesHandler")
one = Endpoint("devices/{system_id}/", "DeviceHandler")

_SINCE = {"description": "2.5", "workload_annotations": "3.0"}


def _device(request):
    for row in request.region.rows("devices").values():
        if row["system_id"] == request.ids["system_id"]:
            return row
    raise Missing("Device", request)


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


def _read(check, region, stored):
    default = node_forms.default_domain(region)
    parent = stored["parent"] if stored else None
    given = check.form.get("parent")
    if given:
        found = nodes.find(region, str(given), ("machines", "racks", "regions"))
        if found is None:
            check.error("parent", not_a_choice("That choice"))
        parent = found["system_id"] if found else None
    return {
        "hostname": node_forms.hostname(check, region, stored),
        "description": check.text("description"),
        "domain": node_forms.named(check, region, "domain", "domains", stored, default),
        "zone": node_forms.named(check, region, "zone", "zones", stored, 1),
        "parent": parent,
    }


@many("GET")
def list_devices(request):
    """List devices."""
    found = node_forms.chosen(request, request.region.rows("devices").values())
    return [show(request.region, row) for row in found]


@many("POST")
def create_device(request):
    """Add a device."""
    region, check = request.region, Check(request)
    fields = _read(check, region, None)
    macs = node_forms.macs(check, region)
    check.done()
    row = nodes.new_node("", None, nodes.DEVICE)
    row.update(fields, owner=request.user.username, owner_data={}, tags=[])
    row["hostname"] = row["hostname"] or f"device-{row['system_id']}"
    for number, mac in enumerate(macs):
        row["interfaces"].append(node_forms.new_nic(region, f"eth{number}", mac))
    return show(region, region.rows("devices").add(row))


@one("GET")
def read_device(request):
    """Read a device."""
    return show(request.region, _device(request))


@one("PUT")
def update_device(request):
    """Change a device."""
    row = _device(request)
    check = Check(request, row)
    fields = _read(check, request.region, row)
    check.done()
    row.update(fields)
    return show(request.region, row)


@one("DELETE")
def delete_device(request):
    """Delete a device."""
    machines.forget(request.region, "devices", _device(request))
    return no_content()


@many("GET", "is_registered", since="2.2")
def is_registered(request):
    """Tell whether a MAC address is that of a device."""
    return node_forms.is_registered(request, request.region.rows("devices").values())


@many("POST", "set_zone", admin=True)
def set_zone(request):
    """Put devices into a zone."""
    node_forms.set_zone(request, request.region.rows("devices").values())


@one("POST", "set_owner_data")
def set_owner_data(request):
    """Store key and value pairs."""
    row = _device(request)
    node_forms.set_owner_data(request, row)
    return show(request.region, row)


@one("POST", "set_workload_annotations", since="3.0")
def set_workload_annotations(request):
    """Store key and value pairs."""
    return set_owner_data(request)


@one("POST", "restore_default_configuration")
@one("POST", "restore_networking_configuration")
def restore(request):
    """Take the links of the interfaces away."""
    row = _device(request)
    for nic in row["interfaces"]:
        nic["links"] = []
        machines.set_links(request.region, row, nic)
    return show(request.region, row)


@one("GET", "power_parameters", admin=True)
def power_parameters(request):
    """Power parameters, which a device has none of."""
    _device(request)
    return {}


@one("GET", "details")
def details(request):
    """What was found out about the hardware, in BSON: nothing."""
    _device(request)
    return Response(200, b"\x11\x00\x00\x00\x0alldp\x00\x0alshw\x00\x00", "application/bson")
