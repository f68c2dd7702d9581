"""VM hosts: one for each name and address, with secrets that nobody sees."""

from __future__ import annotations

import logging

import pytest
from maas_emulator import hardware, machines
from maas_emulator.machine_forms import default_domain
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.reconcile import Limits, apply, desired_object
from support.loader import load
from support.reconciling import (
    carried_out,
    carried_out_and_true,
    errors,
    planned,
    problems_of,
    rack,
    snapshot_of,
)

ADDRESS = "qemu+ssh://ubuntu@192.0.2.9/system"


@pytest.fixture(scope="module")
def regions():
    servers = {}

    def of_release(release):
        if release not in servers:
            servers[release] = RegionServer(release).__enter__()
            carried_out(servers[release], {"zones": {"north": {}}, "resource_pools": {"web": {}}})
        servers[release].region.rows("vm_hosts").clear()
        return servers[release]

    yield of_release
    for server in servers.values():
        server.__exit__(None, None, None)


@pytest.fixture(params=("2.4", "2.8", "2.9", "3.7", "3.8"))
def server(request, regions):
    return regions(request.param)


def host(name="kvm-1", absent=False, **values):
    return [desired_object("vm_host", {"name": name, **values}, "here", absent=absent)]


def virsh(name="kvm-1", **values):
    return host(name, type="virsh", power_address=ADDRESS, **values)


@pytest.mark.parametrize("release", ["2.4", "3.8"])
def test_tags_that_maas_adds_are_no_difference(release):
    with RegionServer(release) as server:
        rack(server, "rack-1", "192.0.2.2")
        hardware.vm_host(server.region, ADDRESS, "virsh")
        carried_out_and_true(server, virsh(tags="fast"))
        carried_out_and_true(server, host(tags="near", power_address=ADDRESS))
        (row,) = server.region.rows("vm_hosts").values()
        assert set(row["tags"]) == {"near", "virtual", "pod-console-logging"}


def test_it_is_created_changed_renamed_and_deleted(server):
    carried_out_and_true(server, virsh(tags="fast,near", cpu_over_commit_ratio=2))
    carried_out_and_true(server, host(zone="north", pool="web", memory_over_commit_ratio=1.5))
    carried_out_and_true(server, host(tags=[], power_address=ADDRESS.replace("9", "10")))
    carried_out_and_true(server, host(power_address=ADDRESS))
    # MAAS would take a second one of the same address.
    carried_out_and_true(server, virsh("kvm-2"))
    assert list(snapshot_of(server).records("vm_host")) == ["kvm-2"]
    carried_out(server, host("kvm-2", absent=True))
    assert snapshot_of(server).records("vm_host") == {}


def test_secrets_are_compared_and_never_shown(regions, caplog):
    server = regions("3.7")
    caplog.set_level(logging.DEBUG)
    _, plan = carried_out(server, virsh(power_pass="hunter2"))
    told = str(plan.shown())
    _, plan = carried_out(server, host(power_pass="battery staple"))
    told += f"{plan.shown()}{caplog.text}"
    assert plan.shown()["vm_host"]["kvm-1"].keys() == {"power_pass"}
    assert "hunter2" not in told
    assert "battery" not in told
    (row,) = server.region.rows("vm_hosts").values()
    assert row["power_parameters"]["power_pass"] == "battery staple"


def test_what_runs_there_stays(regions):
    server = regions("3.7")
    carried_out(server, virsh())
    assert problems_of(server, host(type="lxd")) == [
        "VM host kvm-1: MAAS's API cannot change type of a VM host"
    ]
    with pytest.raises(BadInput, match="type: 'lxd' must be virsh"):
        planned(regions("2.4"), host(type="lxd"))


def test_those_of_lxd_are_told_apart_by_project(regions):
    server = regions("3.7")
    one = {"type": "lxd", "power_address": "192.0.2.9", "password": "trust me"}
    carried_out_and_true(server, host("lxd-1", **one))
    carried_out_and_true(server, host("lxd-2", project="other", **one))
    carried_out_and_true(server, host("lxd-3", project="default", **one))
    assert sorted(snapshot_of(server).records("vm_host")) == ["lxd-2", "lxd-3"]
    found = pillar.export(snapshot_of(server))
    assert found.described["vm_hosts"]["lxd-2"]["project"] == "other"
    assert "PRIVATE" not in str(found)


