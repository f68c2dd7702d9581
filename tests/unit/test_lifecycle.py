"""The life of machines as states: what is sent in which status, waited for, refused and told."""

from __future__ import annotations

import base64
import contextlib
import itertools
import threading
import time

import pytest
from maas_emulator import hardware, machine_ops, machines, scripts_run, storage
from maas_emulator.server import RegionServer
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.machines.operations import NAMES, OPERATIONS
from support.faults import FaultyProxy, first
from support.loader import load
from support.machine_regions import images_and_rack

#: The first of all, and those around what came later.
RELEASES = ("2.0", "2.4", "2.8", "3.3", "3.7", "3.8")
#: Requests that find out which release it is, and who asks; the latter where it matters.
VERSION, WHOAMI = 1, 1
QUICK = {"import_seconds": 0, "index_seconds": 0, "sync_seconds": 0}


def started(release="3.7", machine_seconds=0.05):
    server = RegionServer(release, machine_seconds=machine_seconds, **QUICK).start()
    server.rack, (server.series, *_) = images_and_rack(server)
    server.macs = itertools.count(1)
    return server


def client_of(server, key=None):
    from saltext.maas.client import Client, Profile

    return Client(Profile(server.url, key or server.api_key))


@pytest.fixture(scope="module")
def regions():
    servers = {}

    def of_release(release):
        if release not in servers:
            servers[release] = started(release)
        return servers[release]

    yield of_release
    for server in servers.values():
        server.stop()


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr("saltext.maas.machines.lifecycle.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("saltext.maas.machines.lifecycle.LONGEST_PAUSE", 0.05)


@pytest.fixture
def server(regions):
    return emptied(regions("3.7"))


@pytest.fixture(params=RELEASES)
def any_server(request, regions):
    return emptied(regions(request.param))


def emptied(server):
    for row in list(server.region.rows("machines").values()):
        machines.forget(server.region, "machines", row)
    server.region.rows("vm_hosts").clear()
    server.region.options.machine_seconds = 0.05
    server.region.controller_connected(server.rack, True)
    server.requests.reset()
    return server


def machine(server, name="web-1", status=4, **fields):
    """A machine that was commissioned, in a status; its id."""
    number = next(server.macs)
    raw = client_of(server).post("machines/", data={
        "hostname": name, "architecture": "amd64/generic", "power_type": "ipmi",
        "mac_addresses": f"52:54:00:01:{number // 256:02x}:{number % 256:02x}",
        "power_parameters_power_address": f"10.0.{1 + number // 250}.{number % 250}",
        "commission": "false",
    })  # fmt: skip
    ident = raw["system_id"]
    scripts_run.begin(server.region, hardware.machine(server.region, ident), 0)
    hardware.commissioned(
        server.region, ident, disks=[{"name": "sda", "size": 10**11}],
        interfaces=[{"name": "eth0", "mac_address": raw["interface_set"][0]["mac_address"],
                     "address": f"10.9.{number // 200}.{10 + number % 200}/16"}],
    )  # fmt: skip
    if status in (5, 6, 9, 10, 11, 13, 15):
        fields.setdefault("owner", "admin")
    hardware.update(server.region, ident, status=status, **{"owner": None, **fields})
    server.requests.reset()
    return ident


def of(server, test=False, context=None, fired=None, **opts):
    """The state module, on a minion that reaches a region."""

    def send(tag, data):
        if fired is not None:
            fired.append((tag, data))

    return load(
        "_states/maas_machine.py",
        {"test": test, "maas": {"url": server.url, "api_key": server.api_key}, "id": "m", **opts},
        __context__={} if context is None else context, __salt__={"event.send": send},
    )  # fmt: skip


def sent(server):
    return [entry.op for entry in server.requests.writes()]


def as_planned(server, function, name="web-1", **arguments):
    """Run a state: what the test says is what it does, and the next run sends nothing."""
    told = getattr(of(server, test=True), function)(name, **arguments)
    assert server.requests.writes() == []
    done = getattr(of(server), function)(name, **arguments)
    assert done["result"] is True, done["comment"]
    assert told["changes"] == done["changes"], told["comment"]
    assert told["result"] is (None if done["changes"] else True)
    server.requests.reset()
    again = getattr(of(server), function)(name, **arguments)
    assert again["result"] is True, again["comment"]
    assert again["changes"] == {}
    assert server.requests.writes() == []
    return done["changes"].get("machine", {}).get(name)


def test_a_life(any_server):
    server = any_server
    machine(server, status=0, power_state="off")
    changes = as_planned(server, "commissioned", skip_storage=False)
    assert changes["operations"] == ["commission"]
    assert changes["status_name"] == {"old": "New", "new": "Ready"}
    changes = as_planned(server, "deployed", distro_series=server.series)
    own = ["deploy"] if server.region.release >= "2.2" else ["allocate", "deploy"]
    assert changes["operations"] == own
    assert changes["owner"] == {"old": None, "new": "admin"}
    as_planned(server, "powered", on=False)
    as_planned(server, "powered", on=True)
    if server.region.release >= "2.4":
        assert as_planned(server, "locked")["locked"] == {"old": False, "new": True}
        as_planned(server, "unlocked")
    if server.region.release >= "2.1":
        assert as_planned(server, "rescued")["status_name"]["new"] == "Rescue mode"
        as_planned(server, "rescue_exited")
    changes = as_planned(server, "released", comment="done with")
    assert changes["status_name"] == {"old": "Deployed", "new": "Ready"}
    if server.region.release >= "2.2":
        as_planned(server, "tested")


@pytest.mark.parametrize(("kind", "times", "sends"), [
    ("reset-before", 1, 1), ("reset-before", 3, 1), ("reset-after", 1, 1), ("reset-before", 9, 0),
])  # fmt: skip
def test_an_operation_whose_answer_is_lost_is_sent_again_if_it_had_no_effect(
    server, kind, times, sends
):
    ident = machine(server)
    with FaultyProxy(server, first(kind, times, path="op=deploy")) as proxy:
        own = {"url": proxy.url, "api_key": server.api_key}
        done = of(server, maas=own).deployed("web-1", distro_series=server.series)
    assert done["result"] is bool(sends), done["comment"]
    assert sent(server).count("deploy") == sends
    assert (hardware.machine(server.region, ident)["status"] == 6) is bool(sends)
    if sends:
        assert done["changes"]["machine"]["web-1"]["operations"] == ["deploy"]
    else:
        assert len(proxy.faults) == 4
        assert "deploy: POST" in done["comment"]


# -- which status allows what ------------------------------------------------------------------

#: What MAAS takes though it is done, or going on.
_NOTHING = {("release", 4), ("release", 12), ("rescue_mode", 17), ("exit_rescue_mode", 19)}
#: Forms without which an operation is refused.
_NEEDS = {"test": {"testing_scripts": "smartctl-validate"}}


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - {"allocate", "unlock"}))
def test_the_table_says_which_status_allows_what(server, operation):
    ident = machine(server)
    client = client_of(server)
    server.region.options.machine_seconds = float("inf")
    accepted = set()
    for status in range(len(NAMES)):
        fields = {"previous_status": 4, "osystem": "", "power_state": "off", "locked": False}
        hardware.update(server.region, ident, status=status, owner="admin", **fields)
        assert client.get(f"machines/{ident}/")["status_name"] == NAMES[status]
        with contextlib.suppress(MaasError):
            client.post(f"machines/{ident}/", op=operation, data=_NEEDS.get(operation))
            accepted.add(status)
        server.region.tick()
    accepted -= {status for name, status in _NOTHING if name == operation}
    assert accepted == set(OPERATIONS[operation].allowed)


