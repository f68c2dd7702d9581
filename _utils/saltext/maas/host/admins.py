"""An administrator as desired: there, with its rights, and with a password when asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from saltext.maas.api_path import segment
from saltext.maas.client import Client, Profile
from saltext.maas.errors import MaasError
from saltext.maas.host import database, users
from saltext.maas.host.config_files import read_config
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN

_DIGESTS = {"pbkdf2_sha256": "sha256", "pbkdf2_sha1": "sha1"}


def present(
    installation: Installation,
    username: str,
    email: str,
    password: str,
    enforce_password: bool = False,
    email_owner: Callable[[str], str | None] | None = None,
    test: bool = False,
) -> dict[str, Any]:
    """Make sure that an administrator exists, in MAAS 1.5 to 3.8.

    Args:
        username: Login name.
        email: E-mail address for a new one; another one of an existing user is a warning.
        password: For a new one; goes over a terminal or by standard input.
        enforce_password: Whether an existing one gets this password, if it has another one.
        email_owner: As in :func:`~saltext.maas.host.users.create_admin`.
        test: Only plan.

    Returns:
        ``{"changes": {field: {"old", "new"}}, "warnings": [text]}``.

    Raises:
        HostError: The address is taken, a command failed, or what the user is now
            cannot be found out although something depends on it.
    """
    if not users.exists(installation, username):
        users.refuse_taken(username, email, email_owner)
        if not test:
            users.create_admin(installation, username, password, email, email_owner=email_owner)
        new = {"email": email, "is_superuser": True}
        return {"changes": {username: {"old": None, "new": new}}, "warnings": []}
    now = _now(installation, username)
    changes: dict[str, dict] = {}
    warnings = []
    if now and not now["is_superuser"]:
        changes["is_superuser"] = {"old": False, "new": True}
    if now and (now["email"] or "").lower() != email.lower():
        warnings.append(
            f"{username} has the e-mail address {now['email']}; MAAS changes it in its web "
            "interface only."
        )
    if enforce_password and not _has_password(now, password):
        changes["password"] = {"old": HIDDEN, "new": HIDDEN}
    if "is_superuser" in changes and not test:
        with database.connection(installation, write=True) as conn:
            database.make_superuser(conn, username)
    if "password" in changes and not test:
        users.set_password(installation, username, password)
    return {"changes": changes, "warnings": warnings}


def _now(installation, username):
    """What the user is now, from the database, else the API with the user's own key."""
    try:
        with database.connection(installation, timeout=10) as conn:
            return database.user(conn, username)
    except MaasError:
        keys = users.api_keys(installation, username)
    if not keys:
        return None
    url = read_config(installation)["url"]
    release = installation.release
    client = Client(Profile(url, keys[0]["key"], release=release, deadline=15, read_timeout=10))
    try:
        shape = {"email": str, "is_superuser": bool}
        return {**client.get(f"users/{segment(username)}/", expect=shape), "password": None}
    except MaasError:
        return None
    finally:
        client.close()


def _has_password(now, password):
    encoded = (now or {}).get("password")
    if encoded is None:
        raise HostError(
            "Whether the password is another one is known to the region's database only, "
            "which cannot be reached from here."
        )
    return password_fits(encoded, password)


def password_fits(encoded: str, password: str) -> bool:
    """Return whether a password belongs to what Django stores of it (``pbkdf2_sha256$...``)."""
    parts = encoded.split("$")
    if len(parts) != 4 or parts[0] not in _DIGESTS or not parts[1].isdigit():
        return False  # none at all ('!'), or one that is to be made anew
    digest, rounds, salt = _DIGESTS[parts[0]], int(parts[1]), parts[2].encode()
    made = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds)
    return hmac.compare_digest(base64.b64encode(made).decode(), parts[3])
