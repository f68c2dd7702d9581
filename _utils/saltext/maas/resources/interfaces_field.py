"""The field ``interfaces`` of machines: its comparison, plan and requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltext.maas.errors import NotDone
from saltext.maas.machines import operations as at
from saltext.maas.release import Release
from saltext.maas.resources import composition, interfaces_schema, kinds
from saltext.maas.resources.addressing import dynamic_ranges
from saltext.maas.resources.engine_types import Change, Desired, Predicted, Run, Snapshot
from saltext.maas.resources.field import Field, PredictedObject, Record
from saltext.maas.resources.interfaces_model import InterfaceLayout
from saltext.maas.resources.interfaces_plan import InterfaceProblem, InterfacesPlan, InterfaceStep
from saltext.maas.resources.interfaces_schema import DHCP, PHYSICAL, STATIC, type_of
from saltext.maas.resources.nodes import rereading
from saltext.maas.resources.steps import (
    GONE,
    STEPS,
    confirmed,
    own_paths,
    refuse_unplanned,
    send_all,
)
from saltext.maas.resources.storage_field import UNCOMMISSIONED, UNKNOWN_STEPS, UNTIL
from saltext.maas.resources.table import Table

#: Statuses in which MAAS changes interfaces, each with the first release that does.
CHANGEABLE = {at.NEW: "3.3", at.READY: "1.9", at.BROKEN: "1.9", at.ALLOCATED: "2.2",
              at.FAILED_TESTING: "2.8"}  # fmt: skip
#: The values of interfaces that MAAS changes of a deployed machine.
_WHEN_DEPLOYED = {
    "name", "mac_address", "link_connected", "interface_speed", "link_speed", "tags",
}  # fmt: skip
#: How often the requests are planned again, since MAAS changes other interfaces by itself.
_ATTEMPTS = 3


class WithInterfaces(Table):
    """A node whose interfaces are described."""

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        for text in interfaces_schema.mistakes(values.get("interfaces") or {}, release):
            place, colon, sentence = text.partition(": ")
            placed = bool(colon) and " " not in place
            yield (f"interfaces:{place}", sentence) if placed else ("interfaces", text)

    # Comparing

    def value(self, snapshot: Snapshot, field: Field, raw: dict) -> Any:
        if field.name != "interfaces" or _is_predicted(field, raw):
            return super().value(snapshot, field, raw)
        return field.kind.clean(layout(snapshot, raw).described())

    def difference(
        self, snapshot: Snapshot, desired: Desired, field: Field, record: Record
    ) -> tuple | None:
        is_other = field.name != "interfaces"
        if not is_other and _is_too_early(snapshot.release, desired, record.raw):
            return None
        if is_other or _is_predicted(field, record.raw):
            pair = super().difference(snapshot, desired, field, record)
            return pair if is_other or not pair else (pair[0], {**pair[1], STEPS: UNKNOWN_STEPS})
        steps, problem, changed = _steps(snapshot, desired, record.raw)
        if not steps and not problem:
            return None
        old, new = ({name: pair[side] for name, pair in changed.items()} for side in (0, 1))
        return old, {**new, STEPS: [step.text for step in steps]} if steps else new

    def skipped_fields(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> dict:
        found = super().skipped_fields(snapshot, desired, record)
        if not desired.values.get("interfaces"):
            return found
        raw = record.raw if record else new_machine(snapshot, desired)
        if _is_too_early(snapshot.release, desired, raw) and (
            record is None or self._differ(snapshot, desired, record)
        ):
            found["interfaces"] = UNTIL
        return found

    def _differ(self, snapshot, desired, record):
        field = self.by_name["interfaces"]
        if _is_predicted(field, record.raw):
            return self.value(snapshot, field, record.raw) != desired.values["interfaces"]
        steps, problem, _ = _steps(snapshot, desired, record.raw)
        return bool(steps or problem)

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        wrong = super().problem(snapshot, desired, record)
        if wrong or not desired.values.get("interfaces"):
            return wrong
        if record is None:
            raw = new_machine(snapshot, desired)
            early = _is_too_early(snapshot.release, desired, raw)
            problem = None if early else _planned_steps(snapshot, desired, raw)[1]
            return f"interfaces: {problem}" if problem else None
        if _is_too_early(snapshot.release, desired, record.raw) or _is_predicted(
            self.by_name["interfaces"], record.raw
        ):
            return None
        steps, problem, _ = _steps(snapshot, desired, record.raw)
        problem = problem or _refusal(snapshot.release, record.raw, steps)
        return f"interfaces: {problem}" if problem else None

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which new static address DHCP hands out, or another machine has."""
        if change.action == "delete" or "interfaces" not in change.new:
            return super().conflict(snapshot, change, predicted)
        own = set(_addresses(change.raw or {}, {}).values())
        new = _described_addresses(change.desired.values["interfaces"])
        for ip, name in new.items() if set(new) - own else ():
            if ip in own:
                continue
            problem = address_problem(self, snapshot, predicted, change.desired.label, ip)
            if problem:
                return f"interfaces: {name}: {problem}"
        return super().conflict(snapshot, change, predicted)

    # Writing

    def finish(self, run: Run, desired: Desired) -> None:
        super().finish(run, desired)
        if not desired.values.get("interfaces"):
            return
        record = self.match(run.snapshot, desired)
        if record is None or not self._differ(run.snapshot, desired, record):
            return
        if self.fresh(run, desired, record) is None:
            raise NotDone(GONE)
        for attempt in range(_ATTEMPTS):
            record = self.match(run.snapshot, desired)
            if record is None or _is_too_early(run.snapshot.release, desired, record.raw):
                return
            steps, problem, _ = _steps(run.snapshot, desired, record.raw)
            if attempt == 0:  # later MAAS itself may have changed more
                removed = [one.text for one in steps if one.removes]
                refuse_unplanned(run, desired, "interfaces", removed)
            problem = problem or _refusal(run.snapshot.release, record.raw, steps)
            if problem:
                raise NotDone(f"its interfaces are not as described: {problem}")
            if not steps:
                return
            self._send(run, record, steps)
        record = self.match(run.snapshot, desired)
        left = _steps(run.snapshot, desired, record.raw)[0] if record else ()
        if left:
            raise NotDone(
                "MAAS accepted all requests, but its interfaces are not as described; left: "
                + "; ".join(step.text for step in left)
            )

    def _send(self, run, record, steps):
        """Send the requests and read the machine again; an error lists both done and left."""
        path = f"nodes/{record.raw['system_id']}/interfaces/"
        known = set(own_paths(record.raw))

        def send(step):
            if step.op == "create_physical" and run.snapshot.release < "2.0":
                step.data = {**_any_vlan(run.snapshot, record.raw), **step.data}
            _request(run, path, step, known)

        with rereading(self, run, record):
            send_all("interfaces", steps, send, [step.text for step in steps])