@pytest.mark.parametrize(
    ("function", "status", "words"),
    [
        ("commissioned", 8, "it is Broken, so it is not commissioned; repair it"),
        ("deployed", 0, "it is New, so it cannot be deployed; commission it first"),
        ("deployed", 22, "it is Failed testing, so it cannot be deployed; test it again"),
        ("locked", 4, "it is Ready, so MAAS refuses lock; deploy it first"),
        ("released", 16, "it is Rescue mode and owned by admin, so MAAS does not release it"),
        ("rescued", 13, "it is Releasing failed and owned by admin, so MAAS refuses rescue_mode"),
        ("powered", 10, "would be deployed when it is turned on; deploy it"),
        ("powered", 4, "and MAAS turns on only machines that a user owns; deploy it"),
        ("broken", 4, "it is Ready, and MAAS accepts mark_broken only from its owner"),
        ("tested", 16, "and a test would end that; let it exit rescue mode first"),
    ],
)
def test_what_maas_would_refuse_is_not_sent(server, function, status, words):
    owner = "admin" if status in (10, 13, 16) else None
    machine(server, status=status, power_state="off", owner=owner)
    for test in (True, False):
        done = getattr(of(server, test=test), function)("web-1")
        assert done["result"] is False
        assert words in done["comment"]
        assert "machine web-1" in done["comment"]
        assert done["changes"] == {}
    assert server.requests.writes() == []


def test_a_machine_without_a_link_to_a_subnet_is_not_deployed(server):
    for nic in hardware.machine(server.region, machine(server))["interfaces"]:
        nic["links"].clear()
    for test in (True, False):
        done = of(server, test=test).deployed("web-1")
        assert done["result"] is False
        assert "without a link to a subnet; describe links of its interfaces" in done["comment"]
    assert server.requests.writes() == []


@pytest.mark.parametrize(
    ("function", "status"),
    [
        ("released", 6),
        ("deployed", 10),
        ("powered", 6),
        ("locked", 6),
        ("rescued", 6),
        ("tested", 6),
    ],
)
def test_machines_of_others_are_not_touched_without_a_word(server, function, status):
    ident = machine(server, status=4 if status == 10 else status, osystem="ubuntu")
    if status == 10:
        client_of(server).post("machines/", op="allocate", data={"system_id": ident})
        server.requests.reset()
    hardware.update(server.region, ident, owner="ops", power_state="off")
    done = getattr(of(server), function)("web-1")
    assert done["result"] is False
    assert "owned by ops, not by admin; in_use: true" in done["comment"]
    assert server.requests.writes() == []
    assert as_planned(server, function, in_use=True)["operations"]


