"""DNS domains, the addresses of their names, and their other records (API 2.0)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from saltext.maas.errors import NotDone, NotFound
from saltext.maas.release import Release
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import (
    Change,
    Changes,
    Desired,
    DesiredObjects,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.nodes import CONTROLLERS
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

_DOMAIN = Field(
    "domain", ref="domain", write_only=True, doc="Its domain; found from the name where not given."
)

_DOMAIN_NAME = (
    rules.matches(
        r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*",
        "a domain name such as example.com",
    ),
    rules.longest(255),
)
_DOMAIN_TTL = rules.Rule(
    "a whole number from 1 to 604800", lambda seconds: 1 <= seconds <= 604800, since="2.4"
)


_KMS = "_vlmcs._tcp"  # name of the record that MAAS makes for windows_kms_host


class Domain(Table):
    """DNS domains."""

    name = "domain"
    since = "2.0"
    collection = "domains/"
    apart = ("is_default",)
    outlives = ("rack",)
    node_part = "domain"
    pillar = PillarLocation("domains", "DNS domains.", "name", name="DOMAIN")
    fields = (
        Field("name", kinds.DOMAIN, rules=_DOMAIN_NAME, doc="Name, unique in the region."),
        Field("ttl", kinds.TTL, rules=(_DOMAIN_TTL,),
              doc="Default time to live of its records, in seconds."),
        Field("authoritative", kinds.BOOLEAN, server_default=True,
              doc="Whether MAAS serves the domain."),
        Field("is_default", kinds.BOOLEAN, since="2.4",
              server_default=lambda one: (False, True) if one.get("name") == "maas" else False,
              doc="True makes it the domain of new machines."),
        Field("forward_dns_servers", kinds.ADDRESS_SET, since="3.1", write_only=True,
              doc="DNS servers to ask for a domain that is not authoritative; create-only."),
    )  # fmt: skip
    example = {"name": "example.com", "ttl": 300, "authoritative": True}
    initial = ({"id": 0, "name": "maas", "authoritative": True, "ttl": None, "is_default": True},)

    def protection(self, snapshot: Snapshot, record: Record) -> str | None:
        default = record.raw.get("is_default", record.raw["id"] == 0)
        return "it is the default domain" if default else None

    def contents(self, snapshot: Snapshot, raw: dict) -> Iterator[tuple[str, tuple[str, str]]]:
        for type in ("dns_record", "dns_resource"):
            for record in snapshot.records(type).values():
                fqdn = snapshot.tables[type].by_name["fqdn"].value(record.raw)
                own = _domain_of(snapshot, fqdn) == raw["name"]
                if own and not _goes_along(snapshot, type, record):
                    yield "fqdn", (type, record.key)

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return the node because of which MAAS does not delete a domain."""
        if change.action != "delete":
            return None
        for record in snapshot.records("node").values():
            if (record.raw.get("domain") or {}).get("name") != change.desired.key:
                continue
            # Controllers may get another domain, or go, by the plan.
            tables = CONTROLLERS.get(record.raw.get("node_type", 0))
            if not tables or any(
                predicted.of(type).get(record.key, {}).get("domain") == change.desired.key
                for type in tables
            ):
                return f"{record.key} belongs to it; give that node another domain first"
        return None

    def delete(self, run: Run, desired: Desired, record: Record) -> None:
        self._remove_kms(run, record.key)
        super().delete(run, desired, record)

    @staticmethod
    def _remove_kms(run, domain):
        """Remove the record that MAAS made for windows_kms_host, since it blocks the deletion."""
        snapshot = run.snapshot
        if any(change.id == ("setting", "windows_kms_host") for change in run.plan.changes):
            snapshot.drop("dns_record")
            snapshot.drop("dns_resource")
        name = f"{_KMS}.{domain}"
        for type in ("dns_record", "dns_resource"):
            table = snapshot.tables[type]
            for one in list(snapshot.group(type, "fqdn").get(name, ())):
                with contextlib.suppress(NotFound):
                    run.client.delete(table.item(snapshot, one.raw))
                snapshot.forget(type, one.raw)
                table.after_write(snapshot, None, one.raw)

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why a domain cannot cease to be the default."""
        if record and desired.values.get("is_default") is False and record.raw.get("is_default"):
            return "it is the default domain; make another one the default instead"
        return super().problem(snapshot, desired, record)

    def finish(self, run: Run, desired: Desired) -> None:
        record = self.match(run.snapshot, desired)
        if not desired.values.get("is_default") or record is None or record.raw.get("is_default"):
            return
        raw = run.client.post(self.item(run.snapshot, record.raw), op="set_default")
        # The one that was the default is not any more.
        run.snapshot.drop(self.name)
        same = isinstance(raw, dict) and raw.get("id") == record.raw["id"]
        if not same or not raw.get("is_default"):
            raise NotDone("the region answered with success, but did not make it the default")


class _Named(Table):
    """What belongs to a name in a domain, which MAAS answers as one fully qualified name."""

    scope = "domain"

    def from_pillar(self, values: dict) -> dict:
        label, domain = values["fqdn"], values["domain"]
        return {**values, "fqdn": domain if label == "@" else f"{label}.{domain}"}

    def to_pillar(self, snapshot: Snapshot, values: dict) -> dict:
        fqdn = values["fqdn"]
        domain = _domain_of(snapshot, fqdn)
        return {**values, "fqdn": _label(fqdn, domain), "domain": domain}

    def scope_of(self, snapshot: Snapshot, record: Record) -> str:
        return _domain_of(snapshot, self.by_name["fqdn"].value(record.raw)) or ""

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        # What MAAS makes itself, such as the names of machines, has no domain of its own here.
        return bool(self.scope_of(snapshot, record))

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        found = super().normal(field, value, values)
        return found.rstrip(".") if field.name in ("fqdn", "domain") and found else found

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        found = super().requires(desired, everything)
        return found | {
            ("domain", one.key)
            for one in everything.of("domain")
            if _within(desired.values["fqdn"], one.key)
        }

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        values = dict(values)
        fqdn, domain = values.pop("fqdn", None), values.pop("domain", None)
        data, files = super().form(snapshot, values)
        if fqdn is None:
            return data, files
        domain = domain or _domain_of(snapshot, fqdn)
        if domain is None:
            data["fqdn"] = fqdn
        else:
            data["name"] = _label(fqdn, domain)
            data["domain"] = snapshot.resolve("domain", domain)["id"]
        return data, files


_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?")


class DnsResource(_Named):
    """Names in MAAS's DNS, with their addresses."""

    name = "dns_resource"
    noun = "DNS name"
    since = "2.0"
    collection = "dnsresources/"
    in_answers = {"ip_addresses": [dict]}
    identity = ("fqdn",)
    duplicates = "raced"
    pillar = PillarLocation(
        "resources", "Its names with their addresses (A and AAAA records).", "fqdn",
        under="domain", parent="domain", names=kinds.HOST_LABEL,
    )  # fmt: skip
    fields = (
        Field("fqdn", doc="Fully qualified name."),
        _DOMAIN,
        Field("ip_addresses", kinds.ADDRESS_SET,
              read=lambda raw: [one["ip"] for one in raw["ip_addresses"] if one.get("ip")],
              doc="Its addresses."),
        Field("address_ttl", kinds.TTL, doc="Time to live of the addresses, in seconds."),
    )  # fmt: skip

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        if not values.get("domain") or not values.get("ip_addresses"):
            return  # where a name ends and its domain begins, MAAS says
        label = _label(values["fqdn"], values["domain"])
        single = label == "@" or _LABEL.fullmatch(label)
        if release is not None and release >= "3.2" and not single and label != "*":
            yield "fqdn", f"{label!r} must be one label such as www, * or @ for the domain itself"

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        # MAAS makes one without addresses for each record.
        has = bool(self.by_name["ip_addresses"].value(record.raw))
        return has and super().exports(snapshot, record)

    after = ("ip_address",)  # so that those need not be read again

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        snapshot.drop("ip_address")  # which lists the addresses of names, too
        if new is None:
            snapshot.drop("dns_record")  # they go along

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        # Without all of them MAAS leaves the last only.
        return {"ip_addresses": self.by_name["ip_addresses"].value(record.raw), **changed}

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        record = super().match(snapshot, desired)
        if record is None or self._has_addresses(record):
            return record
        # Without addresses it is there for its other records only, and goes with the last of them.
        others = desired.absent and self._has_records(snapshot, record.raw)
        return None if others or desired.values.get("ip_addresses") else record

    def create(self, run: Run, desired: Desired) -> None:
        there = run.snapshot.records(self.name).get(desired.key)
        if there is None or self._has_addresses(there):
            super().create(run, desired)
        else:  # MAAS wants no second one of the name
            self.update(run, desired, there)

    def _has_records(self, snapshot, raw):
        """Whether a name has other records, after what this run did to them."""
        if not _records(raw):
            return False
        return bool(snapshot.group("dns_record", "fqdn").get(self.key_of(raw)))

    def _has_addresses(self, record):
        return bool(self.by_name["ip_addresses"].value(record.raw))

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return the CNAME that a name with addresses cannot have."""
        if change.action == "delete" or not change.desired.values.get("ip_addresses"):
            return None
        there = snapshot.records(self.name).get(change.desired.key)
        # The answer about a name shows its records, so that they need not be read for this.
        if not there or all(one["rrtype"] != "CNAME" for one in _records(there.raw)):
            return None
        for key, one in predicted.by("dns_record", "fqdn").get(change.desired.key, {}).items():
            if one["rrtype"] == "CNAME":
                return f"{key} is there, and a name that is a CNAME has no addresses; remove it"
        return None

    def requires_changes(
        self, snapshot: Snapshot, change: Change, others: Changes
    ) -> Iterator[Change]:
        if change.action == "delete":
            return
        for other in others.by("dns_record", "fqdn", change.desired.key):
            if other.action == "delete" and other.desired.values["rrtype"] == "CNAME":
                yield other
        # MAAS deletes addresses along with their subnet.
        addresses = change.desired.values.get("ip_addresses") or ()
        for other in (one for one in others.of("subnet") if one.action == "delete"):
            net = kinds.ip_network(other.desired.key)
            if any(kinds.ip_address(ip) in net for ip in addresses):
                yield other

    def delete(self, run: Run, desired: Desired, record: Record) -> None:
        """Delete a name; one that has other records as well loses its addresses only."""
        if not self._has_records(run.snapshot, record.raw):
            super().delete(run, desired, record)
            return
        raw = run.client.put(self.item(run.snapshot, record.raw), data={"ip_addresses": ""})
        asked = replace(desired, values={"ip_addresses": None})
        self.record_answer(run, asked, raw, replaces=record.raw)

    def predict_deletion(self, snapshot: Snapshot, raw: dict) -> PredictedObject | None:
        left = self._has_records(snapshot, raw)
        return self.predict_update(snapshot, raw, {"ip_addresses": None}) if left else None

    example = {"fqdn": "www.example.com", "ip_addresses": ["192.0.2.5"], "address_ttl": 60}


_CNAME = re.compile(r"([_A-Za-z0-9]([-_A-Za-z0-9]{0,62}[_A-Za-z0-9])?\.)*"
                    r"[_A-Za-z0-9]([-_A-Za-z0-9]{0,62}[_A-Za-z0-9])?\.?")  # fmt: skip


def _numbers_and_host(text, count):
    """Whether data are some numbers of 16 bits and a server's name."""
    words = text.split(None, count)
    return (
        len(words) == count + 1
        and all(re.fullmatch(r"[0-9]+", one) and int(one) <= 65535 for one in words[:count])
        and (rules.is_domain_name(words[count]) or (count == 3 and words[count] == "."))
    )


