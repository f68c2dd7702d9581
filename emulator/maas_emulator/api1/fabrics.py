"""``fabrics/``, ``vlans/`` and ``spaces/`` of API 1.0 (1.9+).

Their forms are checked as the models of 1.9 are. Others than administrators may change none,
which is said without a word, and only where there is something to change.
"""

from __future__ import annotations

import re

from maas_emulator import networks
from maas_emulator.crud import need_number
from maas_emulator.forms_1x import SLUG, WORDS, ModelForm, Wrong, number, text
from maas_emulator.lookup import find, name_of
from maas_emulator.web import TEXT, Answer, Endpoint, Missing, no_content

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


def one_of(request, kind, name, edit=False, **names):
    """The object that a path means: by id, by ``KIND-ID``, by name.

    Args:
        request: The call.
        kind: Of the model (``Fabric``).
        name: What the path calls it.
        edit: Whether it shall be changed, which only administrators may.
        names: Further names of it, as in :func:`~maas_emulator.lookup.find`.
    """
    plain = kind.lower()
    spec = re.sub(rf"{plain}-(\d+)\Z", r"\1", request.ids[name].strip())
    row = find(request, kind, request.region.rows(f"{plain}s"), spec, name=name_of, **names)
    if edit:
        only_admin(request)
    return row


def only_admin(request):
    """Refuse other users without a word."""
    if not request.user.is_superuser:
        raise Answer(403, b"", TEXT)


class NamedForm(ModelForm):
    """A form for a fabric or a space, which are called after their id where they have no name."""

    kind = ""
    defaults = {"name": ""}

    def __init__(self, request, stored=None):
        super().__init__(request, stored)
        bad = f"Invalid {self.kind.lower()} name: {{}}."
        self.fields = {"name": text(256, SLUG, message=bad), **self.fields}

    def check_object(self, excluded):
        plain, own = self.kind.lower(), self.stored and self.stored["id"]
        name = self.values["name"]
        if re.match(rf"{plain}-\d+\n?\Z", name) and name != f"{plain}-{own}":
            raise Wrong({"name": [f"Reserved {plain} name."]})
        if not name and self.stored:
            name = self.values["name"] = f"{plain}-{own}"
        rows = self.region.rows(f"{plain}s").values()
        # One more is overlooked when an object is renamed.
        if [row["name"] for row in rows].count(name) > bool(self.stored):
            raise Wrong(f"Duplicate name: {name}")


class FabricForm(NamedForm):
    """A fabric."""

    kind = "Fabric"
    fields = {"class_type": text(256, WORDS)}
    defaults = {"name": "", "class_type": ""}


def _fabric(request, edit=False):
    return one_of(request, "Fabric", "fabric", edit, **{"class": lambda row: row["class_type"]})


@fabrics("GET")
def list_fabrics(request):
    """List fabrics."""
    return [show_fabric(request.region, row) for row in request.region.rows("fabrics").values()]


@fabrics("POST", admin=True)
def create_fabric(request):
    """Create a fabric with its untagged VLAN."""
    values = FabricForm(request).read()
    return show_fabric(request.region, networks.add_fabric(request.region, **values))


@fabric("GET")
def read_fabric(request):
    """Read a fabric."""
    return show_fabric(request.region, _fabric(request))


@fabric("PUT")
def update_fabric(request):
    """Change a fabric."""
    row = _fabric(request, edit=True)
    row.update(FabricForm(request, row).read())
    return show_fabric(request.region, row)


@fabric("DELETE")
def delete_fabric(request):
    """Delete a fabric with its VLANs, on none of which a subnet may be."""
    region, row = request.region, _fabric(request, edit=True)
    if row["id"] == networks.DEFAULT_FABRIC:
        text_ = "This fabric is the default fabric, it cannot be deleted."
        raise Answer(400, text_, TEXT)
    ids = {vlan["id"] for vlan in networks.vlans_of(region, row["id"])}
    protect("VLAN", "Subnet.vlan", subnets_shown(region, "vlan", ids))
    for ident in ids:
        del region.rows("vlans")[ident]
    del region.rows("fabrics")[row["id"]]
    return no_content()


def protect(model, reference, shown):
    """Refuse to delete what something refers to, as the database does.

    Args:
        model: Of what would be deleted.
        reference: Model and field that refer to it.
        shown: What refers to it, as an error shows it.
    """
    if shown:
        text_ = (
            f"(\"Cannot delete some instances of model '{model}' because they are referenced"
            f" through a protected foreign key: '{reference}'\", [{', '.join(shown)}])"
        )
        raise Answer(500, text_, TEXT)


def subnets_shown(region, field, ids):
    """The subnets that refer to one of some ids by a field, as an error shows them."""
    rows = [row for row in region.rows("subnets").values() if row[field] in ids]
    vids = {row["id"]: region.rows("vlans")[row["vlan"]]["vid"] for row in rows}
    return [f"<Subnet: {row['name']}:{row['cidr']}(vid={vids[row['id']]})>" for row in rows]


