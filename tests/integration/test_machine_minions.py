"""A machine that is deployed becomes a minion of a real master, with a key that is used once.

The machine's part is what cloud-init would do with the user data that the region got: its script
runs as it is, with a folder in place of ``/`` and stand-ins for packages and systemd.
"""

from __future__ import annotations

import base64
import email
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from maas_emulator import hardware
from saltext.maas.client import Client, Profile
from support.fleet import wait_for
from support.machine_lab import machine_region
from support.site import Listener

from demo.lab import REPOSITORY, Lab, free_port

pytestmark = pytest.mark.salt

REGION, MINION, MAC = "maas-region", "web-1.maas", "52:54:00:00:00:21"
TOOLS = Path(sys.executable).parent
OWN = """\
#cloud-config
write_files:
  - {path: ROOT/etc/motd, content: tr0ub4dor}
runcmd:
  - echo own >>ROOT/own
"""


class Place(Lab):
    """A master, a region, and the minion that deploys the region's machines, called by hand."""

    environment = {"PYTHONPATH": f"{REPOSITORY / '_utils'}"}

    def __init__(self, folder, server):
        super().__init__("3.7", folder, log_level="debug")
        self.server, self.machine = server, folder / "machine"
        self.url = server.url

    def start(self):
        self.ports = {"publish_port": free_port(), "ret_port": free_port()}
        states, pillar = self.folder / "states", self.folder / "pillar"
        for folder in (states, pillar, self.machine):
            folder.mkdir()
        # In place of a package: Salt's own, which notes how it was called.
        note = f"#!/bin/sh\n{{ echo $*; env; }} >>{self.folder}/called\n"
        (self.folder / "salt-call").write_text(f'{note}exec {TOOLS}/salt-call "$@"\n')
        (self.folder / "salt-call").chmod(0o755)
        self.states = states
        (states / "own").write_text(OWN.replace("ROOT", str(self.machine)))
        (pillar / "top.sls").write_text(yaml.safe_dump({"base": {"*": ["region"]}}))
        minions = {
            "master": "127.0.0.1",
            "install": [f"cp {self.folder}/salt-call {self.machine}/bin/"],
            "config_dir": f"{self.machine}/etc/salt",
            "config": {
                # The default path of its sockets can be longer than the system allows.
                "sock_dir": "run",
                "root_dir": str(self.machine), "master_port": self.ports["ret_port"],
                "publish_port": self.ports["publish_port"], "log_level_logfile": "debug",
                "acceptance_wait_time": 1, "random_startup_delay": 0, "user": _user(),
                "keysize": 2048,
            },
        }  # fmt: skip
        (pillar / "region.sls").write_text(yaml.safe_dump({"maas": {"minions": minions}}))
        self._configure(self.folder / "master", "master", {
            "interface": "127.0.0.1", **self.ports, "worker_threads": 3, "timeout": 60,
            "gather_job_timeout": 30,
            "file_roots": {"base": [str(states)]}, "pillar_roots": {"base": [str(pillar)]},
            "autosign_file": "autosign", "maas.minions": {"regions": [REGION]},
            "peer_run": {
                f"{REGION}$": ["maas.expect_minions", "maas.forget_minions", "maas.sync_minions"],
                ".*": ["maas.renew_minion_key"],
            },
        })  # fmt: skip
        autosign = self.folder / "master" / "autosign"
        autosign.write_text(f"{REGION}\n")
        autosign.chmod(0o600)
        self._configure(self.folder / REGION, "minion", {
            "id": REGION, "master": "127.0.0.1", "master_port": self.ports["ret_port"],
            "publish_port": self.ports["publish_port"], "acceptance_wait_time": 1,
            "maas": {"url": self.server.url, "api_key": self.server.api_key}, "keysize": 2048,
        })  # fmt: skip
        self._spawn("master", [self._tool("salt-master"), "-c", str(self.folder / "master")])

    def call(self, *arguments):
        """``salt-call`` on the region's minion: its return."""
        command = [
            self._tool("salt-call"), "-c", str(self.folder / REGION), "--out=json",
            "--log-level=quiet", *arguments,
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL,
            env={**os.environ, **self.environment}, cwd=self.folder, check=False,
        )  # fmt: skip
        assert done.stdout.strip(), done.stderr[-3000:]
        return json.loads(done.stdout)["local"]

    def state(self, function, **arguments):
        """Apply one state on the region's minion: its return."""
        found = self.call("state.single", function, *(f"{k}={v}" for k, v in arguments.items()))
        assert isinstance(found, dict), found
        (one,) = found.values()
        return one

    def key(self, minion=MINION):
        """The key of a minion that the master accepted."""
        path = self.folder / "master" / "pki" / "minions" / minion
        return path.read_text().strip() if path.exists() else None

    def starts(self, user_data, root):
        """Do what cloud-init does with user data when a machine starts for the first time."""
        tools = root / "bin"
        tools.mkdir(parents=True)
        (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{root}/systemctl\n')
        (tools / "systemctl").chmod(0o755)
        # Nothing is waited for: what would be tried again ends.
        (tools / "sleep").write_text("#!/bin/sh\nkill $PPID\n")
        (tools / "sleep").chmod(0o755)
        environment = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(root), **self.environment}
        for number, part in enumerate(email.message_from_bytes(user_data).walk()):
            content = part.get_payload(decode=True)
            if part.get_content_type() == "text/cloud-config":
                config = yaml.safe_load(content)
                for one in config["write_files"]:
                    path = Path(one["path"])
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(one["content"])
                for one in config["runcmd"]:
                    subprocess.run(one, shell=True, check=True, env=environment)
            elif part.get_content_type() == "text/x-shellscript":
                path = root / f"part-{number:03}"
                path.write_bytes(content)
                path.chmod(0o700)
                return subprocess.run(
                    [path], env=environment, cwd=root, capture_output=True, text=True, timeout=100,
                    stdin=subprocess.DEVNULL, check=False,
                )  # fmt: skip
        raise AssertionError("the user data has no script")


