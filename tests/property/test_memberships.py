"""Any users in any groups: who is in what is what is described, however it was before."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.reconcile import Guard, apply, desired_object, make_plan, prune
from saltext.maas.release import Release
from support.reconciling import SHORT, assert_true, errors, snapshot_of

FEW = settings(
    max_examples=15, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
USERS, GROUPS = ["ann", "bob", "cyd"], ["Users", "day", "night shift"]
RIGHTS = ["can_view_machines", "can_edit_notifications", "can_deploy_machines"]
ALL = Guard(most=1000, fraction=1.0, in_use=True)


def some(words):
    return st.lists(st.sampled_from(words), unique=True, max_size=3)


@st.composite
def pillars(draw):
    """Some users and some groups; who is in what is described on one side, or on both alike."""
    users = draw(st.lists(st.sampled_from(USERS), unique=True))
    groups = draw(st.lists(st.sampled_from(GROUPS), unique=True))
    inside = {group: draw(some(users)) if users else [] for group in groups}
    found = {"users": {}, "user_groups": {}, "resource_pools": {"web": None}}
    for group in groups:
        values = {}
        if draw(st.booleans()):
            values["members"] = inside[group]
        if draw(st.booleans()):
            values["entitlements"] = draw(some(RIGHTS))
        if draw(st.booleans()):
            pool = {"web": draw(some(["can_view_machines", "can_deploy_machines"]))}
            values["pool_entitlements"] = draw(
                st.sampled_from([{}, pool, {"default": ["can_edit_machines"]}])
            )
        found["user_groups"][group] = values or None
    for user in users:
        values = {"email": f"{user}@example.com", "password": "x"}
        if draw(st.booleans()):
            values["groups"] = [group for group in groups if user in inside[group]]
        found["users"][user] = values
    return found


def true_of(server, data):
    """Whether the region's own table says what a pillar does."""
    numbers = {one.username: one.number for one in server.region.users.values()}
    rows = {one["name"]: one for one in server.region.rows("user_groups").values()}
    for name, values in data["user_groups"].items():
        if "members" in (values or {}):
            assert rows[name]["members"] == {numbers[one] for one in values["members"]}
        if "entitlements" in (values or {}):
            own = {one[2] for one in rows[name]["entitlements"] if one[0] == "maas"}
            assert own == set(values["entitlements"])
    for user, values in data["users"].items():
        if "groups" in values:
            own = {name for name, row in rows.items() if numbers[user] in row["members"]}
            assert own == set(values["groups"])


def desired_of(snapshot, data, claimed, gone):
    found = pillar.desired_objects(data, Release("3.8"))
    found += [desired_object(*one, absent=True) for one in gone]
    return found + prune(snapshot, found, dict.fromkeys(claimed, True), ALL)


def becomes(server, data, claimed=(), gone=()):
    snapshot = snapshot_of(server)
    plan = make_plan(snapshot, desired_of(snapshot, data, claimed, gone))
    assert plan.problems() == []
    promised = snapshot_of(server)
    promised.predict(make_plan(promised, desired_of(promised, data, claimed, gone)))
    assert make_plan(promised, [one.desired for one in plan.changes]).shown() == {}
    shown = plan.shown()
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert plan.shown(done_only=True) == shown
    assert_true(server, snapshot)
    true_of(server, data)
    server.requests.reset()
    again = snapshot_of(server)
    assert make_plan(again, desired_of(again, data, claimed, gone)).shown() == {}
    # Each list is read once at most.
    lists = [(one.path, one.op) for one in server.requests.entries("GET") if one.op]
    assert len(lists) == len(set(lists))


@FEW
@given(
    before=pillars(), data=pillars(),
    claimed=st.lists(st.sampled_from(["user", "user_group", "resource_pool"]), unique=True),
)  # fmt: skip
def test_any_memberships_over_any_others(before, data, claimed):
    gone = [
        ("user", {"username": name}) for name in before["users"].keys() - data["users"].keys()
    ][:1]  # fmt: skip
    with RegionServer(release="3.8") as server:
        becomes(server, before)
        becomes(server, data, claimed, gone)
        found = pillar.export(snapshot_of(server))
        assert [line for line in found.notes if not line.startswith("images:")] == []
