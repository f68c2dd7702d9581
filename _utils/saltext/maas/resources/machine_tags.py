"""Tags of machines: each tag takes one request, for all machines of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltext.maas.errors import MaasError, WrongAnswer
from saltext.maas.resources.engine_types import Change, Desired, Run, Snapshot

#: Tags without definition that MAAS adds when it commissions or composes machines; they are never
#: removed.
OF_MAAS = frozenset((
    "virtual", "pod-console-logging", "switch", "bcm-trident2-asic", "bcm-tomahawk-asic",
    "accton", "mellanox", "sn2100", "wedge40", "wedge100",
))  # fmt: skip
#: Most machines in one request; Django accepts 1,000 fields.
_AT_ONCE = 500


def defined(snapshot: Snapshot) -> set[str]:
    """Return the tags that have or get a definition, which decides which machines have them."""
    found = {key: one.raw.get("definition") for key, one in snapshot.records("tag").items()}
    for one in snapshot.desired.of("tag"):
        found[one.key] = one.values.get("definition", found.get(one.key))
    return {key for key, definition in found.items() if definition}


def problem(snapshot: Snapshot, desired: Desired) -> str | None:
    """Return which of a machine's described tags cannot be assigned, as they have a definition."""
    tags = desired.values.get("tags")
    wrong = sorted(defined(snapshot).intersection(tags)) if tags else []
    if not wrong:
        return None
    names = ", ".join(wrong)
    return f"tags: {names}: the tag's definition decides which machines have it; leave it out"


def by_hand(snapshot: Snapshot, held: list[str] | None, wanted: list[str] | None) -> list[str]:
    """Return the tags of a machine that are compared with those that are described.

    Args:
        snapshot: The region.
        held: The tags that it has.
        wanted: Those that are described.
    """
    left_alone = (defined(snapshot) | OF_MAAS).difference(wanted or ()) if held else set()
    return sorted(set(held or ()) - left_alone)


def send(run: Run, changes: list[Change]) -> None:
    """Add and remove the tags of machines; failures are recorded in their changes."""
    table = run.snapshot.tables["machine"]
    errors: dict[str, str] = {}
    held: dict = {}  # system id -> (the machine's answer, its tags)
    for tag, sides in sorted(_by_tag(run, changes).items()):
        for side, raws in sides.items():
            for some in _parts(raws):
                try:
                    _update(run, tag, side, [raw["system_id"] for raw in some])
                except MaasError as error:
                    errors[tag] = str(error)
                    continue
                for raw in some:
                    tags = held.setdefault(raw["system_id"], (raw, set(raw["tag_names"])))[1]
                    (tags.add if side == "add" else tags.discard)(tag)
    if errors:  # which of the machines have it is not known
        run.snapshot.reload("machine")
    else:
        for raw, tags in held.values():
            new = {**raw, "tag_names": sorted(tags)}
            run.snapshot.fold("machine", new, replaces=raw)
    for change in changes:
        record = table.match(run.snapshot, change.desired)
        left = _changed(run.snapshot, table, change.desired, record)
        said = "; ".join(f"{tag}: {errors.get(tag, 'was not changed')}" for tag, _ in left)
        if record is None or said:
            change.done, change.error = False, f"tags: {said or 'it is gone'}"


def _by_tag(run, changes) -> dict[str, dict[str, list[dict]]]:
    found: dict = {}
    table = run.snapshot.tables["machine"]
    for change in changes:
        record = table.match(run.snapshot, change.desired)
        for tag, side in _changed(run.snapshot, table, change.desired, record):
            found.setdefault(tag, {}).setdefault(side, []).append(record.raw)
    return found


def _changed(snapshot, table, desired, record) -> list[tuple[str, str]]:
    """The tags that a machine should get or lose, each with ``add`` or ``remove``."""
    if record is None or "tags" not in desired.values:
        return []
    new = set(desired.values["tags"] or ())
    old = set(by_hand(snapshot, table.by_name["tags"].value(record.raw), desired.values["tags"]))
    return [(tag, "add") for tag in sorted(new - old)] + [
        (tag, "remove") for tag in sorted(old - new)
    ]


def _parts(items: list) -> Iterator[list]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _update(run: Run, tag: str, side: str, ids: list[str]) -> Any:
    path = run.snapshot.tables["tag"].item(run.snapshot, run.snapshot.resolve("tag", tag))
    answer = run.client.post(
        path, op="update_nodes", data={side: ids}, repeat=True,
        expect={"added": int, "removed": int},
    )  # fmt: skip
    done = answer["added" if side == "add" else "removed"]
    if done != len(ids):
        raise WrongAnswer(f"the region changed {done} of {len(ids)} machines")
