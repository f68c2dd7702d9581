"""Atomic edits: owner, mode, backup, validation, and putting back."""

from __future__ import annotations

import os
import stat

import pytest
from saltext.maas.host import files
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release


@pytest.fixture
def installation(tmp_path):
    return Installation(Release("3.7"), "deb", frozenset({"region"}), str(tmp_path))


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "a.conf"
    path.write_text("old\n")
    path.chmod(0o644)
    return path


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_mode_and_backup(installation, conf):
    files.replace(installation, str(conf), "new\n")
    assert conf.read_text() == "new\n"
    assert mode(conf) == 0o644
    backup = f"{conf}{files.BACKUP_SUFFIX}"
    with open(backup) as stream:
        assert stream.read() == "old\n"
    assert mode(backup) == 0o600
    conf.chmod(0o400)
    files.replace(installation, str(conf), "newer\n")
    assert (mode(conf), mode(backup)) == (0o400, 0o400)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays(installation, conf):
    os.chown(conf, 12345, 23456)
    files.replace(installation, str(conf), "new\n")
    now = os.stat(conf)
    assert (now.st_uid, now.st_gid) == (12345, 23456)


def test_a_new_file(installation, tmp_path):
    path = tmp_path / "new.conf"
    files.replace(installation, str(path), "x", owner=("nosuch-user", "nosuch-group"))
    assert (path.read_text(), mode(path)) == ("x", 0o640)
    assert os.listdir(tmp_path) == ["new.conf"]


def test_a_link_is_followed(installation, conf, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(conf)
    files.replace(installation, str(link), "new\n")
    assert link.is_symlink()
    assert conf.read_text() == "new\n"


def test_what_does_not_validate_is_not_put_in(installation, conf, tmp_path):
    def refuse(text):
        assert text == "new\n"
        raise HostError("bad")

    with pytest.raises(HostError, match="bad"):
        files.replace(installation, str(conf), "new\n", refuse)
    assert conf.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["a.conf"]


def test_a_full_disk_leaves_the_old_file(installation, conf, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HostError, match="No space left on device"):
        files.replace(installation, str(conf), "new\n")
    assert conf.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["a.conf"]


def test_a_missing_folder_is_reported(installation, tmp_path):
    with pytest.raises(HostError, match="cannot be written: No such file"):
        files.replace(installation, str(tmp_path / "no" / "file"), "x")


def test_reading(tmp_path):
    assert files.read(str(tmp_path / "none")) is None
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(HostError, match="cannot be read"):
        files.read(str(tmp_path / "bytes"))
    with pytest.raises(HostError, match="no regular file"):
        files.read(str(tmp_path))


def test_secrets_are_owned_by_maas_where_there_is_one(installation, conf):
    note = files.own_secret(installation, str(conf), "nosuch-user", "nosuch-group")
    assert note == "/a.conf was not given a new owner: there is no nosuch-user:nosuch-group here."
    assert mode(conf) == 0o640
