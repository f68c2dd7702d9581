"""Minions on deployed machines: what the master accepts, and what user data is made of."""

from __future__ import annotations

import base64
import email
import json
import re
import shlex
import threading
import time

import pytest
import yaml
from maas_emulator import hardware
from maas_emulator.server import RegionServer
from salt.exceptions import CommandExecutionError
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.machines import lifecycle
from saltext.maas.minions import master_side, user_data
from saltext.maas.minions.keys import ACCEPTED, as_body, as_pem, fingerprint
from saltext.maas.minions.master_side import EXPECTED, RENEWED
from saltext.maas.minions.region_side import _new_pair
from saltext.maas.minions.settings import settings_of
from support.loader import load
from support.machine_lab import machine_region
from support.machine_regions import images_of_nodes
from support.reconciling import carried_out

URL, REGION = "http://192.0.2.10:5240/MAAS", "maas-region"
PAIRS = [_new_pair() for _ in range(3)]
FIRST, OWN, OTHER = (public for _, public in PAIRS)


class FakeKeys:
    """The keys of a master."""

    def __init__(self):
        self.found = {}

    def of(self, minion):
        return dict(self.found.get(minion, {}))

    def accepted(self):
        return {one for one, states in self.found.items() if ACCEPTED in states}

    def accept(self, minion, pem):
        self.found[minion] = {ACCEPTED: pem}

    def delete(self, minions):
        for one in minions:
            self.found.pop(one, None)

    def master_finger(self):
        return "aa:bb"


class Master:
    def __init__(self, folder, keys=None, **more):
        self.folder = folder
        self.keys = keys or FakeKeys()
        self.opts = {"cachedir": str(folder), "maas.minions": {"regions": [REGION], **more}}

    def by(self, caller):
        return master_side.Minions({**self.opts, "id": caller}, self.keys)

    def expect(self, system_id="abc123", minion="web-1", key=FIRST, url=URL, by=REGION):
        with self.by(by) as found:
            answer = found.expect(url, {minion: {"system_id": system_id, "key": as_body(key)}})
        return answer["minions"][minion]

    def renew(self, minion="web-1", key=OWN):
        with self.by(minion) as found:
            return found.renew(as_body(key))

    def accepted(self, minion="web-1"):
        return self.keys.of(minion).get(ACCEPTED)


@pytest.fixture
def master(tmp_path):
    return Master(tmp_path)


def test_a_key_is_expected_and_renewed_once(master):
    assert master.expect() == EXPECTED
    assert fingerprint(master.accepted()) == fingerprint(FIRST)
    assert master.renew() == RENEWED
    assert fingerprint(master.accepted()) == fingerprint(OWN)
    with pytest.raises(MaasError, match="renewed already"):
        master.renew(key=OTHER)
    assert fingerprint(master.accepted()) == fingerprint(OWN)


def test_what_is_not_expected_is_refused(master):
    with pytest.raises(MaasError, match="no new key of db-1 is expected"):
        master.renew("db-1")
    with pytest.raises(MaasError, match="other is not one of"):
        master.expect(by="other")
    assert "must be a minion id" in master.expect(minion="../x")
    assert "must be a minion id" in master.expect(system_id="a*")
    assert "no public key" in master.expect(key="aGVsbG8")
    assert master.keys.found == {}
    master.expect()
    with pytest.raises(MaasError, match="its first key again"):
        master.renew(key=FIRST)
    with pytest.raises(MaasError, match="no public key"):
        master.renew(key="aGVsbG8")
    master.keys.accept("web-1", OTHER)
    with pytest.raises(MaasError, match="the accepted key of web-1 is another"):
        master.renew()


@pytest.mark.parametrize("change", [{"system_id": "xyz789"}, {"url": "http://192.0.2.9/MAAS"}])
def test_a_key_of_another_machine_is_not_replaced(master, change):
    master.expect()
    master.renew()
    assert "accepted already, that of machine abc123" in master.expect(key=OTHER, **change)
    assert fingerprint(master.accepted()) == fingerprint(OWN)


