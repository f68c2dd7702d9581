"""Public SSH keys of the API's user, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list"}


def list_(profile=None):
    """List all SSH keys.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssh_key.list
    """
    return module_helpers.list_all(globals(), "ssh_key", profile=profile)


def get(name, profile=None):
    """Show one SSH key.

    Args:
        name: The public key in OpenSSH's form; its comment does not count.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such SSH key.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssh_key.get "ssh-ed25519 AAAA... ops"
    """
    return module_helpers.get(globals(), "ssh_key", name, profile)


def add(name, profile=None):
    """Add an SSH key, unless it is there already.

    Args:
        name: The public key in OpenSSH's form; its comment does not count.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssh_key.add "ssh-ed25519 AAAA... ops"
    """
    return module_helpers.save(globals(), "ssh_key", name, profile)


def delete(name, profile=None):
    """Delete an SSH key.

    Args:
        name: The public key in OpenSSH's form; its comment does not count.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssh_key.delete "ssh-ed25519 AAAA... ops"
    """
    return module_helpers.remove(globals(), "ssh_key", name, profile)
