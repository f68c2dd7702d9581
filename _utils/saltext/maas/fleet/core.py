"""What every task of a fleet works with: settings, state, Salt, events and progress."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import salt.exceptions
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet.config import checked_batch, settings_of
from saltext.maas.fleet.forms import formed
from saltext.maas.fleet.minions import Answer, Salt
from saltext.maas.fleet.store import Store

log = logging.getLogger(__name__)

#: The states of a cluster that its region has accepted and can reach.
ENROLLED = ("accepted", "connected")
#: What a region says of a cluster that it does not have.
ABSENT = {"named": False, "state": "absent"}
_ADVICE = "look at the master's log"


class Plain(MaasError, salt.exceptions.NotImplemented):
    """An error of which Salt's runners show the text alone; of any other they show a traceback."""


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Show a person who calls a runner the text of our errors, without a traceback."""
    try:
        yield
    except MaasError as error:
        raise Plain(str(error)) from None


def for_person(opts: dict) -> bool:
    """Return whether a runner's result is shown by ``salt-run`` as it likes."""
    return opts.get("__cli") == "salt-run" and not opts.get("output")


def shown(opts: dict, found: Any, text: str) -> Any:
    """Return a runner's result: its text where that is for a person."""
    return {"outputter": "txt", "data": text} if for_person(opts) else found


def caught(error: Exception, minions: Iterable[str]) -> str:
    """Log an error that was caught on behalf of minions; return its message."""
    ours = isinstance(error, MaasError)  # which says what there is to say by itself
    message = str(error) if ours else f"{type(error).__name__}: {error}"
    trace = None if ours else error
    log.error("maas onboarding of %s: %s", ", ".join(minions), message, exc_info=trace)
    return message


