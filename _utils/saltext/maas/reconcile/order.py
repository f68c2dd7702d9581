"""The order in which changes happen, from what they refer to and occupy."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from saltext.maas.errors import BadInput
from saltext.maas.resources import BY_NAME

if TYPE_CHECKING:
    from saltext.maas.reconcile.desired import Desired, DesiredObjects
    from saltext.maas.reconcile.plan import Change
    from saltext.maas.reconcile.predicted import Predicted
    from saltext.maas.reconcile.snapshot import Snapshot
    from saltext.maas.resources.table import Table

ALL = "*"  # in place of a key: all changes of a phase
MADE = ("", "all that is made")  # a barrier: creates and updates have ended


class Changes:
    """All changes of a plan, by what their objects have or had.

    Attributes:
        predicted: The region as they leave it.
    """

    def __init__(self, snapshot: Snapshot, changes: Sequence[Change], predicted: Predicted):
        self._snapshot = snapshot
        self.predicted = predicted
        self._of: dict[str, list[Change]] = {}
        for change in changes:
            self._of.setdefault(change.desired.type, []).append(change)
        self._groups: dict = {}

    def of(self, type: str) -> list[Change]:
        """Return the changes of a type."""
        return self._of.get(type, [])

    def by(self, type: str, field: str, value: Any) -> Sequence[Change]:
        """Return the changes of a type whose object has, or had, a value."""
        if (type, field) not in self._groups:
            groups = self._groups[type, field] = {}
            for change in self.of(type):
                groups.setdefault(self._value(change, field), []).append(change)
        return self._groups[type, field].get(value, ())

    def _value(self, change, field):
        if field in change.desired.values or change.raw is None:
            return change.desired.values.get(field)
        table = self._snapshot.tables[change.desired.type]
        return table.value(self._snapshot, table.by_name[field], change.raw)


def arrange(
    snapshot: Snapshot,
    desired: DesiredObjects,
    removed: DesiredObjects,
    creates: list[Change],
    deletes: list[Change],
    predicted: Predicted,
) -> dict:
    """Note of each change what it requires (must have succeeded) and follows (must have ended).

    Dependencies on all of a phase go through a barrier, a point that no request
    belongs to, so that their number grows with the changes and not with their square.

    Args:
        snapshot: The region.
        desired: All desired objects.
        removed: What the objects to be deleted hold, as if desired.
        creates, deletes: The changes.
        predicted: The region as the plan leaves it.

    Returns:
        The barriers: ``{barrier: changes that it waits for}``.

    Raises:
        BadInput: Desired objects conflict, or require one another in a circle.
    """
    barriers: dict = {}
    gone = {change.id: change for change in deletes}
    for change in creates:
        table, one = BY_NAME[change.desired.type], change.desired
        barriers.setdefault((table.phase(one), ALL), set()).add(change.id)
        change.requires = required(table, one, desired)
        change.after = {(phase, ALL) for phase in table.after_phases(one)}
        change.after |= table.after_objects(one, desired) - {change.id}
        _release(table, change, gone)
    for change, held in zip(deletes, removed):
        table = BY_NAME[change.desired.type]
        for ident in required(table, held, removed):
            if ident in gone and ident != change.id:
                gone[ident].requires.add(change.id)
        for phase in table.after_phases(held):
            barriers.setdefault((f"gone {phase}", ALL), set()).add(change.id)
        change.after = {(f"gone {table.phase(change.desired)}", ALL)}
    early = _make_room(snapshot, creates, deletes, predicted)
    early |= _require_changes(snapshot, creates, deletes, predicted)
    _delete_last(deletes, gone, early)
    barriers[MADE] = {change.id for change in creates}
    _refuse_circles([*creates, *deletes], barriers)
    return barriers


def required(table: Table, one: Desired, everything: DesiredObjects) -> set:
    """Return the ``(type, key)`` that a desired object requires, with what holds those."""
    found = table.requires(one, everything)
    holders = {BY_NAME[type].holder_of(key) for type, key in found if key != ALL}
    return (found | holders) - {None, (one.type, one.key)}


def _release(table, change, gone):
    """What is deleted goes after the updates that no longer refer to it."""
    for field in table.fields if change.action == "update" and gone else ():
        for ident in field.references(change.old.get(field.name)):
            if ident in gone:
                gone[ident].requires.add(change.id)


def _require_changes(snapshot, creates, deletes, predicted):
    """Note what tables say that changes require; return the deletions that creates require."""
    early, others = set(), Changes(snapshot, [*creates, *deletes], predicted)
    for change in [*creates, *deletes]:
        for other in BY_NAME[change.desired.type].requires_changes(snapshot, change, others):
            if other is not change:
                change.requires.add(other.id)
                if other.action == "delete" and change.action != "delete":
                    early.add(other.id)
    return early


def _delete_last(deletes, gone, early):
    """Delete after all that is made, but for what that requires, and what those require."""
    pending = list(early)
    while pending:
        more = {one for one in gone[pending.pop()].requires if one in gone} - early
        early |= more
        pending += more
    for change in deletes:
        if change.id in early or BY_NAME[change.desired.type].deletes_first:
            change.after = set()
        else:
            change.after.add(MADE)


def _refuse_circles(changes, barriers):
    by_id = {change.id: change for change in changes}
    graph = {change.id: change.requires | change.after for change in changes}
    try:
        graphlib.TopologicalSorter({**graph, **barriers}).prepare()
    except graphlib.CycleError as error:
        ring = [by_id[ident] for ident in error.args[1] if ident in by_id]
        chain = " requires ".join(change.name for change in reversed(ring))
        first = min(change.desired.where for change in ring)
        raise BadInput(f"{first}: circular dependency: {chain}") from None


# What cannot exist at the same time


def _make_room(snapshot, creates, deletes, predicted):
    """Have what is in the place of something new go first; what stays there is a problem.

    Returns:
        The ids of the deletions that creates require.
    """
    early = set()
    for names in dict.fromkeys(BY_NAME[one.desired.type].competing_types() for one in creates):
        mine = [change for change in creates if change.desired.type in names]
        news = [(one, span) for one in mine for span in _new_ranges(snapshot, one, predicted)]
        if not news:
            continue
        leaving = {id(one.raw): one for one in deletes if one.desired.type in names}
        moving = {id(one.raw): one for one in mine if one.raw is not None}
        olds = _present_ranges(snapshot, names, mine, news, predicted)
        for change, (table, record) in _overlaps(news, olds):
            if change.raw is record.raw:
                continue
            mover, leaver = moving.get(id(record.raw)), leaving.get(id(record.raw))
            if leaver is not None:
                change.requires.add(leaver.id)
                early.add(leaver.id)
            elif mover is not None:
                change.requires.add(mover.id)
            elif not change.problem:
                change.problem = table.in_the_way(snapshot, record)
        _refuse_conflicting_desired(news)
    return early


def _new_ranges(snapshot, change, predicted):
    table = snapshot.tables[change.desired.type]
    held = table.values(snapshot, change.raw) if change.raw is not None else {}
    return table.occupied_ranges(snapshot, {**held, **change.desired.values}, predicted)


def _present_ranges(snapshot, names, mine, news, predicted):
    """What the region's objects occupy of what the new ones do: ``((table, record), range)``."""
    groups = {group for _, (group, _, _) in news}
    for name in names:
        table = snapshot.tables.get(name)
        if table is None or not table.competes(groups):
            continue
        own = [change.desired.values for change in mine if change.desired.type == name]
        for part in dict.fromkeys(map(table.partition, own)) or [""]:
            for record in list(snapshot.records(name, part).values()):
                values = table.values(snapshot, record.raw)
                for span in table.occupied_ranges(snapshot, values, predicted):
                    yield (table, record), span


def _overlaps(news: Iterable, olds: Iterable):
    """Pairs of what overlaps, found by going through the ranges in order."""
    groups: dict = {}
    for kind, spans in ((0, news), (1, olds)):
        for one, (group, low, high) in spans:
            groups.setdefault(group, ([], []))[kind].append((low, high, one))
    for ours, theirs in groups.values():
        ours.sort(key=lambda span: span[:2])
        theirs.sort(key=lambda span: span[:2])
        open_: list = []
        position = 0
        for low, high, one in ours:
            while position < len(theirs) and theirs[position][0] <= high:
                open_.append(theirs[position])
                position += 1
            open_ = [span for span in open_ if span[1] >= low or span[0] > high]
            for start, end, other in open_:
                if start <= high and low <= end:
                    yield one, other


def _refuse_conflicting_desired(news):
    problems = set()
    for one, other in _overlaps(news, news):
        if one is not other and one.id < other.id:
            noun, its = (BY_NAME[change.desired.type].noun for change in (other, one))
            problems.add(
                f"{other.desired.where}: this {noun} conflicts with the "
                f"{'one' if its == noun else its} at {one.desired.where}; change or remove one of "
                "them"
            )
    if problems:
        raise BadInput(sorted(problems))
