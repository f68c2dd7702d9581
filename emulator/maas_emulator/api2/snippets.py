"""``dhcp-snippets/``."""

from __future__ import annotations

import re

from maas_emulator import forms_2x, networks, nodes, texts
from maas_emulator.api2.nodes import show as show_node
from maas_emulator.bodies import Form
from maas_emulator.crud import by_id, serve
from maas_emulator.forms import not_a_choice
from maas_emulator.web import TEXT, Answer, Endpoint

snippets = Endpoint("dhcp-snippets/", "DHCPSnippetsHandler")
snippet = Endpoint("dhcp-snippets/{id}/", "DHCPSnippetHandler")

_BOTH = "A DHCP snippet cannot be enabled on a node and subnet at the same time."
_NO_PARENT = "A DHCP snippet cannot be enabled on an iprange withouta parent subnet"
_ELSEWHERE = "A DHCP snippet's IP Range must be within the parent subnet"


def _show(region, row):
    subnet = region.rows("subnets").get(row["subnet"])
    node = nodes.find(region, row["node"]) if row["node"] else None
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "value": texts.latest(row),
        "history": texts.history(row, "value"),
        "enabled": row["enabled"],
        "node": show_node(region, node) if node else None,
        "subnet": networks.show_subnet(region, subnet) if subnet else None,
        "global_snippet": row["subnet"] is None and row["node"] is None,
        "resource_uri": f"/MAAS/api/2.0/dhcp-snippets/{row['id']}/",
    }


# -- the form ----------------------------------------------------------------------------------


def _fields(region, stored, draft):
    ranges = region.rows("ipranges")
    own = stored and stored["subnet"]
    fields = [
        forms_2x.text("name", required=stored is None, blank=False, model=(forms_2x.at_most(255),)),
        forms_2x.Field("value", lambda value: _value(value, stored, draft), model=None),
        forms_2x.text("description"),
        forms_2x.flag("enabled", True),
        forms_2x.reference("node", lambda value: _node(region, value)),
        forms_2x.reference("subnet", networks.subnet_named(region)),
    ]
    if region.release >= "3.0":
        fields.append(forms_2x.reference("iprange", _range_of(ranges, own)))
    return [*fields, forms_2x.flag("global_snippet", model=None)]


def _range_of(ranges, subnet):
    """To the id of a range, of a subnet if there is one."""

    def find(value):
        number = re.fullmatch(r"(?:iprange-)?(\d+)|-\d+", str(value).strip())
        if not number:
            raise Answer(500, _NO_NAME, TEXT)
        row = ranges.get(int(number.group(1) or -1))
        if row is None or subnet not in (None, row["subnet"]):
            raise forms_2x.Refused(f"None found with id={value}.")
        return row["id"]

    return find


_NO_NAME = (
    "Cannot resolve keyword 'name' into field. Choices are: comment, created, dhcpsnippet, end_ip,"
    " id, start_ip, subnet, subnet_id, type, updated, user, user_id"
)


def _value(value, stored, draft):
    """The text; of one that is not sent MAAS takes the number of the stored one for the text."""
    if value is None:
        if stored is None:
            raise forms_2x.Refused("Must be given a value")
        value = stored["revisions"][-1]["id"]
    draft.add(value)
    return value


def _node(region, value):
    node = nodes.find(region, str(value))
    if node is None:
        raise forms_2x.Refused(not_a_choice(value))
    return node["system_id"]


def _place(form):
    """What a snippet is of: node or subnet; naming one drops the other."""
    found, row = form.cleaned, form.row
    node, subnet = found.get("node"), found.get("subnet")
    if found.get("global_snippet"):
        found.update(node=None, subnet=None)
        row.update(node=None, subnet=None)
    elif row["subnet"] == subnet and node is not None:
        found["subnet"] = row["subnet"] = None
    elif row["node"] == node and subnet is not None:
        found["node"] = row["node"] = None


def _problem(region, row):
    if row["node"] is not None and row["subnet"] is not None:
        return _BOTH
    if row.get("iprange") is None:
        return None
    if row["subnet"] is None:
        return _NO_PARENT
    inside = region.rows("ipranges")[row["iprange"]]["subnet"] == row["subnet"]
    return None if inside else _ELSEWHERE


def _read(request, stored):
    region = request.region
    draft = texts.Draft(region, stored["revisions"] if stored else ())
    sent = Form(request.form)
    if stored is None:
        sent.setdefault("enabled", [True])
    form = forms_2x.ModelForm(request, _fields(region, stored, draft), stored, sent)
    try:
        form.read()
        _place(form)
        form.apply()
        problem = _problem(region, form.row)
        if problem:
            form.error("__all__", problem)
        form.done()
    except Answer:
        draft.drop()
        raise
    return {"iprange": None, **form.row, "revisions": draft.revisions}


serve(snippets, snippet, rows="dhcp_snippets", model="DHCPSnippet", show=_show, read=_read)


@snippet("POST", "revert", admin=True)
def revert(request):
    """Go back to an earlier value."""
    wanted = request.form.get("to")
    if wanted is None:
        raise Answer(400, "You must specify where to revert to")
    try:
        number = int(wanted)
    except (TypeError, ValueError):
        raise Answer(400, f"{wanted} is an invalid 'to' value") from None
    row = by_id("dhcp_snippets", "DHCPSnippet")(request)
    texts.revert(row, number)
    return _show(request.region, row)
