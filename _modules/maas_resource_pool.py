"""MAAS resource pools, in MAAS 2.4 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all resource pools.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_resource_pool.list
    """
    return module_helpers.list_all(globals(), "resource_pool", profile=profile)


def get(name, profile=None):
    """Show one resource pool.

    Args:
        name: Name of the pool.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such resource pool.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_resource_pool.get web
    """
    return module_helpers.get(globals(), "resource_pool", name, profile)


def set_(name, description=None, profile=None):
    """Create a resource pool, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the pool.
        description: Free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_resource_pool.set web description="front ends"
    """
    return module_helpers.save(globals(), "resource_pool", name, profile, description=description)


def delete(name, profile=None):
    """Delete a resource pool.

    Args:
        name: Name of the pool.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_resource_pool.delete web
    """
    return module_helpers.remove(globals(), "resource_pool", name, profile)
