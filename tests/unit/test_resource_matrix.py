"""The table of what works where says what does: a part of it is tried anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from saltext.maas.reconcile.apply import Run
from support import resource_matrix as matrix

PAGE = Path(__file__).resolve().parents[2] / "docs" / "resources.md"
DOCUMENTED = matrix.documented(PAGE.read_text(encoding="utf-8"))
CASES = list(matrix.cases())


def sample():
    """One release for each resource type, each another one."""
    for number, table in enumerate(matrix.listed()):
        releases = [release for one, release in CASES if one is table]
        release = releases[(7 * number) % len(releases)]
        yield pytest.param(table, release, id=f"{table.name}-{release}")


@pytest.fixture(autouse=True)
def _poll_often(monkeypatch):
    monkeypatch.setattr(Run, "poll_seconds", 0.02)


@pytest.mark.parametrize(("table", "release"), list(sample()))
def test_a_row_says_what_works(table, release):
    assert matrix.try_out(table, release) == DOCUMENTED[table.name, release]


def test_every_resource_type_has_rows_for_its_releases():
    assert {(table.name, release) for table, release in CASES} == DOCUMENTED.keys()


def test_nothing_is_said_to_fail():
    cells = {cell for row in DOCUMENTED.values() for cell in row.values()}
    assert cells == {matrix.YES, matrix.NO, matrix.NONE}
