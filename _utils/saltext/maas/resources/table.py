"""What a resource type is: a table of facts that one engine works from.

To add a resource type, write a subclass of :class:`Table` in a module beside this one and run
``make generate``, which writes its state and its execution module.
"""

from __future__ import annotations

import re
from typing import ClassVar

from saltext.maas.errors import (
    NotDone,
    StrangeAnswer,
    WrongAnswer,
)
from saltext.maas.redact import HIDDEN, passwords_in
from saltext.maas.release import Release
from saltext.maas.resources.field import UNKNOWN, Field, PredictedObject, Record
from saltext.maas.resources.location import PillarLocation
from saltext.maas.sdb import Reference


class Table:
    """A resource type.  The attributes are its facts; the methods what follows from them.

    The docstring of a subclass is for users: the first sentence says what the objects are, and
    follows from ``noun`` where it is missing; the rest is what one has to know of them.

    Attributes:
        name: Resource type, as in ``maas_<name>``.
        noun: What a person calls it.
        plural: What a person calls several, where it is not the noun with an ending.
        identity: Fields that tell one object from another.
        fields: All fields, those of ``identity`` first.
        collection: Path of its collection.
        list_op, create_op: Custom operations for both in API 1.0.
        store: Name under which the snapshot keeps its objects; two tables may
            look at the same objects.
        nested: ``{key in an answer: store}`` for objects that come inside another.
        within: Field that says which part an object belongs to, where MAAS's answer does not.
        implied_by: Type whose creation brings objects of this one along.
        since, up_to: First and last release that has it.
        can_create, can_update, can_delete: What the API lets one do.
        delete_since: First release whose API deletes it, where that is a later one.
        protected: Keys of the objects that every region has and that MAAS does not delete.
        pillar: Its place in the pillar; None where that does not follow from data.
        example: Values of an object, for documentation and tests.
        name_form: What the name of a state is made of, such as ``{fabric}/{vid}``; the last
            field of ``identity`` where it is empty.  See :meth:`parse`.
        name_doc: What that name is, where the field's own ``doc`` does not say it.
        notes: ``{"present": text, "absent": text}``: what has to be known of either.
        list_by: Field of which a listing needs a value.
        has_modules: Whether states and functions are called after it.
        changed: Values that such an object may be changed to.
        around: ``(type, values)`` of what the example refers to.
        personal: They are the API's user's own, who need be no administrator to change them.
        reserved: Regular expression of names that MAAS gives to what it makes itself, so that
            nobody can create one of such a name.
        deletes_first: Deletions come before all else instead of last.
        created: What is said of an object after its creation.
        after: Stages (see :meth:`stage`), all changes of which come before any of this type.
        doubles: Several objects may have one key; otherwise a name that two have is refused.
        competitors: Types whose objects compete for the same places, this one among them; the
            same tuple for each of them.
        scope: Field to whose values an ``exclusive`` may be limited.
        prunable: False where ``exclusive`` is not offered, though one object can be deleted.
        copies: Whether MAAS makes a second object of one identity: ``never``; ``raced``: only
            of two requests at once; ``always``.
        always: Keys of the objects that every region has, so that an answer without them is wrong.
        mixed: Its collection holds objects of several types, each with a path of its own.
        apart: Fields that a request of their own writes.
        numbered: First release whose answers have an ``id``; empty for none.
    """

    name: ClassVar[str] = ""
    noun: ClassVar[str] = ""
    plural: ClassVar[str] = ""
    identity: ClassVar[tuple] = ()
    fields: ClassVar[tuple] = ()
    collection: ClassVar[str] = ""
    list_op: ClassVar[str | None] = None
    create_op: ClassVar[str | None] = None
    store: ClassVar[str] = ""
    nested: ClassVar[dict] = {}
    within: ClassVar[str] = ""
    since: ClassVar[str] = ""
    up_to: ClassVar[str] = ""
    can_create: ClassVar[bool] = True
    can_update: ClassVar[bool] = True
    can_delete: ClassVar[bool] = True
    delete_since: ClassVar[str] = ""
    protected: ClassVar[tuple] = ()
    pillar: ClassVar[PillarLocation | None] = None
    example: ClassVar[dict] = {}
    name_form: ClassVar[str] = ""
    name_doc: ClassVar[str] = ""
    notes: ClassVar[dict] = {}
    list_by: ClassVar[str] = ""
    has_modules: ClassVar[bool] = True
    changed: ClassVar[dict] = {}
    around: ClassVar[tuple] = ()
    personal: ClassVar[bool] = False
    reserved: ClassVar[str] = ""
    deletes_first: ClassVar[bool] = False
    created: ClassVar[str] = "created"
    after: ClassVar[tuple] = ()
    shared_keys: ClassVar[bool] = False
    competitors: ClassVar[tuple] = ()
    scope: ClassVar[str] = ""
    prunable: ClassVar[bool] = True
    duplicates: ClassVar[str] = "never"
    always: ClassVar[tuple] = ()
    mixed: ClassVar[bool] = False
    apart: ClassVar[tuple] = ()
    numbered: ClassVar[str] = "1.5"

    def __init__(self):
        self.by_name = {field.name: field for field in self.fields}
        self.store = self.store or self.name

    # Identity

    def parse(self, name: str) -> dict:
        """The identity that a state's name or a command's argument stands for.

        Raises:
            ValueError: With what is allowed.
        """
        return {self.identity[-1]: name}

    def normal(self, field: Field, value, values: dict):
        """A field's normal value, from one that a pillar or a state's argument gives.

        Raises:
            ValueError: With what is allowed.
        """
        return field.kind.clean(value)

    def from_arguments(self, arguments: dict) -> dict:
        """The fields' values, from a state's or a function's arguments by name."""
        names = {field.argument or field.name: field.name for field in self.fields}
        return {names[one]: value for one, value in arguments.items() if one in names}

    @property
    def nouns(self) -> str:
        """What a person calls several objects."""
        several = re.sub(r"(?<![aeo])y$", "ie", self.noun)
        return self.plural or several + ("es" if several.endswith("s") else "s")

    def place_of(self, where: str, field: str) -> str:
        """Where a field of an object stands, for messages; ``where`` is the object's own place."""
        return self.pillar.of(where, field) if self.pillar else f"{where}:{field}"

    def validate(self, values: dict, release: Release | None):
        """What MAAS would refuse of an object's values, whatever the region holds.

        Args:
            values: Normal values of the fields that are named; None for those to be cleared.
            release: The region's release; None where it is not known, so that only what no
                release takes is told.

        Yields:
            ``(field, sentence)``.
        """
        for name, value in values.items():
            field = self.by_name[name]
            clears = name in self.identity or (self.can_update and field.clears_in(release))
            if value is None and not clears:
                yield name, cannot_be_cleared(release, field)
            for rule in field.rules:
                if rule.broken_by(value, release):
                    shown = HIDDEN if field.secret else repr(value)
                    yield name, f"{shown} must be {rule.allowed}"
                    break

    def from_pillar(self, values: dict) -> dict:
        """The fields' values, from what stands in the pillar under the fields' names."""
        return values

    def partition(self, values: dict) -> str:
        """The part of the collection that holds an object, where MAAS lists it by parts only."""
        return ""

    def part_of(self, key: str) -> str:
        """The part of the collection that holds the object of a key."""
        return ""

    def parts(self, snapshot) -> list[str]:
        """All parts of the collection."""
        return [""]

    def key(self, values: dict) -> str:
        """The key of an object, from the normal values of its identity."""
        return "/".join(str(values[name]) for name in self.identity)

    def key_of(self, raw: dict) -> str:
        """The key of an object that the API answered."""
        return self.key({name: self.by_name[name].value(raw) for name in self.identity})

    def match(self, snapshot, desired):
        """The region's object that a desired one stands for, or None."""
        return snapshot.records(self.name, self.partition(desired.values)).get(desired.key)

    def identify(self, snapshot, desired) -> None:
        """Note which objects of the region the desired ones are that are called otherwise there.

        Called before anything is matched, with all desired objects of the type that shall be
        there; see :meth:`Snapshot.alias` and :meth:`Snapshot.patch`.

        Raises:
            BadInput: It cannot be told.
        """

    # Reading

    def read(self, snapshot, partition: str) -> list[dict]:
        """Read the collection, or one part of it."""
        op = _op(self.list_op, snapshot)
        return snapshot.client.get(self.collection, op=op, expect=[self.shape(snapshot.release)])

    def shape(self, release: Release) -> dict:
        """What every object has in an answer, in the words of :mod:`saltext.maas.client.shape`."""
        found = {"id": int} if self.numbered and release >= self.numbered else {}
        if type(self).item is Table.item:
            found["resource_uri"] = str
        identity = (self.by_name[name] for name in self.identity if name != self.within)
        return {**{one.wire_name: object for one in identity if not one.read}, **found}

    def item(self, snapshot, raw: dict) -> str:
        """The path of one object."""
        return raw["resource_uri"]

    # Comparing

    def value(self, snapshot, field: Field, raw: dict):
        """A field's value in the pillar's words: references by key."""
        found = field.value(raw)
        if not field.read_attr or found is None:
            return found
        if isinstance(found, (list, tuple)):
            return [snapshot.key_by(field.ref, field.read_attr, one) for one in found]
        return snapshot.key_by(field.ref, field.read_attr, found)

    def values(self, snapshot, raw: dict) -> dict:
        """All values of an object that can be read, in the pillar's words."""
        return {
            field.name: self.value(snapshot, field, raw)
            for field in self.fields
            if field.readable and (field.name in self.identity or field.holds_for(snapshot.release))
        }

    def pristine(self, snapshot, partition: str) -> list[dict]:
        """What a newly installed region without any user holds."""
        return []

    def differences(self, snapshot, desired, record) -> dict:
        """What differs, as ``{field: (old, new)}``, between a desired object and a record."""
        found = {}
        for name, new in desired.values.items():
            field = self.by_name[name]
            if not field.readable:
                continue
            old = self.value(snapshot, field, record.raw)
            if old != new:
                found[name] = (old, new)
        return found

    def problem(self, snapshot, desired, record) -> str | None:
        """Why a desired object cannot come true, seen before anything is sent; None if it can."""
        if record is None:
            if self.reserved and re.fullmatch(self.reserved, desired.key):
                return f"MAAS keeps the name {desired.key!r} for itself; choose another one"
            return None if self.can_create else f"there is no such {self.noun}"
        fields = ", ".join(
            name
            for name in self.differences(snapshot, desired, record)
            if not self.can_update or self.by_name[name].create_only
        )
        return f"MAAS's API cannot change {fields} of a {self.noun}" if fields else None

    def outcome(self, old: dict, values: dict) -> dict:
        """Return all values of an object once it is changed, from those of before.

        Override it where MAAS changes more than it is asked for.
        """
        return {**old, **values}

    def conflict(self, snapshot, change, predicted) -> str | None:
        """Return why a change cannot be applied beside all that the plan leaves there.

        Called once for each change that has no problem yet, after all changes are known.

        Args:
            snapshot: The region as it is.
            change: The :class:`~saltext.maas.reconcile.plan.Change`.
            predicted: The region as the plan leaves it, a
                :class:`~saltext.maas.reconcile.predicted.Predicted`.  What it is asked for
                is read from the region, so ask only for what the change depends on.
        """
        return None

    def is_protected(self, raw: dict) -> bool:
        """Whether MAAS keeps an object, so that nobody can delete it."""
        return self.key_of(raw) in self.protected

    def blocked_by(self, desired, noun: str, key: str) -> str | None:
        """Why an object of :meth:`contents` keeps this one; None where it is removed with it."""
        return f"{noun} {key} is still in it"

    def deletion_problem(self, snapshot, desired, record) -> str | None:
        """Why this object cannot be deleted in the way that is desired."""
        return None

    def undeletable(self, release: Release, raw: dict) -> str | None:
        """Why an object cannot be deleted, seen before it is tried; None if it can."""
        if not self.can_delete or (self.delete_since and release < self.delete_since):
            return f"MAAS's API cannot delete a {self.noun}"
        return f"MAAS itself needs this {self.noun}" if self.is_protected(raw) else None

    def requires(self, desired, everything) -> set:
        """The ``(type, key)`` of all desired objects that must be right before this one.

        ``(stage, "*")`` stands for all of a stage.  For deletions the same is
        asked of what the objects hold, and taken in reverse.
        """
        return {
            (field.ref, key)
            for field in self.fields
            if field.ref
            for key in field.targets(desired.values.get(field.name))
        }

    def after_objects(self, desired, everything) -> set:
        """Return the ``(type, key)`` whose changes have ended, well or not, before this one.

        Asked only for what is created or updated.
        """
        return set()

    def requires_changes(self, snapshot, change, others):
        """Yield the changes that must have happened before this one.

        Other than :meth:`needs` it knows what the changes are; a deletion that a creation or an
        update waits for comes early instead of last.

        Args:
            snapshot: The region.
            change: The :class:`~saltext.maas.reconcile.plan.Change`.
            others: All changes: ``others.of(type)`` those of a type, ``others.by(type, field,
                value)`` those of a type whose object has, or had, a value;
                ``others.predicted`` is the region as they leave it.
        """
        return ()

    def phase(self, desired) -> str:
        """The stage of a run that a desired object belongs to; ``after`` names stages."""
        return self.name

    def after_phases(self, desired) -> tuple:
        """The stages that have ended, well or not, before this desired object is worked at."""
        return self.after

    def occupied_ranges(self, snapshot, values: dict, predicted):
        """What an object takes up that no other of its kind may: ``(group, low, high)`` each.

        Two objects whose spans of one group overlap cannot be there at once, so that
        what has to go goes first, and what stays in the way is told before anything is sent.

        Args:
            snapshot: The region as it is.
            values: The object's values.
            predicted: The region as the plan leaves it.
        """
        return ()

    @classmethod
    def competing_types(cls) -> tuple:
        """The types whose objects compete with this one's for what :meth:`extents` tells."""
        return cls.competitors or (cls.name,)

    def competes(self, groups: set) -> bool:
        """Whether objects of this type may take up something of these groups of extents."""
        return True

    def in_the_way(self, snapshot, record) -> str:
        """Why nothing can be made where one of the region's objects is, and what to do."""
        return (
            f"conflicts with existing {self.noun} {record.key}; describe that one, remove it or "
            "choose other values"
        )

    def contents(self, snapshot, raw: dict):
        """What must be out of an object before MAAS deletes it.

        Yields:
            ``(field, (type, key))``: what lies in it, and its field that says so.
        """
        return ()

    # Pruning and export

    def protected_by(self, snapshot, record) -> str | None:
        """Why an object is never pruned; None if it may go."""
        return "MAAS itself needs it" if self.is_protected(record.raw) else None

    def comes_along(self, snapshot, record) -> bool:
        """Whether MAAS makes an object by itself, so that nobody need describe it as such."""
        return bool(self.protected_by(snapshot, record))

    def scope_of(self, snapshot, record) -> str:
        """The scope that an object belongs to."""
        return str(self.value(snapshot, self.by_name[self.scope], record.raw))

    def in_use_by(self, snapshot, record) -> str | None:
        """What would suffer if an object were pruned: it serves DHCP or holds machines."""
        return None

    def to_pillar(self, snapshot, values: dict) -> dict:
        """The opposite of :meth:`from_pillar`: values as the pillar's mappings have them."""
        return values

    def pillar_key(self, values: dict):
        """The key of an object's mapping in the pillar; None where it has none."""
        return values.get(self.pillar.named_by)

    def pillar_entry(self, values: dict):
        """What an export writes of an object: the fields that MAAS does not give of itself.

        Args:
            values: The object's values, in the pillar's words.

        Returns:
            ``{key in the pillar: value}``, with references in place of secrets.
        """
        place, found = self.pillar, {}
        shown = {name: value for name, value in values.items() if name not in place.implied()}
        first = {name: number for number, name in enumerate(place.needed)}
        for name in sorted(shown, key=lambda one: first.get(one, len(first))):
            field, value = self.by_name[name], shown[name]
            if not field.writable:
                continue
            if name not in (*place.needed, *self.identity):
                defaults = field.server_defaults(values)
                empty = value is None or value == []
                if value in defaults or (empty and (None in defaults or UNKNOWN in defaults)):
                    continue
            # An object that is found by a URL with a password in it cannot be described otherwise.
            if field.secret or (name not in self.identity and passwords_in([str(value)])):
                value = reference(self.name, self.key(values), name)
            found[place.spelling(name)] = value
        return found

    def exports(self, snapshot, record) -> bool:
        """Whether a pillar would describe an object; not what only comes along with another.

        What is not exported is not pruned either.
        """
        return True

    def left_out(self, snapshot, record) -> str:
        """Why an export leaves an object out that a person made; empty where nothing is lost."""
        return ""

    def predict_creation(self, snapshot, values: dict) -> PredictedObject:
        """A new object as MAAS would answer it, for a run with ``test=True``."""
        known = {}
        for field in self.fields:
            value = values.get(field.name, field.server_defaults(values)[0])
            known[field.name] = None if value is UNKNOWN else value
        raw = {"id": snapshot.number()}
        for other in snapshot.sharing(self):
            new = {
                field.wire_name: field.server_defaults({})[0]
                for field in other.fields
                if not field.read
            }
            raw.update({name: one for name, one in new.items() if one is not UNKNOWN})
        return self.predict_update(snapshot, raw, known)

    def predict_deletion(self, snapshot, raw: dict) -> PredictedObject | None:
        """What a deletion leaves of an object; None for nothing."""
        return None

    def predict_update(self, snapshot, raw: dict, values: dict) -> PredictedObject:
        """An object with some of its fields changed."""
        known = dict(getattr(raw, "known", ()))
        found = PredictedObject(raw, known)
        for name, value in values.items():
            field = self.by_name[name]
            known[id(field)] = value
            if not field.read:
                found[field.wire_name] = value
        return found

    # Writing

    def create_path(self, snapshot, values: dict) -> str:
        return self.collection

    def form(self, snapshot, values: dict) -> tuple[dict, dict]:
        """The form fields and file parts that carry some values."""
        data, files = {}, {}
        for name, value in values.items():
            field = self.by_name[name]
            if not field.writable:
                continue
            if field.as_file:
                import base64

                files[field.wire_name] = base64.b64decode(value)
            elif field.ref and value is not None:
                found = [snapshot.resolve(field.ref, key)[field.ref_attr]
                         for key in field.targets(value)]  # fmt: skip
                single = not isinstance(value, (list, tuple))
                data[field.wire_name] = found[0] if single else found or ""
            else:
                data[field.wire_name] = field.kind.wire(value)
        return data, files

    def as_json(self, data: dict) -> bool:
        """Whether form fields are to go as JSON, since they hold what a form cannot say."""
        return False

    def secrets(self, values: dict) -> list:
        """The secret values among some, for redaction."""
        return [value for name, value in values.items() if self.by_name[name].secret and value]

    def create(self, run, desired) -> None:
        """Create an object, or take over the one that came into being meanwhile.

        Called again when nobody knows whether it was carried out.

        Raises:
            MaasError: MAAS refused, could not be asked, or did not do what it was asked for.
        """
        snapshot = run.snapshot
        record = self.match(snapshot, desired)
        if record is not None:
            run.found(desired)
            self.update(run, desired, record)
            return
        defaults = {
            field.name: field.default
            for field in self.fields
            if field.default is not None and field.holds_for(snapshot.release)
        }
        values = {**defaults, **desired.values}
        data, files = self.form(snapshot, values)
        self.record_answer(run, desired, self.send_create(run, values, data, files))

    def recognise(self, raw: dict) -> None:
        """See that an answer is an object of this type, with what identifies it.

        Raises:
            StrangeAnswer: It is not.
        """
        path = raw.get("resource_uri")
        # Some are in resourcepools/ and called resourcepool/1/.
        own = rf"/{self.collection[:-2]}s?/" if self.collection and not self.mixed else ""
        if path is not None and not re.search(own, str(path)):
            raise StrangeAnswer(f"it is another object, {str(path)[:100]!r}")
        for name in self.identity:
            field = self.by_name[name]
            if not field.read and name != self.within and field.wire_name not in raw:
                raise StrangeAnswer(f"it has no {field.wire_name}")

    def after_creation(self, snapshot, raw: dict) -> None:
        """Forget what changes along with a creation.

        Args:
            snapshot: The region.
            raw: The new object.
        """

    def reload(self, snapshot, desired) -> None:
        """Read anew what tells whether a desired object is fulfilled."""
        snapshot.reload(self.name, self.partition(desired.values))

    def record_answer(self, run, desired, raw, replaces=None) -> None:
        """Keep what a write answered, and compare it with what was asked for.

        Args:
            run: The run.
            desired: The desired object that was written.
            raw: The answer.
            replaces: The object as it was before an update.

        Raises:
            WrongAnswer: It is no object of this type, or another one.
            NotDone: MAAS left out something that was sent.
        """
        snapshot, part = run.snapshot, self.partition(desired.values)
        try:
            if not isinstance(raw, dict):
                raise StrangeAnswer("it is no object")
            raw = {self.within: part, **raw} if self.within else raw
            self.recognise(raw)
            raw = self.complete_answer(raw, desired.values, replaces)
            key = self.key_of(raw)
        except (StrangeAnswer, LookupError, TypeError, ValueError, AttributeError) as error:
            what = error if isinstance(error, StrangeAnswer) else "it lacks something"
            raise WrongAnswer(
                f"the region answered with something else than a {self.noun}: {what}"
            ) from None
        same = (replaces or raw).get("id") == raw.get("id") and self.is_about(
            desired, raw, replaces
        )
        if not same:
            snapshot.drop(self.name, part)
            raise WrongAnswer(
                f"the region answered with another {self.noun}, {key}: somebody gave it another "
                "name after it was read; look at its other fields"
            )
        snapshot.fold(self.name, raw, part, replaces=replaces)
        if replaces is None:
            self.after_creation(snapshot, raw)
        left = self.differences(snapshot, desired, Record(key, raw))
        left = {name: pair for name, pair in left.items() if name not in self.apart}
        if left:
            raise NotDone(
                "the region answered with success, but did not do it: "
                + "; ".join(self._told(name, *pair) for name, pair in left.items())
            )

    def complete_answer(self, raw: dict, values: dict, before: dict | None) -> dict:
        """An answer to a write together with what only a read would show.

        Args:
            raw: The answer.
            values: What was desired.
            before: The object as it was before an update; None after a creation.
        """
        return raw

    def is_about(self, desired, raw: dict, replaces: dict | None) -> bool:
        """Whether an answer is about the object that a desired object stands for."""
        keys = {desired.key, self.key_of(replaces)} if replaces else {desired.key}
        return self.key_of(raw) in keys

    def _told(self, name, there, asked) -> str:
        if self.by_name[name].secret:
            there, asked = (HIDDEN if one is not None else None for one in (there, asked))
        return f"{name} is {there!r} instead of {asked!r}"

    def send_create(self, run, values, data, files):
        """Send the creating request and return the new object."""
        return run.client.post(
            self.create_path(run.snapshot, values), op=_op(self.create_op, run.snapshot),
            data=data, files=files, repeat=False, hide=self.secrets(values),
            as_json=self.as_json(data),
        )  # fmt: skip

    def update(self, run, desired, record) -> None:
        """Write what differs.

        Raises:
            MaasError: MAAS refused, or could not be asked.
        """
        changed = self.differences(run.snapshot, desired, record)
        if not changed:
            return
        data, files = self.form(run.snapshot, {name: new for name, (_, new) in changed.items()})
        if not data and not files:
            return
        raw = run.client.put(
            self.item(run.snapshot, record.raw), data=data, files=files,
            hide=self.secrets(desired.values), as_json=self.as_json(data),
        )  # fmt: skip
        self.record_answer(run, desired, raw, replaces=record.raw)

    def delete(self, run, desired, record) -> None:
        """Delete an object.

        Raises:
            MaasError: MAAS refused, could not be asked, or did not do it; NotFound where it was
                gone already.
        """
        answer = run.client.delete(self.item(run.snapshot, record.raw))
        self.record_deletion(run, desired, record, answer)

    def record_deletion(self, run, desired, record, answer) -> None:
        """Take an object out of the snapshot after a deletion.

        Args:
            run: The run.
            desired: The desired object.
            record: The object.
            answer: What the region answered: nothing where it has deleted it.

        Raises:
            WrongAnswer: It answered something else.
        """
        if answer is not None:
            raise WrongAnswer(f"the region answered the deletion of the {self.noun} with something")
        run.snapshot.forget(self.name, record.raw, self.partition(desired.values))
        self.after_deletion(run.snapshot)

    def after_deletion(self, snapshot) -> None:
        """Forget what changes along with a deletion, apart from what referred to the object."""

    def holds_for(self, release: Release) -> bool:
        """Whether this release has the resource type."""
        return release.within(self.since, self.up_to)


def cannot_be_cleared(release: Release | None, field: Field | None = None) -> str:
    """Why an empty value is refused, as a sentence."""
    maas = f"MAAS {release}" if release else "MAAS"
    if field is not None and (not field.readable or field.create_only):
        return f"cannot be cleared; {maas} takes it at creation only"
    if field is not None and not field.kind.optional:
        return f"cannot be cleared; it must be {field.kind.allowed}"
    return f"cannot be cleared; {maas} keeps the old value"


def _op(name, snapshot):
    """A custom operation of API 1.0, which later became a plain method."""
    return name if snapshot.release < "2.0" else None


def reference(*path: str) -> Reference:
    """Where an export expects a secret."""
    words = (re.sub(r"[^A-Za-z0-9_.-]+", "_", one) for one in path)
    return Reference("sdb://maas/" + "/".join(words))
