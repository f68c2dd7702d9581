"""Carry a plan out: concurrently where changes are independent, in order where they are not."""

from __future__ import annotations

import contextlib
import graphlib
import logging
import queue
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from saltext.maas.errors import (
    Conflict,
    Invalid,
    LostAnswer,
    MaasError,
    NotDone,
    NotFound,
    StrangeAnswer,
    Unavailable,
    Unexpected,
    Unreachable,
    WrongAnswer,
)
from saltext.maas.reconcile.plan import visible
from saltext.maas.reconcile.unexpected import log_unexpected
from saltext.maas.redact import redact
from saltext.maas.resources.field import Record

log = logging.getLogger(__name__)

#: How often a change is tried at most.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Limits:
    """How long a run waits for what MAAS does in the background, in seconds.

    Attributes:
        enrol_seconds: For clusters to register and connect, counted from the
            start of the run.
        catalogue_seconds: For the region to fetch a boot source's index.
        import_seconds: For an image import.
        sync_seconds: For a cluster to fetch the region's images.
    """

    enrol_seconds: float = 300.0
    catalogue_seconds: float = 120.0
    import_seconds: float = 3600.0
    sync_seconds: float = 1800.0


class Run:
    """What the tables' writing methods work with: one application of one plan."""

    #: What is waited for may take so many seconds to look at, though its time is over.
    last_check_seconds = 1.0
    #: A collection that is watched is read at most once in this many seconds.
    poll_seconds = 1.0
    #: How often is looked after a creation whose answer was lost, before it is sent again: MAAS
    #: may be at work on it still.  Where it would make a second object, patience is cheaper.
    lookups, many_lookups = 2, 6
    #: An import that has neither run nor brought anything for so long has failed.
    stalled_seconds = 60.0
    #: A cluster that works connects again within 30 seconds, also to a region just restarted.
    reconnect_seconds = 40.0

    def __init__(self, snapshot, plan, limits=None, progress=None):
        self.snapshot = snapshot
        self.client = snapshot.client
        self.plan = plan
        self.limits = limits or Limits()
        self._progress = progress
        self._reported = {}
        self._started = time.monotonic()
        self._once = {}
        self._known = set()
        self._change = threading.local()
        self.changes = {change.id: change for change in plan.changes}
        self._lock = threading.Lock()

    def wait_for(self, what: str, check, seconds: float | None = None):
        """Call ``check`` until it returns something.

        Args:
            what: What is waited for, for the message.
            check: Returns None as long as it is not there.
            seconds: Deadline from now; without one, ``enrol_seconds`` from
                the start of the run, shared by all that wait so.

        Raises:
            MaasError: It did not come in time.
        """
        began = time.monotonic()
        self.last_error = None
        limit = self.limits.enrol_seconds if seconds is None else seconds
        deadline = (self._started if seconds is None else began) + limit
        pause = 0.1
        while True:
            left = deadline - time.monotonic()
            try:
                with self.client.within(max(left, self.last_check_seconds), here=True):
                    found = check()
            except (LostAnswer, Unreachable, StrangeAnswer) as error:
                if time.monotonic() < deadline:
                    raise
                found, self.last_error = None, error
            if found is not None:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                told = f": {self.last_error}" if self.last_error else ""
                raise MaasError(f"timed out after {limit:g} s waiting for {what}{told}")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 5.0)

    @property
    def last_error(self):
        """Why what this thread waits for is not there yet."""
        return getattr(self._change, "last_error", None)

    @last_error.setter
    def last_error(self, error):
        self._change.last_error = error

    def failed_requirements(self, change) -> list:
        """The changes that one needs and that were not made."""
        needed = [self.changes[one] for one in self.plan.requires(change) if one in self.changes]
        return [one for one in needed if not one.done]

    def hopeless(self, desired) -> bool:
        """Whether a desired object cannot come true in this run, once what it needs has ended."""
        change = self.changes.get((desired.type, desired.key))
        return change is not None and bool(change.problem or self.failed_requirements(change))

    def pause(self, attempt: int, error) -> None:
        """Rest before something is looked at, or a write is tried, again.

        Raises:
            MaasError: ``error`` itself, when the rest would outlast the profile's deadline,
                counted from :meth:`starts`.
        """
        after = getattr(error, "retry_after", None)
        seconds = after or 0.2 * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311
        if time.monotonic() + seconds > self._change.began + self.client.profile.deadline:
            raise error
        time.sleep(seconds)

    def starts(self) -> None:
        """Count the deadline of what this thread tries again from now."""
        self._change.began = time.monotonic()

    def found(self, desired) -> None:
        """Note that what was to be created is there: by somebody else's doing, or by ours."""
        change = self.changes[desired.type, desired.key]
        if change.action == "create" and change.attempts and not change.in_doubt:
            change.taken_over = True

    def once(self, name: str, work):
        """Do something once in this run, whoever asks first; the others wait for it."""
        with self._lock:
            entry = self._once.setdefault(name, {"lock": threading.Lock()})
        with entry["lock"]:
            if "error" in entry:
                raise entry["error"]
            if "done" not in entry:
                try:
                    work()
                    entry["done"] = True
                except Exception as error:
                    entry["error"] = error
                    raise

    def know(self, fact) -> None:
        """Remember something that was found out in this run."""
        with self._lock:
            self._known.add(fact)

    def known(self, fact) -> bool:
        """Whether something was found out in this run."""
        return fact in self._known

    def progress(self, what: str, done: int, total: int) -> None:
        """Report progress, if there is any and somebody listens."""
        if self._reported.get(what) == (done, total):
            return
        self._reported[what] = (done, total)
        percent = 100 * done // total if total else 100
        log.info("%s: %d of %d (%d %%)", what, done, total, percent)
        if self._progress:
            try:
                self._progress({"what": what, "done": done, "total": total, "percent": percent})
            except Exception as error:  # who listens must not stop the work
                log_unexpected("progress", error)


