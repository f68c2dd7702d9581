"""A cluster's or rack's host: configuration, secret, enrolment, in a sandbox."""

from __future__ import annotations

import os
import stat
import uuid

import pytest
from maas_emulator.hosts import packages
from saltext.maas.host import (
    cluster_config,
    debconf,
    disconnect,
    enrolment,
    formats,
    reach,
    services,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from support.fleet import Fleet, lone, wait_for

WRONG = "c0ffee" * 5


pytestmark = pytest.mark.usefixtures("fast")


@pytest.fixture(params=["1.7", "3.8"])
def fleet(request, tmp_path):
    with Fleet(request.param, tmp_path / "hosts") as fleet:
        yield fleet


@pytest.mark.parametrize(
    "fleet",
    [
        "1.7",
        "1.9",
        "2.9",
        "3.7",
        "3.8",
        *(
            pytest.param(one, marks=pytest.mark.sweep)
            for one in ("1.8", "1.10", "2.0", "2.3", "2.5", "3.2", "3.4", "3.5")
        ),
    ],
    indirect=True,
)
def test_enrolment_from_fresh_to_registered(fleet):
    box, installation = fleet.add("c1")
    fresh = enrolment.registered(installation)
    assert fresh["state"] == "failed"
    assert "No shared secret" in fresh["message"]
    want = {"url": fleet.url, "secret": fleet.region.secret.upper()}
    planned = cluster_config.configure(installation, test=True, **want)
    assert cluster_config.read_config(installation)["secret"] is False
    done = cluster_config.configure(installation, **want)
    assert done["changes"] == planned["changes"]
    questions = {installation.fact(f"cluster_{one}_question") for one in ("url", "secret")}
    assert set(done["changes"]) == {"url", "secret", *questions}
    assert done["restarted"] == list(installation.fact("cluster_services"))
    assert enrolment.wait_registered(installation, done["mark"], 20)["state"] == "registered"
    config = cluster_config.read_config(installation)
    assert config["urls"] == [fleet.url] == [config["debconf_url"]]
    assert bool(config["system_id"]) == (installation.release >= "2.0")
    # the second run changes nothing and restarts nothing
    starts = box.peek("services")
    again = cluster_config.configure(installation, **want)
    assert (again["changes"], again["restarted"]) == ({}, [])
    assert box.peek("services") == starts
    assert stat.S_IMODE(os.stat(installation.path("secret")).st_mode) == 0o640
    for text in (fleet.argv_text(), repr(done), repr(planned), repr(config)):
        assert fleet.region.secret not in text.lower()


def test_a_wrong_secret_is_reported_and_can_be_corrected(fleet):
    _, installation = fleet.add("c1")
    done = cluster_config.configure(installation, url=fleet.url, secret=WRONG)
    with pytest.raises(HostError, match="refused this host's shared secret") as message:
        enrolment.wait_registered(installation, done["mark"], 1)
    assert WRONG not in repr(message.value)
    done = cluster_config.configure(installation, secret=fleet.region.secret)
    hidden = {"old": "*" * 10, "new": "*" * 10}
    question = installation.fact("cluster_secret_question")
    assert done["changes"] == {"secret": hidden, question: hidden}
    assert enrolment.wait_registered(installation, done["mark"], 20)["state"] == "registered"


def test_an_unreachable_region_is_reported(fleet):
    _, installation = fleet.add("c1")
    url = "http://127.0.0.1:9/MAAS"
    done = cluster_config.configure(installation, url=url, secret=fleet.region.secret)
    now = enrolment.registered(installation, done["mark"])
    assert now["state"] == "waiting"
    assert f"does not answer at {url}: the connection was refused" in now["message"]


def test_a_stopped_daemon_is_reported(fleet):
    box, installation = fleet.add("c1")
    done = cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)
    enrolment.wait_registered(installation, done["mark"], 20)
    name = installation.fact("cluster_services")[0]
    box.set_service(name, running=False)
    now = enrolment.registered(installation)
    assert now["state"] == "failed"
    assert name in now["message"]
    # a restart starts what is stopped
    assert services.restart(installation, [name]) == [name]
    assert services.running(installation, name)


def test_a_rack_keeps_its_identity_over_restarts(tmp_path):
    with Fleet("3.7", tmp_path) as fleet:
        _, installation = fleet.add("r1")
        done = cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)
        enrolment.wait_registered(installation, done["mark"], 20)
        first = cluster_config.read_files(installation)["system_id"]
        other = fleet.url.replace("127.0.0.1", "localhost")
        done = cluster_config.configure(installation, url=other)
        enrolment.wait_registered(installation, done["mark"], 20)
        assert cluster_config.read_files(installation)["system_id"] == first


