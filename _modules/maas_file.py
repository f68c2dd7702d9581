"""Files that MAAS keeps for the API's user, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all files.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_file.list
    """
    return module_helpers.list_all(globals(), "file", profile=profile)


def get(name, profile=None):
    """Show one file.

    Args:
        name: Name of the file.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such file.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_file.get motd.txt
    """
    return module_helpers.get(globals(), "file", name, profile)


def set_(name, content=None, profile=None):
    """Create a file, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the file.
        content: The text in it; or, as !!binary, data that is no text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_file.set motd.txt content=hello
    """
    return module_helpers.save(globals(), "file", name, profile, content=content)


def delete(name, profile=None):
    """Delete a file.

    Args:
        name: Name of the file.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_file.delete motd.txt
    """
    return module_helpers.remove(globals(), "file", name, profile)
