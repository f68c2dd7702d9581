"""API keys in files of the region host, so that none has to travel."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from saltext.maas.client import Client
from saltext.maas.client.profile import api_key_fits
from saltext.maas.errors import NotAuthenticated
from saltext.maas.host import files, paths, users
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation


def write(installation: Installation, username: str, path: str, name: str | None = None) -> str:
    """Make an API key for a user and store it in a file with mode 0600.

    Returns:
        The path.

    Raises:
        HostError: No such user, no region here, or the file cannot be written.
    """
    _put(installation, users.generate_api_key(installation, username, name)["key"], path)
    return path


def _put(installation, key, path):
    path = os.path.abspath(path)
    files.sweep(path)
    files.replace(installation, path, key + "\n", mode=0o600, backup=False)


def _keys(installation, username, test):
    """A user's API keys; with ``test`` the user may be one that is made earlier in this run."""
    if users.exists(installation, username):
        return users.api_keys(installation, username)
    if not test:
        raise HostError(f"There is no user {username}.")
    return []


def present(
    installation: Installation,
    username: str,
    path: str,
    name: str | None = None,
    test: bool = False,
) -> dict[str, Any]:
    """Have a file hold an API key of a user; with a name (2.1 and later) the key of that name.

    A key that the file holds is renamed, unless the user has one of that name already. One that
    is there is taken over instead of another made.  Without a name a new key is called after host
    and file, so that the next run finds it if this one ends before the file is written.

    Args:
        username: Whose key.
        path: The file.
        name: What the key is called; ignored before 2.1.
        test: Only plan.

    Returns:
        ``{"changes": {...}, "warnings": []}``; no key is shown.

    Raises:
        HostError: No such user, no region here, or the file cannot be written.
    """
    name = name if users.have_names(installation) else None
    called = name or (f"{socket.gethostname()}:{path}" if users.have_names(installation) else None)
    held = (files.read(path) or "").strip()
    keys = _keys(installation, username, test)
    own = next((one for one in keys if one["key"] == held), None)
    same = [one for one in keys if called and one["name"] == called]
    if own and (own in same or not same or not name):
        changes = _mend(installation, username, path, own, name, test)
    else:
        old = f"API key {own['name']} of {username}" if own else None
        what = f"API key {name}" if name else "API key"
        changes = {path: {"old": old, "new": f"{what} of {username}"}}
        if same and not test:
            _put(installation, same[0]["key"], path)
        elif not test:
            write(installation, username, path, called)
    return {"changes": changes, "warnings": []}


def _mend(installation, username, path, own, name, test):
    """Give the key in the file its name, and the file its mode."""
    changes = {}
    if name and own["name"] != name:
        changes["key_name"] = {"old": own["name"], "new": name}
        if not test:
            users.rename_api_key(installation, username, users.fingerprint(own["key"]), name)
    there = paths.status(path)
    mode = stat.S_IMODE(there.st_mode) if there else 0o600
    if mode & 0o077:
        changes["mode"] = {"old": f"{mode:04o}", "new": "0600"}
        if not test:
            files.make_private(path)
    return changes


def named_present(
    installation: Installation, username: str, name: str, was: str | None = None, test: bool = False
) -> dict[str, Any]:
    """Have a user have an API key of a name in the region (2.1 and later); it is shown to nobody.

    Args:
        username: Whose key.
        name: What it is called.
        was: Name or fingerprint of a key that gets this name, if there is none of it; where that
            is not there either a key is made.
        test: Only plan.

    Returns:
        ``{"changes": {name: {"old", "new"}} or {}, "warnings": []}``.

    Raises:
        HostError: No names in this release, no such user, several keys with the old name, or
            the region refuses.
    """
    users.need_names(installation)
    keys = _keys(installation, username, test)
    if name in [one["name"] for one in keys]:
        return {"changes": {}, "warnings": []}
    old = None
    if was is not None and users.matching(keys, was):
        users.find_key(installation, username, was)  # several with that name are refused
        old = f"API key {was}"
        if not test:
            users.rename_api_key(installation, username, was, name)
    elif not test:
        users.generate_api_key(installation, username, name)
    return {"changes": {name: {"old": old, "new": f"API key of {username}"}}, "warnings": []}


def named_absent(
    installation: Installation, username: str, which: str, test: bool = False
) -> dict[str, Any]:
    """Have a user have no API key with a name or fingerprint; the region forgets all that fit.

    Returns:
        ``{"changes": {which: {"old", "new": None}} or {}, "warnings": []}``.

    Raises:
        HostError: No region here, or it refuses.
    """
    found = users.matching(_keys(installation, username, test=True), which)
    if not found:
        return {"changes": {}, "warnings": []}
    if not test:
        for key in found:
            users.delete_api_key(installation, username, key)
    many = f"{len(found)} API keys" if len(found) > 1 else "API key"
    return {"changes": {which: {"old": f"{many} of {username}", "new": None}}, "warnings": []}


@contextlib.contextmanager
def _signed(client: Client, path: str) -> Iterator[Client]:
    """A client that signs with the key in a file."""
    key = (files.read(path) or "").strip()
    if not api_key_fits(key):
        raise HostError(f"{path} holds no API key.")
    own = Client(replace(client.profile, api_key=key))
    try:
        yield own
    finally:
        own.close()


def valid(client: Client, path: str) -> bool:
    """Return whether the region takes the key in a file.

    Raises:
        HostError: The file holds no API key.
        MaasError: The region cannot be asked.
    """
    with _signed(client, path) as own:
        try:
            if own.release >= "2.0":
                own.get("users/", op="whoami")
            else:
                own.get("zones/")
        except NotAuthenticated:
            return False
    return True


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
    with _signed(client, path) as own:
        token = own.profile.api_key.split(":")[1]
        data = {"token_key": token}
        try:
            own.post("account/", op="delete_authorisation_token", data=data, hide=[token])
        except NotAuthenticated:
            return False
    return True