#: Type of a record: what its data must be, and whether it is that.
_DATA: dict[str | None, tuple[str, Callable[[str], object]]] = {
    "CNAME": ("the name of a server, such as www.example.com", _CNAME.fullmatch),
    "MX": (
        "a priority and a server, such as '10 mail.example.com'",
        lambda text: _numbers_and_host(text, 1),
    ),
    "NS": ("the name of a server, such as ns1.example.com", rules.is_domain_name),
    "SRV": (
        "a priority, weight, port and server, such as '0 5 5060 sip.example.com'",
        lambda text: _numbers_and_host(text, 3),
    ),
    "SSHFP": (
        "an algorithm, type and fingerprint, such as '1 1 123456789abcdef'",
        re.compile(r"[0-9]+\s+[0-9]+\s+.*").fullmatch,
    ),
}


class DnsRecord(_Named):
    """DNS records other than addresses."""

    name = "dns_record"
    noun = "DNS record"
    since = "2.0"
    collection = "dnsresourcerecords/"
    identity = ("fqdn", "rrtype", "rrdata")
    key_form = "{fqdn} {rrtype} {rrdata}"
    name_form = "{fqdn}"
    name_doc = "Fully qualified name."
    duplicates = "always"
    pillar = PillarLocation(
        "records", "Its other records.", under="domain", parent="domain",
        needed=("fqdn", "rrtype", "rrdata"), spelled={"fqdn": "name"},
    )  # fmt: skip
    fields = (
        Field("fqdn", kinds.HOST_LABEL, doc="Name within the domain; @ for the domain itself."),
        _DOMAIN,
        Field("rrtype", kinds.choice("CNAME", "MX", "NS", "SRV", "SSHFP", "TXT"), doc="Type."),
        Field("rrdata", read=lambda raw: _data(raw["rrtype"], raw["rrdata"]),
              doc="Data, such as ``10 mail.example.com`` for MX."),
        Field("ttl", kinds.TTL, doc="Time to live in seconds; one for all of a name and type."),
    )  # fmt: skip
    example = {"fqdn": "example.com", "rrtype": "MX", "rrdata": "10 mail.example.com", "ttl": 300}

    after = ("dns_resource",)  # so that those need not be read again

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        allowed, fits = _DATA.get(values.get("rrtype"), ("", bool))
        if values.get("rrdata") and not fits(values["rrdata"]):
            yield "rrdata", f"{values['rrdata']!r} must be {allowed}, for {values['rrtype']}"

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        # A name comes with its first record, and goes with its last one.
        known = snapshot.loaded("dns_resource")  # else it need not be read only to be forgotten
        added = new is not None and known and new["fqdn"] not in snapshot.records("dns_resource")
        if new is None or (old is None and added):
            snapshot.drop("dns_resource")

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        found = super().normal(field, value, values)
        return _data(values.get("rrtype"), found) if field.name == "rrdata" and found else found

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        return not self.is_kms(snapshot, record) and super().exports(snapshot, record)

    def is_kms(self, snapshot: Snapshot, record: Record) -> bool:
        """Return whether a record is the one that MAAS made for windows_kms_host."""
        fqdn, domain = self.by_name["fqdn"].value(record.raw), self.scope_of(snapshot, record)
        return fqdn == f"{_KMS}.{domain}" and _is_kms(record.raw["rrtype"], record.raw["rrdata"])

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why MAAS would overwrite a record."""
        values = desired.values
        if (
            record is None
            and values["fqdn"].startswith(f"{_KMS}.")
            and _is_kms(values["rrtype"], values["rrdata"])
        ):
            return (
                "MAAS maintains the records of this name with '0 0 1688' itself; set "
                "windows_kms_host instead, or use another priority or weight"
            )
        return super().problem(snapshot, desired, record)

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which other record of the name a new one cannot be beside."""
        if change.action == "delete" or (change.raw is not None and "ttl" not in change.new):
            return None
        fqdn, key = change.desired.values["fqdn"], change.desired.key
        mine = predicted.of(self.name)[key]
        for other, theirs in predicted.by(self.name, "fqdn").get(fqdn, {}).items():
            clash = _clash(mine, theirs) if other != key else None
            if clash:
                return (
                    f"record {other} is there, and {clash}; describe or remove that one too, or "
                    "claim the records of the domain (exclusive)"
                )
        if mine["rrtype"] == "CNAME":
            held = predicted.of("dns_resource").get(fqdn, {}).get("ip_addresses")
            if held:
                return (
                    f"{fqdn} has addresses ({', '.join(held)}), and a name that is a CNAME has "
                    "none; remove them"
                )
        return None

    def requires_changes(
        self, snapshot: Snapshot, change: Change, others: Changes
    ) -> Iterator[Change]:
        # MAAS makes the name together with a first record, so that two at once would conflict;
        # and it checks what is there only when it makes one.
        if change.action != "create":
            return
        mine, before = change.desired.values, True
        for other in others.by(self.name, "fqdn", mine["fqdn"]):
            if other is change:
                before = False  # creations after this one wait for it
            elif other.action == "delete":
                if _clash(mine, self.values(snapshot, other.raw)):
                    yield other
            elif before or other.action == "update":
                yield other
        if mine["rrtype"] == "CNAME":
            for other in others.by("dns_resource", "fqdn", mine["fqdn"]):
                if other.action == "delete":
                    yield other

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        names = everything.by("dns_resource", "fqdn").get(desired.values["fqdn"], ())
        return super().requires(desired, everything) | {(one.type, one.key) for one in names}

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        """Take the same record; a CNAME is the only one of its name, so it is changed in place."""
        records = snapshot.records(self.name)
        if desired.key in records or desired.values["rrtype"] != "CNAME" or desired.absent:
            return records.get(desired.key)
        same = snapshot.group(self.name, "fqdn").get(desired.values["fqdn"], ())
        return next((one for one in same if self.by_name["rrtype"].value(one.raw) == "CNAME"), None)


