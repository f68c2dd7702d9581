"""Plan and apply against a region with API 2.0."""

from __future__ import annotations

import threading

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import Limits, Snapshot, apply, desired_named, desired_object, make_plan
from saltext.maas.release import Release
from support.misbehaving import Proxy
from support.reconciling import (
    SHORT,
    assert_true,
    carried_out,
    errors,
    planned,
    rack,
    snapshot_of,
)

pytestmark = pytest.mark.usefixtures("impatient")

SOURCE = "http://images.example.com/ephemeral-v3/stable/"
KEY = SOURCE.rstrip("/")


@pytest.fixture
def region():
    options = {"import_seconds": 0.1, "index_seconds": 0.05, "sync_seconds": 0.05}
    with RegionServer(release="3.7", **options) as server:
        yield server


def whole():
    return {
        "settings": {"upstream_dns": ["192.0.2.53", "192.0.2.54"], "enable_http_proxy": False},
        "users": {"ops": {"email": "ops@example.com", "password": "hunter2"}},
        "spaces": {"dmz": {"description": "outside"}},
        "fabrics": {
            "dc1": {
                "vlans": {
                    0: {
                        "space": "dmz",
                        "dhcp": {"enabled": True, "primary_rack": "a", "secondary_rack": "b"},
                    },
                    100: {"name": "storage", "mtu": 9000, "dhcp": {"relay_vlan": "dc1/untagged"}},
                }
            },
            "dc2": None,
        },
        "subnets": {
            "10.10.0.0/24": {
                "vlan": "dc1/untagged",
                "gateway_ip": "10.10.0.1",
                "dns_servers": ["10.10.0.3", "10.10.0.2"],
                "ranges": [
                    {"type": "dynamic", "start": "10.10.0.100", "end": "10.10.0.150"},
                    {"type": "reserved", "start": "10.10.0.5", "end": "10.10.0.9", "comment": "c"},
                ],
            },
            "10.20.0.0/24": {"name": "storage", "vlan": "dc1/100", "rdns_mode": "disabled"},
        },
        "racks": {"a.example.com": None, "b": {"description": "stands by"}},
        "boot_sources": {
            SOURCE: {"selections": [{"os": "ubuntu", "release": "jammy", "arches": ["amd64"]}]}
        },
    }


def racks(server):
    rack(server, "a", "10.10.0.2")
    rack(server, "b", "10.10.0.3")


def place(server, method, path):
    """When a request was answered, as its number in the log."""
    return [
        number
        for number, entry in enumerate(server.region.log)
        if entry.method == method and path in entry.path and entry.status < 300
    ]


def test_all_at_once_and_nothing_the_second_time(region):
    racks(region)
    snapshot, _ = carried_out(region, whole())
    assert_true(region, snapshot)

    region.requests.reset()
    planned(region, whole())
    assert region.requests.writes() == []
    paths = [(entry.path, entry.op, entry.method) for entry in region.requests]
    per_name = [path for path in paths if path[1] == "get_config"]
    assert len(paths) - len(per_name) == len(set(paths) - set(per_name))
    assert len(per_name) == 2


def test_changes_are_one_write_each(region):
    racks(region)
    carried_out(region, whole())
    data = whole()
    data["subnets"]["10.20.0.0/24"].update(name="lake", gateway_ip="10.20.0.1")
    data["fabrics"]["dc1"]["vlans"][100]["mtu"] = 1500
    data["settings"]["enable_http_proxy"] = True
    region.requests.reset()
    snapshot, plan = carried_out(region, data)
    assert len(plan.changes) == 3
    assert len(region.requests.writes()) == 3
    assert_true(region, snapshot)
    shown = plan.shown()
    assert shown["vlan"] == {"dc1/100": {"mtu": {"old": 9000, "new": 1500}}}
    assert set(shown["subnet"]["10.20.0.0/24"]) == {"name", "gateway_ip"}


def test_null_clears_and_what_is_not_named_is_left_alone(region):
    racks(region)
    carried_out(region, whole())
    data = {"subnets": {"10.10.0.0/24": {"gateway_ip": None, "dns_servers": []}}}
    snapshot, plan = carried_out(region, data)
    (change,) = plan.changes
    assert change.new == {"gateway_ip": None, "dns_servers": None} or not any(change.new.values())
    raw = snapshot_of(region).records("subnet")["10.10.0.0/24"].raw
    assert not raw["gateway_ip"]
    assert raw["dns_servers"] == []
    assert raw["vlan"]["fabric"] == "dc1"
    assert_true(region, snapshot)


