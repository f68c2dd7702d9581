"""MAAS tags, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all tags.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_tag.list
    """
    return module_helpers.list_all(globals(), "tag", profile=profile)


def get(name, profile=None):
    """Show one tag.

    Args:
        name: Name of the tag.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such tag.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_tag.get gpu
    """
    return module_helpers.get(globals(), "tag", name, profile)


def set_(name, definition=None, comment=None, kernel_opts=None, profile=None):
    """Create a tag, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the tag.
        definition: XPath expression over a machine's hardware; it decides who has it.
        comment: Free text.
        kernel_opts: Kernel options of the machines that have it.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_tag.set gpu kernel_opts=nomodeset
    """
    return module_helpers.save(
        globals(),
        "tag",
        name,
        profile,
        definition=definition,
        comment=comment,
        kernel_opts=kernel_opts,
    )


def delete(name, profile=None):
    """Delete a tag.

    Args:
        name: Name of the tag.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_tag.delete gpu
    """
    return module_helpers.remove(globals(), "tag", name, profile)
