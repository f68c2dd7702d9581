"""Bring machines to a goal: find them, plan, send, and wait for all of them together."""

from __future__ import annotations

import base64
import contextlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltext.maas import poll
from saltext.maas.client.session import Client
from saltext.maas.errors import (
    BadInput,
    Forbidden,
    LostAnswer,
    MaasError,
    NotAuthenticated,
    NotDone,
    StrangeAnswer,
    Unreachable,
    few,
)
from saltext.maas.events import Pages
from saltext.maas.machines import answers
from saltext.maas.machines.goals import (
    Goal,
    Machine,
    Step,
    check,
    failed_scripts,
    forget_unconfirmed,
    read_results,
)
from saltext.maas.machines.nodes_1x import (
    as_machine,
    collection,
    during,
    is_node,
    listing,
    operation,
    shape,
)
from saltext.maas.machines.operations import (
    DEPLOYED,
    IN_PROGRESS,
    OPERATIONS,
    READY,
    name_of,
)
from saltext.maas.redact import redact

log = logging.getLogger(__name__)

_SHAPE = {"system_id": str, "hostname": str, "status": int, "status_name": str,
          "owner": (str, None), "zone": {"name": str}, "interface_set?": ([answers.NIC], None),
          "blockdevice_set?": ([answers.DISK], None), **answers.MORE}  # fmt: skip
_MAC = re.compile(r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}", re.I)
#: Machines that one request asks for, so that its URL and its answer do not get too long.
_CHUNK = 100
#: Seconds between two lists while waiting: at first, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
#: Machines that events and scripts are read of where several fail, and how many of each.
_EXPLAINED, _EVENTS, _NAMED = 10, 5, 10
#: How often an operation is sent again whose answer was lost, and that was not carried out.
_REPEATS = 3
#: First release in which a deployment allocates a machine that is ready.
_ALLOCATES = "2.2"
#: First release that does not release machines that are VM hosts.
_KEEPS_VM_HOSTS = "2.6"
#: First release that has events.
_HAS_EVENTS = "1.8"
#: Which scripts an operation runs.
_SCRIPTS = {"commission": ("commissioning", "testing"), "test": ("testing",),
            "deploy": ("installation",)}  # fmt: skip


def listed(client: Client, field: str, values: Iterable[str]) -> list[dict]:
    """Return the machines with one of these values, in as few requests as possible.

    Args:
        client: The region's client.
        field: ``id``, ``hostname`` or ``mac_address``.
        values: The values.
    """
    wanted, found = list(dict.fromkeys(values)), []
    for start in range(0, len(wanted), _CHUNK):
        found += all_listed(client, {field: wanted[start : start + _CHUNK]})
    return found


def all_listed(client: Client, wanted: Mapping[str, list[str]] | None = None) -> list[dict]:
    """Return machines, as API 2.0 shows them, with one request.

    Args:
        client: The region's client.
        wanted: ``{field: values}`` that they must have; all without it.
    """
    release = client.release
    params = {**listing(release), **(wanted or {})}
    expect = shape(release) if is_node(release) else _SHAPE
    found = client.call("GET", collection(release), params=params, expect=[expect])
    return [as_machine(release, raw) for raw in found]


def all_vm_hosts(client: Client) -> list[dict]:
    """Return the VM hosts of a region, as it shows them."""
    if client.release >= "4.0":
        return []
    path = "vm-hosts/" if client.release >= "2.9" else "pods/"
    return client.get(path, expect=[{"name": str, "type": str, "host": (dict, None)}])


