"""``salt-run maas.upgrade`` of a region with three hosts on one real database, and two racks."""

from __future__ import annotations

import json
import os

import pytest
from maas_emulator.hosts import migrations, sandbox
from maas_emulator.release import Release as Played
from maas_emulator.server import RegionServer
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import core
from saltext.maas.fleet import upgrade as runner
from saltext.maas.fleet.minions import Answer
from saltext.maas.host import config_files, installation, migration
from support.fake_salt import FakeSalt
from support.loader import load

pytestmark = [pytest.mark.usefixtures("fast"), pytest.mark.postgres]
REGIONS = ["region-1", "region-2", "region-3"]
RACKS = ["rack-1", "rack-2"]
_TABLES = """
CREATE TABLE maasserver_node (id serial PRIMARY KEY, system_id text, hostname text,
    status integer NOT NULL DEFAULT 0, node_type integer NOT NULL DEFAULT 0);
CREATE TABLE maasserver_regioncontrollerprocess (id serial PRIMARY KEY);
CREATE TABLE maasserver_regionrackrpcconnection (id serial PRIMARY KEY,
    created timestamptz NOT NULL DEFAULT now(), rack_controller_id integer);
CREATE TABLE maasserver_interface (id serial PRIMARY KEY, type text, mac_address text,
    node_config_id integer);
CREATE TABLE maasserver_nodeconfig (id serial PRIMARY KEY, node_id integer);
CREATE TABLE maasserver_largefile (id serial PRIMARY KEY, total_size bigint);
CREATE SCHEMA temporal;
CREATE TABLE temporal.current_executions (workflow_id text, state integer);
"""


class Killed(BaseException):
    """The master, or a host, loses its power here."""


