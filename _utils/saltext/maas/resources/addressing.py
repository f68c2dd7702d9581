"""Static routes, reserved addresses, DHCP snippets; the networks of 1.x."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from saltext.maas.errors import Invalid
from saltext.maas.release import Release
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Change, Desired, Predicted, Ranges, Run, Snapshot
from saltext.maas.resources.subnets import handed_out
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

_MAC = " MAC"  # ends the group of occupied ranges for the MAC addresses of a subnet's reserved IPs


class StaticRoute(Table):
    name = "static_route"
    since = "2.1"
    collection = "static-routes/"
    in_answers = {"source": {"cidr": str}, "destination": {"cidr": str}}
    identity = ("source", "destination", "gateway_ip")
    pillar = PillarLocation(
        "static_routes", "Static routes.",
        needed=("source", "destination", "gateway_ip"),
    )  # fmt: skip
    scope = "source"
    key_form = "{source} to {destination} via {gateway_ip}"
    name_form = "{destination} via {gateway_ip}"
    name_doc = "Where it leads, as ``DESTINATION via GATEWAY``."
    fields = (
        Field("source", kinds.NETWORK, ref="subnet", read=lambda raw: raw["source"]["cidr"],
              doc="Subnet whose machines get the route."),
        Field("destination", kinds.NETWORK, ref="subnet",
              read=lambda raw: raw["destination"]["cidr"], doc="Subnet that it leads to."),
        Field("gateway_ip", kinds.ADDRESS, doc="Gateway, an address within the source."),
        Field("metric", kinds.bounded(0, 2**31 - 1), server_default=0, doc="Metric."),
    )  # fmt: skip
    example = {
        "source": "10.10.0.0/24", "destination": "10.20.0.0/24", "gateway_ip": "10.10.0.1",
        "metric": 100,
    }  # fmt: skip


class ReservedIp(Table):
    """Reserved IPs, which DHCP gives to one machine each."""

    name = "reserved_ip"
    noun = "reserved IP"
    since = "3.6"
    collection = "reservedips/"
    in_answers = {"subnet": {"cidr": str}}
    identity = ("ip",)
    after = ("ip_range",)  # which may have held it
    pillar = PillarLocation(
        "reserved_ips", "Addresses that DHCP gives to one machine only.", "ip",
        under="subnet", parent="subnet", needed=("mac_address",), name="IP",
    )  # fmt: skip
    scope = "subnet"
    fields = (
        Field("ip", kinds.ADDRESS, doc="The address."),
        Field("mac_address", kinds.MAC, doc="MAC address of its machine, once in a subnet."),
        Field("subnet", kinds.NETWORK, ref="subnet", create_only=True,
              read=lambda raw: raw["subnet"]["cidr"], doc="Subnet it lies in."),
        Field("comment", rules=(rules.longest(255),), doc="Free text."),
    )  # fmt: skip
    example = {
        "ip": "10.10.0.77", "mac_address": "52:54:00:00:00:77", "subnet": "10.10.0.0/24",
        "comment": "printer",
    }  # fmt: skip
    competitors = ("ip_range", "reserved_ip")

    def competes(self, groups: set) -> bool:
        return any(group.endswith((handed_out(""), _MAC)) for group in groups)

    def occupied_ranges(self, snapshot: Snapshot, values: dict, predicted: Predicted) -> Ranges:
        if not values.get("subnet"):
            return
        number = int(ipaddress.ip_address(values["ip"]))
        yield handed_out(values["subnet"]), number, number
        if values.get("mac_address"):
            mac = int(values["mac_address"].replace(":", ""), 16)
            yield values["subnet"] + _MAC, mac, mac

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which other reserved IP of the subnet has the MAC address."""
        values = predicted.of(self.name).get(change.desired.key)
        if change.action == "delete" or not values or not values.get("subnet"):
            return None
        same = predicted.by(self.name, "mac_address").get(values.get("mac_address"), {})
        for key, other in same.items():
            if key != change.desired.key and other.get("subnet") == values["subnet"]:
                return (
                    f"mac_address {values['mac_address']} has the reserved IP {key} in "
                    f"{values['subnet']} already; MAAS has one for each MAC address"
                )
        return None

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        """Write what differs; MAAS gives an address to another machine only as a new one."""
        if "mac_address" not in self.differences(run.snapshot, desired, record):
            super().update(run, desired, record)
            return
        record = self.fresh(run, desired, record) or record
        values = {**self.values(run.snapshot, record.raw), **desired.values}
        self.delete(run, desired, record)
        self.create(run, replace(desired, values=values))


