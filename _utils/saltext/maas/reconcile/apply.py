"""Carry a plan out: concurrently where changes are independent, in order where they are not."""

from __future__ import annotations

import contextlib
import graphlib
import itertools
import logging
import math
import queue
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from saltext.maas.errors import (
    Conflict,
    Forbidden,
    Invalid,
    MaasError,
    NotDone,
    NotFound,
    StrangeAnswer,
    Unavailable,
    Unexpected,
    WrongAnswer,
)
from saltext.maas.reconcile.plan import Plan, visible
from saltext.maas.reconcile.prune import used_meanwhile
from saltext.maas.reconcile.run import Limits, Run
from saltext.maas.reconcile.snapshot import Snapshot
from saltext.maas.reconcile.unexpected import log_unexpected
from saltext.maas.redact import redact
from saltext.maas.resources.field import Record

log = logging.getLogger(__name__)

#: How often a change is tried at most.
_ATTEMPTS = 5
#: How often a change may fail that comes nearer with each attempt.
_MOST_FAILURES = 50


def apply(
    snapshot: Snapshot,
    plan: Plan,
    limits: Limits | None = None,
    progress: Callable[[dict], object] | None = None,
) -> None:
    """Carry a plan out; each change says afterwards whether it is done, or its error.

    A change that failed fails those that require it, and no others.

    Args:
        snapshot: The snapshot that the plan was made from.
        plan: The plan.
        limits: How long to wait.
        progress: Called with ``{what, done, total, percent}`` where something takes its time.
    """
    run = Run(snapshot, plan, limits, progress)
    graph = _graph(run)
    ended: queue.SimpleQueue = queue.SimpleQueue()
    running: dict[Future, tuple] = {}
    finished = 0
    with ThreadPoolExecutor(snapshot.client.profile.concurrency) as pool:
        while graph.is_active():
            ready = graph.get_ready()
            for ident in ready:
                if ident in plan.barriers:
                    graph.done(ident)
                    continue
                future = pool.submit(_carry_out, run, run.changes[ident])
                running[future] = ident
                future.add_done_callback(ended.put)
            if not running or not plan.barriers.keys().isdisjoint(ready):
                continue
            future = ended.get()
            graph.done(running.pop(future))
            finished += 1
            future.result()  # a defect of ours must not pass silently
        _settle(run)
        _conclude(run)
        _remove_duplicates(run)
    run.progress("changes", finished, len(run.changes))


def _graph(run):
    barriers = run.plan.barriers
    known = run.changes.keys() | barriers.keys()
    graph = graphlib.TopologicalSorter(
        {change.id: (change.requires | change.after) & known for change in run.plan.changes}
    )
    for barrier, members in barriers.items():
        graph.add(barrier, *members)
    graph.prepare()
    return graph


def _carry_out(run, change):
    """Make one change, and note in it what goes wrong."""
    if change.problem:
        change.error = change.problem
        return
    failed = run.failed_requirements(change)
    if failed:
        names = ", ".join(sorted(one.name for one in failed)[:3])
        change.error, change.skipped = f"skipped: dependency failed: {names}", True
        return
    table = run.snapshot.tables[change.desired.type]
    secrets = ()
    try:
        run.starts()
        secrets = table.secrets(change.desired.values)
        _make_true(run, table, change)
    except MaasError as error:
        change.error = redact(error, secrets) + _missing_entitlement(run.snapshot, table, error)
        log.debug("%s: %s", change.name, change.error)
    except Exception as error:
        shown = log_unexpected(change.name, error, secrets)
        change.error = f"unexpected {shown}; the minion's log has the details"
    else:
        change.done = True


def _missing_entitlement(snapshot, table, error):
    """The entitlement that a change takes, for the end of an error that does not name it."""
    unnamed = isinstance(error, Forbidden) and table.permission not in str(error)
    if not unnamed or table.personal or "user_group" not in snapshot.tables:
        return ""
    return f"; changing {table.nouns} requires the entitlement {table.permission}"


