"""Clusters that enrol in other ways: over HTTP (1.5, 1.6), and in a snap."""

from __future__ import annotations

import os
import stat

import pytest
from maas_emulator.hosts import packages, sandbox
from saltext.maas.host import cluster_config, enrolment, files, formats, transaction
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from support.fleet import Fleet, lone

SECRET = "c0ffee" * 5


pytestmark = pytest.mark.usefixtures("fast")


class TestOverHttp:
    @pytest.fixture(params=["1.5", "1.6"])
    def fleet(self, request, tmp_path):
        with Fleet(request.param, tmp_path / "hosts") as fleet:
            yield fleet

    def test_pending_accepted_rejected(self, fleet):
        _, installation = fleet.add("c1")
        done = cluster_config.configure(installation, url=fleet.url)
        assert set(done["changes"]) == {"url", installation.fact("cluster_url_question")}
        assert done["restarted"] == ["maas-cluster-celery", "maas-pserv"]
        with pytest.raises(HostError, match=r"pending: accept it there"):
            enrolment.wait_registered(installation, done["mark"], 2)
        groups = fleet.region.rows("node_groups")
        group = next(one for one in groups.values() if one["uuid"] != "master")
        group["status"] = 1
        assert enrolment.wait_registered(installation, done["mark"], 20)["state"] == "registered"
        assert cluster_config.configure(installation, url=fleet.url)["changes"] == {}
        group["status"] = 2
        now = enrolment.registered(installation)
        assert (now["state"], "rejected" in now["message"]) == ("failed", True)

    def test_the_uuid_is_the_same_in_both_places(self, tmp_path, fleet):
        box, installation = fleet.add("c2", uuid=None)
        done = cluster_config.configure(installation, uuid="abc-1")
        assert done["changes"]["uuid"] == {"old": None, "new": "abc-1"}
        assert formats.celery_uuid(box.read("cluster_celery")) == "abc-1"
        # so that the next upgrade, which goes by the older place, keeps it
        packages.upgrade(box)
        assert cluster_config.read_files(installation)["uuid"] == "abc-1"
        assert cluster_config.plan(installation, uuid="abc-1")["changes"] == {}

    def test_there_is_no_secret(self, fleet):
        box, installation = fleet.add("c3")
        with pytest.raises(HostError, match="has no shared secret: its clusters register over"):
            cluster_config.configure(installation, secret=SECRET)
        assert box.argv_log() == [["debconf-show", "maas-cluster-controller"]]


class TestSnap:
    @pytest.fixture(params=["2.7", "2.9", "3.4", "3.7"])
    def fleet(self, request, tmp_path):
        with Fleet(request.param, tmp_path / "hosts") as fleet:
            yield fleet

    def test_from_fresh_to_registered(self, fleet):
        box, installation = fleet.add("r1", "cluster", kind="snap", configured=False)
        assert installation.roles == frozenset()
        assert "not initialised" in enrolment.registered(installation)["message"]
        want = {"url": fleet.url, "secret": fleet.region.secret}
        planned = cluster_config.configure(installation, test=True, **want)
        done = cluster_config.configure(installation, **want)
        assert done["changes"] == planned["changes"]
        assert set(done["changes"]) == {"mode", "url", "secret"}
        installation = detect(box.root)
        assert {"cluster", "rack"} <= installation.roles
        assert enrolment.wait_registered(installation, done["mark"], 20)["state"] == "registered"
        assert stat.S_IMODE(os.stat(installation.path("secret")).st_mode) == 0o640
        assert cluster_config.configure(installation, **want)["changes"] == {}
        first = cluster_config.read_files(installation)["system_id"]
        done = cluster_config.configure(installation, tftp_port=6969, debug=True)
        assert set(done["changes"]) == {"tftp_port", "debug"}
        enrolment.wait_registered(installation, done["mark"], 20)
        assert cluster_config.read_files(installation)["system_id"] == first
        done = cluster_config.configure(installation, secret=SECRET)
        assert list(done["changes"]) == ["secret"]
        with pytest.raises(HostError, match="refused this host's shared secret"):
            enrolment.wait_registered(installation, done["mark"], 1)
        for secret in (SECRET, fleet.region.secret):
            assert secret not in fleet.argv_text() + repr([planned, done])

    def test_a_fresh_one_needs_both(self, tmp_path):
        box = sandbox.create(tmp_path / "h", "3.7", "cluster", kind="snap", configured=False)
        with pytest.raises(HostError, match="needs the region's url and secret"):
            cluster_config.plan(detect(box.root), url="http://a/MAAS")


