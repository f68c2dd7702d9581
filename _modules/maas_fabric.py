"""MAAS fabrics, in MAAS 1.9 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all fabrics.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fabric.list
    """
    return module_helpers.list_all(globals(), "fabric", profile=profile)


def get(name, profile=None):
    """Show one fabric.

    Args:
        name: Name of the fabric.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such fabric.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fabric.get dc1
    """
    return module_helpers.get(globals(), "fabric", name, profile)


def set_(
    name,
    class_type=None,
    description=None,
    old_name=None,
    id=None,
    with_subnet=None,
    profile=None,
):
    """Create a fabric, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the fabric.
        class_type: Free word for its class, such as ``10g``.
        description: Free text; MAAS never shows it, so it is written at creation only.
        old_name: Name that it has until now; it is renamed.
        id: Its id in MAAS, in place of ``old_name``.
        with_subnet: CIDR of a subnet on it, by which a fabric that MAAS made itself is found
            and renamed.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fabric.set dc1 class_type=10g
    """
    return module_helpers.save(
        globals(),
        "fabric",
        name,
        profile,
        class_type=class_type,
        description=description,
        old_name=old_name,
        id=id,
        with_subnet=with_subnet,
    )


def delete(name, profile=None):
    """Delete a fabric.

    Args:
        name: Name of the fabric.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_fabric.delete dc1
    """
    return module_helpers.remove(globals(), "fabric", name, profile)