class IpAddress(Table):
    """IP addresses that the API's user reserves."""

    name = "ip_address"
    noun = "reserved IP address"
    numbered = ""
    since = "1.7"
    collection = "ipaddresses/"
    identity = ("ip",)
    personal = True
    created = "reserved"
    required = ("network",)  # which only releases up to 1.10 have
    after = ("subnet", "ip_range", "node_group_interface")  # in which MAAS finds its place
    pillar = PillarLocation(
        "ip_addresses", "Addresses that the API's user reserves.", "ip", name="IP"
    )
    fields = (
        Field("ip", kinds.ADDRESS, doc="The address."),
        Field("subnet", kinds.NETWORK, ref="subnet", since="2.0", write_only=True,
              doc="Subnet it lies in; found from the address where not given."),
        Field("network", kinds.NETWORK, up_to="1.10", write_only=True,
              doc="Network it lies in; required."),
        Field("mac", kinds.MAC, write_only=True, doc="MAC address; create-only."),
        Field("hostname", since="1.8", write_only=True, doc="Its DNS name; create-only."),
        Field("domain", ref="domain", since="2.0", write_only=True,
              doc="Domain of the DNS name; create-only."),
    )  # fmt: skip
    example = {"ip": "10.10.0.88", "network": "10.10.0.0/24"}

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return why MAAS reserves no such address: its dynamic range, or that no subnet has it."""
        if change.action != "create":
            return None
        ip = change.desired.key
        if snapshot.release >= "2.0":
            subnets = map(ipaddress.ip_network, predicted.of("subnet"))
            if not any(ipaddress.ip_address(ip) in subnet for subnet in subnets):
                return "no subnet of the region or of the pillar has it; describe that one too"
        for low, high, name in dynamic_ranges(snapshot, predicted):
            if kinds.is_between(ip, low, high):
                return f"it lies in {name}, from which DHCP hands out addresses; choose another one"
        return None

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        # The addresses of DNS names are listed here as well.
        names = snapshot.records("dns_resource").values() if snapshot.release >= "2.0" else ()
        return not any(
            one["ip"] == record.raw["ip"] for name in names for one in name.raw["ip_addresses"]
        )

    def send_create(self, run: Run, values: dict) -> dict:
        data, _ = self.form(run.snapshot, values)
        if run.snapshot.release < "2.1":
            word = "ip_address" if run.snapshot.release >= "2.0" else "requested_address"
            data[word] = data.pop("ip")
        return run.client.post(self.collection, op="reserve", data=data, repeat=False)

    def send_delete(self, run: Run, desired: Desired, record: Record) -> None:
        data = {"ip": record.raw["ip"]}
        try:
            run.client.post(self.collection, op="release", data=data, expect=b"")
        except Invalid:
            # So MAAS answers for an address that is not reserved any more, too.
            self.reload(run.snapshot, desired)
            if self.match(run.snapshot, desired) is not None:
                raise


def dynamic_ranges(snapshot: Snapshot, predicted: Predicted) -> Iterator[tuple[str, str, str]]:
    """Yield the dynamic ranges as a plan leaves them: ``(first, last, name)``."""
    if snapshot.release >= "2.0":
        for key, values in predicted.of("ip_range").items():
            if values["type"] == "dynamic":
                yield values["start_ip"], values["end_ip"], f"dynamic range {key}"
        return
    for values in predicted.of("node_group_interface").values():
        low, high = values.get("ip_range_low"), values.get("ip_range_high")
        if low and high and values.get("management") != "unmanaged":
            yield low, high, f"the dynamic range {low}-{high} of a cluster"


class DhcpSnippet(Table):
    name = "dhcp_snippet"
    noun = "DHCP snippet"
    since = "2.0"
    deprecated = ("3.8", "reserved IP addresses (maas:reserved_ips) where these do")
    collection = "dhcp-snippets/"
    duplicates = "always"
    required = ("value",)
    after = ("rack",)  # one checks the lines
    pillar = PillarLocation("dhcp_snippets", "DHCP snippets.", "name", needed=("value",))
    fields = (
        Field("name", rules=(rules.longest(255),), doc="Name."),
        Field("value", kinds.RAW, clearable=rules.NEVER, doc="The lines for dhcpd.conf."),
        Field("description", doc="Free text."),
        Field("enabled", kinds.BOOLEAN, server_default=True, doc="Whether it is in force."),
        Field("subnet", kinds.NETWORK, ref="subnet",
              read=lambda raw: (raw.get("subnet") or {}).get("cidr"),
              doc="Subnet for which it is; ``global_snippet: true`` takes it off again."),
        Field("iprange", ref="ip_range", since="3.0", write_only=True,
              doc="IP range of the subnet for which it is, as ``START-END``; create-only."),
        Field("node", ref="node", ref_attr="system_id", clearable=rules.NEVER,
              read=lambda raw: (raw.get("node") or {}).get("hostname"),
              doc="Host name of the machine or controller for which it is; ``global_snippet: "
              "true`` takes it off again."),
        Field("global_snippet", kinds.BOOLEAN,
              doc="True for all of DHCP, as where neither subnet nor node is given."),
    )  # fmt: skip
    example = {
        "name": "ntp", "value": "option ntp-servers 192.0.2.1;", "description": "clock",
        "subnet": "10.10.0.0/24", "enabled": True,
    }  # fmt: skip

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        given = [name for name in ("subnet", "node", "global_snippet") if values.get(name)]
        if len(given) > 1:
            yield given[1], f"cannot go with {given[0]}; it is one or the other"
        if values.get("iprange") and not values.get("subnet"):
            yield "subnet", f"is missing; iprange {values['iprange']!r} requires it"

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        # Without it MAAS puts a number in the value's place.
        return {"value": record.raw["value"], **changed}


class Network(Table):
    """MAAS networks, which are what later releases call subnets."""

    name = "network"
    numbered = ""
    up_to = "1.8"
    collection = "networks/"
    pillar = PillarLocation(
        "networks", "Networks, which later releases call subnets.", "name",
        needed=("ip", "netmask"),
    )  # fmt: skip
    fields = (
        Field("name", rules=(*rules.WORD, rules.longest(255)), doc="Name, unique in the region."),
        Field("ip", kinds.ADDRESS, clearable=rules.NEVER, doc="Its address."),
        Field("netmask", kinds.NETMASK, doc="Its netmask."),
        Field("vlan_tag", kinds.bounded(1, 4094), doc="VLAN id; none where it is untagged."),
        Field("description", doc="Free text."),
        Field("default_gateway", kinds.ADDRESS, since="1.7", doc="Default gateway."),
        Field("dns_servers", kinds.ADDRESSES, since="1.7", doc="DNS servers, in order."),
    )
    example = {
        "name": "office", "ip": "172.16.0.0", "netmask": "255.255.0.0", "vlan_tag": 5,
        "description": "desks",
    }  # fmt: skip

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why there can be no such network, seen before anything is sent."""
        if snapshot.release < "1.6" and ":" in str(desired.values.get("ip") or ""):
            return f"MAAS {snapshot.release} has IPv4 networks only; later ones have IPv6, too"
        return super().problem(snapshot, desired, record)

    def occupied_ranges(self, snapshot: Snapshot, values: dict, predicted: Predicted) -> Ranges:
        if values.get("vlan_tag") is not None:
            yield "vlan_tag", values["vlan_tag"], values["vlan_tag"]
        if values.get("ip") and values.get("netmask"):
            net = kinds.network_of(values["ip"], values["netmask"])
            yield f"IPv{net.version}", int(net.network_address), int(net.broadcast_address)

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        found = super().normal(field, value, values)
        if field.name == "ip" and found and values.get("netmask"):
            # MAAS stores the network's address, whichever of its addresses it is given.
            return str(kinds.network_of(found, values["netmask"]).network_address)
        return found