@pytest.mark.parametrize("status", [0, 2])
def test_who_commissioned_a_machine_before_does_not_matter(server, status):
    machine(server, status=status, owner="ops")
    assert as_planned(server, "commissioned")["status_name"]["new"] == "Ready"


@pytest.mark.parametrize("function", ["released", "broken", "powered", "rescued", "tested"])
def test_locked_machines_are_not_touched(server, function):
    machine(server, status=6, power_state="off", locked=True)
    done = getattr(of(server), function)("web-1")
    assert done["result"] is False
    assert "and locked, so MAAS refuses" in done["comment"]
    assert "unlock it first (maas_machine.unlocked)" in done["comment"]
    assert server.requests.writes() == []


def test_a_machine_deployed_with_something_else_is_left_alone(server):
    machine(server, status=6, osystem="ubuntu", distro_series="focal", hwe_kernel="ga-20.04")
    done = of(server).deployed("web-1", distro_series="22.04", ephemeral_deploy=True)
    assert done["result"] is False
    assert "with ubuntu/focal, not 22.04, ephemeral_deploy false; redeploy: true" in done["comment"]
    assert server.requests.writes() == []
    for series in (None, "focal", "20.04", "ubuntu/focal"):
        assert of(server).deployed("web-1", distro_series=series)["changes"] == {}
    changes = as_planned(server, "deployed", distro_series=server.series, redeploy=True)
    assert changes["operations"] == ["release", "deploy"]


@pytest.mark.parametrize(
    ("release", "parameter", "kind"),
    [("2.8", "install_kvm", "virsh"), ("3.7", "register_vmhost", "lxd")],
)
def test_a_machine_becomes_a_vm_host(regions, release, parameter, kind):
    server = emptied(regions(release))
    machine(server, status=6, osystem="ubuntu", distro_series=server.series)
    done = of(server).deployed("web-1", **{parameter: True})
    assert f"with no VM host of {kind}; redeploy: true" in done["comment"]
    assert server.requests.writes() == []
    changes = as_planned(server, "deployed", redeploy=True, **{parameter: True})
    assert changes["operations"] == ["release", "deploy"]
    (host,) = server.region.rows("vm_hosts").values()
    assert (host["name"], host["power_type"]) == ("web-1", kind)


@pytest.mark.parametrize(
    ("release", "parameter"), [("2.8", "install_kvm"), ("3.8", "register_vmhost")]
)
def test_a_vm_host_is_deleted_before_its_machine_is_released(regions, release, parameter):
    server = emptied(regions(release))
    machine(server)
    as_planned(server, "deployed", **{parameter: True})
    server.requests.reset()
    for test in (True, False):
        done = of(server, test=test).released("web-1")
        assert (done["result"], done["changes"]) == (False, {})
        assert "it is the VM host web-1, so MAAS does not release it; delete" in done["comment"]
    assert server.requests.writes() == []

    def run(test):
        context: dict = {}
        opts = {"test": test, "maas": {"url": server.url, "api_key": server.api_key}, "id": "m"}
        hosts = load("_states/maas_vm_host.py", opts, __context__=context)
        life = of(server, test=test, context=context)
        return [hosts.absent("web-1"), life.released("web-1")]

    told, done = run(test=True), run(test=False)
    assert [one["result"] for one in done] == [True, True], [one["comment"] for one in done]
    assert [one["changes"] for one in told] == [one["changes"] for one in done]


def test_a_test_run_says_what_waits_for_a_vm_host(server):
    machine(server, name="node-1")
    context: dict = {}

    def states(module):
        opts = {"test": True, "maas": {"url": server.url, "api_key": server.api_key}, "id": "m"}
        return load(f"_states/{module}.py", opts, __context__=context)

    hosts, told = states("maas_vm_host"), of(server, test=True, context=context)
    deployed = told.deployed("node-1")
    assert deployed["changes"]["machine"]["node-1"]["operations"] == ["deploy"]
    done = [hosts.present("rack1", machine="node-1"), told.present("vm-1", vm_host="rack1")]
    assert [one["result"] for one in done] == [True, True], done
    assert "machine vm-1: skipped until VM host rack1 exists" in done[1]["comment"]
    skipped = told.commissioned("vm-1")
    assert (skipped["result"], skipped["changes"]) == (None, {})
    assert skipped["comment"].endswith(
        "machine vm-1: it does not exist yet; skipped until VM host rack1 exists"
    )
    assert server.requests.writes() == []


