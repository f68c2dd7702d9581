"""``dnsresources/`` and ``dnsresourcerecords/``."""

from __future__ import annotations

from maas_emulator import dns, forms_2x, ips
from maas_emulator.bodies import Form
from maas_emulator.crud import by_id
from maas_emulator.forms import is_ip, truth
from maas_emulator.web import TEXT, Answer, Endpoint, Missing, no_content

resources = Endpoint("dnsresources/", "DNSResourcesHandler")
resource = Endpoint("dnsresources/{id}/", "DNSResourceHandler")
records = Endpoint("dnsresourcerecords/", "DNSResourceRecordsHandler")
record = Endpoint("dnsresourcerecords/{id}/", "DNSResourceRecordHandler")

_resource = by_id("dnsresources", "DNSResource")
_record = by_id("dnsrecords", "DNSData")
_CNAME = "CNAME records for a name cannot coexist with non-CNAME records."


def _domain(request, given):
    """The domain that a form or query names by id or name; a wrong one is a 404."""
    for row in request.region.rows("domains").values():
        if str(given) == (str(row["id"]) if str(given).isdigit() else row["name"]):
            return row
    raise Missing("Domain", request)


def _named(request, source, kind="A"):
    """Name and domain of a form or query: both, or together as ``fqdn``."""
    name, domain, fqdn = (source.get(field) for field in ("name", "domain", "fqdn"))
    if name is None and domain is None and fqdn is not None:
        name, domain = dns.split(str(fqdn), request.region.rows("domains"), kind)
    return name, _domain(request, domain) if domain is not None else None


def _filtered(request):
    """The resources that the filters of a list ask for."""
    name, domain = _named(request, request.query, request.query.get("rrtype"))
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


def _form(request, stored, name, domain):
    """The form of a resource, read as far as its addresses, which it keeps in ``cleaned``."""
    region = request.region
    sent = Form(request.form)
    for field, value in (("name", name), ("domain", domain and domain["id"])):
        if value is not None:
            sent[field] = [value]
    if stored and stored["ips"] and sent.get("ip_addresses") is None:
        # Of the addresses that it has, the form sees the last one only.
        sent["ip_addresses"] = [region.rows("ips")[stored["ips"][-1]]["ip"]]
    fields = (
        forms_2x.text("name", required=True, model=(forms_2x.at_most(191),)),
        forms_2x.reference("domain", forms_2x.by_key(region.rows("domains")), required=True),
        forms_2x.integer("address_ttl", low=0, high=2147483647, keeps_none=True),
        forms_2x.text("ip_addresses", model=None),
    )
    form = forms_2x.ModelForm(request, fields, stored, sent)
    form.read()
    given = sent.get("ip_addresses")
    if given is not None and region.release >= "3.4":
        if "name" not in form.cleaned:
            raise Answer(500, "'name'", TEXT)
        problem = dns.bad_name(form.cleaned["name"])
        if problem:
            form.error("__all__", problem)
    form.apply()
    return form


def _words(form):
    """The addresses of a form; that one is no address is found when they are stored."""
    words = str(form.data.get("ip_addresses") or "").split()
    for word in words:
        if not is_ip(word):
            text = f"failed to detect a valid IP address from '{word}'"
            raise Answer(500, text, TEXT)
    return words


def _set_addresses(request, row, words):
    region = request.region
    wanted = []
    for word in words:
        found = ips.find(region, word) or ips.add(region, word, owner=request.user.username)
        wanted.append(found["id"])
    row["ips"] = wanted  # those it had before stay reserved


def _drop_address(region, ident):
    """Forget an address of nothing but a name, once no resource has it any more."""
    table, rows = region.rows("ips"), region.rows("dnsresources").values()
    named = any(ident in row["ips"] for row in rows)
    held = table[ident]
    if not named and held["alloc_type"] == ips.USER_RESERVED and not held.get("nic"):
        del table[ident]


@resources("POST", admin=True)
def create_resource(request):
    """Create a DNS resource."""
    row = _new_resource(request, *_named(request, request.form))
    return dns.show_resource(request.region, row)


def _new_resource(request, name, domain):
    region = request.region
    form = _form(request, None, name, domain)
    new = form.row
    for row in region.rows("dnsresources").values():
        if new["name"] and (row["name"], row["domain"]) == (new["name"], new["domain"]):
            form.error("__all__", "Labels must be unique within their zone.")
    form.done()
    words = _words(form)
    row = dns.new_resource(region, new["name"], new["domain"], new["address_ttl"])
    _set_addresses(request, row, words)
    return row


