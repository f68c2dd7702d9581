import time

import pytest
from saltext.maas import poll


def test_the_first_thing_that_is_found_is_returned():
    answers = iter([None, None, 0, 1])
    assert poll.wait(lambda: next(answers), 5, pause=0.001) == 0


@pytest.mark.parametrize("seconds", [0, -1])
def test_without_time_it_is_looked_once(seconds):
    calls = []
    assert poll.wait(lambda: calls.append(1), seconds) is None
    assert calls == [1]


def test_it_is_looked_once_more_when_the_time_is_up():
    looks = []
    began = time.monotonic()
    assert poll.wait(lambda: looks.append(time.monotonic() - began), 0.05, pause=10) is None
    assert len(looks) == 2
    assert 0.05 <= looks[1] < 5


def test_pauses_grow_to_the_longest(monkeypatch):
    pauses = []
    monkeypatch.setattr(poll.time, "sleep", pauses.append)
    answers = iter([None] * 4 + [True])
    assert poll.wait(lambda: next(answers), 60, pause=1, longest=2)
    assert pauses == [1, 1.5, 2, 2]


def test_progress_is_reported_before_each_pause():
    told = []
    answers = iter([None, None, True])
    poll.wait(lambda: next(answers), 5, pause=0.01, report=told.append)
    assert len(told) == 2
    assert told == sorted(told)
    assert told[1] >= 0.01


def test_an_error_ends_the_wait():
    with pytest.raises(ZeroDivisionError):
        poll.wait(lambda: 1 / 0, 5)


def test_the_message_says_how_long_and_what_for():
    told = "timed out after 300 s waiting for the image import"
    assert poll.timed_out(300.0, "the image import") == told
    assert poll.timed_out(0.5, "it", "gone").endswith("after 0.5 s waiting for it: gone")


def test_how_long_something_is_the_same(monkeypatch):
    clock = iter([10, 12, 15, 16, 17])
    monkeypatch.setattr(poll.time, "monotonic", lambda: next(clock))
    unchanged = poll.Unchanged()
    assert [unchanged.seconds(one) for one in ("a", "a", None, None, "a")] == [0, 2, 0, 1, 0]
