"""Hosts of 3.8: its service of permissions, its snap, and what it no longer starts with."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time

import pytest
import yaml
from maas_emulator.hosts import commands, sandbox
from maas_emulator.hosts.daemons import Hosts
from maas_emulator.server import RegionServer

from .calls import Caller


def wait_for(condition):
    """Wait until something is true."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def region(tmp_path):
    """A region whose hosts are below ``tmp_path``."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(RegionServer("3.8", admin=("admin", "a@example.com")))
        folder = tmp_path / "hosts"
        stack.enter_context(Hosts(server.region, server.url, folder, interval=0.02, retry=0.05))
        server.make = lambda name, *more, **options: sandbox.create(
            folder / name, options.pop("release", "3.8"), *more, **options
        )
        yield server


def run(host, *words):
    return commands.main([host.root, *words])


def stores(host):
    """The answer of maas-openfga on its socket, or None."""
    place, name = os.path.split(host.path("openfga_socket"))
    try:
        folder = os.open(place, os.O_PATH)
    except FileNotFoundError:
        return None
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.connect(f"/proc/self/fd/{folder}/{name}")
        connection.request("GET", "/stores")
        return json.loads(connection.getresponse().read())["stores"]
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
        os.close(folder)


@pytest.mark.parametrize(("kind", "service"), [("deb", "maas-openfga"), ("snap", "maas")])
def test_permissions_are_known_by_what_the_service_read_at_its_start(region, kind, service):
    host = region.make("region", "region", kind=kind, database={"password": "old"})
    admin = Caller(region.region)
    wait_for(lambda: stores(host))
    wait_for(lambda: admin.get("groups/").status == 200)
    host.edit_yaml("region_config", {"database_pass": "new"})
    assert host.peek("openfga")["pass"] == "old"
    restart = ("systemctl", "restart") if kind == "deb" else ("snap", "restart")
    assert run(host, *restart, service) == 0
    wait_for(lambda: host.peek("openfga")["pass"] == "new")
    assert {"host", "name", "user"} <= set(host.peek("openfga"))
    wait_for(lambda: stores(host))
    host.set_service(service, running=False)
    wait_for(lambda: stores(host) is None)
    wait_for(lambda: admin.get("groups/").status == 500)
    assert admin.get("users/").status == 200


@pytest.mark.parametrize(
    "keys",
    [{"database_port": 5433}, {"database_pass": "a/b"}, {"database_name": None}],
    ids=["port", "password", "vault"],
)
def test_what_it_does_not_start_with(region, keys):
    host = region.make("region", "region")
    wait_for(lambda: stores(host))
    host.edit_yaml("region_config", keys)
    assert run(host, "systemctl", "restart", "maas-openfga") == 0
    wait_for(lambda: stores(host) is None)
    wait_for(lambda: not region.region.permissions_known)


def test_a_region_stops_and_starts_with_the_services_that_it_requires(tmp_path):
    host = sandbox.create(tmp_path / "h", "3.8", "region")
    for unit in ("maas-openfga", "maas-apiserver"):
        starts = host.service("maas-regiond")["starts"]
        run(host, "systemctl", "restart", unit)
        assert host.service("maas-regiond")["starts"] == starts + 1
    run(host, "systemctl", "restart", "maas-regiond", "maas-openfga")
    assert host.service("maas-regiond")["starts"] == starts + 2  # not once for each
    run(host, "systemctl", "stop", "maas-openfga")
    assert not host.service("maas-regiond")["running"]
    run(host, "systemctl", "start", "maas-regiond")
    assert host.service("maas-openfga")["running"]
    older = sandbox.create(tmp_path / "older", "3.4", "region")
    run(older, "systemctl", "restart", "maas-http")
    assert older.service("maas-regiond")["starts"] == 1


@pytest.mark.parametrize(
    ("release", "kind", "path"),
    [
        ("3.8", "snap", "var/snap/maas/common/etc/maas/agent.yaml"),
        ("3.8", "deb", "etc/maas/agent.yaml"),
    ],
)
def test_a_rack_writes_its_agents_configuration(region, release, kind, path):
    host = region.make("rack", "cluster", release=release, kind=kind, url=region.url)
    host.write("secret", region.region.secret)
    wait_for(lambda: host.read(path))
    keys = yaml.safe_load(host.read(path))
    assert keys["controller"] == "https://127.0.0.1:5242"
    assert keys["temporal"]["encryption_key"] == region.region.secret
    assert keys["system_id"] == host.read("maas_id")
    assert os.stat(host.path(path)).st_mode & 0o777 == 0o600


def test_an_older_snap_has_it_elsewhere(tmp_path):
    folder = tmp_path / "hosts"
    with RegionServer("3.7", admin=None) as server, Hosts(server.region, server.url, folder, 0.02):
        host = sandbox.create(folder / "rack", "3.7", "cluster", kind="snap", url=server.url)
        host.write("secret", server.region.secret)
        wait_for(lambda: host.read("var/snap/maas/current/agent.yaml"))
        keys = yaml.safe_load(host.read("cluster_agent"))
        assert (keys["controllers"], keys["secret"]) == (["127.0.0.1"], server.region.secret)


def test_init_leaves_workers_and_debugging_to_config(tmp_path, capsys):
    given = ["maas", "init", "region", "--maas-url", "http://192.0.2.1:5240/MAAS", "--database-uri",
             "postgres://maas:p@db.example.com/maasdb"]  # fmt: skip
    for release in ("3.7", "3.8"):
        host = sandbox.create(tmp_path / release, release, "region", kind="snap", configured=False)
        for option in (("--num-workers", "2"), ("--enable-debug",)):
            if release == "3.7":
                assert run(host, *given, "--force", *option) == 0
                continue
            with pytest.raises(SystemExit) as ended:
                run(host, *given, *option)
            assert ended.value.code == 2
            assert "unrecognized arguments: " in capsys.readouterr().err
    assert run(host, *given) == 0
    assert run(host, "maas", "config", "--num-workers", "2") == 0
    assert yaml.safe_load(host.read("region_config"))["num_workers"] == 2


def test_the_snaps_services_and_where_it_can_come_from(tmp_path, capsys):
    host = sandbox.create(tmp_path / "h", "3.8", "region", kind="snap")
    assert run(host, "maas", "status") == 0
    shown = {line.split()[0]: line.split()[1:3] for line in capsys.readouterr().out.splitlines()}
    assert shown["openfga"] == ["enabled", "active"]
    assert shown["temporal"] == ["disabled", "active"]
    assert "rackd" not in shown
    meta = yaml.safe_load(host.read("snap/maas/current/meta/snap.yaml"))
    assert (meta["base"], meta["epoch"]) == ("core26", 5)
    newer = sandbox.create(tmp_path / "n", "4.0", "region", kind="snap")
    assert yaml.safe_load(newer.read("snap/maas/current/meta/snap.yaml"))["epoch"] == 6
    with pytest.raises(ValueError, match="not there as 'deb'"):
        sandbox.create(tmp_path / "d", "4.0", "region")


def test_a_region_does_not_come_up_with_an_old_postgresql(region):
    host = region.make("region", "region")
    admin = Caller(region.region)
    wait_for(lambda: admin.get("groups/").status == 200)
    info = host.info
    for version, status in ((13, 503), (14, 200)):
        host.write("emulator.json", json.dumps({**info, "postgresql": version}))
        host.set_service("maas-regiond", running=True)
        wait_for(lambda: admin.get("groups/").status == status)  # noqa: B023
    (line,) = [entry["text"] for entry in host.journal()]
    assert "Unsupported postgresql server version (13)" in json.loads(line)["message"]
