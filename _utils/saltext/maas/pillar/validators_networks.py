"""Subnets, ranges, addresses and routes of a pillar that MAAS would refuse."""

from __future__ import annotations

from saltext.maas.pillar.controllers import controllers
from saltext.maas.pillar.validators import (
    ROOT,
    ends,
    listed,
    named,
    other_place,
    overlapping,
    overlaps,
    span_within,
    validates,
    within,
)
from saltext.maas.resources.kinds import MAC, ip_address, ip_network
from saltext.maas.resources.subnets import reserved_by_maas

_LEAST_IPV6 = 256  # addresses in a dynamic range


def _subnets(pillar):
    for where, cidr, subnet in named(pillar, "subnets"):
        yield where, ip_network(cidr), subnet


def _ranges(where, subnet, *types):
    for place, one in listed(subnet, "ranges", where):
        if not types or one["type"] in types:
            yield place, one, *ends(one["start"], one["end"])


@validates("subnets")
def _gateways(pillar, release):
    for where, net, subnet in _subnets(pillar):
        gateway = ip_address(subnet["gateway_ip"]) if subnet.get("gateway_ip") else net[0]
        if gateway not in net and not (gateway.version == 6 and gateway.is_link_local):
            yield f"{where}:gateway_ip: {str(gateway)!r} must be an address within {net}"


@validates("subnets")
def _ranges_within(pillar, release):
    for where, net, subnet in _subnets(pillar):
        spans: dict = {}
        for place, one, first, last in _ranges(where, subnet):
            wrong = list(span_within(place, net, one, "start", "end"))
            yield from wrong
            if wrong:
                continue
            # Where MAAS does not manage a subnet, dynamic ranges lie within reserved ones.
            kind = one["type"] if subnet.get("managed") is False else ""
            spans.setdefault(kind, []).append((place, first, last))
            count = int(last) - int(first) + 1
            if one["type"] == "dynamic" and net.version == 6 and count < _LEAST_IPV6:
                yield (
                    f"{place}:end: {one['end']!r} leaves {count} addresses; a dynamic IPv6 range "
                    f"needs at least {_LEAST_IPV6}"
                )
        for some in spans.values():
            yield from overlaps(some)


@validates("subnets")
def _subnets_apart(pillar, release):
    """Subnets that are one, or overlap, which MAAS accepts up to 3.6."""
    spans = [
        (where, net.network_address, net.broadcast_address) for where, net, _ in _subnets(pillar)
    ]
    for one, other in overlapping(spans):
        if one[1:] == other[1:]:
            yield f"{other[0]}: is the same subnet as {one[0]}"
        elif release and release >= "3.7":
            yield f"{other[0]}: overlaps {one[0]}; MAAS {release} refuses overlapping subnets"


@validates("subnets")
def _low_ipv6(pillar, release):
    """MAAS reserves the first addresses of IPv6 subnets for itself."""
    for where, net, subnet in _subnets(pillar):
        for place, _, first, last in _ranges(where, subnet, "dynamic", "reserved"):
            blocked = reserved_by_maas(str(net), first, last) if first in net else None
            # The address of the network itself is refused by the check of every range.
            if blocked and first != net.network_address:
                yield f"{place}:start: {blocked}"


@validates("subnets")
def _reserved_ips(pillar, release):
    for where, net, subnet in _subnets(pillar):
        seen: dict = {}
        for place, ip, one in named(subnet, "reserved_ips", where):
            yield from within(place, net, ip)
            for span, _, first, last in _ranges(where, subnet, "dynamic"):
                if _holds(first, last, ip):
                    yield f"{place}: must not lie in the dynamic range {span}"
            mac = MAC.clean(one["mac_address"])
            other = other_place(seen, mac, place)
            if other:
                yield (
                    f"{place}:mac_address: {mac!r} has {other} already; each MAC address has one "
                    "in a subnet"
                )


@validates("subnets", "racks", "clusters", "ip_addresses")
def _ip_addresses(pillar, release):
    spans = [
        (place, first, last)
        for where, _, subnet in _subnets(pillar)
        for place, _, first, last in _ranges(where, subnet, "dynamic")
    ]
    for controller in controllers(pillar).values():
        for where, _, values in named(controller.values, "interfaces", controller.where):
            span = values.get("dynamic_range")
            if span and values["management"] != "unmanaged":
                spans.append((f"{where}:dynamic_range", *ends(span["low"], span["high"])))
    for ip in pillar.get("ip_addresses") or {}:
        for place, first, last in spans:
            if _holds(first, last, ip):
                yield (
                    f"{ROOT}:ip_addresses:{ip}: lies in the dynamic range {place}; MAAS reserves "
                    "none there"
                )


def _holds(first, last, ip):
    address = ip_address(ip)
    return first.version == last.version == address.version and first <= address <= last


@validates("static_routes")
def _routes(pillar, release):
    seen: dict = {}
    for where, one in listed(pillar, "static_routes"):
        source = ip_network(one["source"])
        destination = ip_network(one["destination"])
        if source == destination:
            yield f"{where}:destination: {one['destination']!r} must be another subnet than source"
        elif source.version != destination.version:
            yield f"{where}:destination: {one['destination']!r} must be of source's address family"
        if ip_address(one["gateway_ip"]) not in source:
            yield f"{where}:gateway_ip: {one['gateway_ip']!r} must be an address within {source}"
        other = other_place(seen, (source, destination, one["gateway_ip"]), where)
        if other:
            yield f"{where}: is the same route as {other}"
