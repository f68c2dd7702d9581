"""``account/prefs/sshkeys/`` and ``account/prefs/sslkeys/``."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography import x509

from maas_emulator.crud import by_id, hide_newer
from maas_emulator.forms import Check
from maas_emulator.web import HTML, TEXT, Answer, Endpoint, as_json, no_content

ssh_keys = Endpoint("account/prefs/sshkeys/", "SSHKeysHandler")
ssh_key = Endpoint("account/prefs/sshkeys/{id}/", "SSHKeyHandler")
ssl_keys = Endpoint("account/prefs/sslkeys/", "SSLKeysHandler")
ssl_key = Endpoint("account/prefs/sslkeys/{id}/", "SSLKeyHandler")

_SOURCE = {"keysource": "2.1"}
SOURCES = ("lp", "gh")
INVALID = "Invalid SSH public key: Invalid value."
BAD_PROTOCOL = "Unknwon protocol {}. Valid protocols are 'LP' and 'GH'."  # spelt like this
BAD_SOURCE = "Importing SSH keys failed. Input needs to be in protocol:auth_id or auth_id format."


def _mine(request, kind):
    rows = request.region.rows(kind).values()
    return [row for row in rows if row["owner"] == request.user.username]


_ssh_key = by_id("ssh_keys", "SSHKey")
_ssl_key = by_id("ssl_keys", "SSLKey")


def _show_ssh(region, row):
    shown = {
        "id": row["id"],
        "key": row["key"],
        "keysource": row["keysource"],
        "resource_uri": f"/MAAS/api/2.0/account/prefs/sshkeys/{row['id']}/",
    }
    return hide_newer(region.release, shown, _SOURCE)


#: Kinds of SSH keys; 3.8 takes those of security tokens, and DSA no more.
_TOKEN_KINDS = ("sk-ecdsa-sha2-nistp256@openssh.com", "sk-ssh-ed25519@openssh.com")
_KINDS = ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-dss",
          "ssh-ed25519", "ssh-rsa", *_TOKEN_KINDS)  # fmt: skip


def _gone_or_new(region):
    return ("ssh-dss",) if region.release >= "3.8" else _TOKEN_KINDS


def _is_key(region, text):
    words = text.split()
    if len(words) < 2 or words[0] not in _KINDS or words[0] in _gone_or_new(region):
        return False
    try:
        return base64.b64decode(words[1], validate=True)[4:].startswith(words[0].encode())
    except (binascii.Error, ValueError):
        return False


@ssh_keys("GET")
def list_ssh_keys(request):
    """List the user's SSH keys."""
    return [_show_ssh(request.region, row) for row in _mine(request, "ssh_keys")]


@ssh_keys("POST")
def add_ssh_key(request):
    """Add an SSH key, for another user on request of an administrator (2.5)."""
    region, owner = request.region, request.user.username
    other = str(request.form.get("user") or "")
    if other and region.release >= "2.5":
        if not request.may("can_edit_global_entities"):
            raise Answer(400, "Only administrators can specify a user when creating an SSH key.")
        if other not in region.users:
            raise Answer(400, "Supplied username does not match any current users.")
        owner = other
    check = Check(request)
    newer = region.release >= "3.6"  # seen in 3.7; before, taken to be as in 1.x
    key = check.text("key", required=True)
    if key and not _is_key(region, key):
        check.error("key", INVALID if newer else "Invalid SSH public key.")
    elif any((row["key"], row["owner"]) == (key, owner) for row in _rows(region, "ssh_keys")):
        text = "This key has already been added for this user."
        check.error("__all__" if newer else "key", text)
    check.done()
    row = region.rows("ssh_keys").add({"key": key, "owner": owner, "keysource": ""})
    return as_json({name: row[name] for name in ("id", "key")}, 201)


def _rows(region, kind):
    return region.rows(kind).values()


