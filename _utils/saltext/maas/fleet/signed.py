"""Answers that are signed by the minion that gives them.

Salt's event bus does not show who put a minion's return on it.  What decides about secrets and
whole regions is therefore signed with the minion's own key, together with what was asked and a
number that was never used before.
"""

from __future__ import annotations

import json
import os

from saltext.maas import seal
from saltext.maas.errors import MaasError

_FIELDS = {"answer", "signature"}


class Forged(MaasError):
    """An answer is not the minion's own."""


def nonce() -> str:
    """A number for one question."""
    return os.urandom(16).hex()


def close(dunders, function: str, once: str, value) -> dict:
    """Sign an answer with this minion's key.

    Args:
        dunders: A Salt module's ``globals()``, on the minion.
        function: What was asked.
        once: The question's number.
        value: The answer; what JSON can hold.

    Returns:
        ``{"answer": text, "signature": text}``.

    Raises:
        SealError: The minion's key cannot be read.
    """
    own, key = seal.own_key(dunders)
    text = json.dumps(value)
    return {"answer": text, "signature": seal.sign(_said(own, function, once, text), key)}


def opened(given, minion: str, function: str, once: str, key: str):
    """What was answered.

    Args:
        given: From :func:`close`.
        minion: Who must have signed it.
        function, once: What was asked.
        key: That minion's public key, PEM.

    Raises:
        Forged: It is not that minion's answer to that question.
    """
    sound = isinstance(given, dict) and set(given) == _FIELDS
    if not sound or not all(isinstance(one, str) for one in given.values()):
        raise Forged(f"the answer to {function} is not signed by {minion}")
    said = _said(minion, function, once, given["answer"])
    if not seal.is_signed(said, given["signature"], key):
        raise Forged(f"the answer to {function} is not signed by {minion}")
    return json.loads(given["answer"])


def _said(minion, function, once, text):
    return {"minion": minion, "function": function, "nonce": once, "answer": text}
