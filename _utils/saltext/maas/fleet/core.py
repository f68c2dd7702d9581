"""What every task of a fleet works with: settings, store, Salt, and who is told of progress."""

from __future__ import annotations

import contextlib
import logging
import sys

import salt.exceptions
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet.config import Settings, batch_problems
from saltext.maas.fleet.minions import Salt
from saltext.maas.fleet.store import Store

log = logging.getLogger(__name__)


class Plain(MaasError, salt.exceptions.NotImplemented):
    """An error of which Salt's runners show the text alone; of any other they show a traceback."""


@contextlib.contextmanager
def plainly():
    """Have a person who calls a runner see what went wrong in our own words only."""
    try:
        yield
    except MaasError as error:
        raise Plain(str(error)) from None


class Fleet:
    """A fleet, from the master's side.  Use it as a context manager.

    Args:
        dunders: A runner module's ``globals()``.
        progress: Show progress on standard error.
        salt: Instead of the real one, for tests.
        batch: How many clusters at once, instead of the master's setting.
    """

    def __init__(self, dunders, progress: bool = False, salt=None, batch: int | None = None):
        self.settings = Settings.of(dunders["__opts__"])
        self.store = Store(self.settings.folder)
        self.salt = salt or Salt(dunders, self.settings.work_seconds)
        self.batch = _whole(batch) if batch is not None else self.settings.batch
        self.progress = Progress(sys.stderr if progress else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.salt.close()

    def tell(self, minion: str, step: str, state: str, message: str = "", **more) -> None:
        """Put ``maas/onboard/<minion>/<step>`` on the event bus."""
        data = {"minion": minion, "step": step, "state": state, "message": message, **more}
        self.salt.tell(f"maas/onboard/{minion}/{step}", data)

    def refuse(self, minion: str, why: str, by: str | None = None) -> None:
        """Log and tell that nothing is done for a minion."""
        if by == "run":
            self.store.refuse(minion, why)
        log.warning("maas onboarding of %s refused: %s", minion, why)
        self.tell(minion, "refused", "refused", why)

    def region(self, name, function, *args, **kwargs):
        """Call a function on a region's minion; the answer is its own.

        Raises:
            MaasError: It failed; the text names the region.
        """
        kwargs.update(seconds=self.settings.answer_seconds, limit=self.settings.region_seconds)
        answer = self.salt.ask_signed(name, function, *args, **kwargs)
        if answer.missing_function:
            # A region that was set up before this extension's modules were handed out.
            self.salt.ask([name], "saltutil.sync_all", seconds=kwargs["seconds"])
            answer = self.salt.ask_signed(name, function, *args, **kwargs)
        if answer.error:
            raise MaasError(f"the region's minion {name}: {answer.error}")
        return answer.value

    def refresh(self, minions) -> dict:
        """Have minions fetch their pillar: ``{minion: Answer}``."""
        wait = max(30, int(self.settings.answer_seconds))
        return self.salt.ask(
            minions, "saltutil.refresh_pillar", seconds=wait, wait=True, timeout=wait
        )

    def members(self, region) -> tuple[dict, list]:
        """The clusters of a region.

        Returns:
            ``({minion: what look says}, [names of others])``: those that its pillar names or that
            were onboarded from here, and those at work of which no minion is known.
        """
        look = self.region(region, "maas_fleet.look")
        found, others = dict(look["clusters"]), dict(look["unnamed"])
        for minion, name in self.onboarded(region, others).items():
            entry = others.pop(name)
            found.setdefault(minion, {**entry, "named": False, "problems": [], "own_url": False})
        return found, sorted(others)

    def onboarded(self, region, others) -> dict:
        """``{minion: name}`` of those among unnamed clusters that were onboarded from here."""
        if not others:
            return {}
        records = self.store.records()
        minions = {
            record.get("cluster"): minion
            for minion, record in records.items()
            if record.get("region") == region
        }
        pairs = ((minions.get(entry["cluster"]), name) for name, entry in others.items())
        return {minion: name for minion, name in pairs if minion}


class Progress:
    """Progress for a person: a bar on a terminal, a line for each event elsewhere.

    Args:
        stream: Standard error, or None for nobody.
    """

    def __init__(self, stream):
        self._stream = stream
        self._bar = bool(stream) and hasattr(stream, "isatty") and stream.isatty()
        self._width = 0
        self._last = None

    def show(self, done: int, total: int, text: str) -> None:
        """Show how far it is."""
        if self._stream is None:
            return
        percent = 100 * done // total if total else 100
        if not self._bar and (done, total, text) == self._last:
            return
        self._last = (done, total, text)
        if not self._bar:
            print(f"{percent:3d} % ({done} of {total}) {text}", file=self._stream, flush=True)
            return
        filled = 24 * percent // 100
        line = f"[{'#' * filled}{'.' * (24 - filled)}] {percent:3d} % {done}/{total} {text}"[:118]
        padded = line.ljust(self._width)
        self._width = len(line)
        print(f"\r{padded}", end="", file=self._stream, flush=True)

    def end(self) -> None:
        """Leave the bar."""
        if self._bar and self._width:
            print(file=self._stream, flush=True)
            self._width = 0


def _whole(number):
    problems = batch_problems("batch", number)
    if problems:
        raise BadInput(problems)
    return number
