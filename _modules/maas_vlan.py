"""MAAS VLANs, in MAAS 1.9 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all VLANs.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_vlan.list
    """
    return module_helpers.list_all(globals(), "vlan", profile=profile)


def get(name, profile=None):
    """Show one VLAN.

    Args:
        name: ``FABRIC/VID``; ``untagged`` stands for vid 0.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such VLAN.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_vlan.get dc1/100
    """
    return module_helpers.get(globals(), "vlan", name, profile)


def set_(
    name,
    vlan_name=None,
    mtu=None,
    space=None,
    description=None,
    old_name=None,
    id=None,
    profile=None,
):
    """Create a VLAN, or change the one that is there; what is not named is left alone.

    Args:
        name: ``FABRIC/VID``; ``untagged`` stands for vid 0.
        vlan_name: Name of the VLAN; that of vid 0 is always ``untagged``.
        mtu: MTU in bytes, 552 to 65535.
        space: Name of its space; ``''`` takes it out of any (2.2 and later).
        description: Free text; written at creation only.
        old_name: ``FABRIC/VID`` that it has until now; it gets the new VID, and from 2.3 on
            moves to the new fabric.
        id: Its id in MAAS, in place of ``old_name``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_vlan.set dc1/100 vlan_name=storage mtu=9000
    """
    return module_helpers.save(
        globals(),
        "vlan",
        name,
        profile,
        name=vlan_name,
        mtu=mtu,
        space=space,
        description=description,
        old_name=old_name,
        id=id,
    )


def delete(name, profile=None):
    """Delete a VLAN.

    Args:
        name: ``FABRIC/VID``; ``untagged`` stands for vid 0.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_vlan.delete dc1/100
    """
    return module_helpers.remove(globals(), "vlan", name, profile)
