"""JSON and YAML that others may have written: a value of the right form, or one plain error."""

from __future__ import annotations

import re

import pytest
from saltext.maas import parsing

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefgh", "bcdefghi")
)


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '{"at": "x"}', '{"at": NaN}', '{"at": Infinity}', "[" * 100_000,
     f'{{"at": {"9" * 5000}}}', b"\xff", b"\xed\xa0\x80", '{"at": 1'],
)  # fmt: skip
def test_what_is_no_json_of_the_form(text):
    with pytest.raises(ValueError, match=r"it is |at is "):
        parsing.of_json(text, {"at": int})


@pytest.mark.parametrize("text", ["1e999", "-Infinity", "9" * 19])
def test_numbers_that_nobody_can_reckon_with(text):
    with pytest.raises(ValueError, match="no JSON"):
        parsing.of_json(text)


def test_json_of_the_form():
    assert parsing.of_json('{"at": -7, "x": 1.5}', {"at": int}) == {"at": -7, "x": 1.5}
    form = {str: ({"n": int}, None)}
    assert parsing.of_json('{"": null, "b?": {"n": 1}}', form) == {"": None, "b?": {"n": 1}}
    with pytest.raises(ValueError, match=r"b\? is a text"):
        parsing.of_json('{"b?": "x"}', form)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [b", "no YAML (line 1)"),
        ("a\0", "no YAML"),
        ("!!python/object/apply:os.system [true]", "no YAML (line 1)"),
        ("2020-13-45", "YAML with a value that is none of its type"),
        ("!!int x", "YAML with a value that is none of its type"),
        ("9" * 5000, "YAML with a value that is none of its type"),
        ("[" * 90 + "[" * 90 + "]" * 180, "nested too deep"),
        ("[" * 20_000, "nested too deep"),
        ("- " * 20_000, "nested too deep"),
        ("? " * 20_000, "nested too deep"),
        ("&a [*a]", "a value that its own anchors multiply"),
        (BOMB, "a value that its own anchors multiply"),
    ],
)
def test_what_is_no_yaml_of_plain_values(text, says):
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        parsing.of_yaml(text)
