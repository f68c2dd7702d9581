"""Sizes of disks, partitions and groups: their notation, and MAAS's rounding."""

from __future__ import annotations

import re
from typing import Any

MIB = 1024 * 1024
#: What sizes of partitions and logical volumes are rounded down to.
STEP = 4 * MIB
#: Bytes that a RAID needs for itself; a raid-0 on each member.
_SUPERBLOCK = 128 * 1024
#: Minimum number of members of each RAID level.
LEAST = {0: 2, 1: 2, 5: 3, 6: 4, 10: 3}
REST = "rest"
ALLOWED = "a size such as 512M (factor 1000), 10GiB (factor 1024) or bytes"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([KMGTP])(i?))?B?")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def in_bytes(value: Any) -> int:
    """Return what a size such as ``10G``, ``512MiB`` or ``4194304`` is in bytes.

    A unit counts by 1000, as in MAAS; with an ``i``, as in ``GiB``, by 1024.

    Raises:
        ValueError: It is none.
    """
    found = _SIZE.fullmatch(str(value).strip())
    if found is None or isinstance(value, bool):
        raise ValueError(f"{value!r} must be {ALLOWED}")
    number, unit, binary = found.groups()
    power = " KMGTP".index(unit or " ")
    return int(float(number) * (1024 if binary else 1000) ** power) if unit else int(float(number))


def size_within(value: Any, capacity: int) -> int | None:
    """Return a size in bytes, where a percentage is of some capacity; None for the rest.

    Args:
        value: A size, ``rest`` or a percentage such as ``30%``.
        capacity: Bytes.

    Raises:
        ValueError: It is none of them.
    """
    if value in (None, REST):
        return None
    found = _PERCENT.fullmatch(str(value).strip())
    return int(capacity * float(found[1]) / 100) if found else in_bytes(value)


def rounded(size: int) -> int:
    """Return a size as MAAS stores it for a partition or a logical volume."""
    return size // STEP * STEP


def divide(values: list, capacity: int) -> list[int]:
    """Return the sizes of the parts of a capacity, in bytes; one may be the rest.

    Args:
        values: Sizes, percentages, and at most one ``rest``.
        capacity: Bytes, already rounded.

    Raises:
        ValueError: They do not fit.
    """
    sizes = [
        None if one is None else rounded(one) for one in (size_within(v, capacity) for v in values)
    ]
    left = capacity - sum(one for one in sizes if one is not None)
    found = [left if one is None else one for one in sizes]
    if left < 0 or any(one < STEP for one in found):
        raise ValueError(f"{', '.join(map(str, values))}: they do not fit into {text(capacity)}")
    return found


def raid_size(level: int, members: list[int], spares: list[int]) -> int:
    """Return the size of a RAID of members of some sizes, in bytes; a spare can be the smallest."""
    if level == 0:
        return sum(members) - _SUPERBLOCK * len(members)
    count = {1: 1.0, 5: len(members) - 1, 6: len(members) - 2, 10: len(members) / 2}[level]
    return int(min(members + spares) * count) - _SUPERBLOCK


def volume_group_size(members: list[int]) -> int:
    """Return how much logical volumes a volume group of some members can hold, in bytes."""
    return (sum(members) // STEP - len(members)) * STEP


def text(size: int) -> str | int:
    """Return a size as a description writes it, to the byte."""
    for unit, factor in (("GiB", 1024 * MIB), ("GB", 10**9), ("MiB", MIB), ("MB", 10**6)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return size
