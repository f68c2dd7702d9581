"""Kinds of field values: what a pillar may say, and how MAAS's way of saying it compares.

``normal`` turns both a pillar's value and an API's answer into one form, so
that equal things compare equal; ``wire`` turns that form into what is sent.
"""

from __future__ import annotations

import base64
import functools
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _plain(value: Any) -> Any:
    return "" if value is None else value


@dataclass(frozen=True)
class Kind:
    """One kind of value.

    Attributes:
        allowed: What a value must be, as the end of a sentence.
        normal: Value from a pillar or an answer to its normal form; raises
            ValueError for anything else.
        wire: Normal form to what a form field carries.
        schema: JSON schema of what a pillar may say.
    """

    allowed: str
    normal: Callable[[Any], Any]
    wire: Callable[[Any], Any] = _plain
    schema: dict = field(default_factory=dict)

    @functools.cached_property
    def optional(self) -> bool:
        """Whether there may be no value; only the schema knows."""
        return "null" in self.schema.get("type", ()) or None in self.schema.get("enum", ())

    def clean(self, value: Any) -> Any:
        """Return the normal form; all empty values mean None, as MAAS answers either.

        Raises:
            ValueError: With what is allowed.
        """
        if value is None or value == "":
            return None
        try:
            found = self.normal(value)
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"must be {self.allowed}") from None
        return None if found in ([], "") else found

    def cleaned(self, value: Any) -> Any:
        """Return the normal form, or the value itself if it is invalid; see :func:`wrong`."""
        try:
            return self.clean(value)
        except ValueError:
            return value


class _OfKind(Protocol):
    @property
    def kind(self) -> Kind: ...


def wrong(values: Mapping[str, Any], known: Mapping[str, _OfKind]) -> Iterator[tuple[str, str]]:
    """Yield the keys of a mapping that are unknown or have an invalid value, each with a sentence.

    Args:
        values: The mapping.
        known: Its keys, each with a ``kind``.
    """
    for key, value in values.items():
        if key not in known:
            yield key, f"unknown key; allowed: {', '.join(known)}"
            continue
        try:
            known[key].kind.clean(value)
        except ValueError as error:
            yield key, f"{value!r} {error}"


def _boolean(value):
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise ValueError


def _integer(value):
    if isinstance(value, bool):
        raise ValueError
    return int(value)


#: Texts whose normal form is remembered: a run meets each several times.
_remembered = functools.lru_cache(maxsize=65536)


@_remembered
def ip_address(text: str) -> Address:
    """Return the address that a text is.

    Raises:
        ValueError: It is none.
    """
    return ipaddress.ip_address(text)


@_remembered
def ip_network(text: str) -> Network:
    """Return the network that a text is.

    Raises:
        ValueError: It is none.
    """
    return ipaddress.ip_network(text)


def _address(value):
    return _address_of(str(value))


@_remembered
def _address_of(text):
    return str(ip_address(text))


def _network(value):
    return _network_of(str(value))


@_remembered
def _network_of(text):
    if "/" not in text:
        raise ValueError
    return str(ip_network(text))


def _netmask(value):
    text = str(value)
    if ":" in text:  # API 1.0 writes the prefix of an IPv6 network as a mask, too
        mask = ipaddress.IPv6Address(text)
        if mask != ipaddress.IPv6Network(f"::/{int(mask).bit_count()}").netmask:
            raise ValueError
        return str(mask)
    if "." not in text:
        raise ValueError
    return str(ipaddress.IPv4Network(f"0.0.0.0/{text}").netmask)


def is_between(ip: str | Address, low: str | Address, high: str | Address) -> bool:
    """Return whether an address lies in a range, which may be of the other family."""
    one, first, last = (ip_address(str(one)) for one in (ip, low, high))
    return one.version == first.version and int(first) <= int(one) <= int(last)


