"""User groups of 3.8: their lists are exact, read only where described, and safe for the run."""

from __future__ import annotations

import pytest
from maas_emulator import entitlements
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan, state_helpers
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_object, make_plan
from saltext.maas.release import Release
from support.misbehaving import Instead, Proxy
from support.reconciling import (
    SHORT,
    assert_true,
    carried_out,
    errors,
    planned,
    problems_of,
    pruned,
    snapshot_of,
)

WHOLE = {
    "resource_pools": {"web": None, "db": None},
    "users": {
        "ann": {"email": "ann@example.com", "password": "x", "groups": ["night", "web team"]},
        "bob": {"email": "bob@example.com", "password": "x"},
        "cyd": {"email": "cyd@example.com", "password": "x", "groups": []},
    },
    "user_groups": {
        "night": {
            "description": "who watches",
            "entitlements": ["can_view_global_entities", "can_edit_machines"],
            "members": ["ann", "bob"],
        },
        "web team": {"pool_entitlements": {"web": ["can_deploy_machines"], "db": []}},
    },
}


@pytest.fixture
def region():
    with RegionServer(release="3.8") as server:
        yield server


def group(server, name):
    """What the region holds of a group."""
    (row,) = [one for one in server.region.rows("user_groups").values() if one["name"] == name]
    numbers = {person.number: person.username for person in server.region.users.values()}
    members = sorted(numbers[one] for one in row["members"])
    return members, sorted(row["entitlements"])


def reads(server):
    """The operations on groups that were read, with how often."""
    found = {}
    for one in server.requests.entries("GET"):
        name = one.op or one.path.rpartition("/2.0/")[2]
        if "group" in one.path:
            found[name] = found.get(name, 0) + 1
    return found


def replanned(server, data):
    """What a second run reads of groups; it writes nothing."""
    server.requests.reset()
    snapshot, plan = planned(server, data)
    apply(snapshot, plan, SHORT)
    assert plan.shown() == {}
    assert server.requests.writes() == []
    return reads(server)


def test_all_at_once_and_nothing_the_second_time(region):
    snapshot, plan = carried_out(region, WHOLE)
    assert_true(region, snapshot)
    assert {change.action for change in plan.changes} == {"create"}
    machines = ("maas", 0, "can_edit_machines"), ("maas", 0, "can_view_global_entities")
    assert group(region, "night") == (["ann", "bob"], sorted(machines))
    (pool,) = (one["id"] for one in region.region.rows("pools").values() if one["name"] == "web")
    assert group(region, "web team") == (["ann"], [("pool", pool, "can_deploy_machines")])
    # MAAS had put all three into it; of two it is described where they are.
    assert group(region, "Users")[0] == ["bob"]
    assert replanned(region, WHOLE) == {"groups/": 1, "list_members": 4, "list_entitlements": 2}


@pytest.mark.parametrize(("values", "expected"), [
    ({"description": "who watches"}, {}),
    ({"members": ["ann", "bob"]}, {"list_members": 1}),
    ({"entitlements": WHOLE["user_groups"]["night"]["entitlements"], "pool_entitlements": None},
     {"list_entitlements": 1}),
])  # fmt: skip
def test_lists_are_read_of_what_is_described_alone(region, values, expected):
    carried_out(region, WHOLE)
    assert replanned(region, {"user_groups": {"night": values}}) == {"groups/": 1, **expected}
    assert replanned(region, {"users": {"bob": {"email": "bob@example.com"}}}) == {}


def test_lists_are_exact(region):
    carried_out(region, WHOLE)
    carried_out(region, {
        "users": {"bob": {"email": "bob@example.com", "groups": ["web team"]}},
        "user_groups": {"night": {"entitlements": ["can_edit_machines", "can_view_devices"]},
                        "web team": {"pool_entitlements": {"db": ["can_view_machines"]}}},
    })  # fmt: skip
    assert group(region, "night")[0] == ["ann"]
    assert [one[2] for one in group(region, "night")[1]] == [
        "can_edit_machines",
        "can_view_devices",
    ]
    assert [one[2] for one in group(region, "web team")[1]] == ["can_view_machines"]
    assert group(region, "web team")[0] == ["ann", "bob"]
    carried_out(region, {"user_groups": {
        "night": {"members": [], "entitlements": None}, "web team": {"pool_entitlements": {}},
    }})  # fmt: skip
    assert group(region, "night") == ([], [])
    assert group(region, "web team") == (["ann", "bob"], [])


def test_what_is_left_of_a_pool_that_is_gone_is_taken_away(region):
    carried_out(region, WHOLE)
    carried_out(region, [desired_object("resource_pool", {"name": "web"}, absent=True)])
    assert len(group(region, "web team")[1]) == 1
    found = pillar.export(snapshot_of(region))
    assert "pool_entitlements" not in (found.described["user_groups"]["web team"] or {})
    carried_out(region, {"user_groups": {"web team": {"pool_entitlements": {}}}})
    assert group(region, "web team")[1] == []


