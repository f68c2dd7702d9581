"""The steps of an onboarding, each for a whole batch of clusters of one region.

A cluster that fails in a step is left out of the next; the others go on.
"""

from __future__ import annotations

import time

from saltext.maas import __version__
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import states

STEPS = (
    "sync", "pillar", "secret", "configure", "register", "accept", "dhcp", "images", "report",
)  # fmt: skip
#: Where to begin again after a failure, where that is not the failed step itself.
_AGAIN_FROM = {"configure": "secret", "register": "secret", "report": "secret"}
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
    "report": "look at maas_fleet.look on the region's minion",
}

#: Seconds for a cluster that nothing was changed on to show up by itself.
_GRACE = 10


def begin_at(record: dict, digest: str, state: str) -> str:
    """The step to begin with: where it failed the last time, if all is still as it was."""
    failed = record.get("step") if record.get("state") in ("failed", "running") else None
    if not failed or failed not in STEPS or record.get("digest") != digest:
        return STEPS[0]
    again = _AGAIN_FROM.get(failed, failed)
    gone = state in ("absent", "disconnected", "rejected")
    if gone and STEPS.index(again) > STEPS.index("secret"):
        return "secret"
    return again


def take(fleet, ident: str, name: str) -> dict:
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
            for minion in step.todo:
                step.fail(minion, str(error))
        for minion in step.todo:
            step.done(minion)
    return step.ended


class _Step:
    """One step of one batch: who is still to go through it, and what became of the others."""

    def __init__(self, fleet, ident, batch, name):
        self.fleet = fleet
        self.ident = ident
        self.batch = batch
        self.region = batch["region"]
        self.name = name
        self.ended = {}
        self._began = time.monotonic()
        self._percent = 100 * (STEPS.index(name) + 1) // len(STEPS)
        self._records = {}
        for minion in batch["minions"]:
            record = fleet.store.record(minion)
            if record.get("state") == "running" and record.get("batch") == ident:
                self._records[minion] = record
        for minion, record in self._records.items():
            # The pillar is looked at anew in any case, since it may be what was corrected.
            early = STEPS.index(name) < STEPS.index(record.get("begin", STEPS[0]))
            if early and name != "pillar":
                self._tell(minion, "skipped", "done before")
                self.ended[minion] = "skipped"
            else:
                record["step"] = name
                fleet.store.keep(minion, record)
                before = 100 * STEPS.index(name) // len(STEPS)
                fleet.tell(
                    minion, name, "running", region=self.region, percent=before, duration=0.0
                )
        self._show()

    @property
    def todo(self) -> list:
        return [minion for minion in self._records if minion not in self.ended]

    def record(self, minion) -> dict:
        return self._records[minion]

    def ask(self, function, *args, **kwargs) -> dict:
        """Ask those who are to go through the step; who does not answer has failed."""
        kwargs.setdefault("seconds", self.fleet.settings.answer_seconds)
        answers = self.fleet.salt.ask(self.todo, function, *args, **kwargs)
        for minion, answer in answers.items():
            if answer.lost and minion in self.todo:
                self.fail(
                    minion, f"{answer.error} to {function}",
                    "see that the minion's host is up and the minion runs",
                )  # fmt: skip
        return answers

    def region_call(self, function, *args, **kwargs):
        return self.fleet.region(self.region, function, *args, **kwargs)

    def done(self, minion, message="") -> None:
        if minion in self.ended:
            return
        self.ended[minion] = "done"
        record = self._records[minion]
        record.setdefault("steps", {})[self.name] = "done"
        last = self.name == STEPS[-1]
        if last:
            record.update(state="enrolled", step=None, error=None, todo=None)
            record.pop("batch", None)
        self.fleet.store.keep(minion, record)
        self._tell(minion, "done", message)
        self._show()

    def fail(self, minion, why, advice=None) -> None:
        if minion in self.ended:
            return
        self.ended[minion] = why
        advice = f"{advice or _ADVICE[self.name]}; then fire maas/cluster/onboard again"
        record = self._records[minion]
        record.update(state="failed", step=self.name, error=why, todo=advice)
        record.pop("batch", None)
        self.fleet.store.keep(minion, record)
        self._tell(minion, "failed", why, todo=advice)
        self._show()

    def _tell(self, minion, state, message, **more):
        self.fleet.tell(
            minion, self.name, state, message, region=self.region, percent=self._percent,
            duration=round(time.monotonic() - self._began, 3), **more,
        )  # fmt: skip

    def _show(self):
        at = STEPS.index(self.name)
        total = len(self._records) * len(STEPS)
        done = len(self._records) * at + len(self.ended)
        self.fleet.progress.show(done, total, f"{self.region}: {self.name}")


# What each step does.  Whom it neither fails nor ends is done.


def _sync(step):
    answers = step.ask("maas_fleet.version")
    behind = [one for one in step.todo if answers[one].value != __version__]
    if not behind:
        return
    seconds = step.fleet.settings.answer_seconds
    step.fleet.salt.ask(behind, "saltutil.sync_all", seconds=seconds)
    for minion, answer in step.fleet.salt.ask(
        behind, "maas_fleet.version", seconds=seconds
    ).items():
        if answer.error:
            step.fail(minion, f"the extension does not work on the minion: {answer.error}")
        elif answer.value != __version__:
            step.fail(
                minion, f"the minion has {answer.value} of this extension, the master {__version__}"
            )


