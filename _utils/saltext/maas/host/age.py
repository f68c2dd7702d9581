"""Files in the format of `age <https://age-encryption.org/v1>`_: streams for public keys.

The tool ``age`` opens what is written here, and the other way round; so a backup can be read where
neither Salt nor this extension is.  Keys are X25519 (``age1…`` and ``AGE-SECRET-KEY-1…``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from saltext.maas.errors import MaasError

_VERSION = b"age-encryption.org/v1"
_CHUNK = 64 * 1024
_TAG = 16
_LONGEST_HEADER = 256 * 1024
_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_PUBLIC, _PRIVATE = "age", "age-secret-key-"
_RAW = serialization.Encoding.Raw
_NO_NONCE = bytes(12)


class AgeError(MaasError):
    """A key is none, or a file cannot be opened with it or was changed."""


# Keys: Bech32 of 32 bytes, as in BIP 173.


def _polymod(values):
    found = 1
    for value in values:
        top = found >> 25
        found = (found & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            found ^= term if top >> bit & 1 else 0
    return found


def _spread(prefix):
    return [*(ord(one) >> 5 for one in prefix), 0, *(ord(one) & 31 for one in prefix)]


def _regroup(values, bits_in, bits_out):
    """Numbers of some bits as numbers of others, and what is left over: its bits and its value."""
    held = bits = 0
    found = []
    for value in values:
        held, bits = held << bits_in | value, bits + bits_in
        while bits >= bits_out:
            bits -= bits_out
            found.append(held >> bits & ((1 << bits_out) - 1))
        held &= (1 << bits) - 1
    return found, bits, held


def _encode(prefix, raw):
    values, bits, held = _regroup(raw, 8, 5)
    values += [held << 5 - bits] if bits else []
    check = _polymod([*_spread(prefix), *values, *bytes(6)]) ^ 1
    values += [check >> 5 * (5 - place) & 31 for place in range(6)]
    return f"{prefix}1{''.join(_LETTERS[value] for value in values)}"


def _decode(prefix, text):
    """The 32 bytes of a key, or None."""
    if text not in (text.lower(), text.upper()):
        return None
    start, _, rest = text.lower().rpartition("1")
    if start != prefix or not set(rest) <= set(_LETTERS) or len(rest) < 6:
        return None
    values = [_LETTERS.index(one) for one in rest]
    if _polymod([*_spread(prefix), *values]) != 1:
        return None
    raw, bits, held = _regroup(values[:-6], 5, 8)
    return bytes(raw) if len(raw) == 32 and bits < 5 and not held else None


def public_key(text: object) -> X25519PublicKey:
    """Return a public key from its text, ``age1…``.

    Raises:
        AgeError: It is none.
    """
    raw = _decode(_PUBLIC, text.strip()) if isinstance(text, str) else None
    if raw is None:
        shown = str(text)[:20]
        if shown.lower().startswith(_PRIVATE):
            shown = "a private key"
        raise AgeError(f"key: must be a public key of age, age1…, not {shown}")
    return X25519PublicKey.from_public_bytes(raw)


def generate() -> tuple[str, str]:
    """Return a new pair of keys: the private one's text, and the public one's."""
    key = X25519PrivateKey.generate()
    raw = key.private_bytes(_RAW, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return _encode(_PRIVATE, raw).upper(), _encode(_PUBLIC, _public(key))


def write_key(path: str) -> str:
    """Write a new private key to a file for its owner alone, and return the public key.

    Raises:
        AgeError: The file exists already, or cannot be written.
    """
    private, public = generate()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AgeError(f"{path} cannot be written: {error.strerror}") from None
    with open(handle, "w", encoding="ascii") as stream:
        stream.write(f"# public key: {public}\n{private}\n")
        stream.flush()
        os.fsync(handle)
    return public


def private_keys(text: str, name: str) -> list[X25519PrivateKey]:
    """Return the private keys of a file as ``age-keygen`` writes it.

    Args:
        text: Its text.
        name: Its name, for messages.

    Raises:
        AgeError: There is none in it, or something else too; the text is never shown.
    """
    lines = [line.strip() for line in text.splitlines()]
    found = [_decode(_PRIVATE, line) for line in lines if line and not line.startswith("#")]
    if not found or None in found:
        raise AgeError(f"{name} must hold private keys of age alone, AGE-SECRET-KEY-1…")
    return [X25519PrivateKey.from_private_bytes(raw) for raw in found if raw]


def _public(key):
    return key.public_key().public_bytes(_RAW, serialization.PublicFormat.Raw)


def _derived(secret, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info).derive(secret)


def _wrapping(shared, ephemeral, recipient):
    info = _VERSION + b"/X25519"
    return ChaCha20Poly1305(_derived(shared, ephemeral + recipient, info))


def _text(raw):
    return base64.b64encode(raw).rstrip(b"=")


def _raw(text):
    try:
        found = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise AgeError("it is no file of age, or was changed") from None
    if _text(found) != text:
        raise AgeError("it is no file of age, or was changed")
    return found


def _mac(file_key, header):
    return hmac.digest(_derived(file_key, None, b"header"), header, hashlib.sha256)


def _nonce(number, last):
    return number.to_bytes(11, "big") + bytes([last])


class Writer:
    """Encrypts what is written to it, into a stream; :meth:`close` ends it.

    Args:
        stream: Where the file goes.
        keys: Public keys, each of which can open it.

    Raises:
        AgeError: There is no key, or one is none.
    """

    def __init__(self, stream: BinaryIO, keys: Iterable[str]):
        recipients = [public_key(text) for text in keys]
        if not recipients:
            raise AgeError("key: is missing")
        file_key, nonce = os.urandom(16), os.urandom(16)
        header = _VERSION + b"\n"
        for one in recipients:
            ephemeral = X25519PrivateKey.generate()
            raw = one.public_bytes(_RAW, serialization.PublicFormat.Raw)
            wrapping = _wrapping(ephemeral.exchange(one), _public(ephemeral), raw)
            header += b"-> X25519 " + _text(_public(ephemeral)) + b"\n"
            header += _text(wrapping.encrypt(_NO_NONCE, file_key, None)) + b"\n"
        header += b"---"
        stream.write(header + b" " + _text(_mac(file_key, header)) + b"\n" + nonce)
        self._stream, self._held, self._number = stream, bytearray(), 0
        self._cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))

    def write(self, data: bytes) -> int:
        """Encrypt some bytes."""
        self._held += data
        start = 0
        while len(self._held) - start > _CHUNK:  # one stays, as the last has a mark
            self._put(bytes(self._held[start : start + _CHUNK]), last=False)
            start += _CHUNK
        del self._held[:start]
        return len(data)

    def _put(self, data, last):
        self._stream.write(self._cipher.encrypt(_nonce(self._number, last), data, None))
        self._number += 1

    def close(self) -> None:
        """Write the rest, with the mark of the end."""
        self._put(bytes(self._held), last=True)


class Reader:
    """Reads what a file holds; nothing is given out of which one bit was changed.

    That the file goes on to its end shows with the last piece only, so everything is to be read.

    Args:
        stream: The file.
        keys: Private keys.

    Raises:
        AgeError: None of them opens it, or it is no such file.
    """

    def __init__(self, stream: BinaryIO, keys: Sequence[X25519PrivateKey]):
        header, stanzas, mac = _header(stream)
        file_key = _opened(stanzas, keys)
        if not hmac.compare_digest(_mac(file_key, header), mac):
            raise AgeError("its header was changed")
        nonce = stream.read(16)
        self._cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
        self._stream, self._number, self._held = stream, 0, b""
        self._next = stream.read(_CHUNK + _TAG)
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Return up to so many bytes, all by default; none at the end.

        Raises:
            AgeError: The file was changed or is cut off.
        """
        parts, left = [], size
        while left:
            if not self._held and not self._fill():
                break
            part = self._held if left < 0 else self._held[:left]
            self._held = self._held[len(part) :]
            parts.append(part)
            left -= len(part) if left > 0 else 0
        return b"".join(parts)

    def _fill(self):
        if self._ended:
            return False
        now, self._next = self._next, self._stream.read(_CHUNK + _TAG)
        self._ended = not self._next
        try:
            self._held = self._cipher.decrypt(_nonce(self._number, self._ended), now, None)
        except InvalidTag:
            raise AgeError("it was changed, or is cut off") from None
        self._number += 1
        return bool(self._held)


