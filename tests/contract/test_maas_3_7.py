"""The emulator of 3.7 against what a real 3.7.3 answered."""

from __future__ import annotations

import base64
import time

import pytest
from harness import Key, Lab, differences, load, report
from maas_emulator import images, machines
from maas_emulator.server import RegionServer

#: Exchanges that are answered differently, and why.
KNOWN = {
    "37-016-describe": "it describes what the emulator serves, which is less than MAAS does",
    "37-396-notifications-list": "an emulated region has no notices about itself",
    "37-404-scripts-list": "titles and contents of MAAS's own scripts are not copied",
    "37-632-notifications-list-2": "an emulated region has no notices about itself",
    "37-510-openapi": "it describes what the emulator serves, without forms and answers",
    "37-523-racks-describe_power_types": "labels and choices of power parameters are not copied",
}

#: Contents of files, and of fields sent in multipart, which the recording does not hold.
FILES = {
    "37-041": {"name": "fab-mp"},
    "37-042": {"description": "via multipart"},
    "37-422": {"content": b"#!/bin/sh\necho b\n"},
    "37-437": {"file": b"hello"},
    "37-445": {"keyring_data": base64.b64decode("mQFrZXlyaW5n")},
    "37-449": {"keyring_data": b"key"},
    "37-454": {"keyring_data": b"new"},
    "37-497": {"content": b"x" * 1100},
    "37-500": {"content": b"x" * 1100},
    "37-501": {"content": b"x" * 1101},
}
#: Content types of bodies that were sent raw.
RAW_TYPES = {"37-654": "application/json", "37-656": "text/csv"}
UNSIGNED = {"37-001", "37-007", "37-008", "37-009"}


def signed_by(lab, exchange):
    """Key and header of an exchange: the recording tells it by its name only."""
    short = exchange.id[:6]
    consumer, token, secret = lab.keys["admin"].split(":")
    special = {
        "37-004": Key(f"nobody:{token}:{secret}"),
        "37-005": Key(f"{consumer}:bbbbbbbbbbbbbbbbbb:{secret}"),
        "37-006": Key(f"{consumer}:{token}:wrong"),
        "37-010": Key(lab.keys["admin"], timestamp=1000000000),
        "37-011": Key(lab.keys["admin"], timestamp=int(time.time()) + 5000),
        "37-012": Key(lab.keys["admin"], nonce="fixednonce1"),
        "37-013": Key(lab.keys["admin"], nonce="fixednonce1"),
        "37-014": Key(lab.keys["admin"], method="HMAC-SHA1"),
    }
    if short in special:
        return special[short], None
    if short == "37-015":
        return None, "Bearer garbage"
    if short in UNSIGNED:
        return None, None
    if "-nonadmin-" in exchange.id or exchange.id.endswith("-deleted-user-key"):
        return Key(lab.keys["bob"]), None
    return Key(lab.keys["admin"]), None


# -- what the laboratory did in between --------------------------------------------------------


def give_bob_a_key(lab):
    lab.keys["bob"] = lab.region.new_api_key("bob")


def fill_catalogue(lab):
    """The laboratory filled the cache of source 1 by hand."""
    images.importer(lab.region).fetch(lab.region.rows("boot_sources")[1])


def let_import_end(lab):
    lab.wait(60)


def start_racks(lab):
    """Two racks came in; their remote calls were answered, their services not watched."""
    for number, ident in enumerate(("7bhgb4", "bn7sq8")):
        lab.region.register_controller(
            hostname=f"xrack-00{number}",
            system_id=ident,
            interfaces=[
                {
                    "name": "eth0",
                    "mac": f"52:54:10:00:00:0{number}",
                    "ip": f"2001:db8:1::{'ab'[number]}",
                    "subnet_mask": "64",
                },
                {
                    "name": "eth1",
                    "mac": f"52:54:11:00:00:0{number}",
                    "ip": f"10.4.0.1{number}",
                    "subnet_mask": "255.255.255.0",
                },
            ],
        )
    for rack in lab.region.rows("racks").values():
        rack["connected"] = True


def delete_dynamic_range(lab):
    """Between two recorded lists the last range went away."""
    del lab.region.rows("ipranges")[3]


def describe_subnet(lab):
    """Not recorded, but seen in the next answer."""
    lab.region.rows("subnets")[1]["description"] = "d0"


def name_second_machine(lab):
    """Its creation was answered with an error, though it was made."""
    found = [row for row in lab.region.rows("machines").values() if row["hostname"] == "m2"]
    lab.names["reg866"] = found[0]["system_id"]


def make_ready(lab):
    """The laboratory set the status of the machine by hand: it has no hardware to commission."""
    found = [row for row in lab.region.rows("machines").values() if row["hostname"] == "m1b"]
    found[0].update(status=machines.READY, owner=None)


BEFORE = {
    "37-296": give_bob_a_key,
    "37-460": fill_catalogue,
    "37-484": let_import_end,
    "37-497": let_import_end,
    "37-520": let_import_end,
    "37-515": start_racks,
    "37-563": name_second_machine,
    "37-583": make_ready,
    "37-638": delete_dynamic_range,
    "37-663": describe_subnet,
}


def script_sent(exchanges):
    """The script that was uploaded: its content is in a later answer."""
    answer = next(item for item in exchanges if item.id == "37-411-script-read-include")
    content = base64.b64decode(answer.body["history"][0]["data"])
    return {"37-405": {"script": content}}


@pytest.fixture
def lab():
    with RegionServer(release="3.7.3", hostname="vm") as server:
        yield Lab(server)


def test_recording(lab):
    controller = lab.region.rows("regions")[1]
    lab.names["abtxam"] = controller["system_id"]
    results = {}
    exchanges = load("maas-3.7.3.jsonl")
    files = {**FILES, **script_sent(exchanges)}
    for exchange in exchanges:
        short = exchange.id[:6]
        BEFORE.get(short, lambda lab: None)(lab)
        key, header = signed_by(lab, exchange)
        answer = lab.send(exchange, key, header, files.get(short), RAW_TYPES.get(short))
        lab.learn(exchange.body, answer[2])
        results[exchange.id] = differences(lab.as_here(exchange), answer, ["ip_addresses"])
    matched, total = report("maas-3.7.3", results, KNOWN)
    assert total == 708
    assert matched / total >= 0.98
