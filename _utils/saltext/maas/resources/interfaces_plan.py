"""The requests that change the interfaces of a machine to those that are described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from saltext.maas.resources.interfaces_model import InterfaceLayout, Link, Nic
from saltext.maas.resources.interfaces_schema import (
    BOND,
    BRIDGE,
    DHCP,
    LINK_UP,
    PHYSICAL,
    SENT,
    VLAN,
    in_order,
    parents_of,
    type_of,
)

#: In place of a VLAN that the description leaves open.
_UNSPECIFIED = object()
#: Temporary name of an interface while several swap their names.
_TEMPORARY_NAME = "renamed"


class InterfaceProblem(ValueError):
    """The description of interfaces cannot be applied; the text says why and what to do."""


@dataclass
class InterfaceStep:
    """One request.

    Attributes:
        text: What it does, in words.
        nic: The interface that it creates, changes or deletes.
        method, op: HTTP method, and name of the operation.
        data: Form fields; interfaces in it are sent as their ids, ``vlan`` and ``subnet`` are keys.
    """

    text: str
    nic: Nic
    method: str = "PUT"
    op: str | None = None
    data: dict = field(default_factory=dict)

    @property
    def removes(self) -> bool:
        """Whether it removes an interface or a link."""
        return self.method == "DELETE" or self.op == "unlink_subnet"


class InterfacesPlan:
    """The requests that change a machine's interfaces, and what differs.

    Args:
        layout: The current interfaces; :meth:`plan` changes them to the result.
        described: The description, in its normal form.
        subnet: Returns the values of a subnet by its key: ``vlan``, ``gateway_ip``.

    Attributes:
        steps: The requests, in order.
        changed: ``{name: (old, new)}`` of what differs, by interface.

    Raises:
        InterfaceProblem: It cannot be done.
    """

    def __init__(self, layout: InterfaceLayout, described: dict, subnet: Callable[[str], dict]):
        self.layout, self.described, self._subnet = layout, described, subnet
        self.steps: list[InterfaceStep] = []
        self._configured: set[str] = set()
        self._wanted = {name: one for name, one in described.items() if not one.get("absent")}
        self.found = self._match()
        self.changed = dict(self._changes())
        self._vlans = self._target_vlans()

    def plan(self) -> list[InterfaceStep]:
        """Return the requests, in order.

        Raises:
            InterfaceProblem: It cannot be done.
        """
        self._remove_unwanted()
        self._rename()
        order = in_order(self._wanted)
        for name in order:
            self._unlink(name)
        for name in order:
            self._configure(name)
        for name in order:
            self._link(name)
        return self.steps

    # Matching

    def _match(self):
        nics, found = self.layout.nics, {}
        by_mac = {nic.values.get("mac_address"): nic for nic in nics if nic.type == PHYSICAL}
        for name, one in self.described.items():
            if type_of(one) == PHYSICAL and one.get("mac_address") in by_mac:
                found[name] = by_mac[one["mac_address"]]
        taken = list(found.values())
        by_name = {nic.name: nic for nic in nics if nic not in taken}
        for name in self.described.keys() - found.keys():
            if name in by_name:
                found[name] = by_name[name]
        return found

    def _changes(self):
        for name, one in self.described.items():
            nic = self.found.get(name)
            if one.get("absent"):
                if nic is not None:
                    yield name, (self.layout.described()[nic.name], None)
                continue
            if nic is None:
                yield name, (None, one)
                continue
            old, new = {}, {}
            for key, value in one.items():
                current = self._current(nic, key, value)
                if current != value:
                    old[key], new[key] = current, value
            if nic.name != name:
                old["name"], new["name"] = nic.name, name
            if new:
                yield name, (old, new)

    def _current(self, nic, key, value):
        if key in SENT:
            return nic.values.get(key)
        if key in ("parent", "parents"):
            names = sorted(self._new_name(one) for one in nic.parents)
            return names if key == "parents" else ", ".join(names)
        if key == "links":
            return value if _links_match(nic, value) else [link.describe() for link in nic.links]
        return getattr(nic, key)

    def _new_name(self, nic):
        return next((name for name, one in self.found.items() if one is nic), nic.name)

    def _target_vlans(self):
        """The VLAN of each described interface, where the description says it."""
        vlans: dict = {}
        for name in in_order(self._wanted):
            one = self._wanted[name]
            vlans[name] = one.get("vlan", _UNSPECIFIED)
            if vlans[name] is not _UNSPECIFIED:
                continue
            subnets = [link["subnet"] for link in one.get("links", ()) if "subnet" in link]
            if subnets:
                vlans[name] = self._subnet(subnets[0]).get("vlan") or _UNSPECIFIED
            elif type_of(one) == BRIDGE:
                vlans[name] = vlans.get(one["parent"], _UNSPECIFIED)
        return vlans

    # One request

    def _change(self, nic, text, **values):
        data: dict = {name: "" if one is None else one for name, one in values.items()}
        tags = data.get("tags", nic.tags)
        if tags or "tags" in data:
            data["tags"] = ",".join(tags)  # else MAAS keeps the last one only
        for name in ("accept_ra", "bridge_stp", "link_connected"):
            if name in data:
                data[name] = str(data[name]).lower()
        self.steps.append(InterfaceStep(f"{nic.name}: {text}", nic, data=data))
        self.layout.change(nic, values)

    # Deleting, renaming

    def _remove_unwanted(self):
        for name in reversed(in_order(self.described)):
            nic, one = self.found.get(name), self.described[name]
            if nic is None or nic not in self.layout.nics:
                continue
            if one.get("absent"):
                self._remove(nic)
            elif nic.type != type_of(one):
                if nic.type == PHYSICAL:
                    raise InterfaceProblem(
                        f"{name} is a physical interface of the machine and not of type "
                        f"{type_of(one)}; describe it by its MAC address, under another name"
                    )
                self._remove(nic)

    def _remove(self, nic):
        for child in self.layout.children(nic):
            wanted = self._described_of(child, nic)
            left = [one for one in child.parents if one is not nic]
            if not wanted.get("absent") and child.type == BOND and left:
                self._set_parents(child, left)
            else:
                self._remove(child)
        self.steps.append(InterfaceStep(f"{nic.name}: delete", nic, "DELETE"))
        self.layout.delete(nic)
        self.found = {name: one for name, one in self.found.items() if one is not nic}

    def _described_of(self, child, nic):
        name = next((name for name, one in self.found.items() if one is child), None)
        if name is None:
            raise InterfaceProblem(
                f"{nic.name} is part of {child.name}, which is not described; describe that "
                "too, or as absent: true"
            )
        return self.described[name]

    def _set_parents(self, nic, parents):
        names = ", ".join(one.name for one in parents)
        self._change(nic, f"set its parents to {names}", parents=parents)

    def _rename(self):
        moved = {name: nic for name, nic in self.found.items() if nic.name != name}
        while moved:
            free = [name for name in moved if self.layout.named(name) is None]
            for name in free:
                nic = moved.pop(name)
                self._change(nic, f"rename it to {name}", name=name)
            if free:
                continue
            for name in moved:
                holder = self.layout.named(name)
                if holder and holder not in moved.values():
                    raise InterfaceProblem(
                        f"{name} is the name of another interface, with MAC address "
                        f"{holder.values.get('mac_address')}; describe that one under another name"
                    )
            nic = next(iter(moved.values()))
            self._change(nic, f"rename it to {_TEMPORARY_NAME} temporarily", name=_TEMPORARY_NAME)

    # Interfaces

    def _configure(self, name):
        """Create or change an interface, apart from its links."""
        if name in self._configured:
            return
        self._configured.add(name)
        one = self._wanted[name]
        self._detach(name)
        parents = [self._parent(name, parent) for parent in parents_of(one)]
        for parent in parents:
            for other in self._blockers(name, parent):
                self._free_parent(other, parent)
        nic = self.found.get(name)
        vlan = self._vlans[name]
        if type_of(one) == VLAN and parents:
            self._check_fabric(name, parents[0], vlan)
        if nic is None:
            self._create(name, one, parents, vlan)
            return
        values: dict = {
            key: value for key, value in one.items()
            if key in SENT and nic.values.get(key) != value
        }  # fmt: skip
        if parents and set(parents) != set(nic.parents):
            # Separately: together with a VLAN, MAAS would give that to the former parents as well.
            self._set_parents(nic, parents)
        if vlan is not _UNSPECIFIED and vlan != nic.vlan and not self._has_vlan_of_child(name, nic):
            values["vlan"] = vlan
        self._check_mtu(nic, values.get("mtu"))
        if values:
            words = ", ".join(f"{key} {_as_text(value)}" for key, value in values.items())
            self._change(nic, f"set {words}", **values)

    def _detach(self, name):
        """Detach an interface from bonds and bridges that are not described on it."""
        nic = self.found.get(name)
        for child in self.layout.children(nic) if nic else ():
            wanted = self._wanted.get(child.name) if child in self.found.values() else None
            if wanted and child.type in (BOND, BRIDGE) and name not in parents_of(wanted):
                self._free_parent(child, nic)

    def _parent(self, name, parent):
        nic = self.layout.named(parent)
        if nic is None:
            there = ", ".join(sorted(one.name for one in self.layout.nics)) or "none"
            raise InterfaceProblem(
                f"{name}: the machine has no interface {parent}; it has: {there}"
            )
        return nic

    def _blockers(self, name, parent):
        """The interfaces on a parent that prevent another one on it."""
        compatible = {BOND: (), BRIDGE: (VLAN,), VLAN: (VLAN, BRIDGE)}[type_of(self._wanted[name])]
        return [one for one in self.layout.children(parent)
                if one.name != name and one.type not in compatible]  # fmt: skip

    def _free_parent(self, nic, parent):
        """Detach an interface from a parent: change it, or delete it to be created again later."""
        self._described_of(nic, parent)
        wanted = parents_of(self._wanted[nic.name])
        there = [self.layout.named(one) for one in wanted]
        ready = parent not in there and all(
            one is not None and not self._blockers(nic.name, one) for one in there
        )
        kept = [one for one in nic.parents if one.name in wanted and one is not parent]
        if nic.type == VLAN:  # a VLAN must be in the fabric of its parent
            ready = ready and self._configured.issuperset(set(wanted).intersection(self._wanted))
        if ready:
            self._configure(nic.name)
        elif nic.type == BOND and kept:
            self._set_parents(nic, kept)
        else:
            self._remove(nic)

    def _check_fabric(self, name, parent, vlan):
        fabrics = [str(one).rpartition("/")[0] for one in (vlan, parent.vlan)]
        if parent.vlan is None:
            raise InterfaceProblem(
                f"{name}: {parent.name} has no VLAN; describe its vlan, FABRIC/untagged"
            )
        if fabrics[0] != fabrics[1]:
            raise InterfaceProblem(
                f"{name}: {vlan} is not in the fabric of {parent.name}, {fabrics[1]}"
            )

    def _check_mtu(self, nic, mtu):
        for child in self.layout.children(nic) if mtu else ():
            if child not in self.found.values() and (child.values.get("mtu") or 0) > mtu:
                raise InterfaceProblem(
                    f"{nic.name}:mtu: {mtu} is less than that of {child.name} on it, "
                    f"{child.values['mtu']}; describe that one too"
                )

    def _has_vlan_of_child(self, name, nic):
        """Whether the VLAN of an interface is determined by a bond or bridge on it."""
        for child in self.layout.children(nic):
            if child.type in (BOND, BRIDGE):
                if child not in self.found.values():
                    raise InterfaceProblem(
                        f"{name}:vlan: it has that of {child.name}, which it is part of; describe "
                        "that one too"
                    )
                return True
        return False

    def _create(self, name, one, parents, vlan):
        type = type_of(one)
        if type == PHYSICAL and "mac_address" not in one:
            raise InterfaceProblem(
                f"{name}: the machine has no such interface; to add it, give its mac_address"
            )
        if vlan is _UNSPECIFIED:
            vlan = parents[0].vlan if parents else None
        if type == BOND:
            for parent in parents:
                if parent.vlan != vlan:
                    self._change(parent, f"set vlan {_as_text(vlan)}", vlan=vlan)
        values = {key: value for key, value in one.items() if key in SENT}
        nic = Nic(name, type, vlan, values=dict(values), parents=parents)
        if type in (BOND, BRIDGE):
            nic.values.setdefault("mac_address", parents[0].values.get("mac_address"))
        data: dict = {key: str(one).lower() if isinstance(one, bool) else one
                      for key, one in values.items()}  # fmt: skip
        data["name"] = name
        if "tags" in data:
            data["tags"] = ",".join(data["tags"])
        if parents:
            data.update({"parents": parents} if type == BOND else {"parent": parents[0]})
        if vlan is not None:
            data["vlan"] = vlan
        of = f" of {', '.join(parent.name for parent in parents)}" if parents else ""
        where = f" in {vlan}" if vlan else ""
        text = f"{name}: create it as {type}{of}{where}"
        self.steps.append(InterfaceStep(text, nic, "POST", f"create_{type}", data))
        self.layout.create(nic)
        self.found[name] = nic

    # Links

    def _unlink(self, name):
        nic, one = self.found.get(name), self._wanted[name]
        if nic is None or "links" not in one:
            return
        vlan = self._vlans[name]
        if vlan is not _UNSPECIFIED and vlan != nic.vlan and not self._has_vlan_of_child(name, nic):
            return  # the change of its VLAN removes all
        _, extra = _unmatched(nic, one["links"])
        for link in extra:
            if link.mode != LINK_UP:
                data = {"id": link.id}
                text = f"{nic.name}: remove the link {_as_text(link.describe())}"
                self.steps.append(InterfaceStep(text, nic, "POST", "unlink_subnet", data))
                self.layout.unlink(nic, link)

    def _link(self, name):
        nic, wanted = self.found[name], self._wanted[name].get("links", [])
        while missing := _unmatched(nic, wanted)[0]:
            # MAAS removes a link with DHCP when another link is added.
            link = min(missing, key=lambda one: one["mode"] == DHCP)
            self._add(nic, link)
        for one, link in _pairs(nic, wanted)[0]:
            if one.get("default_gateway") and not link.gateway:
                self._check_gateway(nic, one)
                text = f"{nic.name}: use the gateway of {one['subnet']} by default"
                data = {"link_id": link.id}
                self.steps.append(InterfaceStep(text, nic, "POST", "set_default_gateway", data))
                self.layout.set_default_gateway(link)

    def _add(self, nic, wanted):
        data = {key: "true" if one is True else one for key, one in wanted.items()}
        vlan = None
        if "subnet" in wanted:
            vlan = self._subnet(wanted["subnet"]).get("vlan")
            if vlan and nic.vlan not in (None, vlan):
                raise InterfaceProblem(
                    f"{nic.name}: {wanted['subnet']} is in {vlan}, but {nic.name} in {nic.vlan}"
                )
            self._check_gateway(nic, wanted)
        text = f"{nic.name}: add the link {_as_text(wanted)}"
        self.steps.append(InterfaceStep(text, nic, "POST", "link_subnet", data))
        link = Link(wanted["mode"], wanted.get("subnet"), wanted.get("ip_address"),
                    gateway=bool(wanted.get("default_gateway")))  # fmt: skip
        self.layout.link(nic, link, vlan)

    def _check_gateway(self, nic, wanted):
        if wanted.get("default_gateway") and not self._subnet(wanted["subnet"]).get("gateway_ip"):
            raise InterfaceProblem(
                f"{nic.name}: {wanted['subnet']} has no gateway_ip, so it cannot be the default"
            )


def _same_link(link, wanted):
    return (
        link.mode == wanted["mode"]
        and wanted.get("subnet") in (None, link.subnet)
        and wanted.get("ip_address") in (None, link.ip_address)
    )


def _pairs(nic, wanted):
    """Each described link with its current link or None, and the current links left over."""
    left, found = list(nic.links), []
    for one in sorted(wanted, key=len, reverse=True):  # the most specific ones first
        link = next((link for link in left if _same_link(link, one)), None)
        if link is not None:
            left.remove(link)
        found.append((one, link))
    return found, left


def _unmatched(nic, wanted):
    """The described links that are missing, and the current links that are not described."""
    pairs, left = _pairs(nic, wanted)
    return [one for one, link in pairs if link is None], left


def _links_match(nic, wanted):
    """Whether an interface has the described links and no others."""
    pairs, left = _pairs(nic, wanted)
    if any(link is None or (one.get("default_gateway") and not link.gateway)
           for one, link in pairs):  # fmt: skip
        return False
    return all(link.mode == LINK_UP for link in left)


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(one.name if isinstance(one, Nic) else str(one) for one in value) or "none"
    if isinstance(value, dict):
        words = [value["mode"], *(value[one] for one in ("subnet", "ip_address") if one in value)]
        return " ".join([*words, *(["as default gateway"] if "default_gateway" in value else [])])
    return "none" if value is None else str(value)
