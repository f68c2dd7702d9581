"""``salt-run maas.rotate_secret``: a new shared secret for a region and all its clusters."""

from __future__ import annotations

from saltext.maas.client.errors import MaasError
from saltext.maas.fleet import move, states


def run(fleet, region, dry_run, resume) -> dict:
    """Renew a region's secret and re-enrol its clusters; see the runner."""
    region = move.one_of(fleet, region)
    named = fleet.named_by(region)
    minions = [minion for minion, (_, entry) in named.items() if entry["state"] != "absent"]
    keys = fleet.salt.accepted_keys(minions)
    told = {"region": region, "clusters": {}, "message": "", "todo": ""}
    if not resume:
        _refuse_who_would_be_lost(fleet, region, named, minions, keys)
    foreseen = None if resume else fleet.region(region, "maas_secret.renew", test=True)
    if dry_run:
        if foreseen and foreseen["restarts"]:
            told["message"] = "the region restarts; clusters are away until it is their turn"
        clusters = dict.fromkeys(minions, "would be re-enrolled")
        return {**told, "state": "would rotate", "clusters": clusters}
    fleet.progress.show(0, len(minions) + 1, f"{region}: a new secret")
    if not resume:
        fleet.region(region, "maas_secret.renew", seconds=fleet.settings.answer_seconds)
    done = {}
    for start in range(0, len(minions), fleet.batch):
        part = [one for one in minions[start : start + fleet.batch] if one in keys]
        done.update(_re_enrol(fleet, region, part, keys))
        fleet.progress.show(1 + len(done), len(minions) + 1, f"{region}: clusters")
    fleet.progress.end()
    done.update({one: "its key is not accepted" for one in minions if one not in keys})
    bad = {minion: why for minion, why in done.items() if why}
    told["clusters"] = {minion: why or "re-enrolled" for minion, why in done.items()}
    if bad:
        told["message"] = f"{len(bad)} of {len(minions)} clusters do not have the new secret"
        told["todo"] = (
            "put right what is told of each, then salt-run maas.rotate_secret resume=true"
        )
    return {**told, "state": "failed" if bad else "rotated"}


def _refuse_who_would_be_lost(fleet, region, named, minions, keys):
    lost = {
        minion: "it is not connected to the region"
        for minion in minions
        if named[minion][1]["state"] in ("disconnected", "rejected", "pending")
    }
    lost.update({minion: "its key is not accepted" for minion in minions if minion not in keys})
    open_ = [minion for minion in minions if minion not in lost]
    for start in range(0, len(open_), fleet.batch):
        part = open_[start : start + fleet.batch]
        envelope = _sealed(fleet, region, part, keys)
        seconds = fleet.settings.answer_seconds
        answers = fleet.salt.ask(part, "maas_secret.check", envelope, seconds=seconds)
        lost.update({minion: one.error for minion, one in answers.items() if one.error})
        lost.update(envelope.get("problems", {}))
    if lost:
        shown = "; ".join(f"{minion}: {why}" for minion, why in sorted(lost.items())[:10])
        raise MaasError(f"nothing was changed: {len(lost)} clusters would be lost: {shown}")


def _re_enrol(fleet, region, part, keys):
    try:
        envelope = _sealed(fleet, region, part, keys)
    except MaasError as error:
        return dict.fromkeys(part, str(error))
    found = dict(envelope.pop("problems", {}))
    part = [minion for minion in part if minion not in found]
    found.update(states.enrol(fleet, part, sealed=envelope))
    good = [minion for minion in part if not found[minion]]
    if good:
        try:
            found.update(move.not_back(fleet, region, good))
        except MaasError as error:
            found.update(dict.fromkeys(good, str(error)))
    return found


def _sealed(fleet, region, part, keys):
    mine = {minion: keys[minion] for minion in part}
    lifetime = fleet.settings.lifetime
    return fleet.region(region, "maas_secret.seal", mine, lifetime=lifetime)
