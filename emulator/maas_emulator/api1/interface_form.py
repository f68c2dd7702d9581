"""Validation of a cluster's interface as each release of API 1.0 does it."""

from __future__ import annotations

import ipaddress
import re
import secrets
from types import SimpleNamespace

from maas_emulator import netparse
from maas_emulator.api1 import groups
from maas_emulator.api1.addresses import taken
from maas_emulator.bodies import Form
from maas_emulator.forms_1x import IP, ModelForm, Wrong, choice, text
from maas_emulator.web import TEXT, Answer, Invalid

NEEDED = "That field cannot be empty (unless that interface is 'unmanaged')"
OVERLAP = "This interface's network must not overlap with other networks on this cluster."
RANGES_OVERLAP = "Static and dynamic IP ranges may not overlap."
BAD_RANGE = "Invalid IP range (high IP address must be higher than low IP address)."
SPANS_MORE = "All addresses in the dynamic range must be within the same /16 network."
LEFT_OUT = "New static IP range does not include already-allocated IP addresses."
IN_USE = "Cannot remove static IP range when there are allocated IP addresses in that range."
BACKWARDS = "Lower bound {} is higher than upper bound {}"
TOO_SMALL = "Subnet is too small to manage."
#: Of a managed interface's network, up to 1.6.
SHORTEST_PREFIX = 16

_NAME = re.compile(r"[a-zA-Z0-9_:.-]+\n?\Z")
_AWKWARD = re.compile(r"[^a-zA-Z0-9_:.-]")

#: (field that the API shows and takes, first release). ``router_ip`` is taken only.
FIELDS = (
    ("interface", "1.5"), ("ip", "1.5"), ("subnet_mask", "1.5"), ("broadcast_ip", "1.5"),
    ("ip_range_low", "1.5"), ("ip_range_high", "1.5"), ("management", "1.5"),
    ("static_ip_range_low", "1.6"), ("static_ip_range_high", "1.6"), ("name", "1.7"),
)  # fmt: skip
_DYNAMIC = ("ip_range_low", "ip_range_high")
_STATIC = ("static_ip_range_low", "static_ip_range_high")
_IN_NETWORK = ("router_ip", *_DYNAMIC, *_STATIC)


def form_for(request, group, row=None):
    """The form of the release for an interface.

    Args:
        request: The call.
        group: The node group, None for one that is not there yet.
        row: The interface to change, None for a new one.
    """
    release = request.region.release
    cls = OldForm if release < groups.RPC else NamedForm
    return (cls if release < groups.SUBNETS else SubnetForm)(request, group, row)


def problems_of(request, item):
    """What is wrong with an interface that a registering cluster tells of: ``{field: [...]}``."""
    if not isinstance(item, dict):
        return {"__all__": ["Interface data must be a dictionary."]}
    pairs = [(name, value) for name, value in item.items() if value is not None]
    request_like = SimpleNamespace(region=request.region, form=Form.of_pairs(pairs), bound=True)
    try:
        form_for(request_like, None).read()
    except Invalid as invalid:
        return invalid.errors
    return {}


def _server_error(problem):
    return Answer(500, str(problem), TEXT)


