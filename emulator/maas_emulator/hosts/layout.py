"""Where each release of MAAS keeps what on its host: a table for its packages, one for its snap.

Each row of a table adds to those before it; None takes something away again. Paths are relative
to the root, and a file is its path, mode and owner.
"""

from __future__ import annotations

from maas_emulator.release import Release

ROOT, MAAS, SYSLOG = "root:root", "maas:maas", "syslog:syslog"
_CONF = (0o640, "root:maas")
_LIB, _LOG = "var/lib/maas", "var/log/maas"
_DATA, _COMMON = "var/snap/maas/current", "var/snap/maas/common"


def _dhcp(folder):
    return {
        "dhcpd_config": (f"{folder}/dhcpd.conf", 0o640, "root:maas"),
        "dhcpd_interfaces": (f"{folder}/dhcpd-interfaces", 0o640, "root:maas"),
        "dhcpd_leases": (f"{folder}/dhcp/dhcpd.leases", 0o644, ROOT),
    }


def _data(folder):
    return {
        **_dhcp(folder),
        "secret": (f"{folder}/secret", 0o640, ROOT),
        "maas_id": (f"{folder}/maas_id", 0o640, ROOT),
        "images": (f"{folder}/boot-resources/current", 0o755, ROOT),
    }


FILES = {
    "deb": (
        ("1.5", {
            "region_config": ("etc/maas/maas_local_settings.py", *_CONF),
            "celery_config": ("etc/maas/maas_local_celeryconfig.py", *_CONF),
            "txlongpoll": ("etc/maas/txlongpoll.yaml", *_CONF),
            "cluster_config": ("etc/maas/maas_cluster.conf", *_CONF),
            "cluster_celery": ("etc/maas/maas_local_celeryconfig_cluster.py", *_CONF),
            "pserv": ("etc/maas/pserv.yaml", 0o644, ROOT),
            "bootresources": ("etc/maas/bootresources.yaml", 0o644, ROOT),
            "maas_log": (f"{_LOG}/maas.log", 0o644, MAAS),
            "region_log": (f"{_LOG}/maas.log", 0o644, MAAS),
            "cluster_log": (f"{_LOG}/celery.log", 0o644, MAAS),
            **_dhcp(_LIB),
            "dhcpd_config": ("etc/maas/dhcpd.conf", 0o644, MAAS),
            "images": (f"{_LIB}/boot-resources/current", 0o755, MAAS),
            "preseeds": ("etc/maas/preseeds", 0o755, ROOT),
        }),
        ("1.6", {
            "bootresources": None,
            "maas_log": (f"{_LOG}/maas.log", 0o644, SYSLOG),
            "region_log": (f"{_LOG}/maas-django.log", 0o644, MAAS),
        }),
        ("1.7", {
            "celery_config": None,
            "txlongpoll": None,
            "cluster_celery": None,
            "secret": (f"{_LIB}/secret", 0o640, MAAS),
            "cluster_log": (f"{_LOG}/pserv.log", 0o644, MAAS),
        }),
        ("1.8", {
            "region_log": (f"{_LOG}/regiond.log", 0o644, MAAS),
            "cluster_log": (f"{_LOG}/clusterd.log", 0o644, MAAS),
        }),
        ("1.9", {
            "region_config": ("etc/maas/regiond.conf", *_CONF),
            "cluster_config": ("etc/maas/clusterd.conf", *_CONF),
            "pserv": None,
            **_dhcp(_LIB),
        }),
        ("2.0", {
            "cluster_config": ("etc/maas/rackd.conf", *_CONF),
            "cluster_log": (f"{_LOG}/rackd.log", 0o644, MAAS),
            "maas_id": (f"{_LIB}/maas_id", 0o640, MAAS),
        }),
        ("2.5", {"maas_log": (f"{_LOG}/maas.log", 0o644, MAAS)}),
        ("3.3", {
            "region_config": ("etc/maas/regiond.conf", 0o640, MAAS),
            "cluster_config": ("etc/maas/rackd.conf", 0o640, MAAS),
        }),
        ("3.5", {
            "region_log": None,  # the journal
            "cluster_log": None,
            "cluster_agent": ("etc/maas/agent.yaml", 0o600, MAAS),
            "images": (f"{_LIB}/image-storage", 0o755, MAAS),
        }),
        ("3.8", {"openfga_socket": (f"{_LIB}/openfga-http.sock", 0o755, MAAS)}),
    ),
    "snap": (
        ("2.2", {
            "snap_mode": (f"{_COMMON}/snap_mode", 0o644, ROOT),
            "region_config": (f"{_DATA}/regiond.conf", 0o640, ROOT),
            "cluster_config": (f"{_DATA}/rackd.conf", 0o640, ROOT),
            "maas_log": (f"{_COMMON}/log/maas.log", 0o644, ROOT),
            "region_log": (f"{_COMMON}/log/regiond.log", 0o644, ROOT),
            "cluster_log": (f"{_COMMON}/log/rackd.log", 0o644, ROOT),
            "preseeds": (f"{_DATA}/preseeds", 0o755, ROOT),
            **_data(f"{_DATA}/{_LIB}"),
        }),
        ("2.8", _data(f"{_COMMON}/maas")),
        ("3.5", {
            "maas_log": None,
            "region_log": None,
            "cluster_log": None,
            "cluster_agent": (f"{_DATA}/agent.yaml", 0o600, ROOT),
            "images": (f"{_COMMON}/maas/image-storage", 0o755, ROOT),
        }),
        ("3.8", {
            "openfga_socket": (f"{_DATA}/openfga-http.sock", 0o755, ROOT),
            "cluster_agent": (f"{_COMMON}/etc/maas/agent.yaml", 0o600, ROOT),
        }),
    ),
}  # fmt: skip