def test_a_key_that_was_accepted_or_rejected_by_hand_stays(master):
    master.keys.accept("web-1", OTHER)
    assert "that of another host; to delete it: salt-key -d web-1" in master.expect()
    master.keys.found = {"web-1": {"minions_rejected": OTHER}}
    assert "was rejected" in master.expect()
    assert master.accepted() is None


def test_a_machine_that_is_deployed_again_gets_a_new_key(master):
    master.expect()
    master.renew()
    assert master.expect(key=OTHER) == EXPECTED
    assert fingerprint(master.accepted()) == fingerprint(OTHER)
    assert master.expect(minion="web-2", key=FIRST) == EXPECTED  # it has another name now
    assert master.accepted() is None
    # Somebody accepted another host under this id meanwhile.
    master.keys.accept("web-2", OWN)
    assert "accepted already" in master.expect(minion="web-2", key=OTHER)


def test_what_does_not_start_in_time_is_forgotten(tmp_path, monkeypatch):
    master = Master(tmp_path, lifetime=60)
    master.expect()
    now = time.time()
    monkeypatch.setattr(master_side.time, "time", lambda: now + 61)
    with pytest.raises(MaasError, match="no new key of web-1 is expected"):
        master.renew()
    assert master.accepted() is None


class Killed(BaseException):
    pass


def test_a_master_that_ends_before_a_key_is_accepted_is_asked_again(master, monkeypatch):
    def killed(minion, pem):
        raise Killed

    monkeypatch.setattr(master.keys, "accept", killed)
    with pytest.raises(Killed):
        master.expect()
    monkeypatch.undo()
    assert "web-1" in json.loads((master.folder / "maas-minions/minions.json").read_text())
    assert master.expect(key=OTHER) == EXPECTED

    def full(minion, pem):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(master.keys, "accept", full)
    assert "refused: [Errno 28] No space left" in master.expect("xyz789", "web-2")
    monkeypatch.undo()
    assert master.renew() == RENEWED


@pytest.mark.parametrize("replaced", [True, False])
def test_a_renewal_that_was_interrupted_ends(master, monkeypatch, replaced):
    accept = master.keys.accept

    def killed(minion, pem):
        if replaced:
            accept(minion, pem)
        raise Killed

    master.expect()
    monkeypatch.setattr(master.keys, "accept", killed)
    with pytest.raises(Killed):
        master.renew()
    monkeypatch.undo()
    if not replaced:
        assert master.renew(key=OTHER) == RENEWED
    now = time.time()
    monkeypatch.setattr(master_side.time, "time", lambda: now + 10**6)  # lifetime is over
    with master.by(REGION) as found:
        assert [row["state"] for row in found.rows()] == [RENEWED]
        assert found.forget(URL, ["abc123"]) == {"web-1": "abc123"}
    assert master.accepted() is None


def test_ids_of_minions_that_deploy_machines_are_refused(tmp_path):
    master = Master(tmp_path, regions=[REGION, "second-region"])
    assert "it is one of maas.minions:regions" in master.expect(minion="second-region")
    assert master.keys.found == {}


def test_one_machine_is_not_two_minions(master):
    one = {"system_id": "abc123", "key": as_body(FIRST)}
    with master.by(REGION) as found:
        said = found.expect(URL, {"web-1": one, "web-2": one})["minions"]
    assert said == {"web-1": "refused: its machine is another minion, too", "web-2": EXPECTED}
    assert set(master.keys.found) == {"web-2"}


@pytest.mark.parametrize("text", ['{"web-1": ', "[]", '{"web-1": 7}', '{"web-1": {}}', "[" * 5000])
def test_a_damaged_file_of_minions_is_named(master, text):
    master.expect()
    (master.folder / "maas-minions" / "minions.json").write_text(text)
    with pytest.raises(MaasError, match=r"minions\.json is damaged"):
        master.renew()


def test_a_run_that_uses_the_file_for_long_is_named(master, monkeypatch):
    monkeypatch.setattr(master_side, "_PATIENCE", 0.05)
    with master.by(REGION), pytest.raises(MaasError, match=r"has used .*minions\.json for 0\.05 s"):
        master.expect()


