"""Fabrics and VLANs that are called otherwise in the region until a run renames them."""

from __future__ import annotations

import copy

from saltext.maas.errors import BadInput


def unknown_id(table, desired, record):
    """Why nothing is made in place of an object that is named by its id."""
    ident = desired.values.get("id")
    if ident is None or record is not None:
        return None
    return f"id: the region has no {table.noun} with the id {ident}"


def is_known(table, snapshot, one) -> bool:
    """Whether an object has the described name already, or will have it by what was noted.

    Raises:
        BadInput: It has another id than described.
    """
    there = snapshot.records(table.name)
    record, ident = there.get(one.key), one.values.get("id")
    if record is not None and ident not in (None, record.raw["id"]):
        raise BadInput(
            f"{one.where}:id: the {table.noun} of this name has the id {record.raw['id']} and "
            f"not {ident}"
        )
    return record is not None or snapshot.alias_of(table.name, one.key) in there


def renamer(fabrics: dict, vlans: dict):
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
        same = (fabric, vid) == (raw["fabric"], raw["vid"])
        return raw if same else _changed(raw, fabric=fabric, vid=vid)

    def vlan(raw):
        relay = raw.get("relay_vlan")
        new = named(relay, vlans)
        return named(raw if new is relay else _changed(raw, relay_vlan=new), {})

    def change(store, raw):
        if store == "vlan":
            return vlan(raw)
        if store == "fabric":
            new = [vlan(one) for one in raw["vlans"]]
            same = all(one is other for one, other in zip(new, raw["vlans"]))
            return raw if same else _changed(raw, vlans=new)
        if store == "subnet":
            new = named(raw["vlan"], vlans)
            return raw if new is raw["vlan"] else _changed(raw, vlan=new)
        return raw

    return change


def _changed(raw, **values):
    """A copy of an object with some values; one that is only predicted stays so."""
    new = copy.copy(raw)
    new.update(values)
    return new
