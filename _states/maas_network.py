"""Manage MAAS networks, in MAAS up to 1.8."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    ip=None,
    netmask=None,
    vlan_tag=None,
    description=None,
    default_gateway=None,
    dns_servers=None,
    profile=None,
):
    """Make sure that a network is as described.  What is not named is left alone.

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
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        office:
          maas_network.present:
            - ip: 172.16.0.0
            - netmask: 255.255.0.0
            - vlan_tag: 5
    """
    return state_helpers.present(
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


def absent(name, profile=None):
    """Make sure that there is no such network.

    Args:
        name: Name of the network.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        office:
          maas_network.absent: []
    """
    return state_helpers.absent(globals(), "network", name, profile)
