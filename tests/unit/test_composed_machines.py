"""Machines that MAAS composes on VM hosts."""

from __future__ import annotations

import pytest
from maas_emulator import hardware, machine_ops
from saltext.maas import pillar
from saltext.maas.reconcile import Limits, apply, desired_object
from saltext.maas.release import Release
from support.faults import FaultyProxy, first
from support.machine_regions import forget_machines, regions_with_image
from support.reconciling import (
    SHORT,
    assert_true,
    carried_out,
    errors,
    planned,
    problems_of,
    rack,
    snapshot_of,
)

LXD = {"type": "lxd", "power_address": "10.7.0.9"}
VIRSH = {"type": "virsh", "power_address": "qemu+ssh://me@10.7.0.8/system"}
NETWORK = {
    "fabrics": {"hall": {}},
    "subnets": {"10.7.0.0/24": {"vlan": "hall/untagged", "gateway_ip": "10.7.0.1"}},
}
COMPOSE = {"cores": 2, "memory": "4GiB", "disks": [{"size": "20G"}, {"size": "8GiB"}]}


@pytest.fixture(scope="module")
def regions():
    with regions_with_image(NETWORK) as of_release:
        yield of_release


@pytest.fixture
def at(regions):
    """A region of some release, whose VM hosts answer on a network with DHCP."""
    used = []

    def of_release(release):
        server = regions(release)
        used.append(server)
        region = server.region
        region.options.machine_seconds = float("inf")
        series = "bionic" if release == "2.4" else "focal"
        region.settings["commissioning_distro_series"] = series
        if not region.rows("racks"):
            rack(server, "rack-1", "10.7.0.2")
            for row in region.rows("subnets").values():
                region.rows("vlans")[row["vlan"]]["dhcp_on"] = True
        hardware.vm_host(region, LXD["power_address"], cores=8, memory=16384,
                         storage_pools={"fast": 10**12})  # fmt: skip
        hardware.vm_host(region, VIRSH["power_address"], "virsh", cores=8, memory=16384)
        return server

    yield of_release
    for server in used:
        clear(server)


def clear(server):
    """Take all machines and VM hosts out of a region, and off their hosts."""
    forget_machines(server)
    for name in ("vm_hosts", "ips"):
        server.region.rows(name).clear()
    for one in server.region.state["hypervisors"].values():
        one["vms"].clear()


def data(compose=COMPOSE, host=LXD, **values):
    machine = {"vm_host": "host-1", **values, **({"compose": compose} if compose else {})}
    return {"vm_hosts": {"host-1": host}, "machines": {"vm-1": machine}}


def found(server, name="vm-1"):
    return snapshot_of(server).records("machine")[name].raw


@pytest.mark.parametrize(
    ("release", "host"),
    [("2.4", VIRSH), ("2.8", VIRSH), ("2.9", VIRSH), ("3.0", LXD), ("3.7", LXD), ("3.8", LXD)],
)
def test_one_is_composed_once(release, host, at):
    server = at(release)
    described = {
        "zones": {"north": {}},
        "resource_pools": {"web": {}},
        "domains": {"example.com": {}},
        **data(host=host, zone="north", domain="example.com", swap_size=0, architecture="amd64"),
    }
    if release != "2.4":  # whose machines have none
        described["machines"]["vm-1"]["pool"] = "web"
    snapshot, plan = carried_out(server, described)
    shown = plan.shown()["machine"]["vm-1"]["new"]
    assert (shown["vm_host"], shown["compose"]["memory"]) == ("host-1", 4096)
    assert_true(server, snapshot)
    raw = found(server)
    assert raw["pod"]["name"] == "host-1"
    assert (raw["cpu_count"], raw["memory"], raw["zone"]["name"]) == (2, 4096, "north")
    assert raw["pool"]["name"] == ("web" if release != "2.4" else "default")
    assert [disk["size"] for disk in raw["blockdevice_set"]] == [20 * 10**9, 8 * 2**30]
    assert (raw["fqdn"], raw["swap_size"]) == ("vm-1.example.com", 0)
    server.requests.reset()
    again, plan = planned(server, described)
    assert (plan.shown(), plan.warnings) == ({}, [])
    apply(again, plan)
    assert server.requests.writes() == []
    assert server.requests.count("GET", "machines/") == 1


