"""Boot images of region and clusters; up to MAAS 1.6 each cluster imports its own."""

from __future__ import annotations

from typing import Any

from saltext.maas import module_helpers, runtime
from saltext.maas.resources.imports import start

__func_alias__ = {"list_": "list", "import_": "import"}


def list_(profile: str | dict | None = None) -> dict[str, dict]:
    """List the images that the region holds.

    Args:
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        ``{OS/RELEASE/ARCHITECTURE: {name, architecture, id}}``; up to 1.6 what the clusters
        reported, with ``clusters`` (their uuids) in place of ``id``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.list
    """
    return module_helpers.images(globals(), profile)


def list_cluster(name: str, profile: str | dict | None = None) -> list[str]:
    """List the images that a cluster holds.

    Args:
        name (str): Host name of the rack controller, or UUID of the node group (1.x).
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        A list of ``OS/RELEASE/ARCHITECTURE``; empty when the cluster is not connected, but up
        to 1.6 what it reported last.

    Raises:
        CommandExecutionError: There is no such cluster, or the region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.list_cluster rack-1
    """
    return module_helpers.cluster_images(globals(), name, profile)


def import_(profile: str | dict | None = None) -> Any:
    """Start the import of what is selected, without waiting for it.

    Up to 1.6 every accepted cluster imports;
    :py:func:`maas_node_group.import_boot_images` does so for one, :py:func:`maas_image.synced` waits.

    Args:
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        What MAAS says.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.import
    """
    return start(runtime.client(globals(), profile))


def importing(profile: str | dict | None = None) -> bool:
    """Return whether an import is running (2.1 and later).

    Args:
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        True or False.

    Raises:
        CommandExecutionError: The release cannot tell, or the region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.importing
    """
    client = module_helpers.client_since(globals(), "2.1", "reports of running imports", profile)
    return client.get("boot-resources/", op="is_importing")


def stop_import(profile: str | dict | None = None) -> Any:
    """Stop a running import (2.1 and later).

    Args:
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        What MAAS says.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.stop_import
    """
    client = module_helpers.client_since(globals(), "2.1", "ways to stop an import", profile)
    return client.post("boot-resources/", op="stop_import")
