"""The records of a region's domains."""

from __future__ import annotations

import re

from maas_emulator import ips
from maas_emulator.web import TEXT, Answer

#: Kinds that ``dnsresourcerecords/`` takes; the order in the message about others is a set's.
TYPES = ("MX", "CNAME", "SSHFP", "SRV", "NS", "TXT")
BAD_MX = "Invalid MX: Should be '<preference> <server>'. Range for preference is 0-65535."
BAD_SRV = (
    "Invalid SRV: Should be '<priority> <weight> <port> <server>'. Range for priority, weight,"
    " and port are 0-65536."
)
BAD_SSHFP = "Invalid SSHFP: Should be '<algorithm> <fptype> <fingerprint>'."
INTERNAL = "Domain name cannot duplicate maas internal domain name."
BAD_CNAME = "Invalid CNAME: Should be '<server>'."
#: One label of a name, and a whole one, as MAAS checks them: one letter may be too many.
_LABEL = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,62}[a-zA-Z0-9])?"
_NAME = rf"(?:{_LABEL}[.])*{_LABEL}[.]?"
_SERVICE = rf"_{_LABEL}._{_LABEL}(?:.{_LABEL})?"
_ALIAS_LABEL = r"[_a-zA-Z0-9](?:[-_a-zA-Z0-9]{0,62}[_a-zA-Z0-9])?"
_ALIAS = re.compile(rf"(?:{_ALIAS_LABEL}\.)*{_ALIAS_LABEL}\.?\Z")
SPECIAL = ("", "@", "*")
KMS_NAME, KMS_DATA = "_vlmcs._tcp", "0 0 1688 "


# -- names -------------------------------------------------------------------------------------


def bad_domain(region, name):
    """Why a text is no name of a domain, or None."""
    if len(name) > 255:
        return "Domain name length cannot exceed 255 characters."
    if not re.fullmatch(_NAME, name):
        if re.sub("[a-zA-Z0-9-.]*", "", name):
            return "Domain name contains invalid characters."
        return f"Invalid domain name: {name}."
    if name == region.settings.get("maas_internal_domain"):
        return INTERNAL
    return None


def bad_labels(name):
    """Why a name's labels are none, or None."""
    if len(name) > 255:
        return "Hostname is too long.  Maximum allowed is 255 characters."
    for label in name.split("."):
        if not label:
            return "DNS name contains an empty label."
        if len(label) > 63:
            return f"Label is too long: {label!r}.  Maximum allowed is 63 characters."
        if label.startswith("-") or label.endswith("-"):
            return f"Label cannot start or end with hyphen: {label!r}."
        if not re.fullmatch("[a-zA-Z0-9-]*", label):
            return f"Label contains disallowed characters: {label!r}."
    return None


def bad_hostname(name):
    """Why a text is no name of a host, or None."""
    host = name.split(".")[0]
    if "_" in host:
        return f"Host label cannot contain underscore: {host!r}."
    return bad_labels(name)


def name_checks(region):
    """The model's checks of a domain's name, which does not count a dot at its end."""
    return (
        lambda value: bad_domain(region, value.strip().rstrip(".")),
        lambda value: bad_labels(value.strip().rstrip(".")),
    )


def bad_name(name, kind="A"):
    """Why a name of a resource with addresses is none, or None."""
    if name in (None, *SPECIAL):
        return None
    pattern = _SERVICE if kind == "SRV" else _LABEL
    return None if re.fullmatch(pattern, name) else f"Invalid dnsresource name: {name}."


def split(fqdn, domains, kind="A"):
    """Name and domain of a full name: the first label, of a service the first two or three.

    Raises:
        Answer: 500 when it cannot be split.
    """
    if fqdn in SPECIAL:
        return fqdn, None
    if any(row["name"] == fqdn for row in domains.values()):
        return "@", fqdn
    pattern = _SERVICE if kind == "SRV" else _LABEL
    match = re.fullmatch(rf"(?P<name>{pattern}).(?P<domain>{_NAME})", fqdn)
    if not match:
        raise Answer(500, "cannot unpack non-iterable NoneType object", TEXT)
    return match.group("name"), match.group("domain")


