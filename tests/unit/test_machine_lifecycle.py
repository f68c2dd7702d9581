"""The life of machines as states: what is sent in which status, waited for, refused and told."""

from __future__ import annotations

import base64
import itertools
import threading
import time

import pytest
from maas_emulator import hardware, machines
from maas_emulator.server import RegionServer
from saltext.maas.machines.operations import NAMES, OPERATIONS
from support.loader import load
from support.reconciling import carried_out

#: The first of all, and those around what came later.
RELEASES = ("2.0", "2.4", "2.8", "3.3", "3.7", "3.8")
QUICK = {"import_seconds": 0, "index_seconds": 0, "sync_seconds": 0}


def started(release="3.7", machine_seconds=0.05):
    server = RegionServer(release, machine_seconds=machine_seconds, **QUICK).start()
    admin = client_of(server)
    names = ("commissioning_distro_series", "default_distro_series")
    series = {admin.get("maas/", op="get_config", name=name) for name in names}
    server.series = sorted(series)[0]
    chosen = [{"os": "ubuntu", "release": one, "arches": ["amd64"]} for one in sorted(series)]
    url = "http://images.example.com/ephemeral-v3/stable"
    carried_out(server, {"boot_sources": {url: {"selections": chosen}}})
    rack = server.region.register_controller(
        hostname="rack",
        interfaces=[{"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2",
                     "subnet_mask": "255.255.255.0"}],
    )  # fmt: skip
    server.region.controller_connected(rack, True)
    server.rack = rack
    server.macs = itertools.count(1)
    return server


def client_of(server, key=None):
    from saltext.maas.client import Client, Profile

    return Client(Profile(server.url, key or server.api_key))


@pytest.fixture(scope="module")
def regions():
    servers = {}

    def of_release(release):
        if release not in servers:
            servers[release] = started(release)
        return servers[release]

    yield of_release
    for server in servers.values():
        server.stop()


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    monkeypatch.setattr("saltext.maas.machines.lifecycle.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("saltext.maas.machines.lifecycle.LONGEST_PAUSE", 0.05)


@pytest.fixture
def server(regions):
    return emptied(regions("3.7"))


@pytest.fixture(params=RELEASES)
def any_server(request, regions):
    return emptied(regions(request.param))


def emptied(server):
    for row in list(server.region.rows("machines").values()):
        machines.forget(server.region, "machines", row)
    server.region.options.machine_seconds = 0.05
    server.region.controller_connected(server.rack, True)
    server.requests.reset()
    return server


def machine(server, name="web-1", status=4, **fields):
    """A machine that was commissioned, in a status; its id."""
    number = next(server.macs)
    raw = client_of(server).post("machines/", data={
        "hostname": name, "architecture": "amd64/generic", "power_type": "ipmi",
        "mac_addresses": f"52:54:00:01:{number // 256:02x}:{number % 256:02x}",
        "power_parameters_power_address": f"10.0.{1 + number // 250}.{number % 250}",
        "commission": "false",
    })  # fmt: skip
    ident = raw["system_id"]
    hardware.commissioned(
        server.region, ident, disks=[{"name": "sda", "size": 10**11}],
        interfaces=[{"name": "eth0", "mac_address": raw["interface_set"][0]["mac_address"],
                     "address": f"10.9.{number // 200}.{10 + number % 200}/16"}],
    )  # fmt: skip
    if status in (5, 6, 9, 10, 11, 13, 15):
        fields.setdefault("owner", "admin")
    hardware.tell(server.region, ident, status=status, **{"owner": None, **fields})
    server.requests.reset()
    return ident


def of(server, test=False, context=None, fired=None, **opts):
    """The state module, on a minion that reaches a region."""

    def send(tag, data):
        if fired is not None:
            fired.append((tag, data))

    return load(
        "_states/maas_machine.py",
        {"test": test, "maas": {"url": server.url, "api_key": server.api_key}, "id": "m", **opts},
        __context__={} if context is None else context, __salt__={"event.send": send},
    )  # fmt: skip


def sent(server):
    return [entry.op for entry in server.requests.writes()]


def as_planned(server, function, name="web-1", **arguments):
    """Run a state: what the test says is what it does, and the next run sends nothing."""
    told = getattr(of(server, test=True), function)(name, **arguments)
    assert server.requests.writes() == []
    done = getattr(of(server), function)(name, **arguments)
    assert done["result"] is True, done["comment"]
    assert told["changes"] == done["changes"], told["comment"]
    assert told["result"] is (None if done["changes"] else True)
    server.requests.reset()
    again = getattr(of(server), function)(name, **arguments)
    assert again["result"] is True, again["comment"]
    assert again["changes"] == {}
    assert server.requests.writes() == []
    return done["changes"].get("machine", {}).get(name)


def test_a_life(any_server):
    server = any_server
    machine(server, status=0, power_state="off")
    changes = as_planned(server, "commissioned", skip_storage=False)
    assert changes["operations"] == ["commission"]
    assert changes["status_name"] == {"old": "New", "new": "Ready"}
    changes = as_planned(server, "deployed", distro_series=server.series)
    own = ["deploy"] if server.region.release >= "2.2" else ["allocate", "deploy"]
    assert changes["operations"] == own
    assert changes["owner"] == {"old": None, "new": "admin"}
    as_planned(server, "powered", on=False)
    as_planned(server, "powered", on=True)
    if server.region.release >= "2.4":
        assert as_planned(server, "locked")["locked"] == {"old": False, "new": True}
        as_planned(server, "unlocked")
    if server.region.release >= "2.1":
        assert as_planned(server, "rescued")["status_name"]["new"] == "Rescue mode"
        as_planned(server, "rescue_exited")
    changes = as_planned(server, "released", comment="done with")
    assert changes["status_name"] == {"old": "Deployed", "new": "Ready"}
    if server.region.release >= "2.2":
        as_planned(server, "tested")
