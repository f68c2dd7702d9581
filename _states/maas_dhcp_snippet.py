"""Manage MAAS DHCP snippets, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    value=None,
    description=None,
    enabled=None,
    subnet=None,
    iprange=None,
    node=None,
    global_snippet=None,
    profile=None,
):
    """Make sure that a DHCP snippet is as described.  What is not named is left alone.

    Args:
        name: Name of the snippet.
        value: The lines for dhcpd.conf.
        description: Free text.
        enabled: Whether it is in force.
        subnet: Subnet for which it is.
        iprange: IP range of the subnet for which it is, as START-END; sent at creation only (3.0
            and later).
        node: Host name of the machine or controller for which it is.
        global_snippet: true for all of DHCP, as where neither subnet nor node is given.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        ntp:
          maas_dhcp_snippet.present:
            - value: option ntp-servers 192.0.2.1;
            - subnet: 10.10.0.0/24
    """
    return state_helpers.present(
        globals(),
        "dhcp_snippet",
        name,
        profile,
        value=value,
        description=description,
        enabled=enabled,
        subnet=subnet,
        iprange=iprange,
        node=node,
        global_snippet=global_snippet,
    )


def absent(name, profile=None):
    """Make sure that there is no such DHCP snippet.

    Args:
        name: Name of the snippet.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        ntp:
          maas_dhcp_snippet.absent: []
    """
    return state_helpers.absent(globals(), "dhcp_snippet", name, profile)
