"""External pillar and roster, loaded and asked by Salt itself, against an embedded region."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import yaml
from maas_emulator import hardware
from support.machine_regions import region_with_image
from support.reconciling import carried_out

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/packaging"))

from deliveries import Salt  # noqa: E402

NIC = {"name": "eth0", "mac": "52:54:00:00:00:01", "ip": "10.0.0.2", "subnet_mask": "255.255.255.0"}
PROGRAM = """
import json, sys, salt.config, salt.roster
opts = salt.config.client_config(sys.argv[1])
opts["roster"] = "maas"
print(json.dumps(salt.roster.Roster(opts, "maas").targets(sys.argv[2], "glob")))
"""


@pytest.fixture
def region():
    with region_with_image("3.7") as server:
        server.region.register_controller(hostname="rack1", interfaces=[NIC])
        yield server


@pytest.fixture
def salt(region, tmp_path):
    return Salt(
        tmp_path / "salt", str(REPOSITORY / "_utils"),
        maas={"url": region.url, "api_key": region.api_key},
        pillar_dirs=[str(REPOSITORY / "_pillar")], roster_dirs=[str(REPOSITORY / "_roster")],
        ext_pillar=[{"maas": {"seconds": 20}}],
        maas_roster={"user": "ubuntu", "users": {"centos": "cloud-user"}},
    )  # fmt: skip


def test_a_minion_learns_what_maas_knows_of_it(region, salt):
    region.requests.reset()
    found = salt.call("pillar.raw", "--id=rack1")["maas_node"]
    assert found["hostname"] == "rack1"
    assert "rack" in found["kinds"]
    assert found["addresses"] == ["10.0.0.2"]
    assert region.requests.writes() == []
    region.requests.reset()
    assert "maas_node" not in salt.call("pillar.raw", "--id=somebody-else")
    assert "maas_node" in salt.call("pillar.raw", f"--id={found['fqdn']}")
    assert "maas_node" not in salt.call("pillar.raw", "--id=rack1.customer-b.example.org")
    assert region.requests.count() == 0  # all from the cache
    for file in (salt.folder / "cache").rglob("*.json"):
        assert region.api_key not in file.read_text()
        assert file.stat().st_mode & 0o077 == 0


def test_machines_become_targets(region, salt):
    def targets(tgt):
        done = salt.python_program(PROGRAM, str(salt.folder / "master"), tgt)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    link = {"mode": "static", "subnet": "10.0.0.0/24", "ip_address": "10.0.0.21"}
    new = {"architecture": "amd64", "power_type": "manual", "tags": ["web"],
           "mac_addresses": ["52:54:00:00:00:11"],
           "interfaces": {"eth0": {"links": [link]}}}  # fmt: skip
    carried_out(region, {"tags": {"web": None}, "subnets": {"10.0.0.0/24": {}},
                         "machines": {"web-1": new}})  # fmt: skip
    row = next(iter(region.region.rows("machines").values()))
    hardware.update(region.region, row["system_id"], status=6, owner="admin", osystem="centos")
    assert targets("tag:web pool:default") == {
        "web-1.maas": {"host": "10.0.0.21", "user": "cloud-user"}
    }
    (name,) = targets("kind:rack")
    assert name.startswith("rack1")
    assert targets("kind:rack")[name]["host"] == "10.0.0.2"
    assert targets("kind:rack")[name]["user"] == "ubuntu"
    assert targets("kind:rack zone:nowhere") == {}


#: Stands for ssh: says whom it would log in as and where, and runs nothing.
SSH = """#!/bin/sh
[ "$1" = -V ] && exec echo OpenSSH_9.2p1 >&2
for word; do case $word in User=*) user=${word#User=};; esac; done
echo "$user at $1"
"""


@pytest.fixture
def salt_ssh(salt):
    """The real ``salt-ssh``, with a stand-in for ssh."""
    (salt.folder / "bin").mkdir()
    (salt.folder / "bin/ssh").write_text(SSH)
    (salt.folder / "bin/ssh").chmod(0o755)
    salt.environment["PATH"] = f"{salt.folder / 'bin'}{os.pathsep}{salt.environment['PATH']}"
    program = "from salt.scripts import salt_ssh; salt_ssh()"

    def run(*arguments):
        return salt.python_program(
            program, "-c", str(salt.folder), "--roster", "maas", "--out=json", "--static",
            "--log-level=error", *arguments,
        )  # fmt: skip

    return run


def test_salt_ssh_says_in_one_message_what_is_wrong_with_a_target(salt_ssh):
    done = salt_ssh("-G", "os:x", "test.ping")
    assert done.returncode == 1
    outcome = "target type: 'grain' must be one of: glob, pcre, list, nodegroup"
    assert done.stderr.strip().splitlines()[-1] == outcome
    assert "Traceback" not in done.stderr


@pytest.mark.sweep
def test_salt_ssh_finds_machines_by_each_kind_of_target(region, salt, salt_ssh):
    names = ("web-1", "web-2", "db-1")
    new = {"architecture": "amd64", "power_type": "manual"}
    link = {"mode": "static", "subnet": "10.0.0.0/24"}
    carried_out(region, {"subnets": {"10.0.0.0/24": {}}, "machines": {
        name: {**new, "mac_addresses": [f"52:54:00:00:00:1{number}"],
               "interfaces": {"eth0": {"links": [{**link, "ip_address": f"10.0.0.2{number}"}]}}}
        for number, name in enumerate(names)
    }})  # fmt: skip
    for row in region.region.rows("machines").values():
        hardware.update(region.region, row["system_id"], status=6, owner="admin", osystem="ubuntu")
    at = {f"{name}.maas": f"10.0.0.2{number}" for number, name in enumerate(names)}
    groups = {"webs": ["web-1.maas", "web-2.maas"]}
    file = salt.folder / "master"
    file.write_text(file.read_text() + yaml.safe_dump({"ssh_list_nodegroups": groups}))

    listed = salt_ssh("-H")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert json.loads(listed.stdout) == {"maas": at}
    for target in (["-L", "web-1.maas web-2.maas"], ["-E", r"web-\d\."], ["-N", "webs"]):
        done = salt_ssh("--raw", *target, "true")
        assert done.returncode == 0, done.stderr
        assert {name: one["stdout"].strip() for name, one in json.loads(done.stdout).items()} == {
            name: f"ubuntu at {at[name]}" for name in groups["webs"]
        }
    # Of several rosters Salt goes on with the others.
    (salt.folder / "roster").write_text("switch: {host: 10.0.0.9}\n")
    both = salt_ssh("-H", "--roster", "maas,flat")
    assert both.returncode == 0, both.stderr
    assert "web-1.maas" in both.stdout
    assert "switch" in both.stdout


STORE = """
import os

def get(key, profile=None):
    if not os.path.exists(profile["file"]):
        raise RuntimeError("vault is sealed")
    with open(profile["file"]) as stream:
        return stream.read()
"""

# Salt resolves what its configuration holds when it starts; later references are ours.
LATE_REFERENCE = """
import json, sys, salt.config, salt.loader
opts = salt.config.master_config(sys.argv[1])
opts["maas"]["api_key"] = "sdb://vault/key"
ext_pillar = salt.loader.pillars(opts, {})["maas"]
print(json.dumps(ext_pillar("rack1", {}, seconds=20)))
"""


def test_a_secret_store_that_fails_takes_no_pillar_away(region, tmp_path):
    (tmp_path / "sdb").mkdir()
    (tmp_path / "sdb/store.py").write_text(STORE)
    salt = Salt(
        tmp_path / "salt", str(REPOSITORY / "_utils"),
        maas={"url": region.url}, vault={"driver": "store", "file": str(tmp_path / "key")},
        sdb_dirs=[str(tmp_path / "sdb")], pillar_dirs=[str(REPOSITORY / "_pillar")],
    )  # fmt: skip

    def pillar():
        done = salt.python_program(LATE_REFERENCE, str(salt.folder / "master"))
        assert done.returncode == 0, done.stderr
        assert "sealed" not in done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    assert pillar() == {}
    (tmp_path / "key").write_text(region.api_key)
    for mark in (salt.folder / "cache/maas").glob("*.failed"):
        mark.unlink()
    assert pillar()["maas_node"]["hostname"] == "rack1"
    (tmp_path / "key").unlink()
    assert pillar()["maas_node"]["hostname"] == "rack1"


def test_a_pillar_of_the_old_formula_is_converted_on_the_master(tmp_path):
    pillar = tmp_path / "pillar"
    pillar.mkdir()
    (pillar / "top.sls").write_text("base: {cfg01: [maas]}\n")
    (pillar / "maas.sls").write_text(
        "maas: {region: {enabled: true, maas_config: {maas_name: {{ 'cfg' ~ '01' }}},"
        " admin: {username: root, password: hunter2, email: root@example.com}}}\n"
    )
    salt = Salt(
        tmp_path / "salt", str(REPOSITORY / "_utils"),
        pillar_roots={"base": [str(pillar)]}, runner_dirs=[str(REPOSITORY / "_runners")],
    )  # fmt: skip
    (salt.folder / "cache/proc").mkdir(parents=True)  # where a master has the jobs of runners
    found = salt.runner("maas.from_formula", "cfg01", str(tmp_path / "new"))
    assert found["secrets"] == {"sdb://maas_secrets/admin_password": "maas:region:admin:password"}
    text = (tmp_path / "new/init.sls").read_text()
    assert "maas_name: cfg01" in text
    assert "hunter2" not in text
    for file in tmp_path.rglob("salt/**/*"):
        assert not file.is_file() or b"hunter2" not in file.read_bytes(), file


def test_machines_are_listed_on_the_master(tmp_path, region):
    salt = Salt(
        tmp_path / "salt", str(REPOSITORY / "_utils"),
        maas={"url": region.url, "api_key": region.api_key},
        runner_dirs=[str(REPOSITORY / "_runners")],
    )  # fmt: skip
    (salt.folder / "cache/proc").mkdir(parents=True)
    assert salt.runner("maas.machines", "status=Ready") == []


def test_a_csv_file_describes_machines_for_the_region_alone(tmp_path):
    for name, text in {
        "states/machines.csv": "hostname,class,power_parameters:power_pass\nweb-1,r640,hunter2\n",
        "pillar/top.sls": "base: {'*': [maas]}\n",
        "pillar/maas.sls": "maas: {machine_classes: {r640: {zone: a}}, machines: {db-1: {}}}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    salt = Salt(
        tmp_path / "salt", str(REPOSITORY / "_utils"),
        pillar_dirs=[str(REPOSITORY / "_pillar")],
        file_roots={"base": [str(tmp_path / "states")]},
        pillar_roots={"base": [str(tmp_path / "pillar")]},
        ext_pillar=[{"maas_machines": {"path": "salt://machines.csv", "minions": "region*"}}],
    )  # fmt: skip
    power = {"power_pass": "hunter2"}
    found = salt.call("pillar.raw", "--id=region-1")["maas"]
    assert found["machine_classes"] == {"r640": {"zone": "a"}}
    assert found["machines"] == {
        "db-1": {},
        "web-1": {"class": "r640", "power_parameters": power, "source": "machines.csv:2"},
    }
    assert salt.call("pillar.raw", "--id=web-1")["maas"]["machines"] == {"db-1": {}}
    (tmp_path / "states/machines.csv").write_text("hostname,in_use\nweb-1,hunter2\n")
    (line,) = salt.call("pillar.raw", "--id=region-1")["_errors"]
    assert line.endswith("in_use: 'hunter2' must be true or false (machines.csv:2)")
