"""DNS records beside others of their name: other TTLs, CNAMEs, and what MAAS keeps itself."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan
from saltext.maas.reconcile import apply, desired_named, desired_object, make_plan, unmanaged
from support.reconciling import (
    SHORT,
    assert_true,
    carried_out,
    errors,
    planned,
    problems_of,
    pruned,
    snapshot_of,
)

KMS = "_vlmcs._tcp"


@pytest.fixture
def region():
    with RegionServer(release="3.7") as server:
        carried_out(server, {"domains": {"example.com": None, "a.example.com": None}})
        yield server


def zone(*records, name="example.com", **more):
    return {"domains": {name: {"records": list(records), **more}}}


def txt(data, ttl=None, name="www", type="TXT"):
    record = {"name": name, "rrtype": type, "rrdata": data}
    return {**record, "ttl": ttl} if ttl is not None else record


def post(region, data, ttl=None, fqdn="www.example.com", type="TXT"):
    values = {"fqdn": fqdn, "rrtype": type, "rrdata": data}
    values.update({"ttl": ttl} if ttl is not None else {})
    return snapshot_of(region).client.post("dnsresourcerecords/", data=values)


def records(region):
    return set(snapshot_of(region).records("dns_record"))


# TTLs


@pytest.mark.parametrize(
    ("theirs", "mine", "expected"),
    [
        (None, 60, "it has no ttl and this one ttl 60"),
        (60, None, "it has ttl 60 and this one no ttl"),
        (60, 90, "it has ttl 60 and this one ttl 90"),
    ],
)
def test_another_ttl_of_the_same_name_is_a_problem(region, theirs, mine, expected):
    post(region, "old", theirs)
    (line,) = problems_of(region, zone(txt("new", mine)))
    assert line == (
        "DNS record www.example.com TXT new: record www.example.com TXT old is there, and "
        f"{expected}, while all TXT records of a name have one ttl; describe or remove that one "
        "too, or claim the records of the domain (exclusive)"
    )


def test_the_same_ttl_and_other_types_are_fine(region):
    post(region, "old", 60)
    post(region, "10 mail.example.com", type="MX")
    carried_out(region, zone(txt("new", 60)))


@pytest.mark.parametrize("ttls", [(None, 60), (60, None), (60, 90)])
def test_what_is_described_changes_its_ttl_first(region, ttls):
    old, new = ttls
    carried_out(region, zone(txt("one", old), txt("two", old)))
    clear = {"ttl": None} if new is None else {}
    data = zone(*({**txt(name, new), **clear} for name in ("new", "two", "one")))
    snapshot, _ = carried_out(region, data)
    assert_true(region, snapshot)


def test_a_claim_removes_the_old_one_first(region):
    post(region, "old")
    post(region, "kept", fqdn="x.a.example.com")
    data = {**zone(txt("new", 60)), "exclusive": {"dns_record": ["example.com"]}}
    shown = pruned(region, data)
    assert set(shown["dns_record"]) == {"www.example.com TXT new", "www.example.com TXT old"}
    assert records(region) == {"www.example.com TXT new", "x.a.example.com TXT kept"}


# CNAMEs


def test_a_cname_beside_others_is_a_problem(region):
    post(region, "old")
    (line,) = problems_of(region, zone(txt("b.example.com", type="CNAME")))
    assert "TXT old is there, and a CNAME must be the only record of its name" in line
    (line,) = problems_of(region, {**zone(), "domains": {"example.com": {
        "records": [txt("b.example.com", type="CNAME", name="www")]}}})  # fmt: skip
    assert "a CNAME must be the only record" in line


def test_a_cname_beside_addresses_is_a_problem(region):
    carried_out(region, zone(resources={"www": {"ip_addresses": ["192.0.2.1"]}}))
    (line,) = problems_of(region, zone(txt("b.example.com", type="CNAME")))
    assert "www.example.com has addresses (192.0.2.1), and a name that is a CNAME has none" in line
    post(region, "b.example.com", type="CNAME", fqdn="ftp.example.com")
    (line,) = problems_of(region, zone(resources={"ftp": {"ip_addresses": ["192.0.2.1"]}}))
    assert "ftp.example.com CNAME b.example.com is there" in line


def test_a_cname_takes_the_place_of_what_goes(region):
    carried_out(region, zone(txt("old"), resources={"www": {"ip_addresses": ["192.0.2.1"]}}))
    data = {**zone(txt("b.example.com", type="CNAME")),
            "exclusive": {"dns_record": True, "dns_resource": True}}  # fmt: skip
    pruned(region, data)
    pruned(region, {**zone(resources={"www": {"ip_addresses": ["192.0.2.1"]}}),
                       "exclusive": {"dns_record": True, "dns_resource": True}})  # fmt: skip


# One domain only


def test_the_records_of_one_domain_are_claimed(region):
    for fqdn in ("www.example.com", "www.a.example.com", "a.example.com"):
        post(region, "there", fqdn=fqdn)
    for fqdn in ("ns.example.com", "ns.a.example.com"):
        snapshot_of(region).client.post(
            "dnsresources/", data={"fqdn": fqdn, "ip_addresses": "192.0.2.1"}
        )
    one = ["a.example.com"]
    data = {"exclusive": {"dns_record": one, "dns_resource": one}, "prune": {"fraction": 1}}
    shown = pruned(region, data)
    assert {key: set(found) for key, found in shown.items()} == {
        "dns_record": {"www.a.example.com TXT there", "a.example.com TXT there"},
        "dns_resource": {"ns.a.example.com"},
    }
    assert records(region) == {"www.example.com TXT there"}


def test_a_name_without_addresses_still_has_its_records(region):
    carried_out(region, zone(txt("kept"), resources={"www": {"ip_addresses": ["192.0.2.1"]}}))
    data = {**zone(txt("kept")), "exclusive": {"dns_resource": ["example.com"]}}
    assert set(pruned(region, data)["dns_resource"]) == {"www.example.com"}
    assert records(region) == {"www.example.com TXT kept"}


# What MAAS keeps for windows_kms_host


@pytest.fixture
def windows(region):
    carried_out(region, {"settings": {"windows_kms_host": "kms.example.com"}})
    assert f"{KMS}.example.com SRV 0 0 1688 kms.example.com." in records(region)
    return region


def test_its_records_are_neither_exported_nor_pruned(windows):
    found = pillar.export(snapshot_of(windows))
    assert [line for line in found.notes if not line.startswith("images:")] == []
    assert KMS not in str(found.described)
    assert [one for one in unmanaged(snapshot_of(windows), []) if KMS in one.key] == []
    data = {"settings": found.described["settings"], "domains": {"example.com": None},
            "exclusive": {"dns_record": True, "dns_resource": True, "domain": True},
            "prune": {"fraction": 1}}  # fmt: skip
    assert set(pruned(windows, data)) == {"domain"}


@pytest.mark.parametrize("setting", ["kms.example.com", None])
def test_a_domain_goes_with_its_record(windows, setting):
    if setting is None:  # MAAS takes the record away, and leaves its name
        carried_out(windows, {"settings": {"windows_kms_host": None}})
    gone = [desired_named("domain", "a.example.com", {}, absent=True)]
    snapshot = snapshot_of(windows)
    plan = make_plan(snapshot, gone)
    assert plan.problems() == []
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert "a.example.com" not in snapshot_of(windows).records("domain")
    assert_true(windows, snapshot)


def test_a_domain_goes_while_its_record_comes(region):
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [
        desired_object("setting", {"name": "windows_kms_host", "value": "kms.example.com"}),
        desired_named("domain", "a.example.com", {}, absent=True),
    ])  # fmt: skip
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert "a.example.com" not in snapshot_of(region).records("domain")


def test_a_record_of_maas_cannot_be_described(windows):
    own = {"name": KMS, "rrtype": "SRV", "rrdata": "0 0 1688 kms.example.com."}
    assert not planned(windows, zone(own))[1]  # as older exports have it
    (line,) = problems_of(windows, zone({**own, "rrdata": "0 0 1688 other.example.com"}))
    assert "set windows_kms_host instead, or use another priority or weight" in line
    carried_out(windows, zone({**own, "rrdata": "10 0 1688 other.example.com"}))


# Addresses that go with their subnet


def test_addresses_of_names_and_a_subnet_that_goes(region):
    carried_out(region, {"subnets": {"192.0.2.0/24": None}})
    new = {**zone(resources={"www": {"ip_addresses": ["192.0.2.1"]}}),
           "exclusive": {"subnet": True}, "prune": {"in_use": True}}  # fmt: skip
    shown = pruned(region, new)  # the subnet first, which would take the address along
    assert set(shown) == {"dns_resource", "subnet"}

    carried_out(region, {"subnets": {"192.0.2.0/24": None}})
    carried_out(region, zone(resources={"api": {"ip_addresses": ["192.0.2.9"]}}))
    data = {**zone(resources={"api": {"ip_addresses": ["192.0.2.9"]}}),
            "exclusive": {"subnet": True}, "prune": {"in_use": True}}  # fmt: skip
    (line,) = region_plan.plan_of(snapshot_of(region), data).problems()
    assert "DNS name api.example.com is described and has its address in it" in line


def test_another_ttl_leaves_the_addresses(region):
    three = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    carried_out(region, zone(resources={"www": {"ip_addresses": three}}))
    carried_out(region, zone(resources={"www": {"address_ttl": 77}}))
    table = snapshot_of(region).tables["dns_resource"]
    record = snapshot_of(region).records("dns_resource")["www.example.com"]
    assert table.by_name["ip_addresses"].value(record.raw) == three
