"""What each release has where on a host, as data.

Each fact is a timeline: pairs of the release since which it holds, and its
value; None as value ends it.  Paths are relative to the root.
"""

from __future__ import annotations

from typing import Any

from saltext.maas.release import Release

Timelines = dict[str, tuple[tuple[str, Any], ...]]

_SNAP = "var/snap/maas/current"
_COMMON = "var/snap/maas/common"


def _moved(path):
    """A file of the snap that 2.8 moved to the folder that outlives revisions."""
    return (("2.2", f"{_SNAP}/var/lib/maas/{path}"), ("2.8", f"{_COMMON}/maas/{path}"))


DEB_PATHS: Timelines = {
    "region_config": (
        ("1.5", "etc/maas/maas_local_settings.py"),
        ("1.9", "etc/maas/regiond.conf"),
    ),
    # Where passwords of the message broker stand as well.
    "celery_config": (("1.5", "etc/maas/maas_local_celeryconfig.py"), ("1.7", None)),
    "txlongpoll": (("1.5", "etc/maas/txlongpoll.yaml"), ("1.7", None)),
    "cluster_config": (
        ("1.5", "etc/maas/maas_cluster.conf"),
        ("1.9", "etc/maas/clusterd.conf"),
        ("2.0", "etc/maas/rackd.conf"),
    ),
    "pserv": (("1.5", "etc/maas/pserv.yaml"), ("1.9", None)),
    # An older home of the uuid, of which celery names the queue that it listens to.
    "cluster_celery": (("1.5", "etc/maas/maas_local_celeryconfig_cluster.py"), ("1.7", None)),
    "secret": (("1.7", "var/lib/maas/secret"),),
    "maas_id": (("2.0", "var/lib/maas/maas_id"),),
    "dhcpd_config": (("1.5", "etc/maas/dhcpd.conf"), ("1.9", "var/lib/maas/dhcpd.conf")),
    "dhcpd_interfaces": (("1.5", "var/lib/maas/dhcpd-interfaces"),),
    "dhcpd_leases": (("1.5", "var/lib/maas/dhcp/dhcpd.leases"),),
    "cluster_log": (
        ("1.5", "var/log/maas/celery.log"),
        ("1.7", "var/log/maas/pserv.log"),
        ("1.8", "var/log/maas/clusterd.log"),
        ("2.0", "var/log/maas/rackd.log"),
        ("3.5", None),  # the journal
    ),
    "images": (
        ("1.5", "var/lib/maas/boot-resources/current"),
        ("3.5", "var/lib/maas/image-storage"),
    ),
    "bootresources": (("1.5", "etc/maas/bootresources.yaml"), ("1.6", None)),
    # Written by a rack that is connected, with the shared secret in it.
    "cluster_agent": (("3.5", "etc/maas/agent.yaml"),),
    "openfga_socket": (("3.8", "var/lib/maas/openfga-http.sock"),),
    # Of regions and racks for each other.
    "certificates": (("3.5", "var/lib/maas/certificates"),),
    "preseeds": (("1.5", "etc/maas/preseeds"),),
}

SNAP_PATHS: Timelines = {
    "region_config": (("2.2", f"{_SNAP}/regiond.conf"),),
    "cluster_config": (("2.2", f"{_SNAP}/rackd.conf"),),
    "snap_mode": (("2.2", f"{_COMMON}/snap_mode"),),
    "dhcpd_config": _moved("dhcpd.conf"),
    "dhcpd_interfaces": _moved("dhcpd-interfaces"),
    "dhcpd_leases": _moved("dhcp/dhcpd.leases"),
    "images": (*_moved("boot-resources/current"), ("3.5", f"{_COMMON}/maas/image-storage")),
    "secret": _moved("secret"),
    "maas_id": _moved("maas_id"),
    "cluster_log": (("2.2", f"{_COMMON}/log/rackd.log"), ("3.5", None)),
    "cluster_agent": (
        ("3.5", f"{_SNAP}/agent.yaml"),
        ("3.8", f"{_COMMON}/etc/maas/agent.yaml"),
    ),
    "openfga_socket": (("3.8", f"{_SNAP}/openfga-http.sock"),),
    "certificates": (("3.5", f"{_SNAP}/certificates"),),
    "preseeds": (("2.2", f"{_SNAP}/preseeds"),),
}

