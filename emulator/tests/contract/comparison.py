"""What of an answer is compared, and what of it is kept.

``normal`` takes out of an answer what differs from run to run. ``distil`` takes out what is not
needed to compare: a text of more than one word becomes its digest, ids and times become their
type. ``normal(distil(answer))`` tells two answers apart whenever ``normal(answer)`` does.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from typing import Any

#: Keys whose values are ids, times or digests: only their type is compared.
VOLATILE = re.compile(
    r"id|.*_id|uuid|.*_uri|uri|url_base|created|updated|hash|sha256|filename_on_disk|token_key"
    r"|token_secret|consumer_key|token|last_deployed|started|ended|starttime|endtime"
)
#: Those that name an object in the paths and forms of later exchanges.
NAMING = ("token_key", "system_id", "resource_uri")
#: Lists of objects that MAAS sorts.
_ORDERED = ("history",)
#: What stands for a value in distilled data.
MARK = re.compile(r"<(str|int|float|bool|null|html|text [0-9a-f]{10})>")
LONGEST = 64

_KINDS = {str: "<str>", int: "<int>", float: "<float>", bool: "<bool>", type(None): "<null>"}


def distil(value: Any, key: str = "") -> Any:
    """Return an answer without its texts.

    Args:
        value: Body of an answer, or a part of it.
        key: Name of that part.
    """
    if isinstance(value, dict):
        return {name: distil(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [distil(item) for item in value]
    if VOLATILE.fullmatch(key) and key not in (*NAMING, "id"):
        return kind(value)
    if isinstance(value, str) and (len(value) > LONGEST or re.search(r"\s|^<", value)):
        return _digest(plain(value, key))
    return value


def kind(value: Any) -> str:
    """Return the mark of a value's type."""
    if isinstance(value, str) and MARK.fullmatch(value):
        return value
    return _KINDS[type(value)]


def _digest(text: str) -> str:
    if MARK.fullmatch(text):
        return text
    return f"<text {hashlib.sha256(text.encode()).hexdigest()[:10]}>"


def distil_whole(value: Any) -> str:
    """Return the digest that stands for a whole answer.

    Args:
        value: Body of an answer.
    """
    return _digest(json.dumps(normal(distil(value)), sort_keys=True))


def normal(value: Any, key: str = "") -> Any:
    """Return an answer, distilled or not, without what differs from run to run.

    Args:
        value: Body of an answer, or a part of it.
        key: Name of that part.
    """
    if isinstance(value, dict):
        if key == "sets":  # named after the day
            return [normal(item) for item in value.values()]
        return {name: normal(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return _normal_list(value, key)
    if VOLATILE.fullmatch(key):
        return kind(value)
    return plain(value, key) if isinstance(value, str) else value


def _normal_list(items: list[Any], key: str) -> list[Any]:
    """Objects in an order of their own: the database's order means nothing."""
    if items and isinstance(items[0], dict) and key not in _ORDERED:
        if all("id" in item for item in items):
            return [normal(item) for item in sorted(items, key=lambda item: item["id"])]
        return sorted(map(normal, items), key=lambda item: json.dumps(item, sort_keys=True))
    found = [normal(item) for item in items]
    return sorted(found) if key == "disabled_boot_architectures" else found  # a set


#: What is drawn at random or depends on the day, and what stands for it.
_CHANGING = (
    (r"string: .*?&\w{20,}", "string: &SECRET"),
    (r"(given|now) \d+", r"\1 N"),
    (r"127\.0\.0\.1:\d+/MAAS", "HOST/MAAS"),
    (r"\b(unnamed|eth1-ipv6)-\d+\b", r"\1-N"),
    (r"\b(eth\d+-ipv[46])-[0-9a-f]{4}\b", r"\1-N"),
    (r"\bnode-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "NODE"),
    (r"0x[0-9a-f]{5,}", "0xN"),
)
#: What lists the elements of a set, and what parts them.
_SETS = (
    (r"is not one of ([A-Z ]+)\.", " "),
    (r"\{(<.*>)\}", "(?<=>), "),
    (r"must be one of: (.*; .*) \(", "; "),
    (r"one of: (.*)\.$", ", "),
    (r"valid settings are: ([\w, ]+)", ", "),
)


@functools.lru_cache(maxsize=100_000)
def plain(value: str, key: str) -> str:
    """Return a text without what changes from run to run.

    Args:
        value: The text.
        key: Name of the field that it was in.
    """
    if MARK.fullmatch(value):
        return value
    if "html>" in value:
        return "<html>"  # MAAS's pages are its own
    for pattern, stand_in in _CHANGING:
        value = re.sub(pattern, stand_in, value)
    if key == "value" and value.isdecimal():
        return "N"  # the number of a text that was not sent
    if key == "version":
        # An uploaded image is versioned by its day; a region by its release and build.
        value = re.sub(r"^20\d{6}\b", "DAY", value)
        return re.sub(r"^(\d+\.\d+\.\d+)-.*", r"\1", value)
    if re.search(r"one of: .*\.$", value):  # ids
        value = re.sub(r"(^|(?<=[ ,]))'\d+'", "'N'", value)
    for pattern, separator in _SETS:
        match = re.search(pattern, value)
        if match:
            words = sorted(re.split(separator, match[1]))
            value = value.replace(match[1], " ".join(words))
    return value


def compare(expected: Any, got: Any, where: str = "body") -> list[str]:
    """Return what differs between two answers that are ``normal``, as texts.

    Args:
        expected: What was recorded.
        got: What the emulator answered.
        where: Name of the part that these are.
    """
    found: list[str] = []
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted(expected.keys() ^ got.keys()):
            found.append(f"{where}: {name} {'missing' if name in expected else 'not recorded'}")
        for name in expected.keys() & got.keys():
            found += compare(expected[name], got[name], f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            found.append(f"{where}: {len(got)} elements, recorded {len(expected)}")
        for number, (one, other) in enumerate(zip(expected, got)):
            found += compare(one, other, f"{where}[{number}]")
    elif type(expected) is not type(got) or expected != got:
        found.append(f"{where}: {got!r:.160}, recorded {expected!r:.160}")
    return found
