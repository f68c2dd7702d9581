"""The network that a plan is about, as it is and as it is to be, to be drawn."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from saltext.maas.reconcile import Plan, Snapshot
from saltext.maas.resources import kinds


@dataclass
class Box:
    """Something with a name that may change.

    Attributes:
        name: What it is called.
        action: ``create``, ``update``, ``delete``, or nothing.
        facts: What is said of it, in short phrases; empty ones are left out.
        inside: What lies in it.
    """

    name: str
    action: str = ""
    facts: list[str] = field(default_factory=list)
    inside: list = field(default_factory=list)

    def __post_init__(self) -> None:
        self.facts = [fact for fact in self.facts if fact]


@dataclass
class Net(Box):
    """A subnet with its ranges.

    Attributes:
        spans: ``(first, last, type, action, text)``, the ends as parts of the subnet, 0 to 1.
    """

    spans: list = field(default_factory=list)


@dataclass
class Wire(Box):
    """A VLAN, or a cluster's interface.

    Attributes:
        key: Its key.
        primary, secondary: Names of what serves DHCP there.
        relay: Key of the VLAN to which DHCP is relayed.
        dhcp_action: What happens to its DHCP.
    """

    key: str = ""
    primary: str | None = None
    secondary: str | None = None
    relay: str | None = None
    dhcp_action: str = ""


@dataclass
class Network:
    """Groups (fabrics, or clusters of 1.x) and the racks beside them."""

    groups: list[Box]
    racks: list[Box]


def network_of(snapshot: Snapshot, plan: Plan) -> Network:
    """Return the network of a region with what a plan changes."""
    racks = [Box(key, action) for key, (_, action) in _all(snapshot, plan, "rack").items()]
    return Network([*_clusters(snapshot, plan), *_fabrics(snapshot, plan)], racks)


def _all(snapshot, plan, type):
    """Every object of a type once the plan has happened: ``{key: (values, action)}``."""
    table = snapshot.tables.get(type)
    if table is None:
        return {}
    changes = [one for one in plan.changes if one.desired.type == type and not one.problem]
    by_raw = {id(change.raw): change for change in changes if change.raw is not None}
    found = {}
    for part in table.parts(snapshot):
        for key, record in sorted(snapshot.records(type, part).items()):
            values = table.values(snapshot, record.raw)
            change = by_raw.get(id(record.raw))
            if change is None:
                found[key] = (values, "")
            elif change.action == "update":
                found[change.desired.key] = ({**values, **change.desired.values}, "update")
            else:
                found[key] = (values, change.action)
    for change in changes:
        if change.action == "create":
            old = found.get(change.desired.key, ({}, ""))[0]
            found[change.desired.key] = ({**old, **change.desired.values}, "create")
    return found


def _fabrics(snapshot, plan):
    fabrics, vlans = (_all(snapshot, plan, type) for type in ("fabric", "vlan"))
    for key, (_, action) in fabrics.items():
        for (_, vlan), values in snapshot.tables["fabric"].brings(key).items():
            if action == "create":
                vlans.setdefault(vlan, (values, "create"))
    groups = {key: Box(key, action) for key, (_, action) in fabrics.items()}
    dhcp, wires = _all(snapshot, plan, "dhcp"), {}
    for key, (values, action) in sorted(vlans.items(), key=_vlan_order):
        wires[key] = _vlan(key, values, action, *dhcp.get(key, ({}, "")))
        groups.setdefault(values["fabric"], Box(values["fabric"])).inside.append(wires[key])
    for net, vlan in _subnets(snapshot, plan):
        if vlan not in wires:
            wires[vlan] = Wire(vlan or "where MAAS puts it", key=str(vlan))
            groups.setdefault("", Box("VLAN not known yet")).inside.append(wires[vlan])
        wires[vlan].inside.append(net)
    return list(groups.values())


def _vlan(key, values, action, dhcp, dhcp_action):
    name = f"VLAN {values['vid']}" if values.get("vid") else "untagged"
    if values.get("name") not in (None, "untagged"):
        name += f" {values['name']}"
    relay = dhcp.get("relay_vlan")
    facts = [
        "" if values.get("mtu") in (None, 1500) else f"MTU {values['mtu']}",
        values.get("space") and f"space {values['space']}",
        dhcp.get("enabled") and "DHCP",
        relay and f"DHCP relayed to {relay}",
        "no DHCP any more" if dhcp_action == "delete" else "",
    ]
    primary, secondary = dhcp.get("primary_rack"), dhcp.get("secondary_rack")
    return Wire(name, action, facts, [], key, primary, secondary, relay, dhcp_action)


def _vlan_order(item):
    values = item[1][0]
    return values["fabric"], values.get("vid") or 0


def _subnets(snapshot, plan) -> Iterator[tuple[Net, str | None]]:
    ranges: dict = {}
    for values, action in _all(snapshot, plan, "ip_range").values():
        comment = f" ({values['comment']})" if values.get("comment") else ""
        type, low, high = (values.get(name) for name in ("type", "start_ip", "end_ip"))
        span = (low, high, type or "reserved", action, f"{type} {low} to {high}{comment}")
        ranges.setdefault(values.get("subnet"), []).append(span)
    found = _all(snapshot, plan, "subnet").items()
    for key, (values, action) in sorted(found, key=lambda one: _net_order(one[0])):
        facts = [
            values.get("name") if values.get("name") != key else "",
            values.get("gateway_ip") and f"gateway {values['gateway_ip']}",
            "not managed" if values.get("managed") is False else "",
        ]
        yield Net(key, action, facts, spans=_spans(key, ranges.get(key, ()))), values.get("vlan")


def _net_order(cidr):
    net = ipaddress.ip_network(cidr)
    return net.version, int(net.network_address), net.prefixlen


def _spans(cidr: str, ranges: Iterable) -> list:
    """Where ranges lie within a subnet, from 0 to 1."""
    net, found = ipaddress.ip_network(cidr), []
    first, size = int(net.network_address), net.num_addresses
    for low, high, *more in ranges:
        if low and high:
            start, end = ((int(ipaddress.ip_address(one)) - first) / size for one in (low, high))
            found.append((max(0.0, start), min(1.0, end + 1 / size), *more))
    return found


def _clusters(snapshot, plan):
    interfaces: dict = {}
    for values, action in _all(snapshot, plan, "node_group_interface").values():
        wire = _interface(values, action)
        interfaces.setdefault(values.get("cluster"), []).append(wire)
    for key, (values, action) in _all(snapshot, plan, "node_group").items():
        status = values.get("status")
        facts = [status if status != "accepted" else ""]
        name = f"cluster {values.get('cluster_name') or key}"
        yield Box(name, action, facts, interfaces.get(key, []))


def _interface(values, action):
    name = values.get("name") or values.get("interface") or "?"
    served = {"dhcp_and_dns": "DHCP and DNS", "dhcp": "DHCP"}.get(values.get("management"), "")
    wire = Wire(name, action, [served], key=f"{values.get('cluster')}/{name}")
    if values.get("ip") and values.get("subnet_mask"):
        cidr = str(kinds.network_of(values["ip"], values["subnet_mask"]))
        router = values.get("router_ip") and f"router {values['router_ip']}"
        ranges = []
        for type, prefix in (("dynamic", ""), ("static", "static_")):
            low, high = (values.get(f"{prefix}ip_range_{end}") for end in ("low", "high"))
            ranges.append((low, high, type, "", f"{type} {low} to {high}"))
        facts = [f"cluster at {values['ip']}", router]
        wire.inside.append(Net(cidr, action, facts, spans=_spans(cidr, ranges)))
    return wire