class Site(FakeSalt):
    """Three region hosts, two racks, and their minions; the region's API is the emulator's.

    Args:
        folder: Where sandboxes and the master's state go.
        release: Their release.
        sql: Runs statements in the region's database.
        database: What ``Postgres.database`` says of it.
        kind: ``deb`` or ``snap``.
    """

    def __init__(self, folder, release, sql, database, kind="deb"):
        self.folder, self.sql = folder, sql
        super().__init__({}, dict.fromkeys([*REGIONS, *RACKS], "key"))
        self.server = RegionServer(release, admin=None)
        self.server.start()
        self.boxes = {}
        self.kill_before = self.kill_after = self.kill_command = None
        self.backups = 0
        self.others = {}
        sql(_TABLES)
        for name in [*REGIONS, *RACKS]:
            region = name in REGIONS
            box = sandbox.create(
                folder / name, release, "region" if region else "cluster", kind=kind,
                url=self.server.url, database={**database, "port": None, "password": "x"},
            )  # fmt: skip
            number = 3 if region else 2
            sql(f"INSERT INTO maasserver_node (hostname, node_type) VALUES ('{name}', {number})")
            if region:
                for path, text in migrations.files(box).items():
                    box.write(path, text)
            if region and name != REGIONS[0] and kind == "deb":
                status = box.read("var/lib/dpkg/status")
                box.write("var/lib/dpkg/status", status[: status.index("Package: maas-region-c")])
            self.boxes[name] = box
        migration.migrate(self.host(REGIONS[0]))
        for box in self.boxes.values():
            box.write("var/log/emulator-argv.log", "")

    def host(self, name):
        return installation.detect(self.boxes[name].root)

    def ubuntu(self, version, *names):
        for name in names or self.boxes:
            self.boxes[name].write("etc/os-release", f'ID=ubuntu\nVERSION_ID="{version}"\n')

    def fleet(self):
        opts = {"cachedir": str(self.folder / "cache"), "pki_dir": str(self.folder / "pki"),
                "id": "master", "maas.fleet": {"regions": ["region-1"]}}  # fmt: skip
        self.opts = opts
        return core.Fleet({"__opts__": opts}, salt=self)

    def upgrade(self, to, **given):
        with self.fleet() as fleet:
            return runner.run(fleet, to, **given)

    def ask(self, minions, function, *args, limit=None, **kwargs):
        if self.kill_before is not None:
            self.kill_before -= 1
            if self.kill_before < 0:
                raise Killed
        found = super().ask(minions, function, *args, **kwargs)
        if self.kill_after is not None:
            self.kill_after -= 1
            if self.kill_after < 0:
                raise Killed
        return found

    def answer(self, minion, function, *args, **kwargs):
        if function == "maas_fleet.inspect":
            entry = {"named": True, "problems": [], "state": "connected", "digest": "d"}
            found = {name: {**entry, "cluster": name} for name in RACKS}
            return {"problems": [], "clusters": found, "unnamed": self.others}
        if function == "maas_backup.create":
            self.backups += not kwargs.get("test")
            return {"name": None if kwargs.get("test") else f"backup-{self.backups}",
                    "deleted": [], "warnings": []}  # fmt: skip
        hosts = {name: {"address": f"192.0.2.{number}"} for number, name in enumerate(REGIONS, 1)}
        dunders = {
            "__opts__": {"id": minion, "maas.root": self.boxes[minion].root},
            "__pillar__": {"maas": {"region": {"hosts": hosts}}},
            "__context__": {}, "__salt__": {},
        }  # fmt: skip
        module = load("_modules/maas_upgrade.py", **dunders)
        name = function.partition(".")[2]
        if name == "start" and minion in REGIONS:
            self.server.region.release = Played(str(self.boxes[minion].release))
        if name == "connected":
            kwargs, args = {"wait": 0}, args[:1]
        try:
            found = getattr(module, name)(*args, **kwargs)
        except MaasError as error:
            return Answer(error=str(error))
        except Killed:
            return Answer(error="the minion did not answer", lost=True)
        if minion in RACKS and name in ("start", "stop"):
            number = f"(SELECT id FROM maasserver_node WHERE hostname = '{minion}')"
            table = "maasserver_regionrackrpcconnection"
            self.sql(f"DELETE FROM {table} WHERE rack_controller_id = {number}")
            if name == "start":
                self.sql(f"INSERT INTO {table} (rack_controller_id) VALUES ({number})")
        return found

    def releases(self):
        return {name: self.host(name).release.series for name in self.boxes}

    def running(self):
        """The hosts on which all of MAAS runs."""
        found = []
        for name, box in self.boxes.items():
            here = self.host(name)
            role = "region" if name in REGIONS else "cluster"
            services = here.fact(f"{role}_stops")
            if all(box.service(one)["running"] for one in services):
                found.append(name)
        return found

    def migrations(self):
        """How often each host's database command ran."""
        return [
            name
            for name, box in self.boxes.items()
            for argv in box.argv_log()
            if "dbupgrade" in argv or argv[:2] == ["maas", "migrate"]
        ]

    def journal(self):
        return os.path.exists(self.folder / "cache/maas-fleet/upgrade-region-1.json")


@pytest.fixture
def make(tmp_path, postgres):
    opened = []

    def start(release="3.6", kind="deb", folder="site"):
        context = postgres.database()
        there = context.__enter__()
        site = Site(
            tmp_path / folder, release, lambda text: postgres.execute(there["name"], text), there,
            kind,
        )  # fmt: skip
        opened.append((site, context))
        return site

    yield start
    for site, context in opened:
        site.server.stop()
        context.__exit__(None, None, None)


