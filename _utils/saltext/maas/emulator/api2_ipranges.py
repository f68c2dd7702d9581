"""``ipranges/``."""

from __future__ import annotations

import ipaddress

from saltext.maas.emulator import addresses, networks
from saltext.maas.emulator.api2_fabrics import NO_CHOICE
from saltext.maas.emulator.api_account import show_user
from saltext.maas.emulator.forms import BAD_IP, REQUIRED, Check, is_ip
from saltext.maas.emulator.lookup import find
from saltext.maas.emulator.web import TEXT, Answer, Endpoint, no_content

ranges = Endpoint("ipranges/", "IPRangesHandler")
range_ = Endpoint("ipranges/{id}/", "IPRangeHandler")

BOTH = "Start IP address and end IP address are both required."
REVERSED = "End IP address must not be less than Start IP address."
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
    return find(request, "IPRange", request.region.rows("ipranges"), ident)


def _own_range(request, verb):
    row = _range(request)
    if not request.user.is_superuser and row["user"] != request.user.username:
        raise Answer(403, f"Unable to {verb} IP range. {NOT_ADMIN}")
    return row


@ranges("GET")
def list_ranges(request):
    """List all IP ranges."""
    region, subnets, vlans = request.region, {}, {}
    rows = region.rows("ipranges").values()
    return [_show(region, row, subnets, vlans) for row in rows]


def _address(check, name):
    """An end of the range as number, or None with an error noted."""
    given = check.text(name, None, required=True)
    if given is None or name in check.errors:
        return None
    if not is_ip(given):
        check.error(name, BAD_IP)
        return None
    return ipaddress.ip_address(given)


def _subnet(check, region, start, stored):
    """The subnet: by id only, else the one that the first address is in."""
    given = check.form.get("subnet")
    if given not in (None, ""):
        if str(given).isdecimal() and int(given) in region.rows("subnets"):
            return region.rows("subnets")[int(given)]
        check.error("subnet", NO_CHOICE)
        return None
    if stored:
        return region.rows("subnets")[stored["subnet"]]
    subnet = networks.subnet_for(region, start) if start is not None else None
    if subnet is None and start is not None:
        check.error("subnet", REQUIRED)
    return subnet


def _check_place(check, net, start, end):
    """Both ends inside the subnet, the right way round, clear of its special addresses."""
    outside = [name for name, ip in (("start_ip", start), ("end_ip", end)) if ip not in net]
    if len(outside) == 2:
        for name in outside:
            check.error(name, f"IP addresses must be within subnet: {net}.")
    elif outside:
        which = "Start" if outside[0] == "start_ip" else "End"
        check.error(outside[0], f"{which} IP address must be within subnet: {net}.")
    elif net.version == 4 and net.prefixlen < 31:
        if start == net.network_address:
            text = "Reserved network address cannot be included in IP range."
            check.error("start_ip", text)
        if end == net.broadcast_address:
            check.error("end_ip", "Broadcast address cannot be included in IP range.")


def _check_free(check, region, kind, subnet, first, last, own):
    """No overlap: a dynamic range with anything, a reserved one with other ranges only."""
    used = [
        (row["first"], row["last"])
        for row in region.rows("ipranges").values()
        if row["subnet"] == subnet["id"] and row["id"] != own
    ]
    if kind == "dynamic":
        held = [row for row in region.rows("reservedips").values() if row["subnet"] == subnet["id"]]
        if any(first <= int(ipaddress.ip_address(row["ip"])) <= last for row in held):
            check.error("__all__", "The dynamic IP range cannot include reserved IPs.")
            return
        used += [item[:2] for item in addresses.taken(region, subnet, ranges=False)]
    used += [item[:2] for item in addresses.kept(subnet["net"])]
    if any(low <= last and high >= first for low, high in used):
        check.error("start_ip", CONFLICT[kind])
        check.error("end_ip", CONFLICT[kind])


def _read_form(request, stored=None):
    """Check a form; returns the fields to store."""
    region = request.region
    check = Check(request, stored)
    kind = check.choice("type", ("dynamic", "reserved"), required=True)
    start, end = _address(check, "start_ip"), _address(check, "end_ip")
    subnet = _subnet(check, region, start, stored)
    if kind == "dynamic" and (start is None or end is None or subnet is None):
        # MAAS looks at these before it looks whether they are there.
        bad = "start_ip" if start is None else "end_ip" if end is None else "subnet"
        if not (bad == "subnet" and check.errors.get("subnet") == [REQUIRED]):
            raise Answer(500, f"'{bad}'", TEXT)
    if kind and (start is None or end is None):
        check.error("start_ip", BOTH)
        check.error("end_ip", BOTH)
    elif start is not None and end is not None and not check.errors:
        if start.version != end.version:
            check.error("start_ip", "Start IP address and end IP address must be in the same"
                        " address family.")  # fmt: skip
        elif end < start:
            check.error("end_ip", REVERSED)
        else:
            _check_place(check, subnet["net"], start, end)
    check.done()
    first, last = int(start), int(end)
    if kind == "dynamic" and start.version == 6 and last - first < 255:
        text = "IPv6 dynamic range must be at least 256 addresses in size."
        check.error("__all__", text)
    _check_free(check, region, kind, subnet, first, last, stored["id"] if stored else None)
    owner = check.form.get("user") if stored else None
    if owner and owner not in region.users:
        check.error("user", NO_CHOICE)
    comment = check.text("comment")
    check.done()
    return {
        "type": kind,
        "start_ip": str(start),
        "end_ip": str(end),
        "first": first,
        "last": last,
        "subnet": subnet["id"],
        "comment": comment,
        "user": owner or (stored["user"] if stored else request.user.username),
    }


@ranges("POST")
def create_range(request):
    """Create an IP range."""
    if request.form.get("type") == "dynamic" and not request.user.is_superuser:
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
    row = _own_range(request, "modify")
    row.update(_read_form(request, row))
    return _show(request.region, row)


@range_("DELETE")
def delete_range(request):
    """Delete an IP range, even the last one that DHCP needs."""
    row = _own_range(request, "delete")
    del request.region.rows("ipranges")[row["id"]]
    return no_content()
