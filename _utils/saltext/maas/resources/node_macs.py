"""MAC addresses of machines up to 1.8, which have no interfaces: those that lack are added."""

from __future__ import annotations

from saltext.maas.release import Release
from saltext.maas.resources import kinds
from saltext.maas.resources.engine_types import Desired, Run, Snapshot
from saltext.maas.resources.field import PredictedObject, Record
from saltext.maas.resources.nodes import nics, reread
from saltext.maas.resources.table import Table

_FIELD = "mac_addresses"


def _are_apart(release: Release) -> bool:
    """Whether MAC addresses have a path of their own, rather than interfaces."""
    return release < "1.9"


def macs(raw: dict) -> set[str]:
    """Return the MAC addresses of a machine that was read."""
    return {kinds.MAC.clean(nic["mac_address"]) for nic in nics(raw) if nic.get("mac_address")}


class WithMacs(Table):
    """A machine to which MAC addresses can be added."""

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        wanted = desired.values.get(_FIELD) or ()
        there = macs(record.raw) if wanted and _are_apart(snapshot.release) else set(wanted)
        if not there.issuperset(wanted):
            found[_FIELD] = (sorted(there), sorted(there.union(wanted)))
        return found

    def finish(self, run: Run, desired: Desired) -> None:
        super().finish(run, desired)
        record = self.match(run.snapshot, desired)
        if record is None or not _are_apart(run.snapshot.release):
            return
        lacking = sorted(set(desired.values.get(_FIELD) or ()) - macs(record.raw))
        for mac in lacking:
            path = f"{self.item(run.snapshot, record.raw)}macs/"
            run.client.post(path, data={"mac_address": mac}, expect={"mac_address": str})
        if lacking:
            reread(self, run, record)

    def predict_update(self, snapshot: Snapshot, raw: dict, values: dict) -> PredictedObject:
        found = super().predict_update(snapshot, raw, values)
        if _are_apart(snapshot.release) and values.get(_FIELD):
            every = sorted(macs(raw).union(values[_FIELD]))
            found["interface_set"] = [{"mac_address": mac} for mac in every]
        return found
