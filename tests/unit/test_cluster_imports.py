"""Up to 1.6 each cluster imports its images by itself, and reports them."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import module_helpers, pillar, state_helpers
from saltext.maas.client import Client, Profile
from saltext.maas.reconcile import Limits, apply, desired_named, make_plan
from saltext.maas.reconcile.apply import Run
from saltext.maas.release import Release
from saltext.maas.resources.imports import start
from support.reconciling import SHORT, cluster, errors, planned, snapshot_of
from support.region_minion import fleet

URL = "http://images.example.com/ephemeral-v2/releases/"
UUIDS = ["0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01", "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a02"]
CLUSTERS = {"clusters": {"one": {"uuid": UUIDS[0]}, "two": {"uuid": UUIDS[1]}}}
LABELS = ["one", "two"]
RELEASES = ["1.5", "1.6"]


def described(release, *arches, series="trusty"):
    """A pillar with two clusters, and for 1.6 what they import."""
    if release == "1.5":
        return CLUSTERS
    selection = {"os": "ubuntu", "release": series, "arches": list(arches or ["amd64"])}
    return {**CLUSTERS, "boot_sources": {URL: {"selections": [selection]}}}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(Run, "poll_seconds", 0.02)
    monkeypatch.setattr(Run, "stalled_seconds", 0.3)
    monkeypatch.setattr(Run, "reconnect_seconds", 0.1)


@pytest.fixture(params=RELEASES)
def region(request):
    yield from regions(request.param)


@pytest.fixture
def region_1_6():
    yield from regions("1.6")


def regions(release):
    with RegionServer(release=release, import_seconds=0.1) as server:
        for number, uuid in enumerate(UUIDS, 2):
            cluster(server, uuid, f"10.10.{number}.2")
        yield server


def release_of(server):
    return "1.5" if server.region.release < "1.6" else "1.6"


def accept(server):
    snapshot, plan = planned(server, {**CLUSTERS, "images": {"import": False}})
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}


def carried_out(server, desired_objects, limits=SHORT):
    snapshot = snapshot_of(server)
    plan, told = make_plan(snapshot, desired_objects), []
    apply(snapshot, plan, limits, told.append)
    return plan, told


def imports(server):
    return [entry.path for entry in server.region.log if entry.op == "import_boot_images"]


def dunders(server, test=False):
    return {
        "__opts__": {"maas": {"url": server.url, "api_key": server.api_key}, "test": test,
                     "cachedir": ""},
        "__context__": {}, "__salt__": {}, "__pillar__": {}, "__grains__": {},
    }  # fmt: skip


def test_every_cluster_of_the_pillar_imports_and_is_waited_for(region):
    data = described(release_of(region))
    snapshot, plan = planned(region, data)
    assert set(plan.shown()["cluster_image"]) == set(LABELS)
    told = []
    apply(snapshot, plan, SHORT, told.append)
    assert errors(plan) == {}
    assert {"what": "images of one", "done": 1, "total": 1, "percent": 100} in told
    assert len(imports(region)) == 2
    region.requests.reset()
    assert planned(region, data)[1].shown() == {}
    assert region.requests.writes() == []


@pytest.mark.parametrize("key", ["import", "sync"])
def test_the_pillar_can_say_that_nothing_is_imported(region, key):
    data = {**described(release_of(region)), "images": {key: False}}
    assert "cluster_image" not in planned(region, data)[1].shown()


def test_what_is_selected_newly_is_imported_by_each_cluster(region_1_6):
    apply(*planned(region_1_6, described("1.6")), SHORT)
    snapshot, plan = planned(region_1_6, described("1.6", "amd64", "i386"))
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    for uuid in UUIDS:
        held = snapshot_of(region_1_6).find("cluster_image", uuid).raw["images"]
        assert {"ubuntu/trusty/amd64", "ubuntu/trusty/i386"} <= set(held)


def test_what_the_source_lacks_fails_without_waiting_for_it(region_1_6):
    snapshot, plan = planned(region_1_6, described("1.6", "arm64", "amd64", series="precise"))
    apply(snapshot, plan, Limits(import_seconds=300))
    failed = errors(plan)
    assert set(failed) == {"images of cluster one", "images of cluster two"}
    assert "not ubuntu/precise/arm64: is that selected" in failed["images of cluster one"]


def test_a_cluster_that_reports_nothing_fails_alone(region):
    accept(region)
    region.region.controller_connected(UUIDS[1], False)
    snapshot, plan = planned(region, described(release_of(region)))
    apply(snapshot, plan, Limits(import_seconds=0.8))
    failed = errors(plan)
    assert set(failed) == {"images of cluster two"}
    assert "cluster two to report the images of its import" in failed.popitem()[1]


def test_where_no_cluster_is_connected_nothing_is_sent(region):
    accept(region)
    for uuid in UUIDS:
        region.region.controller_connected(uuid, False)
    snapshot, plan = planned(region, described(release_of(region)))
    apply(snapshot, plan, Limits(import_seconds=300))
    assert "cluster one to connect" in errors(plan)["images of cluster one"]
    assert imports(region) == []


def test_a_pending_cluster_or_none_is_a_problem(region):
    desired_objects = [desired_named("cluster_image", key, {"images": ["ubuntu/trusty/amd64"]})
              for key in (UUIDS[0], "nosuch")]  # fmt: skip
    plan = make_plan(snapshot_of(region), desired_objects)
    problems = {one.desired.key: one.problem for one in plan.changes}
    assert problems[UUIDS[0]] == "the cluster is pending; accept it first"
    assert problems["nosuch"] == "there is no node group 'nosuch'"


def test_a_state_has_all_accepted_clusters_import(region):
    name = "ubuntu/trusty/amd64"
    limits = Limits(import_seconds=10)
    told = state_helpers.imported(dunders(region), name, None, limits)
    assert told["result"] is False
    assert "none is accepted yet" in told["comment"]
    accept(region)
    told = state_helpers.imported(dunders(region, test=True), name, None, limits)
    assert told["result"] is None
    assert set(told["changes"]["cluster_image"]) == set(UUIDS)
    assert imports(region) == []
    done = state_helpers.imported(dunders(region), name, None, limits)
    assert done["result"] is True, done
    assert set(done["changes"]["cluster_image"]) == set(UUIDS)
    assert state_helpers.imported(dunders(region), name, None, limits)["changes"] == {}


def test_all_accepted_clusters_import_at_once_and_their_images_are_listed(region):
    accept(region)
    client = Client(Profile(region.url, region.api_key))
    assert "started on all cluster controllers" in start(client)
    desired_objects = [
        desired_named("cluster_image", UUIDS[0], {"images": ["ubuntu/trusty/amd64"]})
    ]
    carried_out(region, desired_objects)
    shown = module_helpers.images(dunders(region))["ubuntu/trusty/amd64"]
    assert (shown["name"], shown["architecture"]) == ("ubuntu/trusty", "amd64")
    assert UUIDS[0] in shown["clusters"]


def test_the_fleet_has_all_import_and_names_who_reports_nothing(region):
    accept(region)
    region.region.controller_connected(UUIDS[1], False)
    here = dunders(region)
    data = described(release_of(region))
    here["__pillar__"] = {"maas": {**data, "limits": {"import_seconds": 0.8}}}
    assert fleet(here).import_images(wait=False) is False
    assert len(imports(region)) == 1
    done = fleet(here).apply_phase(LABELS, "images")
    assert done["one"]["error"] is None
    assert "cluster two to report the images" in done["two"]["error"]


def test_a_cluster_of_1_9_that_is_away_is_named_soon():
    with RegionServer(release="1.9", import_seconds=0.1, sync_seconds=0.1) as server:
        cluster(server, UUIDS[0], "10.10.2.2")
        server.region.controller_connected(UUIDS[0], False)
        desired = desired_named("cluster_image", UUIDS[0], {"images": ["ubuntu/trusty/amd64"]})
        plan, _ = carried_out(server, [desired], Limits(sync_seconds=300))
        assert f"cluster {UUIDS[0]} to connect" in plan.changes[0].error


def test_1_6_wants_of_each_cluster_what_its_selections_name():
    found = pillar.desired_objects(described("1.6", "amd64", "i386"), Release("1.6"))
    own = {one.label: one.values["images"] for one in found if one.type == "cluster_image"}
    assert own == {key: ["ubuntu/trusty/amd64", "ubuntu/trusty/i386"] for key in LABELS}
