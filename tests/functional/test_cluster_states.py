"""The states of a cluster's own host, in a sandbox beside an embedded region."""

from __future__ import annotations

import json
import os
import secrets
import stat
import time

import pytest
from saltext.maas.host import cluster_config, services
from support.fleet import Fleet, wait_for
from support.loader import load


class Cluster:
    """One cluster host of a fleet, with the state module as Salt loads it."""

    def __init__(self, fleet, **options):
        self.host, self.installation = fleet.add("east", **options)
        self.secret = fleet.region.secret
        self.racks = fleet.region.rows("racks") if fleet.release >= "2.0" else {}
        east = {}
        pillar = {"maas": {"region": {"url": fleet.url}, "clusters": {"east": east}}}
        opts = {"id": "east", "maas.root": self.host.root}
        self.states = load("_states/maas_cluster.py", opts, pillar)
        if fleet.release == "1.7":  # the package made it up
            east["uuid"] = cluster_config.read_files(self.installation)["uuid"]

    def run(self, secret, test=False, timeout=20):
        self.states.__opts__["test"] = test
        first = self.states.configured("host", secret=secret, wait=5)
        return first, self.states.registered("enrolled", timeout=timeout)


@pytest.fixture(params=["3.7", "1.7"])
def cluster(request, tmp_path):
    """A cluster, or a snap that is to become a rack, of a release."""
    release, _, snap = request.param.partition(" ")
    with Fleet(release, tmp_path / "fleet") as fleet:
        yield Cluster(fleet, **({"kind": "snap", "configured": False} if snap else {}))


@pytest.fixture
def enrolled(cluster):
    """A cluster that is registered."""
    assert cluster.run(cluster.secret)[1]["result"] is True
    return cluster


@pytest.mark.parametrize("cluster", ["3.7", "1.7", "3.7 snap"], indirect=True)
def test_enrolment_is_foreseen_and_happens_once(cluster):
    planned = cluster.run(cluster.secret, test=True)
    assert [one["result"] for one in planned] == [None, None]
    done = cluster.run(cluster.secret)
    assert [one["result"] for one in done] == [True, True], done
    assert [one["changes"] for one in done] == [one["changes"] for one in planned]
    again = cluster.run(cluster.secret)
    assert [one["result"] for one in again] == [True, True]
    assert not any(one["changes"] for one in again)


def test_an_enrolled_host_that_gets_a_wrong_secret_is_not_called_registered(enrolled):
    first, second = enrolled.run(secrets.token_hex(16), timeout=1)
    assert first["changes"]
    assert second["result"] is False
    assert "shared secret" in second["comment"]
    assert enrolled.run(enrolled.secret)[1]["result"] is True


@pytest.mark.parametrize("cluster", ["1.7"], indirect=True)
def test_a_1x_cluster_with_a_uuid_of_its_own_must_be_named(cluster):
    del cluster.states.__pillar__["maas"]["clusters"]["east"]["uuid"]
    there = cluster.host.read("cluster_config")
    first, _ = cluster.run("aa" * 16, test=True)
    assert first["result"] is False
    assert "maas:clusters:east:uuid: is missing" in first["comment"]
    assert cluster.host.read("cluster_config") == there


def test_the_secret_alone_restarts_only_when_it_changes(enrolled):
    cluster, states = enrolled, enrolled.states
    states.__opts__["test"] = False
    daemon = cluster.installation.fact("cluster_services")[0]
    before = cluster.host.service(daemon)
    assert states.secret_installed("secret", secret=cluster.secret)["changes"] == {}
    path = cluster.host.path("secret")
    os.chmod(path, 0o644)
    done = states.secret_installed("secret", secret=cluster.secret)
    assert list(done["changes"]) == ["secret_file"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    assert cluster.host.service(daemon) == before
    states.__opts__["test"] = True
    planned = states.secret_installed("secret", secret="ab" * 16)
    assert planned["result"] is None
    assert "secret" in planned["changes"]
    bad = states.secret_installed("secret", secret="nothex")
    assert (bad["result"], "hexadecimal" in bad["comment"]) == (False, True)
    missing = states.secret_installed("secret")
    assert "maas:region:shared_secret" in missing["comment"]


def test_settings_come_from_the_pillar(cluster):
    own = cluster.states.__pillar__["maas"]["clusters"]["east"]
    own["local_settings"] = {"tftp_port": 1069}
    first, second = cluster.run(cluster.secret)
    assert first["changes"]["tftp_port"] == {"old": 69, "new": 1069}
    assert (first["result"], second["result"]) == (True, True)


@pytest.mark.parametrize("cluster", ["2.0", "2.8"], indirect=True)
def test_a_rack_that_is_deleted_is_stopped(enrolled):
    enrolled.racks.clear()
    wait_for(lambda: not enrolled.host.service("maas-rackd")["running"])
    assert enrolled.host.read("secret")
    services.restart(enrolled.installation, ["maas-rackd"])
    wait_for(lambda: len(enrolled.racks) == 1)


@pytest.mark.parametrize("cluster", ["2.9", "3.7"], indirect=True)
def test_a_rack_that_is_deleted_forgets_the_secret(enrolled):
    enrolled.racks.clear()
    wait_for(lambda: enrolled.host.read("secret") is None)
    wait_for(lambda: enrolled.host.service("maas-rackd")["starts"] == 3)
    assert not enrolled.racks
    first, second = enrolled.run(enrolled.secret)
    assert first["changes"]["secret"]
    assert second["result"] is True, second
    wait_for(lambda: len(enrolled.racks) == 1)


@pytest.mark.parametrize("cluster", ["3.7"], indirect=True)
def test_a_rack_that_cannot_be_reached_when_it_is_deleted_needs_a_restart(enrolled):
    host = enrolled.host
    host.write("emulator.json", json.dumps({**host.info, "unreachable": True}))
    enrolled.racks.clear()
    time.sleep(0.5)
    assert not enrolled.run(enrolled.secret)[0]["changes"]
    assert not enrolled.racks
    services.restart(enrolled.installation, ["maas-rackd"])
    wait_for(lambda: len(enrolled.racks) == 1)
