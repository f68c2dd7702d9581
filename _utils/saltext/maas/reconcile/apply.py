"""Carry a plan out: concurrently where changes are independent, in order where they are not."""

from __future__ import annotations

import graphlib
import logging
import queue
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from saltext.maas.client.errors import MaasError

log = logging.getLogger(__name__)


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

    #: A collection that is watched is read at most once in this many seconds.
    poll_seconds = 1.0
    #: An import that has neither run nor brought anything for so long has failed.
    stalled_seconds = 60.0

    def __init__(self, snapshot, plan, limits=None, progress=None):
        self.snapshot = snapshot
        self.client = snapshot.client
        self.plan = plan
        self.limits = limits or Limits()
        self.last_error = None
        self._progress = progress
        self._reported = {}
        self._started = time.monotonic()
        self._once = {}
        self._known = set()
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
        limit = self.limits.enrol_seconds if seconds is None else seconds
        deadline = (self._started if seconds is None else began) + limit
        pause = 0.1
        while True:
            found = check()
            if found is not None:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                told = f": {self.last_error}" if self.last_error else ""
                raise MaasError(f"waited {limit:g} s for {what} in vain{told}")
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 5.0)

    def pause(self, attempt: int, error) -> None:
        """Rest before a write is tried again."""
        after = getattr(error, "retry_after", None)
        time.sleep(after or 0.2 * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311

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
                except MaasError as error:
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
            self._progress({"what": what, "done": done, "total": total, "percent": percent})


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
    changes = {change.id: change for change in plan.changes}
    known = changes.keys() | plan.gates.keys()
    graph = graphlib.TopologicalSorter(
        {change.id: (change.needs | change.follows) & known for change in plan.changes}
    )
    for gate, members in plan.gates.items():
        graph.add(gate, *members)
    graph.prepare()
    running, ended = {}, queue.SimpleQueue()
    total, finished = len(changes), 0
    with ThreadPoolExecutor(snapshot.client.profile.concurrency) as pool:
        while graph.is_active():
            gates_passed = False
            for ident in graph.get_ready():
                if ident in plan.gates:
                    graph.done(ident)
                    gates_passed = True
                    continue
                future = pool.submit(_carry_out, run, changes, changes[ident])
                running[future] = ident
                future.add_done_callback(ended.put)
            if gates_passed or not running:
                continue
            future = ended.get()
            graph.done(running.pop(future))
            finished += 1
            future.result()  # a defect of ours must not pass silently
        run.progress("changes", finished, total)


def _carry_out(run, changes, change):
    if change.problem:
        change.error = change.problem
        return
    needed = {one for ident in change.needs for one in run.plan.gates.get(ident, (ident,))}
    failed = [changes[one] for one in needed if one in changes and not changes[one].done]
    if failed:
        names = ", ".join(sorted(one.name for one in failed)[:3])
        change.error = f"not tried, because it needs what failed: {names}"
        return
    table = run.snapshot.tables[change.wanted.type]
    try:
        if change.action == "delete":
            record = table.match(run.snapshot, change.wanted)
            if record is not None:
                table.delete(run, change.wanted, record)
        elif change.action == "update":
            table.update(run, change.wanted, table.match(run.snapshot, change.wanted))
        else:
            table.create(run, change.wanted)
    except MaasError as error:
        change.error = str(error)
        log.debug("%s: %s", change.name, error)
    else:
        change.done = True