def network_of(ip: str, mask: str) -> Network:
    """Return the network of an address and a netmask, both of either family.

    Args:
        ip: An address such as ``192.0.2.1`` or ``2001:db8::1``.
        mask: Its netmask, such as ``255.255.255.0`` or ``ffff:ffff:ffff:ffff::``.

    Raises:
        ValueError: They are not of one family, or one of them is wrong.
    """
    address, wide = ipaddress.ip_address(ip), ipaddress.ip_address(_netmask(mask))
    if address.version != wide.version:
        raise ValueError("must be of the address family of its netmask")
    return ipaddress.ip_network(f"{address}/{int(wide).bit_count()}", strict=False)


_PAIRS = r"[0-9a-f]{1,2}([:-])[0-9a-f]{1,2}(\1[0-9a-f]{1,2}){4}"
_MAC = re.compile(rf"{_PAIRS}|([0-9a-f]{{3,4}}\.){{2}}[0-9a-f]{{3,4}}")


def _mac(value):
    return _mac_of(str(value))


@_remembered
def _mac_of(text):
    text = text.strip().lower()
    if not _MAC.fullmatch(text):
        raise ValueError
    size = 4 if "." in text else 2
    digits = "".join(part.zfill(size) for part in re.split("[-:.]", text))
    return ":".join(re.findall("..", digits))


def _macs(value):
    given = value.replace(",", " ").split() if isinstance(value, str) else value
    return sorted({MAC.clean(one) for one in given})


def _words(value):
    parts = re.split(r"[\s,]+", value) if isinstance(value, str) else value
    return [str(part) for part in parts if str(part)]


def _names(value):
    return sorted(set(_words(value)))


def _addresses(value):
    return [_address(word) for word in _words(value)]


def _address_set(value):
    return sorted(set(_addresses(value)), key=lambda one: (":" in one, ip_address(one)))


def _mapping(value):
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise ValueError
    return found or None


def _duration(value):
    """Seconds, from a number or from the ``H:MM:SS`` that MAAS answers."""
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int) or str(value).isdigit():
        return int(value)
    days, _, clock = str(value).rpartition(" ")
    hours, minutes, seconds = map(int, clock.split(":"))
    return int(days.partition(" ")[0] or 0) * 86400 + hours * 3600 + minutes * 60 + seconds


def _raw(value):
    if type(value) is str:
        return value
    if isinstance(value, (dict, list)):
        raise ValueError
    return str(value)


def _content(value):
    if not isinstance(value, (bytes, bytearray)):
        return _raw(value)
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        return bytes(value)


def _encoded(value):
    return value.encode() if isinstance(value, str) else value or b""


def _text(value):
    # MAAS strips what is entered in a form, such as the line break that ends a block in YAML.
    return _raw(value).strip() or None


def _blob(value):
    # MAAS answers the stored bytes with line breaks of its own.
    return base64.b64encode(base64.b64decode("".join(str(value).split()), validate=True)).decode()


def _formed(allowed, normal, form, *types, wire=_plain):
    """A kind whose form the pillar's check knows by a name; with ``null`` it may be empty."""
    kinds = [*(types or ("string",))]
    return Kind(
        allowed, normal, wire, {"type": kinds if len(kinds) > 1 else kinds[0], "format": form}
    )


_LIST = {"type": ["array", "string", "null"], "items": {"type": "string"}}

