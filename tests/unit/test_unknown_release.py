"""Releases that are newer than all that are known, and what they have removed."""

from __future__ import annotations

import contextlib
import logging

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar, region_plan, render, resources
from saltext.maas.client import Client, Profile
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import Snapshot, apply, desired_object, make_plan
from saltext.maas.release import SERIES, Release, newer_release_warnings
from saltext.maas.resources.vm_hosts import VmHost
from support.loader import load
from support.reconciling import SHORT, rack, snapshot_of

QUICK = {"import_seconds": 0.0, "index_seconds": 0.0, "sync_seconds": 0.0}
DATA = {
    "settings": {"kernel_opts": "quiet", "refresh_token_duration": 1000},
    "zones": {"north": None},
    "tags": {"gpu": {"comment": "cards"}},
    "users": {"ops": {"email": "ops@example.com", "password": "hunter2"}},
    "user_groups": {"night": {"description": "who is on call"}},
    "resource_pools": {"web": None},
    "fabrics": {"dc1": {"vlans": {5: {"name": "storage"}}}},
    "subnets": {"10.20.0.0/24": {"vlan": "dc1/5", "reserved_ips": {
        "10.20.0.77": {"mac_address": "52:54:00:00:00:77"}}}},
    "dhcp_snippets": {"ntp": {"value": "option ntp-servers 192.0.2.1;"}},
    "racks": {"rack-a": {"description": "by the door", "power_type": "manual"}},
    "boot_sources": {"http://images.example.com/stable/": {
        "selections": [{"os": "ubuntu", "release": "noble", "arches": ["amd64"]}]}},
    "images": {"import": False, "sync": False},
    "exclusive": {"zone": True, "boot_source": True},
}  # fmt: skip


@contextlib.contextmanager
def new_region(release):
    with RegionServer(release, **QUICK) as server:
        server.rack = rack(server, "rack-a", "10.10.0.2")
        yield server


def module(folder, server, data, test=False):
    api = {"url": server.url, "api_key": server.api_key}
    opts = {"test": test, "maas.root": "/nonexistent", "maas": {"api": api}}
    return load(f"{folder}/maas_region.py", opts, {"maas": data})


def requests_of(server, data):
    """Plan, run, and run again; the requests of each."""
    counts = []
    for number in range(2):
        server.requests.reset()
        snapshot = snapshot_of(server)
        plan = region_plan.plan_of(snapshot, data)
        assert bool(plan) == (number == 0), plan.shown()
        assert plan.problems() == []
        apply(snapshot, plan, SHORT)
        assert [change.error for change in plan.changes if change.error] == []
        sent = [f"{one.method} {one.path} {one.op}" for one in server.requests]
        counts.append(sorted(one.replace(server.rack, "RACK") for one in sent))
    return counts


@pytest.mark.parametrize("release", ["3.9", "4.0"])
def test_it_is_treated_as_the_newest_known_one(release):
    with new_region(SERIES[-1]) as known, new_region(release) as unknown:
        assert requests_of(unknown, {**DATA, "release": release}) == requests_of(known, DATA)


def test_there_is_one_warning_in_a_run(caplog):
    (line,) = newer_release_warnings(Release("4.0"))
    data = {**DATA, "release": "4.0", "dhcp_snippets": {}}
    with new_region("4.0") as server, caplog.at_level(logging.WARNING):
        for test in (True, False):
            caplog.clear()
            states = module("_states", server, data, test)
            results = [states.pillar_valid("pillar"), states.managed("all"), states.managed("all")]
            assert all(one["result"] is not False for one in results), results
            assert [one.get("warnings", []) for one in results] == [[line], [], []]
            assert [one.message for one in caplog.records] == [line]
        zone = load("_states/maas_zone.py", states.__opts__, {"maas": data})
        results = [zone.present(name) for name in ("south", "west")]
        assert [one.get("warnings", []) for one in results] == [[line], []]
        functions = module("_modules", server, data)
        assert functions.check_pillar() == [f"warning: {line}"]
        plan = region_plan.plan_of(snapshot_of(server), data)
        for form in ("text", "json", "html"):
            shown = str(render.render_plan(snapshot_of(server), plan, form))
            assert shown.count("MAAS 4.0 is newer than MAAS") == 1