def test_dhcp_comes_after_ranges_and_racks(region):
    racks(region)
    carried_out(region, whole())
    (vlan,) = [
        record.raw
        for key, record in snapshot_of(region).records("dhcp").items()
        if key == "dc1/untagged"
    ]
    assert vlan["dhcp_on"]
    put = max(place(region, "PUT", f"/vlans/{vlan['vid']}/") or place(region, "PUT", "/vlans/"))
    assert max(place(region, "POST", "ipranges/")) < put
    assert max(place(region, "POST", "subnets/")) < put


def test_a_rack_is_awaited(region):
    rack(region, "b", "10.10.0.3")
    later = threading.Timer(0.5, lambda: rack(region, "a", "10.10.0.2"))
    later.start()
    data = {key: whole()[key] for key in ("spaces", "fabrics", "subnets", "racks")}
    snapshot, _ = carried_out(region, data)
    later.join()
    assert_true(region, snapshot)


def test_a_rack_that_never_comes_fails_what_needs_it_and_no_more(region):
    rack(region, "b", "10.10.0.3")
    data = {key: whole()[key] for key in ("spaces", "fabrics", "subnets", "racks")}
    snapshot, plan = planned(region, data)
    apply(snapshot, plan, Limits(enrol_seconds=0.5))
    failed = errors(plan)
    assert set(failed) == {"rack controller a", "DHCP dc1/untagged"}
    assert failed["rack controller a"] == (
        "timed out after 0.5 s waiting for rack controller a to register"
    )
    assert failed["DHCP dc1/untagged"] == "skipped: dependency failed: rack controller a"
    assert snapshot_of(region).records("dhcp")["dc1/100"].raw["relay_vlan"]
    assert set(plan.shown(True)["dhcp"]) == {"dc1/100"}
    assert_true(region, snapshot)


def test_the_catalogue_is_awaited_and_images_imported_once(region):
    region.region.options.index_seconds = 0.6
    data = {"boot_sources": whole()["boot_sources"]}
    carried_out(region, data)
    imports = [entry for entry in region.requests if entry.op == "import"]
    assert 1 <= len(imports) <= 2
    region.requests.reset()
    carried_out(region, data)
    assert region.requests.writes() == []


def test_an_image_more_is_imported_and_one_that_is_there_is_not(region):
    data = {"boot_sources": whole()["boot_sources"]}
    carried_out(region, data)
    data["boot_sources"][SOURCE]["selections"][0]["arches"] = ["amd64", "arm64"]
    _, plan = carried_out(region, data)
    assert set(plan.shown()) == {"boot_selection", "image"}
    assert set(plan.shown()["image"]) == {"ubuntu/jammy/arm64"}


def test_import_can_be_left_out(region):
    data = {"boot_sources": whole()["boot_sources"], "images": {"import": False}}
    _, plan = carried_out(region, data)
    assert set(plan.shown()) == {"boot_source", "boot_selection"}


def test_a_catalogue_that_does_not_hold_it(region):
    data = {"boot_sources": {SOURCE: {"selections": [{"os": "ubuntu", "release": "nope"}]}}}
    snapshot, plan = planned(region, data)
    apply(snapshot, plan, Limits(catalogue_seconds=0.5))
    failed = errors(plan)
    assert "timed out after" in failed[f"boot source selection {KEY} ubuntu/nope"]
    assert failed["boot image ubuntu/nope/*"].startswith("skipped: dependency failed")


