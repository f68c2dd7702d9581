"""What has to change, in order, before anything is changed."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from saltext.maas import collector
from saltext.maas.errors import few
from saltext.maas.reconcile.desired import Desired, DesiredObjects, without_repetitions
from saltext.maas.reconcile.order import arrange
from saltext.maas.reconcile.predicted import Predicted
from saltext.maas.reconcile.references import (
    identify,
    problems_of_duplicates,
    references,
    refuse_invalid,
    refuse_what_release_lacks,
    refuse_wrong_references,
)
from saltext.maas.reconcile.snapshot import SKIPPED, Snapshot
from saltext.maas.reconcile.unexpected import naming
from saltext.maas.redact import HIDDEN, without_users
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.table import Table


@dataclass
class Change:
    """One element of a plan.

    Attributes:
        desired: The desired object it fulfils.
        action: ``create``, ``update`` or ``delete``.
        old, new: What is shown: for a create ``old`` is None, for a delete ``new``.
        raw: The region's object that it changes or removes; None for a create.
        requires: ``(type, key)`` of the changes that must have happened before;
            ``(phase, "*")`` stands for all of a phase.
        after: The same for changes that must have ended, well or not.
        problem: Why it cannot be applied; such a change is never tried.
        error: Why it failed, once it was tried.
        skipped: Whether it was not tried, since a change that it requires failed.
        done: Whether it happened.
        taken_over: Another client made the object after the plan was made.
        attempts: How often it failed so far.
        in_doubt: An answer was lost, so that nobody knew whether it was carried out.
        unsettled: A request of it may be carried out yet, as it was not when the region was read.
    """

    desired: Desired
    action: str
    old: Any
    new: Any
    raw: Any = None
    requires: set = field(default_factory=set)
    after: set = field(default_factory=set)
    problem: str | None = None
    error: str | None = None
    skipped: bool = False
    done: bool = False
    taken_over: bool = False
    attempts: int = 0
    in_doubt: bool = False
    unsettled: bool = False

    @property
    def id(self) -> tuple[str, str]:
        """Type and key of the object."""
        return (self.desired.type, self.desired.key)

    @property
    def name(self) -> str:
        """What a person calls the object, its kind included."""
        return f"{BY_NAME[self.desired.type].noun} {self.desired.label}"

    def shown(self) -> dict:
        """Return the change as a state shows it: ``{"old", "new"}``, by field for an update."""
        if self.action != "update":
            return {"old": self.old, "new": self.new}
        return {name: {"old": self.old[name], "new": self.new[name]} for name in self.new}


@dataclass
class Plan:
    """The ordered difference between what is desired and what is there.

    Attributes:
        changes: What has to change, in order.
        everything: All desired objects.
        barriers: ``{(phase, "*"): ids of the changes it stands for}``.
        warnings: What of the pillar should be changed before an upgrade, what
            somebody else writes as well, what is skipped, and side effects; one line each.
        skipped: ``{(type, key): {field: until when}}`` of what a later run applies; the field is
            empty for the whole object.
    """

    changes: list[Change]
    everything: DesiredObjects
    barriers: dict = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    skipped: dict = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def desired(self, type: str) -> list[Desired]:
        """Return all desired objects of a type, also those that need no change."""
        return self.everything.of(type)

    def shown(self, done_only: bool = False) -> dict:
        """Return all changes as a state shows them: ``{type: {label: change}}``."""
        found: dict = {}
        for change in self.changes:
            if not change.problem and (change.done or not done_only):
                found.setdefault(change.desired.type, {})[change.desired.label] = change.shown()
        return found

    def requires(self, change: Change) -> set:
        """Return the ids of the changes that must have happened before one is tried."""
        return {one for ident in change.requires for one in self.barriers.get(ident, (ident,))}

    def problems(self) -> list[str]:
        """Return what cannot be applied, one line each."""
        return [f"{change.name}: {change.problem}" for change in self.changes if change.problem]


def make_plan(snapshot: Snapshot, desired: Iterable[Desired]) -> Plan:
    """Compare desired objects with a region.

    Args:
        snapshot: The region.
        desired: Desired objects, see :func:`~saltext.maas.reconcile.desired.desired_object`.

    Returns:
        The plan.  It is empty when nothing differs.

    Raises:
        BadInput: A desired object is for a type or field that the release does not have,
            or refers to something that is neither there nor desired.
        MaasError: The region cannot be read.
    """
    order = {name: number for number, name in enumerate(BY_NAME)}
    desired = DesiredObjects(sorted(without_repetitions(desired), key=lambda one: order[one.type]))
    snapshot.desired = desired
    refuse_what_release_lacks(snapshot, desired)
    refuse_invalid(snapshot, desired)
    for one in desired:
        snapshot.claim(one.type, {one.key})
    _prefetch(snapshot, desired)
    with collector.paused():
        identify(snapshot, desired)
        refuse_wrong_references(snapshot, desired)
        blocked = problems_of_duplicates(snapshot, desired)
        compared = _Comparison(snapshot, blocked, _skipped_objects(snapshot, desired))
        compared.add_all(desired)
    creates, deletes = compared.creates, compared.deletes
    changes = [*creates, *deletes]
    _refuse_what_is_not_empty(snapshot, creates, deletes)
    predicted = Predicted(snapshot, changes)
    for change in changes:
        if not change.problem:
            table = snapshot.tables[change.desired.type]
            change.problem = table.conflict(snapshot, change, predicted)
    removed = DesiredObjects(compared.removed)
    barriers = arrange(snapshot, desired, removed, creates, deletes, predicted)
    plan = Plan(changes, desired, barriers, skipped=compared.skipped)
    _mark_dependants(plan)
    plan.warnings = [*_skipped_warnings(plan), *_side_effects(snapshot, plan), *compared.remarks]
    return plan


class _Comparison:
    """What the comparison of desired objects with the region comes to.

    Attributes:
        creates, deletes: The changes: creates with updates in the order of desired objects,
            deletes in the opposite one.
        removed: What the objects to be deleted hold, as if desired.
        skipped: See :attr:`Plan.skipped`.
        remarks: Warnings.
    """

    def __init__(self, snapshot: Snapshot, blocked: dict, skipped: dict):
        self._snapshot, self._blocked, self.skipped = snapshot, blocked, skipped
        self.creates: list[Change] = []
        self.deletes: list[Change] = []
        self.removed: list[Desired] = []
        self.remarks: list[str] = []

    def add_all(self, desired):
        for type, some in itertools.groupby(desired, key=lambda one: one.type):
            table = self._snapshot.tables[type]
            with naming(self._snapshot.source(table)), self._snapshot.comparing():
                for one in some:
                    self._add(table, one)

    def _add(self, table, one):
        snapshot, blocked = self._snapshot, self._blocked.get(one)
        record = table.match(snapshot, one)
        if one.absent:
            if record is not None:
                self.deletes.insert(0, _deletion(snapshot, table, one, record, blocked))
                self.removed.insert(0, _removed(snapshot, table, one, record))
            return
        if (one.type, one.key) in self.skipped:
            return
        fields = table.skipped_fields(snapshot, one, record)
        if fields:
            self.skipped[one.type, one.key] = fields
        if record is not None:
            said = table.remarks(snapshot, one, record)
            self.remarks += [f"{table.noun} {one.label}: {text}" for text in said]
        self.creates += _creation_or_update(snapshot, table, one, record, blocked, fields)


#: In place of a field, in :attr:`Plan.skipped`: the whole object.
WHOLE = ""
_NAMED = 10  # objects that one warning names


def _skipped_objects(snapshot, desired):
    """Objects that cannot be created yet, and all that refer to them; see :attr:`Plan.skipped`."""
    found: dict = {}
    here = {(one.type, one.key) for one in desired if not one.absent}
    # By plans of the same test run.
    earlier = {one for one in snapshot.facts.get(SKIPPED, {}) if one not in here}
    for one in desired:
        until = None if one.absent else snapshot.tables[one.type].skipped_until(snapshot, one)
        if until:
            found[one.type, one.key] = {WHOLE: until}
    count = -1 if earlier else 0
    while len(found) > count:
        count = len(found)
        for one, _, type, key in references(desired):
            later = (type, key) in found or (type, key) in earlier
            new = later and (one.type, one.key) not in found
            if new and snapshot.tables[one.type].match(snapshot, one) is None:
                until = f"until {BY_NAME[type].noun} {key} exists"
                found[one.type, one.key] = {WHOLE: until}
    return found


def _skipped_warnings(plan):
    """One line for each field, or object, that is skipped for the same reason."""
    found: dict = {}
    refused = {change.id for change in plan.changes if change.problem}
    for one in plan.everything:
        for name, until in plan.skipped.get((one.type, one.key), {}).items():
            if (one.type, one.key) not in refused:
                found.setdefault((one.type, name, until), []).append(one.label)
    for (type, name, until), labels in found.items():
        what = f"{name} is skipped" if name else "skipped"
        yield f"{_named(type, labels)}: {what} {until}"


def _side_effects(snapshot, plan):
    """One line for each side effect of new objects."""
    found: dict = {}
    for change in plan.changes:
        if change.action == "create" and not change.problem:
            text = snapshot.tables[change.desired.type].side_effect(snapshot, change.desired)
            if text:
                found.setdefault((change.desired.type, text), []).append(change.desired.label)
    for (type, text), labels in found.items():
        yield f"{_named(type, labels)}: {text}"


def _named(type, labels):
    table = BY_NAME[type]
    noun = table.noun if len(labels) == 1 else table.nouns
    return f"{noun} {few(labels, _NAMED)}"


def _prefetch(snapshot, desired):
    parts = {(type, snapshot.tables[type].part_of(key)) for _, _, type, key in references(desired)
             if type in snapshot.tables}  # fmt: skip
    parts |= {(one.type, snapshot.tables[one.type].partition(one.values)) for one in desired}
    # Parts hang on objects of another type, so those are read first.
    for whole in (True, False):
        snapshot.prefetch([part for part in sorted(parts) if (part[1] == "") == whole])
    separate = [
        (table, table.by_name[name], record.raw)
        for one in desired
        for table in [snapshot.tables[one.type]]
        for name in sorted(table.separate & one.values.keys())
        if (record := table.match(snapshot, one)) is not None
    ]
    if snapshot.client:
        snapshot.client.each(lambda one: one[0].value(snapshot, *one[1:]), separate)


def _creation_or_update(snapshot, table, one, record, blocked, skipped):
    """The change that a desired object takes, in a list; empty where it takes none."""
    if record is None:
        problem = blocked or snapshot.removal(table) or table.problem(snapshot, one, None)
        new = {name: value for name, value in one.values.items() if name not in skipped}
        return [Change(one, "create", None, visible(table, new), problem=problem)]
    if blocked:
        return [Change(one, "update", {}, {}, record.raw, problem=blocked)]
    changed = table.compared(snapshot, one, record)
    if not changed:
        return []
    problem = table.problem(snapshot, one, record)
    old = visible(table, {name: before for name, (before, _) in changed.items()}, sent=True)
    new = visible(table, {name: after for name, (_, after) in changed.items()}, sent=True)
    return [Change(one, "update", old, new, record.raw, problem=problem)]


def _deletion(snapshot, table, one, record, blocked):
    problem = blocked or table.deletion_problem(snapshot, one, record)
    old = {name: table.by_name[name].value(record.raw) for name in table.identity}
    return Change(one, "delete", old, None, record.raw, problem=problem)


def _removed(snapshot, table, one, record):
    """What an object that is removed holds, as if it were desired."""
    values = table.values(snapshot, record.raw).items()
    held = {name: value for name, value in values if value is not None}
    return Desired(one.type, one.key, {**held, **one.values})


def _refuse_what_is_not_empty(snapshot, creates, deletes):
    """Refuse what MAAS would not delete, unless what is in it goes before or moves away.

    Such are a fabric with subnets, a domain with names, a rack that serves DHCP alone.
    """
    leaving = {change.id for change in deletes}
    moving = {change.id: change.new for change in creates if change.action == "update"}
    for change in deletes:
        table = snapshot.tables[change.desired.type]
        for name, ident in () if change.problem else table.contents(snapshot, change.raw):
            if ident not in leaving and name not in moving.get(ident, ()):
                noun = snapshot.tables[ident[0]].noun
                change.problem = table.blocked_by(change.desired, noun, ident[1])
                break


def _mark_dependants(plan):
    """Mark what requires something that cannot be applied, since a run would skip it."""
    changes = {change.id: change for change in plan.changes}
    blocked = [change for change in plan.changes if change.problem]
    waiting: dict = {}
    for change in plan.changes if blocked else ():
        for ident in plan.requires(change):
            waiting.setdefault(ident, []).append(change)
    while blocked:
        for change in waiting.get(blocked.pop(0).id, ()):
            if not change.problem:
                required = [changes[one] for one in plan.requires(change) if one in changes]
                names = ", ".join(sorted(one.name for one in required if one.problem)[:3])
                change.problem = f"skipped: dependency cannot be applied: {names}"
                blocked.append(change)


def visible(table: Table, values: dict, sent: bool = False) -> dict:
    """Return values as they may be shown: without secrets, and without what is only a hint.

    The user parts of URLs, such as of a proxy or a repository, are hidden as well.

    Args:
        table: The type of the object.
        values: ``{field: value}``.
        sent: Whether all of them are sent, hints too.
    """
    found = {}
    for name, value in values.items():
        field = table.by_name[name]
        if value is not None and table.is_secret(name, values):
            found[name] = HIDDEN
        elif sent or not field.hint:
            found[name] = value if field.ref else without_users(_printable(value))
    return found


def _printable(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    return f"{len(value)} bytes with the SHA-256 {hashlib.sha256(value).hexdigest()[:16]}..."