class OldForm(ModelForm):
    """An interface of 1.5 and 1.6, which is called what its network interface is."""

    needed: tuple[str, ...] = ("interface", "subnet_mask", "router_ip", *_DYNAMIC)

    def __init__(self, request, group, row=None):
        super().__init__(request, row)
        self.group = group
        self.fields = {name: text(255) for name in self._texts()}
        self.fields["management"] = choice((0, 1, 2), int, empty=groups.UNMANAGED)
        addresses = {name: IP for name in groups.ADDRESS_FIELDS if name != "foreign_dhcp_ip"}
        if self.release < "1.6":
            addresses = {name: IP for name in addresses if name not in _STATIC}
        self.fields.update(addresses, ip=IP.needed())
        self.defaults = {"interface": "", "name": "", "management": groups.UNMANAGED,
                         **dict.fromkeys(groups.ADDRESS_FIELDS, "")}  # fmt: skip

    def _texts(self):
        return ("interface",)

    def read(self):
        """The values to store; raises Invalid, or the 500s that the release has."""
        values = super().read()
        values["name"] = values["name"] or values["interface"]
        return {
            name: None if name in groups.ADDRESS_FIELDS and value == "" else value
            for name, value in values.items()
        }

    @property
    def managed(self):
        return bool(self.values["management"])

    def others(self):
        """The other interfaces of the cluster."""
        rows = groups.interfaces_of(self.region, self.group) if self.group else []
        return [other for other in rows if other is not self.stored]

    def outside(self):
        return {"nodegroup"}

    def clean(self):
        if self.release >= "1.6":
            self.check_static_range()

    def network(self):
        """The network of the object, None without a mask."""
        if not self.values["subnet_mask"]:
            return None
        try:
            return netparse.network(self.values["ip"] or "", self.values["subnet_mask"])
        except netparse.BadAddress as bad:
            raise Wrong({"subnet_mask": [str(bad)]}) from None

    def check_fields(self, excluded):
        net = self.network()
        if net is not None:
            self.check_size(net)
            self.check_in_network(net)
            self.values["broadcast_ip"] = self.values["broadcast_ip"] or str(net.broadcast_address)
        self.check_needed()
        self.check_ranges()

    def check_size(self, net):
        if self.managed and net.prefixlen < SHORTEST_PREFIX:
            message = (
                f"Cannot create an address space bigger than a /{SHORTEST_PREFIX} network."
                f"  This network is a /{net.prefixlen} network."
            )
            raise Wrong({"subnet_mask": [message]})

    def check_in_network(self, net):
        names = ("broadcast_ip", *_IN_NETWORK)
        found = {
            name: [f"{self.values[name]} not in the {net} network"]
            for name in names
            if self.values[name] and netparse.address(self.values[name]) not in net
        }
        if found:
            raise Wrong(found)

    def check_needed(self):
        missing = [name for name in self.needed if not self.values[name]]
        if self.managed and missing:
            raise Wrong({name: [NEEDED] for name in missing})

    def check_ranges(self):
        """Static against dynamic range, where the interface hands out both."""
        ends = [self.values[name] for name in _STATIC]
        if not (self.managed and all(ends)):
            return
        found = {}
        for names in (_STATIC, _DYNAMIC):
            low, high = (self.values[name] for name in names)
            if netparse.address(low) > netparse.address(high):
                found.update({name: [BACKWARDS.format(low, high)] for name in names})
        if found:
            raise Wrong(found)
        self.check_apart()

    def check_apart(self):
        low, high, first, last = (
            netparse.address(self.values[name]) for name in (*_STATIC, *_DYNAMIC)
        )
        if low <= last and first <= high:
            raise Wrong({name: [RANGES_OVERLAP] for name in (*_STATIC, *_DYNAMIC)})

    def check_static_range(self):
        """Refuse a new static range that leaves out addresses that somebody has."""
        stored = self.stored
        if not stored or not stored["management"] or not all(stored[name] for name in _STATIC):
            return
        given = [self.cleaned.get(name) for name in _STATIC]
        if given == [stored[name] for name in _STATIC]:
            return
        if "" in given and any(given):
            raise _server_error('invalid input syntax for type inet: ""')
        used = self.taken(*(stored[name] for name in _STATIC))
        new = [netparse.address(end) for end in given if end]
        if new:
            used = [ip for ip in used if not new[0] <= ip <= new[-1]]
        if used:
            for name in _STATIC:
                self.set_error(name, LEFT_OUT if new else IN_USE)

    def taken(self, low, high):
        """Addresses of a range that somebody has."""
        first, last = netparse.address(low), netparse.address(high)
        given = map(netparse.address, taken(self.region))
        return sorted(ip for ip in given if ip.version == first.version and first <= ip <= last)

    def check_unique(self, excluded):
        if "nodegroup" in excluded:
            return
        if self.values["interface"] in [other["interface"] for other in self.others()]:
            raise Wrong("Node group interface with this Nodegroup and Interface already exists.")


