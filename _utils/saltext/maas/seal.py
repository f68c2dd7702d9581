"""A sealed box: a secret that only one minion can open, for one purpose, for a short time.

A one-time key encrypts the secret (AES-256-GCM) and is itself encrypted for the
recipient's public key (RSA-OAEP with SHA-256).  Who may open it, what for, who sealed
it and until when stand outside in clear, are authenticated with the secret, and are
signed by the sender together with all the rest (RSA-PSS with SHA-256).

The keys are those that Salt's minions have anyway.  Salt writes private keys as PKCS#1,
or as PKCS#8 where FIPS is on or a newer release does, and public keys that older ones
made begin with ``BEGIN RSA PUBLIC KEY``; all are read, with or without a pass phrase.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import time
from typing import Any

import filelock
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from saltext.maas import atomic_file, runtime
from saltext.maas.errors import MaasError

VERSION = 1
#: Seconds for which a box can be opened by default, and at the most.
LIFETIME, _LONGEST = 600, 86400
#: Seconds by which two hosts' clocks may differ.
SKEW = 120
#: Bytes of a box as JSON, of a secret, and of the file that remembers opened boxes.
MAX_BOX, MAX_SECRET, _MAX_OPENED = 16384, 4096, 1 << 20

_NOTED = re.compile(r"([0-9a-f]{32}) ([0-9]{1,15})")
_HEAD = ("version", "recipient", "sender", "purpose", "issued", "expires", "serial")
_BODY = ("key", "nonce", "text")
_FIELDS = {*_HEAD, *_BODY, "signature"}
_NUMBERS = {"version", "issued", "expires"}
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
_MIN_BITS = 2048


class SealError(MaasError):
    """A box cannot be made or opened; the text never shows what is in it."""


# Keys


def public_key(text: Any) -> rsa.RSAPublicKey:
    """Read a minion's public key.

    Args:
        text: PEM, as Salt keeps it in ``pki_dir/minions`` or ``minion.pub``.

    Raises:
        SealError: It is none, or no RSA key of 2048 bits or more.
    """
    try:
        key = serialization.load_pem_public_key(_bytes(text).strip() + b"\n")
    except (ValueError, TypeError):
        raise SealError("what was given is no public key in PEM form") from None
    except UnsupportedAlgorithm:
        key = None  # of a kind that is not even known
    return _strong(key, rsa.RSAPublicKey)


def private_key(path: str, passphrase: str | None = None) -> rsa.RSAPrivateKey:
    """Read this minion's own private key.

    Args:
        path: ``pki_dir/minion.pem``.
        passphrase: Text, where the key file is encrypted.

    Raises:
        SealError: It is missing, broken, or needs another pass phrase.
    """
    what = f"the minion's private key {path}"
    given = _bytes(passphrase) if passphrase else None
    try:
        with open(path, "rb") as stream:
            pem = stream.read(65536)
        try:
            key = serialization.load_pem_private_key(pem, given)
        except TypeError:
            if not given:
                raise SealError(f"{what} needs a pass phrase") from None
            # Salt passes its key_pass to keys that were made before there was one, too.
            key = serialization.load_pem_private_key(pem, None)
    except OSError as error:
        raise SealError(f"{what}: {error.strerror}") from None
    except (TypeError, ValueError):
        raise SealError(f"{what} is broken, or its pass phrase another") from None
    return _strong(key, rsa.RSAPrivateKey)


def own_key(dunders) -> tuple[str, rsa.RSAPrivateKey]:
    """Return this minion's id and private key, from a Salt module's ``globals()``.

    Raises:
        SealError: The key cannot be read.
    """
    opts = dunders["__opts__"]
    passphrase = runtime.revealed(dunders, opts.get("key_pass"))
    return opts["id"], private_key(os.path.join(opts["pki_dir"], "minion.pem"), passphrase)


def public_text(key: rsa.RSAPrivateKey) -> str:
    """Return the public half of a private key, as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _strong(key, kind):
    if not isinstance(key, kind) or key.key_size < _MIN_BITS:
        raise SealError(f"only RSA keys of {_MIN_BITS} bits or more can be used")
    return key


# Boxes


def seal(
    secret: str,
    recipient: str,
    recipient_key: str,
    sender: str,
    sender_key: rsa.RSAPrivateKey,
    purpose: str,
    lifetime: float = LIFETIME,
) -> dict:
    """Seal a secret for one minion.

    Args:
        secret: Text.
        recipient: The minion's id.
        recipient_key: Its public key, PEM.
        sender: The id of the minion that seals.
        sender_key: Its private key, from :func:`private_key`.
        purpose: What it is for; opened only for the same.
        lifetime: Seconds for which it can be opened, at most a day.

    Returns:
        The box, a flat mapping of text and numbers that JSON can hold.

    Raises:
        SealError: A key or value does not do.
    """
    data = _bytes(secret)
    if not data or len(data) > MAX_SECRET:
        raise SealError(f"a secret must have 1 to {MAX_SECRET} bytes")
    if not 0 < lifetime <= _LONGEST:
        raise SealError(f"lifetime must be more than 0 and at most {_LONGEST} seconds")
    now = int(time.time())
    head = {
        "version": VERSION, "recipient": str(recipient), "sender": str(sender),
        "purpose": str(purpose), "issued": now, "expires": now + int(lifetime),
        "serial": os.urandom(16).hex(),
    }  # fmt: skip
    once, nonce = AESGCM.generate_key(256), os.urandom(12)
    box = {
        **head,
        "key": _text(public_key(recipient_key).encrypt(once, _OAEP)),
        "nonce": _text(nonce),
        "text": _text(AESGCM(once).encrypt(nonce, data, _canonical(head))),
    }
    return {**box, "signature": sign(box, sender_key)}


