"""MAAS users, in MAAS 1.5 and later.

Deleting users needs 1.9 or later.
"""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all users.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_user.list
    """
    return module_helpers.list_all(globals(), "user", profile=profile)


def get(name, profile=None):
    """Show one user.

    Args:
        name: User name.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such user.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_user.get ops
    """
    return module_helpers.get(globals(), "user", name, profile)


def set_(name, email=None, password=None, is_superuser=None, profile=None):
    """Create a user, or change the one that is there; what is not named is left alone.

    Args:
        name: User name.
        email: E-mail address, unique in the region; needed for a new user.
        password: Password for a new user; MAAS's API cannot change it later.
        is_superuser: Whether it is an administrator; fixed at creation.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_user.set ops email=ops@example.com password=sdb://vault/maas-ops
    """
    return module_helpers.save(
        globals(),
        "user",
        name,
        profile,
        email=email,
        password=password,
        is_superuser=is_superuser,
    )


def delete(name, profile=None):
    """Delete a user.

    Args:
        name: User name.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_user.delete ops
    """
    return module_helpers.remove(globals(), "user", name, profile)
