"""Cluster interfaces of API 1.0: IPv6, aliases, routers and names that MAAS chooses."""

from __future__ import annotations

import logging

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.reconcile import desired_named, desired_object, make_plan
from saltext.maas.release import Release
from saltext.maas.render.network import network_of as drawn
from saltext.maas.resources.kinds import NETMASK, network_of
from support.reconciling import carried_out, cluster, planned, snapshot_of

UUID = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01"
MASK = "ffff:ffff:ffff:ffff::"


@pytest.fixture(params=["1.7", "1.9"])
def region(request):
    with RegionServer(request.param) as server:
        cluster(server, UUID, "10.10.0.2")
        yield server


def described(interfaces=None, **more):
    return {"clusters": {"a": {"uuid": UUID, "interfaces": interfaces or {}, **more}}}


def posted(region, **fields):
    client = snapshot_of(region).client
    return client.post(f"nodegroups/{UUID}/interfaces/", op="new", data=fields)


def test_an_ipv6_interface_with_its_mask(region):
    eth = {"management": "unmanaged", "ip": "2001:db8::1", "subnet_mask": MASK}
    carried_out(region, described({"eth1": eth}))
    moved = {**eth, "ip": "2001:db8:1::1"}
    snapshot, plan = carried_out(region, described({"eth1": moved}))
    assert plan.shown()["node_group_interface"]["a/eth1"] == {
        "ip": {"old": "2001:db8::1", "new": "2001:db8:1::1"}
    }
    (found,) = [one.raw for one in snapshot.records("node_group_interface", UUID).values()
                if one.raw["ip"] == "2001:db8:1::1"]  # fmt: skip
    assert found["subnet_mask"] == MASK
    assert found["broadcast_ip"] == "2001:db8:1:0:ffff:ffff:ffff:ffff"


def test_an_answer_that_does_not_name_the_cluster_is_believed(region, caplog):
    eth = {"management": "unmanaged", "ip": "10.6.0.2", "subnet_mask": "255.255.255.0"}
    carried_out(region, described({"eth1": eth}))
    carried_out(region, described({"eth1": {**eth, "ip": "10.6.0.3"}}))
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []


def test_an_ipv6_interface_is_exported_and_drawn(region):
    name = posted(region, ip="2001:db8::1", interface="eth0", management="0")["name"]
    found = pillar.export(snapshot_of(region))
    (entry,) = found.described["clusters"].values()
    assert entry["interfaces"][name] == {
        "management": "unmanaged", "ip": "2001:db8::1", "interface": "eth0", "subnet_mask": MASK,
    }  # fmt: skip
    told = ("images:", "router_ip is not known of ")
    assert [line for line in found.notes if not line.startswith(told)] == []
    assert pillar.problems(found.described, Release(region.region.release.series)) == []
    assert not planned(region, found.described)[1]
    snapshot, plan = planned(region, found.described)
    assert "2001:db8::/64" in str(drawn(snapshot, plan))


@pytest.mark.parametrize(
    ("ip", "mask", "expected"),
    [
        ("2001:db8::1", "ffff:0:ffff::", "must be a netmask such as 255.255.255.0 or ffff:"),
        ("10.0.0.1", MASK, "must be of the address family of ip, '10.0.0.1'"),
        ("2001:db8::1", "255.255.255.0", "must be of the address family of ip, '2001:db8::1'"),
    ],
)
def test_a_mask_that_does_not_fit(ip, mask, expected):
    eth = {"management": "unmanaged", "ip": ip, "subnet_mask": mask}
    (line,) = pillar.problems(described({"eth0": eth}), Release("1.7"))
    assert f":interfaces:eth0:subnet_mask: {mask!r} {expected}" in line


def test_masks_of_both_families():
    assert NETMASK.clean("FFFF:ffff:0::") == "ffff:ffff::"
    assert str(network_of("2001:db8::1", "ffff:ffff::")) == "2001:db8::/32"
    assert str(network_of("192.0.2.9", "255.255.255.0")) == "192.0.2.0/24"


def test_a_cluster_without_a_name_in_the_pillar_keeps_its_own(region):
    snapshot_of(region).client.put(f"nodegroups/{UUID}/", data={"cluster_name": "Our own"})
    region.requests.reset()
    assert not planned(region, described())[1]
    assert region.requests.writes() == []


# What 1.9 does otherwise


