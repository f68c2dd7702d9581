"""Runs that are killed at every step, and what the next run makes of them."""

from __future__ import annotations

import json
import os
import stat

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas.host import region_config, transaction
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from saltext.maas.host.transaction import FOLDER, Transaction
from support import killing

REGION = {
    "url": "http://192.0.2.7/MAAS",
    "database_host": "db.example.com",
    "database_password": "pw-unlikely-7",
}


BROKER = {"broker_longpoll_password": "Lxunlikely9", "broker_workers_password": "Wxunlikely8"}


@pytest.mark.parametrize(
    ("kind", "release"),
    [
        ("deb", "1.5"),
        pytest.param("deb", "1.9", marks=pytest.mark.sweep),
        ("deb", "3.7"),
        ("snap", "3.4"),
    ],
)
def test_a_region_killed_at_any_point_is_repaired_by_the_next_run(kind, release, tmp_path):
    more = BROKER if release == "1.5" else {}
    reports = killing.every_point(
        release=release,
        part="region",
        role="region",
        folder=str(tmp_path),
        settings={**REGION, **more},
        options={"kind": kind},
        files=["region_config", "celery_config", "txlongpoll"],
        state="broker" if more else None,
    )
    assert len(reports) > 10
    assert [one["killed"] for one in reports] == [True] * (len(reports) - 1) + [False]
    for point, one in enumerate(reports):
        for name, text in one["after"].items():
            whole = text in (one["before"][name], reports[-1]["end"][name])
            assert whole or text.count("\n") >= one["before"][name].count("\n"), (name, point)
        assert one["planned"]["changes"] == one["done"]["changes"], point
        assert one["late"] == [], point
        assert one["again"]["changes"] == {}, point
        assert one["litter"] == [], point
        assert one["unfinished"] is False
        text = one["end"]["region_config"]
        assert "http://192.0.2.7/MAAS" in text
        assert "pw-unlikely-7" in text
        assert "db.example.com" in text
        if more:
            assert one["state"] == {"maas_longpoll": "Lxunlikely9", "maas_workers": "Wxunlikely8"}
            assert "Lxunlikely9" in one["end"]["txlongpoll"]
            assert "Wxunlikely8@192.0.2.7" in one["end"]["celery_config"]


def test_a_killed_installation_of_the_secret_is_finished_by_the_next_run(tmp_path):
    reports = killing.every_point(
        release="2.9",
        part="region",
        role="region",
        call="install_secret",
        journal="secret",
        folder=str(tmp_path),
        settings={"value": "c0ffee" * 5},
        files=["secret"],
    )
    assert len(reports) > 10
    for point, one in enumerate(reports):
        assert one["after"]["secret"] in (None, "c0ffee" * 5), point
        assert one["planned"]["changes"] == one["done"]["changes"], point
        assert (one["late"], one["again"]["changes"], one["litter"]) == ([], {}, []), point
        assert one["end"]["secret"] == "c0ffee" * 5
        assert one["unfinished"] is False


@pytest.fixture
def host(tmp_path):
    box = sandbox.create(tmp_path / "host", "3.7", "region")
    return box, detect(box.root)


def killed_halfway(installation, path, text):
    """As if a run had been killed after it wrote the file."""

    def run():
        with Transaction(installation, "region", [path], services=["maas-regiond"]):
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