def _any_vlan(snapshot, raw):
    """A VLAN of the machine: 1.9 wants one of a new interface, whose own a later request sets."""
    found = [nic["vlan"] for nic in raw["interface_set"] if nic.get("vlan")]
    return {"vlan": _key(snapshot, "vlan", found[0])} if found else {}


def address_problem(
    table: Table, snapshot: Snapshot, predicted: Predicted, label: str, ip: str
) -> str | None:
    """Return why MAAS would not give a machine a new address.

    Args:
        table: The machines' table.
        snapshot: The region as it is.
        predicted: The region as the plan leaves it.
        label: What the machine is called.
        ip: The address.
    """
    for low, high, what in dynamic_ranges(snapshot, predicted):
        if kinds.is_between(ip, low, high):
            return f"{ip} lies in {what}, from which DHCP hands out addresses; choose another one"
    holders = snapshot.derived(
        "addresses of machines", snapshot.desired, lambda: _holders(table, snapshot, predicted)
    )
    others = holders.get(ip, set()) - {label}
    return f"{ip} belongs to {', '.join(sorted(others))} already" if others else None


def _holders(table, snapshot, predicted):
    """The machines that have an address as the plan leaves them: ``{address: labels}``."""
    described, new = {}, []
    for one in snapshot.desired.of(table.name):
        record = table.match(snapshot, one)
        described[record.key if record else one.key] = one
        new += [] if record else [one]
    gone = {one.raw["system_id"] for one in predicted.changes(table.name)
            if one.action == "delete"}  # fmt: skip
    found: dict = {}
    for key, record in snapshot.records(table.name).items():
        if record.raw.get("system_id") not in gone:
            one = described.get(key)
            wanted = one.values.get("interfaces") if one else None
            for ip in _addresses(record.raw, wanted or {}).values():
                found.setdefault(ip, set()).add(one.label if one else key)
    for one in described.values():
        for ip in _described_addresses(one.values.get("interfaces") or {}):
            found.setdefault(ip, set()).add(one.label)
    for one in new:
        for ip in composition.addresses(one.values.get("compose")):
            found.setdefault(ip, set()).add(one.label)
    return found


