"""The database functions, on a real PostgreSQL with MAAS's tables."""

from __future__ import annotations

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas.host import database, installation

pytestmark = pytest.mark.postgres

UUID, OTHER = "11111111-aaaa", "22222222-bbbb"

ROWS = f"""
INSERT INTO maasserver_nodegroup (id, api_token_id, api_key, uuid, cluster_name)
VALUES (1, 1, 'k1', '{UUID}', 'one'), (2, 2, 'k2', '{OTHER}', 'two');
INSERT INTO maasserver_downloadprogress (nodegroup_id) VALUES (1), (1), (2);
"""
INTERFACES = """
INSERT INTO maasserver_nodegroupinterface
       (id, ip, nodegroup_id, management, interface, name, router_ip)
VALUES (1, '10.1.0.2', 1, 0, 'eth0', 'lan', '10.1.0.1'),
       (2, '10.2.0.2', 1, 0, 'eth1', 'eth1', NULL),
       (3, '10.3.0.2', 2, 0, 'eth0', 'eth0', '10.3.0.1');
"""


@pytest.fixture
def region17(postgres):
    with postgres.database("1.7") as config:
        postgres.execute(config["name"], ROWS, INTERFACES)
        yield config


def count(postgres, config, table):
    return postgres.execute(config["name"], f"SELECT count(*) FROM {table}")[0][0]


def test_router_ips_are_read(region17):
    with database.connect(region17) as conn:
        assert database.router_ips(conn) == {
            (UUID, "lan"): "10.1.0.1",
            (UUID, "eth1"): None,
            (OTHER, "eth0"): "10.3.0.1",
        }


def test_router_ips_of_19_come_from_the_subnet(postgres):
    with postgres.database("1.9") as config:
        postgres.execute(
            config["name"],
            ROWS,
            "INSERT INTO maasserver_subnet VALUES (7, '10.1.0.0/24', '10.1.0.1')",
            "INSERT INTO maasserver_nodegroupinterface "
            "(ip, nodegroup_id, interface, name, subnet_id) "
            "VALUES ('10.1.0.2', 1, 'eth0', 'eth0', 7), ('10.2.0.2', 1, 'eth1', 'eth1', NULL)",
        )
        with database.connect(config) as conn:
            assert database.router_ips(conn) == {(UUID, "eth0"): "10.1.0.1", (UUID, "eth1"): None}


def test_reading_sessions_cannot_write(region17):
    with (
        pytest.raises(database.DatabaseError, match="read-only"),
        database.connect(region17) as conn,
    ):
        conn.cursor().execute("DELETE FROM maasserver_dhcplease")


def test_a_statement_has_a_deadline(region17):
    with (
        pytest.raises(database.DatabaseError, match="timeout"),
        database.connect(region17, timeout=0.2) as conn,
    ):
        conn.cursor().execute("SELECT pg_sleep(5)")


def test_connection_errors_show_no_password(region17):
    wrong = {**region17, "name": "nosuch", "password": "hunter2secret"}
    with pytest.raises(database.DatabaseError) as caught, database.connect(wrong):
        pass
    assert "nosuch" in str(caught.value)
    assert "hunter2secret" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_user_by_email(postgres, region17):
    postgres.execute(
        region17["name"],
        "INSERT INTO auth_user (username, email) VALUES ('admin', 'a@example.com')",
    )
    with database.connect(region17) as conn:
        assert database.user_by_email(conn, "a@example.com") == "admin"
        assert database.user_by_email(conn, "b@example.com") is None


@pytest.mark.parametrize(
    ("release", "row"),
    [
        (
            "1.7",
            "INSERT INTO maasserver_config (name, value) VALUES ('rpc_shared_secret', '\"ab12\"')",
        ),
        (
            "3.7",
            "INSERT INTO maasserver_secret VALUES ('global/rpc-shared', '{\"secret\": \"ab12\"}')",
        ),
    ],
)
def test_secret(postgres, release, row):
    with postgres.database(release) as config:
        with database.connect(config) as conn:
            assert database.secret(conn) is None
        postgres.execute(config["name"], row)
        with database.connect(config) as conn:
            assert database.secret(conn) == "ab12"


