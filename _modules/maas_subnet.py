"""MAAS subnets, in MAAS 1.9 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all subnets.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_subnet.list
    """
    return module_helpers.list_all(globals(), "subnet", profile=profile)


def get(name, profile=None):
    """Show one subnet.

    Args:
        name: Its network in CIDR form.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such subnet.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_subnet.get 10.10.0.0/24
    """
    return module_helpers.get(globals(), "subnet", name, profile)


def set_(
    name,
    subnet_name=None,
    vlan=None,
    space=None,
    gateway_ip=None,
    dns_servers=None,
    rdns_mode=None,
    allow_proxy=None,
    allow_dns=None,
    active_discovery=None,
    managed=None,
    description=None,
    disabled_boot_architectures=None,
    profile=None,
):
    """Create a subnet, or change the one that is there; what is not named is left alone.

    Args:
        name: Its network in CIDR form.
        subnet_name: Name of the subnet.
        vlan: VLAN it lies on, as ``FABRIC/VID``.
        space: Name of its space (up to 2.1; later its VLAN has one).
        gateway_ip: Default gateway; ``''`` clears it.
        dns_servers: List of DNS servers, in order.
        rdns_mode: ``disabled``, ``enabled`` or ``rfc2317`` (2.0 and later).
        allow_proxy: Whether machines may use the region's proxy.
        allow_dns: Whether machines may use MAAS's DNS (2.5 and later).
        active_discovery: Whether racks scan it (2.1 and later).
        managed: Whether MAAS hands out its addresses (2.2 and later).
        description: Free text.
        disabled_boot_architectures: List of boot architectures not served (3.0 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_subnet.set 10.10.0.0/24 vlan=dc1/100 gateway_ip=10.10.0.1 'dns_servers=[10.10.0.2]'
    """
    return module_helpers.save(
        globals(),
        "subnet",
        name,
        profile,
        name=subnet_name,
        vlan=vlan,
        space=space,
        gateway_ip=gateway_ip,
        dns_servers=dns_servers,
        rdns_mode=rdns_mode,
        allow_proxy=allow_proxy,
        allow_dns=allow_dns,
        active_discovery=active_discovery,
        managed=managed,
        description=description,
        disabled_boot_architectures=disabled_boot_architectures,
    )


def delete(name, force=None, profile=None):
    """Delete a subnet.

    Args:
        name: Its network in CIDR form.
        force: true deletes it although nodes have addresses in it (needed from 3.7 on only).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_subnet.delete 10.10.0.0/24
    """
    return module_helpers.remove(globals(), "subnet", name, profile, force=force)
