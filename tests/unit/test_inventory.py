"""A region's nodes as facts, matched to minions and targets."""

from __future__ import annotations

import contextlib

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import inventory, roster
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput, Forbidden, NotFound
from saltext.maas.machines import instances
from support.canned_nodes import VLAN, Region, machine


def test_facts_of_api_2():
    both = machine("r1", status_name=None, status=None)
    own = {"architecture": "amd64/generic", "osystem": "ubuntu", "distro_series": "noble",
           "owner": "admin"}  # fmt: skip
    region = Region(
        machines=[machine("m1", **own)], rackcontrollers=[both], regioncontrollers=[both]
    )
    found = {one["system_id"]: one for one in inventory.read(region)}
    assert found["m1"] == {
        "system_id": "m1", "hostname": "m1", "fqdn": "m1.maas", "kinds": ["machine"],
        "status": "deployed", "deployed": True, "zone": "z1", "pool": "default",
        "tags": ["all", "web"], "vlans": ["dc1/10"], "addresses": ["192.0.2.7", "10.0.0.7"], **own,
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


def test_a_region_hands_nothing_but_addresses_and_names_to_ssh():
    """ssh takes what begins with a dash for an option, one of which runs commands."""
    hostile = machine("web1")
    hostile["ip_addresses"] = [
        "-oProxyCommand=touch /tmp/taken", "10.0.0.9 -v", "fe80::1%-oProxyCommand=x", 167772169,
        None, ["10.0.0.9"], "2001:DB8::0009", "fe80::1%;touch /tmp/taken;",
    ]  # fmt: skip
    named = {**machine("web2"), "fqdn": "-oProxyCommand=x", "ip_addresses": ["10.0.0.8"]}
    found = inventory.read(Region(machines=[hostile, named]))
    by_name = {one["fqdn"]: one["addresses"] for one in found}
    assert by_name[hostile["fqdn"]] == ["2001:db8::9"]
    options = roster.options({"statuses": []})
    assert set(roster.targets(found, options, "*", "glob", {})) == {hostile["fqdn"]}
    # salt-cloud puts it into a command line.
    assert instances._addresses(hostile) == ([], ["2001:db8::9"])


@pytest.mark.parametrize(
    ("release", "raw", "status", "deployed"),
    [
        ("1.5", {"status": 6}, "allocated", True), ("1.6", {"status": 4}, "ready", False),
        ("1.7", {"status": 6, "substatus": 9}, "deploying", False),
        ("1.7", {"status": 6, "substatus": 6}, "deployed", True),
        ("1.7", {"status": 6, "substatus": 10}, "allocated", False),
        ("1.9", {"status": 4}, "ready", False), ("1.5", {"status": 99}, None, None),
        ("1.7", {}, None, None),
    ],
)  # fmt: skip
def test_facts_of_api_1(release, raw, status, deployed):
    node = {"system_id": "node-1", "hostname": "web1.dc1.example.com", "tag_names": None, **raw}
    gone = NotFound("no such thing")
    region = Region(release, nodes=[node], devices=gone)
    (found,) = inventory.read(region)
    assert (found["hostname"], found["fqdn"]) == ("web1", "web1.dc1.example.com")
    assert (found["status"], found["deployed"]) == (status, deployed)
    assert (found["tags"], found["pool"]) == ([], None)
    assert sorted(region.asked) == [
        ("devices/", "list"), ("nodegroups/", "list"), ("nodes/", "list"),
    ]  # fmt: skip


def cluster(uuid, status=1, **more):
    return {"uuid": uuid, "status": status, "name": "maas", "cluster_name": uuid.upper(), **more}


def test_a_cluster_of_api_1_is_a_rack():
    nics = [{"ip": "10.0.0.1"}, {"ip": "10.1.0.1"}, {"ip": None}]
    region = Region(
        "1.7",
        nodegroups=[
            cluster("master"), cluster("c1", cluster_name="dc1.rack"), cluster("c2"),
            cluster("c3", 2), cluster("c4", 0),
        ],
        **{"nodegroups/c1/interfaces": nics, "nodegroups/c2/interfaces": Forbidden("no")},
    )  # fmt: skip
    c2, c1 = inventory.read(region)
    assert c1 == {
        "system_id": "c1", "hostname": "dc1", "fqdn": "dc1.rack", "kinds": ["rack"],
        "status": None, "deployed": None, "zone": None, "pool": None, "tags": [], "vlans": [],
        "architecture": None, "osystem": None, "distro_series": None, "owner": None,
        "addresses": ["10.0.0.1", "10.1.0.1"],
    }  # fmt: skip
    assert (c2["fqdn"], c2["addresses"]) == ("C2", [])
    # One request for each kind, and one for each cluster that is accepted.
    assert len(region.asked) == 3 + 2


@pytest.mark.parametrize("release", ["1.5", "1.6", "1.7", "1.10"])
def test_clusters_of_an_emulated_region_are_targets(release):
    with RegionServer(release) as server:
        nic = {"name": "eth0", "ip": "10.0.0.2", "subnet_mask": "255.255.255.0"}
        nic["mac"] = "52:54:00:00:00:01"
        uuid = server.region.register_controller(hostname="rack1", interfaces=[nic])
        with contextlib.closing(Client(Profile(server.url, server.api_key))) as client:
            client.post("nodegroups/", op="accept", data={"uuid": uuid})
            server.requests.reset()
            nodes = inventory.read(client)
        assert server.requests.count() <= 3 + 1 + 2  # and which release it is
        assert server.requests.writes() == []
    found = roster.targets(nodes, roster.options({}), "kind:rack", "glob", {})
    assert [one["host"] for one in found.values()] == ["10.0.0.2"]
    assert roster.targets(nodes, roster.options({}), "*", "glob", {}) == {}


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
    {"fqdn": "odd1.maas", "hostname": "odd1", "kinds": ["machine"], "status": None,
     "zone": "z1", "pool": "p1", "tags": [], "addresses": ["192.0.2.10"]},
    {"fqdn": "bad1.maas", "hostname": "bad1", "kinds": ["machine"], "status": "failed deployment",
     "zone": "row A", "pool": "p1", "tags": [], "addresses": ["192.0.2.11"]},
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
        ({}, "tag:blue tag:web", "glob", ["web2.maas"]),
        ({}, "tag:web tag:blue", "glob", ["web2.maas"]),
        ({}, "status:'failed deployment'", "glob", ["bad1.maas"]),
        ({}, "zone:'row A' status:\"failed deployment\"", "glob", ["bad1.maas"]),
        ({}, "'zone:row A' 'status:failed deployment'", "glob", ["bad1.maas"]),
        ({}, "zone:'row A'", "glob", []),  # none of them is deployed
        ({"statuses": ["deployed"]}, "status:new", "glob", ["new1.maas"]),
        ({"statuses": ["new"]}, "*", "glob", ["new1.maas"]),
        ({"statuses": []}, "kind:rack", "glob", ["r1.maas"]),
        ({}, "kind:rack", "glob", ["r1.maas"]),
        ({}, "kind:rack status:deployed", "glob", []),
        ({"kinds": ["machine", "Rack"]}, "*", "glob", ["r1.maas", "web1.maas", "web2.maas"]),
        ({"zones": ["z1"]}, "zone:z2", "glob", []),  # what to offer at all
        ({"tags": ["blue"]}, "tag:web", "glob", ["web2.maas"]),
        ({}, "web'*", "glob", []),
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


def test_the_user_depends_on_the_operating_system():
    users = {"centos": "cloud-user", "custom/rocky9": "rocky"}
    nodes = [
        {
            **NODES[0],
            "fqdn": name,
            "osystem": name.partition("-")[0],
            "distro_series": name.partition("-")[2],
        }
        for name in ("ubuntu-noble", "centos-centos8", "custom-rocky9", "custom-other")
    ]
    options = roster.options({"user": "ubuntu", "users": users})
    found = roster.targets([*nodes, NODES[0]], options, "*", "glob", {})
    assert {name: one["user"] for name, one in found.items()} == {
        "ubuntu-noble": "ubuntu", "centos-centos8": "cloud-user", "custom-rocky9": "rocky",
        "custom-other": "ubuntu", "web1.maas": "ubuntu",
    }  # fmt: skip
    with pytest.raises(BadInput, match="maas_roster:users"):
        roster.options({"users": "ubuntu"})


def test_before_1_7_allocated_machines_are_deployed():
    used, ready = (
        {"fqdn": name, "hostname": name, "kinds": ["machine"], "status": status,
         "deployed": status == "allocated", "zone": None, "pool": None, "tags": [],
         "addresses": ["192.0.2.1"]}
        for name, status in (("used", "allocated"), ("idle", "ready"))
    )  # fmt: skip
    for target in ("*", "status:deployed", "status:allocated"):
        assert list(roster.targets([used, ready], roster.options({}), target, "glob", {})) == [
            "used"
        ]
    assert list(roster.targets([used, ready], roster.options({}), "status:ready", "glob", {})) == [
        "idle"
    ]


@pytest.mark.parametrize(
    ("tgt", "tgt_type", "outcome"),
    [
        ("status:6", "glob", "target:status: '6' must be a status's name, such as deployed"),
        ("tag:web web1", "glob", "target: 'web1' must be a condition such as tag:web"),
        ("tag:web zone:", "glob", "target: 'zone:' must be a condition such as tag:web"),
        ("zone:row A", "glob", "target: 'A' must be a condition such as tag:web"),
        (
            "kind:racks",
            "glob",
            "target:kind: 'racks' must be one of: machine, device, rack, region",
        ),
        ("zone:'row A", "glob", "cannot be read: No closing quotation"),
        ("web[", "pcre", "target: 'web[' is no regular expression: unterminated"),
        ("os:x", "grain", "target type: 'grain' must be one of: glob, pcre, list, nodegroup"),
    ],
)
def test_a_wrong_target_is_reported(tgt, tgt_type, outcome):
    with pytest.raises(BadInput) as error:
        roster.targets(NODES, roster.options({}), tgt, tgt_type, {})
    assert outcome in str(error.value)
    assert len(error.value.problems) == 1


def test_a_wrong_configuration_is_reported_whole():
    with pytest.raises(BadInput) as error:
        roster.options(
            {"tags": 7, "id": "mac", "network": "everywhere", "statuses": [6, "new"],
             "zones": [None], "kinds": "racks", "seconds": "soon"}
        )  # fmt: skip
    assert error.value.problems == [
        "maas_roster:id: 'mac' must be one of: fqdn, hostname",
        "maas_roster:kinds:0: 'racks' must be one of: machine, device, rack, region",
        "maas_roster:network: 'everywhere' must be a network such as 10.10.0.0/16",
        "maas_roster:seconds: 'soon' must be a number from 0 on",
        "maas_roster:statuses:0: 6 must be a status's name, such as deployed or "
        "'failed deployment': what its number means differs between releases",
        "maas_roster:tags: 7 must be a list of names",
        "maas_roster:zones:0: None must be a name",
    ]
    with pytest.raises(BadInput):
        roster.options(["user"])
