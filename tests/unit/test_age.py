"""Files of age: what its own tool has written, and what is written here."""

from __future__ import annotations

import base64
import io
import os
import stat

import pytest
from saltext.maas.host import age

# Written by the tool itself (rage 0.11), for this key; it adds a stanza that nobody knows.
KEY = "AGE-SECRET-KEY-1APVJPEQ29AJ5YTVDJECGES3KZJ3XUY5XEDLXRSZ7F20UY7HM0PGS8QHZAA"
PUBLIC = "age195ufm24fq7mcvln0y9zwng7ayfsej57esg3sgf0gns5jm8vhx3yq4nxcfc"
FILE = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBJclRtS0hBRE10bkJXR3lSSmxiOUlNa0JkVU82eFMya3dEOGlU"
    "V2tQUXc4CmpkSUI3T1lTM0tjR0NuNCt0R1NnbXcrUkhiRTd1QmUvVGR6c05yQStPV28KLT4gRy1ncmVhc2UgXkNjRD4g"
    "aH5KR0ogRmo8VyBKQgpobEFxK3lhTlVSUFE5S0JWMENCQ3BnaHlocE5RODBaNnJWb2Yrai9SazFJUXAxTUVEYm5zV2xU"
    "NHdDR1JNLzRuCjVESkdBRE5DV2RZTndFSUFKUkc0NkJuV2JDTXkKLS0tIGRCUE5sTUNOY0VoYWJPTmhXUU9QUUZaajls"
    "Tm1FUHM0RmM3MDNFNkdQZzAK9YBq+pVDCWCqCU1rZZpZKY7+ZbJUgx7Lwrrxr1dfqy+J4Elb+aTnpQB+CqUFnKEcma78"
    "4g=="
)


def closed(data, *keys):
    stream = io.BytesIO()
    writer = age.Writer(stream, keys or [PUBLIC])
    for start in range(0, len(data), 50_000):
        writer.write(data[start : start + 50_000])
    writer.close()
    return stream.getvalue()


def opened(data, key=KEY, size=-1):
    reader, found = age.Reader(io.BytesIO(data), age.private_keys(key, "key")), b""
    while part := reader.read(size):
        found += part
    return found


def test_a_file_of_the_tool_is_opened():
    assert opened(FILE) == b"what a region holds\n"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 300_000])
def test_all_sizes_go_through_in_pieces(size):
    data = os.urandom(size)
    private, public = age.generate()
    written = closed(data, public, PUBLIC)
    assert data[:64] not in written or size < 2
    assert opened(written) == opened(written, f"# mine\n{private}\n", 10_000) == data


def test_every_flipped_bit_and_every_cut_is_noticed():
    written = closed(b"x" * 70_000)
    header = written.index(b"\n---") + 48
    places = [*range(header), header + 10, 1000, 66_000, len(written) - 1]
    for place in places:
        changed = bytearray(written)
        changed[place] ^= 1
        with pytest.raises(age.AgeError):
            opened(bytes(changed))
    chunk = 65536 + 16
    for cut in (0, 10, header, len(written) - chunk, len(written) - 1, written.index(b"\n---") + 63
                + chunk):  # fmt: skip
        with pytest.raises(age.AgeError):
            opened(written[:cut])
    with pytest.raises(age.AgeError):
        opened(written + b"x")


def test_chunks_that_change_places_or_files_are_noticed():
    written = closed(b"a" * 65536 + b"b" * 65536 + b"c")
    start = len(written) - (65536 + 16) * 2 - 17
    first, second = (written[start + 65552 * n : start + 65552 * (n + 1)] for n in (0, 1))
    assert opened(written[:start] + first + second + written[-17:])
    with pytest.raises(age.AgeError, match="changed"):
        opened(written[:start] + second + first + written[-17:])
    with pytest.raises(age.AgeError, match="changed"):
        opened(closed(b"a" * 65536 + b"d")[:start] + written[start:])


def test_another_key_is_told():
    private, _ = age.generate()
    with pytest.raises(age.AgeError, match="for another key"):
        opened(FILE, private)


@pytest.mark.parametrize(
    "text",
    ["", "age1", PUBLIC[:-1], f"{PUBLIC[:-1]}q", PUBLIC.replace("1", "1q", 1), PUBLIC.title(), None,
     7, "ssh-ed25519 AAAA", "age1" + "q" * 58],
)  # fmt: skip
def test_what_is_no_public_key(text):
    with pytest.raises(age.AgeError, match=r"^key: must be a public key"):
        age.public_key(text)
    with pytest.raises(age.AgeError):
        age.Writer(io.BytesIO(), [text])


def test_a_private_key_in_the_wrong_place_is_not_shown():
    with pytest.raises(age.AgeError) as raised:
        age.public_key(KEY)
    assert KEY[16:] not in str(raised.value)
    with pytest.raises(age.AgeError) as raised:
        age.private_keys(f"{KEY}\n{KEY[:-1]}\n", "/root/key")
    assert "/root/key" in str(raised.value)
    assert KEY[16:40] not in str(raised.value)


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
