"""Streams encrypted to public keys in the format of `age <https://age-encryption.org>`_, by pyrage.

A backup can so be read with the tool ``age`` where neither Salt nor this extension is.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from saltext.maas.errors import LibraryMissing, MaasError


class AgeError(MaasError):
    """A key is none, or a file cannot be opened with it or was changed."""


def _pyrage():
    try:
        import pyrage  # not everywhere
    except ImportError:
        raise LibraryMissing(
            "the Python library pyrage is not installed where Salt runs, so that nothing can be "
            "encrypted for a key: salt-pip install pyrage"
        ) from None
    return pyrage


def public_keys(texts: Iterable[str]) -> list:
    """Return public keys from their texts, ``age1…``.

    Raises:
        AgeError: One is none.
        LibraryMissing: pyrage is not installed.
    """
    return [_public_key(_pyrage(), text) for text in texts]


def _public_key(pyrage, text):
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except (TypeError, pyrage.RecipientError):
        shown = str(text)[:20]
        if "SECRET" in shown.upper():
            shown = "a private key"
        raise AgeError(f"key: must be a public key of age, age1…, not {shown}") from None


def write_key(path: str) -> str:
    """Write a new private key to a file for its owner alone, and return the public key.

    Raises:
        AgeError: The file exists already, or cannot be written.
        LibraryMissing: pyrage is not installed.
    """
    key = _pyrage().x25519.Identity.generate()
    public = str(key.to_public())
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AgeError(f"{path} cannot be written: {error.strerror}") from None
    with open(handle, "w", encoding="ascii") as stream:
        stream.write(f"# public key: {public}\n{key}\n")
        stream.flush()
        os.fsync(handle)
    return public


def private_keys(text: str, name: str) -> list:
    """Return the private keys of a file as ``age-keygen`` writes it.

    Args:
        text: Its text.
        name: Its name, for messages.

    Raises:
        AgeError: There is none in it, or something else too; the text is never shown.
        LibraryMissing: pyrage is not installed.
    """
    pyrage = _pyrage()
    lines = [line.strip() for line in text.splitlines()]
    try:
        found = [
            pyrage.x25519.Identity.from_str(line)
            for line in lines
            if line and not line.startswith("#")
        ]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise AgeError(f"{name} must hold private keys of age alone, AGE-SECRET-KEY-1…")
    return found


def encrypt(source: Any, target: Any, keys: Sequence) -> None:
    """Encrypt what ``source`` reads, as a stream.

    Args:
        source: With ``read``.
        target: With ``write`` and ``flush``.
        keys: From :func:`public_keys`; each opens it.

    Raises:
        AgeError: The library refused; what ``source`` and ``target`` raise comes as it is.
    """
    failures: list[Exception] = []

    def kept(work):
        def call(*given):
            try:
                return work(*given)
            except Exception as error:
                failures.append(error)
                raise

        return call

    reader = SimpleNamespace(read=kept(source.read))
    writer = SimpleNamespace(write=kept(target.write), flush=kept(target.flush))
    try:
        _pyrage().encrypt_io(reader, writer, keys)
    except Exception as error:
        raise (failures or [AgeError(str(error))])[0] from None


@contextlib.contextmanager
def decrypted(stream: Any, keys: Sequence) -> Iterator[Any]:
    """Decrypt a stream, of which nothing is given out in which one bit was changed.

    Whether it goes on to its end shows with the last read only, which then raises; so everything is
    to be read.

    Args:
        stream: With ``read``.
        keys: From :func:`private_keys`.

    Yields:
        Something with ``read``, which raises AgeError where the stream was changed, is cut off, or
        was encrypted for another key.
    """
    reader, writer = os.pipe()
    failures: list[Exception] = []

    def work():
        try:
            with open(writer, "wb") as target:
                _pyrage().decrypt_io(stream, target, keys)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        with open(reader, "rb") as source:
            yield _Decrypted(source, thread, failures)
    finally:
        thread.join()  # which ends as soon as nobody reads any more


class _Decrypted:
    def __init__(self, source, thread, failures):
        self._source, self._thread, self._failures = source, thread, failures

    def read(self, size=-1):
        data = self._source.read(size)
        if not data and size:
            self._thread.join()
            if self._failures:
                raise _reason(self._failures[0])
        return data


def _reason(error):
    if "No matching keys" in str(error):
        return AgeError("it was encrypted for another key")
    return AgeError("it was changed, or is cut off")
