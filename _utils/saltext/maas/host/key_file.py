"""API keys in files of the region host, so that none has to travel."""

from __future__ import annotations

import os
from dataclasses import replace

from saltext.maas.client import Client
from saltext.maas.client.errors import NotAuthenticated
from saltext.maas.client.profile import api_key_fits
from saltext.maas.host import files, users
from saltext.maas.host.errors import HostError
from saltext.maas.host.surface import Surface


def holds(surface: Surface, username: str, path: str) -> bool:
    """Whether a file holds a valid API key of a user.

    Raises:
        HostError: No region here, or the file cannot be read.
    """
    text = files.read(path)
    if not text or not users.exists(surface, username):
        return False
    return text.strip() in {one["key"] for one in users.api_keys(surface, username)}


def write(surface: Surface, username: str, path: str, name: str | None = None) -> str:
    """Make an API key for a user and keep it in a file with mode 0600.

    Returns:
        The path.

    Raises:
        HostError: No such user, no region here, or the file cannot be written.
    """
    key = users.generate_api_key(surface, username, name)["key"]
    files.replace(surface, os.path.abspath(path), key + "\n", mode=0o600, backup=False)
    return path


def revoke(client: Client, path: str) -> bool:
    """Let the region forget the key in a file; the key itself signs the request.

    Args:
        client: Tells where the region is.
        path: The file.

    Returns:
        Whether the key was valid.

    Raises:
        HostError: The file holds no API key.
        MaasError: The region refuses, or cannot be asked.
    """
    key = (files.read(path) or "").strip()
    if not api_key_fits(key):
        raise HostError(f"{path} holds no API key.")
    own = Client(replace(client.profile, api_key=key))
    token = key.split(":")[1]
    try:
        own.post(
            "account/", op="delete_authorisation_token", data={"token_key": token}, hide=[token]
        )
    except NotAuthenticated:
        return False
    finally:
        own.close()
    return True