@pytest.mark.parametrize(
    ("path", "data", "type", "key", "others"),
    [
        ("fabrics/", {"name": "dc1"}, "fabric", "dc1", {"class_type": "10g"}),
        ("spaces/", {"name": "dmz"}, "space", "dmz", {}),
        ("fabrics/{f}/vlans/", {"vid": 7, "name": "x"}, "vlan", "f/7", {"mtu": 9000}),
        ("subnets/", {"cidr": "10.0.0.0/24", "name": "x"}, "subnet", "10.0.0.0/24", {"name": "y"}),
        ("boot-sources/", {"url": KEY, "keyring_filename": "/k"}, "boot_source", KEY, {}),
        ("users/", {"username": "u", "email": "u@x", "password": "x", "is_superuser": "0"},
         "user", "u", {"email": "u@x", "password": "x"}),
    ],
)  # fmt: skip
def test_what_came_into_being_meanwhile_is_taken_over(region, path, data, type, key, others):
    fabric = snapshot_of(region).client.post("fabrics/", data={"name": "f"})
    snapshot = snapshot_of(region)
    table = snapshot.tables[type]
    identity = {"vlan": {"fabric": "f", "vid": 7}}.get(type, {table.identity[0]: key})
    desired = desired_object(type, {**identity, **others})
    plan = make_plan(snapshot, [desired])
    assert [change.action for change in plan.changes] == ["create"]
    snapshot_of(region).client.post(path.format(f=fabric["id"]), data=data)

    apply(snapshot, plan, SHORT)

    assert errors(plan) == {}
    fresh = snapshot_of(region)
    assert key in fresh.records(type)
    assert not make_plan(fresh, [desired])
    assert_true(region, snapshot)


def test_a_range_that_came_into_being_meanwhile(region):
    data = {"subnets": {"10.0.0.0/24": None}}
    carried_out(region, data)
    span = {"type": "reserved", "start": "10.0.0.5", "end": "10.0.0.9", "comment": "mine"}
    data["subnets"]["10.0.0.0/24"] = {"ranges": [span]}
    snapshot, plan = planned(region, data)
    other = {"type": "reserved", "start_ip": "10.0.0.5", "end_ip": "10.0.0.9"}
    snapshot_of(region).client.post("ipranges/", data=other)
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert planned(region, data)[1].shown() == {}


def test_a_duplicate_of_something_else_is_an_error(region):
    carried_out(region, {"subnets": {"10.0.0.0/24": None}})
    snapshot, plan = planned(region, {"subnets": {"10.0.0.0/25": None, "10.9.0.0/24": None}})
    apply(snapshot, plan, SHORT)
    failed = errors(plan)
    assert set(failed) == {"subnet 10.0.0.0/25"}
    assert "conflicts with existing subnet 10.0.0.0/24;" in failed["subnet 10.0.0.0/25"]


@pytest.mark.parametrize(
    "path", ["fabrics/", "spaces/", "/vlans/", "subnets/", "ipranges/", "users/", "boot-sources/",
             "selections/"],
)  # fmt: skip
def test_a_create_whose_answer_is_lost_makes_one_object(region, path):
    data = whole()
    del data["racks"], data["fabrics"]["dc1"]["vlans"][0]["dhcp"]

    def lose(method, target):
        return method == "POST" and target.endswith(path) and not proxy.lost

    with Proxy(region, lose) as proxy:
        snapshot, plan = planned(region, data, url=proxy.url)
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
        assert len(proxy.lost) == 1
    assert planned(region, data)[1].shown() == {}
    assert_true(region, snapshot)
    assert len(snapshot_of(region).raw("boot_source")) == 1
    assert len(snapshot_of(region).raw("ip_range")) == 2


def test_a_delete_whose_answer_is_lost(region):
    carried_out(region, {"spaces": {"dmz": None}})
    with Proxy(region, lambda method, target: method == "DELETE" and not proxy.lost) as proxy:
        snapshot = snapshot_of(region, proxy.url)
        plan = make_plan(snapshot, [desired_named("space", "dmz", {}, absent=True)])
        apply(snapshot, plan)
        assert errors(plan) == {}
        assert proxy.lost
    assert "dmz" not in snapshot_of(region).records("space")


def test_a_failed_change_fails_what_needs_it_and_no_sibling(region):
    data = {
        "fabrics": {"fabric-77": {"vlans": {5: None}}, "dc1": {"vlans": {5: None}}},
        "subnets": {
            "10.0.0.0/24": {
                "vlan": "fabric-77/5",
                "ranges": [{"type": "reserved", "start": "10.0.0.5", "end": "10.0.0.9"}],
            },
            "10.1.0.0/24": {"vlan": "dc1/5"},
        },
    }
    snapshot, plan = planned(region, data)
    shown = plan.shown()
    apply(snapshot, plan, SHORT)
    failed = errors(plan)
    assert set(failed) == {
        "fabric fabric-77", "VLAN fabric-77/5", "subnet 10.0.0.0/24",
        "IP range 10.0.0.5-10.0.0.9",
    }  # fmt: skip
    assert "'fabric-77'" in failed["fabric fabric-77"]
    needed = "skipped: dependency cannot be applied: "
    assert failed["VLAN fabric-77/5"] == f"{needed}fabric fabric-77"
    for name in set(failed) - {"fabric fabric-77"}:
        assert failed[name].startswith(needed)
    assert plan.shown(True) == shown  # the plan told what would not be tried
    assert set(plan.shown(True)["subnet"]) == {"10.1.0.0/24"}
    assert_true(region, snapshot)


