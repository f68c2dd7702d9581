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


def absent(name):
    """Make sure that a file with an API key is gone.  The key itself stays valid.

    Args:
        name: The file.

    Returns:
        A state's return.

    .. code-block:: yaml

        /root/maas.key:
          maas_api_key.absent: []
    """
    test = bool(__opts__.get("test"))
    if not os.path.lexists(name):
        return ensure.outcome(name, test, comment=f"{name} is not there.")
    if not test:
        os.unlink(name)
    return ensure.outcome(name, test, {name: {"old": "present", "new": None}}, "It is removed.")