class NamedForm(OldForm):
    """An interface of 1.7 and 1.8, which has a name of its own."""

    needed: tuple[str, ...] = ("interface", "subnet_mask", *_DYNAMIC)

    def __init__(self, request, group, row=None):
        super().__init__(request, group, row)
        self.fields["name"] = text(255, _NAME)

    def _texts(self):
        return ("name", "interface")  # the name is read first

    def clean(self):
        self.cleaned["name"] = self.name()
        if ":" in self.cleaned.get("ip", ""):
            mask = self.cleaned.get("subnet_mask") or "ffff:ffff:ffff:ffff::"
            self.cleaned["subnet_mask"] = mask
        self.check_dynamic_size()
        self.check_static_range()

    def name(self):
        """The name: given, kept, or made of the network interface's."""
        name = self.cleaned.get("name") or (self.stored or {}).get("name")
        if name:
            return name
        interface = self.cleaned.get("interface")
        if not interface:
            return f"unnamed-{1000000 + secrets.randbelow(9000000)}"
        name = _AWKWARD.sub("--", interface)
        return self.told_apart(name) if name in [o["name"] for o in self.others()] else name

    def told_apart(self, name):
        """Another name for an interface, where its own is taken."""
        if "ip" not in self.cleaned:
            raise _server_error("u'ip'")
        if ":" in self.cleaned["ip"]:
            return f"{name}-ipv6-{10000 + secrets.randbelow(90000)}"
        return f"{name}-ipv4"

    def check_dynamic_size(self):
        stored = self.stored
        ends = [self.cleaned.get(name) for name in _DYNAMIC]
        if not stored or not stored["management"] or not any(ends):
            return
        if ends == [stored[name] for name in _DYNAMIC]:
            return
        try:
            first, last = netparse.ip_range(*ends)
        except netparse.BadAddress as bad:
            raise _server_error(bad) from None
        if first.version == 4 and netparse.spans_more(first, last):
            for name in _DYNAMIC:
                self.set_error(name, SPANS_MORE)

    def check_size(self, net):
        """Networks may be as large as they like."""

    def check_fields(self, excluded):
        super().check_fields(excluded)
        self.check_overlap(self.network())

    def check_overlap(self, net):
        if not self.managed or net is None:
            return
        for other in self.others():
            theirs = groups.network_of(other["ip"], other["subnet_mask"])
            managed = other["management"] and theirs is not None
            if managed and theirs.version == net.version and theirs.overlaps(net):
                raise Wrong({"ip": [OVERLAP], "subnet_mask": [OVERLAP]})

    def rivals(self):
        """Interfaces that may clash on the same network interface."""
        return self.others()

    def check_unique(self, excluded):
        if "nodegroup" in excluded:
            return
        if self.values["name"] in [other["name"] for other in self.others()]:
            raise Wrong("Node group interface with this Nodegroup and Name already exists.")
        if {"ip", "interface"} & excluded:
            return
        interface, six = self.values["interface"], ":" in self.values["ip"]
        same = [other for other in self.rivals()
                if other["interface"] == interface and (":" in other["ip"]) == six]  # fmt: skip
        start = "Another cluster interface "
        if six:
            same = [row for row in [self.values, *same] if all(row[name] for name in _STATIC)]
            if self.values in same and len(same) > 1:
                end = f"network interface {interface} to an IPv6 network."
                raise Wrong(f"{start}with a static address range already connects {end}")
        elif same:
            end = f"network interface {interface} to an IPv4 network."
            raise Wrong(f"{start}already connects {end}")


