"""References to a secret store, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from saltext.maas import pillar, sdb
from saltext.maas.errors import BadInput


@pytest.mark.parametrize(
    "text",
    [
        "sdb:/x/y",
        "sdb:x/y",
        "sdb//x/y",
        "SDB://x/y",
        " sdb://x/y",
        "sdb ://x/y",
        "sdb://x",
        "sdb://",
    ],
)
def test_mistakes_are_refused(text):
    with pytest.raises(BadInput, match="a: a text that begins with 'sdb' must be a reference"):
        sdb.resolve({"a": text}, lambda _: "found")


def test_references_are_resolved():
    found = sdb.resolve(
        {"a": ["sdb://x/y", "sdbx", "see sdb://x/y", 1, None]}, lambda one: one + "!"
    )
    assert found == {"a": ["sdb://x/y!", "sdbx", "see sdb://x/y", 1, None]}


@given(st.text(alphabet="\\sdb:/ x", max_size=12) | st.text(max_size=8))
def test_what_is_escaped_comes_back(text):
    def never(reference):
        raise AssertionError(f"{reference} was looked up")

    assert sdb.resolve(sdb.escape([text]), never) == [text]


def test_own_references_are_not_escaped():
    assert sdb.escape({"a": sdb.Reference("sdb://x/y"), "b": "sdb://x/y"}) == {
        "a": "sdb://x/y",
        "b": "\\sdb://x/y",
    }


@pytest.mark.parametrize("secret", ["hunter2 is long", "x" * 30 + "y" * 60])
def test_a_refusal_does_not_show_what_was_looked_up(secret):
    """Not even where somebody puts a reference into a field that holds no secret."""
    described = {
        "release": "sdb://x/y",
        "subnets": {"10.0.0.0/24": {"gateway_ip": "sdb://x/y", "vlan": "sdb://x/y"}},
    }
    found = pillar.problems(sdb.resolve(described, lambda _: secret))
    assert any(line.startswith("maas:subnets:10.0.0.0/24:gateway_ip: ") for line in found)
    assert all(secret[:20] not in line for line in found), found


def test_a_refusal_shows_that_a_secret_is_missing():
    found = pillar.problems({"users": {"ops": {"email": "a@b.c", "password": None}}})
    assert any(line.startswith("maas:users:ops:password: None must be") for line in found), found
