"""Machines: found by what tells them apart, never twice, and not touched while in use."""

from __future__ import annotations

import pytest
from maas_emulator import hardware
from saltext.maas import region_plan
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_object
from support.machine_regions import forget_machines, regions_with_image
from support.reconciling import carried_out, carried_out_and_true, planned, problems_of, snapshot_of

MACS = ["52:54:00:00:00:21", "52:54:00:00:00:22"]
#: A release that commissions whatever is added, and those after it.
RELEASES = ("2.0", "2.8", "3.7", "3.8")


@pytest.fixture(scope="module")
def regions():
    with regions_with_image() as of_release:
        yield of_release


@pytest.fixture(params=RELEASES)
def server(request, regions):
    server = regions(request.param)
    yield server
    forget_machines(server)


def machine(name="web-1", absent=False, **values):
    return [desired_object("machine", {"hostname": name, **values}, "here", absent=absent)]


def made(server, **values):
    """A machine of the region, New or Ready, and its id."""
    given = {"mac_addresses": MACS, "architecture": "amd64", "power_type": "manual", **values}
    carried_out(server, machine(**given))
    ident = snapshot_of(server).records("machine")[given.get("name", "web-1")].raw["system_id"]
    hardware.update(server.region, ident, status=4, owner=None)  # up to 2.7 it was commissioned
    return ident


def test_it_is_created_changed_and_deleted(server):
    ident = made(server)
    plan = carried_out_and_true(server, machine(swap_size=0, mac_addresses=[MACS[0].upper()]))
    assert plan.shown() == {"machine": {"web-1": {"swap_size": {"old": None, "new": 0}}}}
    assert snapshot_of(server).records("machine")["web-1"].raw["system_id"] == ident
    carried_out(server, machine(absent=True, release=True))
    assert snapshot_of(server).records("machine") == {}


def test_what_takes_its_hardware_waits_until_it_is_commissioned(server):
    link = {"mode": "auto", "subnet": "10.7.0.0/24"}
    disks = [{"name": "sda", "size": 10**11, "model": "m", "serial": "s", "tags": []}]
    data = {
        "fabrics": {"hall": {}}, "subnets": {"10.7.0.0/24": {"vlan": "hall/untagged"}},
        "machines": {"web-1": {
            "mac_addresses": MACS, "architecture": "amd64", "power_type": "manual",
            "interfaces": {"eth0": {"mac_address": MACS[0], "links": [link]}},
            "storage": {"disks": {"sda": {"partitions": [{"fs": "xfs", "mount": "/srv"}]}}},
        }},
    }  # fmt: skip
    later = ["interfaces", "storage"] if server.region.release < "3.3" else ["storage"]
    said = [f"machine web-1: {name} is skipped until the machine is commissioned" for name in later]
    _, plan = carried_out(server, data)
    started = "commissions a new machine immediately, which turns it on"
    begins = [f"machine web-1: MAAS {server.region.release} {started}"]
    assert sorted(plan.warnings) == [*(begins if server.region.release < "2.8" else []), *said]
    assert not {*later} & plan.shown()["machine"]["web-1"]["new"].keys()
    (row,) = server.region.rows("machines").values()
    for status in (0, 2, 1):  # as long as it is not commissioned
        hardware.update(server.region, row["system_id"], status=status)
        _, plan = planned(server, data)
        assert plan.shown() == {}
        assert said[-1] in plan.warnings
    hardware.commissioned(server.region, row["system_id"], disks=disks)
    hardware.update(server.region, row["system_id"], status=4, owner=None)
    _, plan = carried_out(server, data)
    assert {*later} <= plan.shown()["machine"]["web-1"].keys()
    assert plan.warnings == []
    assert planned(server, data)[1].warnings == []


def test_one_that_is_there_is_adopted_and_renamed(server):
    ident = made(server, name="enlisted-7")
    carried_out(server, machine(mac_addresses=[MACS[1].replace(":", "-")], in_use=True))
    carried_out(server, machine(name="web-2", system_id=ident, in_use=True))
    assert list(snapshot_of(server).records("machine")) == ["web-2"]


def test_what_tells_machines_apart_must_not_contradict(server):
    made(server, mac_addresses=MACS[:1])
    made(server, name="web-2", mac_addresses=MACS[1:])
    with pytest.raises(BadInput, match=r"here:mac_addresses: \[.*\] belongs to machine web-2"):
        planned(server, machine(mac_addresses=MACS))
    with pytest.raises(
        BadInput, match=r"here:mac_addresses: \[.*\] belongs to machine web-1, web-2"
    ):
        planned(server, machine(name="web-3", mac_addresses=MACS))
    assert problems_of(server, machine(name="web-3", system_id="abc")) == [
        "machine web-3: system_id: no machine of the region has 'abc'"
    ]


@pytest.mark.parametrize("release", ["3.7"])
def test_one_in_use_is_changed_only_where_nobody_notices(release, regions):
    server = regions(release)
    ident = made(server, name="busy")
    hardware.update(server.region, ident, status=6, owner="admin")
    carried_out(server, machine("busy", description="rack 4"))
    assert problems_of(server, machine("busy", swap_size=1)) == [
        "machine busy: swap_size: it is Deployed and owned by admin; in_use: true changes it anyway"
    ]
    assert problems_of(server, machine("busy", absent=True)) == [
        "machine busy: it is Deployed and owned by admin; release: true releases it first"
    ]
    hardware.update(server.region, ident, status=9)
    assert problems_of(server, machine("busy", swap_size=1, in_use=True)) == [
        "machine busy: swap_size: it is Deploying; repeat the run when that has ended"
    ]
    hardware.update(server.region, ident, status=6, locked=True)
    assert problems_of(server, machine("busy", description="rack 5")) == [
        "machine busy: it is locked, so MAAS refuses changes; locked: false unlocks it first"
    ]
    hardware.update(server.region, ident, locked=False)
    carried_out(server, machine("busy", swap_size=1, in_use=True))
    carried_out(server, machine("busy", absent=True, release=True))


