"""Goals of machines, and the next operation of a machine on the way to its goal."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltext.maas.client.session import Client
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.machines import operations as at
from saltext.maas.machines.nodes_1x import SHOWS_DEPLOYMENT, SOMEBODY, is_node
from saltext.maas.machines.operations import ADVICE, IN_PROGRESS, OPERATIONS, Operation, name_of
from saltext.maas.machines.parameters import PARAMETERS, mistakes
from saltext.maas.release import Release

#: Statuses of script results; timeouts and failed preparations are failures, too.
PASSED, SKIPPED = 2, 9
_FAILED = (3, 4, 8, 11)
#: Versions of Ubuntu that MAAS takes in place of a name.
_SERIES = {
    "14.04": "trusty", "16.04": "xenial", "18.04": "bionic", "20.04": "focal",
    "22.04": "jammy", "24.04": "noble",
}  # fmt: skip


#: Statuses that passed tests make Ready, without owner, and the first release for each.
_TESTS_FREE = {
    at.NEW: "2.9", at.FAILED_TESTING: "2.3",
    **dict.fromkeys((at.MISSING, at.RETIRED, at.BROKEN, at.FAILED_DEPLOYMENT,
                     at.FAILED_RELEASING, at.FAILED_DISK_ERASING), "2.2"),
}  # fmt: skip
#: The kinds of VM hosts that MAAS makes of machines, by the parameter of their deployment.
_VM_HOSTS = {"install_kvm": "virsh", "register_vmhost": "lxd"}


class Refused(MaasError):
    """The status of a machine does not allow the operation; nothing was sent."""

    lasting = True


@dataclass
class Machine:
    """A machine that is brought to a goal.

    Attributes:
        name: The name that the caller gave.
        raw: The machine as it was read last.
        before: The machine as it was read first.
        sent: The operations that were sent, or would be.
        waiting: The operation that MAAS is carrying out.
        unconfirmed: Why an operation may not have been carried out.
        repeats: How often operations were sent again.
        error: Why it cannot reach the goal.
        done: Whether it has reached the goal.
        tests: Statuses of the scripts that it was tested with last, by name, where a goal asks.
        vm_hosts: Types of the VM hosts that it is, by name; None where nobody asked.
        settled: Whether its interfaces and disks are those that it will have; false where an
            earlier state of a test run may plan others.
        goal: The goal with its own parameters; None for that of all machines.
        own: What it alone is deployed with, beside what the goal says.
        hide: Secret values in that.
    """

    name: str
    raw: dict
    before: dict = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    waiting: Operation | None = None
    unconfirmed: MaasError | None = None
    repeats: int = 0
    error: str | None = None
    done: bool = False
    tests: dict[str, list[int]] = field(default_factory=dict)
    vm_hosts: Mapping[str, str] | None = None
    settled: bool = True
    goal: Goal | None = None
    own: dict[str, Any] = field(default_factory=dict)
    hide: tuple = ()

    def __post_init__(self) -> None:
        self.before = self.before or self.raw

    @property
    def status(self) -> int:
        return self.raw["status"]

    @property
    def status_name(self) -> str:
        return name_of(self.status)


@dataclass(frozen=True)
class Step:
    """An operation to send, or, without ``send``, one to wait for."""

    operation: Operation
    data: Mapping[str, Any] = field(default_factory=dict)
    send: bool = True


def wait_for(status: int) -> Step:
    """Return the step that waits for the operation in progress in a status."""
    return Step(IN_PROGRESS[status], send=False)


class Goal:
    """The state that machines are to reach.

    Args:
        given: Parameters of the operation, those that are not None; ``user_data`` as a text or
            bytes.
        in_use: Whether operations are sent to machines of other users.

    Attributes:
        operation: The operation that reaches it.
        shown: Fields of a machine that show what was changed.
        hide: Secret values in the parameters.
        vm_hosts: Types of the VM hosts that MAAS makes of machines with it.
    """

    operation: Operation
    vm_hosts: tuple[str, ...] = ()
    shown: tuple[str, ...] = ("status_name", "owner")

    def __init__(self, given: Mapping[str, Any] | None = None, in_use: bool = False):
        self.given = {name: one for name, one in (given or {}).items() if one is not None}
        self.in_use = in_use
        self.hide: tuple = ()
        if "user_data" in self.given:
            self._encode(self.given["user_data"])
        wrong = list(mistakes({**self.given, "in_use": in_use}))
        if wrong:
            raise BadInput(wrong)

    def _encode(self, content):
        plain = content.encode() if isinstance(content, str) else bytes(content)
        self.given["user_data"] = base64.b64encode(plain).decode()
        self.hide = (plain.decode(errors="replace"), self.given["user_data"])

    def next(self, machine: Machine) -> Step | None:
        """Return the next step of a machine; None if it has reached the goal.

        Raises:
            Refused: It cannot reach the goal from its status.
        """
        raise NotImplementedError

    def inspect(self, client: Client, machine: Machine) -> None:
        """Read what the list of machines does not show, if the goal depends on it."""

    @property
    def needs_inspection(self) -> bool:
        """Whether :meth:`inspect` has anything to do."""
        return False

    def data(self) -> dict[str, Any]:
        """Return the form of the operation."""
        form = {name: one for name, one in self.given.items() if name != "parameters"}
        for name, value in form.items():
            if PARAMETERS[name].kind == "list of str" and not isinstance(value, str):
                form[name] = ",".join(value)
        return {**form, **(self.given.get("parameters") or {})}

    def send(self) -> Step:
        """Return the step that sends the operation of the goal."""
        return Step(self.operation, self.data())

    def unsupported(self, release: Release) -> str | None:
        """Return what a release does not support of this; None if it supports all."""
        return self.operation.missing(release, self.given)

    def predict(self, machine: Machine, step: Step, me: str, release: Release) -> dict:
        """Return a machine as it is after a successful step."""
        raw, name = machine.raw, step.operation.name
        free = at.DEPLOYED if _is_deployed(raw) else at.READY
        status = {
            "commission": at.READY, "allocate": at.ALLOCATED, "deploy": at.DEPLOYED,
            "release": _released_status(raw), "mark_broken": at.BROKEN,
            "mark_fixed": at.DEPLOYED if raw.get("owner") else at.READY,
            "rescue_mode": at.RESCUE, "exit_rescue_mode": free, "override_failed_testing": free,
            "test": _tested_status(machine.status, free, release),
            "abort": _aborted_status(machine.status),
        }.get(name, machine.status)  # fmt: skip
        new = {**raw, "status": status, "status_name": name_of(status)}
        if name in ("mark_fixed", "exit_rescue_mode"):
            new["status_name"] = "what it was before"
        if status in (at.NEW, at.READY):
            new.update(owner=None, osystem="", distro_series="")
        if name in ("allocate", "deploy"):
            new["owner"] = raw.get("owner") or me
        if name == "rescue_mode":
            new["owner"] = me
        released = machine.status in OPERATIONS["release"].allowed
        off = raw.get("power_state") == "off" or raw.get("power_type") in ("", "manual")
        if name == "mark_broken" and released and off:
            new["owner"] = None
        if name in ("commission", "release", "abort", "power_off"):
            new["power_state"] = "off"
        if name in ("deploy", "power_on"):
            new["power_state"] = "on"
        if name in ("lock", "unlock"):
            new["locked"] = name == "lock"
        if name == "commission":
            new = _without_configuration(new)
            new.update(commissioning_status=PASSED, commissioning_status_name="Passed")
        if name in ("test", "commission") and "testing_status" in raw:
            new.update(testing_status=PASSED, testing_status_name="Passed")
        return new


def _without_configuration(raw):
    """A machine of which nobody knows yet how its interfaces and disks will be."""
    nics = [
        {name: one for name, one in nic.items() if name != "links"}
        for nic in raw.get("interface_set") or ()
    ]
    return {**raw, "interface_set": nics or None, "blockdevice_set": None}


def _is_deployed(raw: dict) -> bool:
    """Whether a machine was deployed before its tests or its rescue."""
    return bool(raw.get("osystem")) and bool(raw.get("owner"))


def _tested_status(status: int, before: int, release: Release) -> int:
    """The status after tests with success; ``before`` of one that is being tested."""
    if status == at.TESTING:
        return before
    if status == at.FAILED_COMMISSIONING:
        return at.NEW
    since = _TESTS_FREE.get(status)
    return at.READY if since and release >= since else status


def _released_status(raw: dict) -> int:
    return at.READY if raw.get("commissioning_status", PASSED) == PASSED else at.NEW


def _aborted_status(status: int) -> int:
    return {
        at.COMMISSIONING: at.NEW,
        at.DEPLOYING: at.ALLOCATED,
        at.DISK_ERASING: at.FAILED_DISK_ERASING,
    }.get(status, at.READY)


def refusal(machine: Machine, what: str, advice: str | None = None) -> Refused:
    """Return the refusal of an operation in a machine's status."""
    owner = machine.raw.get("owner")
    whose = f" and owned by {owner}" if owner else ""
    todo = ADVICE.get(machine.status, "") if advice is None else advice
    return Refused(f"it is {machine.status_name}{whose}, {what}" + (f"; {todo}" if todo else ""))


