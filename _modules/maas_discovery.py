"""What racks have discovered in their networks, in MAAS 2.1 and later.

MAAS makes discoveries by itself, so there is nothing to describe: they can be read and cleared.
"""

from __future__ import annotations

from typing import Any

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list"}


def list_(unknown: str | None = None, profile: str | dict | None = None) -> list[dict]:
    """List what was discovered.

    Args:
        unknown (str): Only what MAAS does not know by ``mac``, ``ip`` or ``ip_and_mac``.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        A list of mappings with ``ip``, ``mac_address``, ``hostname``, ``last_seen`` and more.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_discovery.list
        salt region maas_discovery.list unknown=mac
    """
    client = module_helpers.client_since(globals(), "2.1", "discoveries", profile)
    op = f"by_unknown_{unknown}" if unknown else None
    return client.get("discovery/", op=op, expect=[dict])


def clear(what: str = "all", profile: str | dict | None = None) -> bool:
    """Forget what was discovered.

    Args:
        what (str): ``all``, ``mdns`` or ``neighbours``.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        True.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_discovery.clear neighbours
    """
    client = module_helpers.client_since(globals(), "2.1", "discoveries", profile)
    client.post("discovery/", op="clear", data={what: True})
    return True


def scan(cidrs: list[str] | None = None, profile: str | dict | None = None) -> Any:
    """Have the rack controllers scan for neighbours now.

    Args:
        cidrs (list of str): List of networks to scan; all that racks are in where not given.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        What MAAS answers: which racks scan, and which cannot.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_discovery.scan 'cidrs=[10.10.0.0/24]'
    """
    client = module_helpers.client_since(globals(), "2.1", "discoveries", profile)
    data = {"cidr": cidrs} if cidrs else {"force": True}
    return client.post("discovery/", op="scan", data=data)
