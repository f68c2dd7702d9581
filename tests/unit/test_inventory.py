"""A region's nodes as facts: read once, kept, and matched to minions and targets."""

from __future__ import annotations

import threading
import time

import pytest
from saltext.maas import inventory, roster
from saltext.maas.client.errors import BadInput, MaasError, NotFound
from saltext.maas.release import Release

VLAN = {"id": 5, "fabric": "dc1", "vid": 10}


def machine(name, **more):
    return {
        "system_id": name, "hostname": name, "fqdn": f"{name}.maas", "status_name": "Deployed",
        "zone": {"name": "z1"}, "pool": {"name": "default"}, "tag_names": ["web", "all"],
        "interface_set": [{"vlan": VLAN}, {"vlan": VLAN}, {"vlan": None}],
        "ip_addresses": ["192.0.2.7", "10.0.0.7"], **more,
    }  # fmt: skip


class Region:
    """A client whose region holds what it is told."""

    def __init__(self, release="3.7", **collections):
        self.release = Release(release)
        self.collections = collections
        self.asked = []
        self.closed = 0
        self.hold = None

    def get(self, path, op=None, **params):
        self.asked.append((path, op))
        if self.hold:
            self.hold.wait(10)
        found = self.collections.get(path.strip("/"), [])
        if isinstance(found, Exception):
            raise found
        return found

    def close(self):
        self.closed += 1


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
    assert inventory.of_minion(nodes, "web1.prod.example.com") is nodes[0]
    assert inventory.of_minion(nodes, "db1.b.maas") is nodes[2]
    assert inventory.of_minion(nodes, "db1") is None  # which of the two nobody can tell
    assert inventory.of_minion(nodes, "web2") is None


# What is kept


def kept(region, tmp_path, **options):
    return inventory.Kept(lambda: region, str(tmp_path), "http://region/MAAS", **options)


def test_a_region_is_asked_once_for_many(tmp_path):
    region = Region(machines=[machine("m1")])
    region.hold = threading.Event()
    answers = []
    askers = [
        threading.Thread(target=lambda: answers.append(kept(region, tmp_path).nodes(10)))
        for _ in range(8)
    ]
    for asker in askers:
        asker.start()
    region.hold.set()
    for asker in askers:
        asker.join()
    assert len(region.asked) == 4  # one for each kind of node
    assert [one[0]["system_id"] for one in answers] == ["m1"] * 8
    assert region.closed == 1
    assert kept(region, tmp_path).nodes(0)[0]["fqdn"] == "m1.maas"


def test_a_region_that_hangs_holds_nobody_up(tmp_path):
    region = Region(machines=[machine("m1")])
    region.hold = threading.Event()
    began = time.monotonic()
    assert kept(region, tmp_path).nodes(0.2) == []
    assert kept(region, tmp_path).nodes(0.2) == []  # somebody else is asking still
    assert time.monotonic() - began < 5
    region.hold.set()
    # What comes late is there for the next.
    deadline = time.monotonic() + 10
    while not kept(region, tmp_path).nodes(0):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_region_that_fails_is_left_alone_for_a_while(tmp_path):
    region = Region(machines=[machine("m1")])
    assert kept(region, tmp_path, lifetime=0).nodes(10)
    region.collections["machines"] = MaasError("out of order")
    asked = len(region.asked)
    assert kept(region, tmp_path, lifetime=0).nodes(10)[0]["system_id"] == "m1"
    assert len(region.asked) > asked
    asked = len(region.asked)
    assert kept(region, tmp_path, lifetime=0).nodes(10)[0]["system_id"] == "m1"
    assert len(region.asked) == asked
    assert kept(region, tmp_path, lifetime=0, rest=0).nodes(10)
    assert len(region.asked) > asked


def test_a_broken_file_is_no_answer(tmp_path):
    region = Region(machines=[machine("m1")])
    one = kept(region, tmp_path)
    one.nodes(10)
    (file,) = (tmp_path / "maas").glob("*.json")
    file.write_text("{")
    assert one.nodes(10)[0]["system_id"] == "m1"


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
