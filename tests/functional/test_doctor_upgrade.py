"""What would stop an upgrade of a region's host: found before it, and a state to require."""

from __future__ import annotations

import hashlib

import pytest
from maas_emulator.hosts import msm as played
from saltext.maas import doctor
from saltext.maas.doctor import findings, upgrade_checks
from saltext.maas.errors import BadInput
from saltext.maas.host import database, layouts, msm
from saltext.maas.host.errors import HostError
from saltext.maas.release import Release
from support.fleet import lone
from support.loader import load
from support.postgres import TEMPORAL
from support.site_manager import token

pytestmark = pytest.mark.usefixtures("fast")
_TABLES = """
CREATE TABLE maasserver_node (id integer PRIMARY KEY, system_id text);
CREATE TABLE maasserver_nodeconfig (id integer PRIMARY KEY, node_id integer);
CREATE TABLE maasserver_interface (id integer PRIMARY KEY, type text, mac_address text,
    node_config_id integer);
INSERT INTO maasserver_node VALUES (1, 'aaaaaa'), (2, 'bbbbbb');
INSERT INTO maasserver_nodeconfig VALUES (1, 1), (2, 1), (3, 2);
"""
_SECRET = "CREATE TABLE maasserver_secret (path text PRIMARY KEY, value jsonb NOT NULL);"
_OLD = """
CREATE TABLE maasserver_node (id integer PRIMARY KEY, system_id text);
CREATE TABLE maasserver_interface (id integer PRIMARY KEY, type text, mac_address macaddr,
    node_id integer);
INSERT INTO maasserver_node VALUES (1, 'aaaaaa'), (2, 'bbbbbb');
INSERT INTO maasserver_interface VALUES (1, 'physical', '52:54:00:00:00:01', 1),
    (2, 'physical', '52:54:00:00:00:01', 2), (3, 'vlan', '52:54:00:00:00:01', 2);
"""


@pytest.fixture
def make(tmp_path, postgres):
    with postgres.database() as there:

        def start(release="3.7", kind="deb", tables=_TABLES, **more):
            postgres.execute(there["name"], tables)
            options = {"database": {**there, "port": None, "password": "x", **more}}
            box, installation = lone(tmp_path, release, "region", kind=kind, **options)
            return box, installation, lambda text: postgres.execute(there["name"], text)

        yield start


def found(installation, to="3.8"):
    report = findings.run(upgrade_checks.checks(installation, Release(to)))
    return {one["check"].removeprefix("upgrade: "): one for one in report["findings"]}


@pytest.mark.parametrize(
    ("rows", "stops"),
    [
        # One in each configuration of a node is right, and so is what is no physical interface.
        ("(1, 'physical', '52:54:00:00:00:01', 1), (2, 'physical', '52-54-00-00-00-01', 2)", False),
        ("(1, 'physical', '52:54:00:00:00:01', 1), (2, 'vlan', '52:54:00:00:00:01', 1)", False),
        ("(1, 'physical', '', 1), (2, 'physical', '', 3), (3, 'physical', NULL, 3)", False),
        ("(1, 'physical', '52:54:00:00:00:0a', 1), (2, 'physical', '52:54:00:00:00:0A', 1)", True),
        ("(1, 'physical', '52:54:0:0:0:a', 1), (2, 'physical', '52540000000A', 3)", True),
        ("(1, 'physical', '5254.0000.000a', 1), (2, 'physical', '5254.0.A', 3)", True),
    ],
)
def test_interfaces_of_one_mac_address(make, rows, stops):
    _, installation, sql = make()
    sql(f"INSERT INTO maasserver_interface VALUES {rows}")
    finding = found(installation)["MAC addresses"]
    assert finding["status"] == ("problem" if stops else "ok")
    if stops:
        assert "52:54:00:00:00:0a (interface 1 of system aaaaaa, interface 2" in finding["found"]


