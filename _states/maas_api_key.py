"""Manage API keys in files on the region host."""

from __future__ import annotations

import os

from saltext.maas import ensure, runtime
from saltext.maas.host import key_file


def present(name, username, key_name=None):
    """Make sure that a file holds an API key of a user; a key is made if it does not.

    The key never leaves the host: it is neither shown nor returned.

    Args:
        name: File, made with mode 0600.
        username: Whose key.
        key_name: What to call a new key (2.1 and later).

    Returns:
        A state's return.

    .. code-block:: yaml

        /root/maas.key:
          maas_api_key.present:
            - username: admin
    """
    test = bool(__opts__.get("test"))

    def work():
        surface = runtime.surface(globals(), "region")
        if key_file.holds(surface, username, name):
            return ensure.outcome(name, test, comment=f"{name} holds a key of {username}.")
        changes = {name: {"old": None, "new": f"API key of {username}"}}
        if not test:
            key_file.write(surface, username, name, key_name)
        return ensure.outcome(name, test, changes, f"{name} gets a key of {username}.")

    return ensure.guarded(name, work)


def absent(name, revoke=False, profile=None):
    """Make sure that a file with an API key is gone.

    Args:
        name: The file.
        revoke: Whether the region is to forget the key as well; otherwise it stays valid.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; the key is never shown.

    .. code-block:: yaml

        /root/maas.key:
          maas_api_key.absent:
            - revoke: true
    """
    test = bool(__opts__.get("test"))

    def work():
        if not os.path.lexists(name):
            return ensure.outcome(name, test, comment=f"{name} is not there.")
        changes = {name: {"old": "present", "new": None}}
        if revoke:
            changes[name]["old"] = "present and valid"
        if not test:
            if revoke:
                key_file.revoke(runtime.client(globals(), profile), name)
            os.unlink(name)
        verb = "would be" if test else "was"
        also = " and revoked" if revoke else ""
        return ensure.outcome(name, test, changes, f"The key {verb} removed{also}.")

    return ensure.guarded(name, work)
