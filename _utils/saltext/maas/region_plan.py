"""A whole region against its pillar: what the state, the plan and the drift check share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from saltext.maas import pillar, region_machines, site_manager
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import Guard, Snapshot, make_plan, prune, unmanaged
from saltext.maas.reconcile.desired import Desired
from saltext.maas.reconcile.plan import Plan


def desired_objects_of(
    snapshot: Snapshot, described: dict, exclusive: dict | None = None, guard: dict | None = None
) -> list[Desired]:
    """Return all objects that a pillar describes, and the removals by ``exclusive``.

    Args:
        snapshot: The region.
        described: The mapping under ``maas``.
        exclusive: Claims beside those of the pillar, ``{type: True or scopes}``.
        guard: Limits beside those of the pillar's ``prune``.

    Returns:
        A list of :class:`~saltext.maas.reconcile.plan.Desired`.

    Raises:
        BadInput: The pillar is wrong, or the guard forbids what it comes to.
    """
    for name, given in (("exclusive", exclusive), ("prune", guard)):
        if given is not None and not isinstance(given, dict):
            raise BadInput(f"{name}: {given!r} must be a mapping")
    if exclusive or guard:
        # The arguments hold to the same schema as the pillar's keys.
        given = {"exclusive": exclusive, "prune": guard}
        pillar.check({name: one for name, one in given.items() if one}, snapshot.release)
    desired_objects = pillar.checked_objects(described, snapshot.release, snapshot.checked)
    claimed = {**(described.get("exclusive") or {}), **(exclusive or {})}
    if not claimed:
        return desired_objects
    limits = Guard(**{**(described.get("prune") or {}), **(guard or {})})
    return desired_objects + prune(snapshot, desired_objects, claimed, limits, "maas:exclusive")


def plan_of(
    snapshot: Snapshot, described: dict, exclusive: dict | None = None, guard: dict | None = None
) -> Plan:
    """Return the :class:`~saltext.maas.reconcile.plan.Plan` for a whole pillar.

    The arguments are those of :func:`desired_objects_of`.
    """
    desired = desired_objects_of(snapshot, described, exclusive, guard)
    try:
        plan = make_plan(snapshot, desired)
    except BadInput as error:
        raise BadInput(pillar.placed(described, error.problems)) from None
    new = region_machines.new(snapshot, described, desired)
    plan.warnings = [
        *warnings_of(snapshot, described),
        *region_machines.warnings(new),
        *plan.warnings,
    ]
    return plan


def warnings_of(snapshot: Snapshot, described: dict) -> list[str]:
    """Return what to tell of a pillar besides: what a later release refuses, and its other owner.

    Args:
        snapshot: The region.
        described: The mapping under ``maas``.
    """
    return [
        *pillar.warnings(described, snapshot.release),
        *site_manager.warnings(snapshot, described),
    ]


def unmanaged_of(
    snapshot: Snapshot, described: dict, types: Iterable[str] | None = None
) -> dict[str, dict[str, str]]:
    """Return what a region holds that a pillar does not describe.

    Returns:
        ``{type: {key: remark}}``; the remark is empty for what could be removed.

    Raises:
        BadInput: The pillar is wrong.
    """
    desired = pillar.checked_objects(described, snapshot.release, snapshot.checked)
    found: dict[str, dict[str, str]] = {}
    for one in unmanaged(snapshot, desired, types):
        found.setdefault(one.type, {})[one.key] = one.protected_by or one.in_use_by or ""
    return found


def drift(snapshot: Snapshot, described: dict) -> dict[str, Any]:
    """Tell whether a region equals its pillar, by reading alone.

    Args:
        snapshot: A new snapshot of the region.
        described: The mapping under ``maas``.

    Returns:
        ``{"drifted", "changes", "problems", "warnings", "new_machines"}``: whether anything
        differs, what a run would change as a state shows it, what cannot come true, who else writes
        it, and which machines are New and not described.

    Raises:
        BadInput: The pillar is wrong.
        MaasError: The region cannot be asked.
    """
    plan = plan_of(snapshot, described)
    return {
        "drifted": bool(plan),
        "changes": plan.shown(),
        "problems": plan.problems(),
        "warnings": plan.warnings,
        "new_machines": region_machines.new(snapshot, described, snapshot.desired),
    }