def _header(stream):
    """All lines before the mac, as bytes; what they say, and the mac."""
    header = line = stream.readline(200)
    if line != _VERSION + b"\n":
        raise AgeError("it is no file of age")
    stanzas: list[tuple[list[bytes], bytes]] = []
    while len(header) < _LONGEST_HEADER:
        line = stream.readline(2000)
        if line.startswith(b"--- ") and line.endswith(b"\n"):
            return header + b"---", stanzas, _raw(line[4:-1])
        header += line
        if line.startswith(b"-> "):
            stanzas.append((line[3:-1].split(b" "), b""))
        elif line.endswith(b"\n") and stanzas:
            stanzas[-1] = (stanzas[-1][0], stanzas[-1][1] + line[:-1])
        else:
            break
    raise AgeError("it is no file of age, or was changed")


def _opened(stanzas, keys):
    for words, body in stanzas:
        if words[0] != b"X25519" or len(words) != 2:
            continue
        ephemeral, wrapped = _raw(words[1]), _raw(body)
        if len(ephemeral) != 32 or len(wrapped) != 32:
            raise AgeError("it is no file of age, or was changed")
        for key in keys:
            try:
                shared = key.exchange(X25519PublicKey.from_public_bytes(ephemeral))
                wrapping = _wrapping(shared, ephemeral, _public(key))
                return wrapping.decrypt(_NO_NONCE, wrapped, None)
            except (InvalidTag, ValueError):
                continue
    raise AgeError("it was encrypted for another key")