#: What else is installed. ``_packages`` are in the order of their installation; ``_daemon`` is
#: what reads a role's configuration; ``_started`` are services that start with the packages, and
#: ``_restarted`` those that a package's script restarts whenever it is configured; ``_idle`` do
#: not start before there is something to do for them; ``required`` are the services that another
#: one starts and stops with; ``postgresql`` is the oldest that a region starts with. In the folder
#: ``certificates`` regions and racks have theirs for each other. The snap's one service runs those
#: of pebble.
TRAITS = {
    "deb": (
        ("1.5", {
            "init": "upstart",
            "port": 80,
            "region_packages": ("maas-region-controller-min", "maas-region-controller"),
            "region_tools": ("maas-region-admin",),
            "region_daemon": "apache2",
            "region_started": (
                "apache2", "rabbitmq-server", "squid-deb-proxy", "maas-region-celery",
                "maas-txlongpoll",
            ),
            "region_restarted": (
                "apache2", "squid-deb-proxy", "maas-txlongpoll", "maas-region-celery",
            ),
            "cluster_packages": ("maas-cluster-controller",),
            "cluster_tools": ("maas-provision", "maas-import-pxe-files"),
            "cluster_daemon": "maas-cluster-celery",
            "cluster_started": ("maas-cluster-celery", "maas-pserv", "tgt"),
            "cluster_restarted": ("maas-cluster-celery", "maas-pserv"),
            "cluster_idle": ("maas-dhcp-server",),
        }),
        ("1.7", {
            "region_started": ("apache2", "maas-proxy"),
            "region_restarted": ("apache2",),
            "cluster_tools": ("maas-provision",),
            "cluster_daemon": "maas-clusterd",
            "cluster_started": ("maas-clusterd", "tgt"),
            "cluster_restarted": ("maas-clusterd",),
            "cluster_idle": ("maas-dhcpd", "maas-dhcpd6"),
        }),
        ("1.8", {
            "region_daemon": "maas-regiond",
            "region_started": ("maas-regiond", "apache2", "maas-proxy"),
            "region_restarted": ("maas-regiond", "apache2"),
        }),
        ("2.0", {
            "init": "systemd",
            "region_packages": ("maas-region-api", "maas-region-controller"),
            "region_tools": ("maas-region", "maas-region-admin"),
            "cluster_packages": ("maas-rack-controller",),
            "cluster_tools": ("maas-rack", "maas-provision"),
            "cluster_daemon": "maas-rackd",
            "cluster_started": ("maas-rackd", "tgt"),
            "cluster_restarted": ("maas-rackd",),
        }),
        ("2.1", {"port": 5240}),
        ("2.4", {
            "region_started": ("maas-regiond", "maas-proxy", "bind9"),
            "region_restarted": ("maas-regiond",),
            "cluster_started": ("maas-rackd",),
        }),
        ("2.5", {
            "region_started": ("maas-regiond", "maas-proxy", "maas-syslog", "bind9"),
            "cluster_started": ("maas-rackd", "maas-http", "maas-proxy", "maas-syslog", "bind9"),
            "cluster_restarted": ("maas-rackd", "bind9"),
        }),
        ("2.7", {"region_tools": ("maas-region",), "cluster_tools": ("maas-rack",)}),
        ("3.2", {
            "postgresql": 12,
            "region_started": ("maas-regiond", "maas-http", "maas-proxy", "maas-syslog", "bind9"),
        }),
        ("3.5", {
            "certificates": f"{_LIB}/certificates",
            "region_started": (
                "maas-regiond", "maas-apiserver", "maas-temporal", "maas-temporal-worker",
                "maas-http", "maas-proxy", "maas-syslog", "bind9",
            ),
            "region_restarted": (
                "maas-regiond", "maas-apiserver", "maas-temporal", "maas-temporal-worker",
            ),
            "cluster_started": (
                "maas-rackd", "maas-agent", "maas-http", "maas-proxy", "maas-syslog", "bind9",
            ),
            "required": {"maas-regiond": ("maas-apiserver",)},
        }),
        ("3.8", {
            "postgresql": 14,
            "region_started": (
                "maas-regiond", "maas-apiserver", "maas-temporal", "maas-temporal-worker",
                "maas-openfga", "maas-http", "maas-proxy", "maas-syslog", "bind9",
            ),
            "region_restarted": (
                "maas-regiond", "maas-apiserver", "maas-temporal", "maas-temporal-worker",
                "maas-openfga",
            ),
            "required": {"maas-regiond": ("maas-apiserver", "maas-openfga")},
        }),
    ),
    "snap": (
        ("2.2", {
            "init": "snapd",
            "port": 5240,
            "region_daemon": "maas",
            "cluster_daemon": "maas",
            "snap_service": "maas.supervisor",
            "base": "core",
            "epoch": 0,
        }),
        ("2.4", {"base": "core18"}),
        ("2.6", {"epoch": 1}),
        ("2.8", {"epoch": 2}),
        ("2.9", {"base": "core20", "epoch": 3}),
        ("3.2", {"postgresql": 12}),
        ("3.3", {"base": "core22"}),
        ("3.5", {
            "snap_service": "maas.pebble",
            "certificates": f"{_DATA}/certificates",
            "epoch": 4,
            "pebble": ("bind9", "http", "ntp", "proxy", "syslog"),
            "region_pebble": ("regiond", "apiserver", "temporal", "temporal-worker"),
            "cluster_pebble": ("rackd", "agent", "dhcpd", "dhcpd6"),
            "pebble_enabled": ("regiond", "apiserver", "rackd"),
        }),
        ("3.6", {"base": "core24"}),
        ("3.8", {
            "base": "core26",
            "epoch": 5,
            "postgresql": 14,
            "region_pebble": ("regiond", "apiserver", "temporal", "temporal-worker", "openfga"),
            "pebble_enabled": ("regiond", "apiserver", "rackd", "openfga"),
        }),
        ("4.0", {"epoch": 6}),
    ),
}  # fmt: skip

