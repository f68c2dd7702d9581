"""The region's part in a fleet, against an embedded region with clusters that have registered."""

from __future__ import annotations

import time

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import lock, pillar
from saltext.maas.client import Client, Profile
from saltext.maas.errors import MaasError
from support.region_minion import fleet

CLUSTERS = ["rack-1", "rack-2", "rack-3"]


def described(old):
    key = "clusters" if old else "racks"
    found = {key: {}, "images": {"import": False}}
    for number, name in enumerate(CLUSTERS[:2], 1):
        net = f"10.{number}.0"
        entry = found[key][name] = {}
        if old:
            entry["interfaces"] = {"eth0": {
                "management": "dhcp", "ip": f"{net}.2", "subnet_mask": "255.255.255.0",
                "dynamic_range": {"low": f"{net}.100", "high": f"{net}.149"},
            }}  # fmt: skip
        else:
            found.setdefault("fabrics", {})[name] = {"vlans": {"untagged": {"dhcp": {
                "enabled": True, "primary_rack": name}}}}  # fmt: skip
            found.setdefault("subnets", {})[f"{net}.0/24"] = {
                "vlan": f"{name}/untagged",
                "ranges": [{"type": "dynamic", "start": f"{net}.100", "end": f"{net}.149"}],
            }
    return found


class Site:
    def __init__(self, server, release):
        self.server = server
        self.old = release == "1.7"
        self.pillar = described(self.old)
        self.idents = {}

    @property
    def controllers(self):
        return self.pillar["clusters" if self.old else "racks"]

    @property
    def dunders(self):
        """As of a job of its own."""
        api = {"url": self.server.url, "api_key": self.server.api_key}
        return {
            "__opts__": {"id": "region", "maas.root": "/nonexistent", "maas": {"api": api}},
            "__pillar__": {"maas": self.pillar}, "__context__": {}, "__salt__": {},
        }  # fmt: skip

    def register(self, *names):
        for name in names:
            number = CLUSTERS.index(name) + 1
            nic = {
                "name": "eth0", "mac": f"52:54:00:00:02:{number:02x}", "ip": f"10.{number}.0.2",
                "subnet_mask": "255.255.255.0",
            }  # fmt: skip
            nics = [nic]
            if name == "rack-2":  # which has a foot in the first one's network
                nics.append({**nic, "name": "eth1", "mac": "52:54:00:00:02:99", "ip": "10.1.0.3"})
            uuid = pillar.cluster_uuid(name, {}) if self.old else None
            ident = self.server.region.register_controller(
                uuid=uuid, hostname=name, interfaces=nics, system_id=None
            )
            self.server.region.controller_connected(ident, True)
            self.idents[name] = ident


@pytest.fixture(params=["1.7", "3.7"])
def site(request):
    with RegionServer(release=request.param, import_seconds=0, index_seconds=0) as server:
        yield Site(server, request.param)


def states(site, minions=None):
    clusters = fleet(site.dunders).inspect(minions)["clusters"]
    return {minion: one["state"] for minion, one in clusters.items()}


def test_look_reports_how_far_each_is(site):
    assert states(site) == {"rack-1": "absent", "rack-2": "absent"}
    site.register("rack-1")
    there = "accepted" if site.old else "connected"
    assert states(site, ["rack-1", "stranger"]) in (
        {"rack-1": there, "stranger": "absent"},
        {"rack-1": "pending", "stranger": "absent"},
    )
    look = fleet(site.dunders).inspect(["rack-1", "stranger"])["clusters"]
    assert (look["rack-1"]["named"], look["stranger"]["named"]) == (True, False)


def test_mistakes_of_one_cluster_are_its_own(site):
    site.controllers["rack-2"]["nonsense"] = 1
    site.pillar["settings"] = {"no_such": 1}
    look = fleet(site.dunders).inspect()
    assert look["clusters"]["rack-1"]["problems"] == []
    assert "nonsense" in look["clusters"]["rack-2"]["problems"][0]
    assert "no_such" in look["problems"][0]


def test_settling_is_foreseen_done_and_then_empty(site):
    site.register("rack-1", "rack-2")
    for part in ("accept", "dhcp"):
        planned = fleet(site.dunders).apply_phase(["rack-1"], part, test=True)
        done = fleet(site.dunders).apply_phase(["rack-1"], part)
        assert done == planned
        assert done["rack-1"]["error"] is None
        again = fleet(site.dunders).apply_phase(["rack-1"], part)
        assert again == {"rack-1": {"changes": {}, "error": None}}
    served = fleet(site.dunders).status()
    assert served["rack-1"]["dhcp"]
    assert served["rack-2"]["dhcp"] == []
    assert served["rack-1"]["accepted"] is True


