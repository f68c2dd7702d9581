"""Subnets (1.9 and later) and IP ranges (API 2.0)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import (
    Change,
    Changes,
    Desired,
    Predicted,
    Ranges,
    Snapshot,
)
from saltext.maas.resources.node_group import NodeGroupInterface
from saltext.maas.resources.nodes import holder, static_addresses, stays, subnet_ids
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record, Table
from saltext.maas.resources.vlan_names import IN_ANSWERS, VLAN_NAME, read_vlan

#: How many addresses of an IPv6 /64 MAAS reserves, from the second on.
_OWN_IPV6 = 0xFFFFFFFF
_NAME = (
    rules.matches(r"[.: \w/-]+", "letters, digits, spaces, and of other signs . : / _ and -"),
    rules.longest(255),
)
#: Ways in which a machine asks DHCP for its boot loader, with their codes.
_BOOT_METHODS = {
    "pxe": "00:00", "uefi_amd64_tftp": "00:07", "uefi_ebc_tftp": "00:09",
    "uefi_arm64_tftp": "00:0B", "open-firmware_ppc64el": "00:0C", "powernv": "00:0E",
    "uefi_amd64_http": "00:10", "uefi_arm64_http": "00:13", "s390x": "00:1F",
    "s390x_partition": "00:20", "ipxe": "",
}  # fmt: skip


def _boot_methods(value):
    by_code = {code.upper(): name for name, code in _BOOT_METHODS.items()}
    words = kinds.NAMES.normal(value)
    return sorted({by_code.get(word.upper().replace("0X", "00:"), word) for word in words})


class Subnet(Table):
    name = "subnet"
    since = "1.9"
    collection = "subnets/"
    in_answers = {"vlan": (IN_ANSWERS, None)}
    identity = ("cidr",)
    outlives = ("rack",)
    pillar = PillarLocation("subnets", "Subnets.", "cidr", name="CIDR")
    scope = "vlan"
    notes = {
        "absent": "MAAS deletes no subnet from whose dynamic range DHCP is served, and from 3.7 on "
        "none in which nodes have addresses, unless forced.",
    }
    example = {
        "cidr": "10.10.0.0/24", "vlan": "dc1/100", "gateway_ip": "10.10.0.1",
        "dns_servers": ["10.10.0.2"],
    }  # fmt: skip
    fields = (
        Field("cidr", kinds.NETWORK, doc="Its network in CIDR form."),
        Field("name", argument="subnet_name", rules=_NAME,
              server_default=lambda values: values.get("cidr"),
              doc="Name; the network where none is given."),
        Field("vlan", VLAN_NAME, ref="vlan", read=lambda raw: read_vlan(raw["vlan"]),
              server_default=UNKNOWN, clearable=rules.NEVER,
              doc="VLAN it lies on; the default fabric's untagged one where none is given."),
        Field("space", ref="space", up_to="2.1", server_default=UNKNOWN, clearable=rules.NEVER,
              read=lambda raw: None if raw.get("space") == "undefined" else raw.get("space"),
              doc="Name of its space; from 2.2 on that of its VLAN."),
        Field("gateway_ip", kinds.ADDRESS, doc="Default gateway."),
        Field("dns_servers", kinds.ADDRESSES, doc="DNS servers, in order."),
        Field("rdns_mode", kinds.choice(disabled=0, enabled=1, rfc2317=2), since="2.0",
              server_default="rfc2317", doc="Reverse DNS."),
        Field("allow_proxy", kinds.BOOLEAN, since="2.0", server_default=True,
              doc="Whether machines may use the region's proxy."),
        Field("allow_dns", kinds.BOOLEAN, since="2.5", server_default=True,
              doc="Whether machines may use MAAS's DNS."),
        Field("active_discovery", kinds.BOOLEAN, since="2.1", server_default=False,
              doc="Whether rack controllers scan it for neighbours."),
        Field("managed", kinds.BOOLEAN, since="2.2", server_default=True,
              doc="Whether MAAS hands out its addresses."),
        Field("description", since="2.5", doc="Free text; MAAS takes it before, and hides it."),
        Field(
            # Of a repeated field MAAS takes the last one only.
            "disabled_boot_architectures", replace(kinds.COMMA_NAMES, normal=_boot_methods),
            since="3.0", rules=(rules.one_of(*_BOOT_METHODS),),
            doc="Boot architectures that DHCP does not serve here.",
        ),
        Field("force", kinds.BOOLEAN, option="3.7",
              doc="Whether to delete it although nodes have addresses in it."),
    )  # fmt: skip

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        found = super().normal(field, value, values)
        # MAAS names a subnet after its network where it has no name.
        return values.get("cidr") if field.name == "name" and found is None else found

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        if new and not old and read_vlan(new["vlan"]) not in snapshot.records("vlan"):
            # A region's first subnet may bring the default fabric along.
            snapshot.drop_all("vlan")

    def occupied_ranges(self, snapshot: Snapshot, values: dict, predicted: Predicted) -> Ranges:
        if snapshot.release >= "3.7":  # before, only the very same one is refused
            net = ipaddress.ip_network(values["cidr"])
            yield f"IPv{net.version}", int(net.network_address), int(net.broadcast_address)

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return why MAAS does not delete a subnet."""
        if change.action != "delete":
            return None
        if snapshot.release < "2.0":
            return _cluster_conflict(change, predicted)
        vlan = self.value(snapshot, self.by_name["vlan"], change.raw)
        blocked = _dhcp_conflict(change, predicted, vlan)
        blocked = blocked or _address_conflict(snapshot, change, predicted)
        if blocked or change.desired.values.get("force") or snapshot.release < "3.7":
            return blocked
        return _node_conflict(snapshot, change, predicted)

    def in_use_by(self, snapshot: Snapshot, record: Record) -> str | None:
        if (record.raw["vlan"] or {}).get("dhcp_on"):
            return "DHCP is served on its VLAN"
        return super().in_use_by(snapshot, record)

    def used_by_node(self, snapshot: Snapshot, record: Record) -> str | None:
        return holder(snapshot, {record.raw["id"]}, subnet_ids)