def forget_unconfirmed(machine: Machine) -> MaasError | None:
    """Return why the last operation was not carried out, and remove it from ``sent``."""
    if machine.unconfirmed and machine.sent:
        machine.sent.pop()
    return machine.unconfirmed


class Commissioned(Goal):
    """Commissioned at some time, or now."""

    operation = OPERATIONS["commission"]

    def next(self, machine: Machine) -> Step | None:
        status = machine.status
        if status in (at.NEW, at.FAILED_COMMISSIONING):
            return self.send()
        if status in (at.COMMISSIONING, at.TESTING):
            return wait_for(status)
        if status in (at.MISSING, at.RETIRED, at.BROKEN, at.FAILED_TESTING):
            raise refusal(machine, "so it is not commissioned")
        return None


class Tested(Goal):
    """Tested, with success, with scripts that may be named."""

    operation = OPERATIONS["test"]
    shown = ("status_name", "owner", "testing_status_name")
    #: Names of the scripts that are wanted; tags are replaced by the names that have them.
    wanted: frozenset[str] = frozenset()

    def next(self, machine: Machine) -> Step | None:
        if machine.status in IN_PROGRESS:
            return wait_for(machine.status)
        if ("test" in machine.sent and not machine.unconfirmed) or self._passed(machine):
            return None
        if machine.status == at.NEW and not machine.raw.get("current_commissioning_result_id"):
            raise refusal(machine, "and MAAS tests only what was commissioned")
        if machine.status in (at.RESCUE, at.FAILED_ENTERING_RESCUE, at.FAILED_EXITING_RESCUE):
            raise refusal(machine, "and a test would end that")
        if machine.status == at.FAILED_TESTING and _is_deployed(machine.raw):
            return Step(OPERATIONS["override_failed_testing"])
        return self.send()

    def _passed(self, machine):
        if machine.status == at.FAILED_TESTING:
            return False
        if not self.needs_inspection and "testing_status" in machine.raw:
            return machine.raw["testing_status"] == PASSED
        passed = {
            name for name, found in machine.tests.items()
            if all(one in (PASSED, SKIPPED) for one in found)
        }  # fmt: skip
        return (
            self.wanted <= passed
            if self.needs_inspection
            else bool(passed) and passed == set(machine.tests)
        )

    @property
    def needs_inspection(self) -> bool:
        return bool(self.wanted)

    def inspect(self, client: Client, machine: Machine) -> None:
        if not machine.raw.get("current_testing_result_id"):
            return
        for result in read_results(client, machine.raw["system_id"], "testing"):
            machine.tests.setdefault(result["name"], []).append(result["status"])


