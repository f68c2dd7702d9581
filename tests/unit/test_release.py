"""Releases are compared as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from saltext.maas.release import SERIES, Release, newer_release_warnings, supported


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1.7", (1, 7, 0)),
        (3.7, (3, 7, 0)),
        ("1.7.3+bzr3363", (1, 7, 3)),
        ("1:3.7.0-1", (3, 7, 0)),
        ("3.6.0~rc1", (3, 6, 0)),
        ("2.9.2-9165-g.c3e7848d1", (2, 9, 2)),
        (" 1.10.4+bzr ", (1, 10, 4)),
        (Release("3.2"), (3, 2, 0)),
    ],
)
def test_parse(text, parts):
    assert Release(text).parts == parts


@pytest.mark.parametrize("text", ["", "maas", "3", "x.y", None, "noble"])
def test_no_release(text):
    with pytest.raises(ValueError, match="is not a MAAS release"):
        Release(text)


@given(st.lists(st.tuples(*[st.integers(0, 99)] * 3), min_size=2, max_size=2))
def test_order_is_that_of_the_numbers(pair):
    first, second = (Release(".".join(map(str, parts))) for parts in pair)
    assert (first < second) == (pair[0] < pair[1])
    assert (first == second) == (pair[0] == pair[1])
    assert (hash(first) == hash(second)) or first != second
    assert Release(str(first)) == first


def test_ten_comes_after_nine():
    assert Release("1.10") > "1.9"
    assert Release("2.0") > Release("1.10")
    assert Release("3.7.1") >= "3.7"
    assert Release("3.7") != "nonsense"


def test_series_and_api():
    assert Release("3.7.3").series == "3.7"
    assert [Release(text).api for text in ("1.5", "1.10", "2.0", "3.7")] == ["1.0"] * 2 + [
        "2.0"
    ] * 2
    assert repr(Release("3.7.0")) == "Release('3.7')"


def test_supported():
    assert list(SERIES) == sorted(SERIES, key=Release)
    for series in SERIES:
        assert supported(series + ".9").series == series
        assert newer_release_warnings(Release(series + ".9")) == []
    for text in ("1.4", "1.11", "2.10", "0.9", "4", "x", ""):
        with pytest.raises(ValueError, match="MAAS release"):
            supported(text)
    assert newer_release_warnings(None) == []


@pytest.mark.parametrize("text", ["3.9", "3.10", "4.0", "4.1.2", 4.0])
def test_newer_releases_are_supported_with_a_warning(text):
    release = supported(text)
    (line,) = newer_release_warnings(release)
    assert f"MAAS {release} is newer than MAAS {SERIES[-1]}" in line
