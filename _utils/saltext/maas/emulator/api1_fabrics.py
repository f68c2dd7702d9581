"""``fabrics/``, ``vlans/`` and ``spaces/`` of API 1.0 (1.9+).

No recording has them: they follow the handlers' fields and what 2.0 was seen to check.
"""

from __future__ import annotations

from saltext.maas.emulator import api1_groups as groups
from saltext.maas.emulator import networks
from saltext.maas.emulator.api1_network_fields import check_name, check_vid
from saltext.maas.emulator.crud import serve
from saltext.maas.emulator.forms import Check
from saltext.maas.emulator.lookup import find, name_of
from saltext.maas.emulator.web import TEXT, Answer, Endpoint, Invalid, Missing, no_content

fabrics = Endpoint("fabrics/", "FabricsHandler", since="1.9")
fabric = Endpoint("fabrics/{fabric}/", "FabricHandler", since="1.9")
vlans = Endpoint("fabrics/{fabric}/vlans/", "VlansHandler", since="1.9")
vlan_by_vid = Endpoint("fabrics/{fabric}/vlans/{vid}/", "VlanHandler", since="1.9")
vlan_by_id = Endpoint("vlans/{id}/", "VlanHandler", since="1.9")
spaces = Endpoint("spaces/", "SpacesHandler", since="1.9")
space = Endpoint("spaces/{space}/", "SpaceHandler", since="1.9")

DEFAULT_SPACE = 0
_BASE = "/MAAS/api/1.0"


def seed(region):
    """A new region has a fabric with its untagged VLAN, and a space; the id of each is 0."""
    if region.release < "1.9":
        return
    networks.default_fabric(region)
    region.rows("spaces")[DEFAULT_SPACE] = {"id": DEFAULT_SPACE, "name": "space-0"}


# -- what is shown -----------------------------------------------------------------------------


def show_vlan(region, row):
    """A VLAN as the API shows it."""
    return {
        "id": row["id"],
        "vid": row["vid"],
        "name": networks.vlan_name(region, row),
        "mtu": row["mtu"],
        "fabric": region.rows("fabrics")[row["fabric_id"]]["name"],
        "resource_uri": f"{_BASE}/vlans/{row['id']}/",
    }


def show_fabric(region, row):
    """A fabric as the API shows it."""
    return {
        "id": row["id"],
        "name": row["name"],
        "class_type": row["class_type"],
        "vlans": [show_vlan(region, vlan) for vlan in networks.vlans_of(region, row["id"])],
        "resource_uri": f"{_BASE}/fabrics/{row['id']}/",
    }


def show_subnet(region, row):
    """A subnet as the API shows it."""
    return {
        "id": row["id"],
        "name": row["name"],
        "vlan": show_vlan(region, region.rows("vlans")[row["vlan"]]),
        "space": region.rows("spaces")[row["space"]]["name"],
        "cidr": row["cidr"],
        "gateway_ip": row["gateway_ip"],
        "dns_servers": row["dns_servers"],
        "resource_uri": f"{_BASE}/subnets/{row['id']}/",
    }


def show_space(region, row):
    """A space as the API shows it."""
    subnets = [item for item in region.rows("subnets").values() if item["space"] == row["id"]]
    return {
        "id": row["id"],
        "name": row["name"],
        "subnets": [show_subnet(region, item) for item in subnets],
        "resource_uri": f"{_BASE}/spaces/{row['id']}/",
    }


# -- fabrics -----------------------------------------------------------------------------------


def _fabric(request):
    rows = request.region.rows("fabrics")
    return find(request, "Fabric", rows, request.ids["fabric"], name=name_of)


def _read_fabric(request, row):
    check = Check(request, row)
    name = check_name(check, request.region, "Fabric", row)
    class_type = check.text("class_type") or None
    check.done()
    return {"name": name, "class_type": class_type}


@fabrics("GET")
def list_fabrics(request):
    """List fabrics."""
    return [show_fabric(request.region, row) for row in request.region.rows("fabrics").values()]


@fabrics("POST", admin=True)
def create_fabric(request):
    """Create a fabric with its untagged VLAN."""
    values = _read_fabric(request, None)
    return show_fabric(request.region, networks.add_fabric(request.region, **values))


@fabric("GET")
def read_fabric(request):
    """Read a fabric."""
    return show_fabric(request.region, _fabric(request))


@fabric("PUT", admin=True)
def update_fabric(request):
    """Change a fabric."""
    row = _fabric(request)
    row.update(_read_fabric(request, row))
    return show_fabric(request.region, row)


