"""A 1.x cluster goes from the region's database: what goes with it, and what keeps it."""

from __future__ import annotations

import re

import pytest
from maas_emulator.api1 import catalogue, groups
from maas_emulator.api1 import reported_images as reported
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.host import database
from saltext.maas.reconcile import Snapshot, apply, desired_named, make_plan
from support.postgres import uri

pytestmark = pytest.mark.postgres
UUID, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
NIC = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2", "subnet_mask": "255.255.255.0"}
LAN = f"nodegroups/{UUID}/interfaces/eth0/"
MANAGED = {
    "management": "1", "ip_range_low": "10.0.0.100", "ip_range_high": "10.0.0.150",
    "router_ip": "10.0.0.1",
}  # fmt: skip


class Door:
    """The region host's database, without the host."""

    def __init__(self, config):
        self.config = config

    def router_ips(self):
        return {}

    def delete_node_group(self, uuid, test=False):
        with database.connect(self.config, write=not test) as conn:
            database.delete_node_group(conn, uuid, test)


class Region:
    """An emulated region that is copied into a PostgreSQL database, with two clusters."""

    def __init__(self, server, config, postgres):
        self.server, self.config, self.postgres = server, config, postgres
        self.client = Client(Profile(server.url, server.api_key))
        for uuid, hostname in ((UUID, "one"), (OTHER, "two")):
            server.region.register_controller(uuid=uuid, hostname=hostname, interfaces=[NIC])

    def query(self, text):
        return self.postgres.execute(self.config["name"], text)

    def tables(self):
        """How many rows each table has."""
        names = self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name: self.query(f"SELECT count(*) FROM {name}")[0][0] for (name,) in names}

    def absent(self, uuid, test):
        snapshot = Snapshot(self.client, local=Door(self.config))
        plan = make_plan(snapshot, [desired_named("node_group", uuid, {}, True)])
        if not test:
            apply(snapshot, plan)
        return plan


@pytest.fixture(params=["1.5", "1.6", "1.7", "1.9"])
def region(request, postgres):
    with (
        postgres.database() as config,
        RegionServer(request.param, database=uri(config), index_seconds=0.01) as server,
    ):
        found = Region(server, config, postgres)
        yield found
        found.client.close()


def test_all_that_only_describes_it_goes_along(region):
    release = region.server.region.release
    path = f"nodegroups/{UUID}/boot-sources/"
    if release >= "1.6":
        data = {"url": "http://one.example.com/", "keyring_filename": "/k.gpg"}
        source = region.client.post(path, data=data)
        if release < "1.7":
            chosen = {"release": "trusty", "arches": "amd64", "subarches": "*", "labels": "*"}
            region.client.post(f"{path}{source['id']}/selections/", data=chosen)
        region.client.get(f"nodegroups/{OTHER}/boot-sources/")
    before = region.tables()
    shared = {"maasserver_bootsource", "maasserver_bootsourceselection"}
    with database.connect(region.config) as conn:
        result = database.delete_node_group(conn, UUID, test=True)
    if release < "1.7" and release >= "1.6":
        assert result["rows"]["maasserver_bootsource"] >= 1
        assert result["rows"]["maasserver_bootsourceselection"] >= 1
    else:
        assert not shared & set(result["rows"])  # the region's, not the cluster's
    assert region.absent(UUID, test=True).problems() == []
    assert region.tables() == before
    plan = region.absent(UUID, test=False)
    assert [(one.error, one.done) for one in plan.changes] == [(None, True)]
    after = region.tables()
    gone = {name: before[name] - after[name] for name in before if before[name] != after[name]}
    assert gone == {**result["rows"], "maasserver_nodegroup": 1}
    assert region.absent(UUID, test=False).changes == []
    assert region.absent(OTHER, test=True).problems() == []


def _node(region):
    emulated = region.server.region
    group = groups.find_group(emulated, UUID)
    group["status"] = groups.ACCEPTED
    if emulated.release < "1.7":
        image = {"architecture": "amd64", "subarchitecture": "generic", "release": "trusty"}
        reported.report(emulated, group, [{**image, "purpose": p} for p in reported.PURPOSES])
    else:
        made = catalogue.add_synced(emulated, "ubuntu", "trusty", "amd64")
        for file in made["sets"][0]["files"]:
            file["have"] = file["size"]
    node = {"architecture": "amd64", "mac_addresses": NIC["mac"], "nodegroup": UUID}
    region.client.post("nodes/", op="new", data={"hostname": "n1", **node})


def _managed(region):
    region.client.put(LAN, data=MANAGED)


def _unknown(region):
    region.query(
        "CREATE TABLE plugin_rows (g integer REFERENCES maasserver_nodegroup);"
        f"INSERT INTO plugin_rows SELECT id FROM maasserver_nodegroup WHERE uuid = '{UUID}'"
    )


def _below(region):
    region.query(
        "CREATE TABLE plugin_rows (g integer REFERENCES maasserver_nodegroupinterface);"
        "INSERT INTO plugin_rows SELECT i.id FROM maasserver_nodegroupinterface i "
        f"JOIN maasserver_nodegroup g ON g.id = i.nodegroup_id WHERE g.uuid = '{UUID}'"
    )


@pytest.mark.parametrize(
    ("hold", "message"),
    [
        (_node, r"1 node \(n1"),
        (_managed, r"1 managed interface \(eth0\); make it unmanaged first"),
        (_unknown, r"still used by 1 row\(s\) of plugin_rows"),
        (_below, r"maasserver_nodegroupinterface, is still used by 1 row\(s\) of plugin_rows"),
    ],
    ids=["node", "managed", "other-table", "below"],
)
def test_what_hangs_on_it_is_named_before_anything_changes(region, hold, message):
    hold(region)
    before = region.tables()
    planned, done = region.absent(UUID, test=True), region.absent(UUID, test=False)
    for plan in (planned, done):
        (change,) = plan.changes
        assert not change.done
        assert re.search(message, change.problem), change.problem
    assert region.tables() == before
