"""MAAS's configuration files as its packages bring them, and as MAAS and their scripts edit them.

The edits are those of the packages' scripts and of MAAS's commands, with what these miss: a line
that is not of the expected form stays as it is.
"""

from __future__ import annotations

import re
import shlex

from maas_emulator.release import Release

# The Python settings of a region, up to 1.8

_SETTINGS = """\
# Settings of this region controller.
{debug}
# The region's URL; package upgrades change this line.
DEFAULT_MAAS_URL = "{url}"

STATIC_ROOT = '/usr/share/maas/web/static/'
{script_name}MEDIA_ROOT = '/var/lib/maas/media/'
{rabbit}
DATABASES = {{
    'default': {{
        'ENGINE': 'django.db.backends.postgresql_psycopg2',
        'NAME': '{name}',
        'USER': '{user}',
        'PASSWORD': '{password}',
        'HOST': '{host}',
{port}{options}    }}
}}
"""
_RABBIT = """
RABBITMQ_HOST = 'localhost'
RABBITMQ_USERID = 'maas_longpoll'
RABBITMQ_PASSWORD = '{}'
RABBITMQ_VIRTUAL_HOST = '/maas_longpoll'
"""
_OPTIONS = """\
        'OPTIONS': {
            'isolation_level': 1,
        },
"""


def region_settings(release: Release, url: str, database: dict, longpoll: str = "") -> str:
    """Write maas_local_settings.py.

    Args:
        release: Up to 1.8.
        url: Of the region.
        database: ``host``, ``port``, ``name``, ``user``, ``password``.
        longpoll: Password of the broker's user of that name (1.5, 1.6).
    """
    return _SETTINGS.format(
        url=url,
        **{**database, "port": f"        'PORT': '{database['port']}',\n" * bool(database["port"])},
        debug="\nDEBUG = False\n" if release < "1.8" else "",
        script_name="FORCE_SCRIPT_NAME = '/MAAS'\n" if release < "1.8" else "",
        rabbit=_RABBIT.format(longpoll) if release < "1.7" else "",
        options=_OPTIONS if "1.7" <= release < "1.8" else "",
    )


def read_settings(text: str) -> dict:
    """Run maas_local_settings.py, as MAAS does; return its names."""
    names: dict = {}
    exec(text, names)  # nosec B102 # (it is a Python module)
    return names


def set_default_url(text: str, host: str) -> str:
    """Edit DEFAULT_MAAS_URL as the region's packages do (1.5 to 1.8)."""
    pattern = re.compile(r'^DEFAULT_MAAS_URL = "[a-zA-Z0-9:/.]*"$', re.MULTILINE)
    return pattern.sub(lambda _: f'DEFAULT_MAAS_URL = "http://{host}/MAAS"', text)


def default_url_host(text: str) -> str:
    """Return host and port of DEFAULT_MAAS_URL as debconf is given them at a reconfigure."""
    found = [
        line.split("/") for line in text.splitlines() if line.split()[:1] == ["DEFAULT_MAAS_URL"]
    ]
    return found[-1][2] if found and len(found[-1]) > 2 else ""


def host_of(url: str) -> str:
    """Return the host of a URL without its port, an IPv6 address in brackets."""
    place = url.split("/")[2]
    before, _, port = place.rpartition(":")
    return before if port.isdigit() and before else place


# The message broker, 1.5 and 1.6

_LONGPOLL = """\
# Where the region's web pages listen for news.
frontend:
  port: 5242

oops:
  directory: "/var/log/maas/oops"
  reporter: "maas-txlongpoll"

broker:
  # host: "localhost"
  host: "localhost"
  port: 5672
  username: "maas_longpoll"
  password: "{}"
  vhost: "/maas_longpoll"

logfile: "/var/log/maas/txlongpoll.log"
"""
#: Its users.
LONGPOLL_USER, WORKERS_USER = "maas_longpoll", "maas_workers"


def txlongpoll(password: str) -> str:
    """Write txlongpoll.yaml."""
    return _LONGPOLL.format(password)


def _broker_url(password, host):
    return f"BROKER_URL = 'amqp://{WORKERS_USER}:{password}@{host}:5672//{WORKERS_USER}'"


def celery_config(password: str, host: str) -> str:
    """Write maas_local_celeryconfig.py of a region."""
    return f"# Where celery's workers find the broker.\n{_broker_url(password, host)}\n"


def set_rabbitmq_password(settings: str, password: str) -> str:
    """Edit RABBITMQ_PASSWORD of maas_local_settings.py as the package does."""
    pattern = re.compile(r"^RABBITMQ_PASSWORD = '[a-zA-Z0-9]*'$", re.MULTILINE)
    return pattern.sub(f"RABBITMQ_PASSWORD = '{password}'", settings)


def set_longpoll_password(text: str, password: str) -> str:
    """Edit the password in txlongpoll.yaml as the package does."""
    pattern = re.compile(r'^ +password: "[a-zA-Z0-9]*"$', re.MULTILINE)
    return pattern.sub(f'  password: "{password}"', text)


def set_broker_url(text: str, password: str, host: str) -> str:
    """Edit BROKER_URL as the package does."""
    return re.sub(r"^BROKER_URL = '.*'$", _broker_url(password, host), text, flags=re.MULTILINE)