@pytest.fixture
def newer():
    with RegionServer("1.9") as server:
        cluster(server, UUID, "10.10.0.2")
        yield server


ALIAS = {"management": "unmanaged", "ip": "10.6.0.2", "subnet_mask": "255.255.255.0"}


def test_an_alias_is_found_again(newer):
    snapshot, _ = carried_out(
        newer, described({"eth6:1": ALIAS, "eth6": {**ALIAS, "ip": "10.7.0.2"}})
    )
    raw = snapshot.records("node_group_interface", UUID)[f"{UUID}/eth6:1"].raw
    assert raw["interface"] == "eth6"
    # Under a name of its own in the pillar, the address tells the two apart.
    data = described({"storage": {**ALIAS, "interface": "eth6:1"}})
    assert not planned(newer, data)[1]


def test_a_router_that_cannot_be_cleared_is_a_problem(newer):
    eth = {**ALIAS, "router_ip": "10.6.0.1"}
    carried_out(newer, described({"eth6": eth}))
    snapshot = snapshot_of(newer)
    # The subnet shows what the interface does not.
    desired = desired_object(
        "node_group_interface", {"cluster": UUID, "name": "eth6", "router_ip": ""}
    )
    (line,) = make_plan(snapshot, [desired]).problems()
    assert "cannot clear router_ip 10.6.0.1 of a cluster interface; clear gateway_ip" in line
    assert "10.6.0.0/24" in line


def test_a_subnet_that_a_cluster_interface_uses_cannot_be_deleted(newer):
    carried_out(newer, described({"eth6": ALIAS}))
    desired = desired_named("subnet", "10.6.0.0/24", {}, absent=True)
    (line,) = make_plan(snapshot_of(newer), [desired]).problems()
    assert "interface eth6 of cluster" in line
    gone = desired_named("node_group_interface", "eth6", {"cluster": UUID}, absent=True)
    assert make_plan(snapshot_of(newer), [desired, gone]).problems() == []


def test_a_broadcast_address_that_1_9_computes_itself(newer):
    (line,) = planned(newer, described({"eth6": {**ALIAS, "broadcast_ip": "10.6.0.200"}}))[
        1
    ].problems()
    assert "broadcast_ip must be 10.6.0.255, which MAAS 1.9" in line
    carried_out(newer, described({"eth6": {**ALIAS, "broadcast_ip": "10.6.0.255"}}))


def test_two_interfaces_of_one_device_before_1_9():
    second = {**ALIAS, "ip": "10.7.0.2", "interface": "eth0"}
    with RegionServer("1.8") as server:
        cluster(server, UUID, "10.10.0.2")
        first = {**ALIAS, "ip": "10.10.0.2"}
        (line,) = planned(server, described({"eth0": first, "second": second}))[1].problems()
        assert f"conflicts with existing cluster interface {UUID}/eth0;" in line
        six = {"management": "unmanaged", "ip": "2001:db8::1", "interface": "eth0"}
        carried_out(server, described({"six": six}))


def test_networks_of_one_tag_and_of_ipv6():
    with RegionServer("1.7") as server:
        one = {"ip": "10.1.0.0", "netmask": "255.255.255.0", "vlan_tag": 5}
        carried_out(server, {"networks": {"a": one}})
        (line,) = planned(server, {"networks": {"b": {**one, "ip": "10.2.0.0"}}})[1].problems()
        assert "conflicts with existing network a;" in line
        six = {"ip": "2001:db8::", "netmask": MASK}
        carried_out(server, {"networks": {"six": six}})
    with RegionServer("1.5") as server:
        desired = desired_object("network", {"name": "six", **six})
        (line,) = make_plan(snapshot_of(server), [desired]).problems()
        assert "has IPv4 networks only" in line


@pytest.mark.parametrize("zone", ["a_b", "a.b_c.D", "1a", "x" * 63])
def test_zones_that_every_release_takes(zone):
    for release in ("1.7", "1.8", "1.9"):
        assert pillar.problems(described(dns_zone=zone), Release(release)) == []


@pytest.mark.parametrize("zone", ["a b", "a/b", "-a", "a-", "a.", "a..b", "x" * 64])
def test_zones_are_domain_names_from_1_8_on(zone):
    assert pillar.problems(described(dns_zone=zone), Release("1.7")) == []
    (line,) = pillar.problems(described(dns_zone=zone), Release("1.8"))
    assert line.endswith(f"{zone!r} must be a domain name such as maas.example.com")