def test_interfaces_of_a_release_whose_nodes_have_one_configuration(make):
    _, installation, _ = make("2.9", tables=_OLD)
    with database.connection(installation) as conn:
        equal = database.equal_macs(conn)
    where = ["interface 1 of system aaaaaa", "interface 2 of system bbbbbb"]
    assert equal == {"52:54:00:00:00:01": where}


def test_what_the_host_has_to_bring(make, monkeypatch):
    box, installation, _ = make()
    assert found(installation)["system"]["status"] == "unknown"
    box.write("etc/os-release", 'ID=ubuntu\nVERSION_ID="24.04"\n')
    finding = found(installation)["system"]
    assert (finding["status"], finding["remedy"]) == ("problem", "Upgrade Ubuntu first.")
    assert "need Ubuntu 26.04; this is Ubuntu 24.04" in finding["found"]
    box.write("etc/os-release", 'ID=ubuntu\nVERSION_ID="26.04"\n')
    assert found(installation)["system"]["status"] == "ok"
    assert found(installation)["path"]["status"] == "ok"
    assert "no Debian packages" in found(installation, "4.0")["path"]["found"]
    monkeypatch.setitem(layouts.DEB, "postgresql_oldest", (("1.5", 12), ("3.8", 99)))
    finding = found(installation)["database"]
    assert finding["status"] == "problem"
    assert "MAAS 3.8 needs 99 or later" in finding["found"]
    with pytest.raises(HostError, match=r"has MAAS 3\.7.* already"):
        upgrade_checks.checks(installation, Release("3.7"))
    with pytest.raises(BadInput, match="upgrade_to: 'new'"):
        upgrade_checks.target("new")


def test_a_snap(make):
    box, installation, _ = make(kind="snap", port=5433)
    box.write("usr/lib/snapd/info", "VERSION=2.63+24.04\n")
    assert found(installation)["system"]["status"] == "problem"
    box.write("snap/snapd/current/usr/lib/snapd/info", "VERSION=2.76\n")
    assert found(installation)["system"]["status"] == "ok"
    finding = found(installation)["permissions"]
    assert finding["status"] == "problem"
    assert "does not read database_port (5433)" in finding["found"]
    assert "directly" in found(installation, "4.0")["path"]["found"]


def test_preseeds_of_ones_own(make):
    box, installation, _ = make()
    assert found(installation)["preseeds"]["status"] == "ok"
    folder, brought = "etc/maas/preseeds", "as the package has it\n"
    digest = hashlib.md5(brought.encode(), usedforsecurity=False).hexdigest()
    conffiles = f"Conffiles:\n /{folder}/curtin_userdata {digest}\n"
    box.write("var/lib/dpkg/status", conffiles + box.read("var/lib/dpkg/status"))
    for name in ("curtin_userdata", "commissioning", "curtin_userdata_ubuntu.dpkg-dist"):
        box.write(f"{folder}/{name}", brought)
    assert found(installation)["preseeds"]["status"] == "ok"
    box.write(f"{folder}/curtin_userdata", "mine\n")
    box.write(f"{folder}/curtin_userdata_ubuntu_amd64", brought)
    finding = found(installation)["preseeds"]
    assert finding["status"] == "warning"
    names = f"/{folder}/curtin_userdata, /{folder}/curtin_userdata_ubuntu_amd64"
    assert names in finding["found"]


def test_the_state(make):
    box, installation, _ = make(host="127.0.0.1", port=9)
    box.edit_yaml("region_config", {"database_port": None})
    state = load("_states/maas_region.py", {"maas.root": box.root})
    done = state.upgradable("ready", "3.8")
    assert done["result"] is True
    assert "upgrade: database: unknown" in done["comment"]
    assert (
        state.upgradable("ready", "3.7")["comment"]
        == f"This host has MAAS {installation.release} already."
    )
    box.edit_yaml("region_config", {"database_port": 9})
    done = state.upgradable("ready", 3.8)
    assert done["result"] is False
    assert "upgrade: permissions: problem: maas-openfga does not read" in done["comment"]


