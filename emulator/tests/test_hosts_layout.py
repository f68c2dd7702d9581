"""What a sandbox host has, beside a list of its own of what MAAS's packages and snap have."""

from __future__ import annotations

import ast
import os
import stat

import pytest
import yaml
from maas_emulator.hosts import sandbox
from maas_emulator.release import SERIES, Release

MAAS_CONF, SETTINGS = "root:maas 0640", "/etc/maas/maas_local_settings.py"
#: Files that a fresh installation has: first release, last release, path, owner and mode.
REGION = (
    ("1.5", "1.8", SETTINGS, MAAS_CONF),
    ("1.5", "1.6", "/etc/maas/maas_local_celeryconfig.py", MAAS_CONF),
    ("1.5", "1.6", "/etc/maas/txlongpoll.yaml", MAAS_CONF),
    ("1.9", "3.2", "/etc/maas/regiond.conf", MAAS_CONF),
    ("3.3", "3.8", "/etc/maas/regiond.conf", "maas:maas 0640"),
)
CLUSTER = (
    ("1.5", "1.8", "/etc/maas/maas_cluster.conf", MAAS_CONF),
    ("1.5", "1.6", "/etc/maas/maas_local_celeryconfig_cluster.py", MAAS_CONF),
    ("1.5", "1.8", "/etc/maas/pserv.yaml", "root:root 0644"),
    ("1.5", "1.5", "/etc/maas/bootresources.yaml", "root:root 0644"),
    ("1.9", "1.10", "/etc/maas/clusterd.conf", MAAS_CONF),
    ("2.0", "3.2", "/etc/maas/rackd.conf", MAAS_CONF),
    ("3.3", "3.8", "/etc/maas/rackd.conf", "maas:maas 0640"),
)
SNAP = (
    ("2.2", "3.8", "/var/snap/maas/current/regiond.conf", "root:root 0640"),
    ("2.2", "3.8", "/var/snap/maas/current/rackd.conf", "root:root 0640"),
    ("2.2", "3.8", "/var/snap/maas/common/snap_mode", "root:root 0644"),
)
#: Files that come later, and logs, by the name that tests call them.
LATER = (
    ("deb", "1.7", "3.8", "secret", "/var/lib/maas/secret"),
    ("deb", "2.0", "3.8", "maas_id", "/var/lib/maas/maas_id"),
    ("deb", "1.5", "1.8", "dhcpd_config", "/etc/maas/dhcpd.conf"),
    ("deb", "1.9", "3.8", "dhcpd_config", "/var/lib/maas/dhcpd.conf"),
    ("deb", "1.5", "3.8", "dhcpd_interfaces", "/var/lib/maas/dhcpd-interfaces"),
    ("deb", "1.5", "3.8", "dhcpd_leases", "/var/lib/maas/dhcp/dhcpd.leases"),
    ("deb", "1.5", "3.4", "images", "/var/lib/maas/boot-resources/current"),
    ("deb", "3.5", "3.8", "images", "/var/lib/maas/image-storage"),
    ("deb", "1.5", "3.8", "maas_log", "/var/log/maas/maas.log"),
    ("deb", "1.5", "1.5", "region_log", "/var/log/maas/maas.log"),
    ("deb", "1.6", "1.7", "region_log", "/var/log/maas/maas-django.log"),
    ("deb", "1.8", "3.4", "region_log", "/var/log/maas/regiond.log"),
    ("deb", "1.5", "1.6", "cluster_log", "/var/log/maas/celery.log"),
    ("deb", "1.7", "1.7", "cluster_log", "/var/log/maas/pserv.log"),
    ("deb", "1.8", "1.10", "cluster_log", "/var/log/maas/clusterd.log"),
    ("deb", "2.0", "3.4", "cluster_log", "/var/log/maas/rackd.log"),
    ("snap", "2.2", "2.7", "secret", "/var/snap/maas/current/var/lib/maas/secret"),
    ("snap", "2.8", "3.8", "secret", "/var/snap/maas/common/maas/secret"),
    ("snap", "2.2", "2.7", "maas_id", "/var/snap/maas/current/var/lib/maas/maas_id"),
    ("snap", "2.8", "3.8", "maas_id", "/var/snap/maas/common/maas/maas_id"),
    ("snap", "2.2", "2.7", "dhcpd_config", "/var/snap/maas/current/var/lib/maas/dhcpd.conf"),
    ("snap", "2.8", "3.8", "dhcpd_config", "/var/snap/maas/common/maas/dhcpd.conf"),
    ("snap", "2.2", "3.4", "region_log", "/var/snap/maas/common/log/regiond.log"),
    ("snap", "2.2", "3.4", "cluster_log", "/var/snap/maas/common/log/rackd.log"),
    ("snap", "2.2", "2.7", "images", "/var/snap/maas/current/var/lib/maas/boot-resources/current"),
    ("snap", "2.8", "3.4", "images", "/var/snap/maas/common/maas/boot-resources/current"),
    ("snap", "3.5", "3.8", "images", "/var/snap/maas/common/maas/image-storage"),
    ("deb", "3.5", "3.8", "cluster_agent", "/etc/maas/agent.yaml"),
    ("snap", "3.5", "3.7", "cluster_agent", "/var/snap/maas/current/agent.yaml"),
    ("snap", "3.8", "3.8", "cluster_agent", "/var/snap/maas/common/etc/maas/agent.yaml"),
    ("deb", "3.8", "3.8", "openfga_socket", "/var/lib/maas/openfga-http.sock"),
    ("snap", "3.8", "3.8", "openfga_socket", "/var/snap/maas/current/openfga-http.sock"),
)  # fmt: skip
SERVICES = (
    ("1.5", "1.6", "region", "apache2 maas-region-celery maas-txlongpoll rabbitmq-server"),
    ("1.5", "1.6", "cluster", "maas-cluster-celery maas-pserv maas-dhcp-server"),
    ("1.7", "1.7", "region", "apache2 maas-proxy"),
    ("1.7", "1.10", "cluster", "maas-clusterd maas-dhcpd maas-dhcpd6"),
    ("1.8", "2.3", "region", "maas-regiond maas-proxy apache2"),
    ("2.0", "2.4", "cluster", "maas-rackd maas-dhcpd maas-dhcpd6"),
    ("2.4", "2.4", "region", "maas-regiond maas-proxy"),
    ("2.5", "3.4", "region", "maas-regiond maas-proxy maas-syslog"),
    ("2.5", "3.4", "cluster", "maas-rackd maas-dhcpd maas-dhcpd6 maas-http maas-syslog"),
    ("3.5", "3.8", "region", "maas-regiond maas-apiserver maas-temporal maas-temporal-worker"),
    ("3.8", "3.8", "region", "maas-openfga"),
    ("3.5", "3.8", "cluster", "maas-rackd maas-agent maas-dhcpd maas-dhcpd6 maas-http"),
)
#: Debconf's question about the region, and the commands of both parts.
WORDS = (
    ("1.5", "1.10", "maas-cluster-controller/maas-url", "maas-region-admin", "maas-provision"),
    ("2.0", "3.8", "maas-rack-controller/maas-url", "maas-region", "maas-rack"),
)
SNAPS = [one for one in SERIES if Release(one) >= "2.2"]