def apply(snapshot, plan, limits=None, progress=None) -> None:
    """Carry a plan out; each change says afterwards whether it is done, or its error.

    A change that failed fails those that need it, and no others.

    Args:
        snapshot: The snapshot that the plan was made from.
        plan: :class:`~saltext.maas.reconcile.plan.Plan`.
        limits: :class:`Limits`.
        progress: Called with ``{what, done, total, percent}`` where something takes its time.
    """
    run = Run(snapshot, plan, limits, progress)
    changes = run.changes
    known = changes.keys() | plan.barriers.keys()
    graph = graphlib.TopologicalSorter(
        {change.id: (change.requires | change.after) & known for change in plan.changes}
    )
    for barrier, members in plan.barriers.items():
        graph.add(barrier, *members)
    graph.prepare()
    running, ended = {}, queue.SimpleQueue()
    total, finished = len(changes), 0
    with ThreadPoolExecutor(snapshot.client.profile.concurrency) as pool:
        while graph.is_active():
            barriers_passed = False
            for ident in graph.get_ready():
                if ident in plan.barriers:
                    graph.done(ident)
                    barriers_passed = True
                    continue
                future = pool.submit(_carry_out, run, changes[ident])
                running[future] = ident
                future.add_done_callback(ended.put)
            if barriers_passed or not running:
                continue
            future = ended.get()
            graph.done(running.pop(future))
            finished += 1
            future.result()  # a defect of ours must not pass silently
        _remove_duplicates(run)
        run.progress("changes", finished, total)


