"""What the checks of a pillar share that go beyond its form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from saltext.maas.pillar.controllers import ROOT
from saltext.maas.release import Release
from saltext.maas.resources.kinds import Address, Network, ip_address

#: ``(path, first, last)`` of addresses.
Span = tuple[str, Address, Address]
Validator = Callable[[dict, "Release | None"], Iterator[str]]

#: The sections of the pillar that a validator looks at, all of the right form, and the validator.
VALIDATORS: list[tuple[set, Validator]] = []


def validates(*sections: str) -> Callable[[Validator], Validator]:
    """Register a validator: from a pillar and, where it is known, its release to messages."""

    def register(validator: Validator) -> Validator:
        VALIDATORS.append((set(sections), validator))
        return validator

    return register


def plain(value: Any) -> Any:
    """Return the pillar with text for keys, since YAML reads ``100:`` as a number."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def section(whole: Any, key: str) -> dict:
    """Return the mapping at a key of a value of whatever form; an empty one if there is none."""
    found = whole.get(key) if isinstance(whole, dict) else None
    return found if isinstance(found, dict) else {}


def named(node: dict, key: str, where: str = ROOT) -> Iterator[tuple[str, str, dict]]:
    """Yield path, name and values of each object of a mapping within a node."""
    for name, values in (node.get(key) or {}).items():
        yield f"{where}:{key}:{name}", name, values or {}


def listed(node: dict, key: str, where: str = ROOT) -> Iterator[tuple[str, Any]]:
    """Yield path and value of each element of a list within a node."""
    for number, one in enumerate(node.get(key) or ()):
        yield f"{where}:{key}:{number}", one


def other_place(seen: dict, key: object, where: str) -> str | None:
    """Return the path that something stands at already; note this one where it is the first."""
    first = seen.setdefault(key, where)
    return first if first != where else None


def within(where: str, net: Network, text: str) -> Iterator[str]:
    """Refuse an address that no host of a network can have."""
    address = ip_address(text)
    edges = {net.network_address, net.broadcast_address if net.version == 4 else None}
    if address not in net:
        yield f"{where}: {text!r} must be an address within {net}"
    elif address in edges and net.prefixlen < net.max_prefixlen - 1:
        yield f"{where}: {text!r} must not be the network or broadcast address of {net}"


def span_within(where: str, net: Network, values: dict, low: str, high: str) -> Iterator[str]:
    """Refuse a range that does not lie within a network; ``low`` and ``high`` are its keys."""
    yield from within(f"{where}:{low}", net, values[low])
    yield from within(f"{where}:{high}", net, values[high])
    first, last = ends(values[low], values[high])
    if first.version == last.version and int(first) > int(last):
        yield f"{where}:{high}: {values[high]!r} must not be below {values[low]!r}"


def ends(start: str, end: str) -> tuple[Address, Address]:
    """Return the first and last address of a range, from their texts."""
    return ip_address(start), ip_address(end)


def overlaps(spans: Iterable[Span]) -> Iterator[str]:
    """Refuse ranges of addresses that overlap one before them."""
    for (place, first, last), (other, start, end) in overlapping(spans):
        yield f"{other}: {start}-{end} overlaps {first}-{last} of {place}"


def overlapping(spans: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """Yield each span that overlaps one before it, after that one."""
    widest: Span | None = None
    for span in sorted(spans, key=lambda one: (one[1].version, int(one[1]), int(one[2]))):
        apart = widest is None or widest[1].version != span[1].version
        if widest is not None and not apart and int(span[1]) <= int(widest[2]):
            yield widest, span
        if widest is None or apart or int(span[2]) > int(widest[2]):
            widest = span
