"""Fabrics and VLANs that have another name in the region until a run renames them."""

from __future__ import annotations

import copy
from collections.abc import Callable

from saltext.maas.errors import BadInput
from saltext.maas.resources.engine_types import Desired, Snapshot
from saltext.maas.resources.table import Record, Table

#: A function of a store and an object, which returns the object or a changed copy.
Renaming = Callable[[str, dict], dict]


class Renamed(Table):
    """A type whose objects may be described by the name that they have so far, or by their id."""

    def former_key(self, snapshot: Snapshot, values: dict) -> str | None:
        """Return the key that an object has so far, by the other hints of its values."""
        raise NotImplementedError

    def renaming(self, snapshot: Snapshot, moved: dict[str, Desired]) -> Renaming:
        """Return what shows all objects as they will be.

        Args:
            snapshot: The region.
            moved: ``{former key: desired object}``.
        """
        raise NotImplementedError

    def identify(self, snapshot: Snapshot, desired: list[Desired]) -> None:
        moved = {}
        for one in desired:
            old = None if self._is_known(snapshot, one) else self._former_key(snapshot, one.values)
            if old is None:
                continue
            if old in snapshot.claimed(self.name) or old in moved:
                raise BadInput(f"{one.where}: {self.noun} {old} is described itself already")
            moved[old] = one
            snapshot.alias(self.name, one.key, old)
        if moved:
            snapshot.patch(self.renaming(snapshot, moved))

    def _is_known(self, snapshot, one):
        there = snapshot.records(self.name)
        record, ident = there.get(one.key), one.values.get("id")
        if record is not None and ident is not None and ident != record.raw["id"]:
            raise BadInput(
                f"{one.where}:id: the {self.noun} of this name has the id {record.raw['id']} and "
                f"not {ident}"
            )
        return record is not None or snapshot.alias_of(self.name, one.key) in there

    def _former_key(self, snapshot, values):
        if values.get("id") is None:
            return self.former_key(snapshot, values)
        there = snapshot.records(self.name).items()
        return next((key for key, one in there if one.raw["id"] == values["id"]), None)

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        records = snapshot.records(self.name)
        return records.get(desired.key) or records.get(snapshot.alias_of(self.name, desired.key))

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why nothing is made in place of an object that is named by its id."""
        ident = desired.values.get("id")
        if ident is not None and record is None:
            return f"id: the region has no {self.noun} with the id {ident}"
        return super().problem(snapshot, desired, record)


def renamer(fabrics: dict, vlans: dict) -> Renaming:
    """Return what shows VLANs, wherever answers hold them, under their names to be.

    Args:
        fabrics: ``{old name: new name}``.
        vlans: ``{id: (fabric, vid)}``; the VLANs themselves are left as they are, as it is
            their own change that brings them there.
    """

    def named(raw, moved):
        if not raw:
            return raw
        fabric, vid = fabrics.get(raw["fabric"], raw["fabric"]), raw["vid"]
        fabric, vid = moved.get(raw["id"], (fabric, vid))
        return _changed(raw, fabric=fabric, vid=vid)

    def vlan(raw):
        relay = named(raw.get("relay_vlan"), vlans)
        return named(_changed(raw, relay_vlan=relay) if relay else raw, {})

    def change(store, raw):
        if store == "vlan":
            return vlan(raw)
        if store == "fabric":
            new = [vlan(one) for one in raw["vlans"]]
            same = all(one is other for one, other in zip(new, raw["vlans"]))
            return raw if same else _changed(raw, vlans=new)
        return _changed(raw, vlan=named(raw["vlan"], vlans)) if store == "subnet" else raw

    return change


def _changed(raw, **values):
    """A copy of an object with some values, or itself; one that is only predicted stays so."""
    if all(raw[name] is value or raw[name] == value for name, value in values.items()):
        return raw
    new = copy.copy(raw)
    new.update(values)
    return new