def _carry_out(run, change):
    """Make one change; whatever goes wrong is told by the change itself."""
    if change.problem:
        change.error = change.problem
        return
    failed = run.failed_requirements(change)
    if failed:
        names = ", ".join(sorted(one.name for one in failed)[:3])
        change.error, change.skipped = f"skipped: dependency failed: {names}", True
        return
    secrets = ()
    try:
        run.starts()
        table = run.snapshot.tables[change.desired.type]
        secrets = table.secrets(change.desired.values)
        _make_true(run, table, change)
    except MaasError as error:
        change.error = redact(error, secrets)
        log.debug("%s: %s", change.name, change.error)
    except Exception as error:
        told = log_unexpected(change.name, error, secrets)
        change.error = f"unexpected {told}; the minion's log has the details"
    else:
        change.done = True


def _make_true(run, table, change):
    """Make a change; where nobody knows whether MAAS did, look, and do it again if it did not."""
    while True:
        try:
            _DO[change.action](run, table, change)
            return
        except MaasError as error:
            change.attempts += 1
            log.log(
                logging.WARNING if isinstance(error, WrongAnswer) else logging.DEBUG,
                "%s: %s", change.name, redact(error, table.secrets(change.desired.values)),
            )  # fmt: skip
            if not _worth_a_look(error, change):
                raise
            change.in_doubt = change.in_doubt or error.carried_out is None
            record = _inspect(run, table, change, error)
            if _is_true(run, table, change, record):
                _finish(run, table, change, record)
                return
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
    # Somebody removed, renamed or moved it since the plan was made.
    problem = table.problem(run.snapshot, desired, None)
    if problem:
        raise MaasError(f"it does not exist any more, and cannot be created: {problem}")
    change.action, change.old, change.new = "create", None, visible(table, desired.values)
    table.create(run, desired)


def _delete(run, table, change):
    record = table.match(run.snapshot, change.desired)
    if record is not None:
        table.delete(run, change.desired, record)


_DO = {"create": _create, "update": _update, "delete": _delete}


def _worth_a_look(error, change) -> bool:
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
    stays = isinstance(error, Conflict) and not error.transient
    if stays or isinstance(error, (Invalid, NotFound, Unexpected)):
        if change.action == "create":
            return record is not None  # which is an update now
        return isinstance(error, NotFound)
    return True


def _inspect(run, table, change, error):
    """See what is there now; after a creation that may have happened, with patience."""
    lookups = run.lookups
    if change.action == "create" and error.carried_out is None and table.duplicates != "never":
        lookups = run.many_lookups
    record = None
    for look in range(lookups):
        if not isinstance(error, (Invalid, NotFound)):
            run.pause(look, error)
        try:
            table.reload(run.snapshot, change.desired)
            record = table.match(run.snapshot, change.desired)
        except StrangeAnswer:
            if look + 1 == lookups:
                raise
            continue
        if record is not None or change.action != "create" or error.carried_out is not None:
            break
    return record


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


def _remove_duplicates(run):
    """Remove what a run made twice, where MAAS lets several objects have one name.

    When a creation was planned nobody had the name.  So several that equal one another in all
    that can be read are copies, of this run's or of one that went on at the same time; which one
    stays is the same for both.
    """
    for change in run.changes.values():
        table = run.snapshot.tables.get(change.desired.type)
        if table is None or change.action != "create" or table.shared_keys:
            continue
        if (table.duplicates == "always" and change.done) or (
            table.duplicates != "never" and change.in_doubt
        ):
            try:
                _remove_duplicates_of(run, table, change)
            except Exception as error:
                told = error if isinstance(error, MaasError) else log_unexpected(change.name, error)
                change.error = f"whether there are duplicates of it is unknown: {told}"
                change.done = False


def _remove_duplicates_of(run, table, change):
    part = table.partition(change.desired.values)

    def read():
        run.snapshot.reload(table.name, part)

    run.starts()
    for attempt in range(_ATTEMPTS):
        try:
            if attempt or change.in_doubt:
                read()
            else:  # for all of this part together
                run.once(f"look for copies of {table.name} {part}", read)
            _keep_one(run, table, change, part)
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
        log.info("%s: removing the copy with id %s", change.name, raw["id"])
        with contextlib.suppress(NotFound):
            table.delete(run, desired, Record(desired.key, raw))
