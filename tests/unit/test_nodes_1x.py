"""Machines of API 1.0, which calls them nodes: described, adopted, operated and shown."""

from __future__ import annotations

import json
import logging
import re

import pytest
from maas_emulator import hardware
from maas_emulator.api1 import machines as emulated
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_machines, region_plan
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.machines import view
from support.examples import CLUSTER
from support.loader import load
from support.machine_regions import forget_nodes, images_of_nodes
from support.reconciling import carried_out, planned, problems_of, snapshot_of

RELEASES = ("1.5", "1.6", "1.7", "1.8", "1.9", "1.10")
MACS = ["52:54:00:00:00:21", "52:54:00:00:00:22"]
SECRET = "correct horse"
POWER = {"power_address": "192.0.2.21", "power_user": "ops", "power_pass": SECRET}
AROUND = {"zones": {"north": None}, "tags": {"web": None, "db": None}}


@pytest.fixture(scope="module")
def regions():
    servers = {}

    def of_release(release):
        if release not in servers:
            servers[release] = RegionServer(release, machine_seconds=0.05).start()
            images_of_nodes(servers[release])
            carried_out(servers[release], AROUND)
        server = servers[release]
        forget_nodes(server)
        server.region.options.machine_seconds = 0.05
        server.requests.reset()
        return server

    yield of_release
    for server in servers.values():
        server.stop()


