"""The beacon that tells of drift: once for each difference, and bounded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[2] / "_beacons/maas_drift.py"


@pytest.fixture
def beacon():
    spec = importlib.util.spec_from_file_location("maas_drift", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.answer = {}

    def drift(profile=None):
        if isinstance(module.answer, Exception):
            raise module.answer
        drifted = bool(module.answer or module.problems)
        return {"drifted": drifted, "changes": module.answer, "problems": module.problems}

    module.problems = []
    module.__salt__ = {"maas_region.drift": drift}
    module.__context__ = {}
    return module


def test_it_tells_what_changed(beacon):
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


def test_a_region_that_cannot_be_asked_is_told_once(beacon):
    beacon.answer = RuntimeError("no answer")
    assert beacon.beacon([{}]) == [{"tag": "error", "message": "no answer"}]
    assert beacon.beacon([{}]) == []
    beacon.answer = {}
    assert beacon.beacon([{}])[0]["tag"] == "none"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ([{"interval": 60}, {"most": 3}], None),
        ({"most": 3}, "must be a list"),
        ([{"often": 1}], "maas_drift:often: unknown"),
        ([{"most": 0}], "maas_drift:most: 0"),
        ([{"most": True}], "maas_drift:most: True"),
    ],
)
def test_its_configuration_is_checked(beacon, config, told):
    good, message = beacon.validate(config)
    assert good is (told is None)
    assert (told or "right") in message
