"""One application of a plan: what the tables' writing methods work with."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from saltext.maas import poll
from saltext.maas.errors import LostAnswer, MaasError, StrangeAnswer, Unreachable
from saltext.maas.reconcile.desired import Desired
from saltext.maas.reconcile.plan import Change, Plan
from saltext.maas.reconcile.snapshot import Snapshot
from saltext.maas.reconcile.unexpected import log_unexpected

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
    """One application of one plan; its methods may be called by several threads at once.

    Attributes:
        snapshot, client, plan, limits: What it works with.
        changes: The plan's changes by their ids.
    """

    #: The last check of a wait may take so many seconds, though the time is up.
    last_check_seconds = 1.0
    #: A collection that is watched is read at most once in this many seconds.
    poll_seconds = 1.0
    #: How often is looked for a creation whose answer was lost, before it is sent again: MAAS may
    #: be at work on it still.  Where it would make a second object, patience is cheaper.
    lookups, many_lookups = 2, 6
    #: A request whose answer was lost is expected to be carried out within so long, or never.
    settle_seconds = 2.0
    #: An import that has neither run nor brought anything for so long has failed.
    stalled_seconds = 60.0
    #: A cluster that works connects again within 30 seconds, also to a region just restarted.
    reconnect_seconds = 40.0
    #: What was read longer ago is read again before a write that might undo another client's.
    trust_seconds = 1.0

    def __init__(
        self,
        snapshot: Snapshot,
        plan: Plan,
        limits: Limits | None = None,
        progress: Callable[[dict], object] | None = None,
    ):
        self.snapshot = snapshot
        self.client = snapshot.client
        self.plan = plan
        self.limits = limits or Limits()
        self.changes = {change.id: change for change in plan.changes}
        self._progress = progress
        self._reported: dict = {}
        self._started = time.monotonic()
        self._lost = -math.inf  # when an answer was lost last
        self._once: dict = {}
        self._known: set = set()
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._locks: dict = {}

    # Waiting

    def wait_for(self, what: str, check: Callable[[], Any], seconds: float | None = None) -> Any:
        """Call ``check`` until it returns something, and return that.

        Args:
            what: What is waited for, for the message.
            check: Returns None as long as it is not there.
            seconds: Deadline from now; without one, ``enrol_seconds`` from
                the start of the run, shared by all that wait so.

        Raises:
            MaasError: It did not come in time.
        """
        limit = self.limits.enrol_seconds if seconds is None else seconds
        deadline = (self._started if seconds is None else time.monotonic()) + limit
        self.last_error = None

        def until():
            left = deadline - time.monotonic()
            try:
                with self.client.within(max(left, self.last_check_seconds), here=True):
                    return check()
            except (LostAnswer, Unreachable, StrangeAnswer) as error:
                if time.monotonic() < deadline:
                    raise
                self.last_error = error
                return None

        found = poll.wait(until, max(0.0, deadline - time.monotonic()))
        if found is None:
            raise MaasError(poll.timed_out(limit, what, self.last_error))
        return found

    @property
    def last_error(self) -> Exception | None:
        """Why what this thread waits for is not there yet."""
        return getattr(self._thread, "last_error", None)

    @last_error.setter
    def last_error(self, error: Exception | None) -> None:
        self._thread.last_error = error

    def starts(self) -> None:
        """Count the deadline of what this thread tries again from now."""
        self._thread.began = time.monotonic()

    def pause(self, attempt: int, error: MaasError) -> None:
        """Rest before something is looked up, or a write is tried, again.

        Raises:
            MaasError: ``error`` itself, when the rest would outlast the profile's deadline,
                counted from :meth:`starts`.
        """
        after = getattr(error, "retry_after", None)
        seconds = after or 0.2 * 2**attempt * random.uniform(0.5, 1.0)  # nosec B311 # a pause
        if time.monotonic() + seconds > self._thread.began + self.client.profile.deadline:
            raise error
        time.sleep(seconds)

    def lost(self) -> None:
        """Note that an answer was lost now."""
        self._lost = time.monotonic()

    def settle(self) -> None:
        """Wait until requests whose answers were lost are expected to have ended."""
        time.sleep(max(0.0, self._lost + self.settle_seconds - time.monotonic()))

    # What the threads of a run share

    def failed_requirements(self, change: Change) -> list[Change]:
        """Return the changes that one requires and that were not made."""
        required = (self.changes.get(one) for one in self.plan.requires(change))
        return [one for one in required if one and not one.done]

    def hopeless(self, desired: Desired) -> bool:
        """Return whether a desired object cannot come true, once what it requires has ended."""
        change = self.changes.get((desired.type, desired.key))
        return change is not None and bool(change.problem or self.failed_requirements(change))

    def found(self, desired: Desired) -> None:
        """Note that what was to be created is there, by another client's doing or by ours."""
        change = self.changes[desired.type, desired.key]
        if change.action == "create" and not change.in_doubt:
            change.taken_over = bool(change.attempts) or not self._made_along(change)

    def _made_along(self, change):
        """Whether MAAS made it along with what this run has created: the VLAN of a new fabric."""
        required = (self.changes.get(one) for one in self.plan.requires(change))
        own = (one for one in required if one and one.action == "create" and not one.taken_over)
        tables = self.snapshot.tables
        return any(change.id in tables[one.desired.type].brings(one.desired.key) for one in own)

    def once(self, name: str, work: Callable[[], object]) -> None:
        """Do something once in this run; all but the first that ask wait for it.

        Raises:
            Exception: What ``work`` raised, for all that ask.
        """
        with self._lock:
            entry = self._once.setdefault(name, {"lock": threading.Lock()})
        with entry["lock"]:
            if "error" not in entry:
                entry["error"] = None
                try:
                    work()
                except Exception as error:
                    entry["error"] = error
            if entry["error"]:
                raise entry["error"]

    def lock(self, name: str) -> threading.Lock:
        """Return the lock of what only one change may do at a time, such as an image import."""
        with self._lock:
            return self._locks.setdefault(name, threading.Lock())

    def know(self, fact: Hashable) -> None:
        """Remember something that was found out in this run."""
        self._known.add(fact)

    def known(self, fact: Hashable) -> bool:
        """Return whether something was found out in this run."""
        return fact in self._known

    def progress(self, what: str, done: int, total: int) -> None:
        """Report progress, if there is any."""
        if self._reported.get(what) == (done, total):
            return
        self._reported[what] = (done, total)
        percent = 100 * done // total if total else 100
        log.info("%s: %d of %d (%d %%)", what, done, total, percent)
        if self._progress:
            try:
                self._progress({"what": what, "done": done, "total": total, "percent": percent})
            except Exception as error:  # a failing callback must not stop the work
                log_unexpected("progress", error)
