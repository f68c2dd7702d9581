"""SSH keys that MAAS fetches for the API's user, in MAAS 2.1 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list"}


def list_(profile=None):
    """List all sources of SSH keys.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssh_key_source.list
    """
    return module_helpers.list_all(globals(), "ssh_key_source", profile=profile)


def get(name, profile=None):
    """Show one source of SSH keys.

    Args:
        name: ``lp:ID`` for Launchpad or ``gh:ID`` for GitHub.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such source of SSH keys.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssh_key_source.get gh:octocat
    """
    return module_helpers.get(globals(), "ssh_key_source", name, profile)


def add(name, profile=None):
    """Add a source of SSH keys, unless it is there already.

    Args:
        name: ``lp:ID`` for Launchpad or ``gh:ID`` for GitHub.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssh_key_source.add gh:octocat
    """
    return module_helpers.save(globals(), "ssh_key_source", name, profile)


def delete(name, profile=None):
    """Delete a source of SSH keys.

    Args:
        name: ``lp:ID`` for Launchpad or ``gh:ID`` for GitHub.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ssh_key_source.delete gh:octocat
    """
    return module_helpers.remove(globals(), "ssh_key_source", name, profile)
