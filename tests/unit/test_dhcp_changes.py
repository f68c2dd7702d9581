"""DHCP that changes hands: served, relayed, given up, and by which rack controllers."""

from __future__ import annotations

import itertools

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.reconcile import apply, desired_named, desired_object, make_plan
from saltext.maas.resources.dhcp import steps
from support.reconciling import SHORT, assert_true, carried_out, errors, planned, snapshot_of

SERVED = {"enabled": True, "primary_rack": "rack-a"}


@pytest.fixture(params=["2.2", "3.7"])
def region(request):
    with RegionServer(release=request.param) as server:
        carried_out(server, networks())
        for number, name in enumerate(("rack-a", "rack-b", "rack-c")):
            nics = [
                {"name": f"eth{vlan}", "mac": f"52:54:00:00:{vlan:02x}:{number:02x}",
                 "ip": f"10.{vlan}.0.{number + 2}", "subnet_mask": "255.255.255.0"}
                for vlan in (0, 20, 30)
            ]  # fmt: skip
            ident = server.region.register_controller(hostname=name, interfaces=nics)
            server.region.controller_connected(ident, True)
        yield server


def networks(**dhcp):
    """A fabric with three VLANs, and their DHCP by ``v0``, ``v20`` and ``v30``."""
    vlans = {
        name: {"dhcp": dhcp[f"v{vid}"]} if f"v{vid}" in dhcp else None
        for name, vid in (("untagged", 0), ("20", 20), ("30", 30))
    }
    subnets = {
        f"10.{vid}.0.0/24": {
            "vlan": f"site/{vid}",
            "ranges": [{"type": "dynamic", "start": f"10.{vid}.0.100", "end": f"10.{vid}.0.150"}],
        }
        for vid in (0, 20, 30)
    }
    return {"fabrics": {"site": {"vlans": vlans}}, "subnets": subnets}


def vlan(region, vid):
    snapshot = snapshot_of(region)
    record = snapshot.records("dhcp")[f"site/{vid or 'untagged'}"]
    return {
        field.name: snapshot.tables["dhcp"].value(snapshot, field, record.raw)
        for field in snapshot.tables["dhcp"].fields
    }


def puts(region):
    return [entry for entry in region.requests.writes() if entry.method == "PUT"]


def told(region, data):
    """The problems that a plan for a pillar tells."""
    return planned(region, data)[1].problems()


def test_a_served_vlan_becomes_relayed_and_is_served_again(region):
    carried_out(region, networks(v0=SERVED, v20=SERVED))
    region.requests.reset()
    snapshot, plan = carried_out(region, networks(v0=SERVED, v20={"relay_vlan": "site/untagged"}))
    assert plan.shown()["dhcp"] == {
        "site/20": {"enabled": {"old": True, "new": False},
                    "relay_vlan": {"old": None, "new": "site/untagged"}}
    }  # fmt: skip
    assert len(puts(region)) == 2
    assert vlan(region, 20)["relay_vlan"] == "site/untagged"
    assert_true(region, snapshot)

    region.requests.reset()
    _, plan = carried_out(region, networks(v0=SERVED, v20=SERVED))
    assert plan.shown()["dhcp"]["site/20"] == {
        "enabled": {"old": False, "new": True}, "relay_vlan": {"old": "site/untagged", "new": None},
    }  # fmt: skip
    assert len(puts(region)) == 1
    assert vlan(region, 20)["relay_vlan"] is None


def test_relays_change_sides_in_one_run(region):
    carried_out(region, networks(v0=SERVED, v20={"relay_vlan": "site/untagged"}))
    carried_out(region, networks(v0={"relay_vlan": "site/20"}, v20=SERVED))
    assert vlan(region, 0)["relay_vlan"] == "site/20"


def test_a_relay_to_a_relayed_vlan_is_a_problem(region):
    carried_out(region, networks(v0=SERVED, v20={"relay_vlan": "site/untagged"}))
    desired = desired_named("dhcp", "site/30", {"relay_vlan": "site/20"})
    (line,) = make_plan(snapshot_of(region), [desired]).problems()
    assert line == (
        "DHCP site/30: relay_vlan site/20 is relayed itself, to site/untagged; name a VLAN that is "
        "not"
    )


@pytest.mark.parametrize("way", ["absent", "null"])
def test_both_racks_are_given_up_in_one_run(region, way):
    served = {**SERVED, "secondary_rack": "rack-b"}
    carried_out(region, networks(v0=served))
    if way == "null":
        none = {"enabled": False, "primary_rack": None, "secondary_rack": None}
        carried_out(region, networks(v0=none))
    else:
        snapshot = snapshot_of(region)
        plan = make_plan(snapshot, [desired_named("dhcp", "site/untagged", {}, absent=True)])
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
        assert_true(region, snapshot)
    assert vlan(region, 0) == {
        "vlan": "site/untagged", "enabled": False, "primary_rack": None, "secondary_rack": None,
        "relay_vlan": None,
    }  # fmt: skip


RACKS = [None, "rack-a", "rack-b", "rack-c"]
PAIRS = [(one, other) for one, other in itertools.product(RACKS, RACKS)
         if one and one != other]  # fmt: skip


def test_every_pair_of_racks_becomes_every_other(region):
    carried_out(region, networks(v0=SERVED))
    snapshot = snapshot_of(region)
    names = {row["system_id"]: row["hostname"] for row in region.region.rows("racks").values()}
    row = region.region.rows("vlans")[snapshot.records("vlan")["site/untagged"].raw["id"]]
    for primary, secondary in itertools.chain(*itertools.permutations(PAIRS, 2)):
        racks = {"primary_rack": primary, "secondary_rack": secondary or ""}
        plan = make_plan(
            snapshot, [desired_object("dhcp", {"vlan": "site/untagged", "enabled": True, **racks})]
        )
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
        now = names[row["primary_rack"]], names.get(row["secondary_rack"])
        assert (*now, row["dhcp_on"]) == (primary, secondary, True)
    assert_true(region, snapshot)


