"""The engine delivers events: what the bus did not take is tried again."""

from __future__ import annotations

import pytest
from saltext.maas import events
from saltext.maas.release import Release
from support.loader import load


class Region:
    release = Release("3.7")

    def __init__(self):
        self.log = []

    def get(self, path, op, level, limit, after=0):
        return {"events": [event for event in reversed(self.log) if event["id"] > after][:limit]}


@pytest.fixture
def engine():
    return load("_engines/maas_events.py")


@pytest.fixture
def follower(tmp_path):
    region = Region()
    one = events.Follower(region, str(tmp_path / "state/events.json"))
    assert one.step(None) is False
    region.log.append({"id": 1, "type": "Failed deployment"})
    return one


class Stop(Exception):
    pass


def test_a_minions_bus_that_refuses_gets_the_event_again(engine, follower):
    answers, sent, pauses = [False, False, True], [], []

    def send(tag, data):
        sent.append((tag, data["id"]))
        return answers[len(sent) - 1]

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 4:
            raise Stop

    engine.__salt__["event.send"] = send
    with pytest.raises(Stop):
        follower.run(engine._sender(), 10, sleep)
    assert sent == [("maas/event/failed_deployment", 1)] * 3
    assert 10 < pauses[0] < pauses[1]
    assert pauses[2:] == [10, 10]


def test_a_master_without_a_publisher_loses_nothing(engine, follower, tmp_path):
    import salt.config

    sockets = tmp_path / "run"
    sockets.mkdir()
    engine.__opts__ = {**salt.config.DEFAULT_MASTER_OPTS, "__role": "master", "id": "m",
                       "sock_dir": str(sockets)}  # fmt: skip
    with pytest.raises(OSError, match="did not take maas/event/failed_deployment"):
        follower.step(engine._sender())
    outcome = []
    follower.step(lambda tag, data: outcome.append(data["id"]))
    assert outcome == [1]
