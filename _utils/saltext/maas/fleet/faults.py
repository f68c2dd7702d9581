"""What goes wrong with some minions stays with them, and leaves a record and an event of each."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator

from saltext.maas.errors import MaasError

log = logging.getLogger(__name__)

AGAIN = "then fire maas/cluster/onboard again"
_ADVICE = f"look at the master's log; {AGAIN}"


def fail(fleet, minion, step, why, todo=_ADVICE, region=None, **more) -> None:
    """Record and announce that a minion's onboarding failed; what cannot be is in the log.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        minion: Its id.
        step: The step of the event; also of the record, unless the minion is in one already.
        why, todo: What happened, and what to do.
        region: The region's minion, where that is known.
        more: For the event.
    """
    with _logged(minion):
        record = fleet.store.record(minion)
        record.update(minion=minion, state="failed", error=why, todo=todo)
        record.update(step=record.get("step") or step, region=region or record.get("region"))
        record.pop("batch", None)
        fleet.store.keep(minion, record)
    if region:
        more["region"] = region
    with _logged(minion):
        fleet.fire(minion, step, "failed", why, todo=todo, **more)


@contextlib.contextmanager
def alone(fleet, minion: str, region: str | None = None) -> Iterator[None]:
    """Have an error fail one minion, in the step ``pillar``, and go on with the others."""
    try:
        yield
    except Exception as error:
        fail(fleet, minion, "pillar", caught(error, [minion]), region=region)


def caught(error: Exception, minions: Iterable[str]) -> str:
    """Log an error that was caught on behalf of minions; return its message."""
    ours = isinstance(error, MaasError)  # which says what there is to say by itself
    message = str(error) if ours else f"{type(error).__name__}: {error}"
    log.error(
        "maas onboarding of %s: %s", ", ".join(minions), message, exc_info=None if ours else error
    )
    return message


@contextlib.contextmanager
def _logged(minion):
    # On a full disk, say, the others still need their events.
    try:
        yield
    except Exception:
        log.exception("that the onboarding of %s failed could not be noted", minion)
