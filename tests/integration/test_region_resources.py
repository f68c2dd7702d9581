"""Regions as Salt resources: one minion stands for two, with a real master."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
import yaml
from maas_emulator.server import RegionServer

from demo.lab import REPOSITORY, Lab, free_port

pytest.importorskip("salt.utils.resources", reason="this Salt has no resources")
pytestmark = pytest.mark.salt

MINION, ALL = "stand-in", "T@maas_region"


class Regions(Lab):
    """A minion that stands for ``dc1`` and ``dc2``, and for ``gone`` that does not answer."""

    def start(self):
        self.minions, self.closed = (MINION,), free_port()
        self.servers = {
            "dc1": RegionServer(release="3.7").start(),
            "dc2": RegionServer(release="2.9").start(),
            "dc3": RegionServer(release="1.9").start(),
        }
        self.write_pillar("dc1", "dc2", "gone")
        states = self.folder / "states"
        states.mkdir()
        (states / "top.sls").write_text(yaml.safe_dump({"base": {"dc1": ["maas.managed"]}}))
        self._configure(
            self.folder / "master", "master",
            {
                "interface": "127.0.0.1", "auto_accept": True, "worker_threads": 3,
                "publish_port": (publish := free_port()), "ret_port": (ret := free_port()),
                "file_roots": {"base": [str(states), str(REPOSITORY / "salt")]},
                "pillar_roots": {"base": [str(self.folder / "pillar")]},
                "timeout": 60, "gather_job_timeout": 30,
            },
        )  # fmt: skip
        self.ports = {"publish_port": publish, "ret_port": ret}
        self._spawn("master", [self._tool("salt-master"), "-c", str(self.folder / "master")])
        self._minion(MINION)
        self._await_minions()

    def write_pillar(self, *names):
        pillar = {
            name: {
                "api": {"url": server.url, "api_key": f"sdb://maas_secrets/{name}"},
                "zones": {f"zone-of-{name}": {"description": f"of {name}"}},
            }
            for name, server in self.servers.items()
        }
        url = f"http://127.0.0.1:{self.closed}/MAAS"
        pillar["gone"] = {"api": {"url": url, "api_key": "a:b:c"}, "zones": {}}
        # What the minion's own region would hold; nothing of it may get to the others.
        own = self.servers["dc3"]
        pillar["maas"] = {
            "api": {"url": own.url, "api_key": "sdb://maas_secrets/dc3"}, "zones": {"not-here": {}}
        }  # fmt: skip
        pillar["resources"] = {"maas_region": {"resource_ids": [*names, "no:name"]}}
        folder = self.folder / "pillar"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "top.sls").write_text(yaml.safe_dump({"base": {"*": ["regions"]}}))
        (folder / "regions.sls").write_text(yaml.safe_dump(pillar))

    def salt(self, target, function, *arguments, timeout=60):
        """Call a function without `--static`, with which Salt would target by a list."""
        command = self.command(
            "salt", *(["-C"] if "@" in target else []), "--out=json", "--out-indent=-1",
            "--hide-timeout", f"--timeout={timeout}", "--log-level=quiet", target, function,
            *arguments,
        )  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return {name: one for line in lines for name, one in json.loads(line).items()}

    def secrets_of(self, minion):
        return {name: server.api_key for name, server in self.servers.items()}

    def stop(self):
        super().stop()
        for server in self.servers.values():
            server.stop()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Regions("3.7", tmp_path_factory.mktemp("regions"), log_level="debug") as lab:
        yield lab


def zones(server):
    return {row["name"] for row in server.region.rows("zones").values()}


def single(answer):
    (state,) = answer.values()
    return state


def test_a_ping_tells_which_region_answers(lab):
    found = lab.salt(ALL, "test.ping")
    assert (found["dc1"], found["dc2"]) == (True, True)
    assert "Connection refused" in found["gone"]
    assert "gone:api:url" in found["gone"]
    assert set(found) == {"dc1", "dc2", "gone"}
    assert lab.salt("T@maas_region:dc2", "test.ping") == {"dc2": True}


def test_grains_say_what_a_region_is_and_can_be_targeted(lab):
    found = {name: one["maas"] for name, one in lab.salt(ALL, "grains.items").items()}
    assert found["dc1"]["url"] == lab.servers["dc1"].url
    assert [one.get("release", "")[:3] for _, one in sorted(found.items())] == ["3.7", "2.9", ""]
    assert lab.salt("T@maas_region and G@maas:release:2.9*", "test.ping") == {"dc2": True}


def test_modules_work_on_the_region_that_is_targeted(lab):
    found = lab.salt(ALL, "maas_region.plan")
    for name in ("dc1", "dc2"):
        assert list(found[name]["zone"]) == [f"zone-of-{name}"]
    assert "Connection refused" in found["gone"]


def test_functions_of_a_host_are_refused(lab):
    found = lab.salt("T@maas_region:dc1", "maas_region.service_status")["dc1"]
    assert "region dc1 is a Salt resource" in found
    touched = lab.folder / "touched"
    found = lab.salt("T@maas_region:dc1", "state.single", "cmd.run", f"touch {touched}")["dc1"]
    assert single(found)["result"] is False
    assert not touched.exists()


def test_a_mistake_in_a_state_is_told_as_that_of_the_region(lab):
    (lab.folder / "states" / "broken.sls").write_text("a: [}\n")
    found = lab.salt("T@maas_region:dc1", "state.apply", "broken")
    assert "Rendering SLS 'base:broken' failed" in found["dc1"][0]
    found = lab.salt("T@maas_region:dc1", "state.single", "no_such.thing", "x")
    assert found == {"dc1": ["Specified state 'no_such.thing' was not found"]}
    found = lab.salt("T@maas_region:dc1", "state.single", "maas_zone.present", "x", "colour=red")
    assert "'colour' is an invalid keyword argument" in str(found["dc1"])


def test_an_sls_finds_its_region_and_what_is_laid_over_the_pillar(lab):
    (lab.folder / "states" / "own.sls").write_text(
        "{% set region = salt['grains.get']('maas:region') %}\n"
        "zone-{{ region }}-{{ pillar['more'] }}:\n"
        "  maas_zone.present:\n"
        "    - description: {{ pillar[region]['api']['url'] }}\n"
        "    - parallel: true\n"
    )
    target = "T@maas_region:dc1 or T@maas_region:dc2"
    found = lab.salt(target, "state.apply", "own", "pillar={more: 1}", "test=True")
    for name in ("dc1", "dc2"):
        new = single(found[name])["changes"]["zone"][f"zone-{name}-1"]["new"]
        assert new["description"] == lab.servers[name].url


def test_states_work_on_the_region_that_is_targeted(lab):
    before = {name: zones(server) for name, server in lab.servers.items()}
    planned = lab.salt(ALL, "state.apply", "maas.managed", "test=True")
    assert before == {name: zones(server) for name, server in lab.servers.items()}
    # Of the top file only dc1 has the state; the minion itself has none.
    high = lab.salt(ALL, "state.highstate")
    assert single(high["dc1"])["result"] is True
    assert single(high["dc2"])["comment"].startswith("No Top file")
    done = lab.salt("T@maas_region:dc2", "state.apply", "maas.managed")
    for name, answer in (("dc1", high["dc1"]), ("dc2", done["dc2"])):
        assert single(answer)["changes"] == single(planned[name])["changes"]
        assert zones(lab.servers[name]) == {"default", f"zone-of-{name}"}
    assert single(planned["gone"])["result"] is False
    counts = {name: len(server.requests.writes()) for name, server in lab.servers.items()}
    again = lab.salt(ALL, "state.apply", "maas.managed")
    assert [single(again[name])["changes"] for name in ("dc1", "dc2")] == [{}, {}]
    assert counts == {name: len(server.requests.writes()) for name, server in lab.servers.items()}


@pytest.mark.parametrize("target", ["dc1,dc2", "T@maas_region and G@maas:region:dc1"])
def test_what_salt_runs_on_the_minion_as_well_changes_nothing_there(lab, target):
    own = lab.servers["dc3"]
    before, name = len(own.requests.writes()), f"zone-{len(target)}"
    # With `--static` Salt targets by a list.
    found = Lab.salt(lab, target, "state.single", "maas_zone.present", name)
    assert single(found["dc1"])["result"] is True
    assert name in zones(lab.servers["dc1"])
    found = lab.salt(target, "state.single", "maas_zone.present", name) if "@" in target else {}
    assert len(own.requests.writes()) == before
    assert name not in zones(own)
    lab.salt(MINION, "state.single", "maas_zone.present", name)
    assert name in zones(own)


def test_a_job_asks_a_region_nothing_more_than_a_profile_would(lab):
    server = lab.servers["dc1"]
    count = len(server.requests)
    lab.salt("T@maas_region:dc1", "maas_zone.list")
    paths = [entry.path.rpartition("/api/2.0/")[2] for entry in server.requests][count:]
    assert paths == ["version/", "zones/"]


def test_each_region_has_a_file_of_metrics(lab):
    folder = lab.folder / "collector"
    folder.mkdir()
    written = lab.salt(ALL, "maas_region.status", f"folder={folder}")
    names = ("dc1", "dc2", "gone")
    assert written == {name: str(folder / f"maas-{name}.prom") for name in names}
    texts = {name: (folder / f"maas-{name}.prom").read_text() for name in names}
    for name, text in texts.items():
        assert f'maas_region_up{{region="{name}"}} {float(name != "gone")}' in text
    assert 'maas_region_last_run_success{region="dc1"} 1.0' in texts["dc1"]
    assert 'maas_region_last_run_success{region="gone"} 0.0' in texts["gone"]
    assert 'maas_region_pending_changes{region="dc2"} 0.0' in texts["dc2"]


def test_a_new_profile_is_a_region_as_soon_as_the_pillar_lists_it(lab):
    lab.write_pillar("dc1", "dc3")
    assert lab.salt(MINION, "saltutil.refresh_pillar") == {MINION: True}
    deadline = time.monotonic() + 60
    while set(found := lab.salt(ALL, "maas_region.drift", timeout=10)) != {"dc1", "dc3"}:
        assert time.monotonic() < deadline, found
    assert [found[name]["drifted"] for name in ("dc1", "dc3")] == [False, True]
    assert "no:name" in (lab.folder / MINION / "log").read_text()


def test_no_log_holds_a_key(lab):
    logs = [(lab.folder / name / "log").read_text() for name in ("master", MINION)]
    for server in lab.servers.values():
        secret = server.api_key.rpartition(":")[2]
        assert not any(secret in log for log in logs)
