"""MAAS reserved IPs, each for one machine, in MAAS 3.6 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all reserved IPs.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_reserved_ip.list
    """
    return module_helpers.list_all(globals(), "reserved_ip", profile=profile)


def get(name, profile=None):
    """Show one reserved IP.

    Args:
        name: The address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such reserved IP.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_reserved_ip.get 10.10.0.77
    """
    return module_helpers.get(globals(), "reserved_ip", name, profile)


def set_(name, mac_address=None, subnet=None, comment=None, profile=None):
    """Create a reserved IP, or change the one that is there; what is not named is left alone.

    Args:
        name: The address.
        mac_address: MAC address of its machine.
        subnet: Subnet it lies in.
        comment: Free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_reserved_ip.set 10.10.0.77 mac_address=52:54:00:00:00:77
    """
    return module_helpers.save(
        globals(),
        "reserved_ip",
        name,
        profile,
        mac_address=mac_address,
        subnet=subnet,
        comment=comment,
    )


def delete(name, profile=None):
    """Delete a reserved IP.

    Args:
        name: The address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_reserved_ip.delete 10.10.0.77
    """
    return module_helpers.remove(globals(), "reserved_ip", name, profile)