def find(client: Client, names: Iterable[str]) -> dict[str, dict]:
    """Return the machines of some names.

    Args:
        client: The region's client.
        names: Host names (with or without domain), system ids or MAC addresses.

    Raises:
        BadInput: A name fits no machine or several, or several names fit one.
    """
    names = list(dict.fromkeys(names))
    macs = {name: name.lower().replace("-", ":") for name in names if _MAC.fullmatch(name)}
    hosts = {name: name.partition(".")[0] for name in names if name not in macs}
    found: dict[str, list[dict]] = {name: [] for name in names}
    # API 1.0 looks for host names as they are stored, with a domain or without.
    nodes = all_listed(client) if is_node(client.release) else None

    def look(field, asked, identifiers_of):
        for raw in listed(client, field, asked.values()) if nodes is None else nodes:
            identifiers = identifiers_of(raw)
            for name in asked:
                if macs.get(name, name) in identifiers:
                    found[name].append(raw)

    look("hostname", hosts, lambda raw: (raw["hostname"], raw.get("fqdn")))
    ids = {name: name for name in hosts if not found[name] and re.fullmatch(r"[\w-]+", name)}
    look("id", ids, lambda raw: (raw["system_id"],))
    look("mac_address", macs, _macs)
    _refuse_ambiguous(found)
    missing = [name for name, raws in found.items() if not raws]
    if missing:
        raise BadInput(
            f"machine {name}: the region has none with this host name, system id or MAC address"
            for name in missing
        )
    return {name: raws[0] for name, raws in found.items()}


def _macs(raw):
    return {(nic.get("mac_address") or "").lower() for nic in raw.get("interface_set") or ()}


def _refuse_ambiguous(found):
    wrong = [
        f"{name}: {len(raws)} machines have this name or address"
        for name, raws in found.items()
        if raws[1:]
    ]
    names: dict[str, list[str]] = {}
    for name, raws in found.items():
        for raw in raws[:1]:
            names.setdefault(raw["system_id"], []).append(name)
    wrong += [f"{' and '.join(same)} are the same machine" for same in names.values() if same[1:]]
    if wrong:
        raise BadInput(wrong)


