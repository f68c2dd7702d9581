"""What 3.8 changes that was not recorded."""

from __future__ import annotations

import base64

import pytest
from maas_emulator.api2 import notifications
from maas_emulator.core import Region

from .calls import Caller

DEVICE = {"hostname": "d", "mac_addresses": "52:54:00:00:02:01"}


@pytest.fixture
def admin():
    return Caller(Region("3.8"))


def ssh_key(kind):
    blob = len(kind).to_bytes(4, "big") + kind.encode() + bytes(40)
    return f"{kind} {base64.b64encode(blob).decode()} me"


@pytest.mark.parametrize(
    ("which", "kind", "status"),
    [
        ("3.7", "ssh-dss", 201), ("3.8", "ssh-dss", 400), ("3.8", "ssh-rsa", 201),
        ("3.7", "sk-ssh-ed25519@openssh.com", 400), ("3.8", "sk-ssh-ed25519@openssh.com", 201),
        ("3.8", "sk-ecdsa-sha2-nistp256@openssh.com", 201),
    ],
)  # fmt: skip
def test_kinds_of_ssh_keys(which, kind, status):
    answer = Caller(Region(which)).post("account/prefs/sshkeys/", key=ssh_key(kind))
    assert answer.status == status, answer.text


@pytest.mark.parametrize(
    ("which", "stored"),
    [("3.3", "52:54:00:0a:0b:0c"), ("3.7", "52:54:00:0A:0B:0C"), ("3.8", "52:54:00:0a:0b:0c")],
)
def test_mac_addresses_of_interfaces(which, stored):
    admin = Caller(Region(which))
    device = admin.post("devices/", **DEVICE).json["system_id"]
    place = f"nodes/{device}/interfaces/?op=create_physical"
    made = admin.post(place, name="eth1", mac_address="52:54:00:0A:0B:0C")
    assert made.json["mac_address"] == stored


@pytest.mark.parametrize(
    ("which", "types"),
    [("3.3", {"testing"}), ("3.7", {"testing", "release"}),
     ("3.8", {"testing", "release", "deployment"})],
)  # fmt: skip
def test_types_of_scripts(which, types):
    admin = Caller(Region(which))
    form = {"script": "#!/bin/sh\n"}
    taken = {
        name
        for name in ("testing", "release", "deployment", "nope")
        if admin.post("scripts/", name=f"s-{name}", type=name, **form).status == 200
    }
    assert taken == types


def test_notices_of_its_own(admin):
    notifications.announce(admin.region, "MD7")
    notifications.announce(admin.region, "MD5")
    notifications.announce(admin.region, "MD7")
    found = {row["ident"]: row for row in admin.get("notifications/").json}
    assert set(found) == {f"deprecation_MD{number}_admins" for number in (5, 6, 7)}
    dismissed = [
        admin.post(f"notifications/{row['id']}/?op=dismiss").status for row in found.values()
    ]
    assert sorted(dismissed) == [200, 200, 500]
    assert [row["ident"] for row in admin.get("notifications/").json] == ["deprecation_MD5_admins"]
    assert Caller(Region("4.0")).get("notifications/").json == []


def test_every_answer_has_a_trace_id(admin):
    first, second = admin.get("zones/"), admin.get("nosuch/")
    assert len(first.headers["MAAS-trace-id"]) == 32
    assert first.headers["MAAS-trace-id"] != second.headers["MAAS-trace-id"]
    sent = {"host": "127.0.0.1", "maas-trace-id": "mine", "authorization": admin.header()}
    answer = admin.region.answer("GET", "/MAAS/api/2.0/zones/", sent)
    assert answer.headers["MAAS-trace-id"] == "mine"


@pytest.mark.parametrize(("which", "status"), [("3.7", 500), ("3.8", 400)])
def test_a_timestamp_that_is_no_number(which, status):
    admin = Caller(Region(which))
    answer = admin.send("GET", "users/", header=admin.header(timestamp="soon"))
    assert answer.status == status
    assert ("oauth_timestamp has an unexpected type" in answer.text) == (status == 400)