def test_each_part_of_the_description_is_asked_for(at):
    server = at("3.7")
    compose = {
        "pinned_cores": [0, 3], "hugepages_backed": True, "skip_commissioning": True,
        "disks": [{"size": "10.5G", "pool": "fast", "tags": ["ssd"]}],
        "interfaces": [{"name": "lan0", "subnet": "10.7.0.0/24"},
                       {"name": "lan1", "vlan": "hall/untagged"},
                       {"name": "lan2", "ip_address": "10.7.0.77"}],
    }  # fmt: skip
    carried_out(server, {"tags": {"web": {}}, **data(compose, tags=["web"], description="one")})
    raw = found(server)
    (disk,) = raw["blockdevice_set"]
    assert (disk["size"], disk["tags"], disk["storage_pool"]) == (
        10_500_000_000, ["fast", "ssd"], "fast"
    )  # fmt: skip
    assert [nic["name"] for nic in raw["interface_set"]] == ["lan0", "lan1", "lan2"]
    assert raw["interface_set"][2]["links"][0]["ip_address"] == "10.7.0.77"
    assert (raw["status_name"], raw["description"]) == ("Ready", "one")
    assert "web" in raw["tag_names"]
    ((vm,),) = [one["vms"].values() for one in server.region.state["hypervisors"].values()
                if one["vms"]]  # fmt: skip
    assert (vm["pinned_cores"], vm["hugepages_backed"]) == ([0, 3], True)


def test_what_needs_its_hardware_waits(at):
    server = at("3.7")
    storage = {"disks": {"sda": {"partitions": [{"fs": "ext4", "mount": "/", "size": "rest"}]}}}
    compose = {**COMPOSE, "skip_commissioning": True}
    _, plan = carried_out(server, data(storage=storage))
    assert plan.warnings == ["machine vm-1: storage is skipped until the machine is commissioned"]
    clear(server)
    snapshot, plan = planned(server, data(compose, storage=storage))
    assert "until the next run" in plan.warnings[0]
    apply(snapshot, plan)
    assert errors(plan) == {}
    _, plan = carried_out(server, data(compose, storage=storage))
    assert plan.shown()["machine"]["vm-1"].keys() == {"storage"}


def test_several_share_what_the_host_has(at):
    server = at("3.7")
    ten = {"vm_hosts": {"host-1": {**LXD, "cpu_over_commit_ratio": 1.25}},
           "machines": {f"vm-{n}": {"vm_host": "host-1", "compose": {"cores": 2}}
                        for n in range(1, 6)}}  # fmt: skip
    carried_out(server, ten)
    more = {"vm_hosts": ten["vm_hosts"],
            "machines": {"vm-6": {"vm_host": "host-1", "compose": {"memory": "8GiB"}}}}  # fmt: skip
    assert problems_of(server, more) == [
        "machine vm-6: compose: VM host host-1 has 0 of 10 cores (over-commit of 8) left, and the "
        "new machines described on it take 1"
    ]
    other = {"cores": 1, "disks": [{"size": "8G", "pool": "slow"}]}
    clear(server)
    carried_out(server, {"vm_hosts": {"host-1": LXD}})
    assert problems_of(server, data(other)) == [
        "machine vm-1: compose:disks:0:pool: 'slow' is no storage pool of the VM host; there are: "
        "fast"
    ]


def test_addresses_that_are_not_free_are_refused(at):
    server = at("3.7")
    carried_out(server, {"vm_hosts": {"host-1": LXD}})
    nic = {"name": "eth0", "ip_address": "10.7.0.90"}
    both = {"vm_hosts": {"host-1": LXD}, "machines": {
        name: {"vm_host": "host-1", "compose": {"interfaces": [nic]}} for name in ("vm-1", "vm-2")
    }}  # fmt: skip
    said = "machine {}: compose:interfaces:0:ip_address: 10.7.0.90 belongs to {} already"
    assert problems_of(server, both) == [said.format("vm-1", "vm-2"), said.format("vm-2", "vm-1")]
    ranges = [{"type": "dynamic", "start": "10.7.0.80", "end": "10.7.0.99"}]
    del both["machines"]["vm-2"]
    both["subnets"] = {"10.7.0.0/24": {"vlan": "hall/untagged", "ranges": ranges}}
    (told,) = planned(server, both)[1].problems()
    assert told.startswith("machine vm-1: compose:interfaces:0:ip_address: 10.7.0.90 lies in")


def test_up_to_2_9_lxd_has_one_disk(at):
    server = at("2.9")
    carried_out(server, {"vm_hosts": {"host-1": LXD}})
    assert problems_of(server, data(host=LXD)) == [
        "machine vm-1: compose:disks: MAAS 2.9 makes machines with one disk on LXD; name one"
    ]
    carried_out(server, data({"disks": [{"size": "20G"}]}))


