"""``salt-run maas.rotate_secret``: a new shared secret for a region and all its clusters."""

from __future__ import annotations

from saltext.maas.errors import MaasError
from saltext.maas.fleet import move, states


def run(fleet, region, dry_run, resume, force=False) -> dict:
    """Renew a region's secret and re-enrol its clusters; see the runner."""
    region = move.one_of(fleet, region)
    named, others = fleet.members(region)
    minions = [minion for minion, entry in named.items() if entry["state"] != "absent"]
    unnamed = [minion for minion in minions if not named[minion]["named"]]
    keys = fleet.salt.accepted_keys(minions)
    seal = _Sealer(fleet, region, keys, unnamed)
    told = {"region": region, "clusters": {}, "message": "", "todo": ""}
    if not resume:
        if not force:
            move.refuse_others(others, region, "would be cut off")
        _refuse_who_would_be_lost(fleet, named, minions, seal)
    foreseen = None if resume else fleet.region(region, "maas_secret.renew", test=True)
    if dry_run:
        if foreseen and foreseen["restarts"]:
            told["message"] = "the region restarts; clusters are away until it is their turn"
        clusters = dict.fromkeys(minions, "would be re-enrolled")
        return {**told, "state": "would rotate", "clusters": clusters}
    fleet.progress.show(0, len(minions) + 1, f"{region}: a new secret")
    try:
        if not resume:
            fleet.region(region, "maas_secret.renew")
    except MaasError as error:
        fleet.progress.end()
        told["message"] = f"whether there is a new secret is not known: {error}"
        told["todo"] = (
            "see that the region's minion runs, then salt-run maas.rotate_secret resume=true"
        )
        return {**told, "state": "failed"}
    done = {}
    for start in range(0, len(minions), fleet.batch):
        part = [one for one in minions[start : start + fleet.batch] if one in keys]
        done.update(_re_enrol(fleet, region, part, seal))
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


def _refuse_who_would_be_lost(fleet, named, minions, seal):
    lost = {
        minion: "it is not connected to the region"
        for minion in minions
        if named[minion]["state"] in ("disconnected", "rejected", "pending")
    }
    lost.update({one: "its key is not accepted" for one in minions if one not in seal.keys})
    open_ = [minion for minion in minions if minion not in lost]
    for start in range(0, len(open_), fleet.batch):
        part = open_[start : start + fleet.batch]
        envelope = seal(part)
        seconds = fleet.settings.answer_seconds
        answers = fleet.salt.ask(part, "maas_secret.check", envelope, seconds=seconds)
        lost.update({minion: one.error for minion, one in answers.items() if one.error})
        lost.update(envelope.get("problems", {}))
    if lost:
        shown = "; ".join(f"{minion}: {why}" for minion, why in sorted(lost.items())[:10])
        raise MaasError(f"nothing was changed: {len(lost)} clusters would be lost: {shown}")


def _re_enrol(fleet, region, part, seal):
    try:
        envelope = seal(part)
    except MaasError as error:
        return dict.fromkeys(part, str(error))
    found = dict(envelope.pop("problems", {}))
    part = [minion for minion in part if minion not in found]
    found.update(states.enrol(fleet, part, sealed=envelope))
    good = [minion for minion in part if not found[minion]]
    return {**found, **(move.not_back(fleet, region, good) if good else {})}


class _Sealer:
    """Has a region seal its secret for clusters."""

    def __init__(self, fleet, region, keys, trusted):
        self._fleet, self._region, self.keys = fleet, region, keys
        self._trusted = trusted  # those that no pillar names

    def __call__(self, part):
        mine = {minion: self.keys[minion] for minion in part}
        trusted = [minion for minion in part if minion in self._trusted]
        lifetime = self._fleet.settings.lifetime
        return self._fleet.region(
            self._region, "maas_secret.seal", mine, lifetime=lifetime, trusted=trusted
        )
