"""The log of a region's requests."""

from __future__ import annotations

import pytest
from maas_emulator.core import Region
from maas_emulator.records import Entry, Log

from .calls import Caller, steps


def test_log_knows_who_asked_what_but_no_bodies():
    admin = Caller(Region("3.7"))
    admin.post("maas/?op=set_config", name="maas_name", value="private")
    entry = list(admin.region.log)[-1]
    assert (entry.method, entry.path, entry.op) == ("POST", "/MAAS/api/2.0/maas/", "set_config")
    assert (entry.status, entry.user) == (200, "admin")
    assert "private" not in repr(entry)


def test_the_log_keeps_the_latest_requests_and_says_what_it_lost():
    log = Log(limit=1000)
    for number in range(3000):
        log.append(Entry("GET", f"/{number}/", None, 200, 0.0, "admin"))
    assert log.total == 3000
    assert [entry.path for entry in log.since(2998)] == ["/2998/", "/2999/"]
    assert len(log.since(2000)) == 1000
    assert log.since(3000) == log.since(4000) == []
    with pytest.raises(LookupError, match="only the last 1000 of 1001 requests are kept"):
        log.since(1999)
    assert steps(log.since, 2999) < 10  # it does not go through all that is kept
