"""Addresses of a pillar that MAAS would refuse: where they lie, and who else has them."""

from __future__ import annotations

import ipaddress

from saltext.maas.pillar.validators import ROOT, ends, within
from saltext.maas.resources.kinds import MAC
from saltext.maas.resources.subnets import reserved_by_maas


def _subnets(pillar):
    for cidr, subnet in (pillar.get("subnets") or {}).items():
        yield f"{ROOT}:subnets:{cidr}", ipaddress.ip_network(cidr), subnet or {}


def _ranges(where, subnet, *types):
    for number, one in enumerate(subnet.get("ranges") or ()):
        if one["type"] in types:
            yield f"{where}:ranges:{number}", *ends(one["start"], one["end"])


def _holds(first, last, address):
    return first.version == last.version == address.version and first <= address <= last


def _low_ipv6(pillar, release):
    """MAAS keeps the first addresses of IPv6 subnets for itself."""
    for where, net, subnet in _subnets(pillar):
        for place, first, last in _ranges(where, subnet, "dynamic", "reserved"):
            blocked = reserved_by_maas(str(net), first, last) if first in net else None
            # The address of the network itself is told of by the check of every range.
            if blocked and first != net.network_address:
                yield f"{place}:start: {blocked}"


def _reserved_ips(pillar, release):
    for where, net, subnet in _subnets(pillar):
        seen = {}
        for ip, one in (subnet.get("reserved_ips") or {}).items():
            place, address = f"{where}:reserved_ips:{ip}", ipaddress.ip_address(ip)
            yield from within(place, net, ip)
            for span, first, last in _ranges(where, subnet, "dynamic"):
                if _holds(first, last, address):
                    yield f"{place}: must not lie in the dynamic range {span}"
            mac = MAC.clean(one["mac_address"])
            if seen.setdefault(mac, place) != place:
                yield (
                    f"{place}:mac_address: {mac!r} has {seen[mac]} already; each MAC address has "
                    "one in a subnet"
                )


def _ip_addresses(pillar, release):
    spans = [
        span for where, _, subnet in _subnets(pillar) for span in _ranges(where, subnet, "dynamic")
    ]
    for name, cluster in (pillar.get("clusters") or {}).items():
        for interface, values in ((cluster or {}).get("interfaces") or {}).items():
            span = values.get("dynamic_range")
            if span and values["management"] != "unmanaged":
                where = f"{ROOT}:clusters:{name}:interfaces:{interface}:dynamic_range"
                spans.append((where, *ends(span["low"], span["high"])))
    for ip in pillar.get("ip_addresses") or {}:
        for place, first, last in spans:
            if _holds(first, last, ipaddress.ip_address(ip)):
                yield (
                    f"{ROOT}:ip_addresses:{ip}: lies in the dynamic range {place}; MAAS reserves "
                    "none there"
                )


#: The sections that a function looks at, and the function: pillar and release to messages.
JUDGES = (
    ({"subnets"}, _low_ipv6),
    ({"subnets"}, _reserved_ips),
    ({"subnets", "clusters", "ip_addresses"}, _ip_addresses),
)
