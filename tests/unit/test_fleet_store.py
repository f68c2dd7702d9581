"""The state of a fleet on the master's disk: taken over, refused, and never half written."""

from __future__ import annotations

import json
import sqlite3
import time

import pytest
from saltext.maas.fleet.store import VERSION, Store, StoreError
from support.killing import forked, full_disk


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "fleet"))


def test_it_outlives_the_process_and_is_private(tmp_path, store):
    store.keep("rack-1", {"state": "enrolled"})
    store.enqueue("rack-2", "event")
    store.close()
    again = Store(str(tmp_path / "fleet"))
    assert again.record("rack-1")["state"] == "enrolled"
    assert list(again.queued()) == ["rack-2"]
    folder = tmp_path / "fleet"
    assert not [one for one in (folder, *folder.iterdir()) if one.stat().st_mode & 0o077]


def test_the_queue_is_in_order_and_asks_once(store):
    assert store.enqueue("rack-2", "event")
    time.sleep(0.01)
    assert store.enqueue("rack-1", "run")
    assert not store.enqueue("rack-2", "start")
    queued = store.queued()
    assert [(minion, one["by"]) for minion, one in queued.items()] == [
        ("rack-2", "event"), ("rack-1", "run"),
    ]  # fmt: skip
    store.keep("rack-2", {"state": "failed"})
    assert store.enqueue("rack-2", "start")  # for anew: its run has ended
    store.dequeue("rack-2", queued["rack-2"]["asked"])  # what was asked before
    assert list(store.queued()) == ["rack-1", "rack-2"]
    store.dequeue("rack-1", queued["rack-1"]["asked"])
    assert list(store.queued()) == ["rack-2"]


def test_a_refusal_is_reported_once(store):
    store.refuse("rack-1", "no key")
    assert store.take_refusal("rack-1") == "no key"
    assert store.take_refusal("rack-1") is None


def test_batches_change_and_go(store):
    ident = store.new_batch(region="r", minions=["rack-1"])
    store.change_batch(ident, envelope={"boxes": {}})
    assert store.batch(ident) == {"region": "r", "minions": ["rack-1"], "envelope": {"boxes": {}}}
    assert store.batch("../x") is None
    assert store.batch(None) is None
    store.drop_batches()
    assert store.batch(ident) is None


def test_only_one_works_and_a_killed_one_lets_go(tmp_path, store):
    other = Store(str(tmp_path / "fleet"))
    with store.working() as mine:
        assert mine
        with other.working() as second:
            assert not second
    with other.working() as mine:
        assert mine

    def die():
        with store.working():
            store.enqueue("rack-1", "event")
            open(tmp_path / "x", "w").close()

    assert forked(die, 0) is None
    with store.working() as mine:
        assert mine


def test_files_of_an_older_version_are_taken_over(tmp_path):
    folder = tmp_path / "fleet"
    for kind, name, text in (
        ("queue", "rack-1", json.dumps({"by": "event", "asked": 7.5})),
        ("queue", "rack-2", '{"asked": "x"}'),
        ("queue", "rack-3", "{"),
        ("queue", "rack-4", b"\xff"),
        ("clusters", "rack-1", json.dumps({"state": "failed", "step": "dhcp"})),
        ("clusters", "rack-2", "[]"),
        ("batches", "0" * 32, "{}"),
    ):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        path = folder / kind / f"{name}.json"
        path.write_bytes(text) if isinstance(text, bytes) else path.write_text(text)
    (folder / "queue" / "rack-9.json.0123").write_text("{")
    store = Store(str(folder))
    assert store.queued() == {
        "rack-2": {"by": None, "asked": 0}, "rack-3": {"by": None, "asked": 0},
        "rack-4": {"by": None, "asked": 0}, "rack-1": {"by": "event", "asked": 7.5},
    }  # fmt: skip
    assert store.records() == {"rack-1": {"state": "failed", "step": "dhcp"}, "rack-2": {}}
    assert not [path for path in folder.iterdir() if path.is_dir()]
    store.keep("rack-2", {"state": "enrolled"})
    assert Store(str(folder)).record("rack-2")["state"] == "enrolled"


def test_what_a_newer_version_wrote_is_refused(tmp_path, store):
    store.close()
    with sqlite3.connect(store.path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match=r"fleet\.sqlite was written by a newer version .* update"):
        Store(str(tmp_path / "fleet"))


def test_what_is_no_database_is_refused_and_named(tmp_path):
    (tmp_path / "fleet.sqlite").write_text("x" * 5000)
    with pytest.raises(StoreError, match=r"fleet\.sqlite: file is not a database"):
        Store(str(tmp_path))
    assert (tmp_path / "fleet.sqlite").read_text() == "x" * 5000
    (tmp_path / "no-folder").write_text("")
    with pytest.raises(StoreError, match=r"no-folder.*File exists"):
        Store(str(tmp_path / "no-folder"))


@pytest.mark.parametrize("row", ["", "[]", "[" * 5000, b"\xff", 7])
def test_what_somebody_else_wrote_into_it_is_reported(store, row):
    with sqlite3.connect(store.path) as db:
        db.execute("INSERT INTO batches VALUES ('b', ?)", (row,))
        db.execute("INSERT INTO records VALUES ('a', ?)", (row,))
    for read in (store.records, lambda: store.record("a"), lambda: store.change_batch("b", x=1)):
        with pytest.raises(StoreError, match=r"fleet\.sqlite is damaged: move the file away"):
            read()


def test_a_full_disk_is_reported_and_nothing_is_half_written(tmp_path, store):
    store.keep("rack-1", {"state": "enrolled"})

    def write():
        one = Store(str(tmp_path / "fleet"))
        try:
            one.enqueue("rack-1", "somebody" * 10000)
        except StoreError as error:
            return str(error)

    why = forked(lambda: full_disk(write, 30000))
    assert why.startswith("the state of the fleet in ")
    assert "disk" in why
    assert store.queued() == {}
    assert store.record("rack-1")["state"] == "enrolled"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "ceph", "fuse.glusterfs", "ext4", "tmpfs"])
def test_a_shared_file_system_is_refused(tmp_path, monkeypatch, kind):
    mounts = tmp_path / "mounts"
    lines = ("disk / ext4", f"server:/x {tmp_path}/a\\040b {kind}", f"other {tmp_path}/a nfs")
    mounts.write_text("".join(f"{line} rw 0 0\n" for line in lines))
    monkeypatch.setattr("saltext.maas.fleet.store._MOUNTS", str(mounts))
    Store(str(tmp_path / "another")).close()
    if kind in ("ext4", "tmpfs"):
        Store(str(tmp_path / "a b" / "fleet")).close()
    else:
        with pytest.raises(StoreError, match=rf"shared file system \({kind}\).*maas.fleet:folder"):
            Store(str(tmp_path / "a b" / "fleet"))


def test_each_store_has_a_mark_of_its_own(tmp_path):
    marks = []
    for name in ("one", "one", "two"):
        store = Store(str(tmp_path / name))
        marks.append(store.mark)
        store.close()
    assert marks[0] == marks[1] != marks[2]
    assert "0" not in marks