def test_keys_of_released_machines_are_deleted(master):
    for number in (1, 2, 3):
        master.expect(f"id{number}", f"web-{number}", PAIRS[number - 1][1])
    with pytest.raises(MaasError, match="not one of"), master.by("web-2") as found:
        found.forget(URL, ["id1"])
    with master.by(REGION) as found:
        assert found.forget("http://192.0.2.9/MAAS", ["id1"]) == {}
        assert found.forget(URL, ["id1", "nonesuch"]) == {"web-1": "id1"}
    master.keys.accept("web-2", OTHER)  # by hand, of another host
    with master.by(REGION) as found:
        found.forget(URL, ["id2"])
        assert [row["minion"] for row in found.rows()] == ["web-3"]
    assert master.accepted("web-1") is None
    assert master.accepted("web-2") is not None


def test_a_region_that_is_read_again_corrects_keys_and_grains(master):
    for number in (1, 2):
        master.expect(f"id{number}", f"web-{number}", PAIRS[number - 1][1])
        master.renew(f"web-{number}", OTHER)
    master.expect("id3", "web-3")  # has not started yet
    with master.by(REGION) as found:
        gone, grains = found.synced(URL, {"id2": {"zone": "north"}})
        states = {row["minion"]: row["state"] for row in found.rows()}
    assert (gone, grains) == (["web-1"], {"web-2": {"zone": "north"}})
    assert states == {"web-2": RENEWED, "web-3": EXPECTED}


def test_a_list_without_machines_deletes_no_key(master):
    master.expect("id1", "web-1", PAIRS[0][1])
    master.renew("web-1", OTHER)
    with master.by(REGION) as found:
        with pytest.raises(MaasError, match=r"no machine that is in use.*with salt-key: web-1"):
            found.synced(URL, {})
        assert found.synced(URL.replace("192", "193"), {}) == ([], {})  # which has no minion
    assert master.accepted("web-1") is not None


def test_the_masters_configuration_is_checked(tmp_path):
    for given, message in (
        (None, "maas.minions: is missing in the master's configuration"),
        ({"regions": "maas-region"}, "maas.minions:regions: 'maas-region' must be a list"),
        ({"regions": ["*"]}, "must be a minion id"),
        ({"regions": [], "lifetime": 0}, "maas.minions:lifetime: 0 must be a number above 0"),
    ):
        with pytest.raises(BadInput) as caught:
            master_side.Minions({"cachedir": str(tmp_path), "id": "m", "maas.minions": given})
        assert message in str(caught.value)


def test_keys_travel_as_one_word():
    for _, public in PAIRS:
        body = as_body(public)
        assert fingerprint(as_pem(body)) == fingerprint(public)
        assert not {*body} & {"\n", "=", " ", "-"}


# User data

GRAINS = {"system_id": "abc123", "zone": "it's $(here)"}


def composed(own=b"", **given):
    settings = settings_of({"master": "salt.example.com", **given}, None, "3008.4")
    script = user_data.script(settings, "web-1", GRAINS, *PAIRS[0], "aa:bb")
    made = user_data.with_script(own, script)
    parts = [one for one in email.message_from_bytes(made).walk() if not one.is_multipart()]
    return [(one.get_content_type(), one.get_payload(decode=True)) for one in parts]


@pytest.mark.parametrize(
    ("own", "kind"),
    [
        (b"#cloud-config\npackages: [vim]\n", "text/cloud-config"),
        (b"#!/bin/sh\necho \xff\n", "text/x-shellscript"),
        (b"## template: jinja\n#cloud-config\n", "text/jinja2"),
        (b"#include\nhttp://192.0.2.1/x\n", "text/x-include-url"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
         b"Content-Type: text/cloud-boothook\n\n#cloud-boothook\n--b--\n", "text/cloud-boothook"),
    ],
)  # fmt: skip
def test_the_users_own_user_data_comes_first(own, kind):
    first, second = composed(own)
    assert first[0] == kind
    assert first[1].strip() in own
    assert second[0] == "text/x-shellscript"
    assert len(composed()) == 1


