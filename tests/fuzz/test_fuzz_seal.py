"""Sealed secrets, envelopes, signed answers and keys from minions that lie."""

# ruff: noqa: E501 -- hostile values read best with many on a line

from __future__ import annotations

import base64
import json
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from saltext.maas import envelope, seal
from saltext.maas.fleet import signed
from saltext.maas.minions import keys
from support.hostile import SECRET, bytes_of, examples, folder, mutated, texts, tried

REGION, RACK = (rsa.generate_private_key(65537, 2048) for _ in range(2))
PUBLIC = seal.public_text(REGION)
BOX = seal.seal(
    SECRET, "rack-1", seal.public_text(RACK), "region", REGION, envelope.PURPOSE, 86400
)  # fmt: skip
PEM = RACK.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
WHOLE = {"sender": "region", "sender_key": PUBLIC, "boxes": {"rack-1": BOX}, "problems": {}}
NONCE = signed.nonce()
TEXT = json.dumps({"a": 1})
ANSWER = {
    "answer": TEXT,
    "signature": seal.sign(
        {"minion": "region", "function": "f", "nonce": NONCE, "answer": TEXT}, REGION
    ),
}


def changed_text(value):
    """A box in which bytes of one of its parts are changed, so that it stays in form."""
    names = st.sampled_from(["key", "nonce", "text", "signature", "serial", "sender"])

    def change(name):
        raw = value[name].encode()
        return bytes_of(raw).map(lambda data: {**value, name: data.decode("utf-8", "replace")})

    return names.flatmap(change)


@examples(10, 1)
@given(st.one_of(mutated(BOX), changed_text(BOX)))
def test_a_changed_box_is_never_opened(box):
    found, _ = tried(
        "sealed secret", seal.unseal, box, "rack-1", RACK, "region", PUBLIC, envelope.PURPOSE
    )
    assert found is None or box == BOX


@examples(2, 0.1)
@given(mutated(WHOLE))
def test_an_envelope(given):
    with folder() as root:
        (root / "minion.pem").write_bytes(PEM)
        opts = {"id": "rack-1", "pki_dir": str(root), "cachedir": str(root / "cache")}
        dunders = {"__opts__": opts, "__pillar__": {}, "__salt__": {}, "__context__": {}}
        found, _ = tried("sealed secret", envelope.open_own, dunders, given, root=root)
        boxes = given.get("boxes") if isinstance(given, dict) else None
        assert found is None or (isinstance(boxes, dict) and boxes.get("rack-1") == BOX)


@examples(4, 0.3)
@given(st.one_of(bytes_of(f"{'0' * 32} {int(time.time())}\n" * 3), bytes_of("")))
def test_a_broken_note_of_opened_boxes(content):
    with folder() as root:
        (root / "opened").write_bytes(content)
        opened = str(root / "opened")
        found, _ = tried(
            "sealed secret", seal.unseal, BOX, "rack-1", RACK, "region", PUBLIC, envelope.PURPOSE,
            opened, root=root,
        )  # fmt: skip
        if found is not None:
            again, error = tried(
                "sealed secret", seal.unseal, BOX, "rack-1", RACK, "region", PUBLIC,
                envelope.PURPOSE, opened, root=root,
            )  # fmt: skip
            assert again is None
            assert "before" in str(error)


@examples(2, 0.1)
@given(st.one_of(bytes_of(PEM), bytes_of(PUBLIC), texts.map(lambda one: one.encode("utf-8", "replace"))),
       st.sampled_from([None, "", "pass", "\ud800"]))  # fmt: skip
def test_keys(content, passphrase):
    with folder() as root:
        (root / "minion.pem").write_bytes(content)
        tried("key", seal.private_key, str(root / "minion.pem"), passphrase, root=root)
    tried("key", seal.public_key, content.decode("utf-8", "replace"))
    tried("key", seal.public_key, content)
    tried("key", keys.as_pem, content.decode("utf-8", "surrogateescape"))
    tried("key", keys.as_pem, base64.b64encode(content).decode())


@examples(8, 0.5)
@given(mutated(ANSWER))
def test_a_signed_answer(given):
    found, _ = tried("signed answer", signed.opened, given, "region", "f", NONCE, PUBLIC)
    assert found is None or given == ANSWER


@examples(4, 0.3)
@given(mutated(ANSWER["answer"], most=1))
def test_the_answer_of_a_key_s_owner_may_be_anything(text):
    """Whoever has the key signs what it likes."""
    said = {"minion": "region", "function": "f", "nonce": NONCE, "answer": text}
    given = {"answer": text, "signature": seal.sign(said, REGION)}
    tried("signed answer", signed.opened, given, "region", "f", NONCE, PUBLIC)
