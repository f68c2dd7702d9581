"""Manage IP addresses that the API's user reserves, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, subnet=None, network=None, mac=None, hostname=None, domain=None, profile=None):
    """Make sure that a reserved IP address is as described.  What is not named is left alone.

    Args:
        name: The address.
        subnet: Subnet it lies in; found from the address where not given (2.0 and later).
        network: Network it lies in; up to 1.10, where it must be given (up to 1.10).
        mac: MAC address; sent at creation only.
        hostname: Its DNS name; sent at creation only (1.8 and later).
        domain: Domain of the DNS name; sent at creation only (2.0 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        10.10.0.88:
          maas_ip_address.present:
            - hostname: printer
    """
    return state_helpers.present(
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


def absent(name, profile=None):
    """Make sure that there is no such reserved IP address.

    Args:
        name: The address.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        10.10.0.88:
          maas_ip_address.absent: []
    """
    return state_helpers.absent(globals(), "ip_address", name, profile)
