"""What has to change, in order, before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from saltext.maas.client.errors import BadInput
from saltext.maas.client.redact import HIDDEN
from saltext.maas.resources import BY_NAME


@dataclass(frozen=True)
class Wanted:
    """One wish: an object as it shall be, or that it shall not be.

    Attributes:
        type: Resource type.
        key: Which object; from :meth:`Table.key`.
        values: ``{field: normal value}``; fields not named are left alone.
        absent: True if the object shall not exist.
        where: Pillar path or argument, for messages.
        label: What a person calls it.
    """

    type: str
    key: str
    values: dict = field(hash=False)
    absent: bool = False
    where: str = ""
    label: str = ""


def want(type, values, where="", label="", absent=False) -> Wanted:
    """Make a wish out of raw values, normalising them.

    Args:
        type: Resource type.
        values: ``{field: value}`` as a pillar or a state's arguments say it.
            None leaves a field alone, an empty value clears it.
        where: Pillar path or argument, for messages.
        label: What a person calls the object; its key by default.
        absent: Whether it shall not exist.

    Raises:
        BadInput: Values do not fit the resource type's fields.
    """
    table = BY_NAME[type]
    normal, problems = {}, []
    for name, value in values.items():
        if value is None:
            continue
        column = table.by_name.get(name)
        if column is None:
            allowed = ", ".join(table.by_name)
            problems.append(f"{where}:{name}: unknown field of a {table.noun}; allowed: {allowed}")
            continue
        try:
            normal[name] = table.normal(column, value, values)
        except ValueError as error:
            shown = HIDDEN if column.secret else repr(value)
            problems.append(f"{where}:{name}: {shown} {error}")
    missing = [name for name in table.identity if normal.get(name) is None]
    problems += [f"{where}:{name}: is needed to identify the {table.noun}" for name in missing]
    if problems:
        raise BadInput(problems)
    key = table.key(normal)
    return Wanted(type, key, normal, absent, where, label or key)


def want_named(type, name, values, absent=False) -> Wanted:
    """Make a wish out of a state's name, or a command's argument, and field values.

    Raises:
        BadInput: The name or a value does not fit.
    """
    try:
        identity = BY_NAME[type].parse(name)
    except (ValueError, AttributeError) as error:
        raise BadInput(f"name: {name!r} {error}") from None
    return want(type, {**values, **identity}, where=f"{type} {name}", label=name, absent=absent)


class Wishes(list):
    """All wishes of a run, with look-ups by type and field."""

    def __init__(self, wanted):
        super().__init__(wanted)
        self._by = {}

    def of(self, *types: str) -> list:
        """The wishes of some types."""
        return [one for type in types for one in self.by(type).get("", ())]

    def by(self, type: str, field: str = "") -> dict:
        """The wishes of a type by the value of one field; all under ``""`` without one."""
        if (type, field) not in self._by:
            groups = self._by[type, field] = {}
            for one in self:
                if one.type == type and not one.absent:
                    groups.setdefault(one.values.get(field) if field else "", []).append(one)
        return self._by[type, field]


@dataclass
class Change:
    """One element of a plan.

    Attributes:
        wanted: The wish it fulfils.
        action: ``create``, ``update`` or ``delete``.
        old, new: What is shown: for a create ``old`` is None, for a delete ``new``.
        needs: ``(type, key)`` of the changes that must have happened before.
        problem: Why it cannot come true; such a change is never tried.
        error: Why it failed, once it was tried.
        done: Whether it happened.
    """

    wanted: Wanted
    action: str
    old: dict | None
    new: dict | None
    needs: set = field(default_factory=set)
    problem: str | None = None
    error: str | None = None
    done: bool = False

    @property
    def id(self) -> tuple:
        return (self.wanted.type, self.wanted.key)

    @property
    def name(self) -> str:
        return f"{BY_NAME[self.wanted.type].noun} {self.wanted.label}"

    def shown(self) -> dict:
        """The change as a state returns it: ``{"old", "new"}``, by field for an update."""
        if self.action == "update":
            return {
                name: {"old": self.old[name], "new": self.new[name]} for name in self.new
            }  # fmt: skip
        return {"old": self.old, "new": self.new}


@dataclass
class Plan:
    """The ordered difference between what is desired and what is there."""

    changes: list
    everything: Wishes

    def __bool__(self):
        return bool(self.changes)

    def wanted(self, type: str) -> list:
        """All wishes of a type, also those that are fulfilled."""
        return self.everything.of(type)

    def shown(self, done_only: bool = False) -> dict:
        """All changes as a state returns them: ``{type: {label: change}}``."""
        found = {}
        for change in self.changes:
            if change.problem or (done_only and not change.done):
                continue
            found.setdefault(change.wanted.type, {})[change.wanted.label] = change.shown()
        return found

    def problems(self) -> list[str]:
        """What cannot come true, one line each."""
        return [f"{change.name}: {change.problem}" for change in self.changes if change.problem]


def make_plan(snapshot, wanted) -> Plan:
    """Compare wishes with a region.

    Args:
        snapshot: :class:`~saltext.maas.reconcile.snapshot.Snapshot`.
        wanted: Wishes, see :func:`want`.

    Returns:
        The plan.  It is empty when nothing differs.

    Raises:
        BadInput: A wish is for a type or field that the release does not have,
            or refers to something that is neither there nor wished for.
        MaasError: The region cannot be read.
    """
    wanted = Wishes(wanted)
    tables = snapshot.tables
    _refuse_what_release_lacks(snapshot, wanted)
    order = {name: number for number, name in enumerate(BY_NAME)}
    wanted.sort(key=lambda one: order[one.type])
    for one in wanted:
        snapshot.claim(one.type, {one.key})
    _prefetch(snapshot, wanted)
    _refuse_unknown_references(snapshot, wanted)
    creates, deletes = [], []
    for one in wanted:
        table = tables[one.type]
        record = table.match(snapshot, one)
        if one.absent:
            if record is not None:
                deletes.append(_deletion(snapshot, table, one, record))
        else:
            change = _change(snapshot, table, one, record)
            if change is not None:
                change.needs = _needs(table, one, wanted)
                creates.append(change)
    deletes.reverse()
    _order_deletes(deletes, creates)
    return Plan(creates + deletes, wanted)


def _change(snapshot, table, one, record):
    problem = table.problem(snapshot, one, record)
    if record is None:
        return Change(one, "create", None, _visible(table, one.values), problem=problem)
    changed = table.differences(snapshot, one, record)
    if not changed:
        return None
    old = _visible(table, {name: before for name, (before, _) in changed.items()})
    new = _visible(table, {name: after for name, (_, after) in changed.items()})
    return Change(one, "update", old, new, problem=problem)


def _deletion(snapshot, table, one, record):
    problem = table.undeletable(snapshot.release, record.raw)
    old = {name: table.by_name[name].value(record.raw) for name in table.identity}
    return Change(one, "delete", old, None, problem=problem)


def _order_deletes(deletes, creates):
    """Deletes come last, and in reverse: what refers to something goes before it."""
    before = {change.id for change in creates}
    for number, change in enumerate(deletes):
        if not BY_NAME[change.wanted.type].deletes_first:
            change.needs = before | {
                other.id for other in deletes[:number] if other.wanted.type != change.wanted.type
            }


def _needs(table, one, wanted):
    needs = table.needs(one, wanted)
    # A new fabric brings its untagged VLAN along.
    needs |= {("fabric", key.rpartition("/")[0]) for type, key in needs if type == "vlan"}
    return needs - {(one.type, one.key)}


def _visible(table, values):
    return {
        name: HIDDEN if table.by_name[name].secret and value is not None else value
        for name, value in values.items()
    }


def _prefetch(snapshot, wanted):
    referred = {
        column.ref
        for one in wanted
        for column in snapshot.tables[one.type].fields
        if column.ref and one.values.get(column.name) is not None
    }
    whole = [(name, "") for name in snapshot.tables if name in referred]
    parts = [(one.type, snapshot.tables[one.type].partition(one.values)) for one in wanted]
    # Parts hang on objects of another type, so those are read first.
    snapshot.prefetch(whole + [part for part in parts if not part[1]])
    snapshot.prefetch([part for part in parts if part[1]])


def _refuse_what_release_lacks(snapshot, wanted):
    problems = []
    for one in wanted:
        table = BY_NAME[one.type]
        if one.type not in snapshot.tables:
            problems.append(f"{one.where}: MAAS {snapshot.release} has no {table.noun}s")
            continue
        for name in one.values:
            column = table.by_name[name]
            if not column.holds_for(snapshot.release):
                span = f"from {column.since}" if column.since else ""
                span += f" up to {column.until}" if column.until else ""
                problems.append(
                    f"{one.where}:{name}: MAAS {snapshot.release} has no such field of a "
                    f"{table.noun}; it holds {span.strip()}"
                )
    if problems:
        raise BadInput(sorted(set(problems)))


def wished_for(wanted) -> set:
    """The ``(type, key)`` of all that wishes bring about; a fabric brings its untagged VLAN."""
    found = {(one.type, one.key) for one in wanted if not one.absent}
    return found | {("vlan", f"{key}/0") for type, key in found if type == "fabric"}


def _refuse_unknown_references(snapshot, wanted):
    wished = wished_for(wanted) | snapshot.promised
    problems = []
    for one in wanted:
        if one.absent:
            continue
        for column in snapshot.tables[one.type].fields:
            key = one.values.get(column.name)
            if not column.ref or key is None or (column.ref, key) in wished:
                continue
            there = snapshot.records(column.ref)
            if key not in there:
                noun = BY_NAME[column.ref].noun
                names = [*there, *(k for kind, k in wished if kind == column.ref)]
                known = ", ".join(sorted(set(names))[:10]) or "none"
                problems.append(
                    f"{one.where}:{column.name}: {key!r} is no {noun} of the region or of the "
                    f"pillar; there are: {known}"
                )
    if problems:
        raise BadInput(problems)
