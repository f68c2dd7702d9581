"""``salt-run maas.onboard``: ask for clusters, help with the work, and report the outcome."""

from __future__ import annotations

import logging

from saltext.maas import poll
from saltext.maas.errors import MaasError
from saltext.maas.fleet import admission, names, worker
from saltext.maas.fleet.core import ENROLLED, Fleet

log = logging.getLogger(__name__)


def resolve(fleet: Fleet, target: object, kind: str) -> list[str]:
    """Return the minions that a person means.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        target: A minion id, a list of them, or a target.
        kind: How Salt matches the target, such as ``glob``.

    Raises:
        Refused: Something is no minion id, or the target matches none.
    """
    if isinstance(target, str) and kind == "glob" and "," in target:
        target = [one.strip() for one in target.split(",")]
    elif isinstance(target, str) and (kind == "list" or (kind == "glob" and names.is_id(target))):
        target = [target]
    if isinstance(target, (list, tuple)):
        for one in target:
            if not names.is_id(one):
                raise names.Refused(f"target: {names.shown(one)} is no minion id")
        return list(dict.fromkeys(target))
    found = []
    for one in fleet.salt.all_minions(target, kind):
        if names.is_id(one):
            found.append(one)
        else:
            log.warning("%s is skipped: it is no minion id", names.shown(one))
    if not found:
        raise names.Refused(
            f"target: {names.shown(target)} ({kind}) matches no minion whose key the master "
            "accepted"
        )
    return found


def run(fleet: Fleet, target: object, kind: str, dry_run: bool) -> dict[str, dict]:
    """Onboard, or only report what would be done; see the runner."""
    minions = resolve(fleet, target, kind)
    if dry_run:
        return _dry_run(fleet, minions)
    found = {}
    for minion in minions:
        try:
            fleet.store.take_refusal(minion)
            worker.ask_for(fleet, minion, "run")
        except MaasError as error:
            log.exception("%s could not be queued", minion)
            why = f"it could not be queued: {error}"
            found[minion] = _outcome("failed", why, "look at the master's disk")

    def worked_off():
        if worker.work(fleet):
            return True
        # Another process works, and takes ours along.
        waiting = set(fleet.store.queued()) & set(minions)
        fleet.progress.show(len(minions) - len(waiting), len(minions), "by a run under way")
        return True if not waiting else None

    poll.wait(worked_off, float("inf"), pause=1, longest=1)
    return {minion: found.get(minion) or outcome(fleet, minion) for minion in minions}


def outcome(fleet: Fleet, minion: str) -> dict:
    """Return what became of a minion's onboarding."""
    refusal = fleet.store.take_refusal(minion)
    record = fleet.store.record(minion)
    if refusal or not record:
        why = refusal or "nothing is known of it"
        return _outcome("refused", why, "accept its key; name it in the region's pillar")
    return _outcome(
        record["state"], record.get("error") or "", record.get("todo") or "",
        record.get("region"), record.get("step"),
    )  # fmt: skip


def _outcome(state, message, todo, region=None, step=None):
    return {"state": state, "region": region, "step": step, "message": message, "todo": todo}


def _dry_run(fleet, minions):
    keys = fleet.salt.accepted_keys(minions)
    accepted = [minion for minion in minions if minion in keys]
    admitted, left, unasked = admission.decide(fleet, accepted)
    answering = fleet.salt.connected(accepted)
    found = {
        minion: {"state": "refused", "message": "its key is not accepted"}
        for minion in minions
        if minion not in keys
    }
    for one in admitted:
        found.update(_dry_run_at(fleet, one, answering))
    for minion in left:
        if unasked:
            found[minion] = {"state": "would fail", "message": "; ".join(unasked)}
        else:
            found[minion] = {"state": "refused", "message": admission.NOT_NAMED}
    return found


def _dry_run_at(fleet, admitted, answering):
    enrolled = [one for one, entry in admitted.minions.items() if entry["state"] in ENROLLED]
    changes, errors = {}, {}
    if enrolled and not admitted.problems:
        try:
            changes, errors = _planned(fleet, admitted.region, enrolled)
        except MaasError as error:
            errors = {minion: [str(error)] for minion in enrolled}
    found = {}
    for minion, entry in admitted.minions.items():
        problems = [*admitted.problems, *entry["problems"], *errors.get(minion, ())]
        if not problems and minion not in answering:
            problems = ["the minion does not answer"]
        found[minion] = _predicted(entry, problems, changes.get(minion, {}))
        found[minion].update(region=admitted.region, now=entry["state"])
        if minion in admitted.trusted and not problems:
            found[minion]["message"] = "no pillar names it; its grains are trusted"
    return found


def _planned(fleet, region, minions):
    """``{minion: changes}``, and ``{minion: [why it would fail]}``."""
    changes: dict = {}
    errors: dict = {}
    for phase in ("accept", "dhcp", "images"):
        planned = fleet.region(region, "maas_fleet.apply_phase", minions, phase, test=True)
        for minion, one in planned.items():
            changes.setdefault(minion, {}).update(one["changes"])
            if one["error"]:
                errors.setdefault(minion, []).append(one["error"])
    return changes, errors


def _predicted(entry, problems, changes):
    if problems:
        return {"state": "would fail", "message": "; ".join(dict.fromkeys(problems))}
    if entry["state"] not in ENROLLED:
        return {"state": "would be onboarded", "message": ""}
    return {"state": "would be changed" if changes else "enrolled", "message": "",
            "changes": changes}  # fmt: skip
