"""Files of a MAAS host of any release, broken by hand, by a crash or by whoever may write them."""

# ruff: noqa: E501 -- hostile values read best with many on a line

from __future__ import annotations

import json
import os

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from saltext.maas.doctor import segments, upgrade_checks
from saltext.maas.host import (
    cluster_config,
    config_files,
    consistency,
    formats,
    installation,
    logs,
    preseeds,
    pxe_images,
    shared_secret,
    transaction,
)  # fmt: skip
from saltext.maas.host.installation import Installation
from saltext.maas.host.layouts import fact
from saltext.maas.release import SERIES, Release
from support.hostile import SECRET, bytes_of, examples, folder, mutated, texts, tried
from support.loader import load

SETTINGS = f"""
DEBUG = False
DEFAULT_MAAS_URL = "http://192.0.2.10/MAAS"
DATABASES = {{
    'default': {{
        'ENGINE': 'django.db.backends.postgresql_psycopg2', 'NAME': 'maasdb', 'USER': 'maas',
        'PASSWORD': '{SECRET}', 'HOST': 'localhost', 'PORT': '',
    }}
}}
RABBITMQ_HOST = 'localhost'
RABBITMQ_PASSWORD = '{SECRET}'
"""
YAML = {
    "database_host": "localhost", "database_name": "maasdb", "database_user": "maas",
    "database_pass": SECRET, "database_port": 5432, "maas_url": "http://192.0.2.10:5240/MAAS",
    "vault_url": "http://192.0.2.10:8200", "vault_secret_id": SECRET, "debug": False,
}  # fmt: skip
LEASE = """lease 10.10.0.101 {
  starts 1 2020/01/01 00:00:00;
  binding state active;
  hardware ethernet 52:54:00:00:00:01;
}
"""
#: What each file holds where all is well.
FILES = {
    "region_config": {"python": SETTINGS, "yaml": yaml.safe_dump(YAML)},
    "celery_config": f"BROKER_URL = 'amqp://maas_workers:{SECRET}@localhost:5672//maas_workers'\n",
    "txlongpoll": f'oops:\n  directory: ""\nbroker:\n  host: "localhost"\n  password: "{SECRET}"\n',
    "cluster_config": {
        "shell": 'export MAAS_URL="http://192.0.2.10/MAAS"\nCLUSTER_UUID="0f4a6c1e-8c5d"\n',
        "yaml": "cluster_uuid: 0f4a6c1e\nmaas_url:\n- http://192.0.2.10:5240/MAAS\ndebug: false\n",
    },
    "pserv": "tftp:\n  # port: 69\n  port: 5244\n  root: /var/lib/maas/tftp\n"
             "  generator: http://192.0.2.10/MAAS/api/1.0/pxeconfig/\n",
    "cluster_celery": "CLUSTER_UUID = '0f4a6c1e-8c5d'\n",
    "secret": "00ff" * 8,
    "maas_id": "4y3h7n\n",
    "snap_mode": "region+rack",
    "dhcpd_config": "failover peer \"x\" {\n  primary;\n  peer address 10.10.0.3;\n}\n",
    "dhcpd_interfaces": "eth0 eth1",
    "dhcpd_leases": LEASE * 3,
    "cluster_log": "2020-01-01 00:00:00 rackd: [info] Region connection established.\n"
                   '{"message": "Rack controller registered", "level": "info"}\n' * 5,
    "bootresources": "boot:\n  storage: /x\n  configure_me: true\n  sources:\n  - path: http://h/\n"
                     "    keyring: /k\n    selections:\n    - release: trusty\n      arches: [amd64]\n",
    "cluster_agent": f"secret: {SECRET}\ncontroller_url: http://192.0.2.10\nsystem_id: 4y3h7n\n",
}  # fmt: skip
#: Other files, by their path.
DPKG = "".join(
    f"Package: {name}\nStatus: install ok installed\nVersion: 2.4.2-1\nConffiles:\n /etc/x 0\n\n"
    for name in ("maas-region-controller", "maas-region-api", "maas-rack-controller", "other")
)
JOURNAL = {
    "files": {"/etc/maas/regiond.conf": {"copy": "0.copy", "mode": 416, "uid": 0, "gid": 0}},
    "answers": {"maas/x": ["maas", "string", "v"]}, "services": ["maas-regiond"],
}  # fmt: skip
OTHERS = {
    "var/lib/dpkg/status": DPKG,
    "snap/maas/current/meta/snap.yaml": "name: maas\nversion: 3.5.1-16317-g.x\n",
    "var/snap/maas/common/snap_mode": "region+rack",
    "etc/os-release": 'ID=ubuntu\nVERSION_ID="24.04"\n',
    "usr/lib/snapd/info": "VERSION=2.75\n",
    "etc/rabbitmq/rabbitmq-env.conf": "NODENAME=rabbit@localhost\n",
    "root/.maascli.db": "",
    "root/key": "aaaaaaaaaaaaaaaaaa:bbbbbbbbbbbbbbbbbb:cccccccccccccccccccccccccccccccc\n",
    **{f"{transaction.FOLDER}/{part}/journal.json": json.dumps(JOURNAL)
       for part in ("region", "cluster")},
}  # fmt: skip


