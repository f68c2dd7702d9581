"""The ``maas`` command's profiles: made without the key in any argument, kept, refreshed."""

from __future__ import annotations

import json
import os
import sqlite3
import stat

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas.client.profile import Profile
from saltext.maas.host import cli_login
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect_client
from support.fleet import Fleet
from support.loader import load

WRONG = "aaa:bbb:ccc"


@pytest.fixture(
    params=[("1.5", "deb"), ("1.7", "deb"), ("2.9", "deb"), ("3.7", "deb"), ("3.7", "snap")],
    ids=lambda one: "-".join(one),
)
def site(request, tmp_path):
    release, kind = request.param
    with Fleet(release, tmp_path / "hosts") as fleet:
        fleet.region.create_admin("root", "pw", "root@example.com")
        key = fleet.region.new_api_key("root")
        box = sandbox.create(tmp_path / "hosts" / "desk", release, "cluster", kind=kind)
        yield fleet, box, detect_client(box.root), key


def database(installation, user="root"):
    home = "root" if user == "root" else f"home/{user}"
    folder = os.path.join(installation.root, home)
    if installation.kind == "snap":
        folder = os.path.join(folder, "snap/maas/current")
    return os.path.join(folder, ".maascli.db")


def test_a_profile_comes_stays_and_goes(site):
    fleet, _, installation, key = site
    planned = cli_login.log_in(installation, "lab", fleet.url, key, test=True)
    assert cli_login.profiles(installation) == {}
    done = cli_login.log_in(installation, "lab", fleet.url, key)
    assert done == planned
    assert set(done["changes"]) == {"profile", "url", "api_key"}
    path = database(installation)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    shown = cli_login.profiles(installation)
    assert shown["lab"]["url"] == f"{fleet.url}/api/{installation.release.api}/"
    code, listed, _ = installation.run(["maas", "list"])
    assert (code, listed.split()[-1]) == (0, key)
    assert cli_login.log_in(installation, "lab", fleet.url, key)["changes"] == {}
    # open to others, and described for another release
    os.chmod(path, 0o644)
    with sqlite3.connect(path) as conn:
        (data,) = conn.execute("SELECT data FROM profiles").fetchone()
        stale = {**json.loads(data), "description": {"hash": "old", "handlers": []}}
        conn.execute("UPDATE profiles SET data = ?", (json.dumps(stale),))
    assert set(cli_login.log_in(installation, "lab", fleet.url, key)["changes"]) == {
        "api",
        "permissions",
    }
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    # another key
    other = fleet.region.new_api_key("root")
    done = cli_login.log_in(installation, "lab", fleet.url, other)
    assert list(done["changes"]) == ["api_key"]
    assert cli_login.log_out(installation, "lab", test=True)["changes"]
    assert cli_login.log_out(installation, "lab")["changes"]
    assert cli_login.profiles(installation) == {}
    assert cli_login.log_out(installation, "lab")["changes"] == {}
    for secret in (key, other):
        part = secret.split(":")[2]
        assert part not in fleet.argv_text() + repr([planned, done, shown])


def test_a_wrong_key_or_region_is_reported_and_nothing_is_stored(site):
    fleet, _, installation, key = site
    for url, given in ((fleet.url, WRONG), ("http://127.0.0.1:9/MAAS", key)):
        with pytest.raises(HostError, match="cannot use") as message:
            cli_login.log_in(installation, "lab", url, given)
        assert given.split(":")[2] not in str(message.value)
    assert cli_login.profiles(installation) == {}


@pytest.mark.parametrize(
    ("name", "url", "key", "more", "message"),
    [
        ("login", "http://a/MAAS", WRONG, {}, "profile's name"),
        ("-x", "http://a/MAAS", WRONG, {}, "profile's name"),
        ("lab", "a/MAAS", WRONG, {}, "url:"),
        ("lab", "http://u:p@a/MAAS", WRONG, {}, "user or password"),
        ("lab", "http://a/MAAS", "a:b", {}, "consumer:token:secret"),
        ("lab", "http://a/MAAS", WRONG, {"ca_file": "/nowhere.pem"}, "no file /nowhere.pem"),
    ],
)
def test_bad_input(tmp_path, name, url, key, more, message):
    box = sandbox.create(tmp_path / "h", "3.7", "cluster")
    with pytest.raises(HostError, match=message):
        cli_login.log_in(detect_client(box.root), name, url, key, **more)
    assert box.argv_log() == []


def test_without_the_command_a_profile_can_still_go(tmp_path):
    box = sandbox.create(tmp_path / "h", "2.9", "cluster")
    installation = detect_client(box.root)
    os.unlink(installation.find("maas"))
    with pytest.raises(HostError, match="maas is not installed"):
        cli_login.log_in(installation, "lab", "http://a/MAAS", WRONG)
    os.makedirs(os.path.join(box.root, "root"), exist_ok=True)
    with sqlite3.connect(database(installation)) as conn:
        conn.execute("CREATE TABLE profiles (id INTEGER PRIMARY KEY, name TEXT, data BLOB)")
        row = ("lab", json.dumps({"url": "http://a/", "credentials": None}))
        conn.execute("INSERT INTO profiles (name, data) VALUES (?, ?)", row)
    assert cli_login.log_out(installation, "lab")["changes"]
    assert cli_login.profiles(installation) == {}


def test_the_package_maas_cli_alone_is_enough(tmp_path):
    box = sandbox.create(tmp_path / "h", "3.7", "cluster")
    status = "var/lib/dpkg/status"
    box.write(status, box.read(status).replace("Package: maas-rack", "Package: xmaas-rack"))
    installation = detect_client(box.root)
    assert (str(installation.release.series), installation.roles) == ("3.7", frozenset())


def test_the_state(tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        box, installation = fleet.add("desk")
        fleet.region.create_admin("root", "pw", "root@example.com")
        key = fleet.region.new_api_key("root")
        held = tmp_path / "key"
        held.write_text(key + "\n")
        opts = {"id": "desk", "maas.root": box.root, "test": True}
        states = load("_states/maas_cli.py", opts)
        given = {"url": fleet.url, "key_file": str(held), "user": "ubuntu"}
        planned = states.profile_present("lab", **given)
        assert planned["result"] is None
        states.__opts__["test"] = False
        done = states.profile_present("lab", **given)
        assert (done["result"], done["changes"]) == (True, planned["changes"])
        assert states.profile_present("lab", **given)["changes"] == {}
        assert os.path.exists(database(installation, "ubuntu"))
        assert Profile(fleet.url, key).api_key not in repr([planned, done])
        both = states.profile_present("lab", api_key=key, **given)
        assert (both["result"], "together with key_file" in both["comment"]) == (False, True)
        assert states.profile_absent("lab", user="ubuntu")["changes"]
        assert states.profile_absent("lab", user="ubuntu")["changes"] == {}
