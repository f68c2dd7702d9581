"""What the state modules share: from desired objects to a state's return."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from saltext.maas import machine_resource, runtime
from saltext.maas.errors import BadInput, Forbidden, MaasError, NotInstalledYet
from saltext.maas.host.transaction import UNFINISHED
from saltext.maas.minions import region_side
from saltext.maas.reconcile import (
    Desired,
    Limits,
    Snapshot,
    apply,
    desired_named,
    desired_object,
    log_unexpected,
    make_plan,
    refuse_ordinary_user,
)
from saltext.maas.redact import visible
from saltext.maas.release import newer_release_warnings
from saltext.maas.resources import BY_NAME


def outcome(
    name: str, test: bool, changes: dict | None = None, comment: str = "", failed: bool = False
) -> dict[str, Any]:
    """Return what a state returns: with ``test`` and changes, ``result`` is None.

    The comment names what a region holds, so nothing in it may act on a terminal.
    """
    result = False if failed else (None if test and changes else True)
    return {"name": name, "result": result, "changes": changes or {}, "comment": visible(comment)}


def with_warnings(dunders: dict, result: dict[str, Any], warnings: Iterable[str]) -> dict[str, Any]:
    """Return a state's return with warnings, which Salt shows beside its comment.

    What an earlier state of the same run has shown already is left out.
    """
    fresh = runtime.unreported(dunders, "states", warnings)
    return {**result, "warnings": [*result.get("warnings", ()), *fresh]} if fresh else result


def guarded(name: str, work: Callable[[], dict]) -> dict[str, Any]:
    """Run a state's work and turn errors into its return; unexpected ones go to the log, too."""
    try:
        return work()
    except NotInstalledYet as error:
        changes = {"maas": {"old": "not installed", "new": "installed and as described"}}
        return outcome(name, True, changes, str(error))
    except MaasError as error:
        message = str(error)
    except Exception as error:
        message = f"unexpected {log_unexpected(name, error)}; the minion's log has the details"
    return outcome(name, False, comment=message, failed=True)


def given(arguments: dict, *but: str) -> dict[str, Any]:
    """Return those of a state's arguments that are given, ``but`` some."""
    return {one: value for one, value in arguments.items() if value is not None and one not in but}


def host_outcome(name: str, test: bool, done: dict, dunders: dict | None = None) -> dict[str, Any]:
    """Return a state's return for what a function of :mod:`saltext.maas.host` did or would do.

    Args:
        name: The state's name.
        test: Whether it would only be done.
        done: What the function returned.
        dunders: The state module's ``globals()``, where a restart is one of the region.
    """
    if dunders is not None and done.get("restarted"):
        runtime.note_restart(dunders)
    changes = done["changes"]
    verb = "would be changed" if test else "was changed"
    lines = [f"{field} {verb}." for field in changes if field != UNFINISHED]
    if UNFINISHED in changes:
        old = changes[UNFINISHED]["old"]
        lines.insert(0, f"A run {old}; this one {'would finish' if test else 'finished'} it.")
    lines = lines or ["Nothing to change."]
    if done.get("restarted"):
        lines.append(f"Restarted: {', '.join(done['restarted'])}.")
    result = outcome(name, test, changes, "\n".join([*lines, *done.get("warnings", ())]))
    return (
        with_warnings(dunders, result, runtime.host_release_warnings(dunders))
        if dunders
        else result
    )


def present(
    dunders: dict, type: str, arguments: dict, limits: Limits | None = None
) -> dict[str, Any]:
    """Make one object exist as described; the fields not given are left alone.

    Args:
        dunders: The state module's ``globals()``.
        type: Resource type.
        arguments: The state's arguments by name, its ``locals()``.
        limits: How long to wait.

    Returns:
        A state's return.
    """
    return _single(dunders, type, arguments, limits=limits)


def imported(dunders: dict, name: str, profile: Any, limits: Limits) -> dict[str, Any]:
    """Make the region hold an image; up to 1.6, where it has none, all accepted clusters."""

    def desired_objects(snapshot):
        image = desired_named("image", name, {})
        if "image" in snapshot.tables:
            return [image]
        found = [
            desired_object(
                "cluster_image", {"cluster": key, "images": [image.key]}, f"image {name}"
            )
            for key, record in snapshot.records("node_group").items()
            if snapshot.tables["node_group"].values(snapshot, record.raw)["status"] == "accepted"
        ]
        if not found:
            raise BadInput(
                f"image {name}: MAAS {snapshot.release} has its clusters import images, and none "
                "is accepted yet"
            )
        return found

    return guarded(name, lambda: reconcile(dunders, name, desired_objects, profile, limits))


def absent(dunders: dict, type: str, arguments: dict) -> dict[str, Any]:
    """Make one object not exist; see :func:`present`."""
    return _single(dunders, type, arguments, absent=True)