def test_a_group_and_all_that_it_is_about_go_at_once(region):
    carried_out(region, WHOLE)
    gone = [("resource_pool", "web"), ("user_group", "web team"), ("user_group", "night")]
    desired = [desired_object(type, {"name": name}, absent=True) for type, name in gone]
    desired.append(desired_object("user", {"username": "ann"}, absent=True))
    _, plan = carried_out(region, desired)
    assert len(plan.changes) == 4


def test_a_user_leaves_a_group_before_the_group_or_the_user_goes(region):
    carried_out(region, WHOLE)
    carried_out(region, [
        desired_object("user", {"username": "ann"}, absent=True),
        desired_object("user_group", {"name": "web team"}, absent=True),
        desired_object("user_group", {"name": "night", "members": ["bob"]}),
        desired_object("user", {"username": "bob", "groups": ["night"]}),
    ])  # fmt: skip
    assert group(region, "night")[0] == ["bob"]
    assert group(region, "Users")[0] == []


_OF_USER, _OF_GROUP = "maas:users:ann:groups", "maas:user_groups:night:members"


@pytest.mark.parametrize(("user", "members", "where"), [
    (["night"], ["bob"], f"{_OF_USER}: 'night' contradicts {_OF_GROUP}, "),
    ([], ["ann"], f"{_OF_GROUP}: 'ann' contradicts {_OF_USER}, "),
])  # fmt: skip
def test_a_membership_that_is_described_twice_must_agree(user, members, where):
    data = {
        "release": "3.8",
        "users": {"ann": {"email": "a@example.com", "groups": user}},
        "user_groups": {"night": {"members": members}},
    }
    (problem,) = pillar.problems(data)
    assert problem.startswith(where)


@pytest.mark.parametrize(("values", "problem"), [
    ({"entitlements": ["can_fly"]}, "entitlements: ['can_fly'] must be one of: "),
    ({"pool_entitlements": {"web": ["can_edit_identities"]}},
     "pool_entitlements: {'web': ['can_edit_identities']} must be lists of "),
    ({"pool_entitlements": ["web"]}, "pool_entitlements: ['web'] must be a map"),
    ({"pool_entitlements": {"web": 7}}, "pool_entitlements:web: 7 must be a list"),
])  # fmt: skip
def test_what_maas_would_refuse_is_refused_by_the_check(values, problem):
    (found,) = pillar.problems({"release": "3.8", "user_groups": {"x": values}})
    assert found.startswith(f"maas:user_groups:x:{problem}")


def test_earlier_releases_have_none():
    data = {"users": {"a": {"email": "a@b.example", "groups": []}}, "user_groups": {"x": None}}
    assert pillar.problems({"release": "3.7", **data}) == [
        "maas:users:a:groups: MAAS 3.7 does not have this; it is for MAAS from 3.8",
        "maas:user_groups: MAAS 3.7 does not have this; it is for MAAS from 3.8",
    ]


# The user of the API key

