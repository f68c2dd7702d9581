"""Pillars from other tools: the guides' pillars change nothing on what those tools made."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import requests
import yaml
from maas_emulator.server import RegionServer
from requests_oauthlib import OAuth1
from saltext.maas import pillar
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.fleet import formula
from saltext.maas.pillar import from_formula
from saltext.maas.release import Release
from support.pillars import revealed
from support.reconciling import carried_out, planned, rack

STORE = {
    "sdb://maas_secrets/admin_password": "hunter2",
    "sdb://maas_secrets/database_password": "hunter3",
    "sdb://maas_secrets/ops_password": "hunter2",
    "sdb://maas_secrets/m1_power_pass": "bmc-pass",
    "sdb://maas_secrets/http_proxy": "http://u:pr0xy@192.0.2.9:8080/",
}
DOCS = Path(__file__).resolve().parents[2] / "docs"
SECRETS = ("hunter2", "hunter3", "s3cret-token", "bmc-pass", "pr0xy")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIuVwqNpMlNHVdXRwW8dBsyKfCkDZ3yVj1H5Oe2VvS4s ops"
MIRROR = "http://images.example.com/ephemeral-v3/stable"
OLD = {
    "salt_master_ip": "192.0.2.1",
    "region": {
        "enabled": True,
        "bind": {"host": "192.0.2.10:5240", "port": 5240},
        "admin": {"username": "admin", "password": "hunter2", "email": "admin@example.com"},
        "database": {"engine": "postgresql", "host": "db", "name": "maasdb", "username": "maas",
                     "password": "hunter3", "initial_data": {"source": "old"}},
        "upstream_proxy": {"address": "192.0.2.9", "port": 8080, "user": "u", "password": "pr0xy"},
        "theme": "dark",
        "token": "s3cret-token",
        "fabrics": {
            "first": {"name": "twin", "description": "one"},
            "second": {"name": "twin", "description": "two"},
            "deploy": {
                "vlans": {0: {"name": "vlan 0", "description": "deploy", "mtu": 1500, "dhcp": True,
                              "primary_rack": "cfg01"}},
                "vlan": {13: {"name": "lab", "description": "", "dhcp": False},
                         14: {"dhcp": True, "mtu": ""}},
            },
        },
        "subnets": {
            "nodes": {
                "name": "nodes-net", "fabric": "deploy", "cidr": "198.51.100.0/24", "vlan": 150,
                "gateway_ip": "198.51.100.1",
                "ipranges": {1: {"start": "198.51.100.20", "end": "198.51.100.40",
                                 "type": "dynamic"},
                             2: {"start": "198.51.100.45", "end": "198.51.100.250",
                                 "type": "reserved", "comment": "hosts"}},
            },
            "older": {"cidr": "203.0.113.0/24", "gateway_ip": "203.0.113.1", "fabric": "twin",
                      "iprange": {"start": "203.0.113.10", "end": "203.0.113.20"}},
        },
        "dhcp_snippets": {"boot": {"value": "option x 1;", "description": "a", "enabled": True,
                                   "subnet": "nodes-net"}},
        "boot_sources_delete_all_others": True,
        "boot_sources": {"mirror": {"url": MIRROR, "keyring_file": "/usr/share/keyrings/k.gpg"}},
        "boot_sources_selections": {"focal": {
            "url": MIRROR, "os": "ubuntu", "release": "focal", "arches": "amd64",
            "subarches": "'\"*\"'", "labels": '"*"'}},
        "package_repositories": {"salt": {
            "url": "http://repo.example.com/salt", "distributions": ["jammy"], "components": "main",
            "arches": "amd64, arm64", "enabled": True, "key": ""}},
        "machines": {
            "m1": {"pxe_interface_mac": "11:22:33:44:55:66", "distro_series": "focal",
                   "interfaces": {"nic1": {"mac": "11:22:33:44:55:66", "mode": "dhcp"}},
                   "power_parameters": {"power_type": "ipmi", "power_address": "192.0.2.41",
                                        "power_user": "root", "power_password": "bmc-pass"}},
            "m2": {"interface": {"mac": "11:22:33:44:55:88", "ip": "198.51.100.9"}},
        },
        "devices": {"bmc1": {"mac": "66:55:44:33:22:10", "interface": {
            "ip_address": "203.0.113.30", "subnet": "cidr:203.0.113.0/24"}}},
        "commissioning_scripts": {"00-x": "/etc/maas/files/x"},
        "maas_config": {"domain": "example.com", "active_discovery_interval": "600",
                        "ntp_servers": "192.0.2.3 192.0.2.4", "ntp_external_only": "true",
                        "default_min_hwe_kernel": "", "maas_name": "cfg01"},
        "sshprefs": [KEY],
    },
    "cluster": {"enabled": True, "role": "master", "region": {"host": "localhost", "port": 80},
                "curtin_vars": {"amd64": {"jammy": {}}}},
    "mirror": {"enabled": True, "image": {"count": 1}},
}  # fmt: skip
NEW = {
    "region": {
        "url": "http://192.0.2.10:5240/MAAS",
        "admin": {"username": "admin", "email": "admin@example.com",
                  "password": "sdb://maas_secrets/admin_password"},
        "database": {"host": "db", "name": "maasdb", "user": "maas",
                     "password": "sdb://maas_secrets/database_password"},
    },
    "settings": {"active_discovery_interval": 600, "ntp_servers": "192.0.2.3 192.0.2.4",
                 "ntp_external_only": True, "default_min_hwe_kernel": None, "maas_name": "cfg01",
                 "http_proxy": "sdb://maas_secrets/http_proxy", "use_peer_proxy": True},
    "fabrics": {
        "twin": {"description": "two"},
        "deploy": {"vlans": {
            "untagged": {"description": "deploy", "mtu": 1500,
                         "dhcp": {"enabled": True, "primary_rack": "cfg01"}},
            13: {"name": "lab", "dhcp": {"enabled": False}},
            14: None,
        }},
    },
    "subnets": {
        "198.51.100.0/24": {
            "name": "nodes-net", "vlan": "deploy/untagged", "gateway_ip": "198.51.100.1",
            "ranges": [
                {"type": "dynamic", "start": "198.51.100.20", "end": "198.51.100.40"},
                {"type": "reserved", "start": "198.51.100.45", "end": "198.51.100.250",
                 "comment": "hosts"},
            ],
        },
        "203.0.113.0/24": {
            "vlan": "twin/untagged", "gateway_ip": "203.0.113.1",
            "ranges": [{"type": "dynamic", "start": "203.0.113.10", "end": "203.0.113.20"}],
        },
    },
    "dhcp_snippets": {"boot": {"value": "option x 1;", "description": "a", "enabled": True,
                               "subnet": "198.51.100.0/24"}},
    "boot_sources": {MIRROR: {
        "keyring_filename": "/usr/share/keyrings/k.gpg",
        "selections": [{"os": "ubuntu", "release": "focal", "arches": ["amd64"],
                        "subarches": ["*"], "labels": ["*"]}],
    }},
    "exclusive": {"boot_source": True},
    "package_repositories": {"salt": {
        "url": "http://repo.example.com/salt", "distributions": ["jammy"], "components": ["main"],
        "arches": ["amd64", "arm64"], "enabled": True,
    }},
    "machines": {
        "m1": {"mac_addresses": ["11:22:33:44:55:66"], "architecture": "amd64/generic",
               "power_type": "ipmi", "power_parameters": {
                   "power_address": "192.0.2.41", "power_user": "root",
                   "power_pass": "sdb://maas_secrets/m1_power_pass"}},
        "m2": {"mac_addresses": ["11:22:33:44:55:88"], "architecture": "amd64/generic",
               "power_type": "manual"},
    },
    "devices": {"bmc1": {"mac_addresses": ["66:55:44:33:22:10"],
                         "ip_addresses": ["203.0.113.30"]}},
    "ssh_keys": [KEY],
}  # fmt: skip
NOTES = {
    "maas:region:upstream_proxy": "store the URL with user and password",
    "maas:region:fabrics:second": "replaces another one called 'twin'",
    "maas:region:fabrics:deploy:vlans:0:name": "left out: MAAS calls VLAN 0 untagged",
    "maas:region:fabrics:deploy:vlan:14:dhcp": "DHCP needs a primary_rack",
    "maas:region:subnets:nodes:vlan": "the formula left 198.51.100.0/24 in the untagged VLAN",
    "maas:salt_master_ip": "left out: it was for the formula's curtin_userdata preseeds",
    "maas:region:database:initial_data": "left out: a dump is restored",
    "maas:region:theme": "left out: files of MAAS's packages are not replaced",
    "maas:region:token": "left out: the formula did not use it",
    "maas:region:machines:m1:distro_series": "left out: it is an argument of",
    "maas:region:machines:m1:interfaces": "left out: write interfaces of the machine",
    "maas:region:machines:m2:interface": "left out: write interfaces of the machine",
    "maas:region:commissioning_scripts": "left out: the formula names files",
    "maas:region:maas_config:domain": "left out: the formula could not apply it",
    "maas:cluster:curtin_vars": "left out: it was for",
    "maas:mirror": "left out: describe it in mirror, for state.apply maas.mirror",
}


@pytest.fixture
def source(tmp_path):
    """A compiled pillar of the formula, as ``salt-call --out=yaml pillar.items`` prints it."""
    path = tmp_path / "formula.yml"

    def write(maas, text=None):
        path.write_text(text or yaml.safe_dump({"local": {"maas": maas}}), encoding="utf-8")
        return str(path)

    return write


def test_a_pillar_of_the_formula_becomes_one_of_ours(source, tmp_path):
    folder = tmp_path / "new"
    found = formula.converted({}, source(OLD), str(folder))
    assert found["files"] == [str(folder / "init.sls")]
    text = (folder / "init.sls").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["maas"] == NEW
    assert found["secrets"] == {
        "sdb://maas_secrets/admin_password": "maas:region:admin:password",
        "sdb://maas_secrets/database_password": "maas:region:database:password",
        "sdb://maas_secrets/http_proxy": "maas:region:upstream_proxy",
        "sdb://maas_secrets/m1_power_pass": (
            "maas:region:machines:m1:power_parameters:power_password"
        ),
    }
    notes = dict(note.split(": ", 1) for note in found["notes"])
    assert {path: notes.pop(path)[: len(why)] for path, why in NOTES.items()} == NOTES
    assert notes == {}
    assert not [secret for secret in SECRETS if secret in text + repr(found)]


@pytest.mark.parametrize("release", ["2.9", "3.7"])
def test_what_the_formula_described_is_applied(release, source):
    with RegionServer(release, index_seconds=0.05, import_seconds=0.05) as server:
        rack(server, "cfg01", "198.51.100.2")
        found = formula.converted({}, source(OLD))["files"]["init.sls"]
        carried_out(server, revealed(yaml.safe_load(found)["maas"], STORE))


def test_a_minion_of_the_formula_is_converted_from_its_compiled_pillar():
    old = {"region": {"host": "192.0.2.10", "port": 80}, "saltstack_repo_key": "hunter2"}
    salt = {"pillar.show_pillar": {"rack1": {"maas": {"cluster": old}}}.get}
    found = formula.converted({"__salt__": salt}, "rack1")
    assert yaml.safe_load(found["files"]["init.sls"]) == {
        "maas": {"region": {"url": "http://192.0.2.10:80/MAAS"}}
    }
    assert found["notes"][0].startswith("maas:cluster:region: region:url has port 80")
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("maas", "text", "message"),
    [
        ({"fabrics": {}}, None, "must be a pillar of salt-formula-maas"),
        ({"region": {"admin": {"email": "${_param:mail}"}}}, None, "maas:region:admin:email: is a"),
        (None, "maas: {a: [hunter2", "is no YAML"),
        (None, "- maas", "has no key maas"),
    ],
)
def test_what_is_no_pillar_of_the_formula_is_refused(maas, text, message, source):
    with pytest.raises(BadInput, match=re.escape(message)) as refused:
        formula.converted({}, source(maas, text))
    assert "hunter2" not in str(refused.value)


def test_mistakes_of_the_result_are_notes(source, tmp_path):
    old = {"region": {"maas_config": {"ntp_servers": "a b", "node_timeout": "soon"}}}
    assert [note for note in formula.converted({}, source(old))["notes"] if "node_timeout" in note]
    with pytest.raises(MaasError, match="cannot be read"):
        formula.converted({}, str(tmp_path / "none.yml"))


def test_secrets_at_odd_places_are_references(source):
    url = "http://user:hunter4@192.0.2.9/"
    power = {
        "power_type": "redfish",
        "power_address": url,
        "power_passwd": "hunter5",
        "Power_Pass": "hunter6",
        "token": ["hunter7"],
        "nested": {"power_pass": "hunter8"},
    }
    selection = {"url": url, "os": "ubuntu", "release": "noble", "arches": "amd64"}
    old = {
        "maas_config": {"http_proxy": url, "rpc_shared_secret": "hunter9"},
        "boot_sources": {"own": {"url": url}},
        "boot_sources_selections": {"noble": selection},
        "package_repositories": {"own": {"url": url}},
        "boot_resources": {"own": {"architecture": "amd64/generic", "content": url}},
        "machines": {"m1": {"pxe_interface_mac": "52:54:00:00:00:01", "power_parameters": power}},
    }
    found = formula.converted({}, source({"region": old}))
    assert "hunter" not in repr(found)
    pillar = yaml.safe_load(found["files"]["init.sls"])["maas"]
    given = pillar["machines"]["m1"]["power_parameters"]
    assert {*given} == {*power} - {"power_type"}
    assert list(pillar["boot_sources"]) == ["http://192.0.2.9/"]
    references = {
        pillar["settings"]["http_proxy"], pillar["boot_resources"][0]["path"],
        pillar["package_repositories"]["own"]["url"], *given.values(),
    }  # fmt: skip
    assert found["secrets"].keys() == references
    assert len(references) == 8
    assert found["secrets"][given["power_address"]] == (
        "maas:region:machines:m1:power_parameters:power_address"
    )
    assert any("rpc_shared_secret: left out" in note for note in found["notes"])


def _paths(value, path=()):
    if isinstance(value, dict):
        for key, one in value.items():
            yield (*path, key)
            yield from _paths(one, (*path, key))


@pytest.mark.parametrize("odd", [None, 7, [], "text", {"a": 1}, [{"a": {}}]], ids=repr)
def test_odd_values_anywhere_are_notes_or_mistakes(odd):
    for path in _paths(OLD):
        spoilt = copy.deepcopy(OLD)
        node = spoilt
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = odd
        try:
            found = repr(from_formula.convert(spoilt))
        except BadInput as error:
            found = str(error)
        assert not [secret for secret in SECRETS if secret in found], path


def test_a_private_key_is_left_out():
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----"
    found = from_formula.convert({"region": {"sshprefs": [KEY, key]}})
    assert found.described == {"ssh_keys": [KEY]}
    assert found.notes == [
        "maas:region:sshprefs: left out: a private key, which MAAS does not take"
    ]


# What Terraform's provider and the Ansible collection send for the examples of the guides

TERRAFORM = (
    ("spaces/", {"name": "storage"}),
    ("fabrics/", {"name": "dc1"}),
    ("fabrics/{dc1}/vlans/", {"vid": 14, "name": "nodes", "space": "{storage}"}),
    ("subnets/", {"cidr": "10.88.88.0/24", "name": "nodes", "fabric": "{dc1}", "vid": 14,
                  "gateway_ip": "10.88.88.1", "dns_servers": "192.0.2.53"}),
    ("ipranges/", {"type": "reserved", "start_ip": "10.88.88.1", "end_ip": "10.88.88.50",
                   "subnet": "{nodes}"}),
    ("ipranges/", {"type": "dynamic", "start_ip": "10.88.88.200", "end_ip": "10.88.88.254",
                   "subnet": "{nodes}", "comment": "commissioning"}),
    ("domains/", {"name": "example.com", "ttl": 3600, "authoritative": "true"}),
    ("dnsresources/", {"fqdn": "www.example.com", "ip_addresses": "10.88.88.9"}),
    ("dnsresourcerecords/", {"fqdn": "note.example.com", "rrtype": "TXT", "rrdata": "by hand"}),
    ("resourcepools/", {"name": "web", "description": "front ends"}),
    ("tags/", {"name": "virtual"}),
    ("users/", {"username": "ops", "email": "ops@example.com", "password": "hunter2",
                "is_superuser": 0}),
)  # fmt: skip
ANSIBLE = (
    ("spaces/", {"name": "storage"}),
    ("fabrics/", {"name": "dc1", "class_type": "10g"}),
    ("fabrics/{dc1}/vlans/", {"vid": 5, "name": "lab", "mtu": 1500, "space": "{storage}"}),
    ("subnets/", {"cidr": "10.10.5.0/24", "name": "lab", "vlan": "{lab}"}),
    ("ipranges/", {"type": "dynamic", "start_ip": "10.10.5.100", "end_ip": "10.10.5.199",
                   "subnet": "{10.10.5.0/24}"}),
    ("domains/", {"name": "example.com", "ttl": 3600}),
    ("dnsresources/", {"fqdn": "www.example.com", "ip_addresses": "10.10.5.9 10.10.5.10",
                       "address_ttl": 60}),
    ("tags/", {"name": "virtual"}),
    ("users/", {"username": "ops", "email": "ops@example.com", "password": "hunter2",
                "is_superuser": 0}),
)  # fmt: skip


def made(server, requests_of_tool):
    """Send what a tool sends; ``{name}`` stands for the id of an object made before."""
    consumer, token, secret = server.api_key.split(":")
    auth = OAuth1(consumer, "", token, secret, signature_method="PLAINTEXT")
    ids = {}
    for path, form in requests_of_tool:
        path = re.sub(r"\{(.*)\}", lambda found: str(ids[found[1]]), path)
        form = {name: re.sub(r"\{(.*)\}", lambda found: str(ids[found[1]]), str(value))
                for name, value in form.items()}  # fmt: skip
        answer = requests.post(f"{server.url}/api/2.0/{path}", data=form, auth=auth, timeout=30)
        assert answer.ok, (path, answer.text)
        for name in ("name", "cidr"):
            if name in form:
                ids[form[name]] = answer.json().get("id")


@pytest.mark.parametrize("release", ["3.0", "3.7", "3.8"])
@pytest.mark.parametrize(
    ("page", "sent"), [("from-terraform.md", TERRAFORM), ("from-ansible.md", ANSIBLE)]
)
def test_the_pillar_of_a_guide_is_what_the_tool_made(release, page, sent):
    text = (DOCS / page).read_text(encoding="utf-8")
    described = revealed(
        yaml.safe_load(re.search(r"```yaml\n(maas:.*?)```", text, re.S)[1])["maas"], STORE
    )
    assert pillar.problems(described, Release(release)) == []
    with RegionServer(release) as server:
        made(server, sent)
        assert planned(server, described)[1].shown() == {}
    with RegionServer(release) as server:
        carried_out(server, described)
