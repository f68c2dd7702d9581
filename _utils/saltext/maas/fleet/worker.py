"""The queue of clusters that want to be onboarded, and the process that works it off.

A thousand events cost a thousand rows: whoever finds nobody at work becomes the worker and takes
batches through the orchestration until the queue is empty.  The queue outlives the master; what
was under way is taken up by the next worker.
"""

from __future__ import annotations

import logging
import os
import time

from saltext.maas import poll
from saltext.maas.fleet import admission, names, steps
from saltext.maas.fleet.core import Fleet, caught

log = logging.getLogger(__name__)

_GATHER_AT_MOST = 10.0


def react(fleet: Fleet, tag: object, sender: str | None, asked: object) -> dict:
    """Act on an event.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        tag, sender, asked: As :func:`saltext.maas.fleet.names.meant` takes them.

    Returns:
        ``{"queued": [minion], "running": [minion], "refused": {minion or "event": why}}``.
    """
    outcome: dict = {"queued": [], "running": [], "refused": {}}
    try:
        minions = names.meant(tag, sender, asked, fleet.settings.authorised)
    except names.Refused as error:
        log.warning("maas onboarding refused: %s", error)
        outcome["refused"]["event"] = str(error)
        return outcome
    by = "start" if tag != names.ONBOARD_TAG else "event"
    for minion in minions:
        try:
            _take_in(fleet, minion, by, outcome)
        except Exception as error:  # the others that the event names are queued all the same
            log.exception("maas onboarding of %s", minion)
            outcome["refused"][minion] = f"it could not be queued: {error}"
            fleet.refuse(minion, outcome["refused"][minion])
    if outcome["queued"] or outcome["running"]:
        work(fleet)
    return outcome


def _take_in(fleet, minion, by, outcome):
    if by == "start" and admission.has_cluster(fleet, minion) is False:
        log.debug("%s has no cluster", minion)
    elif not _accepted(fleet, minion):
        outcome["refused"][minion] = "its key is not accepted"
        fleet.refuse(minion, outcome["refused"][minion])
    else:
        outcome["queued" if ask_for(fleet, minion, by) else "running"].append(minion)


def ask_for(fleet: Fleet, minion: str, by: str) -> bool:
    """Put a minion into the queue; return False, and fire an event, if it is there already."""
    if fleet.store.enqueue(minion, by):
        return True
    step = fleet.store.record(minion).get("step")
    message = f"it is in step {step}" if step else "it waits for its turn"
    fleet.fire(minion, "asked", "running", message)
    return False


def _accepted(fleet, minion):
    # A file is quickly found; other key stores are asked.
    path = os.path.join(fleet.salt.opts["pki_dir"], "minions", minion)
    return os.path.isfile(path) or minion in fleet.salt.accepted_keys([minion])


def work(fleet: Fleet) -> bool:
    """Work the queue off, unless another process does; return whether it was this one."""
    while True:
        with fleet.store.working() as mine:
            if not mine:
                return False
            fleet.store.drop_batches()
            _gather(fleet)
            while queued := fleet.store.queued():
                batch = dict(list(queued.items())[: fleet.batch])
                _onboard(fleet, batch)
                for minion, entry in batch.items():
                    fleet.store.dequeue(minion, entry["asked"])
        # Whoever came between the last look and the lock's end relied on us.
        if not fleet.store.queued():
            return True


def _gather(fleet):
    """Wait a little while more keep coming."""
    before = -1

    def enough():
        nonlocal before
        queued, last = fleet.store.queued(), before
        before = len(queued)
        # A person names all at once.
        by_hand = {one["by"] for one in queued.values()} <= {"run"}
        return by_hand or before == last or before >= fleet.batch or None

    seconds = fleet.settings.gather_seconds
    poll.wait(enough, _GATHER_AT_MOST, pause=seconds, longest=seconds)


def _onboard(fleet, asked):
    """Take a batch through.  Whatever happens, each of its minions is dealt with when it ends."""
    try:
        found = admission.admit(fleet, asked)
    except Exception as error:
        why = caught(error, asked)
        for minion in asked:
            fleet.fail(minion, "pillar", why)
        return
    for one in found:
        _take_through(fleet, one, asked)


def _take_through(fleet, admitted, asked):
    region, minions = admitted.region, admitted.minions
    waiting = set(minions)
    try:
        ident = fleet.store.new_batch(
            region=region,
            minions=list(minions),
            trusted=[minion for minion in minions if minion in admitted.trusted],
            problems=admitted.problems,
            own_problems={minion: entry["problems"] for minion, entry in minions.items()},
        )
        for minion, entry in minions.items():
            with fleet.alone(minion, region):
                _begin(fleet, region, ident, minion, entry, asked[minion].get("by"))
            waiting.remove(minion)
        why = _orchestrate(fleet, ident)
    except Exception as error:
        why = caught(error, minions)
    enrolled = dict.fromkeys(minions, "")
    for minion in minions:
        with fleet.alone(minion, region):
            record = fleet.store.record(minion)
            enrolled[minion] = record["digest"] if record.get("state") == "enrolled" else ""
            if minion in waiting or record.get("state") == "running":
                step = record.get("step") or steps.STEPS[0]
                fleet.fail(minion, step, why, region=region)
    try:
        fleet.region(region, "maas_fleet.release", fleet.mark, enrolled)
    except Exception as error:  # they end by themselves
        caught(error, minions)


def _begin(fleet, region, ident, minion, entry, by):
    before = fleet.store.record(minion)
    fleet.store.keep(
        minion,
        {
            "minion": minion, "region": region, "state": "running", "step": None,
            "batch": ident, "begin": steps.begin_at(before, entry["digest"], entry["state"]),
            "digest": entry["digest"], "cluster": entry["cluster"], "by": by,
            "started": time.time(), "runs": before.get("runs", 0) + 1, "error": None,
            "todo": None,
        },
    )  # fmt: skip


def _orchestrate(fleet, ident):
    """Take a batch through all steps; return why, for those that did not come through."""
    name = fleet.settings.orchestration
    if not name:
        for step in steps.STEPS:
            steps.take(fleet, ident, step)
        return "it ended early"
    done = fleet.salt.runners["state.orchestrate"](
        name, saltenv=fleet.settings.saltenv, pillar={"maas_batch": ident}
    )
    (result,) = done["data"].values() if isinstance(done, dict) else (done,)
    if isinstance(result, list):
        return f"the orchestration {name}: {'; '.join(map(str, result))[:1000]}"
    bad = [one["comment"] for one in result.values() if one.get("result") is False]
    return f"the orchestration {name} ended early: {'; '.join(map(str, bad))[:1000]}"
