"""The status as Prometheus reads it: its format, what it says of what is not known, its alerts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from maas_emulator.server import RegionServer
from saltext.maas import metrics
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import core, overview
from support.fake_salt import FakeSalt
from support.loader import REPOSITORY, load

parser = pytest.importorskip("prometheus_client.parser")
RULES = REPOSITORY / "prometheus" / "maas.rules.yml"
AWAY = {
    "region": "dc1",
    "up": False,
    "error": "away",
    "pending": 3,
    "release": "3.7",
    "clusters": {},
}


def parsed(text):
    """``{(metric, labels): value}`` as Prometheus's own library reads it."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in parser.text_string_to_metric_families(text)
        for one in family.samples
    }


def names(text):
    return {name for name, _ in parsed(text)}


def test_labels_may_hold_anything():
    name = 'a "quoted"\\ name,\n{x="1"} é'
    found = parsed(metrics.as_text(metrics.of_region({"region": name, "up": True})))
    assert found["maas_region_up", (("region", name),)] == 1


def test_the_same_sample_is_never_there_twice_and_what_is_not_known_not_once():
    one = {"cluster": "a", "connected": True, "accepted": None, "images": float("nan")}
    other = {**one, "connected": False}
    text = metrics.as_text(
        [*metrics.of_cluster("dc1", "", one), *metrics.of_cluster("dc1", "", other)]
    )
    assert names(text) == {"maas_status_timestamp_seconds", "maas_cluster_connected"}
    labels = (("cluster", "a"), ("minion", ""), ("region", "dc1"))
    assert parsed(text)["maas_cluster_connected", labels] == 1


def test_of_a_region_that_is_away_nothing_is_invented():
    text = metrics.as_text(metrics.of_region(AWAY))
    assert parsed(text)["maas_region_up", (("region", "dc1"),)] == 0
    assert names(text) == {"maas_status_timestamp_seconds", "maas_region_up"}
    run = {"last_run": {"time": 1700000000.5, "success": False}}
    found = parsed(metrics.as_text(metrics.of_region({**AWAY, **run})))
    assert found["maas_region_last_run_timestamp_seconds", (("region", "dc1"),)] == 1700000000.5
    assert found["maas_region_last_run_success", (("region", "dc1"),)] == 0


def test_the_file_is_whole_and_for_anyone_to_read(tmp_path):
    path = Path(metrics.write(str(tmp_path), "new\n", "../dc1"))
    assert path == tmp_path / "maas-.._dc1.prom"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new\n", 0o644)
    assert metrics.write(str(tmp_path), "fleet\n") == str(tmp_path / "maas.prom")
    assert sorted(os.listdir(tmp_path)) == ["maas-.._dc1.prom", "maas.prom"]
    with pytest.raises(MaasError, match=r"maas\.prom cannot be written: No such file"):
        metrics.write(str(tmp_path / "none"), "")


@pytest.fixture(params=["1.9", "3.7"])
def region(request, tmp_path):
    """A region with a rack, and a function that calls its minion's modules."""
    with RegionServer(release=request.param, import_seconds=0) as server:
        nic = {"name": "eth0", "mac": "52:54:00:00:02:01", "ip": "10.1.0.2",
               "subnet_mask": "255.255.255.0"}  # fmt: skip
        uuid = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01" if request.param == "1.9" else None
        ident = server.region.register_controller(
            uuid=uuid, hostname="rack-1", interfaces=[nic], system_id=None
        )
        server.region.controller_connected(ident, True)
        reach = {"url": server.url, "api_key": server.api_key}
        kind = {"clusters": {"rack-1": {"uuid": uuid}}} if uuid else {"racks": {"rack-1": {}}}
        server.pillar = {"maas": {"zones": {"a": {}}, **kind}}
        server.opts = {
            "id": "minion",
            "cachedir": str(tmp_path),
            "maas.root": str(tmp_path),
            "maas": reach,
        }

        def call(function, *arguments, test=False, **named):
            folder, name = ("_states" if function == "managed" else "_modules"), function
            module = load(f"{folder}/maas_region.py", {**server.opts, "test": test}, server.pillar)
            return getattr(module, name)(*arguments, **named)

        server.call = call
        yield server


def test_a_minion_tells_how_its_region_is(region):
    found = region.call("status")
    assert (found["region"], found["up"], found["error"]) == ("minion", True, None)
    assert found["release"].startswith(("1.9", "3.7"))
    assert found["pending"] >= 1
    assert found["last_run"] is None
    assert region.call("managed", "all", test=True)["result"] is None
    assert region.call("status")["last_run"] is None  # that was no run
    assert region.call("managed", "all")["result"] is True
    region.requests.reset()
    text = region.call("status", form="prometheus")
    read = [(entry.path, entry.op) for entry in region.requests if entry.op != "get_config"]
    assert len(read) == len(set(read)) <= 15
    assert region.requests.writes() == []
    found = parsed(text)
    labels = (("region", "minion"),)
    for name, value in (("up", 1), ("pending_changes", 0), ("plan_problems", 0),
                        ("plan_failed", 0), ("last_run_success", 1)):  # fmt: skip
        assert found[f"maas_region_{name}", labels] == value, name
    (accepted,) = (value for (name, _), value in found.items() if name == "maas_cluster_accepted")
    assert accepted == 1
    assert region.api_key.rpartition(":")[2] not in text


def test_a_pillar_with_a_mistake_is_told_and_fails_the_run(region):
    region.pillar["maas"]["zones"] = 5
    assert region.call("managed", "all")["result"] is False
    found = region.call("status")
    assert found["up"] is True
    assert "maas:zones" in found["plan_error"]
    samples = parsed(region.call("status", form="prometheus"))
    labels = (("region", "minion"),)
    assert samples["maas_region_plan_failed", labels] == 1
    assert samples["maas_region_last_run_success", labels] == 0
    assert ("maas_region_pending_changes", labels) not in samples


