"""The endpoints, fields and settings of each emulated release against what is known of it."""

from __future__ import annotations

import re

import pytest
from api_facts import facts
from maas_emulator.core import Region
from maas_emulator.release import Release
from maas_emulator.settings import settings_of

from .calls import Caller, Clock

STORED = ("2.0", "2.4", "2.9", "3.0", "3.3", "3.5", "3.6", "3.7")
BETWEEN = {
    **dict.fromkeys(("2.1", "2.2", "2.3"), ("2.0", "2.4")),
    **dict.fromkeys(("2.5", "2.6", "2.7", "2.8"), ("2.4", "2.9")),
    **dict.fromkeys(("3.1", "3.2"), ("3.0", "3.3")),
    "3.4": ("3.3", "3.5"),
}

#: What MAAS has for its own racks and agents, or nowhere documented.
LEFT_OUT = re.compile(
    r"agents/|images-sync-progress|nodes/\{\}/devices|switch-boot-order|virtual-machines$"
)
#: What the facts do not list, as no handler of the API has it.
UNLISTED = {("describe", "GET", None), ("openapi.yaml", "GET", None), ("files", "GET", "get"),
            ("files", "GET", "get_by_key")}  # fmt: skip
#: Fields that are only in the answer of one operation, or were seen to be gone in 3.7.
UNSHOWN = {"constraints_by_type", "resource_uri"}
#: Not shown by a fault of the laboratory that the facts come from.
LOST = {(kind, "3.7"): {"ip_addresses"} for kind in
        ("machines", "devices", "rackcontrollers", "regioncontrollers")}  # fmt: skip


def plain(template):
    """A path template without the names and patterns of its parts."""
    text = re.sub(r"\{(\w+)(:(?:[^{}]|\{\d+\})+)?\}", "{}", template)
    return text.replace("[s]?", "").replace("s?", "").replace("/*", "").strip("/")


def known_operations(which):
    return {(plain(call.uri), call.method, call.op) for call in facts(which).calls}


def our_operations(which):
    return {
        (plain(endpoint.template), method, op)
        for endpoint, operations in Region(which).routes.endpoints
        for method, op in operations
    }


def short(operations):
    return sorted(map(str, (item for item in operations if not LEFT_OUT.match(item[0]))))


@pytest.mark.parametrize("which", STORED)
def test_operations(which):
    known, ours = known_operations(which), our_operations(which)
    assert short(known - ours) == []
    assert short(ours - known - UNLISTED) == []


@pytest.mark.parametrize("which", BETWEEN)
def test_operations_between_known_releases(which):
    older, newer = map(known_operations, BETWEEN[which])
    ours = our_operations(which)
    assert short((older & newer) - ours) == []
    assert short(ours - older - newer - UNLISTED) == []


def test_operations_of_3_8_are_those_of_3_7_and_of_groups_and_providers():
    before, ours = our_operations("3.7"), our_operations("3.8")
    assert before - ours == set()
    added = {path.partition("/")[0] for path, _, _ in ours - before}
    assert added == {"groups", "oidc-providers"}


@pytest.mark.parametrize("which", STORED)
def test_settings(which):
    known = facts(which).settings
    assert set(settings_of(Release(which))) == known


@pytest.mark.parametrize("which", BETWEEN)
def test_settings_between_known_releases(which):
    older, newer = (facts(item).settings for item in BETWEEN[which])
    ours = set(settings_of(Release(which)))
    assert older & newer <= ours <= older | newer | ({"http_boot"} if which == "2.3" else set())


# -- fields ------------------------------------------------------------------------------------

RACK = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2",
        "subnet_mask": "255.255.255.0"}  # fmt: skip
MACHINE = {"hostname": "m", "architecture": "amd64", "power_type": "manual",
           "mac_addresses": "52:54:00:00:01:01", "commission": "false"}  # fmt: skip
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIuVwqNpMlNHVdXRwW8dBsyKfCkDZ3yVj1H5Oe2VvS4s me"
POD = {"type": "virsh", "power_address": "qemu+ssh://root@10.0.0.7/system"}

