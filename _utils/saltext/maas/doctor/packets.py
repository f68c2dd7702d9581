"""What goes over a network interface: DHCP offers, ARP answers, spanning tree.

Frames are read and sent through packet sockets, which Linux gives to root only.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

import dpkt
from saltext.maas.host.errors import HostError

_ETH_802_2 = 0x0004  # Linux's name for all frames with a length instead of a type
_SOL_PACKET, _ADD_MEMBERSHIP, _MULTICAST = 263, 1, 0
_BRIDGES = bytes.fromhex("0180c2000000")  # IEEE 802.1D, STP and RSTP
_PVST = bytes.fromhex("01000ccccccd")  # Cisco's, one tree a VLAN
_PVST_TYPE = 0x010B
_EVERYBODY = b"\xff" * 6


@dataclass(frozen=True)
class Bpdu:
    """What a switch says of the spanning tree on the port that an interface hangs on.

    Attributes:
        protocol: ``STP``, ``RSTP`` or ``MSTP``, with ``PVST`` before it for Cisco's.
        bridge: Priority and MAC address of the bridge, such as ``8000.525400000001``.
        port: The port's number at the bridge.
        delay: Forwarding delay in seconds.
        forwarding: Whether the port lets traffic through; None where STP does not tell.
    """

    protocol: str
    bridge: str
    port: int
    delay: int
    forwarding: bool | None


def _open(interface, protocol):
    try:
        found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    except PermissionError:
        raise HostError("Only root may read the frames of an interface.") from None
    try:
        found.bind((interface, 0))
    except OSError as error:
        found.close()
        raise HostError(f"The interface {interface}: {error.strerror}.") from None
    return found


def _frames(wire, seconds):
    """The frames that come in within a time."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        wire.settimeout(left)
        try:
            frame, address = wire.recvfrom(65535)
        except TimeoutError:
            return
        if address[2] != socket.PACKET_OUTGOING:
            yield frame


def _parsed(frame):
    """A frame taken apart, or None where it makes no sense: anybody may send anything."""
    try:
        return dpkt.ethernet.Ethernet(frame)
    except (dpkt.UnpackError, ValueError, IndexError, struct.error):
        return None


def spanning_tree(interface: str, seconds: float) -> Bpdu | None:
    """Listen for what a switch says of the spanning tree.

    Args:
        interface: Name of the network interface.
        seconds: How long to listen at most; a switch speaks every 2 s by default.

    Returns:
        The first that was heard, or None.

    Raises:
        HostError: Not root, or no such interface.
    """
    with _open(interface, _ETH_802_2) as wire:
        index = socket.if_nametoindex(interface)
        for group in (_BRIDGES, _PVST):
            member = struct.pack("iHH8s", index, _MULTICAST, len(group), group)
            wire.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
        for frame in _frames(wire, seconds):
            found = read_bpdu(frame)
            if found is not None:
                return found
    return None


def read_bpdu(frame: bytes) -> Bpdu | None:
    """Return what a frame says of the spanning tree; None when it speaks of something else."""
    if frame[:6] not in (_BRIDGES, _PVST):
        return None
    ethernet = _parsed(frame)
    llc = getattr(ethernet, "data", None)
    if not isinstance(llc, dpkt.llc.LLC):
        return None
    bpdu, prefix = llc.data, ""
    if llc.is_snap:
        if getattr(llc, "type", None) != _PVST_TYPE:
            return None
        prefix = "PVST "
    if not isinstance(bpdu, dpkt.stp.STP):
        try:
            bpdu = dpkt.stp.STP(bytes(bpdu))
        except (dpkt.UnpackError, struct.error):
            return None
    if bpdu.proto_id != 0 or bpdu.type not in (0x00, 0x02):  # else a topology change only
        return None
    name = {0: "STP", 2: "RSTP"}.get(bpdu.v, "MSTP")
    forwarding = bool(bpdu.flags & 0x20) if bpdu.v >= 2 else None
    bridge = f"{bpdu.bridge_id[:2].hex()}.{bpdu.bridge_id[2:].hex()}"
    return Bpdu(prefix + name, bridge, bpdu.port_id & 0x0FFF, bpdu.fd, forwarding)


