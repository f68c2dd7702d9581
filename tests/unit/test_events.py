"""A region's events are followed: each at least once, in order, from where one stopped."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest
from saltext.maas import events
from saltext.maas.errors import BadInput, StrangeAnswer, TooLarge, Unavailable
from saltext.maas.release import Release
from support.killing import forked, full_disk


class Region:
    """A client of a region with a log of events, answered as MAAS orders them."""

    def __init__(self, release="3.7"):
        self.release = Release(release)
        self.log = []
        self.limits = []
        self.down = False
        self.most = 10**9  # events that one answer can carry

    def happen(self, *ids, kind="Deployed", node="a", second=None):
        """Note events; in the second of their number unless another is given."""
        self.log += [
            {"id": ident, "type": kind, "level": "INFO", "node": node,
             "created": created(ident if second is None else second)}
            for ident in ids
        ]  # fmt: skip

    def forget(self, node):
        """What deleting a machine does to the log."""
        self.log = [event for event in self.log if event["node"] != node]

    def restore(self, last):
        """Put the log back to where a number was the last."""
        self.log = [event for event in self.log if event["id"] <= last]

    def get(self, path, op, level, limit, after=None, before=None):
        assert (path, op) == ("events/", "query")
        if self.down:
            raise Unavailable("down")
        self.limits.append(limit)
        if limit > self.most:
            raise TooLarge("too much")
        found = sorted(self.log, key=lambda event: event["id"])
        if self.release >= "2.0":
            assert after is None or before is None
            if after is not None:
                found = [event for event in found if event["id"] > after][:limit]
            if before is not None:
                found = [event for event in found if event["id"] < before]
        return {"events": list(reversed(found[-limit:]))}


def created(second):
    """A moment as MAAS writes it."""
    return time.strftime("%a, %d %b. %Y %H:%M:%S", time.gmtime(1793487000 + second))


class Bus(list):
    def __call__(self, tag, data):
        self.append((tag, data["id"]))

    @property
    def ids(self):
        return [ident for _, ident in self]


@pytest.fixture
def region():
    return Region()


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def follower(region, tmp_path):
    def make(**options):
        return events.Follower(region, events.state_file(str(tmp_path), "region"), **options)

    return make


def drain(follower, bus):
    while follower.step(bus):
        pass


def test_from_now_on(region, bus, follower):
    region.happen(1, 2, 3)
    drain(follower(), bus)
    assert bus == []
    region.happen(4, kind="Failed to query node's BMC")
    region.happen(6, 5)
    drain(follower(), bus)
    assert bus == [
        ("maas/event/failed_to_query_node_s_bmc", 4),
        ("maas/event/deployed", 5),
        ("maas/event/deployed", 6),
    ]
    drain(follower(), bus)
    assert len(bus) == 3


def test_from_the_oldest_in_batches(region, bus, follower):
    region.happen(*range(1, 1001))
    drain(follower(batch=20, begin="oldest"), bus)
    assert bus.ids == list(range(1, 1001))
    assert max(region.limits) == 70  # bounded, however many there are


def test_a_restart_loses_nothing(region, bus, follower):
    drain(follower(), bus)
    region.happen(*range(1, 8))

    def dies(tag, data):
        if data["id"] == 5:
            raise KeyboardInterrupt
        bus(tag, data)

    with pytest.raises(KeyboardInterrupt):
        drain(follower(), dies)
    drain(follower(), bus)
    assert set(bus.ids) == set(range(1, 8))
    assert bus.ids[-3:] == [5, 6, 7]


def test_what_is_committed_late_is_not_lost(region, bus, follower):
    drain(follower(), bus)
    region.happen(101, 103)
    drain(follower(), bus)
    region.happen(102)
    drain(follower(), bus)
    assert bus.ids == [101, 103, 102]


def test_a_new_region_begins_anew(region, bus, follower):
    region.happen(500)
    drain(follower(), bus)
    region.log.clear()
    drain(follower(), bus)
    region.happen(1, 2, second=600)
    drain(follower(), bus)
    assert bus.ids == [1, 2]
    region.happen(3, second=601)
    drain(follower(), bus)
    assert bus.ids == [1, 2, 3]


@pytest.mark.parametrize("release", ["1.8", "3.7"])
@pytest.mark.parametrize("many", [5, 60, 120])
def test_a_deleted_machine_brings_nothing_back(region, bus, follower, release, many):
    region.release = Release(release)
    region.happen(*range(1, 2001))
    drain(follower(), bus)
    region.happen(*range(2001, 2001 + many), node="b")
    drain(follower(), bus)
    assert bus.ids == list(range(2001, 2001 + many))
    region.forget("b")
    asked = len(region.limits)
    for _ in range(3):
        drain(follower(), bus)
    assert len(region.limits) - asked <= 5
    assert len(bus) == many
    region.happen(2001 + many, kind="Failed deployment")
    drain(follower(), bus)
    assert bus[many:] == [("maas/event/failed_deployment", 2001 + many)]


def test_all_machines_deleted(region, bus, follower):
    region.happen(*range(1, 101), node="a")
    drain(follower(), bus)
    region.forget("a")
    drain(follower(), bus)
    region.happen(101)
    drain(follower(), bus)
    assert bus.ids == [101]


def test_machines_deleted_one_after_the_other(region, bus, follower):
    drain(follower(), bus)
    for number, node in enumerate("abcd"):
        region.happen(*range(100 * number + 1, 100 * number + 101), node=node, second=7)
    drain(follower(), bus)
    for node in "dcb":
        region.forget(node)
        drain(follower(), bus)
    region.happen(401, node="e", second=9)
    drain(follower(), bus)
    assert bus.ids == list(range(1, 402))  # though all were of one second


def test_a_new_region_within_the_same_second(region, bus, follower):
    region.happen(500, second=7)
    drain(follower(), bus)
    region.log.clear()
    region.happen(1, 2, second=7)
    drain(follower(), bus)
    assert bus.ids == [1, 2]


def test_the_newest_before_the_first_start_is_deleted(region, bus, follower):
    region.happen(*range(1, 100), second=5)
    region.happen(100, node="b", second=5)
    drain(follower(), bus)
    region.forget("b")
    drain(follower(), bus)
    assert bus == []


@pytest.mark.parametrize("back", [119, 100, 72, 69, 60, 1, 0])
def test_a_restored_region_loses_nothing(back, tmp_path):
    for new, looked in itertools.product([1, 15, 55, 300], [False, True]):
        region, bus = Region(), Bus()
        path = str(tmp_path / f"{new}-{looked}.json")
        drain(events.Follower(region, path), bus)
        region.happen(*range(1, 121))
        drain(events.Follower(region, path, batch=20), bus)
        assert len(bus) == 120
        region.restore(back)
        if looked:
            drain(events.Follower(region, path, batch=20), bus)
        numbers = [back + 1 + number for number in range(new)]
        for number in numbers:
            region.happen(number, second=1000 + number)
        drain(events.Follower(region, path, batch=20), bus)
        assert bus.ids[120:] == numbers
        region.happen(back + new + 1, second=3000)
        drain(events.Follower(region, path, batch=20), bus)
        assert bus.ids[120:] == [*numbers, back + new + 1]
        assert max(region.limits) == 70


def test_a_restored_region_with_another_clock(region, bus, follower):
    region.happen(*range(1, 121), second=5000)
    drain(follower(begin="oldest"), bus)
    region.restore(100)
    region.happen(*range(101, 116), second=4000)
    drain(follower(), bus)
    assert bus.ids[120:] == list(range(101, 116))


def test_months_are_compared_by_the_calendar(region, bus, follower):
    region.happen(500)
    region.log[-1]["created"] = "Wed, 30 Sep. 2026 23:59:59"
    drain(follower(), bus)
    region.log.clear()
    region.happen(1)
    region.log[-1]["created"] = "Thu, 1 Oct. 2026 00:00:00"
    drain(follower(), bus)
    assert bus.ids == [1]


def test_events_without_a_moment_bring_nothing_back(region, bus, follower):
    region.happen(*range(1, 2001))
    region.happen(*range(2001, 2061), node="b")
    for event in region.log:
        event["created"] = None if event["id"] % 2 else "yesterday"
    drain(follower(), bus)
    region.forget("b")
    drain(follower(), bus)
    region.happen(2061)
    drain(follower(), bus)
    assert bus.ids == [2061]


def test_a_file_of_before_marks_is_read(region, bus, follower, tmp_path):
    region.happen(*range(1, 121))
    place = Path(events.state_file(str(tmp_path), "region"))
    place.parent.mkdir()
    place.write_text(json.dumps({"floor": 10, "last": 120, "seen": list(range(71, 121))}))
    drain(follower(), bus)
    assert bus == []
    region.restore(100)
    region.happen(*range(101, 116), second=1000)
    drain(follower(), bus)
    assert bus.ids == list(range(101, 116))


def test_a_file_of_before_marks_and_a_deleted_machine(region, bus, follower, tmp_path):
    region.happen(*range(1, 2001))
    place = Path(events.state_file(str(tmp_path), "region"))
    place.parent.mkdir()
    place.write_text(json.dumps({"floor": 10, "last": 2060, "seen": list(range(2011, 2061))}))
    drain(follower(), bus)
    region.happen(2061)
    drain(follower(), bus)
    assert bus.ids == [2061]


def test_what_is_remembered_is_bounded(region, bus, follower, tmp_path):
    drain(follower(), bus)
    for turn in range(6):
        region.happen(*range(1000 * turn + 1, 1000 * turn + 501), node=str(turn))
        drain(follower(), bus)
        region.forget(str(turn - 1))
        drain(follower(), bus)
        (file,) = (tmp_path / "maas").glob("*.json")
        assert len(json.loads(file.read_text())["seen"]) <= 50
    assert len(bus) == 3000


@pytest.mark.parametrize("most", [1, 7, 30, 180])
def test_what_is_too_much_at_once_is_read_in_parts(region, bus, follower, most):
    region.most = most
    region.happen(*range(1, 400))
    drain(follower(begin="oldest", batch=300), bus)
    assert bus.ids == list(range(1, 400))
    region.happen(*range(400, 450))
    drain(follower(batch=300), bus)
    assert bus.ids == list(range(1, 450))


def test_one_event_that_is_too_much(region, follower):
    region.most = 0
    region.happen(1)
    assert follower(begin="oldest").step(print)  # remembers where to begin
    with pytest.raises(TooLarge):
        follower().step(print)


def test_pages(region):
    region.happen(*range(1, 500))

    def ids(limit, **which):
        return [event["id"] for event in events.Pages(region).read(limit, level="INFO", **which)]

    for limit in (1, 199, 200, 201, 350, 1000):
        assert ids(limit) == list(range(1, 500))[-limit:]
        assert ids(limit, after=100) == list(range(101, 500))[:limit]
        assert ids(limit, before=400) == list(range(1, 400))[-limit:]
    assert max(region.limits) <= 200


def test_events_that_never_begin(bus, tmp_path, follower):
    """A region that has ever older ones, however often it is asked."""

    class Endless(Region):
        def get(self, path, op, level, limit, after=None, before=None):
            first = 100 if before is None else before
            assert first > -10_000
            found = range(first - limit, first) if after is None else ()
            return {"events": [{"id": one, "type": "x", "created": created(500)} for one in found]}

    path = events.state_file(str(tmp_path), "region")
    region = Region()
    region.happen(*range(150, 200))
    events.Follower(region, path).step(bus)
    assert events.Follower(Endless(), path).step(bus)


def test_an_answer_of_another_form(region, follower, monkeypatch):
    for answer in (None, [], {}, {"events": None}, {"events": [{"id": "7"}]}):
        monkeypatch.setattr(region, "get", lambda *args, answer=answer, **more: answer)
        with pytest.raises(StrangeAnswer, match="GET events/"):
            follower().step(print)


def test_a_disk_that_is_full_is_left_as_it_was(region, follower, tmp_path):
    region.happen(1)

    def step():
        try:
            follower().step(print)
        except OSError as error:
            return error.strerror

    assert forked(lambda: full_disk(step)) == "File too large"
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_release_without_after(bus, follower, region):
    region.release = Release("1.8")
    region.happen(*range(1, 200))
    drain(follower(), bus)
    region.happen(200, 201)
    drain(follower(), bus)
    drain(follower(), bus)
    assert bus.ids == [200, 201]


def test_a_region_that_is_down_is_asked_ever_less(region, bus, follower):
    region.happen(1)
    drain(follower(), bus)
    region.down = True
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 9:
            region.down = False
            region.happen(2)
        if len(pauses) == 11:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follower().run(bus, 10, sleep)
    assert all(a < b for a, b in itertools.pairwise(pauses[:4]))
    assert 210 <= pauses[8] <= 300
    assert pauses[9] == 10
    assert bus.ids == [2]


def test_a_release_without_events(region, bus, follower):
    region.release = Release("1.7")
    with pytest.raises(Exception, match=r"1\.7 has no event API"):
        follower().step(bus)


def test_types_become_parts_of_tags():
    assert events.tag_part("Node changed status - From 'New'") == "node_changed_status_from_new"
    assert events.tag_part("../*") == "unknown"
    assert len(events.tag_part("x" * 500)) == 100


def test_arguments_are_checked(follower, bus):
    with pytest.raises(BadInput) as error:
        follower(level="LOUD", batch=0, begin="later", tag="a b")
    assert [problem.split(":")[1] for problem in error.value.problems] == [
        "batch", "begin", "level", "tag",
    ]  # fmt: skip
    with pytest.raises(BadInput):
        follower().run(bus, 0)
