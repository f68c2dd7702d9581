"""Fabrics, spaces and VLANs (1.9 and later) and their DHCP (API 2.0)."""

from __future__ import annotations

from saltext.maas.client.errors import NotDone
from saltext.maas.client.session import segment
from saltext.maas.resources import kinds
from saltext.maas.resources.field import Field
from saltext.maas.resources.nodes import holder, nic_vlans
from saltext.maas.resources.place import Place
from saltext.maas.resources.table import Table
from saltext.maas.resources.vlan_names import VID, VLAN_NAME, read_vlan


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
        return _vlans(snapshot)

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


class Dhcp(Table):
    """DHCP of a VLAN: the same objects as :class:`Vlan`, but written after ranges and racks."""

    name = "dhcp"
    noun = "DHCP"
    since = "2.0"
    store = "vlan"
    identity = ("vlan",)
    pillar = Place(
        "dhcp", "DHCP on the VLAN: served by racks, or relayed to another VLAN.",
        under="vlan", parent="vlan", single=True,
    )  # fmt: skip
    scope = "fabric"
    example = {"vlan": "dc1/100", "enabled": False}
    fields = (
        Field("vlan", VLAN_NAME, ref="vlan", read=read_vlan, doc="VLAN that is served."),
        Field(
            "enabled", kinds.BOOLEAN, api="dhcp_on", usual=False,
            doc="Whether MAAS serves DHCP there.",
        ),
        Field(
            "primary_rack", ref="rack", ref_attr="system_id", read_attr="system_id",
            doc="Host name of the rack."
        ),
        Field(
            "secondary_rack", ref="rack", ref_attr="system_id", read_attr="system_id",
            doc="Host name of the stand-by."
        ),
        Field(
            "relay_vlan", VLAN_NAME, ref="vlan", since="2.2",
            read=lambda raw: read_vlan(raw.get("relay_vlan")),
            doc="VLAN whose DHCP is relayed here.",
        ),
    )  # fmt: skip

    def from_pillar(self, values):
        return {"enabled": False, **values} if values.get("relay_vlan") else values

    def read(self, snapshot, partition):
        return _vlans(snapshot)

    def form(self, snapshot, values):
        data, files = super().form(snapshot, {k: v for k, v in values.items() if k != "vlan"})
        return data, files

    def hazard(self, snapshot, record):
        return "DHCP is served there" if record.raw["dhcp_on"] else None

    def exports(self, snapshot, record):
        return self._served(record.raw)

    def scope_of(self, snapshot, record):
        return record.raw["fabric"]

    def _served(self, raw):
        return any(field.value(raw) for field in self.fields if field.name != "vlan")

    def match(self, snapshot, wanted):
        record = super().match(snapshot, wanted)
        if wanted.absent and record is not None and not self._served(record.raw):
            return None  # a VLAN without DHCP
        return record

    def promise_removal(self, snapshot, raw):
        none = {field.name: None for field in self.fields if field.name != "vlan"}
        return self.promised(snapshot, raw, {**none, "enabled": False})

    def delete(self, run, wanted, record):
        # MAAS deletes no rack that a VLAN names, even while DHCP is off.
        data = {"dhcp_on": False, "primary_rack": "", "secondary_rack": ""}
        if record.raw.get("relay_vlan"):
            data["relay_vlan"] = ""
        raw = run.client.put(self.item(run.snapshot, record.raw), data=data)
        self.keep(run, wanted, raw, replaces=record.raw)
        if self._served(raw):
            raise NotDone("the region answered with success, but a rack still serves it")

    def create(self, run, wanted):
        # The VLAN came into being earlier in this run.
        run.snapshot.resolve("vlan", wanted.key)
        self.update(run, wanted, self.match(run.snapshot, wanted))

    def update(self, run, wanted, record):
        changed = self.differences(run.snapshot, wanted, record)
        if not changed:
            return
        values = {name: new for name, (_, new) in changed.items()}
        if wanted.values.get("enabled"):
            # MAAS checks the racks together with the switch, so they go in one request.
            values = {name: wanted.values[name] for name in wanted.values if name != "vlan"}
        for name in ("primary_rack", "secondary_rack"):
            if values.get(name):
                self._bring_to_vlan(run, values[name], record.raw)
        data, _ = self.form(run.snapshot, values)
        raw = run.client.put(self.item(run.snapshot, record.raw), data=data)
        self.keep(run, wanted, raw, replaces=record.raw)

    @staticmethod
    def _bring_to_vlan(run, rack, vlan):
        """Put the interface with which a rack serves a VLAN onto that VLAN.

        A rack that registered before its subnet was described sits on a VLAN
        that MAAS made for it, and stays there when the subnet moves.
        """
        raw = run.snapshot.resolve("rack", rack)
        interfaces = raw.get("interface_set", ())
        if any((one.get("vlan") or {}).get("id") == vlan["id"] for one in interfaces):
            return
        here = run.snapshot.group("subnet", "vlan").get(read_vlan(vlan), ())
        subnets = {record.raw["id"] for record in here}
        for one in interfaces:
            if any((link.get("subnet") or {}).get("id") in subnets for link in one["links"]):
                path = f"nodes/{segment(raw['system_id'])}/interfaces/{one['id']}/"
                run.client.put(path, data={"vlan": vlan["id"]})
                return

    def needs(self, wanted, everything):
        found = super().needs(wanted, everything)
        subnets = everything.by("subnet", "vlan").get(wanted.key, ())
        found |= {("subnet", subnet.key) for subnet in subnets}
        ranges = everything.by("ip_range", "subnet")
        found |= {("ip_range", one.key) for subnet in subnets for one in ranges.get(subnet.key, ())}
        return found


def _vlans(snapshot):
    # The fabrics' answer holds every VLAN, so that no fabric is asked for its own.
    return [vlan for fabric in snapshot.raw("fabric") for vlan in fabric["vlans"]]
