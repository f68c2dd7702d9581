"""References to a secret store, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from saltext.maas import sdb
from saltext.maas.client.errors import BadInput


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
