"""Manage DHCP on VLANs, in MAAS 2.0 and later.

In 1.x DHCP belongs to a cluster's interfaces: see ``maas_node_group_interface``.
"""

from __future__ import annotations

from typing import Any

from saltext.maas import state_helpers


def managed(
    name: str,
    primary_rack: str | None = None,
    secondary_rack: str | None = None,
    relay_vlan: str | None = None,
    profile: str | dict | None = None,
) -> dict[str, Any]:
    """Ensure that a VLAN's DHCP is served by racks, or relayed to another VLAN.

    MAAS demands a dynamic range in a subnet on the VLAN and a rack controller
    with an interface on it before it serves DHCP.

    Args:
        name (str): VLAN as ``FABRIC/VID``; ``untagged`` stands for vid 0.
        primary_rack (str): Host name of the rack controller that serves it.
        secondary_rack (str): Host name of the secondary; ``''`` for none.
        relay_vlan (str): VLAN (``FABRIC/VID``) whose DHCP is relayed here, instead of racks (2.2
            and later).
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        dc1/untagged:
          maas_dhcp.managed:
            - primary_rack: rack-1
            - secondary_rack: rack-2
    """
    return state_helpers.present(globals(), "dhcp", {**locals(), "enabled": not relay_vlan})


def absent(name: str, profile: str | dict | None = None) -> dict[str, Any]:
    """Ensure that MAAS serves no DHCP on a VLAN and relays none to it.

    The racks are taken off the VLAN as well: MAAS deletes no rack controller
    that a VLAN names, even while DHCP is off.

    Args:
        name (str): VLAN as ``FABRIC/VID``; ``untagged`` stands for vid 0.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return.

    .. code-block:: yaml

        dc1/100:
          maas_dhcp.absent: []
    """
    return state_helpers.absent(globals(), "dhcp", locals())
