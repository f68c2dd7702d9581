"""``ipranges/``."""

from __future__ import annotations

import ipaddress

from maas_emulator import addresses, forms_2x, networks
from maas_emulator.api_account import show_user
from maas_emulator.bodies import Form
from maas_emulator.crud import number_needed
from maas_emulator.forms import is_ip
from maas_emulator.lookup import find
from maas_emulator.web import Answer, Endpoint, no_content

ranges = Endpoint("ipranges/", "IPRangesHandler")
range_ = Endpoint("ipranges/{id}/", "IPRangeHandler")

KINDS = ("dynamic", "reserved")
BOTH = "Start IP address and end IP address are both required."
REVERSED = "End IP address must not be less than Start IP address."
FAMILIES = "Start IP address and end IP address must be in the same address family."
TOO_SMALL = "IPv6 dynamic range must be at least 256 addresses in size."
HOLDS_RESERVED = "The dynamic IP range cannot include reserved IPs."
NOT_ADMIN = "You don't have sufficient privileges."
CONFLICT = {
    "dynamic": "Requested dynamic range conflicts with an existing IP address or range.",
    "reserved": "Requested reserved range conflicts with an existing range.",
}


def _show(region, row, subnets=None, vlans=None):
    subnet = subnets.get(row["subnet"]) if subnets is not None else None
    if subnet is None:
        subnet = networks.show_subnet(region, region.rows("subnets")[row["subnet"]], vlans)
        if subnets is not None:
            subnets[row["subnet"]] = subnet
    owner = region.users.get(row["user"])
    return {
        "id": row["id"],
        "subnet": subnet,
        "type": row["type"],
        "start_ip": row["start_ip"],
        "end_ip": row["end_ip"],
        "user": show_user(region, owner) if owner else None,
        "comment": row["comment"],
        "resource_uri": f"/MAAS/api/2.0/ipranges/{row['id']}/",
    }


def _range(request):
    ident = request.ids["id"]
    number_needed("IPRange", request, ident)
    return find(request, "IPRange", request.region.rows("ipranges"), ident)


def _own_range(request):
    row = _range(request)
    if not request.may("can_edit_global_entities") and row["user"] != request.user.username:
        raise Answer(403, "Unable to modify IP range. You don't own the IP range.")
    return row


@ranges("GET")
def list_ranges(request):
    """List all IP ranges."""
    region = request.region
    subnets: dict = {}
    vlans: dict = {}
    rows = region.rows("ipranges").values()
    return [_show(region, row, subnets, vlans) for row in rows]


# -- the form ----------------------------------------------------------------------------------


def _fields(region):
    users = region.users
    return (
        forms_2x.reference("subnet", forms_2x.by_key(region.rows("subnets")), required=True),
        forms_2x.choice("type", KINDS, required=True),
        forms_2x.address("start_ip", required=True),
        forms_2x.address("end_ip", required=True),
        forms_2x.reference("user", lambda value: value if value in users else None),
        forms_2x.text("comment", null=True, cleared=True, longest=255, default=""),
    )


def _sent(request, stored):
    """The form as it is read: with its user, and with the subnet of the first address."""
    region, sent = request.region, Form(request.form)
    if stored is None:
        start = sent.get("start_ip")
        if sent.get("subnet") is None and start is not None:
            subnet = networks.subnet_for(region, _real(start))
            if subnet:
                sent["subnet"] = [subnet["id"]]
        sent["user"] = [request.user.username]
    return sent


def _real(ip):
    """An address where MAAS does not ask whether it is one."""
    if not is_ip(str(ip)):
        raise Answer(500, f"failed to detect a valid IP address from '{ip}'")
    return ip


def _check_dynamic(form, region):
    """MAAS looks at the parts of a dynamic range without asking whether they are there."""
    found = form.cleaned
    if found.get("type") != "dynamic":
        return
    for name in ("subnet", "start_ip", "end_ip"):
        if name not in found:
            raise Answer(500, f"'{name}'")
    start, end = (ipaddress.ip_address(found[name]) for name in ("start_ip", "end_ip"))
    if start.version != end.version:
        raise Answer(500, f"base address '{end}' is not IPv{start.version}")
    if int(end) < int(start):
        raise Answer(500, "lower bound IP greater than upper bound!")
    for row in region.rows("reservedips").values():
        inside = int(start) <= int(ipaddress.ip_address(row["ip"])) <= int(end)
        if row["subnet"] == found["subnet"] and inside:
            form.error("__all__", HOLDS_RESERVED)
            return


def _problem(region, row):
    """What is wrong with a range as a whole: (fields, message), or None."""
    both = ("start_ip", "end_ip")
    if not (row["start_ip"] and row["end_ip"]):
        return both, BOTH
    start, end = (ipaddress.ip_address(row[name]) for name in both)
    if start.version != end.version:
        return both, FAMILIES
    if int(end) < int(start):
        return ("end_ip",), REVERSED
    subnet = region.rows("subnets").get(row["subnet"])
    found = _misplaced(subnet["net"], start, end) if subnet else None
    if found:
        return found
    if start.version == 6 and row["type"] == "dynamic" and int(end) - int(start) < 255:
        return both, TOO_SMALL
    return both, _no_room(region, subnet, row, int(start), int(end))


def _misplaced(net, start, end):
    outside = [name for name, ip in (("start_ip", start), ("end_ip", end)) if ip not in net]
    if len(outside) == 2:
        return outside, f"IP addresses must be within subnet: {net}."
    if outside:
        which = "Start" if outside == ["start_ip"] else "End"
        return outside, f"{which} IP address must be within subnet: {net}."
    if start == net.network_address:
        return ("start_ip",), "Reserved network address cannot be included in IP range."
    if net.version == 4 and net.prefixlen < 31 and end == net.broadcast_address:
        return ("end_ip",), "Broadcast address cannot be included in IP range."
    return None


def _no_room(region, subnet, row, first, last):
    kind = row["type"]
    if subnet is None or kind not in KINDS:
        return None
    free = addresses.for_range(region, subnet, kind, row.get("id"))
    if not free:
        return f"There is no room for any {kind} ranges on this subnet."
    fits = any(gap.first <= first and last <= gap.last for gap in free)
    return None if fits else CONFLICT[kind]


def _read_form(request, stored=None):
    """Check a form; returns the range as it becomes."""
    region = request.region
    form = forms_2x.ModelForm(request, _fields(region), stored, _sent(request, stored))
    form.read()
    _check_dynamic(form, region)
    form.apply()
    names, message = _problem(region, form.row)
    for name in names if message else ():
        form.error(name, message)
    form.done()
    row = form.row
    row["first"], row["last"] = (int(ipaddress.ip_address(row[k])) for k in ("start_ip", "end_ip"))
    return row


@ranges("POST")
def create_range(request):
    """Create an IP range."""
    is_dynamic = request.form.get("type") == "dynamic"
    if is_dynamic and not request.may("can_edit_global_entities"):
        raise Answer(403, f"Unable to create dynamic IP range. {NOT_ADMIN}")
    row = request.region.rows("ipranges").add(_read_form(request))
    return _show(request.region, row)


@range_("GET")
def read_range(request):
    """Read an IP range."""
    return _show(request.region, _range(request))


@range_("PUT")
def update_range(request):
    """Update an IP range."""
    row = _own_range(request)
    row.update(_read_form(request, row))
    return _show(request.region, row)


@range_("DELETE")
def delete_range(request):
    """Delete an IP range, even the last one that DHCP needs."""
    row = _own_range(request)
    del request.region.rows("ipranges")[row["id"]]
    return no_content()