def keys_of(region, source):
    """The public keys behind an id: those in ``key_sources``, else two made from its name.

    An id that begins with ``nobody`` has none.

    Args:
        region: The region; ``region.state["key_sources"]`` may map ids to lists of keys.
        source: ``lp:ID`` or ``gh:ID``.
    """
    known = region.state.get("key_sources", {})
    if source in known:
        return known[source]
    if source.partition(":")[2].startswith("nobody"):
        return []
    found = []
    for number in (1, 2):
        kind = b"ssh-ed25519"
        point = hashlib.sha256(f"{source} {number}".encode()).digest()
        parts = b"".join(len(part).to_bytes(4, "big") + part for part in (kind, point))
        text = base64.b64encode(parts).decode()
        found.append(f"ssh-ed25519 {text} {source.replace(':', '-')}-{number}")
    return found


@ssh_keys("POST", "import", since="2.1")
def import_ssh_keys(request):
    """Import the keys of a Launchpad or GitHub id."""
    region, owner = request.region, request.user.username
    given = request.form.get("keysource")
    if not given:
        raise Answer(400, BAD_SOURCE, TEXT)
    protocol, colon, ident = str(given).partition(":")
    if not colon:
        protocol, ident = "lp", protocol
    if protocol not in SOURCES:
        raise Answer(500, BAD_PROTOCOL.format(protocol), TEXT)
    source = f"{protocol}:{ident}"
    keys = keys_of(region, source)
    if not keys:
        raise Answer(400, f"Unable to import SSH keys. There are no SSH keys for {ident}.", TEXT)
    added = []
    for key in keys:
        same = [row for row in _mine(request, "ssh_keys") if row["key"] == key]
        if not any(row["keysource"] == source for row in same):
            fields = {"key": key, "owner": owner, "keysource": source}
            added.append(region.rows("ssh_keys").add(fields))
    return [_show_ssh(region, row) for row in added]


@ssh_key("GET")
def read_ssh_key(request):
    """Read an SSH key."""
    return _show_ssh(request.region, _ssh_key(request))


@ssh_key("DELETE")
def delete_ssh_key(request):
    """Delete an SSH key."""
    row = _ssh_key(request)
    if row["owner"] != request.user.username:
        raise Answer(403, "Can't delete a key you don't own.", TEXT)
    del request.region.rows("ssh_keys")[row["id"]]
    return no_content()


# -- SSL keys ----------------------------------------------------------------------------------


def _show_ssl(row):
    uri = f"/MAAS/api/2.0/account/prefs/sslkeys/{row['id']}/"
    return {"id": row["id"], "key": row["key"], "resource_uri": uri}


def _is_certificate(text):
    try:
        x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        return False
    return True


@ssl_keys("GET")
def list_ssl_keys(request):
    """List the user's SSL keys."""
    return [_show_ssl(row) for row in _mine(request, "ssl_keys")]


@ssl_keys("POST")
def add_ssl_key(request):
    """Add an SSL key, which is a certificate."""
    check = Check(request)
    key = check.text("key", required=True)
    if key and not _is_certificate(key):
        check.error("key", "Invalid SSL key.")
    elif any(row["key"] == key for row in _mine(request, "ssl_keys")):
        check.error("key", "This key has already been added for this user.")
    check.done()
    fields = {"key": key, "owner": request.user.username}
    return as_json(_show_ssl(request.region.rows("ssl_keys").add(fields)), 201)


@ssl_key("GET")
def read_ssl_key(request):
    """Read an SSL key of one's own."""
    row = _ssl_key(request)
    if row["owner"] != request.user.username:
        raise Answer(403, "Can't view a key you don't own.", HTML)
    return _show_ssl(row)


@ssl_key("DELETE")
def delete_ssl_key(request):
    """Delete an SSL key."""
    row = _ssl_key(request)
    if row["owner"] != request.user.username:
        raise Answer(403, "Can't delete a key you don't own.", HTML)
    del request.region.rows("ssl_keys")[row["id"]]
    return no_content()
