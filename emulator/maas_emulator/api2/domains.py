"""``domains/``."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from maas_emulator import dns, forms_2x
from maas_emulator.forms import BAD_SERVER, is_ip
from maas_emulator.lookup import find, name_of
from maas_emulator.web import Answer, Endpoint, no_content

domains = Endpoint("domains/", "DomainsHandler")
domain = Endpoint("domains/{id}/", "DomainHandler")

BOTH = "a domain cannot be both authoritative and have forward dns servers"
STILL_BOTH = "A Domain cannot be both authoritative and haveforward DNS servers"
BAD_PORT = (
    "Invalid IP and port combination: {};please provide a list of space-separated IP addresses "
)


def seed(region):
    """Make the domain ``maas``, whose id is 0."""
    first = {"id": 0, "name": "maas", "authoritative": True, "ttl": None, "default": True}
    region.rows("domains")[0] = {**first, "forward_dns_servers": []}


def _domain(request):
    rows = request.region.rows("domains")
    return find(request, "Domain", rows, request.ids["id"], name=name_of)


# -- the form ----------------------------------------------------------------------------------


def _yes_or_no(value):
    """Only these count; any other leaves it as it is."""
    return {True: True, "True": True, "true": True, "2": True, False: False, "False": False,
            "false": False, "3": False}.get(value)  # fmt: skip


def _servers(value):
    """Addresses, since 3.4 with ports; what is empty between them is an error of the server."""
    if value is None:
        return None
    found = re.split(r"[,\s]+", str(value))
    for item in found:
        if not item:
            raise Answer(500, "string index out of range")
        with_port = "." in item or (item[0] == "[" and "]:" in item)
        if not is_ip(urlsplit(f"//{item}").hostname or "" if with_port else item):
            raise forms_2x.Refused(BAD_PORT.format(item))
    return found


def _servers_without_ports(value):
    if value is None:
        return None
    found = [item for item in re.split(r"[,\s]+", str(value)) if item]
    for item in found:
        if not is_ip(item):
            raise forms_2x.Refused(BAD_SERVER.format(item))
    return found


def _fields(region):
    fields = [
        forms_2x.text("name", required=True, longest=256, model=dns.name_checks(region)),
        forms_2x.Field("authoritative", _yes_or_no, default=True),
        forms_2x.integer("ttl", low=1, high=604800, keeps_none=True),
    ]
    if region.release >= "3.1":
        servers = _servers if region.release >= "3.4" else _servers_without_ports
        fields.append(forms_2x.Field("forward_dns_servers", servers, model=None))
    return fields


def _read(request, stored):
    region = request.region
    form = forms_2x.ModelForm(request, _fields(region), stored)
    form.read()
    wanted, servers = form.cleaned.get("authoritative"), form.cleaned.get("forward_dns_servers")
    if servers and (form.row["authoritative"] if wanted is None else wanted):
        form.error("__all__", BOTH)
    form.apply()
    row = form.row
    row["name"] = (row["name"] or "").rstrip(".")
    before = (stored or {}).get("forward_dns_servers", [])
    if row["authoritative"] and before:
        form.error("__all__", STILL_BOTH)
    form.unique("Domain", region.rows("domains").values(), "name")
    form.done()
    added = [item for item in form.cleaned.get("forward_dns_servers") or () if item not in before]
    return {**row, "forward_dns_servers": [*before, *added]}


# -- operations --------------------------------------------------------------------------------


@domains("GET")
def list_domains(request):
    """List domains."""
    region = request.region
    return [dns.show_domain(region, row) for row in region.rows("domains").values()]


@domains("POST", admin=True)
def create_domain(request):
    """Create a domain, with a record of the Windows licensing server if there is one."""
    region = request.region
    row = region.rows("domains").add({**_read(request, None), "default": False})
    dns.set_kms(region, row)
    dns.take_over(region, row)
    return dns.show_domain(region, row)


@domains("POST", "set_serial", admin=True)
def set_serial(request):
    """Set the zone serial."""
    request.needed("serial")


@domain("GET")
def read_domain(request):
    """Read a domain."""
    return dns.show_domain(request.region, _domain(request))


@domain("PUT")
def update_domain(request):
    """Update a domain."""
    row = _domain(request)
    request.admin_only()
    row.update(_read(request, row))
    dns.take_over(request.region, row)
    return dns.show_domain(request.region, row)


@domain("POST", "set_default", since="2.4")
def set_default_domain(request):
    """Make it the default domain."""
    row = _domain(request)
    request.admin_only()
    for other in request.region.rows("domains").values():
        other["default"] = other is row
    return dns.show_domain(request.region, row)


@domain("DELETE")
def delete_domain(request):
    """Delete a domain."""
    row = _domain(request)
    request.admin_only()
    if row["default"]:
        raise Answer(400, "This domain is the default domain, it cannot be deleted.")
    dns.refuse_in_use(request.region, row)
    del request.region.rows("domains")[row["id"]]
    return no_content()