def _make_true(run, table, change):
    """Make a change; where it is unknown whether MAAS did, inspect, and repeat it if it did not."""
    left, found = math.inf, None
    for failures in itertools.count(1):
        try:
            if found:
                _finish(run, table, change, *found)
            else:
                _DO[change.action](run, table, change)
            return
        except MaasError as error:
            found = None
            if error.left is not None:
                if error.left < left and failures < _MOST_FAILURES:
                    change.attempts = 0  # since some of a sequence of requests was made
                    run.starts()
                left = error.left
            change.attempts += 1
            level = logging.WARNING if isinstance(error, WrongAnswer) else logging.DEBUG
            shown = redact(error, table.secrets(change.desired.values))
            log.log(level, "%s: %s", change.name, shown)
            if not _worth_inspecting(error, change):
                # Another client's run may have sent the same sequence of requests.
                record = table.match(run.snapshot, change.desired) if error.reread else None
                if record is not None and _is_true(run, table, change, record):
                    return
                raise
            lost = error.carried_out is None
            change.in_doubt = change.in_doubt or lost
            record = _inspect(run, table, change, error)
            if change.attempts > _ATTEMPTS:
                raise
            if _is_true(run, table, change, record):
                found = [record]  # what follows from it may fail as well
                continue
            if lost:
                change.unsettled = True
                run.lost()
            if change.attempts == _ATTEMPTS or not _may_go_on(error, change, record):
                raise


def _create(run, table, change):
    table.create(run, change.desired)


def _update(run, table, change):
    desired = change.desired
    record = table.match(run.snapshot, desired)
    if record is not None:
        table.update(run, desired, record)
        return
    # Another client removed, renamed or moved it since the plan was made.
    problem = table.problem(run.snapshot, desired, None)
    if problem:
        raise MaasError(f"it does not exist any more, and cannot be created: {problem}")
    change.action, change.old, change.new = "create", None, visible(table, desired.values)
    table.create(run, desired)


def _delete(run, table, change):
    record = table.match(run.snapshot, change.desired)
    now = table.fresh(run, change.desired, record) if record else None
    if record is None or now is None:
        return
    problem = _changed_meanwhile(run.snapshot, table, record, now)
    problem = problem or table.deletion_problem(run.snapshot, change.desired, now)
    if not problem and change.desired.if_unused:
        problem = used_meanwhile(run, table, now)
    if problem:
        raise NotDone(problem)
    table.delete(run, change.desired, now)


def _changed_meanwhile(snapshot, table, before, now):
    """Why an object is not deleted that another client uses, as it changed it after the plan."""
    if before.raw.get("id") != now.raw.get("id"):
        return "another client replaced it after the plan was made; run again if it is to go"
    fields = (one for one in table.fields if one.readable and not one.ref and not one.separate)
    changed = [
        one.name for one in fields
        if one.holds_for(snapshot.release) and one.value(before.raw) != one.value(now.raw)
    ]  # fmt: skip
    if not changed:
        return None
    return (
        f"another client changed its {', '.join(changed)} after the plan was made; run again if it "
        "is to go"
    )


_DO = {"create": _create, "update": _update, "delete": _delete}


def _worth_inspecting(error, change) -> bool:
    """Whether the region may hold something else now although, or because, a request failed."""
    if getattr(error, "for_long", False):
        return False
    if error.carried_out is None or isinstance(error, (Conflict, Unavailable)):
        return True
    if isinstance(error, NotFound):  # which MAAS says of an address that is taken, too
        return change.attempts == 1
    return isinstance(error, Invalid) and error.duplicate


def _may_go_on(error, change, record) -> bool:
    """Whether to try again, with what the region holds now."""
    if isinstance(error, Unexpected) and error.status >= 500 and change.attempts == 1:
        return True  # bad input would be refused again, a database that restarts is back
    stays = isinstance(error, Conflict) and not error.transient
    if stays or isinstance(error, (Invalid, NotFound, Unexpected)):
        if change.action == "create":
            return record is not None  # which is an update now
        return isinstance(error, NotFound)
    return True


def _inspect(run, table, change, error):
    """See what is there now; after a creation that may have happened, with patience."""
    lost_creation = change.action == "create" and error.carried_out is None
    patient = lost_creation and table.duplicates != "never"
    lookups = run.many_lookups if patient else run.lookups
    for number in range(lookups):
        if not isinstance(error, (Invalid, NotFound)):
            run.pause(number, error)
        try:
            table.reload(run.snapshot, change.desired)
            record = table.match(run.snapshot, change.desired)
        except StrangeAnswer:
            if number + 1 == lookups:
                raise
            continue
        if record is not None or not lost_creation:
            return record
    return None


