"""The table of what works on which release says what a run shows."""

from __future__ import annotations

import re

import pytest
from saltext.maas.release import SERIES
from support import matrix

#: One of each kind in the quick run; `make sweep` takes all.
QUICK = ("1.6", "2.4")
RELEASES = [
    pytest.param(release, marks=() if release in QUICK else pytest.mark.sweep) for release in SERIES
]


def notes():
    """The reasons below the table, in their order."""
    return re.findall(r"^[¹²³⁴⁵⁶⁷⁸⁹⁰]+ (.*)\.$", matrix.PAGE.read_text(), re.MULTILINE)


def test_every_release_and_column_is_in_the_table():
    lines = [one for one in matrix.PAGE.read_text().splitlines() if one.startswith("| ")]
    assert [one for one in lines if one.startswith("| MAAS | " + " | ".join(matrix.COLUMNS))]
    cells = {one.split(" | ")[0].strip("| "): one.count(" | ") for one in lines}
    assert {release: cells.get(release) for release in SERIES} == dict.fromkeys(
        SERIES, len(matrix.COLUMNS)
    )


@pytest.mark.parametrize("release", RELEASES)
def test_a_line_says_what_a_run_shows(release, postgres):
    known = [text[0].lower() + text[1:] for text in notes()]
    before = list(known)
    assert (
        f"\n{matrix.line(release, matrix.row(release, postgres), known)}\n"
        in matrix.PAGE.read_text()
    )
    assert known == before, "there is a reason that the page does not have"


def test_a_newer_release_shows_what_the_newest_known_one_does(postgres):
    known = [text[0].lower() + text[1:] for text in notes()]
    newest = matrix.line(SERIES[-1], matrix.row("3.9", postgres), known)
    assert f"\n{newest}\n" in matrix.PAGE.read_text()
