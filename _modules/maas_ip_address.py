"""IP addresses that the API's user reserves, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all reserved IP addresses.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ip_address.list
    """
    return module_helpers.list_all(globals(), "ip_address", profile=profile)


def get(name, profile=None):
    """Show one reserved IP address.

    Args:
        name: The address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such reserved IP address.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ip_address.get 10.10.0.88
    """
    return module_helpers.get(globals(), "ip_address", name, profile)


def set_(name, subnet=None, network=None, mac=None, hostname=None, domain=None, profile=None):
    """Create a reserved IP address, or change the one that is there; what is not named is left alone.

    Args:
        name: The address.
        subnet: Subnet it lies in; found from the address where not given (2.0 and later).
        network: Network it lies in; up to 1.10, where it must be given (up to 1.10).
        mac: MAC address; sent at creation only.
        hostname: Its DNS name; sent at creation only (1.8 and later).
        domain: Domain of the DNS name; sent at creation only (2.0 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ip_address.set 10.10.0.88 hostname=printer
    """
    return module_helpers.save(
        globals(),
        "ip_address",
        name,
        profile,
        subnet=subnet,
        network=network,
        mac=mac,
        hostname=hostname,
        domain=domain,
    )


def delete(name, profile=None):
    """Delete a reserved IP address.

    Args:
        name: The address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_ip_address.delete 10.10.0.88
    """
    return module_helpers.remove(globals(), "ip_address", name, profile)