def test_user_data_of_an_unknown_kind_is_refused():
    with pytest.raises(BadInput, match="user_data: cannot be combined with that of the minion"):
        composed(b"\x1f\x8b\x08")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"id": "serial"}, "maas:minions:id: 'serial' must be one of: fqdn, hostname"),
        ({"version": "latest"}, "maas:minions:version: 'latest' must be a version such as"),
        ({"install": "pip"}, "maas:minions:install: 'pip' must be bootstrap, package, or a list"),
        ({"config": {"id": "x"}}, "maas:minions:config:id: must not be given"),
        ({"config_dir": "etc"}, "maas:minions:config_dir: 'etc' must be an absolute path"),
        ({"minion": 1}, "maas:minions:minion: unknown key"),
        ({}, "maas:minions:master: is missing; machines cannot use the master of this minion"),
    ],
)
def test_wrong_settings_are_refused(given, message):
    with pytest.raises(BadInput) as caught:
        settings_of(given, "localhost", "3008.4")
    assert message in str(caught.value)


def test_salt_is_installed_as_the_pillar_says(tmp_path):
    def commands(**given):
        ((_, text),) = composed(**given)
        block = re.search(r'"\$once/install" <<END\n([^<]+)END\n', text.decode())[1]
        return base64.b64decode(block).decode()

    assert "-X -d stable 3008\n" in commands()
    assert "-X -d stable 3006.9\n" in commands(version="3006.9")
    assert "apt-get -y install salt-minion" in commands(install="package")
    assert commands(install=["a b", "c"]) == "a b\nc\n"


# The state


@pytest.fixture(scope="module")
def server():
    with machine_region("3.7", machine_seconds=0.05) as server:
        server.numbers = iter(range(20, 200))
        yield server


def state(server, answers, test=False, minions=None):
    """The states, on a minion whose master answers so; and what it was asked."""
    asked = []

    def runner(function, arguments, timeout):
        asked.append((function, json.loads(json.dumps(arguments))))
        found = answers[function]
        return found(*arguments) if callable(found) else found

    opts = {"test": test, "master": "salt.example.com", "id": REGION,
            "maas": {"url": server.url, "api_key": server.api_key}}  # fmt: skip
    pillar = {} if minions is None else {"maas": {"minions": minions}}
    functions = {"publish.runner": runner}
    module = load("_states/maas_machine.py", opts=opts, pillar=pillar, __salt__=functions)
    return module, asked


def accepts(url, machines):
    return {"answer": {"finger": "aa:bb", "minions": dict.fromkeys(machines, EXPECTED)}}


def new_machine(server, name):
    return server.machine(name, f"52:54:00:00:00:{next(server.numbers):02x}")


def test_a_deployed_machine_has_its_own_user_data(server):
    idents = {name: new_machine(server, name) for name in ("d-1", "d-2")}
    module, asked = state(server, {"maas.expect_minions": accepts, "maas.forget_minions": {}},
                          minions={"id": "hostname"})  # fmt: skip
    done = module.deployed("both", machines=[*idents], minion=True, timeout=20)
    assert done["result"] is True, done
    ((function, (url, machines)),) = asked
    assert (function, url) == ("maas.expect_minions", server.url)
    assert {one: found["system_id"] for one, found in machines.items()} == idents
    for name, ident in idents.items():
        sent = hardware.user_data(server.region, ident).decode()
        assert sent.count("MIME-Version: 1.0")
        script = user_data_script(sent)
        assert f"the minion {name}." in script
        # For the first start, and later: no other master is trusted.
        files = [base64.b64decode(one) for one in re.findall(r"<<END\n(.*?)END", script, re.S)]
        configs = [yaml.safe_load(one) for one in files if b"master_finger" in one]
        assert [one["master_finger"] for one in configs] == ["aa:bb", "aa:bb"]
        assert as_pem(machines[name]["key"])  # the public key only
        assert "PRIVATE" not in repr(asked) + repr(done)


