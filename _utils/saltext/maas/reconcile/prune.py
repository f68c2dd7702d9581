"""What a region holds that nobody describes: told, or removed where a pillar claims all."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from saltext.maas.errors import BadInput
from saltext.maas.reconcile.desired import Desired
from saltext.maas.reconcile.references import desired_for, identify
from saltext.maas.resources import BY_NAME

_FEW = 10  # of so few objects a fraction says nothing


@dataclass(frozen=True)
class Guard:
    """How much pruning may take away without being told explicitly.

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
        kept: Why it is never pruned; None if it may go.
        hazard: What would suffer if it went; None if nothing does.
    """

    type: str
    key: str
    values: dict
    protected_by: str | None
    in_use_by: str | None


def prunable(table) -> bool:
    """Whether ``exclusive`` is offered for a resource type."""
    return table.prunable and table.can_delete and bool(table.pillar or table.scope)


def prune(snapshot, desired_objects, exclusive, guard=None, where="exclusive") -> list:
    """The desired objects that remove what others do not describe.

    Args:
        snapshot: The region.
        desired objects: What is described, all types together.
        exclusive: ``{type: True, or a list of the scopes that are claimed}``.
        guard: :class:`Guard`.
        where: What messages call it.

    Returns:
        Desired objects that objects be absent.

    Raises:
        BadInput: Something cannot be claimed, or the guard forbids it.
    """
    guard = guard or Guard()
    identify(snapshot, desired_objects)
    problems, found = [], {}
    for type, scopes in (exclusive or {}).items():
        if scopes is False or scopes is None:
            continue
        problem = _cannot_claim(snapshot, type, f"{where}:{type}")
        if problem:
            problems.append(problem)
            continue
        table = snapshot.tables[type]
        scopes = (
            None
            if scopes is True
            else _scopes(snapshot, desired_objects, table, scopes, f"{where}:{type}")
        )
        snapshot.own(type, scopes)
        inside = list(_unmanaged(snapshot, table, desired_objects, scopes))
        total = sum(1 for _ in _records(snapshot, table, scopes))
        found[type] = ([one for one in inside if not one.protected_by], total)
    if problems:
        raise BadInput(problems)
    going = {(one.type, one.key) for ones, _ in found.values() for one in ones}
    referrers = _Referrers(snapshot, desired_objects, going)
    removed = []
    for type, (ones, total) in found.items():
        problems += _too_much(type, ones, total, guard, f"{where}:{type}")
        for one in ones:
            in_use_by = None if guard.in_use else one.in_use_by or referrers.of(type, one.key)
            if in_use_by:
                problems.append(
                    f"{where}:{type}: {BY_NAME[type].noun} {one.key} is not described and would be "
                    f"removed, but {in_use_by}; describe it, or allow this with prune: in_use: true"
                )
            identity = {name: one.values[name] for name in BY_NAME[type].identity}
            if guard.in_use and "force" in BY_NAME[type].by_name:
                identity["force"] = True  # that it is in use was allowed
            removed.append(Desired(type, one.key, identity, True, f"{where}:{type}", one.key))
    if problems:
        raise BadInput(problems)
    return removed


def unmanaged(snapshot, desired_objects, types=None) -> list:
    """All that no desired object stands for.

    Args:
        snapshot: The region.
        desired objects: What is described.
        types: Resource types; all that could be pruned by default.

    Returns:
        A list of :class:`Unmanaged`, in the order of types and keys.

    Raises:
        BadInput: There is no such type, or the region's release has none of it.
    """
    types = [types] if isinstance(types, str) else types
    problems = [
        problem for one in types or () if (problem := _unknown_type(snapshot, str(one)))
    ]  # fmt: skip
    if problems:
        raise BadInput(problems)
    identify(snapshot, desired_objects)
    found = []
    for name, table in snapshot.tables.items():
        if prunable(table) and (types is None or name in types):
            found += _unmanaged(snapshot, table, desired_objects, None)
    return found


def _unknown_type(snapshot, type):
    table = BY_NAME.get(type)
    known = [one.name for one in BY_NAME.values() if prunable(one)]
    if table is None or not prunable(table):
        close = difflib.get_close_matches(type, known, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(close)}?" if close else f"allowed: {', '.join(known)}"
        return f"types: {type!r} is no resource type; {hint}"
    if type not in snapshot.tables:
        return f"types: MAAS {snapshot.release} has no {table.nouns}"
    return None


def _cannot_claim(snapshot, type, where):
    table = BY_NAME.get(type)
    if table is None or not prunable(table):
        allowed = ", ".join(one.name for one in BY_NAME.values() if prunable(one))
        return f"{where}: cannot be exclusive; allowed: {allowed}"
    if type not in snapshot.tables:
        return f"{where}: MAAS {snapshot.release} has no {table.nouns}"
    return None


def _scopes(snapshot, desired_objects, table, scopes, where):
    if not isinstance(scopes, (list, tuple)):
        raise BadInput(f"{where}: {scopes!r} must be true or a list")
    if not table.scope:
        raise BadInput(f"{where}: {scopes!r} must be true: a {table.noun} has no scope")
    field = table.by_name.get(table.scope)
    owner = field.ref if field else table.scope
    desired_ones, found, problems = desired_for(desired_objects, snapshot), set(), []
    for scope in scopes:
        try:
            key = str(field.kind.clean(scope) if field else scope)
        except ValueError as error:
            problems.append(f"{where}: {scope!r} {error}")
            continue
        found.add(key)
        if (owner, key) not in desired_ones and snapshot.find(owner, key) is None:
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


def _unmanaged(snapshot, table, desired_objects, scopes):
    mine = [one for one in desired_objects if one.type == table.name]
    snapshot.claim(table.name, {one.key for one in mine})
    matched = {id(record.raw) for one in mine for record in [table.match(snapshot, one)] if record}
    for key, part, record in _records(snapshot, table, scopes):
        values = table.values(snapshot, record.raw)
        identity = {name: values[name] for name in table.identity}
        gone = Desired(table.name, key, identity, True)
        if id(record.raw) in matched or table.match(snapshot, gone) is None:
            continue
        if None in identity.values() or not table.exports(snapshot, record):
            continue
        made = table.pillar and table.made_by_maas(snapshot, record)
        if made and not table.pillar_entry(values):
            continue  # every region has it, and nobody changed it
        protected_by = table.never_pruned(snapshot, record) or table.deletion_problem(
            snapshot, gone, record
        )
        if snapshot.duplicates(table.name, key, part):
            protected_by = "the region has several of this name"
        yield Unmanaged(table.name, key, values, protected_by, table.in_use_by(snapshot, record))


def _too_much(type, ones, total, guard, where):
    nouns, count = BY_NAME[type].nouns, len(ones)
    told = "check the plan, and allow it with prune:"
    if count > guard.most:
        yield (
            f"{where}: {count} {nouns} are not described and would be removed, more than the "
            f"{guard.most} allowed; {told} most: {count}"
        )
    elif total >= _FEW and count > guard.fraction * total:
        share = count / total
        yield (
            f"{where}: {count} of {total} {nouns} are not described and would be removed, more "
            f"than the fraction of {guard.fraction:g} allowed; {told} fraction: {share:.2f}"
        )


class _Referrers:
    """What will still refer to an object once desired objects have come true."""

    def __init__(self, snapshot, desired_objects, going):
        self._snapshot = snapshot
        self._going = going
        self._desired_objects = {(one.type, one.key): one for one in desired_objects}
        self._of = {}  # type -> {key: [(table, key of what refers, whether it goes along)]}

    def of(self, type: str, key: str) -> str | None:
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
            for table in self._snapshot.tables.values():
                for field in table.fields:
                    usable = field.readable and field.holds_for(self._snapshot.release)
                    if field.ref == type and usable:
                        self._note(index, table, field)
        return self._of[type]

    def _note(self, index, table, field):
        owned = table.pillar is not None and table.pillar.parent == field.name
        for part in table.parts(self._snapshot):
            for key, record in list(self._snapshot.records(table.name, part).items()):
                desired = self._desired_objects.get((table.name, key))
                if desired is not None and desired.absent:
                    continue
                value = table.value(self._snapshot, field, record.raw)
                if desired is not None:
                    value = desired.values.get(field.name, value)
                for target in field.targets(value):
                    index.setdefault(target, []).append((table, key, owned))
