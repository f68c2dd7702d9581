"""What a region said last: read once for many, and nobody held up by a region or a secret store."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from saltext.maas import cache, master
from saltext.maas.errors import BadInput, MaasError
from support.canned_nodes import Region, machine

NOBODY = 65534
LONG = 30  # seconds that nobody may wait


def of(region, folder, **options):
    return cache.NodeCache(lambda: region, str(folder), "http://region/MAAS", **options)


@pytest.fixture
def at_once():
    """The test must not have waited for anything."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONG / 2


@pytest.fixture
def hanging():
    region = Region(machines=[machine("m1")])
    region.hold = threading.Event()
    yield region
    region.hold.set()


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_region_is_asked_once_for_many(tmp_path, hanging):
    answers = []
    askers = [
        threading.Thread(target=lambda: answers.append(of(hanging, tmp_path).nodes(10)))
        for _ in range(8)
    ]
    for asker in askers:
        asker.start()
    hanging.hold.set()
    for asker in askers:
        asker.join()
    assert len(hanging.asked) == 4  # one for each kind of node
    assert [one[0]["system_id"] for one in answers] == ["m1"] * 8
    wait_for(lambda: hanging.closed == 1)
    assert of(hanging, tmp_path).nodes(0)[0]["fqdn"] == "m1.maas"


# A region that hangs


def test_after_one_who_waited_in_vain_nobody_waits(tmp_path, hanging, at_once):
    assert of(hanging, tmp_path).nodes(0.1) == []
    assert of(hanging, tmp_path).nodes(LONG) == []
    assert len(hanging.asked) == 4
    hanging.hold.set()
    # What comes late is there for the next.
    wait_for(lambda: of(hanging, tmp_path).nodes(0))
    # ... and the failure is forgotten.
    hanging.hold.clear()
    wait_for(lambda: not list((tmp_path / "maas").glob("*.failed")))
    of(hanging, tmp_path, lifetime=0).nodes(0.1)
    assert len(hanging.asked) == 8


def test_while_somebody_asks_others_take_the_last_answer(tmp_path, hanging, at_once):
    hanging.hold.set()
    assert of(hanging, tmp_path).nodes(10)
    hanging.hold.clear()
    assert of(hanging, tmp_path, lifetime=0).nodes(0.1)[0]["system_id"] == "m1"
    # No rest: what makes these return at once is that there is an answer.
    for _ in range(3):
        assert of(hanging, tmp_path, lifetime=0, rest=0).nodes(LONG)[0]["system_id"] == "m1"
    assert len(hanging.asked) == 8


def test_those_who_wait_for_a_first_answer_note_that_it_did_not_come(tmp_path, hanging, at_once):
    first = threading.Thread(target=of(hanging, tmp_path).nodes, args=(LONG,), daemon=True)
    first.start()
    wait_for(lambda: hanging.asked)
    assert of(hanging, tmp_path).nodes(0.1) == []
    assert of(hanging, tmp_path).nodes(LONG) == []


def test_those_who_wait_for_a_first_answer_hear_of_a_failure(tmp_path, hanging, at_once):
    hanging.collections["machines"] = MaasError("out of order")
    first = threading.Thread(target=of(hanging, tmp_path).nodes, args=(LONG,), daemon=True)
    first.start()
    wait_for(lambda: hanging.asked)
    threading.Timer(0.1, hanging.hold.set).start()
    assert of(hanging, tmp_path).nodes(LONG) == []


PROGRAM = """
import sys, threading
from saltext.maas import cache
from saltext.maas.release import Release

class Region:
    release = Release("3.7")
    def get(self, path, op=None):
        threading.Event().wait(60)

print(cache.NodeCache(Region, sys.argv[1], "region").nodes(0.1))
"""


def test_a_program_ends_while_a_region_hangs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "_utils")},
        capture_output=True, text=True, timeout=40,
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr


# A region that fails


def test_a_region_that_fails_is_left_alone_for_a_while(tmp_path):
    region = Region(machines=[machine("m1")])
    assert of(region, tmp_path, lifetime=0).nodes(10)
    region.collections["machines"] = MaasError("out of order")
    asked = len(region.asked)
    assert of(region, tmp_path, lifetime=0).nodes(10)[0]["system_id"] == "m1"
    assert len(region.asked) > asked
    asked = len(region.asked)
    assert of(region, tmp_path, lifetime=0).nodes(10)[0]["system_id"] == "m1"
    assert len(region.asked) == asked
    assert of(region, tmp_path, lifetime=0, rest=0).nodes(10)
    assert len(region.asked) > asked


@pytest.mark.parametrize(
    "body", [[{"hostname": "nameless"}], "a page", {"machines": []}, ["m1"], RuntimeError("odd")]
)
def test_an_unexpected_answer_is_a_failure_too(tmp_path, body, caplog):
    region = Region(machines=body)
    with caplog.at_level(logging.WARNING):
        assert of(region, tmp_path).nodes(10) == []
        asked = len(region.asked)
        assert of(region, tmp_path).nodes(10) == []
    assert len(region.asked) == asked
    assert "could not be read" in caplog.text
    assert "not asked again within 30 s" in caplog.text


def test_what_a_secret_store_says_is_not_logged(tmp_path, caplog):
    def sealed():
        raise RuntimeError("vault is sealed, token s3cret")

    with caplog.at_level(logging.DEBUG):
        assert cache.NodeCache(sealed, str(tmp_path), "region").nodes(10) == []
    assert "RuntimeError at test_cache.py:" in caplog.text
    assert "s3cret" not in caplog.text