def test_site_manager_is_a_second_owner(make, commands):
    box, installation, _ = make("3.8", tables=TEMPORAL + _SECRET)

    def told(described):
        report = doctor.examine_region(installation, described=described)
        return next(one for one in report["findings"] if one["check"] == "Site Manager")

    described = {"settings": {"kernel_opts": "quiet"}, "boot_sources": {"http://x/": None}}
    assert told(described)["status"] == "ok"
    msm.enrol(installation, token(), wait=0)
    played.decide(box, "approve")
    finding = told(described)
    assert finding["status"] == "warning"
    assert "maas:boot_sources (http://x/) and maas:settings (kernel_opts)" in finding["found"]
    assert told({})["status"] == "ok"


_WORK = """
CREATE TABLE maasserver_node (id serial PRIMARY KEY, system_id text, hostname text,
    status integer NOT NULL DEFAULT 0);
CREATE TABLE maasserver_bmc (id serial PRIMARY KEY, name text, power_type text);
CREATE TABLE maasserver_largefile (id serial PRIMARY KEY, total_size bigint);
"""


def test_what_is_at_work_and_what_will_not_fit(make):
    _, installation, sql = make("2.9", tables=_WORK)
    checked = found(installation, "3.5")
    for name in ("work", "disk", "pods"):
        assert checked[name]["status"] == "ok", checked[name]
    assert checked["path"]["status"] == "ok"
    sql("INSERT INTO maasserver_node (hostname, status) VALUES ('a', 9), ('b', 6), ('c', 21)")
    sql("INSERT INTO maasserver_bmc (name, power_type) VALUES ('pod-1', 'rsd'), ('', 'ipmi')")
    sql(f"INSERT INTO maasserver_largefile (total_size) VALUES ({2**60})")
    with database.connection(installation) as conn:
        conn.set_session(autocommit=True)
        with conn.cursor() as cursor:  # as MAAS does while it imports
            cursor.execute("SELECT pg_advisory_lock(20120116, 4)")
        checked = found(installation, "3.5")
    assert "importing images, a: deploying, c: testing." in checked["work"]["found"]
    assert "for images, which leave the database" in checked["disk"]["found"]
    assert checked["pods"]["found"].endswith("pod-1.")
    assert "disk" in found(installation, "3.4")
    assert found(installation, "3.4")["disk"]["status"] == "ok"
    sql("CREATE ROLE somebody")
    sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO somebody', current_database()); "
        "END $$")  # fmt: skip
    finding = found(installation, "3.5")["database"]
    sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO postgres', current_database()); "
        "END $$")  # fmt: skip
    sql("DROP ROLE somebody")
    assert "belongs to somebody; from 3.5 on it has to belong to postgres" in finding["found"]


def test_what_old_releases_leave_behind(make):
    box, installation, _ = make("1.9", tables="CREATE TABLE maasserver_node (id serial, "
                                "system_id text, hostname text, status integer)")  # fmt: skip
    checked = found(installation, "2.3")
    assert checked["Python"]["remedy"] == "Install the package python2.7."
    box.write("usr/bin/python2.7", "", 0o755)
    assert found(installation, "2.3")["Python"]["status"] == "ok"
    checked = found(installation, "2.8")
    assert checked["path"]["remedy"] == "Upgrade to 2.3 first."
    address = box.info["interfaces"][0]["ip"]
    assert f"reconfigure_url http://{address}:5240/MAAS" in checked["URL"]["remedy"]
    box.edit_yaml("region_config", {"maas_url": f"http://{address}:5240/MAAS"})
    assert found(installation, "2.8")["URL"]["status"] == "ok"


def test_a_database_within_the_snap(make):
    box, installation, _ = make("2.8", kind="snap")
    assert found(installation, "3.1")["snap"]["status"] == "ok"
    box.write("snap_mode", "all")
    assert found(installation, "3.1")["snap"]["status"] == "problem"
