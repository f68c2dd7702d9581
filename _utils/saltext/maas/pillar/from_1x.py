"""Clusters, networks and nodes of MAAS 1.x, as later releases have them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from saltext.maas.pillar.desired_objects import hostname
from saltext.maas.pillar.migration import Migration
from saltext.maas.resources.images import DEFAULT_SOURCE, KEYRING
from saltext.maas.resources.kinds import network_of
from saltext.maas.resources.subnets import first_address
from saltext.maas.resources.vlan_names import parts, vlan_key

_FABRIC = "fabric-0"
#: How much a cluster manages on an interface; where several are on a network, the most counts.
_MANAGED = ("unmanaged", "dhcp", "dhcp_and_dns")
_COMMENT = "outside the static range"  # of what is reserved in its stead
_DOMAIN = "maas"  # the default domain of a new region


def boot_sources(found: Migration) -> None:
    """Give all sources of clusters to the region: up to 1.6 each cluster has its own."""
    tables = found.snapshot.tables
    if not found.crosses("1.7"):
        return
    if "cluster_boot_source" not in tables:  # 1.5 has them in a file on each cluster's host
        machines = (found.described.get("machines") or {}).values()
        arches = sorted({one["architecture"].partition("/")[0] for one in machines} or {"amd64"})
        own = {"os": "ubuntu", "release": found.own_series[1], "arches": arches}
        found.section("boot_sources")[DEFAULT_SOURCE] = {"selections": [own]}
        found.note("boot_sources", "MAAS 1.5 does not show them; this is the default one")
        return
    for table in (tables["cluster_boot_source"], tables["cluster_boot_selection"]):
        for part in table.parts(found.snapshot):
            for record in found.snapshot.records(table.name, part).values():
                _add_to_source(found, table, table.values(found.snapshot, record.raw))


def _add_to_source(found, table, values):
    sources = found.objects("boot_sources")
    entry = {
        name: value for name, value in values.items()
        if value and name != "cluster" and value not in (["*"], KEYRING)
    }  # fmt: skip
    if "url" in entry:
        sources.setdefault(entry.pop("url").rstrip("/"), {}).update(entry)
        return
    selections = sources.setdefault(entry.pop("source"), {}).setdefault("selections", [])
    selections.append({"os": "ubuntu", **entry})


def networks(found: Migration) -> None:
    """Make subnets of networks: all on the first fabric, with their tags as VLANs."""
    if not found.crosses("1.9"):
        return
    for name, network in found.described.pop("networks", {}).items():
        tag = network.get("vlan_tag", 0)
        entry = {"name": name, "vlan": vlan_key(_FABRIC, tag)}
        for new, old in (("gateway_ip", "default_gateway"), ("dns_servers", "dns_servers"),
                         ("description", "description")):  # fmt: skip
            if network.get(old):
                entry[new] = network[old]
        found.section("subnets")[str(network_of(network["ip"], network["netmask"]))] = entry


@dataclass
class _Interface:
    """An interface of a cluster that is on a network."""

    cluster: str
    name: str
    cidr: str
    values: dict

    @property
    def managed(self) -> int:
        return _MANAGED.index(self.values["management"])

    @property
    def vid(self) -> int:
        """The VID in a name such as eth0.100."""
        found = re.search(r"\.(\d+)$", self.values.get("interface") or self.name)
        return int(found[1]) if found and int(found[1]) < 4095 else 0

    @property
    def path(self) -> str:
        return f"clusters:{self.cluster}:interfaces:{self.name}"

    def span(self, name: str) -> tuple[str, str] | None:
        ends = self.values.get(name)
        return (ends["low"], ends["high"]) if ends else None


def clusters(found: Migration) -> None:
    """Make racks of clusters, and subnets, ranges and DHCP of their interfaces."""
    if not found.crosses("2.0"):
        return
    there = {}
    for label, cluster in (found.described.pop("clusters", None) or {}).items():
        if cluster.get("accepted") is False:
            found.note(f"clusters:{label}", "left out: it is not accepted")
            continue
        there[label] = cluster
        zone = cluster.get("dns_zone")
        if zone and zone != _DOMAIN:
            found.section("domains").setdefault(zone, None)
    interfaces = sorted(_interfaces(found, there), key=lambda one: one.managed)
    fabrics = _fabrics(found, interfaces)
    for one in interfaces:
        _subnet(found, one, fabrics.get(one.cidr))
    _ranges(found, interfaces)
    hosts = {label: _host(found, label, one) for label, one in there.items()}
    _dhcp(found, interfaces, hosts)


def _interfaces(found, there) -> Iterator[_Interface]:
    for label, cluster in there.items():
        for name, values in (cluster.get("interfaces") or {}).items():
            if not values.get("subnet_mask"):
                found.note(f"clusters:{label}:interfaces:{name}", "left out: it has no netmask")
                continue
            cidr = str(network_of(values["ip"], values["subnet_mask"]))
            yield _Interface(label, name, cidr, values)


def _subnet(found, one, fabric):
    subnets = found.section("subnets")
    entry = subnets[one.cidr] = subnets.get(one.cidr) or {}
    if fabric or "vlan" not in entry:
        entry["vlan"] = vlan_key(fabric or _FABRIC, _vid(found, one))
    if one.values.get("router_ip"):
        entry["gateway_ip"] = one.values["router_ip"]


def _vid(found, one):
    """The VID of an interface's network: that of the network of 1.x, else its own one."""
    network = (found.described.get("subnets") or {}).get(one.cidr) or {}
    return parts(network["vlan"])[1] if "vlan" in network else one.vid


