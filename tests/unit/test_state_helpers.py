"""What a state says of its plan."""

from __future__ import annotations

from saltext.maas import state_helpers
from saltext.maas.reconcile import Change, Plan, desired_object


def changes(count, **more):
    return [
        Change(desired_object("fabric", {"name": f"dc{number}"}), "create", None, {}, **more)
        for number in range(count)
    ]


def test_every_failure_is_told_and_successes_are_cut():
    failed = changes(30, error="no")
    said = state_helpers._listed(changes(30), "", failed)
    lines = said.splitlines()
    assert lines[0] == "30 changes made, 30 failed:"
    assert lines[1:31] == [f"failed: fabric dc{number}: no" for number in range(30)]
    assert lines[31] == "created: fabric dc0"
    assert lines[-1] == "... and 10 more"


def test_what_cannot_be_is_told_before_anything_is_tried():
    said = state_helpers._listed(changes(1, problem="no way"), "would be")
    assert said.splitlines() == ["0 changes to make:", "cannot be applied: fabric dc0: no way"]


def test_one_change_reads_well():
    update = Change(
        desired_object("vlan", {"fabric": "dc1", "vid": 5}), "update", {"mtu": 1}, {"mtu": 2}
    )
    assert state_helpers._listed([update], "would be") == (
        "1 change to make:\nwould be updated: VLAN dc1/5 (mtu)"
    )


def test_our_own_errors_become_a_return():
    def work():
        raise state_helpers.MaasError("no")

    assert state_helpers.guarded("x", work) == {
        "name": "x", "result": False, "changes": {}, "comment": "no",
    }  # fmt: skip


def test_nothing_to_do_is_said():
    plan = Plan([], [1, 2])
    assert "All 2 objects are as described already;" in state_helpers._nothing_to_do(plan)
    plan.warnings = ["machine a: storage is skipped"]
    assert "already, apart from the following; nothing was written.\nwarning: machine a" in (
        state_helpers._nothing_to_do(plan)
    )