def test_deletes_come_last_and_in_reverse(region):
    data = {
        "spaces": {"old": None},
        "fabrics": {"gone": {"vlans": {5: {"space": "old"}}}},
        "subnets": {
            "10.0.0.0/24": {
                "vlan": "gone/5",
                "ranges": [{"type": "reserved", "start": "10.0.0.5", "end": "10.0.0.9"}],
            }
        },
    }
    carried_out(region, data)
    snapshot = snapshot_of(region)
    desired_objects = [
        desired_named("fabric", "gone", {}, absent=True),
        desired_named("subnet", "10.0.0.0/24", {}, absent=True),
        desired_named("ip_range", "10.0.0.5-10.0.0.9", {}, absent=True),
        desired_named("space", "old", {}, absent=True),
        desired_named("vlan", "gone/5", {}, absent=True),
        desired_named("space", "new", {}),
    ]
    region.requests.reset()
    plan = make_plan(snapshot, desired_objects)
    shown = plan.shown()
    apply(snapshot, plan)
    assert errors(plan) == {}
    assert plan.shown(True) == shown
    sent = [(e.method, e.path.split("/")[-3]) for e in region.requests.writes()]
    assert sent[:4] == [
        ("POST", "2.0"), ("DELETE", "ipranges"), ("DELETE", "subnets"), ("DELETE", "vlans"),
    ]  # fmt: skip
    assert sorted(sent[4:]) == [("DELETE", "fabrics"), ("DELETE", "spaces")]
    assert_true(region, snapshot)


def test_what_referred_to_something_deleted_is_read_again(region):
    data = {
        "spaces": {"old": None},
        "fabrics": {"f": {"vlans": {5: {"space": "old"}}}},
        "subnets": {
            "10.0.0.0/24": {
                "vlan": "f/5",
                "ranges": [{"type": "reserved", "start": "10.0.0.5", "end": "10.0.0.9"}],
            }
        },
        "boot_sources": {SOURCE: {"selections": [{"os": "ubuntu", "release": "jammy"}]}},
        "images": {"import": False},
    }
    snapshot, _ = carried_out(region, data)
    absent = [("space", "old"), ("vlan", "f/5"), ("subnet", "10.0.0.0/24"), ("boot_source", KEY)]
    for type, name in absent:
        plan = make_plan(snapshot, [desired_named(type, name, {}, absent=True)])
        apply(snapshot, plan)
        assert errors(plan) == {}
        for kind in ("vlan", "dhcp", "subnet", "ip_range"):
            snapshot.records(kind)
        assert_true(region, snapshot)
    assert planned(region, data, snapshot)[1].shown() == planned(region, data)[1].shown() != {}


def test_what_is_gone_already_need_not_be_deleted(region):
    carried_out(region, {"spaces": {"dmz": None}})
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [desired_named("space", "dmz", {}, absent=True)])
    other = snapshot_of(region)
    other.client.delete(f"spaces/{other.records('space')['dmz'].raw['id']}/")
    apply(snapshot, plan)
    assert errors(plan) == {}


@pytest.mark.parametrize(
    ("start", "end"),
    [("10.0.0.10", "10.0.0.40"), ("10.0.0.5", "10.0.0.25"), ("10.0.0.10", "10.0.0.14")],
)
def test_a_range_with_its_comment_is_moved_in_place(region, start, end):
    span = {"type": "dynamic", "start": "10.0.0.10", "end": "10.0.0.25", "comment": "ours"}
    data = {
        "fabrics": {"f": None},
        "subnets": {"10.0.0.0/24": {"vlan": "f/untagged", "ranges": [span]}},
    }
    carried_out(region, data)
    before = snapshot_of(region).records("ip_range")["10.0.0.10-10.0.0.25"].raw["id"]
    data["subnets"]["10.0.0.0/24"]["ranges"][0].update(start=start, end=end)
    region.requests.reset()
    snapshot, plan = carried_out(region, data)
    assert [change.action for change in plan.changes] == ["update"]
    assert [entry.method for entry in region.requests.writes()] == ["PUT"]
    after = snapshot_of(region).records("ip_range")
    assert [record.raw["id"] for record in after.values()] == [before]
    assert_true(region, snapshot)


