"""MAAS physical zones, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all zones.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_zone.list
    """
    return module_helpers.list_all(globals(), "zone", profile=profile)


def get(name, profile=None):
    """Show one zone.

    Args:
        name: Name of the zone.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such zone.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_zone.get north
    """
    return module_helpers.get(globals(), "zone", name, profile)


def set_(name, description=None, profile=None):
    """Create a zone, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the zone.
        description: Free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_zone.set north description="by the window"
    """
    return module_helpers.save(globals(), "zone", name, profile, description=description)


def delete(name, profile=None):
    """Delete a zone.

    Args:
        name: Name of the zone.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_zone.delete north
    """
    return module_helpers.remove(globals(), "zone", name, profile)