@pytest.fixture(params=RELEASES)
def server(request, regions):
    return regions(request.param)


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr("saltext.maas.machines.lifecycle.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("saltext.maas.machines.lifecycle.LONGEST_PAUSE", 0.05)


def node(**values):
    return {"architecture": "amd64", "mac_addresses": MACS, **values}


def described(**machines):
    return {**AROUND, "machines": machines}


def client_of(server):
    return Client(Profile(server.url, server.api_key))


def row_of(server, name="web-1"):
    return next(
        row
        for row in server.region.rows("machines").values()
        if row["hostname"].partition(".")[0] == name
    )


def made(server, name="web-1", ready=True, **values):
    """A node that was commissioned; its id."""
    power = {"power_type": "ipmi", "power_parameters": POWER}
    carried_out(server, described(**{name: node(**{**power, **values})}))
    ident = row_of(server, name)["system_id"]
    if ready:
        hardware.update(server.region, ident, status=emulated.READY, owner=None)
    server.requests.reset()
    return ident


def of(server, test=False):
    own = {"url": server.url, "api_key": server.api_key}
    return load(
        "_states/maas_machine.py", {"test": test, "maas": own, "id": "m"},
        __context__={}, __salt__={"event.send": lambda tag, data: None},
    )  # fmt: skip


def as_planned(server, function, name="web-1", **arguments):
    """Run a state: what the test says is what it does, and the next run sends nothing."""
    told = getattr(of(server, test=True), function)(name, **arguments)
    assert server.requests.writes() == []
    done = getattr(of(server), function)(name, **arguments)
    assert done["result"] is True, done["comment"]
    for one in (told, done):  # whose owner it will be is not known before
        for found in one["changes"].get("machine", {}).values():
            found.pop("owner", None)
    assert told["changes"] == done["changes"], told["comment"]
    server.requests.reset()
    again = getattr(of(server), function)(name, **arguments)
    assert (again["result"], again["changes"]) == (True, {}), again["comment"]
    assert server.requests.writes() == []
    return done["changes"].get("machine", {}).get(name)


def refused(server, function, **arguments):
    done = getattr(of(server), function)("web-1", **arguments)
    assert done["result"] is False
    assert server.requests.writes() == []
    return done["comment"]


# -- described ---------------------------------------------------------------------------------


def test_a_node_is_created_changed_renamed_and_deleted(server):
    server.region.options.machine_seconds = float("inf")
    first = node(
        node_group=CLUSTER, zone="north", tags=["web"], power_type="ipmi", power_parameters=POWER
    )
    snapshot, plan = carried_out(server, described(**{"web-1": first}))
    release = snapshot.release
    assert plan.warnings == [
        f"machine web-1: MAAS {release} commissions a new machine immediately, which turns it on"
    ]
    assert SECRET not in json.dumps(plan.shown())
    row = row_of(server)
    ident = row["system_id"]
    assert [nic["mac_address"] for nic in row["macs"]] == MACS
    assert (row["zone"], row["tags"], row["status"]) == ("north", ["web"], emulated.COMMISSIONING)
    assert {name: row["power_parameters"][name] for name in POWER} == POWER
    hardware.commissioned(server.region, ident)
    more = {"swap_size": 10**9, "boot_type": "di"} if release >= "1.8" else {}
    more.update({"min_hwe_kernel": "hwe-t"} if release >= "1.9" else {})
    second = node(zone="default", tags=["db"], **more)
    _, plan = carried_out(server, described(**{"www-1": second}))
    assert plan.shown()["machine"]["www-1"].keys() == {"hostname", "zone", "tags", *more}
    assert plan.warnings == []
    row = row_of(server, "www-1")
    assert (row["system_id"], row["zone"], row["tags"]) == (ident, "default", ["db"])
    assert {name: row[name] for name in more} == more
    assert {name: row["power_parameters"][name] for name in POWER} == POWER  # as they were
    server.requests.reset()
    planned(server, described(**{"www-1": second}))
    assert len([one for one in server.requests if one.path.endswith("/nodes/")]) == 1
    removed = of(server).absent("www-1")
    assert removed["result"] is True, removed["comment"]
    assert server.region.rows("machines") == {}


def test_power_parameters_are_compared_where_maas_shows_them(server):
    made(server)
    elsewhere = {"power_address": "192.0.2.99"}
    data = described(**{"web-1": node(power_type="ipmi", power_parameters=elsewhere)})
    _, plan = carried_out(server, data)
    shows = server.region.release >= "1.7"
    assert plan.shown().get("machine", {}).keys() == ({"web-1"} if shows else set())
    found = row_of(server)["power_parameters"]
    assert found["power_address"] == ("192.0.2.99" if shows else POWER["power_address"])
    assert found["power_pass"] == SECRET  # MAAS empties what is not sent
    virsh = {"power_address": "qemu+ssh://ops@192.0.2.9/system", "power_id": "web-1"}
    carried_out(server, described(**{"web-1": node(power_type="virsh", power_parameters=virsh)}))
    found = row_of(server)["power_parameters"]
    assert {name: found[name] for name in virsh} == virsh
    carried_out(server, described(**{"web-1": node(power_type="manual")}))
    assert row_of(server)["power_type"] == ""


@pytest.mark.parametrize("release", ["1.5", "1.9"])
def test_one_that_enlisted_itself_is_adopted_by_its_mac_or_bmc(regions, release):
    server = regions(release)
    ident = made(server, "generated-name")
    hardware.update(server.region, ident, status=emulated.NEW)
    carried_out(server, described(**{"web-1": node(mac_addresses=MACS[1:])}))
    (row,) = server.region.rows("machines").values()
    assert (row["system_id"], row["hostname"]) == (ident, "web-1")
    assert row["status"] == emulated.NEW  # maas_machine.commissioned commissions it
    if release >= "1.7":
        power = {"power_type": "ipmi", "power_parameters": POWER}
        carried_out(server, described(**{"web-2": {"architecture": "amd64", **power}}))
        assert row_of(server, "web-2")["system_id"] == ident


#: Layouts, and disks with all that can be made of them; each from what the one before has left.
STORAGE = (
    {"layout": "lvm", "layout_options": {"lv_size": "20G"}},
    {"layout": "bcache"},
    {
        "boot_disk": "sdb",
        "disks": {
            "sda": {"partitions": [{"size": "512MiB"}, {"size": "rest"}], "tags": ["slow"]},
            "sdb": {"partitions": [{"size": "1G", "fs": "ext4", "mount": "/boot"}, {}]},
        },
        "raids": {"md0": {"level": 1, "devices": ["sda-part2", "sdb-part2"]}},
        "volume_groups": {"vg0": {"devices": ["md0"], "volumes": {
            "root": {"size": "20G", "fs": "ext4", "mount": "/"},
            "srv": {"size": "rest", "fs": "ext2", "mount": "/srv"},
        }}},
        "bcaches": {"bcache0": {"backing": "sdc", "cache": "sdd", "mode": "writeback",
                                "fs": "ext4", "mount": "/data"}},
    },
    {"disks": {"sda": {"partitions": [{"fs": "ext4", "mount": "/"}], "tags": []}}},
)  # fmt: skip


@pytest.mark.parametrize("release", ["1.9", "1.10"])
def test_disks(regions, release, caplog):
    server = regions(release)
    server.region.options.machine_seconds = float("inf")
    data = described(**{"web-1": node(storage=STORAGE[0])})
    _, plan = carried_out(server, data)
    assert plan.warnings[0] == "machine web-1: storage is skipped until the machine is commissioned"
    disks = [
        {"name": name, "size": 10**11, "model": "m", "serial": name, "tags": [tag]}
        for name, tag in (("sda", "rotary"), ("sdb", "rotary"), ("sdc", "rotary"), ("sdd", "ssd"))
    ]
    hardware.commissioned(server.region, row_of(server, "web-1")["system_id"], disks=disks)
    for storage in STORAGE:
        data["machines"]["web-1"]["storage"] = storage
        _, plan = carried_out(server, data)
        assert plan.shown()["machine"]["web-1"].keys() == {"storage"}
        assert planned(server, data)[1].changes == []
    warned = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert warned == []  # no answer was doubted
    (shown,) = client_of(server).get("nodes/", op="list")
    names = {disk["name"] for disk in shown["blockdevice_set"]}
    assert names == {"sda", "sdb", "sdc", "sdd", "bcache0"}


@pytest.mark.parametrize(
    ("entry", "path", "since"),
    [
        ({"special": [{"fs": "tmpfs", "mount": "/tmp"}]}, "special", "2.0"),
        ({"disks": {"sda": {"fs": "xfs"}}}, "disks:sda:fs", "2.0"),
        ({"disks": {"sda": {"partitions": [{"fs": "swap"}]}}}, "disks:sda:partitions:0:fs", "2.0"),
        ({"disks": {"sda": {"fs": "ext4", "mount": "/", "options": "ro"}}},
         "disks:sda:options", "2.0"),
        ({"disks": {"sda": {"partitions": [{"tags": ["x"]}]}}},
         "disks:sda:partitions:0:tags", "2.5"),
        ({"volume_groups": {"vg0": {"devices": ["sda"], "volumes": {"a": {"fs": "btrfs"}}}}},
         "volume_groups:vg0:volumes:a:fs", "2.2"),
        ({"layout": "blank"}, "layout", "2.6"),
    ],
)  # fmt: skip
def test_what_disks_of_1_9_lack_is_refused(regions, entry, path, since):
    data = described(**{"web-1": node(storage=entry)})
    (problem,) = pillar.problems(data, snapshot_of(regions("1.9")).release)
    assert problem.startswith(f"maas:machines:web-1:storage:{path}:")
    assert problem.endswith(f"needs MAAS {since} or later")


@pytest.mark.parametrize(
    ("release", "field", "value", "since"),
    [
        ("1.9", "pool", "default", "2.5"), ("1.9", "description", "x", "2.6"),
        ("1.8", "interfaces", {"eth0": {}}, "1.9"), ("1.9", "domain", "example.com", "2.0"),
        ("1.8", "storage", {"disks": {}}, "1.9"), ("1.8", "min_hwe_kernel", "hwe-t", "1.9"),
        ("1.7", "swap_size", 1000, "1.8"), ("1.7", "boot_type", "di", "1.8"),
    ],
)  # fmt: skip
def test_what_a_release_lacks_is_refused(regions, release, field, value, since):
    server = regions(release)
    data = described(**{"web-1": node(**{field: value})})
    (problem,) = pillar.problems(data, snapshot_of(server).release)
    assert problem.startswith(f"maas:machines:web-1:{field}:")
    assert since in problem


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"power_type": "redfish"}, "'redfish' must be one of: amt, "),
        ({"power_type": "amt", "power_parameters": {"port": "1"}}, "amt has no 'port'"),
        ({"boot_type": "usb"}, "must be one of: fastpath, di"),
        ({"min_hwe_kernel": "hwe-t", "zone": ""}, "zone: .*cannot be cleared"),
        ({"node_group": "no-such-uuid"}, "no-such-uuid"),
        ({"interfaces": {"eth0": {"vlan": None}}}, "cannot disconnect an interface; 2.0"),
        ({"interfaces": {"br0": {"type": "bridge", "parent": "eth0"}}}, "has no bridges; 2.1"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_anything_is_sent(regions, values, words):
    server = regions("1.9")
    data = described(**{"web-1": node(**values)})
    snapshot = snapshot_of(server)
    try:
        found = pillar.problems(data, snapshot.release) or [region_plan.plan_of(snapshot, data)]
    except BadInput as error:
        found = [str(error)]
    assert re.search(words, str(found[0]))
    assert server.requests.writes() == []


def test_one_that_is_in_use_is_neither_changed_nor_deleted_without_a_word(server):
    ident = made(server)
    status = emulated.DEPLOYED if server.region.release >= "1.7" else emulated.ALLOCATED
    hardware.update(server.region, ident, status=status, owner="ann")
    (problem,) = problems_of(server, described(**{"www-1": node()}))
    assert "hostname: it is " in problem
    assert "and owned by ann; in_use: true changes it anyway" in problem
    assert "release: true releases it first" in of(server).absent("web-1")["comment"]
    assert server.requests.writes() == []
    server.region.create_user("ann", "ann", "ann@example.com")
    removed = of(server).absent("web-1", release=True)
    assert removed["result"] is True, removed["comment"]
    assert server.region.rows("machines") == {}


def test_mac_addresses_are_added_where_there_are_no_interfaces(server):
    release = server.region.release
    made(server, mac_addresses=MACS[:1])
    told = of(server, test=True).present("web-1", mac_addresses=MACS)["changes"]
    _, plan = carried_out(server, described(**{"web-1": node()}))
    shown = {"web-1": {"mac_addresses": {"old": MACS[:1], "new": MACS}}} if release < "1.9" else {}
    assert plan.shown().get("machine", {}) == told.get("machine", {}) == shown
    there = [nic["mac_address"] for nic in row_of(server)["macs"]]
    assert there == (MACS if release < "1.9" else MACS[:1])


HALL = {
    "fabrics": {"hall": {"vlans": {"untagged": {"mtu": 9000}, 10: {}}}},
    "subnets": {"10.91.0.0/24": {"vlan": "hall/untagged"}, "10.91.10.0/24": {"vlan": "hall/10"}},
}
STATIC = {"mode": "static", "subnet": "10.91.0.0/24", "ip_address": "10.91.0.21"}
BONDED = {
    "eth0": {"mac_address": MACS[0]},
    "eth1": {"mac_address": MACS[1]},
    "bond0": {"type": "bond", "parents": ["eth0", "eth1"], "bond_mode": "802.3ad", "mtu": 1600,
              "vlan": "hall/untagged", "tags": ["up"], "links": [STATIC]},
    "bond0.10": {"type": "vlan", "parent": "bond0", "vlan": "hall/10",
                 "links": [{"mode": "auto", "subnet": "10.91.10.0/24"}]},
}  # fmt: skip


@pytest.mark.parametrize("release", ["1.9", "1.10"])
def test_interfaces_from_1_9_on(regions, release):
    server = regions(release)
    server.region.options.machine_seconds = float("inf")

    def wired(**interfaces):
        return {**HALL, "machines": {"web-1": node(mac_addresses=MACS[:1], interfaces=interfaces)}}

    warning = "machine web-1: interfaces is skipped until the machine is commissioned"
    assert warning in carried_out(server, wired(**BONDED))[1].warnings
    (row,) = server.region.rows("machines").values()
    hardware.update(server.region, row["system_id"], status=emulated.READY, owner=None)
    carried_out(server, wired(**BONDED))  # eth1 is created with the VLAN that 1.9 wants
    bond = {**BONDED["bond0"], "bond_mode": "active-backup", "links": [{"mode": "dhcp"}]}
    carried_out(server, wired(**{**BONDED, "bond0": bond, "bond0.10": {"absent": True}}))
    assert {nic["name"] for nic in row["macs"]} == {"eth0", "eth1", "bond0"}
    alone = {"eth0": {**BONDED["eth0"], "vlan": "hall/untagged", "links": [STATIC]}}
    gone = {"bond0": {"absent": True}, "eth1": {"absent": True}}
    carried_out(server, wired(**alone, **gone))
    hardware.update(server.region, row["system_id"], status=emulated.DEPLOYED, owner="admin")
    (problem,) = problems_of(server, wired(**BONDED))
    assert "changes interfaces only while a machine is Ready or Broken" in problem


# -- operated ----------------------------------------------------------------------------------


def test_a_life(server):
    release = server.region.release
    ident = made(server)
    hardware.update(server.region, ident, status=emulated.NEW)
    changes = as_planned(server, "commissioned")
    assert changes["operations"] == ["commission"]
    assert changes["status_name"] == {"old": "New", "new": "Ready"}
    system = {"distro_series": "trusty"} if release >= "1.7" else {}
    changes = as_planned(server, "deployed", user_data="#cloud-config", **system)
    assert changes["operations"] == ["allocate", "deploy"]
    assert changes["status_name"] == {"old": "Ready", "new": "Deployed"}
    assert row_of(server)["owner"] == "admin"
    if release >= "1.7":
        as_planned(server, "powered", on=False)
        as_planned(server, "powered", on=True)
    assert as_planned(server, "released")["status_name"] == {"old": "Deployed", "new": "Ready"}
    if release >= "1.7":
        assert as_planned(server, "broken")["status_name"] == {"old": "Ready", "new": "Broken"}
        as_planned(server, "fixed")


def test_a_new_one_is_waited_for_as_maas_commissions_it(regions):
    server = regions("1.8")
    server.region.options.machine_seconds = 0.3
    made(server, ready=False)
    done = of(server).commissioned("web-1")
    assert (done["result"], done["changes"]) == (True, {})
    assert row_of(server)["status"] == emulated.READY
    assert server.requests.writes() == []


def test_many_are_waited_for_with_one_list(regions):
    server = regions("1.9")
    names = [f"web-{number}" for number in range(1, 6)]
    power = {"power_type": "manual", "architecture": "amd64"}
    macs = {name: f"52:54:00:00:01:0{number}" for number, name in enumerate(names)}
    carried_out(
        server, described(**{name: {**power, "mac_addresses": [macs[name]]} for name in names})
    )
    for row in server.region.rows("machines").values():
        hardware.update(server.region, row["system_id"], status=emulated.READY, owner=None)
    server.requests.reset()
    done = of(server).deployed("all", machines=[macs["web-1"], *names[1:]])
    assert done["result"] is True, done["comment"]
    reads = [entry for entry in server.requests if entry.method == "GET" and entry.op == "list"]
    assert len(server.requests.writes()) == 10
    assert len(reads) < 10
    for row in server.region.rows("machines").values():
        assert row["status"] == emulated.DEPLOYED


def test_another_machine_than_was_asked_for_is_not_deployed(regions, monkeypatch):
    server = regions("1.9")
    made(server, "other", mac_addresses=MACS[1:], power_parameters={"power_address": "192.0.2.9"})
    made(server, mac_addresses=MACS[:1])
    monkeypatch.setattr("maas_emulator.api1.nodes.chosen", lambda _: row_of(server, "other"))
    done = of(server).deployed("web-1")
    assert done["result"] is False
    assert "MAAS allocated other.maas in its place; release it" in done["comment"]
    assert [entry.op for entry in server.requests.writes()] == ["acquire"]


@pytest.mark.parametrize(
    ("release", "function", "arguments", "words"),
    [
        ("1.9", "rescued", {}, "does not support rescue mode; 2.1 and later do"),
        ("1.9", "tested", {}, "does not support test; 2.2 and later do"),
        ("1.9", "locked", {}, "does not support lock; 2.4 and later do"),
        ("1.6", "broken", {}, "does not support mark broken; 1.7 and later do"),
        ("1.6", "powered", {"on": True}, "does not support power on; 1.7 and later do"),
        ("1.8", "commissioned", {"skip_storage": True}, "skip_storage: MAAS 1.8"),
        ("1.8", "released", {"comment": "x"}, "comment: MAAS 1.8"),
        ("1.9", "released", {"erase": True}, "erase: MAAS 1.9"),
    ],
)
def test_what_api_1_0_has_not_is_said(regions, release, function, arguments, words):
    server = regions(release)
    made(server)
    assert words in refused(server, function, **arguments)


@pytest.mark.parametrize("release", ["1.6", "1.9"])
def test_a_node_of_another_user_is_left_alone(regions, release):
    server = regions(release)
    ident = made(server)
    status = emulated.DEPLOYED if release >= "1.7" else emulated.ALLOCATED
    hardware.update(server.region, ident, status=status, owner="ann", netboot=False)
    said = refused(server, "released")
    assert "it is Deployed and owned by ann, and MAAS 1." in said
    assert "does not show whether that is the API's user; in_use: true" in said
    assert of(server).released("web-1", in_use=True)["result"] is True


def test_before_1_7_only_a_deployment_of_this_run_is_waited_for(regions):
    server = regions("1.6")
    ident = made(server)
    server.region.options.machine_seconds = float("inf")
    late = of(server).deployed("web-1", timeout=0.2)
    assert late["result"] is False
    assert "it is Allocated" in late["comment"]
    server.requests.reset()
    assert "does not show whether its deployment has begun" in refused(server, "deployed")
    hardware.commissioned(server.region, ident)  # it is installed
    assert of(server).deployed("web-1")["changes"] == {}
    assert "deploys only what it can turn on" in refused_of_powerless(server)


def refused_of_powerless(server):
    carried_out(server, described(**{"web-1": node(in_use=True, power_type="manual")}))
    ident = row_of(server)["system_id"]
    hardware.update(server.region, ident, status=emulated.READY, owner=None, netboot=True)
    server.requests.reset()
    return refused(server, "deployed")


@pytest.mark.parametrize(("release", "aborts"), [("1.7", False), ("1.8", True)])
def test_functions_send_one_operation(regions, release, aborts):
    server = regions(release)
    ident = made(server)
    own = {"maas": {"url": server.url, "api_key": server.api_key}, "id": "m"}
    module = load("_modules/maas_machine.py", own)
    server.region.options.machine_seconds = float("inf")
    assert module.commission("web-1")["web-1"]["status_name"] == "Commissioning"
    if aborts:
        assert module.abort("web-1")["web-1"]["status_name"] == "New"
        assert module.events("web-1", limit=1)[0]["node"] == ident
    else:
        with pytest.raises(MaasError, match="so MAAS refuses abort"):
            module.abort("web-1")
        with pytest.raises(MaasError, match="has no events"):
            module.events("web-1")
    assert module.power_state("web-1") in ("on", "off", "unknown")
    with pytest.raises(MaasError, match=r"results of scripts; they came with 2\.2"):
        module.results("web-1")


# -- shown -------------------------------------------------------------------------------------


def test_nodes_are_listed_described_reported_and_exported(server):
    ident = made(server, tags=["web"])
    hardware.update(server.region, ident, owner="admin", status=emulated.ALLOCATED)
    client = client_of(server)
    assert client.release
    server.requests.reset()
    (row,) = view.rows(client, status="allocated", tag="web")
    assert server.requests.count() == 1
    assert (row["hostname"], row["owner"], row["pool"]) == ("web-1", "admin", None)
    own = {"maas": {"url": server.url, "api_key": server.api_key}, "id": "m"}
    module = load("_modules/maas_machine.py", own)
    found = module.get("web-1")
    assert (found["architecture"], found["tags"]) == ("amd64/generic", ["web"])
    assert SECRET not in json.dumps(found)
    assert module.list_() == {"web-1": found}
    found = module.describe("web-1")
    assert [one["mac_address"] for one in found["interfaces"].values()] == MACS
    assert (found["status"], found["power_type"]) == ("Allocated", "ipmi")
    assert SECRET not in json.dumps(found)
    (state,) = region_machines.compared(snapshot_of(server), AROUND)
    assert (state["state"], state["mac_addresses"]) == ("undescribed", MACS)
    assert "web-1" in region_plan.unmanaged_of(snapshot_of(server), AROUND)["machine"]
    exported = pillar.export(snapshot_of(server)).described["machines"]["web-1"]
    assert (exported["mac_addresses"], exported["tags"]) == (MACS, ["web"])
    if server.region.release >= "1.7":
        assert exported["power_parameters"]["power_pass"].startswith("sdb://")
    assert SECRET not in json.dumps(exported)
