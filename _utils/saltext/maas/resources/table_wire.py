"""How a resource type's objects are read from MAAS's API, and written to it."""

from __future__ import annotations

import functools
import re
from typing import Any, ClassVar

from saltext.maas.api_path import segment
from saltext.maas.errors import NotDone, StrangeAnswer, WrongAnswer
from saltext.maas.redact import HIDDEN
from saltext.maas.release import Release
from saltext.maas.resources.engine_types import Change, Desired, Run, Snapshot
from saltext.maas.resources.field import Record
from saltext.maas.resources.table_comparison import Comparison

#: In place of an answer if nothing was sent; None would be the answer ``null``, which is wrong.
NOT_SENT = object()


class Wire(Comparison):
    """Requests and answers of a resource type.

    :meth:`create`, :meth:`update` and :meth:`delete` are called by a run, each for one change
    and any number of them at once.  What they do is parted into hooks, most of which see one
    request or one answer: override those rather than the whole.

    Attributes:
        collection: Path of its collection; with keys of the ``parent``'s answer in braces, such
            as ``boot-sources/{id}/selections/``.
        item_path: Path of one object, with keys of its answer in braces; the ``resource_uri`` of
            the answer where empty.
        in_path: Fields that a creation has in its path rather than its form.
        list_op, create_op: Custom operations for both in API 1.0.
        in_answers: Shape of what hooks look into, beside the identity, of each object that is read;
            see :mod:`saltext.maas.client.shape`.
        nested: ``{key in an answer: store}`` for objects that come inside another.
        mixed: Its collection holds objects of several types, each with a path of its own.
        numbered: First release whose answers have an ``id``; empty for none.
        initial: Objects of a newly installed region, as it would answer them.
        always: Keys of the objects that every region has, so that an answer without them is wrong.
        apart: Fields that a request of their own writes, in :meth:`finish`.
        overwrites: A creation replaces what has the same name.
        duplicates: Whether MAAS makes a second object of one identity: ``never``; ``raced``: only
            of two requests at once; ``always``.
    """

    collection: ClassVar[str] = ""
    item_path: ClassVar[str] = ""
    in_path: ClassVar[tuple] = ()
    list_op: ClassVar[str | None] = None
    create_op: ClassVar[str | None] = None
    in_answers: ClassVar[dict] = {}
    nested: ClassVar[dict] = {}
    mixed: ClassVar[bool] = False
    numbered: ClassVar[str] = "1.5"
    initial: ClassVar[tuple] = ()
    always: ClassVar[tuple] = ()
    apart: ClassVar[tuple] = ()
    overwrites: ClassVar[bool] = False
    duplicates: ClassVar[str] = "never"

    # Reading

    def pristine(self, snapshot: Snapshot, partition: str) -> list[dict]:
        """Return what a newly installed region without any user holds."""
        return [dict(one) for one in self.initial]

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        """Return the objects of the collection, or of one part of it, as the API answers them.

        Called when they are first needed.  Override it where they come otherwise than as one
        answer to one GET.
        """
        if not self.parent:
            return self._listed(snapshot, self.path(snapshot.release))
        above = snapshot.find(self.parent, partition)
        if above is None or snapshot.is_predicted(above.raw):
            return []
        found = self._listed(snapshot, self._filled(self.collection, above.raw))
        return [self.in_part(raw, partition) for raw in found]

    def path(self, release: Release) -> str:
        """Return the path of its collection.

        Override it where releases have another one than ``collection``.
        """
        return self.collection

    def _listed(self, snapshot, path):
        op, shape = _op(self.list_op, snapshot), [self.shape(snapshot.release)]
        found = snapshot.client.get(path, op=op, expect=shape)
        return [self.from_answer(snapshot.release, raw) for raw in found]

    def from_answer(self, release: Release, raw: Any) -> Any:
        """Return an object of an answer in the form that hooks expect.

        Override it where a release has another form.
        """
        return raw

    def shape(self, release: Release) -> dict:
        """Return what every object has in an answer; see :mod:`saltext.maas.client.shape`."""
        found: dict = {"id": int} if self.numbered and release.within(self.numbered) else {}
        if not self.item_path:
            found["resource_uri"] = str
        fields = (self.by_name[name] for name in self.identity if name not in self.within)
        named = {field.wire_name: object for field in fields if not field.read}
        return {**named, **found, **self.in_answers}

    def item(self, snapshot: Snapshot, raw: dict) -> str:
        """Return the path of one object."""
        return self._filled(self.item_path, raw) if self.item_path else raw["resource_uri"]

    @staticmethod
    def _filled(path, raw):
        def value(found):
            name = found[1]
            return raw[name] if name == "resource_uri" else segment(str(raw[name]))

        return re.sub(r"\{(\w+)\}", value, path)

    def reload(self, snapshot: Snapshot, desired: Desired) -> None:
        """Read again what shows whether a desired object is applied already."""
        snapshot.reload(self.name, self.partition(desired.values))

    def fresh(self, run: Run, desired: Desired, record: Record | None) -> Record | None:
        """Return an object as it is now, before a write that might undo another client's.

        It is read again unless that was a moment ago; None if it is gone.
        """
        part = self.partition(desired.values)
        run.snapshot.reload(self.name, part, younger_than=run.trust_seconds)
        return self.match(run.snapshot, desired)

    # Creating

    def create(self, run: Run, desired: Desired) -> None:
        """Create an object, or take over the one that came into being meanwhile.

        Called again when nobody knows whether it was carried out.

        Raises:
            MaasError: MAAS refused, could not be asked, or did not do what it was asked for.
        """
        record = self.match(run.snapshot, desired)
        if record is None and self.overwrites:
            record = self.fresh(run, desired, None)
        if record is not None:
            run.found(desired)
            self.update(run, desired, record)
            return
        values = {**self.defaults(run.snapshot.release), **desired.values}
        self.record_answer(run, desired, self.send_create(run, values))
        self.finish(run, desired)

    def defaults(self, release: Release) -> dict:
        """Return the values of fields that are sent though nobody named them."""
        fields = (one for one in self.fields if one.default is not None and one.holds_for(release))
        return {field.name: field.default for field in fields}

    def create_path(self, snapshot: Snapshot, values: dict) -> str:
        """Return the path that creates an object with some values."""
        if not self.parent:
            return self.path(snapshot.release)
        above = snapshot.resolve(self.parent, self.partition(values))
        return self._filled(self.collection, above)

    def send_create(self, run: Run, values: dict) -> dict:
        """Send the request that creates an object of some values; return the new object.

        Override it where MAAS wants other fields, or where its answer is not the object.
        """
        carried = {name: value for name, value in values.items() if name not in self.in_path}
        data, files = self.form(run.snapshot, carried)
        return run.client.post(
            self.create_path(run.snapshot, values), op=_op(self.create_op, run.snapshot),
            data=data, files=files, repeat=False, hide=self.secrets(values),
            as_json=self.as_json(data),
        )  # fmt: skip

    # Updating

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        """Write what differs.

        Raises:
            MaasError: MAAS refused, could not be asked, or did not do what it was asked for.
        """
        changed = self.differences(run.snapshot, desired, record)
        if not changed:
            return
        values = self._sent_values(desired, record, changed)
        if any(not self.by_name[name].create_only for name in values.keys() - desired.values):
            record = self.fresh(run, desired, record) or record
            changed = self.differences(run.snapshot, desired, record)
            values = self._sent_values(desired, record, changed)
        raw = self.send_update(run, record, values)
        if raw is not NOT_SENT:
            self.record_answer(run, desired, raw, replaces=record.raw)
        self.finish(run, desired)

    def _sent_values(self, desired, record, changed):
        new = {name: value for name, (_, value) in changed.items()}
        return self.update_values(desired, record, new) if new else {}

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        """Return the values that an update sends; those that differ by default.

        Override it where MAAS wants others along with them; if these are not described, the
        object is read again before.

        Args:
            desired: The desired object.
            record: The object as it is.
            changed: ``{field: new value}`` of what differs; never empty.
        """
        return changed

    def send_update(self, run: Run, record: Record, values: dict) -> Any:
        """Send the request that changes an object.

        Returns:
            The answer, which should be the changed object; :data:`NOT_SENT` where there was
            nothing to send.
        """
        data, files = self.form(run.snapshot, values)
        if not data and not files:
            return NOT_SENT
        return run.client.put(
            self.item(run.snapshot, record.raw), data=data, files=files,
            hide=self.secrets(values), as_json=self.as_json(data),
        )  # fmt: skip

    def finish(self, run: Run, desired: Desired) -> None:
        """Do what takes requests of its own; see ``apart``.

        Called after each creation and each update, once their answer was recorded.
        """

    def conclude(self, run: Run, changes: list[Change]) -> None:
        """Send requests that are for many objects at once, and verify results.

        Called once at the end of a run.  Record failures in the changes.

        Args:
            run: The run.
            changes: The creations and updates of this type that were made.
        """

    # Deleting

    def delete(self, run: Run, desired: Desired, record: Record) -> None:
        """Delete an object.

        Raises:
            MaasError: MAAS refused, could not be asked, or did not do it; NotFound where it was
                gone already.
        """
        self.send_delete(run, desired, record)
        run.snapshot.forget(self.name, record.raw, self.partition(desired.values))
        self.after_write(run.snapshot, None, record.raw)

    def send_delete(self, run: Run, desired: Desired, record: Record) -> None:
        """Send the request that deletes an object."""
        options = {
            field.name: "true"
            for field in self.fields
            if field.option and desired.values.get(field.name)
            and run.snapshot.release >= field.option
        }  # fmt: skip
        run.client.delete(self.item(run.snapshot, record.raw), **options)

    # What requests carry

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        """Return the form fields and file parts that carry some values.

        Override it, and call ``super`` with what is left, for fields that MAAS takes in another
        way.  What is in the path, or written apart, is in no form.
        """
        data: dict = {}
        files: dict = {}
        left_out = {*self.apart, *(self.within if self.parent else ())}
        for name, value in values.items():
            field = self.by_name[name]
            if name in left_out or not field.writable or not field.holds_for(snapshot.release):
                continue
            if field.as_file:
                files[field.wire_name] = field.kind.wire(value)
            elif field.ref and value is not None:
                found = [snapshot.resolve(field.ref, key)[field.ref_attr]
                         for key in field.targets(value)]  # fmt: skip
                single = not isinstance(value, (list, tuple))
                data[field.wire_name] = found[0] if single else found or ""
            else:
                data[field.wire_name] = field.kind.wire(value)
        return data, files

    def as_json(self, data: dict) -> bool:
        """Return whether form fields go as JSON, since they hold what a form cannot say."""
        return False

    # Answers

    def recognise(self, raw: dict) -> None:
        """Check that an answer is an object of this type, with what identifies it.

        Raises:
            StrangeAnswer: It is not.
        """
        path = raw.get("resource_uri")
        if path is not None and not self._own_path.search(str(path)):
            raise StrangeAnswer(f"it is another object, {str(path)[:100]!r}")
        for name in self.identity:
            field = self.by_name[name]
            if not field.read and name not in self.within and field.wire_name not in raw:
                raise StrangeAnswer(f"it has no {field.wire_name}")

    @functools.cached_property
    def _own_path(self):
        """What the paths of its objects have in them."""
        # Some are in resourcepools/ and called resourcepool/1/.
        known = self.collection and not self.mixed and not self.parent
        return re.compile(rf"/{self.collection[:-2]}s?/" if known else "")

    def complete_answer(self, raw: dict, values: dict, before: dict | None) -> dict:
        """Return an answer to a write together with what only a read would show.

        Args:
            raw: The answer.
            values: What was desired.
            before: The object as it was before an update; None after a creation.
        """
        return raw

    def is_about(self, desired: Desired, raw: dict, replaces: dict | None) -> bool:
        """Return whether an answer is about the object that a desired object stands for."""
        keys = {desired.key, self.key_of(replaces)} if replaces else {desired.key}
        return self.key_of(raw) in keys

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        """Drop what changed along with a write, so that it is read again when needed.

        Called after the write's answer was recorded, or the object was found written.

        Args:
            snapshot: The region.
            new: The object as it is now; None after a deletion.
            old: The object as it was; None after a creation.
        """

    def record_answer(
        self, run: Run, desired: Desired, raw: Any, replaces: dict | None = None
    ) -> None:
        """Record what a write answered, and compare it with what was asked for.

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
        raw, key = self._understood(desired, raw, part, replaces)
        same = (replaces or raw).get("id") == raw.get("id")
        if not same or not self.is_about(desired, raw, replaces):
            snapshot.drop(self.name, part)
            raise WrongAnswer(
                f"the region answered with another {self.noun}, {key}: another client renamed it "
                "after it was read; check its other fields"
            )
        snapshot.fold(self.name, raw, part, replaces=replaces)
        self.after_write(snapshot, raw, replaces)
        left = [
            self._left(name, *pair)
            for name, pair in self.differences(snapshot, desired, Record(key, raw)).items()
            if name not in self.apart
        ]
        if left:
            raise NotDone(f"the region answered with success, but did not do it: {'; '.join(left)}")

    def _understood(self, desired, raw, part, replaces):
        try:
            if not isinstance(raw, dict):
                raise StrangeAnswer("it is no object")
            raw = self.in_part(raw, part)
            self.recognise(raw)
            raw = self.complete_answer(raw, desired.values, replaces)
            return raw, self.key_of(raw)
        except (StrangeAnswer, LookupError, TypeError, ValueError, AttributeError) as error:
            what = error if isinstance(error, StrangeAnswer) else "it lacks something"
            raise WrongAnswer(
                f"the region answered with something else than a {self.noun}: {what}"
            ) from None

    def _left(self, name, there, asked):
        if self.by_name[name].secret:
            there, asked = (HIDDEN if one is not None else None for one in (there, asked))
        return f"{name} is {there!r} instead of {asked!r}"


def _op(name, snapshot):
    """A custom operation of API 1.0, which later became a plain method."""
    return name if snapshot.release < "2.0" else None