def content(name, release):
    found = FILES[name]
    return found[fact("deb", "_".join([name.partition("_")[0], "format"]), release)] if isinstance(
        found, dict) else found  # fmt: skip


def reads(host, root):
    """All that reads files of a host; each of it tells one clear error at the most."""
    for read in (
        config_files.read_config, config_files.values, cluster_config.read_files,
        shared_secret.read, pxe_images.sources, pxe_images.on_disk, preseeds.custom,
        segments._leased, logs.lines, logs.mark,
        lambda host: segments.interfaces(host), lambda host: transaction.plan(host, "region"),
        upgrade_checks._system, upgrade_checks.ubuntu,
        lambda host: consistency.check(host) if "region" in host.roles else None,
    ):  # fmt: skip
        yield lambda read=read: read(host)
    yield lambda: installation.detect(root)
    yield lambda: installation.detect_client(root)


@st.composite
def hosts(draw):
    """Release and kind of a host, the path of a file and what it holds instead."""
    release, kind = draw(st.sampled_from(SERIES)), draw(st.sampled_from(("deb", "deb", "snap")))
    if kind == "snap" and release < "2.2":
        kind = "deb"
    version = Release(release)
    names = [name for name in FILES if fact(kind, name, version)]
    name = draw(st.sampled_from([*names, *OTHERS]))
    good = OTHERS[name] if name in OTHERS else content(name, version)
    broken = draw(st.one_of(
        bytes_of(good), texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from(("folder", "pipe", "link", "loop", "outside")),
    ))  # fmt: skip
    if name.endswith(".json") and draw(st.booleans()):
        broken = json.dumps(draw(mutated(JOURNAL))).encode()
    of_yaml = name == "region_config" and fact(kind, "region_format", version) == "yaml"
    if of_yaml and draw(st.booleans()):
        broken = yaml.safe_dump(draw(mutated(YAML))).encode("utf-8", "surrogatepass")
    return version, kind, name, broken


def lay(root, host, name, broken):
    """Write all files of a host, one of them broken."""
    for one in FILES:
        if host.has(one):
            put(host.path(one), content(one, host.release).encode())
    for one, text in OTHERS.items():
        if not one.startswith(("snap/", transaction.FOLDER)) or one == name:
            put(str(root / one), text.encode())
    path = str(root / name) if name in OTHERS else host.path(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    if isinstance(broken, bytes):
        put(path, broken)
    elif broken == "folder":
        os.mkdir(path)
    elif broken == "pipe":
        os.mkfifo(path)
    else:
        os.symlink(
            {"link": "nowhere", "loop": os.path.basename(path)}.get(broken, "/etc/shadow"), path
        )
        if broken == "outside" and os.geteuid() == 0:  # else it is a link of one who is trusted
            os.lchown(path, 12345, 12345)
    return path


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(data)


@examples(8, 0.5)
@given(hosts())
def test_files_of_a_host(given):
    release, kind, name, broken = given
    with folder() as root:
        host = Installation(release, kind, frozenset({"region", "cluster", "rack"}), str(root))
        lay(root, host, name, broken)
        for read in reads(host, str(root)):
            tried(f"host: {name.rpartition('/')[2]}", read, root=root)
        grain = load("_grains/maas.py", opts={"maas.root": str(root)})
        tried("host: grains", grain.maas, {"maas.root": str(root)}, root=root)


CHANGES = {
    "yaml": (formats.yaml_update, formats.yaml_read, yaml.safe_dump(YAML), "database_pass"),
    "python": (formats.python_update, formats.python_read, SETTINGS, "database_password"),
    "longpoll": (formats.longpoll_update, formats.longpoll_read, FILES["txlongpoll"],
                 "broker_longpoll_password"),
    "broker": (formats.broker_url_update, formats.broker_url_read, FILES["celery_config"],
               "broker_workers_password"),
}  # fmt: skip


@examples(12)
@given(st.sampled_from(sorted(CHANGES)), st.data())
def test_a_broken_file_is_changed_right_or_refused(kind, data):
    """The value is in the file afterwards as MAAS reads it, or the file is left alone."""
    update, read, good, key = CHANGES[kind]
    text = data.draw(bytes_of(good)).decode("utf-8", "replace")
    before, refused = tried(f"change: {kind}", read, text)
    assume(refused is None)
    new, refused = tried(f"change: {kind}", update, text, {key: "new"})
    if refused is None:
        after, refused = tried(f"change: {kind}", read, new)
    if refused is None and kind == "yaml":
        assert after == {**before, key: "new"}
