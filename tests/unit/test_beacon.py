"""The beacon that tells of drift: once for each difference, and bounded."""

from __future__ import annotations

import time

import pytest
from saltext.maas.client import Client, Profile
from support.loader import REPOSITORY, load
from support.misbehaving import Misbehaving, answer, slow


@pytest.fixture
def beacon(tmp_path):
    module = load("_beacons/maas_drift.py")
    module.answer = {}

    def drift(data, profile=None, seconds=None):
        module.asked = {"profile": profile, "seconds": seconds}
        module.described = data
        if isinstance(module.answer, Exception):
            raise module.answer
        drifted = bool(module.answer or module.problems)
        return {"drifted": drifted, "changes": module.answer, "problems": module.problems,
                "new_machines": module.new}  # fmt: skip

    module.problems, module.new = [], []
    module.__salt__ = {"maas_region.drift": drift}
    module.__opts__ = {"cachedir": str(tmp_path), "pillar": {"maas": {"release": "3.7"}}}
    return module


def test_it_reports_what_changed(beacon):
    assert beacon.beacon([{}]) == []  # all is well from the start
    beacon.answer = {"subnet": {"10.0.0.0/24": {"old": None, "new": {"name": "a"}}}}
    (event,) = beacon.beacon([{}])
    assert (event["tag"], event["count"]) == ("drift", 1)
    assert event["changes"] == beacon.answer
    assert beacon.beacon([{}]) == []  # the same as before
    beacon.answer = {**beacon.answer, "fabric": {"x": {"old": {"name": "x"}, "new": None}}}
    assert beacon.beacon([{}])[0]["count"] == 2
    beacon.answer = {}
    assert beacon.beacon([{}]) == [{"tag": "none", "count": 0, "changes": {}, "problems": []}]
    assert beacon.beacon([{}]) == []
    assert beacon.beacon([{"onchangeonly": False}])[0]["tag"] == "none"


def test_it_reports_machines_that_are_not_described(beacon):
    beacon.new = [{"hostname": f"enlisted-{n}", "fits": []} for n in range(3)]
    (event,) = beacon.beacon([{"most": 2, "onchangeonly": False}, {}])[1:]
    assert event == {"tag": "new_machines", "count": 3, "machines": beacon.new[:2]}
    assert beacon.beacon([{"most": 2}]) == []
    beacon.new = []
    assert beacon.beacon([{}]) == [{"tag": "new_machines", "count": 0, "machines": []}]
    assert beacon.beacon([{}]) == []


def test_it_takes_the_pillar_that_was_refreshed_last(beacon):
    """Not the one that the functions which it calls were loaded with."""
    beacon.beacon([{}])
    assert beacon.described == {"release": "3.7"}
    beacon.__opts__["pillar"] = {"maas": {"zones": {"a": None}}}
    beacon.beacon([{}])
    assert beacon.described == {"zones": {"a": None}}
    for wrong in ({}, {"maas": {}, "_errors": ["no such file"]}):
        beacon.__opts__["pillar"] = wrong
        beacon._keep(beacon._file("maas_drift"), "something else")
        assert beacon.beacon([{}])[0]["tag"] == "error"


def test_what_was_sent_is_known_when_the_minion_loads_it_again(beacon):
    """As it does at every refresh of the pillar, and when it restarts."""
    beacon.answer = {"subnet": {"10.0.0.0/24": {"old": None, "new": {}}}}
    assert beacon.beacon([{}])[0]["tag"] == "drift"
    again = load("_beacons/maas_drift.py", beacon.__opts__, __salt__=beacon.__salt__)
    assert again.beacon([{}]) == []
    beacon.answer = {}
    assert again.beacon([{}])[0]["tag"] == "none"


def test_what_cannot_come_true_is_drift_too(beacon):
    beacon.problems = ["fabric x: MAAS protects it"]
    (event,) = beacon.beacon([{}])
    assert (event["tag"], event["count"], event["changes"]) == ("drift", 1, {})
    assert event["problems"] == beacon.problems


def test_it_shows_no_more_than_it_may(beacon):
    beacon.answer = {
        "subnet": {str(n): {} for n in range(4)}, "vlan": {str(n): {} for n in range(4)},
    }  # fmt: skip
    (event,) = beacon.beacon([{"most": 5}])
    assert event["count"] == 8
    assert {kind: len(found) for kind, found in event["changes"].items()} == {
        "subnet": 4,
        "vlan": 1,
    }


