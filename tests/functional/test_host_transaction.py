"""Runs that are killed at every step, and what the next run makes of them."""

from __future__ import annotations

import json
import os
import stat

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas.host import disconnect, region_config, transaction
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from saltext.maas.host.transaction import FOLDER, Transaction
from support import killing
from support.fleet import lone

#: What is killed here at every twelfth point; ``make crash-sweep`` kills all at all of them.
KILLED = (
    "region 1.5", "region 3.7", "region 3.4 snap", "first secret 2.9", "cluster 1.7",
    "another region 3.7", "rack leaves 3.7", "first run of the snap 2.4", "snap becomes a rack 3.7",
)  # fmt: skip


@pytest.fixture(scope="module")
def killed():
    return killing.swept(KILLED, 12)


@pytest.mark.parametrize("name", KILLED)
def test_what_was_killed_at_any_point_is_finished_by_the_next_run(killed, name):
    kills, wrong = killed[name]
    assert kills >= 3
    assert wrong == []


def test_copies_without_a_journal_are_removed(tmp_path):
    _, installation = lone(tmp_path, "3.7", "region")
    region_config.configure(installation, debug=True, verify=False)
    folder = os.path.join(installation.root, FOLDER, "region")
    os.mkdir(folder, 0o700)
    with open(os.path.join(folder, "0.copy"), "w", encoding="utf-8") as stream:
        stream.write("database_pass: pw-unlikely-7")
    planned = region_config.configure(installation, test=True, debug=True)
    assert planned["changes"] == {
        "unfinished run": {"old": "copies of files are left", "new": "finished"}
    }
    done = region_config.configure(installation, debug=True, verify=False)
    assert (done["changes"], done["restarted"]) == (planned["changes"], [])
    assert not os.path.exists(folder)


def test_a_rack_that_leaves_keeps_no_copy_of_a_killed_run(tmp_path):
    box, installation = lone(tmp_path, "3.7")
    box.write("secret", "c0ffee" * 5, 0o640)
    killed_halfway(installation, installation.path("secret"), "decade" * 5, part="cluster")
    box.write("var/lib/maas/.secret.saltext-maas.12345678", "decade" * 5, 0o600)
    assert disconnect.leave(installation)["removed"]
    for folder, _, names in os.walk(box.root):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8") as stream:
                text = stream.read()
            assert "c0ffee" not in text, name
            assert "decade" not in text, name
    assert transaction.unfinished(installation, "cluster") is None


@pytest.fixture
def host(tmp_path):
    box = sandbox.create(tmp_path / "host", "3.7", "region")
    return box, detect(box.root)


def killed_halfway(installation, path, text, part="region"):
    """As if a run had been killed after it wrote the file."""
    services = installation.fact(f"{part}_services")[:1]

    def run():
        with Transaction(installation, part, [path], services=services):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()


def test_what_was_there_before_the_killed_run_can_still_be_put_back(host):
    box, installation = host
    path = installation.path("region_config")
    os.chmod(path, 0o600)
    before = box.read("region_config")
    killed_halfway(installation, path, "maas_url: http://192.0.2.9/MAAS\n")
    with pytest.raises(HostError, match=r"the API at .*were restored"):
        region_config.configure(installation, url="http://127.0.0.1:9/MAAS", wait=0.1)
    assert box.read("region_config") == before
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert transaction.unfinished(installation, "region") is None
    assert os.listdir(os.path.join(box.root, FOLDER)) == ["region.lock"]


def test_a_run_with_nothing_to_change_finishes_the_restart(host):
    box, installation = host
    path = installation.path("region_config")
    killed_halfway(installation, path, box.read("region_config") + "debug: true\n")
    before = box.service("maas-regiond")["starts"]
    planned = region_config.configure(installation, test=True, debug=True)
    assert planned["changes"] == {
        "unfinished run": {"old": "stopped before maas-regiond restarted", "new": "finished"}
    }
    done = region_config.configure(installation, debug=True, verify=False)
    assert done["changes"] == planned["changes"]
    assert done["restarted"] == ["maas-regiond"]
    assert box.service("maas-regiond")["starts"] == before + 1
    assert region_config.configure(installation, debug=True)["changes"] == {}


def test_the_journal_is_for_root_only(host):
    box, installation = host
    killed_halfway(installation, installation.path("region_config"), "")
    for folder, _, names in os.walk(os.path.join(box.root, FOLDER, "region")):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        assert {stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) for name in names} == {
            0o600
        }
    kept = transaction.unfinished(installation, "region")
    assert box.read("region_config") == ""
    assert "database_pass" not in json.dumps(kept)


@pytest.mark.parametrize("text", ["{", "[]", '{"files": {}, "answers": {}, "services": [7]}'])
def test_a_broken_journal_is_named(host, text):
    box, installation = host
    killed_halfway(installation, installation.path("region_config"), "")
    with open(os.path.join(box.root, FOLDER, "region", "journal.json"), "w") as stream:
        stream.write(text)
    with pytest.raises(HostError, match=r"region/journal\.json is broken; remove that folder"):
        region_config.configure(installation, debug=True)


def test_two_runs_at_once_do_not_meet(host):
    _, installation = host
    busy = pytest.raises(HostError, match="Another run changes the region")
    with Transaction(installation, "region"), busy:
        region_config.configure(installation, debug=True)
    assert region_config.configure(installation, debug=True, verify=False)["restarted"]


def test_a_file_that_was_not_there_is_removed_again(host):
    box, installation = host
    path = box.path("etc/new.conf")

    def run():
        with Transaction(installation, "region", [path]):
            box.write("etc/new.conf", "x")
            raise HostError("no")

    with pytest.raises(HostError, match=r"no.*were restored"):
        run()
    assert not os.path.exists(path)
    assert box.service("maas-regiond")["starts"] == 1


def test_copies_stay_when_putting_back_fails_and_the_next_run_uses_them(host):
    box, installation = host
    path = installation.path("region_config")
    before = box.read("region_config")
    folder = os.path.dirname(path)

    def run():
        with Transaction(installation, "region", [path], services=["maas-regiond"]):
            os.rename(folder, folder + ".away")
            raise HostError("no")

    with pytest.raises(HostError, match=r"check the files \(copies are in /var/lib/saltext-maas"):
        run()
    os.rename(folder + ".away", folder)
    assert transaction.unfinished(installation, "region")["services"] == ["maas-regiond"]
    with pytest.raises(HostError, match="were restored"):
        region_config.configure(installation, url="http://127.0.0.1:9/MAAS", wait=0.1)
    assert box.read("region_config") == before
