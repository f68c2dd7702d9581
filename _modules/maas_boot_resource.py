"""Images to upload to MAAS, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all uploaded images.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_resource.list
    """
    return module_helpers.list_all(globals(), "boot_resource", profile=profile)


def get(name, profile=None):
    """Show one uploaded image.

    Args:
        name: The image as ``NAME/ARCHITECTURE``, such as ``custom/rhel9/amd64``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such uploaded image.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_resource.get custom/rhel9/amd64
    """
    return module_helpers.get(globals(), "boot_resource", name, profile)


def set_(name, path=None, sha256=None, title=None, filetype=None, base_image=None, profile=None):
    """Create an uploaded image, or change the one that is there; what is not named is left alone.

    Args:
        name: The image as ``NAME/ARCHITECTURE``, such as ``custom/rhel9/amd64``.
        path: The file: on the minion that uploads it, or a URL such as ``salt://images/rhel9.tgz``.
        sha256: Its SHA-256; worked out from the file where it is not given.
        title: What a person calls it; sent with an upload only.
        filetype: Type of the file, such as tgz, ddgz or ddraw; sent with an upload only.
        base_image: Image that a custom one is built on, such as ubuntu/jammy (3.1 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_resource.set custom/rhel9/amd64 path=/srv/images/rhel9.tgz
    """
    return module_helpers.save(
        globals(),
        "boot_resource",
        name,
        profile,
        path=path,
        sha256=sha256,
        title=title,
        filetype=filetype,
        base_image=base_image,
    )


def delete(name, profile=None):
    """Delete an uploaded image.

    Args:
        name: The image as ``NAME/ARCHITECTURE``, such as ``custom/rhel9/amd64``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_resource.delete custom/rhel9/amd64
    """
    return module_helpers.remove(globals(), "boot_resource", name, profile)