def states_of_a_run(server, pillar, test):
    """``maas_region`` and ``maas_machine`` as the states of one run share them."""
    context: dict = {}
    opts = {"test": test, "maas": {"url": server.url, "api_key": server.api_key}, "id": "m"}
    region = load("_states/maas_region.py", opts, {"maas": pillar}, __context__=context)
    return region, of(server, test=test, context=context)


def highstate(server, pillar, test):
    """What one run of states returns that makes a VM host of a machine, and a machine on it."""
    region, life = states_of_a_run(server, pillar, test)
    return [
        region.managed("before"),
        life.deployed("node-1", register_vmhost=True),
        region.managed("after"),
        life.commissioned("vm-1"),
    ]


def test_a_new_machine_is_planned_and_then_deployed_in_one_run(any_server, monkeypatch):
    server = any_server

    def commissioned(region, row, real=machine_ops.commissioned):
        nic = {"name": "eth0", "mac_address": row["interfaces"][0]["mac"]}
        machine_ops.hardware_nic(region, row, {**nic, "address": "10.7.0.9/24"})
        if not storage.disks_of(region, row):
            storage.add_disk(region, row, "sda", 10**11)
        real(region, row)

    monkeypatch.setattr(machine_ops, "commissioned", commissioned)
    pillar = {"machines": {"new-1": {
        "mac_addresses": ["52:54:00:07:00:01"], "architecture": "amd64", "power_type": "ipmi",
        "power_parameters": {"power_address": "10.7.1.1"},
        "interfaces": {"eth0": {"tags": ["boot"]}},
        "storage": {"disks": {"sda": {"partitions": [
            {"size": "20G", "fs": "ext4", "mount": "/"},
        ]}}},
    }}}  # fmt: skip

    def run(test):
        region, life = states_of_a_run(server, pillar, test)
        return [
            region.managed("new"),
            life.commissioned("new-1", timeout=20),
            region.managed("disks"),
            life.deployed("new-1", distro_series=server.series, timeout=20),
        ]

    server.region.options.machine_seconds = 0.05 if server.region.release >= "2.8" else 0.5
    told, done = run(test=True), run(test=False)
    assert [one["result"] for one in done] == [True] * 4, [one["comment"] for one in done]
    assert [one["result"] for one in told] == [None if one["changes"] else True for one in done]
    for number in (0, 1, 3):
        assert told[number]["changes"] == done[number]["changes"]
    old, new = (one[2]["changes"]["machine"]["new-1"] for one in (told, done))
    assert old.keys() == new.keys()
    assert [one["changes"] for one in run(test=False)] == [{}] * 4


def test_a_vm_host_and_a_machine_on_it_in_one_run(server):
    ident = machine(server, name="node-1")
    row = hardware.machine(server.region, ident)
    server.region.rows("vlans")[row["interfaces"][0]["vlan"]]["dhcp_on"] = True
    pillar = {"vm_hosts": {"rack1": {"machine": "node-1"}},
              "machines": {"vm-1": {"vm_host": "rack1"}}}  # fmt: skip
    told = highstate(server, pillar, test=True)
    assert [one["result"] for one in told] == [True, None, None, True]
    assert server.requests.writes() == []
    done = highstate(server, pillar, test=False)
    assert [one["result"] for one in done] == [True] * 4, done
    assert done[2]["changes"].keys() == {"vm_host", "machine"}
    assert [one["changes"] for one in told] == [one["changes"] for one in done]
    assert sent(server) == ["deploy", None, "compose"]
    server.requests.reset()
    again = highstate(server, pillar, test=False)
    assert [one["changes"] for one in again] == [{}] * 4
    assert server.requests.writes() == []


def test_what_is_marked_broken_by_its_owner_is_fixed(server):
    machine(server, status=10)
    assert as_planned(server, "broken", comment="fan")["status_name"]["new"] == "Broken"
    assert as_planned(server, "fixed") == {"operations": ["mark_fixed"]}
    (row,) = server.region.rows("machines").values()
    assert row["status"] == 4


def test_a_machine_that_is_switched_by_hand_loses_its_owner_when_it_is_marked_as_broken(server):
    machine(server, status=6, power_type="manual", power_state="unknown")
    assert as_planned(server, "broken")["owner"] == {"old": "admin", "new": None}


def test_only_what_maas_releases_loses_its_owner_when_it_is_marked_as_broken(server):
    machine(server, status=7, owner="admin", power_state="off")
    new = {"old": "Retired", "new": "Broken"}
    assert as_planned(server, "broken") == {"operations": ["mark_broken"], "status_name": new}


def test_up_to_2_4_any_administrator_marks_as_broken(regions):
    server = emptied(regions("2.4"))
    machine(server, status=6, power_state="off", owner="ops")
    assert "in_use: true sends mark_broken" in of(server).broken("web-1")["comment"]
    changes = as_planned(server, "broken", in_use=True)
    assert changes["status_name"] == {"old": "Deployed", "new": "Broken"}


