"""Releases are compared as numbers."""

from __future__ import annotations

import pytest
from maas_emulator.release import SERIES, Release, known


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1.7", (1, 7, 0)),
        (3.7, (3, 7, 0)),
        ("1.7.3+bzr3363", (1, 7, 3)),
        ("1:3.7.0-1", (3, 7, 0)),
        ("3.6.0~rc1", (3, 6, 0)),
        (" 1.10.4+bzr ", (1, 10, 4)),
        (Release("3.2"), (3, 2, 0)),
    ],
)
def test_a_release_is_read_from_what_packages_call_it(text, parts):
    assert Release(text).parts == parts


@pytest.mark.parametrize("text", ["", "maas", "3", "x.y", None])
def test_no_release(text):
    with pytest.raises(ValueError, match="is not a MAAS release"):
        Release(text)


def test_releases_are_compared_as_numbers():
    assert list(SERIES) == sorted(SERIES, key=Release)
    assert Release("1.10") > "1.9"
    assert Release("3.7.1") >= "3.7"
    assert Release("3.7") == "3.7.0"
    assert Release("3.7") != "nonsense"
    assert hash(Release("3.7")) == hash(Release("3.7.0"))
    assert [Release(text).api for text in ("1.10", "2.0")] == ["1.0", "2.0"]
    assert (Release("3.7.3").series, repr(Release("3.7.0"))) == ("3.7", "Release('3.7')")


def test_only_known_series_are_played():
    assert known("3.7.3").series == "3.7"
    with pytest.raises(ValueError, match=r"not a known MAAS release: 1\.5 to 3\.8"):
        known("2.10")


def test_releases_to_come_are_played_as_the_newest():
    assert [known(text) for text in ("3.9.1", "4.0")] == ["3.9.1", "4.0"]
