"""The distilled data: what they hold, and that they are what ``distil.py`` makes."""

from __future__ import annotations

import gzip
import re

import distil
import pytest
from comparison import LONGEST, MARK
from exchanges import DATA, RECORDINGS, distilled, is_recorded
from figures import LABS

#: Bytes that all of it may take.
LIMIT = 500_000
COUNTS = {
    "maas-1.5.4": 333, "maas-1.7.3": 527, "maas-1.9.5": 405, "maas-3.7.3": 708,
    "maas-3.7.3-machines": 1464, "random-1.5.4": 500, "random-1.7.3": 501,
    "random-1.9.5": 500, "random-3.7.3": 501, "maas-3.8.0": 397, "random-3.8.0": 500,
}  # fmt: skip


def texts_in(value):
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str) and not MARK.fullmatch(value):
        yield value


@pytest.mark.parametrize("name", COUNTS)
def test_answers_hold_no_texts(name):
    calls = [one for one in distilled(name) if one.laboratory is None]
    assert len(calls) == COUNTS[name]
    for exchange in calls:
        for text in texts_in(exchange.body):
            assert len(text) <= LONGEST, exchange.id
            assert not re.search(r"\s", text), exchange.id


def test_every_recording_has_a_laboratory():
    assert LABS.keys() == COUNTS.keys()
    assert {path.name for path in DATA.iterdir()} == {f"{name}.jsonl.gz" for name in COUNTS} | {
        "api.jsonl.gz"
    }


def test_they_are_small():
    assert sum(path.stat().st_size for path in DATA.iterdir()) < LIMIT


if RECORDINGS.is_dir():

    @pytest.mark.parametrize("name", [name for name in COUNTS if is_recorded(name)])
    def test_recordings_are_distilled_to_this(name):
        assert distil.recording(name) == lines(name)

    def test_the_description_is_distilled_to_this():
        assert distil.description() == lines("api")


def lines(name):
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as stream:
        return stream.read().splitlines()