def test_a_machine_without_a_root_file_system_is_not_deployed(server):
    ident = machine(server)
    client_of(server).post(f"machines/{ident}/", op="set_storage_layout",
                           data={"storage_layout": "blank"})  # fmt: skip
    server.requests.reset()
    for test in (True, False):
        done = of(server, test=test).deployed("web-1", distro_series="noble")
        assert done["result"] is False
        assert "mounted at /; describe it under storage" in done["comment"]
    assert server.requests.writes() == []
    assert as_planned(server, "deployed", distro_series="noble", ephemeral_deploy=True)


# -- tests -------------------------------------------------------------------------------------

_DEPLOYED = {"owner": "admin", "osystem": "ubuntu", "distro_series": "jammy"}


@pytest.mark.parametrize(
    ("status", "fields", "after"),
    [
        (0, {}, "Ready"), (2, {}, "New"), (3, {}, "Ready"), (5, {}, "Reserved"),
        (6, _DEPLOYED, "Deployed"), (8, {}, "Ready"), (10, {}, "Allocated"),
        (22, {"owner": "admin"}, "Ready"), (22, _DEPLOYED, "Deployed"),
    ],
)  # fmt: skip
def test_what_passed_tests_make_of_a_machine(server, status, fields, after):
    machine(server, status=status, power_state="off", **fields)
    changes = as_planned(server, "tested")
    (row,) = server.region.rows("machines").values()
    assert NAMES[row["status"]] == after
    assert bool(row["owner"]) is (after not in ("New", "Ready"))
    # MAAS takes a machine that fails its tests twice from its owner, with what runs on it.
    overridden = ["override_failed_testing"] if (status, after) == (22, "Deployed") else []
    assert changes["operations"] == [*overridden, "test"]


@pytest.mark.parametrize("status", [7, 8, 11, 13, 15])
def test_a_machine_that_tests_would_take_from_its_owner_is_not_tested(server, status):
    machine(server, status=status, **_DEPLOYED)
    for test in (True, False):
        done = of(server, test=test).tested("web-1")
        assert done["result"] is False
        assert "MAAS would release it when it has passed the tests; " in done["comment"]
    assert server.requests.writes() == []


def test_failed_tests_of_a_deployed_machine_are_not_repeated_by_the_function(server):
    machine(server, status=22, **_DEPLOYED)
    with pytest.raises(MaasError, match="MAAS would release it when it has passed"):
        functions_of(server).test("web-1")
    assert server.requests.writes() == []


@pytest.mark.parametrize(("release", "after"), [("2.8", "New"), ("2.9", "Ready")])
def test_passed_tests_make_a_new_machine_ready_from_2_9_on(regions, release, after):
    server = emptied(regions(release))
    machine(server, status=0, power_state="off")
    as_planned(server, "tested")
    (row,) = server.region.rows("machines").values()
    assert NAMES[row["status"]] == after


# -- what is going on already ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "status", "after"),
    [("commissioned", 1, 4), ("deployed", 9, 6), ("released", 12, 4), ("rescued", 17, 16),
     ("rescue_exited", 19, 4), ("tested", 21, 4)],
)  # fmt: skip
def test_a_run_that_was_interrupted_is_taken_up(server, function, status, after):
    ident = machine(server, status=status, owner="admin", testing_status=2)
    later = threading.Timer(
        0.3, hardware.update, (server.region, ident), {"status": after, "power_state": "on"}
    )
    later.start()
    done = getattr(of(server), function)("web-1")
    later.join()
    if function == "tested":  # nothing says that these tests passed
        assert done["changes"]["machine"]["web-1"]["operations"] == ["test"]
        return
    assert done["result"] is True, done["comment"]
    assert server.requests.writes() == []


def test_deploying_something_else_is_not_waited_for(server):
    machine(server, status=9, osystem="ubuntu", distro_series="focal")
    done = of(server).deployed("web-1", distro_series="jammy")
    assert "with ubuntu/focal, not jammy; abort it first" in done["comment"]


def test_a_deployment_that_failed_is_tried_again(server):
    machine(server, status=11)
    assert as_planned(server, "deployed")["operations"] == ["release", "deploy"]


@pytest.mark.parametrize("status", [6, 11])
def test_what_was_never_commissioned_is_not_released_to_be_deployed_again(server, status):
    ident = machine(server, status=status, osystem="ubuntu", distro_series="focal")
    hardware.machine(server.region, ident)["results"].clear()
    for test in (True, False):
        done = of(server, test=test).deployed("web-1", distro_series="jammy", redeploy=True)
        assert (done["result"], done["changes"]) == (False, {})
        assert "MAAS would make it New; release it (maas_machine.released)" in done["comment"]
    assert server.requests.writes() == []
    assert as_planned(server, "released")["status_name"]["new"] == "New"


def test_what_is_being_released_is_deployed_afterwards(server):
    ident = machine(server, status=12, owner="admin")
    later = threading.Timer(
        0.3, hardware.update, (server.region, ident), {"status": 4, "owner": None}
    )
    later.start()
    assert of(server).deployed("web-1")["result"] is True
    later.join()
    assert sent(server) == ["deploy"]