def _is_kms(rrtype, rrdata):
    return rrtype == "SRV" and " ".join(str(rrdata).split()).startswith("0 0 1688 ")


def _records(raw):
    """The other records of a name, as its answer shows them."""
    return raw.get("resource_records") or ()


def _clash(one, other):
    """Why two records cannot have one name; None if they can."""
    if "CNAME" in (one["rrtype"], other["rrtype"]):
        return "a CNAME must be the only record of its name"
    ttls = [record.get("ttl") for record in (one, other)]
    if one["rrtype"] != other["rrtype"] or ttls[0] == ttls[1]:
        return None
    mine, theirs = ("no ttl" if ttl is None else f"ttl {ttl}" for ttl in ttls)
    return (
        f"it has {theirs} and this one {mine}, while all {one['rrtype']} records of a name have "
        "one ttl"
    )


def _goes_along(snapshot, type, record):
    """Whether MAAS removes something by itself: its own record, or a name without addresses.

    The latter goes with the last of its records.
    """
    table = snapshot.tables[type]
    if type == "dns_record":
        return table.is_kms(snapshot, record)
    if table.by_name["ip_addresses"].value(record.raw):
        return False
    others = snapshot.group("dns_record", "fqdn").get(record.key)
    return bool(others) or record.key.startswith(f"{_KMS}.")


def _data(rrtype, text):
    """Data of a record; spaces count in a TXT record only."""
    return text if rrtype == "TXT" else " ".join(str(text).split())


def _domain_of(snapshot, fqdn):
    """The domain of the region that a name lies in; None if there is none."""
    there, name = snapshot.records("domain"), fqdn
    while name and name not in there:
        name = name.partition(".")[2]
    return name or None


def _label(fqdn, domain):
    """A name as its domain has it."""
    return fqdn[: -len(domain) - 1] or "@"


def _within(fqdn, domain):
    return fqdn == domain or fqdn.endswith(f".{domain}")