#: Facts that are the same for both.
_BOTH: Timelines = {
    # formats of files
    "region_format": (("1.5", "python"), ("1.9", "yaml")),
    "cluster_format": (("1.5", "shell"), ("1.9", "yaml")),
    # ports that are listened on
    "region_ports": (
        ("1.5", (("tcp", 80),)),
        ("1.8", (("tcp", 80), ("tcp", 5240))),
        ("2.4", (("tcp", 5240),)),
    ),
    "cluster_ports": (("1.5", (("udp", 69),)), ("2.5", (("udp", 69), ("tcp", 5248)))),
    # behaviour
    "default_port": (("1.5", 80), ("2.1", 5240)),
    "upgrade_rewrites_url": (("1.5", True), ("1.9", False)),
    "has_cluster_uuid": (("1.5", True), ("3.5", False)),
    "several_region_urls": (("1.5", False), ("2.5", True)),
    # First PostgreSQL that it runs with, and the first that it does not warn about.
    "postgresql_oldest": (("1.5", 9.1), ("3.2", 12), ("3.8", 14)),
    "postgresql_good": (("1.5", 9.1), ("3.2", 12), ("3.3", 14), ("3.6", 16)),
}

DEB: Timelines = {
    **_BOTH,
    **DEB_PATHS,
    "tftp_root": (
        ("1.5", "/var/lib/maas/boot-resources/current"),
        ("3.5", "/var/lib/maas/tftp_root"),
    ),
    # owners of new files
    "region_owner": (("1.5", ("root", "maas")), ("3.3", ("maas", "maas"))),
    "secret_owner": (("1.7", ("maas", "maas")),),
    # How journalctl is asked for a daemon's log.
    "cluster_journal": (("3.5", ("-u", "maas-rackd")),),
    # commands
    "region_tool": (("1.5", "maas-region-admin"), ("2.0", "maas-region")),
    "cluster_tool": (("1.5", "maas-provision"), ("2.0", "maas-rack")),
    "cluster_url_command": (
        ("1.7.1", ("configure-maas-url",)),
        ("1.9", ("config", "--region-url")),
    ),
    "tls_command": (("3.2", ("maas-region", "config_tls")),),
    "vault_command": (("3.3", ("maas-region", "config_vault")),),
    "msm_command": (("3.6", ("maas-region", "msm")),),
    # What runs a Python program from its standard input inside the region.
    "shell_command": (("2.0", ("maas-region", "shell")),),
    # What brings the database's tables to this release, one after the other.
    "migrate_commands": (
        (
            "1.5",
            (
                ("maas-region-admin", "syncdb", "--noinput"),
                ("maas-region-admin", "migrate", "maasserver", "--noinput"),
                ("maas-region-admin", "migrate", "metadataserver", "--noinput"),
            ),
        ),
        ("1.10", (("maas-region-admin", "dbupgrade"),)),
        ("2.0", (("maas-region", "dbupgrade"),)),
    ),
    # Where its Python packages are, the migrations among them.
    "python": (("1.5", "usr/lib/python*/dist-packages"),),
    # What prints regiond.conf as MAAS understands it.
    "config_command": (
        ("1.9", ("maas-region-admin", "local_config_get", "--json")),
        ("2.0", ("maas-region", "local_config_get", "--json")),
    ),
    # services: what restarts after a change of the configuration
    "region_services": (
        ("1.5", ("apache2", "maas-region-celery")),
        ("1.7", ("apache2",)),
        ("1.8", ("maas-regiond",)),
        ("3.5", ("maas-regiond", "maas-apiserver", "maas-temporal", "maas-temporal-worker")),
        (
            "3.8",
            (
                "maas-openfga",
                "maas-regiond",
                "maas-apiserver",
                "maas-temporal",
                "maas-temporal-worker",
            ),
        ),
    ),
    # and after a change of the message broker besides
    "broker_services": (("1.5", ("maas-txlongpoll",)), ("1.7", None)),
    "cluster_services": (
        ("1.5", ("maas-cluster-celery", "maas-pserv")),
        ("1.7", ("maas-clusterd",)),
        ("2.0", ("maas-rackd",)),
    ),
    # What is stopped before the database is dumped or migrated, in this order; a start is the
    # other way round.
    "region_stops": (
        ("1.5", ("apache2", "maas-region-celery", "maas-txlongpoll")),
        ("1.7", ("apache2",)),
        ("1.8", ("maas-regiond",)),
        ("3.5", ("maas-regiond", "maas-apiserver", "maas-temporal-worker", "maas-temporal")),
        (
            "3.8",
            (
                "maas-regiond",
                "maas-apiserver",
                "maas-temporal-worker",
                "maas-temporal",
                "maas-openfga",
            ),
        ),
    ),
    "cluster_stops": (
        ("1.5", ("maas-cluster-celery", "maas-pserv")),
        ("1.7", ("maas-clusterd",)),
        ("2.0", ("maas-rackd",)),
    ),
    # What the cluster or rack starts itself when there is something for it to do.
    "cluster_children": (
        ("1.5", ("maas-dhcp-server",)),
        ("1.7", ("maas-dhcpd", "maas-dhcpd6")),
        ("3.5", ("maas-agent", "maas-dhcpd", "maas-dhcpd6")),
    ),
    "init": (("1.5", "upstart"), ("2.0", "systemd")),
    # packages and debconf
    "region_packages": (
        ("1.5", ("maas-region-controller", "maas-region-controller-min")),
        ("2.0", ("maas-region-controller", "maas-region-api")),
    ),
    "cluster_packages": (
        ("1.5", ("maas-cluster-controller",)),
        ("2.0", ("maas-rack-controller",)),
    ),
    "region_host_question": (("1.5", "maas/default-maas-url"),),
    "cluster_url_question": (
        ("1.5", "maas-cluster-controller/maas-url"),
        ("2.0", "maas-rack-controller/maas-url"),
    ),
    "cluster_secret_question": (
        ("1.7", "maas-cluster-controller/shared-secret"),
        ("2.0", "maas-rack-controller/shared-secret"),
    ),
}