def _user():
    return subprocess.check_output(["id", "-un"], text=True).strip()


def moved(user_data, *changes):
    """User data as a thief would change it, also within its files."""
    (script,) = (part for part in email.message_from_bytes(user_data).walk()
                 if part.get_content_type() == "text/x-shellscript")  # fmt: skip

    def changed(text):
        for old, new in changes:
            text = text.replace(old, new)
        return text

    def again(match):
        inner = changed(base64.b64decode(match[1]).decode())
        return base64.encodebytes(inner.encode()).decode()

    text = changed(script.get_payload(decode=True).decode())
    text = re.sub(r"(?m)(?<=<<END\n)([A-Za-z0-9+/=\n]+)(?=END$)", again, text)
    return b"Content-Type: text/x-shellscript\n\n" + text.encode()


def private_key(user_data):
    """The private key in user data."""
    for part in email.message_from_bytes(user_data).walk():
        text = (part.get_payload(decode=True) or b"").decode()
        for block in re.findall(r"(?m)<<END\n([A-Za-z0-9+/=\n]+)END$", text):
            if b"PRIVATE KEY" in (found := base64.b64decode(block)):
                return found.decode()
    raise AssertionError("no private key")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with (
        machine_region("3.7", machine_seconds=0.1) as server,
        Place(tmp_path_factory.mktemp("minions"), server) as place,
    ):
        yield place


@pytest.fixture(scope="module")
def story(place):
    """A machine is deployed, starts, and its minion runs."""
    server = place.server
    ident = server.machine("web-1", MAC)
    story = {"ident": ident, "events": Listener(place)}
    story["deployed"] = place.state("maas_machine.deployed", name="web-1", minion=True,
                                    user_data="salt://own", timeout=30)  # fmt: skip
    story["first key"] = place.key()
    story["user data"] = hardware.user_data(server.region, ident)
    story["started"] = place.starts(story["user data"], place.machine)
    place._spawn("machine.minion", [
        place._tool("salt-minion"), "-c", str(place.machine / "etc/salt")])  # fmt: skip
    log = place.machine / "var/log/salt/minion"
    wait_for(lambda: log.exists() and "ready to receive requests" in log.read_text(), seconds=60)
    found = place.salt(MINION, "grains.item", "maas_machine", "id")
    yield {**story, "grains": found.get(MINION)}
    story["events"].stop()


