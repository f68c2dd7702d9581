"""Manage MAAS interfaces of a cluster, in MAAS 1.5 to 1.10."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    cluster,
    management=None,
    interface=None,
    ip=None,
    subnet_mask=None,
    broadcast_ip=None,
    router_ip=None,
    ip_range_low=None,
    ip_range_high=None,
    static_ip_range_low=None,
    static_ip_range_high=None,
    profile=None,
):
    """Make sure that a cluster interface is as described.  What is not named is left alone.

    Args:
        name: Name of the interface, such as ``eth0``.
        cluster: uuid of the cluster's node group.
        management: ``unmanaged``, ``dhcp`` or ``dhcp_and_dns``.
        interface: Network interface, where it is not the name.
        ip: The cluster's own address there.
        subnet_mask: Netmask.
        broadcast_ip: Broadcast address.
        router_ip: Router; compared only where the region's database can be read.
        ip_range_low: First address of the dynamic range.
        ip_range_high: Last address of the dynamic range.
        static_ip_range_low: First static address (1.6 and later).
        static_ip_range_high: Last static address (1.6 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        eth0:
          maas_node_group_interface.present:
            - cluster: 5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001
            - management: dhcp
            - ip: 10.10.0.2
            - subnet_mask: 255.255.255.0
            - ip_range_low: 10.10.0.100
            - ip_range_high: 10.10.0.150
    """
    return state_helpers.present(
        globals(),
        "node_group_interface",
        name,
        profile,
        cluster=cluster,
        management=management,
        interface=interface,
        ip=ip,
        subnet_mask=subnet_mask,
        broadcast_ip=broadcast_ip,
        router_ip=router_ip,
        ip_range_low=ip_range_low,
        ip_range_high=ip_range_high,
        static_ip_range_low=static_ip_range_low,
        static_ip_range_high=static_ip_range_high,
    )


def absent(name, cluster, profile=None):
    """Make sure that there is no such cluster interface.

    Args:
        name: Name of the interface, such as ``eth0``.
        cluster: uuid of the cluster's node group.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        eth0:
          maas_node_group_interface.absent:
            - cluster: 5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001
    """
    return state_helpers.absent(globals(), "node_group_interface", name, profile, cluster=cluster)
