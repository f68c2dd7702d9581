"""A region's nodes as facts, matched to minions and targets."""

from __future__ import annotations

import pytest
from saltext.maas import inventory, roster
from saltext.maas.client.errors import BadInput, NotFound
from support.told_nodes import VLAN, Region, machine


def test_facts_of_api_2():
    both = machine("r1", status_name=None, status=None)
    region = Region(machines=[machine("m1")], rackcontrollers=[both], regioncontrollers=[both])
    found = {one["system_id"]: one for one in inventory.read(region)}
    assert found["m1"] == {
        "system_id": "m1", "hostname": "m1", "fqdn": "m1.maas", "kinds": ["machine"],
        "status": "deployed", "zone": "z1", "pool": "default", "tags": ["all", "web"],
        "vlans": ["dc1/10"], "addresses": ["192.0.2.7", "10.0.0.7"],
    }  # fmt: skip
    assert found["r1"]["kinds"] == ["rack", "region"]
    assert sorted(region.asked) == [
        ("devices/", None), ("machines/", None), ("rackcontrollers/", None),
        ("regioncontrollers/", None),
    ]  # fmt: skip


def test_a_controller_has_its_addresses_at_its_interfaces():
    rack = machine("r1")
    del rack["ip_addresses"]
    rack["interface_set"] = [
        {
            "vlan": VLAN,
            "links": [{"mode": "static", "ip_address": "10.0.0.2"}, {"mode": "link_up"}],
        },
        {"vlan": None, "links": None, "discovered": [{"ip_address": "10.0.1.2"}]},
    ]
    (found,) = inventory.read(Region(rackcontrollers=[rack]))
    assert found["addresses"] == ["10.0.0.2", "10.0.1.2"]


@pytest.mark.parametrize(
    ("release", "raw", "status"),
    [
        ("1.5", {"status": 6}, "allocated"), ("1.7", {"status": 6, "substatus": 9}, "deploying"),
        ("1.9", {"status": 4}, "ready"), ("1.5", {"status": 99}, None), ("1.7", {}, None),
    ],
)  # fmt: skip
def test_facts_of_api_1(release, raw, status):
    node = {"system_id": "node-1", "hostname": "web1.dc1.example.com", "tag_names": None, **raw}
    gone = NotFound("no such thing")
    region = Region(release, nodes=[node], devices=gone)
    (found,) = inventory.read(region)
    assert (found["hostname"], found["fqdn"]) == ("web1", "web1.dc1.example.com")
    assert (found["status"], found["tags"], found["pool"]) == (status, [], None)
    assert sorted(region.asked) == [("devices/", "list"), ("nodes/", "list")]


def test_a_minion_is_the_node_of_its_name():
    nodes = [
        {"fqdn": "web1.maas", "hostname": "web1"},
        {"fqdn": "db1.a.maas", "hostname": "db1"},
        {"fqdn": "db1.b.maas", "hostname": "db1"},
    ]
    assert inventory.of_minion(nodes, "WEB1.maas") is nodes[0]
    assert inventory.of_minion(nodes, "Web1") is nodes[0]
    assert inventory.of_minion(nodes, "web1.customer-b.example.org") is None
    assert inventory.of_minion(nodes, "web1.customer-b.example.org", ignore_domain=True) is nodes[0]
    assert inventory.of_minion(nodes, "db1.b.maas") is nodes[2]
    assert inventory.of_minion(nodes, "db1.a.maas", ignore_domain=True) is nodes[1]
    # Which of the two nobody can tell.
    assert inventory.of_minion(nodes, "db1") is None
    assert inventory.of_minion(nodes, "db1.c.maas", ignore_domain=True) is None
    # A name without a domain is one of two, too.
    assert inventory.of_minion([*nodes, {"fqdn": "web1", "hostname": "web1"}], "web1") is None
    assert inventory.of_minion(nodes, "web2") is None


# Targets


NODES = [
    {"fqdn": "web1.maas", "hostname": "web1", "kinds": ["machine"], "status": "deployed",
     "zone": "z1", "pool": "p1", "tags": ["web"], "addresses": ["192.0.2.7", "10.0.0.7"]},
    {"fqdn": "web2.maas", "hostname": "web2", "kinds": ["machine"], "status": "deployed",
     "zone": "z2", "pool": "p1", "tags": ["web", "blue"], "addresses": ["192.0.2.8"]},
    {"fqdn": "new1.maas", "hostname": "new1", "kinds": ["machine"], "status": "new",
     "zone": "z1", "pool": "p1", "tags": [], "addresses": ["192.0.2.9"]},
    {"fqdn": "r1.maas", "hostname": "r1", "kinds": ["rack"], "status": None,
     "zone": "z1", "pool": None, "tags": [], "addresses": ["192.0.2.2"]},
    {"fqdn": "dark.maas", "hostname": "dark", "kinds": ["machine"], "status": "deployed",
     "zone": "z1", "pool": "p1", "tags": [], "addresses": []},
]  # fmt: skip


@pytest.mark.parametrize(
    ("configured", "tgt", "tgt_type", "names"),
    [
        ({}, "*", "glob", ["web1.maas", "web2.maas"]),
        ({}, "web1*", "glob", ["web1.maas"]),
        ({}, "web[2-9].maas", "pcre", ["web2.maas"]),
        ({}, ["web1.maas", "other"], "list", ["web1.maas"]),
        ({}, "blues", "nodegroup", ["web2.maas"]),
        ({"id": "hostname"}, "web2", "glob", ["web2"]),
        ({"zones": ["z2"]}, "*", "glob", ["web2.maas"]),
        ({"network": "10.0.0.0/8"}, "*", "glob", ["web1.maas"]),
        ({}, "tag:web zone:z1", "glob", ["web1.maas"]),
        ({}, "tag:blue", "glob", ["web2.maas"]),
        ({}, "status:New", "glob", ["new1.maas"]),
        ({"statuses": []}, "kind:rack", "glob", ["r1.maas"]),
        ({}, "tag:none", "glob", []),
    ],
)
def test_targets(configured, tgt, tgt_type, names):
    options = roster.options({"user": "ubuntu", **configured})
    found = roster.targets(
        NODES,
        options,
        tgt,
        tgt_type,
        {
            "ssh_list_nodegroups": {"blues": "web2.maas,web3.maas"},
            "roster_defaults": {"port": 22},
        },
    )
    assert sorted(found) == names
    for name, target in found.items():
        assert (target["user"], target["port"]) == ("ubuntu", 22)
        assert target["host"].startswith("10." if "network" in configured else "192.0.2."), name


def test_a_wrong_configuration_is_told_whole():
    with pytest.raises(BadInput) as error:
        roster.options({"tags": 7, "id": "mac", "network": "everywhere"})
    assert error.value.problems == [
        "maas_roster:tags: 7 must be a list of names",
        "maas_roster:id: 'mac' must be one of: fqdn, hostname",
        "maas_roster:network: 'everywhere' must be a network such as 10.10.0.0/16",
    ]
    with pytest.raises(BadInput):
        roster.options(["user"])
