"""Statuses of machines, and the operations that MAAS accepts in each, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from saltext.maas.machines.parameters import PARAMETERS
from saltext.maas.release import Release

(NEW, COMMISSIONING, FAILED_COMMISSIONING, MISSING, READY, RESERVED, DEPLOYED, RETIRED, BROKEN,
 DEPLOYING, ALLOCATED, FAILED_DEPLOYMENT, RELEASING, FAILED_RELEASING, DISK_ERASING,
 FAILED_DISK_ERASING, RESCUE, ENTERING_RESCUE, FAILED_ENTERING_RESCUE, EXITING_RESCUE,
 FAILED_EXITING_RESCUE, TESTING, FAILED_TESTING) = range(23)  # fmt: skip

#: Their names in the API.
NAMES = (
    "New", "Commissioning", "Failed commissioning", "Missing", "Ready", "Reserved", "Deployed",
    "Retired", "Broken", "Deploying", "Allocated", "Failed deployment", "Releasing",
    "Releasing failed", "Disk erasing", "Failed disk erasing", "Rescue mode",
    "Entering rescue mode", "Failed to enter rescue mode", "Exiting rescue mode",
    "Failed to exit rescue mode", "Testing", "Failed testing",
)  # fmt: skip


def name_of(status: int) -> str:
    """Return the name of a status; for an unknown one its number."""
    return NAMES[status] if 0 <= status < len(NAMES) else f"in status {status}"


_COMMISSION = "commission it first (maas_machine.commissioned)"
_RELEASE = "release it first (maas_machine.released)"
_LEAVE = "let it exit rescue mode first (maas_machine.rescue_exited)"
#: What to do if the status of a machine prevents an operation.
ADVICE = {
    NEW: _COMMISSION, FAILED_COMMISSIONING: _COMMISSION,
    MISSING: "find it, and commission it", RETIRED: "commission it in MAAS's user interface",
    RESERVED: _RELEASE, DEPLOYED: _RELEASE, ALLOCATED: _RELEASE, FAILED_DEPLOYMENT: _RELEASE,
    FAILED_RELEASING: _RELEASE, FAILED_DISK_ERASING: _RELEASE,
    READY: "deploy it first (maas_machine.deployed)",
    BROKEN: "repair it, and mark it as fixed (maas_machine.fixed)",
    RESCUE: _LEAVE, FAILED_ENTERING_RESCUE: _LEAVE, FAILED_EXITING_RESCUE: _LEAVE,
    FAILED_TESTING: "test it again (maas_machine.tested), or accept it as it is "
                    "(maas_machine.override_failed_testing)",
}  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One operation of MAAS on a machine.

    Attributes:
        name: Its name in the API.
        allowed: Statuses in which MAAS accepts it.
        during: Statuses while it is in progress.
        failures: Statuses after it failed.
        since: First release that has it.
        later: Statuses in which it is allowed later than that, and the first release for each.
        by_owner_since: First release in which only the owner may do it, not an administrator.
    """

    name: str
    allowed: tuple[int, ...]
    during: tuple[int, ...] = ()
    failures: tuple[int, ...] = ()
    since: str = "1.5"
    later: Mapping[int, str] = field(default_factory=dict)
    by_owner_since: str | None = None

    def missing(self, release: Release, given: Iterable[str]) -> str | None:
        """Return what a release does not support of it, as a sentence; None if it supports all."""
        if release < self.since:
            return f"MAAS {release} does not support {self.words}; {self.since} and later do"
        late = [one for one in given if not release.within(PARAMETERS[one].since)]
        if late:
            since = PARAMETERS[late[0]].since
            return f"{late[0]}: MAAS {release} does not support it; {since} and later do"
        return None

    def is_allowed(self, release: Release, status: int) -> bool:
        """Return whether a release accepts it in a status."""
        return status in self.allowed and release.within(self.later.get(status, ""))

    @property
    def words(self) -> str:
        """Its name in messages."""
        return self.name.replace("_", " ")


_ALL = tuple(range(23))
_BUSY = (COMMISSIONING, DEPLOYING, RELEASING, DISK_ERASING, ENTERING_RESCUE, EXITING_RESCUE,
         TESTING)  # fmt: skip

OPERATIONS = {
    one.name: one
    for one in (
        Operation(
            "commission", (NEW, FAILED_COMMISSIONING, READY, BROKEN),
            # The tests of a commissioning follow it.
            (COMMISSIONING, TESTING), (FAILED_COMMISSIONING, FAILED_TESTING),
        ),
        Operation(
            "test", tuple(one for one in _ALL if one not in _BUSY), (TESTING,), (FAILED_TESTING,),
            since="2.2",
        ),
        Operation("allocate", (READY,)),
        Operation("deploy", (READY, ALLOCATED), (DEPLOYING,), (FAILED_DEPLOYMENT,)),
        Operation(
            "release",
            (RESERVED, DEPLOYED, BROKEN, DEPLOYING, ALLOCATED, FAILED_DEPLOYMENT,
             FAILED_RELEASING, FAILED_DISK_ERASING),
            (RELEASING, DISK_ERASING), (FAILED_RELEASING, FAILED_DISK_ERASING),
        ),
        Operation(
            "abort", (COMMISSIONING, DEPLOYING, DISK_ERASING, TESTING), since="1.7",
            later={COMMISSIONING: "1.8", DEPLOYING: "1.8"},
        ),
        Operation("lock", (DEPLOYED, DEPLOYING), since="2.4"),
        Operation("unlock", _ALL, since="2.4"),
        Operation("mark_broken", _ALL, since="1.7", by_owner_since="2.5"),
        Operation("mark_fixed", (BROKEN,), since="1.7"),
        Operation(
            "rescue_mode",
            (NEW, FAILED_COMMISSIONING, MISSING, READY, RESERVED, DEPLOYED, RETIRED, BROKEN,
             ALLOCATED, FAILED_DEPLOYMENT, FAILED_DISK_ERASING, FAILED_ENTERING_RESCUE,
             FAILED_TESTING),
            (ENTERING_RESCUE,), (FAILED_ENTERING_RESCUE,), since="2.1",
        ),
        Operation(
            "exit_rescue_mode",
            (RESCUE, ENTERING_RESCUE, FAILED_ENTERING_RESCUE, FAILED_EXITING_RESCUE),
            (EXITING_RESCUE,), (FAILED_EXITING_RESCUE,), since="2.1",
        ),
        Operation("override_failed_testing", (FAILED_TESTING,), since="2.3"),
        # Before, MAAS does not show whether a machine is on.
        Operation("power_on", _ALL, since="1.7"),
        Operation("power_off", _ALL, since="1.7"),
    )
}  # fmt: skip

#: The operation in progress, by statuses that end by themselves.
IN_PROGRESS = {
    COMMISSIONING: OPERATIONS["commission"], DEPLOYING: OPERATIONS["deploy"],
    RELEASING: OPERATIONS["release"], DISK_ERASING: OPERATIONS["release"],
    ENTERING_RESCUE: OPERATIONS["rescue_mode"], EXITING_RESCUE: OPERATIONS["exit_rescue_mode"],
    TESTING: OPERATIONS["test"],
}  # fmt: skip
