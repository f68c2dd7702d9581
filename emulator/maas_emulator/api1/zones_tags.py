"""``zones/`` and ``tags/`` of API 1.0."""

from __future__ import annotations

from maas_emulator import xpath
from maas_emulator.api1 import machines, show
from maas_emulator.forms_1x import SLUG, ModelForm, Wrong, text
from maas_emulator.web import TEXT, Answer, Endpoint, Missing, no_content

zones = Endpoint("zones/", "ZonesHandler")
zone = Endpoint("zones/{name}/", "ZoneHandler")
tags = Endpoint("tags/", "TagsHandler")
tag = Endpoint("tags/{name}/", "TagHandler", plain_until="1.8")

DEFAULT = "default"


def seed(region):
    """A new region has the default zone."""
    region.rows("zones").add({"name": DEFAULT, "description": ""})


def _named(request, kind, label):
    for row in request.region.rows(kind).values():
        if row["name"] == request.ids["name"]:
            return row
    raise Missing(label, request)


class _NamedForm(ModelForm):
    """A form for something whose name is its own.

    Attributes:
        kind: Name of the table.
        label: What messages call the model.
    """

    defaults = {"name": ""}
    kind = label = ""

    def check_unique(self, excluded):
        rows = self.region.rows(self.kind).values()
        names = [row["name"] for row in rows if row is not self.stored]
        if "name" not in excluded and self.values["name"] in names:
            raise Wrong({"name": [f"{self.label} with this Name already exists."]})


# -- zones -------------------------------------------------------------------------------------


def _zone_shown(row):
    return {
        "name": row["name"],
        "description": row["description"],
        "resource_uri": f"/MAAS/api/1.0/zones/{row['name']}/",
    }


class ZoneForm(_NamedForm):
    """A zone."""

    kind, label = "zones", "Physical zone"
    fields = {"name": text(256, SLUG, required=True), "description": text()}

    def clean_name(self, name):
        if self.stored and self.stored["name"] == DEFAULT != name:
            raise Wrong("This zone is the default zone, it cannot be renamed.")
        return name


@zones("GET")
def list_zones(request):
    """List zones."""
    rows = sorted(request.region.rows("zones").values(), key=lambda row: row["name"])
    return [_zone_shown(row) for row in rows]


@zones("POST", admin=True)
def create_zone(request):
    """Create a zone."""
    return _zone_shown(request.region.rows("zones").add(ZoneForm(request).read()))


@zone("GET")
def read_zone(request):
    """Read a zone."""
    return _zone_shown(_named(request, "zones", "Zone"))


@zone("PUT", admin=True)
def update_zone(request):
    """Change a zone."""
    row = _named(request, "zones", "Zone")
    before = row["name"]
    row.update(ZoneForm(request, row).read())
    _move_machines(request.region, before, row["name"])
    return _zone_shown(row)


@zone("DELETE", admin=True)
def delete_zone(request):
    """Delete a zone; one that is not there is as good as deleted."""
    try:
        row = _named(request, "zones", "Zone")
    except Missing:
        return no_content()
    if row["name"] == DEFAULT:
        text = "This zone is the default zone, it cannot be deleted."
        raise Answer(400, text, TEXT)
    del request.region.rows("zones")[row["id"]]
    _move_machines(request.region, row["name"], DEFAULT)
    return no_content()


def _move_machines(region, before, after):
    for kind in (machines.MACHINES, "devices"):
        for row in region.rows(kind).values():
            if row["zone"] == before:
                row["zone"] = after


# -- tags --------------------------------------------------------------------------------------


def _tag_shown(row):
    shown = {name: row[name] for name in ("name", "comment", "definition", "kernel_opts")}
    shown["resource_uri"] = f"/MAAS/api/1.0/tags/{row['name']}/"
    return shown


class TagForm(_NamedForm):
    """A tag."""

    kind, label = "tags", "Tag"
    fields = {"name": text(256, SLUG, required=True), "comment": text(), "definition": text(),
              "kernel_opts": text()}  # fmt: skip

    def clean_definition(self, definition):
        problem = xpath.problem(definition) if definition else None
        if problem:
            raise Wrong(f"Invalid xpath expression: {problem}")
        return definition


def _only_admin(request):
    """Tags refuse other users without a word."""
    if not request.user.is_superuser:
        raise Answer(403, b"", TEXT)


@tags("GET", "list")
def list_tags(request):
    """List tags."""
    return [_tag_shown(row) for row in request.region.rows("tags").values()]


@tags("POST", "new")
def create_tag(request):
    """Create a tag."""
    _only_admin(request)
    return _tag_shown(request.region.rows("tags").add(TagForm(request).read()))


@tag("GET")
def read_tag(request):
    """Read a tag."""
    return _tag_shown(_named(request, "tags", "Tag"))


@tag("PUT")
def update_tag(request):
    """Change a tag."""
    _only_admin(request)
    row = _named(request, "tags", "Tag")
    before = row["name"]
    row.update(TagForm(request, row).read())
    for other in request.region.rows(machines.MACHINES).values():
        other["tags"] = [row["name"] if name == before else name for name in other["tags"]]
    return _tag_shown(row)


@tag("DELETE")
def delete_tag(request):
    """Delete a tag."""
    _only_admin(request)
    row = _named(request, "tags", "Tag")
    del request.region.rows("tags")[row["id"]]
    for other in request.region.rows(machines.MACHINES).values():
        other["tags"] = [name for name in other["tags"] if name != row["name"]]
    return no_content()


@tag("GET", "nodes")
def tagged_nodes(request):
    """List the nodes that have a tag."""
    name = _named(request, "tags", "Tag")["name"]
    rows = request.region.rows(machines.MACHINES).values()
    chosen = [row for row in rows if name in row["tags"]]
    return [show.machine(request.region, row) for row in chosen]


@tag("POST", "update_nodes")
def tag_nodes(request):
    """Add a tag to nodes or take it away; unknown nodes are passed over."""
    name = _named(request, "tags", "Tag")["name"]
    _only_admin(request)
    rows = {row["system_id"]: row for row in request.region.rows(machines.MACHINES).values()}
    given, taken = (
        [rows[ident] for ident in dict.fromkeys(request.form.getlist(field)) if ident in rows]
        for field in ("add", "remove")
    )
    for row in taken:
        if name in row["tags"]:
            row["tags"].remove(name)
    for row in given:
        if name not in row["tags"]:
            row["tags"].append(name)
    return {"added": len(given), "removed": len(taken)}


@tag("POST", "rebuild")
def rebuild(request):
    """Look again which nodes a definition matches."""
    _only_admin(request)
    row = _named(request, "tags", "Tag")
    return {"rebuilding": row["name"]}
