"""Regions and machines as Salt resources: one minion represents them, with a real master."""

from __future__ import annotations

import time

import pytest
from support.resource_lab import MACHINES, MINION, SECRET, ResourceLab

from demo.lab import Lab

pytest.importorskip("salt.utils.resources", reason="this Salt has no resources")
pytestmark = pytest.mark.salt

ALL, GROUP = "T@maas_region", "T@maas_machine:web*"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with ResourceLab(tmp_path_factory.mktemp("resources")) as lab:
        yield lab


@pytest.fixture
def requests(lab):
    """What the region was asked in this test."""
    log = lab.servers["own"].requests
    count = len(log)
    return lambda: [f"{one.method} {one.path.rpartition('/api/2.0/')[2]}" for one in log][count:]


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
    own = lab.servers["own"]
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


def test_all_machines_of_a_job_take_one_list(lab, requests):
    found = lab.salt("T@maas_machine", "maas_machine.status")
    assert {name: one["status"] for name, one in found.items() if name in MACHINES} == (
        dict.fromkeys(MACHINES, "Ready")
    )
    assert found["web*"].startswith("nothing was done: the target does not name this")
    assert requests() == ["GET version/", "GET machines/"]
    assert lab.salt(GROUP, "test.ping") == {"web*": True}
    assert requests()[2:] == ["GET version/", "GET machines/"]


def test_grains_target_machines_and_take_no_request(lab, requests):
    found = lab.salt("T@maas_machine and G@maas:hostname:web-1*", "grains.get", "maas:fqdn")
    assert found == {"web-11": "web-11.maas", "web-12": "web-12.maas"}
    assert requests() == []


def test_a_group_is_operated_together(lab, requests):
    rows = lab.servers["own"].region.rows("machines").values()
    found = lab.salt(GROUP, "state.apply", "os", "test=True")["web*"]
    (planned,) = found.values()
    assert set(planned["changes"]["machine"]) == {"web-11", "web-12"}
    assert not [one for one in requests() if one.startswith("POST")]
    (done,) = lab.salt(GROUP, "state.single", "maas_machine.deployed", "distro_series=jammy")[
        "web*"
    ].values()
    assert (done["name"], done["result"]) == ("web*", True), done
    assert done["changes"]["machine"].keys() == planned["changes"]["machine"].keys()
    assert {row["hostname"]: row["status"] for row in rows} == {
        "web-11": 6, "web-12": 6, "db-13": 4
    }  # fmt: skip
    found = lab.salt("T@maas_machine:web-12", "maas_machine.power_off", "stop_mode=soft")
    assert found["web-12"]["status_name"] == "Deployed"
    paths = [f"machines/{row['system_id']}/" for row in rows if row["hostname"] == "web-12"]
    assert requests()[-2:] == [f"POST {paths[0]}", "GET machines/"]


def test_what_is_not_meant_for_these_machines_changes_nothing(lab, requests):
    # Salt runs it on all resources of the minion; on the minion itself the name is missing.
    found = lab.salt("st*", "maas_machine.release")
    for name in ("web-11", "web*"):
        assert found[name].startswith("nothing was done: the target does not name this"), found
    other = lab.salt(GROUP, "state.single", "maas_machine.released", "db-13")["web*"]
    assert "this job is for web*; target T@maas_machine:db-13" in single(other)["comment"]
    other = lab.salt("T@maas_machine:db-13", "state.single", "maas_zone.present", "x")["db-13"]
    assert "db-13 is a machine" in single(other)["comment"]
    assert not [one for one in requests() if not one.startswith("GET ")]


def test_no_log_holds_a_key(lab):
    logs = lab.logs()
    secrets = [server.api_key.rpartition(":")[2] for server in lab.servers.values()]
    for secret in (SECRET, *secrets):
        assert not any(secret in log for log in logs)