def test_dhcp_with_a_rack_that_is_away_is_left_to_the_onboarding_of_that_rack(site):
    if site.old:
        pytest.skip("no cluster of 1.x shares DHCP with another")
    untagged = site.pillar["fabrics"]["rack-1"]["vlans"]["untagged"]
    untagged["dhcp"]["secondary_rack"] = "rack-2"
    site.register("rack-1")
    started = time.monotonic()
    found = fleet(site.dunders).apply_phase(["rack-1"], "dhcp")
    assert time.monotonic() - started < 20
    later = ["rack-1/untagged when rack-2 is onboarded"]
    assert found == {"rack-1": {"changes": {}, "error": None, "later": later}}
    site.register("rack-2")
    found = fleet(site.dunders).apply_phase(["rack-2"], "dhcp")
    assert found["rack-2"]["error"] is None
    assert set(found["rack-2"]["changes"]["dhcp"]) == {"rack-1/untagged", "rack-2/untagged"}
    assert fleet(site.dunders).status()["rack-1"]["dhcp"] == ["rack-1/untagged"]


def test_it_waits_for_another_run_on_this_minion(site, tmp_path):
    site.register("rack-1")
    dunders = site.dunders
    dunders["__opts__"]["cachedir"] = str(tmp_path)
    dunders["__opts__"]["maas"]["api"]["deadline"] = 0.2
    with lock.held(str(tmp_path / "maas"), site.server.url, 1):
        planned = fleet(dunders).apply_phase(["rack-1"], "dhcp", test=True)
        for write in (
            lambda: fleet(dunders).apply_phase(["rack-1"], "dhcp"),
            lambda: fleet(dunders).release_dhcp("rack-1"),
            lambda: fleet(dunders).remove("rack-1"),
        ):
            with pytest.raises(MaasError, match=r"another run on this minion .* holds the lock"):
                write()
        assert fleet(dunders).release_dhcp("rack-1", test=True) == {}
    dunders["__opts__"]["maas"]["api"]["deadline"] = 20
    assert fleet(dunders).apply_phase(["rack-1"], "dhcp") == planned


def test_what_cannot_be_is_reported_of_the_one_whose_it_is(site):
    site.register("rack-1", "rack-2")
    fleet(site.dunders).apply_phase(CLUSTERS[:2], "accept")
    if site.old:
        interface = site.controllers["rack-2"]["interfaces"]["eth0"]
        interface["dynamic_range"] = {"low": "10.9.0.1", "high": "10.9.0.9"}
    else:
        site.pillar["subnets"]["10.2.0.0/24"]["ranges"] = []
    found = fleet(site.dunders).apply_phase(CLUSTERS[:2], "dhcp")
    assert found["rack-1"]["error"] is None
    assert found["rack-2"]["error"]


def test_what_one_refers_to_in_vain_does_not_hold_the_others_up(site):
    if site.old:
        pytest.skip("clusters of 1.x refer to nothing")
    site.register("rack-1", "rack-2")
    site.controllers["rack-2"]["zone"] = "nowhere"
    found = fleet(site.dunders).apply_phase(CLUSTERS[:2], "accept")
    assert found["rack-1"]["error"] is None
    assert "nowhere" in found["rack-2"]["error"]


def test_a_thousand_would_cost_no_more_each(site):
    site.register("rack-1")
    site.server.requests.reset()
    states(site)
    one = len(site.server.requests)
    site.register("rack-2")
    site.server.requests.reset()
    states(site)
    assert len(site.server.requests) == one


def test_one_that_leaves_hands_its_dhcp_over(site):
    site.register("rack-1", "rack-2")
    for part in ("accept", "dhcp"):
        fleet(site.dunders).apply_phase(CLUSTERS[:2], part)
    planned = fleet(site.dunders).release_dhcp("rack-1", test=True)
    assert [one["new"] for one in planned.values()] == [None]
    with pytest.raises(MaasError, match=r"successor|cannot take over"):
        fleet(site.dunders).release_dhcp("rack-1", successor="rack-2" if site.old else "x")
    assert fleet(site.dunders).machines("rack-1") == []
    successor = None if site.old else "rack-2"
    done = fleet(site.dunders).release_dhcp("rack-1", successor=successor)
    assert [one["new"] for one in done.values()] == [successor]
    assert fleet(site.dunders).release_dhcp("rack-1", test=True) == {}
    status = fleet(site.dunders).status()
    assert status["rack-1"]["dhcp"] == []
    assert len(status["rack-2"]["dhcp"]) == (1 if site.old else 2)
    if not site.old:  # 1.x only can in its database, on its own host
        assert fleet(site.dunders).remove("rack-1") is True
        assert states(site)["rack-1"] == "absent"
        assert fleet(site.dunders).remove("rack-1") is False


@pytest.mark.parametrize("successor", [None, "rack-2"])
def test_dhcp_that_is_off_stays_off_when_its_rack_leaves(site, successor):
    if site.old:
        pytest.skip("a cluster of 1.x has DHCP on its interfaces or not")
    site.register("rack-1", "rack-2")
    for part in ("accept", "dhcp"):
        fleet(site.dunders).apply_phase(CLUSTERS[:2], part)
    switch_off(site, "rack-1/untagged")
    done = fleet(site.dunders).release_dhcp("rack-1", successor=successor)
    assert done == {"rack-1/untagged": {"old": ["rack-1"], "new": None, "enabled": False}}
    vlan = vlan_of(site, "rack-1/untagged")
    assert (vlan["dhcp_on"], vlan["primary_rack"]) == (False, None)
    assert fleet(site.dunders).remove("rack-1") is True


