"""The network segments that a cluster or rack serves: other DHCP servers, machines, switches."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

import psutil
from saltext.maas.doctor import packets
from saltext.maas.doctor.findings import Finding, ok, problem, unknown, warning
from saltext.maas.host import files
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

_PEER = re.compile(r"^\s*peer address (\S+?);", re.MULTILINE)
_LEASE = re.compile(r"^lease (\S+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_SAMPLE = 5  # leased addresses, of which one answer tells enough


@dataclass(frozen=True)
class Interface:
    """A network interface of this host, as the checks use it."""

    name: str
    mac: str
    networks: tuple  # of ipaddress.IPv4Interface


def interfaces(installation: Installation, names: list[str] | None = None) -> list[Interface]:
    """Return the interfaces to listen on.

    Args:
        installation: The cluster's host.
        names: Their names; by default those that MAAS serves DHCP on, or all
            with an IPv4 address where it serves none.

    Raises:
        HostError: One is not there.
    """
    there = psutil.net_if_addrs()
    if names is None:
        served = (files.read(installation.path("dhcpd_interfaces")) or "").split()
        names = [name for name in served if name in there] or [
            name for name in there if name != "lo" and _networks(there[name])
        ]
    missing = [name for name in names if name not in there]
    if missing:
        raise HostError(
            f"This host has no network interface {', '.join(missing)}; "
            f"it has {', '.join(sorted(there))}."
        )
    found = []
    for name in sorted(names):
        macs = [one.address for one in there[name] if one.family == psutil.AF_LINK]
        found.append(Interface(name, macs[0] if macs else "", tuple(_networks(there[name]))))
    return found


def _networks(addresses):
    return [
        ipaddress.IPv4Interface(f"{one.address}/{one.netmask or 32}")
        for one in addresses
        if one.family == socket.AF_INET
    ]


def dhcp(installation: Installation, interface: Interface, seconds: float) -> list[Finding]:
    """Check for another DHCP server on the segment."""
    if not interface.mac:
        return unknown(f"{interface.name} is no Ethernet interface.")
    own = {str(one.ip) for one in interface.networks}
    config = files.read(installation.path("dhcpd_config")) or ""
    friends = own | set(_PEER.findall(config))
    offers = packets.dhcp_offers(interface.name, interface.mac, seconds)
    strangers = sorted(offers.keys() - friends)
    if strangers:
        shown = ", ".join(f"{server} (offered {offers[server]})" for server in strangers)
        return problem(
            f"Another DHCP server answers on this segment: {shown}.",
            "Switch it off, or do not let MAAS serve DHCP here: machines take whichever "
            "answers first, and boot only from MAAS's.",
        )
    mine = ", ".join(sorted(offers.keys() & friends))
    return ok(f"Only MAAS's own DHCP answers: {mine}." if mine else "No DHCP server.")


def machines(
    installation: Installation, interface: Interface, addresses: list[str], seconds: float
) -> list[Finding]:
    """Check whether machines are on the segment, where DHCP and network boot can reach them."""
    near = _near(installation, interface, addresses)
    if not near:
        return []
    own, asked = near[0][0], [address for _, address in near]
    answers = packets.arp_answers(interface.name, interface.mac, own, asked, seconds)
    silent = [address for address in asked if address not in answers]
    if not silent:
        return ok(f"All {len(asked)} answer on the segment.")
    if addresses or not answers:
        return problem(
            f"No answer to ARP on this segment from {', '.join(silent)}.",
            "Cluster and machines must be on one layer 2 segment: compare the VLANs of "
            "their switch ports, or relay DHCP (2.2 and later); or the machine is off.",
        )
    return ok(f"{len(answers)} of {len(asked)} leased addresses answer on the segment.")


def _near(installation, interface, addresses):
    """Pairs of an own address and an address of the same network to ask for."""
    given = addresses or _leased(installation)
    pairs = []
    for address in given:
        for network in interface.networks:
            if ipaddress.IPv4Address(address) in network.network and address != str(network.ip):
                pairs.append((str(network.ip), address))
    return pairs if addresses else pairs[:_SAMPLE]


def _leased(installation):
    text = files.read(installation.path("dhcpd_leases")) or ""
    # The file is a log: the last word on an address counts.
    state = {address: "binding state active" in body for address, body in _LEASE.findall(text)}
    return [address for address, active in state.items() if active and ":" not in address]


def switch(interface: Interface, seconds: float) -> list[Finding]:
    """Check for a switch port that holds traffic back after each link-up."""
    seen = packets.spanning_tree(interface.name, seconds)
    if seen is None:
        return ok(f"No spanning tree was heard in {seconds:g} s.")
    where = f"port {seen.port} of bridge {seen.bridge}"
    remedy = (
        "Enable PortFast (an edge port) on this port and on those of the machines: otherwise "
        f"each link-up holds all traffic back for 2 x {seen.delay} s, longer than a machine's "
        "firmware waits for DHCP."
    )
    if seen.forwarding is False:
        return problem(f"{seen.protocol} holds traffic back now, at {where}.", remedy)
    delay = f"with a forwarding delay of {seen.delay} s"
    return warning(f"{seen.protocol} is spoken at {where}, {delay}.", remedy)
