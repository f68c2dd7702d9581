"""From a pillar's mappings to an object's values, and back for an export."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from saltext.maas.redact import passwords_in
from saltext.maas.resources.engine_types import Snapshot
from saltext.maas.resources.field import UNKNOWN, Record
from saltext.maas.resources.table_protection import Protection
from saltext.maas.sdb import Reference


class InPillar(Protection):
    """How the pillar has the objects of a resource type; their place is ``Table.pillar``.

    Attributes:
        in_pillar: ``{field: key}`` of what stands in the pillar by rules of its own, where the
            key is another one; empty for the key of the object's mapping.
    """

    in_pillar: ClassVar[dict[str, str]] = {}

    def place_of(self, where: str, field: str) -> str:
        """Return where a field of an object stands; ``where`` is the object's own place."""
        if self.pillar:
            return self.pillar.of(where, field)
        name = self.in_pillar.get(field, field) if where.startswith("maas:") else field
        return f"{where}:{name}" if name else where

    def from_pillar(self, values: dict) -> dict:
        """Return the fields' values, from what the pillar has under the fields' names.

        Override it together with :meth:`to_pillar` where the pillar says it otherwise.
        """
        return values

    def to_pillar(self, snapshot: Snapshot, values: dict) -> dict:
        """Return values as the pillar has them: the opposite of :meth:`from_pillar`."""
        return values

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        """Return whether a pillar would describe an object at all.

        What is not exported, since it comes along with another, is not pruned either.
        """
        return True

    def left_out(self, snapshot: Snapshot, record: Record) -> str:
        """Return why an export leaves out what a person made; empty where nothing is lost."""
        return ""

    def omissions(self, snapshot: Snapshot, record: Record, values: dict) -> str:
        """Return why an export leaves out a part of an object; empty where nothing is lost."""
        return ""

    def made_by_maas(self, snapshot: Snapshot, record: Record) -> bool:
        """Return whether MAAS makes an object by itself, so that nobody need describe it as such.

        An export has it, and ``exclusive`` reports it, only where somebody changed it.
        """
        return bool(self.protection(snapshot, record))

    def pillar_key(self, values: dict) -> Any:
        """Return the key of an object's mapping in the pillar; None where it has none."""
        return values.get(self.pillar.named_by) if self.pillar else None

    def pillar_entry(self, values: dict) -> Any:
        """Return what an export writes of an object: the fields that MAAS does not give of itself.

        Args:
            values: The object's values, from :meth:`to_pillar`.

        Returns:
            ``{key in the pillar: value}``, with references in place of secrets.
        """
        place, found = self.pillar, {}
        assert place is not None
        rank = {name: number for number, name in enumerate(place.needed)}
        shown = values.keys() - place.implied()
        for field in sorted(self.fields, key=lambda one: rank.get(one.name, len(rank))):
            name = field.name
            if name not in shown or not field.writable:
                continue
            value = values[name]
            if name not in (*place.needed, *self.identity) and _is_default(field, value, values):
                continue
            # An object that is found by a URL with a password in it cannot be described otherwise.
            if field.secret or (name not in self.identity and passwords_in([str(value)])):
                value = reference(self.name, self.key(values), name)
            found[place.spelling(name)] = value
        return found


def _is_default(field, value, values):
    defaults = field.server_defaults(values)
    empty = value is None or value == []
    return value in defaults or (empty and (None in defaults or UNKNOWN in defaults))


def reference(*path: str) -> Reference:
    """Return where an export expects a secret."""
    words = (re.sub(r"[^A-Za-z0-9_.-]+", "_", one) for one in path)
    return Reference("sdb://maas/" + "/".join(words))