def test_the_next_upgrade_and_reconfigure_undo_nothing(fleet):
    box, installation = fleet.add("c1")
    cluster_config.configure(installation, url=fleet.url, secret=WRONG)
    cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)

    def held():
        # the system id comes whenever the region gives it
        return {**cluster_config.read_config(installation), "system_id": None}, box.read("secret")

    before = held()
    packages.upgrade(box)
    package = installation.fact("cluster_packages")[0]
    assert installation.run(["dpkg-reconfigure", package])[0] == 0
    assert held() == before


class TestUuidOf17:
    def test_one_that_is_there_stays(self, tmp_path):
        _, installation = lone(tmp_path, "1.7")
        now = cluster_config.read_config(installation)["uuid"]
        assert cluster_config.configure(installation, uuid=now)["changes"] == {}
        with pytest.raises(HostError, match=f"has the uuid {now}"):
            cluster_config.plan(installation, uuid=str(uuid.uuid4()))
        assert cluster_config.read_config(installation)["uuid"] == now

    def test_a_missing_one_is_given(self, tmp_path):
        box, installation = lone(tmp_path, "1.7", uuid=None)
        want = str(uuid.uuid4())
        done = cluster_config.configure(installation, uuid=want)
        assert done["changes"] == {"uuid": {"old": None, "new": want}}
        assert done["restarted"] == ["maas-clusterd"]
        assert f'CLUSTER_UUID="{want}"\n' in box.read("cluster_config")
        assert cluster_config.configure(installation, uuid=want)["changes"] == {}

    @pytest.mark.parametrize("bad", ["", "a b", "x" * 37, 'a"b'])
    def test_it_must_be_one(self, tmp_path, bad):
        _, installation = lone(tmp_path, "1.7", uuid=None)
        with pytest.raises(HostError, match="cluster uuid"):
            cluster_config.plan(installation, uuid=bad)

    def test_later_releases_have_none(self, tmp_path):
        _, installation = lone(tmp_path, "3.7")
        with pytest.raises(HostError, match="no cluster uuid"):
            cluster_config.plan(installation, uuid=str(uuid.uuid4()))


class TestUrls:
    def test_17_keeps_pserv_in_step(self, tmp_path):
        box, installation = lone(tmp_path, "1.7")
        url = "http://192.0.2.7/MAAS"
        cluster_config.configure(installation, url=url)
        assert formats.pserv_generator(box.read("pserv")) == f"{url}/api/1.0/pxeconfig/"
        box.write("pserv", box.read("pserv").replace("192.0.2.7", "192.0.2.8"))
        assert set(cluster_config.plan(installation, url=url)["changes"]) == {"url"}
        cluster_config.configure(installation, url=url)
        assert cluster_config.plan(installation, url=url)["changes"] == {}

    def test_170_has_no_command_and_is_edited(self, tmp_path):
        box, _ = lone(tmp_path, "1.7")
        for name in ("emulator.json", "var/lib/dpkg/status"):
            box.write(name, box.read(name).replace("1.7.3", "1.7.0"))
        installation = detect(box.root)
        before = stat.S_IMODE(os.stat(installation.path("cluster_config")).st_mode)
        cluster_config.configure(installation, url="http://192.0.2.7/MAAS")
        assert cluster_config.plan(installation, url="http://192.0.2.7/MAAS")["changes"] == {}
        assert stat.S_IMODE(os.stat(installation.path("cluster_config")).st_mode) == before
        assert not [words for words in box.argv_log() if words[0] == "maas-provision"]

    def test_3x_takes_several(self, tmp_path):
        _, installation = lone(tmp_path, "3.7")
        urls = ["http://192.0.2.7:5240/MAAS", "http://192.0.2.8:5240/MAAS"]
        done = cluster_config.configure(installation, url=urls)
        assert done["changes"]["url"]["new"] == urls
        assert cluster_config.read_config(installation)["urls"] == urls
        assert cluster_config.configure(installation, url=urls)["changes"] == {}
        cluster_config.configure(installation, url=urls[0])
        assert cluster_config.read_config(installation)["urls"] == urls[:1]

    def test_1x_takes_one(self, tmp_path):
        _, installation = lone(tmp_path, "1.7")
        with pytest.raises(HostError, match="takes one region URL"):
            cluster_config.plan(installation, url=["http://a/MAAS", "http://b/MAAS"])

    @pytest.mark.parametrize("bad", ["", "nothing", "ftp://a/MAAS", "http://", "http://a b/", []])
    def test_a_bad_one_is_refused(self, tmp_path, bad):
        _, installation = lone(tmp_path, "3.7")
        with pytest.raises(HostError, match=r"region('s)? URL"):
            cluster_config.plan(installation, url=bad)


