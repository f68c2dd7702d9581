"""What the answers to reads have to look like."""

from __future__ import annotations

from saltext.maas.errors import StrangeAnswer

_WORDS = {
    dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "nothing",
}  # fmt: skip


def objects(found) -> list[dict]:
    """Return an answer that has to be a list of objects.

    Raises:
        StrangeAnswer: It is something else.
    """
    if not isinstance(found, (list, tuple)):
        raise StrangeAnswer(f"a list was expected, not {_form(found)}")
    for one in found:
        if not isinstance(one, dict):
            raise StrangeAnswer(f"a list of objects was expected, not of {_form(one)}")
    return list(found)


def _form(found) -> str:
    return _WORDS.get(type(found), "a number")
