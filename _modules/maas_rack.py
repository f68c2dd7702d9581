"""MAAS rack controllers, in MAAS 2.0 and later.

A rack controller cannot be created: it enrols itself with the shared secret.
"""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all rack controllers.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_rack.list
    """
    return module_helpers.list_all(globals(), "rack", profile=profile)


def get(name, profile=None):
    """Show one rack controller.

    Args:
        name: Host name of the rack controller.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such rack controller.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_rack.get rack-1
    """
    return module_helpers.get(globals(), "rack", name, profile)


def set_(
    name,
    connected=None,
    description=None,
    zone=None,
    domain=None,
    power_type=None,
    power_parameters=None,
    profile=None,
):
    """Change a rack controller; what is not named is left alone.

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
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_rack.set rack-1 description=leftrow
    """
    return module_helpers.save(
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


def delete(name, force=None, profile=None):
    """Delete a rack controller.

    Args:
        name: Host name of the rack controller.
        force: Delete it although VLANs lose their DHCP (2.5 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_rack.delete rack-1
    """
    return module_helpers.remove(globals(), "rack", name, profile, force=force)
