"""Manage MAAS VLANs, in MAAS 1.9 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    vlan_name=None,
    mtu=None,
    space=None,
    description=None,
    old_name=None,
    id=None,
    profile=None,
):
    """Make sure that a VLAN is as described.  What is not named is left alone.

    Args:
        name: ``FABRIC/VID``; ``untagged`` stands for vid 0.
        vlan_name: Name of the VLAN; that of vid 0 is always ``untagged``.
        mtu: MTU in bytes, 552 to 65535.
        space: Name of its space; ``''`` takes it out of any (2.2 and later).
        description: Free text; written at creation only.
        old_name: ``FABRIC/VID`` that it has until now; it gets the new VID, and from 2.3 on
            moves to the new fabric.
        id: Its id in MAAS, in place of ``old_name``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        dc1/100:
          maas_vlan.present:
            - vlan_name: storage
            - mtu: 9000
    """
    return state_helpers.present(
        globals(),
        "vlan",
        name,
        profile,
        name=vlan_name,
        mtu=mtu,
        space=space,
        description=description,
        old_name=old_name,
        id=id,
    )


def absent(name, profile=None):
    """Make sure that there is no such VLAN.

    Args:
        name: ``FABRIC/VID``; ``untagged`` stands for vid 0.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        dc1/100:
          maas_vlan.absent: []
    """
    return state_helpers.absent(globals(), "vlan", name, profile)
