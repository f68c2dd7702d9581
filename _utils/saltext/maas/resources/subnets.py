"""Subnets (1.9 and later) and IP ranges (API 2.0)."""

from __future__ import annotations

import ipaddress

from saltext.maas.resources import kinds
from saltext.maas.resources.field import UNKNOWN, Field
from saltext.maas.resources.node_group import NodeGroupInterface
from saltext.maas.resources.nodes import holder, nic_subnets
from saltext.maas.resources.place import Place
from saltext.maas.resources.table import Table
from saltext.maas.resources.vlan_names import VLAN_NAME, read_vlan, shown_vlan


class Subnet(Table):
    name = "subnet"
    noun = "subnet"
    since = "1.9"
    collection = "subnets/"
    identity = ("cidr",)
    pillar = Place("subnets", "Subnets. From 1.9 on.", "cidr", name="CIDR")
    scope = "vlan"
    example = {
        "cidr": "10.10.0.0/24",
        "vlan": "dc1/100",
        "gateway_ip": "10.10.0.1",
        "dns_servers": ["10.10.0.2"],
    }
    changed = {"gateway_ip": "10.10.0.254"}
    fields = (
        Field("cidr", kinds.NETWORK, doc="Its network."),
        Field(
            "name", usual=lambda values: values.get("cidr"),
            doc="Name; MAAS takes the network where none is given.",
        ),
        Field(
            "vlan", VLAN_NAME, ref="vlan", read=lambda raw: read_vlan(raw["vlan"]),
            usual=UNKNOWN,
            doc="VLAN it lies on; the default fabric's untagged one where none is given.",
        ),
        Field(
            "space", ref="space", until="2.1", usual=UNKNOWN,
            read=lambda raw: None if raw.get("space") == "undefined" else raw.get("space"),
            doc="Name of its space; from 2.2 on its VLAN's says so.",
        ),
        Field("gateway_ip", kinds.ADDRESS, doc="Default gateway."),
        Field("dns_servers", kinds.ADDRESSES, doc="DNS servers, in order."),
        Field(
            "rdns_mode", kinds.choice(disabled=0, enabled=1, rfc2317=2), since="2.0",
            usual="rfc2317",
            doc="Reverse DNS: disabled, enabled or rfc2317.",
        ),
        Field(
            "allow_proxy", kinds.BOOLEAN, since="2.0", usual=True,
            doc="Machines may use the region's proxy.",
        ),
        Field(
            "allow_dns", kinds.BOOLEAN, since="2.5", usual=True,
            doc="Machines may use MAAS's DNS.",
        ),
        Field(
            "active_discovery", kinds.BOOLEAN, since="2.1", usual=False,
            doc="Racks scan it for neighbours.",
        ),
        Field(
            "managed", kinds.BOOLEAN, since="2.2", usual=True,
            doc="MAAS hands out its addresses.",
        ),
        Field("description", since="2.5", doc="Free text; MAAS takes it before, and hides it."),
        Field(
            "disabled_boot_architectures", kinds.NAMES, since="3.0",
            doc="Boot architectures that DHCP does not serve here.",
        ),
        Field(
            "force", kinds.BOOLEAN, writable=False, readable=False,
            doc="Delete it although nodes have addresses in it.",
        ),
    )  # fmt: skip

    def after_creation(self, snapshot, raw):
        if read_vlan(raw["vlan"]) not in snapshot.records("vlan"):
            # A region's first subnet may bring the default fabric along.
            snapshot.drop_all("vlan")

    def extents(self, snapshot, values):
        if snapshot.release >= "3.7":  # before, only the very same one is refused
            net = ipaddress.ip_network(values["cidr"])
            yield f"IPv{net.version}", int(net.network_address), int(net.broadcast_address)

    def conflict(self, snapshot, change, predicted):
        """Return what keeps MAAS from deleting a subnet."""
        if change.action != "delete":
            return None
        if snapshot.release < "2.0":
            return self._cluster_conflict(change.wanted.key, predicted)
        forced = bool(change.wanted.values.get("force"))
        return self._dhcp_conflict(snapshot, change, predicted) or (
            None
            if forced or snapshot.release < "3.7"
            else self._node_conflict(snapshot, change.raw)
        )

    @staticmethod
    def _cluster_conflict(cidr, predicted):
        # MAAS ends in an error of the database.
        for values in predicted.of("node_group_interface").values():
            if NodeGroupInterface.cidr(values) == cidr:
                return (
                    f"interface {values['name']} of cluster {values['cluster']} is on it; remove "
                    "that interface first (maas_node_group_interface.absent)"
                )
        return None

    def _dhcp_conflict(self, snapshot, change, predicted):
        vlan = self.value(snapshot, self.by_name["vlan"], change.raw)
        if not predicted.of("dhcp").get(vlan, {}).get("enabled"):
            return None
        for key, values in predicted.of("ip_range").items():
            if values["subnet"] == change.wanted.key and values["type"] == "dynamic":
                return (
                    f"DHCP is served on its VLAN {shown_vlan(vlan)} from its dynamic range {key}; "
                    "remove that range (maas_ip_range.absent) or end DHCP there "
                    "(maas_dhcp.absent) first"
                )
        return None

    @staticmethod
    def _node_conflict(snapshot, raw):
        for record in snapshot.records("node").values():
            for nic in record.raw.get("interface_set") or ():
                for link in nic.get("links") or ():
                    here = (link.get("subnet") or {}).get("id") == raw["id"]
                    if here and link.get("ip_address") and link.get("mode") != "dhcp":
                        return (
                            f"{record.key} has the address {link['ip_address']} in it; delete it "
                            "all the same with force: true (maas_subnet.absent)"
                        )
        return None

    def delete(self, run, wanted, record):
        forced = wanted.values.get("force") and run.snapshot.release >= "3.7"
        path, options = self.item(run.snapshot, record.raw), {"force": "true"} if forced else {}
        self.gone(run, wanted, record, run.client.delete(path, **options))

    def hazard(self, snapshot, record):
        if (record.raw["vlan"] or {}).get("dhcp_on"):
            return "DHCP is served on its VLAN"
        return holder(snapshot, {record.raw["id"]}, nic_subnets)


