"""Streams that are encrypted to public keys of age, changed, cut off and opened."""

from __future__ import annotations

import io
import os
import stat
import sys

import pytest
from saltext.maas.errors import LibraryMissing
from saltext.maas.host import age

pytest.importorskip("pyrage", reason="pyrage is not installed")

CHUNK = 65536 + 16


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two pairs: the text of the private key, and the public key."""
    found = []
    for name in ("one", "two"):
        path = tmp_path_factory.mktemp("keys") / name
        public = age.write_key(str(path))
        found.append((path.read_text(), public))
    return found


def closed(data, *public):
    target = io.BytesIO()
    age.encrypt(io.BytesIO(data), target, age.public_keys(public))
    return target.getvalue()


def opened(data, private, size=-1):
    with age.decrypted(io.BytesIO(data), age.private_keys(private, "key")) as stream:
        found = b""
        while part := stream.read(size):
            found += part
        return found


@pytest.mark.parametrize("size", [0, 1, 65536, 300_000])
def test_each_of_the_keys_opens_it_in_pieces(size, keys):
    data = os.urandom(size)
    written = closed(data, *(public for _, public in keys))
    assert data[:64] not in written or size < 2
    for private, _ in keys:
        assert opened(written, private) == opened(written, private, 10_000) == data
    with pytest.raises(age.AgeError, match="for another key"):
        opened(closed(data, keys[0][1]), keys[1][0])


def test_every_change_and_every_cut_is_noticed(keys):
    private, public = keys[0]
    written = closed(b"a" * 65536 + b"b" * 65536 + b"c", public)
    start = len(written) - 2 * CHUNK - 17
    first, second, last = (written[start:][n * CHUNK : n * CHUNK + CHUNK] for n in range(3))
    changed = [written[:start] + second + first + last, written[:start] + first + last]
    changed += [written[:cut] for cut in (0, 10, start, start + CHUNK, len(written) - 1)]
    changed += [written + b"x", closed(b"d", public)[:start] + written[start:]]
    for place in (*range(0, start, 3), start + 10, start + CHUNK, len(written) - 1):
        changed.append(written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :])
    for one in changed:
        with pytest.raises(age.AgeError, match=r"was changed, or is cut off|for another key"):
            opened(one, private)


def test_nobody_has_to_read_it_to_its_end(keys):
    private, public = keys[0]
    written = closed(bytes(3_000_000), public)
    with age.decrypted(io.BytesIO(written), age.private_keys(private, "key")) as stream:
        assert stream.read(10) == bytes(10)


def test_what_source_and_target_raise_is_kept(keys):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        age.encrypt(io.BytesIO(bytes(200_000)), Full(), age.public_keys([keys[0][1]]))


@pytest.mark.parametrize("text", ["", "age1", "age1" + "q" * 58, None, 7, "ssh-ed25519 AAAA"])
def test_what_is_no_public_key(text):
    with pytest.raises(age.AgeError, match=r"^key: must be a public key"):
        age.public_keys([text])


def test_a_private_key_in_the_wrong_place_is_not_shown(keys):
    private = keys[0][0].split()[-1]
    with pytest.raises(age.AgeError, match="not a private key") as raised:
        age.public_keys([private])
    assert private[16:] not in str(raised.value)
    for text in (f"{private}\n{private[:-1]}\n", "# nothing\n"):
        with pytest.raises(age.AgeError, match=r"^/root/key must hold") as raised:
            age.private_keys(text, "/root/key")
        assert private[16:40] not in str(raised.value)


def test_a_new_key_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "key"
    before = os.umask(0)
    try:
        public = age.write_key(str(path))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert opened(closed(b"data", public), path.read_text()) == b"data"
    with pytest.raises(age.AgeError, match="cannot be written: File exists"):
        age.write_key(str(path))


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(LibraryMissing, match="salt-pip install pyrage"):
        age.public_keys(["age1"])
