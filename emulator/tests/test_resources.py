"""What a 2.0 region holds beside machines and networks: made, changed, refused and deleted."""

from __future__ import annotations

import base64
import json

import pytest
from maas_emulator.core import Region

from .calls import Caller

SHELL = "#!/bin/sh\necho 1\n"
SSH = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"k" * 36).decode() + " me"

#: Collection: (fields of a new object, a change, fields that are refused, the refusal).
CASES = {
    "static-routes": (
        {"source": "10.0.0.0/24", "destination": "10.1.0.0/24", "gateway_ip": "10.0.0.9"},
        {"metric": 7},
        {"source": "1"},
        {"destination": ["This field is required."], "gateway_ip": ["This field is required."]},
    ),
    "reservedips": (
        {"ip": "10.0.0.77", "mac_address": "52:54:00:00:00:01"},
        {"comment": "printer"},
        {"ip": "10.0.0.0", "mac_address": "52:54:00:00:00:02"},
        {"ip": ["The network address cannot be a reserved IP."]},
    ),
    "dhcp-snippets": (
        {"name": "ntp", "value": "option x;", "subnet": "10.0.0.0/24"},
        {"value": "option y;"},
        {"name": "ntp", "value": "x", "subnet": "99"},
        {"subnet": ["None found with id=99."]},
    ),
    "tags": (
        {"name": "fast", "comment": "c", "kernel_opts": "quiet"},
        {"comment": "d"},
        {"name": "slow", "definition": "//["},
        {"definition": ["Invalid xpath expression: Invalid expression"]},
    ),
    "package-repositories": (
        {"name": "ppa", "url": "ppa:some/one", "arches": "amd64"},
        {"components": "main,extra"},
        {"name": "main_archive", "url": "nope"},
        {
            "name": ["Package repository with this Name already exists."],
            "url": ["Enter a valid repository URL or PPA location."],
        },
    ),
    "notifications": (
        {"message": "hello", "admins": "true", "context": '{"a": 1}'},
        {"message": "bye"},
        {"category": "odd", "message": "x"},
        {"category": ["Select a valid choice. odd is not one of the available choices."]},
    ),
    "scripts": (
        {"name": "mine", "script": SHELL, "type": "testing", "timeout": "5:00"},
        {"script": SHELL + "echo 2\n"},
        {"name": "mine", "script": "echo", "hardware_type": "soup"},
        {
            "script": ["Must start with shebang."],
            "name": ["Script with this Name already exists."],
            "hardware_type": ["Hardware type must be node, cpu, memory, storage, or gpu"],
        },
    ),
    "dnsresources": (
        {"fqdn": "www.maas", "ip_addresses": "10.0.0.80 10.0.0.81"},
        {"address_ttl": 90},
        {"fqdn": "www.maas"},
        {"__all__": ["Labels must be unique within their zone."]},
    ),
    "dnsresourcerecords": (
        {"fqdn": "mail.maas", "rrtype": "mx", "rrdata": "10 host"},
        {"rrdata": "20 host"},
        {"name": "mail", "domain": "maas", "rrtype": "SRV", "rrdata": "x"},
        {
            "__all__": [
                "Invalid SRV: Should be '<priority> <weight> <port> <server>'. Range for"
                " priority, weight, and port are 0-65536."
            ]
        },
    ),
}


@pytest.fixture
def admin():
    caller = Caller(Region("3.7"))
    for net in ("10.0.0.0/24", "10.1.0.0/24"):
        assert caller.post("subnets/", **{"cidr": net}).status == 200
    return caller


@pytest.mark.parametrize("kind", CASES)
def test_life_of_an_object(admin, kind):
    fields, change, bad, refusal = CASES[kind]
    before = admin.get(f"{kind}/").json
    made = admin.post(f"{kind}/", **fields)
    assert made.status == 200, made.text
    place = made.json["resource_uri"][len("/MAAS/api/2.0/") :]
    assert admin.get(place).json == made.json
    refused = admin.post(f"{kind}/", **bad)
    assert (refused.status, refused.json) == (400, refusal)
    changed = admin.put(place, **change)
    assert changed.status == 200
    assert changed.json != made.json
    assert admin.get(place).json == changed.json
    assert len(admin.get(f"{kind}/").json) == len(before) + 1
    assert admin.delete(place).status == 204
    assert admin.get(place).status == 404
    assert admin.get(f"{kind}/").json == before


