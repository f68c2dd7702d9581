"""Machines as a table, and one with its interfaces and disks."""

from __future__ import annotations

import json

import pytest
from maas_emulator import hardware, storage
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.errors import MaasError
from saltext.maas.machines import view
from support.machine_regions import region_with_image
from support.reconciling import carried_out

SECRET = "correct horse"


@pytest.fixture(scope="module")
def server():
    with region_with_image("3.8") as server:
        power = {"power_type": "ipmi", "architecture": "amd64"}
        carried_out(server, {"tags": {"web": None}, "machines": {
            "a": {**power, "mac_addresses": ["52:54:00:00:00:0a"], "tags": ["web"],
                  "power_parameters": {"power_address": "192.0.2.1", "power_pass": SECRET}},
            "b": {**power, "power_parameters": {"power_address": "192.0.2.2"}},
        }})  # fmt: skip
        for row in server.region.rows("machines").values():
            if row["hostname"] == "a":
                storage.add_disk(server.region, row, "sda", 10**11)
                hardware.tell(server.region, row["system_id"], status=6, owner="admin")
        yield server


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["a", "b"]), ({"status": "deployed"}, ["a"]), ({"status": "New"}, ["b"]),
        ({"tag": "web"}, ["a"]), ({"owner": "admin", "tag": "db"}, []),
        ({"zone": "default", "pool": "default"}, ["a", "b"]), ({"pool": "other"}, []),
    ],
)  # fmt: skip
def test_rows_are_chosen_and_take_one_request(server, wanted, found):
    client = Client(Profile(server.url, server.api_key))
    assert client.release
    server.requests.reset()
    assert [row["hostname"] for row in view.rows(client, **wanted)] == found
    assert server.requests.count() == 1


def test_a_table_has_a_line_for_each_machine(server):
    lines = view.as_table(view.rows(Client(Profile(server.url, server.api_key)))).splitlines()
    assert lines[0].split() == list(view._SHOWN)
    assert [line.split()[:2] for line in lines[1:]] == [["a", "Deployed"], ["b", "New"]]


def test_one_is_described_without_its_secrets(server):
    raw = Client(Profile(server.url, server.api_key)).get("machines/", hostname="a")[0]
    found = view.described(raw)
    assert (found["power_type"], found["owner"], found["tags"]) == ("ipmi", "admin", ["web"])
    (nic,) = found["interfaces"].values()
    assert nic["mac_address"] == "52:54:00:00:00:0a"
    assert found["disks"]["sda"]["size"] == 10**11
    assert SECRET not in json.dumps(found)


def test_a_release_without_machines_says_so():
    with (
        RegionServer("1.9") as server,
        pytest.raises(MaasError, match=r"MAAS 1\.9\.\d has no machines"),
    ):
        view.rows(Client(Profile(server.url, server.api_key)))
