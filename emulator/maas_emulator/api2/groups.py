"""``zones/`` and ``resourcepools/``."""

from __future__ import annotations

from maas_emulator import forms_2x, networks
from maas_emulator.crud import by_name, serve
from maas_emulator.lookup import find, name_of
from maas_emulator.web import Answer, Endpoint, in_path, no_content

zones = Endpoint("zones/", "ZonesHandler")
zone = Endpoint("zones/{name}/", "ZoneHandler")
pools = Endpoint("resourcepools/", "ResourcePoolsHandler", since="2.4")
pool = Endpoint("resourcepool/{id}/", "ResourcePoolHandler", since="2.4")


def seed(region):
    """Make the defaults: zone ``default`` and pool ``default``, whose id is 0."""
    region.rows("zones").add({"name": "default", "description": ""})
    region.rows("pools")[0] = {"id": 0, "name": "default", "description": "Default pool"}


FIELDS = (
    forms_2x.text("name", required=True, longest=256, model=(networks.MODEL_NAME,)),
    forms_2x.text("description"),
)


def _read(label, kind):
    def read(request, row):
        form = forms_2x.ModelForm(request, FIELDS, row)
        form.read()
        form.apply()
        default = kind == "zones" and row and row["id"] == 1 and request.region.release < "2.4"
        if default and form.row["name"] != row["name"]:
            form.error("name", "This zone is the default zone, it cannot be renamed.")
        form.unique(label, request.region.rows(kind).values(), "name")
        form.done()
        return form.row

    return read


# -- zones -------------------------------------------------------------------------------------


def show_zone(row):
    """A zone as the API shows it."""
    return {**row, "resource_uri": f"/MAAS/api/2.0/zones/{in_path(row['name'])}/"}


def _in_order(request, rows):
    return sorted(rows, key=lambda row: row["name"])


serve(zones, zone, rows="zones", model="Zone", show=lambda region, row: show_zone(row),
      read=_read("Physical zone", "zones"), find=by_name("zones", "Zone"),
      chosen=_in_order)  # fmt: skip


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


def _pool_can_go(request, row):
    if row["id"] == 0:
        raise Answer(400, "This is the default pool, it cannot be deleted.")
    if any(node.get("pool") == row["id"] for node in request.region.rows("machines").values()):
        raise Answer(400, "Pool has machines in it, it cannot be deleted.")


serve(pools, pool, rows="pools", model="ResourcePool", show=lambda region, row: show_pool(row),
      read=_read("Resource pool", "pools"), find=_pool, before_delete=_pool_can_go,
      chosen=_in_order, admin="silent", needs="can_edit_machines")  # fmt: skip
