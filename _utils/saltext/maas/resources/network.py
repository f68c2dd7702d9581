"""Fabrics and spaces (1.9 and later)."""

from __future__ import annotations

from saltext.maas.errors import BadInput
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.field import Field
from saltext.maas.resources.location import PillarLocation
from saltext.maas.resources.nodes import holder, leaving, nic_vlans, stays
from saltext.maas.resources.renamed import is_known, renamer, unknown_id
from saltext.maas.resources.table import Table
from saltext.maas.resources.vlan_names import read_vlan


class Fabric(Table):
    name = "fabric"
    noun = "fabric"
    since = "1.9"
    collection = "fabrics/"
    identity = ("name",)
    duplicates = "raced"  # in 1.9; later the database refuses it
    nested = {"vlans": "vlan"}
    pillar = PillarLocation("fabrics", "Fabrics.", "name")
    example = {"name": "dc1", "class_type": "10g"}
    changed = {"class_type": "40g"}
    reserved = r"fabric-\d+"
    fields = (
        Field("name", rules=rules.WORD, doc="Name, unique in the region."),
        Field(
            "class_type", rules=rules.BLANKS, clearable=rules.up_to("2.3"),
            doc="Free text for its class, such as 10g.",
        ),
        Field(
            "description",
            since="2.0",
            write_only=True,
            doc="Free text; create-only, since MAAS never shows it.",
        ),
        Field(
            "old_name", hint=True,
            doc="Name that it has until now; it is renamed.",
        ),
        Field("id", kinds.INTEGER, hint=True, doc="Its id in MAAS, in place of ``old_name``."),
        Field(
            "with_subnet", kinds.NETWORK, hint=True,
            doc="A subnet on it, by which a fabric that MAAS made itself is found and renamed.",
        ),
    )  # fmt: skip

    def identify(self, snapshot, desired):
        described = {one.key: one for one in desired}
        renamed = {}
        for one in desired:
            if is_known(self, snapshot, one):
                continue
            old = self._hinted(snapshot, one.values)
            if old is None:
                continue
            other = described.get(old) or renamed.get(old)
            if other is not None:
                raise BadInput(f"{one.where}: fabric {old!r} is that of {other.where} already")
            renamed[old] = one
            snapshot.alias(self.name, one.key, old)
        if renamed:
            snapshot.patch(renamer({old: one.key for old, one in renamed.items()}, {}))

    def _hinted(self, snapshot, values):
        there = snapshot.records(self.name)
        if values.get("id") is not None:
            return next((key for key, one in there.items() if one.raw["id"] == values["id"]), None)
        if values.get("old_name") in there:
            return values["old_name"]
        subnet = snapshot.find("subnet", values["with_subnet"]) if "with_subnet" in values else None
        return subnet.raw["vlan"]["fabric"] if subnet else None

    def match(self, snapshot, desired):
        records = snapshot.records(self.name)
        return records.get(desired.key) or records.get(snapshot.alias_of(self.name, desired.key))

    def problem(self, snapshot, desired, record):
        """Return why a fabric cannot be as desired, seen before anything is sent."""
        return unknown_id(self, desired, record) or super().problem(snapshot, desired, record)

    def conflict(self, snapshot, change, predicted):
        """Return the node that keeps MAAS from deleting a fabric."""
        if change.action != "delete":
            return None
        moved = {one.raw["id"] for one in predicted.changes("vlan")
                 if one.raw and one.desired.values["fabric"] != change.desired.key}  # fmt: skip
        here = {vlan["id"] for vlan in change.raw["vlans"]} - moved
        for record in snapshot.records("node").values():
            nics = record.raw.get("interface_set") or ()
            if any(here & set(nic_vlans(nic)) for nic in nics) and stays(record, predicted):
                return (
                    f"{record.key} has an interface there, and MAAS deletes no fabric that nodes "
                    "are connected to"
                )
        return None

    def requires_changes(self, snapshot, change, others):
        return leaving(others) if change.action == "delete" else ()

    def protected_by(self, snapshot, record):
        return "it is the default fabric" if record.raw["id"] == 0 else None

    def contents(self, snapshot, raw):
        subnets = snapshot.group("subnet", "vlan")
        for vlan in raw["vlans"]:
            for record in subnets.get(read_vlan(vlan), ()):
                yield "vlan", ("subnet", record.key)

    def in_use_by(self, snapshot, record):
        for vlan in record.raw["vlans"]:
            if vlan.get("dhcp_on"):
                return f"DHCP is served on its VLAN {vlan['vid']}"
        return holder(snapshot, {vlan["id"] for vlan in record.raw["vlans"]}, nic_vlans)

    def predict_creation(self, snapshot, values):
        vlan = {"id": snapshot.number(), "fabric": values["name"], "vid": 0, "name": "untagged",
                "mtu": 1500, "dhcp_on": False}  # fmt: skip
        new = {**super().predict_creation(snapshot, values), "vlans": [vlan]}
        return self.predict_update(snapshot, new, {})


class Space(Table):
    name = "space"
    noun = "space"
    since = "1.9"
    collection = "spaces/"
    identity = ("name",)
    duplicates = "raced"  # in 1.9; later the database refuses it
    pillar = PillarLocation("spaces", "Spaces.", "name")
    example = {"name": "dmz"}
    reserved = r"space-\d+|undefined"
    fields = (
        Field("name", rules=rules.WORD, doc="Name, unique in the region."),
        Field("description", since="2.0", write_only=True, doc="Free text; create-only."),
    )

    def read(self, snapshot, partition):
        # "undefined" stands for no space at all, and cannot be changed.
        return [one for one in super().read(snapshot, partition) if one["name"] != "undefined"]

    def contents(self, snapshot, raw):
        if snapshot.release < "2.2":  # MAAS ends in an error of the database
            for record in snapshot.group("subnet", "space").get(raw["name"], ()):
                yield "space", ("subnet", record.key)

    def protected_by(self, snapshot, record):
        # Up to 2.1 subnets lie in spaces themselves, and in this one where nobody says.
        old = snapshot.release < "2.2"
        return "it is the default space" if old and record.raw["id"] == 0 else None