def format_problem(region, kind, data):
    """Why the data of a record is not of its kind's form, or None."""
    if kind == "CNAME":
        return None if _ALIAS.match(data) else BAD_CNAME
    if kind == "SSHFP":
        return None if re.match(r"[0-9]+\s+[0-9]+\s+.*\Z", data) else BAD_SSHFP
    if kind == "NS":
        return bad_domain(region, data)
    if kind == "MX":
        match = re.match(r"([0-9]+)\s+(.+)\Z", data)
        if not match or int(match.group(1)) > 65535:
            return BAD_MX
        return bad_domain(region, match.group(2))
    if kind == "SRV":
        match = re.match(r"([0-9]+)\s+([0-9]+)\s+([0-9]+)\s+(.*)", data)
        if not match or any(int(number) > 65535 for number in match.groups()[:3]):
            return BAD_SRV
        return None if match.group(4) == "." else bad_domain(region, match.group(4))
    return None


# -- what a domain holds -----------------------------------------------------------------------


def check_kms(region, host):
    """Refuse a Windows licensing server that is no name.

    Raises:
        Answer: 400.
    """
    problem = bad_domain(region, host) if host else None
    if problem:
        raise Answer(400, problem, TEXT)


def kms_changed(region):
    """Give every domain that MAAS serves the record of the Windows licensing server."""
    for domain in region.rows("domains").values():
        if domain["authoritative"]:
            set_kms(region, domain)


def set_kms(region, domain):
    """Keep the record of the Windows licensing server in a domain; without one it goes."""
    host = region.settings.get("windows_kms_host")
    named = [row for row in of_domain(region, domain) if row["name"] == KMS_NAME]
    table = region.rows("dnsrecords")
    own = [
        item
        for row in named
        for item in records_of(region, row)
        if item["rrtype"] == "SRV" and item["rrdata"].startswith(KMS_DATA)
    ]
    if not host:
        for item in own:
            del table[item["id"]]
        return
    data = KMS_DATA + host.rstrip(".") + "."
    if own:
        own[0]["rrdata"] = data
        return
    row = named[0] if named else new_resource(region, KMS_NAME, domain["id"])
    table.add({"resource": row["id"], "ttl": None, "rrtype": "SRV", "rrdata": data})


def new_resource(region, name, domain, address_ttl=None):
    """Make a resource without addresses."""
    fields = {"name": name, "domain": domain, "address_ttl": address_ttl, "ips": []}
    return region.rows("dnsresources").add(fields)


def take_over(region, domain):
    """A resource of the domain above that has a domain's name becomes its ``@``."""
    label, _, above = domain["name"].partition(".")
    for parent in region.rows("domains").values():
        if parent["name"] == above:
            for row in of_domain(region, parent):
                if row["name"] == label:
                    row.update(name="@", domain=domain["id"])


def show_domain(region, row):
    """A domain as the API shows it."""
    shown = {
        "id": row["id"],
        "name": row["name"],
        "authoritative": row["authoritative"],
        "ttl": row["ttl"],
        "resource_record_count": count(region, row),
        "resource_uri": f"/MAAS/api/2.0/domains/{row['id']}/",
    }
    if region.release >= "2.4":
        shown["is_default"] = row["default"]
    return shown


def fqdn(region, resource):
    """The full name of a resource."""
    domain = region.rows("domains")[resource["domain"]]["name"]
    return domain if resource["name"] == "@" else f"{resource['name']}.{domain}"


def records_of(region, resource):
    """The records of a resource other than its addresses."""
    rows = region.rows("dnsrecords").values()
    return [row for row in rows if row["resource"] == resource["id"]]


def records_by_resource(region):
    """The records of all resources, by the id of the resource."""
    found: dict = {}
    for row in region.rows("dnsrecords").values():
        found.setdefault(row["resource"], []).append(row)
    return found


def of_domain(region, domain):
    """The resources of a domain."""
    rows = region.rows("dnsresources").values()
    return [row for row in rows if row["domain"] == domain["id"]]


def count(region, domain):
    """How many addresses and other records were put into a domain."""
    counts: dict
    serial, counts = region.state.get("dns_counts", (None, {}))
    if serial != region.serial:
        addresses: dict = {}
        counts = {}
        domains = {}
        for row in region.rows("dnsresources").values():
            domains[row["id"]] = row["domain"]
            addresses.setdefault(row["domain"], set()).update(row["ips"])
        for ident, found in addresses.items():
            counts[ident] = len(found)
        for row in region.rows("dnsrecords").values():
            counts[domains[row["resource"]]] += 1
        region.state["dns_counts"] = region.serial, counts
    return counts.get(domain["id"], 0)


