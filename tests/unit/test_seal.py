"""Sealed boxes: who can open one, when, and that nobody can change one."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from saltext.maas import seal

SECRET = "0123456789abcdef" * 2
PURPOSE = "maas shared secret"


def private(bits=2048):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@pytest.fixture(scope="module")
def keys():
    return {name: private() for name in ("region", "rack-1", "rack-2")}


def pem(key, form="PKCS8", passphrase=None):
    protection = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(
        serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), protection
    )


def sealed(keys, **changed):
    given = {
        "secret": SECRET, "recipient": "rack-1", "sender": "region", "purpose": PURPOSE,
        "recipient_key": seal.public_text(keys["rack-1"]), "sender_key": keys["region"],
    }  # fmt: skip
    return seal.seal(**{**given, **changed})


def unseal(keys, box, **changed):
    given = {
        "recipient": "rack-1", "recipient_key": keys["rack-1"], "sender": "region",
        "sender_key": seal.public_text(keys["region"]), "purpose": PURPOSE,
    }  # fmt: skip
    return seal.unseal(box, **{**given, **changed})


def test_the_recipient_opens_it(keys):
    box = json.loads(json.dumps(sealed(keys)))
    assert unseal(keys, box) == SECRET
    assert SECRET not in json.dumps(box)
    assert len(json.dumps(box)) < 1500


def test_two_boxes_of_one_secret_have_nothing_in_common(keys):
    one, two = sealed(keys), sealed(keys)
    for name in ("key", "nonce", "text", "serial", "signature"):
        assert one[name] != two[name]


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"recipient": "rack-2"}, "another recipient"),
        ({"sender": "rack-2"}, "another sender"),
        ({"purpose": "something else"}, "another purpose"),
    ],
)
def test_it_is_bound_to_recipient_sender_and_purpose(keys, changed, outcome):
    with pytest.raises(seal.SealError, match=outcome):
        unseal(keys, sealed(keys), **changed)


def test_another_minion_cannot_open_it_even_if_it_says_it_is_the_recipient(keys):
    with pytest.raises(seal.SealError, match="another key"):
        unseal(keys, sealed(keys), recipient_key=keys["rack-2"])


def test_another_sender_cannot_pass_for_the_region(keys):
    with pytest.raises(seal.SealError, match="not sealed by region"):
        unseal(keys, sealed(keys, sender_key=keys["rack-2"]))


def test_no_part_can_be_changed(keys):
    whole, other = sealed(keys), sealed(keys, lifetime=60)
    for name, value in whole.items():
        changed = value - 1 if isinstance(value, int) else value + "x"
        box = {**whole, name: other[name] if value != other[name] else changed}
        with pytest.raises(seal.SealError) as caught:
            unseal(keys, box)
        assert SECRET not in str(caught.value)


def test_what_is_no_box_is_refused(keys):
    for box in (
        None, "", [], {}, {"version": 1}, "x" * 100000,
        dict.fromkeys(seal._FIELDS), dict.fromkeys(seal._FIELDS, "x" * 9000),
    ):  # fmt: skip
        with pytest.raises(seal.SealError, match="no sealed box"):
            unseal(keys, box)


def test_it_does_not_last(keys, monkeypatch):
    box = sealed(keys, lifetime=60)
    now = seal.time.time()
    monkeypatch.setattr(seal.time, "time", lambda: now + 60 + seal.SKEW + 2)
    with pytest.raises(seal.SealError, match="too old"):
        unseal(keys, box)
    monkeypatch.setattr(seal.time, "time", lambda: now - seal.SKEW - 2)
    with pytest.raises(seal.SealError, match="future"):
        unseal(keys, box)


def test_a_damaged_note_of_opened_boxes(keys, tmp_path):
    opened = tmp_path / "opened"
    opened.write_bytes(b"\xff\0 7\n" + b"0" * 32 + b" " + b"9" * 5000 + b"\nx y z\n")
    box = sealed(keys)
    assert unseal(keys, box, opened=str(opened)) == SECRET
    with pytest.raises(seal.SealError, match="opened before"):
        unseal(keys, box, opened=str(opened))


def test_what_is_sealed_may_be_no_text(keys):
    box = sealed(keys, secret=b"\xff\xfe")
    with pytest.raises(seal.SealError, match="what region has sealed is no text"):
        unseal(keys, box)


def test_it_opens_once_and_what_expired_is_forgotten(keys, tmp_path, monkeypatch):
    opened = tmp_path / "opened"
    box = sealed(keys)
    assert unseal(keys, box, opened=str(opened)) == SECRET
    with pytest.raises(seal.SealError, match="opened before"):
        unseal(keys, box, opened=str(opened))
    assert opened.stat().st_mode & 0o777 == 0o600
    assert SECRET not in opened.read_text()
    now = seal.time.time()
    monkeypatch.setattr(seal.time, "time", lambda: now + 3600)
    assert unseal(keys, sealed(keys), opened=str(opened)) == SECRET
    assert len(opened.read_text().splitlines()) == 1


@pytest.mark.parametrize("form", ["TraditionalOpenSSL", "PKCS8"])
@pytest.mark.parametrize("passphrase", [None, "pass phrase"])
def test_private_keys_of_every_salt_are_read(keys, tmp_path, form, passphrase):
    path = tmp_path / "minion.pem"
    path.write_bytes(pem(keys["rack-1"], form, passphrase))
    key = seal.private_key(str(path), passphrase)
    assert unseal(keys, sealed(keys), recipient_key=key) == SECRET
    with pytest.raises(seal.SealError, match="pass phrase") if passphrase else _nothing():
        seal.private_key(str(path), None)
    with pytest.raises(seal.SealError, match="pass phrase") if passphrase else _nothing():
        seal.private_key(str(path), "another")


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


@pytest.mark.parametrize("form", ["SubjectPublicKeyInfo", "PKCS1"])
def test_public_keys_of_every_salt_are_read(keys, form):
    text = keys["rack-1"].public_key().public_bytes(
        serialization.Encoding.PEM, getattr(serialization.PublicFormat, form)
    )  # fmt: skip
    # Salt's key store drops the last line's end, and some of its versions write CRLF.
    for one in (text, text.strip(), text.replace(b"\n", b"\r\n"), text.decode()):
        assert unseal(keys, sealed(keys, recipient_key=one)) == SECRET


def test_what_is_no_key_is_refused():
    for text in ("", "no key", "-----BEGIN PUBLIC KEY-----\nxx\n"):
        with pytest.raises(seal.SealError, match="no public key"):
            seal.public_key(text)


def test_weak_keys_are_refused():
    with pytest.raises(seal.SealError, match="2048"):
        seal.public_key(seal.public_text(private(1024)))


def test_a_key_of_an_unknown_kind_is_refused():
    der = bytes.fromhex("302a300506032b6579032100") + bytes(32)  # 1.3.101.121 is none
    body = base64.b64encode(der).decode()
    text = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
    with pytest.raises(seal.SealError, match="only RSA keys of 2048 bits"):
        seal.public_key(text)


def test_a_key_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(seal.SealError, match=r"minion\.pem: No such file"):
        seal.private_key(str(tmp_path / "minion.pem"))


@pytest.mark.parametrize("secret", ["", "x" * 5000])
def test_what_can_be_sealed_has_a_size(keys, secret):
    with pytest.raises(seal.SealError, match="bytes") as caught:
        sealed(keys, secret=secret)
    assert not secret or secret not in str(caught.value)
