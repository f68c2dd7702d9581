"""MAAS IP ranges, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all IP ranges.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ip_range.list
    """
    return module_helpers.list_all(globals(), "ip_range", profile=profile)


def get(name, profile=None):
    """Show one IP range.

    Args:
        name: ``START-END``, its first and last address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such IP range.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ip_range.get 10.10.0.100-10.10.0.150
    """
    return module_helpers.get(globals(), "ip_range", name, profile)


def set_(name, subnet=None, type=None, comment=None, profile=None):
    """Create a IP range, or change the one that is there; what is not named is left alone.

    Args:
        name: ``START-END``, its first and last address.
        subnet: CIDR of the subnet it lies in.
        type: ``dynamic`` (for DHCP) or ``reserved``.
        comment: Free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ip_range.set 10.10.0.100-10.10.0.150 subnet=10.10.0.0/24 type=dynamic
    """
    return module_helpers.save(
        globals(),
        "ip_range",
        name,
        profile,
        subnet=subnet,
        type=type,
        comment=comment,
    )


def delete(name, profile=None):
    """Delete a IP range.

    Args:
        name: ``START-END``, its first and last address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ip_range.delete 10.10.0.100-10.10.0.150
    """
    return module_helpers.remove(globals(), "ip_range", name, profile)
