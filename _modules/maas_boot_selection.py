"""MAAS selections of a boot source, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(source, profile=None):
    """List all selections of a boot source.

    Args:
        source: URL of the boot source it belongs to.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_selection.list source=http://images.maas.io/ephemeral-v3/stable/
    """
    return module_helpers.list_all(globals(), "boot_selection", source, profile=profile)


def get(name, source, profile=None):
    """Show one boot source selection.

    Args:
        name: ``OS/RELEASE``, such as ``ubuntu/jammy``.
        source: URL of the boot source it belongs to.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such boot source selection.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_selection.get ubuntu/jammy source=http://images.maas.io/ephemeral-v3/stable/
    """
    return module_helpers.get(globals(), "boot_selection", name, profile, source=source)


def set_(name, source, arches=None, subarches=None, labels=None, profile=None):
    """Create a boot source selection, or change the one that is there; what is not named is left alone.

    Args:
        name: ``OS/RELEASE``, such as ``ubuntu/jammy``.
        source: URL of the boot source it belongs to.
        arches: List of architectures; ``*`` for all, the default for a new one.
        subarches: List of sub-architectures, likewise.
        labels: List of labels, likewise.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_selection.set ubuntu/jammy source=http://images.maas.io/ephemeral-v3/stable/ 'arches=[amd64, arm64]'
    """
    return module_helpers.save(
        globals(),
        "boot_selection",
        name,
        profile,
        source=source,
        arches=arches,
        subarches=subarches,
        labels=labels,
    )


def delete(name, source, profile=None):
    """Delete a boot source selection.

    Args:
        name: ``OS/RELEASE``, such as ``ubuntu/jammy``.
        source: URL of the boot source it belongs to.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_selection.delete ubuntu/jammy source=http://images.maas.io/ephemeral-v3/stable/
    """
    return module_helpers.remove(globals(), "boot_selection", name, profile, source=source)
