"""Interfaces of machines: what is sent, in which order, and what is left alone."""

from __future__ import annotations

import pytest
from maas_emulator import hardware, machines
from maas_emulator.server import RegionServer
from saltext.maas.reconcile import desired_object
from support.reconciling import carried_out, snapshot_of

MACS = [f"52:54:00:00:00:{number:02x}" for number in range(1, 5)]
NETWORK = {
    "fabrics": {"dc1": {"vlans": {"untagged": {}, 10: {}, 20: {}}}, "dc2": {}},
    "subnets": {
        "10.1.0.0/24": {"vlan": "dc1/untagged", "gateway_ip": "10.1.0.1"},
        "10.1.10.0/24": {"vlan": "dc1/10", "gateway_ip": "10.1.10.1"},
        "10.1.20.0/24": {"vlan": "dc1/20"},
        "fd01::/64": {"vlan": "dc1/untagged", "gateway_ip": "fd01::1"},
    },
}
BONDED = {
    "eth0": {"mac_address": MACS[0]},
    "eth1": {"mac_address": MACS[1]},
    "bond0": {
        "type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad", "mtu": 9000,
        "vlan": "dc1/untagged",
        "links": [{"mode": "static", "subnet": "10.1.0.0/24", "ip_address": "10.1.0.9",
                   "default_gateway": True}],
    },
    "bond0.10": {"type": "vlan", "parent": "bond0", "vlan": "dc1/10", "tags": ["a b", "storage"],
                 "links": [{"mode": "auto", "subnet": "10.1.10.0/24"}]},
}  # fmt: skip


@pytest.fixture(scope="module")
def regions():
    servers = {}

    def of_release(release):
        if release not in servers:
            server = servers[release] = RegionServer(
                release, index_seconds=0.05, import_seconds=0.05, machine_seconds=0.05
            ).__enter__()
            series = "xenial" if release == "2.0" else "focal"
            chosen = {"os": "ubuntu", "release": series, "arches": ["amd64"]}
            url = "http://images.example.com/ephemeral-v3/stable"
            carried_out(server, {"boot_sources": {url: {"selections": [chosen]}}, **NETWORK})
        return servers[release]

    yield of_release
    for server in servers.values():
        server.__exit__(None, None, None)


@pytest.fixture
def server(regions):
    server = regions("3.7")
    yield server
    _forget_all(server)


def _forget_all(server):
    for row in list(server.region.rows("machines").values()):
        machines.forget(server.region, "machines", row)


def described(interfaces, name="web-1", **values):
    values = {"hostname": name, "interfaces": interfaces, **values}
    return [desired_object("machine", values, "here")]


def made(server, count=2, name="web-1", status=4):
    """A machine that is Ready, with some NICs; the region's row of it."""
    values = {"hostname": name, "mac_addresses": MACS[:count], "architecture": "amd64",
              "power_type": "manual"}  # fmt: skip
    carried_out(server, [desired_object("machine", values, "here")])
    ident = snapshot_of(server).records("machine")[name].raw["system_id"]
    hardware.tell(server.region, ident, status=status, owner=None)
    return next(row for row in server.region.rows("machines").values()
                if row["system_id"] == ident)  # fmt: skip


def steps(plan, name="web-1"):
    return plan.shown()["machine"][name]["interfaces"]["new"]["in steps"]


def sent(server):
    """How many writes of interfaces came since the plan was made."""
    return sum("/interfaces/" in one for one in map(str, server.requests.writes()))


def test_two_bonded_interfaces_with_a_vlan(server):
    row = made(server)
    plan = carried_out(server, described(BONDED))[1]
    assert steps(plan) == [
        "eth0: set vlan dc1/untagged",
        "eth1: set vlan dc1/untagged",
        "bond0: create it as bond of eth0, eth1 in dc1/untagged",
        "bond0.10: create it as vlan of bond0 in dc1/10",
        "bond0: link it static 10.1.0.0/24 10.1.0.9 as default gateway",
        "bond0.10: link it auto 10.1.10.0/24",
    ]
    assert sent(server) == len(steps(plan))
    by_name = {nic["name"]: nic for nic in row["interfaces"]}
    assert by_name["bond0.10"]["tags"] == ["a b", "storage"]
    assert by_name["eth0"]["params"]["mtu"] == 9000  # as MAAS does of itself
    # Only what differs is changed, and in place.
    ids = {nic["id"] for nic in row["interfaces"]}
    bond = {**BONDED["bond0"], "bond_mode": "active-backup", "parents": ["eth0"]}
    plan = carried_out(server, described({**BONDED, "bond0": bond}))[1]
    assert steps(plan) == ["bond0: set bond_mode active-backup, parents eth0"]
    assert {nic["id"] for nic in row["interfaces"]} == ids
