"""The machines of a region against those that its pillar describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from saltext.maas import pillar
from saltext.maas.errors import BadInput, few
from saltext.maas.machines import operations as at
from saltext.maas.reconcile import Snapshot
from saltext.maas.reconcile.desired import Desired
from saltext.maas.reconcile.references import identify
from saltext.maas.resources.machines import macs
from saltext.maas.resources.table import Record

DESCRIBED, UNDESCRIBED, MISSING = "described", "undescribed", "missing"
STATES = (DESCRIBED, UNDESCRIBED, MISSING)
#: The columns of a table for a terminal.
COLUMNS = ("hostname", "state", "status", "mac_addresses", "fits", "system_id")
#: How many machines a warning names.
_NAMED = 3


def compared(snapshot: Snapshot, described: dict, state: str | None = None) -> list[dict[str, Any]]:
    """Return the machines of a region and of its pillar, by host name.

    Args:
        snapshot: The region.
        described: The mapping under ``maas``.
        state: Only those that are ``described``, ``undescribed`` or ``missing``.

    Raises:
        BadInput: The pillar or the state is wrong.
        MaasError: The region cannot be asked.
    """
    if state not in (None, *STATES):
        raise BadInput(f"state: {state!r} must be one of: {', '.join(STATES)}")
    desired = pillar.checked_objects(described, snapshot.release, snapshot.checked)
    pairs, left = _matched(snapshot, desired)
    found = [
        *(_row(one.key, DESCRIBED if record else MISSING, record) for one, record in pairs),
        *(_undescribed(described, record) for record in left),
    ]
    chosen = [row for row in found if state in (None, row["state"])]
    return sorted(chosen, key=lambda row: row["hostname"])


def new(snapshot: Snapshot, described: dict, desired: Iterable[Desired]) -> list[dict[str, Any]]:
    """Return the machines that are New and not described, if the pillar describes machines at all.

    Args:
        snapshot: The region.
        described: The mapping under ``maas``.
        desired: All its desired objects.
    """
    if not described.get("machines"):
        return []
    _, left = _matched(snapshot, desired)
    return [_undescribed(described, one) for one in left if one.raw["status"] == at.NEW]


def warnings(found: list[dict]) -> Iterator[str]:
    """Yield the warning about machines that :func:`new` returns."""
    if found:
        names = few([_named(row) for row in found], _NAMED)
        verb = "machine is New and" if len(found) == 1 else "machines are New and"
        yield f"{len(found)} {verb} not in the pillar: {names}"


def _named(row):
    fits = f", fits class {' and '.join(row['fits'])}" if row["fits"] else ""
    return f"{row['hostname']} ({' '.join(row['mac_addresses'])}{fits})"


def _matched(snapshot, desired):
    """Desired machines with their records, or None; and the records that are left."""
    desired = list(desired)
    identify(snapshot, desired)
    table, left, found = snapshot.tables["machine"], dict(snapshot.records("machine")), []
    for one in desired:
        if one.type == "machine" and not one.absent:
            record = table.match(snapshot, one)
            found.append((one, record))
            if record is not None:
                left.pop(record.key, None)
    return found, list(left.values())


def _undescribed(described, record):
    row = _row(record.key, UNDESCRIBED, record)
    return {**row, "fits": list(_fitting(described.get("machine_classes") or {}, record.raw))}


def _row(name: str, state: str, record: Record | None) -> dict[str, Any]:
    raw = record.raw if record else {}
    return {
        "hostname": name,
        "state": state,
        "status": raw.get("status_name"),
        "mac_addresses": sorted(macs(raw)) if record else [],
        "fits": [],
        "system_id": raw.get("system_id"),
    }


def _fitting(classes: dict, raw: dict) -> Iterator[str]:
    """The classes whose ``match`` a machine fulfils."""
    hardware = raw.get("hardware_info") or {}
    for name, one in classes.items():
        wanted = dict((one or {}).get("match") or {})
        if not wanted:
            continue
        prefix = wanted.pop("mac_prefix", "").lower()
        fits = all(str(hardware.get(key)).lower() == one.lower() for key, one in wanted.items())
        if fits and (not prefix or any(mac.startswith(prefix) for mac in macs(raw))):
            yield name
