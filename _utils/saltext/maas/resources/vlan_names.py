"""How a VLAN is named: by its fabric and its VLAN id."""

from __future__ import annotations

import re

from saltext.maas.resources import kinds


def vlan_key(fabric: str, vid: int) -> str:
    """Return the key of a VLAN: ``dc1/100``, or ``dc1/untagged`` for vid 0."""
    return f"{fabric}/{int(vid) or 'untagged'}"


def parts(key: str) -> tuple[str, int]:
    """Return fabric and vid of a VLAN's key."""
    fabric, _, vid = key.rpartition("/")
    return fabric, 0 if vid == "untagged" else int(vid)


def fabric_vid(value: object) -> str:
    """Return the key of a VLAN that a pillar names: ``fabric/vid``, where vid 0 is ``untagged``.

    Raises:
        ValueError: It has another form.
    """
    fabric, slash, vid = str(value).rpartition("/")
    vid = "0" if vid == "untagged" else vid
    if not slash or not fabric or not re.fullmatch(r"\d{1,4}", vid) or int(vid) > 4094:
        raise ValueError
    return vlan_key(fabric, int(vid))


VLAN_NAME = kinds.Kind(
    "FABRIC/VID, such as fabric-0/untagged or dc1/100",
    fabric_vid,
    schema={"type": ["string", "null"], "format": "vlan"},
)


VID = kinds.Kind(
    "a VLAN id from 0 to 4094, or untagged",
    lambda value: parts(fabric_vid(f"any/{value}"))[1],
    schema={"type": "string", "format": "vid"},
)


#: Shape of a VLAN within an answer.
IN_ANSWERS = {"id": int, "fabric": str, "vid": int}


def read_vlan(raw: dict | None) -> str | None:
    """Return the name of the VLAN that an answer holds as an object."""
    return vlan_key(raw["fabric"], raw["vid"]) if raw else None
