"""The secret that a region and its clusters share: its file and its form."""

from __future__ import annotations

import re

from saltext.maas.host import files
from saltext.maas.host.errors import HostError
from saltext.maas.host.surface import Surface

_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def normal(value: str) -> str:
    """Check a secret and bring it into the form that MAAS writes.

    Args:
        value: Hex digits, an even number of them, in one line.

    Returns:
        It in lower case, without white space around it.

    Raises:
        HostError: It is something else; the text does not show it.
    """
    text = str(value).strip().lower()
    if not _HEX.fullmatch(text):
        raise HostError(
            "A shared secret is one line of hexadecimal digits, an even number of them."
        )
    return text


def read(surface: Surface) -> str | None:
    """The secret in this host's file, or None when it has none.

    Raises:
        HostError: This release has no shared secret, or the file is broken.
    """
    path = surface.path("secret")
    text = files.read(path)
    if text is None or not text.strip():
        return None
    try:
        return normal(text)
    except HostError:
        raise HostError(f"{surface.inside(path)} holds no hexadecimal secret.") from None
