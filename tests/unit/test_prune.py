"""What nobody describes: reported, and removed only where that is desired and safe."""

from __future__ import annotations

import re

import pytest
from saltext.maas import pillar, region_plan
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_object, unmanaged
from saltext.maas.reconcile.run import Run
from support.reconciling import SHORT, carried_out, errors, rack, snapshot_of

SOURCE = "http://images.example.com/ephemeral-v3/stable/"
KEY = SOURCE.rstrip("/")


def here():
    return {
        "spaces": {"dmz": None, "old": None},
        "fabrics": {"dc1": {"vlans": {5: None, 6: None}}, "dc2": {"vlans": {5: None}}},
        "subnets": {
            "10.0.0.0/24": {
                "vlan": "dc1/5",
                "ranges": [{"type": "reserved", "start": "10.0.0.5", "end": "10.0.0.9"}],
            },
            "10.1.0.0/24": {"vlan": "dc1/6"},
        },
        "boot_sources": {
            SOURCE: {
                "selections": [
                    {"os": "ubuntu", "release": "jammy"}, {"os": "ubuntu", "release": "noble"},
                ]
            }
        },
        "images": {"import": False},
    }  # fmt: skip


def pruned(region, data):
    """Plan and apply: what is planned happens, and then nothing is left."""
    snapshot = snapshot_of(region)
    plan = region_plan.plan_of(snapshot, data)
    shown = plan.shown()
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert plan.shown(True) == shown
    left = region_plan.plan_of(snapshot_of(region), data)
    assert left.shown() == {}
    return shown


def refused(region, data):
    region.requests.reset()
    with pytest.raises(BadInput) as told:
        region_plan.plan_of(snapshot_of(region), data)
    assert region.requests.writes() == []
    return told.value.problems


def test_only_what_is_claimed_goes(region):
    carried_out(region, here())
    data = here()
    del data["fabrics"]["dc1"]["vlans"][6], data["subnets"]["10.1.0.0/24"]
    del data["fabrics"]["dc2"]["vlans"][5], data["spaces"]["old"]
    data["exclusive"] = {"vlan": ["dc1"], "subnet": True}
    assert pruned(region, data) == {
        "subnet": {"10.1.0.0/24": {"old": {"cidr": "10.1.0.0/24"}, "new": None}},
        "vlan": {"dc1/6": {"old": {"fabric": "dc1", "vid": 6}, "new": None}},
    }
    assert "dc2/5" in snapshot_of(region).records("vlan")
    data["exclusive"] = {"vlan": True, "space": True}
    assert set(pruned(region, data)) == {"vlan", "space"}


def test_what_maas_needs_stays(region):
    carried_out(region, {"subnets": {"10.9.0.0/24": None}})
    carried_out(region, here())
    data = {"exclusive": {"fabric": True, "vlan": True, "space": True, "subnet": True,
                          "ip_range": True, "user": True, "boot_source": True},
            "prune": {"fraction": 1}}  # fmt: skip
    pruned(region, data)
    snapshot = snapshot_of(region)
    assert list(snapshot.records("fabric")) == ["fabric-0"]
    assert list(snapshot.records("vlan")) == ["fabric-0/untagged"]
    assert "admin" in snapshot.records("user")
    assert not snapshot.records("boot_source")


def test_the_selection_that_machines_are_commissioned_with_stays(region):
    carried_out(region, here())
    series = snapshot_of(region).records("setting", "commissioning_distro_series")
    series = series["commissioning_distro_series"].raw["value"]
    data = {**here(), "exclusive": {"boot_selection": [SOURCE]}}
    data["boot_sources"] = {SOURCE: None}
    gone = pruned(region, data)["boot_selection"]
    assert set(gone) == {f"{KEY} ubuntu/{one}" for one in {"jammy", "noble"} - {series}}


@pytest.mark.parametrize(
    ("guard", "expected"),
    [
        ({"most": 1}, "2 spaces are not described and would be removed, more than the 1 allowed"),
        ({"most": 2}, None),
    ],
)
def test_a_number_too_large(region, guard, expected):
    carried_out(region, here())
    data = {"exclusive": {"space": True}, "prune": guard}
    if expected:
        (line,) = refused(region, data)
        assert line.startswith(f"maas:exclusive:space: {expected}; check the plan")
    else:
        pruned(region, data)


def test_a_part_too_large(region):
    carried_out(region, {"spaces": {f"s{number}": None for number in range(10)}})
    data = {"spaces": {f"s{number}": None for number in range(5)}, "exclusive": {"space": True}}
    (line,) = refused(region, data)
    assert "5 of 10 spaces are not described" in line
    assert line.endswith("prune: fraction: 0.50")
    data["prune"] = {"fraction": 0.5}
    assert len(pruned(region, data)["space"]) == 5


