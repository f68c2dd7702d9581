"""Manage boot images in region and clusters; up to MAAS 1.6 each cluster imports its own."""

from __future__ import annotations

from typing import Any

from saltext.maas import state_helpers
from saltext.maas.reconcile import Limits


def imported(name: str, timeout: float = 3600, profile: str | dict | None = None) -> dict[str, Any]:
    """Ensure that the region holds an image; import what is selected otherwise.

    Start an import only when the image is missing, and wait for it. Up to 1.6 the region has no
    images: each accepted cluster that lacks this one imports.
    Progress goes to Salt's event bus, as ``maas/progress/<name>``.

    Args:
        name (str): ``OS/RELEASE/ARCHITECTURE``, such as ``ubuntu/jammy/amd64``; ``*`` for any
            architecture.
        timeout (float): Seconds to wait for the import.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return.

    .. code-block:: yaml

        ubuntu/jammy/amd64:
          maas_image.imported:
            - timeout: 7200
    """
    limits = Limits(import_seconds=timeout)
    return state_helpers.imported(globals(), name, profile, limits)


def synced(
    name: str, images: list[str], timeout: float = 1800, profile: str | dict | None = None
) -> dict[str, Any]:
    """Ensure that a cluster holds images; fetch them from the region otherwise.

    Up to 1.6 it imports by itself what its boot sources select, in 1.5 what
    :py:func:`maas_cluster.boot_resources` wrote on its host.

    Args:
        name (str): Host name of the rack controller, or UUID of the node group (1.x).
        images (list of str): List of ``OS/RELEASE/ARCHITECTURE``; ``*`` stands for any text.
        timeout (float): Seconds to wait for the cluster.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return.

    .. code-block:: yaml

        rack-1:
          maas_image.synced:
            - images: [ubuntu/jammy/amd64]
    """
    limits = Limits(sync_seconds=timeout, import_seconds=timeout)
    return state_helpers.present(globals(), "cluster_image", locals(), limits)
