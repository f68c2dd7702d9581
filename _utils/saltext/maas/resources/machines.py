"""Machines: how they are identified, described and deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from saltext.maas.api_path import segment
from saltext.maas.errors import BadInput, NotDone, StrangeAnswer
from saltext.maas.machines import answers, nodes_1x
from saltext.maas.machines import operations as at
from saltext.maas.release import Release
from saltext.maas.resources import (
    composition,
    composition_field,
    interfaces_schema,
    kinds,
    machine_storage,
    machine_tags,
    owner_field,
    power_field,
    power_types,
    rules,
)
from saltext.maas.resources.composition_field import WithVmHost, is_composed
from saltext.maas.resources.engine_types import (
    Change,
    Changes,
    Desired,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.interfaces_field import WithInterfaces
from saltext.maas.resources.node_macs import WithMacs, macs
from saltext.maas.resources.nodes import fresh, nics
from saltext.maas.resources.owner_field import WithOwner
from saltext.maas.resources.power_field import POWER_PARAMETERS, WithPower
from saltext.maas.resources.renamed import Renamed, Renaming
from saltext.maas.resources.storage_field import WithStorage
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record
from saltext.maas.resources.vm_hosts import host_id

#: Statuses of machines that nobody uses.  One may have an owner: MAAS does not take that back from
#: who commissioned it, if the BMC could not be reached.
IDLE = (at.NEW, at.FAILED_COMMISSIONING, at.MISSING, at.READY, at.RETIRED)
#: Statuses of machines that are in use if they have an owner.
IDLE_UNOWNED = (at.BROKEN, at.FAILED_TESTING)
_RELEASE = at.OPERATIONS["release"]
#: Fields whose change does not affect the users of a machine.
CHANGEABLE_IN_USE = ("description", "zone", "pool", "power_type", "power_parameters", "tags",
                     "owner_data", "locked")  # fmt: skip
#: Most ids in one query.
_IDS_PER_QUERY = 400
#: First release that commissions a new machine only if it is asked to.
_COMMISSIONS_WHEN_ASKED = "2.8"
#: Fields that take a sequence of requests.
_IN_STEPS = {"storage": None, "interfaces": None}
_CHANGED = "another client changed it during the run; the next run continues"
_POWER_DIFFERS = "the region answered with success, but has other power_parameters"


def _split(name):
    """Host name and domain of a name that may have both."""
    host, _, domain = str(name).partition(".")
    return {"hostname": host, **({"domain": domain} if domain else {})}


_HOST_NAME = kinds.matching(
    r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
    "a host name such as web-1, or one with its domain such as web-1.example.com",
)
_ARCHITECTURE = replace(
    kinds.TEXT, normal=lambda value: str(value) if "/" in str(value) else f"{value}/generic"
)


class Machine(Renamed, WithOwner, WithVmHost, WithMacs, WithInterfaces, WithStorage, WithPower):
    """Machines, which MAAS commissions, deploys and releases.

    A machine is found by its host name; else by its system id, by one of its MAC addresses, by its
    serial number or by its BMC, and then it is renamed.  If none of these matches, it is created,
    or composed on its VM host where it has one.
    A locked machine is not changed.  Of a machine that is deployed or owned by a user only
    description, zone, pool, tags and power are changed, unless ``in_use`` is true.
    """

    name = "machine"
    numbered = ""
    collection = "machines/"
    item_path = "machines/{system_id}/"
    list_op = "list"
    create_op = "new"
    permission = "can_edit_machines"
    in_answers = {
        "system_id": str, "zone": {"name": str}, "status": int, "status_name": str,
        "owner": (str, None), "interface_set": [answers.NIC], "blockdevice_set": [answers.DISK],
        **answers.MORE, "tag_names": [str],
    }  # fmt: skip
    required = ("architecture",)
    found_by = ("power_parameters",)
    # MAAS knows the architectures of its images only, and up to 2.7 commissions at once.
    after = ("image", "setting after import")
    apart = ("tags", "mac_addresses", "interfaces", "storage", "owner_data", "locked")
    prunable = False
    reported = True
    pillar = PillarLocation("machines", "Machines, by host name.", "hostname", name="HOSTNAME")
    notes = {
        "present": "Up to 2.7 MAAS commissions a new machine at once; the plan says so.",
        "absent": "Refused while it is deployed, allocated or busy, unless ``release`` is true: "
        "then it is released first, and the run waits for that; commissioning and tests end.  A "
        "composed machine is deleted on its VM host as well, and needs ``decompose``.",
    }
    fields = (
        Field("hostname", _HOST_NAME, doc="Host name, unique in the region over all domains."),
        Field("mac_addresses", kinds.MACS, hint=True,
              doc="Its MAC addresses; it is found by any of them, and a new machine gets all.  "
              "Up to 1.8 those that it lacks are added."),
        Field("system_id", hint=True, doc="Its id in MAAS, to find it by."),
        Field("serial", hint=True, since="2.4", doc="Serial number of the system, to find it by."),
        Field("in_use", kinds.BOOLEAN, hint=True,
              doc="Whether it is changed although it is deployed or owned by a user."),
        Field("release", kinds.BOOLEAN, option="1.5",
              doc="Whether it is released first if it is deployed or owned by a user."),
        Field("decompose", kinds.BOOLEAN, option="2.4",
              doc="Whether a composed machine is deleted on its VM host, with its disks."),
        Field("architecture", _ARCHITECTURE, server_default=UNKNOWN, clearable=rules.NEVER,
              doc="Such as ``amd64`` or ``arm64/generic``."),
        Field("description", since="2.6", doc="Free text."),
        Field("domain", ref="domain", ref_attr="name", since="2.0", server_default=UNKNOWN,
              clearable=rules.NEVER, read=lambda raw: raw["domain"]["name"],
              doc="Name of its DNS domain."),
        Field("node_group", api="nodegroup", ref="node_group", ref_attr="uuid", up_to="1.10",
              write_only=True,
              doc="UUID of the node group of a new machine; the one that MAAS chooses by default."),
        Field("zone", ref="zone", ref_attr="name", server_default="default", clearable=rules.NEVER,
              read=lambda raw: raw["zone"]["name"], doc="Name of its zone."),
        Field("pool", ref="resource_pool", ref_attr="name", since="2.5", server_default="default",
              clearable=rules.NEVER, read=lambda raw: (raw.get("pool") or {}).get("name"),
              doc="Name of its resource pool."),
        Field("tags", kinds.NAMES, ref="tag", api="tag_names",
              doc="All its tags, apart from those that MAAS adds itself."),
        Field("min_hwe_kernel", since="1.9",
              rules=(rules.matches("hwe-.+", "a kernel such as hwe-x", up_to="2.0"),
                     rules.matches("(hwe|ga)-.+", "a kernel such as hwe-22.04 or ga-24.04")),
              doc="Minimum kernel, such as ``hwe-22.04`` or ``ga-24.04``."),
        Field("swap_size", kinds.bounded(0), since="1.8", clearable=(("2.0", ""),),
              doc="Size of the swap file, in bytes."),
        Field("boot_type", kinds.choice("fastpath", "di"), since="1.8", up_to="1.10",
              server_default="fastpath", clearable=rules.NEVER,
              doc="How it is installed: from an image, or by the Debian installer."),
        *power_field.FIELDS,
        *composition_field.FIELDS,
        *owner_field.FIELDS,
        Field("interfaces", interfaces_schema.KIND, since="1.9", clearable=rules.NEVER,
              server_default=UNKNOWN, refs=interfaces_schema.references,
              doc="Its network interfaces by name; others are left alone."),
        Field("storage", machine_storage.KIND, since="1.9", server_default=UNKNOWN,
              clearable=rules.NEVER, read=machine_storage.described,
              doc="Its disks and what is made of them, once it is commissioned; see the guide "
              "of machines."),
    )  # fmt: skip
    example = {
        "hostname": "web-1", "mac_addresses": ["52:54:00:00:00:21"], "architecture": "amd64",
        "description": "left row", "power_type": "manual", "tags": ["web"],
    }  # fmt: skip

    def parse(self, name: str) -> dict:
        return _split(name)

    def from_pillar(self, values: dict) -> dict:
        named = _split(values["hostname"])
        return {**named, **values, "hostname": named["hostname"]}

    # Reading; see :mod:`saltext.maas.machines.nodes_1x`

    def path(self, release: Release) -> str:
        return nodes_1x.collection(release)

    def item(self, snapshot: Snapshot, raw: dict) -> str:
        return f"{self.path(snapshot.release)}{segment(raw['system_id'])}/"

    def shape(self, release: Release) -> dict:
        if not nodes_1x.is_node(release):
            return super().shape(release)
        nics = {"interface_set": [answers.NIC]} if release >= "1.9" else {}
        return {**nodes_1x.shape(release), **nics}

    def from_answer(self, release: Release, raw: Any) -> Any:
        return nodes_1x.as_machine(release, raw)

    # Finding

    def identify(self, snapshot: Snapshot, desired: list[Desired]) -> None:
        wrong = []
        for one in desired:
            own = {one.key} if one.key in snapshot.records(self.name) else set()
            for name in ("system_id", "mac_addresses", "serial"):
                found = set(self._found_by(snapshot, name, one.values.get(name)))
                if found and len(own | found) > 1:
                    others = ", ".join(sorted(found - own or found))
                    wrong.append(
                        f"{one.where}:{name}: {one.values[name]!r} belongs to machine {others}"
                    )
                own = own or set(sorted(found)[:1])
        if wrong:
            raise BadInput(wrong)
        super().identify(snapshot, desired)

    def former_key(self, snapshot: Snapshot, values: dict) -> str | None:
        names = ("system_id", "mac_addresses", "serial")
        found = (self._found_by(snapshot, name, values.get(name)) for name in names)
        return next((key for keys in found for key in keys), None) or self._by_bmc(snapshot, values)

    def _by_bmc(self, snapshot, values):
        """The only machine that is not described and has the same power connection."""
        kind = values.get("power_type")
        connection = power_types.connection(kind, values.get("power_parameters") or {})
        free = [] if connection is None else [
            record for key, record in snapshot.records(self.name).items()
            if key not in snapshot.claimed(self.name) and record.raw.get("power_type") == kind
        ]  # fmt: skip
        self._read_power_of(snapshot, free)
        fits = [
            one
            for one in free
            if power_types.connection(kind, self.current_power(snapshot, one)) == connection
        ]
        return fits[0].key if len(fits) == 1 else None

    def renaming(self, snapshot: Snapshot, moved: dict[str, Desired]) -> Renaming:
        return lambda store, raw: raw  # nothing refers to a machine by its name

    def _found_by(self, snapshot, name, value) -> Iterable[str]:
        """The keys of the machines that a value belongs to, each once."""
        if not value:
            return ()
        known = self._index(snapshot)
        values = value if name == "mac_addresses" else [value]
        return dict.fromkeys(key for one in values for key in known.get((name, one), ()))

    def _index(self, snapshot):
        """The keys of all machines by their identifiers; made once for each reading."""
        records = snapshot.records(self.name)

        def indexed():
            index: dict = {}
            for key, record in records.items():
                raw = record.raw
                serial = (raw.get("hardware_info") or {}).get("system_serial")
                identities = [("system_id", raw["system_id"]), ("serial", serial)]
                for one in (*identities, *(("mac_addresses", mac) for mac in macs(raw))):
                    index.setdefault(one, []).append(key)
            return index

        return snapshot.derived("identifiers of machines", records, indexed)

    # Comparing

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        if "tags" in found:
            given, wanted = found.pop("tags")
            old = machine_tags.by_hand(snapshot, given, wanted)
            if old != (wanted or []):
                found["tags"] = (old or None, wanted)
        return found

    def read_power(self, snapshot: Snapshot, record: Record) -> None:
        found = [
            self.match(snapshot, one)
            for one in snapshot.desired.of(self.name)
            if "power_parameters" in one.values
        ]
        self._read_power_of(snapshot, [record, *(one for one in found if one is not None)])

    def _read_power_of(self, snapshot, records):
        """Read the power parameters of many machines that have not been read yet."""
        if snapshot.release < nodes_1x.SHOWS_POWER:
            return
        with snapshot.reading(self.name, POWER_PARAMETERS):
            raws = {
                one.raw["system_id"]: one.raw for one in records
                if POWER_PARAMETERS not in one.raw and not snapshot.is_predicted(one.raw)
            }  # fmt: skip
            ids = sorted(raws)
            for start in range(0, len(ids), _IDS_PER_QUERY):
                some = ids[start : start + _IDS_PER_QUERY]
                path = self.path(snapshot.release)
                found = snapshot.client.get(path, op="power_parameters", id=some, expect=dict)
                for ident in some:  # one that was deleted meanwhile is not among them
                    parameters = found.get(ident) or {}
                    if not isinstance(parameters, dict):
                        raise StrangeAnswer(f"the power parameters of {ident} are no object")
                    raws[ident][POWER_PARAMETERS] = parameters

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        data, files = super().form(snapshot, values)
        if nodes_1x.is_node(snapshot.release) and data.get("power_type") == "manual":
            data["power_type"] = ""
        return data, files

    def complete_answer(self, raw: dict, values: dict, before: dict | None) -> dict:
        given, held = values.get("power_parameters"), (before or {}).get(POWER_PARAMETERS)
        if given is None and held is None:
            return raw
        return {**raw, POWER_PARAMETERS: {**(held or {}), **(given or {})}}  # see conclude

    def to_pillar(self, snapshot: Snapshot, values: dict) -> dict:
        """Add its MAC addresses and power parameters, with which another region can make it."""
        records = snapshot.records(self.name)
        record = records[values["hostname"]]
        raw = record.raw
        if POWER_PARAMETERS not in raw:
            self._read_power_of(snapshot, records.values())
        power = {
            name: one
            for name, one in raw.get(POWER_PARAMETERS, {}).items()
            if one not in ("", None)
        }
        if values.get("vm_host"):  # MAAS knows how to reach it
            return {**values, "power_type": None, "compose": composition.described(raw)}
        unchecked = any(power_types.mistakes(values["power_type"], power, snapshot.release))
        return {
            **values,
            "mac_addresses": [kinds.MAC.clean(nic["mac_address"]) for nic in nics(raw)
                              if nic["type"] == "physical" and nic.get("mac_address")],
            "tags": machine_tags.by_hand(snapshot, values["tags"], None) or None,
            "power_parameters": power or None,
            "power_parameters_skip_check": unchecked or None,
            "storage": self.whole_storage(snapshot, record),
        }  # fmt: skip

    def omissions(self, snapshot: Snapshot, record: Record, values: dict) -> str:
        if record.raw.get("blockdevice_set") and values.get("storage") is None:
            return "no description of storage makes its datastore of VMware"
        return super().omissions(snapshot, record, values)

    def pillar_entry(self, values: dict) -> dict:
        hints = ("mac_addresses", "power_parameters_skip_check")  # neither is compared
        found = {name: values[name] for name in hints if values.get(name)}
        found.update(super().pillar_entry(values))
        if "power_parameters" in found:
            found["power_parameters"] = power_types.without_secrets(
                values["hostname"], values["power_parameters"]
            )
        return found

    # Problems of a change

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        if record is None:
            for name in ("system_id", "serial"):
                if desired.values.get(name):
                    return f"{name}: no machine of the region has {desired.values[name]!r}"
            ipmi = desired.values.get("power_type") == "ipmi" and snapshot.release >= "2.9"
            if not (desired.values.get("mac_addresses") or ipmi or is_composed(desired)):
                return "mac_addresses is missing; a new machine needs it"
            return super().problem(snapshot, desired, None) or machine_tags.problem(
                snapshot, desired
            )
        return (
            super().problem(snapshot, desired, record)
            or machine_tags.problem(snapshot, desired)
            or self._in_use_problem(snapshot, desired, record)
        )

    def _in_use_problem(self, snapshot, desired, record):
        changed = self.compared(snapshot, desired, record)
        raw = record.raw
        if changed and raw.get("locked") and desired.values.get("locked") is not False:
            return "it is locked, so MAAS refuses changes; locked: false unlocks it first"
        noticed = ", ".join(name for name in changed if name not in CHANGEABLE_IN_USE)
        if not noticed or not is_in_use(raw):
            return None
        if raw["status"] in at.IN_PROGRESS:  # so that changes may be lost
            return f"{noticed}: it is {raw['status_name']}; repeat the run when that has ended"
        if desired.values.get("in_use"):
            return None
        return f"{noticed}: it is {status_and_owner(raw)}; in_use: true changes it anyway"

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which other machine would have the same BMC, if its type serves only one."""
        shared = nodes_1x.is_node(snapshot.release)  # which knows no BMCs
        if change.action != "delete" and "power_parameters" in change.new and not shared:
            bmc = self._bmc(change.desired)
            labels = self._labels_by_bmc(snapshot).get(bmc, ()) if bmc else ()
            same = [one for one in labels if one != change.desired.label]
            if same:
                return (
                    f"power_parameters: {same[0]} has the same BMC, which serves one machine only"
                )
        return super().conflict(snapshot, change, predicted)

    def _labels_by_bmc(self, snapshot):
        def grouped():
            groups: dict = {}
            for one in snapshot.desired.of(self.name):
                groups.setdefault(self._bmc(one), []).append(one.label)
            return groups

        return snapshot.derived("BMCs of machines", snapshot.desired, grouped)

    @staticmethod
    def _bmc(desired):
        kind, given = (desired.values.get(name) for name in ("power_type", "power_parameters"))
        return power_types.bmc(kind, given) if given and kind in power_types.SINGLE else None

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        raw = record.raw
        if raw.get("locked"):
            return "it is locked, so MAAS does not delete it; unlock it first"
        if is_in_use(raw) and not desired.values.get("release"):
            return f"it is {status_and_owner(raw)}; release: true releases it first"
        return super().deletion_problem(snapshot, desired, record)

    def contents(self, snapshot: Snapshot, raw: dict) -> Iterable[tuple[str, tuple[str, str]]]:
        """Yield the VM hosts that it is, which MAAS wants to be deleted before."""
        for key in vm_hosts_on(snapshot, raw["system_id"]):
            yield "machine", ("vm_host", key)

    def blocked_by(self, desired: Desired, noun: str, key: str) -> str | None:
        return f"it is the VM host {key}; delete that first (maas_vm_host.absent)"

    def requires_changes(
        self, snapshot: Snapshot, change: Change, others: Changes
    ) -> Iterable[Change]:
        """Yield also the deletions of the VM hosts that a machine to be deleted is."""
        yield from super().requires_changes(snapshot, change, others)
        for other in others.of("vm_host") if change.action == "delete" else ():
            if other.action == "delete" and host_id(other.raw) == change.raw["system_id"]:
                yield other

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        return "only maas_machine.absent deletes machines"

    # Predicted results

    def predict_creation(self, snapshot: Snapshot, values: dict) -> PredictedObject:
        found = super().predict_creation(snapshot, values)
        nics = [{"mac_address": one} for one in values.get("mac_addresses") or ()]
        status = at.NEW if snapshot.release >= _COMMISSIONS_WHEN_ASKED else at.COMMISSIONING
        new = {"status": status, "status_name": at.name_of(status), "owner": None, "system_id": ""}
        return PredictedObject({**new, "interface_set": nics, **found}, found.known)

    def side_effect(self, snapshot: Snapshot, desired: Desired) -> str | None:
        if snapshot.release >= _COMMISSIONS_WHEN_ASKED:
            return None
        return f"MAAS {snapshot.release} commissions a new machine immediately, which turns it on"

    # Writing

    def fresh(self, run: Run, desired: Desired, record: Record | None) -> Record | None:
        return fresh(self, run, record)

    def send_create(self, run: Run, values: dict) -> dict:
        if values.get("vm_host"):
            return self.compose(run, values)
        data, files = self.form(run.snapshot, values)
        data["mac_addresses"] = values.get("mac_addresses") or []
        release = run.snapshot.release
        if release >= _COMMISSIONS_WHEN_ASKED:
            data["commission"] = "false"
        if nodes_1x.is_node(release) and not values.get("node_group"):
            data["autodetect_nodegroup"] = "true"
        raw = run.client.post(
            self.path(release), op=self.create_op if nodes_1x.is_node(release) else None,
            data=data, files=files, repeat=False, hide=self.secrets(values),
        )  # fmt: skip
        return self.from_answer(release, raw)

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        """Look again first whether somebody uses the machine by now, who would notice the change.

        Raises:
            NotDone: Somebody does.
        """
        changed = self.differences(run.snapshot, desired, record)
        if any(name not in CHANGEABLE_IN_USE for name in changed):
            record = self.fresh(run, desired, record) or record
            problem = self._in_use_problem(run.snapshot, desired, record)
            if problem:
                raise NotDone(problem)
        super().update(run, desired, record)

    def send_update(self, run: Run, record: Record, values: dict) -> Any:
        release, given = run.snapshot.release, values.get("power_parameters")
        if nodes_1x.is_node(release) and given is not None:
            # It empties those that are not sent.
            kind = values.get("power_type") or record.raw["power_type"]
            there = record.raw.get(POWER_PARAMETERS, {})
            kept = {name: there[name] for name in power_types.names(kind, release) if name in there}
            skip = values.get("power_parameters_skip_check")
            values = {**values, "power_parameters": {**(there if skip else kept), **given}}
        return self.from_answer(release, super().send_update(run, record, values))

    def conclude(self, run: Run, changes: list[Change]) -> None:
        if any(one.action == "create" and is_composed(one.desired) for one in changes):
            run.snapshot.drop("tag")  # MAAS gives a composed machine those of its VM host
        machine_tags.send(run, [one for one in changes if "tags" in one.desired.values])
        self._check_power(run, [one for one in changes if "power_parameters" in one.new])
        for change in changes:
            if change.done and change.new.keys() & _IN_STEPS:
                self._check_steps(run, change)

    def _check_power(self, run, changes):
        """Read the power parameters that were sent, and report where the region has others."""
        pairs = [(one, self.match(run.snapshot, one.desired)) for one in changes]
        records = [record for _, record in pairs if record is not None]
        for record in records:
            record.raw.pop(POWER_PARAMETERS, None)  # it holds what was sent, see complete_answer
        self._read_power_of(run.snapshot, records)
        for change, there in pairs:
            if there is None or "power_parameters" in self.differences(
                run.snapshot, change.desired, there
            ):
                change.done, change.error = False, _POWER_DIFFERS

    def _check_steps(self, run, change):
        """Report what somebody changed after its own requests, if the last read shows it."""
        record = self.match(run.snapshot, change.desired)
        left = self.differences(run.snapshot, change.desired, record) if record else _IN_STEPS
        names = ", ".join(name for name in _IN_STEPS if name in left)
        if names:
            change.done, change.error = False, f"{names}: {_CHANGED}"

    def send_delete(self, run: Run, desired: Desired, record: Record) -> None:
        raw, releasable = record.raw, _RELEASE.allowed + _RELEASE.during
        if is_in_use(raw) and raw.get("owner") and raw["status"] in releasable:
            self._release(run, desired, record)
        run.client.delete(self.item(run.snapshot, raw))

    def _release(self, run, desired, record):
        if record.raw["status"] in _RELEASE.allowed:
            run.client.post(self.item(run.snapshot, record.raw), op="release", expect=dict)

        def released():
            run.snapshot.reload(self.name, younger_than=run.poll_seconds)
            now = run.snapshot.find(self.name, record.key)
            return now is None or not is_in_use(now.raw)

        run.wait_for(f"machine {desired.key} to be released", released)


def vm_hosts_on(snapshot: Snapshot, system_id: str) -> Iterable[str]:
    """Return the keys of the VM hosts that a machine is."""
    there = snapshot.records("vm_host") if "vm_host" in snapshot.tables else {}
    return [key for key, one in there.items() if host_id(one.raw) == system_id]


def is_in_use(raw: dict) -> bool:
    """Return whether a user has a machine, or MAAS is working on it."""
    unowned = raw["status"] in IDLE_UNOWNED and not raw.get("owner")
    return raw["status"] not in IDLE and not unowned


def status_and_owner(raw: dict) -> str:
    """Return the status and owner of a machine, such as ``Deployed and owned by ops``."""
    owner = f" and owned by {raw['owner']}" if raw.get("owner") else ""
    return f"{raw['status_name']}{owner}"
