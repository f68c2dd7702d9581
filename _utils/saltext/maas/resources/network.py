"""Fabrics and spaces (1.9 and later)."""

from __future__ import annotations

from collections.abc import Iterator

from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Change, Desired, Predicted, Snapshot
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.nodes import connected, holder, stays, vlan_ids
from saltext.maas.resources.renamed import Renamed, Renaming, renamer
from saltext.maas.resources.table import Field, PillarLocation, Record, Table
from saltext.maas.resources.vlan_names import IN_ANSWERS, read_vlan, vlan_key


class Fabric(Renamed):
    name = "fabric"
    since = "1.9"
    collection = "fabrics/"
    duplicates = "raced"  # in 1.9; later the database refuses it
    outlives = ("rack",)
    nested = {"vlans": "vlan"}
    in_answers = {"vlans": [IN_ANSWERS]}
    pillar = PillarLocation("fabrics", "Fabrics.", "name")
    example = {"name": "dc1", "class_type": "10g"}
    reserved = r"fabric-\d+"
    fields = (
        Field("name", rules=rules.WORD, doc="Name, unique in the region."),
        Field("class_type", rules=rules.BLANKS, clearable=rules.up_to("2.3"),
              doc="Free text for its class, such as 10g."),
        Field("description", since="2.0", write_only=True,
              doc="Free text; create-only, since MAAS never shows it."),
        Field("old_name", hint=True, doc="Name that it has until now; it is renamed."),
        Field("id", kinds.INTEGER, hint=True, doc="Its id in MAAS, in place of ``old_name``."),
        Field("with_subnet", kinds.NETWORK, hint=True,
              doc="A subnet on it, by which a fabric that MAAS made itself is found and renamed."),
    )  # fmt: skip

    def former_key(self, snapshot: Snapshot, values: dict) -> str | None:
        if values.get("old_name") in snapshot.records(self.name):
            return values["old_name"]
        subnet = snapshot.find("subnet", values["with_subnet"]) if "with_subnet" in values else None
        return subnet.raw["vlan"]["fabric"] if subnet else None

    def renaming(self, snapshot: Snapshot, moved: dict[str, Desired]) -> Renaming:
        return renamer({old: one.key for old, one in moved.items()}, {})

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return the node because of which MAAS does not delete a fabric."""
        if change.action != "delete":
            return None
        moved = {one.raw["id"] for one in predicted.changes("vlan")
                 if one.raw and one.desired.values["fabric"] != change.desired.key}  # fmt: skip
        here = {vlan["id"] for vlan in change.raw["vlans"]} - moved
        for record in connected(snapshot, here, vlan_ids):
            if stays(record, predicted):
                return (
                    f"{record.key} has an interface there, and MAAS deletes no fabric that nodes "
                    "are connected to"
                )
        return None

    def protection(self, snapshot: Snapshot, record: Record) -> str | None:
        return "it is the default fabric" if record.raw["id"] == 0 else None

    def contents(self, snapshot: Snapshot, raw: dict) -> Iterator[tuple[str, tuple[str, str]]]:
        subnets = snapshot.group("subnet", "vlan")
        for vlan in raw["vlans"]:
            for record in subnets.get(read_vlan(vlan), ()):
                yield "vlan", ("subnet", record.key)

    def in_use_by(self, snapshot: Snapshot, record: Record) -> str | None:
        for vlan in record.raw["vlans"]:
            if vlan.get("dhcp_on"):
                return f"DHCP is served on its VLAN {vlan['vid']}"
        return super().in_use_by(snapshot, record)

    def used_by_node(self, snapshot: Snapshot, record: Record) -> str | None:
        return holder(snapshot, {vlan["id"] for vlan in record.raw["vlans"]}, vlan_ids)

    def brings(self, key: str) -> dict[tuple[str, str], dict]:
        return {("vlan", vlan_key(key, 0)): {"fabric": key, "vid": 0, "name": "untagged"}}

    def predict_creation(self, snapshot: Snapshot, values: dict) -> PredictedObject:
        vlans = [
            {**vlan, "id": snapshot.number(), "mtu": 1500, "dhcp_on": False}
            for vlan in self.brings(values["name"]).values()
        ]
        new = {**super().predict_creation(snapshot, values), "vlans": vlans}
        return self.predict_update(snapshot, new, {})


class Space(Table):
    name = "space"
    since = "1.9"
    collection = "spaces/"
    duplicates = "raced"  # in 1.9; later the database refuses it
    pillar = PillarLocation("spaces", "Spaces.", "name")
    example = {"name": "dmz"}
    reserved = r"space-\d+|undefined"
    fields = (
        Field("name", rules=rules.WORD, doc="Name, unique in the region."),
        Field("description", since="2.0", write_only=True, doc="Free text; create-only."),
    )

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        # "undefined" stands for no space at all, and cannot be changed.
        return [one for one in super().read(snapshot, partition) if one["name"] != "undefined"]

    def contents(self, snapshot: Snapshot, raw: dict) -> Iterator[tuple[str, tuple[str, str]]]:
        if snapshot.release < "2.2":  # MAAS ends in an error of the database
            for record in snapshot.group("subnet", "space").get(raw["name"], ()):
                yield "space", ("subnet", record.key)

    def protection(self, snapshot: Snapshot, record: Record) -> str | None:
        # Up to 2.1 subnets lie in spaces themselves, and in this one by default.
        old = snapshot.release < "2.2"
        return "it is the default space" if old and record.raw["id"] == 0 else None
