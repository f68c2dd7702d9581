"""Manage MAAS DNS domains, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    ttl=None,
    authoritative=None,
    is_default=None,
    forward_dns_servers=None,
    profile=None,
):
    """Make sure that a DNS domain is as described.  What is not named is left alone.

    Args:
        name: Name of the domain.
        ttl: Default time to live of its records, in seconds.
        authoritative: Whether MAAS serves the domain.
        is_default: true makes it the domain of new machines (2.4 and later).
        forward_dns_servers: DNS servers to ask for a domain that is not authoritative; sent at
            creation only (3.1 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        example.com:
          maas_domain.present:
            - ttl: 300
    """
    return state_helpers.present(
        globals(),
        "domain",
        name,
        profile,
        ttl=ttl,
        authoritative=authoritative,
        is_default=is_default,
        forward_dns_servers=forward_dns_servers,
    )


def absent(name, profile=None):
    """Make sure that there is no such DNS domain.

    Args:
        name: Name of the domain.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        example.com:
          maas_domain.absent: []
    """
    return state_helpers.absent(globals(), "domain", name, profile)
