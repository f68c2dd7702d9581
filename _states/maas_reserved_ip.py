"""Manage MAAS reserved IPs, each for one machine, in MAAS 3.6 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, mac_address=None, subnet=None, comment=None, profile=None):
    """Make sure that a reserved IP is as described.  What is not named is left alone.

    Args:
        name: The address.
        mac_address: MAC address of its machine.
        subnet: Subnet it lies in.
        comment: Free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        10.10.0.77:
          maas_reserved_ip.present:
            - mac_address: 52:54:00:00:00:77
            - comment: printer
    """
    return state_helpers.present(
        globals(),
        "reserved_ip",
        name,
        profile,
        mac_address=mac_address,
        subnet=subnet,
        comment=comment,
    )


def absent(name, profile=None):
    """Make sure that there is no such reserved IP.

    Args:
        name: The address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        10.10.0.77:
          maas_reserved_ip.absent: []
    """
    return state_helpers.absent(globals(), "reserved_ip", name, profile)