def _fabrics(found, interfaces):
    """The fabric for each network: one of its own for a cluster that could not serve DHCP else.

    MAAS's own migration leaves the networks of all clusters on one fabric, and only one of those
    that serve DHCP on a VLAN does so from then on.
    """
    if found.source >= "1.9":
        return {}  # where a person decided what lies on which VLAN
    fabrics: dict = {}
    served: dict = {}  # VID on the first fabric -> the cluster that serves DHCP there
    for cluster in sorted({one.cluster for one in interfaces}):
        own = [one for one in interfaces if one.cluster == cluster and one.cidr not in fabrics]
        vids = {_vid(found, one) for one in own if one.managed}
        apart = bool(vids & served.keys())
        if not apart:
            served.update(dict.fromkeys(vids, cluster))
        fabric = re.sub(r"[^\w-]+", "-", cluster) if apart else _FABRIC
        fabrics.update({one.cidr: fabric for one in own})
    return fabrics


def _ranges(found, interfaces):
    """Write dynamic ranges, and static ones as MAAS does: what is outside of them is reserved."""
    spans: dict = {}  # network -> (dynamic, static)
    for one in interfaces:
        dynamic, static = spans.setdefault(one.cidr, ([], []))
        for name, into in (("dynamic_range", dynamic), ("static_range", static)):
            if one.span(name) and one.span(name) not in into:
                into.append(one.span(name))
        if one.managed and not one.span("static_range"):
            found.note(
                f"subnets:{one.cidr}:ranges",
                "there is no static range, so that every address outside the dynamic range may be "
                "given to machines; reserve those in use",
            )
    for cidr, (dynamic, static) in spans.items():
        ranges = [{"type": "dynamic", "start": low, "end": high} for low, high in dynamic]
        if static:
            outside = _outside(cidr, [*dynamic, *static])
            ranges += [
                {"type": "reserved", "start": low, "end": high, "comment": _COMMENT}
                for low, high in outside
            ]
        if ranges:
            found.described["subnets"][cidr]["ranges"] = ranges


