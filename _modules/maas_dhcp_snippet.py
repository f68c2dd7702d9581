"""MAAS DHCP snippets, in MAAS 2.0 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all DHCP snippets.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp_snippet.list
    """
    return module_helpers.list_all(globals(), "dhcp_snippet", profile=profile)


def get(name, profile=None):
    """Show one DHCP snippet.

    Args:
        name: Name of the snippet.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such DHCP snippet.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp_snippet.get ntp
    """
    return module_helpers.get(globals(), "dhcp_snippet", name, profile)


def set_(
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
    """Create a DHCP snippet, or change the one that is there; what is not named is left alone.

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
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp_snippet.set ntp value="option ntp-servers 192.0.2.1;"
    """
    return module_helpers.save(
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


def delete(name, profile=None):
    """Delete a DHCP snippet.

    Args:
        name: Name of the snippet.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp_snippet.delete ntp
    """
    return module_helpers.remove(globals(), "dhcp_snippet", name, profile)