def test_a_range_of_another_type_is_no_match(region):
    span = {"type": "reserved", "start": "10.0.0.10", "end": "10.0.0.25"}
    data = {
        "fabrics": {"f": None},
        "subnets": {"10.0.0.0/24": {"vlan": "f/untagged", "ranges": [span]}},
    }
    carried_out(region, data)
    data["subnets"]["10.0.0.0/24"]["ranges"] = [{**span, "type": "dynamic", "end": "10.0.0.26"}]
    _, plan = planned(region, data)
    (line,) = plan.problems()
    assert line.startswith(
        "IP range 10.0.0.10-10.0.0.26: conflicts with existing IP range 10.0.0.10-10.0.0.25 "
        "(reserved); describe or remove it, or claim all ranges of the subnet (exclusive)."
    )
    assert not plan.shown()


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"email": "new@example.com"}, "password is missing; a new user needs it"),
        ({"email": "ADMIN@example.com", "password": "x"}, "belongs to user admin already"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(region, user, expected):
    snapshot, plan = planned(region, {"users": {"new": user}, "spaces": {"dmz": None}})
    assert expected in plan.problems()[0]
    assert "user" not in plan.shown()
    apply(snapshot, plan)
    assert expected in errors(plan)["user new"]
    assert [entry.path for entry in region.requests.writes()] == ["/MAAS/api/2.0/spaces/"]


def test_an_account_cannot_be_changed(region):
    _, plan = planned(region, {"users": {"admin": {"email": "other@example.com"}}})
    assert plan.problems() == ["user admin: MAAS's API cannot change email of a user"]


def test_a_setting_that_maas_refuses(region):
    data = {"settings": {"ntp_servers": ["ntp.example.com"], "default_distro_series": "nonesuch"}}
    snapshot, plan = planned(region, data)
    apply(snapshot, plan)
    assert set(errors(plan)) == {"setting default_distro_series"}
    assert snapshot_of(region).records("setting", "ntp_servers")["ntp_servers"].raw["value"] == (
        "ntp.example.com"
    )


def test_a_secret_setting_is_changed_but_not_shown(region):
    data = {"settings": {"vcenter_password": "swordfish"}}
    _, plan = carried_out(region, data)
    assert "swordfish" not in str(plan.shown())
    assert plan.shown()["setting"]["vcenter_password"]["value"]["new"] == "**********"


def test_a_password_is_not_shown(region):
    _, plan = planned(region, whole())
    assert plan.shown()["user"]["ops"]["new"]["password"] == "**********"
    assert "hunter2" not in str(plan.shown())


def test_types_and_fields_that_a_release_lacks_are_refused(region):
    desired = desired_object("node_group", {"uuid": "u"}, "here")
    with pytest.raises(BadInput, match=r"^here: MAAS 3\.7\.3 has no node groups$"):
        make_plan(snapshot_of(region), [desired])


def test_an_object_without_identity_is_refused():
    with pytest.raises(BadInput) as told:
        desired_object("subnet", {"cidr": "10.0.0.0/99", "colour": "red"}, "here")
    # One line for each mistake, and none that only follows from another.
    cidr, colour = told.value.problems
    assert cidr.startswith("here:cidr: '10.0.0.0/99' must be a network")
    assert colour.startswith("here:colour: unknown field of a subnet; allowed: cidr, ")
    with pytest.raises(BadInput, match=r"^here:cidr: is needed to identify the subnet$"):
        desired_object("subnet", {"name": "lan"}, "here")
    with pytest.raises(BadInput, match="must be START_IP-END_IP, such as 10"):
        desired_named("ip_range", "10.0.0.1", {})


def test_a_region_without_users_is_planned_as_new():
    snapshot = Snapshot(None, release=Release("3.7"))
    plan = make_plan(
        snapshot,
        [desired_object("fabric", {"name": "dc1"}), desired_object("space", {"name": "dmz"})],
    )
    assert set(plan.shown()) == {"fabric", "space"}


def test_the_first_subnet_may_bring_the_default_fabric_along(region):
    snapshot, _ = carried_out(region, {"fabrics": {"f": None}, "subnets": {"10.0.0.0/24": None}})
    assert_true(region, snapshot)
    assert len(snapshot.records("fabric")) == 2
