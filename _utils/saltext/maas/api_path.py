"""Paths of MAAS's API."""

from __future__ import annotations

from urllib.parse import quote

from saltext.maas.errors import BadInput


def segment(text: object) -> str:
    """Quote one segment of a path.

    Raises:
        BadInput: It is ``.`` or ``..``, which would lead to another path.
    """
    if str(text) in (".", ".."):
        raise BadInput(f"{str(text)!r} cannot be the name of an object in MAAS")
    return quote(str(text), safe=":")