def serving():
    data = {key: here()[key] for key in ("fabrics", "subnets")}
    data["subnets"]["10.0.0.0/24"]["ranges"] = [
        {"type": "dynamic", "start": "10.0.0.100", "end": "10.0.0.150"}
    ]
    data["fabrics"]["dc1"]["vlans"][5] = {"dhcp": {"enabled": True, "primary_rack": "a"}}
    return data


@pytest.mark.parametrize(
    ("type", "reason"),
    [
        ("vlan", "VLAN dc1/5 is not described and would be removed, but DHCP is served there"),
        ("subnet", "subnet 10.0.0.0/24 is not described .* DHCP is served on its VLAN"),
        ("ip_range", "IP range 10.0.0.100-10.0.0.150 .* DHCP hands out its addresses"),
        ("fabric", "fabric dc1 .* DHCP is served on its VLAN 5"),
        ("dhcp", "DHCP dc1/5 .* DHCP is served there"),
    ],
)
def test_what_serves_dhcp_is_guarded(region, type, reason):
    rack(region, "a", "10.0.0.2")
    carried_out(region, serving())
    problems = refused(region, {"exclusive": {type: True}})
    assert any(re.search(reason, line) for line in problems), problems


def test_what_holds_a_node_or_is_referred_to_is_guarded(region):
    rack(region, "a", "10.0.0.2")
    carried_out(region, here())
    problems = refused(region, {**here(), "subnets": {}, "exclusive": {"subnet": True}})
    assert any("but a has an interface there" in line for line in problems)
    data = here()
    data["fabrics"]["dc1"]["vlans"], data["subnets"] = {5: None}, {}
    data["exclusive"] = {"vlan": True}
    (line,) = refused(region, data)
    assert "VLAN dc1/6 is not described and would be removed, but subnet 10.1.0.0/24" in line
    data["prune"] = {"in_use": True}
    assert set(pruned(region, data)["vlan"]) == {"dc1/6"}


def test_what_another_client_puts_to_use_after_the_plan_stays(region, monkeypatch):
    monkeypatch.setattr(Run, "trust_seconds", 0.0)
    claimed = {
        "fabrics": {"dc1": {"vlans": {5: None}}}, "exclusive": {"zone": True, "tag": True,
        "subnet": True}, "prune": {"fraction": 1},
    }  # fmt: skip
    subnets = {"10.0.0.0/24": {"vlan": "dc1/5"}, "10.1.0.0/24": {"vlan": "dc1/5"}}
    carried_out(region, {
        "zones": {"north": None, "south": None}, "tags": {"new": None, "old": None},
        "fabrics": claimed["fabrics"], "subnets": subnets,
    })  # fmt: skip
    snapshot = snapshot_of(region)
    plan = region_plan.plan_of(snapshot, claimed)
    client = snapshot_of(region).client
    values = {"hostname": "printer", "mac_addresses": "52:54:00:00:00:77"}
    ident = client.post("devices/", data=values)["system_id"]
    client.put(f"devices/{ident}/", data={"zone": "south"})
    client.post("tags/old/", op="update_nodes", data={"add": ident})
    client.post(
        "dhcp-snippets/", data={"name": "lease", "value": "max 9;", "subnet": "10.0.0.0/24"}
    )
    apply(snapshot, plan, SHORT)
    told = {
        "zone south": "printer belongs to it", "tag old": "printer has it",
        "subnet 10.0.0.0/24": "DHCP snippet lease refers to it",
    }  # fmt: skip
    assert errors(plan) == {
        name: f"another client put it to use after the plan was made: {why}; describe it, or allow "
        "this with prune: in_use: true"
        for name, why in told.items()
    }
    there = snapshot_of(region)
    assert set(there.records("zone")) == {"default", "south"}
    assert set(there.records("tag")) == {"old"}
    assert set(there.records("subnet")) == {"10.0.0.0/24"}


def test_a_described_object_in_what_would_go(region):
    carried_out(region, here())
    data = here()
    del data["fabrics"]["dc1"]["vlans"][6]
    data["exclusive"] = {"vlan": True}
    data["prune"] = {"in_use": True}
    (line,) = refused(region, data)
    assert line == ("maas:subnets:10.1.0.0/24:vlan: VLAN 'dc1/6' is removed by maas:exclusive:vlan")


