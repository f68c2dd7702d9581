"""What a field of a resource type is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from saltext.maas.errors import StrangeAnswer
from saltext.maas.release import Release
from saltext.maas.resources import kinds
from saltext.maas.resources.rules import ALWAYS

#: A value that only MAAS knows, once the object is there.
UNKNOWN = object()


class PredictedObject(dict):
    """An object as a run with ``test=True`` predicts it, in place of MAAS's answer.

    Attributes:
        known: What fields hold, by the id of the :class:`Field`.
    """

    def __init__(self, raw, known):
        super().__init__(raw)
        self.known = known


@dataclass(frozen=True)
class Record:
    """One object of a region: its key, and the answer that showed it."""

    key: str
    raw: dict


@dataclass(frozen=True)
class Field:
    """One field of a resource type.

    Attributes:
        name: In pillars and states.
        kind: See :mod:`saltext.maas.resources.kinds`.
        doc: What it is, as a sentence or two, for the reference of pillar, states and modules.
            Type, allowed values and releases are said there anyhow.
        argument: Its name as an argument of states, where its own is one of Salt's.
        api: Its name in the API, where that differs.
        read: Takes it from an object of the API, where that is more than a look-up.
        ref: Resource type that the value names by its key.
        ref_attr: Attribute of the object referred to that the API wants.
        since, up_to: First and last release that has it.
        default: Sent with a create when the user names none.
        server_default: What MAAS gives a new object of itself where that is not ``default`` or
            nothing, or a tuple of such values, or a function of the object's other values;
            :data:`UNKNOWN` where only MAAS knows.
        write_only: MAAS takes it but never shows it.
        read_only: MAAS decides it, so that it can only be awaited.
        hint: It says only which object is meant, where that has another name so far; it is
            neither sent nor compared.
        option: First release that takes it as an option of a deletion, such as ``force``; it is no
            part of the object.
        create_only: MAAS takes it at creation only.
        rules: What MAAS takes beside what its kind says, release by release.
        clearable: Spans of releases in which MAAS clears it, see
            :data:`~saltext.maas.resources.rules.ALWAYS`.
        secret: Its value must not be shown.
        as_file: Sent as a file part; its kind says the bytes of it.
        separate: MAAS answers it by a request of its own, see :meth:`Table.ask`, so it is read
            only where it is described, exported or shown.
        read_attr: Attribute of the object referred to that answers hold, where
            that is not its key, such as a rack's ``system_id``.
        refs: Yields the ``(type, key)`` of what a value refers to, where ``ref`` cannot say it.
    """

    name: str
    kind: kinds.Kind = kinds.TEXT
    doc: str = ""
    argument: str = ""
    api: str = ""
    read: Callable[[dict], Any] | None = None
    ref: str = ""
    ref_attr: str = "id"
    since: str = ""
    up_to: str = ""
    default: Any = None
    server_default: Any = None
    write_only: bool = False
    read_only: bool = False
    hint: bool = False
    option: str = ""
    create_only: bool = False
    secret: bool = False
    as_file: bool = False
    separate: bool = False
    read_attr: str = ""
    rules: tuple = ()
    clearable: tuple = ALWAYS
    refs: Callable[[Any], Iterable[tuple[str, str]]] | None = None

    @cached_property
    def wire_name(self) -> str:
        """Its name in the API."""
        return self.api or self.name

    @cached_property
    def readable(self) -> bool:
        """Whether answers show it, so that it can be compared."""
        return not (self.write_only or self.hint or self.option)

    @cached_property
    def writable(self) -> bool:
        """Whether requests carry it."""
        return not (self.read_only or self.hint or self.option)

    def value(self, raw: dict) -> Any:
        """Return the field's normal value in an object that the API answered, or a predicted one.

        Raises:
            StrangeAnswer: The answer has another form than MAAS's.
        """
        if type(raw) is PredictedObject and id(self) in raw.known:
            return raw.known[id(self)]
        try:
            found = self.read(raw) if self.read else raw.get(self.wire_name)
            return self.kind.clean(found)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise StrangeAnswer(f"its {self.wire_name} cannot be read: {_why(error)}") from None

    def server_defaults(self, values: dict) -> list:
        """Return what MAAS may give a new object with these other values, the likeliest first."""
        given = self.server_default
        found = given(values) if callable(given) else given
        several = found if isinstance(found, tuple) else (found,)
        if several == (None,):
            several = (self.default,)
        return [one if one is UNKNOWN else self.kind.clean(one) for one in several]

    def targets(self, value: Any) -> tuple:
        """Return the keys of the referenced objects: the value, its items, or its keys."""
        if not self.ref or value is None:
            return ()
        return tuple(value) if isinstance(value, (list, tuple, dict)) else (value,)

    def references(self, value: Any) -> Iterable[tuple[str, str]]:
        """Return the ``(type, key)`` of the objects that a value refers to."""
        return self.refs(value) if self.refs else [(self.ref, key) for key in self.targets(value)]

    def holds_for(self, release: Release) -> bool:
        """Return whether a release has the field."""
        return release.within(self.since, self.up_to)

    def clears_in(self, release: Release | None) -> bool:
        """Return whether MAAS takes an empty value for it; without a release, whether any does."""
        if not self.readable or self.create_only or not self.kind.optional:
            return False
        if release is None:
            return bool(self.clearable)
        return any(release.within(*span) for span in self.clearable)


def _why(error: Exception) -> str:
    """What an exception says of an answer, without the answer's own content."""
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]!r}" if error.args else "something is missing"
    return str(error) if isinstance(error, ValueError) else "it has another form than MAAS's"
