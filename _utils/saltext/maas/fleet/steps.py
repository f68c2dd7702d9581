"""The steps of an onboarding, each for a whole batch of clusters of one region.

A cluster that fails in a step is left out of the next; the others go on.
"""

from __future__ import annotations

import itertools
import time

from saltext.maas import __version__
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import states
from saltext.maas.fleet.core import ENROLLED, Fleet

#: Where to begin again after a failure, where that is not the failed step itself.
_AGAIN_FROM = {"configure": "secret", "register": "secret", "report": "secret"}
#: Seconds for a cluster that nothing was changed on to show up by itself.
_GRACE = 10


def begin_at(record: dict, digest: str, state: str) -> str:
    """Return the step to begin with: where it failed the last time, if all is still as it was.

    Args:
        record: What is known of the minion's onboarding.
        digest: Digest of its pillar now.
        state: What the region says of it now.
    """
    failed = record.get("step") if record.get("state") in ("failed", "running") else None
    if failed not in STEPS or record.get("digest") != digest:
        return STEPS[0]
    again = _AGAIN_FROM.get(failed, failed)
    gone = state in ("absent", "disconnected", "rejected")
    return min(again, "secret", key=STEPS.index) if gone else again


def take(fleet: Fleet, ident: str, name: str) -> dict[str, str]:
    """Take a batch through one step.

    Args:
        fleet: :class:`~saltext.maas.fleet.core.Fleet`.
        ident: The batch.
        name: One of :data:`STEPS`.

    Returns:
        ``{minion: "done", "skipped" or why it failed}``.

    Raises:
        BadInput: There is no such batch or step.
    """
    batch = fleet.store.batch(ident)
    if batch is None:
        raise BadInput(f"batch: there is no batch {ident!r}")
    if name not in STEPS:
        raise BadInput(f"step: {name!r} must be one of {', '.join(STEPS)}")
    step = _Step(fleet, ident, batch, name)
    if step.todo:
        try:
            _WORK[name](step)
        except MaasError as error:
            step.fail(dict.fromkeys(step.todo, str(error)))
        for minion in step.todo:
            step.done(minion)
    return step.ended


class _Step:
    """One step of one batch: who is still to go through it, and what became of the others."""

    def __init__(self, fleet, ident, batch, name):
        self.fleet, self.ident, self.batch, self.name = fleet, ident, batch, name
        self.region = batch["region"]
        self.ended: dict[str, str] = {}
        self._began = time.monotonic()
        self._number = STEPS.index(name)
        records = {minion: fleet.store.record(minion) for minion in batch["minions"]}
        self.records = {
            minion: record
            for minion, record in records.items()
            if record.get("state") == "running" and record.get("batch") == ident
        }
        for minion, record in self.records.items():
            # The pillar is looked at anew in any case, since it may be what was corrected.
            early = self._number < STEPS.index(record.get("begin", STEPS[0]))
            if early and name != "pillar":
                self.ended[minion] = "skipped"
                fleet.fire(minion, name, "skipped", "done before", **self._how_far(1))
            else:
                record["step"] = name
                fleet.store.keep(minion, record)
                fleet.fire(minion, name, "running", **self._how_far(0))
        self._show()

    @property
    def todo(self) -> list[str]:
        return [minion for minion in self.records if minion not in self.ended]

    def ask(self, function, *args, **kwargs):
        """Ask those who are to go through the step; who does not answer has failed."""
        answers = self.fleet.ask(self.todo, function, *args, **kwargs)
        lost = {one: f"{got.error} to {function}" for one, got in answers.items() if got.lost}
        self.fail(lost, "see that the minion's host is up and the minion runs")
        return answers

    def ask_region(self, function, *args, **kwargs):
        return self.fleet.region(self.region, function, *args, **kwargs)

    def done(self, minion, message=""):
        self.ended[minion] = "done"
        record = self.records[minion]
        record.setdefault("steps", {})[self.name] = "done"
        if self.name == STEPS[-1]:
            record.update(state="enrolled", step=None, error=None, todo=None)
            record.pop("batch", None)
        self.fleet.store.keep(minion, record)
        self.fleet.fire(minion, self.name, "done", message, **self._how_far(1))
        self._show()

    def fail(self, reasons, advice=None):
        """Fail minions: ``{minion: why, or None for those that did not fail}``."""
        for minion, why in reasons.items():
            if why and minion in self.todo:
                self.ended[minion] = why
                advice = advice or _ADVICE[self.name]
                self.fleet.fail(minion, self.name, why, advice, **self._how_far(1))
                self._show()

    def _how_far(self, steps):
        percent = 100 * (self._number + steps) // len(STEPS)
        duration = round(time.monotonic() - self._began, 3) if steps else 0.0
        return {"region": self.region, "percent": percent, "duration": duration}

    def _show(self):
        total = len(self.records) * len(STEPS)
        done = len(self.records) * self._number + len(self.ended)
        self.fleet.progress.show(done, total, f"{self.region}: {self.name}")


# What each step does.  Whom it neither fails nor ends is done.


def _sync(step):
    answers = step.ask("maas_fleet.version")
    behind = [one for one in step.todo if answers[one].value != __version__]
    step.fleet.ask(behind, "saltutil.sync_all")
    for minion, answer in step.fleet.ask(behind, "maas_fleet.version").items():
        why = f"the minion has {answer.value} of this extension, the master {__version__}"
        if answer.error:
            why = f"the extension does not work on the minion: {answer.error}"
        step.fail({minion: None if answer.value == __version__ else why})