class Deployed(Goal):
    """Deployed, as described.

    Args:
        given: Parameters of the deployment.
        in_use: See :class:`Goal`.
        redeploy: Whether a machine that is deployed with something else is released, and
            deployed again.
    """

    operation = OPERATIONS["deploy"]

    def __init__(
        self,
        given: Mapping[str, Any] | None = None,
        in_use: bool = False,
        redeploy: bool = False,
    ):
        super().__init__(given, in_use)
        self.redeploy = redeploy
        # MAAS's own choice is not known beforehand.
        asked = ("osystem", "distro_series") if self.given.get("distro_series") else ()
        kernel = ("hwe_kernel",) if self.given.get("hwe_kernel") else ()
        self.shown = (*self.shown, *asked, *kernel)
        self.vm_hosts = tuple(kind for name, kind in _VM_HOSTS.items() if self.given.get(name))

    def next(self, machine: Machine) -> Step | None:
        status = machine.status
        if status == at.DEPLOYED:
            return self._deployed(machine)
        if status == at.DEPLOYING:
            other = self.differences(machine.raw)
            if other:
                how = "abort it first (maas_machine.abort), or repeat the run when it has ended"
                raise refusal(machine, f"with {', '.join(other)}", how)
            return wait_for(status)
        if status in IN_PROGRESS and status != at.ENTERING_RESCUE:
            return wait_for(status)
        if status == at.FAILED_DEPLOYMENT:
            return self._release(machine)
        if status in (at.READY, at.ALLOCATED):
            return self.send()
        raise refusal(machine, "so it cannot be deployed")

    def _deployed(self, machine):
        other = self.differences(machine.raw)
        if "deploy" not in machine.sent and machine.vm_hosts is not None:
            other += [f"no VM host of {one}" for one in self.vm_hosts
                      if one not in machine.vm_hosts.values()]  # fmt: skip
        if not other:
            return None
        if not self.redeploy or "deploy" in machine.sent:
            how = "redeploy: true releases it, and deploys it again"
            raise refusal(machine, f"with {', '.join(other)}", how)
        return self._release(machine)

    def _release(self, machine):
        """The step that releases what is to be deployed again."""
        if _released_status(machine.raw) == at.NEW:
            raise refusal(
                machine, "and has not passed its commissioning, so MAAS would make it New",
                "release it (maas_machine.released), and commission it (maas_machine.commissioned)",
            )  # fmt: skip
        return Step(OPERATIONS["release"])

    def differences(self, raw: dict) -> list[str]:
        """Return what a machine is deployed with, where that is not as described."""
        found, given = [], self.given
        wanted, system = _series(given)
        if wanted and raw.get("distro_series"):
            have = f"{raw.get('osystem') or ''}/{raw['distro_series']}"
            differs = raw["distro_series"] != wanted or system not in (None, raw.get("osystem"))
            found += [f"{have}, not {given['distro_series']}"] if differs else []
        elif system and raw.get("osystem") not in (None, "", system):
            found.append(f"{raw['osystem']}, not {system}")
        kernel = given.get("hwe_kernel")
        if kernel and raw.get("hwe_kernel") and raw["hwe_kernel"] != kernel:
            found.append(f"kernel {raw['hwe_kernel']}, not {kernel}")
        for name in ("ephemeral_deploy", "enable_hw_sync", "enable_kernel_crash_dump"):
            if name in given and name in raw and bool(raw[name]) != given[name]:
                found.append(f"{name} {str(bool(raw[name])).lower()}")
        return found

    def predict(self, machine: Machine, step: Step, me: str, release: Release) -> dict:
        new = super().predict(machine, step, me, release)
        if step.operation.name == "deploy" and step.send:
            series, system = _series(self.given)
            if series:
                new.update(distro_series=series, osystem=system or "ubuntu")
            names = ("hwe_kernel", "ephemeral_deploy", "enable_hw_sync", "enable_kernel_crash_dump")
            new.update({name: self.given[name] for name in names if name in self.given})
        return new


