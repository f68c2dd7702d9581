"""``spaces/``: since 2.2 a property of VLANs."""

from __future__ import annotations

from maas_emulator import forms_2x, networks
from maas_emulator.api2.fabrics import refuse_reserved
from maas_emulator.crud import hide_newer
from maas_emulator.lookup import find, name_of
from maas_emulator.web import Answer, Endpoint, no_content

spaces = Endpoint("spaces/", "SpacesHandler")
space = Endpoint("spaces/{space}/", "SpaceHandler")

_SINCE = {"vlans": "2.2", "description": "3.3"}
#: What stands for "no space" in lists and paths.
NOWHERE = {
    "id": -1,
    "name": networks.UNDEFINED,
    "description": "Backward compatibility object to ensure objects not associated with a"
    " space can be found.",
}


def seed(region):
    """Make the space that subnets are in before 2.2, unless they are put into another."""
    if region.release < "2.2":
        default = networks.DEFAULT_SPACE
        region.rows("spaces")[default] = {"id": default, "name": "space-0", "description": ""}


def _show(region, row):
    key = None if row["id"] == -1 else row["id"]
    vlans = [vlan for vlan in region.rows("vlans").values() if vlan["space"] == key]
    subnets = networks.subnets_of(region, {vlan["id"] for vlan in vlans})
    if region.release < "2.2":
        subnets = _subnets_in(region, row)
    ident = networks.UNDEFINED if key is None else key
    shown = {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "vlans": [networks.show_vlan(region, vlan) for vlan in vlans],
        "subnets": [networks.show_subnet(region, subnet) for subnet in subnets],
        "resource_uri": f"/MAAS/api/2.0/spaces/{ident}/",
    }
    return hide_newer(region.release, shown, _SINCE)


def _subnets_in(region, row):
    rows = region.rows("subnets").values()
    default = networks.DEFAULT_SPACE
    return [item for item in rows if (item.get("space") or default) == row["id"]]


def _space(request, change=None):
    """The space that a path names; ``change`` is what is not done to the one for all others."""
    spec = request.ids["space"]
    if spec in (networks.UNDEFINED, "-1"):
        if change:
            raise Answer(400, f"Space cannot be {change}: undefined")
        return NOWHERE
    return find(request, "Space", request.region.rows("spaces"), spec, name=name_of)


FIELDS = (
    forms_2x.text(
        "name", null=True, longest=256,
        model=(forms_2x.pattern(r"^[\w-]+$", "Invalid space name: {}."),),
    ),
    forms_2x.text("description"),
)  # fmt: skip


def _read(request, row):
    form = forms_2x.ModelForm(request, FIELDS, row)
    form.read()
    form.apply()
    if form.row["name"] == networks.UNDEFINED and request.region.release >= "2.2":
        form.error("name", "Reserved space name.")
    refuse_reserved(form, "space")
    form.unique("Space", request.region.rows("spaces").values(), "name")
    form.done()
    return form.row


@spaces("GET")
def list_spaces(request):
    """List all spaces."""
    region = request.region
    rows = list(region.rows("spaces").values())
    nowhere = any(vlan["space"] is None for vlan in region.rows("vlans").values())
    if nowhere and region.release >= "2.2":
        rows.append(NOWHERE)
    return [_show(region, row) for row in rows]


@spaces("POST", admin=True)
def create_space(request):
    """Create a space."""
    row = request.region.rows("spaces").add(_read(request, None))
    row["name"] = row["name"] or f"space-{row['id']}"
    return _show(request.region, row)


@space("GET")
def read_space(request):
    """Read a space."""
    return _show(request.region, _space(request))


@space("PUT")
def update_space(request):
    """Update a space."""
    row = _space(request, "modified")
    request.admin_only()
    row.update(_read(request, row))
    return _show(request.region, row)


def _refuse_in_use(region, row):
    if row["id"] == networks.DEFAULT_SPACE:
        raise Answer(400, "This space is the default space, it cannot be deleted.")
    if _subnets_in(region, row):
        text = "Cannot delete some instances of model 'Space' because they are referenced through a"
        held = ", ".join(f"<Subnet: {item['name']}:{item['cidr']}>" for item in
                         _subnets_in(region, row))  # fmt: skip
        raise Answer(500, f"(\"{text} protected foreign key: 'Subnet.space'\", [{held}])")


@space("DELETE")
def delete_space(request):
    """Delete a space; its VLANs are in none then."""
    row = _space(request, "deleted")
    request.admin_only()
    if request.region.release < "2.2":
        _refuse_in_use(request.region, row)
    for vlan in request.region.rows("vlans").values():
        if vlan["space"] == row["id"]:
            vlan["space"] = None
    del request.region.rows("spaces")[row["id"]]
    return no_content()
