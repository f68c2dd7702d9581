"""The states of API keys on a region's host: in files, and by name in the region."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import pytest
from saltext.maas.host import files, users
from support.fleet import Fleet
from support.loader import load


class Host:
    """A region's host with a user, and the state module as Salt loads it."""

    def __init__(self, fleet):
        self.fleet = fleet
        box, self.installation = fleet.add("region", "region", url=fleet.url)
        users.create_admin(self.installation, "ops", "pw", "ops@example.com")
        for key in users.api_keys(self.installation, "ops"):
            users.delete_api_key(self.installation, "ops", key["key"])
        opts = {"id": "region", "maas.root": box.root, "maas": {"url": fleet.url}}
        self.states = load("_states/maas_api_key.py", opts)
        self.results = []

    def keys(self):
        return users.api_keys(self.installation, "ops")

    def names(self):
        return [one["name"] for one in self.keys()]

    def run(self, function, *arguments, **named):
        """Plan, see that nothing changed, run, and see that a second run has nothing to do."""
        before = self.keys()
        self.states.__opts__["test"] = True
        planned = getattr(self.states, function)(*arguments, **named)
        assert self.keys() == before
        self.states.__opts__["test"] = False
        done = getattr(self.states, function)(*arguments, **named)
        assert (done["result"], done["changes"]) == (True, planned["changes"]), (planned, done)
        assert planned["result"] is (None if planned["changes"] else True)
        again = getattr(self.states, function)(*arguments, **named)
        assert (again["result"], again["changes"]) == (True, {}), again
        self.results += [planned, done, again]
        return done["changes"]

    def assert_hidden(self, *keys):
        seen = repr(self.results) + self.fleet.argv_text()
        for key in keys:
            assert key.split(":")[2] not in seen


@pytest.fixture
def host(request, tmp_path, fast):
    with Fleet(request.param, tmp_path / "hosts") as fleet:
        yield Host(fleet)


@pytest.mark.parametrize("host", ["2.1", "3.7"], indirect=True)
def test_a_key_by_name(host, tmp_path):
    made = host.run("key_present", "backup", "ops")
    assert made == {"backup": {"old": None, "new": "API key of ops"}}
    (key,) = host.keys()
    # into a file: that key, and no second one
    path = str(tmp_path / "key")
    assert host.run("present", path, "ops", key_name="backup") == {
        path: {"old": None, "new": "API key backup of ops"}
    }
    assert Path(path).read_text() == key["key"] + "\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert host.keys() == [key]
    # another name, by the old one and by the file that holds it
    assert host.run("key_present", "nightly", "ops", was="backup")["nightly"]["old"] == (
        "API key backup"
    )
    os.chmod(path, 0o644)
    assert host.run("present", path, "ops", key_name="weekly") == {
        "key_name": {"old": "nightly", "new": "weekly"}, "mode": {"old": "0644", "new": "0600"},
    }  # fmt: skip
    assert host.keys() == [{**key, "name": "weekly"}]
    # another key by name takes the place of the one in the file
    host.run("key_present", "other", "ops")
    assert host.run("present", path, "ops", key_name="other")[path]["old"] == (
        "API key weekly of ops"
    )
    assert sorted(host.names()) == ["other", "weekly"]
    assert host.run("key_absent", users.fingerprint(key["key"]), "ops")
    assert host.names() == ["other"]
    assert host.run("key_absent", "other", "ops")["other"]["new"] is None
    assert host.keys() == []
    host.assert_hidden(key["key"])


@pytest.mark.parametrize("host", ["2.1", "3.7"], indirect=True)
def test_a_run_killed_before_the_file_is_written_leaves_no_second_key(host, tmp_path):
    path = str(tmp_path / "key")
    child = os.fork()
    if child == 0:
        files.replace = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        host.states.present(path, "ops")
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    (key,) = host.keys()
    assert not os.path.exists(path)
    assert host.run("present", path, "ops") == {path: {"old": None, "new": "API key of ops"}}
    assert host.keys() == [{**key, "name": f"{socket.gethostname()}:{path}"}]
    assert Path(path).read_text() == key["key"] + "\n"
    other = str(tmp_path / "other")
    host.run("present", other, "ops")
    assert len(host.keys()) == 2
    host.assert_hidden(key["key"])


@pytest.mark.parametrize("host", ["1.7", "3.7"], indirect=True)
def test_a_file_goes_with_its_key(host, tmp_path):
    path = str(tmp_path / "key")
    assert host.run("present", path, "ops") == {path: {"old": None, "new": "API key of ops"}}
    (key,) = host.keys()
    assert host.run("absent", path, revoke=True) == {
        path: {"old": "present", "new": None}, "key": {"old": "valid", "new": "revoked"},
    }  # fmt: skip
    assert host.keys() == []
    Path(path).write_text(key["key"] + "\n")  # as a backup might bring it back
    assert host.run("absent", path, revoke=True) == {path: {"old": "present", "new": None}}
    host.run("present", path, "ops")
    host.run("absent", path)
    assert len(host.keys()) == 1  # not revoked unless asked
    host.assert_hidden(key["key"], host.keys()[0]["key"])


@pytest.mark.parametrize("host", ["2.0"], indirect=True)
def test_what_cannot_be_is_said(host, tmp_path):
    states = host.states
    for test in (True, False):
        states.__opts__["test"] = test
        outcome = states.key_present("backup", "ops")
        assert (outcome["result"], "have no names; 2.1 has" in outcome["comment"]) == (False, True)
    outcome = states.present(str(tmp_path / "key"), "nobody")
    assert (outcome["result"], outcome["comment"]) == (False, "There is no user nobody.")
    (tmp_path / "text").write_text("no key")
    outcome = states.absent(str(tmp_path / "text"), revoke=True)
    assert (outcome["result"], "holds no API key" in outcome["comment"]) == (False, True)
    assert (tmp_path / "text").exists()
