"""``zones/``, ``resourcepools/`` and ``domains/``."""

from __future__ import annotations

import re

from saltext.maas.emulator import dns, networks
from saltext.maas.emulator.crud import serve
from saltext.maas.emulator.forms import BAD_SERVER, Check, is_ip
from saltext.maas.emulator.lookup import find, name_of
from saltext.maas.emulator.web import Answer, Endpoint, Missing, no_content

zones = Endpoint("zones/", "ZonesHandler")
zone = Endpoint("zones/{name}/", "ZoneHandler")
pools = Endpoint("resourcepools/", "ResourcePoolsHandler", since="2.4")
pool = Endpoint("resourcepool/{id}/", "ResourcePoolHandler", since="2.4")
domains = Endpoint("domains/", "DomainsHandler")
domain = Endpoint("domains/{id}/", "DomainHandler")

_WORD = re.compile(r"\w[\w .-]*\Z", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")


def seed(region):
    """Make the defaults: zone ``default``, pool ``default`` (id 0) and domain ``maas`` (0)."""
    region.rows("zones").add({"name": "default", "description": ""})
    region.rows("pools")[0] = {"id": 0, "name": "default", "description": "Default pool"}
    first = {"id": 0, "name": "maas", "authoritative": True, "ttl": None, "default": True}
    region.rows("domains")[0] = {**first, "forward_dns_servers": []}


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


# -- domains -----------------------------------------------------------------------------------


def show_domain(region, row):
    """A domain as the API shows it."""
    shown = {
        "id": row["id"],
        "name": row["name"],
        "authoritative": row["authoritative"],
        "ttl": row["ttl"],
        "resource_record_count": dns.count(region, row),
        "resource_uri": f"/MAAS/api/2.0/domains/{row['id']}/",
    }
    if region.release >= "2.4":
        shown["is_default"] = row["default"]
    return shown


def _domain(request):
    rows = request.region.rows("domains")
    return find(request, "Domain", rows, request.ids["id"], name=name_of)


def _read_domain(check, region, stored):
    name = check.text("name", None, required=True, longest=256)
    own = stored["id"] if stored else None
    wrong = [label for label in (name or "").split(".") if not _LABEL.match(label)]
    if name and wrong:
        check.error("name", "Domain name contains invalid characters.")
        check.error("name", f"Label contains disallowed characters: '{wrong[0]}'.")
    elif any(r["name"] == name and r["id"] != own for r in region.rows("domains").values()):
        check.error("name", "Domain with this Name already exists.")
    if check.has("ttl") and check.form.get("ttl") in (None, ""):
        ttl = None
    else:
        ttl = check.integer("ttl", None, 1, 604800)
    authoritative = check.boolean("authoritative", True)
    servers = stored["forward_dns_servers"] if stored else []
    if check.has("forward_dns_servers") and region.release >= "3.1":
        given = check.form.getlist("forward_dns_servers")
        servers = " ".join(str(item or "") for item in given).replace(",", " ").split()
        for server in servers:
            if not is_ip(server.partition("#")[0]):
                check.error("forward_dns_servers", BAD_SERVER.format(server))
    if authoritative and servers:
        text = "The domain cannot be authoritative and have forward DNS servers."
        check.error("__all__", text)
    check.done()
    fields = {"name": name, "authoritative": authoritative, "ttl": ttl}
    return {**fields, "forward_dns_servers": servers}


@domains("GET")
def list_domains(request):
    """List domains."""
    region = request.region
    return [show_domain(region, row) for row in region.rows("domains").values()]


@domains("POST", admin=True)
def create_domain(request):
    """Create a domain."""
    region = request.region
    fields = _read_domain(Check(request), region, None)
    row = region.rows("domains").add({**fields, "default": False})
    dns.keep_kms(region, [row])
    return show_domain(region, row)


@domains("POST", "set_serial", admin=True)
def set_serial(request):
    """Set the zone serial."""
    request.needed("serial")


@domain("GET")
def read_domain(request):
    """Read a domain."""
    return show_domain(request.region, _domain(request))


@domain("PUT", admin=True)
def update_domain(request):
    """Update a domain."""
    row = _domain(request)
    row.update(_read_domain(Check(request, row), request.region, row))
    return show_domain(request.region, row)


@domain("POST", "set_default", admin=True, since="2.4")
def set_default_domain(request):
    """Make it the default domain."""
    row = _domain(request)
    for other in request.region.rows("domains").values():
        other["default"] = other is row
    return show_domain(request.region, row)


@domain("DELETE", admin=True)
def delete_domain(request):
    """Delete a domain."""
    row = _domain(request)
    if row["default"]:
        raise Answer(400, "This domain is the default domain, it cannot be deleted.")
    dns.refuse_in_use(request.region, row)
    del request.region.rows("domains")[row["id"]]
    return no_content()
