"""DHCP of VLANs (API 2.0): served by rack controllers, or relayed to another VLAN."""

from __future__ import annotations

from dataclasses import replace

from saltext.maas.api_path import segment
from saltext.maas.resources import kinds
from saltext.maas.resources.engine_types import (
    Change,
    Desired,
    DesiredObjects,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.nodes import links, nics, vlan_ids
from saltext.maas.resources.table import Field, PillarLocation, Record, Table
from saltext.maas.resources.vlan_names import VLAN_NAME, read_vlan
from saltext.maas.resources.vlans import all_vlans

RACKS = ("primary_rack", "secondary_rack")


class Dhcp(Table):
    """The same objects as :class:`~saltext.maas.resources.vlans.Vlan`, written after racks."""

    name = "dhcp"
    noun = "DHCP"
    plural = "DHCP of VLANs"
    since = "2.0"
    store = "vlan"
    identity = apart = ("vlan",)
    pillar = PillarLocation(
        "dhcp", "DHCP on the VLAN: served by racks, or relayed to another VLAN.",
        under="vlan", parent="vlan", single=True,
    )  # fmt: skip
    scope = "fabric"
    example = {"vlan": "dc1/untagged", "enabled": True, "primary_rack": "rack-1"}
    fields = (
        Field("vlan", VLAN_NAME, ref="vlan", read=read_vlan,
              doc="VLAN that is served; ``untagged`` stands for VID 0."),
        Field("enabled", kinds.BOOLEAN, api="dhcp_on", server_default=False,
              doc="Whether MAAS serves DHCP there."),
        Field("primary_rack", ref="rack", ref_attr="system_id", read_attr="system_id",
              doc="Host name of the rack controller that serves it."),
        Field("secondary_rack", ref="rack", ref_attr="system_id", read_attr="system_id",
              doc="Host name of the secondary rack controller; empty for none."),
        Field("relay_vlan", VLAN_NAME, ref="vlan", since="2.2",
              read=lambda raw: read_vlan(raw.get("relay_vlan")),
              doc="VLAN whose DHCP is relayed here."),
    )  # fmt: skip

    def from_pillar(self, values: dict) -> dict:
        return {"enabled": False, **values} if values.get("relay_vlan") else values

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        return all_vlans(snapshot)

    def in_use_by(self, snapshot: Snapshot, record: Record) -> str | None:
        return "DHCP is served there" if record.raw["dhcp_on"] else None

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        return self._served(record.raw)

    def scope_of(self, snapshot: Snapshot, record: Record) -> str:
        return record.raw["fabric"]

    def _served(self, raw):
        return any(field.value(raw) for field in self.fields if field.name != "vlan")

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        records = snapshot.records(self.name)
        record = records.get(desired.key) or records.get(snapshot.alias_of("vlan", desired.key))
        if desired.absent and record is not None and not self._served(record.raw):
            return None  # a VLAN without DHCP
        return record

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        found = super().requires(desired, everything)
        ranges = everything.by("ip_range", "subnet")
        for subnet in everything.by("subnet", "vlan").get(desired.key, ()):
            own = [subnet, *ranges.get(subnet.key, ())]
            found |= {(one.type, one.key) for one in own}
        return found

    def after_objects(self, desired: Desired, everything: DesiredObjects) -> set:
        # MAAS relays to no VLAN that is relayed itself, so that one stops being so first.
        target = desired.values.get("relay_vlan")
        return {(self.name, target)} if target else set()

    # What follows from what

    def outcome(self, old: dict, values: dict) -> dict:
        goal = {**old, **values}
        if values.get("enabled"):
            goal["relay_vlan"] = None
        elif values.get("relay_vlan"):
            goal["enabled"] = False
        if goal.get("secondary_rack") == goal.get("primary_rack") != old.get("primary_rack"):
            goal["secondary_rack"] = None  # a stand-by that takes over leaves its place
        return goal

    def _goal(self, snapshot, raw, values):
        """All values as they are, and as they are to be."""
        old = self.values(snapshot, raw) if raw else dict.fromkeys(self.by_name)
        return old, self.outcome(old, values)

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        old, goal = self._goal(snapshot, record.raw, desired.values)
        found = {name: (old[name], goal[name]) for name in old if old[name] != goal[name]}
        found.pop("vlan", None)  # the VLAN's own change brings it there
        return found

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why DHCP cannot be as desired, seen before anything is sent."""
        values = desired.values
        _, goal = self._goal(snapshot, record and record.raw, values)
        if values.get("primary_rack") and values["primary_rack"] == values.get("secondary_rack"):
            return "secondary_rack must be another rack than primary_rack"
        if goal["secondary_rack"] and not goal["primary_rack"]:
            return (
                f"secondary_rack {goal['secondary_rack']} needs a primary_rack, since MAAS makes a "
                "stand-by that is alone the primary one; name one, or clear both"
            )
        if goal["enabled"] and not goal["primary_rack"]:
            return "primary_rack is missing; MAAS serves DHCP from a rack controller only"
        if goal.get("relay_vlan") == desired.key:
            return "relay_vlan must be another VLAN than this one"
        return None

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return what MAAS would refuse of racks, ranges and relays as they will be."""
        if change.action == "delete":
            return None
        old, goal = self._goal(snapshot, change.raw, change.desired.values)
        target = goal.get("relay_vlan")
        if target and target != old.get("relay_vlan"):
            further = predicted.of("dhcp").get(target, {}).get("relay_vlan")
            if further:
                relayed = f"relay_vlan {target} is relayed itself, to {further}"
                return f"{relayed}; name a VLAN that is not"
        return (
            self._range_conflict(old, goal, predicted)
            or self._rack_conflict(snapshot, old, goal, change.raw, predicted)
            or self._secondary_conflict(snapshot, old, goal, predicted)
        )

    @staticmethod
    def _range_conflict(old, goal, predicted):
        if not goal["enabled"] or old.get("enabled"):
            return None
        here = predicted.by("subnet", "vlan").get(goal["vlan"], {})
        ranges = predicted.of("ip_range").values()
        if any(one["type"] == "dynamic" and one["subnet"] in here for one in ranges):
            return None
        subnets = f"its subnets are {', '.join(sorted(here))}" if here else "it has no subnet"
        return (
            f"DHCP needs a dynamic range in a subnet on {goal['vlan']}, and there is "
            f"none ({subnets}); add one"
        )

    @staticmethod
    def _rack_conflict(snapshot, old, goal, raw, predicted):
        starts = goal["enabled"] and not old.get("enabled")
        for field in RACKS:
            name = goal.get(field)
            if not name or (name == old.get(field) and not starts):
                continue
            record = snapshot.find("rack", name)
            own = nics(record.raw) if record else ()  # one that has yet to enrol has none
            if record and not any(_reaches(nic, goal["vlan"], raw, predicted) for nic in own):
                shown = ", ".join(map(_shown_nic, own)) or "none at all"
                return (
                    f"{field} {name} has no interface on VLAN {goal['vlan']}, so it cannot serve "
                    f"DHCP there; it has: {shown}"
                )
        return None

    @staticmethod
    def _secondary_conflict(snapshot, old, goal, predicted):
        primary = goal.get("primary_rack")
        alone = any("secondary_rack" in one and "primary_rack" not in one
                    for one in steps(old, goal))  # fmt: skip
        if alone and goal["secondary_rack"] and snapshot.release >= "2.5":
            record = snapshot.find("rack", primary)
            awaited = predicted.of("rack").get(primary, {}).get("connected")
            if record is not None and not awaited and _is_dead(record.raw):
                return (
                    f"secondary_rack cannot be set while the primary rack {primary} is not "
                    "connected to the region; start it, or name another primary_rack"
                )
        return None

    # Writing

    def predict_update(self, snapshot: Snapshot, raw: dict, values: dict) -> PredictedObject:
        _, goal = self._goal(snapshot, raw, values)
        del goal["vlan"]
        return super().predict_update(snapshot, raw, goal)

    def predict_deletion(self, snapshot: Snapshot, raw: dict) -> PredictedObject | None:
        none = {field.name: None for field in self.fields if field.name != "vlan"}
        return self.predict_update(snapshot, raw, {**none, "enabled": False})

    def delete(self, run: Run, desired: Desired, record: Record) -> None:
        # MAAS deletes no rack that a VLAN names, even while DHCP is off.
        old = self.values(run.snapshot, record.raw)
        self._write(run, desired, old, {**dict.fromkeys(old), "enabled": False}, record.raw)

    def create(self, run: Run, desired: Desired) -> None:
        # The VLAN came into being earlier in this run.
        raw = run.snapshot.resolve("vlan", desired.key)
        self.update(run, desired, Record(desired.key, raw))

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        old, goal = self._goal(run.snapshot, record.raw, desired.values)
        self._write(run, desired, old, goal, record.raw)

    def _write(self, run, desired, old, goal, raw):
        for values in steps(old, goal):
            for name in RACKS:
                if values.get(name):
                    self._bring_to_vlan(run, values[name], raw)
            data, _ = self.form(run.snapshot, values)
            answer = run.client.put(self.item(run.snapshot, raw), data=data)
            asked = replace(desired, values={"vlan": desired.values["vlan"], **values})
            self.record_answer(run, asked, answer, replaces=raw)
            raw = answer

    @staticmethod
    def _bring_to_vlan(run, rack, vlan):
        """Put the interface with which a rack serves a VLAN onto that VLAN.

        A rack that registered before its subnet was described sits on a VLAN
        that MAAS made for it, and stays there when the subnet moves.
        """
        raw = run.snapshot.resolve("rack", rack)
        here = run.snapshot.group("subnet", "vlan").get(read_vlan(vlan), ())
        subnets = {record.raw["id"] for record in here}
        for nic in () if vlan["id"] in vlan_ids(raw) else nics(raw):
            if any(subnet.get("id") in subnets for _, subnet in links(nic)):
                path = f"nodes/{segment(raw['system_id'])}/interfaces/{nic['id']}/"
                run.client.put(path, data={"vlan": vlan["id"]})
                return


def steps(old: dict, goal: dict) -> list:
    """Return the values to send one after another, as MAAS takes not all of them at once.

    * A VLAN that serves DHCP is relayed nowhere, so DHCP ends first.
    * Where the primary rack is cleared the secondary one becomes it, so that goes first.
    * A secondary rack is neither the primary one of before, nor set together with a
      primary one that was the secondary.

    Args:
        old, goal: ``enabled``, ``primary_rack``, ``secondary_rack`` and, where the release
            has it, ``relay_vlan``, before and afterwards.

    Returns:
        A list of up to two dicts of what differs; DHCP that stays on is served in between.
    """
    changed = {name: goal[name] for name in old if name != "vlan" and goal[name] != old[name]}
    second = {}
    primary, secondary = (old["primary_rack"], goal["primary_rack"]), old["secondary_rack"]
    if primary[0] != primary[1]:
        if primary[1] is None and secondary:
            second["primary_rack"] = changed.pop("primary_rack")
        elif primary[1] == secondary or goal["secondary_rack"] == primary[0]:
            moved = changed.pop("secondary_rack", None)
            if moved:
                second["secondary_rack"] = moved
    if changed.get("relay_vlan") and old["enabled"]:
        second["relay_vlan"] = changed.pop("relay_vlan")
    if changed.get("enabled"):
        changed.pop("relay_vlan", None)  # it ends where DHCP is served
    return [values for values in (changed, second) if values]


def _reaches(nic, vlan, raw, predicted):
    """Whether an interface is on a VLAN, or will be: with its address in a subnet there."""
    if raw and (nic.get("vlan") or {}).get("id") == raw["id"]:
        return True
    subnets = predicted.of("subnet")
    return any(subnets.get(one.get("cidr"), {}).get("vlan") == vlan for _, one in links(nic))


def _is_dead(rack):
    services = rack.get("service_set") or ()
    return any(one["name"] == "rackd" and one["status"] == "dead" for one in services)


def _shown_nic(nic):
    on = read_vlan(nic.get("vlan")) or "no VLAN"
    ips = [link["ip_address"] for link, _ in links(nic) if link.get("ip_address")]
    return f"{nic.get('name')} on {on}" + (f" ({', '.join(ips)})" if ips else "")
