"""What was found right is not checked again, and nothing else is ever taken for right."""

from __future__ import annotations

import contextlib
import os
import stat
import sys

import pytest
from saltext.maas import pillar, schemas
from saltext.maas.checked import _MOST, NOTHING, Checked, _code
from saltext.maas.client import Profile
from saltext.maas.errors import BadInput, LibraryMissing
from saltext.maas.release import Release

VALUE = {"users": {"ops": {"password": "correct horse"}}, "vid": 1, "list": [None, 1.5, b"x", True]}
PILLAR = {
    "release": "3.7",
    "fabrics": {"dc1": {"vlans": {10: {"mtu": 9000}}}},
    "subnets": {"10.0.0.0/24": {"vlan": "dc1/10"}},
    "machine_classes": {"web": {"tags": ["web"], "zone": "north"}},
    "machines": {"web-1": {"class": "web", "mac_addresses": ["52:54:00:00:00:01"]}},
    "zones": {"north": None},
    "tags": {"web": {"comment": "front ends"}},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "maas/checked"


@contextlib.contextmanager
def unchecked():
    """Whatever is checked fails in this block."""
    schemas._validator_kind.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "jsonschema", None)
        yield
    schemas._validator_kind.cache_clear()


def test_the_very_same_value_is_known_to_later_runs(path):
    assert not Checked(str(path)).knows(VALUE, "3.7")
    Checked(str(path)).note(VALUE, "3.7")
    Checked(str(path)).note({}, "3.7")
    assert Checked(str(path)).knows({**VALUE}, "3.7")
    for other in (
        (VALUE, "3.6"), (VALUE,), ({**VALUE, "vid": True}, "3.7"), ({**VALUE, "vid": "1"}, "3.7"),
        ({**VALUE, "vid": 1.0}, "3.7"), ({**VALUE, "list": [None, 1.5, "x", True]}, "3.7"),
    ):  # fmt: skip
        assert not Checked(str(path)).knows(*other), other
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_digest_is_another_one_on_another_host(tmp_path):
    for name in ("one", "two"):
        Checked(str(tmp_path / name)).note(VALUE)
    one, two = ((tmp_path / name).read_text().split("\n") for name in ("one", "two"))
    assert len(one) == len(two) == 2
    assert not {*one} & {*two}


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def _open_to_others(path):
    path.chmod(0o640)


def _link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _other_key(path):
    path.write_text("0" * 64 + path.read_text()[64:])


def _pipe(path):
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(), lambda path: path.write_bytes(b"\xff" * 64),
        lambda path: path.write_text(""), lambda path: path.write_text("0" * 10_000_000),
        _truncate, _open_to_others, _link, _other_key, _pipe,
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_relied_on_remembers_nothing_and_is_replaced(path, damage):
    Checked(str(path)).note(VALUE)
    damage(path)
    assert not Checked(str(path)).knows(VALUE)
    Checked(str(path)).note(VALUE)
    assert Checked(str(path)).knows(VALUE)
    assert path.is_file()
    assert not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_other_code_checks_again(path, monkeypatch):
    Checked(str(path)).note(VALUE)
    monkeypatch.setattr("saltext.maas.checked.__version__", "0.0")
    _code.cache_clear()
    try:
        assert not Checked(str(path)).knows(VALUE)
    finally:
        monkeypatch.undo()
        _code.cache_clear()
    assert Checked(str(path)).knows(VALUE)


def test_what_cannot_be_remembered_is_checked_each_time(tmp_path):
    (tmp_path / "file").touch()
    for checked, value in (
        (Checked(str(tmp_path / "file/checked")), VALUE),
        (Checked(str(tmp_path / "checked")), {"odd": object()}),
        (NOTHING, VALUE),
    ):
        checked.note(value)
        assert not checked.knows(value)


def test_the_latest_are_remembered(path):
    checked = Checked(str(path))
    for number in range(_MOST + 1):
        checked.note(number)
    assert not checked.knows(0)
    assert checked.knows(1)
    assert checked.knows(_MOST)


def test_a_pillar_is_checked_once_for_each_release_line(path):
    checked, release = Checked(str(path)), Release("3.7.3")
    with unchecked(), pytest.raises(LibraryMissing):
        pillar.check(PILLAR, release, checked)
    objects = pillar.checked_objects(PILLAR, release, checked)
    with unchecked():
        pillar.check(PILLAR, Release("3.7"), checked)
        assert pillar.checked_objects(PILLAR, release, checked) == objects
        for other, of in ((PILLAR, Release("3.6")), ({**PILLAR, "tags": {"web": None}}, release)):
            with pytest.raises(LibraryMissing):
                pillar.check(other, of, checked)


def test_what_is_wrong_is_refused_again(path):
    checked, release = Checked(str(path)), Release("3.7")
    wrong = {**PILLAR, "subnets": {"10.0.0.0/24": {"gateway_ip": "10.9.0.1"}}}
    for call in (pillar.check, pillar.checked_objects, pillar.check):
        with pytest.raises(BadInput, match="gateway_ip"):
            call(wrong, release, checked)
    for _ in range(2):
        with pytest.raises(BadInput, match="connect_timeout"):
            Profile.from_mapping({"url": "http://r/MAAS", "connect_timeout": -1}, checked=checked)
    assert not path.exists()
