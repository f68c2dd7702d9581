"""Boot source selections of single clusters, in MAAS 1.6."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List the boot source selections of all clusters.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_cluster_boot_selection.list
    """
    return module_helpers.list_all(globals(), "cluster_boot_selection", profile=profile)


def get(name, cluster, source, profile=None):
    """Show one boot source selection of a cluster.

    Args:
        name: Release, such as trusty.
        cluster: uuid of the node group whose it is.
        source: URL of its boot source.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such boot source selection of a cluster.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_cluster_boot_selection.get trusty cluster=0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01 source=http://images.example.com/ephemeral-v2/releases/
    """
    return module_helpers.get(
        globals(),
        "cluster_boot_selection",
        name,
        profile,
        cluster=cluster,
        source=source,
    )


def set_(name, cluster, source, arches=None, subarches=None, labels=None, profile=None):
    """Create a selection, or change the one that is there; what is not named is left alone.

    Args:
        name: Release, such as trusty.
        cluster: uuid of the node group whose it is.
        source: URL of its boot source.
        arches: Architectures; ``*`` for all, and where not given.
        subarches: Sub-architectures; ``*`` for all, and where not given.
        labels: Labels; ``*`` for all, and where not given.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_cluster_boot_selection.set trusty cluster=0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01 source=http://images.example.com/ephemeral-v2/releases/
    """
    return module_helpers.save(
        globals(),
        "cluster_boot_selection",
        name,
        profile,
        cluster=cluster,
        source=source,
        arches=arches,
        subarches=subarches,
        labels=labels,
    )


def delete(name, cluster, source, profile=None):
    """Delete a boot source selection of a cluster.

    Args:
        name: Release, such as trusty.
        cluster: uuid of the node group whose it is.
        source: URL of its boot source.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_cluster_boot_selection.delete trusty cluster=0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01 source=http://images.example.com/ephemeral-v2/releases/
    """
    return module_helpers.remove(
        globals(),
        "cluster_boot_selection",
        name,
        profile,
        cluster=cluster,
        source=source,
    )