def _series(given):
    """``(series, operating system)`` that a deployment asks for; None for what it does not."""
    system, _, series = str(given.get("distro_series") or "").rpartition("/")
    return _SERIES.get(series, series) or None, system or given.get("osystem") or None


class Released(Goal):
    """Released: owned by no user."""

    operation = OPERATIONS["release"]

    def next(self, machine: Machine) -> Step | None:
        status, owner = machine.status, machine.raw.get("owner")
        if status in (at.RELEASING, at.DISK_ERASING):
            return wait_for(status)
        if status == at.COMMISSIONING or (status == at.BROKEN and not owner):
            return None
        if status in self.operation.allowed:
            return self.send()
        if not owner:
            return None
        if status in IN_PROGRESS:
            return wait_for(status)
        if status in (at.RESCUE, at.FAILED_ENTERING_RESCUE, at.FAILED_EXITING_RESCUE):
            raise refusal(machine, "so MAAS does not release it")
        return None


class Locked(Goal):
    """Locked: MAAS refuses to change, release or turn it on or off."""

    operation = OPERATIONS["lock"]
    shown = ("locked",)

    def next(self, machine: Machine) -> Step | None:
        return None if machine.raw.get("locked") else self.send()


class Unlocked(Goal):
    """Not locked."""

    operation = OPERATIONS["unlock"]
    shown = ("locked",)

    def next(self, machine: Machine) -> Step | None:
        return self.send() if machine.raw.get("locked") else None


