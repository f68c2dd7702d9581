"""What an answer has to look like, and where one does not.

A shape is written with plain Python values:

=================  ============================================================
``int``, ``str``   a value of that type; a truth value is no number
``dict``, ``list`` any object, any list
``object``         anything, null too
``{"id": int}``    an object with at least these keys, each of that shape
``{"id?": int}``   an object that has this key or not; if so, of that shape
``{str: SHAPE}``   an object of which each value has that shape
``[SHAPE]``        a list of which each element has that shape
``(str, None)``    one of several; None is null
``bytes``          whatever it is, as the bytes that came
``b""``            no body at all
=================  ============================================================
"""

from __future__ import annotations

from typing import Any

_NOUNS = {
    int: "a whole number", str: "a text", bool: "a truth value", float: "a number",
    dict: "an object", list: "a list", type(None): "null",
}  # fmt: skip


def mistake(value: Any, shape: Any, where: str = "") -> str | None:
    """Say where a value has another shape; None where it has not.

    Args:
        value: A decoded answer.
        shape: What it has to look like.
        where: What the value is called in the message.

    Returns:
        Such as ``[3].id is a text, not a whole number``; the value itself is not shown.

    Example:
        ``mistake([{"id": "7"}], [{"id": int}])``
    """
    found = _mistake(value, shape)
    if found is None:
        return None
    place = where
    for one in found[0]:
        place += f"[{one}]" if isinstance(one, int) else f".{one}" if place else one
    return f"{place or 'it'} {found[1]}"


def _mistake(value: Any, shape: Any) -> tuple[tuple, str] | None:
    """The path to what has another shape, and what of it; a region may answer with thousands."""
    kind = type(value)
    if kind is shape or shape is object or shape is bytes:
        return None
    if isinstance(shape, tuple):
        if kind in shape or (value is None and None in shape):
            return None
        return _any_of(value, shape)
    if isinstance(shape, list) and kind is list:
        wanted = shape[0]
        for at, one in enumerate(value):
            wrong = _mistake(one, wanted)
            if wrong:
                return (at, *wrong[0]), wrong[1]
        return None
    if isinstance(shape, dict) and kind is dict:
        return _in_object(value, shape)
    wanted = type(shape) if isinstance(shape, (list, dict)) or shape is None else shape
    fits = isinstance(value, wanted) and not (wanted is int and kind is bool)
    return None if fits else ((), f"is {_noun(kind)}, not {_noun(shape)}")


def _in_object(value, shape):
    if str in shape:
        shape = {f"{name}?": shape[str] for name in value}
    for key, one in shape.items():
        name = key[:-1] if key[-1] == "?" else key
        if name in value:
            wrong = _mistake(value[name], one)
            if wrong:
                return (name, *wrong[0]), wrong[1]
        elif name == key:
            return (), f"has no {name}"
    return None


def _any_of(value, shapes):
    if any(_mistake(value, one) is None for one in shapes):
        return None
    return (), f"is {_noun(type(value))}, not {' or '.join(map(_noun, shapes))}"


def _noun(shape) -> str:
    kind = shape if isinstance(shape, type) else type(shape)
    return _NOUNS.get(kind, kind.__name__)