@fabric("DELETE", admin=True)
def delete_fabric(request):
    """Delete a fabric with its VLANs, on none of which a cluster may have an interface."""
    region, row = request.region, _fabric(request)
    if row["id"] == networks.DEFAULT_FABRIC:
        text = "This fabric is the default fabric, it cannot be deleted."
        raise Answer(400, text, TEXT)
    ids = {vlan["id"] for vlan in networks.vlans_of(region, row["id"])}
    subnets = networks.subnets_of(region, ids)
    used = [nic for nic in region.rows(groups.INTERFACES).values()
            if nic.get("subnet_id") in {subnet["id"] for subnet in subnets}]  # fmt: skip
    if used:
        listed = ", ".join(nic["name"] for nic in used)
        text = f"Can't delete fabric: cluster interfaces are connected to VLANs: {listed}"
        raise Answer(400, text, TEXT)
    for subnet in subnets:
        del region.rows("subnets")[subnet["id"]]
    for ident in ids:
        del region.rows("vlans")[ident]
    del region.rows("fabrics")[row["id"]]
    return no_content()


# -- VLANs -------------------------------------------------------------------------------------


def _vlan(request):
    rows, ids = request.region.rows("vlans"), request.ids
    if "id" in ids:
        found = [row for row in rows.values() if str(row["id"]) == ids["id"]]
    else:
        parent = _fabric(request)["id"]
        wanted = ids["vid"].replace("untagged", "0")
        found = [row for row in networks.vlans_of(request.region, parent)
                 if str(row["vid"]) == wanted]  # fmt: skip
    if not found:
        raise Missing("VLAN", request)
    return found[0]


def _read_vlan(request, parent, row):
    check = Check(request, row)
    values = {
        "vid": check_vid(check) if row is None or check.has("vid") else row["vid"],
        "name": check.text("name", None) or None,
        "mtu": check.integer("mtu", 1500, 552, 65535),
    }
    check.done()
    for other in networks.vlans_of(request.region, parent):
        if other is not row and other["vid"] == values["vid"]:
            raise Invalid({"__all__": ["VLAN with this Vid and Fabric already exists."]})
    return values


@vlans("GET")
def list_vlans(request):
    """List the VLANs of a fabric."""
    found = networks.vlans_of(request.region, _fabric(request)["id"])
    return [show_vlan(request.region, row) for row in found]


@vlans("POST", admin=True)
def create_vlan(request):
    """Create a VLAN."""
    parent = _fabric(request)["id"]
    values = _read_vlan(request, parent, None)
    return show_vlan(request.region, networks.add_vlan(request.region, parent, **values))


@vlan_by_vid("GET")
@vlan_by_id("GET")
def read_vlan(request):
    """Read a VLAN."""
    return show_vlan(request.region, _vlan(request))


@vlan_by_vid("PUT", admin=True)
@vlan_by_id("PUT", admin=True)
def update_vlan(request):
    """Change a VLAN."""
    row = _vlan(request)
    row.update(_read_vlan(request, row["fabric_id"], row))
    return show_vlan(request.region, row)


@vlan_by_vid("DELETE", admin=True)
@vlan_by_id("DELETE", admin=True)
def delete_vlan(request):
    """Delete a VLAN; its subnets move to the fabric's default one."""
    region, row = request.region, _vlan(request)
    networks.empty_vlan(region, row)
    del region.rows("vlans")[row["id"]]
    return no_content()


# -- spaces ------------------------------------------------------------------------------------


def _space(request):
    rows = request.region.rows("spaces")
    return find(request, "Space", rows, request.ids["space"], name=name_of)


def _read_space(request, row):
    check = Check(request, row)
    name = check_name(check, request.region, "Space", row)
    check.done()
    return {"name": name}


def _free_space(request, row):
    """Refuse to delete what the database protects."""
    if row["id"] == DEFAULT_SPACE:
        raise Answer(400, "This space is the default space, it cannot be deleted.", TEXT)
    if any(item["space"] == row["id"] for item in request.region.rows("subnets").values()):
        text = (
            "Cannot delete some instances of model 'Space' because they are referenced"
            " through a protected foreign key: 'Subnet.space'"
        )
        raise Answer(500, text, TEXT)


def _name_later(region, row):
    """A space without a name is called after its id, which it has by now."""
    row["name"] = row["name"] or f"space-{row['id']}"
    return show_space(region, row)


serve(
    spaces, space, rows="spaces", model="Space", show=_name_later, read=_read_space, find=_space,
    before_delete=_free_space,
)  # fmt: skip
