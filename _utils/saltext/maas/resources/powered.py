"""What nodes that are switched on and off have in common: machines and controllers (API 2.0)."""

from __future__ import annotations

from collections.abc import Iterator

from saltext.maas.release import Release
from saltext.maas.resources import kinds, power_types
from saltext.maas.resources.engine_types import Desired, Snapshot
from saltext.maas.resources.table import UNKNOWN, Field, Record, Table

FIELDS = (
    Field("power_type", server_default=UNKNOWN,
          doc="How it is switched on and off, such as ``ipmi``."),
    Field("power_parameters", kinds.MAPPING, secret=True, write_only=True,
          doc="What that takes, such as ``{power_address: 192.0.2.9}``; never shown."),
)  # fmt: skip

#: Key, in an object that was read, of what MAAS answers by a request of its own.
_HELD = "power_parameters of its own request"


class Powered(Table):
    """A node with a power type, whose parameters are compared without being shown."""

    identity = ("hostname",)
    in_answers = {"system_id": str, "zone": {"name": str}}

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        power_type, known = values.get("power_type"), power_types.known(release)
        if power_type is not None and power_type not in known:
            yield "power_type", f"{power_type!r} must be one of: {', '.join(known)}"

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why a node cannot be as desired, seen before anything is sent."""
        power_type = desired.values.get("power_type")
        given = desired.values.get("power_parameters") or {}
        lacking = power_types.lacking(power_type, given)
        if lacking and record is not None:
            lacking = power_types.lacking(power_type, {**self._held(snapshot, record), **given})
        if lacking:
            return f"power_parameters: {', '.join(lacking)} is missing, for {power_type}"
        return super().problem(snapshot, desired, record)

    def _held(self, snapshot, record):
        """The power parameters that a node has; read once for each state of the object."""
        if snapshot.client is None:
            return {}
        if _HELD not in record.raw:
            path = self.item(snapshot, record.raw)
            found = snapshot.client.get(path, op="power_parameters", expect=(dict, None))
            record.raw[_HELD] = found or {}
        return record.raw[_HELD]

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        new = desired.values.get("power_parameters")
        if new is not None:
            held = self._held(snapshot, record)
            old = {name: held[name] for name in new if name in held}
            if {name: str(one) for name, one in old.items()} != _texts(new):
                found["power_parameters"] = (old or None, new)
        return found

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        rest = {name: one for name, one in values.items() if name != "power_parameters"}
        data, files = super().form(snapshot, rest)
        parameters = _texts(values.get("power_parameters") or {})
        return {
            **data,
            **{f"power_parameters_{name}": parameters[name] for name in parameters},
        }, files

    def secrets(self, values: dict) -> list:
        return [one for one in _texts(values.get("power_parameters") or {}).values() if one]


def _texts(values):
    return {name: "" if one is None else str(one) for name, one in values.items()}
