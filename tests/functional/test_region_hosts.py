"""Further hosts of a region: they join it, or are refused before anything is changed."""

from __future__ import annotations

import contextlib

import pytest
from maas_emulator.hosts import migrations
from saltext.maas.client import Client, Profile
from saltext.maas.doctor import examine_region
from saltext.maas.host.installation import Installation
from support import in_process
from support.killing import forked
from support.machine_regions import images_and_rack
from support.region_hosts import RegionHosts

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("fast")]
MAC = "52:54:00:99:00:02"
NIC = {"name": "eth0", "mac": MAC, "ip": "10.9.0.2", "subnet_mask": "255.255.255.0"}


@pytest.fixture
def several(postgres, tmp_path):
    """Regions whose first host runs."""
    opened = []

    def make(release="3.7", **options):
        found = RegionHosts(postgres, release, tmp_path)
        opened.append(found.__enter__())
        found.first(**options)
        return found

    yield make
    for one in opened:
        one.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("release", "kind"),
    [
        pytest.param("2.0", "deb", marks=pytest.mark.life),
        ("2.9", "deb"),
        pytest.param("3.7", "deb", marks=pytest.mark.life),
        pytest.param("2.5", "snap", marks=pytest.mark.life),
        ("3.7", "snap"),
    ],
)
def test_a_host_joins_with_what_another_installation_has_left(several, release, kind):
    site = several(release)
    options = {"kind": "snap", "configured": False} if kind == "snap" else {}
    box = site.add("region-2", interfaces=[NIC], **options)
    box.write("maas_id", "gone42")
    box.write("secret", "decade" * 5)
    folder = box.trait("certificates")
    names = ("cluster.key", "cluster.pem", "cacerts.pem") if folder else ()
    for name in names:
        box.write(f"{folder}/{name}", "of another region")
    planned = site.state("region-2", test=True)
    assert planned["result"] is None, planned
    assert planned["changes"]["region host"]["new"] == "as region-2, which is new"
    assert site.running("region-1") == ["region-1"]
    done = site.state("region-2", wait=20)
    assert done["result"] is True, done
    assert done["changes"] == planned["changes"]
    assert site.config["password"] not in repr(done)
    assert site.running("region-2") == ["region-1", "region-2"]
    assert box.read("maas_id") != "gone42"
    assert box.read("secret").strip() == site.region.secret
    assert all("of another" not in box.read(f"{folder}/{name}") for name in names)
    if release >= "3.5":
        assert "broadcast_address: 127.0.0.1" in box.read("region_config")
    starts = site.starts("region-2")
    again = site.state("region-2")
    assert (again["result"], again["changes"]) == (True, {})
    assert site.starts("region-2") == starts
    assert site.running("region-1") == ["region-1", "region-2"]


def test_a_host_takes_the_place_of_a_lost_one_with_its_name(several):
    site = several()
    site.add("region-2")
    assert site.state("region-2", wait=20)["result"] is True
    ident = site.box("region-2").read("maas_id")
    site.stop("region-2")
    site.box("region-2").write("maas_id", "")
    planned = site.state("region-2", test=True)
    assert planned["changes"]["region host"]["new"] == "as region controller region-2"
    assert site.state("region-2", wait=20)["result"] is True
    assert site.box("region-2").read("maas_id") == ident


def refusal(site, name="region-2", **given):
    """Why a host is refused; nothing of it has changed."""
    box = site.box(name)
    before = {one: box.read(one) for one in ("region_config", "maas_id", "secret")}
    planned, done = site.state(name, test=True, **given), site.state(name, **given)
    assert planned["result"] is done["result"] is False
    assert planned["comment"] == done["comment"]
    assert {one: box.read(one) for one in before} == before
    return done["comment"]


@pytest.mark.parametrize(
    "by",
    [
        pytest.param("name", marks=pytest.mark.life),
        "address",
        pytest.param("several", marks=pytest.mark.life),
    ],
)
def test_a_host_that_maas_would_take_for_a_machine_is_refused(several, by):
    site = several()
    server = site.servers["region-1"]
    images_and_rack(server)
    client = Client(Profile(server.url, server.api_key))
    machine = {"architecture": "amd64/generic", "power_type": "manual", "commission": "false"}
    macs = {"name": "52:54:00:99:00:07"}.get(by, MAC)
    name = "region-2" if by == "name" else "web-1"
    client.post("machines/", data={**machine, "hostname": name, "mac_addresses": macs})
    if by == "several":
        more = {"hostname": "region-2", "mac_addresses": "52:54:00:99:00:08"}
        client.post("machines/", data={**machine, **more})
    site.add("region-2", interfaces=[NIC])
    text = refusal(site)
    expected = "several of its nodes" if by == "several" else f"would turn machine {name} ("
    assert expected in text
    assert "this host's name or one of its MAC addresses" in text