def _pillar(step):
    common, own = step.batch["problems"], step.batch["own_problems"]
    for minion in step.todo:
        told = [*common, *own.get(minion, ())]
        if told:
            step.fail(minion, "; ".join(told[:10]))
    if step.todo:
        answers = step.fleet.refresh(step.todo)
        for minion in step.todo:
            if answers[minion].error:
                step.fail(minion, answers[minion].error, "see that the minion runs")


def _secret(step):
    keys = step.fleet.salt.accepted_keys(step.todo)
    for minion in step.todo:
        if minion not in keys:
            step.fail(minion, "its key is not accepted any more", "accept the minion's key")
    if not step.todo:
        return
    lifetime = step.fleet.settings.lifetime
    trusted = [one for one in step.todo if one in step.batch.get("trusted", ())]
    envelope = step.region_call("maas_fleet.prepare", keys, lifetime=lifetime, trusted=trusted)
    problems = envelope.pop("problems", {})
    for minion in step.todo:
        if minion in problems:
            step.fail(minion, problems[minion], "put that right")
    step.fleet.store.change_batch(step.ident, envelope=envelope)


def _configure(step):
    settings = step.fleet.settings
    sealed = step.batch.get("envelope")
    given = {"sealed": sealed} if sealed else {}
    data = states.enrolment(settings.enrol_seconds, **given)

    def told(minion, answer):
        found = states.results(answer)
        if isinstance(found, str):
            step.fail(minion, found)
            return
        host, enrolment = found.get(states.HOST, {}), found.get(states.ENROLMENT, {})
        if host.get("result") is not True:
            step.fail(minion, str(host.get("comment")))
            return
        step.record(minion)["enrolled_there"] = (
            True if enrolment.get("result") is True else str(enrolment.get("comment"))
        )
        step.record(minion)["touched"] = bool(host.get("changes"))
        step.done(minion, ", ".join(host.get("changes") or {}))

    # A state that the minion runs on its own at its start is let finish.
    step.ask("state.high", data, seconds=settings.answer_seconds, queue=True, told=told)
    step.fleet.store.change_batch(step.ident, envelope=None)


def _register(step):
    seconds = step.fleet.settings.enrol_seconds
    there, untouched = {}, []
    for minion in step.todo:
        record = step.record(minion)
        there[minion] = record.pop("enrolled_there", True)
        if not record.pop("touched", True):
            untouched.append(minion)
        elif there[minion] is not True:
            step.fail(minion, there[minion])
    again = _restarted(step, untouched, there)
    if not step.todo:
        return
    found = step.region_call("maas_fleet.wait_for", step.todo, seconds)
    for minion in step.todo:
        why = None
        if found.get(minion) in (None, "absent"):
            why = f"the region did not see it within {seconds:g} s"
        elif found[minion] == "disconnected":
            why = f"it did not connect to the region within {seconds:g} s"
        if why and minion in again:
            why += ", although its daemon was restarted"
            if there[minion] is not True:
                why += f"; before, it told: {there[minion]}"
        if why:
            step.fail(minion, why)


def _restarted(step, untouched, there):
    """Restart the daemons of those that the region lacks although all is right on their hosts.

    A rack that was deleted while the region could not reach it does not know of it.
    """
    if not untouched:
        return []
    grace = min(_GRACE, step.fleet.settings.enrol_seconds)
    found = step.region_call("maas_fleet.wait_for", untouched, grace)
    lost = [
        minion for minion in untouched
        if there[minion] is not True or found.get(minion) in (None, "absent", "disconnected")
    ]  # fmt: skip
    if lost:
        answers = step.fleet.salt.ask(
            lost, "maas_cluster.restart", seconds=step.fleet.settings.answer_seconds
        )
        for minion, answer in answers.items():
            if answer.error:
                step.fail(minion, f"its daemon could not be restarted: {answer.error}")
    return lost


def _settle(part):
    def work(step):
        found = step.region_call("maas_fleet.settle", step.todo, part)
        for minion in step.todo:
            one = found.get(minion) or {}
            if one.get("error"):
                step.fail(minion, one["error"])
            else:
                changed = [
                    label for labels in (one.get("changes") or {}).values() for label in labels
                ]
                step.done(minion, ", ".join(changed))

    return work


def _report(step):
    seen = step.region_call("maas_fleet.look", step.todo)["clusters"]
    for minion in step.todo:
        state = seen[minion]["state"]
        if state not in ("accepted", "connected"):
            step.fail(minion, f"the region has it as {state}")
        else:
            step.record(minion).update(
                digest=seen[minion]["digest"], cluster=seen[minion]["cluster"]
            )
            step.done(minion, f"enrolled, {state}")


_WORK = {
    "sync": _sync,
    "pillar": _pillar,
    "secret": _secret,
    "configure": _configure,
    "register": _register,
    "accept": _settle("accept"),
    "dhcp": _settle("dhcp"),
    "images": _settle("images"),
    "report": _report,
}