def holds(release, rows):
    """The rows that hold for a release, without their releases."""
    return [more for since, until, *more in rows if since <= Release(release) <= until]


def fresh(tmp_path, release, role, **options):
    host = sandbox.create(tmp_path / "h", release, role, **options)
    given = {}
    for folder in ("etc/maas", "var/snap"):
        for place, _, names in os.walk(os.path.join(host.root, folder)):
            for name in names:
                path = os.path.join(place, name)
                given["/" + os.path.relpath(path, host.root)] = path
    return host, given


@pytest.fixture
def owners(monkeypatch):
    """What owner each file is given, whether or not there is such a user here."""
    given = {}

    def give(path, owner):
        if isinstance(owner, str):
            given[path.rpartition(".")[0]] = owner

    monkeypatch.setattr(sandbox, "_give", give)
    return given


def dressed(given, owners):
    return {
        name: f"{owners[path]} {stat.S_IMODE(os.stat(path).st_mode):04o}"
        for name, path in given.items()
    }


@pytest.mark.parametrize("release", SERIES)
def test_a_fresh_installation_has_the_files_of_its_release(tmp_path, release, owners):
    _, given = fresh(tmp_path, release, "region+cluster")
    expected = [*holds(release, REGION), *holds(release, CLUSTER)]
    assert dressed(given, owners) == dict(expected)


