"""Fabrics and VLANs that have other names, other VIDs or lie elsewhere in the region."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_named, desired_object, make_plan, unmanaged
from support.reconciling import (
    SHORT,
    assert_true,
    carried_out,
    errors,
    planned,
    rack,
    snapshot_of,
)


@pytest.fixture(params=["1.9", "2.0", "2.3", "3.7"])
def any_release(request):
    with RegionServer(release=request.param) as server:
        yield server


def fabric(region, name, **vlan):
    """A fabric whose default VLAN is changed."""
    client = snapshot_of(region).client
    made = client.post("fabrics/", data={"name": name})
    if vlan:
        client.put(f"fabrics/{made['id']}/vlans/0/", data=vlan)
    return made["id"]


def vlans(region, *fabrics):
    """``{FABRIC/VID: id}`` of the region's VLANs."""
    records = snapshot_of(region).records("vlan")
    return {key: one.raw["id"] for key, one in records.items()
            if not fabrics or one.raw["fabric"] in fabrics}  # fmt: skip


# The oldest VLAN of a fabric


def test_the_oldest_vlan_is_the_default_one_whatever_its_vid(any_release):
    fabric(any_release, "home", vid=3)
    any_release.requests.reset()
    (line,) = planned(any_release, {"fabrics": {"home": {"vlans": {3: {"name": "lab"}}}}})[
        1
    ].problems()
    assert line == (
        "VLAN home/3: name 'lab' cannot be set: it is the oldest VLAN of fabric home, which MAAS "
        "calls 'untagged' whatever its VID; leave the name out"
    )
    carried_out(any_release, {"fabrics": {"home": {"vlans": {3: {"mtu": 9000}, 4: {"name": "x"}}}}})
    # It is never pruned, nor deleted when that is asked for.
    data = {"fabrics": {"home": None}, "exclusive": {"vlan": True}, "prune": {"fraction": 1}}
    plan = region_plan.plan_of(snapshot_of(any_release), data)
    assert set(plan.shown()["vlan"]) == {"home/4"}
    told = {one.key: one.protected_by for one in unmanaged(snapshot_of(any_release), [], ["vlan"])}
    oldest = (
        "it is the oldest VLAN of fabric home, which MAAS deletes together with the fabric only"
    )
    assert told["home/3"] == oldest
    gone = desired_named("vlan", "home/3", {}, absent=True)
    (line,) = make_plan(snapshot_of(any_release), [gone]).problems()
    assert oldest in line


def test_an_untagged_vlan_that_is_not_the_oldest(region):
    fabric(region, "home", vid=3)
    data = {"fabrics": {"home": {"vlans": {"untagged": {"mtu": 9000}}}},
            "subnets": {"10.0.0.0/24": {"vlan": "home/untagged"}}}  # fmt: skip
    carried_out(region, data)
    assert set(vlans(region, "home")) == {"home/untagged", "home/3"}
    # It is no part of the fabric's own, so it may go.
    left = {"fabrics": {"home": None}, "exclusive": {"vlan": True, "subnet": True}}
    left["prune"] = {"fraction": 1}
    snapshot = snapshot_of(region)
    plan = region_plan.plan_of(snapshot, left)
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert set(vlans(region, "home")) == {"home/3"}


def test_a_reference_to_an_untagged_vlan_that_is_not_there(region):
    fabric(region, "home", vid=3)
    data = {"fabrics": {"home": None}, "subnets": {"10.0.0.0/24": {"vlan": "home/untagged"}}}
    with pytest.raises(BadInput, match="'home/untagged' is no VLAN of the region or of the pillar"):
        planned(region, data)


def test_the_oldest_vlan_is_exported(any_release):
    fabric(any_release, "home", vid=3)
    snapshot_of(any_release).client.post("subnets/", data={"cidr": "10.0.0.0/24"})
    found = pillar.export(snapshot_of(any_release))
    assert found.described["fabrics"]["home"] == {"vlans": {3: None}}
    assert [line for line in found.notes if not line.startswith("images:")] == []
    # A new region may be made of it.
    with RegionServer(release=any_release.region.release.series) as other:
        carried_out(other, {"fabrics": found.described["fabrics"]})
        assert "home/3" in vlans(other)