def _pillar(step):
    common, own = step.batch["problems"], step.batch["own_problems"]
    step.fail({one: "; ".join([*common, *own.get(one, ())][:10]) for one in step.todo})
    answers = step.fleet.refresh_pillar(step.todo)
    errors = {minion: answer.error for minion, answer in answers.items()}
    step.fail(errors, "see that the minion runs")


def _secret(step):
    keys = step.fleet.salt.accepted_keys(step.todo)
    lost = {one: "its key is not accepted any more" for one in step.todo if one not in keys}
    step.fail(lost, "accept the minion's key")
    if not step.todo:
        return
    lifetime = step.fleet.settings.lifetime
    trusted = [one for one in step.todo if one in step.batch.get("trusted", ())]
    envelope = step.ask_region("maas_fleet.prepare", keys, lifetime=lifetime, trusted=trusted)
    step.fail(envelope.pop("problems", {}), "put that right")
    step.fleet.store.change_batch(step.ident, envelope=envelope)


def _configure(step):
    sealed = step.batch.get("envelope")
    given = {"sealed": sealed} if sealed else {}
    data = states.enrolment(step.fleet.settings.enrol_seconds, **given)

    def on_answer(minion, answer):
        found = states.results(answer)
        if isinstance(found, str):
            step.fail({minion: found})
            return
        host, enrolment = found.get(states.HOST, {}), found.get(states.ENROLMENT, {})
        if host.get("result") is not True:
            step.fail({minion: str(host.get("comment"))})
            return
        step.records[minion].update(
            enrolled_there=enrolment.get("result") is True or str(enrolment.get("comment")),
            touched=bool(host.get("changes")),
        )
        step.done(minion, ", ".join(host.get("changes") or {}))

    # A state that the minion runs on its own at its start is let finish.
    step.ask("state.high", data, queue=True, on_answer=on_answer)
    step.fleet.store.change_batch(step.ident, envelope=None)


def _register(step):
    seconds = step.fleet.settings.enrol_seconds
    there = {one: step.records[one].pop("enrolled_there", True) for one in step.todo}
    touched = {one: step.records[one].pop("touched", True) for one in step.todo}
    step.fail({one: there[one] for one in there if touched[one] and there[one] is not True})
    restarted = _restart_lost(step, [one for one in there if not touched[one]], there)
    if not step.todo:
        return
    found = step.ask_region("maas_fleet.wait_for", step.todo, seconds)
    for minion in step.todo:
        why = {
            "absent": f"the region did not see it within {seconds:g} s",
            "disconnected": f"it did not connect to the region within {seconds:g} s",
        }.get(found.get(minion) or "absent")
        if why and minion in restarted:
            why += ", although its daemon was restarted"
            why += "" if there[minion] is True else f"; before that: {there[minion]}"
        step.fail({minion: why})


def _restart_lost(step, untouched, there):
    """Restart the daemons of those that the region lacks although all is right on their hosts.

    A rack that was deleted while the region could not reach it does not know of it.
    """
    if not untouched:
        return []
    grace = min(_GRACE, step.fleet.settings.enrol_seconds)
    found = step.ask_region("maas_fleet.wait_for", untouched, grace)
    lost = [
        minion for minion in untouched
        if there[minion] is not True or found.get(minion) in (None, "absent", "disconnected")
    ]  # fmt: skip
    answers = step.fleet.ask(lost, "maas_cluster.restart")
    errors = {one: answer.error for one, answer in answers.items() if answer.error}
    step.fail({one: f"its daemon could not be restarted: {why}" for one, why in errors.items()})
    return lost


def _apply_phase(step):
    found = step.ask_region("maas_fleet.apply_phase", step.todo, step.name)
    step.fail({minion: one.get("error") for minion, one in found.items()})
    for minion in step.todo:
        one = found.get(minion) or {}
        labels = itertools.chain(*(one.get("changes") or {}).values(), one.get("later") or ())
        step.done(minion, ", ".join(labels))


def _report(step):
    seen = step.ask_region("maas_fleet.inspect", step.todo)["clusters"]
    for minion in step.todo:
        one = seen[minion]
        if one["state"] not in ENROLLED:
            step.fail({minion: f"the region has it as {one['state']}"})
        else:
            step.records[minion].update(digest=one["digest"], cluster=one["cluster"])
            step.done(minion, f"enrolled, {one['state']}")


_WORK = {
    "sync": _sync, "pillar": _pillar, "secret": _secret, "configure": _configure,
    "register": _register, "accept": _apply_phase, "dhcp": _apply_phase, "images": _apply_phase,
    "report": _report,
}  # fmt: skip
STEPS = tuple(_WORK)
#: What to do when a step fails for a reason that the step does not know better.
_ADVICE = {
    "sync": "see that the minion runs, and that the extension or its file root reaches it",
    "pillar": "correct the pillar",
    "secret": "see that the region runs and has a shared secret",
    "configure": "look at the cluster's host",
    "register": "look at maas_cluster.registered and the daemon's log on the cluster",
    "accept": "look at the region",
    "dhcp": "correct what the pillar says about networks and DHCP, or look at the region",
    "images": "look at the region's boot sources and its log",
    "report": "look at maas_fleet.inspect on the region's minion",
}