#: What is made before anything is read: (path, form, first release).
MADE = (
    ("boot-resources/?op=import", {}, "2.0"),
    ("subnets/", {"cidr": "10.0.0.0/24"}, "2.0"),
    ("subnets/", {"cidr": "10.1.0.0/24"}, "2.0"),
    ("spaces/", {"name": "dmz"}, "2.0"),
    ("ipranges/", {"type": "reserved", "start_ip": "10.0.0.50", "end_ip": "10.0.0.60"}, "2.0"),
    ("dhcp-snippets/", {"name": "x", "value": "y"}, "2.0"),
    ("dnsresources/", {"fqdn": "w.maas", "ip_addresses": "10.0.0.99"}, "2.0"),
    ("dnsresourcerecords/", {"fqdn": "v.maas", "rrtype": "TXT", "rrdata": "x"}, "2.0"),
    ("tags/", {"name": "x"}, "2.0"),
    ("account/prefs/sshkeys/", {"key": SSH}, "2.0"),
    ("devices/", {"hostname": "d", "mac_addresses": "52:54:00:00:02:01"}, "2.0"),
    ("machines/", MACHINE, "2.0"),
    ("static-routes/", {"source": 1, "destination": 2, "gateway_ip": "10.0.0.9"}, "2.1"),
    ("notifications/", {"message": "x", "admins": "true"}, "2.1"),
    ("scripts/", {"name": "x", "script": "#!/bin/sh\n"}, "2.2"),
    ("pods/", POD, "2.2"),
    ("reservedips/", {"ip": "10.0.0.77", "mac_address": "52:54:00:00:07:01"}, "3.6"),
)
#: Collections whose first object is compared, and the handler in the facts.
READ = ("fabrics", "subnets", "spaces", "ipranges", "domains", "zones", "boot-sources",
        "rackcontrollers", "regioncontrollers", "machines", "devices", "dhcp-snippets", "tags",
        "dnsresources", "dnsresourcerecords", "users", "account/prefs/sshkeys", "static-routes",
        "package-repositories", "notifications", "scripts", "pods", "vm-hosts",
        "reservedips")  # fmt: skip


def filled(which):
    region = Region(which, import_seconds=0, index_seconds=0)
    Clock(region)
    caller = Caller(region)
    for path, form, since in MADE:
        if region.release >= since:
            answer = caller.post(path, **form)
            assert answer.status < 300, (path, answer.text)
    region.register_controller(hostname="rack", interfaces=[RACK])
    return caller


def fields_in_facts(which, collection):
    """The fields that the handler of an object has, or None where the facts name none."""
    for uri, names in facts(which).fields.items():
        if re.match(rf"/{re.escape(collection)}/\{{\w+\}}/?\Z", uri):
            return names - UNSHOWN | LOST.get((collection, which), set())
    return None


@pytest.mark.parametrize("which", STORED)
def test_fields(which):
    caller, compared = filled(which), 0
    for collection in READ:
        known = fields_in_facts(which, collection)
        if known is None:
            continue
        shown = set(caller.get(f"{collection}/").json[0]) - UNSHOWN
        assert (collection, shown) == (collection, known)
        compared += 1
    assert compared >= 8


@pytest.mark.parametrize("which", [*STORED, *BETWEEN])
def test_every_release_holds_all_of_this(which):
    caller = filled(which)
    for collection in READ:
        answer = caller.get(f"{collection}/")
        assert answer.status in (200, 404)
        if answer.status == 200:
            assert answer.json


def test_subnets_have_their_space_until_vlans_have():
    old = filled("2.1")
    assert old.put("subnets/1/", space="dmz").json["space"] == "dmz"
    assert [row["cidr"] for row in old.get("spaces/dmz/").json["subnets"]] == ["10.0.0.0/24"]
    assert old.delete("spaces/dmz/").status == 500
    new = filled("2.2")
    assert new.put("subnets/1/", space="dmz").status == 400
