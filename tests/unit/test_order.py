"""What waits for what, who is told apart, and what an earlier state of a test run promises."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_named, desired_object, make_plan
from support.reconciling import SHORT, carried_out, errors, planned, rack, snapshot_of

pytestmark = pytest.mark.usefixtures("impatient")

SOURCE = "http://images.example.com/ephemeral-v3/stable/"


@pytest.fixture(scope="module")
def empty():
    with RegionServer(release="3.7") as server:
        yield server


def nets(count, fabric="dc1"):
    subnets = {
        f"10.0.{number}.0/24": {
            "vlan": f"{fabric}/{number + 1}",
            "ranges": [
                {"type": "reserved", "start": f"10.0.{number}.5", "end": f"10.0.{number}.9"}
            ],
        }
        for number in range(count)
    }
    vlans = {number + 1: None for number in range(count)}
    return {"fabrics": {fabric: {"vlans": vlans}}, "subnets": subnets}


def test_edges_grow_with_the_changes_and_not_with_their_square(region):
    carried_out(region, nets(20))
    snapshot = snapshot_of(region)
    gone = [
        *(desired_named("vlan", f"dc1/{number + 1}", {}, absent=True) for number in range(20)),
        *(desired_named("subnet", f"10.0.{number}.0/24", {}, absent=True) for number in range(20)),
        *(desired_named("ip_range", f"10.0.{n}.5-10.0.{n}.9", {}, absent=True) for n in range(20)),
        *(desired_named("space", f"s{number}", {}) for number in range(20)),
    ]
    plan = make_plan(snapshot, gone)
    edges = sum(len(change.requires) + len(change.after) for change in plan.changes)
    edges += sum(len(members) for members in plan.barriers.values())
    assert len(plan.changes) == 80
    assert edges < 6 * len(plan.changes)
    shown = plan.shown()
    apply(snapshot, plan)
    assert errors(plan) == {}
    assert plan.shown(True) == shown


def test_what_takes_up_the_place_goes_before_what_comes(region):
    data = nets(1)
    carried_out(region, data)
    snapshot = snapshot_of(region)
    span = {"subnet": "10.0.0.0/24", "type": "dynamic"}
    desired_objects = [
        desired_named("ip_range", "10.0.0.5-10.0.0.9", {}, absent=True),
        desired_object("ip_range", {"start_ip": "10.0.0.7", "end_ip": "10.0.0.20", **span}),
        desired_named("space", "dmz", {}),
    ]
    plan = make_plan(snapshot, desired_objects)
    shown = plan.shown()
    apply(snapshot, plan)
    assert errors(plan) == {}
    assert plan.shown(True) == shown
    assert not make_plan(snapshot_of(region), desired_objects)


def test_a_subnet_in_the_place_of_another(region):
    carried_out(region, nets(1))
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [
        desired_named("subnet", "10.0.0.0/24", {}, absent=True),
        desired_named("ip_range", "10.0.0.5-10.0.0.9", {}, absent=True),
        desired_named("subnet", "10.0.0.0/23", {"vlan": "dc1/1"}),
    ])  # fmt: skip
    assert not plan.problems()
    apply(snapshot, plan)
    assert errors(plan) == {}
    assert set(snapshot_of(region).records("subnet")) == {"10.0.0.0/23"}


def test_what_is_let_go_by_an_update_is_deleted_after_it(region):
    carried_out(region, nets(1))
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [
        desired_named("vlan", "dc1/1", {}, absent=True),
        desired_named("subnet", "10.0.0.0/24", {"vlan": "dc2/5"}),
        desired_named("fabric", "dc2", {}),
        desired_named("vlan", "dc2/5", {}),
    ])  # fmt: skip
    apply(snapshot, plan)
    assert errors(plan) == {}
    (subnet,) = snapshot_of(region).records("subnet").values()
    assert subnet.raw["vlan"]["fabric"] == "dc2"


def test_a_failed_create_holds_up_no_delete_that_has_nothing_to_do_with_it(region):
    carried_out(region, {"spaces": {"old": None}})
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [
        desired_named("space", "old", {}, absent=True), desired_named("fabric", "fabric-77", {}),
    ])  # fmt: skip
    apply(snapshot, plan)
    assert set(errors(plan)) == {"fabric fabric-77"}
    assert "old" not in snapshot_of(region).records("space")


def test_desired_objects_that_contradict_each_other_are_refused(empty):
    with pytest.raises(BadInput, match="here: space dmz is described at there, but removed here"):
        make_plan(snapshot_of(empty), [
            desired_object("space", {"name": "dmz"}, "there"),
            desired_object("space", {"name": "dmz"}, "here", absent=True),
        ])  # fmt: skip


def test_a_reference_to_what_is_removed_is_refused(empty):
    with pytest.raises(BadInput, match="here:vlan: VLAN 'f/5' is removed by there"):
        make_plan(snapshot_of(empty), [
            desired_object("vlan", {"fabric": "f", "vid": 5}, "there", absent=True),
            desired_object("subnet", {"cidr": "10.0.0.0/24", "vlan": "f/5"}, "here"),
        ])  # fmt: skip


def test_two_desired_objects_in_one_place_are_refused(empty):
    with pytest.raises(BadInput, match="there: this subnet conflicts with the one at here"):
        make_plan(snapshot_of(empty), [
            desired_object("subnet", {"cidr": "10.0.0.0/24"}, "here"),
            desired_object("subnet", {"cidr": "10.0.0.0/25"}, "there"),
        ])  # fmt: skip


def test_a_circular_dependency_is_refused(region):
    """The new subnet takes the old one's place, which goes only once nothing refers to it."""
    snippet = {"c": {"value": "option x 1;", "subnet": "10.0.0.0/24"}}
    carried_out(region, {**nets(1), "dhcp_snippets": snippet})
    region.requests.reset()
    with pytest.raises(BadInput) as told:
        make_plan(snapshot_of(region), [
            desired_object("subnet", {"cidr": "10.0.0.0/24"}, "old", absent=True),
            desired_object(
                "ip_range", {"start_ip": "10.0.0.5", "end_ip": "10.0.0.9"}, "span", absent=True
            ),
            desired_object("subnet", {"cidr": "10.0.0.0/23", "vlan": "dc1/1"}, "new"),
            desired_object("dhcp_snippet", {"name": "c", "subnet": "10.0.0.0/23"}, "snippet"),
        ])  # fmt: skip
    (line,) = told.value.problems
    assert line.startswith("new: circular dependency: ")
    for name in ("subnet 10.0.0.0/24", "subnet 10.0.0.0/23", "DHCP snippet c"):
        assert name in line
    assert region.requests.writes() == []


