"""API keys in files of the region host, so that none has to travel."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

from saltext.maas.client import Client
from saltext.maas.client.profile import api_key_fits
from saltext.maas.errors import NotAuthenticated
from saltext.maas.host import files, paths, users
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation


def write(installation: Installation, username: str, path: str, name: str | None = None) -> str:
    """Make an API key for a user and keep it in a file with mode 0600.

    Returns:
        The path.

    Raises:
        HostError: No such user, no region here, or the file cannot be written.
    """
    key = users.generate_api_key(installation, username, name)["key"]
    _put(installation, key, path)
    return path


def kept(
    installation: Installation,
    username: str,
    path: str,
    name: str | None = None,
    test: bool = False,
) -> dict:
    """Have a file hold an API key of a user; with a name (2.1 and later) the key of that name.

    A key that the file holds is renamed, unless the user has one of that name already. One that
    is there is taken over instead of another made.

    Args:
        installation: The region's host.
        username: Whose key.
        path: The file.
        name: What the key is called; ignored before 2.1.
        test: Only plan.

    Returns:
        ``{"changes": {...}, "warnings": []}``; no key is shown.

    Raises:
        HostError: No such user, no region here, or the file cannot be written.
    """
    name = name if installation.release >= "2.1" else None
    text = (files.read(path) or "").strip()
    there = users.api_keys(installation, username) if users.exists(installation, username) else None
    if there is None and not test:
        raise HostError(f"There is no user {username}.")
    own = [one for one in there or () if one["key"] == text]
    named = [one for one in there or () if name and one["name"] == name]
    named = [one for one in named if one in own] or named
    changes = {}
    if own and (named == own or not named):
        if name and not named:
            changes["key_name"] = {"old": own[0]["name"], "new": name}
        mode = stat.S_IMODE(paths.status(path).st_mode)
        if mode & 0o077:
            changes["mode"] = {"old": f"{mode:04o}", "new": "0600"}
        if not test and "mode" in changes:
            files.make_private(path)
        if not test and "key_name" in changes:
            users.rename_api_key(installation, username, users.fingerprint(text), name)
    else:
        old = f"API key {own[0]['name']} of {username}" if own else None
        what = f"API key {name}" if name else "API key"
        changes[path] = {"old": old, "new": f"{what} of {username}"}
        if not test and named:
            _put(installation, named[0]["key"], path)
        elif not test:
            write(installation, username, path, name)
    return {"changes": changes, "warnings": []}


def _put(installation, key, path):
    files.replace(installation, os.path.abspath(path), key + "\n", mode=0o600, backup=False)


def named(
    installation: Installation, username: str, name: str, was: str | None = None, test: bool = False
) -> dict:
    """Have a user have an API key of a name in the region (2.1 and later); it is shown to nobody.

    Args:
        installation: The region's host.
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
    if installation.release < "2.1":
        raise HostError(f"API keys of MAAS {installation.release} have no names; 2.1 has.")
    if not users.exists(installation, username):
        if not test:  # with test it may be made earlier in this run
            raise HostError(f"There is no user {username}.")
        return {"changes": {name: {"old": None, "new": f"API key of {username}"}}, "warnings": []}
    keys = users.api_keys(installation, username)
    if name in [one["name"] for one in keys]:
        return {"changes": {}, "warnings": []}
    before = was is not None and any(
        was in (one["name"], users.fingerprint(one["key"])) for one in keys
    )
    if before:
        users.find_key(installation, username, was)  # several with that name are refused
        if not test:
            users.rename_api_key(installation, username, was, name)
    elif not test:
        users.generate_api_key(installation, username, name)
    change = {"old": f"API key {was}" if before else None, "new": f"API key of {username}"}
    return {"changes": {name: change}, "warnings": []}


def unnamed(installation: Installation, username: str, which: str, test: bool = False) -> dict:
    """Have a user have no API key with a name or fingerprint; the region forgets all that fit.

    Returns:
        ``{"changes": {which: {"old", "new": None}} or {}, "warnings": []}``.

    Raises:
        HostError: No region here, or it refuses.
    """
    keys = users.api_keys(installation, username) if users.exists(installation, username) else []
    found = [one["key"] for one in keys if which in (one["name"], users.fingerprint(one["key"]))]
    if not found:
        return {"changes": {}, "warnings": []}
    if not test:
        for key in found:
            users.delete_api_key(installation, username, key)
    many = f"{len(found)} API keys" if len(found) > 1 else "API key"
    return {"changes": {which: {"old": f"{many} of {username}", "new": None}}, "warnings": []}


def valid(client: Client, path: str) -> bool:
    """Whether the region takes the key in a file.

    Raises:
        HostError: The file holds no API key.
        MaasError: The region cannot be asked.
    """
    own = _signed(client, path)
    try:
        if own.release >= "2.0":
            own.get("users/", op="whoami")
        else:
            own.get("zones/")
    except NotAuthenticated:
        return False
    finally:
        own.close()
    return True


def _signed(client, path):
    key = (files.read(path) or "").strip()
    if not api_key_fits(key):
        raise HostError(f"{path} holds no API key.")
    return Client(replace(client.profile, api_key=key))


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
    own = _signed(client, path)
    token = own.profile.api_key.split(":")[1]
    try:
        own.post(
            "account/", op="delete_authorisation_token", data={"token_key": token}, hide=[token]
        )
    except NotAuthenticated:
        return False
    finally:
        own.close()
    return True
