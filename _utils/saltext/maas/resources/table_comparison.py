"""How a desired object is compared with the region's, and what a plan predicts of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from saltext.maas.resources.engine_types import Change, Desired, Predicted, Snapshot
from saltext.maas.resources.field import UNKNOWN, Field, PredictedObject, Record
from saltext.maas.resources.table_identity import Identity


class Comparison(Identity):
    """Differences, what stands against a change, and predicted results."""

    def value(self, snapshot: Snapshot, field: Field, raw: dict) -> Any:
        """Return a field's value in the pillar's words: references by key.

        Override it where an answer does not hold the value itself.
        """
        if field.separate:
            with snapshot.reading(self.name, self.key_of(raw)):
                self.ask(snapshot, field, raw)
        found = field.value(raw)
        if not field.read_attr or found is None:
            return found
        if isinstance(found, (list, tuple)):
            return [snapshot.key_by(field.ref, field.read_attr, one) for one in found]
        return snapshot.key_by(field.ref, field.read_attr, found)

    def ask(self, snapshot: Snapshot, field: Field, raw: dict) -> None:
        """Read a ``separate`` field into an object's answer, where it has not been read yet."""

    def values(self, snapshot: Snapshot, raw: dict) -> dict:
        """Return all values that the answer of an object holds, in the pillar's words."""
        return {
            field.name: self.value(snapshot, field, raw)
            for field in self.fields
            if field.readable
            and not field.separate
            and (field.name in self.identity or field.holds_for(snapshot.release))
        }

    def all_values(self, snapshot: Snapshot, raw: dict) -> dict:
        """Return all values of an object that can be read, with those that are ``separate``."""
        found = self.values(snapshot, raw)
        for field in self.fields:
            if field.separate and field.holds_for(snapshot.release):
                found[field.name] = self.value(snapshot, field, raw)
        return found

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        """Return what differs between a desired object and a record: ``{field: (old, new)}``.

        Called for the plan, before a write (which sends what differs) and with the answer to it
        (which must not differ).  Override it where MAAS stores something other than it is given.
        """
        found = {}
        for name in desired.values:
            field = self.by_name[name]
            if not field.readable or (name in self.identity and not self.can_update):
                continue
            pair = self.difference(snapshot, desired, field, record)
            if pair is not None:
                found[name] = pair
        return found

    def difference(
        self, snapshot: Snapshot, desired: Desired, field: Field, record: Record
    ) -> tuple | None:
        """Return how one field differs, ``(old, new)``; None if it does not.

        Override it where equal values are not the same as nothing to do.
        """
        old, new = self.value(snapshot, field, record.raw), desired.values[field.name]
        return (old, new) if old != new else None

    def compared(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        """Return the :meth:`differences`, computed once per plan."""
        return snapshot.once(
            "differences", (desired, record.raw),
            lambda: self.differences(snapshot, desired, record),
        )  # fmt: skip

    def skipped_fields(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> dict:
        """Return the fields that MAAS does not accept yet, such as ``{field: "until ..."}``.

        A plan skips them with a warning; a later run applies them.  Override it together with
        :meth:`differences`, which must leave them out, too.

        Args:
            snapshot: The region as it is.
            desired: The desired object, which is to exist.
            record: The region's object; None where one is to be created.
        """
        return {}

    def skipped_until(self, snapshot: Snapshot, desired: Desired) -> str | None:
        """Return until when a new object cannot be created, such as ``until it is deployed``.

        A plan skips the object with a warning; a later run creates it.  None if it can be created.
        """
        return None

    def remarks(self, snapshot: Snapshot, desired: Desired, record: Record) -> Iterable[str]:
        """Yield warnings about differences that MAAS cannot change."""
        return ()

    def required_for(self, values: dict) -> tuple:
        """Return the fields that a new object with these values needs."""
        return self.required

    def side_effect(self, snapshot: Snapshot, desired: Desired) -> str | None:
        """Return what MAAS also does when it creates an object, as a sentence for the plan."""
        return None

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why a desired object cannot be applied, from itself and the object alone.

        Called for the plan, before anything is sent.  Override it, and end with ``super``, for
        what MAAS refuses; ask for no more of the region than has been read already.

        Args:
            snapshot: The region as it is.
            desired: The desired object, which is to exist.
            record: The region's object; None where one is to be created.
        """
        if record is None:
            return self._creation_problem(snapshot.release, desired)
        fields = ", ".join(
            name
            for name in self.compared(snapshot, desired, record)
            if not self.can_update or self.by_name[name].create_only
        )
        return f"MAAS's API cannot change {fields} of a {self.noun}" if fields else None

    def _creation_problem(self, release, desired):
        if self.reserved and re.fullmatch(self.reserved, desired.key):
            return f"MAAS reserves the name {desired.key!r}; choose another one"
        if not self.can_create:
            return f"there is no such {self.noun}"
        for name in self.required_for(desired.values):
            if self.by_name[name].holds_for(release) and not desired.values.get(name):
                return f"{name} is missing; a new {self.noun} needs it"
        return None

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return why a change cannot be applied beside all that the plan leaves there.

        Called once for each change that has no problem yet, after all changes are known.

        Args:
            snapshot: The region as it is.
            change: The change.
            predicted: The region as the plan leaves it.  What it is asked for is read from the
                region, so ask only for what the change depends on.
        """
        return None

    def outcome(self, old: dict, values: dict) -> dict:
        """Return all values of an object once it is changed, from those of before.

        Override it where MAAS changes more than it is asked for.
        """
        return {**old, **values}

    # Predicted results, for runs with ``test=True``

    def predict_creation(self, snapshot: Snapshot, values: dict) -> PredictedObject:
        """Return a new object as MAAS would answer it.

        Override it where an answer holds other objects, too.
        """
        known = {}
        for field in self.fields:
            value = values.get(field.name, field.server_defaults(values)[0])
            known[field.name] = None if value is UNKNOWN else value
        raw = {"id": snapshot.number()}
        for other in snapshot.sharing(self.store):
            new = {
                field.wire_name: field.server_defaults({})[0]
                for field in other.fields
                if not field.read
            }
            raw.update({name: one for name, one in new.items() if one is not UNKNOWN})
        return self.predict_update(snapshot, raw, known)

    def predict_update(self, snapshot: Snapshot, raw: dict, values: dict) -> PredictedObject:
        """Return an object with some of its fields changed."""
        known = dict(getattr(raw, "known", ()))
        found = PredictedObject(raw, known)
        for name, value in values.items():
            field = self.by_name[name]
            known[id(field)] = value
            if not field.read:
                found[field.wire_name] = value
        return found

    def predict_deletion(self, snapshot: Snapshot, raw: dict) -> PredictedObject | None:
        """Return what a deletion leaves of an object; None for nothing."""
        return None
