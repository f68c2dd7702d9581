"""Controllers of a pillar: ``racks`` from MAAS 2.0 on, ``clusters`` before; the other one warns."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan, render, runtime
from saltext.maas.release import Release
from support.loader import load
from support.reconciling import carried_out, cluster, rack, snapshot_of

UUID = "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01"
#: release, its key, the other one, an entry of that release
KINDS = [
    ("3.7", "racks", "clusters", {"description": "by the door"}),
    ("2.6", "racks", "clusters", {"description": "by the door"}),
    ("1.9", "clusters", "racks", {"uuid": UUID, "cluster_name": "A"}),
]
TOLD = "the next release of this extension takes that name only"


@pytest.fixture(params=KINDS, ids=[one[0] for one in KINDS])
def kind(request):
    release, right, other, entry = request.param
    with RegionServer(release) as server:
        if right == "racks":
            rack(server, "rack-1", "10.0.0.2")
        else:
            cluster(server, UUID, "10.0.0.2")
        yield server, right, other, entry


def module(folder, server, pillar=None):
    api = {"url": server.url, "api_key": server.api_key}
    opts = {"test": True, "maas.root": "/nonexistent", "maas": {"api": api}}
    return load(f"{folder}/maas_region.py", opts, {"maas": pillar or {}})


def test_either_key_says_the_same_and_the_other_one_warns(kind):
    server, right, other, entry = kind
    release = server.region.release.series
    plans = {}
    for key in (right, other):
        data = {"release": release, key: {"rack-1": entry}, "images": {"sync": False}}
        assert pillar.problems(data) == []
        plan = region_plan.plan_of(snapshot_of(server), data)
        plans[key] = plan.shown()
        warnings = [] if key == right else [
            f"maas:{other}: is {right} in a pillar of MAAS {server.region.release}; {TOLD}"
        ]  # fmt: skip
        assert plan.warnings == warnings
        lines = render.render_plan(snapshot_of(server), plan, "text").splitlines()
        assert [line for line in lines if line.startswith("warning: ")] == [
            f"warning: {line}" for line in warnings
        ]
        assert render.render_plan(snapshot_of(server), plan, "json")["warnings"] == warnings
        assert all(
            line in render.render_plan(snapshot_of(server), plan, "html") for line in warnings
        )
        told = module("_states", server, data).managed("all")
        assert told["result"] is None
        assert told.get("warnings", []) == warnings
        told = module("_states", server, data).pillar_valid("pillar")
        assert [TOLD in line for line in told.get("warnings", [])] == [True] * len(warnings)
        (*found,) = module("_modules", server, data).check_pillar()
        assert [line.startswith(f"warning: maas:{other}: ") for line in found] == (
            [True] * len(warnings)
        )
    assert plans[right] == plans[other] != {}


def test_what_is_wrong_with_an_entry_is_reported_at_its_key(kind):
    server, right, other, _ = kind
    for key in (right, other):
        data = {"release": server.region.release.series, key: {"rack-1": {"region_url": "x"}}}
        (line,) = pillar.problems(data)
        assert line.startswith(f"maas:{key}:rack-1:region_url: 'x' must be a region's URL")


def test_one_name_under_both_keys_is_refused_with_one_message(kind):
    server, _, _, entry = kind
    data = {
        "release": server.region.release.series,
        "racks": {"rack-1": entry}, "clusters": {"rack-1": entry, "rack-2": None},
    }  # fmt: skip
    assert pillar.problems(data) == [
        "maas:clusters:rack-1: stands in maas:racks as well; name it in one of them: racks from "
        "MAAS 2.0 on, clusters before"
    ]


def test_names_of_both_keys_are_judged_together():
    data = {"release": "3.7", "racks": {"a.example.com": None}, "clusters": {"a": None}}
    assert pillar.problems(data) == [
        "maas:clusters:a:hostname: 'a' is that of maas:racks:a.example.com already"
    ]


def test_nothing_is_said_where_the_release_is_not_known():
    data = {"racks": {"a": None}, "clusters": {"b": None}}
    assert pillar.problems(data) == []
    assert pillar.warnings(data, None) == []


def test_an_export_writes_the_key_of_its_release(kind):
    server, right, other, entry = kind
    carried_out(server, {right: {"rack-1": entry}, "images": {"sync": False}})
    found = pillar.export(snapshot_of(server)).described
    assert right in found
    assert other not in found
    assert pillar.warnings(found, Release(found["release"])) == []


@pytest.mark.parametrize("key", ["racks", "clusters"])
def test_a_minion_finds_its_own_entry_under_either_key(key):
    entry = {"region_url": "sdb://a/b", "local_settings": {"tftp_port": 69}}
    dunders = {
        "__opts__": {"id": "rack-1"}, "__salt__": {"sdb.get": lambda _: "http://h/MAAS"},
        "__pillar__": {"maas": {key: {"rack-1": entry, "rack-2": {"region_url": "sdb://x/y z"}}}},
    }  # fmt: skip
    assert runtime.controller(dunders)["region_url"] == "http://h/MAAS"
    assert runtime.controller({**dunders, "__opts__": {"id": "rack-9"}}) == {}
    assert runtime.controller({**dunders, "__pillar__": {"maas": {key: "odd"}}}) == {}
