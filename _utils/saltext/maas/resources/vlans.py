"""VLANs (1.9 and later)."""

from __future__ import annotations

from typing import Any

from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Change, Desired, Predicted, Snapshot
from saltext.maas.resources.nodes import holder, vlan_ids
from saltext.maas.resources.renamed import Renamed, Renaming, renamer
from saltext.maas.resources.table import Field, PillarLocation, Record
from saltext.maas.resources.vlan_names import VID, VLAN_NAME, parts, vlan_key


def _named(name, vid):
    """A VLAN's name; its VID is none."""
    return None if str(name) == str(vid) else name


class Vlan(Renamed):
    name = "vlan"
    noun = "VLAN"
    since = "1.9"
    identity = ("fabric", "vid")
    in_path = ("fabric",)
    name_form = "{fabric}/{vid}"
    name_doc = "``FABRIC/VID``; ``untagged`` stands for VID 0."
    pillar = PillarLocation(
        "vlans", "Its VLANs.", "vid", under="fabric", parent="fabric", name="VID", names=VID
    )
    scope = "fabric"
    example = {"fabric": "dc1", "vid": 100, "name": "storage", "mtu": 9000, "space": "dmz"}
    fields = (
        Field("fabric", ref="fabric", doc="Name of its fabric."),
        Field("vid", kinds.bounded(0, 4094), doc="VLAN id; 0 is the untagged VLAN."),
        Field(
            "name", argument="vlan_name", rules=rules.BLANKS, clearable=(("", "2.3"), ("3.2", "")),
            doc="Name; that of a fabric's oldest VLAN, mostly VLAN 0, is ``untagged``.",
            server_default=lambda values: (None, "untagged") if values.get("vid") else "untagged",
            # Releases from 2.0 to 3.4 show the VID where there is no name.
            read=lambda raw: _named(raw.get("name"), raw.get("vid")),
        ),
        Field("mtu", kinds.bounded(552, 65535), server_default=1500, doc="MTU in bytes."),
        Field("space", ref="space", ref_attr="name", since="2.2",
              read=lambda raw: None if raw.get("space") == "undefined" else raw.get("space"),
              doc="Name of its space."),
        Field("description", since="2.0", write_only=True,
              doc="Free text; create-only, since MAAS never shows it."),
        Field("old_name", VLAN_NAME, hint=True, doc="``FABRIC/VID`` that it has until now; it gets "
              "the new VID, and from 2.3 on moves to the new fabric."),
        Field("id", kinds.INTEGER, hint=True, doc="Its id in MAAS, in place of ``old_name``."),
    )  # fmt: skip

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        found = super().normal(field, value, values)
        return _named(found, values.get("vid")) if field.name == "name" else found

    def parse(self, name: str) -> dict:
        found = super().parse(name)
        return {**found, "vid": VID.clean(found["vid"])}

    def key(self, values: dict) -> str:
        return vlan_key(values["fabric"], values["vid"])

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        return all_vlans(snapshot)

    def create_path(self, snapshot: Snapshot, values: dict) -> str:
        return f"fabrics/{snapshot.resolve('fabric', values['fabric'])['id']}/vlans/"

    # Which one it is

    def former_key(self, snapshot: Snapshot, values: dict) -> str | None:
        fabric, _, vid = str(values.get("old_name") or "").rpartition("/")
        # Its fabric may be renamed itself, and is shown by its new name already.
        old = f"{snapshot.key_to_be('fabric', fabric)}/{vid}"
        return old if old in snapshot.records(self.name) else None

    def renaming(self, snapshot: Snapshot, moved: dict[str, Desired]) -> Renaming:
        there = snapshot.records(self.name)
        return renamer({}, {
            there[old].raw["id"]: (one.values["fabric"], one.values["vid"])
            for old, one in moved.items()
        })  # fmt: skip

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why a VLAN cannot be as desired, seen before anything is sent."""
        wrong = super().problem(snapshot, desired, record)
        if wrong or not record or "fabric" not in self.differences(snapshot, desired, record):
            return wrong
        if snapshot.release < "2.3":
            return f"MAAS {snapshot.release} moves no VLAN to another fabric; 2.3 and later do"
        old = record.raw["fabric"]
        if len(snapshot.group(self.name, "fabric")[old]) == 1 and old in snapshot.claimed("fabric"):
            return (
                f"it is the only VLAN of fabric {old}, which MAAS removes without one, and which "
                "is described itself; leave that one out, or make another VLAN there first"
            )
        return None

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return why its name cannot be set: a fabric's oldest VLAN has none of its own."""
        name = change.desired.values.get("name")
        if change.action == "delete" or change.raw is None or name in (None, "untagged"):
            return None
        if "fabric" not in change.new and change.old.get("name") != "untagged":
            return None
        moves = {id(one.raw): one.desired.values["fabric"] for one in predicted.changes(self.name)}
        fabric = change.desired.values["fabric"]
        here = [
            record.raw for record in snapshot.records(self.name).values()
            if moves.get(id(record.raw), self.by_name["fabric"].value(record.raw)) == fabric
        ]  # fmt: skip
        if _oldest(here) is not change.raw:
            return None
        return (
            f"name {name!r} cannot be set: it is the oldest VLAN of fabric {fabric}, which MAAS "
            "calls 'untagged' whatever its VID; leave the name out"
        )

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        if new and old and new["fabric"] != old["fabric"]:
            # Both fabrics show other VLANs now, and one that has none left is gone.
            snapshot.drop_all(self.store)

    def holder_of(self, key: str) -> tuple[str, str] | None:
        return "fabric", parts(key)[0]

    # Deleting

    def protection(self, snapshot: Snapshot, record: Record) -> str | None:
        fabric = record.raw["fabric"]
        others = snapshot.group(self.name, "fabric").get(fabric, ())
        if _oldest([one.raw for one in others]) is not record.raw:
            return None
        return (
            f"it is the oldest VLAN of fabric {fabric}, which MAAS deletes together with the "
            "fabric only"
        )

    def made_by_maas(self, snapshot: Snapshot, record: Record) -> bool:
        return not record.raw["vid"] and super().made_by_maas(snapshot, record)

    def in_use_by(self, snapshot: Snapshot, record: Record) -> str | None:
        if record.raw.get("dhcp_on"):
            return "DHCP is served there"
        return super().in_use_by(snapshot, record)

    def used_by_node(self, snapshot: Snapshot, record: Record) -> str | None:
        return holder(snapshot, {record.raw["id"]}, vlan_ids)

    def pillar_key(self, values: dict) -> Any:
        return values["vid"] or "untagged"


def _oldest(raws):
    """The VLAN that MAAS made first; what is only predicted has a negative id."""
    return min(raws, key=lambda raw: (raw["id"] < 0, abs(raw["id"])), default=None)


def all_vlans(snapshot: Snapshot) -> list[dict]:
    """Return all VLANs, which the answers about fabrics hold."""
    return [vlan for fabric in snapshot.raw("fabric") for vlan in fabric["vlans"]]
