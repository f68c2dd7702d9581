"""``zones/`` and ``resourcepools/``."""

from __future__ import annotations

import re

from saltext.maas.emulator import networks
from saltext.maas.emulator.crud import serve
from saltext.maas.emulator.forms import Check
from saltext.maas.emulator.lookup import find, name_of
from saltext.maas.emulator.web import Answer, Endpoint, Missing, no_content

zones = Endpoint("zones/", "ZonesHandler")
zone = Endpoint("zones/{name}/", "ZoneHandler")
pools = Endpoint("resourcepools/", "ResourcePoolsHandler", since="2.4")
pool = Endpoint("resourcepool/{id}/", "ResourcePoolHandler", since="2.4")

_WORD = re.compile(r"\w[\w .-]*\Z", re.ASCII)


def seed(region):
    """Make the defaults: zone ``default`` and pool ``default``, whose id is 0."""
    region.rows("zones").add({"name": "default", "description": ""})
    region.rows("pools")[0] = {"id": 0, "name": "default", "description": "Default pool"}


def _name(check, rows, label, stored, pattern=_WORD):
    """A name that is needed, well formed and not taken."""
    name = check.text("name", None, required=True, longest=256)
    own = stored["id"] if stored else None
    if name and "name" not in check.errors:
        if not pattern.match(name) or (" " in name.strip() and label == "Physical zone"):
            check.error("name", "Enter a valid value.")
        elif any(row["name"] == name and row["id"] != own for row in rows.values()):
            check.error("name", f"{label} with this Name already exists.")
    return name


# -- zones -------------------------------------------------------------------------------------


def show_zone(row):
    """A zone as the API shows it."""
    uri = f"/MAAS/api/2.0/zones/{row['name']}/"
    return {**row, "resource_uri": uri}


def _zone(request):
    for row in request.region.rows("zones").values():
        if row["name"] == request.ids["name"]:
            return row
    raise Missing("Zone", request)


@zones("GET")
def list_zones(request):
    """List zones."""
    return [show_zone(row) for row in request.region.rows("zones").values()]


@zones("POST", admin=True)
def create_zone(request):
    """Create a zone."""
    rows, check = request.region.rows("zones"), Check(request)
    fields = {"name": _name(check, rows, "Physical zone", None)}
    fields["description"] = check.text("description")
    check.done()
    return show_zone(rows.add(fields))


@zone("GET")
def read_zone(request):
    """Read a zone."""
    return show_zone(_zone(request))


@zone("PUT", admin=True)
def update_zone(request):
    """Update a zone."""
    row = _zone(request)
    check = Check(request, row)
    name = _name(check, request.region.rows("zones"), "Physical zone", row)
    if row["id"] == 1 and name != row["name"]:
        check.error("name", "This zone is the default zone, it cannot be renamed.")
    description = check.text("description")
    check.done()
    row.update(name=name, description=description)
    return show_zone(row)


@zone("DELETE", admin=True)
def delete_zone(request):
    """Delete a zone; that there is none is no error."""
    rows = request.region.rows("zones")
    for row in list(rows.values()):
        if row["name"] == request.ids["name"]:
            if row["id"] == 1:
                raise Answer(400, "This zone is the default zone, it cannot be deleted.")
            for node in networks.all_nodes(request.region):
                node["zone"] = 1 if node["zone"] == row["id"] else node["zone"]
            del rows[row["id"]]
    return no_content()


# -- resource pools ----------------------------------------------------------------------------


def show_pool(row):
    """A resource pool as the API shows it."""
    return {**row, "resource_uri": f"/MAAS/api/2.0/resourcepool/{row['id']}/"}


def _pool(request):
    rows = request.region.rows("pools")
    return find(request, "ResourcePool", rows, request.ids["id"], name=name_of)


def _read_pool(request, row):
    check = Check(request, row)
    name = _name(check, request.region.rows("pools"), "Resource pool", row)
    description = check.text("description")
    check.done()
    return {"name": name, "description": description}


def _pool_can_go(request, row):
    if row["id"] == 0:
        raise Answer(400, "This is the default pool, it cannot be deleted.")
    if any(node.get("pool") == row["id"] for node in request.region.rows("machines").values()):
        raise Answer(400, "Pool has machines in it, it cannot be deleted.")


serve(pools, pool, rows="pools", model="ResourcePool", show=lambda region, row: show_pool(row),
      read=_read_pool, find=_pool, before_delete=_pool_can_go)  # fmt: skip
