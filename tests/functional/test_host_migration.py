"""All of MAAS on a host stopped and started in the right order, and its database migrated once."""

from __future__ import annotations

import threading

import pytest
from maas_emulator.hosts import migrations, sandbox
from saltext.maas.host import database, migration, services
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from support.fleet import lone, wait_for

pytestmark = pytest.mark.usefixtures("fast")

ORDERS = [
    (
        "1.5", "deb", ["maas-cluster-celery", "maas-pserv", "apache2", "maas-region-celery",
                       "maas-txlongpoll"],
    ),
    ("1.7", "deb", ["maas-clusterd", "apache2"]),
    ("1.9", "deb", ["maas-clusterd", "maas-regiond"]),
    ("2.3", "deb", ["maas-rackd", "maas-regiond"]),
    ("3.4", "deb", ["maas-rackd", "maas-regiond"]),
    (
        "3.7", "deb", ["maas-rackd", "maas-agent", "maas-regiond", "maas-apiserver",
                       "maas-temporal-worker", "maas-temporal"],
    ),
    (
        "3.8", "deb", ["maas-rackd", "maas-agent", "maas-regiond", "maas-apiserver",
                       "maas-temporal-worker", "maas-temporal", "maas-openfga"],
    ),
    ("2.4", "snap", ["maas"]),
    ("3.7", "snap", ["maas"]),
]  # fmt: skip


@pytest.mark.parametrize(("release", "kind", "order"), ORDERS)
def test_all_services_stop_and_start(tmp_path, release, kind, order):
    box, installation = lone(tmp_path, release, "region+cluster", kind=kind)
    dhcp = [name for name in box.service_names() if "dhcp" in name]
    for name in dhcp:
        box.set_service(name, running=True)
    stopped = services.stop_all(installation)
    assert [name for name in stopped if name not in dhcp] == order
    assert services.stop_all(installation) == []
    left = {name for name in box.service_names() if box.service(name)["running"]}
    assert left.isdisjoint([*order, *dhcp])
    before = {name: box.service(name)["starts"] for name in order}
    started = services.start_all(installation)
    assert set(services.start_all(installation)) == set()
    children = set(installation.fact("cluster_children") or ())
    assert [*reversed(started)] == [
        # systemd starts it with the daemon that requires it
        name
        for name in order
        if name not in children
    ]
    starts = {name: box.service(name)["starts"] - before[name] for name in started}
    assert set(starts.values()) == {1}


def test_a_role_alone_is_stopped(tmp_path):
    box, installation = lone(tmp_path, "3.7", "region+cluster")
    assert services.stop_all(installation, ["cluster"]) == ["maas-rackd", "maas-agent"]
    assert box.service("maas-regiond")["running"]


@pytest.fixture
def make(tmp_path, postgres):
    with postgres.database() as there:

        def start(release, kind="deb", name="region"):
            options = {"kind": kind, "database": {**there, "port": None, "password": "x"}}
            box = sandbox.create(tmp_path / name, release, "region", **options)
            for path, text in migrations.files(box).items():
                box.write(path, text)
            return box, detect(box.root)

        yield start


def migrated(box):
    return [argv for argv in box.argv_log() if {"syncdb", "migrate", "dbupgrade"} & {*argv}]


@pytest.mark.postgres
def test_each_release_migrates_once(make):
    """From an empty database through all releases; each step is told and done once."""
    first = {"1.5": "0074_boot_images_timestamp", "1.9": "0191_remove_comma_from_dns_servers",
             "2.5": "0182_remove_duplicate_null_ips", "3.6": "0340_drop_keysource_table",
             "3.7": "0026", "3.8": "0030"}  # fmt: skip
    for release in ("1.5", "1.7", "1.9", "2.0", "2.5", "2.9", "3.6", "3.7", "3.8"):
        for kind in ("deb", "snap") if release >= "2.9" else ("deb",):
            box, installation = make(release, kind, f"region{release}{kind}")
            again = kind == "snap"  # the database has this release by then
            services.stop_all(installation)
            planned = migration.migrate(installation, test=True)
            assert planned["migrated"] is not again
            if release in first and not again:
                assert first[release] in planned["missing"]
            assert not migrated(box)
            assert migration.migrate(installation) == planned
            calls = migrated(box)
            assert len(calls) == (0 if again else 3 if release < "2.0" else 1)
            assert migration.migrate(installation) == {"migrated": False, "missing": []}
            assert migrated(box) == calls
            migration.migrate(installation, again=True)
            assert len(migrated(box)) > len(calls)


@pytest.mark.postgres
def test_two_hosts_that_migrate_at_once_do_so_once(make):
    hosts = [make("3.7", name=f"region{number}") for number in range(3)]
    answers, threads = [], []
    for _, installation in hosts:
        work = lambda one=installation: answers.append(migration.migrate(one)["migrated"])  # noqa: E731
        threads.append(threading.Thread(target=work))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [False, False, True]
    assert sum(len(migrated(box)) for box, _ in hosts) == 1


@pytest.mark.postgres
def test_a_region_that_still_runs_is_named_and_nothing_is_migrated(make):
    box, installation = make("3.6")
    config = database.read_config(installation, secrets=True)["database"]
    import psycopg2

    conn = psycopg2.connect(
        host=config["host"], dbname=config["name"], user=config["user"],
        application_name="maas-regiond",
    )  # fmt: skip
    with pytest.raises(HostError, match=r"in use: maas-regiond .*Stop MAAS on all region hosts"):
        migration.migrate(installation, wait=0.2)
    assert not migrated(box)
    conn.close()
    assert migration.migrate(installation)["migrated"]
    with database.connection(installation) as other:  # such as another host's run
        other.set_session(autocommit=True)
        wait_for(lambda: database.try_lock(other, database.MIGRATION))  # the session before ends
        with pytest.raises(HostError, match="Another host migrates"):
            migration.migrate(installation, again=True, wait=0.2)


@pytest.mark.postgres
def test_a_command_that_fails_or_does_nothing_is_told(make):
    box, installation = make("3.6")
    for path in migrations.files(box):
        if "0340" in path:  # one that the command does not know
            box.write(path.replace("0340_drop", "0341_more"), "")
    with pytest.raises(HostError, match="still lacks migrations afterwards: 0341_more"):
        migration.migrate(installation)
