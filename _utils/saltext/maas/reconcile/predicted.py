"""What a region will hold once a plan has been carried out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from saltext.maas.reconcile.snapshot import Snapshot

if TYPE_CHECKING:
    from saltext.maas.reconcile.plan import Change


class Predicted:
    """The objects of a region as all changes of a plan leave them.

    Args:
        snapshot: The region.
        changes: All changes of the plan.

    Types that no change is about are read only when they are asked for.
    """

    def __init__(self, snapshot: Snapshot, changes: Iterable[Change]):
        self._snapshot = snapshot
        self._changes: dict = {}
        for change in changes:
            self._changes.setdefault(change.desired.type, []).append(change)
        self._of: dict = {}
        self._by: dict = {}

    def changes(self, type: str) -> list[Change]:
        """Return the changes of one type."""
        return self._changes.get(type, [])

    def of(self, type: str) -> dict[str, dict]:
        """Return all objects of a type: ``{key: {field: value}}``, references by key."""
        if type not in self._of:
            self._of[type] = dict(self._all(type))
        return self._of[type]

    def by(self, type: str, field: str) -> dict[Any, dict[str, dict]]:
        """Return all objects of a type by one of their fields: ``{value: {key: values}}``."""
        if (type, field) not in self._by:
            groups = self._by[type, field] = {}
            for key, values in self.of(type).items():
                groups.setdefault(values.get(field), {})[key] = values
        return self._by[type, field]

    def _all(self, type):
        table = self._snapshot.tables.get(type)
        if table is None:
            return
        mine = self.changes(type)
        gone = {id(change.raw) for change in mine if change.raw is not None}
        for part in table.parts(self._snapshot):
            for key, record in list(self._snapshot.records(type, part).items()):
                if id(record.raw) not in gone:
                    yield key, table.values(self._snapshot, record.raw)
        for change in mine:
            if change.action != "delete":
                old = table.values(self._snapshot, change.raw) if change.raw is not None else {}
                yield change.desired.key, table.outcome(old, change.desired.values)
