"""Manage boot images in region and clusters; up to MAAS 1.6 each cluster imports its own."""

from __future__ import annotations

from saltext.maas import state_helpers
from saltext.maas.reconcile import Limits


def imported(name, timeout=3600, profile=None):
    """Make sure that the region holds an image; import what is selected if it does not.

    An import is started only when the image is missing, and waited for. Up to 1.6 the region
    has no images: there each accepted cluster that lacks this one is told to import.
    Progress goes to Salt's event bus, as ``maas/progress/<name>``.

    Args:
        name: ``OS/RELEASE/ARCHITECTURE``, such as ``ubuntu/jammy/amd64``;
            ``*`` for any architecture.
        timeout: Seconds to wait for the import.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        ubuntu/jammy/amd64:
          maas_image.imported:
            - timeout: 7200
    """
    limits = Limits(import_seconds=timeout)
    return state_helpers.imported(globals(), name, profile, limits)


def synced(name, images, timeout=1800, profile=None):
    """Make sure that a cluster holds images; have it fetch them from the region if not.

    Up to 1.6 it imports by itself what its boot sources select, in 1.5 what
    :py:func:`maas_cluster.boot_resources` wrote on its host.

    Args:
        name: Host name of the rack controller, or uuid of the node group (1.x).
        images: List of ``OS/RELEASE/ARCHITECTURE``; ``*`` stands for any text.
        timeout: Seconds to wait for the cluster.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        rack-1:
          maas_image.synced:
            - images: [ubuntu/jammy/amd64]
    """
    limits = Limits(sync_seconds=timeout, import_seconds=timeout)
    return state_helpers.present(globals(), "cluster_image", locals(), limits)
