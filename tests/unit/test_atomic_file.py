"""Files that are written as a whole or not at all: killed anywhere, or on a full disk."""

from __future__ import annotations

import os

import pytest
from saltext.maas import atomic_file, pillar, seal
from saltext.maas.cache import NodeCache
from saltext.maas.errors import MaasError
from support.killing import forked, full_disk


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_replaced_and_private(tmp_path):
    path = tmp_path / "file"
    for text in ("one", "two"):
        atomic_file.put(str(path), text, lasting=True)
        assert path.read_text() == text
    assert path.stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_all_as_it_was(tmp_path, there):
    path = tmp_path / "file"
    if there:
        path.write_text("before")

    def write():
        try:
            atomic_file.put(str(path), "x" * 5000)
        except OSError as error:
            return error.strerror

    assert forked(lambda: full_disk(write, 1000)) == "File too large"
    assert files(tmp_path) == (["file"] if there else [])
    assert not there or path.read_text() == "before"


def test_what_the_master_keeps_leaves_nothing_on_a_full_disk(tmp_path):
    kept = NodeCache(None, str(tmp_path), "region")
    kept._store({"at": 1, "nodes": []})
    before = files(tmp_path)

    def write():
        kept._store({"at": 2, "nodes": ["x" * 5000]})
        return "outcome in the log"

    assert forked(lambda: full_disk(write, 1000)) == "outcome in the log"
    assert [name for name in files(tmp_path) if not name.endswith("lock")] == before
    assert kept._load() == {"at": 1.0, "nodes": []}


def test_opened_boxes_are_remembered_through_a_kill_at_any_point(tmp_path):
    """Killed while a second box is noted, the first one stays used up."""
    for point in range(20):
        path = tmp_path / f"opened-{point}"
        seal._remember(str(path), "a" * 32, 2**40)
        ended = forked(lambda path=path: seal._remember(str(path), "b" * 32, 2**40) or 1, point)
        for serial in ("a" * 32, *(["b" * 32] if ended else [])):
            with pytest.raises(seal.SealError, match="opened before"):
                seal._remember(str(path), serial, 2**40)
        if ended:
            break
    assert point > 2


def test_a_box_that_cannot_be_noted_is_not_opened(tmp_path):
    path = tmp_path / "opened"
    seal._remember(str(path), "a" * 32, 2**40)
    before = path.read_text()

    def remember():
        try:
            seal._remember(str(path), "b" * 32, 2**40)
        except seal.SealError as error:
            return str(error)

    outcome = forked(lambda: full_disk(remember, 10))
    why = f"because its serial number cannot be recorded in {path}: File too large"
    assert outcome == f"the box was not opened, {why}"
    assert path.read_text() == before
    assert files(tmp_path) == ["opened", "opened.lock"]
    with pytest.raises(seal.SealError, match="opened before"):
        seal._remember(str(path), "a" * 32, 2**40)


def test_what_another_left_there_is_not_followed(tmp_path):
    target = tmp_path / "target"
    os.symlink(target, tmp_path / "opened.lock")
    with pytest.raises(seal.SealError, match="cannot be recorded"):
        seal._remember(str(tmp_path / "opened"), "a" * 32, 2**40)
    assert not target.exists()


def test_an_export_is_whole_or_not_there(tmp_path):
    texts = {"init.sls": "include: []\n", "maas.sls": "x" * 5000}

    def write():
        try:
            pillar.write(str(tmp_path / "pillar"), texts)
        except MaasError as error:
            return str(error)

    assert "cannot be written: File too large" in forked(lambda: full_disk(write, 1000))
    assert files(tmp_path) == []
    assert len(pillar.write(str(tmp_path / "pillar"), texts)) == 2
