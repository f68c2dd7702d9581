"""The PostgreSQL tables that follow an emulated 2.x or 3.x region."""

from __future__ import annotations

import pytest
from api_facts import facts
from maas_emulator.core import Region

from .calls import Caller, Clock

pytestmark = pytest.mark.postgres

NIC = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2",
       "subnet_mask": "255.255.255.0"}  # fmt: skip


@pytest.fixture
def region(database):
    def make(which):
        found = Region(which, database=database.uri, import_seconds=0, index_seconds=0)
        Clock(found)
        return Caller(found)

    return make


@pytest.fixture
def ask(database):
    return database.ask


@pytest.mark.parametrize("which", ["2.0", "3.2", "3.3"])
def test_users_and_secret(region, ask, which):
    admin = region(which)
    found = "SELECT value::text FROM maasserver_config WHERE name = 'rpc_shared_secret'"
    if which == "3.3":
        found = "SELECT value->>'secret' FROM maasserver_secret"
    assert ask("SELECT username FROM auth_user WHERE email LIKE 'admin@%'") == [("admin",)]
    assert ask(found) == []
    assert admin.region.secret
    admin.post("tags/", name="x")
    assert [value.strip('"') for (value,) in ask(found)] == [admin.region.secret]
    in_settings = ask("SELECT 1 FROM maasserver_config WHERE name = 'rpc_shared_secret'")
    assert bool(in_settings) == (which != "3.3")


@pytest.mark.parametrize("which", ["2.0", "3.7", "3.8"])
def test_changes_arrive(region, ask, which):
    admin = region(which)
    admin.post("boot-resources/?op=import")
    rack = admin.region.register_controller(hostname="rack", interfaces=[NIC])
    admin.region.controller_connected(rack, True)
    admin.post("ipranges/", type="dynamic", start_ip="10.0.0.50", end_ip="10.0.0.90")
    fabric = admin.get("fabrics/").json[0]["id"]
    answer = admin.put(f"fabrics/{fabric}/vlans/0/", dhcp_on="true", primary_rack=rack)
    assert answer.status == 200, answer.text
    admin.post("dhcp-snippets/", name="x", value="y", subnet=1)
    admin.post("machines/", hostname="m", architecture="amd64", power_type="manual",
               mac_addresses="52:54:00:00:01:01", commission="false")  # fmt: skip
    admin.post("maas/?op=set_config", name="maas_name", value="lab")
    assert ask("SELECT hostname FROM maasserver_node n JOIN maasserver_vlan v"
               " ON v.primary_rack_id = n.id WHERE v.dhcp_on") == [("rack",)]  # fmt: skip
    assert ask("SELECT host(start_ip), host(end_ip), type FROM maasserver_iprange") == [
        ("10.0.0.50", "10.0.0.90", "dynamic")
    ]
    assert ask("SELECT value FROM maasserver_config WHERE name = 'maas_name'") == [('"lab"',)]
    found = ask("SELECT node_type, count(*) FROM maasserver_node GROUP BY 1 ORDER BY 1")
    assert found == [(0, 1), (2, 1), (3, 1)]
    assert ask("SELECT count(*) > 3 FROM maasserver_bootresource") == [(True,)]
    assert ask("SELECT count(*) FROM maasserver_regionrackrpcconnection") == [(1,)]
    admin.region.controller_connected(rack, False)
    assert ask("SELECT count(*) FROM maasserver_regionrackrpcconnection") == [(0,)]
    assert ask("SELECT status FROM maasserver_service WHERE name = 'rackd'") == [("dead",)]


def test_deletions_go_both_ways(region, ask):
    admin = region("3.7")
    for name in ("one", "two"):
        admin.post("tags/", name=name)
    admin.delete("tags/one/")
    assert ask("SELECT name FROM maasserver_tag") == [("two",)]
    ask("DELETE FROM maasserver_tag")
    admin.post("zones/", name="north")
    assert admin.get("tags/").json == []


#: The facts have it only from 3.5 on, where it is ``maasserver_script``.
_SCRIPT = {"id", "created", "updated", "name", "title", "description", "tags", "script_type",
           "hardware_type", "parallel", "results", "parameters", "packages", "destructive",
           "default", "script_id", "may_reboot", "recommission"}  # fmt: skip


def known_columns(which):
    columns = {name: found | {"id"} for name, found in facts(which).tables.items()}
    return {**columns, "metadataserver_script": _SCRIPT}


@pytest.mark.parametrize("which", ["2.0", "2.9", "3.3", "3.7"])
def test_tables_and_columns_are_those_of_the_release(region, ask, which):
    known = known_columns(which)
    region(which)
    found = ask(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_name SIMILAR TO '(maas|metadata)server%'"
    )
    assert found
    assert [pair for pair in found if pair[1] not in known.get(pair[0], ())] == []


def test_selections_of_3_8_are_rows_by_architecture(region, ask):
    admin = region("3.8")
    admin.post("boot-sources/1/selections/", os="ubuntu", release="jammy", arches="*")
    found = ask("SELECT release, arch, legacyselection_id FROM maasserver_bootsourceselection")
    assert sorted(found) == [("jammy", "amd64", 2), ("jammy", "arm64", 2), ("noble", "amd64", 1)]
    (source,) = ask("SELECT name, url, priority, enabled FROM maasserver_bootsource")
    assert source == ("MAAS Stable", "http://images.maas.io/ephemeral-v3/stable", 1, True)
    ask("DELETE FROM maasserver_bootsourceselection")
    ask("DELETE FROM maasserver_bootsourceselectionlegacy WHERE release = 'jammy'")
    admin.post("tags/", name="x")
    assert [row["release"] for row in admin.get("boot-sources/1/selections/").json] == ["noble"]