#: Debconf's questions: of which package's templates, and their type.
QUESTIONS = (
    ("1.5", {
        "region": {"maas/default-maas-url": ("maas-region-controller-min", "string")},
        "cluster": {"maas-cluster-controller/maas-url": ("maas-cluster-controller", "string")},
    }),
    ("1.7", {
        "cluster": {
            "maas-cluster-controller/maas-url": ("maas-cluster-controller", "string"),
            "maas-cluster-controller/shared-secret": ("maas-cluster-controller", "password"),
        },
    }),
    ("2.0", {
        "region": {
            "maas/default-maas-url": ("maas-region-controller", "string"),
            "maas/username": ("maas-region-controller", "string"),
            "maas/password": ("maas-region-controller", "password"),
        },
        "cluster": {
            "maas-rack-controller/maas-url": ("maas-rack-controller", "string"),
            "maas-rack-controller/shared-secret": ("maas-rack-controller", "password"),
        },
    }),
)  # fmt: skip

#: Keys of regiond.conf with MAAS's default; a default's type is the type of its key.
REGION_KEYS = (
    ("1.9", {
        "maas_url": "http://localhost:5240/MAAS",
        "database_host": "localhost",
        "database_name": "maasdb",
        "database_user": "maas",
        "database_pass": "",
    }),
    ("2.1", {"database_port": 5432}),
    ("2.4", {
        "database_conn_max_age": 300,
        "num_workers": 4,
        "debug": False,
        "debug_queries": False,
        "debug_http": False,
    }),
    ("2.5", {
        "database_keepalive": True,
        "database_keepalive_idle": 15,
        "database_keepalive_interval": 15,
        "database_keepalive_count": 2,
    }),
    ("3.3", {
        "vault_url": "",
        "vault_secrets_mount": "secret",
        "vault_secrets_path": "",
        "vault_approle_id": "",
        "vault_secret_id": "",
    }),
    ("3.5", {"broadcast_address": ""}),
    ("3.8", {"use_json_logging": True}),
)  # fmt: skip


def of_release(table: tuple, release: Release) -> dict:
    """Add up a table's rows.

    Args:
        table: ``((since, {name: value}), ...)``, oldest first.
        release: The release.

    Returns:
        ``{name: value}`` as it holds for the release, without what is None.
    """
    found = {}
    for since, more in table:
        if release >= since:
            found.update(more)
    return {name: value for name, value in found.items() if value is not None}


def has_role(name: str, roles: tuple[str, ...]) -> bool:
    """Tell whether a host with these roles has a file or trait by its name."""
    cluster = name.startswith(("cluster", "pserv", "bootresources", "dhcpd"))
    region = name.startswith(("region", "celery", "txlongpoll"))
    return ("cluster" in roles) if cluster else ("region" in roles) if region else True