@pytest.mark.parametrize("release", ["1.5", "1.9"])
def test_nodes_of_earlier_releases_become_minions(release):
    with RegionServer(release, machine_seconds=0.05) as server:
        images_of_nodes(server)
        power = {"power_type": "ipmi", "power_parameters": {"power_address": "192.0.2.21"}}
        node = {"architecture": "amd64", "mac_addresses": ["52:54:00:00:00:21"], **power}
        carried_out(server, {"machines": {"web-1": node}})
        (row,) = server.region.rows("machines").values()
        hardware.update(server.region, row["system_id"], status=4, owner=None)
        answers = {"maas.expect_minions": accepts, "maas.forget_minions": {"answer": {}}}
        module, asked = state(server, answers, minions={"id": "hostname"})
        assert module.deployed("web-1", minion=True, timeout=20)["result"]
        assert [function for function, _ in asked] == ["maas.expect_minions"]
        sent = hardware.user_data(server.region, row["system_id"]).decode()
        assert "the minion web-1." in user_data_script(sent)
        assert module.released("web-1", timeout=20)["result"]
        assert asked[1:] == [("maas.forget_minions", [server.url, [row["system_id"]]])]


def user_data_script(text):
    *_, last = email.message_from_string(text).walk()
    return last.get_payload(decode=True).decode()


def test_a_test_asks_no_master(server):
    new_machine(server, "t-1")
    module, asked = state(server, {}, test=True, minions={})
    planned = module.deployed("t-1", minion=True)
    assert (planned["result"], asked) == (None, [])
    module, _ = state(server, {"maas.expect_minions": accepts}, minions={})
    assert module.deployed("t-1", minion=True)["changes"] == planned["changes"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda url, machines: {"answer": {"finger": "aa:bb", "minions": {}}}, "minion r-"),
        ({}, "add it to peer_run in the master's configuration"),
        ("refused: maas.minions: is missing", "refused: maas.minions: is missing"),
        ("'maas.expect_minions' runner publish timed out", "publish timed out"),
    ],
)  # fmt: skip
def test_nothing_is_deployed_that_the_master_does_not_expect(server, answer, message):
    name = f"r-{next(server.numbers)}"
    ident = new_machine(server, name)
    module, _ = state(server, {"maas.expect_minions": answer}, minions={})
    done = module.deployed(name, minion=True, timeout=20)
    assert (done["result"], done["changes"]) == (False, {})
    assert message in done["comment"]
    assert hardware.machine(server.region, ident)["status"] == 4


@pytest.mark.parametrize("test", [True, False])
def test_user_data_that_cannot_be_combined_are_refused_in_a_test_too(server, test):
    name = f"u-{next(server.numbers)}"
    new_machine(server, name)
    module, asked = state(server, {}, test, minions={})
    done = module.deployed(name, minion=True, user_data="hello")
    assert (done["result"], done["changes"], asked) == (False, {}, [])
    assert f"machine {name}: user_data: cannot be combined" in done["comment"]


@pytest.mark.parametrize(
    "wrong",
    [{"fqdn": None}, {"fqdn": "db-1.example.com"}, {"hostname": "a$(id)", "fqdn": "a$(id).maas"},
     {"fqdn": ["x"]}],
)  # fmt: skip
def test_a_region_does_not_choose_the_id(server, monkeypatch, wrong):
    ident = new_machine(server, f"h-{next(server.numbers)}")
    understood = lifecycle.as_machine
    monkeypatch.setattr(lifecycle, "as_machine",
                        lambda release, raw: {**understood(release, raw), **wrong})  # fmt: skip
    module, asked = state(server, {"maas.expect_minions": accepts}, minions={})
    done = module.deployed(ident, minion=True)
    assert (done["result"], asked) == (False, [])
    assert "which cannot be its minion id" in done["comment"]


def test_two_machines_do_not_become_one_minion(server, monkeypatch):
    idents = [new_machine(server, f"h-{next(server.numbers)}") for _ in range(2)]
    same = {"hostname": "same", "fqdn": "same.maas"}
    understood = lifecycle.as_machine
    monkeypatch.setattr(lifecycle, "as_machine",
                        lambda release, raw: {**understood(release, raw), **same})  # fmt: skip
    module, _ = state(server, {"maas.expect_minions": accepts}, minions={})
    done = module.deployed("both", machines=idents, minion=True, timeout=20)
    assert f"machine {idents[1]}: {idents[0]} would be minion same.maas, too" in done["comment"]
    assert hardware.machine(server.region, idents[0])["status"] == 6
    assert hardware.machine(server.region, idents[1])["status"] == 4


