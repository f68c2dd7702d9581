"""MAAS commissioning scripts, in MAAS up to 2.1."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all commissioning scripts.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_commissioning_script.list
    """
    return module_helpers.list_all(globals(), "commissioning_script", profile=profile)


def get(name, profile=None):
    """Show one commissioning script.

    Args:
        name: Name of the script; they run in the order of their names.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such commissioning script.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_commissioning_script.get 50-fans
    """
    return module_helpers.get(globals(), "commissioning_script", name, profile)


def set_(name, content=None, profile=None):
    """Create a commissioning script, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the script; they run in the order of their names.
        content: The text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_commissioning_script.set 50-fans content="$(cat 50-fans)"
    """
    return module_helpers.save(globals(), "commissioning_script", name, profile, content=content)


def delete(name, profile=None):
    """Delete a commissioning script.

    Args:
        name: Name of the script; they run in the order of their names.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_commissioning_script.delete 50-fans
    """
    return module_helpers.remove(globals(), "commissioning_script", name, profile)
