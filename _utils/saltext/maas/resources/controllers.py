"""Region and rack controllers (API 2.0): they enrol themselves, and are described here."""

from __future__ import annotations

from collections.abc import Iterator

from saltext.maas.resources import kinds, power_field, rules
from saltext.maas.resources.engine_types import Desired, Run, Snapshot
from saltext.maas.resources.nodes import vlan_ids
from saltext.maas.resources.power_field import WithPower
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record

_FIELDS = (
    Field("description", since="2.6", doc="Free text."),
    Field("zone", ref="zone", ref_attr="name", server_default="default", clearable=rules.NEVER,
          read=lambda raw: raw["zone"]["name"], doc="Name of its zone."),
    Field("domain", ref="domain", ref_attr="name", since="2.2", server_default=UNKNOWN,
          clearable=rules.NEVER, read=lambda raw: (raw.get("domain") or {}).get("name"),
          doc="Name of its DNS domain."),
    *power_field.FIELDS,
)  # fmt: skip


#: NODE_TYPE of a region controller that is a rack controller as well.
_BOTH = 4


class _Controller(WithPower):
    permission = "can_edit_controllers"
    can_create = False
    prunable = False


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
    notes = {
        "absent": "For a region host that is lost for good. MAAS refuses while it runs, and up to "
        "90 seconds after it was lost. Remove its rack controller first, if it is one as well.",
    }

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        """Return that a controller is a rack as well, of which MAAS would delete that part."""
        if record.raw.get("node_type") == _BOTH:
            return f"it is a rack controller as well: first use maas_rack.absent for {record.key}"
        return super().deletion_problem(snapshot, desired, record)

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
            snapshot.drop("region_controller")  # which one that was a rack as well remains

    def _is_awaited(self, desired, record):
        awaited = desired.values.get("connected")
        return record is None or (awaited and not self.by_name["connected"].value(record.raw))

    def _wait(self, run, desired, what):
        def arrived():
            run.snapshot.reload(self.name, younger_than=run.poll_seconds)
            record = self.match(run.snapshot, desired)
            return None if self._is_awaited(desired, record) else record

        return run.wait_for(f"rack controller {desired.key} to {what}", arrived)
