"""Regions as Salt resources: which ones there are, and what modules then see."""

from __future__ import annotations

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import region_resource, resource_ids, runtime
from saltext.maas.errors import BadInput, MaasError
from support.loader import REPOSITORY

from tools import generate

context = pytest.importorskip("salt.loader.context")
if not hasattr(context, "resource_ctxvar"):
    pytest.skip("this Salt has no resources", allow_module_level=True)

KEY = "consumer:token:secret"


@pytest.fixture
def salt(tmp_path):
    """A module's dunders on a minion that stands for regions."""
    profile = {"url": "http://dc1/MAAS", "api_key": "sdb://vault/key"}
    return {
        "__opts__": {"id": "minion", "cachedir": str(tmp_path), "maas.root": str(tmp_path),
                     "resource_type": "maas_region"},
        "__pillar__": {"dc1": {"api": profile, "zones": {"a": {}}},
                       "dc2": {"api": {**profile, "url": "http://dc2/MAAS"}},
                       "maas": {"api": {"url": "http://own/MAAS"}, "zones": {"own": {}}}},
        "__context__": {}, "__salt__": {},
        "__minion__": {"sdb.get": {"sdb://vault/key": KEY}.get},
    }  # fmt: skip


@pytest.fixture
def target():
    """A function that makes a region that of the job."""
    tokens = []

    def choose(name):
        tokens.append(context.resource_ctxvar.set({"type": "maas_region", "id": name}))

    yield choose
    for token in reversed(tokens):
        context.resource_ctxvar.reset(token)


def test_every_module_for_the_api_is_there_for_resources():
    folder = REPOSITORY / "_resources" / "maas_region" / "modules"
    names = {path.stem for path in folder.glob("maas_*.py")}
    assert {path.stem for path in generate.of_regions({})} == names
    assert {"maas_region", "maas_zone", "maas_api"} <= names
    assert not {"maas_fleet", "maas_secret"} & names


def test_the_region_of_the_job_is_the_default_profile(salt, target):
    target("dc1")
    assert (runtime.profile(salt).url, runtime.profile(salt).api_key) == ("http://dc1/MAAS", KEY)
    first = runtime.client(salt)
    target("dc2")
    assert runtime.profile(salt).url == "http://dc2/MAAS"
    assert runtime.client(salt) is not first
    assert runtime.profile(salt, "maas").url == "http://own/MAAS"


def test_the_pillar_of_a_region_is_what_stands_under_its_name(salt, target):
    target("dc1")
    assert runtime.described(salt)["zones"] == {"a": {}}
    target("dc3")
    with pytest.raises(BadInput, match="dc3: is missing in the pillar of this minion"):
        runtime.described(salt)
    with pytest.raises(BadInput, match="profile 'dc3' is neither in"):
        runtime.profile(salt)


def test_the_minions_host_is_not_that_of_a_region(salt, target):
    target("dc1")
    assert runtime.installation(salt) is None
    with pytest.raises(MaasError, match="region dc1 is a Salt resource"):
        runtime.installation(salt, "region")


def test_without_a_region_nothing_is_done_for_the_default_one(salt):
    # As in a process that Salt started for a state with `parallel: true`.
    with pytest.raises(MaasError, match="does not say for which resource"):
        runtime.client(salt)
    with pytest.raises(MaasError, match="does not say for which resource"):
        runtime.described(salt)


@pytest.mark.parametrize(
    ("declared", "names", "mistake"),
    [
        ({"resource_ids": ["dc1", "dc2", "dc1"]}, ["dc1", "dc2"], None),
        ({"resource_ids": ["dc1", "a:b", 3]}, ["dc1"], "resources:maas_region:resource_ids: 'a:b'"),
        ({}, [], "resources:maas_region:resource_ids: must be a list of profiles"),
        ("dc1", [], "resources:maas_region:resource_ids: must be a list of profiles"),
    ],
)
def test_only_what_can_be_a_name_is_a_region(declared, names, mistake):
    found, mistakes = resource_ids.regions({"pillar": {"resources": {"maas_region": declared}}})
    assert found == names
    assert bool(mistakes) == bool(mistake)
    assert not mistake or mistakes[0].startswith(mistake)


def test_grains_cost_one_request_an_hour(salt, target):
    target("dc1")
    with RegionServer(release="3.5") as server:
        salt["__pillar__"]["dc1"]["api"]["url"] = server.url
        found = [region_resource.grains(salt, "dc1") for _ in range(3)]
        assert len(server.requests) == 1
        region_resource.grains(salt, "dc1", refresh=True)
        assert len(server.requests) == 2
    grains = {
        "installed": False,
        "region": "dc1",
        "url": server.url,
        "release": found[0]["maas"]["release"],
    }
    assert found == [{"id": "dc1", "maas": grains}] * 3
    assert grains["release"].startswith("3.5")


def test_grains_of_a_region_that_is_away_or_wrong_have_no_release(salt, target):
    target("dc1")
    salt["__pillar__"]["dc1"]["api"]["url"] = "http://127.0.0.1:9/MAAS"
    found = region_resource.grains(salt, "dc1")["maas"]
    assert found == {"installed": False, "region": "dc1", "url": "http://127.0.0.1:9/MAAS"}
    target("dc3")
    assert region_resource.grains(salt, "dc3")["maas"] == {"installed": False, "region": "dc3"}


@pytest.mark.parametrize(
    ("kind", "target", "asked"),
    [
        ("glob", "minion", True), ("glob", "db*", False), ("list", ["dc1"], False),
        ("compound", "T@maas_region and G@id:dc1", False), ("compound", "minion", True),
    ],
)  # fmt: skip
def test_what_salt_runs_on_a_minion_that_is_not_targeted_is_refused(salt, kind, target, asked):
    ctx = pytest.importorskip("salt.utils.ctx")
    del salt["__opts__"]["resource_type"]
    salt["__salt__"] = {"match.glob": "minion".__eq__, "match.list": lambda names: False}
    salt["__pillar__"]["maas"]["api"]["api_key"] = KEY
    data = {"tgt": target, "tgt_type": kind, "resource_targets": [{"id": "dc1"}]}
    with ctx.request_context({"data": data}):
        if asked:
            assert runtime.profile(salt).url == "http://own/MAAS"
        else:
            with pytest.raises(MaasError, match="for Salt resources of this minion, not for the m"):
                runtime.profile(salt)
