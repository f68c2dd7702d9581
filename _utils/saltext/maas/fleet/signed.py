"""Answers that are signed by the minion that gives them.

Salt's event bus does not show who put a minion's return on it.  What decides about secrets and
whole regions is therefore signed with the minion's own key, together with the question and a
number that is used once.
"""

from __future__ import annotations

import json
import os

from saltext.maas import parsing, seal
from saltext.maas.errors import MaasError


class Forged(MaasError):
    """An answer is not the minion's own."""


def nonce() -> str:
    """Return a number for one question."""
    return os.urandom(16).hex()


def close(dunders, function: str, once: str, value: object) -> dict[str, str]:
    """Sign an answer that JSON can hold with this minion's key: ``{"answer", "signature"}``.

    Raises:
        SealError: The minion's key cannot be read.
    """
    own, key = seal.own_key(dunders)
    text = json.dumps(value)
    return {"answer": text, "signature": seal.sign(_statement(own, function, once, text), key)}


def opened(given: object, minion: str, function: str, once: str, key: str) -> object:
    """Return what a minion answered, from what :func:`close` made of it.

    Args:
        given: What came.
        minion: Who must have signed it.
        function, once: What was asked, and the question's number.
        key: That minion's public key, PEM.

    Raises:
        Forged: It is not that minion's answer to that question.
    """
    parts = given if isinstance(given, dict) and set(given) == {"answer", "signature"} else {}
    text, signature = parts.get("answer"), parts.get("signature")
    said = _statement(minion, function, once, text)
    if (
        isinstance(text, str)
        and isinstance(signature, str)
        and seal.is_signed(said, signature, key)
    ):
        try:
            return parsing.of_json(text)
        except ValueError as error:
            raise Forged(f"the answer of {minion} to {function}: {error}") from None
    raise Forged(f"the answer to {function} is not signed by {minion}")


def _statement(minion, function, once, text):
    return {"minion": minion, "function": function, "nonce": once, "answer": text}
