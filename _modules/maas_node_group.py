"""MAAS node groups, in MAAS 1.5 to 1.10.

A node group cannot be created: the cluster registers itself, which is waited for. Deleting one
works on the region host only, through its database, and is refused while nodes or managed
interfaces hang on it.
"""

from __future__ import annotations

from saltext.maas import module_helpers, runtime
from saltext.maas.api_path import segment

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all node groups.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_node_group.list
    """
    return module_helpers.list_all(globals(), "node_group", profile=profile)


def get(name, profile=None):
    """Show one node group.

    Args:
        name: uuid of the cluster.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such node group.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_node_group.get 5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001
    """
    return module_helpers.get(globals(), "node_group", name, profile)


def set_(name, cluster_name=None, dns_zone=None, status=None, profile=None):
    """Change a node group; what is not named is left alone.

    Args:
        name: uuid of the cluster.
        cluster_name: Display name, unique in the region.
        dns_zone: DNS zone of its machines.
        status: ``accepted``, ``rejected``, or ``pending`` (up to 1.7); ``enabled`` and
            ``disabled`` are the words of 1.8 and later for the first two.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_node_group.set 5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001 cluster_name=east status=accepted
    """
    return module_helpers.save(
        globals(),
        "node_group",
        name,
        profile,
        cluster_name=cluster_name,
        name=dns_zone,
        status=status,
    )


def delete(name, profile=None):
    """Delete a node group.

    Args:
        name: uuid of the cluster.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_node_group.delete 5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001
    """
    return module_helpers.remove(globals(), "node_group", name, profile)


def import_boot_images(name=None, profile=None):
    """Have a node group, or all accepted ones, fetch boot images; returns at once.

    Args:
        name: uuid of the cluster; all of them when left out.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        The region's answer.

    Raises:
        CommandExecutionError: There is no such node group, or MAAS refuses.

    CLI Example:

    .. code-block:: bash

        salt region maas_node_group.import_boot_images 5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001
    """
    path = f"nodegroups/{segment(name)}/" if name else "nodegroups/"
    return runtime.client(globals(), profile).post(path, op="import_boot_images")
