"""Image imports that end well, badly, or not at all."""

from __future__ import annotations

import time

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.reconcile import Limits, Snapshot, apply, desired_named, desired_object, make_plan
from saltext.maas.reconcile.apply import Run

SOURCE = "http://images.example.com/ephemeral-v3/stable/"
LIMITS = Limits(catalogue_seconds=10, import_seconds=20, sync_seconds=10)


@pytest.fixture
def server():
    with RegionServer("3.7", import_seconds=0.3, index_seconds=0.1, sync_seconds=0.1) as server:
        yield server


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(Run, "poll_seconds", 0.05)


def carry_out(server, *desired_objects, limits=LIMITS):
    snapshot = Snapshot(Client(Profile(server.url, server.api_key)))
    plan = make_plan(snapshot, desired_objects)
    told = []
    apply(snapshot, plan, limits, told.append)
    return plan, told


def selected(release):
    return [
        desired_object("boot_source", {"url": SOURCE}),
        desired_object(
            "boot_selection",
            {"source": SOURCE, "os": "ubuntu", "release": release, "arches": ["amd64"]},
        ),
        desired_named("image", f"ubuntu/{release}/amd64", {}),
    ]


def posts(server, op):
    return [entry for entry in server.region.log if entry.method == "POST" and entry.op == op]


def test_what_is_selected_is_imported_and_progress_reported(server):
    plan, told = carry_out(server, *selected("jammy"))
    assert all(change.done for change in plan.changes)
    assert {"what": "image import", "done": 1, "total": 1, "percent": 100} in told


def test_what_is_there_is_not_imported_again(server):
    carry_out(server, *selected("jammy"))
    before = len(posts(server, "import"))
    plan, _ = carry_out(server, *selected("jammy"))
    assert not plan.changes
    assert len(posts(server, "import")) == before


def test_several_images_share_one_import(server):
    carry_out(server, *selected("jammy"))
    before = len(posts(server, "import"))
    plan, _ = carry_out(server, *selected("noble"), *selected("focal")[1:])
    assert all(change.done for change in plan.changes)
    assert len(posts(server, "import")) == before + 1


def test_an_import_that_brings_nothing_fails_before_its_deadline(server, monkeypatch):
    monkeypatch.setattr(Run, "stalled_seconds", 0.5)
    carry_out(server, *selected("jammy"))
    plan, _ = carry_out(server, desired_named("image", "ubuntu/noble/amd64", {}))
    (change,) = plan.changes
    assert "the import ended with 0 of 1 images" in change.error


def test_a_release_that_the_source_lacks_fails_at_once(server):
    carry_out(server, *selected("jammy"))
    server.requests.reset()
    began = time.monotonic()
    plan, _ = carry_out(server, *selected("jammy"), *selected("zesty")[1:])
    assert time.monotonic() - began < LIMITS.catalogue_seconds / 2
    errors = {change.desired.type: change.error for change in plan.changes}
    assert "has no available images" in errors["boot_selection"]
    assert "dependency failed" in errors["image"]
    assert [one.path for one in server.requests.writes()] == [
        "/MAAS/api/2.0/boot-sources/1/selections/"
    ]  # fmt: skip


def test_an_architecture_that_the_source_lacks_fails_at_once(server):
    source, selection, *_ = selected("jammy")
    both = desired_named("boot_selection", selection.key.partition(" ")[2],
                      {**selection.values, "arches": ["amd64", "s390x"]})  # fmt: skip
    carry_out(server, source)
    began = time.monotonic()
    plan, _ = carry_out(server, source, both)
    assert time.monotonic() - began < LIMITS.catalogue_seconds
    (change,) = plan.changes
    assert change.error.endswith(
        "has images of ubuntu/jammy, but not of all of arches amd64, s390x: select only what it "
        "has, or * for all of that"
    )