def test_all_are_read_at_once(regions):
    server = regions("3.7")
    several = [
        one
        for number in range(20)
        for one in machine(f"many-{number}", mac_addresses=[f"52:54:00:00:01:{number:02x}"],
                           architecture="amd64", power_type="manual")
    ]  # fmt: skip
    carried_out(server, several)
    server.requests.reset()
    assert planned(server, several)[1].shown() == {}
    assert server.requests.count("GET", "machines/") == server.requests.count() - 1  # the release


def test_one_that_nobody_describes_is_reported(regions):
    server = regions("3.7")
    made(server, name="stray", mac_addresses=["52:54:00:00:09:01"])
    made(server, name="known", mac_addresses=["52:54:00:00:09:02"])
    described = {"machines": {"renamed": {"mac_addresses": ["52:54:00:00:09:02"]}}}
    found = region_plan.unmanaged_of(snapshot_of(server), described)["machine"]
    assert found["stray"] == "only maas_machine.absent deletes machines"
    assert "known" not in found


@pytest.mark.parametrize("status", [0, 2, 4])
def test_an_owner_who_only_commissioned_it_is_no_obstacle(status, regions):
    """As where the BMC was not reached: MAAS leaves the owner."""
    server = regions("3.7")
    hardware.update(server.region, made(server), status=status, owner="admin")
    carried_out_and_true(server, machine(swap_size=1))
    carried_out(server, machine(absent=True))


@pytest.mark.parametrize("release", ["2.4", "2.9"])
def test_from_2_5_on_only_the_owner_changes_annotations(release, regions):
    server = regions(release)
    forget_machines(server)
    ident = made(server)
    hardware.update(server.region, ident, status=6, owner="ops")
    data = machine(owner_data={"app": "shop"})
    if release == "2.4":
        carried_out_and_true(server, data)
    else:
        assert "only its owner ops can change it" in problems_of(server, data)[0]
    server = regions("3.7")
    forget_machines(server)
    ident = made(server)
    data = machine(owner_data={"app": "shop", "tier": 2, "old": None, "up": True})
    _, plan = carried_out(server, data)
    assert plan.warnings == [
        "machine web-1: owner_data is skipped until the machine is allocated or deployed"
    ]
    row = hardware.machine(server.region, ident)
    row["owner_data"] = {"old": "1", "other": "x", "app": "shop"}
    hardware.update(server.region, ident, status=6, owner="ops")
    assert problems_of(server, data) == [
        "machine web-1: owner_data: only its owner ops can change it; the API's user is admin"
    ]
    hardware.update(server.region, ident, owner="admin")
    plan = carried_out_and_true(server, data)
    assert plan.shown()["machine"]["web-1"] == {
        "owner_data": {"old": {"old": "1"}, "new": {"old": None, "tier": "2", "up": "true"}}
    }
    assert row["owner_data"] == {"other": "x", "app": "shop", "tier": "2", "up": "true"}
    ops = {entry.op for entry in server.requests.writes()}
    assert ops <= {"set_workload_annotations"}


@pytest.mark.parametrize("release", ["2.0", "2.9"])
def test_annotations_before_3_0(release, regions):
    server = regions(release)
    forget_machines(server)
    hardware.update(server.region, made(server), status=10, owner="admin")
    carried_out_and_true(server, machine(owner_data={"app": "shop"}))


@pytest.mark.parametrize("release", ["2.4", "3.8"])
def test_a_lock_comes_last_and_goes_first(release, regions):
    server = regions(release)
    forget_machines(server)
    ident = made(server)
    _, plan = carried_out(server, machine(locked=True, swap_size=1))
    assert plan.warnings == ["machine web-1: locked is skipped until the machine is deployed"]
    hardware.update(server.region, ident, status=6, owner="admin")
    server.requests.reset()
    snapshot, plan = planned(
        server, machine(locked=True, in_use=True, swap_size=2, owner_data={"a": "b"})
    )
    apply(snapshot, plan)
    assert [change.error for change in plan.changes] == [None]
    assert [(one.method, one.op) for one in server.requests.writes()][-1] == ("POST", "lock")
    assert len(server.requests.writes()) == 3
    assert problems_of(server, machine(locked=True, in_use=True, swap_size=3)) == [
        "machine web-1: it is locked, so MAAS refuses changes; locked: false unlocks it first"
    ]
    carried_out_and_true(server, machine(locked=False, in_use=True, swap_size=3))
    row = hardware.machine(server.region, ident)
    assert (row["locked"], row["swap_size"]) == (False, 3)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"owner_data": {"a b": "c"}}, "owner_data: .* must be a mapping of words"),
        ({"owner_data": "x"}, "owner_data: 'x' must be a mapping"),
        ({"owner_data": {"a": ["b"]}}, "owner_data: .* must be a mapping"),
        ({"min_hwe_kernel": "focal"}, "min_hwe_kernel: 'focal' must be a kernel such as hwe-22.04"),
    ],
)
def test_bad_values_of_small_fields(values, told, regions):
    with pytest.raises(BadInput, match=told):
        planned(regions("3.7"), machine(**values))
