"""The field ``storage`` of machines: its comparison, plan and requests."""

from __future__ import annotations

from collections.abc import Iterator

from saltext.maas.errors import NotDone
from saltext.maas.machines import operations as at
from saltext.maas.release import Release
from saltext.maas.resources import machine_storage
from saltext.maas.resources.engine_types import Desired, Run, Snapshot
from saltext.maas.resources.field import Field, PredictedObject, Record
from saltext.maas.resources.nodes import rereading
from saltext.maas.resources.steps import GONE, STEPS, refuse_unplanned
from saltext.maas.resources.storage_current import CurrentStorage
from saltext.maas.resources.storage_steps import StorageStep
from saltext.maas.resources.table import Table

#: Key, in an object that was read, of the answer to the separate request for its bcaches.
_BCACHES = "bcaches of their own request"


#: Statuses in which a machine's hardware is not known.
UNCOMMISSIONED = (at.NEW, at.COMMISSIONING, at.FAILED_COMMISSIONING)
#: What storage and interfaces wait for.
UNTIL = "until the machine is commissioned"
#: In place of the requests, where an earlier state of a test run would change the machine.
UNKNOWN_STEPS = ["known only after the earlier states of this run"]


def _is_too_early(record):
    return record.raw["status"] in UNCOMMISSIONED


def _is_unknown(record):
    """Whether a test run predicts a machine of which nobody knows the disks yet."""
    return isinstance(record.raw, PredictedObject) and record.raw.get("blockdevice_set") is None


class WithStorage(Table):
    """A machine whose storage is described."""

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        if values.get("storage"):
            yield from machine_storage.problems(values["storage"], release)

    def difference(
        self, snapshot: Snapshot, desired: Desired, field: Field, record: Record
    ) -> tuple | None:
        if field.name != "storage":
            return super().difference(snapshot, desired, field, record)
        new = desired.values["storage"]
        if _is_too_early(record) or (
            isinstance(record.raw, PredictedObject)
            and self.value(snapshot, field, record.raw) == new
        ):
            return None
        if _is_unknown(record):
            return None, {**new, STEPS: UNKNOWN_STEPS}
        try:
            steps = self._steps(snapshot, desired, record)
        except machine_storage.StorageProblem as error:
            old = self.value(snapshot, field, record.raw)
            return old, {**new, STEPS: [f"none: {error}"]}
        if not steps:
            return None
        old = self.value(snapshot, field, record.raw) or {}
        shown = {name: old[name] for name in new if name in old}
        return shown or None, {**new, STEPS: machine_storage.texts(steps)}

    def skipped_fields(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> dict:
        found = super().skipped_fields(snapshot, desired, record)
        if desired.values.get("storage") and (record is None or _is_too_early(record)):
            found["storage"] = UNTIL
        return found

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        wrong = super().problem(snapshot, desired, record)
        if wrong or record is None or not desired.values.get("storage"):
            return wrong
        if "storage" not in self.compared(snapshot, desired, record):
            return None
        try:
            steps = self._steps(snapshot, desired, record)
        except machine_storage.StorageProblem as error:
            return f"storage: {error}"
        found = machine_storage.problem(steps, record.raw)
        return f"storage: {found}" if found else None

    def finish(self, run: Run, desired: Desired) -> None:
        super().finish(run, desired)
        record = self.match(run.snapshot, desired)
        if record is None or not desired.values.get("storage"):
            return
        if self.difference(run.snapshot, desired, self.by_name["storage"], record) is None:
            return
        record = self.fresh(run, desired, record)
        if record is None:
            raise NotDone(GONE)
        with run.snapshot.comparing():
            if "storage" not in self.compared(run.snapshot, desired, record):
                return
            wrong = self.problem(run.snapshot, desired, record)
        if wrong:
            raise NotDone(wrong)
        bcaches = self._bcaches(run.snapshot, desired, record)
        erasing = [one for one in self._steps(run.snapshot, desired, record) if one.erases]
        refuse_unplanned(run, desired, "storage", machine_storage.texts(erasing))
        with rereading(self, run, record):
            machine_storage.apply_steps(run.client, record.raw, desired.values["storage"], bcaches)
        record = self.match(run.snapshot, desired) or record
        left = self.difference(run.snapshot, desired, self.by_name["storage"], record)
        if left:
            steps = "; ".join(left[1][STEPS])
            raise NotDone(
                f"MAAS accepted all requests, but its storage is not as described; left: {steps}"
            )

    def storage_before_and_after(
        self, snapshot: Snapshot, desired: Desired, record: Record
    ) -> tuple[CurrentStorage, CurrentStorage, list[StorageStep]]:
        """Return the storage as it is, and as the requests leave it, and these.

        Raises:
            StorageProblem: The description cannot be applied.
        """
        bcaches = self._bcaches(snapshot, desired, record)
        return machine_storage.before_and_after(desired.values["storage"], record.raw, bcaches)

    def whole_storage(self, snapshot: Snapshot, record: Record) -> dict | None:
        """Return the storage of a machine as an export describes it; None if it cannot be.

        Only a machine with bcaches takes a request.
        """
        bcaches = None
        if machine_storage.has_bcaches(record.raw):
            bcaches = self._read_bcaches(snapshot, record)
        found = machine_storage.described(record.raw, bcaches)
        return found or machine_storage.vmware_layout(record.raw)

    def _steps(self, snapshot, desired, record):
        return snapshot.once(
            "storage", (desired, record.raw), lambda: self._planned(snapshot, desired, record)
        )

    def _planned(self, snapshot, desired, record):
        if _is_unknown(record):
            return []
        bcaches = self._bcaches(snapshot, desired, record)
        return machine_storage.steps(desired.values["storage"], record.raw, bcaches)

    def _bcaches(self, snapshot, desired, record):
        """A machine's bcaches, read only if the description depends on them."""
        if not machine_storage.needs_bcaches(desired.values["storage"], record.raw):
            return None
        return self._read_bcaches(snapshot, record)

    def _read_bcaches(self, snapshot, record):
        raw, client = record.raw, snapshot.client
        if client is None:
            return None
        with snapshot.reading(self.name, record.key):
            if _BCACHES not in raw:
                shape = [{"name": str, "cache_mode": str, "cache_set": {"name": str}}]
                path = f"nodes/{raw['system_id']}/bcaches/"
                raw[_BCACHES] = client.get(path, expect=shape)
            return raw[_BCACHES]
