"""A 1.7 region's host with its database: what only that knows, and what only that can do."""

from __future__ import annotations

import pytest
import requests
from saltext.maas.client import Client, Profile
from saltext.maas.host import at_region, cluster_config, database, enrolment, users
from saltext.maas.host.errors import HostError
from support.fleet import Fleet, wait_for, with_database

pytestmark = pytest.mark.postgres


@pytest.fixture
def region17(postgres, tmp_path):
    with with_database(postgres, "1.7", tmp_path / "hosts") as (fleet, config):
        _, installation = fleet.add("region", "region", database=config)
        yield fleet, installation


def groups(fleet):
    url = f"{fleet.url}/api/1.0/nodegroups/"
    found = requests.get(url, params={"op": "list"}, timeout=10).json()
    return {group["uuid"] for group in found}


def test_a_cluster_goes_for_good(region17):
    fleet, region = region17
    uuids = []
    for name in ("c1", "c2"):
        _, installation = fleet.add(name)
        done = cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)
        enrolment.wait_registered(installation, done["mark"], 20)
        uuids.append(cluster_config.read_files(installation)["uuid"])
    assert set(uuids) == groups(fleet)
    with database.connection(region) as conn:
        routers = database.router_ips(conn)
        assert set(routers) == {(uuid, "eth0") for uuid in uuids}
        assert database.secret(conn) == fleet.region.secret
        planned = database.delete_node_group(conn, uuids[1], test=True)
    with database.connection(region, write=True) as conn:
        assert database.delete_node_group(conn, uuids[1]) == planned
    assert groups(fleet) == {uuids[0]}


def test_the_owner_of_an_address_is_known_beforehand(region17):
    _, region = region17
    users.create_admin(region, "root", "x", "root@example.com")

    def owner(email):
        with database.connection(region) as conn:
            return database.user_by_email(conn, email)

    with pytest.raises(HostError, match="the user root's already"):
        users.create_admin(region, "bob", "x", "root@example.com", email_owner=owner)


@pytest.mark.parametrize("release", ["1.7", "2.9", "3.7"])
def test_a_host_that_is_region_and_cluster_asks_the_database(postgres, tmp_path, release):
    with with_database(postgres, release, tmp_path / "hosts") as (fleet, config):
        _, installation = fleet.add("both", "region+cluster", database=config)
        cluster_config.configure(installation, url=fleet.url)
        now = enrolment.wait_registered(installation, None, 20)
        assert now["state"] == "registered"
        assert at_region._in_database(installation) == {"state": "accepted", "message": None}
        with (
            database.connection(installation, write=True) as conn,
            conn,
            conn.cursor() as cursor,
        ):
            if release == "1.7":
                cursor.execute("UPDATE maasserver_nodegroup SET status = 2")
            else:
                cursor.execute("UPDATE maasserver_node SET node_type = 0")
        result = at_region._in_database(installation)
        assert result["state"] == ("rejected" if release == "1.7" else "unknown")


@pytest.mark.parametrize("release", ["2.9", "3.7"])
def test_a_key_lets_the_api_tell_of_a_rack(tmp_path, release):
    with Fleet(release, tmp_path / "hosts") as fleet:
        fleet.region.create_admin("root", "pw", "root@example.com")
        client = Client(Profile(fleet.url, fleet.region.new_api_key("root")))
        _, installation = fleet.add("rack")
        assert at_region.verdict(installation, client)["state"] == "unknown"
        cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)
        assert enrolment.wait_registered(installation, None, 20, client)["state"] == "registered"
        assert at_region.verdict(installation, client)["state"] == "accepted"
        name = installation.fact("cluster_services")[0]
        installation.run(["systemctl", "stop", name])
        wait_for(lambda: at_region.verdict(installation, client)["state"] == "disconnected")
        client.close()
