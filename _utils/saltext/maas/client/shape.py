"""What an answer has to look like, and where one does not.

A shape is written with plain Python values:

=================  ============================================================
``int``, ``str``   a value of that type; a truth value is no number
``dict``, ``list`` any object, any list
``object``         anything, null too
``{"id": int}``    an object with at least these keys, each of that shape
``{"id?": int}``   an object that has this key or not; if so, of that shape
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
    if shape is object or shape is bytes:
        return None
    if isinstance(shape, tuple):
        if None in [mistake(value, one, where) for one in shape]:
            return None
        return _differs(value, " or ".join(map(_noun, shape)), where)
    if isinstance(shape, list) and isinstance(value, list):
        found = (mistake(one, shape[0], f"{where}[{at}]") for at, one in enumerate(value))
        return next((one for one in found if one), None)
    if isinstance(shape, dict) and isinstance(value, dict):
        for key, one in shape.items():
            name = key.removesuffix("?")
            if name in value:
                wrong = mistake(value[name], one, f"{where}.{name}" if where else name)
                if wrong:
                    return wrong
            elif name == key:
                return f"{where or 'it'} has no {name}"
        return None
    kind = type(shape) if isinstance(shape, (list, dict)) or shape is None else shape
    fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    return None if fits else _differs(value, _noun(shape), where)


def _differs(value, desired, where) -> str:
    return f"{where or 'it'} is {_noun(type(value))}, not {desired}"


def _noun(shape) -> str:
    kind = shape if isinstance(shape, type) else type(shape)
    return _NOUNS.get(kind, kind.__name__)
