"""The lock of a region: one run at a time on a minion, whatever stands at its place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from saltext.maas import lock
from saltext.maas.errors import MaasError

URL = "http://192.0.2.10:5240/MAAS"
UTILS = Path(lock.__file__).parents[2]
HOLD = """
import sys
sys.path.insert(0, sys.argv[1])
from saltext.maas import lock
with lock.held(sys.argv[2], sys.argv[3], 1):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def another(tmp_path):
    """Another process that holds the lock until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(UTILS), str(tmp_path / "maas"), URL],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield process
    process.communicate()


def test_another_process_is_waited_for_and_named(tmp_path, another):
    folder = str(tmp_path / "maas")
    told = rf"\(process {another.pid}, since \d\d:\d\d:\d\d\) holds .* timed out after 0.2 s"
    with pytest.raises(MaasError, match=told), lock.held(folder, URL, 0.2):
        pass
    with lock.held(folder, "http://192.0.2.11:5240/MAAS", 0.2):
        pass  # another region
    another.communicate()
    with lock.held(folder, URL, 5) as held:
        assert held.mark
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert {one.stat().st_mode & 0o777 for one in Path(folder).iterdir()} == {0o600}


def test_a_killed_process_holds_nothing(tmp_path, another):
    another.kill()
    another.wait()
    with lock.held(str(tmp_path / "maas"), URL, 5):
        pass


def test_the_mark_changes_when_a_run_writes_and_only_then(tmp_path):
    marks = []
    for _ in range(2):
        with lock.held(str(tmp_path), URL, 1) as held:
            marks.append(held.mark)
    with lock.held(str(tmp_path), URL, 1) as held:
        marks.append(held.writing())
    with lock.held(str(tmp_path), URL, 1) as held:
        marks.append(held.mark)
    assert marks[0] == marks[1] != marks[2] == marks[3]


@pytest.mark.parametrize("suffix", ["lock", "note"])
def test_no_link_is_followed(tmp_path, suffix):
    with lock.held(str(tmp_path / "maas"), URL, 1):
        pass
    (place,) = (tmp_path / "maas").glob(f"*.{suffix}")
    other = tmp_path / "other"
    other.write_text("a b c")
    place.unlink()
    place.symlink_to(other)
    with lock.held(str(tmp_path / "maas"), URL, 1) as held:
        assert held.mark != "a"
        held.writing()
    assert other.read_text() == "a b c"
    assert other.stat().st_mode & 0o777 != 0o600


def test_where_no_file_can_be_made_the_work_goes_on(tmp_path, caplog):
    (tmp_path / "maas").write_text("a file is in the way")
    with lock.held(str(tmp_path / "maas"), URL, 1) as held:
        assert held.writing()
    assert "No lock in " in caplog.text
