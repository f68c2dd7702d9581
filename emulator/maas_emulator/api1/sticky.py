"""Addresses that stay with a machine (1.7+) or device (1.8+), and gateways (1.9+); not recorded."""

from __future__ import annotations

from maas_emulator.api1 import machines, show
from maas_emulator.api1.addresses import claim, static_ranges
from maas_emulator.api1.devices import DEVICES, device_shown
from maas_emulator.api1.devices import one as device
from maas_emulator.api1.node import one as node
from maas_emulator.api1.node_form import clean_mac
from maas_emulator.forms import BAD_IP, is_ip
from maas_emulator.web import TEXT, Answer, Invalid


def _claim(request, row):
    """Give a machine or device an address of a static range."""
    region, form = request.region, request.form
    wanted, mac = form.get("requested_address") or None, form.get("mac_address")
    if mac is not None and clean_mac(mac) not in [nic["mac_address"] for nic in row["macs"]]:
        raise Answer(400, f"mac_address {mac} not found on the node", TEXT)
    if wanted and not is_ip(wanted):
        raise Invalid({"requested_address": [BAD_IP]})
    refusal = Answer(503, "No more IPs available: no network has a static range.", TEXT)
    for _, low, high in static_ranges(region):
        try:
            row["sticky_ips"].append(claim(region, low, high, wanted))
            return
        except Answer as answer:
            refusal = answer
    raise refusal


def _release(request, row):
    """Take one or all of its addresses from a machine or device."""
    ip = request.form.get("address") or request.form.get("ip")
    if not ip:
        row["sticky_ips"].clear()
    elif ip in row["sticky_ips"]:
        row["sticky_ips"].remove(ip)
    else:
        text = f"{ip} is not a sticky IP address on node: {row['hostname']}"
        raise Answer(400, text, TEXT)


def _node(request):
    needed = machines.may_edit if request.region.release >= "1.9" else machines.only_admin
    row = machines.machine_of(request, needed)
    if row["status"] == machines.ALLOCATED:
        text = "Sticky IP cannot be assigned to a node that is allocated"
        raise Answer(409, text, TEXT)
    return row


@node("POST", "claim_sticky_ip_address", since="1.7")
def claim_for_node(request):
    """Give a node an address that it keeps."""
    row = _node(request)
    _claim(request, row)
    return show.machine(request.region, row)


@node("POST", "release_sticky_ip_address", since="1.9")
def release_of_node(request):
    """Take an address from a node."""
    row = _node(request)
    _release(request, row)
    return show.machine(request.region, row)


@device("POST", "claim_sticky_ip_address")
def claim_for_device(request):
    """Give a device an address that it keeps."""
    row = machines.machine_of(request, machines.may_edit, DEVICES)
    _claim(request, row)
    return device_shown(request.region, row)


@device("POST", "release_sticky_ip_address")
def release_of_device(request):
    """Take an address from a device."""
    row = machines.machine_of(request, machines.may_edit, DEVICES)
    _release(request, row)
    return device_shown(request.region, row)


@node("POST", "clear_default_gateways", since="1.9")
def clear_default_gateways(request):
    """Let MAAS choose a node's default gateway again."""
    row = machines.machine_of(request, machines.only_admin)
    for nic in row["macs"]:
        for link in nic["links"]:
            link["default_gateway"] = False
    return show.machine(request.region, row)