def test_all_hosts_stop_one_migrates_then_the_others_follow(make):
    site = make("3.6")
    site.ubuntu("24.04")
    planned = site.upgrade("3.7", dry_run=True)
    assert planned["state"] == "would upgrade"
    assert (site.running(), site.backups) == ([*REGIONS, *RACKS], 0)
    assert not site.journal()
    site.asked.clear()
    done = site.upgrade("3.7")
    assert (done["state"], done["message"], done["backup"]) == ("upgraded", "", "backup-1")
    assert done["done"] == planned["done"] == [
        f"3.7: {text}"
        for text in (
            "backup region-1", "stop rack-1", "stop rack-2", "stop region-1", "stop region-2",
            "stop region-3", "install region-1", "migrate region-1", "start region-1",
            "install region-2", "start region-2", "install region-3", "start region-3",
            "install rack-1", "install rack-2", "start rack-1", "start rack-2",
        )
    ]  # fmt: skip
    assert set(site.releases().values()) == {"3.7"}
    assert site.running() == [*REGIONS, *RACKS]
    assert site.migrations() == ["region-1"]
    assert not site.journal()
    again = site.upgrade("3.7")
    assert (again["state"], again["done"]) == ("nothing to do", [])
    assert len(site.fired) == len(done["done"])


def test_ubuntu_is_waited_for_and_then_it_goes_on(make):
    site = make("3.7")
    site.ubuntu("24.04")
    planned = site.upgrade("3.8", dry_run=True)
    done = site.upgrade("3.8")
    assert done["state"] == "waiting"
    assert planned["done"] == done["done"]
    assert done["done"][-1] == "3.8: wait for Ubuntu 26.04 on rack-2"
    assert "do-release-upgrade" in done["todo"]
    assert site.running() == []
    assert site.upgrade("3.8")["state"] == "waiting"  # nothing has changed
    with pytest.raises(MaasError, match=r"an upgrade of region-1 to 3\.8 is not ended"):
        site.upgrade("3.9")
    site.ubuntu("26.04")
    site.boxes["region-1"].set_service("maas-regiond", running=True)  # by a restart; it is held
    planned = site.upgrade("3.8", dry_run=True)
    done = site.upgrade("3.8")
    assert (done["state"], done["backup"]) == ("upgraded", "backup-1")
    assert done["done"] == planned["done"]
    assert set(site.releases().values()) == {"3.8"}
    assert site.running() == [*REGIONS, *RACKS]
    assert site.migrations() == ["region-1"]


def test_cancelled_before_anything_was_changed(make):
    site = make("3.7")
    site.ubuntu("24.04")
    with pytest.raises(MaasError, match="no upgrade of region-1 is begun"):
        site.upgrade("3.8", cancel=True)
    site.upgrade("3.8")
    done = site.upgrade("3.8", cancel=True)
    assert (done["state"], done["backup"]) == ("cancelled", "backup-1")
    assert site.running() == [*REGIONS, *RACKS]
    assert not site.journal()


def test_what_stands_in_the_way(make):
    site = make("3.7")
    site.ubuntu("26.04")
    site.ubuntu("24.04", "rack-2")
    site.others = {"rack-9": {"cluster": "rack-9", "state": "connected"}}
    site.sql("INSERT INTO maasserver_node (hostname, status) VALUES ('node-1', 9)")
    site.sql("INSERT INTO maasserver_node (hostname, node_type) VALUES ('region-9', 3)")
    for number in (1, 2):
        site.sql(f"INSERT INTO maasserver_nodeconfig VALUES ({number}, {number})")
        site.sql(
            "INSERT INTO maasserver_interface (type, mac_address, node_config_id) VALUES "
            f"('physical', '52:54:00:00:00:0{'aA'[number - 1]}', {number})"
        )
    planned = site.upgrade("3.8", dry_run=True)
    assert planned["state"] == "would be refused"
    texts = [
        one["found"] for one in planned["findings"] if one["status"] == "problem"
    ]  # fmt: skip
    for text in (
        "region-9 that the pillar does not name", "rack-9 is connected", "node-1: deploying",
        "same MAC address: 52:54:00:00:00:0a",
    ):  # fmt: skip
        assert any(text in one for one in texts), text
    done = site.upgrade("3.8")
    assert (done["state"], done["done"]) == ("refused", [])
    assert done["findings"] == planned["findings"]
    assert (site.running(), site.backups) == ([*REGIONS, *RACKS], 0)
    # Ubuntu is no problem, since it is waited for.
    assert "3.8: wait for Ubuntu 26.04 on rack-2" in planned["done"]
    with pytest.raises(MaasError, match=r"3\.6 is older than MAAS 3\.7"):
        site.upgrade("3.6", dry_run=True)
    site.broken["rack-1", "maas_upgrade.describe"] = "the minion did not answer"
    with pytest.raises(MaasError, match=r"nothing was changed: .*rack-1: the minion did not"):
        site.upgrade("3.8")