# Files


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "7", '{"at": "never", "nodes": []}', '{"nodes": []}', '{"at": 1e999, "nodes": []}',
     '{"at": 9, "nodes": [7]}', "[" * 5000],
)  # fmt: skip
def test_a_broken_file_is_no_answer(tmp_path, text):
    one = of(Region(machines=[machine("m1")]), tmp_path)
    one.nodes(10)
    (file,) = (tmp_path / "maas").glob("*.json")
    file.write_text(text)
    assert one.nodes(10)[0]["system_id"] == "m1"
    assert json.loads(file.read_text())["nodes"]


def test_where_nothing_can_be_kept_the_region_is_asked_all_the_same(tmp_path, caplog):
    (tmp_path / "maas").write_text("no folder")
    region = Region(machines=[machine("m1")])
    assert of(region, tmp_path).nodes(10)[0]["system_id"] == "m1"
    assert f"No lock in {tmp_path}/maas" in caplog.text


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path):
    one = of(Region(machines=[machine("m1")]), tmp_path)
    one.nodes(10)
    (file,) = (tmp_path / "maas").glob("*.json")
    (tmp_path / "precious").write_text("gold")
    for ending in ("lock", "failed"):
        Path(f"{file}.{ending}").unlink(missing_ok=True)
        Path(f"{file}.{ending}").symlink_to(tmp_path / "other")
    file.unlink()
    file.symlink_to(tmp_path / "precious")
    assert one.nodes(10)[0]["system_id"] == "m1"
    assert (tmp_path / "precious").read_text() == "gold"
    assert not (tmp_path / "other").exists()


def as_nobody(check):
    """Whether something holds for another user."""
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def cache_folder():
    """A folder of a master that does not run as root."""
    if os.geteuid():
        pytest.skip("only root can do what salt-ssh does as root")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        yield Path(folder)


def test_what_root_asked_first_is_the_masters(cache_folder):
    region = Region(machines=[machine("m1")])
    assert of(region, cache_folder).nodes(10)
    region.collections["machines"] = MaasError("out of order")
    assert of(region, cache_folder, lifetime=0).nodes(10)
    there = [cache_folder / "maas", *(cache_folder / "maas").iterdir()]
    assert len(there) == 4  # folder, answer, lock, failure
    assert {(file.stat().st_uid, file.stat().st_gid) for file in there} == {(NOBODY, NOBODY)}
    assert not any(file.stat().st_mode & 0o077 for file in there)
    region.collections["machines"] = [machine("m2")]
    again = of(region, cache_folder, lifetime=0, rest=0)
    assert as_nobody(lambda: again.nodes(10)[0]["system_id"] == "m2")
    assert of(region, cache_folder).nodes(0)[0]["system_id"] == "m2"


def test_where_files_are_out_of_reach_the_region_is_asked(cache_folder):
    one = of(Region(machines=[machine("m1")]), cache_folder)
    assert one.nodes(10)
    for file in (cache_folder / "maas").iterdir():
        os.chown(file, 0, 0)
    assert as_nobody(lambda: one.nodes(10)[0]["system_id"] == "m1")
    os.chown(cache_folder / "maas", 0, 0)
    assert as_nobody(lambda: one.nodes(10)[0]["system_id"] == "m1")


# A profile with a reference to a secret


@pytest.fixture
def store(monkeypatch):
    """A secret store that does as it is outcome, and counts."""
    import salt.utils.sdb

    class Store:
        asked = 0
        key = "a:b:c"

        def get(self, uri, opts):
            assert opts["cachedir"]
            self.asked += 1
            if isinstance(self.key, Exception):
                raise self.key
            if isinstance(self.key, threading.Event):
                self.key.wait(LONG)
            return "a:b:c"

    store = Store()
    monkeypatch.setattr(salt.utils.sdb, "sdb_get", store.get)
    return store


@pytest.fixture
def opts(tmp_path, monkeypatch):
    region = Region(machines=[machine("m1")])
    region.profiles = []
    monkeypatch.setattr(master, "Client", lambda reach: region.profiles.append(reach) or region)
    return {
        "cachedir": str(tmp_path), "region": region,
        "maas": {"url": "http://192.0.2.1/MAAS/", "api_key": "sdb://vault/key"},
    }  # fmt: skip


def test_a_secret_store_is_asked_only_with_the_region(opts, store):
    assert master.node_cache(opts).nodes(10)
    assert store.asked == 1
    store.key = RuntimeError("vault is sealed")
    assert master.node_cache(opts).nodes(10)
    assert store.asked == 1
    assert master.node_cache(opts, lifetime=0).nodes(10)[0]["system_id"] == "m1"
    assert store.asked == 2


def test_a_secret_store_that_hangs_holds_nobody_up(opts, store, at_once):
    store.key = threading.Event()
    assert master.node_cache(opts).nodes(0.1) == []
    assert master.node_cache(opts).nodes(LONG) == []
    assert store.asked == 1
    store.key.set()
    wait_for(lambda: master.node_cache(opts).nodes(0))


def test_the_region_is_given_up_soon(opts, store):
    master.node_cache(opts).nodes(10)
    (reach,) = opts["region"].profiles
    assert (reach.deadline, reach.api_key, reach.url) == (60, "a:b:c", "http://192.0.2.1/MAAS")


def test_the_same_region_is_kept_once(opts, store):
    master.node_cache(opts).nodes(10)
    opts["other"] = {"url": "http://192.0.2.1/MAAS/api/2.0/", "api_key": "d:e:f"}
    master.node_cache(opts, "other").nodes(10)
    assert len(opts["region"].profiles) == 1


def test_a_missing_profile_is_reported(opts):
    with pytest.raises(BadInput, match=r"^site: is missing in Salt's conf"):
        master.node_cache(opts, "site")
