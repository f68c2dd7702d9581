"""What a master reads: files of its own, configuration, events, what minions say of themselves."""

# ruff: noqa: E501 -- hostile values read best with many on a line

from __future__ import annotations

import json
import sqlite3

import yaml
from hypothesis import given
from hypothesis import strategies as st
from saltext.maas import (
    atomic_file,
    events,
    inventory,
    machine_events,
    machine_resource,
    master,
    resource_ids,
    roster,
    sdb,
)  # fmt: skip
from saltext.maas.cache import NodeCache
from saltext.maas.client import Profile
from saltext.maas.fleet import admission, config, formula, names, store
from saltext.maas.minions import master_side, settings
from saltext.maas.pillar import from_formula, machines_csv
from support.hostile import SECRET, bytes_of, examples, folder, mutated, texts, tried
from support.loader import REPOSITORY, load

# Events, and grains

EVENT = {"cmd": "_minion_event", "id": "rack-1", "tag": "maas/cluster/onboard",
         "data": {"minions": ["rack-1", "rack-2"], "id": "rack-1"}}  # fmt: skip


def reaction(tag, data):
    """What the reactor makes of an event; it is a Python file that Salt runs."""
    source = (REPOSITORY / "salt/reactor/maas/onboard.sls").read_text(encoding="utf-8")
    scope = {"tag": tag, "data": data}
    exec(compile(source, "onboard.sls", "exec"), scope)
    return scope["run"]()


@examples(12)
@given(mutated(EVENT), st.one_of(st.just(EVENT["tag"]), st.just("salt/minion/rack-1/start"), texts))
def test_an_event(event, tag):
    call, _ = tried("event", reaction, tag, event)
    given = {}
    for one in call["maas onboard"]["runner.maas.react"][0]["args"]:
        given.update(one)
    assert given.keys() == {"tag", "sender", "asked"}
    assert len(json.dumps(given)) < 2_000_000
    found, _ = tried("event", names.meant, given["tag"], given["sender"], given["asked"], ["boss"])
    for one in found or ():
        assert names.is_id(one)
        assert given["sender"] in (None, one, "boss")


class _Salt:
    def __init__(self, found):
        self.found = found

    def grains(self, minion):
        return self.found


class _Fleet:
    def __init__(self, found):
        self.salt = _Salt(found)


GRAINS = {"maas": {"installed": True, "roles": ["cluster", "rack"], "release": "3.7"}}


@examples(6)
@given(mutated(GRAINS))
def test_grains(found):
    said, _ = tried("grains", admission.has_cluster, _Fleet(found), "rack-1")
    assert said in (True, False, None)


# Configuration

MAAS = {"url": "http://192.0.2.10:5240/MAAS", "api_key": f"a:b:{SECRET}", "ca_file": "/ca.pem",
        "verify": True, "read_timeout": 5, "concurrency": 4, "release": "3.7", "max_body": 10}  # fmt: skip
ROSTER = {"profile": "maas", "id": "fqdn", "network": "10.0.0.0/8", "tags": ["web"], "zones": "x",
          "statuses": ["deployed"], "kinds": ["machine"], "lifetime": 60, "seconds": 3,
          "users": {"ubuntu": "ubuntu"}, "user": "root", "priv": "/k"}  # fmt: skip
NODES = [
    {"system_id": "4y3h7n", "hostname": "web1", "fqdn": "web1.example.com", "kinds": ["machine"],
     "status": "deployed", "deployed": True, "zone": "z", "pool": "p", "tags": ["web"],
     "vlans": ["a/1"], "architecture": "amd64/generic", "osystem": "ubuntu",
     "distro_series": "noble", "owner": "admin", "addresses": ["10.10.0.21", "2001:db8::1"]}
] * 2  # fmt: skip
FLEET = {"regions": ["maas-region"], "batch": 5, "orchestration": "orch.x", "authorised": ["a"],
         "trust_grains": False, "gather_seconds": 1.0, "folder": "/x", "lifetime": 60}  # fmt: skip
MINIONS = {"master": "salt", "id": "fqdn", "version": "3008.4", "install": ["apt install x"],
           "config": {"master_port": 4506}, "config_dir": "/etc/salt"}  # fmt: skip