def test_the_machine_is_a_minion_with_its_grains(place, story):
    assert story["deployed"]["result"] is True, story["deployed"]
    assert story["started"].returncode == 0, story["started"]
    assert story["grains"] == {"id": MINION, "maas_machine": {
        "system_id": story["ident"], "hostname": "web-1", "fqdn": MINION, "zone": "default",
        "pool": "default", "tags": [],
    }}  # fmt: skip
    steps = (place.machine / "systemctl").read_text().split("\n")
    unit = " salt-minion.service"
    done = [one.removesuffix(unit) for one in steps if one.endswith(unit)]
    assert done == ["mask", "unmask", "enable", "restart"]


def test_the_users_own_user_data_is_kept(place, story):
    assert (place.machine / "etc/motd").read_text() == "tr0ub4dor"
    assert (place.machine / "own").read_text() == "own\n"


def test_the_key_of_the_user_data_is_replaced_once(place, story):
    own = (place.machine / "etc/salt/pki/minion/minion.pub").read_text().strip()
    assert place.key() == own != story["first key"]
    assert story["first key"] is not None


def test_stolen_user_data_is_refused(place, story):
    root = place.folder / "thief"
    stolen = moved(story["user data"], (str(place.machine), str(root)))
    done = place.starts(stolen, root)
    assert "the first key is accepted no more" in done.stderr, done
    own = (place.machine / "etc/salt/pki/minion/minion.pub").read_text().strip()
    assert place.key() == own
    # Nor does it make another minion, with the id of a host that may have secrets.
    root = place.folder / "impostor"
    stolen = moved(story["user data"], (str(place.machine), str(root)), (MINION, "db-1.maas"))
    assert place.starts(stolen, root).returncode != 0
    assert place.key("db-1.maas") is None
    assert (place.folder / "master/pki/minions_pre/db-1.maas").exists()


def test_changes_in_maas_reach_the_minion(place, story):
    client = Client(Profile(place.server.url, place.server.api_key))
    client.post("tags/", data={"name": "gpu"})
    client.post("tags/gpu/", op="update_nodes", data={"add": story["ident"]})
    done = place.call("maas_machine.sync_minions")
    assert done == {"deleted": [], "updated": [MINION]}
    wanted = {**story["grains"]["maas_machine"], "tags": ["gpu"]}
    grains = place.machine / "etc/salt/grains"
    wait_for(lambda: yaml.safe_load(grains.read_text())["maas_machine"] == wanted, seconds=30)


def test_a_minion_of_a_machine_cannot_expect_others(place, story):
    asked = json.dumps([place.url, {"db-1": {"system_id": "abc123", "key": "MIIB"}}])
    assert place.salt(MINION, "publish.runner", "maas.expect_minions", asked)[MINION] == {}


def test_no_private_key_is_anywhere_but_on_the_machine(place, story):
    first = private_key(story["user data"])
    hosts = {place.machine, place.folder / "thief", place.folder / "impostor"}
    own = (place.machine / "etc/salt/pki/minion/minion.pem").read_text()
    for secret in (first, own):
        # Its first half is the public key, too.
        line = secret.splitlines()[-4].encode()
        sent = base64.b64encode(secret.encode())[-200:-100]
        found = [path for path in place.folder.rglob("*") if path.is_file()
                 and hosts.isdisjoint(path.parents)
                 and (line in (content := path.read_bytes()) or sent in content)]  # fmt: skip
        assert found == []
        assert line.decode() not in repr(story["events"].events)
    # Logs, arguments, environments and events were really looked at.
    assert (place.folder / REGION / "log").stat().st_size > 1000
    assert "publish.runner maas.renew_minion_key" in (place.folder / "called").read_text()
    tags = [one["tag"] for one in story["events"].events]
    assert f"maas/minion/{MINION}" in tags
    assert any(tag.startswith("salt/run/") for tag in tags)


def test_after_the_release_the_key_is_gone(place, story):
    done = place.state("maas_machine.released", name="web-1", timeout=30)
    assert done["result"] is True, done
    assert place.key() is None
