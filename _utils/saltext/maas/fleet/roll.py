"""``salt-run maas.roll_region``: the hosts of a region, one after the other.

A host is configured, and joins the others where it is new.  Before one that answers is restarted,
another one has to answer, so that the region stays there all the time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import filelock
from saltext.maas import atomic_file, parsing, schemas
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet.core import Fleet

#: Changes for which a region does not restart.
_QUIET = {"tls", "vault", "vault_migrated"}
#: Seconds until a load balancer has seen that a host is back; that of maas.haproxy takes 4.
PAUSE = 10.0
#: The change of a host that joins the region.
_JOINS = "region host"
_RESUME = "correct that, then salt-run maas.roll_region resume=true"
_FORM = {"hosts": [str], "restart": bool}


def run(
    fleet: Fleet,
    region: str | None = None,
    hosts: object = None,
    restart: bool = False,
    dry_run: bool = False,
    resume: bool = False,
    force: bool = False,
    pause: float = PAUSE,
) -> dict[str, Any]:
    """Configure and restart the hosts of a region; see the runner."""
    schemas.check(pause, schemas.seconds("", zero=True), "pause")
    name = fleet.region_named(region)
    with _alone(fleet):
        roll = _Roll(fleet, name, hosts, restart, force)
        path = os.path.join(fleet.settings.folder, f"roll-{name}.json")
        done = _journal(path) if resume else []
        roll.predict(done)
        if dry_run:
            return roll.result("would roll" if roll.todo else "nothing to do")
        for minion in list(roll.todo):
            try:
                roll.take(minion)
            except MaasError as error:
                roll.hosts[minion]["error"] = str(error)
                left = ", ".join(roll.todo[1:])
                text = f"{minion}: {error}" + (f"; not begun: {left}" if left else "")
                return roll.result("failed", text, _RESUME)
            done.append(minion)
            if restart:
                _note(path, done)
            if roll.todo and roll.hosts[minion]["restarts"]:
                time.sleep(pause)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    return roll.result("rolled" if roll.planned else "nothing to do")


@contextlib.contextmanager
def _alone(fleet) -> Iterator[None]:
    lock = filelock.FileLock(os.path.join(fleet.settings.folder, "roll.lock"), mode=0o600)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise MaasError("nothing was changed: another roll of region hosts is under way") from None
    try:
        yield
    finally:
        lock.release()


def _note(path, done):
    atomic_file.put_json(path, {"hosts": done, "restart": True})


def _journal(path) -> list[str]:
    """The hosts that a run which did not end has restarted."""
    try:
        with open(path, "rb") as stream:
            return parsing.of_json(stream.read(), _FORM)["hosts"]
    except (OSError, ValueError):
        return []


class _Roll:
    """The hosts of one region, and what becomes of each.

    Attributes:
        hosts: ``{minion: {"changes": [field], "restarts": bool, "error": str}}``.
        todo: Those that something is to be done on, in the order in which it is.
    """

    def __init__(self, fleet, region, chosen, restart, force):
        self.fleet, self.region, self.restart, self.force = fleet, region, restart, force
        seen = fleet.region(region, "maas_fleet.region_hosts")
        self.known = {one: entry for one, entry in seen.items() if entry["named"]}
        if not self.known:
            raise MaasError(
                f"the pillar of {region} names no region hosts; name them in maas:region:hosts"
            )
        self.chosen = _chosen(chosen, self.known)
        self.hosts: dict[str, dict] = {}
        self.todo: list[str] = []
        self.planned = 0

    def result(self, state, message="", todo=""):
        return {"region": self.region, "state": state, "hosts": self.hosts, "message": message,
                "todo": todo}  # fmt: skip

    def predict(self, done):
        """Find out what is to be done, and refuse where no host would answer meanwhile."""
        status, lost = {}, {}
        for minion in self.known:
            try:
                status[minion] = self._status(minion)
            except MaasError as error:
                lost[minion] = str(error)
        self._refuse({one: why for one, why in lost.items() if one in self.chosen})
        self._same_release(status)
        answering = {one for one, found in status.items() if found["answers"]}
        problems = {}
        for minion in self.chosen:
            try:
                plan = self._plan(minion)
            except MaasError as error:
                problems[minion] = str(error)
                continue
            again = self.restart and minion not in done
            changes = sorted(plan["changes"])
            restarts = again or bool(set(changes) - _QUIET)
            self.hosts[minion] = {"changes": changes, "restarts": restarts, "error": ""}
        self._refuse(problems)
        busy = [one for one in self.chosen if self._is_busy(one)]
        # Who does not answer takes nothing away, and may be what the others need.
        self.todo = sorted(busy, key=lambda one: one in answering)
        self.planned = len(self.todo)
        up = set(answering)
        for minion in self.todo:
            if minion in up and self.hosts[minion]["restarts"] and not up - {minion}:
                self._refuse_last(minion)
            up.add(minion)

    def _plan(self, minion):
        """What a host would change; one that would join shows that it can open the secret."""
        given = {"test": True, "restart": self.restart}
        plan = self.fleet.host(minion, "maas_region.configure", **given)
        sealed = self._sealed(minion) if _JOINS in plan["changes"] else None
        if sealed:
            plan = self.fleet.host(minion, "maas_region.configure", sealed=sealed, **given)
        return plan

    def _is_busy(self, minion):
        return bool(self.hosts[minion]["changes"]) or self.hosts[minion]["restarts"]

    def take(self, minion):
        """Do what is to be done on a host, and wait until it answers."""
        fleet, plan = self.fleet, self.hosts[minion]
        fleet.progress.show(self.planned - len(self.todo), self.planned, f"{self.region}: {minion}")
        others = [one for one in self.known if one != minion]
        if plan["restarts"] and not self._answers(others) and self._answers([minion]):
            self._refuse_last(minion)
        sealed = self._sealed(minion) if _JOINS in plan["changes"] else None
        found = fleet.host(
            minion,
            "maas_region.configure",
            restart=plan["restarts"] and self.restart,
            wait=fleet.settings.enrol_seconds,
            **({"sealed": sealed} if sealed else {}),
        )
        plan.update(
            changes=sorted(found["changes"]), restarts=bool(found["restarted"] or plan["restarts"])
        )
        status = self._status(minion)
        if not status["answers"]:
            raise MaasError(f"it does not answer at {status['url']}: {status['reason']}")
        self.todo.remove(minion)

    def _sealed(self, minion):
        """The shared secret for a host that joins, from one that has it."""
        keys = self.fleet.salt.accepted_keys([minion])
        for other in self.known:
            if other != minion and self._answers([other]):
                envelope = self.fleet.host(
                    other, "maas_secret.seal", keys, lifetime=self.fleet.settings.lifetime
                )
                if why := envelope.pop("problems", {}).get(minion):
                    raise MaasError(f"the secret cannot be sealed for it: {why}")
                return envelope
        return None

    def _status(self, minion):
        return self.fleet.host(minion, "maas_region.host_status")

    def _answers(self, minions):
        for minion in minions:
            with contextlib.suppress(MaasError):
                if self._status(minion)["answers"]:
                    return True
        return False

    def _refuse(self, reasons):
        if reasons:
            listed = "; ".join(f"{minion}: {why}" for minion, why in sorted(reasons.items()))
            raise MaasError(
                f"nothing was changed: {listed}; to leave a host out, name the others with hosts="
            )

    def _refuse_last(self, minion):
        if not self.force:
            raise MaasError(
                f"{minion} would restart while no other host of the region answers; bring "
                "another one up first, or say force=true"
            )

    def _same_release(self, status):
        releases = {one: found["release"] for one, found in status.items()}
        if len({_series(one) for one in releases.values()}) > 1:
            listed = ", ".join(f"{one} {release}" for one, release in sorted(releases.items()))
            raise MaasError(
                f"nothing was changed: the region hosts have different releases: {listed}; all "
                "need the same one"
            )


def _series(release):
    return ".".join(release.split(".")[:2])


def _chosen(given, known):
    """The hosts that a person names; all of them by default."""
    names = given.split(",") if isinstance(given, str) else given
    if names is None:
        return list(known)
    names = [str(one).strip() for one in (names if isinstance(names, list) else [names])]
    for one in names:
        if one not in known:
            raise BadInput(f"hosts: {one!r} must be among {', '.join(known)}")
    return [one for one in known if one in names]
