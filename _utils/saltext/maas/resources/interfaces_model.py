"""The interfaces of a machine, and how MAAS changes others together with one of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from saltext.maas.resources import kinds
from saltext.maas.resources.interfaces_schema import (
    BOND,
    BRIDGE,
    DHCP,
    LINK_UP,
    PHYSICAL,
    SENT,
    STATIC,
    VLAN,
)


@dataclass(eq=False)
class Link:
    """A link of an interface to a subnet; ``id`` is None until MAAS has it."""

    mode: str
    subnet: str | None = None
    ip_address: str | None = None
    id: int | None = None
    gateway: bool = False

    @property
    def family(self) -> int | None:
        """Its address family; None without a subnet."""
        return ipaddress.ip_network(self.subnet).version if self.subnet else None

    def describe(self) -> dict:
        """Return it as the pillar describes it."""
        found: dict = {"mode": self.mode}
        if self.subnet:
            found["subnet"] = self.subnet
        if self.mode == STATIC and self.ip_address:
            found["ip_address"] = self.ip_address
        if self.gateway:
            found["default_gateway"] = True
        return found


@dataclass(eq=False)
class Nic:
    """An interface; ``id`` is None until MAAS has it."""

    name: str
    type: str = PHYSICAL
    vlan: str | None = None
    id: int | None = None
    values: dict = field(default_factory=dict)
    parents: list[Nic] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    @property
    def tags(self) -> list[str]:
        """Its tags."""
        return self.values.get("tags") or []


class InterfaceLayout:
    """All interfaces of a machine.

    The methods change them as MAAS does when it carries out a request.

    Args:
        raw: The machine, as it was read.
        vlan_key, subnet_key: Return the key of a VLAN or subnet that an answer holds.
    """

    def __init__(
        self, raw: dict, vlan_key: Callable[[dict], str], subnet_key: Callable[[dict], str]
    ):
        default_links = {
            one.get("link_id") for one in (raw.get("default_gateways") or {}).values() if one
        } - {None}
        self.nics: list[Nic] = []
        names: dict = {}
        for one in sorted(raw.get("interface_set") or (), key=lambda one: one["id"]):
            vlan = one.get("vlan")
            nic = Nic(one["name"], one["type"], vlan_key(vlan) if vlan else None, one["id"],
                      _values(one))  # fmt: skip
            for link in one.get("links") or ():
                subnet = link.get("subnet")
                nic.links.append(
                    Link(link["mode"], subnet_key(subnet) if subnet else None,
                         link.get("ip_address"), link["id"], link["id"] in default_links)
                )  # fmt: skip
            names[nic.name] = one.get("parents") or ()
            self.nics.append(nic)
        for nic in self.nics:
            nic.parents = [other for other in self.nics if other.name in names[nic.name]]

    def named(self, name: str) -> Nic | None:
        """Return the interface of a name."""
        return next((nic for nic in self.nics if nic.name == name), None)

    def children(self, nic: Nic) -> list[Nic]:
        """Return the interfaces on top of one."""
        return [other for other in self.nics if nic in other.parents]

    # Effects of requests

    def create(self, nic: Nic) -> None:
        """Add an interface, which is up."""
        self.nics.append(nic)
        self._adopt_parents(nic)
        self.spread_mtu(nic, None)
        if nic.vlan is not None:
            nic.links = [Link(LINK_UP)]

    def change(self, nic: Nic, values: dict) -> None:
        """Change values, VLAN or parents of an interface."""
        before = nic.values.get("mtu")
        rest = {name: one for name, one in values.items() if name in SENT}
        nic.values = {**nic.values, **rest}
        nic.name = values.get("name", nic.name)
        nic.parents = values.get("parents", nic.parents)
        if "vlan" in values and values["vlan"] != nic.vlan:
            nic.vlan, nic.links = values["vlan"], []
        self._adopt_parents(nic)
        self.spread_mtu(nic, before)

    def _adopt_parents(self, nic):
        for one in [nic, *self.children(nic)]:
            if one.type in (BOND, BRIDGE):
                for parent in one.parents:
                    parent.links, parent.vlan = [], one.vlan

    def spread_mtu(self, nic: Nic, before: int | None) -> None:
        """Raise the MTU of parents that is smaller, and lower that of children that is larger."""
        mtu = nic.values.get("mtu")
        if mtu is None or mtu == before:
            return
        for other in self.children(nic) + nic.parents:
            old = other.values.get("mtu")
            if (old or 0) < mtu if other in nic.parents else (old or 0) > mtu:
                other.values = {**other.values, "mtu": mtu}
                self.spread_mtu(other, old)

    def delete(self, nic: Nic) -> None:
        """Remove an interface that no other is on."""
        self.nics.remove(nic)
        for other in self.nics:
            other.parents = [one for one in other.parents if one is not nic]

    def unlink(self, nic: Nic, link: Link) -> None:
        """Remove a link; an interface with a VLAN stays up (``link_up``)."""
        nic.links.remove(link)
        if not nic.links and nic.vlan is not None:
            nic.links.append(Link(LINK_UP))

    def link(self, nic: Nic, link: Link, vlan: str | None) -> None:
        """Add a link to a subnet of some VLAN."""
        if nic.vlan is None and link.subnet:
            nic.vlan = vlan
        nic.links = [
            one
            for one in nic.links
            if one.mode != LINK_UP
            and not (one.mode == DHCP and (not link.family or one.family in (None, link.family)))
        ]
        nic.links.append(link)
        if link.gateway:
            self.set_default_gateway(link)

    def set_default_gateway(self, link: Link) -> None:
        """Make the gateway of a link the machine's default gateway."""
        for nic in self.nics:
            for other in nic.links:
                if other.family == link.family:
                    other.gateway = other is link

    # Descriptions

    def described(self) -> dict:
        """Return all interfaces as a pillar describes them."""
        return {nic.name: dict(self._described(nic)) for nic in self.nics}

    def _described(self, nic) -> Iterator[tuple[str, Any]]:
        part = any(one.type in (BOND, BRIDGE) for one in self.children(nic))
        if nic.type != PHYSICAL:
            yield "type", nic.type
            names = [one.name for one in nic.parents]
            yield ("parents", sorted(names)) if nic.type == BOND else ("parent", "".join(names[:1]))
        for name, value in nic.values.items():
            attribute = SENT[name]
            if name.startswith(("link_", "interface_")) or nic.type not in attribute.types:
                continue
            implied = name == "mac_address" and value in [
                one.values.get(name) for one in nic.parents
            ]
            if name == "mtu" and self._has_less_than_above(nic):
                continue  # no description may say so, though MAAS lets it happen
            if value not in (None, [], attribute.default) and not implied:
                yield name, value
        if nic.vlan and (not part or nic.type == VLAN):
            yield "vlan", nic.vlan
        links = [link.describe() for link in nic.links if link.mode != LINK_UP]
        if links and not part:
            yield "links", links

    def _has_less_than_above(self, nic):
        mtu = nic.values.get("mtu") or 0
        return any((one.values.get("mtu") or 0) > mtu or self._has_less_than_above(one)
                   for one in self.children(nic))  # fmt: skip


def _values(one):
    held = one.get("params")
    params = held if isinstance(held, dict) else {}  # it may be an empty text
    found: dict = {}
    for name, attribute in SENT.items():
        held = params.get(attribute.param) if attribute.param else one.get(name)
        if held is not None:
            try:
                found[name] = attribute.kind.clean(held)
            except ValueError:  # a later release may have it
                found[name] = str(held)
    found["tags"] = kinds.NAMES.clean(one.get("tags")) or []
    return found
