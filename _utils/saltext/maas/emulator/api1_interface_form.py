"""Validation of a cluster's interface as each release of API 1.0 does it."""

from __future__ import annotations

import ipaddress
import re
import secrets
from types import SimpleNamespace

from saltext.maas.emulator import api1_groups as groups
from saltext.maas.emulator.bodies import Form
from saltext.maas.emulator.forms import BAD_IP, REQUIRED, Check, is_ip, not_a_choice
from saltext.maas.emulator.web import TEXT, Answer, Invalid

NEEDED = "That field cannot be empty (unless that interface is 'unmanaged')"
OVERLAP = "This interface's network must not overlap with other networks on this cluster."
RANGES_OVERLAP = "Static and dynamic IP ranges may not overlap."
_NAME = re.compile(r"[\w:.-]+\Z")

#: (field that the API shows and takes, first release). ``router_ip`` is taken only.
FIELDS = (
    ("interface", "1.5"), ("ip", "1.5"), ("subnet_mask", "1.5"), ("broadcast_ip", "1.5"),
    ("ip_range_low", "1.5"), ("ip_range_high", "1.5"), ("management", "1.5"),
    ("static_ip_range_low", "1.6"), ("static_ip_range_high", "1.6"), ("name", "1.7"),
)  # fmt: skip


def _addresses(release):
    names = [name for name, since in FIELDS if release >= since and name in groups.ADDRESS_FIELDS]
    return [*names, "router_ip"]


def problems_of(request, item):
    """What is wrong with an interface that a registering cluster tells of: ``{field: [...]}``."""
    if not isinstance(item, dict):
        return {"__all__": ["Interface data must be a dictionary."]}
    pairs = [(name, value) for name, value in item.items() if value is not None]
    told = SimpleNamespace(region=request.region, form=Form.of_pairs(pairs), bound=True)
    try:
        InterfaceForm(told, None).read()
    except Invalid as invalid:
        return invalid.errors
    return {}


