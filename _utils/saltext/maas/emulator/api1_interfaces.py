"""``nodegroups/UUID/interfaces/``: what a cluster does on its networks."""

from __future__ import annotations

import ipaddress
import re
import secrets

from saltext.maas.emulator import api1_groups as groups
from saltext.maas.emulator.forms import BAD_IP, REQUIRED, Check, is_ip, not_a_choice
from saltext.maas.emulator.web import TEXT, Answer, Endpoint, Missing, no_content

many = Endpoint("nodegroups/{uuid}/interfaces/", "NodeGroupInterfacesHandler")
one = Endpoint("nodegroups/{uuid}/interfaces/{name}/", "NodeGroupInterfaceHandler")

NEEDED = "That field cannot be empty (unless that interface is 'unmanaged')"
OVERLAP = "This interface's network must not overlap with other networks on this cluster."
RANGES_OVERLAP = "Static and dynamic IP ranges may not overlap."
_NAME = re.compile(r"[\w:.-]+\Z")

#: (field that the API shows and takes, first release). ``router_ip`` is taken only.
_FIELDS = (
    ("interface", "1.5"), ("ip", "1.5"), ("subnet_mask", "1.5"), ("broadcast_ip", "1.5"),
    ("ip_range_low", "1.5"), ("ip_range_high", "1.5"), ("management", "1.5"),
    ("static_ip_range_low", "1.6"), ("static_ip_range_high", "1.6"), ("name", "1.7"),
)  # fmt: skip


def _addresses(release):
    names = [name for name, since in _FIELDS if release >= since and name in groups.ADDRESS_FIELDS]
    return [*names, "router_ip"]


def _key(release):
    """What an interface is called in its path."""
    return "name" if release >= "1.6" else "interface"


def shown(region, row, unset=None):
    """What the API tells, never ``router_ip``; a write answers ``""`` for unset fields."""
    return {
        name: unset if row[name] is None else row[name]
        for name, since in _FIELDS
        if region.release >= since
    }


def _interface_of(request):
    group = groups.group_of(request)
    key = _key(request.region.release)
    for row in groups.interfaces_of(request.region, group):
        if row[key] == request.ids["name"]:
            return group, row
    raise Missing("NodeGroupInterface", request)


@many("GET", "list")
def list_interfaces(request):
    """List the interfaces of a cluster."""
    group = groups.group_of(request)
    if request.region.release < groups.RPC:
        groups.need_worker(request, group)
    return [shown(request.region, row) for row in groups.interfaces_of(request.region, group)]


@many("POST", "new")
def create_interface(request):
    """Create an interface."""
    group = groups.group_of(request)
    groups.need_worker(request, group)
    form = _Form(request, group)
    values = form.read()
    _reach(request, group)
    row = groups.add_interface(request.region, group, values)
    return shown(request.region, row, "")


@one("GET")
def read_interface(request):
    """Read an interface."""
    group, row = _interface_of(request)
    if request.region.release < groups.RPC:
        groups.need_worker(request, group)
    return shown(request.region, row)


@one("PUT")
def update_interface(request):
    """Change an interface."""
    group, row = _allowed(request)
    values = _Form(request, group, row).read()
    _reach(request, group)
    row.update(values)
    groups.touch(group)
    return shown(request.region, row, "")


@one("DELETE")
def delete_interface(request):
    """Delete an interface."""
    group, row = _allowed(request)
    _reach(request, group)
    del request.region.rows(groups.INTERFACES)[row["id"]]
    groups.touch(group)
    return no_content()


def _allowed(request):
    groups.need_worker(request, groups.group_of(request))
    return _interface_of(request)


def _reach(request, group):
    """DHCP is rewritten at once, which needs the cluster; nothing is stored without it.

    That was seen for changes; creating and deleting are taken to do the same.
    """
    if group["status"] == groups.ACCEPTED:
        groups.need_connection(request.region, group)


class _Form:
    """Validates an interface as the release does.

    Args:
        request: The call.
        group: The node group.
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
        if values["ip"] and ":" in values["ip"] and not values["subnet_mask"]:
            values["subnet_mask"] = "ffff:ffff:ffff:ffff::"
        net = self._network(values)
        if net is not None and not values["broadcast_ip"]:
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
                self.check.error(name, REQUIRED)
            return None
        if is_ip(value):
            return value
        if name == "ip" and self.row is None and self.release >= groups.RPC:
            raise Answer(500, "u'ip'", TEXT)
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
        return name

    def _network(self, values):
        if not values["ip"] or not values["subnet_mask"]:
            return None
        net = groups.network_of(values["ip"], values["subnet_mask"])
        if net is None:
            text = f"invalid IPNetwork {values['ip']}/{values['subnet_mask']}"
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
        """Static against dynamic range; MAAS builds the dynamic one without a look at it."""
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
        rows = groups.interfaces_of(self.region, self.group)
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
