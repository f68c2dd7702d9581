"""The queue of clusters that want to be onboarded, and the one who works it off.

A thousand events cost a thousand small files: whoever finds nobody at work becomes the
worker and takes batches through the orchestration until the queue is empty.  The queue
outlives the master; what was under way is taken up by the next worker.
"""

from __future__ import annotations

import logging
import os
import time

from saltext.maas.client.errors import MaasError
from saltext.maas.fleet import names, steps

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
    elif by == "start" and _without_cluster(fleet, minion):
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
                try:
                    _onboard(fleet, batch)
                except Exception as error:
                    log.exception("maas onboarding of %s", ", ".join(batch))
                    _fail_running(fleet, batch, f"{type(error).__name__}: {error}")
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
    for region, minions in admitted(fleet, asked).items():
        _take_through(fleet, region, minions, asked)


def admitted(fleet, asked) -> dict:
    """Decide who is onboarded, and tell the others.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        asked: ``{minion: {"by": ...}}``.

    Returns:
        ``{region: {"look": what the region says, "minions": {minion: its entry}}}``.
    """
    keys = fleet.salt.accepted_keys(asked)
    for minion in asked:
        if minion not in keys:
            fleet.refuse(minion, "its key is not accepted", asked[minion].get("by"))
    open_ = [minion for minion in asked if minion in keys]
    found, errors = {}, []
    for region in fleet.settings.regions:
        if not open_:
            break
        try:
            fleet.refresh([region])
            look = fleet.region(region, "maas_fleet.look", open_)
        except MaasError as error:
            errors.append((region, str(error)))
            continue
        named = {
            minion: entry
            for minion, entry in look["clusters"].items()
            if entry["named"] or _trusted(fleet, minion, region)
        }
        open_ = [minion for minion in open_ if minion not in named]
        todo = {}
        for minion, entry in named.items():
            if not _already(fleet, region, minion, entry):
                todo[minion] = entry
        if todo:
            found[region] = {"look": look, "minions": todo}
    for minion in open_:
        _not_named(fleet, minion, asked[minion].get("by"), errors)
    return found


def _trusted(fleet, minion, region):
    # With several regions, nothing tells to which a minion belongs that no pillar names.
    if not fleet.settings.trust_grains or fleet.settings.regions[-1] != region:
        return False
    maas = fleet.salt.grains(minion).get("maas")
    return isinstance(maas, dict) and "cluster" in (maas.get("roles") or ())


def _already(fleet, region, minion, entry):
    record = fleet.store.record(minion)
    there = entry["state"] in ("accepted", "connected")
    if record.get("state") != "enrolled" or not there or record.get("digest") != entry["digest"]:
        return False
    fleet.tell(
        minion, "report", "done", f"enrolled already, {entry['state']}; nothing was done",
        region=region, percent=100, duration=0.0,
    )  # fmt: skip
    return True


def _not_named(fleet, minion, by, errors):
    if errors:
        why = "; ".join(f"{region} could not be asked: {error}" for region, error in errors)
        record = fleet.store.record(minion)
        if by == "start" and not record:
            log.info("whether %s is a cluster is not known: %s", minion, why)
            if not _looks_like_cluster(fleet, minion):
                return
        record.update(minion=minion, state="failed", step=record.get("step") or "pillar", error=why)
        record["todo"] = (
            "see that the region and its minion run; then fire maas/cluster/onboard again"
        )
        fleet.store.keep(minion, record)
        fleet.tell(minion, "pillar", "failed", why, todo=record["todo"], percent=0, duration=0.0)
    elif by == "start":
        log.debug("%s is no cluster of any region", minion)
    else:
        fleet.refuse(minion, "the pillar of no region names it under maas:clusters", by)


def _without_cluster(fleet, minion):
    """Whether a minion says itself that it has no cluster; one that never said may have."""
    maas = fleet.salt.grains(minion).get("maas")
    return isinstance(maas, dict) and "cluster" not in (maas.get("roles") or ())


def _looks_like_cluster(fleet, minion):
    maas = fleet.salt.grains(minion).get("maas")
    return isinstance(maas, dict) and "cluster" in (maas.get("roles") or ())


def _take_through(fleet, region, found, asked):
    look, entries = found["look"], found["minions"]
    ident = fleet.store.new_batch(
        region=region,
        minions=list(entries),
        problems=look["problems"],
        own_problems={minion: entry["problems"] for minion, entry in entries.items()},
    )
    for minion, entry in entries.items():
        before = fleet.store.record(minion)
        begin = steps.begin_at(before, entry["digest"], entry["state"])
        fleet.store.keep(
            minion,
            {
                "minion": minion, "region": region, "state": "running", "step": None,
                "batch": ident, "begin": begin, "digest": entry["digest"],
                "cluster": entry["cluster"], "by": asked[minion].get("by"),
                "started": time.time(), "runs": before.get("runs", 0) + 1, "error": None,
                "todo": None,
            },
        )  # fmt: skip
    told = _orchestrate(fleet, ident)
    _fail_running(fleet, entries, told)


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


def _fail_running(fleet, minions, why):
    for minion in minions:
        record = fleet.store.record(minion)
        if record.get("state") != "running":
            continue
        step = record.get("step") or steps.STEPS[0]
        advice = "look at the master's log; then fire maas/cluster/onboard again"
        record.update(state="failed", step=step, error=why, todo=advice)
        fleet.store.keep(minion, record)
        fleet.tell(minion, step, "failed", why, todo=advice, region=record.get("region"))