class InterfaceForm:
    """Validates an interface as the release does.

    Args:
        request: The call.
        group: The node group, None for one that is not there yet.
        row: The interface to change, None for a new one.
    """

    def __init__(self, request, group, row=None):
        self.region = request.region
        self.release = request.region.release
        self.group = group
        self.row = row
        self.check = Check(request, row)
        self.form = request.form

    def read(self):
        """The values to store; raises Invalid, or the 500s that the release has."""
        values = {name: self._address(name) for name in _addresses(self.release)}
        values["interface"] = self.check.text("interface")
        values["management"] = self._management()
        values["name"] = self._name(values)
        if self.release >= groups.SUBNETS:  # an alias is kept in the name only
            values["interface"] = values["interface"].partition(":")[0]
        if values["ip"] and ":" in values["ip"] and not values["subnet_mask"]:
            values["subnet_mask"] = "ffff:ffff:ffff:ffff::"
        net = self._network(values)
        computed = self.release >= groups.SUBNETS or not values["broadcast_ip"]
        if net is not None and computed:
            values["broadcast_ip"] = str(net.broadcast_address)
        if values["management"]:
            self._managed(values, net)
        if not self.check.errors:
            self._unique(values)
        self.check.done()
        return values

    def _address(self, name):
        value = self.form.get(name)
        if value is None:
            if self.row is None and name == "ip":
                self.check.error(name, REQUIRED)
            return self.row[name] if self.row else None
        value = str(value).strip()
        if not value:
            if name == "ip":
                if self.row and self.release >= groups.SUBNETS:
                    raise Answer(500, "u'ip'", TEXT)
                self.check.error(name, REQUIRED)
            return None
        if is_ip(value):
            return value
        if (
            name == "ip"
            and self.release >= groups.RPC
            and (self.row is None or self.release >= groups.SUBNETS)
        ):
            raise Answer(500, "u'ip'", TEXT)
        if name == "subnet_mask" and self.release >= groups.SUBNETS:
            raise Answer(500, f"invalid IPNetwork {self.form.get('ip')}/{value}", TEXT)
        self.check.error(name, BAD_IP)
        return None

    def _management(self):
        value = self.form.get("management")
        if value in (None, ""):
            return self.row["management"] if self.row else groups.UNMANAGED
        if str(value) not in ("0", "1", "2"):
            self.check.error("management", not_a_choice(value))
            return None
        return int(value)

    def _name(self, values):
        """The name: given, kept, or made of the network interface's."""
        name = str(self.form.get("name") or "").strip() if self.release >= "1.7" else ""
        if name:
            if not _NAME.match(name):
                self.check.error("name", "Enter a valid value.")
            return name
        if self.row:
            return self.row["name"]
        name = re.sub(r"[^\w:.-]", "--", values["interface"])
        if not name:
            return f"unnamed-{secrets.randbelow(10**7)}"
        if values["ip"] and ":" in values["ip"]:
            return f"{name}-ipv6-{secrets.randbelow(10**5)}"
        if self.release >= groups.SUBNETS and name in [row["name"] for row in self._others()]:
            return f"{name}-ipv4-{secrets.token_hex(2)}"
        return name

    def _network(self, values):
        unreadable = self.release < groups.RPC and self.form.get("ip")
        if not values["subnet_mask"] or not (values["ip"] or unreadable):
            return None
        net = groups.network_of(values["ip"], values["subnet_mask"])
        if net is None:
            if self.release >= groups.SUBNETS:
                text = f"invalid IPNetwork {values['ip']}/{values['subnet_mask']}"
                raise Answer(500, text, TEXT)
            text = f"invalid IPNetwork {values['ip'] or ''}/{values['subnet_mask']}"
            self.check.error("subnet_mask", text)
        return net

    def _managed(self, values, net):
        self._compare_ranges(values)
        needed = ["subnet_mask", "ip_range_low", "ip_range_high"]
        if self.release < groups.RPC:
            needed += ["interface", "router_ip"]
        for name in needed:
            if not values[name]:
                self.check.error(name, NEEDED)
        if net is None:
            return
        for name in _addresses(self.release):
            address = values[name]
            if name in ("ip", "subnet_mask") or not address:
                continue
            if ipaddress.ip_address(address) not in net:
                self.check.error(name, f"{address} not in the {net} network")
        if self.release >= groups.RPC and not self.check.errors:
            self._no_overlap(net)

    def _compare_ranges(self, values):
        """Static against dynamic range; before 1.9 the dynamic one is built without a look."""
        dynamic = values["ip_range_low"], values["ip_range_high"]
        if self.release >= groups.SUBNETS and all(dynamic) and groups.is_backwards(*dynamic):
            text = "Lower bound {} is higher than upper bound {}".format(*dynamic)
            self.check.error("ip_range_low", text)
            self.check.error("ip_range_high", text)
            return
        low, high = values.get("static_ip_range_low"), values.get("static_ip_range_high")
        if not low or not high:
            return
        static = ipaddress.ip_address(low), ipaddress.ip_address(high)
        if static[0] > static[1]:
            text = f"Lower bound {low} is higher than upper bound {high}"
            self.check.error("static_ip_range_low", text)
            self.check.error("static_ip_range_high", text)
            return
        if not values["ip_range_low"] or not values["ip_range_high"]:
            raise Answer(500, "failed to detect a valid IP address from u''", TEXT)
        low, high = (ipaddress.ip_address(values[f"ip_range_{end}"]) for end in ("low", "high"))
        if low > high:
            raise Answer(500, "lower bound IP greater than upper bound!", TEXT)
        if low <= static[1] and static[0] <= high:
            for name in ("ip_range_low", "ip_range_high"):
                self.check.error(name, RANGES_OVERLAP)
                self.check.error(f"static_{name}", RANGES_OVERLAP)

    def _others(self):
        rows = groups.interfaces_of(self.region, self.group) if self.group else []
        return [other for other in rows if other is not self.row]

    def _no_overlap(self, net):
        for other in self._others():
            theirs = groups.network_of(other["ip"], other["subnet_mask"])
            managed = other["management"] and theirs is not None
            if managed and theirs.version == net.version and theirs.overlaps(net):
                self.check.error("ip", OVERLAP)
                self.check.error("subnet_mask", OVERLAP)
                return

    def _unique(self, values):
        others = self._others()
        family = _family(values["ip"])
        for other in others:
            if not values["interface"] or other["interface"] != values["interface"]:
                continue
            if self.release < groups.RPC:
                self.check.error(
                    "__all__",
                    "Node group interface with this Nodegroup and Interface already exists.",
                )
            elif self.release >= groups.SUBNETS:
                return
            elif family == _family(other["ip"]) == 4:
                self.check.error(
                    "__all__",
                    f"Another cluster interface already connects network interface"
                    f" {values['interface']} to an IPv4 network.",
                )
            else:
                continue
            return
        if self.release >= groups.RPC and values["name"] in [other["name"] for other in others]:
            self.check.error(
                "__all__", "Node group interface with this Nodegroup and Name already exists."
            )


def _family(address):
    return 6 if address and ":" in address else 4