def show_record(region, row):
    """A record as the API shows it."""
    resource = region.rows("dnsresources")[row["resource"]]
    return {
        "id": row["id"],
        "fqdn": fqdn(region, resource),
        "ttl": row["ttl"],
        "rrtype": row["rrtype"],
        "rrdata": row["rrdata"],
        "resource_uri": f"/MAAS/api/2.0/dnsresourcerecords/{row['id']}/",
    }


def show_resource(region, row, records=None):
    """A resource as the API shows it.

    Args:
        region: The region.
        row: The resource.
        records: Its records, where they were found before.
    """
    table = region.rows("ips")
    records = records_of(region, row) if records is None else records
    return {
        "id": row["id"],
        "fqdn": fqdn(region, row),
        "address_ttl": row["address_ttl"],
        "ip_addresses": [ips.show(region, table[ident]) for ident in row["ips"]],
        "resource_records": [show_record(region, item) for item in records],
        "resource_uri": f"/MAAS/api/2.0/dnsresources/{row['id']}/",
    }


def user_number(region, name):
    """The id of a user, or None."""
    return region.users[name].number if name in region.users else None


def show_all(region, resources):
    """What the DNS itself holds, one entry a name, as ``all=true`` shows it."""
    table, shown = region.rows("ips"), []
    for row in resources:
        entries = [
            made_entry(
                table[ident]["ip"], row["address_ttl"], user_number(region, table[ident]["owner"])
            )
            for ident in row["ips"]
        ]
        entries += [
            {
                **made_entry(item["rrdata"], item["ttl"], None),
                "rrtype": item["rrtype"],
                "dnsdata_id": item["id"],
            }
            for item in records_of(region, row)
        ]
        for entry in entries:
            entry["dnsresource_id"] = row["id"]
        if entries:
            shown.append(show_made(fqdn(region, row), entries))
    return shown


def made_entry(data, ttl, user):
    """A record that MAAS makes of an address."""
    return {
        "rrtype": "AAAA" if ":" in data else "A",
        "rrdata": data,
        "ttl": ttl,
        "dnsdata_id": None,
        "user_id": user,
        "system_id": None,
        "node_type": None,
        "dnsresource_id": None,
    }


def show_made(name, entries):
    """A name that is in the DNS, with its records."""
    return {
        "id": -1,
        "fqdn": name,
        "address_ttl": None,
        "ip_addresses": None,
        "resource_records": entries,
        "resource_uri": "/MAAS/api/2.0/dnsresources/-1/",
    }


def show_unnamed(region):
    """The names that MAAS makes for reserved addresses which have none."""
    named = {ident for row in region.rows("dnsresources").values() for ident in row["ips"]}
    domain = next(row for row in region.rows("domains").values() if row["default"])
    return [
        show_made(
            f"{row['ip'].replace('.', '-').replace(':', '-')}.{domain['name']}",
            [made_entry(row["ip"], None, user_number(region, row["owner"]))],
        )
        for row in region.rows("ips").values()
        if row["id"] not in named and row["alloc_type"] == ips.USER_RESERVED
    ]


def refuse_in_use(region, domain):
    """A domain that has nodes or resources cannot be deleted: an error of the server.

    Raises:
        Answer: 500 with the text of the database layer.
    """
    nodes = [node for kind in ("machines", "devices", "racks", "regions")
             for node in region.rows(kind).values() if node["domain"] == domain["id"]]  # fmt: skip
    held = of_domain(region, domain)
    if nodes or held:
        listed = [f"<Node: {node['system_id']} ({node['hostname']})>" for node in nodes]
        listed += [f"<DNSResource: name={row['name']}>" for row in held]
        keys = ["'Node.domain'"] * bool(nodes) + ["'DNSResource.domain'"] * bool(held)
        text = "Cannot delete some instances of model 'Domain' because they are referenced through"
        where = f"protected foreign keys: {', '.join(keys)}."
        raise Answer(500, f'("{text} {where}", {{{", ".join(listed)}}})', TEXT)