# -- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "function", "status", "fails", "kind"),
    [
        ("2.4", "commissioned", 0, 2, 0), ("3.7", "commissioned", 0, 2, 0),
        ("3.7", "commissioned", 0, 22, 2), ("3.8", "tested", 4, 22, 2),
        ("2.0", "deployed", 4, 11, None), ("3.7", "deployed", 4, 11, 1),
        ("3.7", "rescued", 4, 18, None), ("3.7", "released", 6, 15, None),
    ],
)  # fmt: skip
def test_failures_are_told_at_once(regions, release, function, status, fails, kind):
    server = emptied(regions(release))
    ident = machine(server, status=status, power_state="on")
    server.region.options.machine_seconds = float("inf")

    def fail_if_begun():
        with server.region.lock:  # so that the request has ended
            row = hardware.machine(server.region, ident)
            if row["status"] in (status, 10):
                return False
            if kind is not None:
                scripts_run.begin(server.region, row, kind) if kind == 2 else None
                scripts_run.finish(row, kind, scripts_run.FAILED)
            machines.event(server.region, row, "ERROR", "Marking node failed", "no such luck")
            hardware.update(server.region, ident, status=fails)
            return True

    def fail():
        while not fail_if_begun():
            time.sleep(0.02)

    failing = threading.Thread(target=fail)
    failing.start()
    began = time.monotonic()
    more = {"erase": True} if function == "released" else {}
    done = getattr(of(server), function)("web-1", timeout=60, **more)
    failing.join()
    assert time.monotonic() - began < 10
    assert done["result"] is False
    assert f"failed: it is {NAMES[fails]}" in done["comment"]
    assert "Marking node failed: no such luck" in done["comment"]
    assert ("failed scripts: " in done["comment"]) is (kind is not None)
    assert done["changes"]["machine"]["web-1"]["operations"]


@pytest.mark.parametrize("function", ["commissioned", "deployed", "released", "powered", "tested"])
def test_a_bmc_that_no_rack_reaches(server, function):
    status = {"commissioned": 0, "released": 6, "powered": 6}.get(function, 4)
    machine(server, status=status, power_state="off" if function == "powered" else "on")
    server.region.controller_connected(server.rack, False)
    done = getattr(of(server), function)("web-1")
    assert done["result"] is False
    assert "BMC" in done["comment"], done["comment"]
    assert done["changes"] == {}
    server.region.controller_connected(server.rack, True)
    server.requests.reset()
    assert as_planned(server, function)["operations"]


def test_a_deadline_says_what_was_waited_for(server):
    machine(server, status=0)
    server.region.options.machine_seconds = float("inf")
    done = of(server).commissioned("web-1", timeout=0.2)
    assert done["result"] is False
    assert (
        "timed out after 0.2 s waiting for the end of commission: it is Commissioning"
        in done["comment"]
    )
    assert done["changes"]["machine"]["web-1"]["status_name"] == {
        "old": "New", "new": "Commissioning"
    }  # fmt: skip


def test_a_machine_that_is_deleted_meanwhile(server):
    machine(server, status=1)
    row = next(iter(server.region.rows("machines").values()))

    def delete():
        while not server.requests.count("GET", "machines/"):
            time.sleep(0.02)
        machines.forget(server.region, "machines", row)

    later = threading.Thread(target=delete)
    later.start()
    done = of(server).commissioned("web-1")
    later.join()
    assert "it was deleted meanwhile" in done["comment"]


# -- many --------------------------------------------------------------------------------------


def test_hundreds_are_waited_for_together(server, monkeypatch):
    names = [f"m{number}" for number in range(200)]
    for name in names:
        machine(server, name, status=4)
    monkeypatch.setattr("saltext.maas.machines.lifecycle.FIRST_PAUSE", 0.5)
    monkeypatch.setattr("saltext.maas.machines.lifecycle.LONGEST_PAUSE", 0.5)
    server.region.options.machine_seconds = 2
    server.requests.reset()
    fired = []
    told = of(server, test=True).deployed("all", machines=names)
    # By name in two parts; nothing is asked of any one machine.
    assert (len(told["changes"]["machine"]), server.requests.count()) == (200, 2 + VERSION + WHOAMI)
    server.requests.reset()
    done = of(server, fired=fired).deployed("all", machines=names)
    assert done["result"] is True, done["comment"][:500]
    assert done["changes"] == told["changes"]
    assert sent(server) == ["deploy"] * 200
    polls = server.requests.count("GET", "machines/") - 2
    assert server.requests.count() == 200 + 2 + polls + VERSION
    assert polls <= 2 * 20
    tags, data = zip(*fired)
    assert set(tags) == {"maas/progress/all"}
    assert data[-1] == {
        "what": "deploy", "done": 200, "total": 200, "percent": 100, "statuses": {"Deployed": 200}
    }  # fmt: skip
    server.requests.reset()
    assert of(server).deployed("all", machines=names)["changes"] == {}
    assert server.requests.count() == 2 + VERSION