# Renamed fabrics


def renamed(**hint):
    return {
        "fabrics": {"site": {**hint, "vlans": {20: {"mtu": 9000}}}},
        "subnets": {"10.20.0.0/24": {"vlan": "site/20"}, "10.0.0.0/24": {"vlan": "site/untagged"}},
    }


@pytest.fixture
def old(any_release):
    """A region with a fabric of another name, with what lies on it."""
    data = {
        "fabrics": {"lab": {"vlans": {20: {"mtu": 9000}}}},
        "subnets": {"10.20.0.0/24": {"vlan": "lab/20"}, "10.0.0.0/24": {"vlan": "lab/untagged"}},
    }
    carried_out(any_release, data)
    return any_release


@pytest.mark.parametrize("hint", ["old_name", "id", "with_subnet"])
def test_a_fabric_is_renamed_with_all_that_lies_on_it(old, hint):
    before = vlans(old, "lab")
    ident = snapshot_of(old).records("fabric")["lab"].raw["id"]
    value = {"old_name": "lab", "id": ident, "with_subnet": "10.20.0.0/24"}[hint]
    old.requests.reset()
    snapshot, plan = carried_out(old, renamed(**{hint: value}))
    assert plan.shown() == {"fabric": {"site": {"name": {"old": "lab", "new": "site"}}}}
    assert len(old.requests.writes()) == 1
    assert vlans(old, "site") == {
        key.replace("lab/", "site/"): ident for key, ident in before.items()
    }
    assert_true(old, snapshot)


def test_new_things_on_a_fabric_that_is_renamed(old):
    data = renamed(old_name="lab")
    data["fabrics"]["site"]["vlans"][30] = {"name": "storage"}
    data["subnets"]["10.30.0.0/24"] = {"vlan": "site/30"}
    data["subnets"]["10.20.0.0/24"]["gateway_ip"] = "10.20.0.1"
    snapshot, _ = carried_out(old, data)
    assert_true(old, snapshot)


def test_states_of_one_test_run_build_upon_a_new_name(old):
    snapshot = snapshot_of(old)
    for desired in (
        desired_named("fabric", "site", {"old_name": "lab"}),
        desired_named("vlan", "site/20", {"mtu": 1500}),
        desired_named("subnet", "10.20.0.0/24", {"vlan": "site/20"}),
    ):
        plan = make_plan(snapshot, [desired])
        assert plan.problems() == []
        assert bool(plan) == (desired.type != "subnet")
        snapshot.predict(plan)


def test_a_renamed_fabric_is_not_pruned(old):
    data = {**renamed(old_name="lab"), "prune": {"fraction": 1, "in_use": True}}
    data["exclusive"] = {"fabric": True, "vlan": ["site"], "subnet": True}
    plan = region_plan.plan_of(snapshot_of(old), data)
    assert set(plan.shown()) == {"fabric"}
    assert set(plan.shown()["fabric"]) == {"site"}


def test_the_fabric_that_maas_made_for_a_rack_gets_its_name(region):
    rack(region, "other", "10.9.0.2")
    rack(region, "a", "10.0.0.2")
    made = snapshot_of(region).records("subnet")["10.0.0.0/24"].raw["vlan"]["fabric"]
    span = {"type": "dynamic", "start": "10.0.0.100", "end": "10.0.0.150"}
    data = {
        "fabrics": {"site": {"with_subnet": "10.0.0.0/24", "vlans": {
            "untagged": {"dhcp": {"enabled": True, "primary_rack": "a"}}}}},
        "subnets": {"10.0.0.0/24": {"vlan": "site/untagged", "ranges": [span]}},
    }  # fmt: skip
    _, plan = carried_out(region, data)
    assert plan.shown()["fabric"] == {"site": {"name": {"old": made, "new": "site"}}}
    assert "subnet" not in plan.shown()


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ({"id": 4711}, "fabric site: id: the region has no fabric with the id 4711"),
        ({"old_name": "never"}, None),
        ({"with_subnet": "10.99.0.0/24"}, None),
    ],
)
def test_a_hint_that_leads_to_nothing(region, hint, expected):
    data = {"fabrics": {"site": hint}}
    if expected:
        assert planned(region, data)[1].problems() == [expected]
    else:
        carried_out(region, data)  # a new region is made from the same pillar


