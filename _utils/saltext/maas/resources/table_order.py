"""What comes before what, and which objects cannot exist at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from saltext.maas.resources.engine_types import (
    Change,
    Changes,
    Desired,
    DesiredObjects,
    Predicted,
    Snapshot,
)
from saltext.maas.resources.field import Record
from saltext.maas.resources.table_identity import Identity


class Order(Identity):
    """Dependencies of a resource type.

    Attributes:
        after: Phases (see :meth:`phase`), all changes of which come before any of this type.
        outlives: Types whose deletions come before deletions of this one.
        deletes_first: Deletions come before all else instead of last.
        competitors: Types whose objects compete for the same places, this one among them; the
            same tuple for each of them.
    """

    after: ClassVar[tuple] = ()
    outlives: ClassVar[tuple] = ()
    deletes_first: ClassVar[bool] = False
    competitors: ClassVar[tuple] = ()

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        """Return the ``(type, key)`` of all desired objects that must be applied before this one.

        ``(phase, "*")`` stands for all of a phase.  For deletions the same is asked of what the
        objects hold, and taken in reverse.  Override it, and add to ``super``, for what no
        field's ``ref`` says.
        """
        found = {
            ident
            for field in self.fields
            for ident in field.references(desired.values.get(field.name))
        }
        return found | {(self.parent, self.partition(desired.values))} if self.parent else found

    def after_objects(self, desired: Desired, everything: DesiredObjects) -> set:
        """Return the ``(type, key)`` whose changes have ended, well or not, before this one.

        Asked only for what is created or updated.
        """
        return set()

    def phase(self, desired: Desired) -> str:
        """Return the phase of a run that a desired object belongs to; ``after`` names phases."""
        return self.name

    def after_phases(self, desired: Desired) -> tuple:
        """Return the phases that have ended, well or not, before this desired object is applied."""
        return self.after

    def requires_changes(
        self, snapshot: Snapshot, change: Change, others: Changes
    ) -> Iterable[Change]:
        """Yield the changes that must have happened before this one.

        Unlike :meth:`requires` it knows what the changes are; a deletion that a creation or an
        update requires comes early instead of last.
        """
        for type in self.outlives if change.action == "delete" else ():
            yield from (other for other in others.of(type) if other.action == "delete")

    def holder_of(self, key: str) -> tuple[str, str] | None:
        """Return the ``(type, key)`` of the object that an object is a part of, if it is one.

        What requires the part requires that object as well.
        """
        return None

    def brings(self, key: str) -> dict[tuple[str, str], dict]:
        """Return what MAAS creates along with a new object: ``{(type, key): values}``."""
        return {}

    def occupied_ranges(
        self, snapshot: Snapshot, values: dict, predicted: Predicted
    ) -> Iterable[tuple[str, int, int]]:
        """Yield what an object takes up that no other of its kind may: ``(group, low, high)``.

        Two objects whose ranges of one group overlap cannot exist at once: what is deleted goes
        first, and what stays is reported as a conflict before anything is sent.

        Args:
            snapshot: The region as it is.
            values: The object's values.
            predicted: The region as the plan leaves it.
        """
        return ()

    @classmethod
    def competing_types(cls) -> tuple:
        """Return the types whose objects compete with this one's for :meth:`occupied_ranges`."""
        return cls.competitors or (cls.name,)

    def competes(self, groups: set) -> bool:
        """Return whether objects of this type may occupy a range of one of these groups."""
        return True

    def in_the_way(self, snapshot: Snapshot, record: Record) -> str:
        """Return what is said of a change that one of the region's objects conflicts with."""
        return (
            f"conflicts with existing {self.noun} {record.key}; describe that one, remove it or "
            "choose other values"
        )