def test_differences_are_reported_and_nothing_is_composed_again(at):
    server = at("3.7")
    carried_out(server, data())
    ident = found(server)["system_id"]
    changed = {"cores": 4, "memory": "4GiB", "disks": [{"size": "30G"}]}
    _, plan = planned(server, data(changed))
    assert plan.shown() == {}
    assert plan.warnings == [
        "machine vm-1: compose: it has 2 cores, not 4; MAAS does not change composed machines",
        "machine vm-1: compose: it has disks of 8.58993, 20 GB, not 30 GB; MAAS does not change "
        "composed machines",
    ]
    moved = data(host={**LXD, "power_address": "10.7.0.10"})
    moved["vm_hosts"] = {"host-1": LXD, "host-2": VIRSH}
    moved["machines"]["vm-1"]["vm_host"] = "host-2"
    _, plan = planned(server, moved)
    assert plan.problems() == ["machine vm-1: MAAS's API cannot change vm_host of a machine"]
    renamed = data()
    renamed["vm_hosts"] = {"host-9": LXD}
    renamed["machines"]["vm-1"]["vm_host"] = "host-9"
    _, plan = carried_out(server, renamed)
    assert plan.shown().keys() == {"vm_host"}
    assert found(server)["system_id"] == ident


def test_it_waits_for_the_host_and_says_what_is_wrong(at):
    server = at("3.7")
    away = data(host={"type": "lxd", "power_address": "10.7.0.66"})
    snapshot, plan = planned(server, away)
    assert plan.problems() == []
    apply(snapshot, plan, Limits(enrol_seconds=0.2))
    (told,) = errors(plan).values()
    assert "MAAS to reach the VM host host-1" in told
    assert "no answer" in told
    hardware.vm_host(server.region, "10.7.0.66")
    carried_out(server, away)


def test_one_whose_answer_is_lost_is_not_composed_twice(at):
    server = at("3.7")
    carried_out(server, {"vm_hosts": {"host-1": LXD}})
    server.requests.reset()
    with FaultyProxy(server, first("reset-after", method="POST")) as proxy:
        snapshot, plan = planned(server, data(swap_size=1), url=proxy.url)
        apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert [one.op for one in server.requests.writes()] == ["compose", None]
    assert_true(server, snapshot)


@pytest.mark.parametrize("host", [LXD, VIRSH])
def test_it_is_deleted_on_its_host_only_when_told(host, at):
    server = at("3.7")
    carried_out(server, data(host=host))
    hardware.update(server.region, found(server)["system_id"], status=4, owner=None)
    assert problems_of(server, absent("machine", "vm-1")) == [
        "machine vm-1: it is composed on VM host host-1; decompose: true deletes it there, with "
        "its disks"
    ]
    both = absent("vm_host", "host-1") + absent("machine", "vm-1", decompose=True)
    carried_out(server, both)
    assert not any(one["vms"] for one in server.region.state["hypervisors"].values())


def absent(type, name, **values):
    key = "hostname" if type == "machine" else "name"
    return [desired_object(type, {key: name, **values}, "here", absent=True)]


def deployed_as_host(server, name="node-1", *kinds):
    """Let a machine of the region end its deployment as a VM host."""
    region = server.region
    row = next(row for row in region.rows("machines").values() if row["hostname"] == name)
    nic = {"name": "eth0", "mac_address": "52:54:00:00:00:77", "address": "10.7.0.70/24"}
    hardware.commissioned(region, row["system_id"], interfaces=[nic], cpu_count=8, memory=16384,
                          disks=[{"name": "sda", "size": 10**11}])  # fmt: skip
    hardware.update(region, row["system_id"], status=9, owner="admin", **dict.fromkeys(kinds, True))
    machine_ops.deployed(region, row)