class SubnetForm(NamedForm):
    """An interface of 1.9 and later, whose mask and router are those of a subnet."""

    needed: tuple[str, ...] = ("interface", *_DYNAMIC)

    def __init__(self, request, group, row=None):
        super().__init__(request, group, row)
        del self.fields["broadcast_ip"]
        self.fields.update(router_ip=text(), subnet_mask=text())
        self.alias = None
        #: The network that storing puts the interface on; before that, the one it is on.
        self.net = groups.network_of(row["ip"], row["subnet_mask"]) if row else None

    def set_error(self, name, message):
        self.errors.setdefault(name, []).append(message)

    def clean_interface(self, value):
        """An alias is known by the interface that it belongs to."""
        name, colon, alias = value.partition(":")
        if colon:
            self.alias = alias.strip()
            return name.strip()
        return value

    def name(self):
        if self.alias and not self.cleaned.get("name") and not (self.stored or {}).get("name"):
            name = _AWKWARD.sub("--", f"{self.cleaned.get('interface')}:{self.alias}")
            return self.told_apart(name) if name in [o["name"] for o in self.others()] else name
        return super().name()

    def told_apart(self, name):
        if "ip" not in self.cleaned:
            raise _server_error("u'ip'")
        version = 6 if ":" in self.cleaned["ip"] else 4
        return f"{name}-ipv{version}-{secrets.token_hex(2)}"

    def clean(self):
        self.cleaned["name"] = self.name()
        self._check_mask()
        self._check_dynamic()
        self._check_static()
        self._check_in_network()

    def _mask(self):
        """The mask: the right one that was sent, else what was sent, else what is stored."""
        mask = self.cleaned.get("subnet_mask") or self.form.get("subnet_mask")
        return mask or (self.stored or {}).get("subnet_mask") or ""

    def _given_network(self):
        try:
            return netparse.network(self.cleaned.get("ip"), self._mask())
        except netparse.BadAddress as bad:
            raise _server_error(bad) from None

    def _check_mask(self):
        if ":" in self.cleaned.get("ip", "") and not self.cleaned.get("subnet_mask"):
            self.cleaned["subnet_mask"] = "ffff:ffff:ffff:ffff::"
        if self.cleaned.get("management") == groups.UNMANAGED:
            return
        if not self._mask():
            self.set_error("subnet_mask", NEEDED)
        elif self._given_network().num_addresses < 8:
            self.set_error("subnet_mask", TOO_SMALL)

    def _same_range(self, names):
        stored = self.stored or self.defaults
        return self.cleaned.get("management") == stored["management"] and [
            self.cleaned.get(name) for name in names
        ] == [stored[name] for name in names]

    def _check_range(self, names):
        """Whether a new range is there; an error is noted where it is none."""
        ends = [(self.cleaned.get(name) or "").strip() for name in names]
        if self.cleaned.get("management") == groups.UNMANAGED or not any(ends):
            return None
        if all(ends) and self._same_range(names):
            return None
        try:
            first, last = netparse.ip_range(*ends)
            if first != last:
                return first, last
        except netparse.BadAddress:
            pass
        for name in names:
            self.set_error(name, BAD_RANGE)
        return None

    def _check_dynamic(self):
        found = self._check_range(_DYNAMIC)
        if found and found[0].version == 4 and netparse.spans_more(*found):
            for name in _DYNAMIC:
                self.set_error(name, SPANS_MORE)

    def _check_static(self):
        if self._check_range(_STATIC) or not any(self.cleaned.get(name) for name in _STATIC):
            self.check_static_range()

    def _check_in_network(self):
        if not self._mask() or not self.cleaned.get("ip"):
            return
        net = self._given_network()
        for name in _IN_NETWORK:
            ip = self.cleaned.get(name) or ""
            if not ip.strip():
                continue
            try:
                if netparse.address(ip) not in net:
                    self.set_error(name, f"{ip} not in the {net} network")
            except netparse.BadAddress:
                self.set_error(name, f"{name} ({ip}) is not a valid address")

    def network(self):
        """The network of the object: of its subnet."""
        if self.net is None:
            return None
        try:
            return netparse.network(self.values["ip"] or "", self.net.prefixlen)
        except netparse.BadAddress:
            bad = f"invalid IPNetwork {self.values['ip']}/{self.net.netmask}"
            raise Wrong({"subnet_mask": [bad]}) from None

    def check_fields(self, excluded):
        net = self.network()
        if net is not None and net.num_addresses < 8 and self.managed:
            raise Wrong({"subnet_mask": [TOO_SMALL]})
        self.check_needed()
        self.check_ranges()
        self.check_overlap(net)

    def check_ranges(self):
        if not (self.managed and all(self.values[name] for name in _STATIC)):
            return
        found, known = {}, {}
        for names in (_STATIC, _DYNAMIC):
            low, high = (self.values[name] for name in names)
            try:
                known[names] = netparse.ip_range(low, high)
            except netparse.BadAddress:
                found.update({name: [BACKWARDS.format(low, high)] for name in names})
        if self._overlap(known):
            found.update({name: [RANGES_OVERLAP] for name in (*_STATIC, *_DYNAMIC)})
        used = " ".join(map(str, self.taken(*(self.values[name] for name in _DYNAMIC))))
        if used:
            message = "Dynamic range may not have addresses already in use. Conflicts with: "
            found.update({name: [message + used] for name in _DYNAMIC})
        if found:
            raise Wrong(found)

    def _overlap(self, known):
        """Whether an end of one range lies in the other, as far as they are ranges."""
        for names, (first, last) in known.items():
            rest = _DYNAMIC if names is _STATIC else _STATIC
            ends = [netparse.address(self.values[name]) for name in rest]
            if any(ip.version == first.version and first <= ip <= last for ip in ends):
                return True
        return False

    def rivals(self):
        return [other for other in self.others() if other["management"]]

    def check_again(self):
        """The subnet comes first; the interface is stored without it, and again with it."""
        mask, net = self.cleaned.get("subnet_mask"), None
        if mask:
            if mask.isdecimal():  # read as an address, which is not what was meant
                mask = str(ipaddress.ip_address(int(mask)))
            try:
                net = netparse.network(self.values["ip"], mask)
            except netparse.BadAddress as bad:
                raise _server_error(bad) from None
        super().check_again()
        self.net = net
        super().check_again()
