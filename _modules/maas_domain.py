"""MAAS DNS domains, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all DNS domains.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_domain.list
    """
    return module_helpers.list_all(globals(), "domain", profile=profile)


def get(name, profile=None):
    """Show one DNS domain.

    Args:
        name: Name of the domain.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such DNS domain.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_domain.get example.com
    """
    return module_helpers.get(globals(), "domain", name, profile)


def set_(
    name,
    ttl=None,
    authoritative=None,
    is_default=None,
    forward_dns_servers=None,
    profile=None,
):
    """Create a DNS domain, or change the one that is there; what is not named is left alone.

    Args:
        name: Name of the domain.
        ttl: Default time to live of its records, in seconds.
        authoritative: Whether MAAS serves the domain.
        is_default: true makes it the domain of new machines (2.4 and later).
        forward_dns_servers: DNS servers to ask for a domain that is not authoritative; sent at
            creation only (3.1 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_domain.set example.com ttl=300
    """
    return module_helpers.save(
        globals(),
        "domain",
        name,
        profile,
        ttl=ttl,
        authoritative=authoritative,
        is_default=is_default,
        forward_dns_servers=forward_dns_servers,
    )


def delete(name, profile=None):
    """Delete a DNS domain.

    Args:
        name: Name of the domain.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_domain.delete example.com
    """
    return module_helpers.remove(globals(), "domain", name, profile)