def test_a_name_goes_with_its_last_record_unless_it_has_addresses(admin):
    admin.post("dnsresources/", **{"fqdn": "web.maas", "ip_addresses": "10.0.0.80"})
    records = [
        admin.post(
            "dnsresourcerecords/", **{"fqdn": f"{name}.maas", "rrtype": "TXT", "rrdata": data}
        )
        for name, data in (("txt", "a"), ("txt", "b"), ("web", "c"))
    ]
    left = []
    for record in records:
        admin.delete(record.json["resource_uri"][len("/MAAS/api/2.0/") :])
        left.append({one["fqdn"] for one in admin.get("dnsresources/").json})
    assert left == [{"txt.maas", "web.maas"}, {"web.maas"}, {"web.maas"}]


def test_revisions_can_be_taken_back(admin):
    for kind, text in (("scripts", "script"), ("dhcp-snippets", "value")):
        made = admin.post(f"{kind}/", **{"name": "r", text: SHELL}).json
        place = made["resource_uri"][len("/MAAS/api/2.0/") :]
        for number in range(3):
            admin.put(place, **{text: f"{SHELL}{number}"})
        history = admin.get(place).json["history"]
        assert len(history) == 4
        reverted = admin.post(f"{place}?op=revert", **{"to": "-1"}).json
        assert reverted["history"] == history[1:]
        reverted = admin.post(f"{place}?op=revert", **{"to": str(history[3]["id"])}).json
        assert reverted["history"] == history[3:]


def test_script_says_what_it_is(admin):
    text = (
        "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: disk\n# title: A disk\n"
        "# script_type: testing\n# hardware_type: storage\n# timeout: 00:02:00\n"
        "# tags: [a]\n# packages: {apt: one}\n# --- End MAAS 1.0 script metadata ---\n"
    )
    made = admin.post("scripts/", **{"script": text}).json
    chosen = ("name", "title", "type_name", "hardware_type", "timeout", "tags", "packages")
    assert [made[name] for name in chosen] == [
        "disk", "A disk", "Testing script", 3, "0:02:00", ["a", "storage"], {"apt": ["one"]},
    ]  # fmt: skip
    refused = admin.post("scripts/", **{"name": "other", "script": text})
    assert refused.json == {"name": ["May not override values defined in embedded YAML."]}


def test_keys_are_imported_and_not_twice(admin):
    keys = "account/prefs/sshkeys/"
    assert admin.post(keys, **{"key": SSH}).status == 201
    assert admin.post(keys, **{"key": "rubbish"}).json == {
        "key": ["Invalid SSH public key: Invalid value."]
    }
    imported = admin.post(f"{keys}?op=import", **{"keysource": "gh:someone"}).json
    assert {row["keysource"] for row in imported} == {"gh:someone"}
    assert admin.post(f"{keys}?op=import", **{"keysource": "gh:someone"}).json == []
    assert admin.post(f"{keys}?op=import", **{"keysource": "lp:nobody"}).status == 400
    assert len(admin.get(keys).json) == 1 + len(imported)


def test_addresses_are_reserved_and_released(admin):
    first = admin.post("ipaddresses/?op=reserve", **{"subnet": "10.0.0.0/24"}).json["ip"]
    second = admin.post("ipaddresses/?op=reserve", **{"subnet": "10.0.0.0/24"}).json["ip"]
    assert (first, second) == ("10.0.0.1", "10.0.0.2")
    assert admin.post("ipaddresses/?op=reserve", **{"ip": first}).status == 404
    admin.region.create_user("bob", "secret", "bob@example.com")
    assert Caller(admin.region, admin.region.new_api_key("bob")).get("ipaddresses/").json == []
    assert admin.post("ipaddresses/?op=release", **{"ip": first}).status == 204
    assert [row["ip"] for row in admin.get("ipaddresses/").json] == [second]


def test_a_domain_in_use_cannot_be_deleted(admin):
    admin.post("domains/", **{"name": "lab"})
    admin.post("dnsresources/", **{"fqdn": "a.lab", "ip_addresses": "10.0.0.4"})
    assert admin.get("domains/lab/").json["resource_record_count"] == 1
    refused = admin.delete("domains/lab/")
    assert refused.status == 500
    assert "<DNSResource: name=a>" in refused.text


