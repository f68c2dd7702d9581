"""API keys in files of the region host, so that none has to travel."""

from __future__ import annotations

import os

from saltext.maas.host import files, users
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
