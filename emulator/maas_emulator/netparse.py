"""Addresses, networks and ranges as MAAS 1.x reads them, with the words of its errors."""

from __future__ import annotations

import ipaddress
import re


class BadAddress(ValueError):
    """What cannot be read as an address, network or range; its text is what MAAS says."""


_LABEL = re.compile(r"[a-zA-Z0-9_-]*\n?\Z")


def written(value):
    """A value as Python 2 shows it."""
    return f"u{value!a}" if isinstance(value, str) else repr(value)


def bad_domain(name, what="Label", empty="DNS name contains an empty label."):
    """What is wrong with the name of a domain, or None; 1.7 uses other words."""
    if len(name) > 255:
        return "Hostname is too long.  Maximum allowed is 255 characters."
    for label in name.split("."):
        shown = written(label)
        if not label:
            return empty
        if len(label) > 63:
            return f"{what} is too long: {shown}.  Maximum allowed is 63 characters."
        if label[0] == "-" or label[-1] == "-":
            return f"{what} cannot start or end with hyphen: {shown}."
        if not _LABEL.match(label):
            return f"{what} contains disallowed characters: {shown}."
    return None


def bad_hostname(release, name):
    """What is wrong with a machine's name, or None; 1.5 and 1.6 take any."""
    first = name.partition(".")[0]
    if release < "1.7":
        return None
    if "_" in first and len(name) <= 255:
        return f"Host label cannot contain underscore: {written(first)}."
    if release < "1.8":
        return bad_domain(name, "Name", "Hostname contains empty name.")
    return bad_domain(name)


def address(value):
    """An address of either family; raises BadAddress."""
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        text = f"failed to detect a valid IP address from {written(value)}"
        raise BadAddress(text) from None


def ip_range(low, high):
    """First and last address of a range; raises BadAddress where there is none."""
    first = address(low)
    if high is None:
        raise BadAddress("int() argument must be a string or a number, not 'NoneType'")
    try:
        last = type(first)(high)
    except ValueError:
        text = f"base address {written(high)} is not IPv{first.version}"
        raise BadAddress(text) from None
    if first > last:
        raise BadAddress("lower bound IP greater than upper bound!")
    return first, last


def network(ip, mask):
    """The network of an address and a mask or prefix length; raises BadAddress."""
    if "/" in str(mask):
        end = "See documentation for details."
        raise BadAddress(f"IPAddress() does not support netmasks or subnet prefixes! {end}")
    try:
        host = ipaddress.ip_address(str(ip))
        return ipaddress.ip_network(f"{host}/{_prefix(host, str(mask))}", strict=False)
    except ValueError:
        raise BadAddress(f"invalid IPNetwork {ip}/{mask}") from None


def _prefix(host, mask):
    """A mask as a prefix length, which a hostmask may stand for as well."""
    if mask.isdecimal():
        return int(mask)
    bits = f"{int(type(host)(mask)):0{host.max_prefixlen}b}"
    ones = len(bits) - len(bits.lstrip("1"))
    if "1" not in bits[ones:]:
        return ones
    zeros = len(bits) - len(bits.lstrip("0"))
    if "0" not in bits[zeros:]:
        return zeros
    raise ValueError(mask)


def cidr(value):
    """A network as a text writes it, of which parts may be left out; raises BadAddress."""
    ip, slash, mask = str(value).partition("/")
    if ":" not in ip and re.fullmatch(r"\d+(\.\d+){0,3}", ip):
        ip = ".".join([*(str(int(part)) for part in ip.split(".")), "0", "0", "0"][:4])
    try:
        return network(ip, mask if slash else ipaddress.ip_address(ip).max_prefixlen)
    except ValueError:
        raise BadAddress(f"invalid IPNetwork {value}") from None


def spans_more(first, last, prefixlen=16):
    """Whether a range lies in several networks of that size."""
    home = ipaddress.ip_network(f"{first}/{prefixlen}", strict=False)
    parts = ipaddress.summarize_address_range(first, last)
    return not all(part.overlaps(home) for part in parts)