#: Endpoint, and the first release that has it.
SINCE = {
    "static-routes/": "2.1",
    "package-repositories/": "2.1",
    "notifications/": "2.1",
    "discovery/": "2.1",
    "scripts/": "2.2",
    "resourcepools/": "2.4",
    "reservedips/": "3.6",
}


@pytest.mark.parametrize("path", SINCE)
def test_endpoints_come_with_their_release(path):
    since = SINCE[path]
    older = {"2.1": "2.0", "2.2": "2.1", "2.4": "2.3", "3.6": "3.5"}[since]
    assert Caller(Region(since)).get(path).status == 200
    assert Caller(Region(older)).get(path).status == 404


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("remote_syslog", "logs.example.com", "logs.example.com:514"),
        ("remote_syslog", "10.0.0.1:5514", "10.0.0.1:5514"),
        ("maas_syslog_port", "5247", 5247),
        ("maas_proxy_port", "5247", "Unable to change port number. Port number is reserved for"
         " MAAS services."),
        ("maas_proxy_port", "80", "Unable to change port number. Port number is reserved for"
         " system services."),
        ("maas_internal_domain", "_odd_", "Invalid domain name: _odd_."),
        ("remote_syslog", "", None),
        ("default_dns_ttl", "", None),
        ("active_discovery_interval", "600", "600"),
        ("http_proxy", "10.0.0.1", "http://10.0.0.1"),
        ("ntp_servers", "a_b.example.com", "Invalid hostname: Host label cannot contain underscore:"
         " 'a_b'."),
        ("ntp_servers", "10.0.0.256", "Failed to detect a valid IP address from '10.0.0.256'."),
        ("dns_trusted_acl", "10.0.0.0/24, ::1", "10.0.0.0/24 ::1"),
        ("dns_trusted_acl", "10.0.0.0/99", "Invalid network: 10.0.0.0/99."),
        ("hardware_sync_interval", "", "'' is not a valid interval. Only 'h|hr|hour|hours,"
         " m|min|minute|minutes.s|sec|second|seconds' are valid units"),
        ("maas_auto_ipmi_cipher_suite_id", "4", "Valid choices are 17,3,,8,12"),
        ("maas_auto_ipmi_workaround_flags", "authcap", "Enter a list of values."),
        ("maas_auto_ipmi_user", "x" * 21, "Ensure this value has at most 20 characters (it has"
         " 21)."),
        ("default_storage_layout", "", "This field is required."),
        ("default_osystem", "ubuntu", "'ubuntu' is not a valid osystem.  It should be one of:"
         " '---'."),
        ("default_min_hwe_kernel", "ga-1", "'ga-1' is not a valid default_min_hwe_kernel.  It"
         " should be one of: ''."),
        ("session_length", "9", "Ensure this value is greater than or equal to 10."),
    ],
)  # fmt: skip
def test_settings_with_rules_of_their_own(admin, name, value, stored):
    answer = admin.post("maas/?op=set_config", name=name, value=value)
    if answer.status == 200:
        assert admin.get(f"maas/?op=get_config&name={name}").json == stored
    else:
        assert answer.json == {name: [stored]}


def test_series_of_machines_and_of_commissioning_have_one_form(admin):
    admin.post("boot-resources/?op=import")
    admin.region.clock = lambda: 1e9
    for name in ("default_distro_series", "commissioning_distro_series"):
        assert admin.post("maas/?op=set_config", name=name, value="noble").status == 200
    assert admin.post("maas/?op=set_config", name="default_osystem", value="ubuntu").status == 200
    kernels = admin.post("maas/?op=set_config", name="default_min_hwe_kernel", value="hwe-24.04")
    assert kernels.status == 200


def test_workaround_flags_come_as_a_list_in_json(admin):
    body = json.dumps({"name": "maas_auto_ipmi_workaround_flags", "value": ["authcap", "idzero"]})
    path = "maas/?op=set_config"
    assert admin.send("POST", path, body.encode(), "application/json").status == 200
    shown = admin.get("maas/?op=get_config&name=maas_auto_ipmi_workaround_flags").json
    assert shown == ["authcap", "idzero"]


