"""DNS domains, the addresses of their names, and their other records (API 2.0)."""

from __future__ import annotations

from saltext.maas.client.errors import NotDone
from saltext.maas.resources import kinds
from saltext.maas.resources.field import Field
from saltext.maas.resources.nodes import member, named
from saltext.maas.resources.place import Place
from saltext.maas.resources.table import Table

_DOMAIN = Field(
    "domain", ref="domain", readable=False, doc="Its domain; found from the name where not given."
)


class Domain(Table):
    name = "domain"
    noun = "domain"
    since = "2.0"
    collection = "domains/"
    identity = ("name",)
    apart = ("is_default",)
    pillar = Place("domains", "DNS domains. From 2.0 on.", "name", name="DOMAIN")
    fields = (
        Field("name", kinds.DOMAIN, doc="Name, unique in the region."),
        Field("ttl", kinds.TTL, doc="Default time to live of its records, in seconds."),
        Field("authoritative", kinds.BOOLEAN, usual=True, doc="Whether MAAS serves the domain."),
        Field(
            "is_default", kinds.BOOLEAN, since="2.4",
            usual=lambda values: (False, True) if values.get("name") == "maas" else False,
            doc="true makes it the domain of new machines.",
        ),
        Field(
            "forward_dns_servers", kinds.ADDRESS_SET, since="3.1", readable=False,
            doc="DNS servers to ask for a domain that is not authoritative; sent at creation only.",
        ),
    )  # fmt: skip
    example = {"name": "example.com", "ttl": 300, "authoritative": True}
    changed = {"ttl": 600}

    def pristine(self, snapshot, partition):
        return [{"id": 0, "name": "maas", "authoritative": True, "ttl": None, "is_default": True}]

    def kept(self, raw):
        return bool(raw.get("is_default", raw["id"] == 0))

    def contents(self, snapshot, raw):
        for type in ("dns_record", "dns_resource"):
            for record in snapshot.records(type).values():
                fqdn = snapshot.tables[type].by_name["fqdn"].value(record.raw)
                owner = max((key for key in snapshot.records(self.name) if _within(fqdn, key)),
                            key=len, default=None)  # fmt: skip
                if owner == raw["name"] and not _goes_along(snapshot, type, record):
                    yield "fqdn", (type, record.key)

    def hazard(self, snapshot, record):
        return member(snapshot, lambda node: named(node, "domain") == record.key)

    def problem(self, snapshot, wanted, record):
        """Why a wish cannot come true, seen before anything is sent."""
        if record and wanted.values.get("is_default") is False and record.raw.get("is_default"):
            return "it is the default domain; make another one the default instead"
        return super().problem(snapshot, wanted, record)

    def form(self, snapshot, values):
        return super().form(snapshot, {k: v for k, v in values.items() if k != "is_default"})

    def create(self, run, wanted):
        super().create(run, wanted)
        self._make_default(run, wanted)

    def update(self, run, wanted, record):
        super().update(run, wanted, record)
        self._make_default(run, wanted)

    def _make_default(self, run, wanted):
        record = self.match(run.snapshot, wanted)
        if not wanted.values.get("is_default") or record is None or record.raw.get("is_default"):
            return
        raw = run.client.post(self.item(run.snapshot, record.raw), op="set_default")
        # The one that was the default is not any more.
        run.snapshot.drop(self.name)
        if not isinstance(raw, dict) or not raw.get("is_default"):
            raise NotDone("the region answered with success, but did not make it the default")


class _Named(Table):
    """What belongs to a name in a domain, which MAAS answers as one fully qualified name."""

    def parse(self, name):
        return {"fqdn": str(name).rstrip(".")}

    def from_pillar(self, values):
        label, domain = values["fqdn"], values["domain"]
        return {**values, "fqdn": domain if label == "@" else f"{label}.{domain}"}

    def to_pillar(self, snapshot, values):
        fqdn = values["fqdn"]
        domain = max((key for key in snapshot.records("domain") if _within(fqdn, key)), key=len)
        return {**values, "fqdn": fqdn[: -len(domain) - 1] or "@", "domain": domain}

    def exports(self, snapshot, record):
        # What MAAS makes itself, such as the names of machines, has no domain of its own here.
        return any(_within(record.raw["fqdn"], key) for key in snapshot.records("domain"))

    def normal(self, field, value, values):
        found = super().normal(field, value, values)
        return found.rstrip(".") if field.name in ("fqdn", "domain") and found else found

    def needs(self, wanted, everything):
        found = super().needs(wanted, everything)
        return found | {
            ("domain", one.key)
            for one in everything.of("domain")
            if _within(wanted.values["fqdn"], one.key)
        }

    def form(self, snapshot, values):
        values = dict(values)
        fqdn, domain = values.pop("fqdn", None), values.pop("domain", None)
        data, files = super().form(snapshot, values)
        if fqdn is None:
            return data, files
        there = [key for key in snapshot.records("domain") if _within(fqdn, key)]
        domain = domain or max(there, key=len, default=None)
        if domain is None:
            data["fqdn"] = fqdn
        else:
            data["name"] = fqdn[: -len(domain) - 1] or "@"
            data["domain"] = snapshot.resolve("domain", domain)["id"]
        return data, files


