"""``dhcp-snippets/``."""

from __future__ import annotations

from saltext.maas.emulator import api2_nodes, networks, nodes, texts
from saltext.maas.emulator.crud import by_id, hide_newer, serve
from saltext.maas.emulator.forms import Check, not_a_choice, truth
from saltext.maas.emulator.web import Endpoint

snippets = Endpoint("dhcp-snippets/", "DHCPSnippetsHandler")
snippet = Endpoint("dhcp-snippets/{id}/", "DHCPSnippetHandler")

_BOTH = "A DHCP snippet cannot be enabled on a node and subnet at the same time."
_IPRANGE = {"iprange": "3.0"}


def _show(region, row):
    subnet = region.rows("subnets").get(row["subnet"])
    node = nodes.find(region, row["node"]) if row["node"] else None
    shown = {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "value": texts.latest(row),
        "history": texts.history(row, "value"),
        "enabled": row["enabled"],
        "node": api2_nodes.show(region, node) if node else None,
        "subnet": networks.show_subnet(region, subnet) if subnet else None,
        "global_snippet": row["subnet"] is None and row["node"] is None,
        "resource_uri": f"/MAAS/api/2.0/dhcp-snippets/{row['id']}/",
    }
    if row["iprange"] is not None:
        shown["iprange"] = row["iprange"]
    return hide_newer(region.release, shown, _IPRANGE)


def _subnet(check, region):
    """The subnet that a form names, which has messages of its own."""
    given = str(check.form.get("subnet") or "")
    if not given:
        return None
    plain = given.partition(":")[2] if given.startswith(("cidr:", "name:", "id:")) else given
    for row in region.rows("subnets").values():
        if plain in (str(row["id"]), row["cidr"], row["name"]):
            return row["id"]
    shown = f"id={given}" if given.isdecimal() else given
    check.error("subnet", f"None found with {shown}.")
    return None


def _place(check, region, before):
    """What a snippet is of: node, subnet (and range); setting one drops the other."""
    if truth(check.form.get("global_snippet")):
        return {"node": None, "subnet": None, "iprange": None}
    place = {name: before.get(name) for name in ("node", "subnet", "iprange")}
    node = str(check.form.get("node") or "")
    if node and nodes.find(region, node) is None:
        check.error("node", not_a_choice(node))
    subnet = _subnet(check, region)
    if node and subnet:
        check.error("__all__", _BOTH)
    elif node:
        place.update(node=node, subnet=None, iprange=None)
    elif subnet:
        place.update(node=None, subnet=subnet)
    given = check.form.get("iprange")
    if given and region.release >= "3.0":
        ident = int(given) if str(given).isdecimal() else None
        if ident not in region.rows("ipranges"):
            check.error("iprange", not_a_choice("That choice"))
        place["iprange"] = ident
    return place


def _read(request, stored):
    region, check = request.region, Check(request, stored)
    name = check.text("name", None, required=True, longest=255)
    value = check.form.get("value")
    if stored is None and not value:
        check.error("value", "Must be given a value")
    fields = {
        "name": name,
        "description": check.text("description"),
        "enabled": check.boolean("enabled", True),
        **_place(check, region, stored or {}),
    }
    check.done()
    revisions = list(stored["revisions"]) if stored else []
    if not value:
        # MAAS takes the number of the stored text for the text itself.
        value = str(revisions[-1]["id"])
    if not revisions or value != revisions[-1]["value"]:
        revisions.append(texts.add(region, value))
    return {**fields, "revisions": revisions}


serve(snippets, snippet, rows="dhcp_snippets", model="DHCPSnippet", show=_show, read=_read)


@snippet("POST", "revert", admin=True)
def revert(request):
    """Go back to an earlier value."""
    row = by_id("dhcp_snippets", "DHCPSnippet")(request)
    texts.revert(request, row)
    return _show(request.region, row)