CLOUD = {"machine": "web1", "size": "8cpu-32GiB", "location": "z", "pool": "p", "tags": ["a"],
         "constraints": {"mem": 1, "zone": "x"}, "image": "ubuntu/jammy", "user_data": SECRET,
         "deployment": {"hwe_kernel": "x"}, "ssh_network": "10.0.0.0/8", "deploy_timeout": 60}  # fmt: skip
RESOURCES = {"resources": {
    "maas_region": {"resource_ids": ["dc1", "dc2"]},
    "maas_machine": {"profiles": ["maas"], "resource_ids": ["web-1", "db*"], "qualified": False,
                     "machines": {"zone": "x", "tag": "y"}},
}, "maas": {"machines": {"web-1": None}}}  # fmt: skip
BEACON = [
    {"interval": 900},
    {"most": 50},
    {"seconds": 20},
    {"profile": "x"},
    {"onchangeonly": True},
]


master.profile({"maas": MAAS})  # what is loaded when it is first needed asks ldconfig


@examples(6)
@given(mutated(MAAS, of_yaml=True))
def test_a_profile(given):
    def read():
        opts = {"maas": given, "cachedir": "/x"}
        return master.profile(opts), Profile.from_mapping(given if isinstance(given, dict) else {})

    tried("profile", read)


@examples(10)
@given(mutated(ROSTER, of_yaml=True), st.one_of(st.just("*"), texts),
       st.sampled_from(("glob", "pcre", "list", "nodegroup", "x")))  # fmt: skip
def test_roster_options_and_targets(given, target, kind):
    def read():
        options = roster.options(given)
        return roster.targets(NODES, options, target, kind, {"ssh_list_nodegroups": {"x": ["a"]}})

    found, _ = tried("roster", read)
    for name, one in (found or {}).items():
        assert "/" not in name
        assert one["host"] in NODES[0]["addresses"]


@examples(6)
@given(mutated(FLEET, of_yaml=True))
def test_the_fleet_s_configuration(given):
    tried("master's configuration", config.settings_of, {"maas.fleet": given, "cachedir": "/x"})


@examples(6)
@given(mutated({"regions": ["maas-region"], "lifetime": 60}, of_yaml=True))
def test_the_minions_configuration(given):
    opts = {"maas.minions": given, "id": "x", "cachedir": "/x"}
    tried("master's configuration", master_side.Minions, opts, keys=object())


@examples(6)
@given(mutated(MINIONS, of_yaml=True))
def test_minions_of_machines(given):
    if given is None or isinstance(given, dict):
        tried("minions in the pillar", settings.settings_of, given or {}, "salt", "3008.4")


@examples(6)
@given(mutated(RESOURCES, of_yaml=True))
def test_resources(given):
    def read():
        opts = {"pillar": given}
        resource_ids.regions(opts)
        resource_ids.machines(opts)
        resource_ids.described(opts, "maas")

    if isinstance(given, dict):
        tried("resources in the pillar", read)


@examples(6)
@given(mutated(BEACON, of_yaml=True))
def test_the_beacon(given):
    beacon = load("_beacons/maas_drift.py")
    (good, said), error = tried("beacon", beacon.validate, given)
    assert error is None
    assert good or (isinstance(said, str) and said)


# Files of the master

CSV = f"""# by hand
hostname,mac_addresses,class,number,power_parameters:power_address,power_parameters:power_pass,tags
web-1,52:54:00:00:00:01 52:54:00:00:00:02,r640,1,192.0.2.101,{SECRET},web gpu
web-2,52:54:00:00:00:03,"r640, x",2,192.0.2.102,sdb://vault/web-2,
"""


@examples(12)
@given(st.one_of(bytes_of(CSV), texts.map(lambda one: one.encode("utf-8", "surrogatepass"))))
def test_csv(content):
    with folder() as root:
        (root / "machines.csv").write_bytes(content)
        tried("CSV", machines_csv.read, str(root / "machines.csv"), "r640", root=root)


class _Never:
    """A region that is never asked in time."""

    def __call__(self):
        raise OSError("nobody answers")


@examples(6)
@given(st.one_of(mutated({"at": 1e12, "nodes": NODES}), mutated({"at": 0, "nodes": NODES})),
       st.booleans(), st.data())  # fmt: skip