def _request(run, path, step, known):
    data = {key: _sent(run.snapshot, key, value) for key, value in step.data.items()}
    own = path if step.nic.id is None else f"{path}{step.nic.id}/"
    if step.method == "DELETE":
        run.client.delete(own)
        return
    shape = {"id": int}
    if step.method == "PUT":
        answer = run.client.put(own, data=data, expect=shape)
    else:
        answer = run.client.post(own, op=step.op, data=data, repeat=False, expect=shape)
    step.nic.id = confirmed(answer, own, known=known)["id"]
    known.update(own_paths(answer))


def _sent(snapshot, key, value):
    if key in ("vlan", "subnet") and value != "":
        return snapshot.resolve(key, value)["id"]
    if key == "parents":
        return [nic.id for nic in value]
    return value.id if key == "parent" else value


def _described_addresses(described):
    """The static addresses that are described: ``{address: name of the interface}``."""
    return {
        link["ip_address"]: name
        for name, one in described.items()
        for link in one.get("links", ())
        if "ip_address" in link
    }


def _addresses(raw, described):
    """The addresses of links that a description leaves as they are: ``{id of the link: address}``.

    What DHCP gave to an interface is nobody's for MAAS.
    """
    decided = {one for name, nic in described.items() if "links" in nic or nic.get("absent")
               for one in (name, nic.get("mac_address"))}  # fmt: skip
    return {
        link["id"]: kinds.ADDRESS.clean(link["ip_address"])
        for nic in raw.get("interface_set") or ()
        if not decided & {nic.get("name"), kinds.MAC.clean(nic.get("mac_address"))}
        for link in nic.get("links") or ()
        if link["mode"] != DHCP and link.get("ip_address")
    }


def _is_predicted(field, raw):
    return isinstance(raw, PredictedObject) and id(field) in raw.known


def new_machine(snapshot: Snapshot, desired: Desired) -> dict:
    """Return a machine as MAAS creates it, with interfaces that are named by their order."""
    return {
        # Up to 2.7 MAAS commissions a new machine at once.
        "status": at.NEW if snapshot.release >= "2.8" else at.COMMISSIONING,
        "interface_set": [
            {"id": number + 1, "name": f"eth{number}", "type": "physical", "mac_address": one}
            for number, one in enumerate(desired.values.get("mac_addresses") or ())
        ],
    }


def layout(snapshot: Snapshot, raw: dict) -> InterfaceLayout:
    """Return the interfaces of a machine as it was read."""
    return InterfaceLayout(raw, lambda vlan: _key(snapshot, "vlan", vlan),
                  lambda subnet: _key(snapshot, "subnet", subnet))  # fmt: skip


