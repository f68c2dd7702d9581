"""Manage names in MAAS DNS with their addresses, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, domain=None, ip_addresses=None, address_ttl=None, profile=None):
    """Make sure that a DNS name is as described.  What is not named is left alone.

    Args:
        name: Fully qualified name.
        domain: Its domain; found from the name where not given.
        ip_addresses: Its addresses.
        address_ttl: Time to live of the addresses, in seconds.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        www.example.com:
          maas_dns_resource.present:
            - ip_addresses: [192.0.2.5]
            - address_ttl: 60
    """
    return state_helpers.present(
        globals(),
        "dns_resource",
        name,
        profile,
        domain=domain,
        ip_addresses=ip_addresses,
        address_ttl=address_ttl,
    )


def absent(name, profile=None):
    """Make sure that there is no such DNS name.

    Args:
        name: Fully qualified name.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        www.example.com:
          maas_dns_resource.absent: []
    """
    return state_helpers.absent(globals(), "dns_resource", name, profile)
