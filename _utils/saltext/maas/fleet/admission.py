"""Who is onboarded, and by which region: the pillars decide and, if the master says so, grains."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from saltext.maas.errors import MaasError
from saltext.maas.fleet.core import ENROLLED, Fleet, caught

log = logging.getLogger(__name__)

NOT_NAMED = "the pillar of no region names it under maas:racks or maas:clusters"


@dataclass
class Admitted:
    """The minions that a region onboards.

    Attributes:
        region: The region's minion.
        problems: What is wrong with the region's pillar.
        minions: ``{minion: what the region says of it}``.
        trusted: Those of the minions that no pillar names.
        asked: When the region was asked, as of ``time.monotonic``.
    """

    region: str
    problems: list[str]
    minions: dict[str, dict]
    trusted: list[str]
    asked: float


def decide(fleet: Fleet, minions: Iterable[str]) -> tuple[list[Admitted], list[str], list[str]]:
    """Ask the regions whose the minions are, whose keys are accepted; no event is fired.

    Returns:
        ``(those that a region onboards, minions left over, why a region could not be asked)``.
    """
    found: list[Admitted] = []
    unasked: list[str] = []
    left = list(minions)
    for region in fleet.settings.regions if left else ():
        try:
            one = _admitted_by(fleet, region, left, unasked)
        except Exception as error:
            unasked.append(f"{region} could not be asked: {caught(error, left)}")
            continue
        left = [minion for minion in left if minion not in one.minions]
        found += [one] if one.minions else []
        if not left:
            break
    return found, left, unasked


def _admitted_by(fleet, region, minions, unasked):
    answer = fleet.refresh_pillar([region])[region]
    if answer.error or answer.value is False:
        # The pillar that it had before may name one that was taken out since.
        why = answer.error or "saltutil.refresh_pillar answered False"
        raise MaasError(f"the region's minion {region}: its pillar could not be fetched: {why}")
    asked = time.monotonic()
    seen = fleet.region(region, "maas_fleet.inspect", minions)
    clusters = {one: seen["clusters"][one] for one in minions if one in seen["clusters"]}
    named = [minion for minion, entry in clusters.items() if entry["named"]]
    # With several regions it is not known to which one a minion belongs that no pillar names, and
    # a region that could not be asked may be the one that names it.
    last = region == fleet.settings.regions[-1] and not unasked
    trusted = [
        one for one in clusters
        if one not in named and fleet.settings.trust_grains and last and has_cluster(fleet, one)
    ]  # fmt: skip
    mine = {one: clusters[one] for one in (*named, *trusted)}
    return Admitted(region, seen["problems"], mine, trusted, asked)


def has_cluster(fleet: Fleet, minion: str) -> bool | None:
    """Return whether a minion says itself that it has a cluster; None if it never said.

    A minion writes its own grains, so anything may be in them.
    """
    try:
        grains = fleet.salt.grains(minion)
    except Exception as error:
        caught(error, [minion])
        return None
    maas = grains.get("maas") if isinstance(grains, dict) else None
    if not isinstance(maas, dict):
        return None
    roles = maas.get("roles")
    return isinstance(roles, (list, tuple)) and "cluster" in roles


def admit(fleet: Fleet, asked: dict[str, dict]) -> list[Admitted]:
    """Decide who is onboarded, and fire an event for each of the others.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        asked: ``{minion: {"by": ...}}``.

    Returns:
        What :func:`decide` finds, without the minions that are enrolled already.
    """
    keys = fleet.salt.accepted_keys(asked)
    found, left, unasked = decide(fleet, [minion for minion in asked if minion in keys])
    for minion in asked:
        if minion not in keys:
            with fleet.alone(minion):
                fleet.refuse(minion, "its key is not accepted", asked[minion].get("by"))
    for one in found:
        todo = {}
        for minion, entry in one.minions.items():
            with fleet.alone(minion, one.region):
                if not _enrolled_already(fleet, one.region, minion, entry):
                    todo[minion] = entry
        one.minions = todo
        with fleet.alone_all(todo, one.region):
            _leave_claimed(fleet, one, asked)
    for minion in left:
        with fleet.alone(minion):
            _refuse_or_fail(fleet, minion, asked[minion].get("by"), "; ".join(unasked))
    return [one for one in found if one.minions]


def _leave_claimed(fleet, admitted, asked):
    """Claim minions, and leave out those that another master onboards or has enrolled."""
    region, minions = admitted.region, admitted.minions
    if not minions:
        return
    seen = {
        minion: {"digest": entry["digest"], "enrolled": entry["state"] in ENROLLED}
        for minion, entry in minions.items()
    }
    limit, age = fleet.settings.work_seconds, time.monotonic() - admitted.asked
    claimed = fleet.region(region, "maas_fleet.claim", fleet.mark, fleet.name, seen, limit, age)
    for minion, held in claimed.items():
        entry = minions.pop(minion)
        since = time.strftime("%H:%M:%S", time.localtime(held["since"]))
        by = f"by the master {held['name']}, since {since}"
        if held["state"] == "enrolled":
            message = f"enrolled already {by}, {entry['state']}; nothing was done"
            values = {"minion": minion, "region": region, "state": "enrolled", "step": None}
            fleet.store.keep(minion, {**values, **_known(entry)})
            fleet.fire(minion, "report", "done", message, region=region, percent=100, duration=0.0)
        else:
            message = f"it is onboarded {by}"
            if asked[minion].get("by") == "run":
                fleet.store.refuse(minion, message)
            fleet.fire(minion, "asked", "running", message, region=region)


def _known(entry):
    return {name: entry[name] for name in ("digest", "cluster")}


def _enrolled_already(fleet, region, minion, entry):
    record = fleet.store.record(minion)
    there = record.get("state") == "enrolled" and entry["state"] in ENROLLED
    if not there or record.get("digest") != entry["digest"]:
        return False
    message = f"enrolled already, {entry['state']}; nothing was done"
    fleet.fire(minion, "report", "done", message, region=region, percent=100, duration=0.0)
    return True


def _refuse_or_fail(fleet, minion, by, unasked):
    if not unasked:
        if by == "start":
            log.debug("%s is no cluster of any region", minion)
        else:
            fleet.refuse(minion, NOT_NAMED, by)
        return
    if by == "start" and not fleet.store.record(minion):
        log.info("whether %s is a cluster is not known: %s", minion, unasked)
        if not has_cluster(fleet, minion):
            return
    todo = "see that the region and its minion run"
    fleet.fail(minion, "pillar", unasked, todo, percent=0, duration=0.0)
