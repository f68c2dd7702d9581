"""What has to change, in order, before anything is changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

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
from saltext.maas.reconcile.unexpected import naming
from saltext.maas.redact import HIDDEN, without_users
from saltext.maas.resources import BY_NAME


@dataclass
class Change:
    """One element of a plan.

    Attributes:
        desired: The desired object it fulfils.
        action: ``create``, ``update`` or ``delete``.
        old, new: What is shown: for a create ``old`` is None, for a delete ``new``.
        raw: The region's object that it changes or removes; None for a create.
        needs: ``(type, key)`` of the changes that must have happened before;
            ``(stage, "*")`` stands for all of a stage.
        follows: The same for changes that must have ended, well or not.
        problem: Why it cannot come true; such a change is never tried.
        error: Why it failed, once it was tried.
        skipped: Whether it was not tried, since a change that it requires failed.
        done: Whether it happened.
        taken_over: Somebody else made the object after the plan was made.
        attempts: How often it failed so far.
        in_doubt: An answer was lost, so that nobody knew whether it was carried out.
    """

    desired: Desired
    action: str
    old: dict | None
    new: dict | None
    raw: dict | None = None
    requires: set = field(default_factory=set)
    after: set = field(default_factory=set)
    problem: str | None = None
    error: str | None = None
    skipped: bool = False
    done: bool = False
    taken_over: bool = False
    attempts: int = 0
    in_doubt: bool = False

    @property
    def id(self) -> tuple:
        return (self.desired.type, self.desired.key)

    @property
    def name(self) -> str:
        return f"{BY_NAME[self.desired.type].noun} {self.desired.label}"

    def shown(self) -> dict:
        """The change as a state returns it: ``{"old", "new"}``, by field for an update."""
        if self.action == "update":
            return {
                name: {"old": self.old[name], "new": self.new[name]} for name in self.new
            }  # fmt: skip
        return {"old": self.old, "new": self.new}


@dataclass
class Plan:
    """The ordered difference between what is desired and what is there.

    Attributes:
        changes: :class:`Change` each.
        everything: All desired objects.
        barriers: ``{(type, "*"): ids of the changes it stands for}``.
        warnings: What of the pillar a later release of this extension refuses, one line each.
    """

    changes: list
    everything: DesiredObjects
    barriers: dict = field(default_factory=dict)
    warnings: list = field(default_factory=list)

    def __bool__(self):
        return bool(self.changes)

    def desired(self, type: str) -> list:
        """All desired objects of a type, also those that are fulfilled."""
        return self.everything.of(type)

    def shown(self, done_only: bool = False) -> dict:
        """All changes as a state returns them: ``{type: {label: change}}``."""
        found = {}
        for change in self.changes:
            if change.problem or (done_only and not change.done):
                continue
            found.setdefault(change.desired.type, {})[change.desired.label] = change.shown()
        return found

    def requires(self, change) -> set:
        """The ids of the changes that must have happened before one is tried."""
        return {one for ident in change.requires for one in self.barriers.get(ident, (ident,))}

    def problems(self) -> list[str]:
        """What cannot come true, one line each."""
        return [f"{change.name}: {change.problem}" for change in self.changes if change.problem]


def make_plan(snapshot, desired) -> Plan:
    """Compare desired objects with a region.

    Args:
        snapshot: :class:`~saltext.maas.reconcile.snapshot.Snapshot`.
        desired: Desired objects, see :func:`want`.

    Returns:
        The plan.  It is empty when nothing differs.

    Raises:
        BadInput: A desired object is for a type or field that the release does not have,
            or refers to something that is neither there nor desired.
        MaasError: The region cannot be read.
    """
    desired = DesiredObjects(without_repetitions(desired))
    tables = snapshot.tables
    refuse_what_release_lacks(snapshot, desired)
    refuse_invalid(snapshot, desired)
    order = {name: number for number, name in enumerate(BY_NAME)}
    desired.sort(key=lambda one: order[one.type])
    for one in desired:
        snapshot.claim(one.type, {one.key})
    _prefetch(snapshot, desired)
    identify(snapshot, desired)
    refuse_wrong_references(snapshot, desired)
    blocked = problems_of_duplicates(snapshot, desired)
    creates, deletes, held = [], [], []
    for one in desired:
        table = tables[one.type]
        with naming(snapshot.source(table)):
            record = table.match(snapshot, one)
            if not one.absent:
                change = _change(snapshot, table, one, record, blocked.get(one))
                creates += [change] if change else []
            elif record is not None:
                deletes.append(_deletion(snapshot, table, one, record, blocked.get(one)))
                held.append(_held(snapshot, table, one, record))
    deletes.reverse()
    held.reverse()
    _refuse_what_is_not_empty(snapshot, creates, deletes)
    predicted = Predicted(snapshot, [*creates, *deletes])
    _refuse_conflicts(snapshot, [*creates, *deletes], predicted)
    barriers = arrange(snapshot, desired, DesiredObjects(held), creates, deletes, predicted)
    plan = Plan(creates + deletes, desired, barriers)
    _mark_dependants(plan)
    return plan


def _change(snapshot, table, one, record, blocked=None):
    if record is None:
        problem = blocked or table.problem(snapshot, one, None)
        return Change(one, "create", None, visible(table, one.values), problem=problem)
    if blocked:
        return Change(one, "update", {}, {}, record.raw, problem=blocked)
    problem = table.problem(snapshot, one, record)
    changed = table.differences(snapshot, one, record)
    if not changed:
        return None
    old = visible(table, {name: before for name, (before, _) in changed.items()})
    new = visible(table, {name: after for name, (_, after) in changed.items()})
    return Change(one, "update", old, new, record.raw, problem=problem)


def _deletion(snapshot, table, one, record, blocked=None):
    problem = blocked or table.deletion_problem(snapshot, one, record)
    old = {name: table.by_name[name].value(record.raw) for name in table.identity}
    return Change(one, "delete", old, None, record.raw, problem=problem)


def _refuse_what_is_not_empty(snapshot, creates, deletes):
    """Refuse what MAAS would not delete, unless what is in it goes before or moves away.

    Such are a fabric with subnets, a domain with names, a rack that serves DHCP alone.
    """
    leaving = {change.id for change in deletes}
    moving = {change.id: change for change in creates if change.action == "update"}
    for change in deletes:
        if change.problem:
            continue
        table = snapshot.tables[change.desired.type]
        for name, ident in table.contents(snapshot, change.raw):
            mover = moving.get(ident)
            if ident not in leaving and not (mover and name in mover.new):
                noun = snapshot.tables[ident[0]].noun
                change.problem = table.blocked_by(change.desired, noun, ident[1])
                break


def _refuse_conflicts(snapshot, changes, predicted):
    for change in changes:
        if not change.problem:
            table = snapshot.tables[change.desired.type]
            change.problem = table.conflict(snapshot, change, predicted)


def _mark_dependants(plan):
    """What needs something that cannot come true cannot either, so a run would not try it."""
    changes = {change.id: change for change in plan.changes}
    blocked = [change for change in plan.changes if change.problem]
    waiting = {}
    for change in plan.changes if blocked else ():
        for ident in plan.requires(change):
            waiting.setdefault(ident, []).append(change)
    while blocked:
        found = blocked.pop(0)
        for change in waiting.get(found.id, ()):
            if not change.problem:
                missing = [changes[one] for one in plan.requires(change) if one in changes]
                told = ", ".join(sorted(one.name for one in missing if one.problem)[:3])
                change.problem = f"skipped: dependency cannot be applied: {told}"
                blocked.append(change)


def _held(snapshot, table, one, record):
    """What an object that is removed holds, as if it were desired."""
    values = {name: value for name, value in table.values(snapshot, record.raw).items()
              if value is not None}  # fmt: skip
    return Desired(one.type, one.key, {**values, **one.values})


def visible(table, values: dict) -> dict:
    """Values as they may be shown: secrets are hidden, and what is only a hint left out.

    So are the user parts of URLs, such as of a proxy or a repository.
    """
    found = {}
    for name, value in values.items():
        field = table.by_name[name]
        if field.secret and value is not None:
            found[name] = HIDDEN
        elif not field.hint:
            found[name] = value if field.ref else without_users(_printable(value))
    return found


def _printable(value):
    if not isinstance(value, bytes):
        return value
    return f"{len(value)} bytes with the SHA-256 {hashlib.sha256(value).hexdigest()[:16]}..."


def _prefetch(snapshot, desired):
    parts = {(type, snapshot.tables[type].part_of(key)) for _, _, type, key in references(desired)}
    parts |= {(one.type, snapshot.tables[one.type].partition(one.values)) for one in desired}
    parts = [part for part in sorted(parts) if part[0] in snapshot.tables]
    # Parts hang on objects of another type, so those are read first.
    snapshot.prefetch([part for part in parts if not part[1]])
    snapshot.prefetch([part for part in parts if part[1]])