@pytest.mark.parametrize("release", ["1.5", "1.8", "1.9", "2.3", "2.9", "3.4", "3.7"])
def test_local_settings(tmp_path, release):
    box, installation = lone(tmp_path, release)
    before = box.read("pserv") or box.read("cluster_config")
    want = {"tftp_port": 1069, "tftp_root": "/srv/tftp/"}
    planned = cluster_config.plan(installation, **want)["changes"]
    assert planned["tftp_port"] == {"old": 69, "new": 1069}
    done = cluster_config.configure(installation, **want)
    assert done["changes"] == planned
    assert done["restarted"] == list(installation.fact("cluster_services"))
    held = cluster_config.read_files(installation)["settings"]
    assert (held["tftp_port"], held["tftp_root"]) == (1069, "/srv/tftp")
    assert cluster_config.configure(installation, **want)["changes"] == {}
    cluster_config.configure(installation, tftp_port=69)
    assert cluster_config.read_files(installation)["settings"]["tftp_port"] == 69
    # all else is as it was
    after = box.read("pserv") or box.read("cluster_config")
    kept = [line for line in before.splitlines() if "port" not in line and "root" not in line]
    assert [line for line in kept if line not in after.splitlines()] == []


@pytest.mark.parametrize(
    ("release", "given", "message"),
    [
        (
            "3.7",
            {"tftp_port": 70000},
            "tftp_port must be a whole number from 1 to 65535, not",
        ),
        ("3.7", {"tftp_port": "x"}, "tftp_port must be a whole number from 1 to 65535, not 'x'"),
        ("3.7", {"debug": "perhaps"}, "debug must be true or false"),
        ("1.7", {"debug": True}, "no local setting debug; it came with 2.4"),
        ("3.7", {"tftp_root": "srv"}, "tftp_root must be an absolute path"),
        ("3.7", {"colour": "red"}, "no local setting colour"),
        ("3.7", {"url": "192.0.2.1"}, "region's URL"),
        ("3.7", {"url": "http://a:b@192.0.2.1/MAAS"}, "no user or password"),
        ("3.7", {"url": "http://192.0.2.1:99999/MAAS"}, "region's URL"),
        ("3.7", {"url": "http://192.0.2.1:5240"}, "region's URL"),
        ("3.7", {"secret": "xyz"}, "hexadecimal"),
        ("3.7", {"secret": "abcd\nabcd"}, "one line"),
    ],
)
def test_bad_input_changes_nothing(tmp_path, release, given, message):
    box = sandbox.create(tmp_path / "h", release, "cluster")
    before = box.read("cluster_config")
    with pytest.raises(HostError, match=message):
        cluster_config.configure(detect(box.root), **given)
    assert box.read("cluster_config") == before
    assert not [words for words in box.argv_log() if words[0] != "debconf-show"]


@pytest.mark.parametrize("release", ["1.5", "1.7", "1.9", "2.9", "3.7"])
@pytest.mark.parametrize("step", ["replace", "check", "restart"])
def test_a_killed_run_is_taken_up_by_the_next(tmp_path, monkeypatch, release, step):
    """The process ends in the middle of a change, as a kill would end it."""
    box, installation = lone(tmp_path, release)
    want = {"url": "http://192.0.2.7:5240/MAAS", "tftp_port": 1069}
    if release >= "1.7":
        want["secret"] = SECRET

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    patched = {
        "replace": (files, "replace"),
        "check": (type(installation), "check"),
        "restart": (transaction.services, "restart"),
    }[step]
    calls = []
    real = getattr(*patched)

    def sometimes(*words, **options):
        argv = words[1] if step == "check" else ["x"]
        calls.append(argv)
        # The first command that changes something comes after those that look.
        if step != "check" or argv[0] not in ("debconf-show",):
            die()
        return real(*words, **options)

    with monkeypatch.context() as patch:
        patch.setattr(*patched, sometimes)
        with pytest.raises(Killed):
            cluster_config.configure(installation, **want)
    again = cluster_config.configure(installation, **want)
    assert again["restarted"] == list(installation.fact("cluster_services"))
    assert cluster_config.configure(installation, **want)["changes"] == {}
    assert transaction.unfinished(installation, "cluster") is None
    left = [name for name in os.listdir(os.path.join(box.root, "etc/maas")) if "saltext" in name]
    assert [name for name in left if not name.endswith(".bak")] == []