def _outside(cidr, spans) -> Iterator[tuple[str, str]]:
    """The addresses of a subnet that are in none of some ranges, as ranges."""
    net = ipaddress.ip_network(cidr)
    address = type(net.network_address)
    free, last = first_address(net), int(net.broadcast_address) - (net.version == 4)
    numbers = sorted(
        (int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high))) for low, high in spans
    )
    for low, high in [*numbers, (last + 1, last + 1)]:
        if low > free:
            yield str(address(free)), str(address(low - 1))
        free = max(free, high + 1)


def _host(found, label, cluster):
    """The minion of a cluster's host, which becomes a rack; None where nobody knows it."""
    names = (cluster.get("uuid"), cluster.get("cluster_name"), label)
    minion = next((found.hosts[name] for name in names if name in found.hosts), None)
    if minion is None:
        found.note(
            f"clusters:{label}",
            "left out: MAAS 1.x does not know its host; name the minion there with racks: "
            f"{{{label}: MINION}}, or add it to racks, and to dhcp of its VLANs as primary_rack",
        )
    else:
        found.section("racks")[minion] = None
    return minion


def _dhcp(found, interfaces, hosts):
    served: dict = {}  # VLAN -> cluster
    for one in sorted(interfaces, key=lambda one: -one.managed):
        minion = hosts[one.cluster]
        if not one.managed:
            continue
        vlan = found.described["subnets"][one.cidr]["vlan"]
        fabric, vid = parts(vlan)
        first = served.setdefault(vlan, one.cluster)
        place = f"fabrics:{fabric}:vlans:{vid or 'untagged'}:dhcp"
        if first != one.cluster:
            found.note(place, f"{one.path} is left out: MAAS {found.target.series} has one primary "
                       f"rack for a VLAN, and {first} serves it already; a secondary_rack can "
                       "stand by")  # fmt: skip
        elif minion is None:
            found.note(place, f"left out: served by cluster {one.cluster}, whose host is unknown")
        elif not one.span("dynamic_range"):
            found.note(place, f"left out: {one.path} has no dynamic range")
        else:
            vlans = found.objects("fabrics").setdefault(fabric, {}).setdefault("vlans", {})
            key = vid or "untagged"
            vlans[key] = {**(vlans.get(key) or {}), "dhcp": {
                "enabled": True, "primary_rack": hostname(minion, {})}}  # fmt: skip


def vlans(found: Migration) -> None:
    """Describe the VLANs that networks and clusters are on."""
    if not found.crosses("1.9"):
        return
    for subnet in (found.described.get("subnets") or {}).values():
        fabric, vid = parts(subnet["vlan"])
        if vid or fabric != _FABRIC:  # of which MAAS makes the untagged one of itself
            there = found.objects("fabrics").setdefault(fabric, {}).setdefault("vlans", {})
            key, own = (vid, {"name": f"vlan{vid}"}) if vid else ("untagged", {})
            there[key] = {**own, **(there.get(key) or {})} or None


def _addresses(found, name, entry, addresses):
    """Give a device its static addresses, which 1.x shows without saying of which interface."""
    if addresses and len(entry["mac_addresses"]) == 1:
        entry["ip_addresses"] = addresses
    elif addresses:
        found.note(f"devices:{name}:ip_addresses", f"left out: MAAS {found.source.series} does "
                   f"not show which interface has {', '.join(addresses)}")  # fmt: skip


def nodes(found: Migration) -> None:
    """Give machines and devices what 1.x shows as a part of their names, or otherwise."""
    if not found.crosses("2.0"):
        return
    for key, type in (("machines", "machine"), ("devices", "device")):
        for name, entry in found.objects(key).items() if key in found.described else ():
            record = found.snapshot.find(type, name)
            shown = (record.raw.get("fqdn") or record.raw["hostname"]) if record else name
            domain = shown.partition(".")[2]
            if record and type == "device":
                _addresses(found, name, entry, record.raw.get("ip_addresses"))
            if domain:
                entry["domain"] = domain
                if domain != _DOMAIN and domain not in found.section("domains"):
                    found.section("domains")[domain] = {"authoritative": False}