def test_the_cache_of_nodes(found, whole, data):
    content = json.dumps(found).encode()
    if not whole:
        content = data.draw(bytes_of(content))
    with folder() as root:
        cache = NodeCache(_Never(), str(root), "http://x/MAAS", lifetime=10**13)
        atomic_file.put_json(cache._path, {})
        with open(cache._path, "wb") as stream:
            stream.write(content)

        def read():
            nodes = cache.nodes(5)
            inventory.of_minion(nodes, "web1")
            return roster.targets(nodes, roster.options(None), "*", "glob", {})

        tried("cache of nodes", read, root=root)


RECORD = {"minion": "rack-1", "region": "r", "state": "running", "step": "key", "batch": "b",
          "digest": "d", "cluster": "c", "runs": 1, "updated": 1.5, "started": 1.0}  # fmt: skip


@examples(3, 0.3)
@given(mutated(RECORD), st.booleans(), st.data())
def test_the_store(record, whole, data):
    """Rows that somebody changed, and a file that is damaged."""
    text = json.dumps(record).encode() if whole else data.draw(bytes_of(json.dumps(record)))
    with folder() as root:
        store.Store(str(root)).close()
        with sqlite3.connect(root / "fleet.sqlite") as db:
            value = data.draw(st.sampled_from([text, text.decode("utf-8", "replace")]))
            db.execute("INSERT INTO records VALUES ('rack-1', ?)", (value,))
            db.execute("INSERT INTO batches VALUES ('b', ?)", (value,))
            db.execute("INSERT INTO queue VALUES ('rack-1', ?, ?)", (value, 1.0))
        db.close()
        if not whole:
            content = (root / "fleet.sqlite").read_bytes()
            (root / "fleet.sqlite").write_bytes(data.draw(bytes_of(content)))

        def read():
            one = store.Store(str(root))
            try:
                one.records(), one.record("rack-1"), one.batch("b"), one.queued()
                one.enqueue("rack-1", "run")
                one.change_batch("b", x=1)
                one.take_refusal("rack-1")
            finally:
                one.close()

        tried("fleet's state", read, root=root)


MARKS = {"floor": 1, "last": 9, "at": "Sun, 22 Nov. 2026 20:52:16", "since": 9,
         "seen": {"9": ["x", "y"], "8": None}}  # fmt: skip
MACHINES = {"4y3h7n": {"system_id": "4y3h7n", "hostname": "a", "status": "ready"}}
EXPECTED = {"web1": {"system_id": "4y3h7n", "region": "r", "url": "u", "state": "expected",
                     "key": "k", "expires": 1, "next": "n"}}  # fmt: skip


class _Region:
    """A region with one event and one machine."""

    release = "3.7"

    def get(self, path, op=None, **_):
        if op == "query":
            return {"events": [{"id": 10, "type": "x", "created": MARKS["at"]}]}
        return []


class _Keys:
    def of(self, minion):
        return {}

    def accepted(self):
        return set()

    def delete(self, minions):
        list(minions)


@examples(12)
@given(
    st.sampled_from(["events", "machines", "minions", "beacon", "resource", "region"]), st.data()
)
def test_what_is_remembered(what, data):
    """Files of JSON in Salt's cache that were damaged: they are forgotten, or the error says so."""
    good = {"events": MARKS, "machines": MACHINES, "minions": EXPECTED, "beacon": "x",
            "resource": {"jid": "1", "time": 1.0, "lifetime": 2.0, "machines": ["a"]},
            "region": {"url": "u", "time": 1.0, "release": "3.7"}}[what]  # fmt: skip
    content = json.dumps(data.draw(mutated(good))).encode()
    if data.draw(st.booleans()):
        content = data.draw(bytes_of(json.dumps(good)))
    with folder() as root:
        (root / "maas").mkdir()
        (root / "maas-minions").mkdir()

        def read(path, work):
            with open(path, "wb") as stream:
                stream.write(content)
            return tried("remembered", work, root=root)

        if what == "events":
            path = events.state_file(str(root), "u")
            read(path, lambda: events.Follower(_Region(), path).step(lambda *_: None))
        elif what == "machines":
            one = machine_events.MachineFollower(_Region(), str(root), "u")
            read(one._path, one._load)
            known = one._load()
            tried("remembered", lambda: list(machine_events._changes(known or {}, {})))
        elif what == "minions":
            opts = {"maas.minions": {"regions": ["r"]}, "id": "r", "cachedir": str(root)}

            def minions():
                with master_side.Minions(opts, _Keys()) as found:
                    list(found.rows())
                    found.forget("u", ["4y3h7n"])

            read(root / "maas-minions/minions.json", minions)
        elif what == "resource":
            read(root / "x", lambda: machine_resource._recorded(str(root / "x")))
        elif what == "beacon":
            beacon = load("_beacons/maas_drift.py", opts={"cachedir": str(root)})
            read(root / "x", lambda: beacon._last(str(root / "x")))