def test_a_deployed_machine_is_its_host(at):
    server = at("3.7")
    described = {
        "machines": {
            "node-1": {"mac_addresses": ["52:54:00:00:00:77"], "architecture": "amd64",
                       "power_type": "manual"},
            "vm-1": {"vm_host": "rack1", "compose": {"cores": 2}},
        },
        "vm_hosts": {"rack1": {"machine": "node-1", "tags": ["fast"], "ready": True}},
    }  # fmt: skip
    for _ in range(2):
        _, plan = carried_out(server, described)
        assert plan.warnings == [
            "VM host rack1: skipped until machine node-1 is deployed as a VM host",
            "machine vm-1: skipped until VM host rack1 exists",
        ]
    deployed_as_host(server, "node-1", "register_vmhost")
    _, plan = carried_out(server, described)
    assert plan.shown()["vm_host"] == {
        "rack1": {"name": {"old": "node-1", "new": "rack1"}, "tags": {"old": None, "new": ["fast"]}}
    }
    assert plan.warnings == []
    assert len(server.region.rows("vm_hosts")) == 1
    assert found(server)["parent"]["system_id"] == found(server, "node-1")["system_id"]
    wrong = {"vm_hosts": {"rack1": {"machine": "vm-1"}}}
    assert planned(server, wrong)[1].warnings == ["VM host rack1: machine: it is node-1, not vm-1"]
    gone = absent("machine", "node-1", release=True)
    assert problems_of(server, gone) == [
        "machine node-1: it is the VM host rack1; delete that first (maas_vm_host.absent)"
    ]
    hardware.update(server.region, found(server)["system_id"], status=4, owner=None)
    gone += absent("machine", "vm-1", decompose=True) + absent("vm_host", "rack1")
    hardware.update(server.region, found(server, "node-1")["system_id"], power_state="off")
    carried_out(server, gone)


def test_one_that_is_two_hosts_needs_a_type(at):
    server = at("3.7")
    node = {"mac_addresses": ["52:54:00:00:00:77"], "architecture": "amd64", "power_type": "manual"}
    carried_out(server, {"machines": {"node-1": node}})
    deployed_as_host(server, "node-1", "register_vmhost", "install_kvm")
    (said,) = problems_of(server, {"vm_hosts": {"rack1": {"machine": "node-1"}}})
    assert said == (
        "VM host rack1: machine: node-1 is several VM hosts (node-1-lxd, node-1-virsh); name its "
        "type"
    )
    both = {"rack1": {"machine": "node-1", "type": "lxd"},
            "rack2": {"machine": "node-1", "type": "virsh"}}  # fmt: skip
    carried_out(server, {"vm_hosts": both})
    assert {one["name"]: one["power_type"] for one in server.region.rows("vm_hosts").values()} == {
        "rack1": "lxd", "rack2": "virsh"
    }  # fmt: skip


def test_an_export_composes_it_again(at):
    server = at("3.7")
    carried_out(server, data())
    described = pillar.export(snapshot_of(server)).described
    one = described["machines"]["vm-1"]
    assert one["vm_host"] == "host-1"
    assert one["compose"]["cores"] == 2
    assert "power_type" not in one
    assert "power_parameters" not in one
    other = at("3.8")
    carried_out(other, {"vm_hosts": {"host-1": LXD}, "machines": {"vm-1": one}})
    assert found(other)["memory"] == 4096


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"compose": {"cores": 0}}, "compose:cores: 0 must be a whole number from 1 on"),
        ({"compose": {"memory": "512MiB"}}, "compose:memory: '512MiB' must be"),
        ({"compose": {"disk": []}}, "compose:disk: unknown key; allowed: cores, memory,"),
        ({"compose": {"disks": [{"pool": "x"}]}}, "compose:disks:0:size: is missing"),
        (
            {"compose": {"disks": [{"size": "1G", "tags": ["b)"]}]}},
            "compose:disks:0:tags: ['b)'] mu",
        ),
        (
            {"compose": {"interfaces": [{"name": "a"}]}},
            "compose:interfaces:0: must have subnet, vlan or",
        ),
        ({"compose": {"interfaces": "eth0"}}, "compose:interfaces: 'eth0' must be a list"),
        ({"compose": {"cores": 1, "pinned_cores": [1]}}, "compose:cores: cannot go with"),
        ({"power_type": "manual"}, "power_type: is that of its VM host; leave it out"),
        ({"vm_host": None, "compose": {"cores": 1}}, "compose: needs vm_host"),
    ],
)
def test_bad_values_are_refused(values, told):
    described = data(**{"compose": None, **values})
    if values.get("vm_host", "") is None:
        del described["machines"]["vm-1"]["vm_host"]
    (said,) = pillar.problems(described, Release("3.7"))
    assert f"machines:vm-1:{told}" in said


def test_a_name_that_maas_would_replace_is_refused():
    described = {"vm_hosts": {"host-1": LXD}, "machines": {"1vm": {"vm_host": "host-1"}}}
    (said,) = pillar.problems(described, Release("3.7"))
    assert "machines:1vm: '1vm' must be a letter with letters, digits and -" in said


def test_older_releases_compose_less():
    (said,) = pillar.problems(data({"hugepages_backed": True}, host=VIRSH), Release("2.8"))
    assert "compose:hugepages_backed: MAAS 2.8 does not support it; 2.9 and later do" in said
