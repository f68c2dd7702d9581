"""Keys of the user whose API key is used."""

from __future__ import annotations

import base64
import contextlib
import hashlib

from saltext.maas.errors import NotDone, NotFound
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, DesiredObjects, Run, Snapshot
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

_SSH = kinds.matching(
    r"^(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)"
    r"|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]+=*( .*)?$",
    "a public SSH key of type RSA, DSA, ECDSA or Ed25519, such as 'ssh-ed25519 AAAA... comment'",
)
_SSH_RULES = (
    rules.Rule("a public SSH key that is whole", lambda text: _is_whole(text)),
    rules.Rule(
        "a public SSH key of type RSA or DSA", lambda text: text.startswith(("ssh-rsa", "ssh-dss")),
        up_to="1.10",
    ),
    rules.Rule(
        "a public SSH key of type RSA, DSA, ECDSA or Ed25519, and none of a security token",
        lambda text: not text.startswith("sk-"), up_to="3.7",
    ),
    rules.Rule(
        "a public SSH key of type RSA, ECDSA or Ed25519; MAAS takes DSA no longer",
        lambda text: not text.startswith("ssh-dss"), since="3.8",
    ),
)  # fmt: skip
_EXAMPLE = (
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDK8Kgl0DaxVU9eIJjM2S6y50Yiqn8gtF7kCO3fXtvFCeThpn2z"
    "1c5fW46wOiYkAb87QMQ2alBd4ysrFXnjpEMB0pZSXEYrcv249APx7bMP26TjrFpXy46Tel2la7XCtwH1"
    "oubp6tg1Swx3vMVcmn2NYYBYWoIk+Wivo3JZhabQqw=="
)
_SOURCE = kinds.matching(r"^(lp|gh):[^\s:]+$", "lp:ID for Launchpad or gh:ID for GitHub")
_PEM = kinds.matching(
    r"^\s*-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$",
    "a certificate in PEM form",
)


class SshKey(Table):
    """Public SSH keys of the API's user."""

    name = "ssh_key"
    noun = "SSH key"
    collection = "account/prefs/sshkeys/"
    item_path = "account/prefs/sshkeys/{id}/"
    list_op = "list"
    create_op = "new"
    identity = ("key",)
    personal = True
    can_update = False
    pillar = PillarLocation("ssh_keys", "Public SSH keys of the API's user.", plain=True)
    fields = (
        Field("key", _SSH, rules=_SSH_RULES, doc="The public key in OpenSSH's form; its comment "
              "does not count. Up to 1.10 of type RSA or DSA; from 3.8 on not DSA, but also "
              "of a security token (``sk-...``)."),
    )  # fmt: skip
    example = {"key": f"ssh-rsa {_EXAMPLE} ops@example.com"}

    def key(self, values: dict) -> str:
        # The comment is no part of a key.
        return " ".join(str(values["key"]).split()[:2])

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        return not record.raw.get("keysource")  # its source stands for it


class SshKeySource(Table):
    """SSH keys that MAAS fetches for the API's user."""

    name = "ssh_key_source"
    noun = "SSH key source"
    since = "2.1"
    store = "ssh_key"
    collection = "account/prefs/sshkeys/"
    item_path = "account/prefs/sshkeys/{id}/"
    identity = ("keysource",)
    personal = True
    can_update = False
    created = "imported"
    shared_keys = True  # one for each key
    pillar = PillarLocation(
        "ssh_key_sources", "Whose SSH keys MAAS fetches for the API's user.",
        plain=True,
    )  # fmt: skip
    fields = (Field("keysource", _SOURCE, doc="``lp:ID`` for Launchpad or ``gh:ID`` for GitHub."),)
    example = {"keysource": "lp:someone"}

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        # MAAS stores a key once, so a key that is described itself is stored first.
        return {(one.type, one.key) for one in everything.of("ssh_key")}

    def create(self, run: Run, desired: Desired) -> None:
        run.client.post(self.collection, op="import", data={"keysource": desired.key})
        run.snapshot.drop(self.name)
        if self.match(run.snapshot, desired) is None:
            raise NotDone(f"the region answered with success, but has no key of {desired.key}")

    def delete(self, run: Run, desired: Desired, record: Record) -> None:
        keys = [one for one in run.snapshot.raw(self.name) if one.get("keysource") == desired.key]
        for raw in keys:
            with contextlib.suppress(NotFound):
                run.client.delete(self.item(run.snapshot, raw))
        run.snapshot.drop(self.name)
        if self.match(run.snapshot, desired) is not None:
            raise NotDone(f"the region answered with success, but has keys of {desired.key} still")


class SslKey(Table):
    """SSL keys, which are certificates, of the API's user."""

    name = "ssl_key"
    noun = "SSL key"
    since = "1.6"
    collection = "account/prefs/sslkeys/"
    item_path = "account/prefs/sslkeys/{id}/"
    list_op = "list"
    create_op = "new"
    identity = ("key",)
    personal = True
    can_update = False
    pillar = PillarLocation("ssl_keys", "Certificates of the API's user, in PEM form.", plain=True)
    fields = (Field("key", _PEM, doc="The certificate in PEM form."),)
    example = {"key": "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n"}

    def key(self, values: dict) -> str:
        # A certificate is long, so its digest stands for it.
        text = "".join(str(values["key"]).split())
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _is_whole(text):
    """Whether a key's parts end where it ends, and name the type that stands before it."""
    kind, encoded = text.split()[:2]
    try:
        rest = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    parts = []
    while len(rest) >= 4:
        size = int.from_bytes(rest[:4], "big")
        parts.append(rest[4 : 4 + size])
        if len(parts[-1]) != size:
            return False
        rest = rest[4 + size :]
    return not rest and len(parts) > 1 and parts[0] == kind.encode()