def _cluster_conflict(change, predicted):
    # MAAS ends in an error of the database.
    for values in predicted.of("node_group_interface").values():
        if NodeGroupInterface.cidr(values) == change.desired.key:
            return (
                f"interface {values['name']} of cluster {values['cluster']} is on it; remove that "
                "interface first (maas_node_group_interface.absent)"
            )
    return None


def _dhcp_conflict(change, predicted, vlan):
    served = predicted.of("dhcp").get(vlan, {}).get("enabled")
    for key, values in predicted.of("ip_range").items() if served else ():
        if values["subnet"] == change.desired.key and values["type"] == "dynamic":
            return (
                f"DHCP is served on its VLAN {vlan} from its dynamic range {key}; remove that "
                "range (maas_ip_range.absent) or end DHCP there (maas_dhcp.absent) first"
            )
    return None


def _address_conflict(snapshot, change, predicted):
    """MAAS deletes the addresses of DNS names and users along with a subnet."""
    net, written = ipaddress.ip_network(change.desired.key), predicted.changes("dns_resource")
    later = {one.desired.key for one in written}  # those are written once the subnet is gone
    for type, noun in (("dns_resource", "DNS name"), ("ip_address", "reserved IP address")):
        for key in sorted(snapshot.claimed(type) - later):
            values = predicted.of(type).get(key, {})
            ips = values.get("ip_addresses") or filter(None, [values.get("ip")])
            if any(ipaddress.ip_address(ip) in net for ip in ips):
                return (
                    f"{noun} {key} is described and has its address in it, which MAAS deletes "
                    "along with a subnet; leave that one out or give it another address first"
                )
    return None


def _node_conflict(snapshot, change, predicted):
    for record in snapshot.records("node").values():
        for subnet, ip in static_addresses(record.raw):
            if subnet.get("id") == change.raw["id"] and stays(record, predicted):
                return (
                    f"{record.key} has the address {ip} in it; delete it all the same with "
                    "force: true (maas_subnet.absent)"
                )
    return None


