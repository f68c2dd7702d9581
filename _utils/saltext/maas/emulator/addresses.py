"""Which addresses of a subnet are taken, and by what."""

from __future__ import annotations

import ipaddress


def racks_on(region, subnet):
    """Addresses that racks' interfaces have in a subnet."""
    return [
        link["ip_address"]
        for rack in region.rows("racks").values()
        for nic in rack["interfaces"]
        for link in nic["links"]
        if link["subnet"] == subnet["id"] and link["ip_address"]
    ]


def taken(region, subnet, ranges=True):
    """Ranges in use: ``[(first, last, purpose), ...]`` as numbers, sorted.

    Args:
        region: The region.
        subnet: The subnet's row.
        ranges: Whether its IP ranges count too.
    """
    single = [(ip, "assigned-ip") for ip in racks_on(region, subnet)]
    single += [
        (row["ip"], "assigned-ip")
        for row in region.rows("ips").values()
        if row["subnet"] == subnet["id"]
    ]
    single += [
        (row["ip"], "reserved")
        for row in region.rows("reservedips").values()
        if row["subnet"] == subnet["id"]
    ]
    if subnet["gateway_ip"]:
        single.append((subnet["gateway_ip"], "gateway-ip"))
    single += [
        (row["gateway_ip"], "gateway-ip")
        for row in region.rows("static_routes").values()
        if row["source"] == subnet["id"] and row["gateway_ip"] != subnet["gateway_ip"]
    ]
    single += [
        (ip, "dns-server")
        for ip in subnet["dns_servers"]
        if ipaddress.ip_address(ip) in subnet["net"]
    ]
    found = list(kept(subnet["net"]))
    for ip, purpose in single:
        number = int(ipaddress.ip_address(ip))
        found.append((number, number, purpose))
    if ranges:
        for row in region.rows("ipranges").values():
            if row["subnet"] == subnet["id"]:
                found.append((row["first"], row["last"], row["type"]))
    return sorted(found)


def kept(net):
    """What MAAS keeps for itself of an IPv6 network: its address, and much of a /64."""
    first = int(net.network_address)
    if net.version == 6 and net.prefixlen < 127:
        yield first, first, "rfc-4291-2.6.1"
    if net.version == 6 and net.prefixlen == 64:
        yield first + 1, first + 0xFFFFFFFF, "reserved"


def bounds(net):
    """First and last address of a network that a host may have, as numbers."""
    first, last = int(net.network_address), int(net.broadcast_address)
    if net.version == 4 and net.prefixlen < 31:
        return first + 1, last - 1
    return (first, last) if net.version == 4 else (first + 1, last)


def gaps(region, subnet):
    """Ranges that nothing uses: ``[(first, last), ...]``."""
    start, end = bounds(subnet["net"])
    free = []
    for first, last, _ in taken(region, subnet):
        if first > start:
            free.append((start, first - 1))
        start = max(start, last + 1)
    if start <= end:
        free.append((start, end))
    return free


def shown(net, first, last, *purpose):
    """A range as the API shows it."""
    address = ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address
    row = {"start": str(address(first)), "end": str(address(last)), "num_addresses": last - first}
    row["num_addresses"] += 1
    if purpose:
        row["purpose"] = list(purpose)
    return row


def merged(ranges):
    """Join neighbouring ranges of one purpose."""
    joined = []
    for first, last, purpose in ranges:
        if joined and joined[-1][2] == purpose and joined[-1][1] + 1 >= first:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]), purpose)
        else:
            joined.append((first, last, purpose))
    return joined


def statistics(region, subnet, with_ranges=False, with_suggestions=False):
    """The answer of a subnet's ``statistics`` operation."""
    net = subnet["net"]
    first, last = bounds(net)
    free = gaps(region, subnet)
    total = last - first + 1
    available = sum(end - start + 1 for start, end in free)
    largest = max((end - start + 1 for start, end in free), default=0)
    usage = 1 - available / total if total else 1.0
    answer = {
        "num_available": available,
        "largest_available": largest,
        "num_unavailable": total - available,
        "total_addresses": total,
        "usage": (total - available) / total if total else 1.0,
        "usage_string": f"{usage:.0%}",
        "available_string": f"{1 - usage:.0%}",
        "first_address": shown(net, first, first)["start"],
        "last_address": shown(net, last, last)["start"],
        "ip_version": net.version,
    }
    if with_ranges:
        ranges = merged(taken(region, subnet)) + [(a, b, "unused") for a, b in free]
        answer["ranges"] = [shown(net, a, b, purpose) for a, b, purpose in sorted(ranges)]
    if with_suggestions:
        answer.update(_suggestions(subnet, first, free))
    return answer


def _suggestions(subnet, first, free):
    """A gateway, and a quarter of the subnet at the end of its largest gap."""
    net = subnet["net"]
    gateway = None
    if not subnet["gateway_ip"] and any(start <= first <= end for start, end in free):
        gateway = shown(net, first, first)["start"]
    start, end = max(free, key=lambda gap: gap[1] - gap[0], default=(0, -1))
    size = net.num_addresses // 4
    dynamic = None
    if end - start + 1 >= size > 0:
        dynamic = shown(net, end - size + 1, end, "proposed-dynamic")
    return {"suggested_gateway": gateway, "suggested_dynamic_range": dynamic}
