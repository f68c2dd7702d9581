"""Answers of minions to the master's tasks: a region signs what it likes, a rack says anything."""

# ruff: noqa: E501 -- hostile values read best with many on a line

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from saltext.maas.fleet import core, move, offboard, onboard, overview, roll, rotation, worker
from saltext.maas.fleet.core import Fleet
from saltext.maas.fleet.minions import Answer
from support.fake_salt import FakeSalt
from support.hostile import examples, folder, harmless, mutated, tried

RACKS = ["rack-1", "rack-2"]
ENTRY = {"named": True, "where": "maas:racks:rack-1", "problems": [], "cluster": "a", "state": "connected",
         "own_url": False, "digest": "d"}  # fmt: skip
ROW = {"cluster": "a", "release": "3.7", "state": "connected", "accepted": True, "connected": True,
       "dhcp": ["x/untagged"], "images": True, "named": True}  # fmt: skip
STATE = {
    "__id__": "maas cluster host",
    "result": True,
    "changes": {"url": {"old": "a", "new": "b"}},
    "comment": "x",
}
ANSWERS = {
    "maas_fleet.inspect": {"release": "3.7", "problems": [], "clusters": dict.fromkeys(RACKS, ENTRY),
                           "unnamed": {"c": {"cluster": "c", "state": "connected"}}},
    "maas_fleet.status": {**dict.fromkeys(RACKS, ROW), "c": {**ROW, "named": False}},
    "maas_region.status": {"region": "r", "up": True, "error": None, "release": "3.7", "pending": 1, "problems": 0,
                           "plan_error": None, "last_run": {"time": 1.5, "success": True},
                           "clusters": dict.fromkeys(RACKS, ROW)},
    "maas_fleet.prepare": {"sender": "region", "sender_key": "k", "boxes": {"rack-1": {}}, "problems": {}},
    "maas_secret.seal": {"sender": "region", "sender_key": "k", "boxes": {}, "problems": {"rack-2": "weak"}},
    "maas_secret.renew": {"restarts": True, "changes": {}, "restarted": []},
    "maas_fleet.wait_for": dict.fromkeys(RACKS, "connected"),
    "maas_fleet.apply_phase": {one: {"changes": {"dhcp": {"x": {"old": None, "new": "y"}}}, "error": None,
                                     "later": ["z"]} for one in RACKS},
    "maas_fleet.machines": ["web-1"],
    "maas_fleet.release_dhcp": {"x/untagged": {"old": ["rack-1"], "new": None, "enabled": True}},
    "maas_region.config": {"url": "http://a/MAAS"},
    "maas_region.reachable": {"url": "x", "reachable": True, "reason": None},
    "maas_fleet.region_hosts": {
        one: {"hostname": one, "named": True, "address": "192.0.2.1", "state": "connected",
              "release": "3.7"} for one in ("region", "region-2")},
    "maas_region.host_status": {"url": "http://a/MAAS", "answers": True, "reason": None,
                                "running": ["region"], "release": "3.7", "services": {}},
    "maas_region.configure": {"changes": {"region host": {}}, "warnings": [], "restarted": ["x"]},
    "maas_secret.follow": {"changes": {}, "restarted": []},
    "maas_fleet.version": "1",
    "maas_fleet.importing": False,
    "maas_fleet.import_images": False,
    "maas_fleet.remove": True,
    "state.high": {"a": STATE, "b": {**STATE, "__id__": "maas cluster enrolment"}},
}  # fmt: skip


class Lying(FakeSalt):
    """Minions that answer to one function with something else."""

    def __init__(self, opts, function, said):
        super().__init__(opts, dict.fromkeys(["region", *RACKS], "key"))
        self.function, self.said = function, said

    def answer(self, minion, function, *args, **kwargs):
        return self.said if function == self.function else ANSWERS.get(function, True)

    def grains(self, minion):
        return {}

    def last_heard(self, minion):
        return None


TASKS = {
    "onboard": lambda fleet: onboard.run(fleet, RACKS, "list", False),
    "dry run": lambda fleet: onboard.run(fleet, RACKS, "list", True),
    "event": lambda fleet: worker.react(fleet, "maas/cluster/onboard", None, RACKS),
    "status": lambda fleet: overview.status(fleet, None, "glob"),
    "metrics": overview.prometheus,
    "images": lambda fleet: overview.import_images(fleet, None, "glob"),
    "move": lambda fleet: move.run(fleet, "http://b/MAAS", None, False, True),
    "offboard": lambda fleet: offboard.run(fleet, "rack-1", "glob", None, True, False),
    "rotate": lambda fleet: rotation.run(fleet, None, False, False, True),
    "roll": lambda fleet: roll.run(fleet, restart=True, pause=0),
}


@examples(12)
@given(st.sampled_from(sorted(TASKS)), st.data())
def test_answers_of_minions(task, data):
    function = data.draw(st.sampled_from(sorted(ANSWERS)))
    said = data.draw(mutated(ANSWERS[function]))
    if data.draw(st.booleans()):
        said = Answer(said, error=data.draw(st.sampled_from((None, "x", ""))))
    with folder() as root:
        opts = {
            "cachedir": str(root), "pki_dir": str(root),
            "maas.fleet": {"region": "region", "orchestration": "", "gather_seconds": 0.001,
                           "enrol_seconds": 0.01, "region_seconds": 0.01},
        }  # fmt: skip
        salt = Lying(opts, function, said)
        with core.Fleet({"__opts__": opts}, salt=salt) as fleet:
            tried("answer of a minion", TASKS[task], fleet, root=root, secrets=())
            for tag, fired in salt.fired:
                assert ".." not in tag
                harmless(f"{tag} {fired.get('message')}", ())
            assert json.dumps(fleet.store.records())
            assert isinstance(fleet, Fleet)