TEXT = Kind("text", _text, schema={"type": ["string", "number", "null"]})
#: Text to the letter, such as what a file holds.
RAW = Kind("text", _raw, schema=TEXT.schema)
#: What a file holds: text, or bytes where it is none.
CONTENT = Kind(
    "text, or data as !!binary", _content, _encoded,
    {"type": ["string", "number", "binary", "null"]},
)  # fmt: skip
BOOLEAN = Kind("true or false", _boolean, schema={"type": "boolean"})
INTEGER = Kind("a whole number", _integer, schema={"type": "integer"})
ADDRESS = _formed("an IP address such as 192.0.2.1", _address, "address", "string", "null")
ADDRESSES = _formed(
    "a list of IP addresses", _addresses, "addresses", "array", "string", "null",
    wire=lambda value: " ".join(value or []),
)  # fmt: skip
ADDRESS_SET = replace(ADDRESSES, normal=_address_set)
NETWORK = _formed("a network such as 192.0.2.0/24, with no host bits set", _network, "network")
NETMASK = _formed("a netmask such as 255.255.255.0 or ffff:ffff:ffff:ffff::", _netmask, "netmask")
MAC = _formed("a MAC address such as 52:54:00:12:34:56", _mac, "mac")
URL = _formed("a URL such as http://192.0.2.10:5240/MAAS, without user or password", _text, "url")
EMAIL = _formed("an e-mail address such as admin@example.com", _text, "email")
BLOB = _formed("base64 text", _blob, "base64", wire=base64.b64decode)
MAPPING = Kind(
    "a mapping", _mapping, lambda value: json.dumps(value or {}, sort_keys=True),
    {"type": ["object", "null"]},
)  # fmt: skip
DURATION = Kind(
    "a number of seconds, or H:MM:SS", _duration,
    schema={"type": ["integer", "string"], "pattern": r"^(\d+ days?, )?(\d+:\d\d:\d\d|\d+)$"},
)  # fmt: skip
# An empty repeated field would not be sent at all, so one empty value clears.
NAMES = Kind("a list of words", _names, lambda value: value or "", _LIST)
MACS = replace(NAMES, allowed="a list of MAC addresses", normal=_macs)
COMMA_NAMES = replace(NAMES, wire=lambda value: ",".join(value or []))
# Django wants 0 or 1 for this one field of a user.
SUPERUSER = replace(BOOLEAN, wire=lambda value: "1" if value else "0")


def choice(*allowed: str, **numbers: int) -> Kind:
    """Return the kind of a word out of a few; of ``numbers`` the API writes the number."""
    words = (*allowed, *numbers)
    by_number = {number: word for word, number in numbers.items()}

    def normal(value):
        word = by_number.get(value, value)
        if word not in words:
            raise ValueError
        return word

    schema = {"enum": list(words)}
    return Kind(f"one of: {', '.join(words)}", normal, lambda one: numbers.get(one, one), schema)


def numbered(**numbers: int) -> Kind:
    """Return the kind of a word out of a few that the API takes, and answers as a number."""
    return replace(choice(**numbers), wire=lambda word: word)


def matching(pattern: str, allowed: str, of: Kind = TEXT) -> Kind:
    """Return the kind of text of a form that the check knows; MAAS may hold another one."""
    return Kind(allowed, of.normal, schema={"type": "string", "pattern": pattern})


def one_number(*allowed: int) -> Kind:
    """Return the kind of a number out of a few."""

    def normal(value):
        if _integer(value) not in allowed:
            raise ValueError
        return int(value)

    return Kind(f"one of: {', '.join(map(str, allowed))}", normal, schema={"enum": list(allowed)})


def bounded(low: int, high: int | None = None) -> Kind:
    """Return the kind of a whole number within bounds."""

    def normal(value):
        number = _integer(value)
        if number < low or (high is not None and number > high):
            raise ValueError
        return number

    schema = {"type": "integer", "minimum": low}
    if high is None:
        return Kind(f"a whole number from {low} on", normal, schema=schema)
    return Kind(f"a whole number from {low} to {high}", normal, schema={**schema, "maximum": high})


_MOST = 2**31 - 1  # what a number in PostgreSQL may be

WORD = matching(r"^[\w-]{1,256}$", "a word of letters, digits, _ and -")
HOST_LABEL = matching(
    r"^(@|\*|[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$",
    "a DNS label such as www, several with dots between them, or @ for the domain itself",
)
DOMAIN = replace(
    matching(
        r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?$",
        "a domain name such as example.com",
    ),
    normal=lambda value: (_text(value) or "").rstrip(".") or None,
)
_NUMBER = bounded(0, _MOST)
TTL = replace(_NUMBER, schema={**_NUMBER.schema, "type": ["integer", "null"]})
