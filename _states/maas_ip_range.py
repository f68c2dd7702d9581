"""Manage MAAS IP ranges, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, subnet=None, type=None, comment=None, profile=None):
    """Make sure that an IP range is as described.  What is not named is left alone.

    A range of the region that begins or ends at the same address and has the same
    ``comment`` is moved or resized.  Any other that is in the way stays as it is, and the
    state fails before anything is sent.

    Args:
        name: ``START-END``, its first and last address.
        subnet: CIDR of the subnet it lies in.
        type: ``dynamic`` (for DHCP) or ``reserved``.
        comment: Free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        10.10.0.100-10.10.0.150:
          maas_ip_range.present:
            - subnet: 10.10.0.0/24
            - type: dynamic
    """
    return state_helpers.present(
        globals(),
        "ip_range",
        name,
        profile,
        subnet=subnet,
        type=type,
        comment=comment,
    )


def absent(name, profile=None):
    """Make sure that there is no such IP range.

    Args:
        name: ``START-END``, its first and last address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        10.10.0.100-10.10.0.150:
          maas_ip_range.absent: []
    """
    return state_helpers.absent(globals(), "ip_range", name, profile)
