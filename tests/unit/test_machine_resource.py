"""Machines as Salt resources: which ones there are, what their jobs ask, and what is refused."""

from __future__ import annotations

import inspect
import json
import stat
from contextlib import ExitStack

import pytest
from saltext.maas import machine_helpers, machine_resource, resource_ids, runtime, state_helpers
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.machines import goals
from support.loader import load
from support.machine_regions import region_with_image

context = pytest.importorskip("salt.loader.context")
if not hasattr(context, "resource_ctxvar"):
    pytest.skip("this Salt has no resources", allow_module_level=True)
ctx = pytest.importorskip("salt.utils.ctx")

NAMES = ("web-1", "web-2", "db-1")
POWER = {"architecture": "amd64", "power_type": "manual"}
MACHINES = {
    name: {**POWER, "mac_addresses": [f"52:54:00:00:00:0{number}"],
           **({"zone": "north"} if name == "db-1" else {})}
    for number, name in enumerate(NAMES)
}  # fmt: skip


@pytest.fixture(scope="module")
def region():
    with region_with_image("3.7", {"zones": {"north": None}, "machines": MACHINES}) as server:
        yield server


@pytest.fixture
def salt(region, tmp_path):
    """A module's dunders on a minion whose pillar describes machines of two regions."""
    region.requests.reset()
    api = {"url": region.url, "api_key": region.api_key}
    pillar = {
        "maas": {"api": api, "machines": {"web-1": {}, "web-2.maas": {}, "new-1": {}}},
        "dc2": {"api": {**api, "url": "http://127.0.0.1:9/MAAS"}, "machines": {"web-1": {}}},
    }
    opts = {"id": "minion", "cachedir": str(tmp_path), "maas.root": str(tmp_path),
            "pillar": pillar}  # fmt: skip
    return {"__opts__": opts, "__pillar__": pillar, "__context__": {}, "__salt__": {},
            "__minion__": {"test.ping": None}}  # fmt: skip


@pytest.fixture
def job():
    """A function that makes a resource that of a job, which has a target."""
    stack = ExitStack()
    tokens = []

    def choose(ident, jid="1", target=None, kind="compound"):
        tokens.append(context.resource_ctxvar.set({"type": "maas_machine", "id": ident}))
        target = f"T@maas_machine:{ident}" if target is None else target
        data = {"jid": jid, "tgt": target, "tgt_type": kind}
        opts = {"log_fmt_jid": "[JID: %(jid)s]"}  # which Salt's loggers look for in a job
        stack.enter_context(ctx.request_context({"data": data, "opts": opts}))

    with stack:
        yield choose
        for token in reversed(tokens):
            context.resource_ctxvar.reset(token)


def declare(salt, **declared):
    salt["__opts__"]["pillar"]["resources"] = {"maas_machine": declared}


def asked(region):
    return [one.path.rpartition("/api/2.0/")[2] for one in region.requests]


@pytest.mark.parametrize(
    ("declared", "ids", "requests"),
    [
        ({}, ["web-1", "web-2.maas", "new-1"], 0),
        ({"resource_ids": ["db-1", "web*"]}, ["db-1", "web*"], 0),
        ({"resource_ids": ["w?b*"], "machines": {"zone": "north"}}, ["w?b*", "db-1"], 2),
        ({"machines": {"status": "New"}, "qualified": True},
         ["db-1@maas", "web-1@maas", "web-2@maas"], 2),
        ({"profiles": ["maas", "dc2"], "machines": "described", "resource_ids": ["*@dc2"]},
         ["*@dc2", "web-1@maas", "web-2.maas@maas", "new-1@maas", "web-1@dc2"], 0),
    ],
)  # fmt: skip
def test_ids_are_those_of_the_pillar_or_of_a_filter(salt, region, declared, ids, requests):
    declare(salt, **declared)
    assert machine_resource.discover(salt) == ids
    assert machine_resource.discover(salt) == ids
    assert len(region.requests) == requests


def test_a_region_names_no_machines_of_another_and_no_groups(salt, monkeypatch):
    declare(salt, machines={"zone": "north"}, profiles=["maas", "dc2"])
    told = {"maas": ["web-1@dc2", "*", "web-[1]", "-x", "../x", "db 1", "web-1"], "dc2": ["web-2"]}
    monkeypatch.setattr(machine_resource, "_known", lambda dunders, profile: [
        {"hostname": name} for name in told[profile]
    ])  # fmt: skip
    assert machine_resource.discover(salt) == ["web-1@maas", "web-2@dc2"]