def _key(snapshot, type, raw):
    """The key of a VLAN or subnet in an answer; after a rename in this run the new one."""
    if snapshot.loaded(type):
        found = snapshot.group(type, "id").get(raw["id"])
        if found:
            return found[0].key
    return snapshot.tables[type].key_of(raw)


def before_and_after(
    snapshot: Snapshot, desired: Desired, raw: dict
) -> tuple[InterfaceLayout, InterfaceLayout, list[InterfaceStep]]:
    """Return the interfaces of a machine as they are, and as the requests leave them, and these.

    Raises:
        InterfaceProblem: The description cannot be applied.
    """
    plan = _plan(snapshot, desired, raw)
    steps = plan.plan()
    return layout(snapshot, raw), plan.layout, steps


def _plan(snapshot, desired, raw) -> InterfacesPlan:
    def subnet(key):
        table, record = snapshot.tables["subnet"], snapshot.find("subnet", key)
        current = table.values(snapshot, record.raw) if record else {}
        planned = [one for one in snapshot.desired.of("subnet") if one.key == key]
        return {**current, **(planned[0].values if planned else {})}

    return InterfacesPlan(layout(snapshot, raw), desired.values["interfaces"], subnet)


def _steps(snapshot, desired, raw) -> tuple[list[InterfaceStep], str | None, dict]:
    """The requests for a machine's interfaces, the problem if there is one, and the differences."""
    return snapshot.once(
        "interfaces", (desired, raw), lambda: _planned_steps(snapshot, desired, raw)
    )


def _planned_steps(snapshot, desired, raw):
    try:
        plan = _plan(snapshot, desired, raw)
    except InterfaceProblem as problem:
        return [], str(problem), {}
    try:
        steps = plan.plan()
    except InterfaceProblem as problem:
        return [], str(problem), plan.changed
    return steps, _twice(plan.layout) if steps else None, plan.changed


def _twice(layout):
    """Which address would be on two interfaces of the machine; MAAS accepts it on one only."""
    seen: dict = {}
    for nic in layout.nics:
        for link in nic.links:
            if link.mode == STATIC and link.ip_address:
                other = seen.setdefault(link.ip_address, nic.name)
                if other != nic.name:
                    return (
                        f"{link.ip_address} would be on {other} and {nic.name}; describe the "
                        "links of both, or one of them as absent"
                    )
    return None


def _is_too_early(release, desired, raw):
    """Whether the interfaces of a machine can be changed only once it is commissioned.

    MAAS refuses it before, or does not know yet which interface has a name.
    """
    status = raw["status"]
    if status not in UNCOMMISSIONED:
        return False
    names = {nic.get("name") for nic in raw.get("interface_set") or ()}
    return (
        status not in CHANGEABLE or release < CHANGEABLE[status]
        or any(
            type_of(one) == PHYSICAL and not one.keys() & {"mac_address", "absent"}
            and name not in names for name, one in desired.values["interfaces"].items()
        )
    )  # fmt: skip


def _refusal(release, raw, steps):
    """Why MAAS would refuse the requests in the machine's status; None if it would not."""
    status = raw["status"]
    if not steps:
        return None
    if status == at.DEPLOYED and all(
        step.method == "PUT" and step.data.keys() <= _WHEN_DEPLOYED for step in steps
    ):
        return None
    if status not in CHANGEABLE or release < CHANGEABLE[status]:
        return (
            f"it is {raw['status_name']}, and MAAS {release} changes interfaces only while a "
            f"machine is {_statuses(release)}"
        )
    if status == at.ALLOCATED and any(step.op == "create_bridge" for step in steps):
        return "it is Allocated, and MAAS would delete a new bridge when it is released"
    return None


def _statuses(release):
    found = [at.NAMES[one] for one, since in CHANGEABLE.items() if release >= since]
    return f"{', '.join(found[:-1])} or {found[-1]}"