def test_licensing_server_of_windows_has_a_record_in_every_domain(admin):
    path, name = "maas/?op=set_config", "windows_kms_host"
    refused = admin.post(path, name=name, value="10.0.0.1,10.0.0.2")
    assert (refused.status, refused.text) == (400, "Domain name contains invalid characters.")
    admin.post(path, name=name, value="kms.example.com")
    admin.post("domains/", name="lab")
    found = {item["fqdn"]: item["rrdata"] for item in admin.get("dnsresourcerecords/").json}
    data = "0 0 1688 kms.example.com."
    assert found == {"_vlmcs._tcp.maas": data, "_vlmcs._tcp.lab": data}
    admin.post(path, name=name, value="")
    assert admin.get("dnsresourcerecords/").json == []
    assert len(admin.get("dnsresources/").json) == 2


def test_names_are_split_after_their_first_label(admin):
    admin.post("domains/", name="lab")
    assert admin.post("dnsresources/", fqdn="a.b.lab", ip_addresses="10.0.0.4").status == 404
    assert admin.post("dnsresources/", fqdn="_a._tcp.lab", ip_addresses="10.0.0.4").status == 500
    refused = admin.post("dnsresources/", name="x.y", domain="lab", ip_addresses="10.0.0.4")
    assert refused.json == {"__all__": ["Invalid dnsresource name: x.y."]}
    assert admin.post("dnsresources/", name="x.y", domain="lab").status == 200


def test_a_name_moves_into_the_domain_that_is_made_of_it(admin):
    made = admin.post("dnsresources/", fqdn="sub.maas", ip_addresses="10.0.0.4").json
    admin.post("domains/", name="sub.maas")
    assert admin.get(f"dnsresources/{made['id']}/").json["fqdn"] == "sub.maas"
    assert admin.get("domains/0/").json["resource_record_count"] == 0


def test_times_to_live_may_be_none_at_all(admin):
    made = admin.post("dnsresources/", fqdn="a.maas", ip_addresses="10.0.0.4", address_ttl=0).json
    assert made["address_ttl"] == 0
    place = f"dnsresources/{made['id']}/"
    assert admin.put(place, address_ttl="").json["address_ttl"] is None
    assert admin.post("domains/", name="lab", ttl=0).status == 400


def test_what_hangs_on_a_subnet_goes_with_it(admin):
    for kind, (fields, *_) in CASES.items():
        if kind in ("static-routes", "dhcp-snippets", "reservedips", "dnsresources"):
            assert admin.post(f"{kind}/", **fields).status == 200
    assert admin.delete("subnets/10.0.0.0%2F24/").status in (204, 404)
    assert admin.delete("subnets/1/").status in (204, 404)
    for kind in ("static-routes", "dhcp-snippets", "reservedips"):
        assert admin.get(f"{kind}/").json == []
    assert admin.get("dnsresources/").json == []


def test_a_user_with_addresses_stays_unless_somebody_takes_them(admin):
    admin.region.create_user("bob", "secret", "bob@example.com")
    bob = Caller(admin.region, admin.region.new_api_key("bob"))
    assert bob.post("ipaddresses/?op=reserve", subnet="1").status == 200
    refused = admin.delete("users/bob/")
    assert (refused.status, refused.text) == (
        400, "User bob cannot be deleted: 1 static IP address(es) are still allocated",
    )  # fmt: skip
    assert admin.delete("users/bob/?transfer_resources_to=admin").status == 204
    assert len(admin.get("ipaddresses/").json) == 1


def test_events_come_in_pages(admin):
    from maas_emulator.machines import event

    node = next(iter(admin.region.rows("regions").values()))
    for number in range(5):
        event(admin.region, node, "INFO", f"Kind {number}")
    event(admin.region, node, "AUDIT", "Hidden")
    first = admin.get("events/?op=query&limit=2").json
    assert [row["type"] for row in first["events"]] == ["Kind 4", "Kind 3"]
    rest = admin.get(first["prev_uri"]).json
    assert [row["type"] for row in rest["events"]] == ["Kind 2", "Kind 1"]
    newer = admin.get(rest["next_uri"]).json
    assert [row["type"] for row in newer["events"]] == ["Kind 4", "Kind 3"]
    assert admin.get("events/?op=query&level=AUDIT").json["count"] == 1
    assert admin.get("events/?op=query&hostname=other").json["count"] == 0