def test_hints_that_contradict_what_is_there(region):
    lab, _ = fabric(region, "lab"), fabric(region, "site")
    with pytest.raises(
        BadInput, match=f"site:id: the fabric .* has the id {lab + 1} and not {lab}"
    ):
        planned(region, {"fabrics": {"site": {"id": lab}}})
    data = {"fabrics": {"new": {"old_name": "lab"}, "lab": None}}
    with pytest.raises(BadInput, match="fabrics:new: fabric lab is described itself already"):
        planned(region, data)
    data = {"fabrics": {"new": {"old_name": "lab"}, "newer": {"id": lab}}}
    with pytest.raises(BadInput, match="newer: fabric lab is described itself already"):
        planned(region, data)


# VLANs that move


def elsewhere(**hint):
    return {"fabrics": {"site": {"vlans": {21: {**hint, "name": "storage"}}}},
            "subnets": {"10.20.0.0/24": {"vlan": "site/21"}}}  # fmt: skip


@pytest.mark.parametrize("hint", ["old_name", "id"])
def test_a_vlan_moves_with_its_subnets(old, hint):
    carried_out(old, {"fabrics": {"site": None}})
    ident = vlans(old)["lab/20"]
    data = elsewhere(**{hint: {"old_name": "lab/20", "id": ident}[hint]})
    if old.region.release < "2.3":
        (line,) = planned(old, data)[1].problems()
        assert "moves no VLAN to another fabric; 2.3 and later do" in line
        return
    # Older than the fabric's own, it would be called untagged.
    if ident < vlans(old)["site/untagged"]:
        (line,) = planned(old, data)[1].problems()
        assert "name 'storage' cannot be set: it is the oldest VLAN of fabric site" in line
        del data["fabrics"]["site"]["vlans"][21]["name"]
    old.requests.reset()
    snapshot, plan = carried_out(old, data)
    assert plan.shown()["vlan"]["site/21"]["fabric"] == {"old": "lab", "new": "site"}
    assert plan.shown()["vlan"]["site/21"]["vid"] == {"old": 20, "new": 21}
    assert "subnet" not in plan.shown()
    assert len(old.requests.writes()) == 1
    assert vlans(old)["site/21"] == ident
    assert_true(old, snapshot)


def test_a_vlan_gets_another_vid(old):
    ident = vlans(old)["lab/20"]
    data = {"fabrics": {"lab": {"vlans": {21: {"old_name": "lab/20"}}}},
            "subnets": {"10.20.0.0/24": {"vlan": "lab/21"}}}  # fmt: skip
    snapshot, plan = carried_out(old, data)
    assert plan.shown() == {"vlan": {"lab/21": {"vid": {"old": 20, "new": 21}}}}
    assert vlans(old)["lab/21"] == ident
    assert_true(old, snapshot)


def test_a_vlan_that_serves_moves_from_a_fabric_that_is_renamed(region):
    rack(region, "a", "10.20.0.2")
    made = snapshot_of(region).records("subnet")["10.20.0.0/24"].raw["vlan"]["fabric"]
    served = {"enabled": True, "primary_rack": "a"}
    span = {"type": "dynamic", "start": "10.20.0.100", "end": "10.20.0.150"}
    subnets = {"10.20.0.0/24": {"vlan": f"{made}/untagged", "ranges": [span]}}
    carried_out(region, {
        "fabrics": {made: {"vlans": {"untagged": {"dhcp": served}, 7: None}}}, "subnets": subnets,
    })  # fmt: skip
    subnets["10.20.0.0/24"]["vlan"] = "rows/20"
    snapshot, plan = carried_out(region, {
        "fabrics": {
            "racks": {"old_name": made},
            "rows": {"vlans": {20: {"old_name": f"{made}/untagged", "dhcp": served}}},
        },
        "subnets": subnets,
    })  # fmt: skip
    assert set(plan.shown()) == {"fabric", "vlan"}
    assert snapshot_of(region).records("dhcp")["rows/20"].raw["dhcp_on"]
    assert set(vlans(region, "racks")) == {"racks/7"}
    assert_true(region, snapshot)


