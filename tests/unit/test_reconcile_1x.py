"""Plan and apply against a region with API 1.0."""

from __future__ import annotations

import threading

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.reconcile import Limits, Snapshot, apply, desired_named, desired_object, make_plan
from saltext.maas.reconcile.apply import Run
from saltext.maas.release import Release
from support.misbehaving import Proxy
from support.reconciling import (
    SHORT,
    assert_true,
    carried_out,
    cluster,
    errors,
    planned,
    snapshot_of,
)

A = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01"
B = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a02"
SOURCE = "http://images.example.com/ephemeral-v2/releases/"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(Run, "reconnect_seconds", 0.5)
    monkeypatch.setattr(Run, "pause", lambda run, attempt, error: None)


@pytest.fixture
def region():
    options = {"import_seconds": 0.1, "index_seconds": 0.05, "sync_seconds": 0.05}
    with RegionServer(release="1.7", **options) as server:
        yield server


def whole():
    return {
        "settings": {"ntp_server": "ntp.example.com", "enable_third_party_drivers": False},
        "users": {"ops": {"email": "ops@example.com", "password": "hunter2"}},
        "clusters": {
            "a": {
                "uuid": A,
                "cluster_name": "Cluster A",
                "dns_zone": "a.example.com",
                "interfaces": {
                    "eth0": {
                        "management": "dhcp_and_dns",
                        "ip": "10.10.0.2",
                        "subnet_mask": "255.255.255.0",
                        "router_ip": "10.10.0.1",
                        "dynamic_range": {"low": "10.10.0.100", "high": "10.10.0.149"},
                        "static_range": {"low": "10.10.0.150", "high": "10.10.0.199"},
                    },
                    "eth1": {"management": "unmanaged", "ip": "10.20.0.2"},
                },
            },
        },
        "boot_sources": {
            SOURCE: {"selections": [{"os": "ubuntu", "release": "trusty", "arches": ["amd64"]}]}
        },
    }


def test_all_at_once_and_nothing_the_second_time(region):
    cluster(region, A, "10.10.0.2")
    snapshot, _ = carried_out(region, whole())
    # The router's address is shown by no answer of API 1.0.
    for record in snapshot.records("node_group_interface", A).values():
        record.raw.pop("router_ip", None)
    assert_true(region, snapshot)

    region.requests.reset()
    planned(region, whole())
    assert region.requests.writes() == []
    read = [(entry.path, entry.op) for entry in region.requests if entry.op != "get_config"]
    assert len(read) == len(set(read))


def test_a_cluster_is_awaited_and_accepted(region):
    cluster(region, B, "10.30.0.2")
    later = threading.Timer(0.5, lambda: cluster(region, A, "10.10.0.2"))
    later.start()
    data = {"clusters": whole()["clusters"]}
    carried_out(region, data)
    later.join()
    records = snapshot_of(region).records("node_group")
    assert records[A].raw["status"] == 1


def test_a_cluster_that_never_comes(region):
    cluster(region, B, "10.30.0.2")
    data = {"clusters": whole()["clusters"], "settings": whole()["settings"]}
    snapshot, plan = planned(region, data)
    apply(snapshot, plan, Limits(enrol_seconds=0.4))
    failed = errors(plan)
    assert set(failed) == {
        "node group a", "cluster interface a/eth0", "cluster interface a/eth1",
    }  # fmt: skip
    assert f"waiting for cluster a ({A}) to register" in failed["node group a"]
    assert failed["cluster interface a/eth0"].startswith("skipped: dependency failed")
    assert set(plan.shown(True)) == {"setting"}


def test_changes_are_one_write_each(region):
    cluster(region, A, "10.10.0.2")
    carried_out(region, whole())
    data = whole()
    interfaces = data["clusters"]["a"]["interfaces"]
    interfaces["eth0"]["dynamic_range"]["low"] = "10.10.0.90"
    data["clusters"]["a"]["cluster_name"] = "First"
    region.requests.reset()
    _, plan = carried_out(region, data)
    assert len(region.requests.writes()) == len(plan.changes) == 2
    shown = plan.shown()["node_group_interface"]["a/eth0"]
    assert shown == {"ip_range_low": {"old": "10.10.0.100", "new": "10.10.0.90"}}


def test_an_interface_that_came_into_being_meanwhile(region):
    cluster(region, A, "10.10.0.2")
    data = {"clusters": whole()["clusters"]}
    snapshot, plan = planned(region, data)
    fields = {"ip": "10.20.0.2", "interface": "eth1", "management": 0, "name": "eth1"}
    path = f"nodegroups/{A}/interfaces/"
    snapshot_of(region).client.post(path, op="new", data=fields)
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert planned(region, data)[1].shown() == {}


@pytest.mark.parametrize("path", ["users/", "/interfaces/?op=new", "boot-sources/", "selections/"])
def test_a_create_whose_answer_is_lost_makes_one_object(region, path):
    cluster(region, A, "10.10.0.2")
    data = whole()
    before = {
        name: len(snapshot_of(region).raw(name)) for name in ("user", "boot_source")
    }  # fmt: skip

    def lose(method, target):
        return method == "POST" and target.endswith(path) and not proxy.lost

    with Proxy(region, lose) as proxy:
        snapshot, plan = planned(region, data, url=proxy.url)
        apply(snapshot, plan, SHORT)
        failed = errors(plan)
        assert not failed, failed
        assert len(proxy.lost) == 1
    left = planned(region, data)[1].shown()
    assert not left, left
    after = {name: len(snapshot_of(region).raw(name)) for name in before}
    assert after == {name: count + 1 for name, count in before.items()}


