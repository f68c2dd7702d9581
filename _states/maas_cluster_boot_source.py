"""Manage boot sources of single clusters, in MAAS 1.6."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, cluster, keyring_filename=None, keyring_data=None, profile=None):
    """Make sure that a boot source of a cluster is as described.  What is not named is left alone.

    Args:
        name: URL of the simplestreams mirror.
        cluster: uuid of the node group whose it is.
        keyring_filename: Keyring file on the region host.
        keyring_data: The keyring itself, in base64.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        http://images.example.com/ephemeral-v2/releases/:
          maas_cluster_boot_source.present:
            - cluster: 0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
    """
    return state_helpers.present(
        globals(),
        "cluster_boot_source",
        name,
        profile,
        cluster=cluster,
        keyring_filename=keyring_filename,
        keyring_data=keyring_data,
    )


def absent(name, cluster, profile=None):
    """Make sure that there is no such boot source of a cluster.

    Args:
        name: URL of the simplestreams mirror.
        cluster: uuid of the node group whose it is.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        http://images.example.com/ephemeral-v2/releases/:
          maas_cluster_boot_source.absent:
            - cluster: 0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
    """
    return state_helpers.absent(globals(), "cluster_boot_source", name, profile, cluster=cluster)