# What comes from elsewhere

FORMULA = {
    "region": {
        "enabled": True, "bind": {"host": "192.0.2.10", "port": 80},
        "admin": {"username": "admin", "password": SECRET, "email": "a@b"},
        "database": {"engine": "postgresql", "host": "localhost", "name": "maasdb", "password": SECRET,
                     "username": "maas"},
        "maas_config": {"main_archive": "http://a:b@h/", "ntp_server": "x", "windows_kms_host": "y",
                        "http_proxy": None, "enable_third_party_drivers": "true"},
        "fabrics": {"f": {"name": "f", "description": "x", "vlans": {0: {"name": "v", "dhcp": True,
                    "primary_rack": "r"}, 5: {"mtu": 9000}}}},
        "subnets": {"s": {"cidr": "10.0.0.0/24", "name": "s", "fabric": "f", "gateway_ip": "10.0.0.1",
                    "iprange": {"start": "10.0.0.5", "end": "10.0.0.9"}, "vlan": 0}},
        "dhcp_snippets": {"d": {"value": "x", "enabled": True, "subnet": "s"}},
        "boot_sources": {"b": {"url": "http://u:p@h/", "keyring_file": "/k"}},
        "boot_sources_selections": {"x": {"url": "http://h/", "os": "ubuntu", "release": "xenial",
                                    "arches": "amd64", "subarches": '"*"', "labels": '"*"'}},
        "package_repositories": {"p": {"name": "p", "url": "http://h/", "distributions": "xenial",
                                 "components": "main", "arches": "amd64", "key": "k"}},
        "boot_resources": {"r": {"title": "t", "architecture": "amd64/generic", "filetype": "tgz",
                           "content": "/x"}},
        "machines": {"m": {"pxe_interface_mac": "52:54:00:00:00:01", "architecture": "amd64",
                     "power_parameters": {"power_address": "x", "power_password": SECRET,
                                          "power_type": "ipmi"}, "interface": {"mac": "x"}}},
        "devices": {"d": {"mac": "x", "interface": {"ip_address": "10.0.0.7", "subnet": "s"}}},
        "sshprefs": ["ssh-rsa AAAA x", "-----BEGIN RSA PRIVATE KEY-----"],
        "upstream_proxy": {"address": "h", "port": 1, "user": "u", "password": SECRET},
    },
    "cluster": {"enabled": True, "role": "master", "region": {"host": "h", "port": 80}},
}  # fmt: skip


def converted(path):
    found = from_formula.convert(path)
    assert SECRET not in repr(found.described)
    assert SECRET not in repr(found.notes)
    assert SECRET not in repr(found.secrets)
    return found


@examples(6)
@given(mutated(FORMULA, of_yaml=True))
def test_a_formula_s_pillar(given):
    tried("formula's pillar", converted, given)


def _from_file(path):
    return formula.converted({"__opts__": {}}, path)


@examples(3, 0.1)
@given(bytes_of(yaml.safe_dump({"maas": FORMULA})))
def test_a_file_with_a_formula_s_pillar(content):
    with folder() as root:
        (root / "pillar.yml").write_bytes(content)
        tried("formula's pillar", _from_file, str(root / "pillar.yml"), root=root)


PILLAR = {"api": {"api_key": "sdb://vault/key", "url": "http://h/MAAS"}, "list": ["sdb://x/y", "z"]}


@examples(6)
@given(mutated(PILLAR, of_yaml=True))
def test_references_to_secrets(given):
    tried("references", lambda: sdb.resolve(given, lambda reference: SECRET, "maas"))
    tried("references", lambda: sdb.resolve(sdb.escape(given), lambda reference: None, "maas"))
