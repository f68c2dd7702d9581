"""``fabrics/``."""

from __future__ import annotations

import re

from maas_emulator import forms_2x, networks
from maas_emulator.lookup import find, name_of
from maas_emulator.web import Answer, Endpoint, no_content

fabrics = Endpoint("fabrics/", "FabricsHandler")
fabric = Endpoint("fabrics/{id}/", "FabricHandler")

FIELDS = (
    forms_2x.text(
        "name", null=True, longest=256,
        model=(forms_2x.pattern(r"^[\w-]+$", "Invalid fabric name: {}."),),
    ),
    forms_2x.text("description"),
    forms_2x.text(
        "class_type", null=True, cleared=True, longest=256, model=(networks.MODEL_NAME,),
    ),
)  # fmt: skip


def fabric_of(request):
    """The fabric that a path names by id or name, or 404."""
    ident = request.ids.get("fabric_id") or request.ids["id"]
    return find(request, "Fabric", request.region.rows("fabrics"), ident, name=name_of)


def refuse_reserved(form, kind):
    """``fabric-ID`` and ``space-ID`` are for the object with that id only."""
    name, own = form.row["name"], form.row.get("id")
    if name is not None and re.fullmatch(rf"{kind}-\d+", name) and name != f"{kind}-{own}":
        form.error("name", f"Reserved {kind} name.")


def _read(request, row):
    form = forms_2x.ModelForm(request, FIELDS, row)
    form.read()
    form.apply()
    refuse_reserved(form, "fabric")
    form.unique("Fabric", request.region.rows("fabrics").values(), "name")
    form.done()
    return form.row


@fabrics("GET")
def list_fabrics(request):
    """List all fabrics."""
    region = request.region
    return [networks.show_fabric(region, row) for row in region.rows("fabrics").values()]


@fabrics("POST", admin=True)
def create_fabric(request):
    """Create a fabric."""
    return networks.show_fabric(
        request.region, networks.add_fabric(request.region, **_read(request, None))
    )


@fabric("GET")
def read_fabric(request):
    """Read a fabric."""
    return networks.show_fabric(request.region, fabric_of(request))


@fabric("PUT")
def update_fabric(request):
    """Update a fabric."""
    row = fabric_of(request)
    request.admin_only()
    row.update(_read(request, row))
    return networks.show_fabric(request.region, row)


@fabric("DELETE")
def delete_fabric(request):
    """Delete a fabric."""
    region, row = request.region, fabric_of(request)
    request.admin_only()
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