@pytest.mark.parametrize(
    ("exclusive", "expected"),
    [
        ({"setting": True}, "maas:exclusive:setting: unknown key"),
        ({"vlan": "dc1"}, "maas:exclusive:vlan: 'dc1' must be true, false or a list"),
        ({"space": ["x"]}, "maas:exclusive:space: ['x'] must be true or false"),
    ],
)
def test_what_cannot_be_claimed(exclusive, expected):
    (line,) = pillar.problems({"exclusive": exclusive})
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ({"vlan": ["dc9"]}, "maas:exclusive:vlan: 'dc9' is no fabric of the region or of the"),
        ({"dhcp": ["dc9"]}, "maas:exclusive:dhcp: 'dc9' is no fabric of the region or of the"),
        ({"subnet": ["dc1/7"]}, "maas:exclusive:subnet: 'dc1/7' is no VLAN of the region or"),
        ({"subnet": ["dc1"]}, "maas:exclusive:subnet: 'dc1' must be FABRIC/VID"),
        ({"boot_selection": ["http://x"]}, "maas:exclusive:boot_selection: 'http://x' is no boot"),
    ],
)
def test_a_scope_that_is_not_there(region, claim, expected):
    carried_out(region, {"fabrics": {"dc1": None}})
    (line,) = refused(region, {"exclusive": claim})
    assert line.startswith(expected)


def test_a_scope_may_be_spelled_as_in_the_pillar(region):
    subnets = {"10.0.0.0/24": {"vlan": "dc1/untagged"}, "10.1.0.0/24": {"vlan": "dc2/untagged"}}
    carried_out(region, {"fabrics": {"dc1": None, "dc2": None}, "subnets": subnets})
    gone = pruned(region, {"exclusive": {"subnet": ["dc1/untagged"]}})
    assert set(gone["subnet"]) == {"10.0.0.0/24"}


@pytest.mark.parametrize(
    ("exclusive", "guard", "expected"),
    [
        (["space"], None, "exclusive: ['space'] must be a mapping"),
        ({"colour": True}, None, "maas:exclusive:colour: unknown key"),
        ({"space": True}, {"most": "many"}, "maas:prune:most: 'many' must be a whole number"),
        ({"space": True}, {"limit": 1}, "maas:prune:limit: unknown key; allowed: fraction, in_use"),
    ],
)
def test_arguments_are_checked_as_the_pillar_is(region, exclusive, guard, expected):
    with pytest.raises(BadInput) as told:
        region_plan.plan_of(snapshot_of(region), {}, exclusive, guard)
    assert told.value.problems[0].startswith(expected)


def test_arguments_add_to_the_pillar(region):
    carried_out(region, here())
    described = {"exclusive": {"space": True}, "prune": {"most": 1}}
    plan = region_plan.plan_of(snapshot_of(region), described, {"subnet": True}, {"most": 5})
    assert {"space", "subnet"} <= set(plan.shown())


@pytest.mark.parametrize(
    ("types", "told"),
    [
        ("users", "types: 'users' is no resource type; did you mean user"),
        (["subnet", "vlans"], "types: 'vlans' is no resource type; did you mean vlan"),
        ("xyzzy", "types: 'xyzzy' is no resource type; allowed: "),
        ("network", "types: MAAS 3.7.3 has no networks"),
    ],
)
def test_an_unknown_type_is_refused(region, types, told):
    with pytest.raises(BadInput) as found:
        region_plan.unmanaged_of(snapshot_of(region), {}, types)
    assert found.value.problems[0].startswith(told)


def test_the_report_removes_nothing(region):
    rack(region, "a", "10.0.0.2")
    carried_out(region, here())
    region.requests.reset()
    snapshot = snapshot_of(region)
    found = unmanaged(snapshot, region_plan.desired_objects_of(snapshot, {"spaces": {"dmz": None}}))
    assert region.requests.writes() == []
    told = {(one.type, one.key): one.protected_by or one.in_use_by for one in found}
    assert told["space", "old"] is None
    assert ("space", "dmz") not in told
    assert ("fabric", "fabric-0") not in told
    assert told["subnet", "10.0.0.0/24"] == "a has an interface there"
    assert "administrator" in told["user", "admin"]


@pytest.mark.parametrize(
    "ident", ["deprecation_MD6_admins", "deprecation_MD7_users", "Image importer", "clusters"]
)
def test_notices_of_maas_itself_are_left_alone(region, ident):
    client = snapshot_of(region).client
    for one in (ident, "window"):
        client.post("notifications/", data={"ident": one, "message": "m", "admins": "true"})
    shown = pruned(region, {"exclusive": {"notification": True}})
    assert set(shown["notification"]) == {"window"}
    assert region_plan.unmanaged_of(snapshot_of(region), {}, ["notification"]) == {}
    assert "notifications" not in pillar.export(snapshot_of(region)).described


def test_tags_that_maas_adds_itself_are_never_removed(region):
    carried_out(region, {"tags": {"virtual": {}, "web": {}, "old": {}}})
    gone = pruned(region, {"tags": {"web": {}}, "exclusive": {"tag": True}})
    assert gone["tag"].keys() == {"old"}
    carried_out(region, [desired_object("tag", {"name": "virtual"}, "here", absent=True)])
