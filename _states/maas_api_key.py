"""Manage API keys on the region host: in files, and by name in the region."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from saltext.maas import cli, runtime, state_helpers
from saltext.maas.host import key_file

if TYPE_CHECKING:
    from saltext.maas.salt_types import Context, Opts

    __context__: Context
    __opts__: Opts


def present(name: str, username: str, key_name: str | None = None) -> dict[str, Any]:
    """Ensure that a file holds an API key of a user, and is closed to others (mode 0600).

    The key never leaves the host: it is neither shown nor returned. With ``key_name`` an existing
    key of that name is used, and one that the file holds is renamed; otherwise a key is made.

    Args:
        name (str): File, made with mode 0600.
        username (str): Whose key.
        key_name (str): What the key is called (2.1 and later; ignored before); by default a new
            key is called after host and file.

    Returns:
        dict: State return.

    .. code-block:: yaml

        /root/maas.key:
          maas_api_key.present:
            - username: admin
            - key_name: backup
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals(), "region")
        done = key_file.present(installation, username, name, key_name, test)
        if test and name in done["changes"]:  # later states of this run may build upon it
            __context__.setdefault(cli.PLANNED_KEY_FILES, set()).add(name)
        if not done["changes"]:
            return state_helpers.outcome(name, test, comment=f"{name} holds a key of {username}.")
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)


def absent(name: str, revoke: bool = False, profile: str | dict | None = None) -> dict[str, Any]:
    """Ensure that a file with an API key is gone.

    Args:
        name (str): The file.
        revoke (bool): Whether to revoke the key at the region; otherwise it stays valid.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return; the key is never shown.

    .. code-block:: yaml

        /root/maas.key:
          maas_api_key.absent:
            - revoke: true
    """
    test = bool(__opts__.get("test"))

    def work():
        if not os.path.lexists(name):
            return state_helpers.outcome(name, test, comment=f"{name} does not exist.")
        changes = {name: {"old": "present", "new": None}}
        also = ""
        if revoke:
            client = runtime.client(globals(), profile)
            if key_file.valid(client, name):
                changes["key"] = {"old": "valid", "new": "revoked"}
                also = " and revoked"
                if not test:
                    key_file.revoke(client, name)
            else:
                also = "; the region did not know it any more"
        if not test:
            os.unlink(name)
        verb = "would be" if test else "was"
        return state_helpers.outcome(name, test, changes, f"The key {verb} removed{also}.")

    return state_helpers.guarded(name, work)


def key_present(name: str, username: str, was: str | None = None) -> dict[str, Any]:
    """Ensure that a user has an API key of a name in the region, in MAAS 2.1 and later.

    The key is never shown; :py:func:`present` with ``key_name`` puts it into a file.

    Args:
        name (str): What the key is called.
        username (str): Whose key.
        was (str): Name or fingerprint (:py:func:`maas_api_key.fingerprints`) of a key that gets
            this name if no key has it; its users keep working.

    Returns:
        dict: State return.

    .. code-block:: yaml

        backup:
          maas_api_key.key_present:
            - username: admin
            - was: old-backup
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals(), "region")
        done = key_file.named_present(installation, username, name, was, test)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)


def key_absent(name: str, username: str) -> dict[str, Any]:
    """Ensure that a user has no API key with a name or fingerprint; who uses it is locked out.

    Args:
        name (str): Name (2.1 and later) or fingerprint of the key
            (:py:func:`maas_api_key.fingerprints`); all that fit are deleted.
        username (str): Whose key.

    Returns:
        dict: State return.

    .. code-block:: yaml

        backup:
          maas_api_key.key_absent:
            - username: admin
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = runtime.installation(globals(), "region")
        done = key_file.named_absent(installation, username, name, test)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)
