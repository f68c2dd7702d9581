"""``rackcontrollers/``."""

from __future__ import annotations

from maas_emulator import images, machine_forms, networks, node_forms, permissions, power
from maas_emulator.nodes import (
    BOTH,
    REGION,
    connected,
    register,
    show_node,
)
from maas_emulator.web import (
    BARE_TEXT,
    TEXT,
    Answer,
    Endpoint,
    Missing,
    as_text,
    no_content,
)

__all__ = ["connected", "register"]

racks = Endpoint("rackcontrollers/", "RackControllersHandler")
rack = Endpoint("rackcontrollers/{system_id}/", "RackControllerHandler")


def is_asked_for(request, node):
    """Whether a controller is one that the filters of a list ask for."""
    query = request.query
    held = {
        "hostname": {node["hostname"]},
        "id": {node["system_id"]},
        "mac_address": {nic["mac"] for nic in node["interfaces"]},
    }
    asked = {name: set(query.getlist(name)) for name in held if name in query}
    if "mac_address" in asked:
        asked["mac_address"] = {mac.lower() for mac in asked["mac_address"]}
    return all(held[name] & wanted for name, wanted in asked.items())


def filtered(request, kind):
    """The controllers that a user sees and that the filters of a list ask for."""
    return [node for node in permissions.visible(request, kind) if is_asked_for(request, node)]


def find_controller(request, kind, label):
    for node in request.region.rows(kind).values():
        if node["system_id"] == request.ids["system_id"]:
            return node
    raise Missing(label, request)


def _rack(request):
    return find_controller(request, "racks", "RackController")


# -- racks -------------------------------------------------------------------------------------


@racks("GET")
def list_racks(request):
    """List rack controllers."""
    region = request.region
    return [show_node(region, node, True) for node in filtered(request, "racks")]


@racks("GET", "is_registered", since="2.2", anonymous=True)
def is_registered(request):
    """Tell whether a node has a MAC address."""
    return node_forms.is_registered(request)


@racks("GET", "power_parameters", admin=True)
def list_power_parameters(request):
    """Power parameters by system_id."""
    return node_forms.power_parameters(request, request.region.rows("racks").values())


@racks("GET", "describe_power_types")
def describe_power_types(request):
    """Describe power types."""
    return power.describe(request.region)


def _import_answer(request):
    """3.5 and later accept it and do nothing; before, it was started."""
    if request.region.release >= "3.5":
        return as_text("Accepted", 202, BARE_TEXT)
    return as_text("Import of boot images started on all rack controllers")


@racks("POST", "import_boot_images", admin=True)
def import_on_racks(request):
    """Import boot images on all racks."""
    return _import_answer(request)


@racks("POST", "set_zone")
def set_zone(request):
    """Put racks into a zone."""
    node_forms.set_zone(request)


@rack("GET")
def read_rack(request):
    """Read a rack controller."""
    return show_node(request.region, _rack(request), True)


@rack("PUT", admin=True)
def update_rack(request):
    """Update a rack controller."""
    node = _rack(request)
    machine_forms.controller(request, node)
    return show_node(request.region, node, True)


@rack("DELETE", admin=True)
def delete_rack(request):
    """Delete a rack controller; its DHCP goes to another one, if there is one."""
    region, node = request.region, _rack(request)
    ident = node["system_id"]
    force = str(request.query.get("force", "")).lower() in ("true", "1", "yes", "on")
    force = force and region.release >= "2.5"
    mine = [row for row in region.rows("vlans").values() if row["primary_rack"] == ident]
    heirs = {vlan["id"]: _heir(region, vlan, ident) for vlan in mine if vlan["dhcp_on"]}
    orphans = [vlan for vlan in mine if vlan["dhcp_on"] and not heirs[vlan["id"]]]
    if orphans and not force:
        listed = ", ".join(networks.vlan_label(region, vlan) for vlan in orphans)
        text = (
            f"Unable to delete '{node['hostname']}'; it is currently set as a primary rack "
            f"controller on VLANs {listed} and no other rack controller can provide DHCP."
        )
        raise Answer(400, text, TEXT)
    protected = [vlan for vlan in mine if not vlan["dhcp_on"]]
    if protected and not force:
        # Where DHCP is off nothing is handed over, and the database refuses.
        listed = ", ".join(f"<VLAN: {networks.vlan_label(region, vlan)}>" for vlan in protected)
        text = (
            "(\"Cannot delete some instances of model 'RackController' because they are "
            "referenced through protected foreign keys: 'VLAN.primary_rack', "
            f"'NodeConfig.node'.\", {{{listed}}})"
        )
        raise Answer(500, text, TEXT)
    for vlan in mine:
        heir = heirs.get(vlan["id"])
        vlan.update(primary_rack=heir, dhcp_on=heir is not None)
    for vlan in region.rows("vlans").values():
        if vlan["secondary_rack"] in (ident, vlan["primary_rack"]):
            vlan["secondary_rack"] = None
    table = region.rows("racks")
    del table[next(key for key, row in table.items() if row is node)]
    if node["node_type"] == BOTH:
        node["node_type"] = REGION
    return no_content()


def _heir(region, vlan, ident):
    """Another connected rack on a VLAN, its secondary one first."""
    found = [
        node["system_id"]
        for node in region.rows("racks").values()
        if node["connected"]
        and node["system_id"] != ident
        and any(nic["vlan"] == vlan["id"] for nic in node["interfaces"])
    ]
    return vlan["secondary_rack"] if vlan["secondary_rack"] in found else next(iter(found), None)


@rack("GET", "list_boot_images")
def list_boot_images(request):
    """List the images that a rack has."""
    region, node = request.region, _rack(request)
    if not node["connected"]:
        return {"images": [], "connected": False, "status": "unknown"}
    state = images.importer(region).cluster_state
    rows = [row for row in region.rows("boot_resources").values() if _has(region, row)]
    return {
        "images": [_show_image(row) for row in rows],
        "connected": True,
        "status": state,
    }


def _has(region, row):
    return row["type"] == "Uploaded" or images.is_complete(row)


def _show_image(row):
    name, arch = row["name"], row["architecture"].partition("/")[0]
    if not row["subarches"]:
        name = f"bootloader/{name.rpartition('/')[2]}"
    subarches = set((row["subarches"] or "generic").split(","))
    return {"name": name, "architecture": arch, "subarches": sorted(subarches)}


@rack("POST", "import_boot_images", admin=True)
def import_on_rack(request):
    """Import boot images on this rack."""
    _rack(request)
    return _import_answer(request)


@rack("GET", "power_parameters", admin=True)
def power_parameters(request):
    """Power parameters of a rack."""
    row = _rack(request)
    request.admin_only("can_edit_machines")
    return power.parameters_of(request.region, row)


@rack("GET", "query_power_state")
def query_power_state(request):
    """Ask for the power state, which nothing here knows."""
    _rack(request)
    return {"state": "unknown"}
