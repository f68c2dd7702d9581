"""Controllers, their interfaces and DHCP in a pillar, as far as MAAS would refuse them."""

from __future__ import annotations

from saltext.maas.pillar.controllers import controllers
from saltext.maas.pillar.validators import (
    ROOT,
    ends,
    named,
    other_place,
    overlapping,
    overlaps,
    span_within,
    validates,
    within,
)
from saltext.maas.resources.kinds import ip_address, ip_network, network_of
from saltext.maas.resources.vlan_names import fabric_vid

_WIDEST_1X = 16  # prefix length of the largest network that a 1.x cluster can manage


# VLANs


def _vlans(pillar):
    for fabric, name, values in named(pillar, "fabrics"):
        for where, vid, vlan in named(values, "vlans", fabric):
            yield where, fabric_vid(f"{name}/{vid}"), vlan


def _has_dynamic_range(subnet):
    return any(one["type"] == "dynamic" for one in subnet.get("ranges") or ())


@validates("fabrics")
def _vlan_names(pillar, release):
    seen: dict = {}
    for where, key, vlan in _vlans(pillar):
        other = other_place(seen, key, where)
        if other:
            yield f"{where}: is the same VLAN as {other}"
        name = vlan.get("name")
        if key.endswith("/untagged") and name not in (None, "untagged"):
            yield f"{where}:name: {name!r} must be 'untagged', which is what MAAS calls VLAN 0"


@validates("subnets")
def _vlans_of_dynamic_ranges(pillar, release):
    for where, _, subnet in named(pillar, "subnets"):
        if _has_dynamic_range(subnet) and not subnet.get("vlan"):
            yield f"{where}:vlan: is missing; a dynamic range needs to know its VLAN"


@validates("fabrics", "subnets")
def _served_vlans(pillar, release):
    served = {
        fabric_vid(subnet["vlan"])
        for _, _, subnet in named(pillar, "subnets")
        if subnet.get("vlan") and _has_dynamic_range(subnet)
    }
    for where, key, vlan in _vlans(pillar):
        dhcp, where = vlan.get("dhcp") or {}, f"{where}:dhcp"
        if not dhcp.get("enabled"):
            continue
        if dhcp.get("relay_vlan"):
            yield (
                f"{where}:relay_vlan: {dhcp['relay_vlan']!r} cannot go with enabled: true; it is "
                "one or the other"
            )
        if not dhcp.get("primary_rack"):
            yield f"{where}:primary_rack: is missing; DHCP needs a rack controller that serves it"
        if key not in served:
            yield (
                f"{where}:enabled: needs a dynamic range in a subnet on {key}; declare one under "
                f"{ROOT}:subnets"
            )


@validates("fabrics", "racks", "clusters")
def _racks_that_serve(pillar, release):
    racks = {_hostname(one) for one in controllers(pillar).values()}
    for where, _, vlan in _vlans(pillar):
        dhcp, where = vlan.get("dhcp") or {}, f"{where}:dhcp"
        primary, secondary = dhcp.get("primary_rack"), dhcp.get("secondary_rack")
        if secondary and secondary == primary:
            yield f"{where}:secondary_rack: {secondary!r} must be another rack than primary_rack"
        for name in ("primary_rack", "secondary_rack"):
            if racks and dhcp.get(name) and dhcp[name] not in racks:
                section = "racks" if pillar.get("racks") else "clusters"
                yield (
                    f"{where}:{name}: {dhcp[name]!r} is no host name of {ROOT}:{section}; there "
                    f"are: {', '.join(sorted(racks))}"
                )


@validates("fabrics")
def _relays(pillar, release):
    relayed = {
        key: (f"{where}:dhcp:relay_vlan", fabric_vid(vlan["dhcp"]["relay_vlan"]))
        for where, key, vlan in _vlans(pillar)
        if (vlan.get("dhcp") or {}).get("relay_vlan")
    }
    for key, (where, target) in relayed.items():
        if target == key:
            yield f"{where}: {target!r} must be another VLAN than this one"
        elif target in relayed:
            yield f"{where}: {target!r} is relayed itself; name the VLAN served"


# Controllers


def _hostname(controller):
    return controller.values.get("hostname") or controller.minion.partition(".")[0]


@validates("racks", "clusters")
def _names_of_controllers(pillar, release):
    for field in ("uuid", "cluster_name", "hostname"):
        seen: dict = {}
        for one in controllers(pillar).values():
            value = _hostname(one) if field == "hostname" else one.values.get(field)
            other = other_place(seen, value, one.where) if value else None
            if other:
                yield f"{one.where}:{field}: {value!r} is that of {other} already"


@validates("racks", "clusters")
def _interfaces(pillar, release):
    gateways = {
        ip_network(cidr): (f"{where}:gateway_ip", subnet["gateway_ip"])
        for where, cidr, subnet in named(pillar, "subnets")
        if "gateway_ip" in subnet
    }
    for one in controllers(pillar).values():
        spans = []
        for where, _, values in named(one.values, "interfaces", one.where):
            net = _network(values)
            yield from _mask(where, values, net)
            if values["management"] != "unmanaged":
                yield from _missing(where, values, release)
            if net is not None:
                yield from _addresses(where, values, net)
                yield from _router(where, values, gateways.get(net))
                if values["management"] != "unmanaged":
                    spans.append((where, net.network_address, net.broadcast_address))
        for (place, *_), (other, start, end) in overlapping(spans):
            yield f"{other}:ip: its network {start}-{end} overlaps that of {place}"


def _network(values):
    """The network of an interface; None without a mask, or with one of another family."""
    try:
        return network_of(values["ip"], values["subnet_mask"])
    except (KeyError, ValueError):
        return None


def _mask(where, values, net):
    mask = values.get("subnet_mask")
    if mask and net is None:
        yield (
            f"{where}:subnet_mask: {mask!r} must be of the address family of ip, {values['ip']!r}"
        )
    if net and values["management"] != "unmanaged" and net.prefixlen < _WIDEST_1X:
        yield (
            f"{where}:subnet_mask: {mask!r} is too wide; MAAS manages networks up to /{_WIDEST_1X}"
        )


def _missing(where, values, release):
    router = ("router_ip",) if release and release < "1.7" else ()
    for name in ("subnet_mask", "dynamic_range", *router):
        if not values.get(name):
            yield f"{where}:{name}: is missing; management {values['management']!r} needs it"


def _addresses(where, values, net):
    yield from within(f"{where}:ip", net, values["ip"])
    for name in ("router_ip", "broadcast_ip"):
        if values.get(name) and ip_address(values[name]) not in net:
            yield f"{where}:{name}: {values[name]!r} must be an address within {net}"
    spans = []
    for name in ("dynamic_range", "static_range"):
        span = values.get(name)
        wrong = list(span_within(f"{where}:{name}", net, span, "low", "high")) if span else []
        yield from wrong
        if span and not wrong:
            spans.append((f"{where}:{name}", *ends(span["low"], span["high"])))
    yield from overlaps(spans)


def _router(where, values, gateway):
    """From 1.9 on an interface's router is its subnet's gateway."""
    router = values.get("router_ip")
    if router and gateway and gateway[1] != router:
        yield (
            f"{where}:router_ip: {router!r} must be {gateway[1]!r} as in {gateway[0]}; MAAS keeps "
            "one address for both"
        )
