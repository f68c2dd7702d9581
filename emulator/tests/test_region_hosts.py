"""Several hosts of one region: their nodes, what each serves, and what becomes of one that ends."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import time
import urllib.request

import pytest
from maas_emulator import region_hosts
from maas_emulator.hosts import sandbox
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer

from .calls import Caller

NIC = {"name": "eth0", "mac": "52:54:00:aa:00:01", "ip": "10.9.0.2", "subnet_mask": "255.255.255.0"}


def loops(server):
    with urllib.request.urlopen(f"{server.url}/rpc/", timeout=10) as answer:
        return json.load(answer)["eventloops"]


def until(server, *names):
    """Wait until a host says that these run."""
    end = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError):
            if sorted(loops(server)) == [f"{name}:pid=1" for name in names]:
                return
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("release", ["2.0", "2.1", "3.7"])
def test_a_host_takes_any_node_with_its_name_or_address(release):
    with RegionServer(release, hostname="one") as server:
        region = server.region
        region.register_controller(hostname="rack", interfaces=[NIC])
        own = region_hosts.started(region, "one")
        assert len(region.rows("regions")) == 1
        both = region_hosts.started(region, "rack")
        assert region_hosts.started(region, "other", None, [NIC]) == both
        with pytest.raises(region_hosts.SeveralNodes):
            region_hosts.started(region, "one", None, [NIC])
        if release == "2.0":  # the file maas_id is one more match there
            with pytest.raises(region_hosts.SeveralNodes):
                region_hosts.started(region, "rack", own)
        else:
            assert region_hosts.started(region, "rack", own) == own
        delete = functools.partial(Caller(region).delete, f"regioncontrollers/{both}/")
        assert delete().status == 204  # its rack
        refused = delete()
        assert refused.text == "Unable to delete rack as it's currently running."
        assert refused.status == 400
        region_hosts.ended(region, both)
        assert list(loops(server)) == ["one:pid=1"]
        assert [delete().status, delete().status] == [204, 404]


def test_each_host_serves_while_its_regiond_runs(tmp_path):
    first = RegionServer("3.7", hostname="one")
    servers = {"one": first, "two": RegionServer(region=first.region)}
    for name in servers:
        sandbox.create(tmp_path / name, "3.7", "region")
    two = sandbox.Sandbox(tmp_path / "two")
    hosts = Hosts(first.region, first.url, tmp_path, 0.02, 0.02, servers=servers)
    with first, servers["two"], hosts:
        until(first, "one", "two")
        until(servers["two"], "one", "two")
        assert "cluster.pem" in two.read("var/lib/maas/certificates/cluster.pem")
        two.set_service("maas-regiond", running=False)
        until(first, "one")
        with pytest.raises(http.client.RemoteDisconnected):
            loops(servers["two"])
        two.set_service("maas-regiond", running=True)
        until(servers["two"], "one", "two")