class DnsResource(_Named):
    name = "dns_resource"
    noun = "DNS name"
    since = "2.0"
    collection = "dnsresources/"
    identity = ("fqdn",)
    copies = "raced"
    pillar = Place(
        "resources", "Its names with their addresses (A and AAAA records).", "fqdn",
        under="domain", parent="domain", names=kinds.HOST_LABEL,
    )  # fmt: skip
    fields = (
        Field("fqdn", doc="Fully qualified name."),
        _DOMAIN,
        Field(
            "ip_addresses", kinds.ADDRESS_SET, doc="Its addresses.",
            read=lambda raw: [one["ip"] for one in raw.get("ip_addresses") or () if one.get("ip")],
        ),
        Field("address_ttl", kinds.TTL, doc="Time to live of the addresses, in seconds."),
    )  # fmt: skip

    def exports(self, snapshot, record):
        # MAAS makes one without addresses for each record.
        has = bool(self.by_name["ip_addresses"].value(record.raw))
        return has and super().exports(snapshot, record)

    after = ("ip_address",)  # so that those need not be read again

    def after_creation(self, snapshot, raw):
        snapshot.drop("ip_address")  # which lists the addresses of names, too

    def update(self, run, wanted, record):
        super().update(run, wanted, record)
        run.snapshot.drop("ip_address")

    def after_deletion(self, snapshot):
        snapshot.drop("ip_address")
        snapshot.drop("dns_record")  # they go along

    around = (("domain", {"name": "example.com"}),)
    example = {"fqdn": "www.example.com", "ip_addresses": ["192.0.2.5"], "address_ttl": 60}
    changed = {"ip_addresses": ["192.0.2.6", "192.0.2.7"]}


class DnsRecord(_Named):
    name = "dns_record"
    noun = "DNS record"
    since = "2.0"
    collection = "dnsresourcerecords/"
    identity = ("fqdn", "rrtype", "rrdata")
    copies = "raced"
    pillar = Place(
        "records", "Its other records.", under="domain", parent="domain",
        needed=("fqdn", "rrtype", "rrdata"), spelled={"fqdn": "name"},
    )  # fmt: skip
    fields = (
        Field(
            "fqdn", kinds.HOST_LABEL,
            doc="Name: within the domain in a pillar, where @ is the domain; elsewhere a full one.",
        ),
        _DOMAIN,
        Field(
            "rrtype", kinds.choice("CNAME", "MX", "NS", "SRV", "SSHFP", "TXT"), doc="Type."
        ),
        Field(
            "rrdata", doc="Data, such as '10 mail.example.com' for MX.",
            read=lambda raw: _data(raw["rrtype"], raw["rrdata"]),
        ),
        Field("ttl", kinds.TTL, doc="Time to live in seconds; one for all of a name and type."),
    )  # fmt: skip
    around = (("domain", {"name": "example.com"}),)
    example = {"fqdn": "example.com", "rrtype": "MX", "rrdata": "10 mail.example.com", "ttl": 300}
    changed = {"ttl": 600}

    after = ("dns_resource",)  # so that those need not be read again

    def after_deletion(self, snapshot):
        snapshot.drop("dns_resource")  # a name goes with its last record

    def key(self, values):
        return f"{values['fqdn']} {values['rrtype']} {values['rrdata']}"

    def normal(self, field, value, values):
        found = super().normal(field, value, values)
        return _data(values.get("rrtype"), found) if field.name == "rrdata" and found else found

    def needs(self, wanted, everything):
        # MAAS makes the name together with a first record, so two at once would be in each
        # other's way.
        fqdn, found = wanted.values["fqdn"], super().needs(wanted, everything)
        found |= {
            (one.type, one.key) for one in everything.by("dns_resource", "fqdn").get(fqdn, ())
        }
        for one in everything.by(self.name, "fqdn").get(fqdn, ()):
            if one is wanted:
                break
            found.add((one.type, one.key))
        return found

    def after_creation(self, snapshot, raw):
        known = snapshot.loaded("dns_resource")  # else it need not be read only to be forgotten
        if known and raw["fqdn"] not in snapshot.records("dns_resource"):
            snapshot.drop("dns_resource")

    def match(self, snapshot, wanted):
        """Take the same record; a CNAME is the only one of its name, so it is changed in place."""
        records = snapshot.records(self.name)
        if wanted.key in records or wanted.values["rrtype"] != "CNAME" or wanted.absent:
            return records.get(wanted.key)
        same = snapshot.group(self.name, "fqdn").get(wanted.values["fqdn"], ())
        return next((one for one in same if self.by_name["rrtype"].value(one.raw) == "CNAME"), None)


def _goes_along(snapshot, type, record):
    """Whether something is a name without addresses, which goes with the last of its records."""
    table = snapshot.tables[type]
    if type != "dns_resource" or table.by_name["ip_addresses"].value(record.raw):
        return False
    return bool(snapshot.group("dns_record", "fqdn").get(record.key))


def _data(rrtype, text):
    """Data of a record; spaces count in a TXT record only."""
    return text if rrtype == "TXT" else " ".join(str(text).split())


def _within(fqdn, domain):
    return fqdn == domain or fqdn.endswith(f".{domain}")
