"""``dnsresources/`` and ``dnsresourcerecords/``."""

from __future__ import annotations

import ipaddress
import re

from saltext.maas.emulator import dns, ips
from saltext.maas.emulator.crud import by_id
from saltext.maas.emulator.forms import Check, truth
from saltext.maas.emulator.web import TEXT, Answer, Endpoint, Missing, no_content

resources = Endpoint("dnsresources/", "DNSResourcesHandler")
resource = Endpoint("dnsresources/{id}/", "DNSResourceHandler")
records = Endpoint("dnsresourcerecords/", "DNSResourceRecordsHandler")
record = Endpoint("dnsresourcerecords/{id}/", "DNSResourceRecordHandler")

_resource = by_id("dnsresources", "DNSResource")
_record = by_id("dnsrecords", "DNSData")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_CNAME = "CNAME records for a name cannot coexist with non-CNAME records."


def _domain(request, given):
    """The domain that a form or query names; unlike elsewhere a wrong one is a 404."""
    for row in request.region.rows("domains").values():
        if str(given) in (str(row["id"]), row["name"], f"name:{row['name']}"):
            return row
    raise Missing("Domain", request)


def _named(request, source):
    """Name and domain of a form or query: both, or together as ``fqdn``."""
    name, domain, fqdn = (source.get(field) for field in ("name", "domain", "fqdn"))
    if name is None and domain is None and fqdn:
        name, domain = dns.split(str(fqdn), request.region.rows("domains"))
    return name, _domain(request, domain) if domain is not None else None


def _filtered(request):
    """The resources that the filters of a list ask for."""
    name, domain = _named(request, request.query)
    region = request.region
    found = [
        row
        for row in region.rows("dnsresources").values()
        if (name is None or row["name"] == name)
        and (domain is None or row["domain"] == domain["id"])
    ]
    return sorted(found, key=lambda row: (row["domain"], row["name"]))


# -- resources ---------------------------------------------------------------------------------


@resources("GET")
def list_resources(request):
    """List DNS resources, with ``all`` (2.5) also what is made of them and of machines."""
    region, found, kind = request.region, _filtered(request), request.query.get("rrtype")
    if kind in ("A", "AAAA"):
        found = [row for row in found if row["ips"]]
    elif kind:
        found = [
            row
            for row in found
            if any(item["rrtype"] == kind for item in dns.records_of(region, row))
        ]
    records = dns.records_by_resource(region)
    shown = [dns.show_resource(region, row, records.get(row["id"], [])) for row in found]
    if truth(request.query.get("all")) and region.release >= "2.5":
        made = dns.show_all(region, sorted(found, key=lambda row: row["id"]))
        shown = made + shown
        if not request.query.keys() - {"all"}:
            shown += dns.show_unnamed(region)
    return shown


def _addresses(request, stored):
    """The addresses of a form; one that is no address is no 400 but an error of the server."""
    given = request.form.getlist("ip_addresses")
    words = " ".join(str(item) for item in given if item is not None).replace(",", " ").split()
    for word in words:
        try:
            ipaddress.ip_address(word)
        except ValueError:
            text = f"failed to detect a valid IP address from '{word}'"
            raise Answer(500, text, TEXT) from None
    return words


def _set_addresses(request, row, words):
    region = request.region
    wanted = []
    for word in words:
        found = ips.find(region, word) or ips.add(region, word, owner=request.user.username)
        wanted.append(found["id"])
    row["ips"] = wanted  # those it had before stay reserved


def _drop_address(region, ident):
    """Forget a reserved address that no resource names any more."""
    table, rows = region.rows("ips"), region.rows("dnsresources").values()
    named = any(ident in row["ips"] for row in rows)
    if not named and table[ident]["alloc_type"] == ips.USER_RESERVED:
        del table[ident]


def _ttl(check, field, stored):
    if check.has(field) and check.form.get(field) in (None, ""):
        return None
    return check.integer(field, stored[field] if stored else None, 1, 2147483647)


def _check_name(check, name):
    labels = str(name).split(".") if name not in ("@", "*") else []
    if not all(_LABEL.match(label.replace("*", "a")) for label in labels):
        check.error("__all__", f"Invalid dnsresource name: {name}.")


@resources("POST", admin=True)
def create_resource(request):
    """Create a DNS resource."""
    region = request.region
    name, domain = _named(request, request.form)
    if name is None:
        raise Answer(500, "'name'", TEXT)
    words = _addresses(request, None)
    check = Check(request)
    if domain is None:
        check.error("domain", "This field is required.")
    _check_name(check, name)
    address_ttl = _ttl(check, "address_ttl", None)
    if domain and not check.errors:
        for row in dns.of_domain(region, domain):
            if row["name"] == name:
                check.error("__all__", "Labels must be unique within their zone.")
    check.done()
    row = region.rows("dnsresources").add(
        {"name": str(name), "domain": domain["id"], "address_ttl": address_ttl, "ips": []}
    )
    _set_addresses(request, row, words)
    return dns.show_resource(region, row)


@resource("GET")
def read_resource(request):
    """Read a DNS resource."""
    return dns.show_resource(request.region, _resource(request))


