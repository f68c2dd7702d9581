"""Manage MAAS rack controllers, in MAAS 2.0 and later.

A rack controller cannot be created: it enrols itself with the shared secret.
"""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    connected=None,
    description=None,
    zone=None,
    domain=None,
    power_type=None,
    power_parameters=None,
    profile=None,
):
    """Make sure that a rack controller is as described.  What is not named is left alone.

    Args:
        name: Host name of the rack controller.
        connected: True waits until it has registered and its daemon talks to the region.
        description: Free text (2.6 and later).
        zone: Name of its zone.
        domain: Name of its DNS domain (2.2 and later).
        power_type: How it is switched on and off, such as ``ipmi``.
        power_parameters: What that takes, such as ``{power_address: 192.0.2.9}``; never shown.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        rack-1:
          maas_rack.present:
            - connected: true
            - description: left row
    """
    return state_helpers.present(
        globals(),
        "rack",
        name,
        profile,
        connected=connected,
        description=description,
        zone=zone,
        domain=domain,
        power_type=power_type,
        power_parameters=power_parameters,
    )


def absent(name, force=None, profile=None):
    """Make sure that there is no such rack controller.

    VLANs whose DHCP it serves go over to another rack.  Where there is none MAAS refuses,
    unless forced: then DHCP goes off there.

    Args:
        name: Host name of the rack controller.
        force: Delete it although VLANs lose their DHCP (2.5 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        rack-1:
          maas_rack.absent: []
    """
    return state_helpers.absent(globals(), "rack", name, profile, force=force)
