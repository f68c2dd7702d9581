"""Names in MAAS DNS with their addresses, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all DNS names.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dns_resource.list
    """
    return module_helpers.list_all(globals(), "dns_resource", profile=profile)


def get(name, profile=None):
    """Show one DNS name.

    Args:
        name: Fully qualified name.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such DNS name.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dns_resource.get www.example.com
    """
    return module_helpers.get(globals(), "dns_resource", name, profile)


def set_(name, domain=None, ip_addresses=None, address_ttl=None, profile=None):
    """Create a DNS name, or change the one that is there; what is not named is left alone.

    Args:
        name: Fully qualified name.
        domain: Its domain; found from the name where not given.
        ip_addresses: Its addresses.
        address_ttl: Time to live of the addresses, in seconds.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dns_resource.set www.example.com 'ip_addresses=[192.0.2.5]'
    """
    return module_helpers.save(
        globals(),
        "dns_resource",
        name,
        profile,
        domain=domain,
        ip_addresses=ip_addresses,
        address_ttl=address_ttl,
    )


def delete(name, profile=None):
    """Delete a DNS name.

    Args:
        name: Fully qualified name.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dns_resource.delete www.example.com
    """
    return module_helpers.remove(globals(), "dns_resource", name, profile)
