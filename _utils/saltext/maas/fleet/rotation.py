"""``salt-run maas.rotate_secret``: a new shared secret for a region and all its clusters."""

from __future__ import annotations

from saltext.maas.errors import MaasError
from saltext.maas.fleet import move, states
from saltext.maas.fleet.core import Fleet

_RESUME = "then salt-run maas.rotate_secret resume=true"


def run(fleet: Fleet, region: str | None, dry_run: bool, resume: bool, force: bool = False) -> dict:
    """Renew a region's secret and re-enrol its clusters; see the runner."""
    rotation = _Rotation(fleet, fleet.region_named(region))
    if not resume:
        rotation.refuse_lost(force)
    predicted = None if resume else rotation.renew(test=True)
    if dry_run:
        restarts = predicted and predicted["restarts"]
        message = "the region restarts; clusters are away until it is their turn"
        clusters = dict.fromkeys(rotation.members, "would be re-enrolled")
        return rotation.result("would rotate", clusters, message if restarts else "")
    fleet.progress.show(0, len(rotation.members) + 1, f"{rotation.region}: a new secret")
    try:
        if not resume:
            rotation.renew()
    except MaasError as error:
        message = f"whether there is a new secret is not known: {error}"
        return rotation.result(
            "failed", {}, message, f"see that the region's minion runs, {_RESUME}"
        )
    if why := rotation.follow():
        message = f"not all region hosts have the new secret: {why}"
        return rotation.result("failed", {}, message, f"see that they run, {_RESUME}")
    done = rotation.re_enrol()
    clusters = {minion: why or "re-enrolled" for minion, why in done.items()}
    if failed := [minion for minion, why in done.items() if why]:
        message = f"{len(failed)} of {len(done)} clusters do not have the new secret"
        return rotation.result("failed", clusters, message, f"correct what failed, {_RESUME}")
    return rotation.result("rotated", clusters)


class _Rotation:
    """A region whose secret is renewed, and the its clusters."""

    def __init__(self, fleet, region):
        self.fleet, self.region = fleet, region
        members, self.others = fleet.members(region)
        self.members = {one: entry for one, entry in members.items() if entry["state"] != "absent"}
        self.keys = fleet.salt.accepted_keys(self.members)

    def result(self, state, clusters, message="", todo=""):
        return {"region": self.region, "state": state, "clusters": clusters, "message": message,
                "todo": todo}  # fmt: skip

    def renew(self, **given):
        return self.fleet.region(self.region, "maas_secret.renew", **given)

    def refuse_lost(self, force):
        """Raise where a cluster would not get the new secret."""
        if not force:
            move.refuse_others(self.others, self.region, "would be cut off")
        lost = {}
        for minion, entry in self.members.items():
            if entry["state"] in ("disconnected", "rejected", "pending"):
                lost[minion] = "it is not connected to the region"
            elif minion not in self.keys:
                lost[minion] = "its key is not accepted"
        for part in self.fleet.batches([one for one in self.members if one not in lost]):
            envelope = self._seal(part)
            for minion, answer in self.fleet.ask(part, "maas_secret.check", envelope).items():
                if answer.error:
                    lost[minion] = answer.error
            lost.update(envelope.get("problems", {}))
        if lost:
            raise MaasError(
                f"nothing was changed: {len(lost)} clusters would be lost: {move.listed(lost, 10)}"
            )

    def follow(self) -> str:
        """Give the region's other hosts its secret; return why one does not have it."""
        try:
            for host in self.fleet.more_hosts(self.region):
                self.fleet.host(host, "maas_secret.follow")
        except MaasError as error:
            return str(error)
        return ""

    def re_enrol(self):
        """Give all clusters the region's secret: ``{minion: None or why not}``."""
        total, done = len(self.members) + 1, {}
        for part in self.fleet.batches([one for one in self.members if one in self.keys]):
            done.update(self._re_enrol(part))
            self.fleet.progress.show(1 + len(done), total, f"{self.region}: clusters")
        lost = {one: "its key is not accepted" for one in self.members if one not in self.keys}
        return {**done, **lost}

    def _re_enrol(self, part):
        try:
            envelope = self._seal(part)
        except MaasError as error:
            return dict.fromkeys(part, str(error))
        found = dict(envelope.pop("problems", {}))
        part = [minion for minion in part if minion not in found]
        found.update(states.enrol(self.fleet, part, sealed=envelope))
        good = [minion for minion in part if not found[minion]]
        return {**found, **(move.not_back(self.fleet, self.region, good) if good else {})}

    def _seal(self, part):
        keys = {minion: self.keys[minion] for minion in part}
        return self.fleet.region(
            self.region, "maas_secret.seal", keys, lifetime=self.fleet.settings.lifetime,
            trusted=[minion for minion in part if not self.members[minion]["named"]],
        )  # fmt: skip