# The cluster's files, up to 1.8

_PSERV = """\
logfile: "/var/log/maas/pserv.log"
{more}
tftp:
  # resource_root: /var/lib/maas/boot-resources/current/
  # port: 69
  # generator: http://localhost/MAAS/api/1.0/pxeconfig/
{generator}"""
_PSERV_BROKER = """
oops:
  directory: "/var/log/maas/oops"
  reporter: "maas-pserv"

broker:
  # host: "localhost"
"""
_BOOTRESOURCES = """\
# What the importer brings here; upgrades write it anew as long as configure_me is there.
boot:
  configure_me: True
  storage: "/var/lib/maas/boot-resources/"
  sources:
    - path: "http://maas.ubuntu.com/images/ephemeral-v2/releases/"
      keyring: "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"
      selections:
        - release: "trusty"
          arches: ["i386", "amd64"]
          subarches: ["generic"]
          labels: ["release"]
        - release: "precise"
          arches: ["i386", "amd64"]
          subarches: ["generic"]
          labels: ["release"]
"""


def cluster_conf() -> str:
    """Write maas_cluster.conf."""
    return "# Where this cluster controller finds its region.\nMAAS_URL=http://localhost/MAAS\n"


def read_shell(text: str) -> dict:
    """Read a file of shell assignments as a shell does that sources it."""
    words = [word for line in text.splitlines() for word in shlex.split(line, comments=True)]
    return dict(word.split("=", 1) for word in words if "=" in word)


def cluster_celery(uuid: str | None) -> str:
    """Write maas_local_celeryconfig_cluster.py (1.5, 1.6)."""
    return f"CLUSTER_UUID = '{uuid}'\n" if uuid else "CLUSTER_UUID = None\n"


def cluster_uuid(text: str) -> str | None:
    """Read a CLUSTER_UUID in quotes, of Python or of the shell, as the package's script does."""
    found = re.findall(r"^CLUSTER_UUID *= *[\"']([^\"']*).*$", text, re.MULTILINE)
    return found[-1] if found else None


def pserv(release: Release) -> str:
    """Write pserv.yaml; only 1.8 has a generator that is no comment."""
    live = "  generator: http://localhost:5240/MAAS/api/1.0/pxeconfig/\n"
    more = _PSERV_BROKER if release < "1.7" else ""
    return _PSERV.format(more=more, generator=live if release >= "1.8" else "")


def bootresources() -> str:
    """Write bootresources.yaml (1.5)."""
    return _BOOTRESOURCES


def sed_cluster_url(conf: str, url: str) -> str:
    """Edit maas_cluster.conf as the package's script does (1.5, 1.6)."""
    return re.sub(r"MAAS_URL=.*", lambda _: f'MAAS_URL="{url}"', conf)


def sed_generator(text: str, url: str) -> str:
    """Edit pserv.yaml as the package's script does (1.5, 1.6), which brings a comment to life.

    It replaces the host up to its port by host and port of the URL.
    """
    host = url.split("/")[2]
    pattern = re.compile(r"^([ \t]+)(?:#+[ \t]*)?(generator:[ \t]+https?://)[^:/]+", re.MULTILINE)
    return pattern.sub(lambda found: f"{found[1]}{found[2]}{host}", text)


def configure_maas_url(conf: str, pserv_text: str, url: str) -> tuple[str, str]:
    """Edit both files as ``maas-provision configure-maas-url`` does (1.7, 1.8).

    Of a generator that is no comment it replaces the host, and keeps its port and path.
    """
    from urllib.parse import urlsplit  # slow, and seldom needed

    host = urlsplit(url).hostname or ""
    host = f"[{host}]" if ":" in host else host

    def generator(found):
        parts = urlsplit(found[2])
        netloc = host if parts.port is None else f"{host}:{parts.port}"
        return f"{found[1]} {parts._replace(netloc=netloc).geturl()}{found[3]}"

    return (
        re.sub(r"^\s*MAAS_URL=.*$", lambda _: f'MAAS_URL="{url}"', conf, flags=re.MULTILINE),
        re.sub(r"^(\s*generator:)\s+(\S*)(.*)$", generator, pserv_text, flags=re.MULTILINE),
    )


# The YAML files, from 1.9 on and in the snap

_URL = re.compile(
    r"https?://(?:[%:\w]*@)?"
    r"(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]{1,5})?"
    r"(?:/[a-z0-9\-._~:/?#\[\]@!%$&'()*+,;=]*)?",
    re.IGNORECASE,
)


def read_yaml(text: str | None) -> dict:
    """Read regiond.conf, clusterd.conf or rackd.conf."""
    import yaml  # slow, and many commands do without

    return yaml.safe_load(text or "") or {}


def write_yaml(data: dict) -> str:
    """Write such a file as MAAS does: keys in order, comments gone."""
    import yaml

    return yaml.safe_dump(data, default_flow_style=False)


def check_url(url: str) -> str:
    """Return a region URL that MAAS's commands take (1.9 and later).

    Raises:
        ValueError: They do not, such as one with two ports.
    """
    if not _URL.fullmatch(url):
        raise ValueError("That is not a valid URL.")
    return url
