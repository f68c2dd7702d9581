"""Who is onboarded, and by which region: the pillars decide and, if the master says so, grains."""

from __future__ import annotations

import logging

from saltext.maas.errors import MaasError
from saltext.maas.fleet import faults

log = logging.getLogger(__name__)

NOT_NAMED = "the pillar of no region names it under maas:clusters"


def decide(fleet, minions) -> tuple[dict, list, list]:
    """Ask the regions whose the minions are; nobody is told.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        minions: Those whose keys are accepted.

    Returns:
        ``({region: {"look": what it says, "minions": {minion: its entry}, "trusted": [those of
        them that no pillar names]}}, [minions left over], [why a region could not be asked])``.
    """
    found, unasked, left = {}, [], list(minions)
    for region in fleet.settings.regions:
        if not left:
            break
        try:
            look = _ask(fleet, region, left)
            clusters = {one: look["clusters"][one] for one in left if one in look["clusters"]}
            named = [minion for minion, entry in clusters.items() if entry["named"]]
        except Exception as error:
            unasked.append(f"{region} could not be asked: {faults.caught(error, left)}")
            continue
        # With several regions nothing tells to which a minion belongs that no pillar names; and
        # a region that could not be asked may be the one that names it.
        last = region == fleet.settings.regions[-1]
        trusting = fleet.settings.trust_grains and last and not unasked
        trusted = [
            one for one in clusters
            if trusting and one not in named and has_cluster(fleet, one) is True
        ]  # fmt: skip
        mine = {one: clusters[one] for one in (*named, *trusted)}
        if mine:
            found[region] = {"look": look, "minions": mine, "trusted": trusted}
        left = [one for one in left if one not in mine]
    return found, left, unasked


def _ask(fleet, region, minions):
    answer = fleet.refresh([region])[region]
    if answer.error or answer.value is False:
        # The pillar that it had before may name one that was taken out since.
        why = answer.error or "saltutil.refresh_pillar answered False"
        raise MaasError(f"the region's minion {region}: its pillar could not be fetched: {why}")
    return fleet.region(region, "maas_fleet.look", minions)


def has_cluster(fleet, minion) -> bool | None:
    """Whether a minion says itself that it has a cluster; None if it never said.

    A minion writes its own grains, so anything may be in them.
    """
    try:
        grains = fleet.salt.grains(minion)
    except Exception as error:
        faults.caught(error, [minion])
        return None
    maas = grains.get("maas") if isinstance(grains, dict) else None
    if not isinstance(maas, dict):
        return None
    roles = maas.get("roles")
    return isinstance(roles, (list, tuple)) and "cluster" in roles


def admitted(fleet, asked) -> dict:
    """Decide who is onboarded, and tell the others.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        asked: ``{minion: {"by": ...}}``.

    Returns:
        As the first that :func:`decide` returns, without those that are enrolled already.
    """
    keys = fleet.salt.accepted_keys(asked)
    found, left, unasked = decide(fleet, [minion for minion in asked if minion in keys])
    for minion in asked:
        if minion not in keys:
            with faults.alone(fleet, minion):
                fleet.refuse(minion, "its key is not accepted", asked[minion].get("by"))
    for region, one in found.items():
        todo = {}
        for minion, entry in one["minions"].items():
            with faults.alone(fleet, minion, region):
                if not _already(fleet, region, minion, entry):
                    todo[minion] = entry
        one["minions"] = todo
    for minion in left:
        with faults.alone(fleet, minion):
            _left_over(fleet, minion, asked[minion].get("by"), "; ".join(unasked))
    return {region: one for region, one in found.items() if one["minions"]}


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


def _left_over(fleet, minion, by, unasked):
    if unasked:
        if by == "start" and not fleet.store.record(minion):
            log.info("whether %s is a cluster is not known: %s", minion, unasked)
            if not has_cluster(fleet, minion):
                return
        advice = "see that the region and its minion run; then fire maas/cluster/onboard again"
        faults.fail(fleet, minion, "pillar", unasked, advice, percent=0, duration=0.0)
    elif by == "start":
        log.debug("%s is no cluster of any region", minion)
    else:
        fleet.refuse(minion, NOT_NAMED, by)