def test_without_a_backup_nothing_is_stopped(make):
    site = make("3.6")
    site.ubuntu("24.04")
    site.broken["region-1", "maas_backup.create"] = "there is no room for it"
    done = site.upgrade("3.7")
    assert done["state"] == "refused"
    assert "no room for it; with backup=false none is taken" in done["findings"][-1]["found"]
    done = site.upgrade("3.7", force=True)
    assert done["state"] == "failed"
    assert (site.running(), site.journal()) == ([*REGIONS, *RACKS], False)
    done = site.upgrade("3.7", backup=False)
    assert (done["state"], done["backup"]) == ("upgraded", None)


def test_what_cannot_be_stopped_is_started_again_everywhere(make):
    site = make("3.6")
    site.ubuntu("24.04")
    site.broken["region-2", "maas_upgrade.stop"] = "maas-regiond would not stop"
    done = site.upgrade("3.7")
    assert done["state"] == "failed"
    assert "stop region-2: " in done["message"]
    assert "MAAS was started again; the backup backup-1 stays" in done["message"]
    assert (site.running(), site.journal()) == ([*REGIONS, *RACKS], False)
    assert set(site.releases().values()) == {"3.6"}


def test_after_packages_it_goes_on_or_says_how_to_go_back(make):
    site = make("3.6")
    site.ubuntu("24.04")
    site.broken["region-2", "maas_upgrade.install"] = "no space left"
    site.broken["rack-1", "maas_upgrade.install"] = "no space left"
    done = site.upgrade("3.7")
    assert (done["state"], done["from"]) == ("failed", "3.6")
    assert "install region-2: no space left" in done["message"]
    assert "reinstall MAAS 3.6 on all hosts and restore the backup backup-1" in done["todo"]
    with pytest.raises(MaasError, match="packages were changed already; to go back"):
        site.upgrade("3.7", cancel=True)
    del site.broken["region-2", "maas_upgrade.install"]
    done = site.upgrade("3.7")  # one rack does not hold the other up
    assert done["message"] == "install rack-1: no space left"
    assert site.running() == [*REGIONS, "rack-2"]
    site.broken.clear()
    done = site.upgrade("3.7")
    assert (done["state"], done["done"]) == (
        "upgraded",
        ["3.7: install rack-1", "3.7: start rack-1"],
    )
    assert site.migrations() == ["region-1"]
    assert site.backups == 1


def test_the_snap_takes_all_its_steps_in_one_call(make):
    site = make("2.8", kind="snap")
    for name in site.boxes:
        site.boxes[name].write("usr/lib/snapd/info", "VERSION=2.76\n")
    planned = site.upgrade("3.7", dry_run=True)
    assert planned["path"] == ["3.1", "3.7"]
    done = site.upgrade("3.7")
    assert (done["state"], done["message"]) == ("upgraded", "")
    assert done["done"] == planned["done"]
    assert set(site.releases().values()) == {"3.7"}
    assert site.running() == [*REGIONS, *RACKS]
    # Each host's own hook, at each step.
    assert site.migrations() == [name for name in REGIONS for _ in range(2)]