SNAP: Timelines = {
    **_BOTH,
    **SNAP_PATHS,
    "tftp_root": (
        ("2.2", f"/{_SNAP}/var/lib/maas/boot-resources/current"),
        ("2.8", f"/{_COMMON}/maas/boot-resources/current"),
        ("3.5", f"/{_COMMON}/maas/tftp_root"),
    ),
    "region_owner": (("2.2", ("root", "root")),),
    "secret_owner": (("2.2", ("root", "root")),),
    "cluster_journal": (("3.5", ("-t", "maas-rackd")),),
    "region_tool": (("2.2", "maas"),),
    "cluster_tool": (("2.2", "maas"),),
    "tls_command": (("3.2", ("maas", "config-tls")),),
    "vault_command": (("3.3", ("maas", "config-vault")),),
    "msm_command": (("3.6", ("maas", "msm")),),
    "shell_command": (("2.2", ("snap", "run", "--shell", "maas", "-c", "maas-region shell")),),
    "migrate_commands": (("2.2", (("maas", "migrate"),)),),
    "python": (("2.2", "snap/maas/current/lib/python*/*-packages"),),
    "config_command": (
        ("2.2", ("maas", "config", "--show", "--parsable", "--show-database-password")),
    ),
    # Before, init fails when it has to ask for the database.
    "init_asks": (("2.2", False), ("2.8", True)),
    "region_services": (("2.2", ("maas",)),),
    "cluster_services": (("2.2", ("maas",)),),
    "region_stops": (("2.2", ("maas",)),),
    "cluster_stops": (("2.2", ("maas",)),),
    "init": (("2.2", "snap"),),
}

LAYOUTS = {"deb": DEB, "snap": SNAP}
#: Facts whose value is a path below the root.
PATHS = frozenset(DEB_PATHS.keys() | SNAP_PATHS.keys())


def fact(kind: str, name: str, release: Release) -> Any:
    """Look one fact up.

    Args:
        kind: ``deb`` or ``snap``.
        name: Key of :data:`DEB` or :data:`SNAP`.
        release: MAAS release.

    Returns:
        The value that holds for the release, or None where it has none.
    """
    value = None
    for since, then in LAYOUTS[kind].get(name, ()):
        if release < since:
            break
        value = then
    return value
