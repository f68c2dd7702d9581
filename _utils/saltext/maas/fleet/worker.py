"""The queue of clusters that want to be onboarded, and the one who works it off.

A thousand events cost a thousand small files: whoever finds nobody at work becomes the
worker and takes batches through the orchestration until the queue is empty.  The queue
outlives the master; what was under way is taken up by the next worker.
"""

from __future__ import annotations

import logging
import os
import time

from saltext.maas.fleet import admission, faults, names, steps

log = logging.getLogger(__name__)

_GATHER_AT_MOST = 10.0


def react(fleet, tag, sender, asked) -> dict:
    """Act on an event.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        tag, sender, asked: As :func:`saltext.maas.fleet.names.meant` takes them.

    Returns:
        ``{"queued": [minion], "running": [minion], "refused": {minion or "event": why}}``.
    """
    told = {"queued": [], "running": [], "refused": {}}
    try:
        minions = names.meant(tag, sender, asked, fleet.settings.authorised)
    except names.Refused as error:
        log.warning("maas onboarding refused: %s", error)
        told["refused"]["event"] = str(error)
        return told
    by = "start" if tag != names.ONBOARD_TAG else "event"
    for minion in minions:
        try:
            _hear(fleet, minion, by, told)
        except Exception as error:  # the others that the event names are queued all the same
            log.exception("maas onboarding of %s", minion)
            told["refused"][minion] = f"it could not be queued: {error}"
            fleet.refuse(minion, told["refused"][minion])
    if told["queued"] or told["running"]:
        work(fleet)
    return told


def _hear(fleet, minion, by, told):
    if not names.is_id(minion):
        why = f"its id {names.what_is_wrong(minion)}"
    elif by == "start" and admission.has_cluster(fleet, minion) is False:
        log.debug("%s has no cluster", minion)
        return
    elif not _accepted(fleet, minion):
        why = "its key is not accepted"
    else:
        told["queued" if ask_for(fleet, minion, by) else "running"].append(minion)
        return
    told["refused"][minion] = why
    fleet.refuse(minion, why)


def ask_for(fleet, minion, by) -> bool:
    """Put a minion into the queue; False if it is there, which is then told."""
    if fleet.store.enqueue(minion, by):
        return True
    step = fleet.store.record(minion).get("step")
    message = f"it is in step {step}" if step else "it waits for its turn"
    fleet.tell(minion, "asked", "running", message)
    return False


def _accepted(fleet, minion):
    # A file is quickly found; other key stores are asked.
    path = os.path.join(fleet.salt.opts["pki_dir"], "minions", minion)
    return os.path.isfile(path) or minion in fleet.salt.accepted_keys([minion])


def work(fleet) -> bool:
    """Work the queue off, unless somebody does; whether it was we."""
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
                    fleet.store.done_with(minion, entry["asked"])
        # Whoever came between the last look and the lock's end relied on us.
        if not fleet.store.queued():
            return True


def _gather(fleet):
    """Wait a little while more keep coming."""
    began, count = time.monotonic(), -1
    while time.monotonic() - began < _GATHER_AT_MOST:
        queued = fleet.store.queued()
        if len(queued) == count or len(queued) >= fleet.batch:
            return
        if {one["by"] for one in queued.values()} <= {"run"}:
            return  # a person asked, and named them all at once
        count = len(queued)
        time.sleep(fleet.settings.gather_seconds)


def _onboard(fleet, asked):
    """Take a batch through.  Whatever happens, each of its minions is dealt with when it ends."""
    try:
        found = admission.admitted(fleet, asked)
    except Exception as error:
        why = faults.caught(error, asked)
        for minion in asked:
            faults.fail(fleet, minion, "pillar", why)
        return
    for region, one in found.items():
        _take_through(fleet, region, one, asked)


def _take_through(fleet, region, found, asked):
    entries = found["minions"]
    waiting = set(entries)
    try:
        ident = fleet.store.new_batch(
            region=region,
            minions=list(entries),
            trusted=[minion for minion in entries if minion in found["trusted"]],
            problems=found["look"]["problems"],
            own_problems={minion: entry["problems"] for minion, entry in entries.items()},
        )
        for minion, entry in entries.items():
            with faults.alone(fleet, minion, region):
                _begin(fleet, region, ident, minion, entry, asked[minion].get("by"))
            waiting.remove(minion)
        why = _orchestrate(fleet, ident)
    except Exception as error:
        why = faults.caught(error, entries)
    for minion in entries:
        with faults.alone(fleet, minion, region):
            record = fleet.store.record(minion)
            if minion in waiting or record.get("state") == "running":
                step = record.get("step") or steps.STEPS[0]
                faults.fail(fleet, minion, step, why, region=region)


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
    """Take a batch through all steps; what the orchestration said if it did not."""
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