def test_one_that_fails_does_not_stop_the_others(server):
    machine(server, "bad", status=0)
    machine(server, "good", status=4)
    done = of(server).deployed("both", machines=["bad", "good"])
    assert done["result"] is False
    assert "failed: machine bad: it is New, so it cannot be deployed" in done["comment"]
    assert "deploy sent: machine good (Ready -> Deployed)" in done["comment"]
    assert set(done["changes"]["machine"]) == {"good"}


def test_machines_are_found_by_name_id_and_mac(server):
    ident = machine(server, "one", status=0)
    machine(server, "two", status=0)
    row = hardware.machine(server.region, machine(server, "three", status=0))
    mac = row["interfaces"][0]["mac"]
    names = [ident, "two.maas", mac.upper().replace(":", "-")]
    done = of(server).commissioned("all", machines=names)
    assert done["result"] is True, done["comment"]
    assert list(done["changes"]["machine"]) == names
    for wrong, words in (
        (
            ["two", "nine"],
            "machine nine: the region has none with this host name, system id or MAC",
        ),
        ([ident, "one"], "one are the same machine"),
        ("one", "machines: must be a list"),
        ([["one"]], "machines: ['one'] must be a host name, system id or MAC address"),
    ):
        server.requests.reset()
        done = of(server).deployed("all", machines=wrong)
        assert done["result"] is False
        assert words in done["comment"]
        assert server.requests.writes() == []


# -- arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "function", "arguments", "words"),
    [
        ("2.4", "deployed", {"enable_hw_sync": True},
         "enable_hw_sync: MAAS 2.4 does not support it; 3.2 and later do"),
        ("2.0", "tested", {}, "MAAS 2.0 does not support test; 2.2 and later do"),
        ("2.0", "rescued", {}, "MAAS 2.0 does not support rescue mode; 2.1 and later do"),
        ("3.7", "released", {"erase": "yes"}, "erase: 'yes' must be true or false"),
        ("3.7", "commissioned", {"commissioning_scripts": []},
         "commissioning_scripts: [] must be a list of names"),
        ("3.7", "deployed", {"bridge_type": "x"}, "bridge_type: 'x' must be one of standard, ovs"),
        ("3.7", "deployed", {"user_data": 7}, "user_data: must be a text"),
        ("3.7", "tested", {"parameters": ["a"]}, "parameters: must be a mapping"),
        ("3.7", "powered", {"timeout": "long"}, "timeout: 'long' must be a number of seconds"),
    ],
)  # fmt: skip
def test_bad_arguments_are_told_before_anything_is_sent(
    regions, release, function, arguments, words
):
    server = emptied(regions(release))
    machine(server, status=4, power_state="off")
    for test in (True, False):
        done = getattr(of(server, test=test), function)("web-1", **arguments)
        assert done["result"] is False
        assert words in done["comment"]
    assert server.requests.writes() == []


def test_parameters_reach_maas(server, monkeypatch):
    forms = []
    real = machine_ops.commission

    def commission(region, row, user, **options):
        forms.append(options)
        real(region, row, user, **options)

    monkeypatch.setattr(machine_ops, "commission", commission)
    machine(server, status=0)
    of(server).commissioned(
        "web-1", testing_scripts=["smartctl-validate", "none"][:1], skip_storage=True,
        skip_bmc_config=True,
    )  # fmt: skip
    assert forms[0]["tests"] == ["smartctl-validate"]
    assert (forms[0]["skip_storage"], forms[0]["skip_bmc"], forms[0]["skip_network"]) == (
        True, True, False
    )  # fmt: skip


def test_tests_are_those_that_were_asked_for(server):
    machine(server, status=4)
    assert as_planned(server, "tested", testing_scripts=["memtester"])["operations"] == ["test"]
    # Others passed; these did not run last.
    assert as_planned(server, "tested", testing_scripts=["stress-ng-cpu-short"])
    assert of(server).tested("web-1")["changes"] == {}


def test_the_pillar_has_parameters_of_machines(server, monkeypatch):
    seen = []
    monkeypatch.setattr("saltext.maas.client.session.Client.post", _recording(seen))
    for name in ("web-1", "web-2", "db-1"):
        machine(server, name)
    described = {
        "machine_classes": {"r640": {
            "deploy": {"distro_series": "xenial", "user_data": "echo ${VALUE} {hostname}"},
        }},
        "machines": {
            "web-1": {"class": "r640"},
            "web-2.maas": {"class": ["r640"], "deploy": {"distro_series": server.series}},
            "db-1": {"power_parameters": {"power_pass": "sdb://none/x"}},
        },
    }  # fmt: skip
    arguments = {"machine_class": "r640", "distro_series": server.series}
    module = of(server)
    module.__pillar__ = {"maas": described}
    done = module.deployed("web", **arguments)
    assert done["result"] is True, done["comment"]
    assert list(done["changes"]["machine"]) == ["web-1", "web-2.maas"]
    texts = [base64.b64decode(one["user_data"]).decode() for one in seen if "user_data" in one]
    assert texts == ["echo ${VALUE} {hostname}"] * 2
    assert {one["distro_series"] for one in seen if "user_data" in one} == {server.series}
    module.__opts__["test"] = True
    told = module.deployed("web", machine_class="r640")
    assert "machine web-1: it is Deployed" in told["comment"]
    assert "web-2" not in told["comment"]  # which is as described
    assert "of class 'x'" in module.deployed("web", machine_class="x")["comment"]
    both = module.deployed("web", machine_class="r640", machines=["web-1"])["comment"]
    assert "machine_class: cannot be given together with machines" in both
    described["machine_classes"]["r640"]["deploy"]["user_data"] = 7
    wrong = module.deployed("web-1")["comment"]
    assert wrong == "maas:machine_classes:r640:deploy:user_data: ********** must be text"