class IpRange(Table):
    name = "ip_range"
    noun = "IP range"
    since = "2.0"
    collection = "ipranges/"
    identity = ("start_ip", "end_ip")
    copies = "raced"
    pillar = Place(
        "ranges", "Its IP ranges.", under="subnet", parent="subnet",
        needed=("type", "start_ip", "end_ip"), spelled={"start_ip": "start", "end_ip": "end"},
    )  # fmt: skip
    scope = "subnet"
    example = {
        "start_ip": "10.10.0.50",
        "end_ip": "10.10.0.60",
        "subnet": "10.10.0.0/24",
        "type": "reserved",
        "comment": "printers",
    }
    changed = {"comment": "scanners"}
    fields = (
        Field("start_ip", kinds.ADDRESS, doc="First address."),
        Field("end_ip", kinds.ADDRESS, doc="Last address."),
        Field(
            "subnet", kinds.NETWORK, ref="subnet", doc="Subnet it lies in.",
            read=lambda raw: raw["subnet"]["cidr"],
        ),
        Field("type", kinds.choice("dynamic", "reserved"), doc="dynamic or reserved."),
        Field("comment", doc="Free text."),
    )  # fmt: skip

    def parse(self, name):
        start, dash, end = str(name).partition("-")
        if not dash:
            raise ValueError("must be START-END, such as 10.0.0.10-10.0.0.20")
        return {"start_ip": start.strip(), "end_ip": end.strip()}

    def key(self, values):
        return f"{values['start_ip']}-{values['end_ip']}"

    def match(self, snapshot, wanted):
        """Take the range with these ends, else the one of its type that overlaps and no
        other wish stands for: a range that is moved or resized is changed in place."""
        records = snapshot.records(self.name)
        if wanted.key in records or not {"subnet", "type"} <= wanted.values.keys():
            return records.get(wanted.key)
        first, last = _ends(wanted.values["start_ip"], wanted.values["end_ip"])
        found = []
        for record in snapshot.group(self.name, "subnet").get(wanted.values["subnet"], ()):
            if record.key in snapshot.claimed(self.name):
                continue
            if record.raw["type"] != wanted.values["type"]:
                continue
            start, end = _ends(record.raw["start_ip"], record.raw["end_ip"])
            if start <= last and first <= end:
                found.append(record)
        return found[0] if len(found) == 1 else None

    def extents(self, snapshot, values):
        if values.get("subnet"):
            low, high = _ends(values["start_ip"], values["end_ip"])
            yield values["subnet"], int(low), int(high)

    def hazard(self, snapshot, record):
        subnet = snapshot.find("subnet", record.raw["subnet"]["cidr"])
        served = subnet is not None and (subnet.raw["vlan"] or {}).get("dhcp_on")
        if record.raw["type"] == "dynamic" and served:
            return "DHCP hands out its addresses"
        return None


def _ends(start, end):
    return ipaddress.ip_address(start), ipaddress.ip_address(end)