def test_steps_never_switch_dhcp_off():
    for one, other in itertools.product(PAIRS, PAIRS):
        old, goal = (
            {"enabled": True, "primary_rack": pair[0], "secondary_rack": pair[1]}
            for pair in (one, other)
        )
        sent = steps(old, goal)
        assert len(sent) <= 2
        assert not any("enabled" in values for values in sent)


def test_the_stand_by_takes_over(region):
    carried_out(region, networks(v0={**SERVED, "secondary_rack": "rack-b"}))
    region.requests.reset()
    swapped = {"enabled": True, "primary_rack": "rack-b", "secondary_rack": "rack-a"}
    _, plan = carried_out(region, networks(v0=swapped))
    assert set(plan.shown()["dhcp"]["site/untagged"]) == {
        "primary_rack", "secondary_rack",
    }  # fmt: skip
    assert len(puts(region)) == 2


def test_what_maas_does_to_the_stand_by_is_in_the_plan(region):
    carried_out(region, networks(v0={**SERVED, "secondary_rack": "rack-b"}))
    _, plan = carried_out(region, networks(v0={"enabled": True, "primary_rack": "rack-b"}))
    assert plan.shown()["dhcp"]["site/untagged"]["secondary_rack"] == {"old": "rack-b", "new": None}


def test_a_secondary_rack_alone_is_a_problem(region):
    carried_out(region, networks(v0={**SERVED, "secondary_rack": "rack-b"}))
    (line,) = told(region, networks(v0={"enabled": False, "primary_rack": None}))
    assert "secondary_rack rack-b needs a primary_rack" in line


def test_a_secondary_rack_beside_a_disconnected_one_is_a_problem(region):
    carried_out(region, networks(v0=SERVED))
    (ident,) = [row["system_id"] for row in region.region.rows("racks").values()
                if row["hostname"] == "rack-a"]  # fmt: skip
    region.region.controller_connected(ident, False)
    lines = told(region, networks(v0={**SERVED, "secondary_rack": "rack-b"}))
    if region.region.release < "2.5":
        assert lines == []
    else:
        assert "while the primary rack rack-a is not connected" in lines[0]


def test_a_rack_without_an_interface_on_the_vlan_is_a_problem(region):
    carried_out(region, {"fabrics": {"site": {"vlans": {40: None}}}, "subnets": {
        "10.40.0.0/24": {"vlan": "site/40", "ranges": [
            {"type": "dynamic", "start": "10.40.0.100", "end": "10.40.0.150"}]}}})  # fmt: skip
    region.requests.reset()
    desired = desired_object("dhcp", {"vlan": "site/40", **SERVED})
    (line,) = make_plan(snapshot_of(region), [desired]).problems()
    assert line == (
        "DHCP site/40: primary_rack rack-a has no interface on VLAN site/40, so it cannot serve "
        "DHCP there; it has: eth0 on site/untagged (10.0.0.2), eth20 on site/20 (10.20.0.2), eth30 "
        "on site/30 (10.30.0.2)"
    )
    assert region.requests.writes() == []


def test_dhcp_without_a_range_is_a_problem(region):
    carried_out(region, {"fabrics": {"site": {"vlans": {40: None}}},
                         "subnets": {"10.40.0.0/24": {"vlan": "site/40"}}})  # fmt: skip
    desired = desired_object("dhcp", {"vlan": "site/40", **SERVED})
    (line,) = make_plan(snapshot_of(region), [desired]).problems()
    assert "needs a dynamic range in a subnet on site/40, and there is none" in line
    assert "10.40.0.0/24" in line


# Subnets that are in use


def absent(region, cidr, *others, **values):
    snapshot = snapshot_of(region)
    desired_objects = [desired_named("subnet", cidr, values, absent=True), *others]
    return snapshot, make_plan(snapshot, desired_objects)


def test_a_subnet_with_dhcp_is_not_deleted_and_the_plan_says_what_to_do(region):
    carried_out(region, networks(v20=SERVED))
    region.requests.reset()
    (line,) = absent(region, "10.20.0.0/24", force=True)[1].problems()
    assert line == (
        "subnet 10.20.0.0/24: DHCP is served on its VLAN site/20 from its dynamic range "
        "10.20.0.100-10.20.0.150; remove that range (maas_ip_range.absent) or end DHCP there "
        "(maas_dhcp.absent) first"
    )
    assert region.requests.writes() == []


@pytest.mark.parametrize(
    "first", [("dhcp", "site/20"), ("ip_range", "10.20.0.100-10.20.0.150")], ids=["dhcp", "range"]
)
def test_a_subnet_goes_with_the_dhcp_or_the_range(region, first):
    carried_out(region, networks(v20=SERVED))
    snapshot, plan = absent(
        region, "10.20.0.0/24", desired_named(*first, {}, absent=True), force=True
    )
    assert plan.problems() == []
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert_true(region, snapshot)


def test_a_subnet_with_addresses_of_nodes_wants_force(region):
    snapshot, plan = absent(region, "10.20.0.0/24")
    if region.region.release < "3.7":
        assert plan.problems() == []
    else:
        (line,) = plan.problems()
        assert "rack-a has the address 10.20.0.2 in it" in line
        assert "force: true" in line
        snapshot, plan = absent(region, "10.20.0.0/24", force=True)
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert "10.20.0.0/24" not in snapshot_of(region).records("subnet")
