"""What goes wrong with some minions stays with them, and leaves a record and an event of each."""

from __future__ import annotations

import contextlib
import logging

from saltext.maas.errors import MaasError

log = logging.getLogger(__name__)

_ADVICE = "look at the master's log; then fire maas/cluster/onboard again"


def fail(fleet, minion, step, why, todo=_ADVICE, region=None, **more) -> None:
    """Have a minion's onboarding failed.  Nothing comes of it if that cannot be noted but a log.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        minion: Its id.
        step: The step that is told; also noted, unless it failed in one before.
        why, todo: What is told.
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
        fleet.tell(minion, step, "failed", why, todo=todo, **more)


@contextlib.contextmanager
def alone(fleet, minion, region=None):
    """Have an error fail one minion, in the step ``pillar``, and go on with the others."""
    try:
        yield
    except Exception as error:
        fail(fleet, minion, "pillar", caught(error, [minion]), region=region)


def caught(error, minions) -> str:
    """Log an error that was caught on behalf of minions; what to tell of it."""
    ours = isinstance(error, MaasError)  # which says what there is to say by itself
    told = str(error) if ours else f"{type(error).__name__}: {error}"
    log.error("maas onboarding of %s: %s", ", ".join(minions), told, exc_info=not ours and error)
    return told


@contextlib.contextmanager
def _logged(minion):
    # On a full disk, say, the others are still to be told.
    try:
        yield
    except Exception:
        log.exception("that the onboarding of %s failed could not be noted", minion)