@pytest.mark.parametrize(
    ("declared", "mistake"),
    [
        ({"resource_id": ["a"]}, "resource_id: is none of: machines, profiles, qualified, res"),
        ({"resource_ids": "web*"}, "resource_ids: must be a list of host names and patterns"),
        ({"resource_ids": ["a/b"]}, "resource_ids: 'a/b' must be a host name or a pattern"),
        ({"resource_ids": ["a@dc9"]}, "resource_ids: 'a@dc9' must end with one of: @maas"),
        ({"profiles": ["maas", "dc2"], "resource_ids": ["a"]}, "'a' must name its region, such"),
        ({"profiles": ["a:b"]}, "profiles: 'a:b' must be a name of letters"),
        ({"profiles": "dc1"}, "profiles: must be a list of profiles"),
        ({"profiles": ["a", "b"], "qualified": False}, "qualified: must be true for machines of"),
        ({"qualified": "yes"}, "qualified: 'yes' must be true or false"),
        ({"machines": "all"}, "machines: 'all' must be 'described', or a mapping with status"),
        ({"machines": {"pol": "web"}}, "machines:pol: must be a text, and its name one of"),
    ],
)
def test_a_mistake_in_the_pillar_stops_jobs(salt, region, job, caplog, declared, mistake):
    declare(salt, **declared)
    machine_resource.discover(salt)
    assert mistake in caplog.text
    job("web-1")
    with pytest.raises(BadInput, match="resources:maas_machine:"):
        machine_resource.own(salt)
    assert len(region.requests) == 0


def test_the_processes_of_a_job_share_one_list(salt, region, job):
    declare(salt)
    for name in ("web-1", "web-2.maas"):
        job(name)
        found = machine_helpers.status({**salt, "__context__": {}}, name)
        assert found[name]["status"] == "New"
        assert machine_resource.grains(salt, name)["maas"]["system_id"] == found[name]["system_id"]
    assert asked(region) == ["version/", "machines/"]
    job("web-1", jid="2")
    machine_resource.ping(salt)
    assert len(region.requests) == 4
    job("new-1", jid="2")
    with pytest.raises(BadInput, match="machine new-1: the region has none with this name"):
        machine_resource.ping(salt)
    assert len(region.requests) == 4


