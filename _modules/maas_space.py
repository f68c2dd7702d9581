"""MAAS spaces, in MAAS 1.9 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all spaces.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_space.list
    """
    return module_helpers.list_all(globals(), "space", profile=profile)


def get(name, profile=None):
    """Show one space.

    Args:
        name: Name of the space.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such space.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_space.get storage
    """
    return module_helpers.get(globals(), "space", name, profile)


def set_(name, description=None, profile=None):
    """Create a space, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the space.
        description: Free text; written at creation only.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_space.set storage
    """
    return module_helpers.save(
        globals(),
        "space",
        name,
        profile,
        description=description,
    )


def delete(name, profile=None):
    """Delete a space.

    Args:
        name: Name of the space.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_space.delete storage
    """
    return module_helpers.remove(globals(), "space", name, profile)
