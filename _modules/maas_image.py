"""Boot images of region and clusters, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import objects, runtime

__func_alias__ = {"list_": "list", "import_": "import"}


def list_(profile=None):
    """List the images that the region holds.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{OS/RELEASE/ARCHITECTURE: {name, architecture, id}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.list
    """
    return objects.list_all(globals(), "image", profile=profile)


def list_cluster(name, profile=None):
    """List the images that a cluster holds.

    Args:
        name: Host name of the rack controller, or uuid of the node group (1.7 to 1.10).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A list of ``OS/RELEASE/ARCHITECTURE``; empty when the cluster is not connected.

    Raises:
        CommandExecutionError: There is no such cluster, or the region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.list_cluster rack-1
    """
    return objects.cluster_images(globals(), name, profile)


def import_(profile=None):
    """Start the import of what is selected, without waiting for it.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What MAAS says.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.import
    """
    return runtime.client(globals(), profile).post("boot-resources/", op="import")


def importing(profile=None):
    """Tell whether an import is running (2.1 and later).

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        True or False.

    Raises:
        CommandExecutionError: The release cannot tell, or the region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.importing
    """
    return runtime.client(globals(), profile).get("boot-resources/", op="is_importing")


def stop_import(profile=None):
    """Stop a running import (2.1 and later).

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What MAAS says.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_image.stop_import
    """
    return runtime.client(globals(), profile).post("boot-resources/", op="stop_import")
