"""The PostgreSQL tables that follow an emulated 1.x region."""

from __future__ import annotations

import pytest
from maas_emulator.api1 import catalogue
from maas_emulator.core import Region

from .calls import Caller

pytestmark = pytest.mark.postgres

UUID = "11111111-1111-4111-8111-111111111111"
NIC = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.1", "subnet_mask": "255.255.255.0"}
LAN = f"nodegroups/{UUID}/interfaces/"


@pytest.fixture(params=["1.5", "1.7"])
def release(request):
    return request.param


@pytest.fixture
def admin(database, release):
    return Caller(Region(release, database=database.uri))


@pytest.fixture
def cluster(admin):
    admin.region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    return admin


def uuids(admin):
    return [row["uuid"] for row in admin.get("nodegroups/?op=list").json]


SECRET = "SELECT value FROM maasserver_config WHERE name = 'rpc_shared_secret'"
ROUTERS = """
    SELECT uuid, host(router_ip) FROM maasserver_nodegroupinterface i
    JOIN maasserver_nodegroup g ON g.id = i.nodegroup_id ORDER BY uuid
"""
DELETE_GROUP = (
    "BEGIN",
    "DELETE FROM maasserver_nodegroupinterface WHERE nodegroup_id ="
    f" (SELECT id FROM maasserver_nodegroup WHERE uuid = '{UUID}')",
    f"DELETE FROM maasserver_nodegroup WHERE uuid = '{UUID}'",
    "COMMIT",
)


def test_new_region_is_there_at_once(admin, database):
    assert database.ask("SELECT uuid, status FROM maasserver_nodegroup") == [("master", 1)]
    assert uuids(admin) == ["master"]
    users = database.ask("SELECT username, is_superuser FROM auth_user WHERE email LIKE 'admin@%'")
    assert users == [("admin", True)]
    assert database.ask(SECRET) == []


def test_columns_are_those_of_the_release(admin, release, database):
    found = database.ask(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = 'maasserver_nodegroupinterface'"
    )
    assert (("name",) in found) == (("static_ip_range_low",) in found) == (release == "1.7")


def test_changes_arrive(cluster, database):
    cluster.region.register_controller(uuid="other", hostname="two", interfaces=[NIC])
    assert cluster.put(LAN + "eth0/", router_ip="10.0.0.254").status == 200
    assert cluster.region.secret
    cluster.put(f"nodegroups/{UUID}/", cluster_name="First")
    assert database.ask(ROUTERS) == [(UUID, "10.0.0.254"), ("other", None)]
    assert database.ask(SECRET) == [(f'"{cluster.region.secret}"',)]


def test_names_may_change_places(cluster, database):
    cluster.region.register_controller(uuid="other", hostname="two")
    cluster.put(f"nodegroups/{UUID}/", cluster_name="First")
    assert cluster.put("nodegroups/other/", cluster_name="Cluster master").status == 200
    found = database.ask("SELECT cluster_name FROM maasserver_nodegroup")
    assert {name for (name,) in found} == {"First", "Cluster master"}


def test_deleted_interface_is_gone(cluster, database):
    assert cluster.delete(LAN + "eth0/").status == 204
    assert database.ask("SELECT count(*) FROM maasserver_nodegroupinterface") == [(0,)]


def test_deletion_by_somebody_else_is_noticed(cluster, database):
    cluster.region.register_controller(uuid="other", hostname="two", interfaces=[NIC])
    database.ask(*DELETE_GROUP)
    assert uuids(cluster) == ["other"]
    assert cluster.get(f"nodegroups/{UUID}/").status == 404
    assert {row["group"] for row in cluster.region.rows("node_group_interfaces").values()} == {2}
    # What the region writes next does not bring it back.
    assert cluster.put("nodegroups/other/", cluster_name="Second").status == 200
    assert uuids(cluster) == ["other"]


def test_deleted_cluster_may_come_back(cluster, database):
    database.ask(*DELETE_GROUP)
    cluster.region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    assert uuids(cluster) == [UUID]


def test_a_later_region_starts_afresh(cluster, database, release):
    admin = Caller(Region(release, database=database.uri))
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
def test_tables_are_those_of_the_release(database, each):
    Region(each, database=database.uri)
    found = database.ask("SELECT tablename FROM pg_tables")
    there = {name for (name,) in found}
    assert {name for name in _TABLES if name in there} == {
        name for name, (releases, _) in _TABLES.items() if each in releases.split()
    }
    for name, (releases, count) in _TABLES.items():
        if count is not None and each in releases.split():
            assert database.ask(f"SELECT count(*) FROM {name}") == [(count,)], name


def test_routers_of_1_9_are_the_subnets_gateways(database):
    admin = Caller(Region("1.9", database=database.uri))
    admin.region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    assert admin.put(LAN + "eth0/", router_ip="10.0.0.254").status == 200
    found = database.ask(
        "SELECT host(s.gateway_ip) FROM maasserver_nodegroupinterface i"
        " JOIN maasserver_subnet s ON s.id = i.subnet_id"
    )
    assert found == [("10.0.0.254",)]


def test_images_and_machines_are_there(database):
    region = Region("1.7", database=database.uri, machine_seconds=1000)
    admin = Caller(region)
    region.register_controller(uuid=UUID, hostname="one", interfaces=[NIC])
    for file in catalogue.add_synced(region, "ubuntu", "trusty", "amd64")["sets"][0]["files"]:
        file["have"] = file["size"]
    node = {"architecture": "amd64", "mac_addresses": NIC["mac"], "autodetect_nodegroup": "1"}
    assert admin.post("nodes/?op=new", hostname="n1", **node).status == 200
    found = database.ask(
        "SELECT r.name, s.version, count(*) FROM maasserver_bootresource r"
        " JOIN maasserver_bootresourceset s ON s.resource_id = r.id"
        " JOIN maasserver_bootresourcefile f ON f.resource_set_id = s.id"
        " JOIN maasserver_largefile l ON l.id = f.largefile_id GROUP BY 1, 2",
    )
    assert found == [("ubuntu/trusty", "20150305", 5)]
    query = "SELECT n.hostname, n.status, m.mac_address FROM maasserver_node n JOIN"
    query += " maasserver_macaddress m ON m.node_id = n.id"
    assert database.ask(query) == [("n1", 1, NIC["mac"])]
    with pytest.raises(Exception, match="still referenced from table"):
        database.ask(*DELETE_GROUP)