class Fleet:
    """A fleet, from the master's side.  Use it as a context manager.

    Args:
        dunders: A runner module's ``globals()``.
        progress: Show progress on standard error.
        salt: Instead of the real one, for tests.
        batch: How many clusters at once, instead of the master's setting.

    Raises:
        BadInput: The master's configuration, or ``batch``, is wrong.
        StoreError: The state of the fleet cannot be opened.
    """

    def __init__(self, dunders, progress: bool = False, salt=None, batch: int | None = None):
        self.settings = settings_of(dunders["__opts__"])
        self.name = str(dunders["__opts__"].get("id") or "master")
        self.batch = self.settings.batch if batch is None else checked_batch(batch)
        self.store = Store(self.settings.folder)
        self.mark = self.store.mark
        self.salt = salt or Salt(dunders, self.settings.work_seconds)
        self.progress = Progress(sys.stderr if progress else None)

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_) -> None:
        self.progress.end()
        self.salt.close()
        self.store.close()

    def batches(self, minions: list[str]) -> Iterator[list[str]]:
        """Yield minions in batches."""
        for start in range(0, len(minions), self.batch):
            yield minions[start : start + self.batch]

    def fire(self, minion: str, step: str, state: str, message: str = "", **more) -> None:
        """Fire the event ``maas/onboard/<minion>/<step>``."""
        data = {"minion": minion, "step": step, "state": state, "message": message, **more}
        self.salt.fire(f"maas/onboard/{minion}/{step}", data)

    def refuse(self, minion: str, why: str, by: str | None = None) -> None:
        """Log that nothing is done for a minion, and fire an event of it."""
        if by == "run":
            self.store.refuse(minion, why)
        log.warning("maas onboarding of %s refused: %s", minion, why)
        self.fire(minion, "refused", "refused", why)

    def fail(
        self,
        minion: str,
        step: str,
        why: str,
        todo: str = _ADVICE,
        region: str | None = None,
        **more,
    ) -> None:
        """Record that a minion's onboarding failed, and fire an event of it.

        What cannot be recorded or fired is in the log, as others still need theirs.

        Args:
            minion: Its id.
            step: The step of the event; also of the record, unless the minion is in one already.
            why, todo: What happened, and what to do.
            region: The region's minion, where that is known.
            more: For the event.
        """
        todo = f"{todo}; then fire maas/cluster/onboard again"
        more.update({"region": region} if region else {})

        def note():
            record = self.store.record(minion)
            record.update(minion=minion, state="failed", error=why, todo=todo)
            record.update(step=record.get("step") or step, region=region or record.get("region"))
            record.pop("batch", None)
            self.store.keep(minion, record)

        for work in (note, lambda: self.fire(minion, step, "failed", why, todo=todo, **more)):
            try:
                work()
            except Exception:
                log.exception("that the onboarding of %s failed could not be noted", minion)

    @contextlib.contextmanager
    def alone(self, minion: str, region: str | None = None) -> Iterator[None]:
        """Have an error fail one minion, in the step ``pillar``, and go on with the others."""
        try:
            yield
        except Exception as error:
            self.fail(minion, "pillar", caught(error, [minion]), region=region)

    @contextlib.contextmanager
    def alone_all(self, minions: dict[str, dict], region: str) -> Iterator[None]:
        """Have an error fail all of some minions, in the step ``pillar``, and leave them out."""
        try:
            yield
        except Exception as error:
            why = caught(error, minions)
            for minion in list(minions):
                self.fail(minion, "pillar", why, region=region)
            minions.clear()

    def ask(self, minions: Iterable[str], function: str, *args, **kwargs) -> dict[str, Answer]:
        """Call a function on minions; see :meth:`saltext.maas.fleet.minions.Salt.ask`."""
        kwargs.setdefault("seconds", self.settings.answer_seconds)
        on_answer = kwargs.pop("on_answer", None)
        if on_answer:
            kwargs["on_answer"] = lambda one, answer: on_answer(one, formed(function, answer))
        found = self.salt.ask(minions, function, *args, **kwargs)
        return {minion: formed(function, answer) for minion, answer in found.items()}

    def region(self, name: str, function: str, *args, **kwargs) -> Any:
        """Call a function on a region's minion; the answer is its own.

        Where that is away another host of the region is asked, if the master knows one.

        Raises:
            MaasError: It failed; the text names the region.
        """
        # One that does not even answer a ping does nothing, so that nothing is done twice.
        for other in self.settings.other_hosts.get(name, ()):
            if self.salt.connected([name]):
                break
            name = other
        return self.host(name, function, *args, **kwargs)

    def more_hosts(self, region: str) -> list[str]:
        """Return the minions of a region's other hosts, as its pillar names them.

        Raises:
            MaasError: The region cannot be asked.
        """
        found = self.region(region, "maas_fleet.region_hosts")
        return [host for host, one in found.items() if one["named"] and host != region]

    def host(self, name: str, function: str, *args, **kwargs) -> Any:
        """Call a function on the minion of one region host; the answer is its own.

        Raises:
            MaasError: It failed; the text names the host.
        """
        kwargs.update(seconds=self.settings.answer_seconds, limit=self.settings.region_seconds)
        answer = self.salt.ask_signed(name, function, *args, **kwargs)
        if answer.error and answer.error.endswith("is not available."):
            # The region's minion has no modules of this extension yet, or older ones.
            self.ask([name], "saltutil.sync_all")
            answer = self.salt.ask_signed(name, function, *args, **kwargs)
        answer = formed(function, answer)
        if answer.error:
            raise MaasError(f"the region's minion {name}: {answer.error}")
        return answer.value

    def region_named(self, region: str | None) -> str:
        """Return the region that a person means; None is the only one.

        Raises:
            BadInput: There is no such region, or several.
        """
        regions = self.settings.regions
        if region is None and len(regions) == 1:
            return regions[0]
        if region is None or region not in regions:
            raise BadInput(f"region: {region!r} must be one of {', '.join(regions)}")
        return region

    def refresh_pillar(self, minions: Iterable[str]) -> dict[str, Answer]:
        """Have minions fetch their pillar."""
        wait = max(30, int(self.settings.answer_seconds))
        return self.ask(minions, "saltutil.refresh_pillar", seconds=wait, wait=True, timeout=wait)

    def members(self, region: str) -> tuple[dict[str, dict], list[str]]:
        """Return the clusters of a region.

        Returns:
            ``({minion: what inspect says}, [names of others])``: those that its pillar names or
            that were onboarded from here, and those at work of which no minion is known.

        Raises:
            MaasError: The region cannot be asked.
        """
        seen = self.region(region, "maas_fleet.inspect")
        found, others = dict(seen["clusters"]), dict(seen.get("unnamed") or {})
        for minion, name in self.onboarded(region, others).items():
            entry = others.pop(name)
            found.setdefault(minion, {**entry, "named": False, "problems": [], "own_url": False})
        return found, sorted(others)

    def onboarded(self, region: str, others: dict[str, dict]) -> dict[str, str]:
        """Return ``{minion: name}`` of those unnamed clusters that were onboarded from here."""
        minions = {
            record.get("cluster"): minion
            for minion, record in (self.store.records() if others else {}).items()
            if record.get("region") == region
        }
        pairs = ((minions.get(entry["cluster"]), name) for name, entry in others.items())
        return {minion: name for minion, name in pairs if minion}


class Progress:
    """Progress for a person: a bar on a terminal, a line for each change elsewhere.

    Args:
        stream: Standard error, or None for nobody.
    """

    def __init__(self, stream: TextIO | None):
        self._stream = stream
        self._bar = stream is not None and stream.isatty()
        self._width = 0
        self._last: tuple | None = None

    def show(self, done: int, total: int, text: str) -> None:
        """Show how far it is."""
        if self._stream is None or (done, total, text) == self._last:
            return
        self._last = (done, total, text)
        percent = 100 * done // total if total else 100
        if not self._bar:
            print(f"{percent:3d} % ({done} of {total}) {text}", file=self._stream, flush=True)
            return
        filled = 24 * percent // 100
        line = f"[{'#' * filled}{'.' * (24 - filled)}] {percent:3d} % {done}/{total} {text}"[:118]
        padded = line.ljust(self._width)
        self._width = len(line)
        print(f"\r{padded}", end="", file=self._stream, flush=True)

    def end(self) -> None:
        """End the bar's line."""
        if self._width:
            print(file=self._stream, flush=True)
            self._width = 0
