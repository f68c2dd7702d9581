"""``tags/``."""

from __future__ import annotations

from maas_emulator import forms_2x, nodes, xpath
from maas_emulator.api2.nodes import show as show_node
from maas_emulator.crud import by_name, serve
from maas_emulator.web import TEXT, Answer, Endpoint

tags = Endpoint("tags/", "TagsHandler")
tag = Endpoint("tags/{name}/", "TagHandler")

_tag = by_name("tags", "Tag")


def _show(region, row):
    return {
        "name": row["name"],
        "definition": row["definition"],
        "comment": row["comment"],
        "kernel_opts": row["kernel_opts"],
        "resource_uri": f"/MAAS/api/2.0/tags/{row['name']}/",
    }


def _definition(value):
    problem = xpath.problem(value) if value else None
    if problem:
        raise forms_2x.Refused(f"Invalid xpath expression: {problem}")
    return value


FIELDS = (
    forms_2x.text(
        "name", required=True, longest=256, model=(forms_2x.pattern(r"\A[a-zA-Z0-9_-]+\Z"),)
    ),
    forms_2x.text("comment"),
    forms_2x.text("definition"),
    forms_2x.text("kernel_opts"),
)


def _read(request, stored):
    form = forms_2x.ModelForm(request, FIELDS, stored)
    form.read({"definition": _definition})
    form.apply()
    form.unique("Tag", request.region.rows("tags").values(), "name")
    form.done()
    if stored:
        for node in nodes.everything(request.region):
            held = node.get("tags", [])
            node["tags"] = [form.row["name"] if item == stored["name"] else item for item in held]
    return form.row


def _forget(request, row):
    for node in nodes.everything(request.region):
        node["tags"] = [name for name in node.get("tags", []) if name != row["name"]]


serve(tags, tag, rows="tags", model="Tag", show=_show, read=_read, find=_tag,
      before_delete=_forget, admin="silent")  # fmt: skip


def _lister(kinds):
    def list_tagged(request):
        """List the nodes of that kind which have the tag."""
        name = _tag(request)["name"]
        return [
            show_node(request.region, node)
            for node in nodes.everything(request.region, kinds)
            if name in node.get("tags", [])
        ]

    return list_tagged


for _op, _kinds in (
    ("nodes", nodes.KINDS),
    ("machines", ("machines",)),
    ("devices", ("devices",)),
    ("rack_controllers", ("racks",)),
    ("region_controllers", ("regions",)),
):
    tag("GET", _op)(_lister(_kinds))


@tag("POST", "update_nodes")
def update_nodes(request):
    """Add and remove the tag."""
    request.admin_only()
    row = _tag(request)
    sent = request.form.get("definition")
    if sent is not None and sent != row["definition"]:
        text = f"Definition supplied '{sent}' doesn't match current definition"
        raise Answer(409, f"{text} '{row['definition']}'", TEXT)
    counts = {"added": 0, "removed": 0}
    for field, counted in (("add", "added"), ("remove", "removed")):
        for ident in request.form.getlist(field):
            node = nodes.find(request.region, ident)
            if node is None:
                continue
            counts[counted] += 1
            held = [name for name in node.get("tags", []) if name != row["name"]]
            node["tags"] = [*held, row["name"]] if field == "add" else held
    return counts


@tag("POST", "rebuild")
def rebuild(request):
    """Evaluate the definition again."""
    request.admin_only()
    return {"rebuilding": _tag(request)["name"]}
