"""What has to change, in order, before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from saltext.maas.client.errors import BadInput
from saltext.maas.client.redact import HIDDEN
from saltext.maas.reconcile.order import arrange
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
    missing = [
        name
        for name in table.identity
        if normal.get(name) is None and (name in normal or values.get(name) is None)
    ]
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
        raw: The region's object that it changes or removes; None for a create.
        needs: ``(type, key)`` of the changes that must have happened before;
            ``(stage, "*")`` stands for all of a stage.
        follows: The same for changes that must have ended, well or not.
        problem: Why it cannot come true; such a change is never tried.
        error: Why it failed, once it was tried.
        done: Whether it happened.
    """

    wanted: Wanted
    action: str
    old: dict | None
    new: dict | None
    raw: dict | None = None
    needs: set = field(default_factory=set)
    follows: set = field(default_factory=set)
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
    """The ordered difference between what is desired and what is there.

    Attributes:
        changes: :class:`Change` each.
        everything: All wishes.
        gates: ``{(stage, "*"): ids of the changes it stands for}``.
    """

    changes: list
    everything: Wishes
    gates: dict = field(default_factory=dict)

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
    wanted = Wishes(_told_once(wanted))
    tables = snapshot.tables
    _refuse_what_release_lacks(snapshot, wanted)
    order = {name: number for number, name in enumerate(BY_NAME)}
    wanted.sort(key=lambda one: order[one.type])
    for one in wanted:
        snapshot.claim(one.type, {one.key})
    _prefetch(snapshot, wanted)
    refuse_wrong_references(snapshot, wanted)
    creates, deletes, held = [], [], []
    for one in wanted:
        table = tables[one.type]
        record = table.match(snapshot, one)
        if one.absent:
            if record is not None:
                deletes.append(_deletion(snapshot, table, one, record))
                held.append(_held(snapshot, table, one, record))
        else:
            change = _change(snapshot, table, one, record)
            if change is not None:
                creates.append(change)
    deletes.reverse()
    held.reverse()
    _refuse_what_is_not_empty(snapshot, creates, deletes)
    gates = arrange(snapshot, wanted, Wishes(held), creates, deletes)
    return Plan(creates + deletes, wanted, gates)


def _told_once(wanted):
    """Wishes without repetitions.

    Raises:
        BadInput: Two wishes for one object contradict each other.
    """
    found, problems = {}, []
    for one in wanted:
        other = found.setdefault((one.type, one.key), one)
        if other is one or (other.absent, other.values) == (one.absent, one.values):
            continue
        noun = BY_NAME[one.type].noun
        said = "shall be removed" if other.absent and not one.absent else "is described otherwise"
        if one.absent and not other.absent:
            said = "is described, and shall be removed here"
        problems.append(f"{one.where}: {noun} {one.label} {said} by {other.where}; say it once")
    if problems:
        raise BadInput(problems)
    return found.values()


def _change(snapshot, table, one, record):
    problem = table.problem(snapshot, one, record)
    if record is None:
        return Change(one, "create", None, visible(table, one.values), problem=problem)
    changed = table.differences(snapshot, one, record)
    if not changed:
        return None
    old = visible(table, {name: before for name, (before, _) in changed.items()})
    new = visible(table, {name: after for name, (_, after) in changed.items()})
    return Change(one, "update", old, new, record.raw, problem=problem)


def _deletion(snapshot, table, one, record):
    problem = table.undeletable(snapshot.release, record.raw)
    problem = problem or table.deletion_problem(snapshot, one, record)
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
        table = snapshot.tables[change.wanted.type]
        for name, ident in table.contents(snapshot, change.raw):
            mover = moving.get(ident)
            if ident not in leaving and not (mover and name in mover.new):
                noun = snapshot.tables[ident[0]].noun
                change.problem = table.kept_by(change.wanted, noun, ident[1])
                break


def _held(snapshot, table, one, record):
    """What an object that is removed holds, as if it were wished for."""
    values = {name: value for name, value in table.values(snapshot, record.raw).items()
              if value is not None}  # fmt: skip
    return Wanted(one.type, one.key, {**values, **one.values})


def visible(table, values: dict) -> dict:
    """Values as they may be shown: secrets are hidden."""
    return {
        name: HIDDEN if table.by_name[name].secret and value is not None else value
        for name, value in values.items()
    }


def _prefetch(snapshot, wanted):
    parts = {(type, snapshot.tables[type].part_of(key)) for _, _, type, key in references(wanted)}
    parts |= {(one.type, snapshot.tables[one.type].partition(one.values)) for one in wanted}
    parts = [part for part in sorted(parts) if part[0] in snapshot.tables]
    # Parts hang on objects of another type, so those are read first.
    snapshot.prefetch([part for part in parts if not part[1]])
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
            if not column.holds_for(snapshot.release) and name not in table.identity:
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


def references(wanted):
    """All that wishes refer to: ``(wish, field, type, key)`` each."""
    for one in wanted:
        if not one.absent:
            for column in BY_NAME[one.type].fields:
                for key in column.targets(one.values.get(column.name)):
                    yield one, column, column.ref, key


def refuse_wrong_references(snapshot, wanted) -> None:
    """Refuse names that nothing has, that several have, or that shall be removed.

    Raises:
        BadInput: With one line for each.
    """
    wished = wished_for(wanted)
    leaving = {(one.type, one.key): one for one in wanted if one.absent}
    problems = []
    for one in wanted:
        part = snapshot.tables[one.type].partition(one.values)
        problems.append(_several(snapshot, one.where, one.type, one.key, part))
    for one, column, type, key in references(wanted):
        where = f"{one.where}:{column.name}"
        if (type, key) in leaving:
            noun, by = BY_NAME[type].noun, leaving[type, key].where
            problems.append(f"{where}: {noun} {key!r} shall be removed by {by}")
        elif (type, key) not in wished:
            problems.append(_unknown(snapshot, where, type, key, wished))
    if any(problems):
        raise BadInput(sorted({problem for problem in problems if problem}))


def _several(snapshot, where, type, key, partition=None):
    found = snapshot.twice(type, key, partition)
    if not found:
        return None
    noun = BY_NAME[type].noun
    ids = ", ".join(str(raw.get("id", raw.get("system_id"))) for raw in found)
    return (
        f"{where}: the region has {len(found)} {noun}s {key!r} (ids {ids}); give them names that "
        "tell them apart, or remove what is too many"
    )


def _unknown(snapshot, where, type, key, wished):
    if type not in snapshot.tables:
        return f"{where}: MAAS {snapshot.release} has no {BY_NAME[type].noun}s"
    if snapshot.find(type, key) is not None:
        return _several(snapshot, where, type, key)
    there = snapshot.records(type, snapshot.tables[type].part_of(key))
    names = [*there, *(name for kind, name in wished if kind == type)]
    known = ", ".join(sorted(set(names))[:10]) or "none"
    noun = BY_NAME[type].noun
    return f"{where}: {key!r} is no {noun} of the region or of the pillar; there are: {known}"