@pytest.mark.parametrize("release", SNAPS)
def test_a_snap_has_the_files_of_its_release(tmp_path, release, owners):
    _, given = fresh(tmp_path, release, "region+cluster", kind="snap")
    assert dressed(given, owners) == dict(holds(release, SNAP))
    _, given = fresh(tmp_path / "new", release, "cluster", kind="snap", configured=False)
    assert list(given) == ["/var/snap/maas/common/snap_mode"]


@pytest.mark.parametrize(
    ("kind", "release"),
    [("deb", one) for one in SERIES] + [("snap", one) for one in SNAPS],
)
def test_files_that_come_later_have_their_places(tmp_path, kind, release):
    host = sandbox.create(tmp_path / "h", release, "region+cluster", kind=kind)
    rows = [row for which, *row in LATER if which == kind]
    names = {name for _, _, name, _ in rows}
    found = {name: path for name, (path, _, _) in host.files().items() if name in names}
    assert {name: f"/{path}" for name, path in found.items()} == dict(holds(release, rows))


@pytest.mark.parametrize("release", SERIES)
def test_services_questions_and_commands(tmp_path, release):
    host = sandbox.create(tmp_path / "h", release, "region+cluster")
    for _, services in holds(release, SERVICES):
        assert set(services.split()) <= set(host.service_names())
    idle = {name for name in host.service_names() if not host.service(name)["running"]}
    assert idle == {name for name in host.service_names() if "dhcp" in name}
    ((question, *tools),) = holds(release, WORDS)
    assert {"maas/default-maas-url", question} <= set(host.peek("debconf"))
    assert (f"{question[:-9]}/shared-secret" in host.peek("debconf")) == (Release(release) >= "1.7")
    for tool in tools:
        assert os.access(host.path(f"usr/sbin/{tool}"), os.X_OK)
    systemd = Release(release) >= "2.0"
    assert os.path.exists(host.path("bin/systemctl")) == systemd
    assert os.path.exists(host.path("sbin/initctl")) != systemd


@pytest.mark.parametrize("release", ["1.5", "1.6", "1.7", "1.8"])
def test_the_forms_that_packages_edit(tmp_path, release):
    """Exact shapes matter, since the packages' scripts look for them."""
    database = {"host": "db.example.com", "port": 5433, "name": "n", "user": "u", "password": "p"}
    host = sandbox.create(
        tmp_path / "h", release, "region+cluster", url="http://192.0.2.10/MAAS", database=database
    )
    text = host.read("region_config")
    assert '\nDEFAULT_MAAS_URL = "http://192.0.2.10/MAAS"\n' in text
    assert "\n        'PASSWORD': 'p',\n" in text
    names = {
        node.targets[0].id: node.value for node in ast.parse(text).body if hasattr(node, "targets")
    }
    found = ast.literal_eval(names["DATABASES"])["default"]
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example.com", "5433", "n")
    assert ("RABBITMQ_PASSWORD" in names) == (release < "1.7")
    assert 'MAAS_URL="http://192.0.2.10/MAAS"\n' in host.read("cluster_config")
    pserv = yaml.safe_load(host.read("pserv"))
    generators = {
        "1.7": None,  # a comment, which MAAS's command does not bring to life
        "1.8": "http://192.0.2.10:5240/MAAS/api/1.0/pxeconfig/",
    }
    plain = "http://192.0.2.10/MAAS/api/1.0/pxeconfig/"
    assert (pserv["tftp"] or {}).get("generator") == generators.get(release, plain)
    if release < "1.7":
        users = host.peek("broker")
        assert f"RABBITMQ_PASSWORD = '{users['maas_longpoll']}'\n" in text
        assert f'\n  password: "{users["maas_longpoll"]}"\n' in host.read("txlongpoll")
        url = f"amqp://maas_workers:{users['maas_workers']}@192.0.2.10:5672//maas_workers"
        assert f"BROKER_URL = '{url}'\n" in host.read("celery_config")
