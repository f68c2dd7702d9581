"""MAAS networks, in MAAS up to 1.8."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all networks.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_network.list
    """
    return module_helpers.list_all(globals(), "network", profile=profile)


def get(name, profile=None):
    """Show one network.

    Args:
        name: Name of the network.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such network.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_network.get office
    """
    return module_helpers.get(globals(), "network", name, profile)


def set_(
    name,
    ip=None,
    netmask=None,
    vlan_tag=None,
    description=None,
    default_gateway=None,
    dns_servers=None,
    profile=None,
):
    """Create a network, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the network.
        ip: Its address.
        netmask: Its netmask.
        vlan_tag: VLAN id; none where it is untagged.
        description: Free text.
        default_gateway: Default gateway (1.7 and later).
        dns_servers: DNS servers, in order (1.7 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_network.set office ip=172.16.0.0 netmask=255.255.0.0
    """
    return module_helpers.save(
        globals(),
        "network",
        name,
        profile,
        ip=ip,
        netmask=netmask,
        vlan_tag=vlan_tag,
        description=description,
        default_gateway=default_gateway,
        dns_servers=dns_servers,
    )


def delete(name, profile=None):
    """Delete a network.

    Args:
        name: Name of the network.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_network.delete office
    """
    return module_helpers.remove(globals(), "network", name, profile)
