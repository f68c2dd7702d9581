"""Fabrics, spaces and VLANs (1.9 and later)."""

from __future__ import annotations

from saltext.maas.resources import kinds
from saltext.maas.resources.field import Field
from saltext.maas.resources.nodes import holder, nic_vlans
from saltext.maas.resources.place import Place
from saltext.maas.resources.table import Table
from saltext.maas.resources.vlan_names import VID, VLAN_NAME


class Fabric(Table):
    name = "fabric"
    noun = "fabric"
    since = "1.9"
    collection = "fabrics/"
    identity = ("name",)
    copies = "raced"  # in 1.9; later the database refuses it
    nested = {"vlans": "vlan"}
    pillar = Place("fabrics", "Fabrics. From 1.9 on.", "name")
    example = {"name": "dc1", "class_type": "10g"}
    changed = {"class_type": "40g"}
    fields = (
        Field("name", doc="Name, unique in the region."),
        Field("class_type", doc="Free word for its class, such as 10g."),
        Field(
            "description",
            since="2.0",
            readable=False,
            doc="Sent at creation only: MAAS never shows it.",
        ),
    )

    def keeps(self, snapshot, record):
        return "it is the default fabric" if record.raw["id"] == 0 else None

    def contents(self, snapshot, raw):
        subnets = snapshot.group("subnet", "vlan")
        for vlan in raw["vlans"]:
            for record in subnets.get(f"{raw['name']}/{vlan['vid']}", ()):
                yield "vlan", ("subnet", record.key)

    def hazard(self, snapshot, record):
        for vlan in record.raw["vlans"]:
            if vlan.get("dhcp_on"):
                return f"DHCP is served on its VLAN {vlan['vid']}"
        return holder(snapshot, {vlan["id"] for vlan in record.raw["vlans"]}, nic_vlans)

    def promise(self, snapshot, values):
        vlan = {"id": snapshot.number(), "fabric": values["name"], "vid": 0, "name": "untagged",
                "mtu": 1500, "dhcp_on": False}  # fmt: skip
        return self.promised(snapshot, {**super().promise(snapshot, values), "vlans": [vlan]}, {})


class Space(Table):
    name = "space"
    noun = "space"
    since = "1.9"
    collection = "spaces/"
    identity = ("name",)
    copies = "raced"  # in 1.9; later the database refuses it
    pillar = Place("spaces", "Spaces. From 1.9 on.", "name")
    example = {"name": "dmz"}
    fields = (
        Field("name", doc="Name, unique in the region."),
        Field("description", since="2.0", readable=False, doc="Sent at creation only."),
    )

    def read(self, snapshot, partition):
        # "undefined" stands for no space at all, and cannot be changed.
        return [one for one in super().read(snapshot, partition) if one["name"] != "undefined"]

    def keeps(self, snapshot, record):
        # Up to 2.1 subnets lie in spaces themselves, and in this one where nobody says.
        old = snapshot.release < "2.2"
        return "it is the default space" if old and record.raw["id"] == 0 else None


class Vlan(Table):
    name = "vlan"
    noun = "VLAN"
    since = "1.9"
    identity = ("fabric", "vid")
    pillar = Place(
        "vlans", "Its VLANs.", "vid", under="fabric", parent="fabric", name="VID", names=VID
    )
    scope = "fabric"
    example = {"fabric": "dc1", "vid": 100, "name": "storage", "mtu": 9000, "space": "dmz"}
    changed = {"mtu": 1500}
    fields = (
        Field("fabric", ref="fabric", doc="Name of its fabric."),
        Field("vid", kinds.bounded(0, 4094), doc="VLAN id; 0 is the untagged VLAN."),
        Field(
            "name", doc="Name; that of VLAN 0 is always 'untagged'.",
            usual=lambda values: None if values.get("vid") else "untagged",
        ),
        Field("mtu", kinds.bounded(552, 65535), usual=1500, doc="MTU in bytes."),
        Field(
            "space", ref="space", ref_attr="name", since="2.2", doc="Name of its space.",
            read=lambda raw: None if raw.get("space") == "undefined" else raw.get("space"),
        ),
        Field(
            "description", since="2.0", readable=False,
            doc="Sent at creation only: MAAS never shows it.",
        ),
    )  # fmt: skip

    def parse(self, name):
        fabric, _, vid = VLAN_NAME.clean(name).rpartition("/")
        return {"fabric": fabric, "vid": int(vid)}

    def read(self, snapshot, partition):
        return all_vlans(snapshot)

    def create_path(self, snapshot, values):
        return f"fabrics/{snapshot.resolve('fabric', values['fabric'])['id']}/vlans/"

    def form(self, snapshot, values):
        data, files = super().form(snapshot, {k: v for k, v in values.items() if k != "fabric"})
        return data, files

    def keeps(self, snapshot, record):
        return None if record.raw["vid"] else "it is the untagged VLAN of its fabric"

    def hazard(self, snapshot, record):
        if record.raw.get("dhcp_on"):
            return "DHCP is served there"
        return holder(snapshot, {record.raw["id"]}, nic_vlans)

    def pillar_key(self, values):
        return values["vid"] or "untagged"


def all_vlans(snapshot):
    """Return all VLANs; the fabrics' answer holds them, so that none is asked for its own."""
    return [vlan for fabric in snapshot.raw("fabric") for vlan in fabric["vlans"]]