def test_files_are_put_back_when_a_command_fails(fleet, commands):
    box, installation = fleet.add("c1")
    before = box.read("cluster_config"), box.read("secret")
    command = installation.find(installation.fact("cluster_tool"))
    with open(command, encoding="utf-8") as stream:
        real = stream.read()
    with open(command, "w", encoding="utf-8") as stream:
        refuse = 'case "$1" in install*) echo "no $(cat)" >&2; exit 1;; esac\n'
        stream.write(real.replace("#!/bin/sh\n", f"#!/bin/sh\n{refuse}"))
    with pytest.raises(HostError, match=r"install-shared-secret failed.*restored") as message:
        cluster_config.configure(installation, url=fleet.url, secret=WRONG)
    assert WRONG not in repr(message.value)
    assert (box.read("cluster_config"), box.read("secret")) == before


def test_files_are_put_back_when_the_daemon_will_not_restart(fleet, commands):
    _, installation = fleet.add("c1")
    before = cluster_config.read_config(installation)
    command = installation.find("systemctl" if installation.systemd else "service")
    with open(command, encoding="utf-8") as stream:
        real = stream.read()
    with open(command, "w", encoding="utf-8") as stream:
        stream.write("#!/bin/sh\nexit 1\n")
    with pytest.raises(HostError, match="could be restored"):
        cluster_config.configure(installation, url=fleet.url, secret=WRONG)
    with open(command, "w", encoding="utf-8") as stream:
        stream.write(real)
    # so that the next run does it all again
    assert cluster_config.read_config(installation) == before
    done = cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)
    assert done["restarted"] == list(installation.fact("cluster_services"))


def test_region_and_cluster_on_one_host(fleet):
    _, installation = fleet.add("both", "region+cluster")
    assert {"region", "cluster"} <= installation.roles
    wait_for(lambda: cluster_config.read_files(installation)["secret"])  # the region writes it
    done = cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)
    assert "secret" not in done["changes"]
    assert enrolment.wait_registered(installation, done["mark"], 20)["state"] == "registered"


def test_the_wrong_kind_of_host_is_reported(tmp_path):
    box, installation = lone(tmp_path, "3.7", "region")
    for function in (cluster_config.read_config, cluster_config.plan, enrolment.registered):
        with pytest.raises(HostError, match="runs no MAAS cluster"):
            function(installation)
    assert box.argv_log() == []


def test_reachability(fleet):
    assert reach.check_region_url(fleet.url) == {"reachable": True, "reason": None}
    assert reach.check_region_url(fleet.url, fleet.release)["reachable"]
    result = reach.check_region_url(fleet.url + "/nowhere")
    assert result["reachable"] is False
    assert result["reason"].startswith("it answered ")


def test_debconf_answers_are_one_line(tmp_path):
    _, installation = lone(tmp_path, "3.7")
    with pytest.raises(HostError, match="one line"):
        debconf.set_answer(
            installation, "maas-rack-controller", "a/b", "string", "x\ny z string evil"
        )
    debconf.set_answer(
        installation,
        "maas-rack-controller",
        "maas-rack-controller/shared-secret",
        "password",
        "abcd",
    )
    shown = debconf.show(installation, "maas-rack-controller")
    assert shown["maas-rack-controller/shared-secret"] == "(password omitted)"


def test_a_log_of_text_is_read_as_one_of_json(tmp_path):
    with Fleet("3.8", tmp_path / "hosts") as fleet:
        box, installation = fleet.add("c1")
        want = {"url": fleet.url, "secret": fleet.region.secret}
        for chosen in (True, False):
            done = cluster_config.configure(installation, use_json_logging=chosen, **want)
            now = enrolment.wait_registered(installation, done["mark"], 20)
            assert now["line"].startswith("Rack controller '")
            assert box.journal()[-1]["text"].startswith("{") is chosen


@pytest.mark.parametrize("kind", ["deb", "snap"])
def test_a_rack_that_leaves_keeps_no_copy_of_the_secret(tmp_path, kind):
    with Fleet("3.8", tmp_path / "hosts") as fleet:
        box, installation = fleet.add("c1", kind=kind)
        cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)
        agent = installation.path("cluster_agent")
        wait_for(lambda: fleet.region.secret in (box.read("cluster_agent") or ""))
        assert disconnect.leave(installation)["removed"] is True
        assert not os.path.exists(agent)
        assert disconnect.leave(installation) == {"stopped": [], "removed": False}
        for folder, _, names in os.walk(box.root):
            for name in names:
                with open(os.path.join(folder, name), "rb") as stream:
                    assert fleet.region.secret.encode() not in stream.read(), name