def test_the_only_vlan_of_a_described_fabric_stays(region):
    carried_out(region, {"fabrics": {"lab": None, "site": None}})
    data = {"fabrics": {"lab": None, "site": {"vlans": {5: {"old_name": "lab/untagged"}}}}}
    (line,) = planned(region, data)[1].problems()
    assert "it is the only VLAN of fabric lab, which MAAS removes without one" in line
    del data["fabrics"]["lab"]
    snapshot, _ = carried_out(region, data)
    assert "lab" not in snapshot.records("fabric")
    assert_true(region, snapshot)


def test_a_vlan_that_is_described_itself_does_not_move(region):
    carried_out(region, {"fabrics": {"lab": {"vlans": {5: None}}, "site": None}})
    data = {"fabrics": {"lab": {"vlans": {5: None}}, "site": {"vlans": {5: {"old_name": "lab/5"}}}}}
    with pytest.raises(BadInput, match="site:vlans:5: VLAN lab/5 is described itself already"):
        planned(region, data)


def test_an_id_that_no_vlan_has(region):
    carried_out(region, {"fabrics": {"site": None}})
    desired = desired_object("vlan", {"fabric": "site", "vid": 5, "id": 4711})
    (line,) = make_plan(snapshot_of(region), [desired]).problems()
    assert line == "VLAN site/5: id: the region has no VLAN with the id 4711"


# What MAAS deletes no object for


def gone(region, type, name):
    snapshot = snapshot_of(region)
    return snapshot, make_plan(snapshot, [desired_named(type, name, {}, absent=True)])


@pytest.mark.parametrize("release", ["1.9", "2.0"])
def test_a_space_with_subnets_is_reported(release):
    with RegionServer(release=release) as server:
        data = {"spaces": {"dmz": None}, "subnets": {"10.0.0.0/24": {"space": "dmz"}}}
        carried_out(server, data)
        (line,) = gone(server, "space", "dmz")[1].problems()
        assert line == "space dmz: subnet 10.0.0.0/24 is still in it"
        data = {"subnets": {"10.0.0.0/24": {"space": "space-0"}}}
        snapshot = snapshot_of(server)
        desired_objects = [*pillar.desired_objects(data, snapshot.release),
                  desired_named("space", "dmz", {}, absent=True)]  # fmt: skip
        plan = make_plan(snapshot, desired_objects)
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}


def test_a_fabric_and_a_domain_with_nodes_are_reported(region):
    rack(region, "other", "10.9.0.2")
    rack(region, "a", "10.0.0.2")
    made = snapshot_of(region).records("subnet")["10.0.0.0/24"].raw["vlan"]["fabric"]
    carried_out(region, {"domains": {"x.com": None, "y.com": None}, "racks": {"a": {
        "domain": "x.com"}}})  # fmt: skip
    desired_objects = [desired_named("fabric", made, {}, absent=True),
              desired_named("subnet", "10.0.0.0/24", {"force": True}, absent=True)]  # fmt: skip
    lines = make_plan(snapshot_of(region), desired_objects).problems()
    assert lines == [
        f"fabric {made}: a has an interface there, and MAAS deletes no fabric that nodes are "
        "connected to"
    ]
    (line,) = gone(region, "domain", "x.com")[1].problems()
    assert line == "domain x.com: a belongs to it; give that node another domain first"
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [desired_named("rack", "a", {"domain": "y.com"}),
                                desired_named("domain", "x.com", {}, absent=True)])  # fmt: skip
    assert plan.problems() == []
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