def test_a_successor_needs_an_interface_where_it_is_to_serve(site):
    if site.old:
        pytest.skip("no cluster of 1.x can take another's network over")
    site.register("rack-1", "rack-2")
    for part in ("accept", "dhcp"):
        fleet(site.dunders).apply_phase(CLUSTERS[:2], part)
    with pytest.raises(MaasError, match=r"rack-1: cannot take over DHCP on rack-2/untagged"):
        fleet(site.dunders).release_dhcp("rack-2", successor="rack-1", test=True)


def test_machines_on_relayed_vlans_hang_on_the_rack_too(site):
    if site.old:
        pytest.skip("1.x relays no DHCP")
    site.register("rack-1", "rack-2")
    for part in ("accept", "dhcp"):
        fleet(site.dunders).apply_phase(CLUSTERS[:2], part)
    client = Client(Profile(url=site.server.url, api_key=site.server.api_key))
    served = vlan_of(site, "rack-1/untagged")
    vlans = f"fabrics/{served['fabric_id']}/vlans/"
    relayed = client.post(vlans, data={"vid": 20, "name": "relayed"})
    client.put(f"{vlans}20/", data={"relay_vlan": served["id"]})
    client.post("boot-resources/", op="import")  # which brings the architectures
    client.get("version/")
    for number, one in enumerate((served, relayed)):
        machine = client.post(
            "machines/",
            data={
                "hostname": f"web-{one['vid']}",
                "architecture": "amd64/generic",
                "mac_addresses": f"52:54:00:aa:00:{number:02x}",
                "power_type": "manual",
                "commission": "false",
            },
        )
        nic = machine["interface_set"][0]["id"]
        path = f"nodes/{machine['system_id']}/interfaces/{nic}/"
        client.put(path, data={"vlan": one["id"]})
    assert fleet(site.dunders).machines("rack-1") == ["web-0", "web-20"]
    assert fleet(site.dunders).machines("rack-1", successor="rack-2") == []


def vlan_of(site, name):
    client = Client(Profile(url=site.server.url, api_key=site.server.api_key))
    fabric, _, _ = name.partition("/")
    (found,) = [one for one in client.get("fabrics/") if one["name"] == fabric]
    return next(one for one in found["vlans"] if one["vid"] == 0)


def switch_off(site, name):
    client = Client(Profile(url=site.server.url, api_key=site.server.api_key))
    vlan = vlan_of(site, name)
    client.put(f"fabrics/{vlan['fabric_id']}/vlans/0/", data={"dhcp_on": False})


def test_clusters_at_work_that_no_pillar_names_are_reported(site):
    site.register("rack-1", "rack-3")
    fleet(site.dunders).apply_phase(["rack-1"], "accept")
    if site.old:
        client = Client(Profile(url=site.server.url, api_key=site.server.api_key))
        client.post("nodegroups/", op="accept", data={"uuid": site.idents["rack-3"]})
    look = fleet(site.dunders).inspect()
    (stranger,) = look["unnamed"].values()
    assert stranger["state"] == ("accepted" if site.old else "connected")
    assert stranger["cluster"] == (site.idents["rack-3"] if site.old else "rack-3")
    assert fleet(site.dunders).inspect(["rack-1"])["unnamed"] == {}
    site.server.requests.reset()
    status = fleet(site.dunders).status()
    assert [one["named"] for one in status.values()].count(False) == 1
    paths = [one.path for one in site.server.requests]
    assert len(paths) == len(set(paths)) or site.old  # each collection once


def test_the_digest_reports_nothing_to_who_has_not_the_regions_key(site, tmp_path):
    site.controllers["rack-1"]["description" if not site.old else "name"] = "x"
    digests = []
    for number, content in enumerate(("one key", "one key", "another")):
        pki = tmp_path / str(number)
        pki.mkdir()
        (pki / "minion.pem").write_text(content)
        dunders = site.dunders
        dunders["__opts__"]["pki_dir"] = str(pki)
        digests.append(fleet(dunders).inspect()["clusters"]["rack-1"]["digest"])
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_a_region_that_just_starts_is_waited_for(site):
    site.register("rack-1")
    site.server.region.down_until = site.server.region.clock() + 0.5
    dunders = site.dunders
    dunders["__opts__"]["maas"]["api"]["deadline"] = 0.2
    found = fleet(dunders).wait_for(["rack-1"], 10)
    assert found["rack-1"] != "absent"
    site.server.region.down_until = site.server.region.clock() + 60
    with pytest.raises(MaasError):
        fleet(dunders).wait_for(["rack-1"], 0.1)
