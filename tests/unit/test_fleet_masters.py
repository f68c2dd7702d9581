"""Several masters hear that the same minions start: each is onboarded once."""

from __future__ import annotations

import json
import threading

import pytest
from saltext.maas.fleet import core, names, onboard, worker
from saltext.maas.fleet.region_side import claims
from test_fleet import RACKS, Minions

NEW = {"digest": "d1", "enrolled": False}


class Site:
    """A region and racks, as each of several masters sees them."""

    def __init__(self, folder):
        self.folder = folder
        self.named = dict.fromkeys(RACKS, "absent")
        self.configured = []
        self.masters = {}

    def master(self, name, **settings):
        """A master with a state of its own; the same one again for a name that was used before."""
        opts = {
            "id": name, "cachedir": str(self.folder / name), "pki_dir": str(self.folder / "pki"),
            "maas.fleet": {
                "region": "region", "orchestration": "", "gather_seconds": 0.01, **settings
            },
        }  # fmt: skip
        return core.Fleet({"__opts__": opts}, salt=OfOneSite(opts, self))


class OfOneSite(Minions):
    def __init__(self, opts, site):
        super().__init__(opts)
        self.site, self.named = site, site.named

    def answer(self, minion, function, *args, **kwargs):
        minion_opts = {"__opts__": {"cachedir": str(self.site.folder / "minion")}}
        if function == "maas_fleet.claim":
            return claims.claim(minion_opts, *args)
        if function == "maas_fleet.release":
            return claims.release(minion_opts, *args)
        if function == "state.high":
            self.site.configured.append(minion)
        return super().answer(minion, function, *args, **kwargs)

    def messages(self, minion, state):
        return [d["message"] for _, d in self.fired if (d["minion"], d["state"]) == (minion, state)]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def start(fleet, minions=RACKS):
    for minion in minions:
        fleet.salt.roles[minion] = ["cluster"]
        worker.react(fleet, f"salt/minion/{minion}/start", minion, None)


def test_masters_that_hear_of_it_at_once(site):
    fleets = [site.master(f"master-{number}") for number in range(4)]
    [fleet.store.close() for fleet in fleets]
    barrier = threading.Barrier(len(fleets))

    def hear(fleet):
        with site.master(fleet.name) as own:  # as a database belongs to its thread
            barrier.wait()
            start(own)
            fleet.fired = own.salt.fired

    threads = [threading.Thread(target=hear, args=(fleet,)) for fleet in fleets]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(site.configured) == RACKS
    for minion in RACKS:
        done = [
            data["message"] for fleet in fleets for _, data in fleet.fired
            if (data["minion"], data["step"], data["state"]) == (minion, "report", "done")
        ]  # fmt: skip
        own = [one for one in done if one == "enrolled, connected"]
        assert len(own) == 1
        others = len(fleets) - 1 - sum("by the master master-" in one for one in done)
        running = [
            data["message"] for fleet in fleets for _, data in fleet.fired
            if data["minion"] == minion and data["step"] == "asked"
        ]  # fmt: skip
        assert sum("it is onboarded by the master master-" in one for one in running) == others


def test_what_another_master_has_enrolled_is_left_alone_until_its_pillar_changes(site):
    one, two = site.master("one"), site.master("two")
    start(one)
    start(two)
    assert site.configured == RACKS
    assert two.store.record("rack-1")["state"] == "enrolled"
    assert "enrolled already by the master one, since " in two.salt.messages("rack-1", "done")[0]
    assert onboard.run(two, "rack-2", "list", False)["rack-2"]["state"] == "enrolled"
    site.named["rack-2"] = "absent"  # somebody deleted it
    start(two, ["rack-2"])
    two.salt.digest = "another pillar"
    start(two, ["rack-3"])
    assert site.configured == [*RACKS, "rack-2", "rack-3"]
    one.salt.digest = two.salt.digest
    start(one, ["rack-3"])
    assert "enrolled already by the master two" in one.salt.messages("rack-3", "done")[-1]


def test_what_fails_at_one_master_can_go_on_at_another(site):
    one, two = site.master("one"), site.master("two")
    one.salt.broken["rack-1", "state.high"] = "no space left"
    start(one)
    assert one.store.record("rack-1")["state"] == "failed"
    start(two, ["rack-1"])
    assert two.store.record("rack-1")["state"] == "enrolled"


def test_the_claim_of_a_master_that_died_ends_and_is_its_own_meanwhile(site):
    minion = {"__opts__": {"cachedir": str(site.folder / "minion")}}
    one = site.master("one", work_seconds=30)
    assert claims.claim(minion, one.mark, "one", {"rack-1": NEW}, 30, 0) == {}
    two = site.master("two")
    found = onboard.run(two, "rack-1", "list", False)["rack-1"]
    assert found["state"] == "refused"
    assert "it is onboarded by the master one, since " in found["message"]
    assert site.configured == []
    start(one, ["rack-1"])
    assert site.configured == ["rack-1"]
    assert claims.claim(minion, one.mark, "one", {"rack-2": NEW}, -1, 0) == {}
    start(two, ["rack-2"])
    assert site.configured == ["rack-1", "rack-2"]


def test_a_region_that_cannot_be_asked_fails_them(site):
    one = site.master("one")
    one.salt.broken["region", "maas_fleet.claim"] = "no space left"
    worker.react(one, names.ONBOARD_TAG, None, RACKS)
    assert {one.store.record(minion)["state"] for minion in RACKS} == {"failed"}
    assert site.configured == []


def test_a_list_of_claims_that_was_damaged_is_begun_anew(site):
    minion = {"__opts__": {"cachedir": str(site.folder / "minion")}}
    late = dict.fromkeys(("master", "name", "state", "digest", "since", "until"), "x")
    wrong = (
        "{",
        "[]",
        '{"rack-1": 7}',
        '{"rack-1": {"master": "x"}}',
        json.dumps({"rack-1": late}),
    )
    for text in wrong:
        claims.claim(minion, "1", "one", {"rack-1": NEW}, 30, 0)
        (site.folder / "minion" / "maas" / "onboarding.json").write_text(text)
        assert claims.claim(minion, "2", "two", {"rack-1": NEW}, 30, 0) == {}
