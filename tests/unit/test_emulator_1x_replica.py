"""The PostgreSQL tables that follow an emulated 1.x region."""

from __future__ import annotations

import pytest
from emulator_calls import Caller
from maas_emulator.api1 import catalogue
from maas_emulator.core import Region
from saltext.maas.host import database
from support.postgres import uri

pytestmark = pytest.mark.postgres

UUID = "11111111-1111-4111-8111-111111111111"
NIC = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.1", "subnet_mask": "255.255.255.0"}
LAN = f"nodegroups/{UUID}/interfaces/"


@pytest.fixture(params=["1.5", "1.7"])
def release(request):
    return request.param


@pytest.fixture
def config(postgres):
    with postgres.database() as config:
        yield config


@pytest.fixture
def admin(config, release):
    return Caller(Region(release, database=uri(config)))


@pytest.fixture
def cluster(admin):
    admin.region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    return admin


def uuids(admin):
    return [row["uuid"] for row in admin.get("nodegroups/?op=list").json]


def test_new_region_is_there_at_once(admin, postgres, config):
    found = postgres.execute(config["name"], "SELECT uuid, status FROM maasserver_nodegroup")
    assert found == [("master", 1)]
    assert uuids(admin) == ["master"]
    with database.connect(config) as conn:
        assert database.user_by_email(conn, "admin@example.com") == "admin"
        assert database.secret(conn) is None


def test_columns_are_those_of_the_release(admin, release, postgres, config):
    found = postgres.execute(
        config["name"],
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = 'maasserver_nodegroupinterface'",
    )
    assert (("name",) in found) == (("static_ip_range_low",) in found) == (release == "1.7")


def test_changes_arrive(cluster, config):
    cluster.region.register_controller(uuid="other", hostname="two", interfaces=[NIC])
    assert cluster.put(LAN + "eth0/", router_ip="10.0.0.254").status == 200
    assert cluster.region.secret
    cluster.put(f"nodegroups/{UUID}/", cluster_name="First")
    with database.connect(config) as conn:
        assert database.router_ips(conn) == {
            (UUID, "eth0"): "10.0.0.254",
            ("other", "eth0"): None,
        }
        assert database.secret(conn) == cluster.region.secret


def test_names_may_change_places(cluster, postgres, config):
    cluster.region.register_controller(uuid="other", hostname="two")
    cluster.put(f"nodegroups/{UUID}/", cluster_name="First")
    assert cluster.put("nodegroups/other/", cluster_name="Cluster master").status == 200
    found = postgres.execute(config["name"], "SELECT cluster_name FROM maasserver_nodegroup")
    assert {name for (name,) in found} == {"First", "Cluster master"}


def test_deleted_interface_is_gone(cluster, postgres, config):
    assert cluster.delete(LAN + "eth0/").status == 204
    count = "SELECT count(*) FROM maasserver_nodegroupinterface"
    assert postgres.execute(config["name"], count) == [(0,)]


def test_deletion_by_somebody_else_is_noticed(cluster, config):
    cluster.region.register_controller(uuid="other", hostname="two", interfaces=[NIC])
    with database.connect(config, write=True) as conn:
        assert database.delete_node_group(conn, UUID)["deleted"]
    assert uuids(cluster) == ["other"]
    assert cluster.get(f"nodegroups/{UUID}/").status == 404
    assert {row["group"] for row in cluster.region.rows("node_group_interfaces").values()} == {2}
    # What the region writes next does not bring it back.
    assert cluster.put("nodegroups/other/", cluster_name="Second").status == 200
    assert uuids(cluster) == ["other"]


def test_deleted_cluster_may_come_back(cluster, config):
    with database.connect(config, write=True) as conn:
        database.delete_node_group(conn, UUID)
    cluster.region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    assert uuids(cluster) == [UUID]


def test_a_later_region_starts_afresh(cluster, config, release):
    admin = Caller(Region(release, database=uri(config)))
    assert uuids(admin) == ["master"]


#: A table, what of it there is in a new region, and the releases that have it.
_TABLES = {
    "maasserver_zone": ("1.5 1.6 1.7 1.9", 1),
    "maasserver_bootimage": ("1.5 1.6", 0),
    "maasserver_bootsource": ("1.6 1.7 1.9", None),
    "maasserver_bootsourceselection": ("1.6 1.7 1.9", None),
    "maasserver_bootresourcefile": ("1.7 1.9", 0),
    "maasserver_macaddress": ("1.5 1.6 1.7", 0),
    "maasserver_interface": ("1.9", 0),
    "maasserver_subnet": ("1.9", 0),
    "maasserver_vlan": ("1.9", 1),
}


@pytest.mark.parametrize("each", ["1.6", "1.9"])
def test_tables_are_those_of_the_release(postgres, config, each):
    Region(each, database=uri(config))
    found = postgres.execute(config["name"], "SELECT tablename FROM pg_tables")
    there = {name for (name,) in found}
    assert {name for name in _TABLES if name in there} == {
        name for name, (releases, _) in _TABLES.items() if each in releases.split()
    }
    for name, (releases, count) in _TABLES.items():
        if count is not None and each in releases.split():
            query = f"SELECT count(*) FROM {name}"
            assert postgres.execute(config["name"], query) == [(count,)], name


def test_routers_of_1_9_are_the_subnets_gateways(postgres, config):
    admin = Caller(Region("1.9", database=uri(config)))
    admin.region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    assert admin.put(LAN + "eth0/", router_ip="10.0.0.254").status == 200
    with database.connect(config) as conn:
        assert database.router_ips(conn) == {(UUID, "eth0"): "10.0.0.254"}


def test_images_and_machines_are_there(postgres, config):
    region = Region("1.7", database=uri(config), machine_seconds=1000)
    admin = Caller(region)
    region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    for file in catalogue.add_synced(region, "ubuntu", "trusty", "amd64")["sets"][0]["files"]:
        file["have"] = file["size"]
    node = {"architecture": "amd64", "mac_addresses": NIC["mac"], "autodetect_nodegroup": "1"}
    assert admin.post("nodes/?op=new", hostname="n1", **node).status == 200
    found = postgres.execute(
        config["name"],
        "SELECT r.name, s.version, count(*) FROM maasserver_bootresource r"
        " JOIN maasserver_bootresourceset s ON s.resource_id = r.id"
        " JOIN maasserver_bootresourcefile f ON f.resource_set_id = s.id"
        " JOIN maasserver_largefile l ON l.id = f.largefile_id GROUP BY 1, 2",
    )
    assert found == [("ubuntu/trusty", "20150305", 5)]
    query = "SELECT n.hostname, n.status, m.mac_address FROM maasserver_node n JOIN"
    query += " maasserver_macaddress m ON m.node_id = n.id"
    assert postgres.execute(config["name"], query) == [("n1", 1, NIC["mac"])]
    with database.connect(config, write=True) as conn, pytest.raises(database.StillUsed):
        database.delete_node_group(conn, UUID)