@resource("GET")
def read_resource(request):
    """Read a DNS resource."""
    return dns.show_resource(request.region, _resource(request))


@resource("PUT")
def update_resource(request):
    """Change a DNS resource."""
    region, (name, domain) = request.region, _named(request, request.form)
    row = _resource(request)
    request.admin_only()
    form = _form(request, row, name, domain)
    if row["ips"]:
        problem = dns.bad_name(form.row["name"])
        aliased = any(item["rrtype"] == "CNAME" for item in dns.records_of(region, row))
        problem = problem or ("Cannot add address: CNAME present." if aliased else None)
        if problem:
            form.error("__all__", problem)
    form.done()
    words = _words(form)
    row.update({key: form.row[key] for key in ("name", "domain", "address_ttl")})
    _set_addresses(request, row, words)
    return dns.show_resource(region, row)


@resource("DELETE")
def delete_resource(request):
    """Delete a DNS resource with its records and addresses."""
    region, row = request.region, _resource(request)
    request.admin_only()
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


def _read_record(request, resource_row, stored):
    """The fields of a record, checked; what stands beside it counts for new ones only."""
    region = request.region
    fields = (
        forms_2x.integer("ttl", low=0, high=2147483647, keeps_none=True),
        forms_2x.text("rrtype", required=True, default="", model=(_bad_type, forms_2x.at_most(8))),
        forms_2x.text("rrdata", required=True, default=""),
    )
    form = forms_2x.ModelForm(request, fields, stored)
    form.read()
    form.apply()
    row = form.row
    row["rrtype"] = row["rrtype"].upper()
    problem = dns.format_problem(region, row["rrtype"], row["rrdata"])
    if problem is None and stored is None:
        problem = _beside(region, resource_row, row)
    if problem:
        form.error("__all__", problem)
    form.done()
    return row


def _bad_type(kind):
    if kind.upper() in dns.TYPES:
        return None
    return f"{kind.upper()} is not one of {' '.join(dns.TYPES)}."


def _beside(region, resource_row, row):
    """What a new record is not with those that its resource has; MAAS stumbles over ttls."""
    others = dns.records_of(region, resource_row)
    aliased = any(item["rrtype"] == "CNAME" for item in others)
    if row["rrtype"] == "CNAME":
        if resource_row["ips"] or any(item["rrtype"] != "CNAME" for item in others):
            return _CNAME
        if aliased:
            return "Only one CNAME can be associated with a name."
    elif aliased:
        return _CNAME
    different = [
        item["ttl"]
        for item in others
        if item["rrtype"] == row["rrtype"] and item["ttl"] != row["ttl"]
    ]
    if different and None in (row["ttl"], different[0]):
        raise Answer(500, "%d format: a real number is required, not NoneType", TEXT)
    return None


@records("POST", admin=True)
def create_record(request):
    """Create a record, and its resource when there is none of the name."""
    region = request.region
    for field in ("rrtype", "rrdata"):
        if request.form.get(field) is None:
            raise Answer(400, f"{field} must be provided.", TEXT)
    name, domain = _named(request, request.form, request.form.get("rrtype"))
    if name is None or domain is None:
        raise Answer(400, "Either name and domain (or fqdn) must be specified", TEXT)
    found = [row for row in dns.of_domain(region, domain) if row["name"] == name]
    row = found[0] if found else _new_resource(request, name, domain)
    try:
        item = _read_record(request, row, None)
    except Answer:
        if not found:
            del region.rows("dnsresources")[row["id"]]
        raise
    item = region.rows("dnsrecords").add({**item, "resource": row["id"]})
    return dns.show_record(region, item)


@record("GET")
def read_record(request):
    """Read a record."""
    return dns.show_record(request.region, _record(request))


@record("PUT")
def update_record(request):
    """Change a record."""
    region, item = request.region, _record(request)
    request.admin_only()
    item.update(_read_record(request, region.rows("dnsresources")[item["resource"]], item))
    return dns.show_record(region, item)


@record("DELETE")
def delete_record(request):
    """Delete a record, and its resource when nothing is left of that."""
    region, item = request.region, _record(request)
    request.admin_only()
    del region.rows("dnsrecords")[item["id"]]
    row = region.rows("dnsresources")[item["resource"]]
    if not row["ips"] and not dns.records_of(region, row):
        del region.rows("dnsresources")[row["id"]]
    return no_content()
