"""A master that is too busy for its own client: the job is asked for again, not run again."""

from __future__ import annotations

import pytest
from salt.exceptions import SaltClientError
from saltext.maas.errors import MaasError
from saltext.maas.fleet.minions import Salt


class Client:
    """A LocalClient whose calls fail as often as outcome."""

    opts = {"utc_timezone": False, "unique_jid": False}

    def __init__(self, deaf=0, blind=0):
        self.deaf, self.blind = deaf, blind
        self.jobs, self.cached = [], 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run_job(self, minions, function, args, kind, ret, timeout, jid, **more):
        self.jobs.append(jid)
        if self.deaf:
            self.deaf -= 1
            raise SaltClientError("no answer")
        return {"jid": jid, "minions": minions}

    def get_iter_returns(self, jid, minions, **more):
        if self.blind:
            self.blind -= 1
            yield {sorted(minions)[0]: {"ret": "first"}}
            raise SaltClientError("no answer")
        for minion in sorted(minions):
            yield {minion: {"ret": "late"}}

    def get_cache_returns(self, jid):
        self.cached += 1
        return {"b": {"ret": "cached"}}


@pytest.fixture
def ask(monkeypatch):
    def run(client):
        monkeypatch.setattr("salt.client.LocalClient", lambda mopts: client)
        return Salt({"__opts__": {}}).ask(["a", "b", "c"], "test.ping")

    return run


def test_what_came_meanwhile_is_taken_from_the_cache(ask):
    client = Client(blind=1)
    answers = ask(client)
    assert {name: answer.value for name, answer in answers.items()} == {
        "a": "first", "b": "cached", "c": "late",
    }  # fmt: skip
    assert (len(client.jobs), client.cached) == (1, 1)


def test_a_job_is_published_again_under_its_id(ask):
    client = Client(deaf=2)
    answers = ask(client)
    assert [answer.value for answer in answers.values()] == ["late"] * 3
    assert len(client.jobs) == 3
    assert len(set(client.jobs)) == 1


def test_a_master_that_stays_deaf_is_reported(ask):
    with pytest.raises(MaasError, match=r"too busy to run test\.ping"):
        ask(Client(deaf=99))