def unseal(
    box: Any,
    recipient: str,
    recipient_key: rsa.RSAPrivateKey,
    sender: str,
    sender_key: str,
    purpose: str,
    opened: str | None = None,
) -> str:
    """Open a box.

    Args:
        box: From :func:`seal`, as a mapping.
        recipient: This minion's id.
        recipient_key: Its private key, from :func:`private_key`.
        sender: The minion that must have sealed it.
        sender_key: That one's public key, PEM.
        purpose: What it must be for.
        opened: File that remembers which boxes were opened, so that none is a
            second time.

    Returns:
        The secret.

    Raises:
        SealError: The box is for another minion or purpose, from another sender, too
            old, opened before, or was changed.
    """
    if not _is_box(box):
        raise SealError("what was given is no sealed box")
    if box["version"] != VERSION:
        raise SealError(f"the box is of version {box['version']}; this one opens {VERSION}")
    for what, desired in (("recipient", recipient), ("sender", sender), ("purpose", purpose)):
        if box[what] != desired:
            raise SealError(f"the box is for another {what} than {desired}")
    _check_time(box)
    if not is_signed({name: box[name] for name in (*_HEAD, *_BODY)}, box["signature"], sender_key):
        raise SealError(f"the box was not sealed by {sender}, or was changed")
    try:
        once = recipient_key.decrypt(_raw(box["key"]), _OAEP)
    except ValueError:
        raise SealError(
            "the box was sealed for another key than this minion's: does the master hold this "
            "minion's present key?"
        ) from None
    head = _canonical({name: box[name] for name in _HEAD})
    try:
        secret = AESGCM(once).decrypt(_raw(box["nonce"]), _raw(box["text"]), head)
    except (InvalidTag, ValueError):
        raise SealError("the box was changed on its way") from None
    if opened:
        _remember(opened, box["serial"], box["expires"])
    try:
        return secret.decode()
    except UnicodeDecodeError:
        raise SealError(f"what {sender} has sealed is no text") from None


def _is_box(box):
    return (
        isinstance(box, dict)
        and set(box) == _FIELDS
        and all(type(box[name]) is (int if name in _NUMBERS else str) for name in _FIELDS)
        and sum(len(str(value)) for value in box.values()) <= MAX_BOX
        and re.fullmatch(r"[0-9a-f]{32}", box["serial"])
    )


def _check_time(box):
    now = time.time()
    if box["expires"] + SKEW < now or box["expires"] - box["issued"] > _LONGEST:
        raise SealError(
            "the box is too old to be opened; have it sealed again, and if this repeats compare "
            "the clocks of both hosts"
        )
    if box["issued"] - SKEW > now:
        raise SealError("the box comes from the future; compare the clocks of both hosts")


def _remember(path, serial, expires):
    """Note an opened box, and refuse it the second time; what has expired is forgotten."""
    try:
        # The file itself is exchanged, so another one is locked.
        with filelock.FileLock(f"{path}.lock", mode=0o600):
            opened = _opened(path)
            if serial in opened:
                raise SealError("the box was opened before; have it sealed again")
            opened[serial] = expires
            lines = (f"{one} {until}\n" for one, until in opened.items())
            atomic_file.put(path, "".join(lines), lasting=True)
    except OSError as error:
        raise SealError(
            f"the box was not opened, because its serial number cannot be recorded in {path}: "
            f"{error.strerror}"
        ) from None


def _opened(path) -> dict:
    """The boxes that were opened and could be still, with the time until which."""
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            lines = stream.read(_MAX_OPENED).splitlines()
    except FileNotFoundError:
        return {}
    pairs = [found.groups() for found in map(_NOTED.fullmatch, lines) if found]
    now = time.time()
    return {one: int(until) for one, until in pairs if int(until) + SKEW >= now}


# Signatures


def sign(values: dict, key: rsa.RSAPrivateKey) -> str:
    """Sign a flat mapping with a private key, from :func:`private_key`."""
    return _text(key.sign(_canonical(values), _PSS, hashes.SHA256()))


def is_signed(values: dict, signature: str, key: str) -> bool:
    """Return whether a signature of :func:`sign` is right for a mapping and a public key, PEM.

    Raises:
        SealError: The key is none.
    """
    reader = public_key(key)
    try:
        reader.verify(_raw(signature), _canonical(values), _PSS, hashes.SHA256())
    except (InvalidSignature, SealError):
        return False
    return True


def _canonical(values) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def _bytes(value) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SealError("what was given is no sealed box") from None
