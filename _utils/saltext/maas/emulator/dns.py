"""The records of a region's domains."""

from __future__ import annotations

import re

from saltext.maas.emulator import ips, networks
from saltext.maas.emulator.web import TEXT, Answer

#: Kinds that ``dnsresourcerecords/`` takes, in the order of the message about others.
TYPES = ("MX", "CNAME", "SSHFP", "SRV", "NS", "TXT")
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?"
_PORT = r"(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]?\d{1,4})"
_HOST = re.compile(rf"{_NAME}\Z")
_FORMATS = {
    "MX": (
        re.compile(rf"{_PORT}\s+{_NAME}\Z"),
        "Invalid MX: Should be '<preference> <server>'. Range for preference is 0-65535.",
    ),
    "SRV": (
        re.compile(rf"{_PORT}\s+{_PORT}\s+{_PORT}\s+({_NAME}|\.)\Z"),
        "Invalid SRV: Should be '<priority> <weight> <port> <server>'. Range for priority, weight"
        " and port are 0-65535.",
    ),
    "SSHFP": (
        re.compile(r"[0-4]\s+[0-2]\s+[0-9a-fA-F]+\Z"),
        "Invalid SSHFP: Should be '<algorithm> <fptype> <fingerprint>'.",
    ),
}


def format_problem(kind, data):
    """Why the data of a record is not of its kind's form, or None."""
    if kind in _FORMATS:
        pattern, message = _FORMATS[kind]
        return None if pattern.match(data) else message
    if kind in ("CNAME", "NS") and not _HOST.match(data):
        return f"Invalid {kind}: Should be '<server>'."
    return None


def split(fqdn, domains):
    """Name and domain of a full name: the longest domain that is known, else the first dot."""
    known = sorted((row["name"] for row in domains.values()), key=len, reverse=True)
    for domain in known:
        if fqdn == domain:
            return "@", domain
        if fqdn.endswith("." + domain):
            return fqdn[: -len(domain) - 1], domain
    name, _, domain = fqdn.partition(".")
    return name, domain


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
    found = {}
    for row in region.rows("dnsrecords").values():
        found.setdefault(row["resource"], []).append(row)
    return found


def of_domain(region, domain):
    """The resources of a domain."""
    rows = region.rows("dnsresources").values()
    return [row for row in rows if row["domain"] == domain["id"]]


def count(region, domain):
    """How many addresses and other records were put into a domain."""
    serial, counts = region.state.get("dns_counts", (None, {}))
    if serial != region.serial:
        domains, counts = {}, {}
        for row in region.rows("dnsresources").values():
            domains[row["id"]] = row["domain"]
            counts[row["domain"]] = counts.get(row["domain"], 0) + len(row["ips"])
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


KMS = "_vlmcs._tcp"
_OWN = "0 0 1688 "  # how the data of the record begins that MAAS keeps there


def keep_kms(region, domains=None):
    """Keep the record that tells Windows of ``windows_kms_host`` in authoritative domains."""
    host = str(region.settings.get("windows_kms_host") or "")
    for domain in domains or [row for row in region.rows("domains").values()
                              if row["authoritative"]]:  # fmt: skip
        named = [row for row in of_domain(region, domain) if row["name"] == KMS]
        own = [item for row in named for item in records_of(region, row)
               if item["rrtype"] == "SRV" and item["rrdata"].startswith(_OWN)]  # fmt: skip
        if not host:  # the name stays, without the record
            for item in own:
                del region.rows("dnsrecords")[item["id"]]
            continue
        fields = {"name": KMS, "domain": domain["id"], "address_ttl": None, "ips": []}
        row = named[0] if named else region.rows("dnsresources").add(fields)
        data = _OWN + host + ("" if host.endswith(".") else ".")
        if own:
            own[0]["rrdata"] = data
        else:
            item = {"resource": row["id"], "ttl": None, "rrtype": "SRV", "rrdata": data}
            region.rows("dnsrecords").add(item)


def user_number(region, name):
    """What stands for the id of a user: its place among the accounts."""
    return list(region.users).index(name) + 1 if name in region.users else None


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
    """A domain that has resources or nodes cannot be deleted: an error of the server.

    Raises:
        Answer: 500 with the text of the database layer.
    """
    nodes = [node for node in networks.all_nodes(region) if node.get("domain") == domain["id"]]
    held = {
        "Node.domain": [f"<Node: {node['system_id']} ({node['hostname']})>" for node in nodes],
        "DNSResource.domain": [
            f"<DNSResource: name={row['name']}>" for row in of_domain(region, domain)
        ],
    }
    keys = ", ".join(f"'{key}'" for key, rows in held.items() if rows)
    if keys:
        listed = ", ".join(one for rows in held.values() for one in rows)
        text = "Cannot delete some instances of model 'Domain' because they are referenced through"
        where = f"protected foreign keys: {keys}."
        raise Answer(500, f'("{text} {where}", {{{listed}}})', TEXT)
