"""DHCP on VLANs, in MAAS 2.0 and later.

In 1.x DHCP belongs to a cluster's interfaces: see ``maas_node_group_interface``.
"""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List the DHCP of all VLANs.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{FABRIC/VID: {enabled, primary_rack, secondary_rack, relay_vlan}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp.list
    """
    return module_helpers.list_all(globals(), "dhcp", locals())


def get(name, profile=None):
    """Show the DHCP of one VLAN.

    Args:
        name: VLAN as ``FABRIC/VID``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such VLAN.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp.get dc1/untagged
    """
    return module_helpers.get(globals(), "dhcp", locals())


def set_(name, enabled=None, primary_rack=None, secondary_rack=None, relay_vlan=None, profile=None):
    """Change the DHCP of a VLAN; what is not named is left alone.

    Args:
        name: VLAN as ``FABRIC/VID``.
        enabled: Whether racks serve DHCP there.
        primary_rack: Host name of the rack controller that serves it.
        secondary_rack: Host name of the stand-by; ``''`` for none.
        relay_vlan: VLAN whose DHCP is relayed here (2.2 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp.set dc1/untagged enabled=true primary_rack=rack-1
    """
    return module_helpers.save(globals(), "dhcp", locals())
