"""Power type and parameters of machines and controllers."""

from __future__ import annotations

from collections.abc import Iterator

from saltext.maas.machines.nodes_1x import SHOWS_POWER
from saltext.maas.release import Release
from saltext.maas.resources import kinds, power_types
from saltext.maas.resources.engine_types import Desired, Snapshot
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.table import UNKNOWN, Field, Record, Table

_SKIP = "power_parameters_skip_check"
FIELDS = (
    Field("power_type", server_default=UNKNOWN,
          doc="Type of its power control, such as ``ipmi``."),
    Field("power_parameters", kinds.MAPPING, secret=True, write_only=True,
          doc="Parameters of that type, such as ``{power_address: 192.0.2.9}``; never shown."),
    Field(_SKIP, kinds.BOOLEAN, hint=True,
          doc="Whether power parameters are stored without any check."),
)  # fmt: skip

#: Key, in an object that was read, of the answer to the separate request for them.
POWER_PARAMETERS = "power_parameters of its own request"


class WithPower(Table):
    """A node with a power type, whose parameters are compared without being shown."""

    identity = ("hostname",)
    in_answers = {"system_id": str, "zone": {"name": str}}

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        power_type, known = values.get("power_type"), power_types.known(release)
        if power_type is not None and power_type not in known:
            yield "power_type", f"{power_type!r} must be one of: {', '.join(known)}"
        elif not values.get(_SKIP):
            given = values.get("power_parameters") or {}
            for sentence in power_types.mistakes(power_type, given, release):
                yield "power_parameters", sentence

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why the description of a node cannot be applied."""
        return self._power_problem(snapshot, desired, record) or super().problem(
            snapshot, desired, record
        )

    def _power_problem(self, snapshot, desired, record):
        given, before = desired.values.get("power_parameters") or {}, record.raw if record else {}
        power_type = desired.values.get("power_type") or before.get("power_type")
        changes = not before or power_type != before.get("power_type")
        if desired.values.get(_SKIP) or not (changes or given):
            return None
        release = snapshot.release
        lacking = power_types.lacking(power_type, given, release)
        if lacking and record is not None:
            lacking = power_types.lacking(
                power_type, {**self.current_power(snapshot, record), **given}, release
            )
        if lacking:
            return f"power_parameters: {', '.join(lacking)} is missing, for {power_type}"
        mistakes = power_types.mistakes(power_type, given, release)
        return next((f"power_parameters: {one}" for one in mistakes), None)

    def current_power(self, snapshot: Snapshot, record: Record) -> dict:
        """Return the power parameters that a node has; read once for each state of the object."""
        if POWER_PARAMETERS not in record.raw:
            if snapshot.client is None or snapshot.is_predicted(record.raw):
                return {}
            self.read_power(snapshot, record)
        return record.raw.get(POWER_PARAMETERS, {})  # which no release before 1.7 shows

    def read_power(self, snapshot: Snapshot, record: Record) -> None:
        """Read the power parameters of a node into its answer."""
        path = self.item(snapshot, record.raw)
        found = snapshot.client.get(path, op="power_parameters", expect=(dict, None))
        record.raw[POWER_PARAMETERS] = found or {}

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        new = desired.values.get("power_parameters")
        if new is not None and snapshot.release < SHOWS_POWER:
            if "power_type" in found:  # else nobody knows whether they differ
                found["power_parameters"] = (None, new)
        elif new is not None:
            current_power = self.current_power(snapshot, record)
            old = {name: current_power[name] for name in new if name in current_power}
            if power_types.texts(old) != power_types.texts(new):
                found["power_parameters"] = (old or None, new)
        return found

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        given = desired.values.get(_SKIP)
        return {**changed, _SKIP: given} if given else changed

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        rest = {name: one for name, one in values.items() if name != "power_parameters"}
        data, files = super().form(snapshot, rest)
        parameters = power_types.texts(values.get("power_parameters") or {})
        if parameters and values.get(_SKIP):
            parameters["skip_check"] = "true"
        return {
            **data,
            **{f"power_parameters_{name}": parameters[name] for name in parameters},
        }, files

    def predict_update(self, snapshot: Snapshot, raw: dict, values: dict) -> PredictedObject:
        found = super().predict_update(snapshot, raw, values)
        found[POWER_PARAMETERS] = {
            **raw.get(POWER_PARAMETERS, {}),
            **(values.get("power_parameters") or {}),
        }
        return found

    def secrets(self, values: dict) -> list:
        found = power_types.texts(values.get("power_parameters") or {}).values()
        return [one for one in found if one and isinstance(one, str)]
