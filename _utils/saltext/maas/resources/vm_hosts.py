"""VM hosts, on which MAAS makes virtual machines (2.4 to 3.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from saltext.maas.errors import MaasError
from saltext.maas.release import Release
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Change, Desired, Predicted, Run, Snapshot
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record, Table

#: A tag that MAAS gives every VM host.
_CONSOLE = "pod-console-logging"


def _tags(value):
    return [one for one in kinds.NAMES.normal(value) if one != _CONSOLE]


def _ratio(value):
    if isinstance(value, bool) or not 0 <= float(value) <= 10:
        raise ValueError
    return float(value)


_TAGS = replace(kinds.COMMA_NAMES, normal=_tags)
_RATIO = kinds.Kind(
    "a number from 0 to 10", _ratio, schema={"type": "number", "minimum": 0, "maximum": 10}
)


def _parameter(name):
    return lambda raw: raw.get("parameters", {}).get(name)


class VmHost(Table):
    """VM hosts, on which MAAS makes virtual machines.

    A VM host is found by its name, else by type, address and project; then it is renamed.  MAAS
    accepts one that it cannot reach; ``ready`` waits until it has reached it.  If address, project,
    password or certificate are described, they are read with one request per VM host.
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
    duplicates = "always"
    in_answers = {"type": str, "zone": {"name": str}}
    pillar = PillarLocation("vm_hosts", "VM hosts.", "name")
    notes = {
        "absent": "Refused while machines are composed on it, unless ``decompose`` is true, which "
        "deletes them as well.  A machine that is the VM host itself is not released.",
    }
    fields = (
        Field("name", rules=(rules.longest(255),), doc="Name."),
        Field("type", kinds.choice("lxd", "virsh"), create_only=True,
              rules=(rules.Rule("virsh", lambda value: value == "virsh", up_to="2.7"),),
              doc="What runs there; create-only."),
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
        Field("tags", _TAGS, doc=f"All its tags, apart from ``{_CONSOLE}``, which MAAS adds."),
        Field("cpu_over_commit_ratio", _RATIO, server_default=1.0,
              doc="Cores of machines per physical core."),
        Field("memory_over_commit_ratio", _RATIO, server_default=1.0,
              doc="Memory of machines per MiB of the host."),
        Field("default_macvlan_mode", kinds.choice("bridge", "passthru", "private", "vepa"),
              since="2.5", clearable=rules.NEVER,
              doc="How its virtual machines share interfaces by default."),
        Field("ready", kinds.BOOLEAN, read_only=True,
              read=lambda raw: bool(raw.get("capabilities")),
              doc="If true, the run waits until MAAS has reached it and read its capabilities."),
        Field("decompose", kinds.BOOLEAN, option="3.0",
              doc="Whether machines that are composed on it are deleted with it."),
    )  # fmt: skip
    example = {
        "name": "kvm-1", "type": "virsh", "power_address": "qemu+ssh://ubuntu@192.0.2.9/system",
        "default_macvlan_mode": "bridge",
    }  # fmt: skip

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

    # Finding

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        """Return the VM host of this name, else the one of this type, address and project."""
        records = snapshot.records(self.name)
        wanted = desired.values
        if desired.key in records or desired.absent or not wanted.get("power_address"):
            return records.get(desired.key)
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

    # What stands against a change

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

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        if not desired.values.get("decompose"):
            for key, one in snapshot.records("machine").items():
                if (one.raw.get("pod") or {}).get("id") == record.raw["id"]:
                    return f"the machine {key} is composed on it; decompose: true deletes it, too"
        return super().deletion_problem(snapshot, desired, record)

    # Writing

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
        """Wait until MAAS has reached it; each check asks MAAS to try again."""
        record = self.match(run.snapshot, desired)
        if record is None or not desired.values.get("ready"):
            return

        def reached():
            current = run.snapshot.find(self.name, record.key)
            if current is None or self.by_name["ready"].value(current.raw):
                return current
            try:
                raw = run.client.post(
                    self.item(run.snapshot, current.raw), op="refresh", repeat=False,
                    expect={"capabilities": list},
                )  # fmt: skip
            except MaasError as error:
                run.last_error = error
                return None
            run.snapshot.fold(self.name, raw, replaces=current.raw)
            return current if self.by_name["ready"].value(raw) else None

        run.wait_for(f"MAAS to reach the VM host {desired.key}", reached)
