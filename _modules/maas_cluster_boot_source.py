"""Boot sources of single clusters, in MAAS 1.6."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List the boot sources of all clusters.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_cluster_boot_source.list
    """
    return module_helpers.list_all(globals(), "cluster_boot_source", profile=profile)


def get(name, cluster, profile=None):
    """Show one boot source of a cluster.

    Args:
        name: URL of the simplestreams mirror.
        cluster: uuid of the node group whose it is.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such boot source of a cluster.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_cluster_boot_source.get http://images.example.com/ephemeral-v2/releases/ cluster=0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
    """
    return module_helpers.get(globals(), "cluster_boot_source", name, profile, cluster=cluster)


def set_(name, cluster, keyring_filename=None, keyring_data=None, profile=None):
    """Create a boot source, or change the one that is there; what is not named is left alone.

    Args:
        name: URL of the simplestreams mirror.
        cluster: uuid of the node group whose it is.
        keyring_filename: Keyring file on the region host.
        keyring_data: The keyring itself, in base64.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_cluster_boot_source.set http://images.example.com/ephemeral-v2/releases/ cluster=0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
    """
    return module_helpers.save(
        globals(),
        "cluster_boot_source",
        name,
        profile,
        cluster=cluster,
        keyring_filename=keyring_filename,
        keyring_data=keyring_data,
    )


def delete(name, cluster, profile=None):
    """Delete a boot source of a cluster.

    Args:
        name: URL of the simplestreams mirror.
        cluster: uuid of the node group whose it is.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_cluster_boot_source.delete http://images.example.com/ephemeral-v2/releases/ cluster=0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
    """
    return module_helpers.remove(globals(), "cluster_boot_source", name, profile, cluster=cluster)
