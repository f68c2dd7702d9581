"""Machines that change become events: once, in order, also over restarts and failures."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput
from saltext.maas.machine_events import MachineFollower
from support.loader import load
from support.machine_regions import images_of_nodes, region_with_image
from support.reconciling import carried_out, snapshot_of

NEW = {"architecture": "amd64", "power_type": "manual"}


@pytest.fixture(scope="module")
def server():
    with region_with_image("3.7", {"resource_pools": {"web": None}}) as server:
        yield server


@pytest.fixture
def region(server):
    """The region with the machines a and b; returns their ids."""
    carried_out(server, {"machines": {
        name: {**NEW, "mac_addresses": [f"52:54:00:00:00:0{number}"], "pool": pool}
        for number, (name, pool) in enumerate({"a": "web", "b": "default"}.items(), 1)
    }})  # fmt: skip
    ids = {key: one.raw["system_id"] for key, one in snapshot_of(server).records("machine").items()}
    for ident in ids.values():
        hardware.update(server.region, ident, status=4, owner=None)
    return ids


@pytest.fixture
def follower(server, tmp_path):
    def make(**options):
        client = Client(Profile(server.url, server.api_key))
        return MachineFollower(client, str(tmp_path), server.url, **options)

    return make


class Bus(list):
    def __call__(self, tag, data):
        self.append((tag, data["hostname"], data["old_status"], data["status"]))


def test_another_status_is_an_event_also_after_a_restart(server, region, follower):
    bus = Bus()
    assert follower().step(bus) is False
    hardware.update(server.region, region["a"], status=9, owner="admin")
    follower().step(bus)
    hardware.update(server.region, region["a"], status=11)
    hardware.update(server.region, region["b"], status=6)
    server.requests.reset()
    follower().step(bus)
    assert server.requests.count() == 2  # the release, and one list
    follower().step(bus)
    assert bus == [
        ("maas/machine/deploying", "a", "Ready", "Deploying"),
        ("maas/machine/failed_deployment", "a", "Deploying", "Failed deployment"),
        ("maas/machine/deployed", "b", "Ready", "Deployed"),
    ]


def test_machines_that_come_and_go(server, region, follower):
    bus = Bus()
    follower(begin="oldest").step(bus)
    assert bus == [("maas/machine/added", name, None, "Ready") for name in "ab"]
    client = Client(Profile(server.url, server.api_key))
    client.delete(f"machines/{region['b']}/")
    new = {**NEW, "mac_addresses": ["52:54:00:00:00:09"]}
    carried_out(server, {"machines": {"c": new}})
    del bus[:]
    follower().step(bus)
    assert bus == [("maas/machine/removed", "b", "Ready", "Ready"),
                   ("maas/machine/added", "c", None, "New")]  # fmt: skip
    client.delete(f"machines/{snapshot_of(server).records('machine')['c'].raw['system_id']}/")


def test_only_some_machines_are_followed(server, region, follower):
    bus = Bus()
    one = follower(pool="web", tag="x/y")
    one.step(bus)
    for ident in region.values():
        hardware.update(server.region, ident, status=6)
    one.step(bus)
    assert bus == [("x/y/deployed", "a", "Ready", "Deployed")]


def test_what_the_bus_did_not_take_is_sent_again_and_nothing_else(server, region, follower):
    bus, one = Bus(), follower()
    one.step(bus)
    for ident in region.values():
        hardware.update(server.region, ident, status=6)

    def full(tag, data):
        if len(bus) == 1:
            raise OSError("full")
        bus(tag, data)

    with pytest.raises(OSError, match="full"):
        follower().step(full)
    follower().step(bus)
    assert [name for _, name, _, _ in bus] == ["a", "b"]


def test_nodes_of_api_1_0_are_followed_too(tmp_path):
    bus = Bus()
    with RegionServer("1.9") as server:
        images_of_nodes(server)
        new = {"architecture": "amd64", "mac_addresses": ["52:54:00:00:00:01"]}
        carried_out(server, {"machines": {"a": new}})
        (node,) = server.region.rows("machines").values()
        hardware.update(server.region, node["system_id"], status=4)
        one = MachineFollower(
            Client(Profile(server.url, server.api_key)), str(tmp_path), server.url
        )
        one.step(bus)
        hardware.update(server.region, node["system_id"], status=6, owner="admin")
        one.step(bus)
    assert bus == [("maas/machine/deployed", "a", "Ready", "Deployed")]


def test_arguments_are_checked(follower, server, tmp_path):
    with pytest.raises(BadInput, match=r"maas_events:begin: 'later'"):
        follower(begin="later")
    with pytest.raises(BadInput, match=r"maas_events:interval"):
        follower().run(Bus(), 0)
    engine = load("_engines/maas_events.py")
    engine.__opts__ = {"maas": {"url": server.url, "api_key": server.api_key},
                       "cachedir": str(tmp_path)}  # fmt: skip
    with pytest.raises(Exception, match="follow: 'power' must be events or machines"):
        engine.start(follow="power")
