"""How many requests a run sends: one read for each collection, none for an object."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import region_plan
from saltext.maas.reconcile import apply
from support.reconciling import SHORT, assert_true, errors, planned, snapshot_of


def pillar(count):
    """Several objects of every type that has any number of them."""
    numbers = range(count)
    return {
        "settings": {"kernel_opts": "quiet", "enable_http_proxy": False},
        "zones": {f"z{n}": {"description": "x"} for n in numbers},
        "resource_pools": {f"p{n}": None for n in numbers},
        "tags": {f"t{n}": {"comment": "x"} for n in numbers},
        "package_repositories": {f"r{n}": {"url": f"http://x.example.com/{n}"} for n in numbers},
        "scripts": {f"s{n}": {"script": "#!/bin/sh\n"} for n in numbers},
        "notifications": {f"n{n}": {"message": "x"} for n in numbers},
        "domains": {
            f"d{n}.example.com": {
                "resources": {"www": {"ip_addresses": [f"192.0.2.{n + 1}"]}},
                "records": [{"name": "@", "rrtype": "TXT", "rrdata": "x"}],
            }
            for n in numbers
        },
        "spaces": {f"s{n}": None for n in numbers},
        "fabrics": {f"f{n}": {"vlans": {5: {"space": f"s{n}"}}} for n in numbers},
        "subnets": {
            f"10.{n}.0.0/24": {
                "vlan": f"f{n}/5",
                "ranges": [{"type": "reserved", "start": f"10.{n}.0.5", "end": f"10.{n}.0.9"}],
                "reserved_ips": {f"10.{n}.0.77": {"mac_address": f"52:54:00:00:00:{n:02x}"}},
            }
            for n in numbers
        },
        "static_routes": [
            {"source": f"10.{n}.0.0/24", "destination": "10.0.0.0/24", "gateway_ip": f"10.{n}.0.1"}
            for n in numbers[1:]
        ],
        "dhcp_snippets": {
            f"c{n}": {"value": "option x 1;", "subnet": f"10.{n}.0.0/24"} for n in numbers
        },
    }


def reads(server, data, exclusive=None):
    server.requests.reset()
    plan = region_plan.plan_of(snapshot_of(server), data, exclusive)
    assert plan.shown() == {}
    assert server.requests.writes() == []
    found = [(entry.path, str(entry.op)) for entry in server.requests]
    settings = [one for one in found if one[1] == "get_config"]
    others = [one for one in found if one[1] != "get_config"]
    assert len(settings) <= 3
    assert len(others) == len(set(others)), "something was read twice"
    return sorted(others)


@pytest.fixture(scope="module")
def filled():
    """Regions with few and with many objects."""
    servers = {}
    for count in (2, 12):
        server = servers[count] = RegionServer(release="3.7")
        server.start()
        snapshot = snapshot_of(server)
        plan = region_plan.plan_of(snapshot, pillar(count))
        server.requests.reset()
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
        servers[count, "reads"] = server.requests.count("GET")
        servers[count, "writes"] = len(server.requests.writes()), len(plan.changes)
    yield servers
    for count in (2, 12):
        servers[count].stop()


def test_reads_do_not_grow_with_the_region(filled):
    assert reads(filled[2], pillar(2)) == reads(filled[12], pillar(12))


def test_reads_do_not_grow_when_all_is_claimed(filled):
    claims = dict.fromkeys(("vlan", "subnet", "tag", "zone", "dns_resource", "ip_range"), True)
    assert reads(filled[2], pillar(2), claims) == reads(filled[12], pillar(12), claims)


def test_each_change_is_one_write(filled):
    for count in (2, 12):
        writes, changes = filled[count, "writes"]
        assert writes == changes


def test_reads_while_applying_do_not_grow(filled):
    assert filled[12, "reads"] <= filled[2, "reads"]


def many(count):
    subnets = {
        f"10.{number // 250}.{number % 250}.0/24": {
            "vlan": f"dc{number % 3}/5",
            "ranges": [{
                "type": "reserved",
                "start": f"10.{number // 250}.{number % 250}.10",
                "end": f"10.{number // 250}.{number % 250}.20",
            }],
        }
        for number in range(count)
    }  # fmt: skip
    return {"fabrics": {f"dc{n}": {"vlans": {5: None}} for n in range(3)}, "subnets": subnets}


def test_a_noop_needs_as_many_requests_for_many_subnets_as_for_few():
    needed = {}
    for count in (10, 200):
        with RegionServer(release="3.7") as server:
            fill(server, count)
            server.requests.reset()
            _, plan = planned(server, many(count))
            assert not plan
            assert server.requests.writes() == []
            paths = [(entry.path, entry.op) for entry in server.requests]
            assert len(paths) == len(set(paths))
            needed[count] = len(paths)
    assert needed[10] == needed[200] <= 5


def fill(server, count):
    """Create what ``many`` describes by the shortest way: without a connection."""
    snapshot = snapshot_of(server)
    data = many(count)
    apply(snapshot, planned(server, {"fabrics": data["fabrics"]}, snapshot)[1])
    ids = {key: record.raw["id"] for key, record in snapshot.records("vlan").items()}
    client = snapshot.client
    for cidr, subnet in data["subnets"].items():
        client.post("subnets/", data={"cidr": cidr, "vlan": ids[subnet["vlan"]]})
        (span,) = subnet["ranges"]
        ends = {"start_ip": span["start"], "end_ip": span["end"], "type": span["type"]}
        client.post("ipranges/", data=ends)


@pytest.mark.parametrize("count", [3, 30])
def test_writes_are_one_for_each_change_and_reads_constant(count):
    with RegionServer(release="3.7") as region:
        snapshot, plan = planned(region, many(count))
        reads = region.requests.count("GET")
        assert reads <= 5
        apply(snapshot, plan)
        assert errors(plan) == {}
        assert len(region.requests.writes()) == len(plan.changes) == 6 + 2 * count
        assert region.requests.count("GET") == reads
        assert_true(region, snapshot)
