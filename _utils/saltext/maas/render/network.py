"""The network that a plan is about, as it is and as it shall be, to be drawn."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from saltext.maas.resources import kinds


@dataclass
class Box:
    """Something with a name that may change.

    Attributes:
        name: What it is called.
        action: ``create``, ``update``, ``delete``, or nothing.
        facts: What is said of it, in short phrases.
        inside: What lies in it.
    """

    name: str
    action: str = ""
    facts: list = field(default_factory=list)
    inside: list = field(default_factory=list)


@dataclass
class Net(Box):
    """A subnet with its ranges.

    Attributes:
        spans: ``(first, last, type, action)``, the ends as parts of the subnet from 0 to 1.
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

    groups: list
    racks: list


def network_of(snapshot, plan) -> Network:
    """The network of a region with what a plan changes."""
    look = _Look(snapshot, plan)
    if "node_group" in snapshot.tables and "fabric" not in snapshot.tables:
        return Network(_clusters(look), [])
    if "rack" not in snapshot.tables:
        return Network([*_clusters(look), *_fabrics(look)], [])
    racks = [Box(key, action) for key, (_, action) in look.all("rack").items()]
    return Network(_fabrics(look), racks)


class _Look:
    """Every object with its values once the plan has happened."""

    def __init__(self, snapshot, plan):
        self.snapshot = snapshot
        self._by_raw = {
            (change.desired.type, id(change.raw)): change
            for change in plan.changes
            if change.raw is not None and not change.problem
        }
        self._made = [one for one in plan.changes if one.action == "create" and not one.problem]

    def all(self, type: str) -> dict:
        """``{key: (values, action)}``."""
        table = self.snapshot.tables.get(type)
        if table is None:
            return {}
        found = {}
        for part in table.parts(self.snapshot):
            for key, record in sorted(self.snapshot.records(type, part).items()):
                values = table.values(self.snapshot, record.raw)
                change = self._by_raw.get((type, id(record.raw)))
                if change is None:
                    found[key] = (values, "")
                elif change.action == "update":
                    found[change.desired.key] = ({**values, **change.desired.values}, "update")
                else:
                    found[key] = (values, change.action)
        for change in self._made:
            if change.desired.type == type:
                old = found.get(change.desired.key, ({}, ""))[0]
                found[change.desired.key] = ({**old, **change.desired.values}, "create")
        return found


def _fabrics(look):
    groups = {key: Box(key, action) for key, (_, action) in look.all("fabric").items()}
    dhcp, wires = look.all("dhcp"), {}
    vlans = look.all("vlan")
    for key, (_, action) in list(look.all("fabric").items()):
        if action == "create":
            vlans.setdefault(f"{key}/untagged", ({"fabric": key, "vid": 0}, "create"))
    for key, (values, action) in sorted(vlans.items(), key=_vlan_order):
        served, dhcp_action = dhcp.get(key, ({}, ""))
        name = "untagged" if not values.get("vid") else f"VLAN {values['vid']}"
        if values.get("name") and values["name"] != "untagged":
            name += f" {values['name']}"
        wire = Wire(name, action, key=key, dhcp_action=dhcp_action)
        if values.get("mtu") not in (None, 1500):
            wire.facts.append(f"MTU {values['mtu']}")
        if values.get("space"):
            wire.facts.append(f"space {values['space']}")
        if served.get("enabled"):
            wire.facts.append("DHCP")
        wire.primary, wire.secondary = served.get("primary_rack"), served.get("secondary_rack")
        if served.get("relay_vlan"):
            wire.relay = served["relay_vlan"]
            wire.facts.append(f"DHCP relayed to {wire.relay}")
        if dhcp_action == "delete":
            wire.facts.append("no DHCP any more")
        wires[key] = wire
        group = groups.setdefault(values["fabric"], Box(values["fabric"]))
        group.inside.append(wire)
    for net, vlan in _subnets(look):
        if vlan not in wires:
            lost = groups.setdefault("", Box("VLAN not known yet"))
            wires[vlan] = Wire(vlan or "where MAAS puts it", key=str(vlan))
            lost.inside.append(wires[vlan])
        wires[vlan].inside.append(net)
    return list(groups.values())


def _vlan_order(item):
    values = item[1][0]
    return values["fabric"], values.get("vid") or 0


def _subnets(look):
    ranges: dict = {}
    for values, action in look.all("ip_range").values():
        ranges.setdefault(values.get("subnet"), []).append((values, action))
    found = look.all("subnet").items()
    for key, (values, action) in sorted(found, key=lambda one: _net_order(one[0])):
        net = Net(key, action)
        if values.get("name") and values["name"] != key:
            net.facts.append(values["name"])
        if values.get("gateway_ip"):
            net.facts.append(f"gateway {values['gateway_ip']}")
        if values.get("managed") is False:
            net.facts.append("not managed")
        for span, what in ranges.get(key, ()):
            ends = _part(key, span.get("start_ip"), span.get("end_ip"))
            if ends:
                net.spans.append((*ends, span.get("type") or "reserved", what, _told(span)))
        yield net, values.get("vlan")


def _told(span):
    comment = f" ({span['comment']})" if span.get("comment") else ""
    return f"{span.get('type')} {span['start_ip']} to {span['end_ip']}{comment}"


def _net_order(cidr):
    net = ipaddress.ip_network(cidr)
    return net.version, int(net.network_address), net.prefixlen


def _part(cidr, low, high):
    """Where a range lies within a subnet, from 0 to 1."""
    if not low or not high:
        return None
    net = ipaddress.ip_network(cidr)
    first, size = int(net.network_address), net.num_addresses
    ends = [(int(ipaddress.ip_address(one)) - first) / size for one in (low, high)]
    return max(0.0, ends[0]), min(1.0, ends[1] + 1 / size)


def _clusters(look):
    interfaces: dict = {}
    for values, action in look.all("node_group_interface").values():
        interfaces.setdefault(values.get("cluster"), []).append((values, action))
    groups = []
    for key, (values, action) in look.all("node_group").items():
        group = Box(f"cluster {values.get('cluster_name') or key}", action)
        if values.get("status") not in (None, "accepted"):
            group.facts.append(values["status"])
        for one, what in interfaces.get(key, ()):
            group.inside.append(_interface(key, one, what))
        groups.append(group)
    return groups


def _interface(cluster, values, action):
    name = values.get("name") or values.get("interface") or "?"
    wire = Wire(name, action, key=f"{cluster}/{name}")
    management = values.get("management")
    if management and management != "unmanaged":
        wire.facts.append("DHCP and DNS" if management == "dhcp_and_dns" else "DHCP")
    if values.get("ip") and values.get("subnet_mask"):
        cidr = str(kinds.network_of(values["ip"], values["subnet_mask"]))
        net = Net(cidr, action, [f"cluster at {values['ip']}"])
        if values.get("router_ip"):
            net.facts.append(f"router {values['router_ip']}")
        for type, prefix in (("dynamic", ""), ("static", "static_")):
            low, high = (values.get(f"{prefix}ip_range_{end}") for end in ("low", "high"))
            ends = _part(cidr, low, high)
            if ends:
                net.spans.append((*ends, type, "", f"{type} {low} to {high}"))
        wire.inside.append(net)
    return wire
