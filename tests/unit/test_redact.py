"""Secrets, and what would act on a terminal, are taken out of texts."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from saltext.maas.errors import BadInput, HttpError, MaasError
from saltext.maas.redact import HIDDEN, passwords_in, redact, visible, without_users

KEY = "aBcDeFgHiJkLmNoPqR:aBcDeFgHiJkLmNoPqR:" + "x" * 32


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [
        ("nothing to hide", (), "nothing to hide"),
        ("the pw is hunter2.", ["hunter2"], f"the pw is {HIDDEN}."),
        ("ab abc", ["ab", "abc"], f"{HIDDEN} {HIDDEN}"),
        ("empty", ["", None], "empty"),
        ("a cat, a: bat", ["a", "at"], f"{HIDDEN} cat, {HIDDEN}: bat"),
        ("pin 1234", [1234], f"pin {HIDDEN}"),
        (f"key={KEY};", (), f"key={HIDDEN};"),
        ("http://me:pw@h/x", (), f"http://{HIDDEN}@h/x"),
        ("http://me:p@w@h/x", (), f"http://{HIDDEN}@h/x"),
        ("http://token@h/x", (), f"http://{HIDDEN}@h/x"),
        ("http://h/x and a@b", (), "http://h/x and a@b"),
        ("http://me:p/w@h/x", (), f"http://{HIDDEN}@h/x"),
        ("u=http%3A%2F%2Fme%3Apw%40h%2Fx&v=1", (), f"u=http%3A%2F%2F{HIDDEN}%40h%2Fx&v=1"),
        (r'{"u": "http:\/\/me:pw@h\/x"}', (), rf'{{"u": "http:\/\/{HIDDEN}@h\/x"}}'),
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


SECRETS = ["hunter2 & sons", 'p/w"d', "Zürich\\+1", "a'b<c>", "lines\nof\ttext", "plain-words"]
FORMS = {
    "plain": str,
    "quoted": quote,
    "quoted whole": lambda one: quote(one, safe=""),
    "quoted in lower case": lambda one: quote(one, safe="").replace("%2F", "%2f"),
    "form": quote_plus,
    "JSON": json.dumps,
    "JSON in UTF-8": lambda one: json.dumps(one, ensure_ascii=False),
    "JSON with quoted slashes": lambda one: json.dumps(one).replace("/", r"\/"),
    "repr": repr,
    "repr of bytes": lambda one: repr(one.encode()),
    "repr in a repr": lambda one: repr([{"password": one}]),
    "HTML": html.escape,
    **{
        f"base64 behind {before}": lambda one, n=before: base64.b64encode(
            b"user:"[:n] + one.encode() + b"\n"
        ).decode()
        for before in range(6)
    },
    "base64 for URLs": lambda one: base64.urlsafe_b64encode(one.encode()).decode(),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_a_secret_is_found_in_every_form(form):
    for secret in SECRETS:
        text = FORMS[form](secret)
        shown = redact(f"before {text} after", [secret])
        assert HIDDEN in shown, secret
        assert secret not in shown
        middle = text[len(text) // 3 + 2 : -len(text) // 3 - 2]
        assert not form.startswith("base64") or len(middle) < 3 or middle not in shown, secret


def test_urls_in_values():
    value = {"a": ["http://me:pw@h/", {"b": "socks://me@h"}], "c": "http://h/", "d": 1, "e": None}
    assert without_users(value) == {
        "a": [f"http://{HIDDEN}@h/", {"b": f"socks://{HIDDEN}@h"}], "c": "http://h/", "d": 1,
        "e": None,
    }  # fmt: skip
    assert passwords_in(["http://me:p@w@h/", "http://h:80/", "x"]) == ["p@w"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Zürich \u4e2d", "plain Zürich \u4e2d"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("gone\rforged", r"gone\rforged"),
        ("\x9b31m\x00\x7f", r"\x9b31m\x00\x7f"),
        ("left \u202eto right\u2028", r"left \u202eto right\u2028"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_nothing_acts_on_a_terminal(text, shown):
    assert visible(text) == shown
    assert str(MaasError(text)) == shown
    line = shown.replace("\n", "\\n")  # a mistake is one, whatever keys and values hold
    assert str(BadInput([text, text])) == f"{line}\n{line}"
    error = HttpError(text, 500, text)
    assert (str(error), error.text) == (shown, shown)


def test_many_and_long_mistakes_are_cut():
    found = BadInput(["x" * 10_000, *(f"maas:{number}: y" for number in range(1000))])
    lines = str(found).splitlines()
    assert lines[0] == "x" * 2000 + "..."
    assert lines[-2:] == ["maas:198: y", "and 801 more mistakes"]
    assert len(found.problems) == 1001


def test_private_keys_are_hidden_as_they_stand_and_in_messages():
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/hunter2=\n-----END RSA PRIVATE KEY-----"
    for text in (key, repr(key), json.dumps(key), f"{key!r:.50}"):
        shown = redact(f"maas:ssh_keys:0: {text} must be a public SSH key")
        assert "MIIE" not in shown
    assert redact(f"{key!r} must be public").endswith("' must be public")
