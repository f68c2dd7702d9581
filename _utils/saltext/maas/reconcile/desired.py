"""Desired objects: what is to exist, and what is not, in normal form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from saltext.maas.errors import BadInput
from saltext.maas.redact import HIDDEN, redact
from saltext.maas.resources import BY_NAME


@dataclass(frozen=True)
class Desired:
    """An object as it is to be, or that is not to exist.

    Attributes:
        type: Resource type.
        key: Which object; from :meth:`Table.key`.
        values: ``{field: normal value}``; fields not named are left alone.
        absent: True if the object is not to exist.
        where: Pillar path or argument, for messages.
        label: What a person calls it.
        if_unused: It is only removed as long as nothing uses it.
    """

    type: str
    key: str
    values: dict = field(hash=False)
    absent: bool = False
    where: str = ""
    label: str = ""
    if_unused: bool = False


def desired_object(
    type: str, values: dict, where: str = "", label: str = "", absent: bool = False
) -> Desired:
    """Return a desired object made of raw values, which are normalised.

    Args:
        type: Resource type.
        values: ``{field: value}`` as a pillar or a state's arguments say it.
            None leaves a field alone, an empty value clears it.
        where: Pillar path or argument, for messages.
        label: What a person calls the object; its key by default.
        absent: Whether it is not to exist.

    Raises:
        BadInput: Values do not fit the resource type's fields.
    """
    table = BY_NAME[type]
    normal, problems = {}, []
    for name, value in values.items():
        if value is None:
            continue
        column = table.by_name.get(name)
        if column is None:
            allowed = ", ".join(table.by_name)
            problems.append(f"{where}:{name}: unknown field of a {table.noun}; allowed: {allowed}")
            continue
        try:
            normal[name] = table.normal(column, value, values)
        except ValueError as error:
            shown = HIDDEN if column.secret else redact(repr(value))
            problems.append(f"{where}:{name}: {shown} {error}")
    for name in table.identity:
        refused = name not in normal and values.get(name) is not None  # which was said above
        if normal.get(name) is None and not refused:
            problems.append(f"{where}:{name}: is needed to identify the {table.noun}")
    if problems:
        raise BadInput(problems)
    key = table.key(normal)
    return Desired(type, key, normal, absent, where, label or key)


def desired_named(type: str, name: str, values: dict, absent: bool = False) -> Desired:
    """Return a desired object made of a state's name, or a command's argument, and field values.

    Raises:
        BadInput: The name or a value does not fit.
    """
    try:
        identity = BY_NAME[type].parse(name)
    except ValueError as error:
        raise BadInput(f"name: {name!r} {error}") from None
    where = f"{type} {name}"
    return desired_object(type, {**values, **identity}, where=where, label=name, absent=absent)


class DesiredObjects(list[Desired]):
    """All desired objects of a run, with look-ups by type and field."""

    def __init__(self, desired: Iterable[Desired]):
        super().__init__(desired)
        self._of: dict[str, list[Desired]] = {}
        for one in self:
            if not one.absent:
                self._of.setdefault(one.type, []).append(one)
        self._by: dict = {}

    def of(self, type: str) -> list[Desired]:
        """Return the desired objects of a type that are to exist."""
        return self._of.get(type, [])

    def by(self, type: str, field: str) -> dict[object, list[Desired]]:
        """Return the same by the value of one field."""
        if (type, field) not in self._by:
            groups = self._by[type, field] = {}
            for one in self.of(type):
                groups.setdefault(one.values.get(field), []).append(one)
        return self._by[type, field]


def without_repetitions(desired: Iterable[Desired]) -> Iterable[Desired]:
    """Return desired objects, each once.

    Raises:
        BadInput: Two desired objects for one object contradict each other.
    """
    found: dict[tuple, Desired] = {}
    problems = []
    for one in desired:
        other = found.setdefault((one.type, one.key), one)
        if (other.absent, other.values) == (one.absent, one.values):
            continue
        noun = BY_NAME[one.type].noun
        said = f"is described differently at {other.where}"
        if one.absent != other.absent:
            verbs = ("described", "removed") if one.absent else ("removed", "described")
            said = f"is {verbs[0]} at {other.where}, but {verbs[1]} here"
        problems.append(f"{one.where}: {noun} {one.label} {said}; describe it once")
    if problems:
        raise BadInput(problems)
    return found.values()