class TestDeleteNodeGroup:
    def test_goes_with_what_is_derived(self, postgres, region17):
        postgres.execute(
            region17["name"],
            "INSERT INTO maasserver_dhcplease (ip, mac, nodegroup_id) "
            "VALUES ('10.1.0.9', '52:54:00:00:00:01', 1)",
        )
        expected = {
            "deleted": True,
            "rows": {
                "maasserver_dhcplease": 1,
                "maasserver_downloadprogress": 2,
                "maasserver_nodegroupinterface": 2,
            },
        }
        with database.connect(region17) as conn:
            assert database.delete_node_group(conn, UUID, test=True) == expected
        assert count(postgres, region17, "maasserver_nodegroup") == 2
        with database.connect(region17, write=True) as conn:
            assert database.delete_node_group(conn, UUID) == expected
        left = postgres.execute(region17["name"], "SELECT uuid FROM maasserver_nodegroup")
        assert left == [(OTHER,)]
        assert count(postgres, region17, "maasserver_nodegroupinterface") == 1
        assert count(postgres, region17, "maasserver_downloadprogress") == 1
        assert count(postgres, region17, "maasserver_dhcplease") == 0

    def test_an_absent_one_is_no_change(self, region17):
        with database.connect(region17, write=True) as conn:
            assert database.delete_node_group(conn, "nosuch") == {"deleted": False, "rows": {}}

    @pytest.mark.parametrize(
        ("hold", "message"),
        [
            (
                "INSERT INTO maasserver_node (hostname, nodegroup_id) VALUES ('n1', 1)",
                "1 node .n1.",
            ),
            (
                "UPDATE maasserver_nodegroupinterface SET management = 1 WHERE id = 1",
                "1 managed interface .lan.",
            ),
            (
                "INSERT INTO maasserver_macaddress (mac_address, cluster_interface_id) "
                "VALUES ('52:54:00:00:00:01', 2)",
                "maasserver_macaddress",
            ),
            (
                "CREATE TABLE maasserver_new (g integer REFERENCES maasserver_nodegroup (id));"
                "INSERT INTO maasserver_new VALUES (1)",
                "maasserver_new",
            ),
        ],
        ids=["nodes", "managed", "mac-addresses", "unknown-table"],
    )
    @pytest.mark.parametrize("test", [True, False])
    def test_is_refused_while_something_hangs_on_it(self, postgres, region17, hold, message, test):
        postgres.execute(region17["name"], hold)
        with (
            database.connect(region17, write=not test) as conn,
            pytest.raises(database.StillUsed, match=message),
        ):
            database.delete_node_group(conn, UUID, test=test)
        assert count(postgres, region17, "maasserver_nodegroup") == 2
        assert count(postgres, region17, "maasserver_nodegroupinterface") == 3

    def test_waits_for_no_lock_for_ever(self, region17):
        with database.connect(region17, write=True) as holder, holder.cursor() as cursor:
            cursor.execute("SELECT 1 FROM maasserver_nodegroup WHERE id = 1 FOR UPDATE")
            with (
                pytest.raises(database.DatabaseError, match="timeout"),
                database.connect(region17, write=True, timeout=0.3) as conn,
            ):
                database.delete_node_group(conn, UUID)


@pytest.mark.parametrize("release", ["1.7", "3.7"])
def test_the_connection_comes_from_the_regions_own_file(tmp_path, postgres, release):
    with postgres.database(release) as config:
        host = sandbox.create(tmp_path / "region", release, "region", database=config)
        with database.connection(installation.detect(host.root)) as conn:
            assert database.secret(conn) is None