def _is_true(run, table, change, record) -> bool:
    if change.desired.absent:
        return record is None
    return record is not None and not table.differences(run.snapshot, change.desired, record)


def _finish(run, table, change, record):
    """Do what follows from a change that was found made."""
    if change.desired.absent:
        part = table.partition(change.desired.values)
        run.snapshot.forget(table.name, change.raw, part)
        table.after_write(run.snapshot, None, change.raw)
        return
    run.found(change.desired)
    table.after_write(run.snapshot, record.raw, change.raw)
    table.update(run, change.desired, record)


# Requests that are carried out late


def _settle(run):
    """Look again at changes of which a request may have been carried out late.

    MAAS goes on with a request though a gateway gave it up, or the connection was lost.  If it ends
    after the request was repeated, an object can have twice what it should have once.
    """
    unsettled = [one for one in run.changes.values() if one.unsettled and one.done]
    if unsettled:
        run.settle()
    for change in unsettled:
        try:
            if _has_lasted(run, change):
                continue
        except Exception as error:
            shown = error if isinstance(error, MaasError) else log_unexpected(change.name, error)
            change.error = f"it is unknown whether another request changed it again: {shown}"
        change.done = False
        if change.error is None:
            _carry_out(run, change)


def _has_lasted(run, change):
    table = run.snapshot.tables[change.desired.type]
    run.starts()
    table.reload(run.snapshot, change.desired)
    return _is_true(run, table, change, table.match(run.snapshot, change.desired))


def _conclude(run):
    """Do what types do once for all of their objects."""
    made: dict = {}
    for change in run.plan.changes:
        if change.done and change.action != "delete":
            made.setdefault(change.desired.type, []).append(change)
    run.starts()
    for name, changes in made.items():
        try:
            run.snapshot.tables[name].conclude(run, changes)
        except Exception as error:
            known = isinstance(error, MaasError)
            shown = error if known else log_unexpected(name, error)
            for change in changes:
                change.done, change.error = (
                    False,
                    f"it is unknown whether all of it was applied: {shown}",
                )


# Duplicates that a run made itself


def _remove_duplicates(run):
    """Remove what a run created twice, where MAAS lets several objects have one name.

    When a creation was planned no object had the name.  So several that equal one another in all
    that can be read are duplicates, of this run's or of one that went on at the same time; which
    one stays is the same for both.
    """
    for change in run.changes.values():
        table = run.snapshot.tables.get(change.desired.type)
        if table is None or change.action != "create" or table.shared_keys:
            continue
        suspect = change.in_doubt or (table.duplicates == "always" and change.done)
        if table.duplicates != "never" and suspect:
            try:
                _remove_duplicates_of(run, table, change)
            except Exception as error:
                known = isinstance(error, MaasError)
                shown = error if known else log_unexpected(change.name, error)
                change.error = f"whether there are duplicates of it is unknown: {shown}"
                change.done = False


def _remove_duplicates_of(run, table, change):
    part = table.partition(change.desired.values)
    record = table.match(run.snapshot, change.desired)

    def read():
        run.snapshot.reload(table.name, part)

    run.starts()
    for attempt in range(_ATTEMPTS):
        try:
            if attempt or change.in_doubt:
                read()
            else:  # for all of this part together
                run.once(f"look for duplicates of {table.name} {part}", read)
            kept = _keep_one(run, table, change, part)
            if kept and record and not change.in_doubt and kept["id"] != record.raw["id"]:
                change.taken_over = True
            break
        except NotDone:
            raise
        except MaasError as error:
            if attempt + 1 == _ATTEMPTS:
                raise
            run.pause(attempt, error)
    if not change.done and _is_true(run, table, change, table.match(run.snapshot, change.desired)):
        change.done, change.error = True, None


def _keep_one(run, table, change, part):
    snapshot, desired = run.snapshot, change.desired
    found = sorted(snapshot.duplicates(table.name, desired.key, part), key=lambda raw: raw["id"])
    values = [table.values(snapshot, raw) for raw in found]
    if any(one != values[0] for one in values):
        ids = ", ".join(str(raw["id"]) for raw in found)
        raise NotDone(f"another client created a duplicate of this name (ids {ids})")
    for raw in found[1:]:
        log.info("%s: removing the duplicate with id %s", change.name, raw["id"])
        with contextlib.suppress(NotFound):
            table.delete(run, desired, Record(desired.key, raw))
    return found[0] if found else None
