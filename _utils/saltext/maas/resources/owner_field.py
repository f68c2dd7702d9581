"""The fields ``owner_data`` and ``locked`` of machines, which come with requests of their own."""

from __future__ import annotations

import re
from typing import Any

from saltext.maas.errors import NotDone, WrongAnswer
from saltext.maas.machines import operations as at
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, Run, Snapshot
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.table import Field, Record, Table

_KEY = re.compile(r"[\w.-]{1,255}")
#: Statuses in which nobody has a machine, though it may have an owner.
_NOT_OWNED = (at.NEW, at.COMMISSIONING, at.FAILED_COMMISSIONING, at.READY)
_LOCKABLE = at.OPERATIONS["lock"].allowed
#: First release in which only the owner changes annotations, not another administrator.
_BY_OWNER = "2.5"
_UNTIL_OWNED = "until the machine is allocated or deployed"
_UNTIL_DEPLOYED = "until the machine is deployed"


def normal(value: Any) -> dict[str, str | None]:
    """Return annotations with a text, or None for those to be removed, for each key.

    Raises:
        ValueError: They are no mapping of words to texts.
    """
    if not isinstance(value, dict) or not all(_KEY.fullmatch(str(key)) for key in value):
        raise ValueError
    return {str(key): _text(one) for key, one in sorted(value.items())}


def _text(value):
    if isinstance(value, bool):
        return str(value).lower()
    return kinds.TEXT.clean(value)


def differences(described: dict, raw: dict) -> dict[str, str | None]:
    """Return the annotations to be set, and as None those to be removed."""
    held = raw.get("owner_data") or {}
    return {key: one for key, one in described.items() if (held.get(key) or None) != one}


FIELDS = (
    Field("owner_data", since="2.0", kind=kinds.Kind(
              "a mapping of words of letters, digits, _, . and - to texts", normal,
              schema={"type": "object", "additionalProperties": {
                  "type": ["string", "number", "boolean", "null"]}}),
          clearable=rules.NEVER, read=lambda raw: raw.get("owner_data") or None,
          doc="Annotations of its workload by key; others are left alone, and null removes one.  "
          "They need an owner, who alone can change them, and end with its release."),
    Field("locked", kinds.BOOLEAN, since="2.4", server_default=False,
          read=lambda raw: bool(raw.get("locked")),
          doc="Whether it is locked, once it is deployed; if false, it is unlocked before all "
          "other changes."),
)  # fmt: skip


class WithOwner(Table):
    """A machine with annotations of its owner, and a lock."""

    # Comparing

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        for name in ("owner_data", "locked"):
            found.pop(name, None)
        return {**found, **_changes(desired.values, record.raw)}

    def skipped_fields(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> dict:
        found, raw = super().skipped_fields(snapshot, desired, record), record.raw if record else {}
        given = desired.values.get("owner_data") or {}
        if differences(given, raw) and not _is_owned(raw):
            found["owner_data"] = _UNTIL_OWNED
        locked = raw.get("locked") or raw.get("status") in _LOCKABLE
        if desired.values.get("locked") and not locked:
            found["locked"] = _UNTIL_DEPLOYED
        return found

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        wrong = super().problem(snapshot, desired, record)
        if (
            not wrong
            and record is not None
            and snapshot.release >= _BY_OWNER
            and "owner_data" in _changes(desired.values, record.raw)
        ):
            owner, me = record.raw["owner"], snapshot.whoami()["username"]
            if owner != me:
                return f"owner_data: only its owner {owner} can change it; the API's user is {me}"
        return wrong

    def predict_update(self, snapshot: Snapshot, raw: dict, values: dict) -> PredictedObject:
        given = values.get("owner_data")
        if given is not None:
            merged = {**(raw.get("owner_data") or {}), **given}
            kept = {key: one for key, one in merged.items() if one is not None}
            values = {**values, "owner_data": kept or None}
        return super().predict_update(snapshot, raw, values)

    # Writing

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        """Unlock a machine before all other changes, if it is to be."""
        if desired.values.get("locked") is False and record.raw.get("locked"):
            record = self._sent(run, record, "unlock", {})
        super().update(run, desired, record)

    def finish(self, run: Run, desired: Desired) -> None:
        """Set annotations, and lock a machine after all other changes."""
        super().finish(run, desired)
        record = self.match(run.snapshot, desired)
        changed = _changes(desired.values, record.raw) if record else {}
        if not record or not changed:
            return
        if "owner_data" in changed:
            op = "set_workload_annotations" if run.snapshot.release >= "3.0" else "set_owner_data"
            data = {key: one or "" for key, one in changed["owner_data"][1].items()}
            record = self._sent(run, record, op, data)
        if changed.get("locked", (False, False))[1]:
            record = self._sent(run, record, "lock", {})
        left = ", ".join(_changes(desired.values, record.raw))
        if left:
            raise NotDone(f"{left}: the region answered with success, but did not do it")

    def _sent(self, run, record, op, data):
        """The machine after an operation; what was read of it besides stays known."""
        path = self.item(run.snapshot, record.raw)
        shape: dict = {"owner_data": dict} if op.startswith("set_") else {"locked": bool}
        shape["system_id"] = str
        answer = run.client.post(path, op=op, data=data, repeat=False, expect=shape)
        if answer["system_id"] != record.raw["system_id"]:
            raise WrongAnswer(f"the region answered with another machine, {answer['system_id']!r}")
        new = {name: answer[name] for name in ("owner_data", "locked") if name in answer}
        raw = {**record.raw, **new}
        run.snapshot.fold(self.name, raw, replaces=record.raw)
        return Record(record.key, raw)


def _changes(values, raw):
    """What differs and can be changed now: ``{field: (old, new)}``."""
    found: dict = {}
    changed = differences(values.get("owner_data") or {}, raw) if _is_owned(raw) else {}
    if changed:
        held = raw.get("owner_data") or {}
        old = {key: held[key] for key in changed if key in held}
        found["owner_data"] = (old or None, changed)
    wanted, locked = values.get("locked"), bool(raw.get("locked"))
    if wanted is not None and wanted != locked and (locked or raw.get("status") in _LOCKABLE):
        found["locked"] = (locked, wanted)
    return found


def _is_owned(raw):
    return bool(raw.get("owner")) and raw.get("status") not in _NOT_OWNED
