"""A region's events are followed: each at least once, in order, from where one stopped."""

from __future__ import annotations

import pytest
from saltext.maas import events
from saltext.maas.client.errors import BadInput, Unavailable
from saltext.maas.release import Release


class Region:
    """A client of a region with a log of events, answered as MAAS orders them."""

    def __init__(self, release="3.7"):
        self.release = Release(release)
        self.log = []
        self.limits = []
        self.down = False

    def happen(self, *ids, kind="Deployed"):
        self.log += [{"id": ident, "type": kind, "level": "INFO"} for ident in ids]

    def get(self, path, op, level, limit, after=None):
        assert (path, op) == ("events/", "query")
        if self.down:
            raise Unavailable("down")
        self.limits.append(limit)
        found = sorted(self.log, key=lambda event: event["id"])
        if after is not None and self.release >= "2.0":
            found = [event for event in found if event["id"] > after][:limit]
        return {"events": list(reversed(found[-limit:]))}


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
        return events.Follower(region, events.place(str(tmp_path), "region"), **options)

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
    region.happen(1, 2)
    drain(follower(), bus)
    assert bus.ids == [1, 2]


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
    assert all(a < b for a, b in zip(pauses[:3], pauses[1:4]))
    assert 210 <= pauses[8] <= 300
    assert pauses[9] == 10
    assert bus.ids == [2]


def test_a_release_without_events(region, bus, follower):
    region.release = Release("1.7")
    with pytest.raises(Exception, match=r"1\.7 does not tell its events"):
        follower().step(bus)


def test_types_become_parts_of_tags():
    assert events.tag_part("Node changed status - From 'New'") == "node_changed_status_from_new"
    assert events.tag_part("../*") == "unknown"
    assert len(events.tag_part("x" * 500)) == 100


def test_arguments_are_checked(follower, bus):
    with pytest.raises(BadInput) as error:
        follower(level="LOUD", batch=0, begin="later", tag="a b")
    assert [problem.partition(":")[0] for problem in error.value.problems] == [
        "level", "batch", "begin", "tag",
    ]  # fmt: skip
    with pytest.raises(BadInput):
        follower().run(bus, 0)