def test_a_region_that_cannot_be_asked_is_reported_once(beacon):
    beacon.answer = RuntimeError("no answer")
    assert beacon.beacon([{}]) == [{"tag": "error", "message": "no answer"}]
    assert beacon.beacon([{}]) == []
    beacon.answer = RuntimeError("GET /api/2.0/vlans/: read timeout=1.796411")
    assert beacon.beacon([{}]) == []  # the same trouble, outcome in other words
    beacon.answer = {}
    assert beacon.beacon([{}])[0]["tag"] == "none"
    beacon.answer = RuntimeError("no answer")
    assert beacon.beacon([{}])[0]["tag"] == "error"


def test_a_region_is_soon_given_up(beacon):
    beacon.beacon([{}])
    assert beacon.asked == {"profile": None, "seconds": 20}
    beacon.beacon([{"seconds": 2.5}, {"profile": "other"}])
    assert beacon.asked == {"profile": "other", "seconds": 2.5}


def test_each_of_several_beacons_reports_for_itself(beacon):
    beacon.answer = RuntimeError("no answer")
    assert len(beacon.beacon([{"_beacon_name": "one"}])) == 1
    assert len(beacon.beacon([{"_beacon_name": "two"}])) == 1
    assert beacon.beacon([{"_beacon_name": "one"}]) == []


@pytest.mark.parametrize(
    ("config", "outcome"),
    [
        ([{"interval": 60}, {"most": 3}], None),
        ({"most": 3}, "must be a list"),
        ([{"often": 1}], "maas_drift:often: unknown"),
        ([{"most": 0}], "maas_drift:most: 0"),
        ([{"most": True}], "maas_drift:most: True"),
        ([{"seconds": 0.5}], None),
        ([{"seconds": 0}], "maas_drift:seconds: 0 must be a number above 0"),
        ([{"seconds": "20"}], "maas_drift:seconds: '20'"),
        ([{"seconds": True}], "maas_drift:seconds: True"),
        ([{"seconds": float("nan")}], "maas_drift:seconds: nan"),
        ([{"profile": "other"}, {"beacon_module": "maas_drift"}, {"_beacon_name": "other"}], None),
        ([{"interval": 60}, {"enabled": True}, {"disable_during_state_run": True}], None),
        ([{"enable": True}, {"run_once": False}], None),
        ([{"interval": 60, "profile": "other"}], "maas_drift:interval: must be an item of its own"),
    ],
)
def test_its_configuration_is_checked(beacon, config, outcome):
    good, message = beacon.validate(config)
    assert good is (outcome is None)
    assert (outcome or "valid") in message


class TestInSalt:
    """The beacon as Salt's own loader runs it."""

    @pytest.fixture
    def process(self, tmp_path):
        import salt.beacons
        import salt.config

        opts = {
            **salt.config.DEFAULT_MINION_OPTS, "id": "m", "loop_interval": 1, "beacons": {},
            "beacons_dirs": [str(REPOSITORY / "_beacons")],
            "extension_modules": str(tmp_path / "modules"),
            "pillar": {"maas": {}},
            "cachedir": str(tmp_path), "sock_dir": str(tmp_path), "pki_dir": str(tmp_path),
        }  # fmt: skip
        changes = {"subnet": {"10.0.0.0/24": {"old": None, "new": {}}}}

        def drift(data, profile=None, seconds=None):
            if profile == "down":
                raise RuntimeError("no answer")
            return {"drifted": True, "changes": changes, "problems": [], "new_machines": []}

        salts = salt.beacons.Beacon(opts, {"maas_region.drift": drift})
        return lambda config: [event["tag"] for event in salts.process(config, {})]

    def test_a_beacon_that_was_enabled_runs_at_once(self, process, caplog):
        config = {"maas_drift": [{"most": 5}, {"enabled": True}]}
        assert process(config) == ["salt/beacon/m/maas_drift/drift"]
        assert process(config) == []
        assert "invalid" not in caplog.text

    def test_a_second_region_has_a_beacon(self, process):
        config = {
            "maas_drift": [{"interval": 1}],
            "other": [{"beacon_module": "maas_drift"}, {"profile": "down"}],
        }
        assert process(config) == ["salt/beacon/m/other/error"]
        assert process(config) == ["salt/beacon/m/maas_drift/drift"]
        assert process(config) == []


def test_a_region_that_hangs_is_given_up(monkeypatch):
    """The function that the beacon calls, with a region that never answers."""
    module = load("_modules/maas_region.py")
    with Misbehaving(slow(30, answer(200, "{}"))) as server:
        client = Client(Profile(server.url, "a:b:c"))
        monkeypatch.setattr(module.runtime, "client", lambda dunders, profile=None: client)
        started = time.monotonic()
        with pytest.raises(Exception, match="timed out after"):
            module.drift(data={}, seconds=0.4)
        assert time.monotonic() - started < 2
