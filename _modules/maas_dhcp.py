"""DHCP on VLANs, in MAAS 2.0 and later.

In 1.x DHCP belongs to a cluster's interfaces: see ``maas_node_group_interface``.
"""

from __future__ import annotations

from typing import Any

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile: str | dict | None = None) -> dict[str, dict]:
    """List the DHCP of all VLANs.

    Args:
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``{FABRIC/VID: {enabled, primary_rack, secondary_rack, relay_vlan}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp.list
    """
    return module_helpers.list_all(globals(), "dhcp", locals())


def get(name: str, profile: str | dict | None = None) -> dict[str, Any] | None:
    """Show the DHCP of one VLAN.

    Args:
        name (str): VLAN as ``FABRIC/VID``.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such VLAN.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp.get dc1/untagged
    """
    return module_helpers.get(globals(), "dhcp", locals())


def set_(
    name: str,
    enabled: bool | None = None,
    primary_rack: str | None = None,
    secondary_rack: str | None = None,
    relay_vlan: str | None = None,
    profile: str | dict | None = None,
) -> dict[str, dict]:
    """Change the DHCP of a VLAN; what is not given is left alone.

    Args:
        name (str): VLAN as ``FABRIC/VID``.
        enabled (bool): Whether racks serve DHCP there.
        primary_rack (str): Host name of the rack controller that serves it.
        secondary_rack (str): Host name of the secondary; ``''`` for none.
        relay_vlan (str): VLAN whose DHCP is relayed here (2.2 and later).
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_dhcp.set dc1/untagged enabled=true primary_rack=rack-1
    """
    return module_helpers.save(globals(), "dhcp", locals())