@pytest.mark.parametrize("release", [*SERIES, "3.8.5"])
def test_known_releases_have_no_warning(release):
    assert pillar.warnings({}, Release(release)) == []


def test_pillar_and_profile_accept_it():
    for release in ("3.9", "4.0", "4.1.2"):
        assert pillar.problems({"release": release, "zones": {"north": None}}) == []
        values = {"url": "http://192.0.2.1/MAAS", "api_key": "a:b:c", "release": release}
        assert Profile.from_mapping(values).release == release
    for release in ("1.4", "2.10", "four"):
        with pytest.raises(BadInput, match=r"must be a MAAS release, 1\.5 or later"):
            Profile.from_mapping({**values, "release": release})


def test_deprecated_objects_have_one_warning():
    data = {"dhcp_snippets": {"a": {"value": "x;"}, "b": {"value": "y;"}}}
    (line,) = pillar.warnings(data, Release("3.8"))
    assert line.startswith("maas:dhcp_snippets: DHCP snippets are deprecated; use reserved IP")
    assert pillar.warnings(data, Release("3.7")) == []
    assert pillar.warnings({"dhcp_snippets": {}}, Release("3.8")) == []


# What was removed


@pytest.fixture(params=[True, False], ids=["known", "found out"])
def vm_host(request, monkeypatch):
    """The type of VM hosts, whose removal is in the table or not."""
    table = VmHost()
    if not request.param:
        monkeypatch.setattr(VmHost, "removed", "")
    monkeypatch.setitem(resources.BY_NAME, "vm_host", table)
    return table


def plan_with_vm_hosts(server, table, absent=False):
    snapshot = Snapshot(Client(Profile(server.url, server.api_key)))
    snapshot.tables["vm_host"] = table
    host = {"name": "kvm-1"} if absent else {
        "name": "kvm-1", "type": "virsh", "power_address": "qemu+ssh://192.0.2.9/system",
    }  # fmt: skip
    wishes = [desired_object("vm_host", host, "VM host kvm-1", absent=absent)]
    wishes.append(desired_object("zone", {"name": "north"}, "zone north"))
    return snapshot, make_plan(snapshot, wishes)


def test_what_was_removed_is_a_problem_of_the_object_alone(vm_host):
    with RegionServer("4.0") as server:
        snapshot, plan = plan_with_vm_hosts(server, vm_host)
        (problem,) = plan.problems()
        assert problem.startswith("VM host kvm-1: MAAS 4.0 ")
        assert "removed VM hosts; delete the description" in problem
        assert plan.shown().keys() == {"zone"}
        apply(snapshot, plan, SHORT)
        assert "north" in snapshot_of(server).records("zone")
        asked = [one.path for one in server.requests if "vm-hosts" in one.path]
        assert len(asked) == (0 if vm_host.removed else 1)
        assert plan_with_vm_hosts(server, vm_host, absent=True)[1].shown() == {}
    with RegionServer("3.8") as server:
        assert plan_with_vm_hosts(server, vm_host)[1].problems() == []


def test_the_check_names_the_key_of_what_was_removed(vm_host, monkeypatch):
    monkeypatch.setattr("saltext.maas.pillar.outdated.TABLES", [vm_host])
    data = {"vm_hosts": {"kvm-1": {"type": "lxd"}}}
    wanted = ["maas:vm_hosts: MAAS 4.0 removed VM hosts; delete this key"]
    found = pillar.warnings(data, Release("4.1"))
    assert found == newer_release_warnings(Release("4.1")) + (wanted if vm_host.removed else [])
    assert pillar.warnings(data, Release("3.8")) == []


@pytest.mark.parametrize("release", ["5", 5, "abc", "1.4", ["3.8"]])
def test_what_is_no_release_is_named_with_its_path(region, release):
    data = {**DATA, "release": release}
    expected = f"maas:release: {release!r} must be a MAAS release, 1.5 or later, quoted, such as"
    states = module("_states", region, data)
    for result in (states.managed("site"), states.pillar_valid("pillar")):
        assert (result["result"], result["comment"]) == (False, f"{expected} '3.7'")
    assert module("_modules", region, data).check_pillar() == [f"{expected} '3.7'"]
    assert list(region.requests) == []