LOSSES = {
    "a member": [{"name": "Administrators", "members": []}],
    "a right": [{"name": "Administrators", "entitlements": ["can_edit_global_entities"]}],
    "both, though another group has one": [
        {"name": "Administrators", "members": []},
        {"name": "few", "entitlements": ["can_edit_global_entities"], "members": ["admin"]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_a_run_does_not_take_the_rights_of_its_own_user(region, loss):
    desired = [desired_object("user_group", values) for values in LOSSES[loss]]
    _, plan = planned(region, desired)
    (problem,) = plan.problems()
    assert "from admin, the user of the API key; use the API key of another user" in problem
    assert "can_edit_identities" in problem


def test_a_run_neither_leaves_nor_deletes_the_group_that_it_needs(region):
    leave = desired_object("user", {"username": "admin", "groups": ["Users"]})
    delete = desired_object("user_group", {"name": "Administrators"}, absent=True)
    for desired in (leave, delete):
        (problem,) = problems_of(region, [desired])
        assert "from admin, the user of the API key" in problem


def test_a_group_may_be_left_where_another_one_entitles_to_the_same(region):
    needed = sorted(one for _, _, one in group(region, "Administrators")[1])
    desired = [
        desired_object("user_group", {"name": "Administrators"}, absent=True),
        desired_object("user_group", {"name": "all", "entitlements": needed, "members": ["admin"]}),
        desired_object("user_group", {"name": "Users"}, absent=True),
    ]
    carried_out(region, desired)
    assert group(region, "all")[0] == ["admin"]


@pytest.mark.parametrize("test", [True, False])
def test_rights_of_a_user_who_is_no_administrator_are_those_of_its_groups(region, test, tmp_path):
    region.region.create_user("net", "x", "net@example.com")
    rights = ["can_edit_global_entities", "can_view_identities"]
    carried_out(region, {"user_groups": {"net": {"entitlements": rights, "members": ["net"]}}})
    dunders = {
        "__opts__": {"test": test, "maas.root": str(tmp_path)}, "__pillar__": {}, "__salt__": {},
        "__context__": {}, "__grains__": {},
    }  # fmt: skip
    profile = {"url": region.url, "api_key": region.region.new_api_key("net")}

    def run(*desired):
        region.requests.reset()
        return state_helpers.guarded(
            "x", lambda: state_helpers.reconcile(dunders, "x", desired, profile)
        )

    new = desired_object("zone", {"name": "north"})
    refused = run(new, desired_object("setting", {"name": "kernel_opts", "value": "quiet"}))
    assert refused["result"] is False
    assert "(net) lacks can_edit_configurations, which this run needs" in refused["comment"]
    assert refused["changes"] == {}
    assert region.requests.writes() == []
    assert run(new)["result"] is (None if test else True)


def test_a_user_whose_rights_cannot_be_seen_is_told_by_the_change(region):
    region.region.create_user("plain", "x", "plain@example.com")
    client = Client(Profile(region.url, region.region.new_api_key("plain")))
    snapshot = snapshot_of(region)
    snapshot.client = client
    plan = make_plan(snapshot, [desired_object("zone", {"name": "north"})])
    state_helpers.refuse_ordinary_user(snapshot, plan)
    apply(snapshot, plan, SHORT)
    assert "give the entitlement can_edit_global_entities to a group" in str(errors(plan))


def test_a_service_of_permissions_that_restarts_is_waited_for(region, impatient):
    away = iter([True, False, True, True, False])

    def before(method, target, body):
        region.region.permissions_known = not (method == "POST" and next(away, False))
        return body

    with Proxy(region, before=before) as proxy:
        snapshot, plan = planned(region, WHOLE, url=proxy.url)
        apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    region.region.permissions_known = True
    assert replanned(region, WHOLE)["groups/"] == 1


def test_another_is_superuser_is_answered_with_groups(region):
    region.region.create_user("ann", "x", "ann@example.com")
    (problem,) = problems_of(region, [
        desired_object("user", {"username": "ann", "is_superuser": True}),
    ])  # fmt: skip
    assert problem == (
        "user ann: MAAS's API cannot change is_superuser of a user; its rights come from its "
        "groups; describe these"
    )


# Pruning, export


def test_pruning_leaves_default_groups_and_those_with_members(region):
    carried_out(region, WHOLE)
    carried_out(region, {"user_groups": {"empty": None}})
    data = {"exclusive": {"user_group": True}}
    with pytest.raises(BadInput) as raised:
        region_plan.plan_of(snapshot_of(region), data)
    assert "user group night is not described and would be removed, but ann is in it" in str(
        raised.value
    )
    assert "empty" not in str(raised.value)
    removed = pruned(region, {**data, "prune": {"in_use": True}})
    assert set(removed["user_group"]) == {"night", "web team", "empty"}
    assert pruned(region, data) == {}
    unmanaged = region_plan.unmanaged_of(snapshot_of(region), {}, ["user_group"])
    assert unmanaged == {}


def test_an_export_holds_what_maas_does_not_give_by_itself(region):
    assert "user_groups" not in pillar.export(snapshot_of(region)).described
    carried_out(region, WHOLE)
    carried_out(region, [
        desired_object("user_group", {"name": "Users", "entitlements": []}),
        desired_object("user_group", {"name": "Administrators", "members": ["admin", "bob"]}),
    ])  # fmt: skip
    region.region.create_user("eve@example.com", "", "eve@example.com", provider=1)
    found = pillar.export(snapshot_of(region)).described
    assert found["user_groups"] == {
        "Administrators": {"members": ["admin", "bob"]},
        "Users": {"members": ["bob"], "entitlements": []},
        "night": {"description": "who watches", "members": ["ann", "bob"],
                  "entitlements": ["can_edit_machines", "can_view_global_entities"]},
        "web team": {"pool_entitlements": {"web": ["can_deploy_machines"]}, "members": ["ann"]},
    }  # fmt: skip
    assert "groups" not in found["users"]["ann"]
    assert "eve@example.com" not in found["users"]


# Others at work, and predictions


def test_what_another_client_does_meanwhile_is_taken_over(region):
    carried_out(region, WHOLE)
    values = {"name": "night", "members": ["ann", "bob", "cyd"]}
    snapshot, plan = planned(region, [
        desired_object("user_group", values),
        desired_object("user", {"username": "cyd", "groups": ["night", "Users"]}),
        desired_object("user_group", {"name": "late", "members": ["ann"]}),
    ])  # fmt: skip
    numbers = {one.username: one.number for one in region.region.users.values()}
    rows = {one["name"]: one for one in region.region.rows("user_groups").values()}
    rows["night"]["members"].add(numbers["cyd"])
    rows["Users"]["members"].add(numbers["cyd"])
    entitlements.add_group(region.region, "late", "")
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert group(region, "late")[0] == ["ann"]
    assert_true(region, snapshot)


def test_a_default_group_that_was_deleted_is_made_anew_beside_its_users(region):
    carried_out(region, [desired_object("user_group", {"name": "Users"}, absent=True)])
    carried_out(region, {
        "users": {"ann": {"email": "ann@example.com", "password": "x"},
                  "bob": {"email": "bob@example.com", "password": "x", "groups": []}},
        "user_groups": {"Users": {"members": ["ann"]}},
    })  # fmt: skip
    assert group(region, "Users") == (["ann"], [])


def test_answers_that_are_lost(region, impatient):
    """The answer to each write is lost the first time that it is sent."""
    lost = set()

    def lose(method, target):
        once = method != "GET" and (method, target) not in lost
        lost.update({(method, target)} if once else ())
        return once

    data = {**WHOLE, "user_groups": {**WHOLE["user_groups"], "Users": {"members": ["bob"]}}}
    with Proxy(region, lose=lose) as proxy:
        snapshot, plan = planned(region, data, url=proxy.url)
        apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert group(region, "Users")[0] == ["bob"]
    assert_true(region, snapshot)
    assert replanned(region, data)["list_members"] == 4


@pytest.mark.parametrize(("op", "body", "failed"), [
    ("add_member", "OK", {"user ann": "groups", "user group night": "members"}),
    ("remove_member", "", {"user ann": "groups", "user cyd": "groups"}),
    ("add_entitlement", "OK", {
        "user group night": "entitlements", "user group web team": "pool_entitlements",
    }),
])  # fmt: skip
def test_a_success_that_was_none_is_seen(region, op, body, failed):
    """Each of an operation is answered with success and not carried out."""

    def pretend(method, target, given):
        status = 200 if body else 204
        return Instead(body, status, "text/plain") if f"op={op}" in target else given

    with Proxy(region, before=pretend) as proxy:
        snapshot, plan = planned(region, WHOLE, url=proxy.url)
        apply(snapshot, plan, SHORT)
    assert errors(plan) == {
        name: f"the region answered with success, but did not change {field}"
        for name, field in failed.items()
    }
    carried_out(region, WHOLE)


def test_each_list_that_was_written_is_read_once(region):
    users = {f"u{number}": {"email": f"u{number}@example.com", "password": "x",
                            "groups": ["night"]} for number in range(30)}  # fmt: skip
    carried_out(region, {"user_groups": {"night": None}})
    region.requests.reset()
    snapshot, plan = planned(region, {"users": users})
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    # Before all changes those of three groups, afterwards those of the two that were written.
    assert reads(region)["list_members"] == 5


STEPS = [
    {"users": {"new": {"email": "new@example.com", "password": "x"}}},
    {"user_groups": {"Users": {"members": ["ann", "new"]}}},
    {"users": {"new": {"email": "new@example.com", "groups": ["night"]}}},
    {"user_groups": {"night": {"members": ["ann", "bob", "new"]}, "Users": {"members": ["ann"]}}},
    {"users": {"cyd": {"email": "cyd@example.com", "groups": ["night"]}}},
    {"user_groups": {"fresh": {"members": ["cyd"]}}},
    [("user", {"username": "new"})],
    {"user_groups": {"night": {"members": ["ann", "bob", "cyd"]}}},
]  # fmt: skip


def test_states_of_a_test_run_build_upon_what_was_predicted(region):
    data = {name: dict(part) for name, part in WHOLE.items()}
    data["users"]["ann"] = {"email": "ann@example.com", "password": "x"}
    carried_out(region, data)

    def desired_of(step):
        if isinstance(step, dict):
            return pillar.desired_objects(step, Release("3.8"))
        return [desired_object(type, values, absent=True) for type, values in step]

    promised = snapshot_of(region)
    expected = []
    for step in STEPS:
        plan = make_plan(promised, desired_of(step))
        promised.predict(plan)
        expected.append(plan.shown())
    real = snapshot_of(region)
    shown = []
    for step in STEPS:
        plan = make_plan(real, desired_of(step))
        apply(real, plan, SHORT)
        assert errors(plan) == {}
        shown.append(plan.shown())
    assert shown == expected
    assert_true(region, real)
