"""Which objects can be deleted, and which of them pruning leaves alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from saltext.maas.resources.engine_types import Desired, Snapshot
from saltext.maas.resources.field import Record
from saltext.maas.resources.table_comparison import Comparison


class Protection(Comparison):
    """Deletion and pruning of a resource type's objects.

    One hook for each question: does MAAS delete an object (:meth:`deletion_problem`, which asks
    :meth:`protection`)?  What has to leave it first (:meth:`contents`)?  May pruning remove it
    (:meth:`never_pruned`), and without being told so (:meth:`in_use_by`, which asks
    :meth:`used_by_node`)?

    Attributes:
        can_delete: Whether the API deletes objects.
        delete_since: First release whose API deletes them, where that is a later one.
        protected: Keys of the objects that every region has and that MAAS does not delete.
        reported: ``unmanaged`` reports objects that are not described, though none is pruned.
        prunable: False where ``exclusive`` is not offered, though one object can be deleted.
        scope: Field to whose values an ``exclusive`` may be limited.
        node_part: What a node's answer calls the object of this type that the node belongs to.
    """

    can_delete: ClassVar[bool] = True
    delete_since: ClassVar[str] = ""
    protected: ClassVar[tuple] = ()
    prunable: ClassVar[bool] = True
    reported: ClassVar[bool] = False
    scope: ClassVar[str] = ""
    node_part: ClassVar[str] = ""

    def protection(self, snapshot: Snapshot, record: Record) -> str | None:
        """Return why MAAS itself keeps an object, so that nobody can delete it; None if not."""
        return f"MAAS itself needs this {self.noun}" if record.key in self.protected else None

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        """Return why an object cannot be deleted, seen before it is tried; None if it can.

        Called for the plan and for each object that pruning would remove.  Override it, and end
        with ``super``, for what depends on more than the object.
        """
        if not self.can_delete or (self.delete_since and snapshot.release < self.delete_since):
            return f"MAAS's API cannot delete a {self.noun}"
        return self.protection(snapshot, record)

    def contents(self, snapshot: Snapshot, raw: dict) -> Iterable[tuple[str, tuple[str, str]]]:
        """Yield what must be out of an object before MAAS deletes it.

        Called for each deletion of a plan that has no problem yet.  What is deleted or moved
        away by the same plan does not block.

        Yields:
            ``(field, (type, key))``: what lies in it, and its field that says so.
        """
        return ()

    def blocked_by(self, desired: Desired, noun: str, key: str) -> str | None:
        """Return why an object of :meth:`contents` blocks; None if it is removed along."""
        return f"{noun} {key} is still in it"

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        """Return why pruning never removes an object that could be deleted; None if it may."""
        return None

    def in_use_by(self, snapshot: Snapshot, record: Record) -> str | None:
        """Return what would suffer if an object were pruned; None if nothing does.

        Pruning refuses it unless ``in_use`` allows it.
        """
        return self.used_by_node(snapshot, record)

    def used_by_node(self, snapshot: Snapshot, record: Record) -> str | None:
        """Return which node belongs to an object, as a sentence; None if none does.

        Called for the plan, and again before pruning removes the object.
        """
        for node in snapshot.records("node").values() if self.node_part else ():
            if (node.raw.get(self.node_part) or {}).get("name") == record.key:
                return f"{node.key} belongs to it"
        return None

    def scope_of(self, snapshot: Snapshot, record: Record) -> str:
        """Return the scope, of those that an ``exclusive`` may name, that an object belongs to."""
        return str(self.value(snapshot, self.by_name[self.scope], record.raw))
