"""Manage MAAS region controllers, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    description=None,
    zone=None,
    domain=None,
    power_type=None,
    power_parameters=None,
    profile=None,
):
    """Make sure that a region controller is as described.  What is not named is left alone.

    Args:
        name: Host name of the region controller.
        description: Free text (2.6 and later).
        zone: Name of its zone.
        domain: Name of its DNS domain (2.2 and later).
        power_type: How it is switched on and off, such as ipmi.
        power_parameters: What that takes, such as {power_address: 192.0.2.9, power_user: maas}.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        region:
          maas_region_controller.present:
            - zone: north
            - description: in the cellar
    """
    return state_helpers.present(
        globals(),
        "region_controller",
        name,
        profile,
        description=description,
        zone=zone,
        domain=domain,
        power_type=power_type,
        power_parameters=power_parameters,
    )
