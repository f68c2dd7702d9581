"""What a pillar of the right shape says that makes no sense, or that MAAS would refuse."""

from __future__ import annotations

import ipaddress

from saltext.maas.resources.kinds import network_of
from saltext.maas.resources.users import SYSTEM_USERS
from saltext.maas.resources.vlan_names import fabric_vid

ROOT = "maas"


def plain(value):
    """The pillar with text for keys, since YAML reads ``100:`` as a number."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


_WIDEST_1X = 16  # prefix length of the largest network that a 1.x cluster can manage
_LEAST_IPV6 = 256  # addresses in a dynamic range


def _users(pillar, release):
    """E-mail addresses are unique; MAAS itself ends in an IntegrityError."""
    seen = {}
    admin = (pillar.get("region") or {}).get("admin")
    users = [(f"{ROOT}:region:admin", admin["username"], admin["email"])] if admin else []
    users += [
        (f"{ROOT}:users:{name}", name, user["email"])
        for name, user in (pillar.get("users") or {}).items()
    ]
    for where, name, email in users:
        first = seen.setdefault(email.lower(), (where, name))
        if first[0] != where:
            yield f"{where}:email: {email!r} is taken by {first[0]}; each user needs its own"
    for name in pillar.get("users") or {}:
        if name in SYSTEM_USERS:
            yield f"{ROOT}:users:{name}: is a user that MAAS keeps for itself; choose another name"
    if admin and admin["username"] in (pillar.get("users") or {}):
        yield f"{ROOT}:users:{admin['username']}: is {ROOT}:region:admin already; name it once"


def _networks(pillar, release):
    for cidr, subnet in (pillar.get("subnets") or {}).items():
        where = f"{ROOT}:subnets:{cidr}"
        subnet = subnet or {}
        net = ipaddress.ip_network(cidr)
        gateway = subnet.get("gateway_ip")
        if gateway:
            address = ipaddress.ip_address(gateway)
            if address not in net and not (address.version == 6 and address.is_link_local):
                yield f"{where}:gateway_ip: {gateway!r} must be an address within {cidr}"
        spans = {}
        for number, one in enumerate(subnet.get("ranges") or ()):
            place = f"{where}:ranges:{number}"
            bad = list(_span(place, net, one["start"], one["end"], "start", "end"))
            yield from bad
            if not bad:
                first, last = ends(one["start"], one["end"])
                # Where MAAS does not manage a subnet, dynamic ranges lie within reserved ones.
                kind = one["type"] if subnet.get("managed") is False else ""
                spans.setdefault(kind, []).append((place, first, last))
                count = int(last) - int(first) + 1
                if one["type"] == "dynamic" and net.version == 6 and count < _LEAST_IPV6:
                    yield (
                        f"{place}:end: {one['end']!r} leaves {count} addresses; a dynamic IPv6 "
                        f"range needs at least {_LEAST_IPV6}"
                    )
        for some in spans.values():
            yield from _overlaps(some)
    yield from _same_nets(pillar, release)


def _same_nets(pillar, release):
    """Subnets that are one, or overlap, which MAAS accepts up to 3.6."""
    spans = []
    for cidr in pillar.get("subnets") or {}:
        net = ipaddress.ip_network(cidr)
        spans.append((f"{ROOT}:subnets:{cidr}", net.network_address, net.broadcast_address))
    for place, (first, last), other, (start, end) in _pairs(spans):
        if (first, last) == (start, end):
            yield f"{other}: is the same subnet as {place}"
        elif release and release >= "3.7":
            yield f"{other}: overlaps {place}; MAAS {release} refuses overlapping subnets"


def _span(where, net, start, end, low, high):
    yield from within(f"{where}:{low}", net, start)
    yield from within(f"{where}:{high}", net, end)
    first, last = ends(start, end)
    if first.version == last.version and first > last:
        yield f"{where}:{high}: {end!r} must not be below {start!r}"


def within(where, net, text):
    """An address that a host of a network can have."""
    address = ipaddress.ip_address(text)
    edges = {net.network_address, net.broadcast_address if net.version == 4 else None}
    if address not in net:
        yield f"{where}: {text!r} must be an address within {net}"
    elif address in edges and net.prefixlen < net.max_prefixlen - 1:
        yield f"{where}: {text!r} must not be the network or broadcast address of {net}"


def _overlaps(spans):
    for place, (first, last), other, (start, end) in _pairs(spans):
        yield f"{other}: {start}-{end} overlaps {first}-{last} of {place}"


def _pairs(spans):
    """Every span of ``(path, first, last)`` that overlaps one before it, and that one."""
    widest = None
    for place, first, last in sorted(spans, key=lambda one: (one[1].version, one[1], one[2])):
        if widest and widest[1][0].version == first.version and first <= widest[1][1]:
            yield *widest, place, (first, last)
        if not widest or widest[1][0].version != first.version or last > widest[1][1]:
            widest = (place, (first, last))


def ends(start, end):
    """The first and last address of a range, from their texts."""
    return ipaddress.ip_address(start), ipaddress.ip_address(end)


def _dhcp(pillar, release):
    racks = {
        cluster.get("hostname") or name.partition(".")[0] for name, cluster in _clusters_of(pillar)
    }
    served = {}  # VLAN -> whether a dynamic range is declared on it
    for cidr, subnet in (pillar.get("subnets") or {}).items():
        if (subnet or {}).get("vlan"):
            dynamic = any(one["type"] == "dynamic" for one in subnet.get("ranges") or ())
            vlan = fabric_vid(subnet["vlan"])
            served[vlan] = served.get(vlan, False) or dynamic
        elif any(one["type"] == "dynamic" for one in (subnet or {}).get("ranges") or ()):
            yield f"{ROOT}:subnets:{cidr}:vlan: is missing; a dynamic range needs to know its VLAN"
    relayed = {}
    for fabric, values in (pillar.get("fabrics") or {}).items():
        vlans = (values or {}).get("vlans") or {}
        seen = {}
        for vid, vlan in vlans.items():
            where = f"{ROOT}:fabrics:{fabric}:vlans:{vid}"
            key = fabric_vid(f"{fabric}/{vid}")
            if seen.setdefault(key, where) != where:
                yield f"{where}: is the same VLAN as {seen[key]}"
            name = (vlan or {}).get("name")
            if key.endswith("/untagged") and name not in (None, "untagged"):
                yield f"{where}:name: {name!r} must be 'untagged', which is what MAAS calls VLAN 0"
            dhcp = (vlan or {}).get("dhcp")
            if dhcp is not None:
                yield from _dhcp_of(f"{where}:dhcp", key, dhcp, served, racks)
                if dhcp.get("relay_vlan"):
                    relayed[key] = (where, fabric_vid(dhcp["relay_vlan"]))
    for key, (where, target) in relayed.items():
        if target == key:
            yield f"{where}:dhcp:relay_vlan: {target!r} must be another VLAN than this one"
        elif target in relayed:
            yield f"{where}:dhcp:relay_vlan: {target!r} is relayed itself; name the VLAN served"


def _dhcp_of(where, key, dhcp, served, racks):
    relay = dhcp.get("relay_vlan")
    if relay and dhcp.get("enabled"):
        yield f"{where}:relay_vlan: {relay!r} cannot go with enabled: true; it is one or the other"
    if dhcp.get("enabled"):
        if not dhcp.get("primary_rack"):
            yield f"{where}:primary_rack: is missing; DHCP needs a rack controller that serves it"
        if not served.get(key):
            yield (
                f"{where}:enabled: needs a dynamic range in a subnet on {key}; declare one under "
                f"{ROOT}:subnets"
            )
    primary, secondary = dhcp.get("primary_rack"), dhcp.get("secondary_rack")
    if secondary and secondary == primary:
        yield f"{where}:secondary_rack: {secondary!r} must be another rack than primary_rack"
    for name in ("primary_rack", "secondary_rack"):
        if dhcp.get(name) and racks and dhcp[name] not in racks:
            yield (
                f"{where}:{name}: {dhcp[name]!r} is no host name of {ROOT}:clusters; there are: "
                + ", ".join(sorted(racks))
            )


def _clusters_of(pillar):
    return [(name, cluster or {}) for name, cluster in (pillar.get("clusters") or {}).items()]


def _clusters(pillar, release):
    for field in ("uuid", "cluster_name", "hostname"):
        seen = {}
        for name, cluster in _clusters_of(pillar):
            value = cluster.get(field) or (name.partition(".")[0] if field == "hostname" else None)
            if value and seen.setdefault(value, name) != name:
                yield (
                    f"{ROOT}:clusters:{name}:{field}: {value!r} is that of "
                    f"{ROOT}:clusters:{seen[value]} already"
                )
    gateways = {
        ipaddress.ip_network(cidr): (cidr, subnet["gateway_ip"])
        for cidr, subnet in (pillar.get("subnets") or {}).items()
        if subnet and "gateway_ip" in subnet
    }
    for name, cluster in _clusters_of(pillar):
        spans = []
        for interface, values in (cluster.get("interfaces") or {}).items():
            where = f"{ROOT}:clusters:{name}:interfaces:{interface}"
            net = _net_of(values)
            yield from _interface(where, values, net, release)
            yield from _one_gateway(where, values, gateways.get(net))
            if values["management"] != "unmanaged" and net:
                spans.append((where, net.network_address, net.broadcast_address))
        for place, _, other, (start, end) in _pairs(spans):
            yield f"{other}:ip: its network {start}-{end} overlaps that of {place}"


def _one_gateway(where, values, gateway):
    """From 1.9 on an interface's router is its subnet's gateway."""
    router = values.get("router_ip")
    if router and gateway and gateway[1] != router:
        yield (
            f"{where}:router_ip: {router!r} must be {gateway[1]!r} as in "
            f"{ROOT}:subnets:{gateway[0]}:gateway_ip; MAAS keeps one address for both"
        )


def _net_of(values):
    """The network of an interface; None without a mask, or with one of another family."""
    try:
        return (
            network_of(values["ip"], values["subnet_mask"]) if values.get("subnet_mask") else None
        )
    except ValueError:
        return None


def _interface(where, values, net, release):
    if values.get("subnet_mask") and net is None:
        yield (
            f"{where}:subnet_mask: {values['subnet_mask']!r} must be of the address family of "
            f"ip, {values['ip']!r}"
        )
    if values["management"] != "unmanaged":
        needed = ["subnet_mask", "dynamic_range"]
        if release and release < "1.7":
            needed.append("router_ip")
        for name in needed:
            if not values.get(name):
                yield f"{where}:{name}: is missing; management {values['management']!r} needs it"
        if net and net.prefixlen < _WIDEST_1X:
            yield (
                f"{where}:subnet_mask: {values['subnet_mask']!r} is too wide; MAAS manages "
                f"networks up to /{_WIDEST_1X}"
            )
    if net is None:
        return
    yield from within(f"{where}:ip", net, values["ip"])
    for name in ("router_ip", "broadcast_ip"):
        if values.get(name) and ipaddress.ip_address(values[name]) not in net:
            yield f"{where}:{name}: {values[name]!r} must be an address within {net}"
    spans = []
    for name in ("dynamic_range", "static_range"):
        span = values.get(name)
        if span:
            bad = list(_span(f"{where}:{name}", net, span["low"], span["high"], "low", "high"))
            yield from bad
            if not bad:
                spans.append((f"{where}:{name}", *ends(span["low"], span["high"])))
    yield from _overlaps(spans)


def _sources(pillar, release):
    for url, source in (pillar.get("boot_sources") or {}).items():
        where = f"{ROOT}:boot_sources:{url}"
        source = source or {}
        if source.get("keyring_filename") and source.get("keyring_data"):
            yield f"{where}:keyring_data: cannot go with keyring_filename; it is one or the other"
        seen = {}
        for number, one in enumerate(source.get("selections") or ()):
            what = f"{one['os']}/{one['release']}"
            if seen.setdefault(what, number) != number:
                yield f"{where}:selections:{number}: {what} is selections:{seen[what]} already"
            for field in ("arches", "subarches", "labels"):
                if field in one and not one[field]:
                    place = f"{where}:selections:{number}:{field}"
                    yield f"{place}: must not be empty; * stands for all"


#: The sections that a function looks at, and the function: pillar and release to messages.
JUDGES = (
    ({"region", "users"}, _users),
    ({"subnets"}, _networks),
    ({"fabrics", "subnets", "clusters"}, _dhcp),
    ({"clusters"}, _clusters),
    ({"boot_sources"}, _sources),
)
