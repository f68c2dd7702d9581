"""A real PostgreSQL for tests, and the tables of MAAS that they need."""

from __future__ import annotations

import contextlib
import secrets

from demo.postgres import Postgres as Server

# Columns as they were seen on running servers; keys and references as MAAS's models have them.
_GROUP = """
CREATE TABLE auth_user (id serial PRIMARY KEY, username varchar(150) NOT NULL UNIQUE,
    email varchar(254) UNIQUE);
CREATE TABLE maasserver_config (id serial PRIMARY KEY, name varchar(255) NOT NULL UNIQUE,
    value text);
CREATE TABLE maasserver_nodegroup (
    id serial PRIMARY KEY, created timestamptz NOT NULL DEFAULT now(),
    updated timestamptz NOT NULL DEFAULT now(), name varchar(80) NOT NULL DEFAULT '',
    api_token_id integer NOT NULL UNIQUE, api_key varchar(18) NOT NULL UNIQUE,
    dhcp_key varchar(255) NOT NULL DEFAULT '', uuid varchar(36) NOT NULL UNIQUE,
    status integer NOT NULL DEFAULT 1, cluster_name varchar(100) NOT NULL UNIQUE,
    maas_url varchar(255) NOT NULL DEFAULT '', default_disable_ipv4 boolean NOT NULL DEFAULT false);
CREATE TABLE maasserver_node (id serial PRIMARY KEY, hostname varchar(255) NOT NULL UNIQUE,
    nodegroup_id integer REFERENCES maasserver_nodegroup (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE maasserver_downloadprogress (id serial PRIMARY KEY,
    nodegroup_id integer NOT NULL REFERENCES maasserver_nodegroup (id)
    DEFERRABLE INITIALLY DEFERRED, filename varchar(255) NOT NULL DEFAULT '');
"""
_USERS = """
CREATE TABLE auth_user (id serial PRIMARY KEY, username varchar(150) NOT NULL UNIQUE,
    email varchar(254) UNIQUE);
CREATE TABLE maasserver_config (id serial PRIMARY KEY, name varchar(255) NOT NULL UNIQUE,
    value {value});
"""
_SECRET = "CREATE TABLE maasserver_secret (path text PRIMARY KEY, value jsonb NOT NULL);"
_TABLES = {
    "1.7": _GROUP
    + """
CREATE TABLE maasserver_nodegroupinterface (
    id serial PRIMARY KEY, ip inet NOT NULL,
    nodegroup_id integer NOT NULL REFERENCES maasserver_nodegroup (id)
        DEFERRABLE INITIALLY DEFERRED,
    management integer NOT NULL DEFAULT 0, interface varchar(255) NOT NULL,
    subnet_mask inet, broadcast_ip inet, router_ip inet, ip_range_low inet, ip_range_high inet,
    foreign_dhcp_ip inet, static_ip_range_low inet, static_ip_range_high inet,
    name varchar(255) NOT NULL, UNIQUE (nodegroup_id, name));
CREATE TABLE maasserver_macaddress (id serial PRIMARY KEY, mac_address macaddr NOT NULL UNIQUE,
    cluster_interface_id integer REFERENCES maasserver_nodegroupinterface (id)
        DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE maasserver_dhcplease (id serial PRIMARY KEY, ip inet NOT NULL UNIQUE,
    mac macaddr NOT NULL, nodegroup_id integer NOT NULL REFERENCES maasserver_nodegroup (id)
        DEFERRABLE INITIALLY DEFERRED);
""",
    "1.9": _GROUP
    + """
CREATE TABLE maasserver_subnet (id serial PRIMARY KEY, cidr cidr, gateway_ip inet);
CREATE TABLE maasserver_nodegroupinterface (
    id serial PRIMARY KEY, ip inet NOT NULL,
    nodegroup_id integer NOT NULL REFERENCES maasserver_nodegroup (id)
        DEFERRABLE INITIALLY DEFERRED,
    management integer NOT NULL DEFAULT 0, interface varchar(255) NOT NULL,
    ip_range_low inet, ip_range_high inet, foreign_dhcp_ip inet, static_ip_range_low inet,
    static_ip_range_high inet, name varchar(255) NOT NULL, vlan_id integer NOT NULL DEFAULT 1,
    subnet_id integer REFERENCES maasserver_subnet (id));
""",
    "2.0": _USERS.format(value="text"),
    "3.3": _USERS.format(value="text") + _SECRET,
    "3.7": _USERS.format(value="jsonb") + _SECRET,
}


#: Temporal's table of the last run of each workflow, for MAAS 3.5 and later.
TEMPORAL = """
CREATE SCHEMA temporal;
CREATE TABLE temporal.current_executions (
    shard_id integer NOT NULL, namespace_id bytea NOT NULL, workflow_id varchar(255) NOT NULL,
    run_id bytea NOT NULL, create_request_id varchar(255) NOT NULL, state integer NOT NULL,
    status integer NOT NULL, start_version bigint NOT NULL DEFAULT 0, start_time timestamp,
    last_write_version bigint NOT NULL, PRIMARY KEY (shard_id, namespace_id, workflow_id));
"""
_PGCRYPTO = """
INSERT INTO pg_extension
    (oid, extname, extowner, extnamespace, extrelocatable, extversion, extconfig, extcondition)
VALUES (99999, 'pgcrypto', 10, '{}'::regnamespace, true, '1.3', NULL, NULL)
"""


class Postgres(Server):
    """A server for one test session, with a database for each test.

    Raises:
        ImportError: Its package is not installed.
    """

    def __init__(self):
        super().__init__()
        # Nothing of it is worth the waits for a disk.
        self.execute("postgres", "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    def create(self, name):
        """Make a database that has pgcrypto, as far as MAAS can see; not every server brings it."""
        found = super().create(name)
        self.execute(name, _PGCRYPTO.format("public"))
        return found

    def execute(self, name, *statements):
        """Run statements, each in a transaction of its own; returns the last one's rows."""
        conn = self.connect(name)
        try:
            conn.autocommit = True
            with conn.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            conn.close()

    @contextlib.contextmanager
    def database(self, release=None):
        """A database of its own, with a release's tables.

        Args:
            release: ``1.7``, ``1.9``, ``2.0``, ``3.3``, ``3.7`` or None for an empty one.

        Returns:
            ``host``, ``port``, ``name``, ``user``, ``password``.
        """
        name = f"maas_{secrets.token_hex(4)}"
        found = self.create(name)
        try:
            if release:
                self.execute(name, _TABLES[release])
            yield found
        finally:
            self.execute(
                "postgres",
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
                f"DROP DATABASE {name}",
            )


def uri(config):
    """How libpq names a database, from what ``Postgres.database`` says of it."""
    return " ".join(
        f"{key}='{config[name]}'"
        for key, name in (("host", "host"), ("port", "port"), ("dbname", "name"), ("user", "user"))
    )