@resource("PUT", admin=True)
def update_resource(request):
    """Change a DNS resource."""
    region, row = request.region, _resource(request)
    name, domain = _named(request, request.form)
    name = row["name"] if name is None else str(name)
    domain_id = domain["id"] if domain else row["domain"]
    words = _addresses(request, row)
    check = Check(request, row)
    _check_name(check, name)
    address_ttl = _ttl(check, "address_ttl", row)
    for other in region.rows("dnsresources").values():
        if other is not row and (other["name"], other["domain"]) == (name, domain_id):
            check.error("__all__", "Labels must be unique within their zone.")
    if words and any(item["rrtype"] == "CNAME" for item in dns.records_of(region, row)):
        check.error("__all__", "Cannot add address: CNAME present.")
    check.done()
    row.update(name=name, domain=domain_id, address_ttl=address_ttl)
    if "ip_addresses" in request.form:
        _set_addresses(request, row, words)
    return dns.show_resource(region, row)


@resource("DELETE", admin=True)
def delete_resource(request):
    """Delete a DNS resource with its records and addresses."""
    region, row = request.region, _resource(request)
    del region.rows("dnsresources")[row["id"]]
    for ident in row["ips"]:
        _drop_address(region, ident)
    for item in dns.records_of(region, row):
        del region.rows("dnsrecords")[item["id"]]
    return no_content()


# -- records -----------------------------------------------------------------------------------


@records("GET")
def list_records(request):
    """List records other than addresses."""
    region, kind = request.region, request.query.get("rrtype")
    by_resource = dns.records_by_resource(region)
    return [
        dns.show_record(region, item)
        for row in _filtered(request)
        for item in by_resource.get(row["id"], ())
        if not kind or item["rrtype"] == kind
    ]


def _check_record(check, region, resource_row, stored, ttl, kind, data):
    """What a record of that kind and data may not be; MAAS stumbles over unequal ttls."""
    if kind not in dns.TYPES:
        check.error("rrtype", f"{kind} is not one of {' '.join(dns.TYPES)}.")
        return
    problem = dns.format_problem(kind, data)
    if problem:
        check.error("__all__", problem)
        return
    if stored:
        return  # what else the name has is looked at in a creation only
    others = dns.records_of(region, resource_row) if resource_row else []
    if kind == "CNAME":
        if resource_row and (resource_row["ips"] or any(i["rrtype"] != kind for i in others)):
            check.error("__all__", _CNAME)
        elif others:
            check.error("__all__", "Only one CNAME can be associated with a name.")
    elif any(item["rrtype"] == "CNAME" for item in others):
        check.error("__all__", _CNAME)
    unlike = [item["ttl"] for item in others if item["rrtype"] == kind and item["ttl"] != ttl]
    if not check.errors and unlike and (ttl is None or unlike[0] is None):
        raise Answer(500, "%d format: a real number is required, not NoneType", TEXT)


@records("POST", admin=True)
def create_record(request):
    """Create a record, and its resource when there is none of the name."""
    region = request.region
    for field in ("rrtype", "rrdata"):
        if request.form.get(field) is None:
            raise Answer(400, f"{field} must be provided.", TEXT)
    name, domain = _named(request, request.form)
    if name is None or domain is None:
        raise Answer(400, "Either name and domain (or fqdn) must be specified", TEXT)
    check = Check(request)
    kind, data = str(request.form.get("rrtype")).upper(), str(request.form.get("rrdata"))
    ttl = _ttl(check, "ttl", None)
    _check_name(check, name)
    found = [row for row in dns.of_domain(region, domain) if row["name"] == name]
    if not check.errors:
        _check_record(check, region, found[0] if found else None, None, ttl, kind, data)
    check.done()
    fields = {"name": str(name), "domain": domain["id"], "address_ttl": None, "ips": []}
    row = found[0] if found else region.rows("dnsresources").add(fields)
    item = {"resource": row["id"], "ttl": ttl, "rrtype": kind, "rrdata": data}
    return dns.show_record(region, region.rows("dnsrecords").add(item))


@record("GET")
def read_record(request):
    """Read a record."""
    return dns.show_record(request.region, _record(request))


@record("PUT", admin=True)
def update_record(request):
    """Change a record."""
    region, item = request.region, _record(request)
    check = Check(request, item)
    kind = check.text("rrtype", required=True).upper()
    data = check.text("rrdata", required=True)
    ttl = _ttl(check, "ttl", item)
    row = region.rows("dnsresources")[item["resource"]]
    if not check.errors:
        _check_record(check, region, row, item, ttl, kind, data)
    check.done()
    item.update(ttl=ttl, rrtype=kind, rrdata=data)
    return dns.show_record(region, item)


@record("DELETE", admin=True)
def delete_record(request):
    """Delete a record, and its resource when nothing is left of that."""
    region, item = request.region, _record(request)
    del region.rows("dnsrecords")[item["id"]]
    row = region.rows("dnsresources")[item["resource"]]
    if not row["ips"] and not dns.records_of(region, row):
        del region.rows("dnsresources")[row["id"]]
    return no_content()