def test_two_at_one_address_are_refused(server):
    said = "VM host {}: power_address: {} has the same; describe one VM host for each"
    both = [*virsh(), *virsh("kvm-2")]
    assert problems_of(server, both) == [
        said.format("kvm-1", "kvm-2"), said.format("kvm-2", "kvm-1")
    ]  # fmt: skip
    carried_out(server, virsh())
    assert problems_of(server, both) == [said.format("kvm-2", "kvm-1")]
    named = [*host(cpu_over_commit_ratio=1), *virsh("kvm-2")]
    assert problems_of(server, named) == [said.format("kvm-2", "kvm-1")]
    away = host(power_address=ADDRESS.replace("9", "10"))
    assert planned(server, [*away, *virsh("kvm-2")])[1].problems() == []


def test_one_with_machines_on_it_is_kept(regions):
    server = regions("3.7")
    carried_out(server, virsh())
    ident = snapshot_of(server).records("vm_host")["kvm-1"].raw["id"]
    domain = default_domain(server.region)
    machines.new(server.region, hostname="vm-1", domain=domain, vm_host=ident)
    assert problems_of(server, host(absent=True)) == [
        "VM host kvm-1: the machine vm-1 is composed on it; decompose: true deletes it, too"
    ]
    carried_out(server, host(absent=True, decompose=True))


def test_one_that_cannot_be_reached_is_not_ready(regions):
    server = regions("3.7")
    described = {"type": "virsh", "power_address": ADDRESS, "ready": True}
    snapshot, plan = planned(server, {"vm_hosts": {"kvm-1": described}})
    apply(snapshot, plan, Limits(enrol_seconds=0.2))
    (told,) = errors(plan).values()
    assert "MAAS to reach the VM host kvm-1" in told
    assert "No rack controllers connected" in told
    assert planned(server, virsh())[1].shown() == {}


def test_only_what_is_described_is_asked_for(regions):
    server = regions("3.7")
    carried_out(server, virsh(zone="north"))
    server.requests.reset()
    assert planned(server, host(default_macvlan_mode="bridge"))[1].changes
    assert server.requests.count("GET", "vm-hosts/") == 1
    server.requests.reset()
    assert planned(server, virsh())[1].shown() == {}
    assert server.requests.count() == 3  # the release, the list, parameters


def test_maas_4_0_has_removed_them(regions):
    with RegionServer("4.0") as server:
        (told,) = problems_of(server, virsh())
        assert told.startswith("VM host kvm-1: MAAS 4.0 removed VM hosts; delete the description")
        assert server.requests.count("GET", "vm-hosts/") == 0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"cpu_over_commit_ratio": 11}, "cpu_over_commit_ratio: 11 must be a number from 0 to 10"),
        ({"type": "rsd"}, "type: 'rsd' must be one of: lxd, virsh"),
        ({"type": "virsh", "project": "x"}, "project: is not for a VM host of the type virsh"),
        ({"certificate": "x"}, "certificate: must be given together with key"),
    ],
)
def test_bad_values_are_refused(values, told, regions):
    with pytest.raises(BadInput, match=told):
        planned(regions("3.7"), host(**values))


def test_one_is_read_again():
    with RegionServer("3.7", vm_hosts=True) as server:
        rack(server, "rack-1", "10.30.0.2")
        carried_out(server, virsh())
        opts = {"maas": {"url": server.url, "api_key": server.api_key}}
        module = load("_modules/maas_vm_host.py", opts)
        (row,) = server.region.rows("vm_hosts").values()
        row["capabilities"] = []
        assert module.get("kvm-1")["ready"] is False
        assert module.refresh("kvm-1")["ready"] is True
        with pytest.raises(MaasError, match="'kvm-2' is no VM host of the region"):
            module.refresh("kvm-2")
