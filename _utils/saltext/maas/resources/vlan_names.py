"""How a VLAN is named: by its fabric and its VLAN id."""

from __future__ import annotations

import re

from saltext.maas.resources import kinds


def fabric_vid(value: object) -> str:
    """Normalise how a pillar names a VLAN: ``fabric/vid``, where ``untagged`` is vid 0.

    Raises:
        ValueError: It has another form.
    """
    fabric, slash, vid = str(value).rpartition("/")
    vid = "0" if vid == "untagged" else vid
    if not slash or not fabric or not re.fullmatch(r"\d{1,4}", vid) or int(vid) > 4094:
        raise ValueError
    return f"{fabric}/{int(vid)}"


VLAN_NAME = kinds.Kind(
    "FABRIC/VID, such as fabric-0/untagged or dc1/100",
    fabric_vid,
    schema={"type": ["string", "null"], "format": "vlan"},
)


VID = kinds.Kind(
    "a VLAN id from 0 to 4094, or untagged",
    lambda value: int(fabric_vid(f"any/{value}").rpartition("/")[2]),
    schema={"type": "string", "format": "vid"},
)


def read_vlan(raw: dict | None):
    """Name the VLAN that an answer holds as an object."""
    return f"{raw['fabric']}/{raw['vid']}" if raw else None


def shown_vlan(key: str) -> str:
    """Return how a person calls the VLAN of a key: ``dc1/untagged``, ``dc1/100``."""
    return f"{key[:-1]}untagged" if key.endswith("/0") else key
