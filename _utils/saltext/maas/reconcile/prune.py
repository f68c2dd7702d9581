"""What a region holds that no pillar describes: reported, or removed where a pillar claims all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from saltext.maas.errors import BadInput
from saltext.maas.reconcile.desired import Desired
from saltext.maas.reconcile.references import desired_for, identify
from saltext.maas.reconcile.run import Run
from saltext.maas.reconcile.snapshot import Snapshot
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.field import Record
from saltext.maas.resources.table import Table

_FEW = 10  # of so few objects a fraction says nothing
#: Types whose references the collection of nodes shows, too.
_NODES = ("machine", "device", "rack", "region_controller")


@dataclass(frozen=True)
class Guard:
    """How much pruning may remove without being allowed to explicitly.

    Attributes:
        most: Objects of one resource type.
        fraction: Part of what a resource type's scope holds, from 0 to 1; it counts
            where that is ten objects or more.
        in_use: Whether what serves DHCP, holds machines or is referred to may go.
    """

    most: int = 20
    fraction: float = 0.3
    in_use: bool = False


@dataclass(frozen=True)
class Unmanaged:
    """One object that no desired object stands for.

    Attributes:
        type, key: Which one.
        values: What it holds.
        protected_by: Why it is never pruned; None if it may go.
        in_use_by: What would suffer if it went; None if nothing does.
    """

    type: str
    key: str
    values: dict
    protected_by: str | None
    in_use_by: str | None


def prunable(table: Table) -> bool:
    """Return whether ``exclusive`` is offered for a resource type."""
    return table.prunable and table.can_delete and bool(table.pillar or table.scope)


def prune(
    snapshot: Snapshot,
    desired: Iterable[Desired],
    exclusive: dict | None,
    guard: Guard | None = None,
    where: str = "exclusive",
) -> list[Desired]:
    """Return desired objects that remove what others do not describe.

    Args:
        snapshot: The region.
        desired: What is described, all types together.
        exclusive: ``{type: True, or a list of the scopes that are claimed}``.
        guard: How much may be removed.
        where: What messages call it.

    Raises:
        BadInput: Something cannot be claimed, or the guard forbids it.
    """
    desired, guard = list(desired), guard or Guard()
    identify(snapshot, desired)
    problems: list[str] = []
    found: dict[str, tuple[list[Unmanaged], int]] = {}
    for type, given in (exclusive or {}).items():
        if given is False or given is None:
            continue
        table, at = BY_NAME.get(type), f"{where}:{type}"
        if table is None or not prunable(table):
            problems.append(f"{at}: cannot be exclusive; allowed: {', '.join(_prunable())}")
        elif type not in snapshot.tables:
            problems.append(f"{at}: MAAS {snapshot.release} has no {table.nouns}")
        else:
            scopes = None if given is True else _scopes(snapshot, desired, table, given, at)
            snapshot.own(type, scopes)
            inside = [one for one in _unmanaged(snapshot, table, desired, scopes)
                      if not one.protected_by]  # fmt: skip
            found[type] = (inside, sum(1 for _ in _records(snapshot, table, scopes)))
    if problems:
        raise BadInput(problems)
    referrers = _Referrers(snapshot, desired, [one for ones, _ in found.values() for one in ones])
    for type, (ones, total) in found.items():
        problems += _too_much(type, ones, total, guard, f"{where}:{type}")
        for one in () if guard.in_use else ones:
            in_use_by = one.in_use_by or referrers.of(type, one.key)
            if in_use_by:
                problems.append(
                    f"{where}:{type}: {BY_NAME[type].noun} {one.key} is not described and would be "
                    f"removed, but {in_use_by}; describe it, or allow this with prune: in_use: true"
                )
    if problems:
        raise BadInput(problems)
    return [
        _removal(one, guard, f"{where}:{type}") for type, (ones, _) in found.items() for one in ones
    ]


def used_meanwhile(run: Run, table: Table, record: Record) -> str | None:
    """Return why an object is not pruned that another client put to use after the plan was made.

    What may use objects of its type is read again once, before the first of them is removed.

    Raises:
        MaasError: It cannot be read.
    """
    snapshot, looked = run.snapshot, ("what uses", table.name)
    with run.lock("look at what is pruned"):
        referrers = snapshot.derived(
            "what refers to what is pruned", run.plan,
            lambda: _Referrers(snapshot, run.plan.everything, _deleted(run)),
        )  # fmt: skip
        again = not run.known(looked)
        for name, part in _users(snapshot, table.name) if again else ():
            snapshot.reload(name, part, younger_than=run.trust_seconds)
        found = referrers.of(table.name, record.key)
        if again and snapshot.loaded("node"):  # last, as it changes most
            snapshot.reload("node", younger_than=run.trust_seconds)
        run.know(looked)
        found = found or table.used_by_node(snapshot, record)
    return found and (
        f"another client put it to use after the plan was made: {found}; describe it, or allow "
        "this with prune: in_use: true"
    )


def unmanaged(
    snapshot: Snapshot, desired: Iterable[Desired], types: str | Iterable[str] | None = None
) -> list[Unmanaged]:
    """Return all that no desired object stands for, in the order of types and keys.

    Args:
        snapshot: The region.
        desired: What is described.
        types: Resource types; by default all that could be pruned, and machines.

    Raises:
        BadInput: There is no such type, or the region's release has none of it.
    """
    desired = list(desired)
    types = [types] if isinstance(types, str) else types and list(types)
    problems = [problem for one in types or () if (problem := _unknown_type(snapshot, str(one)))]
    if problems:
        raise BadInput(problems)
    identify(snapshot, desired)
    return [
        one
        for name, table in snapshot.tables.items()
        if name in _reported() and (types is None or name in types)
        for one in _unmanaged(snapshot, table, desired, None)
    ]


def _prunable():
    return [table.name for table in BY_NAME.values() if prunable(table)]


def _reported():
    return [table.name for table in BY_NAME.values() if table.reported or prunable(table)]


def _unknown_type(snapshot, type):
    if type not in _reported():
        close = difflib.get_close_matches(type, _reported(), n=3, cutoff=0.6)
        hint = (
            f"did you mean {' or '.join(close)}?" if close else f"allowed: {', '.join(_reported())}"
        )
        return f"types: {type!r} is no resource type; {hint}"
    if type not in snapshot.tables:
        return f"types: MAAS {snapshot.release} has no {BY_NAME[type].nouns}"
    return None


def _removal(one, guard, where):
    table = BY_NAME[one.type]
    values = {name: one.values[name] for name in table.identity}
    if guard.in_use:  # that it is in use was allowed
        values.update({field.name: True for field in table.fields if field.option})
    return Desired(one.type, one.key, values, True, where, one.key, not guard.in_use)


def _scopes(snapshot, desired, table, scopes, where):
    if not isinstance(scopes, (list, tuple)):
        raise BadInput(f"{where}: {scopes!r} must be true or a list")
    if not table.scope:
        raise BadInput(f"{where}: {scopes!r} must be true: a {table.noun} has no scope")
    field = table.by_name.get(table.scope)
    owner = field.ref if field else table.scope
    described, found, problems = desired_for(desired, snapshot), set(), []
    for scope in scopes:
        try:
            key = str(field.kind.clean(scope) if field else scope)
        except ValueError as error:
            problems.append(f"{where}: {scope!r} {error}")
            continue
        found.add(key)
        if (owner, key) not in described and snapshot.find(owner, key) is None:
            noun = BY_NAME[owner].noun
            problems.append(f"{where}: {scope!r} is no {noun} of the region or of the pillar")
    if problems:
        raise BadInput(problems)
    return found


def _records(snapshot, table, scopes):
    for part in table.parts(snapshot):
        for key, record in sorted(snapshot.records(table.name, part).items()):
            if scopes is None or table.scope_of(snapshot, record) in scopes:
                yield key, part, record


def _unmanaged(snapshot, table, desired, scopes):
    mine = [one for one in desired if one.type == table.name]
    snapshot.claim(table.name, {one.key for one in mine})
    matched = {id(record.raw) for one in mine for record in [table.match(snapshot, one)] if record}
    for key, part, record in _records(snapshot, table, scopes):
        values = table.values(snapshot, record.raw)
        gone = Desired(table.name, key, {name: values[name] for name in table.identity}, True)
        if id(record.raw) in matched or table.match(snapshot, gone) is None:
            continue
        if None in gone.values.values() or not table.exports(snapshot, record):
            continue
        made = table.pillar and table.made_by_maas(snapshot, record)
        if made and not table.pillar_entry(values):
            continue  # every region has it, unchanged
        protected_by = table.never_pruned(snapshot, record)
        protected_by = protected_by or table.deletion_problem(snapshot, gone, record)
        if snapshot.duplicates(table.name, key, part):
            protected_by = "the region has several of this name"
        yield Unmanaged(table.name, key, values, protected_by, table.in_use_by(snapshot, record))


def _too_much(type: str, ones: list, total: int, guard: Guard, where: str) -> Iterator[str]:
    count, share = len(ones), len(ones) / max(total, 1)
    removed = f"{BY_NAME[type].nouns} are not described and would be removed, more than the"
    advice = "check the plan, and allow it with prune:"
    if count > guard.most:
        yield f"{where}: {count} {removed} {guard.most} allowed; {advice} most: {count}"
    elif total >= _FEW and share > guard.fraction:
        yield (
            f"{where}: {count} of {total} {removed} fraction of {guard.fraction:g} allowed; "
            f"{advice} fraction: {share:.2f}"
        )


def _deleted(run):
    return [one.desired for one in run.plan.changes if one.action == "delete"]


def _users(snapshot, type):
    """The parts of collections, but for nodes, that show what uses objects of a type."""
    for table, field in _referring(snapshot, type):
        if table.name not in _NODES:
            for part in table.parts(snapshot):
                yield table.name, part
            if _is_owned(table, field):
                yield from _users(snapshot, table.name)


def _referring(snapshot, type):
    """The fields that can refer to objects of a type, each with its table."""
    for table in snapshot.tables.values():
        for field in table.fields:
            usable = field.readable and not field.separate
            if field.ref == type and usable and field.holds_for(snapshot.release):
                yield table, field


def _is_owned(table, field):
    return table.pillar is not None and table.pillar.parent == field.name


class _Referrers:
    """What will still refer to an object once desired objects have been applied."""

    def __init__(self, snapshot, desired, going):
        self._snapshot = snapshot
        self._going = {(one.type, one.key) for one in going}
        self._desired = {(one.type, one.key): one for one in desired}
        self._of = {}  # type -> {key: [(table, key of what refers, whether it goes along)]}

    def of(self, type, key):
        """One thing that refers to an object, as a sentence; None if nothing does."""
        for table, other, owned in self._index(type).get(key, ()):
            if (table.name, other) in self._going:
                continue
            if not owned:
                return f"{table.noun} {other} refers to it"
            found = self.of(table.name, other)
            if found:
                return found
        return None

    def _index(self, type):
        if type not in self._of:
            index = self._of[type] = {}
            for table, field in _referring(self._snapshot, type):
                self._note(index, table, field)
        return self._of[type]

    def _note(self, index, table, field):
        owned = _is_owned(table, field)
        for part in table.parts(self._snapshot):
            for key, record in list(self._snapshot.records(table.name, part).items()):
                desired = self._desired.get((table.name, key))
                if desired is not None and desired.absent:
                    continue
                value = table.value(self._snapshot, field, record.raw)
                if desired is not None:
                    value = desired.values.get(field.name, value)
                for target in field.targets(value):
                    index.setdefault(target, []).append((table, key, owned))
