"""Manage DHCP on VLANs, in MAAS 2.0 and later.

In 1.x DHCP belongs to a cluster's interfaces: see ``maas_node_group_interface``.
"""

from __future__ import annotations

from saltext.maas import state_helpers


def managed(name, primary_rack=None, secondary_rack=None, relay_vlan=None, profile=None):
    """Make sure that a VLAN's DHCP is served by racks, or relayed to another VLAN.

    MAAS demands a dynamic range in a subnet on the VLAN and a rack controller
    with an interface on it before it serves DHCP.

    Args:
        name: VLAN as ``FABRIC/VID``; ``untagged`` stands for vid 0.
        primary_rack: Host name of the rack controller that serves it.
        secondary_rack: Host name of the stand-by; ``''`` for none.
        relay_vlan: VLAN (``FABRIC/VID``) whose DHCP is relayed here, instead
            of racks (2.2 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        dc1/untagged:
          maas_dhcp.managed:
            - primary_rack: rack-1
            - secondary_rack: rack-2
    """
    return state_helpers.present(globals(), "dhcp", {**locals(), "enabled": not relay_vlan})


def absent(name, profile=None):
    """Make sure that MAAS serves no DHCP on a VLAN and relays none to it.

    The racks are taken off the VLAN as well: MAAS deletes no rack controller
    that a VLAN names, even while DHCP is off.

    Args:
        name: VLAN as ``FABRIC/VID``; ``untagged`` stands for vid 0.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        dc1/100:
          maas_dhcp.absent: []
    """
    return state_helpers.absent(globals(), "dhcp", locals())