class Broken(Goal):
    """Marked as broken."""

    operation = OPERATIONS["mark_broken"]

    def next(self, machine: Machine) -> Step | None:
        return None if machine.status == at.BROKEN else self.send()


class Fixed(Goal):
    """Not marked as broken."""

    operation = OPERATIONS["mark_fixed"]
    shown = ()  # MAAS does not show whether it was deployed before

    def next(self, machine: Machine) -> Step | None:
        return self.send() if machine.status == at.BROKEN else None


class Rescued(Goal):
    """In rescue mode."""

    operation = OPERATIONS["rescue_mode"]

    def next(self, machine: Machine) -> Step | None:
        if machine.status == at.RESCUE:
            return None
        return wait_for(machine.status) if machine.status in IN_PROGRESS else self.send()


class RescueExited(Goal):
    """Not in rescue mode."""

    operation = OPERATIONS["exit_rescue_mode"]
    shown = ()  # MAAS does not show its previous status

    def next(self, machine: Machine) -> Step | None:
        if machine.status == at.EXITING_RESCUE:
            return wait_for(machine.status)
        return self.send() if machine.status in self.operation.allowed else None


class Powered(Goal):
    """Turned on or off."""

    shown = ("power_state",)

    def __init__(self, on: bool, given: Mapping[str, Any] | None = None, in_use: bool = False):
        # How to switch off is nothing to what is to be on.
        super().__init__({**(given or {}), "stop_mode": None} if on else given, in_use)
        self.on = on
        self.operation = OPERATIONS["power_on" if on else "power_off"]

    def next(self, machine: Machine) -> Step | None:
        if machine.raw.get("power_state") == ("on" if self.on else "off"):
            return None
        if machine.raw.get("power_type") in ("", "manual"):
            raise Refused(
                "its power type is manual, so MAAS cannot turn it on or off; describe "
                "its BMC as power_type"
            )
        if machine.status in IN_PROGRESS:
            raise refusal(machine, "and needs its power", "repeat the run when that has ended")
        if self.on and machine.status == at.ALLOCATED:
            raise refusal(
                machine, "and would be deployed when it is turned on",
                "deploy it (maas_machine.deployed)",
            )  # fmt: skip
        if self.on and not machine.raw.get("owner"):
            raise refusal(machine, "and MAAS turns on only machines that a user owns")
        return self.send()


class Done(Goal):
    """One operation, sent in any status in which MAAS accepts it."""

    shown = ("status_name", "owner", "locked", "power_state")

    def __init__(
        self, operation: str, given: Mapping[str, Any] | None = None, in_use: bool = False
    ):
        super().__init__(given, in_use)
        self.operation = OPERATIONS[operation]

    def next(self, machine: Machine) -> Step | None:
        unconfirmed = forget_unconfirmed(machine)
        if unconfirmed:
            raise unconfirmed
        return None if self.operation.name in machine.sent else self.send()


