"""The files of a fresh package installation, by release."""

from __future__ import annotations

import json
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def contents(host, default_ip, url, uuid, database) -> dict:
    """Everything that the packages of a host's roles put on the disk.

    Args:
        host: The sandbox, with its release and roles.
        default_ip: Address that the region takes for its URL.
        url: Region URL instead of the default.
        uuid: Of a 1.x cluster, or None.
        database: Of the region, instead of the defaults.

    Returns:
        ``{path: (text, mode, "user:group")}``.
    """
    port = host.fact("default_port")
    suffix = "" if port == 80 else f":{port}"
    if host.kind == "snap":
        return _snap(host, f"http://{default_ip}{suffix}/MAAS", url, uuid, database)
    answers = {}
    files = {"var/lib/dpkg/status": (_dpkg_status(host), 0o644, "root:root")}
    for log in ("maas_log", "region_log", "cluster_log"):
        role = log.partition("_")[0]
        if host.fact(log) and (role == "maas" or role in host.roles):
            files[host.fact(log)] = ("", 0o640, "maas:maas")
    if "region" in host.roles:
        region_url = url or f"http://{default_ip}{suffix}/MAAS"
        host_only = default_ip if not url else url.split("/")[2].rpartition(":")[0] or default_ip
        answers[host.fact("region_host_question")] = ("string", host_only)
        broker = {name: password() for name in BROKER_USERS} if host.fact("txlongpoll") else {}
        files[host.fact("region_config")] = _region_config(host, region_url, database, broker)
        files.update(_broker(host, broker, host_only))
    if "cluster" in host.roles:
        cluster_url = url or f"http://localhost{suffix}/MAAS"
        answers[host.fact("cluster_url_question")] = ("string", url or "")
        if host.fact("cluster_secret_question"):
            answers[host.fact("cluster_secret_question")] = ("password", "")
        files.update(_cluster_config(host, cluster_url, uuid))
    store = {name: {"type": kind, "value": value} for name, (kind, value) in answers.items()}
    files["var/lib/emulator/debconf.json"] = (json.dumps(store, indent=1), 0o600, "root:root")
    return files


def _snap(host, own_url, url, uuid, database):
    base = f"name: maas\nversion: {host.release}-1-g.0000000\n"
    configured = host.info["configured"]
    mode = {"cluster": "rack", "region+cluster": "region+rack"}.get(host.info["role"], "region")
    files = {
        "snap/maas/current/meta/snap.yaml": (base, 0o644, "root:root"),
        host.fact("snap_mode"): (mode if configured else "none", 0o644, "root:root"),
    }
    if not configured:
        return files
    if "region" in host.roles:
        text, mode, _ = _region_config(host, url or own_url, database, {})
        files[host.fact("region_config")] = (text, mode, "root:root")
    if "cluster" in host.roles:
        files.update(_cluster_config(host, url or own_url, uuid))
    return files


#: Users of RabbitMQ in 1.5 and 1.6.
BROKER_USERS = ("maas_longpoll", "maas_workers")


def _broker(host, broker, public_host):
    if not broker:
        return {}
    celery = _CELERY.format(password=broker["maas_workers"], host=public_host)
    longpoll = _LONGPOLL.format(password=broker["maas_longpoll"])
    return {
        host.fact("celery_config"): (celery, 0o640, "root:maas"),
        host.fact("txlongpoll"): (longpoll, 0o640, "root:maas"),
        "var/lib/emulator/broker.json": (json.dumps(broker), 0o600, "root:root"),
    }


def _dpkg_status(host):
    version = (
        f"1:{host.release}-0ubuntu1" if host.release >= "3.0" else f"{host.release}+bzr1-0ubuntu1"
    )
    names = ["maas-common", "maas-cli"]
    if "region" in host.roles:
        # maas-region-controller-min (1.x) or maas-region-api (2.0+) holds the code.
        names += host.fact("region_packages")
    if "cluster" in host.roles:
        names += host.fact("cluster_packages")
    stanzas = [_stanza("dpkg", "1.0")]
    stanzas += [_stanza(name, version) for name in names]
    return "\n".join(stanzas) + "\n"


def _stanza(name, version):
    return (
        f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: net\n"
        f"Maintainer: Nobody <nobody@example.com>\nArchitecture: all\nVersion: {version}\n"
        f"Description: stand-in for {name}\n"
    )


