"""Desired objects: what shall be, and what shall not be, in normal form."""

from __future__ import annotations

from dataclasses import dataclass, field

from saltext.maas.errors import BadInput
from saltext.maas.redact import HIDDEN
from saltext.maas.resources import BY_NAME


@dataclass(frozen=True)
class Desired:
    """One desired object: an object as it shall be, or that it shall not be.

    Attributes:
        type: Resource type.
        key: Which object; from :meth:`Table.key`.
        values: ``{field: normal value}``; fields not named are left alone.
        absent: True if the object shall not exist.
        where: Pillar path or argument, for messages.
        label: What a person calls it.
    """

    type: str
    key: str
    values: dict = field(hash=False)
    absent: bool = False
    where: str = ""
    label: str = ""


def desired_object(type, values, where="", label="", absent=False) -> Desired:
    """Make a desired object out of raw values, normalising them.

    Args:
        type: Resource type.
        values: ``{field: value}`` as a pillar or a state's arguments say it.
            None leaves a field alone, an empty value clears it.
        where: Pillar path or argument, for messages.
        label: What a person calls the object; its key by default.
        absent: Whether it shall not exist.

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
            shown = HIDDEN if column.secret else repr(value)
            problems.append(f"{where}:{name}: {shown} {error}")
    missing = [
        name
        for name in table.identity
        if normal.get(name) is None and (name in normal or values.get(name) is None)
    ]
    problems += [f"{where}:{name}: is needed to identify the {table.noun}" for name in missing]
    if problems:
        raise BadInput(problems)
    key = table.key(normal)
    return Desired(type, key, normal, absent, where, label or key)


def desired_named(type, name, values, absent=False) -> Desired:
    """Make a desired object out of a state's name, or a command's argument, and field values.

    Raises:
        BadInput: The name or a value does not fit.
    """
    try:
        identity = BY_NAME[type].parse(name)
    except (ValueError, AttributeError) as error:
        raise BadInput(f"name: {name!r} {error}") from None
    return desired_object(
        type, {**values, **identity}, where=f"{type} {name}", label=name, absent=absent
    )


class DesiredObjects(list):
    """All desired objects of a run, with look-ups by type and field."""

    def __init__(self, desired):
        super().__init__(desired)
        self._by = {}

    def of(self, *types: str) -> list:
        """The desired objects of some types."""
        return [one for type in types for one in self.by(type).get("", ())]

    def by(self, type: str, field: str = "") -> dict:
        """The desired objects of a type by the value of one field; all under ``""`` without one."""
        if (type, field) not in self._by:
            groups = self._by[type, field] = {}
            for one in self:
                if one.type == type and not one.absent:
                    groups.setdefault(one.values.get(field) if field else "", []).append(one)
        return self._by[type, field]


def without_repetitions(desired):
    """Desired objects without repetitions.

    Raises:
        BadInput: Two desired objects for one object contradict each other.
    """
    found, problems = {}, []
    for one in desired:
        other = found.setdefault((one.type, one.key), one)
        if other is one or (other.absent, other.values) == (one.absent, one.values):
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
