"""``ipaddresses/`` of API 1.0 (1.6+): addresses that users reserve for themselves."""

from __future__ import annotations

import ipaddress
import time

from maas_emulator.api1 import groups, machines
from maas_emulator.api1.node_form import bad_mac, clean_mac
from maas_emulator.forms import BAD_IP, REQUIRED, is_ip
from maas_emulator.web import TEXT, Answer, Endpoint, Invalid, Missing, as_json

many = Endpoint("ipaddresses/", "IPAddressesHandler", since="1.6")

ADDRESSES = "static_addresses"
USER_RESERVED = 4


def _shown(row):
    return {
        "alloc_type": USER_RESERVED,
        "ip": row["ip"],
        "created": row["created"],
        "resource_uri": "/MAAS/api/1.0/ipaddresses/",
    }


@many("GET")
def list_addresses(request):
    """List the addresses that the user reserved."""
    rows = request.region.rows(ADDRESSES).values()
    return [_shown(row) for row in rows if row["owner"] == request.user.username]


def taken(region):
    """All addresses that were given out."""
    found = {row["ip"] for row in region.rows(ADDRESSES).values()}
    for kind in (machines.MACHINES, "devices"):
        for row in region.rows(kind).values():
            found.update(machines.addresses(row))
    return found


def static_ranges(region):
    """(network, first, last address) of the interfaces that hand out static addresses."""
    for nic in region.rows(groups.INTERFACES).values():
        net = groups.network_of(nic["ip"], nic["subnet_mask"])
        low, high = nic.get("static_ip_range_low"), nic.get("static_ip_range_high")
        if net is not None and low and high:
            yield net, ipaddress.ip_address(low), ipaddress.ip_address(high)


def claim(region, low, high, wanted=None):
    """An address of a range that nobody has.

    Args:
        low, high: Ends of the range.
        wanted: The one that was asked for, None for any.

    Raises:
        Answer: 403 outside of the range, 404 when it is taken, 503 when all are.
    """
    used = taken(region)
    if wanted is not None:
        address = ipaddress.ip_address(wanted)
        if address.version != low.version or not low <= address <= high:
            text = f"{wanted} is not inside the range {low} to {high}"
            raise Answer(403, text, TEXT)
        if str(address) in used:
            raise Answer(404, f"The IP address {wanted} is already in use.", TEXT)
        return str(address)
    for number in range(int(low), int(high) + 1):
        if str(ipaddress.ip_address(number)) not in used:
            return str(ipaddress.ip_address(number))
    raise Answer(503, f"No more IPs available in range {low}-{high}", TEXT)


@many("POST", "reserve")
def reserve(request):
    """Reserve an address on a network."""
    region, form = request.region, request.form
    wanted = form.get("requested_address") if region.release >= "1.7" else None
    mac = form.get("mac") if region.release >= "1.7" else None
    if wanted and not is_ip(str(wanted)):
        raise Invalid({"requested_address": [BAD_IP]})
    if mac and clean_mac(mac) is None:
        raise Invalid({"mac": [bad_mac(request.region, mac)]})
    network = form.get("network")
    if not network:
        if region.release < "1.9" or not wanted:
            request.needed("network")
            raise Invalid({"network": [REQUIRED]})
        network = wanted
    for net, low, high in static_ranges(region):
        if _is_meant(net, str(network)):
            ip = claim(region, low, high, wanted or None)
            row = {"ip": ip, "owner": request.user.username, "mac": mac,
                   "hostname": form.get("hostname"),
                   "created": time.strftime("%Y-%m-%dT%H:%M:%S.000")}  # fmt: skip
            return _shown(region.rows(ADDRESSES).add(row))
    text = (
        f"No network found matching {network}; you may be requesting an IP on a network with"
        " no static IP range defined."
    )
    raise Answer(400, text, TEXT)


def _is_meant(net, text):
    """Whether a network is the one that a text names, by itself or by an address in it."""
    try:
        given = ipaddress.ip_interface(text)
    except ValueError:
        return False
    return given.network == net or (
        given.network.prefixlen == given.max_prefixlen and given.ip in net
    )


@many("POST", "release")
def release(request):
    """Give an address back."""
    ip = request.needed("ip")
    rows = request.region.rows(ADDRESSES)
    for row in rows.values():
        if row["ip"] == ip and row["owner"] == request.user.username:
            del rows[row["id"]]
            return as_json(None)
    raise Missing("StaticIPAddress", request)
