"""The master's side of a fleet, with everything real but Salt: queue, admission, steps, events."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading

import pytest
from saltext.maas import __version__
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import core, names, onboard, steps, worker
from saltext.maas.fleet.config import settings_of
from saltext.maas.fleet.store import Store, StoreError
from support.fake_salt import FakeSalt
from support.killing import forked

RACKS = ["rack-1", "rack-2", "rack-3"]


class Minions(FakeSalt):
    """A region and clusters that are to be onboarded."""

    def __init__(self, opts):
        super().__init__(opts, {name: f"key of {name}" for name in ("region", "stranger", *RACKS)})
        self.named = dict.fromkeys(RACKS, "absent")
        self.digest = "d1"
        self.problems = []
        self.roles = {}
        self.deaf = set()  # those on whose hosts all is right, but that the region lacks
        self.restart_helps = True

    def answer(self, minion, function, *args, **kwargs):
        if function == "maas_fleet.version":
            return __version__
        if function == "maas_fleet.inspect":
            minions = args[0] if args else list(self.named)
            entries = {
                one: {
                    "named": one in self.named, "problems": [], "cluster": one,
                    "state": self.named.get(one, "absent"), "digest": self.digest,
                }
                for one in minions
            }  # fmt: skip
            return {"release": "3.7", "problems": self.problems, "clusters": entries}
        if function == "maas_fleet.claim":
            return {}
        if function == "maas_fleet.prepare":
            return {"sender": "region", "sender_key": "key", "boxes": dict.fromkeys(args[0], "box")}
        if function == "state.high":
            changes = {} if minion in self.deaf else {"secret": {"old": "none", "new": "set"}}
            if changes:
                self.named[minion] = "connected"
            return {
                f"maas_cluster_|-{name}_|-{name}_|-x": {
                    "__id__": name, "result": True, "changes": changes, "comment": "",
                }
                for name in args[0]
            }  # fmt: skip
        if function == "maas_cluster.restart":
            self.named[minion] = "connected" if self.restart_helps else "absent"
            return ["maas-rackd"]
        if function == "maas_fleet.wait_for":
            return {one: self.named[one] for one in args[0]}
        if function == "maas_fleet.apply_phase":
            return {one: {"changes": {}, "error": None} for one in args[0]}
        return True

    def grains(self, minion):
        return {"maas": {"roles": self.roles[minion]}} if minion in self.roles else {}

    def steps_of(self, minion, state="done"):
        return [d["step"] for _, d in self.fired if d["minion"] == minion and d["state"] == state]


def options(folder):
    return {
        "cachedir": str(folder / "cache"), "pki_dir": str(folder / "pki"),
        "maas.fleet": {"region": "region", "orchestration": "", "gather_seconds": 0.01},
    }  # fmt: skip


@pytest.fixture
def fleet(tmp_path):
    opts = options(tmp_path)
    return core.Fleet({"__opts__": opts}, salt=Minions(opts))


def react(fleet, asked, sender=None, tag=names.ONBOARD_TAG):
    return worker.react(fleet, tag, sender, asked)


# What an event may say

HOSTILE = [
    "../../etc/passwd", "rack/1", "rack\\1", "rack 1", "{{ 7*7 }}", "{% raw %}", "rack-1\n", "*",
    "rack-*", "", ".", "..", "-rack", "a..b", "rack-1;id", "$(id)", "x" * 300, "räck", "rack\x00",
    "!!python/object", 7, None, True, {"a": 1}, b"rack",
]  # fmt: skip


def test_hostile_ids_are_refused_before_anything_is_done(fleet, caplog):
    for value in (*HOSTILE, ["rack-1", "../x"], [["rack-1"]], [], ["x"] * 1001):
        caplog.clear()
        outcome = react(fleet, [None] if value is None else value)
        assert outcome["queued"] == [] == outcome["running"]
        assert outcome["refused"].keys() == {"event"}, value
        assert len(outcome["refused"]["event"]) < 200
        assert "maas onboarding refused" in caplog.text
        assert not any(line.startswith("rack-1") for line in caplog.text.splitlines())
    assert fleet.salt.asked == [] == fleet.salt.fired


def test_ids_of_hosts_are_taken():
    assert all(map(names.is_id, ("rack-1", "rack-1.example.com", "A_b", "7", "x" * 254)))


def test_the_longest_id_goes_all_the_way(fleet):
    longest = "x" * 254
    fleet.salt.keys[longest], fleet.salt.named[longest] = "key", "absent"
    assert react(fleet, [longest, "rack-1"])["queued"] == [longest, "rack-1"]
    assert fleet.store.record(longest)["state"] == "enrolled"
    assert onboard.run(fleet, longest, "glob", True)[longest]["state"] == "enrolled"
    with pytest.raises(MaasError, match=r"target: .* is no minion id"):
        onboard.run(fleet, [longest + "x"], "glob", False)


def test_what_the_master_has_accepted_under_another_kind_of_id_is_skipped(fleet, caplog):
    fleet.salt.keys["rack 9"] = "key"
    assert set(onboard.run(fleet, "rack*", "glob", True)) == {*RACKS, "region", "stranger"}
    assert "'rack 9' is skipped: it is no minion id" in caplog.text


def test_one_that_cannot_be_queued_does_not_hold_up_the_others(fleet, monkeypatch):
    real = fleet.store.enqueue

    def enqueue(minion, by):
        if minion == "rack-2":
            raise StoreError("No space left on device")
        return real(minion, by)

    monkeypatch.setattr(fleet.store, "enqueue", enqueue)
    outcome = react(fleet, ["rack-2", "rack-1"])
    assert outcome["queued"] == ["rack-1"]
    assert "No space left" in outcome["refused"]["rack-2"]
    found = onboard.run(fleet, "rack-2,rack-3", "glob", False)
    assert found["rack-3"]["state"] == "enrolled"
    assert found["rack-2"]["state"] == "failed"
    assert "No space left" in found["rack-2"]["message"]


def test_who_may_name_whom():
    assert names.meant("salt/minion/rack-1/start", "rack-1", None) == ["rack-1"]
    assert names.meant(names.ONBOARD_TAG, "rack-1", None) == ["rack-1"]
    assert names.meant(names.ONBOARD_TAG, None, RACKS) == RACKS
    assert names.meant(names.ONBOARD_TAG, "region", RACKS, ["region"]) == RACKS
    for tag, sender, asked in (
        ("salt/minion/rack-1/start", "rack-2", None),
        ("salt/minion/rack-1/start", None, None),
        ("salt/minion/a/rack-1/start", "rack-1", None),
        (names.ONBOARD_TAG, "rack-2", "rack-1"),
        (names.ONBOARD_TAG, "", "rack-1"),
        ("salt/auth", "rack-1", "rack-1"),
        (None, None, "rack-1"),
    ):
        with pytest.raises(names.Refused):
            names.meant(tag, sender, asked)


# Admission


def test_an_unaccepted_minion_and_one_that_no_pillar_names_are_refused(fleet):
    outcome = react(fleet, ["unknown", "stranger", "rack-1"])
    assert outcome["refused"] == {"unknown": "its key is not accepted"}
    refused = {d["minion"]: d["message"] for _, d in fleet.salt.fired if d["state"] == "refused"}
    assert "key is not accepted" in refused["unknown"]
    assert "maas:clusters" in refused["stranger"]
    assert fleet.store.record("stranger") == {}
    assert fleet.store.record("rack-1")["state"] == "enrolled"


def test_a_minions_own_grain_is_not_trusted_unless_reported(fleet, tmp_path):
    fleet.salt.roles["stranger"] = ["cluster"]
    react(fleet, None, "stranger")
    assert fleet.store.record("stranger") == {}
    trusting = {**fleet.salt.opts["maas.fleet"], "trust_grains": True}
    opts = {**fleet.salt.opts, "maas.fleet": trusting}
    fleet.salt.named["other"] = "absent"
    with core.Fleet({"__opts__": opts}, salt=fleet.salt) as other:
        worker.react(other, names.ONBOARD_TAG, "stranger", None)
        assert other.store.record("stranger")["runs"] == 1


def test_a_start_of_what_is_no_cluster_is_passed_over(fleet):
    fleet.salt.roles["stranger"] = []
    worker.react(fleet, "salt/minion/stranger/start", "stranger", None)
    assert fleet.salt.asked == [] == fleet.salt.fired


# Steps


def test_a_batch_goes_through_all_steps_and_asks_the_region_once_each(fleet):
    react(fleet, RACKS)
    for minion in RACKS:
        assert fleet.salt.steps_of(minion) == list(steps.STEPS)
        assert fleet.store.record(minion)["state"] == "enrolled"
    of_region = [function for who, function in fleet.salt.asked if who == ["region"]]
    assert len(of_region) == 10
    percents = [d["percent"] for _, d in fleet.salt.fired if d["minion"] == "rack-1"]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    tag, data = fleet.salt.fired[0]
    assert tag == f"maas/onboard/{data['minion']}/sync"
    assert {"state", "duration", "percent", "step", "region"} <= set(data)
    assert fleet.store.queued() == {}


def test_a_second_event_does_nothing_but_say_so(fleet):
    react(fleet, "rack-1")
    fleet.salt.fired.clear()
    fleet.salt.asked.clear()
    react(fleet, "rack-1")
    assert [(d["step"], d["state"]) for _, d in fleet.salt.fired] == [("report", "done")]
    assert "enrolled already" in fleet.salt.fired[0][1]["message"]
    assert {function for _, function in fleet.salt.asked} == {
        "saltutil.refresh_pillar", "maas_fleet.inspect",
    }  # fmt: skip


def test_an_event_while_one_runs_does_nothing_but_say_so(fleet):
    with fleet.store.working() as mine:
        assert mine
        assert react(fleet, "rack-1")["queued"] == ["rack-1"]
        assert react(fleet, "rack-1")["running"] == ["rack-1"]
    assert [(d["step"], d["state"]) for _, d in fleet.salt.fired] == [("asked", "running")]
    assert fleet.salt.asked == []
    worker.work(fleet)
    assert fleet.store.record("rack-1")["state"] == "enrolled"


def test_an_event_that_comes_while_the_batch_ends_is_not_lost(fleet, monkeypatch):
    fleet.salt.broken["rack-2", "state.high"] = "the disk is full"
    real = steps._WORK["images"]

    def images(step):
        if fleet.salt.broken:
            # Told that it failed, somebody mends it and fires the event at once.
            fleet.salt.broken.clear()
            assert react(fleet, "rack-2")["queued"] == ["rack-2"]
        real(step)

    monkeypatch.setitem(steps._WORK, "images", images)
    react(fleet, ["rack-1", "rack-2"])
    assert fleet.store.record("rack-2")["state"] == "enrolled"
    assert fleet.store.record("rack-1")["runs"] == 1
    assert fleet.store.queued() == {}


@pytest.mark.parametrize(
    "nonsense",
    [{"x": {"__id__": ["no", "id"]}}, {"x": {"__id__": "maas cluster host", "changes": [7]}}, 7,
     {"x": {"__id__": "maas cluster host", "result": True, "changes": {}, "comment": None}}, b"x"],
)  # fmt: skip
def test_a_rack_that_answers_nonsense_fails_alone(fleet, monkeypatch, nonsense):
    real = fleet.salt.answer

    def answer(minion, function, *args, **kwargs):
        odd = (minion, function) == ("rack-2", "state.high")
        return nonsense if odd else real(minion, function, *args, **kwargs)

    monkeypatch.setattr(fleet.salt, "answer", answer)
    fleet.salt.restart_helps = False
    react(fleet, RACKS)
    found = {minion: fleet.store.record(minion)["state"] for minion in RACKS}
    assert found == {"rack-1": "enrolled", "rack-2": "failed", "rack-3": "enrolled"}


@pytest.mark.parametrize(
    ("function", "error", "step", "again"),
    [
        ("maas_fleet.version", "the minion did not answer", "sync", "sync"),
        ("saltutil.refresh_pillar", "the minion did not answer", "pillar", "pillar"),
        ("state.high", "the disk is full", "configure", "secret"),
        ("state.high", "the minion did not answer", "configure", "secret"),
    ],
)
def test_one_that_fails_does_not_stop_the_others_and_goes_on_there(
    fleet, function, error, step, again
):
    fleet.salt.broken["rack-2", function] = error
    react(fleet, RACKS)
    states = {minion: fleet.store.record(minion)["state"] for minion in RACKS}
    assert states == {"rack-1": "enrolled", "rack-2": "failed", "rack-3": "enrolled"}
    failed = next(d for _, d in fleet.salt.fired if d["state"] == "failed")
    assert (failed["minion"], failed["step"]) == ("rack-2", step)
    assert error in failed["message"]
    assert "fire maas/cluster/onboard again" in failed["todo"]
    fleet.salt.broken.clear()
    fleet.salt.fired.clear()
    react(fleet, "rack-2")
    assert fleet.store.record("rack-2")["state"] == "enrolled"
    skipped = fleet.salt.steps_of("rack-2", "skipped")
    assert skipped == [one for one in steps.STEPS[: steps.STEPS.index(again)] if one != "pillar"]


def test_a_key_that_does_not_do_fails_its_own_minion_alone(fleet, monkeypatch):
    why = "the public key of rack-2: only RSA keys of 2048 bits or more can be used"
    envelope = {
        "sender": "region", "sender_key": "key", "boxes": {"rack-1": "box", "rack-3": "box"},
        "problems": {"rack-2": why},
    }  # fmt: skip
    handed = []
    real = fleet.salt.answer

    def answer(minion, function, *args, **kwargs):
        if function == "state.high":
            handed.append((minion, json.dumps(args)))
        return envelope if function == "maas_fleet.prepare" else real(minion, function, *args)

    monkeypatch.setattr(fleet.salt, "answer", answer)
    react(fleet, RACKS)
    states = {minion: fleet.store.record(minion)["state"] for minion in RACKS}
    assert states == {"rack-1": "enrolled", "rack-2": "failed", "rack-3": "enrolled"}
    record = fleet.store.record("rack-2")
    assert (record["step"], record["error"]) == ("secret", why)
    assert "put that right" in record["todo"]
    assert [minion for minion, _ in handed] == ["rack-1", "rack-3"]
    assert "rack-2" not in json.dumps(handed)


def test_a_failure_of_the_region_fails_the_step_for_all_and_is_taken_up_there(fleet):
    fleet.salt.broken["region", "maas_fleet.apply_phase"] = "503"
    react(fleet, RACKS)
    for minion in RACKS:
        record = fleet.store.record(minion)
        assert (record["state"], record["step"]) == ("failed", "accept")
        assert "503" in record["error"]
    fleet.salt.broken.clear()
    fleet.salt.asked.clear()
    react(fleet, RACKS)
    assert {fleet.store.record(minion)["state"] for minion in RACKS} == {"enrolled"}
    assert "state.high" not in {function for _, function in fleet.salt.asked}


def test_a_region_that_cannot_be_asked_leaves_a_trace_for_each(fleet):
    fleet.salt.broken["region", "maas_fleet.inspect"] = "down"
    react(fleet, RACKS)
    assert {fleet.store.record(minion)["state"] for minion in RACKS} == {"failed"}
    fleet.salt.broken.clear()
    react(fleet, RACKS)
    assert {fleet.store.record(minion)["state"] for minion in RACKS} == {"enrolled"}


def test_a_wrong_pillar_is_reported_and_once_corrected_all_begins_anew(fleet):
    fleet.salt.problems = ["maas:subnets:10.0.0.0/33: is no network"]
    react(fleet, "rack-1")
    record = fleet.store.record("rack-1")
    assert record["step"] == "pillar"
    assert "10.0.0.0/33" in record["error"]
    assert "state.high" not in {function for _, function in fleet.salt.asked}
    fleet.salt.problems, fleet.salt.digest = [], "d2"
    react(fleet, "rack-1")
    assert fleet.salt.steps_of("rack-1", "skipped") == []
    assert fleet.store.record("rack-1")["state"] == "enrolled"


def test_one_that_the_region_lost_is_onboarded_again(fleet):
    react(fleet, "rack-1")
    fleet.salt.named["rack-1"] = "absent"
    react(fleet, "rack-1")
    assert fleet.store.record("rack-1")["runs"] == 2
    assert fleet.salt.named["rack-1"] == "connected"


@pytest.mark.parametrize("helps", [True, False])
def test_one_that_does_not_know_it_was_deleted_is_restarted_once(fleet, helps):
    fleet.salt.deaf.add("rack-2")
    fleet.salt.restart_helps = helps
    react(fleet, RACKS)
    restarts = [who for who, function in fleet.salt.asked if function == "maas_cluster.restart"]
    assert restarts == [["rack-2"]]
    record = fleet.store.record("rack-2")
    assert record["state"] == ("enrolled" if helps else "failed")
    if not helps:
        assert record["step"] == "register"
        assert "although its daemon was restarted" in record["error"]
    assert {fleet.store.record(one)["state"] for one in ("rack-1", "rack-3")} == {"enrolled"}


def test_a_daemon_that_cannot_be_restarted_is_reported(fleet):
    fleet.salt.deaf.add("rack-2")
    fleet.salt.broken["rack-2", "maas_cluster.restart"] = "maas-rackd would not start"
    react(fleet, "rack-2")
    assert "maas-rackd would not start" in fleet.store.record("rack-2")["error"]


def test_what_was_under_way_when_the_master_died_is_taken_up(fleet):
    fleet.store.enqueue("rack-1", "event")
    fleet.store.keep("rack-1", {"state": "running", "step": "secret", "batch": "0" * 32})
    fleet.store.enqueue("rack-3", "event")
    react(fleet, "rack-2")
    assert {fleet.store.record(minion)["state"] for minion in RACKS} == {"enrolled"}


def test_a_defect_of_ours_leaves_no_one_running(fleet, monkeypatch):
    monkeypatch.setitem(steps._WORK, "secret", lambda step: 1 / 0)
    react(fleet, "rack-1")
    record = fleet.store.record("rack-1")
    assert record["state"] == "failed"
    assert "ZeroDivisionError" in record["error"]
    assert fleet.store.queued() == {}


def test_a_thousand_events_at_once_become_few_batches(tmp_path):
    ids = [f"rack-{number}" for number in range(200)]
    opts = {
        "cachedir": str(tmp_path / "cache"), "pki_dir": str(tmp_path / "pki"),
        "maas.fleet": {"region": "region", "orchestration": "", "gather_seconds": 0.05},
    }  # fmt: skip
    salt = Minions(opts)
    salt.keys.update(dict.fromkeys(ids, "key"))
    salt.named.update(dict.fromkeys(ids, "absent"))

    def fire(part):
        for one in part:
            with core.Fleet({"__opts__": opts}, salt=salt) as fleet:
                worker.react(fleet, f"salt/minion/{one}/start", one, None)

    threads = [threading.Thread(target=fire, args=(ids[n::10],)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Store(settings_of(opts).folder)
    assert {store.record(one)["state"] for one in ids} == {"enrolled"}
    assert {store.record(one)["runs"] for one in ids} == {1}
    assert len([one for one in salt.asked if one[1] == "maas_fleet.inspect"]) <= 100


# The runner's own words


def test_onboard_reports_what_became_of_each(fleet):
    fleet.salt.broken["rack-2", "state.high"] = "the disk is full"
    found = onboard.run(fleet, [*RACKS, "unknown"], "glob", False)
    assert found["rack-1"]["state"] == "enrolled"
    assert found["rack-2"]["state"] == "failed"
    assert "disk" in found["rack-2"]["message"]
    assert found["unknown"]["state"] == "refused"
    json.dumps(found)


def test_a_dry_run_changes_nothing(fleet):
    fleet.salt.named["rack-2"] = "connected"
    found = onboard.run(fleet, "rack-1,rack-2,stranger", "glob", True)
    assert found["rack-1"]["state"] == "would be onboarded"
    assert found["rack-2"]["state"] == "enrolled"
    assert found["stranger"]["state"] == "refused"
    assert fleet.store.records() == {} == fleet.store.queued()
    functions = {function for _, function in fleet.salt.asked}
    assert not functions & {"state.high", "maas_fleet.prepare", "saltutil.sync_all"}


@pytest.mark.parametrize("target", [["../x"], [7], ["a b"]])
def test_a_target_that_is_no_id_is_refused(fleet, target):
    with pytest.raises(MaasError, match="no minion id"):
        onboard.run(fleet, target, "glob", False)


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({}, "maas.fleet:region: is missing"),
        ({"region": "../x"}, r"maas.fleet:regions:0: '../x' must be a minion id"),
        ({"region": "x" * 255}, "must be a minion id"),
        ({"regions": "r"}, "maas.fleet:regions: 'r' must be a list of"),
        ({"regions": []}, "maas.fleet:region: is missing"),
        ({"region": "r", "batch": 0}, "maas.fleet:batch: 0 must be a whole number from 1 to 1000"),
        ({"region": "r", "batch": 2.0}, "batch: 2.0 must be a whole number from 1 to 1000"),
        ({"region": "r", "batch": 1001}, "batch: 1001 must be a whole number from 1 to 1000"),
        ({"region": "r", "batch": True}, "batch: True must be a whole number from 1 to 1000"),
        ({"region": "r", "answer_seconds": 0}, "above 0"),
        ({"region": "r", "answer_seconds": float("nan")}, "above 0"),
        ({"region": "r", "trust_grains": "yes"}, "true or false"),
        ({"region": "r", "orchestration": 7}, "text"),
        ({"region": "r", "nonsense": 7}, "maas.fleet:nonsense: unknown"),
        ("rack-1", "maas.fleet: 'rack-1' must be a mapping"),
        ([["region", "r"]], "maas.fleet: .* must be a mapping"),
    ],
)
def test_wrong_settings_are_reported(given, outcome):
    with pytest.raises(BadInput, match=outcome):
        settings_of({"cachedir": "/tmp", "maas.fleet": given})


def test_a_wrong_batch_is_reported_and_leaves_the_queue_alone(fleet):
    fleet.store.enqueue("rack-1", "event")
    opts = fleet.salt.opts
    for batch in (2.0, 0, 1001, True, "2"):
        wrong = {**opts, "maas.fleet": {**opts["maas.fleet"], "batch": batch}}
        for given in (
            {"dunders": {"__opts__": wrong}},
            {"dunders": {"__opts__": opts}, "batch": batch},
        ):
            with pytest.raises(BadInput, match=r"batch: .* must be a whole number from 1 to 1000"):
                core.Fleet(**given, salt=fleet.salt)
    react(fleet, "rack-2")
    assert fleet.store.record("rack-1")["state"] == "enrolled"


def test_progress_is_lines_in_a_pipe_and_a_bar_on_a_terminal():
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream in (io.StringIO(), Terminal()):
        progress = core.Progress(stream)
        progress.show(1, 4, "sync")
        progress.show(1, 4, "sync")
        progress.show(4, 4, "report")
        progress.end()
        text = stream.getvalue()
        assert ("\r" in text) == stream.isatty()
        assert "25 %" in text
        assert "100 %" in text
        if not stream.isatty():
            assert len(text.splitlines()) == 2


# Killed


class Mortal(Minions):
    """Minions that outlive the runner, which dies at a point: an ``ask``, its answer, an event."""

    def __init__(self, opts, folder, point):
        super().__init__(opts)
        self.left, self.kept = point, folder / "named.json"
        if self.kept.exists():
            self.named = json.loads(self.kept.read_text())

    def answer(self, minion, function, *args, **kwargs):
        found = super().answer(minion, function, *args, **kwargs)
        self.kept.write_text(json.dumps(self.named))
        return found

    def ask(self, *args, **kwargs):
        self.point()
        found = super().ask(*args, **kwargs)
        self.point()
        return found

    def fire(self, tag, data):
        super().fire(tag, data)
        self.point()

    def point(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def event_and_death(folder, minions, point=0):
    opts = options(folder)
    with core.Fleet({"__opts__": opts}, salt=Mortal(opts, folder, point)) as fleet:
        react(fleet, minions)
        return {
            "states": {one: entry["state"] for one, entry in fleet.store.records().items()},
            "queued": list(fleet.store.queued()), "named": fleet.salt.named,
            "asked": [one for one in fleet.salt.asked if one[1] == "state.high"],
        }  # fmt: skip


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.sweep)])
def test_a_runner_killed_at_any_point_is_continued_by_the_next_event(tmp_path, step):
    for point in itertools.count(1, step):
        folder = tmp_path / str(point)
        folder.mkdir()
        ended = forked(lambda: event_and_death(folder, RACKS, point))  # noqa: B023
        assert not ended or "error" not in ended, ended
        # That of one is enough for all that were under way.
        then = forked(lambda: event_and_death(folder, RACKS[0]))  # noqa: B023
        assert then["states"] == dict.fromkeys(RACKS, "enrolled"), (point, then)
        assert then["named"] == dict.fromkeys(RACKS, "connected"), point
        assert then["queued"] == [], point
        if ended:
            break
    assert point > 60
