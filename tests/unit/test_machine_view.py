"""Machines as a table, and one with its interfaces and disks."""

from __future__ import annotations

import json

import pytest
from maas_emulator import hardware, storage
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import listing
from saltext.maas.machines import view
from support.machine_regions import region_with_image
from support.reconciling import carried_out

SECRET = "correct horse"


@pytest.fixture(scope="module")
def server():
    with region_with_image("3.8") as server:
        power = {"power_type": "ipmi", "architecture": "amd64"}
        carried_out(server, {"tags": {"web": None, "db": None}, "machines": {
            "a": {**power, "mac_addresses": ["52:54:00:00:00:0a"], "tags": ["web"],
                  "power_parameters": {"power_address": "192.0.2.1", "power_pass": SECRET}},
            "b": {**power, "power_parameters": {"power_address": "192.0.2.2"}},
        }})  # fmt: skip
        for row in server.region.rows("machines").values():
            if row["hostname"] == "a":
                storage.add_disk(server.region, row, "sda", 10**11)
                hardware.update(server.region, row["system_id"], status=6, owner="admin")
        yield server


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["a", "b"]), ({"status": "deployed"}, ["a"]), ({"status": "New"}, ["b"]),
        ({"tag": "web"}, ["a"]), ({"owner": "admin", "tag": "db"}, []),
        ({"zone": "default", "pool": "default"}, ["a", "b"]), ({"owner": "nobody"}, []),
        ({"status": ["Ready", "new"]}, ["b"]), ({"status": "Deployed,New"}, ["a", "b"]),
        ({"tag": ["web", "db"]}, ["a"]), ({"architecture": "amd64"}, ["a", "b"]),
        ({"architecture": "amd64/generic"}, ["a", "b"]), ({"architecture": "arm64"}, []),
        ({"name": "a*"}, ["a"]), ({"name": "*.maas"}, ["a", "b"]), ({"name": "A"}, []),
    ],
)  # fmt: skip
def test_rows_are_chosen_and_take_one_request(server, wanted, found):
    client = Client(Profile(server.url, server.api_key))
    assert client.release
    server.requests.reset()
    assert [row["hostname"] for row in view.rows(client, **wanted)] == found
    assert server.requests.count() == 1


def test_maas_filters_by_itself_where_it_can(server):
    client = Client(Profile(server.url, server.api_key))
    with pytest.raises(MaasError, match=r"pool: No such pool\(s\): other"):
        view.rows(client, pool="other")
    with pytest.raises(BadInput, match=r"status: 'Reday' must be one of: New, Commissioning"):
        view.rows(client, status="Reday")


def listed(server, *, profile=None, columns=None, counts=False, watch=None, timeout=9, **filters):
    own = {"url": server.url, "api_key": server.api_key}
    opts = {"maas": own, "north": own}
    return listing.machines(opts, profile, filters, columns, counts, watch, timeout)


def test_a_table_has_a_line_for_each_machine(server):
    rows, text = listed(server)
    lines = text.splitlines()
    assert lines[0].split() == list(view._SHOWN)
    assert [line.split()[:2] for line in lines[1:3]] == [["a", "Deployed"], ["b", "New"]]
    assert lines[3:] == ["", "2 machines: 1 Deployed, 1 New"]
    assert [row["architecture"] for row in rows] == ["amd64/generic"] * 2


def test_columns_counts_and_several_regions(server):
    rows, text = listed(server, columns="hostname, memory", name="a")
    assert list(rows[0]) == ["hostname", "memory"]
    assert text.splitlines()[0].split() == ["hostname", "memory"]
    assert listed(server, counts=True) == ({"Deployed": 1, "New": 1}, "1 Deployed, 1 New")
    both = ["north", {"url": server.url, "api_key": server.api_key}]
    rows, text = listed(server, profile=both, status="New")
    assert [row["region"] for row in rows] == ["north", server.url]
    assert text.splitlines()[0].split()[0] == "region"
    assert server.api_key not in text
    for wrong in ({"columns": "size"}, {"watch": 0}, {"profile": ["south"]}):
        with pytest.raises(BadInput, match=r"^(columns|watch|south): "):
            listed(server, **wrong)


def test_a_fleet_is_watched_until_maas_has_done_with_it(server):
    row = next(one for one in server.region.rows("machines").values() if one["hostname"] == "b")
    hardware.update(server.region, row["system_id"], status=9)
    seen = []

    def report(done, total, text):
        seen.append((done, total, text))
        hardware.update(server.region, row["system_id"], status=6)

    client = Client(Profile(server.url, server.api_key))
    rows = view.watch(lambda: view.rows(client), 0.01, 9, report)
    assert seen == [(1, 2, "1 Deployed, 1 Deploying"), (2, 2, "2 Deployed")]
    assert [one["status"] for one in rows] == ["Deployed"] * 2
    hardware.update(server.region, row["system_id"], status=21)
    with pytest.raises(MaasError, match=r"^timed out after 0\.01 s waiting for b: 1 Testing$"):
        listed(server, watch=0.01, timeout=0.01)
    hardware.update(server.region, row["system_id"], status=0)


def test_one_is_described_without_its_secrets(server):
    raw = Client(Profile(server.url, server.api_key)).get("machines/", hostname="a")[0]
    found = view.described(raw)
    assert (found["power_type"], found["owner"], found["tags"]) == ("ipmi", "admin", ["web"])
    (nic,) = found["interfaces"].values()
    assert nic["mac_address"] == "52:54:00:00:00:0a"
    assert found["disks"]["sda"]["size"] == 10**11
    assert SECRET not in json.dumps(found)