@pytest.mark.parametrize(
    ("type", "values", "field"),
    [
        ("fabric", {"name": "twin"}, ""),
        ("vlan", {"fabric": "twin", "vid": 5}, "fabric: "),
        ("subnet", {"cidr": "10.0.0.0/24", "vlan": "twin/untagged"}, "vlan: "),
    ],
)
def test_two_fabrics_of_one_name_hold_up_what_refers_to_them_alone(region, type, values, field):
    client = snapshot_of(region).client
    for name in ("twin", "other"):
        client.post("fabrics/", data={"name": name})
    (row,) = [row for row in region.region.rows("fabrics").values() if row["name"] == "other"]
    row["name"] = "twin"  # as old regions have them, which MAAS made itself
    region.requests.reset()
    desired = [desired_object(type, values, "here"), desired_object("zone", {"name": "north"})]
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, desired)
    (problem,) = plan.problems()
    assert f"{field}the region has 2 " in problem
    assert "twin" in problem
    apply(snapshot, plan)
    assert [change.name for change in plan.changes if change.done] == ["zone north"]
    assert [entry.path for entry in region.requests.writes()] == ["/MAAS/api/2.0/zones/"]


def test_the_order_of_images(region):
    data = {
        "settings": {"http_proxy": "http://proxy.example.com:3128", "kernel_opts": "quiet",
                     "default_distro_series": "jammy"},
        "boot_sources": {
            SOURCE: {"selections": [{"os": "ubuntu", "release": "jammy", "arches": ["amd64"]}]}
        },
    }  # fmt: skip
    carried_out(region, data)
    order = [entry.op or entry.path for entry in region.requests if entry.method == "POST"]
    names = [entry for entry in order if not entry.endswith("/users/")]
    source = next(n for n, one in enumerate(names) if one.endswith("/boot-sources/"))
    imports = [number for number, one in enumerate(names) if one == "import"]
    settings = [number for number, one in enumerate(names) if one == "set_config"]
    assert len(settings) == 3
    assert min(settings) < source < max(imports) < max(settings)


def state(snapshot, desired_objects, test=True):
    """One state of a run: what it shows."""
    plan = make_plan(snapshot, desired_objects)
    shown = plan.shown()
    if test:
        snapshot.predict(plan)
    else:
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
        assert plan.shown(True) == shown
    return shown


STATES = [
    [("fabric", "dc1", {})],
    [("vlan", "dc1/untagged", {"mtu": 1500})],
    [("vlan", "dc1/untagged", {"mtu": 9000})],
    [("vlan", "dc1/5", {"name": "five"})],
    [("vlan", "dc1/5", {"name": "five", "mtu": 1500})],
    [("subnet", "10.0.0.0/24", {"vlan": "dc1/5"})],
    [("subnet", "10.0.0.0/24", {"vlan": "dc1/5", "allow_dns": True, "gateway_ip": "10.0.0.1"})],
    [("ip_range", "10.0.0.100-10.0.0.150", {"type": "dynamic", "subnet": "10.0.0.0/24"})],
    [("ip_range", "10.0.0.100-10.0.0.150", {"type": "dynamic", "comment": "c"})],
    [("dhcp", "dc1/5", {"enabled": True, "primary_rack": "a"})],
    [("dhcp", "dc1/5", {"enabled": True, "primary_rack": "a"})],
    [("dhcp", "dc1/untagged", {"relay_vlan": "dc1/5", "enabled": False})],
    [("setting", "kernel_opts", {"value": "quiet"})],
    [("setting", "kernel_opts", {"value": "quiet"})],
    [("space", "dmz", {})],
    [("vlan", "dc1/5", {"space": "dmz"})],
    [("vlan", "dc1/5", {"space": "dmz"})],
    [("dhcp", "dc1/untagged", None)],
    [("space", "later", {})],
    [("space", "later", None)],
    [("space", "later", None)],
]  # fmt: skip


def test_states_of_a_test_run_build_upon_each_other(region):
    rack(region, "a", "10.0.0.2")

    def run(test):
        snapshot = snapshot_of(region)
        return [
            state(snapshot, [desired_named(type, name, values or {}, absent=values is None)
                             for type, name, values in desired_objects], test)
            for desired_objects in STATES
        ]  # fmt: skip

    expected = run(True)
    assert region.requests.writes() == []
    assert run(False) == expected
    assert expected[-1] == {}
    assert planned(region, {"fabrics": {"dc1": {"vlans": {5: {"name": "five"}}}}})[1].shown() == {}
