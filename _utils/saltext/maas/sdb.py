"""References to a secret store, and texts that only look like one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from saltext.maas.errors import BadInput

_REFERENCE = re.compile(r"sdb://[^/\s]+/\S.*")
#: What was meant as a reference, with a slash too few or a space too many.
_ALIKE = re.compile(r"\s*sdb\s*:|\s*sdb//", re.IGNORECASE)
#: A text that begins as a reference would, with the backslash that says that it is none.
_ESCAPED = re.compile(r"\\+(?=\s*sdb\s*:|\s*sdb//)", re.IGNORECASE)


class Reference(str):
    """A reference of our own making, which :func:`escape` leaves as it is."""


def is_reference(value: object) -> bool:
    """Return whether a value has the form ``sdb://profile/key``."""
    return isinstance(value, str) and bool(_REFERENCE.fullmatch(value))


def escape(value: Any) -> Any:
    """Return a value, or all within a mapping or list, so that no text in it is a reference.

    Args:
        value: Data that comes from elsewhere, such as a region; :func:`resolve` gives it back.

    Example:
        ``escape("sdb://x/y")`` is ``"\\\\sdb://x/y"``.
    """
    if isinstance(value, dict):
        return {key: escape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [escape(one) for one in value]
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, str) and (_ALIKE.match(value) or _ESCAPED.match(value)):
        return "\\" + value
    return value


class Resolved(dict):
    """A mapping with its references resolved.

    Attributes:
        looked_up: The texts that came from a secret store, for messages to leave out.
    """

    looked_up: tuple[str, ...] = ()


def resolve(value: Any, get: Callable[[str], object], where: str = "") -> Any:
    """Return a value, or all within a mapping or list, with references resolved.

    Args:
        value: As it stands in pillar or configuration.
        get: Looks a reference up; returns None where it cannot be resolved.
        where: Pillar path of the value, for messages.

    Returns:
        The value; a text that begins with ``\\sdb:`` without that backslash.  A mapping is a
        :class:`Resolved`.

    Raises:
        BadInput: A reference is malformed, or could not be resolved.
    """
    seen: list[str] = []
    found = _resolved(value, lambda one, at: _looked_up(one, get, at, seen), where)
    if not isinstance(found, dict):
        return found
    whole = Resolved(found)
    whole.looked_up = tuple(seen)
    return whole


def _resolved(value, look_up, where):
    if isinstance(value, dict):
        return {key: _resolved(one, look_up, _under(where, key)) for key, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, look_up, _under(where, n)) for n, one in enumerate(value)]
    if not isinstance(value, str):
        return value
    if _ESCAPED.match(value):
        return value[1:]
    if is_reference(value):
        return look_up(value, where)
    if _ALIKE.match(value):
        raise BadInput(
            f"{_at(where)}a text that begins with 'sdb' must be a reference such as "
            "sdb://profile/key; write \\sdb: where it is only text"
        )
    return value


def _looked_up(reference, get, where, seen):
    try:
        found = get(reference)
        reason = (
            "the minion's configuration, read at its start, has no profile "
            f"{reference[6:].partition('/')[0]}, or its store has no such key"
        )
    except Exception as error:  # a driver may raise anything, and its text may hold the secret
        found, reason = None, f"its driver failed with {type(error).__name__}"
    if found in (None, reference):
        raise BadInput(f"{_at(where)}sdb reference {reference} could not be resolved: {reason}")
    seen.extend(_texts(found))
    return found


def _texts(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [text for one in value for text in _texts(one)]
    return [str(value)]


def _under(where, key):
    return f"{where}:{key}" if where else str(key)


def _at(where):
    return f"{where}: " if where else ""