def check(machine: Machine, step: Step, goal: Goal, release: Release, me: str) -> None:
    """Refuse an operation that MAAS would refuse, or on a machine of another user.

    Raises:
        Refused: It is not to be sent.
    """
    operation, raw = step.operation, machine.raw
    if raw.get("locked") and operation.name != "unlock":
        raise refusal(
            machine, f"and locked, so MAAS refuses {operation.name}",
            "unlock it first (maas_machine.unlocked)",
        )  # fmt: skip
    if not operation.is_allowed(release, machine.status):
        raise refusal(machine, f"so MAAS refuses {operation.name}")
    if operation.name == "test" and _tests_release(machine):
        raise refusal(machine, "and MAAS would release it when it has passed the tests")
    if operation.name == "release" and machine.vm_hosts:
        names = ", ".join(sorted(machine.vm_hosts))
        raise refusal(
            machine, f"and it is the VM host {names}, so MAAS does not release it",
            "delete that first (maas_vm_host.absent)",
        )  # fmt: skip
    if operation.name in ("allocate", "deploy") and release < SHOWS_DEPLOYMENT:
        _check_deployment_1x(machine, goal, release)
    if operation.name == "deploy" and machine.settled and not is_node(release):
        _check_network(machine)
        _check_root(machine, goal)
    owner = raw.get("owner")
    if operation.by_owner_since and release >= operation.by_owner_since and owner != me:
        raise refusal(
            machine, f"and MAAS accepts {operation.name} only from its owner",
            f"the API's user is {me}",
        )  # fmt: skip
    # The owner of a machine that is commissioned only asked for that, and does not use it.
    unused = machine.status in (at.NEW, at.FAILED_COMMISSIONING) or (
        is_node(release) and machine.status == at.COMMISSIONING
    )
    ours = owner in (None, "", me) or "allocate" in machine.sent
    if not ours and not unused and not goal.in_use:
        unknown = f"and MAAS {release} does not show whether that is {SOMEBODY}"
        other = unknown if me == SOMEBODY else f"not by {me}"
        raise refusal(machine, other, f"in_use: true sends {operation.name} anyway")


def _check_network(machine):
    """Refuse to deploy what has no link to a subnet, as MAAS does."""
    nics = machine.raw.get("interface_set")
    if nics is None or any("links" not in nic for nic in nics):
        return
    links = [link for nic in nics for link in nic["links"]]
    if not any(link.get("subnet") and link.get("mode") != "link_up" for link in links):
        raise refusal(
            machine, "and MAAS deploys no machine without a link to a subnet",
            "describe links of its interfaces",
        )  # fmt: skip


def _check_root(machine, goal):
    """Refuse to install Ubuntu, CentOS or RHEL where no file system is for ``/``."""
    series, system = _series(goal.given)
    known = system in ("ubuntu", "centos", "rhel") or (not system and series in _SERIES.values())
    disks = machine.raw.get("blockdevice_set")
    # Those of a machine that was deployed are others than those of the released one.
    if machine.sent or not disks or not known or goal.given.get("ephemeral_deploy"):
        return
    places = [place for disk in disks for place in (disk, *(disk.get("partitions") or ()))]
    if not any((one.get("filesystem") or {}).get("mount_point") == "/" for one in places):
        raise refusal(
            machine, "and MAAS deploys no machine without a file system that is mounted at /",
            "describe it under storage",
        )  # fmt: skip


def _tests_release(machine):
    """Whether somebody has a machine that MAAS makes Ready when it passes its tests."""
    if machine.status == at.FAILED_TESTING:  # one that was commissioned has an owner, too
        return _is_deployed(machine.raw)
    return bool(machine.raw.get("owner")) and machine.status in _TESTS_FREE


def _check_deployment_1x(machine, goal, release):
    """Refuse to start what MAAS does not start, or what may be about to be installed."""
    if machine.raw.get("power_type") in ("", "manual"):
        raise refusal(
            machine, f"and MAAS {release} deploys only what it can turn on",
            "describe its BMC as power_type",
        )  # fmt: skip
    if "allocate" not in machine.sent and machine.status == at.ALLOCATED and type(goal) is not Done:
        raise refusal(
            machine, f"and MAAS {release} does not show whether its deployment has begun",
            "repeat the run when that has ended, or start it again (maas_machine.deploy)",
        )  # fmt: skip


def read_results(client: Client, system_id: str, kind: str) -> list[dict]:
    """Return the results of the last scripts that ran on a machine, without their output.

    Args:
        client: The region's client.
        system_id: Of the machine.
        kind: ``commissioning``, ``testing`` or ``installation``.
    """
    path = f"nodes/{system_id}/results/current-{kind}/"
    shape = {"results": [{"name": str, "status": int}]}
    return client.get(path, expect=shape)["results"]


def failed_scripts(results: Iterable[dict]) -> list[str]:
    """Return the names of the scripts that failed."""
    return sorted({one["name"] for one in results if one["status"] in _FAILED})