class IpRange(Table):
    name = "ip_range"
    noun = "IP range"
    since = "2.0"
    collection = "ipranges/"
    in_answers = {"subnet": {"cidr": str}, "type": str}
    identity = ("start_ip", "end_ip")
    duplicates = "raced"
    pillar = PillarLocation(
        "ranges", "Its IP ranges.", under="subnet", parent="subnet",
        needed=("type", "start_ip", "end_ip"), spelled={"start_ip": "start", "end_ip": "end"},
    )  # fmt: skip
    scope = "subnet"
    competitors = ("ip_range", "reserved_ip")
    key_form = name_form = "{start_ip}-{end_ip}"
    name_doc = "``START-END``, its first and last address."
    notes = {
        "present": "A range of the region that begins or ends at the same address and has the same "
        "comment is moved or resized. Any other that is in the way stays as it is, and nothing is "
        "sent.",
    }
    example = {
        "start_ip": "10.10.0.50", "end_ip": "10.10.0.60", "subnet": "10.10.0.0/24",
        "type": "reserved", "comment": "printers",
    }  # fmt: skip
    fields = (
        Field("start_ip", kinds.ADDRESS, doc="First address."),
        Field("end_ip", kinds.ADDRESS, doc="Last address."),
        Field("subnet", kinds.NETWORK, ref="subnet", read=lambda raw: raw["subnet"]["cidr"],
              doc="Subnet it lies in."),
        Field("type", kinds.choice("dynamic", "reserved"), doc="Whether DHCP hands it out."),
        Field("comment", rules=(rules.longest(255),), clearable=rules.up_to("2.3"),
              doc="Free text."),
    )  # fmt: skip

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        """Return the range with these ends, else the one that is this one with another end.

        Only a range of the same type that begins or ends where this one does is taken over,
        and only if it is ours: all ranges of the subnet are described (``exclusive``), or it
        has the same comment.
        """
        records, values = snapshot.records(self.name), desired.values
        comment = values.get("comment") or object()
        if desired.key in records or not {"subnet", "type"} <= values.keys():
            return records.get(desired.key)
        found = [
            record
            for record in snapshot.group(self.name, "subnet").get(values["subnet"], ())
            if record.key not in snapshot.claimed(self.name)
            and record.raw["type"] == values["type"]
            and any(one == other for one, other in zip(_ends(values), _ends(record.raw)))
            and (snapshot.owns(self.name, record) or comment == record.raw.get("comment"))
        ]
        return found[0] if len(found) == 1 else None

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return which address MAAS reserves."""
        values = {**(self.values(snapshot, record.raw) if record else {}), **desired.values}
        changes = record is None or self.differences(snapshot, desired, record)
        cidr = changes and values.get("subnet")
        blocked = reserved_by_maas(cidr, *_ends(values)) if cidr else None
        return blocked or super().problem(snapshot, desired, record)

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which address conflicts with a dynamic range."""
        if change.action == "delete" or not change.desired.values.get("subnet"):
            return None
        values = predicted.of(self.name)[change.desired.key]
        cidr, (low, high) = values["subnet"], _ends(values)
        if values.get("type") != "dynamic":
            return None
        others = predicted.by(self.name, "subnet").get(cidr, {}).values()
        around = (_ends(one) for one in others if one["type"] == "reserved")
        if not _is_managed(cidr, predicted) and not any(
            start <= low and high <= end for start, end in around
        ):
            return (
                f"MAAS does not manage {cidr}, and takes a dynamic range there within a reserved "
                "one only; describe that one too"
            )
        for ip, what in _taken(snapshot, cidr, predicted):
            if kinds.is_between(ip, low, high):
                return (
                    f"{ip} is {what} and lies in this dynamic range, from which MAAS hands out "
                    "addresses; leave it out"
                )
        return None

    def occupied_ranges(self, snapshot: Snapshot, values: dict, predicted: Predicted) -> Ranges:
        if values.get("subnet"):
            low, high = map(int, _ends(values))
            dynamic = values.get("type") == "dynamic"
            # Where MAAS does not manage a subnet, dynamic ranges lie within reserved ones.
            if not dynamic or _is_managed(values["subnet"], predicted):
                yield values["subnet"], low, high
            if dynamic:
                yield handed_out(values["subnet"]), low, high

    def requires_changes(
        self, snapshot: Snapshot, change: Change, others: Changes
    ) -> Iterator[Change]:
        if change.action == "delete":
            return
        values = others.predicted.of(self.name)[change.desired.key]
        cidr = values.get("subnet")
        if values.get("type") == "dynamic" and not _is_managed(cidr, others.predicted):
            for other in others.by(self.name, "subnet", cidr):
                if other.action != "delete" and other.desired.values.get("type") == "reserved":
                    yield other

    def in_the_way(self, snapshot: Snapshot, record: Record) -> str:
        comment = record.raw.get("comment")
        about = f"{record.raw['type']}, {comment!r}" if comment else record.raw["type"]
        return (
            f"conflicts with existing IP range {record.key} ({about}); "
            "describe or remove it, or claim all ranges of the subnet (exclusive). With the same "
            "comment, and its first or last address, it would become this one"
        )

    def in_use_by(self, snapshot: Snapshot, record: Record) -> str | None:
        subnet = snapshot.find("subnet", record.raw["subnet"]["cidr"])
        served = subnet is not None and (subnet.raw["vlan"] or {}).get("dhcp_on")
        if record.raw["type"] != "dynamic" or not served:
            return None
        low, high = _ends(record.raw)
        described = (_ends(self.parse(key)) for key in snapshot.claimed(self.name))
        replaced = any(
            kinds.is_between(low, *ends) or kinds.is_between(ends[0], low, high)
            for ends in described
        )
        return None if replaced else "DHCP hands out its addresses"


