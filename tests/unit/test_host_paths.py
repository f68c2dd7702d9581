"""What a local user, such as MAAS's own, cannot make root do by links."""

from __future__ import annotations

import os
import stat
import threading

import pytest
from saltext.maas.host import cli_login, files, paths, shared_secret
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release

MAAS = 12345  # the number of a user other than root

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play another user")


@pytest.fixture
def installation(tmp_path):
    return Installation(Release("3.7"), "deb", frozenset({"region"}), str(tmp_path))


@pytest.fixture
def theirs(tmp_path):
    """A folder of another user's, as /var/lib/maas is."""
    folder = tmp_path / "var/lib/maas"
    folder.mkdir(parents=True)
    os.chown(folder, MAAS, MAAS)
    return folder


@pytest.fixture
def precious(tmp_path):
    """A file of root's that must stay as it is."""
    path = tmp_path / "shadow"
    path.write_text("root's own")
    path.chmod(0o600)
    return path


def link(path, target):
    os.symlink(target, path)
    os.chown(path, MAAS, MAAS, follow_symlinks=False)


def same(path):
    now = os.stat(path)
    return (path.read_text(), stat.S_IMODE(now.st_mode), now.st_uid) == ("root's own", 0o600, 0)


@as_root
def test_nothing_is_done_through_a_link(installation, theirs, precious):
    link(theirs / "secret", precious)
    path = str(theirs / "secret")
    for act in (
        lambda: files.read(path),
        lambda: files.replace(installation, path, "00ff"),
        lambda: files.put(path, b"00ff", 0o644),
        lambda: files.own_secret(installation, path),
        lambda: files.make_private(path),
        lambda: shared_secret.install(installation, "00ff"),
        lambda: shared_secret.read(installation),
    ):
        with pytest.raises(HostError, match="symbolic link that a user other than root"):
            act()
    assert same(precious)


@as_root
def test_the_target_of_a_dangling_link_is_not_made(installation, theirs, tmp_path):
    link(theirs / "secret", tmp_path / "cron.d-evil")
    with pytest.raises(HostError, match="symbolic link"):
        shared_secret.write(installation, "00ff")
    assert not (tmp_path / "cron.d-evil").exists()


@as_root
def test_no_folder_is_reached_through_a_link(installation, theirs, precious, tmp_path):
    link(theirs / "image-storage", tmp_path)
    with pytest.raises(HostError, match="image-storage in it is a symbolic link"):
        files.replace(installation, str(theirs / "image-storage/shadow"), "mine")
    with pytest.raises(HostError, match="symbolic link"):
        paths.remove(str(theirs / "image-storage/shadow"))
    with pytest.raises(HostError, match="symbolic link"):
        paths.make_folder(str(theirs / "image-storage/new"))
    assert same(precious)
    assert not (tmp_path / "new").exists()


@as_root
def test_a_link_in_a_folder_that_all_may_write_to(theirs, precious):
    theirs.chmod(0o777)
    os.chown(theirs, 0, 0)
    os.symlink(precious, theirs / "secret")  # root's own link, but anyone can move it about
    with pytest.raises(HostError, match="symbolic link"):
        files.read(str(theirs / "secret"))


@as_root
def test_a_hard_link_is_not_given_away(installation, theirs, precious):
    os.link(precious, theirs / "secret")
    handle = paths.open_file(str(theirs / "secret"))
    try:
        with pytest.raises(HostError, match="hard link"):
            paths.give(handle, "secret", MAAS, MAAS)
    finally:
        os.close(handle)
    assert same(precious)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_regular_files_are_read(tmp_path, kind):
    path = tmp_path / "secret"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = "/dev/zero"
    with pytest.raises(HostError, match="no regular file"):
        files.read(str(path))


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "LIMIT", 1 << 20)
    path = tmp_path / "secret"
    with open(path, "wb") as stream:
        stream.truncate((1 << 20) + 1)
    with pytest.raises(HostError, match="larger than 1 MiB"):
        files.read(str(path))


def test_links_of_root_are_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.conf").write_text("here")
    os.symlink("real", tmp_path / "alias")
    os.symlink("../real/a.conf", tmp_path / "real/b.conf")
    assert files.read(str(tmp_path / "alias/b.conf")) == "here"
    os.symlink("loop", tmp_path / "loop")
    with pytest.raises(HostError, match="Too many levels"):
        files.read(str(tmp_path / "loop"))


@as_root
def test_a_race_is_not_won(installation, theirs, precious):
    """The file becomes a link, and back, as fast as another process can do that."""
    path, stop = theirs / "secret", threading.Event()
    path.write_text("00ff")
    os.chown(path, MAAS, MAAS)

    def exchange():
        while not stop.is_set():
            link(theirs / "next", precious)
            os.replace(theirs / "next", path)
            (theirs / "next").write_text("00ff")
            os.replace(theirs / "next", path)

    racer = threading.Thread(target=exchange)
    racer.start()
    refused = 0
    try:
        for _ in range(150):
            for act in (
                lambda: files.own_secret(installation, str(path), "daemon", "daemon"),
                lambda: files.make_private(str(path)),
                lambda: files.replace(installation, str(path), "aa", backup=False),
            ):
                try:
                    act()
                except HostError:
                    refused += 1
    finally:
        stop.set()
        racer.join()
    assert refused
    assert same(precious)


@as_root
def test_a_profile_is_deleted_as_its_user(installation, tmp_path, precious):
    home = tmp_path / "home/bob"
    home.mkdir(parents=True)
    for folder in (tmp_path / "home/bob", tmp_path):
        os.chown(folder, MAAS, MAAS)
    (home / ".maascli.certs").symlink_to(tmp_path)
    os.chown(home / ".maascli.certs", MAAS, MAAS, follow_symlinks=False)
    who = cli_login.Account("bob", MAAS, MAAS, str(home))
    link(home / ".maascli.db", precious)
    with pytest.raises(HostError, match="symbolic link"):
        cli_login._tighten(who, str(home / ".maascli.db"))
    with pytest.raises(HostError, match="cannot be changed"):
        cli_login._delete(who, str(home / ".maascli.db"), "prod")
    assert same(precious)