def test_a_host_that_is_a_copy_of_another_is_refused(several):
    site = several()
    box = site.add("region-2")
    box.write("maas_id", site.box("region-1").read("maas_id"))
    site.stop("region-2")
    assert "/var/lib/maas/maas_id is that of region controller region-1 (" in refusal(site)


def test_a_host_with_the_name_of_one_that_runs_is_refused(several):
    site = several()
    site.add("region-2", hostname="region-1", interfaces=[NIC])
    assert "this host calls itself region-1, and the pillar region-2" in refusal(site)
    pillar = site.pillar
    site.pillar = lambda: {"region": {**pillar()["region"], "hosts": {
        **pillar()["region"]["hosts"], "region-2": {"address": "127.0.0.1", "hostname": "region-1"},
    }}}  # fmt: skip
    assert "take this host for region controller region-1 (" in refusal(site)


def test_a_host_with_another_release_or_an_empty_database_is_refused(several, postgres):
    site = several()
    site.add("region-2", release="3.6")
    text = refusal(site)
    assert "this host has MAAS 3.6" in text
    assert "region host region-1 3.7" in text
    site.add("region-3")
    with postgres.database() as empty:
        text = refusal(site, "region-3", database_name=empty["name"])
    assert "has no tables of MAAS yet" in text
    box = site.box("region-3")
    for path, content in migrations.files(box).items():
        box.write(path, content)
    assert "lacks migrations of MAAS 3.7" in refusal(site, "region-3")


def test_a_host_that_the_pillar_does_not_name_and_old_releases_are_refused(several, tmp_path):
    site = several()
    pillar = site.pillar()
    del pillar["region"]["hosts"]["region-2"]
    site.add("region-2")
    site.pillar = lambda: pillar
    assert "maas:region:hosts: names region-1, region-3, and not this minion" in refusal(site)
    site.pillar = lambda: {"region": {"hosts": {"region-3": {"address": "127.0.0.1"}}}}
    site.add("region-3", release="1.9")
    assert "MAAS 1.9" in (text := refusal(site, "region-3"))
    assert "does not support several region hosts" in text


@pytest.mark.life
def test_a_host_that_does_not_come_up_is_left_as_it_was(several):
    site = several()
    box = site.add("region-2")
    before = box.read("region_config")
    site.region.options.database, kept = "postgresql://nowhere", site.region.options.database
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maas_emulator.region_hosts.started", lambda *_: 1 / 0)
        done = site.state("region-2", wait=1)
    site.region.options.database = kept
    assert done["result"] is False
    assert f"the region at {site.servers['region-2'].url}" in done["comment"]
    assert box.read("region_config") == before


@pytest.mark.life
def test_a_kill_at_any_point_of_joining_is_made_good_by_the_next_run(several, monkeypatch):
    monkeypatch.setattr(Installation, "run", in_process.run)
    site = several()
    for point in range(0, 200, 9):
        box = site.add("region-2") if point == 0 else site.box("region-2")
        box.write("maas_id", "gone42")
        box.write("region_config", "maas_url: http://localhost:5240/MAAS\n")
        site.stop("region-2")
        ended = forked(lambda: site.state("region-2", wait=20), point)
        assert ended is None or ended["result"] is True, (point, ended)
        with contextlib.suppress(AssertionError):  # a region that starts meanwhile is let do so
            site.wait_running("region-2", 0.3)
        planned = site.state("region-2", test=True)
        done = site.state("region-2", wait=20)
        assert done["result"] is True, (point, done)
        assert done["changes"].keys() == planned["changes"].keys(), point
        assert site.running("region-2") == ["region-1", "region-2"]
        assert site.state("region-2")["changes"] == {}
        if ended:
            break
    assert point > 7


def test_the_doctor_counts_what_connections_the_hosts_may_need(several):
    site = several()

    def found():
        report = examine_region(site.installation("region-1"))
        return [one["found"] for one in report["findings"] if "connections" in one["check"]]

    assert found() == []
    for name in site.names[1:]:
        site.add(name)
        assert site.state(name, wait=20)["result"] is True
    (text,) = found()
    assert text.startswith("3 region hosts may open 44 connections each, and PostgreSQL takes ")
