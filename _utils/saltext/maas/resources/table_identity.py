"""What a resource type is called, what its objects hold, and what tells them apart."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, ClassVar

from saltext.maas.redact import HIDDEN, redact
from saltext.maas.release import Release
from saltext.maas.resources.engine_types import Desired, Snapshot
from saltext.maas.resources.field import Field, Record
from saltext.maas.resources.location import PillarLocation


class Identity:
    """Names, fields and identity of a resource type.

    Attributes:
        name: Resource type, as in ``maas_<name>``.
        noun: What a person calls it, where that is not its name with blanks.
        plural: What a person calls several, where it is not the noun with an ending.
        identity: Fields that tell one object from another; the name by default.
        key_form: How an object is named by the values of its identity, such as
            ``{start_ip}-{end_ip}``; the values with slashes between them where empty.
        fields: All fields, those of ``identity`` first.
        required: Fields without which no object is created, in releases that have them.
        since, up_to: First and last release that has it.
        removed: First release that has removed it, whose API answers 410.
        deprecated: First release that deprecates it, and what to use in its place.
        pillar: Its place in the pillar; None where that does not follow from data.
        example: Values of an object, for documentation and tests.
        name_form: What the name of a state is made of, such as ``{fabric}/{vid}``; the last
            field of ``identity`` where it is empty.
        name_doc: What that name is, where the field's own ``doc`` does not say it.
        notes: ``{"present": text, "absent": text}``: what has to be known of either.
        list_by: Field of which a listing needs a value.
        has_modules: Whether states and functions are called after it.
        reserved: Regular expression of names that MAAS gives to what it makes itself, so that
            nobody can create one of such a name.
        can_create, can_update: What the API lets one do.
        created: What is said of an object after its creation.
        personal: They are the API's user's own, who need be no administrator to change them.
        permission: The entitlement that MAAS requires for changing them, from 3.8 on.
        store: Name under which the snapshot keeps its objects; two tables may
            look at the same objects.
        shared_keys: Several objects may have one key; otherwise a name that two have is refused.
        found_by: Fields that :meth:`identify` uses besides those that are a ``hint``.
        within: Fields that say which part of the collection an object belongs to.
        parent: Type of the objects that hold a part each; the parts are called by their keys.
        by_key: Each object is a part of its own, read by its key.
        by_name: The fields by their names.
        referring: The fields whose values name other objects.
        separate: The names of the fields that a request of their own reads.
    """

    name: ClassVar[str] = ""
    noun: str = ""
    plural: ClassVar[str] = ""
    identity: ClassVar[tuple] = ("name",)
    key_form: str = ""
    fields: ClassVar[tuple] = ()
    required: ClassVar[tuple] = ()
    since: ClassVar[str] = ""
    up_to: ClassVar[str] = ""
    removed: ClassVar[str] = ""
    deprecated: ClassVar[tuple[str, str] | None] = None
    pillar: ClassVar[PillarLocation | None] = None
    example: ClassVar[dict] = {}
    name_form: ClassVar[str] = ""
    name_doc: ClassVar[str] = ""
    notes: ClassVar[dict] = {}
    list_by: ClassVar[str] = ""
    has_modules: ClassVar[bool] = True
    reserved: ClassVar[str] = ""
    can_create: ClassVar[bool] = True
    can_update: ClassVar[bool] = True
    created: ClassVar[str] = "created"
    personal: ClassVar[bool] = False
    permission: ClassVar[str] = "can_edit_global_entities"
    store: str = ""
    shared_keys: ClassVar[bool] = False
    found_by: ClassVar[tuple] = ()
    within: ClassVar[tuple] = ()
    parent: ClassVar[str] = ""
    by_key: ClassVar[bool] = False

    def __init__(self) -> None:
        self.by_name: dict[str, Field] = {field.name: field for field in self.fields}
        self.referring = tuple(field for field in self.fields if field.ref or field.refs)
        self.separate = {field.name for field in self.fields if field.separate}
        self.store = self.store or self.name
        self.noun = self.noun or self.name.replace("_", " ")
        self.key_form = self.key_form or "/".join(f"{{{name}}}" for name in self.identity)

    @property
    def nouns(self) -> str:
        """What a person calls several objects."""
        several = re.sub(r"(?<![aeo])y$", "ie", self.noun)
        return self.plural or several + ("es" if several.endswith("s") else "s")

    def holds_for(self, release: Release) -> bool:
        """Return whether a release has the resource type."""
        return release.within(self.since, self.up_to)

    def removal(self, release: Release) -> str | None:
        """Return that a release has removed the resource type, as a sentence; None if not."""
        if not self.removed or not release.within(self.removed):
            return None
        return f"MAAS {self.removed} removed {self.nouns}"

    def deprecation(self, release: Release) -> str | None:
        """Return that a release has deprecated the resource type, as a sentence; None if not."""
        if self.deprecated is None or not release.within(self.deprecated[0]):
            return None
        return f"{self.nouns} are deprecated; use {self.deprecated[1]}"

    # Values

    def parse(self, name: str) -> dict:
        """Return the identity that a state's name or a command's argument stands for.

        Follows from ``name_form``.

        Raises:
            ValueError: With what is allowed.
        """
        if not self.name_form:
            return {self.identity[-1]: name}
        found = _pattern(self.name_form).fullmatch(str(name))
        if found is None:
            form = re.sub("[{}]", "", self.name_form).upper()
            raise ValueError(f"must be {form}, such as {self.name_form.format_map(self.example)}")
        return {field: value.strip() for field, value in found.groupdict().items()}

    def from_arguments(self, arguments: dict) -> dict:
        """Return the fields' values, from a state's or a function's arguments by name."""
        names = {field.argument or field.name: field.name for field in self.fields}
        return {names[one]: value for one, value in arguments.items() if one in names}

    def normal(self, field: Field, value: Any, values: dict) -> Any:
        """Return a field's normal value, from one that a pillar or a state's argument gives.

        Called for each value before anything is read.  Override it, and call ``super``, where a
        field's kind cannot tell alone how MAAS stores a value.

        Args:
            field: The field.
            value: The value.
            values: All values of the object, as they were given.

        Raises:
            ValueError: With what is allowed.
        """
        return field.kind.clean(value)

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        """Yield what MAAS would refuse of an object's values, whatever the region holds.

        Called by the pillar's check and before a plan is made.  Override it, and yield from
        ``super`` first, for what fields must be together.

        Args:
            values: Normal values of the fields that are named; None for those to be cleared.
            release: The region's release; None where it is not known, so that only what no
                release takes is reported.

        Yields:
            ``(field, sentence)``.
        """
        for name, value in values.items():
            field = self.by_name[name]
            if value is None and not self._clears(field, release):
                yield name, cannot_be_cleared(release, field)
            for rule in field.rules:
                if rule.broken_by(value, release):
                    shown = HIDDEN if field.secret else redact(repr(value))
                    yield name, f"{shown} must be {rule.allowed}"
                    break

    def _clears(self, field, release):
        return field.name in self.identity or (self.can_update and field.clears_in(release))

    def is_secret(self, name: str, values: dict) -> bool:
        """Return whether the value of a field among some must not be shown."""
        return self.by_name[name].secret

    def secrets(self, values: dict) -> list:
        """Return the secret values among some, for redaction."""
        return [value for name, value in values.items() if value and self.is_secret(name, values)]

    # Keys and parts

    def key(self, values: dict) -> str:
        """Return the key of an object, from the normal values of its identity."""
        return self.key_form.format_map(values)

    def key_of(self, raw: dict) -> str:
        """Return the key of an object that the API answered."""
        return self.key({name: self.by_name[name].value(raw) for name in self.identity})

    def partition(self, values: dict) -> str:
        """Return the part of the collection that holds an object; empty where there is but one."""
        if self.by_key:
            return self.key(values)
        return " ".join([values[name] for name in self.within]) if self.within else ""

    def part_of(self, key: str) -> str:
        """Return the part of the collection that holds the object of a key."""
        if not self.within:
            return key if self.by_key else ""
        found = _pattern(self.key_form).fullmatch(key)
        return self.partition(found.groupdict()) if found else ""

    def parts(self, snapshot: Snapshot) -> list[str]:
        """Return all parts of the collection."""
        if not self.within:
            return [] if self.by_key else [""]
        above = snapshot.tables[self.parent]
        return [
            key
            for part in above.parts(snapshot)
            for key in sorted(snapshot.records(above.name, part))
        ]

    def in_part(self, raw: dict, partition: str) -> dict:
        """Return an answer with the fields that say which part it belongs to."""
        if all(name in raw for name in self.within):
            return raw
        return {**dict(zip(self.within, partition.split(" "))), **raw}

    # Finding

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        """Return the region's object that a desired one stands for, or None.

        Called whenever a plan is made, and before each write.  Override it where an object may
        be found by more than its key; what another desired object claims
        (:meth:`Snapshot.claimed`) must not be returned.
        """
        return snapshot.records(self.name, self.partition(desired.values)).get(desired.key)

    def identify(self, snapshot: Snapshot, desired: list[Desired]) -> None:
        """Note which objects of the region the desired ones are that have another name there.

        Called before anything is matched, with all desired objects of the type that are to
        exist, and only if one of them names a field that is a ``hint`` or in
        ``found_by``; see :meth:`Snapshot.alias` and :meth:`Snapshot.patch`.

        Raises:
            BadInput: It is ambiguous.
        """


@functools.cache
def _pattern(form):
    """The regular expression of what a form such as ``{fabric}/{vid}`` stands for."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(form)), re.DOTALL)


def cannot_be_cleared(release: Release | None, field: Field | None = None) -> str:
    """Return why an empty value is refused, as a sentence."""
    maas = f"MAAS {release}" if release else "MAAS"
    if field is not None and (not field.readable or field.create_only):
        return f"cannot be cleared; {maas} takes it at creation only"
    if field is not None and not field.kind.optional:
        return f"cannot be cleared; it must be {field.kind.allowed}"
    return f"cannot be cleared; {maas} keeps the old value"
