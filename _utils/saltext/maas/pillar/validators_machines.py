"""Machines of a pillar that cannot be told apart."""

from __future__ import annotations

from saltext.maas.pillar.machine_classes import macs_of
from saltext.maas.pillar.validators import named, other_place, validates


@validates("machines")
def _identities(pillar, release):
    seen: dict = {}
    for where, _, one in named(pillar, "machines"):
        found = [("mac_addresses", mac) for mac in sorted(macs_of(one))]
        found += [(name, one[name]) for name in ("system_id", "serial") if one.get(name)]
        for name, value in found:
            other = other_place(seen, (name, value), where)
            if other:
                yield f"{where}:{name}: {value!r} is that of {other} already"