class Work:
    """The work to bring machines to one goal.

    Args:
        client: The region's client.
        goal: The goal.
        machines: The machines.
        me: Name of the API's user.
        report: Called with the progress.
        writing: Context within which operations are sent.
        minions: Minions on the machines, :class:`saltext.maas.minions.region_side.Minions`.
        vm_hosts: Returns the VM hosts of the region, which are only asked for where they matter.
    """

    def __init__(
        self,
        client: Client,
        goal: Goal,
        machines: list[Machine],
        me: Callable[[], str],
        report: Callable[[dict], object] | None = None,
        writing: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext,
        minions: Any = None,
        vm_hosts: Callable[[Client], Iterable[dict]] = all_vm_hosts,
    ):
        self.client = client
        self.goal = goal
        self.machines = machines
        self._me = me
        self._report = report
        self._writing = writing
        self._minions = minions
        self._vm_hosts = vm_hosts
        self._hosts: Iterable[dict] | None = None
        self._waits = True
        self._prepared_for: set[str] = set()  # system ids of machines whose minions are expected
        self._reported: object = None
        self._explained = 0

    def goal_of(self, machine: Machine) -> Goal:
        """Return the goal of a machine."""
        return machine.goal or self.goal

    # Planning

    def plan(self) -> None:
        """Plan what :meth:`run` sends, with the predicted machines; send nothing."""
        self._inspect()
        for machine in self.machines:
            while not machine.done and machine.error is None:
                with _recording_errors(machine):
                    step = self._next(machine)
                    machine.done = step is None
                    if step:
                        machine.sent += [step.operation.name] if step.send else []
                        goal, release = self.goal_of(machine), self.client.release
                        machine.raw = goal.predict(machine, step, self._me(), release)

    def _inspect(self):
        found = [one for one in self.machines if self.goal_of(one).needs_inspection]
        self.client.each(lambda one: self.goal_of(one).inspect(self.client, one), found)
        for machine in self.machines:
            if machine.status == DEPLOYED and self.goal_of(machine).vm_hosts:
                machine.vm_hosts = self._vm_hosts_of(machine)

    def _vm_hosts_of(self, machine):
        """The VM hosts that a machine is: ``{name: type}``."""
        if self._hosts is None:
            self._hosts = self._vm_hosts(self.client)
        ident = machine.raw["system_id"]
        return {
            one["name"]: one["type"]
            for one in self._hosts
            if ident and (one.get("host") or {}).get("system_id") == ident
        }

    def _next(self, machine):
        goal = self.goal_of(machine)
        step = goal.next(machine)
        if step and step.send:
            first = step.operation.name == "deploy" and machine.status == READY
            if first and self.client.release < _ALLOCATES:
                step = Step(OPERATIONS["allocate"])
            if step.operation.name in machine.sent and not self._repeats(machine):
                raise forget_unconfirmed(machine) or MaasError(
                    f"{step.operation.name} ended, but it is still {machine.status_name}"
                )
            missing = step.operation.missing(self.client.release, {})
            if missing:
                raise MaasError(missing)
            if (
                step.operation.name == "release"
                and machine.status == DEPLOYED
                and self.client.release >= _KEEPS_VM_HOSTS
            ):
                machine.vm_hosts = self._vm_hosts_of(machine)
            check(machine, step, goal, self.client.release, self._owner_of(machine))
            if goal.operation.name == "deploy" and self._minions:
                self._minions.check(machine, self._user_data(machine))
        return step

    def _repeats(self, machine):
        """Whether the last operation is sent again: its answer was lost, and nothing changed."""
        lost = machine.unconfirmed is not None and machine.unconfirmed.carried_out is None
        if not (lost and self._waits and machine.repeats < _REPEATS):
            return False
        forget_unconfirmed(machine)
        machine.unconfirmed = None
        machine.repeats += 1
        return True

    def _user_data(self, machine):
        return base64.b64decode(self.goal_of(machine).given.get("user_data") or "")

    def _owner_of(self, machine):
        # The API's user is only needed, and asked for, where a machine has an owner.
        return self._me() if machine.raw.get("owner") or self.goal.operation.by_owner_since else ""

    # Running

    def run(self, seconds: float, wait: bool = True) -> None:
        """Send the operations, and wait until each machine has reached the goal or failed.

        Args:
            seconds: For all of them together.
            wait: Whether to wait for the end of the operations.
        """
        self._waits = wait
        self._inspect()
        try:
            self._run(seconds, wait)
        finally:
            if self._minions:
                self._minions.forget(self.machines)

    def _run(self, seconds, wait):
        self._send_next()
        if not wait:
            self._reread([one for one in self.machines if one.sent])
            self._send_next()  # what was not carried out is an error
            return
        if self._all_ended():
            return
        if poll.wait(self._round, seconds, FIRST_PAUSE, LONGEST_PAUSE) is None:
            for machine in self._pending():
                doing = f"the end of {machine.waiting.name}" if machine.waiting else "the region"
                reason = f"it is {machine.raw.get('status_name') or machine.status_name}"
                self._fail(machine, poll.timed_out(seconds, doing, reason))

    def _pending(self):
        return [one for one in self.machines if not one.done and one.error is None]

    def _all_ended(self):
        self._progress()
        return True if not self._pending() else None

    def _round(self):
        try:
            self._reread(self._pending())
        except (LostAnswer, Unreachable, StrangeAnswer) as error:  # it may be restarting
            log.warning("machines that are waited for: %s", error)
            return None
        self._send_next()
        return self._all_ended()

    def _reread(self, machines):
        """Read machines again: one listing for all of them."""
        ids = {one.raw["system_id"]: one for one in machines}
        found = {raw["system_id"]: raw for raw in listed(self.client, "id", ids)}
        for ident, machine in ids.items():
            if ident in found:
                machine.raw = found[ident]
            else:
                machine.error = "it was deleted meanwhile"

    def _send_next(self):
        sends = []
        for machine in self._pending():
            if machine.waiting and self._is_in_progress(machine):
                machine.unconfirmed = None
                continue
            if machine.error is not None:
                continue
            with _recording_errors(machine):
                step = self._next(machine)
                machine.waiting = step.operation if step else None
                machine.done = step is None
                if step and step.send:
                    machine.sent.append(step.operation.name)
                    sends.append((machine, step))
        sends = self._prepared(sends)
        if sends:
            with self._writing():
                self.client.each(lambda one: self._send(*one), sends)

    def _prepared(self, sends):
        """Have the master expect the minions of machines about to be deployed; keep the others."""
        new = [
            machine for machine, step in sends
            if step.operation.name == "deploy"
            and machine.raw["system_id"] not in self._prepared_for
        ]  # fmt: skip
        if not new or not self._minions:
            return sends
        self._minions.prepare([(one, self._user_data(one)) for one in new])
        self._prepared_for.update(one.raw["system_id"] for one in new)
        for machine in new:
            if machine.error is not None:
                machine.sent.pop()
        return [(machine, step) for machine, step in sends if machine.error is None]

    def _is_in_progress(self, machine):
        """Whether the operation is still in progress; record its failure."""
        raw, operation = machine.raw, machine.waiting
        if machine.status in operation.failures and not machine.unconfirmed:
            self._fail(machine, f"{operation.name} failed: it is {machine.status_name}")
            return False
        if machine.status in during(self.client.release, operation):
            return True
        if machine.unconfirmed:
            return False
        if operation.name == "abort":
            return machine.status in IN_PROGRESS
        if operation.name in ("power_on", "power_off"):
            if raw.get("power_type") in ("", "manual"):
                return False
            if raw.get("power_state") == "error" != machine.before.get("power_state"):
                self._fail(machine, f"{operation.name} failed: its BMC reports an error")
                return False
            return raw.get("power_state") != operation.name.removeprefix("power_")
        return False

    def _send(self, machine, step):
        release, name, ident = self.client.release, step.operation.name, machine.raw["system_id"]
        path, data = f"{collection(release)}{ident}/", dict(step.data)
        hide = (*self.goal_of(machine).hide, *machine.hide)
        if name == "allocate":
            path = collection(release)
            data = {"name": machine.raw["fqdn"]} if is_node(release) else {"system_id": ident}
        elif name == "deploy":
            data.update(machine.own)
        try:
            raw = self.client.post(path, op=operation(release, name), data=data, hide=hide)
            if name == "allocate" and is_node(release) and raw.get("system_id") != ident:
                raise NotDone(f"MAAS allocated {raw.get('hostname')} in its place; release it")
        except (Forbidden, NotAuthenticated) as error:
            machine.sent.pop()
            self._fail(machine, f"{step.operation.name}: {error}")
        except MaasError as error:
            # It may have started, so the machine is read again.
            machine.unconfirmed = MaasError(f"{step.operation.name}: {error}")
            machine.unconfirmed.carried_out = error.carried_out

    # Reporting

    def _fail(self, machine, reason):
        lines = [reason]
        if self._explained < _EXPLAINED:
            self._explained += 1
            lines += self._failure_details(machine)
        machine.error = redact("; ".join(lines), (*self.goal_of(machine).hide, *machine.hide))

    def _failure_details(self, machine):
        """The scripts that failed on a machine, and its last events, as far as they can be read."""
        ident, lines = machine.raw["system_id"], []
        operation = machine.waiting.name if machine.waiting else ""
        for kind in _SCRIPTS.get(operation, ()) if self.client.release >= "2.2" else ():
            if not machine.raw.get(f"current_{kind}_result_id"):
                continue
            with contextlib.suppress(MaasError):
                failed = failed_scripts(read_results(self.client, ident, kind))
                lines += [f"failed scripts: {few(failed, _NAMED)}"] if failed else []
        with contextlib.suppress(MaasError):
            if self.client.release < _HAS_EVENTS:
                return lines
            events = Pages(self.client).read(_EVENTS, id=ident)
            texts = [": ".join(filter(None, (one.get("type"), one.get("description"))))
                     for one in events]  # fmt: skip
            lines += [f"last events: {' | '.join(texts)}"] if texts else []
        return lines

    def _progress(self):
        """Report the progress if it has changed."""
        done = len(self.machines) - len(self._pending())
        statuses = dict(sorted(Counter(name_of(one.status) for one in self.machines).items()))
        if not self._report or self._reported == (done, statuses):
            return
        self._reported = (done, statuses)
        total = len(self.machines)
        self._report({
            "what": self.goal.operation.words, "done": done, "total": total,
            "percent": 100 * done // total if total else 100, "statuses": statuses,
        })  # fmt: skip


@contextlib.contextmanager
def _recording_errors(machine):
    """Record the error of a machine's next step."""
    try:
        yield
    except MaasError as error:
        machine.error = str(error)
