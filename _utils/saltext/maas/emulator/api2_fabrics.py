"""``fabrics/``."""

from __future__ import annotations

import re

from saltext.maas.emulator import networks
from saltext.maas.emulator.forms import Check, not_a_choice
from saltext.maas.emulator.lookup import find, name_of
from saltext.maas.emulator.web import Answer, Endpoint, no_content

fabrics = Endpoint("fabrics/", "FabricsHandler")
fabric = Endpoint("fabrics/{fabric}/", "FabricHandler")

NO_CHOICE = not_a_choice("That choice")


def fabric_of(request):
    """The fabric that a path names by id or name, or 404."""
    return find(
        request, "Fabric", request.region.rows("fabrics"), request.ids["fabric"], name=name_of
    )


def check_name(check, region, kind, row):
    """Name of a fabric or space: its characters, the reserved ones, and no second one."""
    table = region.rows(f"{kind.lower()}s")
    name = check.text("name", "", longest=256)
    own = row["id"] if row else None
    if not check.has("name") or not name:
        return row["name"] if row else None
    if "name" in check.errors:
        return name
    reserved = re.fullmatch(rf"{kind.lower()}-(\d+)", name)
    if not re.fullmatch(r"[ \w-]+", name):
        check.error("name", f"Invalid {kind.lower()} name: {name}.")
    elif reserved and reserved.group(1) != str(own):
        check.error("name", f"Reserved {kind.lower()} name.")
    elif any(item["name"] == name and item["id"] != own for item in table.values()):
        check.error("name", f"{kind} with this Name already exists.")
    return name


@fabrics("GET")
def list_fabrics(request):
    """List all fabrics."""
    region = request.region
    return [networks.show_fabric(region, row) for row in region.rows("fabrics").values()]


@fabrics("POST", admin=True)
def create_fabric(request):
    """Create a fabric."""
    region = request.region
    check = Check(request)
    name = check_name(check, region, "Fabric", None)
    description = check.text("description")
    class_type = check.text("class_type") or None
    check.done()
    row = networks.add_fabric(region, name, description, class_type)
    return networks.show_fabric(region, row)


@fabric("GET")
def read_fabric(request):
    """Read a fabric."""
    return networks.show_fabric(request.region, fabric_of(request))


@fabric("PUT", admin=True)
def update_fabric(request):
    """Update a fabric."""
    row = fabric_of(request)
    check = Check(request, row)
    name = check_name(check, request.region, "Fabric", row)
    description = check.text("description")
    class_type = check.text("class_type") or None
    check.done()
    row.update(name=name, description=description, class_type=class_type)
    return networks.show_fabric(request.region, row)


@fabric("DELETE", admin=True)
def delete_fabric(request):
    """Delete a fabric."""
    region, row = request.region, fabric_of(request)
    if row["id"] == networks.DEFAULT_FABRIC:
        raise Answer(400, "This fabric is the default fabric, it cannot be deleted.")
    ids = {vlan["id"] for vlan in networks.vlans_of(region, row["id"])}
    subnets = sorted(networks.subnets_of(region, ids), key=networks.by_address)
    if subnets:
        listed = ", ".join(subnet["cidr"] for subnet in subnets)
        text = f"Can't delete fabric; the following subnets are still present: {listed}"
        raise Answer(400, text)
    used = [
        f"{nic['name']} on {node['hostname']}"
        for node in networks.all_nodes(region)
        for nic in node["interfaces"]
        if nic["vlan"] in ids
    ]
    if used:
        listed = ", ".join(used)
        text = f"Can't delete fabric; the following interfaces are still connected: {listed}"
        raise Answer(400, text)
    for ident in ids:
        networks.drop_vlan(region, ident)
    del region.rows("fabrics")[row["id"]]
    return no_content()