# -- VLANs -------------------------------------------------------------------------------------


def _vlan(request, edit=False):
    region, ids = request.region, request.ids
    if "id" in ids:
        ident = need_number(ids["id"])
        found = [row for row in region.rows("vlans").values() if row["id"] == ident]
    else:
        found = _by_vid(networks.vlans_of(region, _fabric(request, edit)["id"]), ids["vid"])
    if not found:
        raise Missing("VLAN", request)
    if len(found) > 1:
        raise Answer(403, "Too many VLAN objects match the given query.", TEXT)
    if edit:
        only_admin(request)
    return found[0]


def _by_vid(rows, spec):
    """VLANs by their number, ``untagged``, or the name that they are stored with."""
    spec = "0" if spec == "untagged" else spec.strip()
    try:
        vid = int(spec)
    except ValueError:
        return [row for row in rows if row["name"] == spec]
    if not 0 <= vid < 4095:
        text_ = "VLAN tag (VID) out of range (0-4094; 0 for untagged.)"
        raise Answer(400, text_, TEXT)
    return [row for row in rows if row["vid"] == vid]


class VlanForm(ModelForm):
    """A VLAN of a fabric."""

    fields = {"name": text(256, WORDS), "vid": number(required=True), "mtu": number(552)}
    defaults = {"name": "", "vid": None, "mtu": 1500}

    def __init__(self, request, parent, stored=None):
        super().__init__(request, stored)
        self.parent = parent

    def outside(self):
        return {"fabric"}

    def check_object(self, excluded):
        if self.values["vid"] is None or not 0 <= self.values["vid"] <= 4095:
            raise Wrong({"vid": ["Vid must be between 0 and 4095."]})
        if not 552 <= self.values["mtu"] <= 65535:
            raise Wrong({"mtu": ["MTU must be between 552 and 65535."]})

    def check_unique(self, excluded):
        rows = networks.vlans_of(self.region, self.parent)
        vids = [row["vid"] for row in rows if row is not self.stored]
        if "fabric" not in excluded and self.values["vid"] in vids:
            raise Wrong("VLAN with this Vid and Fabric already exists.")


@vlans("GET")
def list_vlans(request):
    """List the VLANs of a fabric."""
    found = networks.vlans_of(request.region, _fabric(request)["id"])
    return [show_vlan(request.region, row) for row in found]


@vlans("POST")
def create_vlan(request):
    """Create a VLAN."""
    parent = _fabric(request, edit=True)["id"]
    values = VlanForm(request, parent).read()
    row = networks.add_vlan(request.region, parent, **values)
    row["name"] = values["name"]
    return show_vlan(request.region, row)


@vlan_by_vid("GET")
@vlan_by_id("GET")
def read_vlan(request):
    """Read a VLAN."""
    return show_vlan(request.region, _vlan(request))


@vlan_by_vid("PUT")
@vlan_by_id("PUT")
def update_vlan(request):
    """Change a VLAN."""
    row = _vlan(request, edit=True)
    row.update(VlanForm(request, row["fabric_id"], row).read())
    return show_vlan(request.region, row)


@vlan_by_vid("DELETE")
@vlan_by_id("DELETE")
def delete_vlan(request):
    """Delete a VLAN; its subnets move to the fabric's default one."""
    region, row = request.region, _vlan(request, edit=True)
    networks.empty_vlan(region, row)
    del region.rows("vlans")[row["id"]]
    return no_content()


# -- spaces ------------------------------------------------------------------------------------


class SpaceForm(NamedForm):
    """A space."""

    kind = "Space"


def _space(request, edit=False):
    return one_of(request, "Space", "space", edit)


@spaces("GET")
def list_spaces(request):
    """List spaces."""
    return [show_space(request.region, row) for row in request.region.rows("spaces").values()]


@spaces("POST", admin=True)
def create_space(request):
    """Create a space, which is called after its id unless it has a name."""
    row = request.region.rows("spaces").add(SpaceForm(request).read())
    row["name"] = row["name"] or f"space-{row['id']}"
    return show_space(request.region, row)


@space("GET")
def read_space(request):
    """Read a space."""
    return show_space(request.region, _space(request))


@space("PUT")
def update_space(request):
    """Change a space."""
    row = _space(request, edit=True)
    row.update(SpaceForm(request, row).read())
    return show_space(request.region, row)


@space("DELETE")
def delete_space(request):
    """Delete a space without subnets."""
    region, row = request.region, _space(request, edit=True)
    protect("Space", "Subnet.space", subnets_shown(region, "space", {row["id"]}))
    del region.rows("spaces")[row["id"]]
    return no_content()


def default_space(region):
    """Id of the space with the id 0, which is made anew where somebody deleted it."""
    region.rows("spaces").setdefault(DEFAULT_SPACE, {"id": DEFAULT_SPACE, "name": "space-0"})
    return DEFAULT_SPACE
