"""A mistake in any field of a machine, and a machine that somebody changes meanwhile."""

from __future__ import annotations

import copy

import pytest
from maas_emulator import hardware, links, machines, storage
from saltext.maas import pillar
from saltext.maas.errors import BadInput
from saltext.maas.reconcile import apply, desired_object
from saltext.maas.release import Release
from saltext.maas.resources import BY_NAME
from support import campaign, campaign_pillars
from support.machine_regions import forget_machines, region_with_image
from support.reconciling import SHORT, carried_out, errors, planned

NETWORK = {
    name: campaign_pillars.PILLARS["2.0"]["3.7"][name] for name in ("fabrics", "subnets", "spaces")
}
NETWORK = copy.deepcopy({**NETWORK, "tags": {"gpu": None}, "zones": {"north": None}})
del NETWORK["fabrics"]["dc1"]["vlans"]["untagged"]["dhcp"]


@pytest.fixture(scope="module")
def shared():
    with region_with_image("3.7", NETWORK) as server:
        yield server


@pytest.fixture
def server(shared):
    yield shared
    forget_machines(shared)


#: A value that no release takes, and what is said of it; of each field but the name.
BAD = {
    "mac_addresses": (["52:54:00"], "must be a list of MAC addresses"),
    "system_id": (["x"], "must be text"),
    "serial": (["x"], "must be text"),
    "in_use": ("perhaps", "must be true or false"),
    "architecture": (["amd64"], "must be text"),
    "description": (["left"], "must be text"),
    "domain": (["example.com"], "must be text"),
    "node_group": (["x"], "must be text"),
    "zone": (["north"], "must be text"),
    "pool": (["web"], "must be text"),
    "tags": ({"gpu": True}, "must be a list of words"),
    "min_hwe_kernel": (["ga-22.04"], "must be text"),
    "swap_size": (-1, "must be a whole number from 0 on"),
    "boot_type": ("slow", "must be one of: fastpath, di"),
    "power_type": ("steam", "must be one of: amt, "),
    "power_parameters": ("10.0.0.1", "must be a mapping"),
    "power_parameters_skip_check": ("perhaps", "must be true or false"),
    "vm_host": (["kvm"], "must be text"),
    "compose": (4, "must be a mapping"),
    "owner_data": (["x"], "must be a mapping of "),
    "locked": ("perhaps", "must be true or false"),
    "interfaces": (["eth0"], "must be a mapping of names of interfaces to mappings"),
    "storage": (["sda"], "must be a mapping of disks and what is made of them"),
}


def test_every_field_has_a_bad_value():
    fields = [one for one in BY_NAME["machine"].fields if not one.option]
    assert {one.name for one in fields} == {*BAD, "hostname"}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_is_named_with_its_path(name):
    value, said = BAD[name]
    (told,) = pillar.problems({"machines": {"web-1": {name: value}}})
    assert told.startswith(f"maas:machines:web-1:{name}"), told
    assert said in told
    secret = BY_NAME["machine"].by_name[name].secret
    shown = value[0] if isinstance(value, list) else next(iter(value), "") if isinstance(
        value, dict) else value  # fmt: skip
    assert (str(shown) in told) != secret


@pytest.mark.parametrize("release", ["1.9", "3.7"])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"vm_host": "kvm", "compose": {"cores": float("inf")}}, ":compose:cores: inf must be a"),
        ({"interfaces": {"eth0": {"mac_address": 7}}}, ":interfaces:eth0:mac_address: 7 must be a"),
        ({"interfaces": {"eth0": {"mac_address": [1]}}}, ":mac_address: [1] must be a MAC"),
        ({"interfaces": {"eth0": {"links": 7}}}, ":interfaces:eth0:links: must be a list of"),
        ({"storage": {"raids": {"md0": {"level": [1], "devices": ["sda", "sdb"]}}}},
         ":storage:raids:md0:level: [1] must be one of: 0, 1, 5, 6, 10"),
        ({"storage": {"volume_groups": {"vg0": {"devices": ["sda"], "volumes": {"root": 1}}}}},
         ":storage:volume_groups:vg0:volumes:root: 1 must be a mapping of: size"),
    ],
)  # fmt: skip
def test_a_mistake_deep_in_a_value_is_named(values, said, release):
    for described in ({"web-1": values}, {"web-1": {"class": "some"}}):
        data = {"machines": described, "machine_classes": {"some": values}}
        told = pillar.problems(data, Release(release))
        assert [one for one in told if said in one or "MAAS 1.9 " in one], told


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"zone": "east"}, "machine web-1:zone: 'east' is no zone of the region or of the pillar"),
        ({"pool": "east"}, "web-1:pool: 'east' is no resource pool of the region"),
        ({"domain": "east"}, "web-1:domain: 'east' is no domain of the region"),
        ({"tags": ["east"]}, "web-1:tags: 'east' is no tag of the region"),
        ({"interfaces": {"eth0": {"vlan": "dc9/5"}}}, "'dc9/5' is no VLAN of the region"),
        ({"interfaces": {"eth0": {"links": [{"mode": "auto", "subnet": "10.9.0.0/24"}]}}},
         "'10.9.0.0/24' is no subnet of the region"),
    ],
)  # fmt: skip
def test_a_name_that_nothing_has_is_refused_before_anything_is_sent(server, values, said):
    server.requests.reset()
    with pytest.raises(BadInput) as caught:
        planned(server, [desired_object("machine", {"hostname": "web-1", **values},
                                        "machine web-1")])  # fmt: skip
    assert said in str(caught.value)
    assert server.requests.writes() == []


# Somebody changes the machine


def described():
    values = copy.deepcopy(campaign_pillars.MACHINE)
    return [desired_object("machine", {"hostname": "web-1", **values}, "here")]


def row(server):
    (found,) = server.region.rows("machines").values()
    return found


def deployed(server):
    hardware.update(server.region, row(server)["system_id"], status=6, owner="ops")


def rewired(server):
    """Its bond, or else an interface of it, is taken away, or its links are."""
    node = row(server)
    for nic in list(node["interfaces"]):
        if nic.get("type") == "bond":
            links.delete(server.region, node, nic)
            return
    links.clear(server.region, node)


def cleared(server):
    storage.clear(server.region, row(server))


def deleted(server):
    machines.forget(server.region, "machines", row(server))


class Meddling:
    """A client; before a write of some number somebody else changes the machine."""

    def __init__(self, client, number, change):
        self._client, self._left, self._change = client, number, change

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if name not in ("post", "put", "delete"):
            return found

        def send(*args, **kwargs):
            self._left -= 1
            if self._left == -1:
                self._change()
            return found(*args, **kwargs)

        return send


@pytest.mark.parametrize("after", [0, 1, 4, 9, 16, 22, 25])
@pytest.mark.parametrize("change", [deployed, rewired, cleared, deleted])
def test_it_is_as_described_or_an_error_says_what_is_not(server, change, after, impatient):
    campaign.machine(server)
    snapshot, plan = planned(server, described())
    snapshot.client = Meddling(snapshot.client, after, lambda: change(server))
    apply(snapshot, plan, SHORT)
    told = errors(plan)
    if change is not deleted:
        hardware.update(server.region, row(server)["system_id"], status=4, owner=None)
    left = planned(server, described())[1]
    assert bool(told) == bool(left.changes), (told, left.shown())
    assert all("machine web-1" in name and len(text) > 20 for name, text in told.items())
    carried_out(server, described())
