"""The fields ``vm_host`` and ``compose`` of machines: how MAAS composes one, and what is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

from saltext.maas.errors import LostAnswer, MaasError
from saltext.maas.machines import operations as at
from saltext.maas.release import Release
from saltext.maas.resources import composition, kinds, rules
from saltext.maas.resources.engine_types import Change, Desired, Predicted, Run, Snapshot
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.interfaces_field import address_problem
from saltext.maas.resources.table import Field, Record, Table
from saltext.maas.resources.vm_hosts import VmHost, pod_id

#: The name of a VM host, or the id that answers hold.
_HOST = replace(
    kinds.TEXT, normal=lambda value: value if isinstance(value, int) else kinds.TEXT.normal(value)
)
FIELDS = (
    Field("vm_host", _HOST, ref="vm_host", read_attr="id", since="2.4", up_to="3.8",
          create_only=True, clearable=rules.NEVER,
          read=pod_id,
          doc="Name of the VM host that it is composed on where there is no such machine."),
    Field("compose", composition.KIND, since="2.4", up_to="3.8", write_only=True, create_only=True,
          refs=composition.references,
          doc="What MAAS composes: cores, memory, disks and interfaces; see the guide of devices."),
)  # fmt: skip
#: What a request to compose carries beside ``compose``; all else is a change of the new machine.
_CARRIED = ("hostname", "architecture", "domain", "zone", "pool", *(one.name for one in FIELDS))
#: First release that makes machines with several disks on LXD.
_DISKS_OF_LXD = "3.0"
#: How long is looked for a machine whose composition was not answered in time, in seconds.
_LATE_SECONDS = 60.0
_OF_HOST = ("power_type", "power_parameters")
_RATIOS = {"cores": "cpu", "memory": "memory"}
#: The resources that MAAS counts, with what a description takes of each; at least, if left out.
_RESOURCES = (
    ("cores", "cores", lambda one: len(one.get("pinned_cores") or ()) or one.get("cores", 1)),
    ("memory", "MiB of memory", lambda one: one.get("memory", 1024)),
)


def _is_ready_at_once(desired):
    return bool((desired.values.get("compose") or {}).get("skip_commissioning"))


def is_composed(desired: Desired) -> bool:
    """Return whether a machine is composed where the region does not have it."""
    return bool(desired.values.get("vm_host"))


class WithVmHost(Table):
    """A machine that may be composed on a VM host."""

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        if not values.get("vm_host"):
            if values.get("compose"):
                yield "compose", "needs vm_host, the VM host that it is composed on"
            return
        yield from composition.mistakes(values.get("compose") or {}, release)
        for name in _OF_HOST:
            if values.get(name) is not None:
                yield name, "is that of its VM host; leave it out"
        name = values.get("hostname") or ""
        if not composition.HOST_NAME.fullmatch(name):
            allowed = "a letter with letters, digits and - behind it"
            yield (
                "hostname",
                f"{name!r} must be {allowed}; MAAS composes no machine of another name",
            )

    def required_for(self, values: dict) -> tuple:
        return () if values.get("vm_host") else super().required_for(values)

    def after_phases(self, desired: Desired) -> tuple:
        """Add what MAAS needs to commission a machine: a series that it has images of, and DHCP."""
        found = super().after_phases(desired)
        more = ("setting after import", "subnet", "dhcp")
        return (*found, *more) if is_composed(desired) else found

    # Comparing

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        if "vm_host" in found:
            host = snapshot.current("vm_host", desired.values["vm_host"])
            if host is not None and pod_id(record.raw) == host.raw.get("id"):
                del found["vm_host"]  # it is renamed in this run
        return found

    def remarks(self, snapshot: Snapshot, desired: Desired, record: Record) -> Iterable[str]:
        yield from super().remarks(snapshot, desired, record)
        for text in composition.differences(desired.values.get("compose") or {}, record.raw):
            yield f"compose: it {text}; MAAS does not change composed machines"

    def skipped_fields(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> dict:
        found = super().skipped_fields(snapshot, desired, record)
        if record is None and _is_ready_at_once(desired):
            return dict.fromkeys(found, "until the next run, when MAAS knows its hardware")
        return found

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which address is not free, or which resource new machines would exceed."""
        found = super().conflict(snapshot, change, predicted)
        if found or change.action != "create" or not is_composed(change.desired):
            return found
        own = change.desired.values.get("compose") or {}
        for ip, number in composition.addresses(own).items():
            # MAAS would find that only once the VM host has made the machine.
            problem = address_problem(self, snapshot, predicted, change.desired.label, ip)
            if problem:
                return f"compose:interfaces:{number}:ip_address: {problem}"
        return self._resource_problem(snapshot, change.desired.values["vm_host"], own, predicted)

    def _resource_problem(self, snapshot, key, own, predicted):
        host = snapshot.current("vm_host", key)
        if host is None or not VmHost.is_ready(host.raw):
            return None
        others = [
            one.desired.values.get("compose") or {}
            for one in predicted.changes(self.name)
            if one.action == "create" and one.desired.values.get("vm_host") == key
        ]
        described = next((one for one in snapshot.desired.of("vm_host") if one.key == key), None)
        ratios = {**host.raw, **(described.values if described else {})}
        for name, what, take in _RESOURCES:
            total, asked = host.raw["total"][name], sum(map(take, others))
            most = int(total * ratios.get(f"{_RATIOS[name]}_over_commit_ratio", 1))
            left = most - host.raw["used"][name]
            if asked > left or take(own) > total:
                commit = f" (over-commit of {total})" if most != total else ""
                return (
                    f"compose: VM host {key} has {max(left, 0)} of {most} {what}{commit} left, and "
                    f"the new machines described on it take {asked}"
                )
        return self._disk_problem(snapshot.release, host, own)

    @staticmethod
    def _disk_problem(release, host, own):
        if release < _DISKS_OF_LXD and host.raw["type"] == "lxd" and own.get("disks", ())[1:]:
            return f"compose:disks: MAAS {release} makes machines with one disk on LXD; name one"
        pools = [one["name"] for one in host.raw.get("storage_pools") or ()]
        for number, disk in enumerate(own.get("disks", ()) if pools else ()):
            if disk.get("pool") not in (None, *pools):
                return (
                    f"compose:disks:{number}:pool: {disk['pool']!r} is no storage pool of the VM "
                    f"host; there are: {', '.join(pools)}"
                )
        return None

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        host = record.raw.get("pod")
        if host and not desired.values.get("decompose"):
            return (
                f"it is composed on VM host {host.get('name')}; decompose: true deletes it there, "
                "with its disks"
            )
        return super().deletion_problem(snapshot, desired, record)

    # Predicted results

    def predict_creation(self, snapshot: Snapshot, values: dict) -> PredictedObject:
        found = super().predict_creation(snapshot, values)
        if values.get("vm_host"):
            entry = values.get("compose") or {}
            status = at.READY if entry.get("skip_commissioning") else at.COMMISSIONING
            found.update(
                status=status, status_name=at.name_of(status),
                cpu_count=entry.get("cores"), memory=entry.get("memory"),
            )  # fmt: skip
        return found

    # Writing

    def finish(self, run: Run, desired: Desired) -> None:
        created = run.changes[self.name, desired.key].action == "create"
        if not (created and _is_ready_at_once(desired)):  # see skipped_fields
            super().finish(run, desired)

    def compose(self, run: Run, values: dict) -> dict:
        """Compose a machine, once its VM host can, and return it as described.

        Raises:
            MaasError: The VM host cannot be reached, or MAAS refused.
        """
        key, snapshot = values["vm_host"], run.snapshot
        hosts = cast(VmHost, snapshot.tables["vm_host"])
        host = hosts.wait_until_ready(run, key)
        data = {"hostname": values["hostname"], **composition.form(values.get("compose") or {},
                                                                   snapshot)}  # fmt: skip
        if values.get("architecture"):
            data["architecture"] = values["architecture"]
        for name, type in (("domain", "domain"), ("zone", "zone"), ("pool", "resource_pool")):
            if values.get(name):
                data[name] = snapshot.resolve(type, values[name])["id"]
        # MAAS repeats conflicting requests, and would ask the VM host twice.
        with run.lock(f"machines on {key}"):
            raw = self._composed(run, hosts.item(snapshot, host.raw), data)
        rest = {name: one for name, one in values.items() if name not in _CARRIED}
        form, files = self.form(snapshot, rest)
        if form:
            raw = run.client.put(self.item(snapshot, raw), data=form, files=files)
        return raw

    def _composed(self, run, path, data):
        shape = self.shape(run.snapshot.release)
        try:
            answer = run.client.post(
                path, op="compose", data=data, repeat=False, expect={"system_id": str}
            )
            return run.client.get(self.item(run.snapshot, answer), expect=shape)
        except LostAnswer as error:
            lost = error

        def there():
            found = run.client.get(self.collection, hostname=data["hostname"], expect=[shape])
            return found[0] if found else None

        try:
            return run.wait_for("the machine to be composed", there, _LATE_SECONDS)
        except MaasError:
            raise lost from None
