"""VM hosts, on which MAAS makes virtual machines (2.4 to 3.8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from saltext.maas.errors import MaasError
from saltext.maas.release import Release
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import (
    Change,
    Changes,
    Desired,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record, Table

#: Tags that MAAS gives VM hosts, the second those of type virsh each time it has reached one.
_ADDED = ("pod-console-logging", "virtual")


def _tags(value):
    return [one for one in kinds.NAMES.normal(value) if one not in _ADDED]


def _ratio(value):
    if isinstance(value, bool) or not 0 <= float(value) <= 10:
        raise ValueError
    return float(value)


_TYPES = ("lxd", "virsh")
_TAGS = replace(kinds.COMMA_NAMES, normal=_tags)
_RATIO = kinds.Kind(
    "a number from 0 to 10", _ratio, schema={"type": "number", "minimum": 0, "maximum": 10}
)


def _parameter(name):
    return lambda raw: raw.get("parameters", {}).get(name)


def host_id(raw: dict) -> str | None:
    """Return the system id of the machine that a VM host is, if MAAS knows it."""
    return (raw.get("host") or {}).get("system_id")


def pod_id(raw: dict) -> int | None:
    """Return the id of the VM host that a machine is composed on; None for other machines."""
    return (raw.get("pod") or {}).get("id")


class VmHost(Table):
    """VM hosts, on which MAAS makes virtual machines.

    A VM host is found by its name, else by its machine, or by type, address and project; then it
    is renamed.  MAAS accepts one that it cannot reach; ``ready`` waits until it has reached it.
    If address, project, password or certificate are described, they are read with one request
    per VM host.
    """

    name = "vm_host"
    noun = "VM host"
    since = "2.4"
    removed = "4.0"
    collection = "vm-hosts/"
    mixed = True  # its objects are in pods/ up to 2.8
    permission = "can_edit_machines"
    required = ("type", "power_address")
    apart = ("ready",)
    after = ("subnet",)  # MAAS would add those that it finds there
    duplicates = "always"
    in_answers = {
        "type": str, "zone": {"name": str}, "total": {"cores": int, "memory": int},
        "used": {"cores": int, "memory": int},
    }  # fmt: skip
    pillar = PillarLocation("vm_hosts", "VM hosts.", "name")
    notes = {
        "absent": "Refused while machines are composed on it, unless ``decompose`` is true, which "
        "deletes them as well.  A machine that is the VM host itself is not released.",
    }
    fields = (
        Field("name", rules=(rules.longest(255),), doc="Name."),
        Field("type", kinds.choice(*_TYPES), create_only=True,
              rules=(rules.Rule("virsh", lambda value: value == "virsh", up_to="2.7"),),
              doc="What runs there; create-only."),
        Field("machine", ref="machine", hint=True,
              doc="Host name of the machine that it is, to find it by; one that MAAS made when the "
              "machine was deployed needs no ``power_address``."),
        Field("power_address", separate=True, clearable=rules.NEVER,
              read=_parameter("power_address"),
              doc="Address, such as ``192.0.2.9`` or ``qemu+ssh://ubuntu@192.0.2.9/system``."),
        Field("project", since="3.0", separate=True, server_default=UNKNOWN,
              clearable=rules.NEVER, read=_parameter("project"),
              doc="Project of LXD; ``default`` where none is named."),
        Field("power_pass", secret=True, separate=True, read=_parameter("power_pass"),
              clearable=rules.NEVER, doc="Password of a virsh host."),
        Field("password", secret=True, write_only=True,
              doc="Trust password or token of LXD; only for a new VM host."),
        Field("certificate", since="3.1", separate=True, server_default=UNKNOWN,
              clearable=rules.NEVER, read=_parameter("certificate"),
              doc="Certificate for LXD, as PEM; MAAS makes one where none is named."),
        Field("key", since="3.1", secret=True, separate=True, server_default=UNKNOWN,
              clearable=rules.NEVER, read=_parameter("key"),
              doc="Private key of the certificate, as PEM."),
        Field("zone", ref="zone", ref_attr="name", server_default="default", clearable=rules.NEVER,
              read=lambda raw: raw["zone"]["name"], doc="Name of its zone."),
        Field("pool", ref="resource_pool", ref_attr="name", server_default="default",
              clearable=rules.NEVER, read=lambda raw: (raw.get("pool") or {}).get("name"),
              doc="Name of the resource pool of machines that are composed on it."),
        Field("tags", _TAGS, doc="All its tags, apart from ``pod-console-logging`` and "
              "``virtual``, which MAAS adds."),
        Field("cpu_over_commit_ratio", _RATIO, server_default=1.0,
              doc="Cores of machines per physical core."),
        Field("memory_over_commit_ratio", _RATIO, server_default=1.0,
              doc="Memory of machines per MiB of the host."),
        Field("default_macvlan_mode", kinds.choice("bridge", "passthru", "private", "vepa"),
              since="2.5", clearable=rules.NEVER,
              doc="How its virtual machines share interfaces by default."),
        Field("ready", kinds.BOOLEAN, read_only=True,
              read=lambda raw: VmHost.is_ready(raw),
              doc="If true, the run waits until MAAS has reached it and read its capabilities."),
        Field("decompose", kinds.BOOLEAN, option="3.0",
              doc="Whether machines that are composed on it are deleted with it."),
    )  # fmt: skip
    example = {
        "name": "kvm-1", "type": "virsh", "power_address": "qemu+ssh://ubuntu@192.0.2.9/system",
        "default_macvlan_mode": "bridge",
    }  # fmt: skip

    def left_out(self, snapshot: Snapshot, record: Record) -> str:
        kind = record.raw["type"]
        return "" if kind in _TYPES else f"its type is {kind}, which MAAS 3.0 removed"

    # Reading

    @staticmethod
    def _path(release: Release) -> str:
        return "vm-hosts/" if release >= "2.9" else "pods/"

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        return self._listed(snapshot, self._path(snapshot.release))

    def create_path(self, snapshot: Snapshot, values: dict) -> str:
        return self._path(snapshot.release)

    def ask(self, snapshot: Snapshot, field: Field, raw: dict) -> None:
        if "parameters" not in raw and snapshot.client and not snapshot.is_predicted(raw):
            path = self.item(snapshot, raw)
            raw["parameters"] = snapshot.client.get(path, op="parameters", expect=dict)

    @staticmethod
    def is_ready(raw: dict) -> bool:
        """Return whether MAAS knows what a VM host has; of LXD it learns that a moment later."""
        return bool(raw.get("capabilities") and raw["total"]["cores"])

    # Finding

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        """Return the VM host of this name, else that of its machine, or of its address."""
        records = snapshot.records(self.name)
        wanted = desired.values
        if desired.key in records or desired.absent:
            return records.get(desired.key)
        found = self._on_machine(snapshot, desired)
        if found or not wanted.get("power_address"):
            return found[0] if len(found) == 1 else None
        for key, record in records.items():
            if key not in snapshot.claimed(self.name) and record.raw["type"] == wanted.get("type"):
                current = {
                    name: self.value(snapshot, self.by_name[name], record.raw)
                    for name in ("power_address", "project")
                }
                same = current["power_address"] == wanted["power_address"]
                if same and (current["project"] or "default") == wanted.get("project", "default"):
                    return record
        return None

    def _on_machine(self, snapshot, desired):
        """The VM hosts that its machine is and that have no description of their own."""
        name, wanted = desired.values.get("machine"), desired.values.get("type")
        machine = snapshot.current("machine", name) if name else None
        ident = machine and machine.raw.get("system_id")
        return [
            record for key, record in snapshot.records(self.name).items()
            if ident and host_id(record.raw) == ident
            and wanted in (None, record.raw["type"]) and key not in snapshot.claimed(self.name)
        ]  # fmt: skip

    # What stands against a change

    def skipped_until(self, snapshot: Snapshot, desired: Desired) -> str | None:
        """Return that its machine is no VM host yet, if it is to become one by its deployment."""
        name = desired.values.get("machine")
        if not name or desired.values.get("power_address") or desired.absent:
            return None
        if self.match(snapshot, desired) or self._on_machine(snapshot, desired):
            return None
        return f"until machine {name} is deployed as a VM host"

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        name = desired.values.get("machine")
        if name and record is None:
            several = ", ".join(sorted(one.key for one in self._on_machine(snapshot, desired)))
            if several:
                return f"machine: {name} is several VM hosts ({several}); name its type"
        return super().problem(snapshot, desired, record)

    def remarks(self, snapshot: Snapshot, desired: Desired, record: Record) -> Iterable[str]:
        """Yield that the VM host of this name is another machine."""
        name = desired.values.get("machine")
        machine = snapshot.current("machine", name) if name else None
        ident = host_id(record.raw)
        if machine and ident and machine.raw.get("system_id") != ident:
            yield f"machine: it is {snapshot.key_by('machine', 'system_id', ident)}, not {name}"

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which other VM host is described at the same address."""
        if change.action == "delete" or not {"power_address", "project"} & change.new.keys():
            return None
        place = self._place(snapshot, change.desired)
        for one in snapshot.desired.of(self.name):
            if one is not change.desired and self._place(snapshot, one) == place:
                return f"power_address: {one.label} has the same; describe one VM host for each"
        return None

    def _place(self, snapshot, desired):
        """Type, address and project that a VM host is to have."""
        record = self.match(snapshot, desired)
        values = {
            name: self.value(snapshot, self.by_name[name], record.raw)
            for name in ("type", "power_address", "project")
            if record is not None and name not in desired.values
        }  # fmt: skip
        found = {**values, **desired.values}
        return found.get("type"), found.get("power_address"), found.get("project") or "default"

    def contents(self, snapshot: Snapshot, raw: dict) -> Iterable[tuple[str, tuple[str, str]]]:
        """Yield the machines that are composed on it, which would be lost to MAAS."""
        for key, one in snapshot.records("machine").items():
            if pod_id(one.raw) == raw["id"]:
                yield "vm_host", ("machine", key)

    def blocked_by(self, desired: Desired, noun: str, key: str) -> str | None:
        if desired.values.get("decompose"):
            return None
        return f"the machine {key} is composed on it; decompose: true deletes it, too"

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        """Return that a machine is composed on it."""
        for _, (_, key) in self.contents(snapshot, record.raw):
            return f"the machine {key} is composed on it"
        return None

    def requires_changes(
        self, snapshot: Snapshot, change: Change, others: Changes
    ) -> Iterable[Change]:
        """Yield also the deletions of machines that are composed on one to be deleted."""
        yield from super().requires_changes(snapshot, change, others)
        for other in others.of("machine") if change.action == "delete" else ():
            if other.action == "delete" and pod_id(other.raw or {}) == change.raw["id"]:
                yield other

    # Writing

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        """Forget machines once a VM host is reached: MAAS adds those that it finds there."""
        if new and new.get("capabilities") and not (old or {}).get("capabilities"):
            for name in ("machine", "node"):
                snapshot.drop(name)

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        others = {"lxd": ("power_pass",), "virsh": ("project", "password", "certificate", "key")}
        for name in others.get(values.get("type") or "", ()):
            if values.get(name) is not None:
                yield name, f"is not for a VM host of the type {values['type']}"
        if bool(values.get("certificate")) != bool(values.get("key")):
            yield "certificate", "must be given together with key"

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        # MAAS requires the type in each change of its parameters.
        return {**changed, "type": record.raw["type"]} if set(changed) - {"ready"} else changed

    def finish(self, run: Run, desired: Desired) -> None:
        record = self.match(run.snapshot, desired)
        if record is not None and desired.values.get("ready"):
            self.wait_until_ready(run, record.key)

    def wait_until_ready(self, run: Run, key: str) -> Record:
        """Wait until MAAS has reached a VM host; each check asks MAAS to try again.

        Args:
            run: The run.
            key: Of the VM host.

        Returns:
            The VM host as it is then.

        Raises:
            MaasError: MAAS did not reach it in time.
        """

        def ready():
            current = run.snapshot.current(self.name, key)
            if current is None:
                raise MaasError(f"the VM host {key} does not exist any more")
            if self.is_ready(current.raw):
                return current
            path, shape = self.item(run.snapshot, current.raw), self.shape(run.snapshot.release)
            try:
                if current.raw.get("capabilities"):  # it was reached; what it has follows
                    raw = run.client.get(path, expect=shape)
                else:
                    raw = run.client.post(path, op="refresh", repeat=False, expect=shape)
            except MaasError as error:
                run.last_error = error
                return None
            run.snapshot.fold(self.name, raw, replaces=current.raw)
            self.after_write(run.snapshot, raw, current.raw)
            return Record(key, raw) if self.is_ready(raw) else None

        with run.lock(f"{self.name} {key}"):
            return run.wait_for(f"MAAS to reach the VM host {key}", ready)
