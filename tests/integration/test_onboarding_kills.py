"""Real processes that are killed in each step of an onboarding: minions and the master.

Each rack ends enrolled after one more event at the most; ``make test-onboard`` runs these.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import pytest
from saltext.maas.fleet.steps import STEPS
from support.site import REGION, Listener, Site

pytestmark = [pytest.mark.salt, pytest.mark.fleet]

KILLED = {
    "rack": STEPS[: STEPS.index("accept")],  # those that ask the rack's minion
    "region": STEPS[STEPS.index("pillar") : STEPS.index("report")],
    "master": STEPS,
}
POINTS = [(who, step) for who, steps in KILLED.items() for step in steps]


def name_of(who, step):
    return f"{who}-{step}"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    with Site("3.7", folder, clusters=[name_of(*point) for point in POINTS]) as found:
        yield found


def reaches(listener, minion, step, seconds=120):
    """Wait until an onboarding is in a step, or past it."""
    deadline = time.monotonic() + seconds
    while not listener.of(minion, step):
        assert time.monotonic() < deadline, listener.of(minion)
        time.sleep(0.02)


@pytest.mark.parametrize(("who", "step"), POINTS)
def test_a_process_killed_in_a_step_costs_one_more_event(site, who, step):
    rack = name_of(who, step)
    victim = {"rack": rack, "region": REGION}.get(who, who)
    listener = Listener(site)
    try:
        site.start_minions([rack])
        reaches(listener, rack, step)
        site.stop_process(victim, signal.SIGKILL)
        if who == "master":
            listener.stop()
            site.start_master()
            site._await_minions()
            listener = Listener(site)
        else:
            ended = listener.wait([rack], seconds=200)[rack]
            assert ended["state"] == "done" or "again" in ended["todo"]
            listener.stop()
            listener = Listener(site)
            site.start_minions([victim])
            site._await_minions()
        if who != "rack":  # whose start is an event
            site.fire("maas/cluster/onboard", {"id": rack})
        outcome = listener.wait([rack], seconds=240)[rack]
        assert (outcome["step"], outcome["state"]) == ("report", "done"), outcome
    finally:
        listener.stop()
        site.stop_process(rack)
    assert site.record(rack)["state"] == "enrolled"
    secret = Path(site.host(rack).path("secret"))
    assert stat.S_IMODE(secret.stat().st_mode) & 0o007 == 0
    assert secret.read_text().strip() == site.secrets["shared_secret"]
    assert not [one for one in os.listdir(secret.parent) if "saltext" in one or "tmp" in one]


def test_in_the_end_each_rack_is_there_once(site):
    started = sorted(rack for point in POINTS if site.record(rack := name_of(*point)))
    there = site.salt(REGION, "maas_api.get", "rackcontrollers/")[REGION]
    assert sorted(one["hostname"] for one in there) == started
    look = site.salt(REGION, "maas_fleet.inspect")[REGION]["clusters"]
    assert {rack for rack, one in look.items() if one["state"] == "connected"} == set(started)