def password() -> str:
    """A password as the packages make them up."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def _region_config(host, url, database, broker):
    data = {"host": "localhost", "port": None, "name": "maasdb", "user": "maas", **database}
    data.setdefault("password", password())
    if host.fact("region_format") == "python":
        port = f"        'PORT': '{data['port']}',\n" if data["port"] else ""
        text = _LOCAL_SETTINGS.format(
            url=url, port=port, **{k: v for k, v in data.items() if k != "port"}
        )
        if broker:
            text += _RABBITMQ.format(password=broker["maas_longpoll"])
        return text, 0o640, "root:maas"
    lines = {
        "database_host": data["host"],
        "database_name": data["name"],
        "database_pass": data["password"],
        **({"database_port": data["port"]} if data["port"] else {}),
        "database_user": data["user"],
        "maas_url": url,
    }
    owner = "maas:maas" if host.release >= "3.0" else "root:maas"
    return "".join(f"{key}: {value}\n" for key, value in lines.items()), 0o640, owner


def _cluster_config(host, url, uuid):
    path = host.fact("cluster_config")
    if host.fact("cluster_format") == "yaml":
        text = f"maas_url: {url}\n"
        if uuid and host.fact("has_cluster_uuid"):
            text = f"cluster_uuid: {uuid}\n{text}"
        return {path: (text, 0o640, "maas:maas" if host.release >= "3.0" else "root:maas")}
    text = _CLUSTER_CONF.format(url=url)
    if uuid:
        text += f'CLUSTER_UUID="{uuid}"\n'
    found = {
        path: (text, 0o640, "root:maas"),
        host.fact("pserv"): (_PSERV, 0o644, "root:root"),
    }
    if host.fact("cluster_celery"):
        line = f"CLUSTER_UUID = '{uuid}'\n" if uuid else ""
        found[host.fact("cluster_celery")] = (line, 0o640, "root:maas")
    if host.fact("bootresources"):
        found[host.fact("bootresources")] = (_BOOTRESOURCES, 0o644, "root:root")
    return found


_CLUSTER_CONF = """\
# Where this cluster controller's region is.
MAAS_URL="{url}"
"""

_PSERV = """\
## TFTP configuration.
#
tftp:
  # root: /var/lib/maas/tftp
  # resource_root: /var/lib/maas/boot-resources/current/
  # port: 69
  ## The URL to be contacted to generate PXE configurations.
  # generator: http://localhost/MAAS/api/1.0/pxeconfig/
"""

_BOOTRESOURCES = """\
# What the importer brings here; upgrades write it anew as long as configure_me is there.
boot:
  configure_me: true
  storage: /var/lib/maas/boot-resources/
  sources:
    - path: http://maas.ubuntu.com/images/ephemeral-v2/releases/
      keyring: /usr/share/keyrings/ubuntu-cloudimage-keyring.gpg
      selections:
        - {release: trusty, arches: [i386, amd64], subarches: [generic], labels: [release]}
        - {release: precise, arches: [i386, amd64], subarches: [generic], labels: [release]}
"""

_LOCAL_SETTINGS = """\
# Settings of this region controller.

# Debug mode.
DEBUG = False

# The region's URL; package upgrades change this line.
DEFAULT_MAAS_URL = "{url}"

STATIC_ROOT = '/usr/share/maas/web/static/'
FORCE_SCRIPT_NAME = '/MAAS'
MEDIA_ROOT = '/var/lib/maas/media/'

DATABASES = {{
    'default': {{
        'ENGINE': 'django.db.backends.postgresql_psycopg2',
        'NAME': '{name}',
        'USER': '{user}',
        'PASSWORD': '{password}',
        'HOST': '{host}',
{port}        'OPTIONS': {{
            'isolation_level': 7,
        }},
    }}
}}
"""

_RABBITMQ = """\

RABBITMQ_HOST = 'localhost'
RABBITMQ_USERID = 'maas_longpoll'
RABBITMQ_PASSWORD = '{password}'
RABBITMQ_VIRTUAL_HOST = '/maas_longpoll'
"""

_CELERY = """\
# Settings of this region's celery workers.
BROKER_URL = 'amqp://maas_workers:{password}@{host}:5672//maas_workers'
"""

_LONGPOLL = """\
# The service that the web pages listen to.
frontend:
  port: 5242
  interface: 127.0.0.1

oops:
  directory: "/var/log/maas/oops"
  reporter: "maas-txlongpoll"

broker:
  # host: "localhost"
  host: "localhost"
  port: 5672
  username: "maas_longpoll"
  password: "{password}"
  vhost: "/maas_longpoll"

logfile: "/var/log/maas/txlongpoll.log"
"""
