"""Which addresses of a subnet are taken, by what, and what is free between them."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

GATEWAY, DNS, ASSIGNED = "gateway-ip", "dns-server", "assigned-ip"
RESERVED, DYNAMIC, UNUSED = "reserved", "dynamic", "unused"
ANYCAST = "rfc-4291-2.6.1"
DISCOVERED = 6  # kind of an address that a rack only saw


class Range(NamedTuple):
    """Addresses as numbers, and what they are for."""

    first: int
    last: int
    purpose: frozenset

    @property
    def size(self):
        """How many they are."""
        return self.last - self.first + 1


def nics(region):
    """All interfaces with what they are of: ``(table, node, interface)``."""
    for kind in ("machines", "devices", "racks"):
        for node in region.rows(kind).values():
            for nic in node["interfaces"]:
                yield kind, node, nic


def racks_on(region, subnet):
    """Addresses that racks' interfaces have in a subnet."""
    return [
        link["ip_address"]
        for rack in region.rows("racks").values()
        for nic in rack["interfaces"]
        for link in nic["links"]
        if link["subnet"] == subnet["id"] and link["ip_address"]
    ]


# -- what is taken -----------------------------------------------------------------------------


def _one(ip, purpose):
    number = int(ipaddress.ip_address(ip))
    return Range(number, number, frozenset([purpose]))


def _by_nature(net):
    """IPv6: the anycast address, and of a /64 all up to ``::ffff:ffff``."""
    first = int(net.network_address)
    if net.version == 6 and net.prefixlen == 64:
        yield Range(first + 1, first + 0xFFFFFFFF, frozenset([RESERVED]))
    if net.version == 6 and net.prefixlen < 127:
        yield Range(first, first, frozenset([ANYCAST]))


def _of_subnet(subnet):
    """Gateway and DNS servers."""
    for ip in subnet["dns_servers"]:
        if ip and ipaddress.ip_address(ip) in subnet["net"]:
            yield _one(ip, DNS)
    if subnet["gateway_ip"]:
        yield _one(subnet["gateway_ip"], GATEWAY)


def _given_out(region, subnet, discovered):
    for ip in racks_on(region, subnet):
        yield _one(ip, ASSIGNED)
    for row in region.rows("ips").values():
        if row["subnet"] == subnet["id"] and (discovered or row["alloc_type"] != DISCOVERED):
            yield _one(row["ip"], ASSIGNED)
    if discovered:
        for _, _, nic in nics(region):
            for item in nic.get("discovered") or ():
                if item["subnet"] == subnet["id"]:
                    yield _one(item["ip_address"], ASSIGNED)
    for row in region.rows("static_routes").values():
        inside = ipaddress.ip_address(row["gateway_ip"]) in subnet["net"]
        if row["source"] == subnet["id"] and inside:
            yield _one(row["gateway_ip"], GATEWAY)


def _ranges(region, subnet, kinds, but):
    for row in region.rows("ipranges").values():
        if row["subnet"] == subnet["id"] and row["type"] in kinds and row["id"] != but:
            yield Range(row["first"], row["last"], frozenset([row["type"]]))


def in_use(region, subnet):
    """All that is taken, in order; what overlaps is one, and what is alike side by side."""
    found = [*_by_nature(subnet["net"]), *_of_subnet(subnet)]
    found += _given_out(region, subnet, discovered=True)
    found += _ranges(region, subnet, (RESERVED, DYNAMIC), None)
    return _joined(found)


def _joined(ranges):
    joined: list = []
    for item in sorted(ranges, key=lambda item: (item.first, -item.size)):
        last = joined[-1] if joined else None
        if last and item.first <= last.last:
            item = Range(last.first, max(last.last, item.last), last.purpose | item.purpose)
            joined[-1] = item
        else:
            joined.append(item)
    alike: list = []
    for item in joined:
        last = alike[-1] if alike else None
        if last and item.first == last.last + 1 and item.purpose == last.purpose:
            alike[-1] = Range(last.first, item.last, item.purpose)
        else:
            alike.append(item)
    return alike


# -- what is free ------------------------------------------------------------------------------


def bounds(net):
    """First and last address of a network that a host may have, as numbers."""
    first, last = int(net.network_address), int(net.broadcast_address)
    if net.max_prefixlen - net.prefixlen < 2:
        return first, last
    return first + 1, last - (net.version == 4)


def _between(used, start, end):
    """What of a range is not used."""
    free = []
    for item in used:
        if item.last < start or item.first > end:
            continue
        if item.first > start:
            free.append(Range(start, item.first - 1, frozenset([UNUSED])))
        start = max(start, item.last + 1)
    if start <= end:
        free.append(Range(start, end, frozenset([UNUSED])))
    return free


