"""Region and rack controllers (API 2.0): they enrol themselves, and are described here."""

from __future__ import annotations

from collections.abc import Iterator

from saltext.maas.release import Release
from saltext.maas.resources import kinds, power_types, rules
from saltext.maas.resources.engine_types import Desired, Run, Snapshot
from saltext.maas.resources.nodes import vlan_ids
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record, Table

_FIELDS = (
    Field("description", since="2.6", doc="Free text."),
    Field("zone", ref="zone", ref_attr="name", server_default="default", clearable=rules.NEVER,
          read=lambda raw: raw["zone"]["name"], doc="Name of its zone."),
    Field("domain", ref="domain", ref_attr="name", since="2.2", server_default=UNKNOWN,
          clearable=rules.NEVER, read=lambda raw: (raw.get("domain") or {}).get("name"),
          doc="Name of its DNS domain."),
    Field("power_type", server_default=UNKNOWN,
          doc="How it is switched on and off, such as ``ipmi``."),
    Field("power_parameters", kinds.MAPPING, secret=True, write_only=True,
          doc="What that takes, such as ``{power_address: 192.0.2.9}``; never shown."),
)  # fmt: skip


#: Key, in an object that was read, of what MAAS answers by a request of its own.
_HELD = "power_parameters of its own request"


class _Controller(Table):
    permission = "can_edit_controllers"
    in_answers = {"system_id": str, "zone": {"name": str}}
    identity = ("hostname",)
    can_create = False
    prunable = False

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        power_type, known = values.get("power_type"), power_types.known(release)
        if power_type is not None and power_type not in known:
            yield "power_type", f"{power_type!r} must be one of: {', '.join(known)}"

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why a controller cannot be as desired, seen before anything is sent."""
        power_type = desired.values.get("power_type")
        given = desired.values.get("power_parameters") or {}
        lacking = power_types.lacking(power_type, given)
        if lacking and record is not None:
            lacking = power_types.lacking(power_type, {**self._held(snapshot, record), **given})
        if lacking:
            return f"power_parameters: {', '.join(lacking)} is missing, for {power_type}"
        return super().problem(snapshot, desired, record)

    def _held(self, snapshot, record):
        """The power parameters that a controller has; read once for each state of the object."""
        if snapshot.client is None:
            return {}
        if _HELD not in record.raw:
            path = self.item(snapshot, record.raw)
            found = snapshot.client.get(path, op="power_parameters", expect=(dict, None))
            record.raw[_HELD] = found or {}
        return record.raw[_HELD]

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        new = desired.values.get("power_parameters")
        if new is not None:
            held = self._held(snapshot, record)
            old = {name: held[name] for name in new if name in held}
            if {name: str(one) for name, one in old.items()} != _texts(new):
                found["power_parameters"] = (old or None, new)
        return found

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        rest = {name: one for name, one in values.items() if name != "power_parameters"}
        data, files = super().form(snapshot, rest)
        parameters = _texts(values.get("power_parameters") or {})
        return {
            **data,
            **{f"power_parameters_{name}": parameters[name] for name in parameters},
        }, files

    def secrets(self, values: dict) -> list:
        return [one for one in _texts(values.get("power_parameters") or {}).values() if one]


def _texts(values):
    return {name: "" if one is None else str(one) for name, one in values.items()}


class RegionController(_Controller):
    name = "region_controller"
    numbered = ""
    since = "2.0"
    collection = "regioncontrollers/"
    item_path = "regioncontrollers/{system_id}/"
    pillar = PillarLocation("region_controllers", "Region controllers, by host name.",
                   "hostname", name="HOSTNAME")  # fmt: skip
    fields = (Field("hostname", doc="Host name."), *_FIELDS)
    example = {"hostname": "region", "zone": "north", "description": "in the cellar"}
    can_delete = False

    def pristine(self, snapshot: Snapshot, partition: str) -> list[dict]:
        own = {"hostname": snapshot.hostname, "description": "", "power_type": ""}
        return [{"id": 1, **own, "zone": {"name": "default"}, "domain": {"name": "maas"}}]

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        values = self.values(snapshot, record.raw)
        return values.get("zone") != "default" or bool(values.get("description"))


class Rack(_Controller):
    """MAAS rack controllers.

    A rack controller cannot be created: it enrols itself with the shared secret.
    """

    name = "rack"
    noun = "rack controller"
    numbered = ""
    since = "2.0"
    collection = "rackcontrollers/"
    item_path = "rackcontrollers/{system_id}/"
    can_create = True
    created = "enrolled"
    fields = (
        Field("hostname", doc="Host name."),
        Field(
            "connected", kinds.BOOLEAN, read_only=True,
            doc="True waits until it has registered and its daemon talks to the region.",
            read=lambda raw: any(
                service["name"] == "rackd" and service["status"] == "running"
                for service in raw.get("service_set", ())
            ),
        ),
        Field("force", kinds.BOOLEAN, option="2.5",
              doc="Whether to delete it although VLANs lose their DHCP; 2.5 and later."),
        *_FIELDS,
    )  # fmt: skip
    example = {"hostname": "rack-1", "connected": True, "description": "left row"}
    notes = {
        "absent": "VLANs whose DHCP it serves go over to another rack controller. Where there is "
        "none MAAS refuses, unless forced: then DHCP goes off there.",
    }

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        # One that is not connected would be waited for.
        return bool(self.by_name["connected"].value(record.raw))

    def create(self, run: Run, desired: Desired) -> None:
        self.update(run, desired, self._wait(run, desired, "register"))

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        if self._is_awaited(desired, record):
            record = self._wait(run, desired, "connect")
        super().update(run, desired, record)

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        """Return why force cannot be used."""
        if desired.values.get("force") and snapshot.release < "2.5":
            return f"MAAS {snapshot.release} has no force for deleting a rack; 2.5 and later have"
        return super().deletion_problem(snapshot, desired, record)

    def contents(self, snapshot: Snapshot, raw: dict) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield the DHCP that no other rack could take over, or would while it is off."""
        heirs = [
            record.raw
            for record in snapshot.records(self.name).values()
            if record.raw["system_id"] != raw["system_id"]
            and self.by_name["connected"].value(record.raw)
        ]
        for key, record in snapshot.records("vlan").items():
            vlan = record.raw
            if vlan.get("primary_rack") != raw["system_id"]:
                continue
            if not vlan["dhcp_on"] or not any(vlan["id"] in vlan_ids(one) for one in heirs):
                yield "primary_rack", ("dhcp", key)

    def blocked_by(self, desired: Desired, noun: str, key: str) -> str | None:
        if desired.values.get("force"):
            return None
        return (
            f"it serves the DHCP of {key}, and no other rack that is connected there can take it "
            "over: name another one, end DHCP there (maas_dhcp.absent), or give it up with force "
            "(2.5 and later)"
        )

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        if new is None:
            snapshot.drop("vlan")  # the region hands DHCP over by itself

    def _is_awaited(self, desired, record):
        awaited = desired.values.get("connected")
        return record is None or (awaited and not self.by_name["connected"].value(record.raw))

    def _wait(self, run, desired, what):
        def arrived():
            run.snapshot.reload(self.name, younger_than=run.poll_seconds)
            record = self.match(run.snapshot, desired)
            return None if self._is_awaited(desired, record) else record

        return run.wait_for(f"rack controller {desired.key} to {what}", arrived)