@pytest.mark.parametrize("fault", ["down", "key", "half"])
def test_a_region_that_is_away_is_down_and_no_error(region, fault, tmp_path, monkeypatch):
    if fault == "down":
        region.stop()
    elif fault == "key":
        region.opts["maas"]["api_key"] = "a:b:c"
    else:  # it goes away while it is asked
        answer, asked = region.answer, []

        def answers(method, target, headers, body):
            asked.append(target)
            if len(asked) == 4:
                region.stop()
            return answer(method, target, headers, body)

        monkeypatch.setattr(region, "answer", answers)
    folder = tmp_path / "collector"
    folder.mkdir()
    path = region.call("status", folder=str(folder), seconds=3)
    assert path == str(folder / "maas-minion.prom")
    text = Path(path).read_text()
    assert parsed(text)["maas_region_up", (("region", "minion"),)] == 0
    assert names(text) == {"maas_status_timestamp_seconds", "maas_region_up"}


def test_another_form_is_refused(region):
    with pytest.raises(BadInput, match="form: 'xml' must be prometheus, or left out"):
        region.call("status", form="xml")
    assert len(region.requests) == 0


class Salt(FakeSalt):
    """Answers of regions' minions."""

    def __init__(self, opts, answers):
        super().__init__(opts, {"rack-1": "key", "rack-2": "key"})
        self.answers = answers

    def answer(self, minion, function, *args, **kwargs):
        return self.answers.get((minion, function), True)

    def last_heard(self, minion):
        return 1000.0


@pytest.fixture
def fleet(tmp_path):
    """A fleet of two regions, of which ``far`` is away."""
    regions = {"regions": ["near", "far"]}
    opts = {"cachedir": str(tmp_path), "pki_dir": str(tmp_path), "maas.fleet": regions}
    rack = {"cluster": "abc123", "named": True, "state": "connected", "connected": True,
            "accepted": True, "images": False, "dhcp": []}  # fmt: skip
    fleet = core.Fleet({"__opts__": opts}, salt=Salt(opts, {}))
    fleet.salt.answers["near", "maas_region.status"] = {
        "region": "near", "up": True, "release": "3.7.3", "pending": 2, "problems": 0,
        "plan_error": None, "last_run": {"time": 1000.0, "success": True},
        "clusters": {"rack-1": rack, "rack-9": {**rack, "cluster": "def456", "named": False}},
    }  # fmt: skip
    fleet.salt.broken["far", "maas_region.status"] = "down"
    fleet.salt.broken["rack-1", "test.ping"] = True
    fleet.store.keep("rack-1", {"state": "enrolled", "region": "near"})
    fleet.store.keep("rack-2", {"state": "failed", "region": "far", "step": "dhcp", "error": "x"})
    return fleet


def test_a_fleet_is_in_one_text(fleet):
    found = parsed(overview.prometheus(fleet))
    known = {
        (name, *(value for _, value in labels)): value for (name, labels), value in found.items()
    }
    assert known.pop(("maas_status_timestamp_seconds",)) > 1e9
    seen = "maas_cluster_minion_last_seen_timestamp_seconds"
    assert known.pop((seen, "", "rack-2", "far")) > 1e9
    rack = ("abc123", "rack-1")
    assert known == {
        ("maas_region_up", "near"): 1, ("maas_region_up", "far"): 0,
        ("maas_region_info", "near", "3.7.3"): 1,
        ("maas_region_pending_changes", "near"): 2, ("maas_region_plan_problems", "near"): 0,
        ("maas_region_plan_failed", "near"): 0,
        ("maas_region_last_run_timestamp_seconds", "near"): 1000,
        ("maas_region_last_run_success", "near"): 1,
        ("maas_cluster_connected", *rack, "near"): 1,
        ("maas_cluster_accepted", *rack, "near"): 1,
        ("maas_cluster_images_in_sync", *rack, "near"): 0,
        ("maas_cluster_minion_up", *rack, "near"): 0,
        ("maas_cluster_minion_last_seen_timestamp_seconds", *rack, "near"): 1000,
        ("maas_cluster_onboarding_phase", *rack, "enrolled", "near"): 1,
        ("maas_cluster_connected", "def456", "", "near"): 1,
        ("maas_cluster_accepted", "def456", "", "near"): 1,
        ("maas_cluster_images_in_sync", "def456", "", "near"): 0,
        ("maas_cluster_minion_up", "", "rack-2", "far"): 1,
        ("maas_cluster_onboarding_phase", "", "rack-2", "failed", "far"): 1,
    }  # fmt: skip
    assert fleet.salt.functions().count("maas_region.status") == 2


def test_an_answer_that_is_none_is_not_believed(fleet):
    fleet.salt.answers["near", "maas_region.status"] = {"region": "other", "up": True}
    found = parsed(overview.prometheus(fleet))
    assert found["maas_region_up", (("region", "near"),)] == 0
    assert not {name for name, _ in found} & {"maas_region_info", "maas_cluster_connected"}


def test_alerts_name_metrics_that_there_are():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 8
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        named = re.findall(r"\bmaas_[a-z_]+", rule["expr"])
        assert named
        assert set(named) <= set(metrics.METRICS), rule["alert"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_takes_the_alerts_and_the_text():
    done = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    text = metrics.as_text(metrics.of_region({**AWAY, "up": True, "problems": 0}))
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_has_every_metric():
    page = (REPOSITORY / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(maas_[a-z_]+)` \|", page, re.M)
    assert rows == list(metrics.METRICS)