def _free(region, subnet, used, but=None):
    """What of a subnet is not used; of one that MAAS does not manage, of its reserved ranges."""
    used = _joined(used)
    if subnet["managed"]:
        return _between(used, *bounds(subnet["net"]))
    inside = _joined(_ranges(region, subnet, (RESERVED,), but))
    return [gap for item in inside for gap in _between(used, item.first, item.last)]


def for_range(region, subnet, kind, but=None):
    """Where there is room for a range of a kind, leaving out the range with the id ``but``."""
    used = [*_by_nature(subnet["net"])]
    if kind == RESERVED:
        alone = region.release >= "3.7" and not subnet["managed"]
        kinds = (RESERVED,) if alone else (RESERVED, DYNAMIC)
        used += _ranges(region, subnet, kinds, but)
        return _between(_joined(used), *bounds(subnet["net"]))
    used += [*_of_subnet(subnet), *_given_out(region, subnet, discovered=False)]
    used += _ranges(region, subnet, (RESERVED, DYNAMIC) if subnet["managed"] else (DYNAMIC,), but)
    return _free(region, subnet, used)


def gaps(region, subnet):
    """What nothing uses."""
    used = [*_by_nature(subnet["net"]), *_of_subnet(subnet)]
    used += _given_out(region, subnet, discovered=True)
    used += _ranges(region, subnet, (RESERVED, DYNAMIC) if subnet["managed"] else (DYNAMIC,), None)
    return _free(region, subnet, used)


# -- what is shown -----------------------------------------------------------------------------


def text(number, version):
    """An address from its number; MAAS takes a small one for IPv4, whatever it is of."""
    return str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))


def shown(subnet, item, purpose=True):
    """A range as the API shows it."""
    version = subnet["net"].version
    row = {
        "start": text(item.first, version),
        "end": text(item.last, version),
        "num_addresses": item.size,
    }
    if purpose:
        row["purpose"] = sorted(item.purpose)
    return row


def statistics(region, subnet, with_ranges=False, with_suggestions=False):
    """The answer of a subnet's ``statistics`` operation."""
    net = subnet["net"]
    used = in_use(region, subnet)
    whole = _joined([*used, *_between(used, *bounds(net))])
    free = [item for item in whole if UNUSED in item.purpose]
    available = sum(item.size for item in free)
    total = sum(item.size for item in whole)
    answer = {
        "num_available": available,
        "largest_available": max((item.size for item in free), default=0),
        "num_unavailable": total - available,
        "total_addresses": total,
        "usage": (total - available) / total,
        "usage_string": f"{(total - available) / total:.0%}",
        "available_string": f"{available / total:.0%}",
        "first_address": text(whole[0].first, net.version),
        "last_address": text(whole[-1].last, net.version),
        "ip_version": net.version,
    }
    if with_ranges:
        answer["ranges"] = [shown(subnet, item) for item in whole]
    if with_suggestions:
        answer.update(_suggestions(subnet, whole, free, total, available))
    return answer


def _suggestions(subnet, whole, free, total, available):
    """A gateway, and a quarter of the subnet at the end of its largest gap."""
    purposes = frozenset().union(*(item.purpose for item in whole))
    gateway = None if GATEWAY in purposes else _gateway(subnet, whole, free, total)
    dynamic = None if DYNAMIC in purposes else _dynamic(free, gateway, total, available)
    version = subnet["net"].version
    return {
        "suggested_gateway": None if gateway is None else text(gateway, version),
        "suggested_dynamic_range": dynamic and shown(subnet, dynamic),
    }


def _gateway(subnet, whole, free, total):
    first, last = whole[0], whole[-1]
    if subnet["net"].version == 6:
        return None if total <= 2 else max(first.first - 1, 0)
    if first in free:
        return first.first
    if last in free:
        return last.last
    return free[0].first if free else None


def _dynamic(free, gateway, total, available):
    if not free:
        return None
    first, last, _ = max(free, key=lambda item: (item.size, item.first))
    if gateway is not None and first == last:
        return None
    if gateway is not None and first <= gateway <= last:
        first, last = (first + 1, last) if gateway == first else (first, last - 1)
    size = last - first + 1
    if size > total >> 2:
        first = last - (total >> 2)
    elif size >= available >> 1:
        first = last - (available >> 1) + 1
    return None if first >= last else Range(first, last, frozenset(["proposed-dynamic"]))
