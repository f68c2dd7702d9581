"""What desired objects refer to, and what is refused of it before anything is compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from saltext.maas.errors import BadInput
from saltext.maas.reconcile.desired import Desired, DesiredObjects
from saltext.maas.reconcile.snapshot import SKIPPED, Snapshot
from saltext.maas.release import Release
from saltext.maas.resources import BY_NAME
from saltext.maas.resources.field import Field


def refuse_what_release_lacks(snapshot: Snapshot, desired: DesiredObjects) -> None:
    """Refuse types and fields that the region's release does not have.

    Raises:
        BadInput: With one line for each.
    """
    problems, release = [], snapshot.release
    lacking = {
        type: {field.name for field in table.fields if not field.holds_for(release)}
        - {*table.identity}
        for type, table in snapshot.tables.items()
    }
    for one in desired:
        table = BY_NAME[one.type]
        if one.type not in lacking:
            problems.append(f"{one.where}: MAAS {release} has no {table.nouns}")
            continue
        for name in lacking[one.type] & one.values.keys():
            column = table.by_name[name]
            span = f"from {column.since}" if column.since else ""
            span += f" up to {column.up_to}" if column.up_to else ""
            problems.append(
                f"{one.where}:{name}: MAAS {release} has no such field of a {table.noun}; it "
                f"holds {span.strip()}"
            )
    if problems:
        raise BadInput(sorted(set(problems)))


def identify(snapshot: Snapshot, desired: Iterable[Desired]) -> None:
    """Find the objects of the region that desired ones name by what they were called before.

    Raises:
        BadInput: They cannot be identified.
    """
    objects = desired if isinstance(desired, DesiredObjects) else DesiredObjects(desired)
    for name, table in snapshot.tables.items():
        hints = {*table.found_by, *(field.name for field in table.fields if field.hint)}
        mine = objects.of(name)
        if any(hints & one.values.keys() for one in mine):
            snapshot.claim(name, {one.key for one in mine})
            table.identify(snapshot, mine)


def invalid(desired: Iterable[Desired], release: Release | None) -> Iterator[str]:
    """Yield what MAAS would refuse of desired objects, whatever the region holds."""
    for one in desired:
        if one.absent:
            continue
        table = BY_NAME[one.type]
        for name, sentence in table.validate(one.values, release):
            yield f"{table.place_of(one.where, name)}: {sentence}"


def refuse_invalid(snapshot: Snapshot, desired: DesiredObjects) -> None:
    """Refuse what MAAS would refuse.

    Raises:
        BadInput: With one line for each.
    """
    problems = sorted(set(invalid(desired, snapshot.release)))
    if problems:
        raise BadInput(problems)


def desired_for(desired: Iterable[Desired], snapshot: Snapshot) -> set[tuple[str, str]]:
    """Return the ``(type, key)`` of all that is to exist, with what MAAS creates along with it."""
    found = {(one.type, one.key) for one in desired if not one.absent}
    for type, key in list(found):
        brought = BY_NAME[type].brings(key).keys() if type in snapshot.tables else ()
        if brought and snapshot.find(type, snapshot.alias_of(type, key)) is None:
            found.update(brought)
    return found


def references(desired: Iterable[Desired]) -> Iterator[tuple[Desired, Field, str, str]]:
    """Yield all that desired objects refer to: ``(desired object, field, type, key)`` each."""
    for one in desired:
        if not one.absent:
            for column in BY_NAME[one.type].referring:
                for type, key in column.references(one.values.get(column.name)):
                    yield one, column, type, key


def refuse_wrong_references(snapshot: Snapshot, desired: DesiredObjects) -> None:
    """Refuse names that nothing has, or that are removed.

    Raises:
        BadInput: With one line for each.
    """
    desired_ones = desired_for(desired, snapshot)
    leaving = {(one.type, one.key): one for one in desired if one.absent}
    problems = []
    for one, column, type, key in references(desired):
        where = f"{one.where}:{column.name}"
        if (type, key) in leaving:
            noun, by = BY_NAME[type].noun, leaving[type, key].where
            problems.append(f"{where}: {noun} {key!r} is removed by {by}")
        elif (type, key) not in desired_ones:
            problems.append(_unknown(snapshot, where, type, key, desired_ones))
    if any(problems):
        raise BadInput(sorted({problem for problem in problems if problem}))


def problems_of_duplicates(snapshot: Snapshot, desired: DesiredObjects) -> dict[Desired, str]:
    """Return the problems of desired objects whose name several objects of the region have.

    It is their own name, or one that they refer to; all other desired objects are not concerned.
    """
    found = {}
    for one in desired:
        part = snapshot.tables[one.type].partition(one.values)
        problem = _several(snapshot, one.type, one.key, part)
        if problem:
            found[one] = problem
    for one, column, type, key in references(desired):
        problem = type in snapshot.tables and _several(snapshot, type, key)
        if problem:
            found.setdefault(one, f"{column.name}: {problem}")
    return found


def _several(snapshot, type, key, partition=None):
    found = snapshot.duplicates(type, key, partition)
    if not found:
        return None
    nouns = BY_NAME[type].nouns
    ids = ", ".join(str(raw.get("id", raw.get("system_id"))) for raw in found)
    return (
        f"the region has {len(found)} {nouns} {key!r} (ids {ids}); rename or delete the duplicates"
    )


def _unknown(snapshot, where, type, key, desired_ones):
    if type not in snapshot.tables:
        return f"{where}: MAAS {snapshot.release} has no {BY_NAME[type].nouns}"
    if snapshot.find(type, key) is not None or (type, key) in snapshot.facts.get(SKIPPED, {}):
        return None
    there = snapshot.records(type, snapshot.tables[type].part_of(key))
    names = [*there, *(name for kind, name in desired_ones if kind == type)]
    known = ", ".join(sorted(set(names))[:10]) or "none"
    noun = BY_NAME[type].noun
    return f"{where}: {key!r} is no {noun} of the region or of the pillar; there are: {known}"