def dhcp_offers(interface: str, mac: str, seconds: float) -> dict:
    """Ask for an address as a starting machine does, take none, and see who offers one.

    Args:
        interface: Name of the network interface.
        mac: Its MAC address.
        seconds: How long to wait for offers.

    Returns:
        ``{server's address: offered address}``.

    Raises:
        HostError: Not root, or no such interface.
    """
    xid = secrets.randbits(32)
    found = {}
    with _open(interface, dpkt.ethernet.ETH_TYPE_IP) as wire:
        wire.send(_discover(bytes.fromhex(mac.replace(":", "")), xid))
        for frame in _frames(wire, seconds):
            packet: Any = getattr(_parsed(frame), "data", None)
            udp = getattr(packet, "data", None)
            if not isinstance(udp, dpkt.udp.UDP) or udp.dport != 68:
                continue
            try:
                answer = dpkt.dhcp.DHCP(udp.data)
            except (dpkt.UnpackError, IndexError, struct.error):
                continue
            options = dict(answer.opts)
            if answer.xid != xid or options.get(53) != bytes([dpkt.dhcp.DHCPOFFER]):
                continue
            server = options.get(54) or packet.src
            offered = socket.inet_ntoa(struct.pack("!I", answer.yiaddr))
            if len(server) == 4:
                found[socket.inet_ntoa(server)] = offered
    return found


def _discover(mac, xid):
    question = dpkt.dhcp.DHCP(
        xid=xid,
        flags=0x8000,  # answer to everybody: this address is not ours yet
        chaddr=mac.ljust(16, b"\0"),
        opts=[(53, bytes([dpkt.dhcp.DHCPDISCOVER])), (55, bytes([1, 3, 6, 66, 67]))],
    )
    body = bytes(question).ljust(300, b"\0")  # as short as BOOTP allows
    udp = dpkt.udp.UDP(sport=68, dport=67, data=body)
    udp.ulen = len(udp)
    packet = dpkt.ip.IP(
        src=b"\0" * 4, dst=b"\xff" * 4, p=dpkt.ip.IP_PROTO_UDP, ttl=64, data=udp
    )  # fmt: skip
    packet.len = len(packet)
    return bytes(dpkt.ethernet.Ethernet(src=mac, dst=_EVERYBODY, data=packet))


def arp_answers(interface: str, mac: str, own: str, addresses, seconds: float) -> dict:
    """Ask on a segment who has some addresses.

    Args:
        interface: Name of the network interface.
        mac: Its MAC address.
        own: An IPv4 address of its.
        addresses: IPv4 addresses to ask for.
        seconds: How long to wait for answers.

    Returns:
        ``{address: MAC address}`` of those that answered.

    Raises:
        HostError: Not root, or no such interface.
    """
    source, missing, found = bytes.fromhex(mac.replace(":", "")), set(addresses), {}
    with _open(interface, dpkt.ethernet.ETH_TYPE_ARP) as wire:
        for address in sorted(missing):
            question = dpkt.arp.ARP(
                op=dpkt.arp.ARP_OP_REQUEST, sha=source, spa=socket.inet_aton(own),
                tha=b"\0" * 6, tpa=socket.inet_aton(address),
            )  # fmt: skip
            frame = dpkt.ethernet.Ethernet(
                src=source, dst=_EVERYBODY, type=dpkt.ethernet.ETH_TYPE_ARP, data=question
            )
            wire.send(bytes(frame))
        for frame in _frames(wire, seconds):
            answer = getattr(_parsed(frame), "data", None)
            if not isinstance(answer, dpkt.arp.ARP) or answer.op != dpkt.arp.ARP_OP_REPLY:
                continue
            address = socket.inet_ntoa(answer.spa)
            if address in missing:
                missing.discard(address)
                found[address] = ":".join(f"{byte:02x}" for byte in answer.sha)
            if not missing:
                break
    return found