def test_a_refused_interface_fails_alone(region):
    cluster(region, A, "10.10.0.2")
    snapshot, plan = planned(region, {"clusters": whole()["clusters"]})
    # Somebody gives the same network to another interface in the meantime.
    fields = {
        "ip": "10.10.0.7", "interface": "eth9", "name": "eth9", "management": 1,
        "subnet_mask": "255.255.255.0", "router_ip": "10.10.0.1",
        "ip_range_low": "10.10.0.10", "ip_range_high": "10.10.0.20",
    }  # fmt: skip
    snapshot_of(region).client.post(f"nodegroups/{A}/interfaces/", op="new", data=fields)
    apply(snapshot, plan, SHORT)
    failed = errors(plan)
    assert set(failed) == {"cluster interface a/eth0"}
    assert "overlap" in failed["cluster interface a/eth0"]
    assert "a/eth1" in plan.shown(True)["node_group_interface"]


def test_a_node_group_can_only_be_deleted_on_the_region_host(region):
    cluster(region, A, "10.10.0.2")
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [desired_named("node_group", A, {}, absent=True)])
    apply(snapshot, plan)
    assert "run this on the region host" in errors(plan)[f"node group {A}"]


def test_an_interface_is_deleted(region):
    cluster(region, A, "10.10.0.2")
    carried_out(region, {"clusters": whole()["clusters"]})
    snapshot = snapshot_of(region)
    plan = make_plan(
        snapshot, [desired_named("node_group_interface", "eth1", {"cluster": A}, True)]
    )
    apply(snapshot, plan)
    assert errors(plan) == {}
    assert_true(region, snapshot)
    assert f"{A}/eth1" not in snapshot.records("node_group_interface", A)


@pytest.mark.parametrize(("release", "status"), [("1.7", 503), ("1.8", 500), ("1.9", 200)])
def test_dhcp_of_a_cluster_that_is_away(release, status):
    """1.7 stores nothing, 1.8 stores it and fails then, 1.9 waits for the cluster."""
    data = {"settings": {"ntp_server": "10.9.9.9"}, "clusters": whole()["clusters"]}
    with RegionServer(release=release) as region:
        cluster(region, A, "10.10.0.2", connected=False)
        if release == "1.9":
            data["clusters"]["a"]["interfaces"].pop("eth1")
        snapshot, plan = planned(region, data, deadline=5)
        apply(snapshot, plan, SHORT)
        failed = errors(plan)
        assert status in {entry.status for entry in region.requests.writes()}
        if release == "1.7":
            assert "no connections available" in failed["setting ntp_server"]
        else:
            assert failed == {}
            assert not planned(region, data)[1]


def test_images_of_a_cluster_that_is_away(region):
    cluster(region, A, "10.10.0.2", connected=False)
    data = {"clusters": {"a": {"uuid": A}}, "boot_sources": whole()["boot_sources"]}
    snapshot, plan = planned(region, data, deadline=5)
    apply(snapshot, plan, Limits(sync_seconds=0.5, import_seconds=5))
    assert set(errors(plan)) == {"images of cluster a"}


def test_a_region_without_users(region):
    snapshot = Snapshot(None, release=Release("1.7"))
    plan = make_plan(snapshot, [desired_object("setting", {"name": "ntp_server", "value": "x"})])
    assert plan.shown()["setting"]["ntp_server"]["value"]["new"] == "x"
    default = make_plan(Snapshot(None, release=Release("1.7")), [
        desired_object("setting", {"name": "ntp_server", "value": "ntp.ubuntu.com"})])  # fmt: skip
    assert not default


def test_requests_do_not_grow_with_the_interfaces(region):
    def data(count):
        eths = {
            f"eth{number}": {"management": "unmanaged", "ip": f"10.{number}.0.2"}
            for number in range(count)
        }
        return {"clusters": {"a": {"uuid": A, "cluster_name": "A", "interfaces": eths}}}

    cluster(region, A, "10.0.0.2")
    needed = {}
    for count in (2, 40):
        carried_out(region, data(count))
        region.requests.reset()
        assert not planned(region, data(count))[1]
        needed[count] = len(region.requests)
    assert needed[2] == needed[40] <= 4


def test_an_interface_moves_to_another_network(region):
    cluster(region, A, "10.99.0.2")
    carried_out(region, {"clusters": whole()["clusters"]})
    data = {"clusters": whole()["clusters"]}
    data["clusters"]["a"]["interfaces"]["eth0"] = {
        "management": "dhcp",
        "ip": "10.50.0.2",
        "subnet_mask": "255.255.255.128",
        "router_ip": "10.50.0.1",
        "dynamic_range": {"low": "10.50.0.10", "high": "10.50.0.20"},
        "static_range": {"low": "10.50.0.30", "high": "10.50.0.40"},
    }
    snapshot, _ = carried_out(region, data)
    record = snapshot.records("node_group_interface", A)[f"{A}/eth0"]
    assert record.raw["broadcast_ip"] == "10.50.0.127"


def test_a_cluster_that_is_not_connected_fails_at_once():
    with RegionServer("1.7") as server:
        uuid = server.region.register_controller(
            uuid="5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001", hostname="east", interfaces=[]
        )
        server.region.controller_connected(uuid, False)
        snapshot = Snapshot(Client(Profile(server.url, server.api_key)))
        values = {
            "cluster": uuid, "name": "eth0", "interface": "eth0", "management": "dhcp",
            "ip": "10.10.0.2", "subnet_mask": "255.255.255.0", "ip_range_low": "10.10.0.100",
            "ip_range_high": "10.10.0.150",
        }  # fmt: skip
        plan = make_plan(snapshot, [desired_object("node_group_interface", values)])
        apply(snapshot, plan)
        (change,) = plan.changes
        assert "Unable to connect to cluster" in change.error
        writes = [entry for entry in server.region.log if entry.method == "POST"]
        assert len(writes) == 1
