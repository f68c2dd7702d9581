"""``salt-run maas.onboard``: ask for clusters, help with the work, and tell what became of them."""

from __future__ import annotations

import logging
import time

from saltext.maas.errors import MaasError
from saltext.maas.fleet import admission, names, worker

log = logging.getLogger(__name__)

_THERE = ("accepted", "connected")


def resolve(fleet, target, kind) -> list[str]:
    """The minions that a person means.

    Raises:
        Refused: Something is no minion id, or the target fits none.
    """
    if isinstance(target, str) and kind == "glob" and "," in target:
        target = [one.strip() for one in target.split(",")]
    elif kind == "glob" and names.has_form(target):
        target = [target]
    if isinstance(target, (list, tuple)) or kind == "list":
        found = [target] if isinstance(target, str) else list(target)
        for one in found:
            if not names.is_id(one):
                raise names.Refused(f"target: {names.shown(one)} {names.what_is_wrong(one)}")
        return list(dict.fromkeys(found))
    found = fleet.salt.all_minions(target, kind)
    for one in found:
        if not names.is_id(one):
            log.warning("%s is passed over: it %s", names.shown(one), names.what_is_wrong(one))
    found = [one for one in found if names.is_id(one)]
    if not found:
        raise names.Refused(
            f"target: {names.shown(target)} ({kind}) fits no minion whose key the master accepted"
        )
    return found


def run(fleet, target, kind, dry_run) -> dict:
    """Onboard, or only tell what would be done; see the runner."""
    minions = resolve(fleet, target, kind)
    if dry_run:
        return _dry_run(fleet, minions)
    unqueued = {}
    for minion in minions:
        try:
            fleet.store.refusal(minion)
            worker.ask_for(fleet, minion, "run")
        except OSError as error:
            unqueued[minion] = f"it could not be queued: {error.strerror}"
            log.exception("%s could not be queued", minion)
    while not worker.work(fleet):
        # Somebody else works; it takes ours along.
        waiting = set(fleet.store.queued()) & set(minions)
        fleet.progress.show(len(minions) - len(waiting), len(minions), "by a run under way")
        if not waiting:
            break
        time.sleep(1)
    fleet.progress.end()
    return {
        minion: _told("failed", unqueued[minion], "look at the master's disk")
        if minion in unqueued
        else outcome(fleet, minion)
        for minion in minions
    }


def outcome(fleet, minion) -> dict:
    """What became of a minion's onboarding."""
    refusal = fleet.store.refusal(minion)
    record = fleet.store.record(minion)
    if refusal or not record:
        why = refusal or "nothing is known of it"
        return _told("refused", why, "accept its key; name it in the region's pillar")
    return {
        "state": record["state"],
        "region": record.get("region"),
        "step": record.get("step"),
        "message": record.get("error") or "",
        "todo": record.get("todo") or "",
    }


def _told(state, message, todo):
    return {"state": state, "region": None, "step": None, "message": message, "todo": todo}


def _dry_run(fleet, minions):
    keys = fleet.salt.accepted_keys(minions)
    found = {
        minion: {"state": "refused", "message": "its key is not accepted"}
        for minion in minions
        if minion not in keys
    }
    open_ = [minion for minion in minions if minion in keys]
    of_regions, left, unasked = admission.decide(fleet, open_)
    answering = fleet.salt.connected(open_)
    for region, one in of_regions.items():
        found.update(_dry_run_at(fleet, region, one, answering))
    for minion in left:
        if unasked:
            found[minion] = {"state": "would fail", "message": "; ".join(unasked)}
        else:
            found[minion] = {"state": "refused", "message": admission.NOT_NAMED}
    return found


def _dry_run_at(fleet, region, one, answering):
    entries, wrong = one["minions"], [*one["look"]["problems"]]
    there = [minion for minion in entries if entries[minion]["state"] in _THERE]
    changes, errors = {}, {}
    if there and not wrong:
        try:
            changes, errors = _planned(fleet, region, there)
        except MaasError as error:
            errors = {minion: [str(error)] for minion in there}
    return {
        minion: _foreseen(
            region, entry, minion in one["trusted"],
            list(dict.fromkeys([*wrong, *entry["problems"], *errors.get(minion, ())])),
            minion in answering, changes.get(minion, {}),
        )
        for minion, entry in entries.items()
    }  # fmt: skip


def _planned(fleet, region, minions):
    """``{minion: changes}``, and ``{minion: [why it would fail]}``."""
    changes, errors = {}, {}
    for part in ("accept", "dhcp", "images"):
        told = fleet.region(region, "maas_fleet.settle", minions, part, test=True)
        for minion, one in told.items():
            changes.setdefault(minion, {}).update(one["changes"])
            if one["error"] and one["error"] not in errors.setdefault(minion, []):
                errors[minion].append(one["error"])
    return changes, errors


def _foreseen(region, entry, trusted, problems, answers, changes):
    told = {"state": "would be onboarded", "region": region, "now": entry["state"], "message": ""}
    if trusted:
        told["message"] = "no pillar names it; its grains are trusted"
    if problems:
        told.update(state="would fail", message="; ".join(problems))
    elif not answers:
        told.update(state="would fail", message="the minion does not answer")
    elif entry["state"] in _THERE:
        told["state"] = "would be changed" if changes else "enrolled"
        told["changes"] = changes
    return told