def _is_managed(cidr, predicted):
    return predicted.of("subnet").get(cidr, {}).get("managed") is not False


def handed_out(cidr: str) -> str:
    """Return the group of :meth:`Table.occupied_ranges` for a subnet's dynamic ranges."""
    return f"{cidr} dynamic"


def first_address(net: ipaddress.IPv4Network | ipaddress.IPv6Network) -> int:
    """Return the first address of a subnet that a range may begin at, as a number."""
    own = _OWN_IPV6 if net.version == 6 and net.prefixlen == 64 else 0
    return int(net.network_address) + own + 1


def reserved_by_maas(cidr: str, low: kinds.Address, high: kinds.Address) -> str | None:
    """Return why no range may begin so low in an IPv6 subnet; None if it may.

    Args:
        cidr: The subnet.
        low, high: First and last address of the range.
    """
    net = kinds.ip_network(cidr)
    first = first_address(net) - 1
    if net.version != 6 or low.version != 6 or net.prefixlen > 126 or int(low) > first:
        return None
    last = f"up to {ipaddress.IPv6Address(first)} " if net.prefixlen == 64 else ""
    return (
        f"{low} is among the addresses {last}that MAAS reserves in {cidr}; begin at "
        f"{ipaddress.IPv6Address(first + 1)} or above"
    )


def _taken(snapshot, cidr, predicted):
    """The addresses of a subnet that are taken, as far as that is known without reading more."""
    subnet = predicted.of("subnet").get(cidr, {})
    if subnet.get("gateway_ip"):
        yield subnet["gateway_ip"], f"the gateway of {cidr}"
    for ip in subnet.get("dns_servers") or ():
        yield ip, f"a DNS server of {cidr}"
    if snapshot.loaded("static_route"):
        for route in predicted.by("static_route", "source").get(cidr, {}).values():
            yield route["gateway_ip"], "the gateway of a static route"
    if snapshot.loaded("ip_address"):
        yield from ((ip, "a reserved IP address") for ip in predicted.of("ip_address"))
    for record in snapshot.records("rack").values() if snapshot.loaded("rack") else ():
        for net, ip in static_addresses(record.raw):
            if net.get("cidr") == cidr:
                yield ip, f"an address of rack controller {record.key}"


def _ends(values):
    return kinds.ip_address(values["start_ip"]), kinds.ip_address(values["end_ip"])
