"""The states of a cluster's own host, in a sandbox beside an embedded region."""

from __future__ import annotations

import json
import os
import secrets
import stat
import time

import pytest
from maas_emulator.hosts import sandbox
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer
from saltext.maas.host import cluster_config, installation, services
from support.loader import load


class Cluster:
    """One cluster host, with the state module as Salt loads it."""

    def __init__(self, folder, server, release, host=None):
        self.host = host or sandbox.create(folder / "fleet" / "east", release, "cluster", "east")
        self.secret = server.region.secret
        opts = {"id": "east", "maas.root": self.host.root}
        pillar = {"maas": {"region": {"url": server.url}, "clusters": {"east": {}}}}
        self.states = load("_states/maas_cluster.py", opts, pillar)
        if release == "1.7":
            uuid = self.host_uuid()
            self.states.__pillar__["maas"]["clusters"]["east"]["uuid"] = uuid

    def host_uuid(self):
        """The uuid that the package made up."""
        return cluster_config.read_files(installation.detect(self.host.root))["uuid"]

    def run(self, secret, test=False, timeout=20):
        self.states.__opts__["test"] = test
        first = self.states.configured("host", secret=secret, wait=5)
        return first, self.states.registered("enrolled", timeout=timeout)


@pytest.fixture(params=["3.7", "1.7"])
def cluster(request, tmp_path):
    (tmp_path / "fleet").mkdir()
    with RegionServer(request.param) as server:
        hosts = Hosts(server.region, server.url, tmp_path / "fleet", interval=0.05, retry=0.1)
        with hosts:
            yield Cluster(tmp_path, server, request.param)


def test_enrolment_is_foreseen_and_told_once(cluster):
    planned = cluster.run(cluster.secret, test=True)
    assert [one["result"] for one in planned] == [None, None]
    done = cluster.run(cluster.secret)
    assert [one["result"] for one in done] == [True, True], done
    assert [one["changes"] for one in done] == [one["changes"] for one in planned]
    again = cluster.run(cluster.secret)
    assert [one["result"] for one in again] == [True, True]
    assert not any(one["changes"] for one in again)


def test_an_enrolled_host_that_gets_a_wrong_secret_is_not_called_registered(cluster):
    assert cluster.run(cluster.secret)[1]["result"] is True
    first, second = cluster.run(secrets.token_hex(16), timeout=1)
    assert first["changes"]
    assert second["result"] is False
    assert "shared secret" in second["comment"]
    assert cluster.run(cluster.secret)[1]["result"] is True


def test_a_1x_cluster_with_a_uuid_of_its_own_must_be_named(tmp_path):
    (tmp_path / "fleet").mkdir()
    with RegionServer("1.7") as server:
        cluster = Cluster(tmp_path, server, "1.7")
        del cluster.states.__pillar__["maas"]["clusters"]["east"]["uuid"]
        there = cluster.host.read("etc/maas/maas_cluster.conf")
        first, _ = cluster.run("aa" * 16, test=True)
        assert first["result"] is False
        assert "maas:clusters:east:uuid: is missing" in first["comment"]
        assert cluster.host.read("etc/maas/maas_cluster.conf") == there


def test_the_secret_alone_restarts_only_when_it_changes(cluster):
    assert cluster.run(cluster.secret)[1]["result"] is True
    states = cluster.states
    states.__opts__["test"] = False
    daemon = installation.detect(cluster.host.root).fact("cluster_services")[0]
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


def test_a_snap_becomes_a_rack(tmp_path):
    (tmp_path / "fleet").mkdir()
    with RegionServer("3.7") as server:
        box = sandbox.create(
            tmp_path / "fleet" / "east", "3.7", "cluster", "east", kind="snap", configured=False
        )
        hosts = Hosts(server.region, server.url, tmp_path / "fleet", interval=0.05, retry=0.1)
        with hosts:
            cluster = Cluster(tmp_path, server, "3.7", box)
            planned = cluster.run(cluster.secret, test=True)
            assert [one["result"] for one in planned] == [None, None]
            done = cluster.run(cluster.secret)
            assert [one["result"] for one in done] == [True, True], done
            assert [one["changes"] for one in done] == [one["changes"] for one in planned]
            assert not any(one["changes"] for one in cluster.run(cluster.secret))


def await_(look, seconds=10):
    deadline = time.monotonic() + seconds
    while not look() and time.monotonic() < deadline:
        time.sleep(0.05)
    return look()


@pytest.mark.parametrize("release", ["2.0", "2.8", "2.9", "3.7"])
def test_a_rack_that_is_deleted_forgets_the_secret_or_is_stopped(tmp_path, release):
    (tmp_path / "fleet").mkdir()
    with RegionServer(release) as server:
        host = sandbox.create(tmp_path / "fleet" / "east", release, "cluster", "east")
        racks = server.region.rows("racks")
        with Hosts(server.region, server.url, tmp_path / "fleet", interval=0.05, retry=0.1):
            cluster = Cluster(tmp_path, server, release, host)
            assert cluster.run(cluster.secret)[1]["result"] is True
            racks.clear()
            service = "maas-rackd"
            if release < "2.9":
                assert await_(lambda: not host.service(service)["running"])
                assert host.read("secret")
                services.restart(installation.detect(host.root), [service])
            else:
                assert await_(lambda: host.read("secret") is None)
                assert await_(lambda: host.service(service)["starts"] == 3)
                assert not racks
                first, second = cluster.run(cluster.secret)
                assert first["changes"]["secret"]
                assert second["result"] is True, second
            assert await_(lambda: len(racks) == 1)


def test_a_rack_that_cannot_be_reached_when_it_is_deleted_needs_a_restart(tmp_path):
    (tmp_path / "fleet").mkdir()
    with RegionServer("3.7") as server:
        host = sandbox.create(tmp_path / "fleet" / "east", "3.7", "cluster", "east")
        racks = server.region.rows("racks")
        with Hosts(server.region, server.url, tmp_path / "fleet", interval=0.05, retry=0.1):
            cluster = Cluster(tmp_path, server, "3.7", host)
            assert cluster.run(cluster.secret)[1]["result"] is True
            host.write("emulator.json", json.dumps({**host.info, "unreachable": True}))
            racks.clear()
            time.sleep(0.5)
            assert not cluster.run(cluster.secret)[0]["changes"]
            assert not racks
            services.restart(installation.detect(host.root), ["maas-rackd"])
            assert await_(lambda: len(racks) == 1)
