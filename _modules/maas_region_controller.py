"""MAAS region controllers, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all region controllers.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_region_controller.list
    """
    return module_helpers.list_all(globals(), "region_controller", profile=profile)


def get(name, profile=None):
    """Show one region controller.

    Args:
        name: Host name of the region controller.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such region controller.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_region_controller.get region
    """
    return module_helpers.get(globals(), "region_controller", name, profile)


def set_(
    name,
    description=None,
    zone=None,
    domain=None,
    power_type=None,
    power_parameters=None,
    profile=None,
):
    """Change a region controller; what is not named is left alone.

    Args:
        name: Host name of the region controller.
        description: Free text (2.6 and later).
        zone: Name of its zone.
        domain: Name of its DNS domain (2.2 and later).
        power_type: How it is switched on and off, such as ipmi.
        power_parameters: What that takes, such as {power_address: 192.0.2.9, power_user: maas}.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_region_controller.set region zone=north
    """
    return module_helpers.save(
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