SECRET = "#cloud-config\nchpasswd: {list: ['root:tr0ub4dor']}\n"


def test_user_data_is_sent_in_base64_and_never_shown(server, monkeypatch, tmp_path, caplog):
    seen = []
    monkeypatch.setattr("saltext.maas.client.session.Client.post", _recording(seen))
    path = tmp_path / "user-data"
    path.write_text(SECRET)
    caplog.set_level("DEBUG")
    for given in (SECRET, "salt://web/user-data"):
        emptied(server)
        machine(server, status=4)
        module = of(server)
        module.__salt__["cp.cache_file"] = lambda url: str(path)
        done = module.deployed("web-1", user_data=given)
        assert done["result"] is True, done["comment"]
        data = next(one for one in reversed(seen) if one and "user_data" in one)
        assert base64.b64decode(data["user_data"]).decode() == SECRET
        _hidden(repr(done) + caplog.text)
    machine(server, "web-2", status=0)
    _hidden(repr(of(server).deployed("web-2", user_data=SECRET)))
    machine(server, "web-3", status=4)
    server.region.controller_connected(server.rack, False)
    done = of(server).deployed("web-3", user_data=SECRET)
    assert done["result"] is False
    _hidden(repr(done) + caplog.text)


def _recording(seen):
    from saltext.maas.client.session import Client

    real = Client.post

    def post(client, where, op=None, data=None, **options):
        seen.append(data)
        return real(client, where, op, data, **options)

    return post


def _hidden(text):
    assert "tr0ub4dor" not in text
    assert base64.b64encode(SECRET.encode()).decode()[:40] not in text


# -- functions ---------------------------------------------------------------------------------


def functions_of(server):
    return load(
        "_modules/maas_machine.py",
        {"maas": {"url": server.url, "api_key": server.api_key}, "id": "m"},
    )  # fmt: skip


def test_functions_send_one_operation(any_server):
    server = any_server
    machine(server, status=4)
    module = functions_of(server)
    assert module.commission("web-1", timeout=20)["web-1"]["status_name"] == "Ready"
    if server.region.release >= "2.2":
        assert module.deploy(["web-1"], timeout=20)["web-1"]["owner"] == "admin"
        assert module.power_state("web-1") == "on"
        assert module.power_off("web-1", timeout=20)["web-1"]["power_state"] == "off"
        assert set(module.results("web-1", "installation").values()) == {"Passed"}
        assert module.release("web-1", timeout=20)["web-1"]["owner"] is None
    assert module.events("web-1", limit=2)[0]["type"]
    with pytest.raises(MaasError, match="web-1: it is Ready, so MAAS refuses abort"):
        module.abort("web-1")
    server.region.options.machine_seconds = float("inf")
    assert module.commission("web-1")["web-1"]["status_name"] == "Commissioning"
    if server.region.release >= "2.1":
        assert module.abort("web-1", timeout=20)["web-1"]["status_name"] == "New"


def test_a_name_of_digits_is_taken_and_anything_else_refused(server):
    machine(server, "463886")
    module = functions_of(server)
    assert module.status(463886)["463886"]["status"] == "Ready"
    assert module.describe(463886)["hostname"] == "463886"
    assert list(module.commission([463886], timeout=20)) == ["463886"]
    assert of(server, test=True).commissioned("x", machines=[463886])["result"] is True
    server.requests.reset()
    for function in ("status", "describe", "events", "release"):
        for wrong in (None, True, {"a": 1}, [["web-1"]]):
            with pytest.raises(BadInput, match="must be a host name, system id or MAC address"):
                getattr(module, function)(wrong)
    with pytest.raises(BadInput, match=r"profile: \['north'\] must be a name, or a mapping"):
        module.release("463886", profile=["north"])
    assert server.requests.writes() == []


def test_a_function_fails_where_no_rack_reaches_the_bmc(server):
    machine(server, status=4)
    server.region.controller_connected(server.rack, False)
    for timeout in (0, 20):
        with pytest.raises(MaasError, match=r"web-1: .*BMC"):
            functions_of(server).commission("web-1", timeout=timeout)
