"""``salt-run maas.upgrade``: a region with all its hosts and racks, from one release to another.

A journal on the master says how far it is, so that a run that was killed is gone on with by the
next one.  What a host does can be done twice.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import filelock
from saltext.maas import atomic_file, parsing
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet.core import Fleet
from saltext.maas.host import upgrade_path
from saltext.maas.release import Release

_RACKS_SECONDS = 300.0  # for racks to connect after their start
_JOURNAL = {
    "to": str, "step": str, "from": str, "hosts": {str: dict}, "done": [str], "begun": [str],
    "backup": (str, None), "options": {str: (str, None)},
}  # fmt: skip
#: What Ubuntu's upgrade brings, if anything: it is looked at again after that.
_WITH_UBUNTU = ("upgrade: system", "upgrade: database")
_PROBLEM = ("problem",)


def run(
    fleet: Fleet, to: str | float, region: str | None = None, dry_run: bool = False,
    backup: Any = True, force: bool = False, cancel: bool = False, **options: str | None,
) -> dict:  # fmt: skip
    """Upgrade a region; see the runner.

    Args:
        fleet: The fleet.
        to: The release.
        region: Minion of the region, where there are several.
        dry_run: Only plan.
        backup: Whether to take one before, or a mapping of what ``maas_backup.create`` is given.
        force: Go on in spite of problems.
        cancel: Start MAAS again, and forget an upgrade that has not changed anything yet.
        options: ``version``, ``repository``, ``channel``, ``kind``.
    """
    try:
        release = Release(to)
    except ValueError as error:
        raise BadInput([f"to: {error}"]) from None
    region = fleet.region_named(region)
    path = os.path.join(fleet.settings.folder, f"upgrade-{region}")
    lock = filelock.FileLock(f"{path}.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise MaasError(f"another run upgrades the region {region} now") from None
    try:
        work = _Upgrade(fleet, region, release, f"{path}.json", options)
        if cancel:
            return work.cancel()
        return work.plan(force, backup) if dry_run else work.run(force, backup)
    finally:
        lock.release()


class _Upgrade:
    """One region's upgrade, step by step."""

    def __init__(self, fleet, region, to, path, options):
        self.fleet, self.region, self.to, self._path = fleet, region, to, path
        self.findings: list[dict] = []
        self.done: list[str] = []
        self.journal = self._read()
        self._resumed = bool(self.journal)
        self.backup = (self.journal or {}).get("backup")
        self.start = (self.journal or {}).get("from")
        if self.journal and Release(self.journal["to"]) != to:
            raise MaasError(
                f"an upgrade of {region} to {self.journal['to']} is not ended; go on with "
                f"to={self.journal['to']}, or cancel=true"
            )
        given = {name: value for name, value in options.items() if value is not None}
        self.options = given or dict((self.journal or {}).get("options", {}))

    # the journal

    def _read(self):
        try:
            with open(self._path, encoding="utf-8") as stream:
                return parsing.of_json(stream.read(), _JOURNAL)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise MaasError(f"the journal {self._path} is broken: {error}") from None

    def _write(self):
        atomic_file.put_json(self._path, self.journal)

    def _forget(self):
        os.unlink(self._path)
        self.journal = None

    # what is there

    def _look(self):
        """Return all hosts: ``{minion: {role, release, kind, roles, ubuntu, hostname}}``."""
        if self.journal:
            hosts = {minion: one["role"] for minion, one in self.journal["hosts"].items()}
            return self._describe(hosts)
        seen = self.fleet.region(self.region, "maas_upgrade.hosts")
        regions = list(dict.fromkeys([self.region, *seen["minions"]]))
        members, others = self.fleet.members(self.region)
        racks = [
            minion for minion, one in members.items()
            if one["state"] != "absent" and minion not in regions
        ]  # fmt: skip
        found = self._describe({**dict.fromkeys(racks, "rack"), **dict.fromkeys(regions, "region")})
        known = {one["hostname"] for one in found.values() if one["role"] == "region"}
        for name in sorted(set(seen["controllers"]) - known):
            self._problem(
                "hosts", f"The region has a host {name} that the pillar does not name, and that "
                "would go on with the old release.", "Name it in maas:region:hosts, or delete it.",
            )  # fmt: skip
        own = {one["hostname"] for one in found.values()}
        for name in others:
            if name not in own:
                self._problem(
                    "hosts", f"{name} is connected, and no minion is known for it; it would be cut "
                    "off.", "Name it in maas:racks, or remove it.",
                )  # fmt: skip
        return found

    def _describe(self, roles):
        answers = self.fleet.ask(roles, "maas_upgrade.describe")
        lost = {minion: one.error for minion, one in answers.items() if one.error}
        if lost:
            shown = "; ".join(f"{minion}: {why}" for minion, why in sorted(lost.items())[:10])
            raise MaasError(f"nothing was changed: hosts do not answer: {shown}")
        found = {minion: {**one.value, "role": roles[minion]} for minion, one in answers.items()}
        # Regions first, the one that is asked before the others.
        order = sorted(found, key=lambda one: (found[one]["role"] == "rack", one != self.region))
        return {minion: found[minion] for minion in order}

    def _problem(self, check, found, remedy, host=None):
        self.findings.append(
            {"host": host or self.region, "check": f"upgrade: {check}", "status": "problem",
             "found": found, "remedy": remedy}
        )  # fmt: skip

    def _examine_all(self, hosts, step, backup):
        """Find out what stands in the way of a step that is not begun."""
        self._examine(hosts, step)
        try:
            if backup:
                self._backup(backup, test=True)
        except MaasError as error:
            self._problem("backup", f"No backup can be taken: {error}.", "Make it possible.")

    def _examine(self, hosts, step, after_ubuntu=False):
        """Ask hosts what stands in the way of a step."""
        answers = self.fleet.ask(
            hosts, "maas_upgrade.examine", step.release, seconds=self.fleet.settings.work_seconds
        )
        waits = self._without_ubuntu(hosts, step)
        for minion, answer in answers.items():
            if answer.error:
                self._problem("host", answer.error, "Correct this.", minion)
                continue
            for one in answer.value:
                later = waits and one["check"] in _WITH_UBUNTU
                if after_ubuntu and one["check"] not in _WITH_UBUNTU:
                    continue
                status = "warning" if later and one["status"] == "problem" else one["status"]
                self.findings.append({"host": minion, **one, "status": status})
        self._compare(hosts, step)

    def _compare(self, hosts, step):
        start = Release(self.journal["from"] if self.journal else hosts[self.region]["release"])
        for minion, one in hosts.items():
            here = Release(one["release"])
            if here.series in (start.series, step.release):
                continue
            if here < start or here > Release(step.release):
                text = f"It has MAAS {here}, and the region {start}."
                remedy = f"Upgrade it to {start.series} first." if here < start else "Look at it."
                self._problem("release", text, remedy, minion)

    def _without_ubuntu(self, hosts, step):
        """The hosts whose Ubuntu is older than the packages of a step need."""
        return [
            minion for minion, one in hosts.items()
            if one["kind"] == "deb" and one["ubuntu"] and step.ubuntu
            and float(one["ubuntu"]) < float(step.ubuntu)
        ]  # fmt: skip

    # the plan

    def _steps(self, hosts):
        """The steps that are left, the one that was begun first."""
        if self.options.get("kind") not in (None, "snap"):
            raise BadInput([f"kind: {self.options['kind']!r} must be snap"])
        if self.options.get("kind"):
            return self._moves(hosts)
        if not self.journal:
            start = Release(hosts[self.region]["release"])
            return upgrade_path.steps(hosts[self.region]["kind"], start, self.to)
        kind, begun = hosts[self.region]["kind"], Release(self.journal["step"])
        step = upgrade_path.Step(begun.series, upgrade_path.ubuntu(begun) if kind == "deb" else "")
        return [step, *upgrade_path.steps(kind, begun, self.to)]

    def _moves(self, hosts):
        """The one step from packages to the snap."""
        series = Release(hosts[self.region]["release"]).series
        if self.to.series != series:
            raise BadInput([f"to: must be {series}, as the snap of another release takes no "
                            "packages over; upgrade before or after"])  # fmt: skip
        moves = self.journal or any(one["kind"] == "deb" for one in hosts.values())
        return [upgrade_path.Step(series, "")] if moves else []

    def _entries(self, hosts, step, backup):
        """What a step does, in order: ``[(verb, minion)]``."""
        regions = [minion for minion, one in hosts.items() if one["role"] == "region"]
        racks = [minion for minion, one in hosts.items() if one["role"] == "rack"]
        found = [("backup", self.region)] if backup else []
        found += [("stop", one) for one in [*racks, *regions]]
        found += [("wait for Ubuntu", one) for one in self._without_ubuntu(hosts, step)]
        for number, one in enumerate(regions):
            found += [("install", one), *([] if number else [("migrate", one)]), ("start", one)]
        found += [(verb, one) for verb in ("install", "start") for one in racks]
        done = self.journal["done"] if self.journal else ()
        return [entry for entry in found if " ".join(entry) not in done]

    def plan(self, force, backup):
        """Return what a run would do now."""
        hosts = self._look()
        steps = self._steps(hosts)
        planned: list[str] = []
        for number, step in enumerate(steps):
            waits = self._without_ubuntu(hosts, step)
            if number and waits:
                break
            if not number and not self.journal:
                self._examine_all(hosts, step, backup)
            entries = self._entries(hosts, step, backup)
            if number:  # the journal is that of the first
                done, self.journal = self.journal, None
                entries, self.journal = self._entries(hosts, step, backup), done
            planned += self._texts(step, entries)
            if waits:
                break
        if not steps:
            return self._result("nothing to do", hosts, [], steps)
        state = "would be refused" if self._problems() and not force else "would upgrade"
        return self._result(state, hosts, planned, steps)

    def _texts(self, step, entries):
        """The plan as text, up to where an operator has to do something."""
        found = []
        for verb, minion in entries:
            if verb == "wait for Ubuntu":
                found += [
                    f"{step.release}: wait for Ubuntu {step.ubuntu} on {other}"
                    for what, other in entries if what == verb
                ]  # fmt: skip
                break
            found.append(f"{step.release}: {verb} {minion}")
        return found

    def _problems(self):
        return [one for one in self.findings if one["status"] in _PROBLEM]

    def _result(self, state, hosts, done, steps, message="", todo=""):
        return {
            "region": self.region, "state": state,
            "from": self.start or hosts[self.region]["release"],
            "to": str(self.to), "path": [step.release for step in steps], "done": done,
            "findings": self.findings, "backup": self.backup, "message": message, "todo": todo,
        }  # fmt: skip

    # the run

    def run(self, force, backup):
        """Do all that can be done without an operator."""
        hosts = self._look()
        steps = self._steps(hosts)
        if not steps:
            return self._result("nothing to do", hosts, [], steps)
        self.start = self.start or hosts[self.region]["release"]
        if not self.journal:
            self._examine_all(hosts, steps[0], backup)
            if self._problems() and not force:
                text = f"{len(self._problems())} problems stand in the way; nothing was changed"
                todo = "put them right, or give force=true"
                return self._result("refused", hosts, [], steps, text, todo)
        state, message, todo = "upgraded", "", ""
        for number, step in enumerate(steps):
            if number:
                hosts = self._look()
                if waits := self._without_ubuntu(hosts, step):
                    text = f"MAAS {step.release} needs Ubuntu {step.ubuntu} on {', '.join(waits)}"
                    state, message = "upgraded so far", text
                    todo = "call this again: it stops MAAS, and waits for Ubuntu's upgrade"
                    break
            stopped = self._step(hosts, step, backup)
            self._resumed = False
            if stopped:
                state, message, todo = stopped
                break
        return self._result(state, hosts, self.done, steps, message, todo)

    def _step(self, hosts, step, backup):
        """Take one step; return None, or the state, message and advice with which it stopped."""
        if not self.journal:
            self.journal = {
                "to": str(self.to), "step": step.release, "from": hosts[self.region]["release"],
                "hosts": hosts, "done": [], "begun": [], "backup": None, "options": self.options,
            }  # fmt: skip
            self._write()
        entries = self._entries(hosts, step, backup)
        if self._resumed and not self._done("migrate", self.region):
            # Upstart's jobs, or the upgrade of Ubuntu, may have started MAAS meanwhile.
            for minion in hosts:
                if self._done("stop", minion):
                    self._call(minion, "maas_upgrade.stop")
        failed: dict[str, str] = {}
        for (verb, role), group in itertools.groupby(
            entries, lambda entry: (entry[0], hosts[entry[1]]["role"])
        ):
            minions = [minion for _, minion in group if minion not in failed]
            if verb == "wait for Ubuntu":
                return self._wait(hosts, step, entries)
            size = self.fleet.batch if role == "rack" else 1
            for start in range(0, len(minions), size):
                part = minions[start : start + size]
                self.fleet.progress.show(
                    len(self.journal["done"]), len(self.journal["done"]) + len(entries),
                    f"{step.release}: {verb} {', '.join(part[:5])}",
                )  # fmt: skip
                failed.update(self._do(verb, part, step, hosts, backup))
                if failed and (role == "region" or verb == "stop"):
                    return self._failed(failed)
        if failed:
            return self._failed(failed)
        racks = [one["hostname"] for one in hosts.values() if "cluster" in one["roles"]]
        missing = self.fleet.region(self.region, "maas_upgrade.connected", racks, _RACKS_SECONDS)
        if missing:
            text = f"racks did not connect again: {', '.join(missing)}"
            return ("failed", text, "look at maas_cluster.doctor there, then call this again")
        self._forget()
        return None

    def _done(self, verb, minion):
        return f"{verb} {minion}" in self.journal["done"]

    def _do(self, verb, minions, step, hosts, backup):
        """Do one thing on some hosts at once, and write down where it is done.

        Returns:
            ``{minion: why not}`` of the others.
        """
        entries = [f"{verb} {minion}" for minion in minions]
        again, self.journal["begun"] = self.journal["begun"] == entries, entries
        self._write()
        try:
            failed = self._carry_out(verb, minions, step, hosts, backup, again)
        except MaasError as error:
            failed = {minions[0]: str(error)}
        for minion, entry in zip(minions, entries, strict=True):
            if minion not in failed:
                self.journal["done"].append(entry)
                self.done.append(f"{step.release}: {entry}")
                data = {"minion": minion, "step": verb, "to": step.release}
                self.fleet.salt.fire(f"maas/upgrade/{self.region}", data)
        if not failed:
            self.journal["begun"] = []
        self._write()
        return {minion: f"{verb} {minion}: {why}" for minion, why in failed.items()}

    def _carry_out(self, verb, minions, step, hosts, backup, again):
        function = f"maas_upgrade.{verb}"
        if verb == "backup":
            self.backup = self.journal["backup"] = self._backup(backup)
        elif verb == "migrate":
            self._call(minions[0], function, again=again)
        elif verb == "start":
            return self._ask(minions, hosts, function, wait=self.fleet.settings.region_seconds / 2)
        elif verb == "stop":
            return self._ask(minions, hosts, function)
        else:
            self._look_again(minions[0], step, hosts)
            # They are of the last step.
            options = self.options if step.release == self.to.series else {}
            return self._ask(minions, hosts, function, step.release, **options)
        return {}

    def _look_again(self, minion, step, hosts):
        """See what Ubuntu's upgrade brought, or did not."""
        if minion != self.region:
            return
        self.findings = []
        self._examine({minion: hosts[minion]}, step, after_ubuntu=True)
        if problems := self._problems():
            raise MaasError(" ".join(f"{one['found']} {one['remedy']}" for one in problems))

    def _ask(self, minions, hosts, function, *args, **kwargs):
        """Call a function on hosts: ``{minion: why it failed}``."""
        if hosts[minions[0]]["role"] == "region":
            self._call(minions[0], function, *args, **kwargs)
            return {}
        limit = self.fleet.settings.region_seconds
        answers = self.fleet.ask(minions, function, *args, limit=limit, **kwargs)
        return {minion: one.error for minion, one in answers.items() if one.error}

    def _call(self, minion, function, *args, **kwargs):
        try:
            return self.fleet.region(minion, function, *args, **kwargs)
        except MaasError as error:
            text = str(error).removeprefix(f"the region's minion {minion}: ")
            raise MaasError(text) from None

    def _backup(self, backup, **more):
        given = backup if isinstance(backup, dict) else {}
        try:
            return self._call(self.region, "maas_backup.create", **given, **more)["name"]
        except MaasError as error:
            raise MaasError(f"{error}; with backup=false none is taken") from None

    def _wait(self, hosts, step, entries):
        names = [minion for verb, minion in entries if verb == "wait for Ubuntu"]
        self.done += [f"{step.release}: wait for Ubuntu {step.ubuntu} on {one}" for one in names]
        return (
            "waiting",
            f"MAAS is stopped; its packages {step.release} need Ubuntu {step.ubuntu} on "
            f"{', '.join(names)}",
            "upgrade Ubuntu there (do-release-upgrade), PostgreSQL with it; keep it from the "
            "packages of another MAAS, as 20.04's maas is only the snap; then call this again. "
            "With cancel=true MAAS is started again instead",
        )

    def _failed(self, failed):
        message = "; ".join(failed.values())
        if not self._changed():
            left = self._start_again()
            back = "MAAS was started again" if not left else f"MAAS does not run on {left}"
            if not left:
                backup = self.journal["backup"]
                self._forget()
                message += f"; {back}" + (f"; the backup {backup} stays" if backup else "")
                return ("failed", message, "correct this, then call this again")
            message += f"; {back}"
        return ("failed", message, f"correct this, then call this again; {self._back()}")

    def _back(self):
        old, backup = self.journal["from"], self.journal["backup"]
        return (
            f"to go back, reinstall MAAS {old} on all hosts and restore the backup "
            f"{backup or 'that you took'} (salt-run maas.restore)"
        )

    def _changed(self):
        """Whether packages or the database were changed, or perhaps were."""
        entries = [*self.journal["done"], *self.journal["begun"]]
        return any(one.startswith(("install ", "migrate ")) for one in entries)

    def _start_again(self):
        """Start MAAS where it was stopped; return those where it does not run."""
        entries = [*self.journal["done"], *self.journal["begun"]]
        stopped = [one.partition(" ")[2] for one in entries if one.startswith("stop ")]
        left = []
        for minion in reversed(stopped):
            try:
                self._call(minion, "maas_upgrade.cancel")
            except MaasError as error:
                left.append(f"{minion} ({error})")
        return ", ".join(left)

    def cancel(self):
        """Give an upgrade up that has not changed anything yet."""
        if not self.journal:
            raise MaasError(f"no upgrade of {self.region} is begun")
        if self._changed():
            raise MaasError(f"packages were changed already; {self._back()}")
        left = self._start_again()
        if left:
            raise MaasError(f"MAAS does not run on {left}")
        found = self._result("cancelled", self.journal["hosts"], [], [], "MAAS was started again")
        self._forget()
        return found
