"""Kinds of field values: what a pillar may say, and how MAAS's way of saying it compares.

``normal`` turns both a pillar's value and an API's answer into one form, so
that equal things compare equal; ``wire`` turns that form into what is sent.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any, Callable


@dataclass(frozen=True)
class Kind:
    """One kind of value.

    Attributes:
        name: How the pillar reference calls it.
        normal: Value from a pillar or an answer to its normal form; raises
            ValueError with what is allowed.
        wire: Normal form to what a form field carries.
        schema: JSON schema of what a pillar may say.
    """

    name: str
    normal: Callable[[Any], Any]
    wire: Callable[[Any], Any] = lambda value: "" if value is None else value
    schema: dict = field(default_factory=dict)

    def clean(self, value):
        """Normalise; empty values all mean None, since MAAS answers ``""`` and null alike."""
        return None if value is None or value == "" else self.normal(value)


def _boolean(value):
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise ValueError("must be true or false")


def _integer(value):
    if isinstance(value, bool):
        raise ValueError("must be a whole number")
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ValueError("must be a whole number") from None


def _address(value):
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise ValueError("must be an IP address such as 192.0.2.1") from None


def network(value) -> str:
    """Normalise a network in CIDR form; host bits must be zero.

    Raises:
        ValueError: It is no network.
    """
    try:
        if "/" not in str(value):
            raise ValueError
        return str(ipaddress.ip_network(str(value)))
    except ValueError:
        raise ValueError("must be a network such as 192.0.2.0/24, with no host bits set") from None


def _netmask(value):
    try:
        return str(ipaddress.IPv4Network(f"0.0.0.0/{value}").netmask)
    except ValueError:
        raise ValueError("must be a netmask such as 255.255.255.0") from None


def _mac(value):
    text = str(value).lower()
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", text):
        raise ValueError("must be a MAC address such as 52:54:00:12:34:56")
    return text


def _words(value):
    parts = re.split(r"[\s,]+", value) if isinstance(value, str) else value
    return [str(part) for part in parts if str(part)]


def _names(value):
    return sorted(set(_words(value)))


def _addresses(value):
    return [_address(word) for word in _words(value)]


def _text(value):
    if isinstance(value, (dict, list)):
        raise ValueError("must be text")
    return str(value)


_LIST = {"type": ["array", "string", "null"], "items": {"type": "string"}}

TEXT = Kind("text", _text, schema={"type": ["string", "number", "null"]})
BOOLEAN = Kind("true or false", _boolean, schema={"type": "boolean"})
INTEGER = Kind("whole number", _integer, schema={"type": "integer"})
ADDRESS = Kind("IP address", _address, schema={"type": ["string", "null"], "format": "address"})
ADDRESSES = Kind(
    "list of IP addresses",
    _addresses,
    wire=lambda value: " ".join(value or []),
    schema={"type": ["array", "string", "null"], "items": {"type": "string", "format": "address"}},
)
NETWORK = Kind("network (CIDR)", network, schema={"type": "string", "format": "network"})
NETMASK = Kind("netmask", _netmask, schema={"type": "string", "format": "netmask"})
MAC = Kind("MAC address", _mac, schema={"type": "string", "format": "mac"})
# An empty repeated field would not be sent at all, so one empty value clears.
NAMES = Kind("list of names", _names, wire=lambda value: value or "", schema=_LIST)
# Django wants 0 or 1 for this one field of a user.
SUPERUSER = Kind(
    "true or false", _boolean, wire=lambda value: "1" if value else "0", schema={"type": "boolean"}
)
# MAAS answers the stored bytes as base64 with its own line breaks.
BLOB = Kind(
    "base64 text",
    lambda value: base64.b64encode(base64.b64decode("".join(str(value).split()))).decode(),
    schema={"type": "string", "format": "base64"},
)


def choice(*allowed: str, **numbers: int) -> Kind:
    """A word out of a few; with ``numbers``, one that the API writes as a number."""
    words = (*allowed, *numbers)
    by_number = {number: word for word, number in numbers.items()}

    def normal(value):
        word = by_number.get(value, value)
        if word not in words:
            raise ValueError(f"must be one of: {', '.join(words)}")
        return word

    return Kind(
        " or ".join(words), normal, wire=lambda word: numbers.get(word, word),
        schema={"enum": list(words)},
    )  # fmt: skip


def bounded(low: int, high: int) -> Kind:
    """A whole number within bounds."""

    def normal(value):
        number = _integer(value)
        if not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return Kind(
        f"whole number, {low} to {high}", normal,
        schema={"type": "integer", "minimum": low, "maximum": high},
    )  # fmt: skip
