"""``tags/``."""

from __future__ import annotations

import re

from saltext.maas.emulator import api2_nodes, nodes
from saltext.maas.emulator.crud import by_name, serve
from saltext.maas.emulator.forms import Check
from saltext.maas.emulator.web import TEXT, Answer, Endpoint

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


def xpath_problem(text):
    """Why a text is no XPath expression, or None.

    Only what people get wrong is found: brackets and quotes that do not match, and an
    expression that ends in the middle.
    """
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", "''", text)
    depth = []
    for letter in plain:
        if letter in "([":
            depth.append(letter)
        elif letter in ")]" and (not depth or depth.pop() != {")": "(", "]": "["}[letter]):
            return "Invalid expression"
    if depth or plain.count("'") % 2 or '"' in plain or plain.strip().endswith(("/", "=", "@")):
        return "Invalid expression"
    return None


def _read(request, stored):
    check = Check(request, stored)
    name = check.text("name", None, required=True, longest=256)
    rows = request.region.rows("tags").values()
    if name and "name" not in check.errors:
        if not re.fullmatch(r"[\w-]+", name):
            check.error("name", "Enter a valid value.")
        elif any(row["name"] == name and row is not stored for row in rows):
            check.error("name", "Tag with this Name already exists.")
    definition = check.text("definition")
    problem = xpath_problem(definition) if definition else None
    if problem:
        check.error("definition", f"Invalid xpath expression: {problem}")
    comment, kernel_opts = check.text("comment"), check.text("kernel_opts")
    check.done()
    if stored:
        for node in nodes.everything(request.region):
            held = node.get("tags", [])
            node["tags"] = [name if item == stored["name"] else item for item in held]
    return {
        "name": name,
        "definition": definition,
        "comment": comment,
        "kernel_opts": kernel_opts,
    }


def _forget(request, row):
    for node in nodes.everything(request.region):
        node["tags"] = [name for name in node.get("tags", []) if name != row["name"]]


serve(tags, tag, rows="tags", model="Tag", show=_show, read=_read, find=_tag,
      before_delete=_forget)  # fmt: skip


def _lister(kinds):
    def list_tagged(request):
        """List the nodes of that kind which have the tag."""
        name = _tag(request)["name"]
        return [
            api2_nodes.show(request.region, node)
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
    row = _tag(request)
    if not request.user.is_superuser:
        raise Answer(403, "Must be a superuser or supply a rack_controller.", TEXT)
    sent = request.form.get("definition")
    if sent is not None and sent != row["definition"]:
        text = f"Definition supplied '{sent}' doesn't match current definition"
        raise Answer(409, f"{text} '{row['definition']}'", TEXT)
    if row["definition"] and sent is None:
        raise Answer(400, "Cannot add tags to nodes with an automatic tag.", TEXT)
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


@tag("POST", "rebuild", admin=True)
def rebuild(request):
    """Evaluate the definition again."""
    return {"rebuilding": _tag(request)["name"]}