def test_it_needs_the_pillar(server):
    new_machine(server, "p-1")
    for test in (True, False):
        module, _ = state(server, {}, test)
        done = module.deployed("p-1", minion=True)
        assert done["result"] is False
        assert "maas:minions is missing in the pillar" in done["comment"]
        assert "'yes' must be true or false" in module.deployed("p-1", minion="yes")["comment"]


def test_keys_are_deleted_when_a_machine_is_released_deleted_or_fails(server):
    idents = {name: new_machine(server, name) for name in ("k-1", "k-2", "k-3")}
    answers = {"maas.expect_minions": accepts, "maas.forget_minions": {"answer": {}}}
    module, asked = state(server, answers, minions={})
    assert module.deployed("all", machines=["k-1", "k-2"], minion=True, timeout=20)["result"]
    del asked[:]
    assert module.released("k-1", timeout=20)["result"]
    assert asked == [("maas.forget_minions", [server.url, [idents["k-1"]]])]
    assert module.absent("k-2", release=True)["result"]
    assert asked[1:] == [("maas.forget_minions", [server.url, [idents["k-2"]]])]
    del asked[:]
    assert module.released("k-1", timeout=20)["changes"] == {}
    assert asked == []

    def fails(url, machines):
        threading.Timer(
            0.4, hardware.update, (server.region, idents["k-3"]), {"status": 11}
        ).start()
        return accepts(url, machines)

    answers["maas.expect_minions"] = fails
    server.region.options.machine_seconds = float("inf")
    try:
        done = module.deployed("k-3", minion=True, timeout=20)
    finally:
        server.region.options.machine_seconds = 0.05
    assert "deploy failed" in done["comment"]
    assert asked[1:] == [("maas.forget_minions", [server.url, [idents["k-3"]]])]


def test_the_key_is_deleted_when_maas_refuses_the_deployment(server):
    ident = new_machine(server, "m-1")

    def breaks(url, machines):
        hardware.update(server.region, ident, status=8)
        return accepts(url, machines)

    answers = {"maas.expect_minions": breaks, "maas.forget_minions": {"answer": {}}}
    module, asked = state(server, answers, minions={})
    done = module.deployed("m-1", minion=True, timeout=20)
    assert done["result"] is False
    assert asked[1:] == [("maas.forget_minions", [server.url, [ident]])]


def test_what_is_left_on_the_master_is_told(server):
    new_machine(server, "l-1")
    answers = {"maas.expect_minions": accepts, "maas.forget_minions": "no answer"}
    module, _ = state(server, answers, minions={})
    assert module.deployed("l-1", minion=True, timeout=20)["result"]
    done = module.released("l-1", timeout=20)
    assert done["result"] is False
    assert "its key is still on the master" in done["comment"]
    assert done["changes"]["machine"]["l-1"]["operations"] == ["release"]


def test_grains_are_one_word_for_the_shell():
    ((_, text),) = composed()
    grain = text.decode().partition("grains.setval maas_machine ")[2].splitlines()[0]
    assert shlex.split(grain) == [json.dumps(GRAINS)]


def test_keys_and_grains_are_brought_up_to_date(server):
    idents = {name: new_machine(server, name) for name in ("s-1", "s-2")}
    answers = {"maas.expect_minions": accepts, "maas.sync_minions": {"answer": {"deleted": []}}}
    module, _ = state(server, answers, minions={})
    assert module.deployed("s-1", minion=True, timeout=20)["result"]
    asked = []
    functions = {"publish.runner": lambda *given, timeout: asked.append(given) or answers[given[0]]}
    minion = load(
        "_modules/maas_machine.py", __salt__=functions, pillar={"maas": {"minions": {}}},
        opts={"id": REGION, "maas": {"url": server.url, "api_key": server.api_key}},
    )  # fmt: skip
    assert minion.sync_minions() == {"deleted": []}
    minion = load(
        "_modules/maas_machine.py",
        opts={"id": REGION, "maas": {"url": server.url, "api_key": server.api_key}},
    )
    with pytest.raises(CommandExecutionError, match=r"missing in .*refresh_pillar"):
        minion.sync_minions()
    ((_, (url, machines)),) = asked
    assert url == server.url
    assert machines[idents["s-1"]]["fqdn"] == "s-1.maas"
    assert idents["s-2"] not in machines