def _single(dunders, type, arguments, absent=False, limits=None):
    name = arguments["name"]

    def work():
        values = runtime.revealed(dunders, BY_NAME[type].from_arguments(arguments))
        desired = desired_named(type, name, values, absent)
        return reconcile(dunders, name, [desired], arguments.get("profile"), limits)

    return guarded(name, work)


def reconcile(
    dunders: dict,
    name: str,
    desired_objects: Iterable[Desired] | Callable[[Snapshot], Iterable[Desired]],
    profile: Any = None,
    limits: Limits | None = None,
    placed: Callable[[list[str]], list[str]] = list,
    described: dict | None = None,
) -> dict[str, Any]:
    """Plan desired objects and, without ``test``, carry the plan out.

    Args:
        dunders: The state module's ``globals()``.
        name: The state's name.
        desired_objects: See :func:`saltext.maas.reconcile.desired_object`; or what makes
            them from a snapshot.
        profile: Profile, see :func:`saltext.maas.runtime.profile`.
        limits: How long to wait; see :class:`saltext.maas.reconcile.Limits`.
        placed: Called with lines about mistakes, to say where each is.
        described: The pillar that the desired objects come from, if it is that of a whole region.

    Returns:
        A state's return.  The changes with ``test`` are those of the real run.
    """
    test = bool(dunders["__opts__"].get("test"))
    try:
        machine_resource.refuse()
        snapshot = runtime.snapshot(dunders, profile, described)
        result = _reconciled(dunders, name, snapshot, desired_objects, limits)
    except BadInput as error:
        problems = "\n".join(f"- {line}" for line in placed(error.problems))
        return outcome(name, test, comment=f"Nothing was changed:\n{problems}", failed=True)
    return with_warnings(dunders, result, newer_release_warnings(snapshot.release))


def _reconciled(dunders, name, snapshot, desired_objects, limits):
    test = bool(dunders["__opts__"].get("test"))
    with runtime.alone(dunders, snapshot) as lock:
        plan = _plan(snapshot, desired_objects)
        if test:
            snapshot.predict(plan)
        if not plan:
            return outcome(name, test, comment=_nothing_to_do(plan))
        if test:
            return _planned(name, snapshot, plan)
        lock.writing()
        report = runtime.progress(dunders, name)
        report({"what": "plan", "done": 0, "total": len(plan.changes), "percent": 0})
        apply(snapshot, plan, limits, report)
        left = [*region_side.forget_deleted(dunders, snapshot.client, plan.changes)]
    failed = [change for change in plan.changes if not change.done]
    done = [change for change in plan.changes if change.done]
    comment = "\n".join([_listed(done, "", failed), *left, *_warned(plan)])
    return outcome(name, test, plan.shown(True), comment, bool(failed or left))


def _plan(snapshot, desired_objects):
    """Return the plan for desired objects that the API's user may carry out."""
    try:
        plan = make_plan(
            snapshot, desired_objects(snapshot) if callable(desired_objects) else desired_objects
        )
    except Forbidden:
        refuse_ordinary_user(snapshot)
        raise
    refuse_ordinary_user(snapshot, plan)
    return plan


def _planned(name, snapshot, plan):
    comment = "\n".join([_listed(plan.changes, "would be"), *_warned(plan)])
    if snapshot.client is None:
        comment += (
            "\nThe region has no administrator yet, so this is planned against a newly "
            f"installed MAAS {snapshot.release}."
        )
    return outcome(name, True, plan.shown(), comment, failed=bool(plan.problems()))


def _nothing_to_do(plan):
    total = len(plan.everything)
    what = "It is" if total == 1 else f"All {total} objects are"
    but = ", apart from the following" if plan.warnings else ""
    return "\n".join([f"{what} as described already{but}; nothing was written.", *_warned(plan)])


def _warned(plan):
    return [f"warning: {one}" for one in plan.warnings]


def _verb(change):
    if change.taken_over:
        return "taken over"
    if change.action == "create":
        return BY_NAME[change.desired.type].created
    return {"update": "updated", "delete": "deleted"}[change.action]


_SHOWN = 20  # successes, more of which no person reads; failures are all listed


def _listed(changes: Sequence, would: str, failed: Sequence = ()) -> str:
    """Return a comment: how much, then one line each, failures first."""
    valid = [change for change in changes if not change.problem]
    bad = [f"failed: {change.name}: {change.error}" for change in failed]
    blocked = [change for change in changes if change.problem]
    bad += [f"cannot be applied: {change.name}: {change.problem}" for change in blocked]
    good = []
    for change in valid[:_SHOWN]:
        fields = f" ({', '.join(change.new)})" if change.action == "update" else ""
        good.append(f"{would} {_verb(change)}: {change.name}{fields}".strip())
    if len(valid) > _SHOWN:
        good.append(f"... and {len(valid) - _SHOWN} more")
    head = f"{len(valid)} change{'' if len(valid) == 1 else 's'} {'to make' if would else 'made'}"
    head += f", {len(failed)} failed" if failed else ""
    return "\n".join([f"{head}:", *bad, *good])
