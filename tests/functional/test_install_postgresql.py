"""One highstate makes PostgreSQL, a region on its database, and what the region holds."""

from __future__ import annotations

import subprocess

import pytest
from support import throwaway
from support.installing import Bare
from support.packages import Site

pytestmark = [
    pytest.mark.salt,
    pytest.mark.life,
    throwaway.needed("apt-get", "dpkg-deb", "dpkg-scanpackages", "pg_createcluster", "psql"),
]
PASSWORD = "pw-Unlikely'9"
_MIGRATIONS = """
from maas_emulator.hosts import migrations, sandbox
host = sandbox.Sandbox("/")
for path, text in migrations.files(host).items():
    host.write(path, text, 0o644)
"""
_SYSTEMCTL = """#!/bin/sh
case "$*" in *postgresql*) ;; *) exec /usr/bin/systemctl.real "$@";; esac
while [ "${1#-}" != "$1" ]; do shift; done
cluster=$(pg_lsclusters -h | cut -d' ' -f1 | head -1)
case "$1" in
    start|stop|restart|reload) exec pg_ctlcluster $cluster main "$1";;
    is-enabled) echo enabled;;
    is-active) pg_ctlcluster $cluster main status >/dev/null && echo active;;
    *) pg_ctlcluster $cluster main status;;
esac
"""


def postgresql(host):
    """Put Debian's real PostgreSQL, as far as it is on this machine, into a package."""
    host.root.run("sh", "-c", "rm -rf /etc/postgresql/* /var/lib/postgresql/*")
    versions = host.root.run("ls", "/usr/lib/postgresql").stdout.split()
    version = max(versions, key=float)
    tree = host.root.path / "srv/postgresql"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: postgresql\nVersion: {version}+248\nArchitecture: all\n"
        "Maintainer: Nobody <nobody@example.com>\nDescription: the server of this machine\n"
    )
    (tree / "DEBIAN/postinst").write_text(f"#!/bin/sh\npg_createcluster {version} main --start\n")
    (tree / "DEBIAN/postinst").chmod(0o755)
    deb = host.root.path / "srv/repository/postgresql.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb],
        check=True, capture_output=True,
    )  # fmt: skip
    host.publish()
    host.root.run("mv", "/usr/bin/systemctl", "/usr/bin/systemctl.real")
    host.root.write("/usr/bin/systemctl", _SYSTEMCTL, 0o755)
    # Its list of packages is fetched by maas.install only after that PostgreSQL is there.
    host.root.write("/etc/apt/sources.list.d/ubuntu.list", f"{Bare.source}\n")
    host.root.run("apt-get", "update")


def changed(returned):
    failed = [
        (one["comment"], one["changes"]) for one in returned.values() if one["result"] is False
    ]
    assert not failed, failed
    return {key.split("_|-")[1] for key, one in returned.items() if one["changes"]}


def test_a_region_with_postgresql_by_salt(tmp_path):
    with Site("3.7", tmp_path) as site:
        host = Bare(site.room.root("host"), site.packages, "region")
        site.hosts["host"] = host
        postgresql(host)
        host.root.run("adduser", "--quiet", "--system", "--group", "--no-create-home", "maas")
        host.root.python(_MIGRATIONS)  # files of maas-region-api
        site.start()
        admin = {"username": "admin", "email": "admin@example.com", "password": PASSWORD}
        database = {"host": "127.0.0.1", "name": "maasdb", "user": "maas", "password": PASSWORD}
        described = {
            "release": "3.7",
            "install": {
                "role": "region", "source": "archive-of-test",
                "postgresql": {"clients": ["192.0.2.0/24"]},
            },
            "region": {"url": site.url, "admin": admin, "database": database},
            "zones": {"north": {}},
        }  # fmt: skip
        described["install"]["source"] = Bare.source
        host.minion(described)
        foreseen = changed(host.outcome("maas.region", "test=True"))
        done = changed(host.outcome("maas.region"))
        assert {"maas database role", "maas database role password", "maas database"} <= done
        assert {"maas database", "maas region host", "maas region"} <= foreseen & done
        assert set(host.installed()) == {"maas-region-api"}
        query = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'maasdb'"
        owner = host.root.run("runuser", "-u", "postgres", "--", "psql", "-Atc", query).stdout
        assert owner.strip() == "maas"
        assert host.call("asked(database.is_empty)") is False
        hba = host.root.run("sh", "-c", "cat /etc/postgresql/*/main/pg_hba.conf").stdout
        assert 'host "maasdb" "maas" 192.0.2.0/24 scram-sha-256' in hba
        assert changed(host.outcome("maas.region")) == set()
        assert PASSWORD not in host.said + host.root.read("/srv/salt/log")
