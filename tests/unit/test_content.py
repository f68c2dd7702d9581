"""Keys, names and other content, where more is to be said than their examples do."""

from __future__ import annotations

import base64
import datetime

import pytest
import yaml
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_named, desired_object, make_plan
from saltext.maas.resources import account
from support.misbehaving import Proxy
from support.reconciling import SHORT, carried_out, cluster, errors, planned, rack, snapshot_of

SSH = " ".join(account.SshKey.example["key"].split()[:2])
CLUSTER = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01"
LICENSE = "ABCDE-ABCDE-ABCDE-ABCDE-ABCDE"
SOURCES = {
    "1.7": ("http://images.example.com/ephemeral-v2/releases/", "trusty", ["release"]),
    "3.7": ("http://images.example.com/ephemeral-v3/stable/", "jammy", ["*"]),
}


@pytest.fixture(scope="module", params=list(SOURCES))
def region(request):
    options = {"import_seconds": 0.05, "index_seconds": 0.05, "sync_seconds": 0.05}
    with RegionServer(release=request.param, **options) as server:
        server.release = request.param
        if request.param < "2.0":
            cluster(server, CLUSTER, "10.10.0.2")
        yield server


@pytest.fixture(scope="module")
def new():
    with RegionServer(release="3.7") as server:
        rack(server, "rack-1", "10.10.0.2")
        yield server


