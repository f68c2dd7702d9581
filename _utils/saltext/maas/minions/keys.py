"""The keys of minions that Salt's master holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from cryptography.hazmat.primitives import serialization
from saltext.maas import seal

ACCEPTED, REJECTED = "minions", "minions_rejected"
_LEFT_OVER = ("minions_pre", "minions_denied")


def fingerprint(pem: str) -> str:
    """Return the SHA-256 of a public key, whichever way it is written.

    Raises:
        SealError: It is no RSA key of 2048 bits or more.
    """
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(
        seal.public_key(pem).public_bytes(serialization.Encoding.DER, form)
    ).hexdigest()


def as_pem(body: str) -> str:
    """Return the PEM of a public key from its body alone, without line ends and padding.

    Raises:
        SealError: It is no RSA key of 2048 bits or more.
    """
    whole = body + "=" * (-len(body) % 4)
    lines = [whole[start : start + 64] for start in range(0, len(whole), 64)]
    pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----"])
    seal.public_key(pem)
    return pem + "\n"


def as_body(pem: str) -> str:
    """Return what :func:`as_pem` reads."""
    return "".join(one for one in pem.split("\n") if "-" not in one).rstrip("=")


class Keys:
    """The keys of this master.

    Args:
        opts: The configuration of a runner.
    """

    def __init__(self, opts: dict):
        import salt.config
        import salt.key
        import salt.utils.user

        # What a minion calls runs with that minion's id in place of the master's.
        own = salt.config.master_config(opts["conf_file"])["id"]
        self.opts = {**opts, "id": own, "user": salt.utils.user.get_user()}
        self._keys = salt.key.get_key(self.opts)

    def of(self, minion: str) -> dict[str, str]:
        """Return the keys of one minion: ``{state: PEM}``."""
        found = self._keys.key_str(minion)
        return {state: texts[minion] for state, texts in found.items() if minion in texts}

    def accepted(self) -> set[str]:
        """Return the minions whose key is accepted."""
        return set(self._keys.list_keys().get(ACCEPTED, ()))

    def accept(self, minion: str, pem: str) -> None:
        """Make a key the accepted one of a minion; those that wait or were denied go."""
        left = {state: [minion] for state in self.of(minion) if state in _LEFT_OVER}
        if left:
            self._keys.delete_key(match_dict=left)
        driver = self.opts.get("keys.cache_driver")
        if driver:
            import salt.cache

            key = {"pub": pem.strip(), "state": "accepted"}
            salt.cache.Cache(self.opts, driver=driver).store("keys", minion, key)
        else:
            import salt.utils.cloud

            salt.utils.cloud.accept_key(self.opts["pki_dir"], pem, minion)

    def delete(self, minions: Iterable[str]) -> None:
        """Delete all keys of minions; the master's own session key is renewed for that."""
        found = [(state, one) for one in minions for state in self.of(one)]
        by_state: dict[str, list[str]] = {}
        for state, one in found:
            by_state.setdefault(state, []).append(one)
        if by_state:
            self._keys.delete_key(match_dict=by_state)

    def master_finger(self) -> str:
        """Return the fingerprint of the master's public key, for ``master_finger`` of minions."""
        import salt.utils.crypt

        return salt.utils.crypt.pem_finger(os.path.join(self.opts["pki_dir"], "master.pub"))
