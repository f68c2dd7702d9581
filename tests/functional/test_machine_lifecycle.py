"""The life of a machine through a real ``salt-call --local``: planned in one run, then done."""

from __future__ import annotations

import json

import pytest
from maas_emulator import machine_ops, machines, storage
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.resources.steps import STEPS
from support.machine_regions import images_and_rack
from support.salt_call import Minion

pytestmark = pytest.mark.salt
MAC = "52:54:00:00:00:21"
LIFE = {
    "maas_machine.present": [
        {"name": "web-1", "mac_addresses": [MAC], "architecture": "amd64", "power_type": "ipmi",
         "power_parameters": {"power_address": "10.0.0.9"}},
    ],
    "maas_machine.commissioned": [{"name": "web-1", "timeout": 60}],
    "maas_machine.deployed": [
        {"name": "web-1", "distro_series": "jammy", "user_data": "salt://user-data",
         "timeout": 60},
    ],
    "maas_machine.locked": [{"name": "web-1"}],
}  # fmt: skip
END = {
    "maas_machine.unlocked": [{"name": "web-1"}],
    "maas_machine.released": [{"name": "web-1", "timeout": 60}],
}
SECRET = "tr0ub4dor"
OTHER_MAC = "52:54:00:00:00:22"
#: One machine that is new, and one that was enlisted under a name of MAAS's choice.
PILLAR = {
    "fabrics": {"hall": {"vlans": {"untagged": {}}}},
    "subnets": {"10.0.0.0/24": {"vlan": "hall/untagged"}},
    "machines": {
        name: {
            "mac_addresses": [mac], "architecture": "amd64", "power_type": "ipmi",
            "power_parameters": {"power_address": address},
            "interfaces": {
                "eth0": {"links": [{"mode": "static", "subnet": "10.0.0.0/24", "ip_address": ip}]},
            },
            "storage": {"disks": {"sda": {"partitions": [
                {"size": "20G", "fs": "ext4", "mount": "/"},
                {"size": "rest", "fs": "xfs", "mount": "/srv"},
            ]}}},
            "owner_data": {"app": name},
        }
        for name, mac, address, ip in (
            ("web-1", MAC, "10.0.0.9", "10.0.0.21"), ("db-1", OTHER_MAC, "10.0.0.10", "10.0.0.22"),
        )
    },
}  # fmt: skip
#: As the page of the lifecycle has it.
FROM_NOTHING = """
region:
  maas_region.managed: []
new machines:
  maas_machine.commissioned:
    - machines: [web-1, db-1]
    - timeout: 60
    - require: [maas_region: region]
disks and interfaces:
  maas_region.managed:
    - require: [maas_machine: new machines]
servers:
  maas_machine.deployed:
    - machines: [web-1, db-1]
    - distro_series: jammy
    - timeout: 60
    - require: [maas_region: disks and interfaces]
annotations:
  maas_region.managed:
    - require: [maas_machine: servers]
"""


@pytest.fixture
def server(monkeypatch):
    with RegionServer("3.7", import_seconds=0, index_seconds=0, machine_seconds=0.1) as server:
        images_and_rack(server, ("jammy", "noble"))
        real = machine_ops.commissioned

        def commissioned(region, row):
            # What a machine reports of itself while it is commissioned.
            mac = row["interfaces"][0]["mac"]
            found = {"name": "eth0", "mac_address": mac, "address": f"10.0.0.{mac[-2:]}/24"}
            machine_ops.hardware_nic(region, row, found)
            if not storage.disks_of(region, row):
                storage.add_disk(region, row, "sda", 10**11)
            real(region, row)

        monkeypatch.setattr(machine_ops, "commissioned", commissioned)
        yield server


def test_a_life_is_planned_and_then_done(server, tmp_path):
    minion = Minion(tmp_path, {"url": server.url, "api_key": server.api_key})
    (tmp_path / "states" / "user-data").write_text(f"#cloud-config\n# {SECRET}\n")
    planned = minion.apply(LIFE, "test=True")
    assert server.region.rows("machines") == {}
    assert [one["result"] for one in planned.values()] == [None] * len(LIFE), planned
    done = minion.apply(LIFE)
    assert [one["result"] for one in done.values()] == [True] * len(LIFE), done
    for name in list(LIFE)[1:]:
        ident = f"{name} web-1"
        assert done[ident]["changes"] == planned[ident]["changes"]
    again = minion.apply(LIFE)
    assert [one["changes"] for one in again.values()] == [{}] * len(LIFE)
    (row,) = server.region.rows("machines").values()
    assert (row["status"], row["locked"]) == (machines.DEPLOYED, True)
    ended = minion.apply(END)
    assert [one["result"] for one in ended.values()] == [True, True], ended
    assert SECRET not in repr([planned, done, again, ended])
    (shown,) = Client(Profile(server.url, server.api_key)).get("machines/")
    assert shown["status_name"] == "Ready"
    found = minion.calls(
        ["maas_machine.commission", "web-1", {"timeout": 60}],
        ["maas_machine.describe", "web-1", {"events": 2}],
    )
    assert found[0]["web-1"]["status_name"] == "Ready"
    assert found[1]["interfaces"]["eth0"]["mac_address"] == MAC
    assert len(found[1]["events"]) == 2


def test_from_nothing_to_deployed_machines_in_one_run(server, tmp_path):
    client = Client(Profile(server.url, server.api_key))
    client.post("machines/", data={
        "hostname": "mature-pup", "architecture": "amd64/generic", "power_type": "manual",
        "mac_addresses": OTHER_MAC, "commission": "false",
    })  # fmt: skip
    minion = Minion(tmp_path, {"url": server.url, "api_key": server.api_key})
    (tmp_path / "states" / "all.sls").write_text(FROM_NOTHING)

    def apply(*arguments):
        answer = minion.call(
            "state.apply", "all", f"pillar={json.dumps({'maas': PILLAR})}", *arguments
        )
        return {key.split("_|-")[1]: one for key, one in answer.items()}

    server.requests.reset()
    planned = apply("test=True")
    assert server.requests.writes() == []
    assert [one["result"] for one in planned.values()] == [None] * 5, planned
    done = apply()
    assert [one["result"] for one in done.values()] == [True] * 5, done
    for name, one in planned.items():
        assert without_current(one["changes"]) == without_current(done[name]["changes"]), name
    assert {one["status_name"] for one in client.get("machines/")} == {"Deployed"}
    server.requests.reset()
    again = apply()
    assert [one["changes"] for one in again.values()] == [{}] * 5
    assert server.requests.writes() == []


def without_current(changes):
    """Changes without what only commissioning shows: the disks as they are, and the requests."""
    if not isinstance(changes, dict):
        return changes
    found = {name: without_current(one) for name, one in changes.items() if name != STEPS}
    return {**found, "old": None} if STEPS in changes.get("new", ()) else found
