"""What the library reads and deletes in the tables of a whole region, which the emulator keeps."""

from __future__ import annotations

import pytest
from maas_emulator.api1 import catalogue
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.host import database
from support.postgres import uri

pytestmark = pytest.mark.postgres

UUID = "11111111-1111-4111-8111-111111111111"
NIC = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.1", "subnet_mask": "255.255.255.0"}


@pytest.fixture
def config(postgres):
    with postgres.database() as config:
        yield config


@pytest.fixture
def region(config):
    """Starts a region and returns it with a client."""
    servers = []

    def start(release):
        servers.append(RegionServer(release, database=uri(config), machine_seconds=1000).start())
        server = servers[-1]
        return server.region, Client(Profile(server.url, server.api_key))

    yield start
    for server in servers:
        server.stop()


@pytest.mark.parametrize("release", ["1.5", "1.7", "2.0", "3.2", "3.3"])
def test_users_and_secret(region, config, release):
    region, client = region(release)
    with database.connect(config) as conn:
        assert database.user_by_email(conn, "admin@example.com") == "admin"
        assert database.secret(conn) is None
    assert region.secret
    client.post("tags/", "new" if release < "2" else None, data={"name": "x"})
    with database.connect(config) as conn:
        assert database.secret(conn) == region.secret


@pytest.mark.parametrize("release", ["1.5", "1.7", "1.9"])
def test_routers(region, config, release):
    region, client = region(release)
    region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    region.register_controller(uuid="other", hostname="two", interfaces=[{**NIC, "ip": "10.1.0.1"}])
    client.put(f"nodegroups/{UUID}/interfaces/eth0/", data={"router_ip": "10.0.0.254"})
    with database.connect(config) as conn:
        assert database.router_ips(conn) == {
            (UUID, "eth0"): "10.0.0.254",
            ("other", "eth0"): None,
        }


def test_a_node_group_is_deleted_unless_a_machine_needs_it(region, config):
    region, client = region("1.7")
    for file in catalogue.add_synced(region, "ubuntu", "trusty", "amd64")["sets"][0]["files"]:
        file["have"] = file["size"]
    region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    region.register_controller(uuid="other", hostname="two")
    with database.connect(config, write=True) as conn:
        assert database.delete_node_group(conn, UUID)["deleted"]
    node = {"architecture": "amd64", "mac_addresses": NIC["mac"], "nodegroup": "other"}
    client.post("nodes/", "new", data={"hostname": "n1", **node})
    with database.connect(config, write=True) as conn, pytest.raises(database.StillUsed):
        database.delete_node_group(conn, "other")
    assert [group["uuid"] for group in client.get("nodegroups/", op="list")] == ["other"]
