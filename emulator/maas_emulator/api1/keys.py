"""SSH keys, and SSL keys (1.6+), of the user who asks, in API 1.0."""

from __future__ import annotations

import base64
import binascii
import re

from maas_emulator.crud import by_id
from maas_emulator.forms_1x import ModelForm, Wrong, text
from maas_emulator.web import HTML, TEXT, Answer, Endpoint, as_json, no_content

ssh_keys = Endpoint("account/prefs/sshkeys/", "SSHKeysHandler")
ssh_key = Endpoint("account/prefs/sshkeys/{id}/", "SSHKeyHandler")
ssl_keys = Endpoint("account/prefs/sslkeys/", "SSLKeysHandler", since="1.6")
ssl_key = Endpoint("account/prefs/sslkeys/{id}/", "SSLKeyHandler", since="1.6")

_CERTIFICATE = re.compile(
    r"\s*-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*\Z"
)
#: How many numbers a key of a type is.
_NUMBERS = {b"ssh-rsa": 2, b"ssh-dss": 4}
_ADDED = "This key has already been added for this user."
_ssh_key = by_id("ssh_keys", "SSHKey")
_ssl_key = by_id("ssl_keys", "SSLKey")


def _is_ssh_key(text):
    """Whether it is a public key that the SSH library of that time knows: RSA or DSA."""
    words = text.split()
    return text.startswith("ssh-") and len(words) > 1 and _is_blob(_decoded(words[1]))


def _is_blob(blob):
    """Whether bytes hold a type and as many numbers as it needs."""
    parts = []
    while blob:
        size = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + size:
            return False
        parts.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return len(parts) > _NUMBERS.get(parts[0] if parts else b"", len(parts))


def _is_certificate(text):
    """Whether it is PEM of a certificate: base64 of a DER sequence."""
    match = _CERTIFICATE.match(text)
    return match is not None and _decoded("".join(match.group(1).split()))[:1] == b"\x30"


def _decoded(text):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _shown(row, path):
    return {
        "id": row["id"],
        "key": row["key"],
        "resource_uri": f"/MAAS/api/1.0/account/prefs/{path}/{row['id']}/",
    }


def _mine(request, kind):
    rows = request.region.rows(kind).values()
    return [row for row in rows if row["owner"] == request.user.username]


def _add(request, kind, is_valid, message):
    class KeyForm(ModelForm):
        fields = {"key": text(required=True)}
        defaults = {"key": ""}

        def check_object(self, excluded):
            if "key" not in excluded and not is_valid(self.values["key"]):
                raise Wrong({"key": [message]})

        def check_unique(self, excluded):
            if self.values["key"] in [row["key"] for row in _mine(request, kind)]:
                raise Wrong({"key": [_ADDED]})

    values = KeyForm(request).read()
    row = request.region.rows(kind).add({**values, "owner": request.user.username})
    return as_json({name: row[name] for name in ("id", "key")}, 201)


# -- SSH ---------------------------------------------------------------------------------------


@ssh_keys("GET", "list")
def list_ssh_keys(request):
    """List the user's SSH keys."""
    return [_shown(row, "sshkeys") for row in _mine(request, "ssh_keys")]


@ssh_keys("POST", "new")
def add_ssh_key(request):
    """Add an SSH key."""
    return _add(request, "ssh_keys", _is_ssh_key, "Invalid SSH public key.")


@ssh_key("GET")
def read_ssh_key(request):
    """Read an SSH key."""
    return _shown(_ssh_key(request), "sshkeys")


@ssh_key("DELETE")
@ssh_key("POST", "delete")
def delete_ssh_key(request):
    """Delete an SSH key."""
    row = _ssh_key(request)
    if row["owner"] != request.user.username:
        raise Answer(403, "Can't delete a key you don't own.", HTML)
    del request.region.rows("ssh_keys")[row["id"]]
    return no_content()


# -- SSL ---------------------------------------------------------------------------------------


def _own_ssl_key(request, doing):
    row = _ssl_key(request)
    if row["owner"] != request.user.username:
        raise Answer(403, f"Can't {doing} a key you don't own.", TEXT)
    return row


@ssl_keys("GET", "list")
def list_ssl_keys(request):
    """List the user's SSL keys."""
    return [_shown(row, "sslkeys") for row in _mine(request, "ssl_keys")]


@ssl_keys("POST", "new")
def add_ssl_key(request):
    """Add an SSL key, which is a certificate."""
    return _add(request, "ssl_keys", _is_certificate, "Invalid SSL key.")


@ssl_key("GET")
def read_ssl_key(request):
    """Read an SSL key."""
    return _shown(_own_ssl_key(request, "view"), "sslkeys")


@ssl_key("DELETE")
@ssl_key("GET", "delete")
def delete_ssl_key(request):
    """Delete an SSL key, which 1.x also does by ``GET``."""
    row = _own_ssl_key(request, "delete")
    del request.region.rows("ssl_keys")[row["id"]]
    return no_content()