def test_a_region_that_is_away_leaves_what_was_known(salt, region, tmp_path, caplog):
    declare(salt, machines={"zone": "north"})
    assert machine_resource.discover(salt) == ["db-1"]
    path = tmp_path / "maas" / "machines-maas.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "time": 1}))
    salt["__opts__"]["pillar"]["maas"]["api"]["url"] = "http://127.0.0.1:9/MAAS"
    assert machine_resource.discover(salt) == ["db-1"]
    assert machine_resource.grains(salt, "db-1")["maas"]["zone"] == "north"
    assert caplog.text.count("what was known is taken") == 1
    assert region.api_key.rpartition(":")[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_grains_are_those_of_the_machine_and_not_of_a_group(salt, region, job):
    declare(salt, resource_ids=["web*", "gone-1"], qualified=True)
    found = machine_resource.grains(salt, "web-1")
    assert found["id"] == "web-1"
    assert {"profile": "maas", "status": "New", "fqdn": "web-1.maas"}.items() <= found[
        "maas"
    ].items()
    unknown = machine_resource.grains(salt, "gone-1@maas")
    assert unknown == {"id": "gone-1@maas", "maas": {"hostname": "gone-1", "profile": "maas"}}
    assert machine_resource.grains(salt, "web*") == {"maas": {"group": "web*"}}
    assert asked(region) == ["version/", "machines/"]


@pytest.mark.parametrize(
    ("kind", "target", "machine", "group"),
    [
        ("compound", "T@maas_machine", True, False),
        ("compound", "T@maas_machine:web-1 or T@maas_machine:web*", True, True),
        ("compound", ["T@maas_machine", "and", "G@id:web*"], True, False),
        ("compound", "T@maas_machines:web*", False, False),
        ("compound", "not G@os:Windows", False, False),
        ("grain", "maas:pool:web", True, True),
        ("grain", "id:web-1", False, False),
        ("glob", "*", False, False),
        ("glob", "web*", False, False),
        ("glob", "web-1", False, False),  # a deployed machine may be a minion with this id
        ("list", ["web-1", "web*"], False, False),
    ],
)
def test_a_target_has_to_name_machines_as_resources(salt, job, kind, target, machine, group):
    job("web-1", target=target, kind=kind)
    opts = salt["__opts__"]
    assert resource_ids.is_named(opts, "web-1") is machine
    assert resource_ids.is_named(opts, "web*") is group


def module(salt):
    dunders = {name: one for name, one in salt.items() if name not in ("__opts__", "__pillar__")}
    return load(
        "_resources/maas_machine/modules/maas_machine.py", opts=salt["__opts__"],
        pillar=salt["__pillar__"], **dunders,
    )  # fmt: skip


def test_functions_are_those_of_minions_without_a_name(salt):
    ours, theirs = module(salt), load("_modules/maas_machine.py")
    names = {
        name for name, one in inspect.getmembers(theirs, inspect.isfunction)
        if one.__module__ == theirs.__name__ and not name.startswith("_")
    }  # fmt: skip
    found = {
        name: one for name, one in inspect.getmembers(ours, inspect.isfunction)
        if one.__module__ == ours.__name__ and not name.startswith("_")
    }  # fmt: skip
    assert found.keys() <= names
    assert names - found.keys() == {"list_", "get", "set_", "delete", "sync_minions"}
    for name, one in found.items():
        given = set(inspect.signature(getattr(theirs, name)).parameters) - {"name", "profile"}
        assert set(inspect.signature(one).parameters) == given
        text = inspect.getdoc(one)
        assert "profile (" not in text
        assert "\n    name (" not in text
        assert f"salt -C 'T@maas_machine:web-1' maas_machine.{name}" in text
        assert "Args:\n\n" not in text


def test_functions_work_on_the_machine_or_on_all_of_the_group(salt, region, job):
    declare(salt, resource_ids=["web*", "*"])
    ours = module(salt)
    job("web-1")
    assert ours.status()["hostname"] == "web-1"
    assert ours.describe(events=0)["fqdn"] == "web-1.maas"
    with pytest.raises(MaasError, match="web-1: it is New, so MAAS refuses lock"):
        ours.lock()
    job("web*")
    assert list(ours.status()) == ["web-1", "web-2"]
    assert {name: one["system"]["osystem"] for name, one in ours.describe(events=0).items()} == {
        "web-1": None, "web-2": None
    }  # fmt: skip
    with pytest.raises(MaasError) as refused:
        ours.lock()
    assert str(refused.value).count("so MAAS refuses lock") == 2
    job("web-*x", jid="3")
    with pytest.raises(MaasError, match=r"group web-\*x: no machine has a name that matches"):
        ours.status()
    job("web-1", target="*", kind="glob")
    region.requests.reset()
    assert ours.lock().startswith("nothing was done: the target does not name this machine")
    assert len(region.requests) == 0


def test_an_error_of_one_leaves_the_results_of_the_others(salt, job):
    declare(salt, machines="described", resource_ids=["*"])
    ours = module(salt)
    job("*")
    found = ours.results()
    assert (found["web-1"], found["web-2.maas"]) == ({}, {})
    assert found["new-1"].startswith("ERROR: machine new-1: the region has none")
    assert ours.__context__["retcode"] == 1


def test_states_are_for_the_machines_of_the_job(salt, region, job):
    declare(salt, machines="described", resource_ids=["web*"])
    arguments = {"profile": None, "timeout": 1, "in_use": False, "machine_class": None}
    salt["__opts__"]["test"] = True

    def commissioned(name, machines=None, **more):
        given = {"name": name, "machines": machines, **arguments, **more}
        return machine_helpers.reach({**salt, "__context__": {}}, goals.Commissioned, given)

    job("web*")
    machine_resource.ping({**salt, "__context__": {}})
    for label in ("web*", "new machines"):
        assert set(commissioned(label)["changes"]["machine"]) == {"web-1", "web-2.maas"}
    assert set(commissioned("web-1")["changes"]["machine"]) == {"web-1"}
    assert set(commissioned("some", ["web-1"])["changes"]["machine"]) == {"web-1"}
    for refused in (commissioned("new-1"), commissioned("db-1"), commissioned("x", ["db-1"])):
        assert refused["result"] is False
        assert "this job is for web*; target T@maas_machine:" in refused["comment"]
    of_other = commissioned("web-1", profile={"url": region.url, "api_key": region.api_key})
    assert "profile: this job is for web*, which has its own" in of_other["comment"]
    job("web-1")
    assert set(commissioned("label")["changes"]["machine"]) == {"web-1"}
    other = state_helpers.present(salt, "zone", {"name": "south", "profile": None})
    assert (other["result"], other["changes"]) == (False, {})
    assert "web-1 is a machine: it has only states of its life" in other["comment"]


def test_a_machine_of_another_region_is_reached_by_its_profile(salt, region, job):
    declare(salt, profiles=["maas", "dc2"], machines="described")
    salt["__opts__"]["pillar"]["dc2"]["api"]["url"] = region.url
    job("web-1@dc2")
    assert runtime.resource(salt) == "dc2"
    assert machine_resource.own(salt).names == ["web-1"]
    with pytest.raises(MaasError, match="machine web-1@dc2 is a Salt resource, of which only"):
        runtime.installation(salt, "region")
    assert machine_resource.ping(salt) is True
    job("web-1@maas")
    assert runtime.resource(salt) is None
