"""Manage boot source selections of single clusters, in MAAS 1.6."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, cluster, source, arches=None, subarches=None, labels=None, profile=None):
    """Make sure that a selection is as described.  What is not named is left alone.

    Args:
        name: Release, such as trusty.
        cluster: uuid of the node group whose it is.
        source: URL of its boot source.
        arches: Architectures; ``*`` for all, and where not given.
        subarches: Sub-architectures; ``*`` for all, and where not given.
        labels: Labels; ``*`` for all, and where not given.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        trusty:
          maas_cluster_boot_selection.present:
            - cluster: 0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
            - source: http://images.example.com/ephemeral-v2/releases/
            - arches: [amd64]
    """
    return state_helpers.present(
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


def absent(name, cluster, source, profile=None):
    """Make sure that there is no such boot source selection of a cluster.

    Args:
        name: Release, such as trusty.
        cluster: uuid of the node group whose it is.
        source: URL of its boot source.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        trusty:
          maas_cluster_boot_selection.absent:
            - cluster: 0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01
            - source: http://images.example.com/ephemeral-v2/releases/
    """
    return state_helpers.absent(
        globals(),
        "cluster_boot_selection",
        name,
        profile,
        cluster=cluster,
        source=source,
    )
