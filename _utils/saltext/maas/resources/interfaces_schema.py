"""Descriptions of machines' interfaces: their schema, normal form and checks.

The requests that apply a description are made in :mod:`~saltext.maas.resources.interfaces_plan`.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from saltext.maas.release import Release
from saltext.maas.resources import kinds
from saltext.maas.resources.remembered import by_content
from saltext.maas.resources.vlan_names import VLAN_NAME

PHYSICAL, BOND, BRIDGE, VLAN = "physical", "bond", "bridge", "vlan"
TYPES = (PHYSICAL, BOND, BRIDGE, VLAN)
STATIC, AUTO, DHCP, LINK_UP = "static", "auto", "dhcp", "link_up"

_NAME = re.compile(r"[\w\-.:]{1,15}")
_TAGS = replace(
    kinds.NAMES, normal=lambda value: [one.strip() for one in kinds.NAMES.normal(value)]
)


@dataclass(frozen=True)
class Attribute:
    """One key of an interface.

    Attributes:
        kind: What it may be.
        types: Types of interfaces that have it.
        since: First release that has it.
        param: Its name in the ``params`` of answers; empty if it is a key of the answer.
        default: MAAS's default for a new interface.
    """

    kind: kinds.Kind
    types: tuple = TYPES
    since: str = ""
    param: str = ""
    default: Any = None


def _parameter(kind, *types, name, default=None, since=""):
    return Attribute(kind, types or TYPES, since, name, default)


_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb",
          "balance-alb")  # fmt: skip
_POLICIES = ("layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4", "vlan+srcmac")
_FROM_0 = kinds.bounded(0)

#: Keys that requests to create or change an interface carry unchanged.
SENT: dict[str, Attribute] = {
    "mac_address": Attribute(kinds.MAC, (PHYSICAL, BOND, BRIDGE)),
    "mtu": _parameter(kinds.bounded(552), name="mtu"),
    "accept_ra": _parameter(kinds.BOOLEAN, name="accept-ra"),
    "tags": Attribute(_TAGS),
    "link_connected": Attribute(kinds.BOOLEAN, since="2.9"),
    "interface_speed": Attribute(_FROM_0, (PHYSICAL,), "2.9"),
    "link_speed": Attribute(_FROM_0, (PHYSICAL,), "2.9"),
    "bond_mode": _parameter(kinds.choice(*_MODES), BOND, name="bond_mode", default="balance-rr"),
    "bond_miimon": _parameter(_FROM_0, BOND, name="bond_miimon", default=100),
    "bond_downdelay": _parameter(_FROM_0, BOND, name="bond_downdelay", default=0),
    "bond_updelay": _parameter(_FROM_0, BOND, name="bond_updelay", default=0),
    "bond_lacp_rate": _parameter(
        kinds.choice("fast", "slow"), BOND, name="bond_lacp_rate", default="fast"),
    "bond_xmit_hash_policy": _parameter(
        kinds.choice(*_POLICIES), BOND, name="bond_xmit_hash_policy", default="layer2"),
    "bond_num_grat_arp": _parameter(
        kinds.bounded(0, 255), BOND, name="bond_num_grat_arp", default=1, since="2.7"),
    "bridge_type": _parameter(
        kinds.choice("standard", "ovs"), BRIDGE, name="bridge_type", default="standard",
        since="2.7"),
    "bridge_stp": _parameter(kinds.BOOLEAN, BRIDGE, name="bridge_stp", default=False),
    "bridge_fd": _parameter(_FROM_0, BRIDGE, name="bridge_fd", default=15),
}  # fmt: skip
_OTHERS: dict[str, Attribute] = {
    "type": Attribute(kinds.choice(*TYPES)),
    "vlan": Attribute(VLAN_NAME),
    "parent": Attribute(kinds.TEXT, (VLAN, BRIDGE)),
    "parents": Attribute(kinds.NAMES, (BOND,)),
    "links": Attribute(replace(kinds.TEXT, allowed="a list of mappings")),
    "absent": Attribute(kinds.BOOLEAN),
}
ATTRIBUTES = {**_OTHERS, **SENT}

_MODE = kinds.choice(STATIC, AUTO, DHCP, LINK_UP)
_LINK = {
    "mode": Attribute(replace(_MODE, normal=lambda value: _MODE.normal(str(value).lower()))),
    "subnet": Attribute(kinds.NETWORK),
    "ip_address": Attribute(kinds.ADDRESS),
    "default_gateway": Attribute(kinds.BOOLEAN),
}


def _clean_link(link):
    if not isinstance(link, dict):
        return link
    found = {
        name: _LINK[name].kind.cleaned(one) if name in _LINK else one for name, one in link.items()
    }
    return {name: one for name, one in found.items() if one is not None and one is not False}


def _clean_nic(given):
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ValueError
    found: dict = {}
    for name, value in given.items():
        if name == "links":
            found[name] = (
                list(map(_clean_link, value)) if isinstance(value, (list, tuple)) else value or []
            )
        elif name not in ATTRIBUTES:
            found[name] = value
        elif name == "tags":
            found[name] = _TAGS.cleaned(value) or []
        elif (clean := ATTRIBUTES[name].kind.cleaned(value)) is not None or name == "vlan":
            found[name] = clean
    return found


def normal(value: Any) -> dict | None:
    """Return the normal form of a description of interfaces: ``{name: {key: value}}``.

    Raises:
        ValueError: It is no mapping of mappings.
    """
    if not isinstance(value, dict):
        raise ValueError
    return {str(name): _clean_nic(one) for name, one in value.items()} or None


def _documented() -> dict:
    """The keys of an interface, for the reference; :func:`mistakes` checks them."""
    found: dict = {}
    for name, one in ATTRIBUTES.items():
        words = [] if one.types == TYPES else [f"Of {', '.join(one.types)}."]
        words += [f"In MAAS {one.since} and later."] if one.since else []
        found[name] = {"allowed": one.kind.allowed, "doc": " ".join(words)}
    links = {name: {"allowed": one.kind.allowed} for name, one in _LINK.items()}
    found["links"]["items"] = {"allowed": "a mapping", "properties": links}
    return found


KIND = kinds.Kind(
    "a mapping of names of interfaces to mappings", normal,
    schema={
        "type": ["object", "null"], "key": "INTERFACE",
        "additionalProperties": {
            "type": ["object", "null"], "allowed": "a mapping",
            "documented": {"properties": _documented()},
        },
    },
)  # fmt: skip


def type_of(one: dict) -> str:
    """Return the type of a described interface."""
    return one.get("type", PHYSICAL)


def parents_of(one: dict) -> list[str]:
    """Return the names of the parents of a described interface."""
    return [one["parent"]] if "parent" in one else list(one.get("parents", ()))


def references(described: Any) -> Iterator[tuple[str, str]]:
    """Yield the ``(type, key)`` of the VLANs and subnets that a description names."""
    for one in (described or {}).values() if isinstance(described, dict) else ():
        if isinstance(one, dict):
            if isinstance(one.get("vlan"), str):
                yield "vlan", one["vlan"]
            for link in one.get("links") or ():
                if isinstance(link, dict) and isinstance(link.get("subnet"), str):
                    yield "subnet", link["subnet"]


# Checks


@by_content
def mistakes(described: dict, release: Release | None) -> Iterator[str]:
    """Yield what MAAS would refuse in a description for any machine.

    Args:
        described: In its normal form.
        release: The region's release, if it is known.

    Yields:
        ``name:key: sentence``.
    """
    wrong = []
    for name, one in described.items():
        wrong += [f"{name}{text}" for text in _mistakes_of(name, one, release)]
    yield from wrong
    if not wrong:
        yield from _contradictions(described)


def _mistakes_of(name, one, release):
    if not _NAME.fullmatch(name):
        yield ": must be a name of 1 to 15 letters, digits and . : _ -"
    others = {key: value for key, value in one.items() if key != "links"}
    yield from (f":{key}: {text}" for key, text in kinds.wrong(others, ATTRIBUTES))
    if type_of(one) not in TYPES:
        return
    if not one.get("absent"):
        yield from _mistakes_of_type(one, release)
        yield from (f":links{text}" for text in _mistakes_of_links(one))
    elif one.keys() - {"absent", "type", "mac_address"}:
        yield ":absent: only type and mac_address can go with it"


def _mistakes_of_type(one, release):
    type = type_of(one)
    for key in one:
        known = ATTRIBUTES.get(key)
        if known and type not in known.types:
            yield f":{key}: is only for {' and '.join(known.types)}, not for type {type}"
        elif known and known.since and release and release < known.since:
            yield f":{key}: MAAS {release} has none; {known.since} and later have"
    if type == BRIDGE and release and release < "2.1":
        yield f":type: MAAS {release} has no bridges; 2.1 and later have"
    if "vlan" in one and one["vlan"] is None and release and release < "2.0":
        yield f":vlan: MAAS {release} cannot disconnect an interface; 2.0 and later can"
    needed = {VLAN: ("parent", "vlan"), BRIDGE: ("parent",), BOND: ("parents",)}.get(type, ())
    for key in needed:
        if not one.get(key):
            yield f":{key}: is missing, for type {type}"
    if type == VLAN and str(one.get("vlan")).endswith("/untagged"):
        yield ":vlan: must be a tagged VLAN, for type vlan"
    if release and release < "2.1" and isinstance(one.get("links"), list):
        for link in one["links"]:
            if isinstance(link, dict) and link.get("default_gateway"):
                yield f":links: MAAS {release} does not show default gateways; 2.1 and later do"


def _mistakes_of_links(one):
    links = one.get("links", [])
    if not isinstance(links, list):
        yield ": must be a list of mappings"
        return
    wrong = [
        f":{number}{text}" for number, link in enumerate(links) for text in _mistakes_of_link(link)
    ]
    yield from wrong
    if wrong:
        return
    if links and "vlan" in one and one["vlan"] is None:
        yield ": cannot be given without a VLAN"
    modes = Counter(link["mode"] for link in links)
    if modes[LINK_UP] and len(links) > 1:
        yield ": link_up cannot go with other links"
    if modes[DHCP] > 1:
        yield ": MAAS accepts one link with mode dhcp only"


def _mistakes_of_link(link):
    if not isinstance(link, dict):
        yield ": must be a mapping"
        return
    wrong = list(kinds.wrong(link, _LINK))
    yield from (f":{key}: {text}" for key, text in wrong)
    if any(key in _LINK for key, _ in wrong):
        return
    mode, subnet, address = link.get("mode"), link.get("subnet"), link.get("ip_address")
    if mode is None:
        yield ":mode: is missing"
    elif mode in (STATIC, AUTO) and not subnet:
        yield f":subnet: is missing, for mode {mode}"
    if address and mode != STATIC:
        yield ":ip_address: is only for mode static"
    elif address and subnet and ipaddress.ip_address(address) not in ipaddress.ip_network(subnet):
        yield f":ip_address: {address!r} must be in {subnet}"
    if link.get("default_gateway") and mode not in (STATIC, AUTO):
        yield ":default_gateway: is only for modes static and auto"


def _contradictions(described):
    there = {name: one for name, one in described.items() if not one.get("absent")}
    macs = Counter(one["mac_address"] for one in described.values()
                   if type_of(one) == PHYSICAL and "mac_address" in one)  # fmt: skip
    yield from (f"{mac} is described twice" for mac, number in macs.items() if number > 1)
    links = [link for one in there.values() for link in one.get("links", ())]
    addresses = Counter(link["ip_address"] for link in links if "ip_address" in link)
    yield from (f"{one} is described twice" for one, number in addresses.items() if number > 1)
    gateways = Counter(ipaddress.ip_network(link["subnet"]).version
                       for link in links if link.get("default_gateway"))  # fmt: skip
    yield from (f"IPv{one} has several default gateways"
                for one, number in gateways.items() if number > 1)  # fmt: skip
    users: dict = {}
    for name, one in there.items():
        for parent in parents_of(one):
            users.setdefault(parent, []).append(name)
    for parent, names in users.items():
        yield from _contradictions_of(described, parent, names)
    yield from _circles(there)


def _contradictions_of(described, parent, names):
    one = described.get(parent, {})
    type = type_of(one) if parent in described else None
    if one.get("absent"):
        yield f"{names[0]}: {parent} is described as absent"
        return
    kinds_of = [type_of(described[name]) for name in names]
    masters = [name for name, kind in zip(names, kinds_of) if kind in (BOND, BRIDGE)]
    if len(masters) > 1 or (BOND in kinds_of and len(names) > 1):
        yield f"{parent}: cannot be part of {' and '.join(names)} at once"
    for name, kind in zip(names, kinds_of):
        if kind == type and kind in (VLAN, BRIDGE, BOND):
            yield f"{name}: {parent} is of type {type} too"
        mtu = described[name].get("mtu", 0)
        if mtu > one.get("mtu", mtu):
            yield f"{name}:mtu: {mtu} is more than that of {parent}, {one['mtu']}"
    for master in masters:
        if one.get("links"):
            yield f"{parent}:links: it is part of {master}, so describe the links there"
        own, its = one.get("vlan"), described[master].get("vlan")
        if "vlan" in one and (type_of(described[master]) == BOND or its not in (None, own)):
            yield f"{parent}:vlan: it is part of {master}, so describe the VLAN there"


def _circles(there):
    for name in there:
        seen, at = [name], parents_of(there[name])
        while at:
            one = at.pop()
            if one == name:
                yield f"{name}: is its own parent"
                return
            if one in there and one not in seen:
                seen.append(one)
                at += parents_of(there[one])


def in_order(described: dict) -> list[str]:
    """Return the names of described interfaces, each after its parents."""
    found: list = []

    def add(name):
        if name in described and name not in found:
            for parent in parents_of(described[name]):
                add(parent)
            found.append(name)

    for name in sorted(described, key=lambda one: (TYPES.index(type_of(described[one])), one)):
        add(name)
    return found