def certificate(name):
    """A real certificate that signs itself."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def carry(server, *desired_objects):
    """Plan and apply; what was planned happened, and the next plan is empty."""
    snapshot = snapshot_of(server)
    plan = make_plan(snapshot, desired_objects)
    assert plan.problems() == []
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert make_plan(snapshot_of(server), desired_objects).shown() == {}
    return plan


def test_a_certificate_is_identified_by_its_digest(region):
    pem = certificate("a.example.com")
    plan = carried_out(region, {"ssl_keys": [pem]})[1]
    (name,) = plan.shown()["ssl_key"]
    assert name.startswith("sha256:")
    # The same one with other line ends is no other.
    assert planned(region, {"ssl_keys": [pem.replace("\n", "\r\n")]})[1].shown() == {}
    (gone,) = carry(region, desired_object("ssl_key", {"key": pem}, absent=True)).changes
    assert gone.action == "delete"


def test_the_comment_of_an_ssh_key_does_not_count(region):
    carried_out(region, {"ssh_keys": [f"{SSH} here"]})
    assert planned(region, {"ssh_keys": [f"{SSH} there"]})[1].shown() == {}
    carry(region, desired_object("ssh_key", {"key": SSH}, absent=True))


def test_a_license_key_comes_after_its_image_and_is_never_shown(region, tmp_path):
    url, release, labels = SOURCES[region.release]
    image = tmp_path / "windows.dd"
    image.write_bytes(b"windows" * 500)
    only = {"os": "ubuntu", "release": release, "arches": ["amd64"], "labels": labels}
    license_key = {"osystem": "windows", "distro_series": "win2012r2", "license_key": LICENSE}
    data = {
        "boot_sources": {url: {"selections": [only]}},
        "boot_resources": [
            {"name": "windows/win2012r2", "architecture": "amd64", "path": str(image),
             "filetype": "ddtgz"},
        ],
        "license_keys": [license_key],
    }  # fmt: skip
    if region.release < "2.0":
        data["clusters"] = {"host": {"uuid": CLUSTER}}
    _, plan = carried_out(region, data)
    assert LICENSE not in str(plan.shown())
    assert "license_key" in plan.shown()
    license_key["license_key"] = LICENSE.replace("A", "X")
    _, plan = carried_out(region, {"license_keys": [license_key]})
    assert plan.shown()["license_key"]["windows/win2012r2"] == {
        "license_key": {"old": "**********", "new": "**********"}
    }


def test_keys_of_a_source_go_together(new):
    carry(new, desired_named("ssh_key_source", "gh:someone", {}))
    held = [one for one in snapshot_of(new).raw("ssh_key") if one["keysource"] == "gh:someone"]
    assert held
    carry(new, desired_named("ssh_key_source", "gh:someone", {}, absent=True))
    assert not [one for one in snapshot_of(new).raw("ssh_key") if one.get("keysource")]


def test_another_domain_becomes_the_default(new):
    carried_out(new, {"domains": {"example.net": {"is_default": True}}})
    domains = snapshot_of(new).records("domain")
    assert domains["example.net"].raw["is_default"]
    assert not domains["maas"].raw["is_default"]
    _, plan = planned(new, {"domains": {"example.net": {"is_default": False}}})
    assert "make another one the default" in plan.problems()[0]
    plan = make_plan(snapshot_of(new), [desired_named("domain", "example.net", {}, absent=True)])
    assert plan.problems() == ["domain example.net: it is the default domain"]
    carried_out(new, {"domains": {"maas": {"is_default": True}}})


def test_a_cname_is_changed_in_place_and_other_records_are_added(new):
    def zone(*records):
        return {"domains": {"example.org": {"records": list(records)}}}

    old = {"name": "ftp", "rrtype": "CNAME", "rrdata": "a.example.org"}
    carried_out(new, zone(old))
    _, plan = carried_out(new, zone({**old, "rrdata": "b.example.org"}))
    (change,) = plan.changes
    assert (change.action, set(change.new)) == ("update", {"rrdata"})

    first = {"name": "@", "rrtype": "MX", "rrdata": "10 a.example.org"}
    carried_out(new, zone(first))
    _, plan = carried_out(new, zone(first, {**first, "rrdata": "20  b.example.org"}))
    (change,) = plan.changes
    assert change.action == "create"


def test_a_domain_goes_after_what_is_in_it(new):
    records = [{"name": "@", "rrtype": "TXT", "rrdata": "hello"}]
    data = {"resources": {"www": {"ip_addresses": ["192.0.2.1"]}}, "records": records}
    carried_out(new, {"domains": {"example.edu": data}})
    gone = [desired_named("dns_resource", "www.example.edu", {}, absent=True)]
    record = {"fqdn": "example.edu", "rrtype": "TXT", "rrdata": "hello"}
    carry(
        new, desired_named("domain", "example.edu", {}, absent=True), *gone,
        desired_object("dns_record", record, absent=True),
    )  # fmt: skip


def test_a_snippet_moves_between_subnet_node_and_all(new):
    data = {"subnets": {"10.10.0.0/24": None}}
    for scope in ({"subnet": "10.10.0.0/24"}, {"node": "rack-1"}, {"global_snippet": True}):
        data["dhcp_snippets"] = {"clock": {"value": "option ntp-servers 192.0.2.1;", **scope}}
        carried_out(new, data)
    raw = snapshot_of(new).records("dhcp_snippet")["clock"].raw
    assert (raw["subnet"], raw["node"], raw["global_snippet"]) == (None, None, True)
    assert raw["value"] == "option ntp-servers 192.0.2.1;"
    data["dhcp_snippets"]["clock"] = {"value": "x;", "node": "nobody"}
    with pytest.raises(BadInput, match="'nobody' is no node of the region"):
        planned(new, data)


def test_two_snippets_of_one_name_hold_up_no_others(new):
    client = snapshot_of(new).client
    for _ in range(2):
        client.post("dhcp-snippets/", data={"name": "twice", "value": "x;"})
    data = {"dhcp_snippets": {"twice": {"value": "y;"}, "once": {"value": "z;"}}}
    snapshot, plan = planned(new, data)
    (problem,) = plan.problems()
    assert "DHCP snippet twice: the region has 2 DHCP snippets 'twice' (ids " in problem
    apply(snapshot, plan)
    assert list(errors(plan)) == ["DHCP snippet twice"]
    assert "once" in snapshot_of(new).records("dhcp_snippet")


def test_a_name_that_two_have_stops_only_those_that_refer_to_it(new):
    client = snapshot_of(new).client
    for _ in range(2):
        client.post("dhcp-snippets/", data={"name": "twice", "value": "x;"})
    gone = desired_named("dhcp_snippet", "twice", {}, absent=True)
    plan = make_plan(snapshot_of(new), [gone, desired_named("zone", "north", {})])
    assert [change.name for change in plan.changes if not change.problem] == ["zone north"]


def test_scripts_of_maas_itself_stay(new):
    key = next(key for key, one in snapshot_of(new).records("script").items() if one.raw["default"])
    plan = make_plan(snapshot_of(new), [desired_named("script", key, {}, absent=True)])
    assert plan.problems() == [f"script {key}: MAAS itself needs this script"]
    plan = make_plan(snapshot_of(new), [desired_named("script", "new-one", {"type": "testing"})])
    assert plan.problems() == ["script new-one: script is missing; a new script needs it"]


def test_the_tags_that_maas_adds_to_a_script_are_no_difference(new):
    script = {"script": "#!/bin/sh\n", "hardware_type": "cpu", "tags": ["b", "a"], "timeout": 90}
    carried_out(new, {"scripts": {"check-cpu": script}})
    raw = snapshot_of(new).records("script")["check-cpu"].raw
    assert set(raw["tags"]) == {"a", "b", "cpu"}
    assert raw["timeout"] == "0:01:30"
    script["timeout"] = "0:01:30"
    assert planned(new, {"scripts": {"check-cpu": script}})[1].shown() == {}


@pytest.mark.parametrize(
    ("type", "section", "names", "told"),
    [
        ("zone", "zones", {"zone": "west"}, "rack-1 belongs to it"),
        ("domain", "domains", {"domain": "west"}, "rack-1 belongs to it"),
    ],
)
def test_what_holds_nodes_is_not_pruned_unasked(new, type, section, names, told):
    data = {section: {"west": None}, "racks": {"rack-1": names}}
    carried_out(new, data)
    with pytest.raises(BadInput, match=told):
        region_plan.plan_of(snapshot_of(new), {section: {}, "exclusive": {type: True}})
    back = {"zone": "default"} if type == "zone" else {"domain": "maas"}
    carried_out(new, {"racks": {"rack-1": back}})
    carry(new, desired_named(type, "west", {}, absent=True))


def test_a_line_break_at_the_end_counts_in_files_only(new):
    data = {
        "zones": {"east": {"description": "by the door\n"}},
        "files": {"a.txt": {"content": "two  lines\n\n"}},
        "domains": {
            "example.info": {"records": [{"name": "@", "rrtype": "TXT", "rrdata": "a  b"}]}
        },
    }
    carried_out(new, data)
    held = snapshot_of(new)
    assert held.records("zone")["east"].raw["description"] == "by the door"
    file = held.tables["file"]
    assert file.by_name["content"].value(held.records("file")["a.txt"].raw) == "two  lines\n\n"
    assert "example.info TXT a  b" in held.records("dns_record")


def test_what_is_not_empty_is_not_deleted(new):
    carried_out(new, {
        "domains": {"example.biz": {"resources": {"www": {"ip_addresses": ["192.0.2.1"]}}}},
        "fabrics": {"lab": None, "hall": None},
        "subnets": {"10.77.0.0/24": {"vlan": "lab/untagged"}},
    })  # fmt: skip
    domain = desired_named("domain", "example.biz", {}, absent=True)
    fabric = desired_named("fabric", "lab", {}, absent=True)
    plan = make_plan(snapshot_of(new), [domain, fabric])
    assert sorted(plan.problems()) == [
        "domain example.biz: DNS name www.example.biz is still in it",
        "fabric lab: subnet 10.77.0.0/24 is still in it",
    ]
    # What moves out or goes along is no hindrance.
    subnet = desired_named("subnet", "10.77.0.0/24", {"vlan": "hall/untagged"})
    resource = desired_named("dns_resource", "www.example.biz", {}, absent=True)
    carry(new, domain, fabric, subnet, resource)


def test_a_snippet_of_an_ip_range(new):
    span = {"type": "reserved", "start": "10.10.0.30", "end": "10.10.0.39"}
    data = {
        "subnets": {"10.10.0.0/24": {"ranges": [span]}},
        "dhcp_snippets": {
            "part": {
                "value": "option ntp-servers 192.0.2.1;",
                "subnet": "10.10.0.0/24",
                "iprange": "10.10.0.30-10.10.0.39",
            }
        },
    }
    _, plan = carried_out(new, data)
    assert "part" in plan.shown()["dhcp_snippet"]
    data["dhcp_snippets"]["part"]["iprange"] = "10.10.0.1-10.10.0.2"
    with pytest.raises(BadInput, match=r"'10.10.0.1-10.10.0.2' is no IP range"):
        planned(new, data)


def test_a_notification_is_for_administrators_by_default(new):
    carried_out(
        new, {"notifications": {"a": {"message": "m"}, "b": {"message": "m", "users": True}}}
    )
    held = snapshot_of(new).records("notification")
    assert [(held[name].raw["admins"], held[name].raw["users"]) for name in "ab"] == [
        (True, False),
        (True, True),
    ]
    # A change of one field leaves the others as they are.
    carried_out(new, {"notifications": {"a": {"message": "n"}}})
    raw = snapshot_of(new).records("notification")["a"].raw
    assert (raw["message"], raw["dismissable"], raw["admins"]) == ("n", True, True)


def test_a_file_that_is_no_text_comes_back_byte_for_byte(new):
    data = bytes(range(256))
    carried_out(new, {"files": {"blob": {"content": data}, "text": {"content": b"caf\xc3\xa9"}}})
    client = snapshot_of(new).client
    assert base64.b64decode(client.get("files/blob/")["content"]) == data
    written = pillar.files(pillar.export(snapshot_of(new)))["init.sls"]
    assert "!!binary" in written
    described = yaml.safe_load(written)["maas"]
    assert described["files"]["blob"] == {"content": data}
    assert described["files"]["text"] == {"content": "café"}
    assert pillar.problems(described) == []
    changed = {**described, "files": {"blob": {"content": data[::-1]}}}
    shown = region_plan.plan_of(snapshot_of(new), changed).shown()
    assert shown["file"]["blob"]["content"]["old"].startswith("256 bytes with the SHA-256 ")


def test_bytes_are_for_files_only(new):
    (told,) = pillar.problems({"tags": {"a": {"comment": b"x"}}})
    assert told.startswith("maas:tags:a:comment: b'x' must be")


def test_a_notification_that_is_not_listed_is_known(new):
    """One for users only, and one that the API's user dismissed."""
    described = {"notifications": {
        "n1": {"message": "hello", "users": True, "admins": False},
        "n2": {"message": "bye", "users": True},
    }}  # fmt: skip
    carried_out(new, described)
    client = snapshot_of(new).client
    (second,) = [one for one in client.get("notifications/") if one["ident"] == "n2"]
    client.post(f"notifications/{second['id']}/", op="dismiss")
    new.requests.reset()
    assert region_plan.plan_of(snapshot_of(new), described).shown() == {}
    assert new.requests.count() < 80
    described["notifications"]["n1"]["message"] = "hello all"
    carried_out(new, described)


def test_the_deployment_script_that_a_region_of_3_8_has_is_left_alone():
    own = b'{"name": "50-curtin-install", "type": 4, "default": true, "history": [], "id": 99, '
    own += b'"resource_uri": "/MAAS/api/2.0/scripts/50-curtin-install"}'

    def after(method, target, body):
        return body.rstrip()[:-1] + b"," + own + b"]" if "/scripts/" in target else body

    with RegionServer(release="3.8") as server, Proxy(server, after=after) as proxy:
        snapshot = snapshot_of(server, proxy.url)
        plan = region_plan.plan_of(snapshot, {"exclusive": {"script": True}})
        assert plan.shown() == {}
        assert "50-curtin-install" in snapshot.records("script")
        found = pillar.export(snapshot_of(server, proxy.url))
    assert "scripts" not in found.described
