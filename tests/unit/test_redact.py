"""Secrets are taken out of texts."""

from __future__ import annotations

import pytest
from saltext.maas.client.redact import HIDDEN, redact

KEY = "aBcDeFgHiJkLmNoPqR:aBcDeFgHiJkLmNoPqR:" + "x" * 32


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        ("nothing to hide", (), "nothing to hide"),
        ("the pw is hunter2.", ["hunter2"], f"the pw is {HIDDEN}."),
        ("ab abc", ["ab", "abc"], f"{HIDDEN} {HIDDEN}"),
        ("empty", ["", None], "empty"),
        ("pin 1234", [1234], f"pin {HIDDEN}"),
        (f"key={KEY};", (), f"key={HIDDEN};"),
        ("http://me:pw@h/x", (), f"http://{HIDDEN}@h/x"),
        ("http://me:p@w@h/x", (), f"http://{HIDDEN}@h/x"),
        ("http://token@h/x", (), f"http://{HIDDEN}@h/x"),
        ("http://h/x and a@b", (), "http://h/x and a@b"),
        ("postgres://maas:pw@db/maasdb", (), f"postgres://{HIDDEN}@db/maasdb"),
        ("Nonce already used: abc", (), f"Nonce already used: {HIDDEN}"),
        ("Invalid access token: abc", (), f"Invalid access token: {HIDDEN}"),
        (
            'Invalid signature. Expected signature base string: a&b"',
            (),
            f'Invalid signature. Expected signature base string: {HIDDEN}"',
        ),
    ],
)
def test_redact(text, secrets, expected):
    assert redact(text, secrets) == expected


def test_anything_can_be_shown():
    assert redact(ValueError("x")) == "x"
    assert redact(None) == "None"
