"""The order in which changes happen, from what they refer to and take up."""

from __future__ import annotations

import graphlib

from saltext.maas.errors import BadInput
from saltext.maas.resources import BY_NAME

ALL = "*"  # in place of a key: all changes of a stage
MADE = ("", "all that is made")  # a gate: creates and updates have ended


def arrange(snapshot, all_desired, removed_desired, creates, deletes, predicted) -> dict:
    """Say of each change what it needs (must have succeeded) and follows (must have ended).

    Dependencies on all of a stage go through a gate, a point that no request
    belongs to, so that their number grows with the changes and not with their square.

    Args:
        snapshot: The region.
        plan_wishes: All desired objects.
        removed_wishes: What the objects to be deleted hold, as if desired.
        creates, deletes: The changes.
        predicted: The region as the plan leaves it.

    Returns:
        The gates: ``{gate: changes that it waits for}``.

    Raises:
        BadInput: Desired objects need one another in a circle.
    """
    barriers = _phases(creates)
    gone = {change.id: change for change in deletes}
    for change in creates:
        table = BY_NAME[change.desired.type]
        change.requires = required(table, change.desired, all_desired)
        change.after = {(phase, ALL) for phase in table.after_phases(change.desired)}
        change.after |= table.after_objects(change.desired, all_desired) - {change.id}
    for change, held in zip(deletes, removed_desired):
        table = BY_NAME[change.desired.type]
        for ident in required(table, held, removed_desired):
            if ident in gone and ident != change.id:
                gone[ident].requires.add(change.id)
        for phase in table.after_phases(held):
            barriers.setdefault((f"gone {phase}", ALL), set()).add(change.id)
    for change in deletes:
        phase = BY_NAME[change.desired.type].phase(change.desired)
        change.after = {(f"gone {phase}", ALL)}
    _release(snapshot, creates, gone)
    early = _make_room(snapshot, creates, deletes, predicted)
    early |= _wait(snapshot, creates, deletes, predicted)
    _deletes_last(deletes, gone, early)
    barriers[MADE] = {change.id for change in creates}
    _refuse_circles(creates, deletes, barriers)
    return barriers


def _phases(creates):
    barriers = {}
    for change in creates:
        phase = BY_NAME[change.desired.type].phase(change.desired)
        barriers.setdefault((phase, ALL), set()).add(change.id)
    return barriers


def required(table, one, everything) -> set:
    """Return the ``(type, key)`` that a desired object requires, with what holds those."""
    found = table.requires(one, everything)
    holders = {BY_NAME[type].holder_of(key) for type, key in found if key != ALL}
    return (found | holders) - {None, (one.type, one.key)}


def _release(snapshot, creates, gone):
    """What is deleted goes after the updates that no longer refer to it."""
    if not gone:
        return
    for change in creates:
        if change.action != "update":
            continue
        for field in BY_NAME[change.desired.type].fields:
            if field.ref and field.name in change.old:
                for key in field.targets(change.old[field.name]):
                    if (field.ref, key) in gone:
                        gone[field.ref, key].requires.add(change.id)


def _make_room(snapshot, creates, deletes, predicted):
    """What takes up the place of something new goes first; what stays there is a problem.

    Returns:
        The ids of the deletions that creates wait for.
    """
    early = set()
    pools = (BY_NAME[change.desired.type].competing_types() for change in creates)
    for names in dict.fromkeys(pools):
        mine = [change for change in creates if change.desired.type in names]
        news = [
            (change, span) for change in mine for span in _new_ranges(snapshot, change, predicted)
        ]
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


def _present_ranges(snapshot, names, mine, news, predicted):
    """What the region's objects take up of what the new ones do: ``((table, record), span)``."""
    groups = {group for _, (group, _, _) in news}
    for name in names:
        table = snapshot.tables.get(name)
        if table is None or not table.competes(groups):
            continue
        own = [change for change in mine if change.desired.type == name]
        for part in dict.fromkeys(table.partition(one.desired.values) for one in own) or [""]:
            for record in list(snapshot.records(name, part).values()):
                values = table.values(snapshot, record.raw)
                for span in table.occupied_ranges(snapshot, values, predicted):
                    yield (table, record), span


class Changes:
    """All changes of a plan, by what their objects have or had."""

    def __init__(self, snapshot, changes, predicted):
        self._snapshot, self._changes = snapshot, changes
        self.predicted = predicted
        self._groups = {}

    def of(self, type):
        return [change for change in self._changes if change.desired.type == type]

    def by(self, type, field, value):
        if (type, field) not in self._groups:
            groups = self._groups[type, field] = {}
            for change in self._changes:
                if change.desired.type == type:
                    groups.setdefault(self._value(change, field), []).append(change)
        return self._groups[type, field].get(value, ())

    def _value(self, change, field):
        if field in change.desired.values or change.raw is None:
            return change.desired.values.get(field)
        table = self._snapshot.tables[change.desired.type]
        return table.value(self._snapshot, table.by_name[field], change.raw)


def _wait(snapshot, creates, deletes, predicted):
    """What tables say that changes wait for.

    Returns:
        The ids of the deletions that creates wait for.
    """
    early, others = set(), Changes(snapshot, [*creates, *deletes], predicted)
    for change in [*creates, *deletes]:
        for other in BY_NAME[change.desired.type].requires_changes(snapshot, change, others):
            if other is not change:
                change.requires.add(other.id)
                if other.action == "delete" and change.action != "delete":
                    early.add(other.id)
    return early


def _new_ranges(snapshot, change, predicted):
    table = snapshot.tables[change.desired.type]
    values = dict(change.desired.values)
    if change.raw is not None:
        values = {**table.values(snapshot, change.raw), **values}
    return table.occupied_ranges(snapshot, values, predicted)


def _overlaps(news, olds):
    """Pairs of what overlaps, found by going through the spans in order."""
    groups = {}
    for kind, spans in ((0, news), (1, list(olds))):
        for one, (group, low, high) in spans:
            groups.setdefault(group, ([], []))[kind].append((low, high, one))
    for ours, theirs in groups.values():
        if not ours or not theirs:
            continue
        theirs.sort(key=lambda span: span[:2])
        open_, position = [], 0
        for low, high, one in sorted(ours, key=lambda span: span[:2]):
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
            its = "one" if its == noun else its
            problems.add(
                f"{other.desired.where}: this {noun} conflicts with the {its} at "
                f"{one.desired.where}; change or remove one of them"
            )
    if problems:
        raise BadInput(sorted(problems))


def _deletes_last(deletes, gone, early):
    """All deletions wait for what is made, but those that it waits for, and what they need."""
    pending = list(early)
    while pending:
        for ident in gone[pending.pop()].requires:
            if ident in gone and ident not in early:
                early.add(ident)
                pending.append(ident)
    for change in deletes:
        if change.id in early or BY_NAME[change.desired.type].deletes_first:
            change.after = set()
        else:
            change.after.add(MADE)


def _refuse_circles(creates, deletes, barriers):
    changes = {change.id: change for change in [*creates, *deletes]}
    graph = {ident: change.requires | change.after for ident, change in changes.items()}
    try:
        graphlib.TopologicalSorter({**graph, **barriers}).prepare()
    except graphlib.CycleError as error:
        ring = [changes[ident] for ident in error.args[1] if ident in changes]
        chain = " requires ".join(change.name for change in reversed(ring))
        first = min(change.desired.where for change in ring)
        raise BadInput(f"{first}: circular dependency: {chain}") from None