def test_all_hosts_move_from_packages_to_the_snap(make):
    site = make("3.6")
    site.ubuntu("24.04")
    with pytest.raises(BadInput, match=r"to: must be 3\.6, as the snap of another release"):
        site.upgrade("3.7", kind="snap")
    with pytest.raises(BadInput, match="kind: 'deb' must be snap"):
        site.upgrade("3.6", kind="deb")
    planned = site.upgrade("3.6", kind="snap", dry_run=True)
    site.broken["region-2", "maas_upgrade.install"] = "no space left"
    first = site.upgrade("3.6", kind="snap")
    assert first["state"] == "failed"
    site.broken.clear()
    second = site.upgrade("3.6")  # how it was begun is remembered
    assert second["state"] == "upgraded"
    assert first["done"] + second["done"] == planned["done"]
    assert {site.host(name).kind for name in site.boxes} == {"snap"}
    assert site.running() == [*REGIONS, *RACKS]
    assert site.upgrade("3.6", kind="snap")["state"] == "nothing to do"
    assert site.upgrade("3.7", dry_run=True)["state"] == "would upgrade"


@pytest.mark.life
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_master_killed_at_any_question_goes_on(make, when):
    site = make("3.6")
    site.ubuntu("24.04")
    kills = 0
    for point in range(100):
        setattr(site, f"kill_{when}", point)
        try:
            done = site.upgrade("3.7")
        except Killed:
            kills += 1
            setattr(site, f"kill_{when}", None)
            if not site.journal():
                assert site.running() == [*REGIONS, *RACKS]
                assert set(site.releases().values()) in ({"3.6"}, {"3.7"})
            continue
        break
    assert kills >= 10
    assert done["state"] in ("upgraded", "nothing to do")
    assert set(site.releases().values()) == {"3.7"}
    assert site.running() == [*REGIONS, *RACKS]
    assert set(site.migrations()) == {"region-1"}
    assert not site.journal()


@pytest.mark.life
@pytest.mark.parametrize("name", [*REGIONS[:2], RACKS[0]])
def test_a_host_killed_at_any_command_is_gone_on_with(make, monkeypatch, name):
    """Its minion is lost within each step; the next call ends in the new release, everywhere."""
    site = make("3.6")
    site.ubuntu("24.04")
    real = installation.Installation.run
    left = [0]

    def run(self, *args, **kwargs):
        if self.root == site.boxes[name].root and left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
        return real(self, *args, **kwargs)

    monkeypatch.setattr(installation.Installation, "run", run)
    states, kills = set(), 0
    for point in range(0, 200, 3):
        left[0] = point
        done = site.upgrade("3.7")
        states.add(done["state"])
        if done["state"] in ("upgraded", "nothing to do"):
            break
        kills += 1
        left[0] = None
        if not site.journal():  # in the old state, with everything at work
            assert set(site.releases().values()) == {"3.6"}
            assert site.running() == [*REGIONS, *RACKS]
    assert kills >= 3
    assert states <= {"failed", "upgraded", "nothing to do"}
    assert set(site.releases().values()) == {"3.7"}
    assert site.running() == [*REGIONS, *RACKS]
    assert config_files.read_config(site.host("region-2"))["url"] == site.server.url
    assert set(site.migrations()) <= {"region-1"}


def test_no_secret_is_in_journal_or_events(make):
    site = make("3.6")
    site.ubuntu("24.04")
    site.broken["region-2", "maas_upgrade.start"] = "no"
    site.upgrade("3.7")
    secret = config_files.read_config(site.host("region-1"), secrets=True)["database"]["password"]
    text = (site.folder / "cache/maas-fleet/upgrade-region-1.json").read_text()
    assert secret not in json.loads(text)["hosts"]["region-1"].values()
    assert f'"{secret}"' not in json.dumps(site.fired)
    assert (site.folder / "cache/maas-fleet/upgrade-region-1.json").stat().st_mode & 0o077 == 0
