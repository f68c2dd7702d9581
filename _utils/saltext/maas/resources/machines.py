"""Machines (API 2.0): found by what tells them apart, described, and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from saltext.maas.errors import BadInput
from saltext.maas.resources import kinds, machine_storage, machine_tags, powered, rules
from saltext.maas.resources.engine_types import Change, Desired, Run, Snapshot
from saltext.maas.resources.machine_stored import IN_ANSWERS, Stored
from saltext.maas.resources.nodes import nics
from saltext.maas.resources.powered import Powered
from saltext.maas.resources.renamed import Renamed, Renaming
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record

#: Statuses in which a machine works for nobody: New, Failed commissioning, Missing, Ready,
#: Retired, Broken, Failed testing.
FREE = (0, 2, 3, 4, 7, 8, 22)
#: Statuses in which MAAS itself works on it, so that what is written may be lost.
BUSY = (1, 9, 12, 14, 17, 19, 21)
#: Statuses that a release ends: Reserved, Deployed, Broken, Deploying, Allocated, and failures of
#: deployment, release and erasure; Releasing and Disk erasing end by themselves.
RELEASED = (5, 6, 8, 9, 10, 11, 13, 15)
ENDING = (12, 14)
#: What MAAS changes without whoever uses the machine noticing.
HARMLESS = ("description", "zone", "pool", "power_type", "power_parameters", "tags")


_ARCHITECTURE = replace(
    kinds.TEXT, normal=lambda value: str(value) if "/" in str(value) else f"{value}/generic"
)


class Machine(Renamed, Stored, Powered):
    """Machines, which MAAS commissions, deploys and releases.

    A machine is found by its host name; else by its system id, by one of its MAC addresses or by
    its serial number, and then it is renamed.  Only where none fits, one is created.  A machine
    that is locked is not changed; one that is deployed or somebody's only in description, zone,
    pool, tags and power, unless ``in_use`` says otherwise.
    """

    name = "machine"
    since = "2.0"
    numbered = ""
    collection = "machines/"
    item_path = "machines/{system_id}/"
    permission = "can_edit_machines"
    in_answers = {
        "system_id": str, "zone": {"name": str}, "status": int, "status_name": str,
        "tag_names": [str], "owner": (str, None), "interface_set": [{"mac_address": (str, None)}],
        "blockdevice_set": [IN_ANSWERS],
    }  # fmt: skip
    required = ("architecture", "mac_addresses")
    after = ("image",)  # MAAS knows the architectures of its images only
    apart = ("tags", "storage")
    prunable = False
    pillar = PillarLocation("machines", "Machines, by host name.", "hostname", name="HOSTNAME")
    notes = {
        "present": "Up to 2.7 MAAS commissions a new machine at once.",
        "absent": "Refused while it is deployed, allocated or at work, unless ``release`` is true: "
        "then it is released first, and waited for; what it is commissioned or tested for ends.",
    }
    fields = (
        Field("hostname", kinds.HOST_LABEL, doc="Host name, without domain; unique in the region."),
        Field("mac_addresses", kinds.MACS, hint=True,
              doc="Its MAC addresses; any of them finds it, and a new machine gets them."),
        Field("system_id", hint=True, doc="Its id in MAAS, to find it by."),
        Field("serial", hint=True, doc="Serial number of the system, to find it by."),
        Field("in_use", kinds.BOOLEAN, hint=True,
              doc="Whether it is changed though it is deployed, or somebody has it."),
        Field("release", kinds.BOOLEAN, option="2.0",
              doc="Whether one that is deployed, or that somebody has, is released to be deleted."),
        Field("architecture", _ARCHITECTURE, server_default=UNKNOWN, clearable=rules.NEVER,
              doc="Such as ``amd64`` or ``arm64/generic``."),
        Field("description", since="2.6", doc="Free text."),
        Field("domain", ref="domain", ref_attr="name", server_default=UNKNOWN,
              clearable=rules.NEVER, read=lambda raw: raw["domain"]["name"],
              doc="Name of its DNS domain."),
        Field("zone", ref="zone", ref_attr="name", server_default="default", clearable=rules.NEVER,
              read=lambda raw: raw["zone"]["name"], doc="Name of its zone."),
        Field("pool", ref="resource_pool", ref_attr="name", since="2.5", server_default="default",
              clearable=rules.NEVER, read=lambda raw: (raw.get("pool") or {}).get("name"),
              doc="Name of its resource pool."),
        Field("tags", kinds.NAMES, ref="tag", api="tag_names",
              doc="All tags that are given to it by hand; those that MAAS gives are left alone."),
        Field("min_hwe_kernel", doc="Least kernel, such as ``hwe-22.04`` or ``ga-24.04``."),
        Field("swap_size", kinds.bounded(0), doc="Size of the swap file, in bytes."),
        *powered.FIELDS,
        Field("storage", machine_storage.KIND, server_default=UNKNOWN, clearable=rules.NEVER,
              read=machine_storage.described,
              doc="Its disks and what is made of them, once it is commissioned; see the guide "
              "of machines."),
    )  # fmt: skip
    example = {
        "hostname": "web-1", "mac_addresses": ["52:54:00:00:00:21"], "architecture": "amd64",
        "description": "left row", "power_type": "manual", "tags": ["web"],
    }  # fmt: skip

    # Finding

    def identify(self, snapshot: Snapshot, desired: list[Desired]) -> None:
        wrong = []
        for one in desired:
            own = {one.key} if one.key in snapshot.records(self.name) else set()
            for name in ("system_id", "mac_addresses", "serial"):
                found = set(self._found_by(snapshot, name, one.values.get(name)))
                if found and len(own | found) > 1:
                    others = ", ".join(sorted(found - own or found))
                    wrong.append(f"{one.where}:{name}: {one.values[name]!r} is of {others}")
                own = own or set(sorted(found)[:1])
        if wrong:
            raise BadInput(wrong)
        super().identify(snapshot, desired)

    def former_key(self, snapshot: Snapshot, values: dict) -> str | None:
        names = ("system_id", "mac_addresses", "serial")
        found = (self._found_by(snapshot, name, values.get(name)) for name in names)
        return next((key for keys in found for key in keys), None)

    def renaming(self, snapshot: Snapshot, moved: dict[str, Desired]) -> Renaming:
        return lambda store, raw: raw  # nothing refers to a machine by its name

    def _found_by(self, snapshot, name, value) -> Iterator[str]:
        if not value:
            return
        for key, record in snapshot.records(self.name).items():
            raw = record.raw
            if name == "mac_addresses":
                fits = not set(value).isdisjoint(macs(raw))
            elif name == "serial":
                fits = (raw.get("hardware_info") or {}).get("system_serial") == value
            else:
                fits = raw["system_id"] == value
            if fits:
                yield key

    # Comparing

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        if "tags" in found:
            held, wanted = found.pop("tags")
            old = machine_tags.by_hand(snapshot, held, wanted)
            if old != (wanted or []):
                found["tags"] = (old or None, wanted)
        return found

    def to_pillar(self, snapshot: Snapshot, values: dict) -> dict:
        return {**values, "tags": machine_tags.by_hand(snapshot, values["tags"], None) or None}

    # What stands against a change

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        if record is None:
            for name in ("system_id", "serial"):
                if desired.values.get(name):
                    return f"{name}: no machine of the region has {desired.values[name]!r}"
            return super().problem(snapshot, desired, None) or machine_tags.problem(
                snapshot, desired
            )
        return (
            super().problem(snapshot, desired, record)
            or machine_tags.problem(snapshot, desired)
            or self._touched(snapshot, desired, record)
        )

    def _touched(self, snapshot, desired, record):
        changed = self.differences(snapshot, desired, record)
        raw = record.raw
        if changed and raw.get("locked"):
            return "it is locked, so MAAS changes nothing of it; unlock it first"
        noticed = ", ".join(name for name in changed if name not in HARMLESS)
        if not noticed or (raw["status"] in FREE and not raw.get("owner")):
            return None
        if raw["status"] in BUSY:
            return f"{noticed}: it is {raw['status_name']}; repeat the run when that has ended"
        if desired.values.get("in_use"):
            return None
        return f"{noticed}: it is {held(raw)}; in_use: true changes it all the same"

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        raw = record.raw
        if raw.get("locked"):
            return "it is locked, so MAAS does not delete it; unlock it first"
        if (raw["status"] not in FREE or raw.get("owner")) and not desired.values.get("release"):
            return f"it is {held(raw)}; release: true releases it first"
        return super().deletion_problem(snapshot, desired, record)

    # Writing

    def send_create(self, run: Run, values: dict) -> dict:
        data, files = self.form(run.snapshot, values)
        data["mac_addresses"] = values.get("mac_addresses") or []
        if run.snapshot.release >= "2.8":  # before, MAAS commissions whatever is asked for
            data["commission"] = "false"
        return run.client.post(
            self.collection, data=data, files=files, repeat=False, hide=self.secrets(values)
        )

    def conclude(self, run: Run, changes: list[Change]) -> None:
        machine_tags.send(run, [one for one in changes if "tags" in one.desired.values])

    def send_delete(self, run: Run, desired: Desired, record: Record) -> None:
        if record.raw["status"] in RELEASED + ENDING and record.raw.get("owner"):
            self._release(run, desired, record)
        run.client.delete(self.item(run.snapshot, record.raw))

    def _release(self, run, desired, record):
        if record.raw["status"] in RELEASED:
            run.client.post(self.item(run.snapshot, record.raw), op="release", expect=dict)

        def released():
            run.snapshot.reload(self.name, younger_than=run.poll_seconds)
            now = run.snapshot.find(self.name, record.key)
            return now is None or (now.raw["status"] in FREE and not now.raw.get("owner"))

        run.wait_for(f"machine {desired.key} to be released", released)


def macs(raw: dict) -> set[str]:
    """Return the MAC addresses of a machine that was read."""
    return {kinds.MAC.clean(nic["mac_address"]) for nic in nics(raw) if nic.get("mac_address")}


def held(raw: dict) -> str:
    """Return what a machine is, and whose, such as ``Deployed and owned by ops``."""
    owner = f" and owned by {raw['owner']}" if raw.get("owner") else ""
    return f"{raw['status_name']}{owner}"
