"""Manage images to upload to MAAS, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, path=None, sha256=None, title=None, filetype=None, base_image=None, profile=None):
    """Make sure that an uploaded image is as described.  What is not named is left alone.

    Args:
        name: The image as ``NAME/ARCHITECTURE``, such as ``custom/rhel9/amd64``.
        path: The file: on the minion that uploads it, or a URL such as ``salt://images/rhel9.tgz``.
        sha256: Its SHA-256; worked out from the file where it is not given.
        title: What a person calls it; sent with an upload only.
        filetype: Type of the file, such as tgz, ddgz or ddraw; sent with an upload only.
        base_image: Image that a custom one is built on, such as ubuntu/jammy (3.1 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        custom/rhel9/amd64:
          maas_boot_resource.present:
            - path: /srv/images/rhel9.tgz
            - title: RHEL 9
            - base_image: ubuntu/jammy
    """
    return state_helpers.present(
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


def absent(name, profile=None):
    """Make sure that there is no such uploaded image.

    Args:
        name: The image as ``NAME/ARCHITECTURE``, such as ``custom/rhel9/amd64``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        custom/rhel9/amd64:
          maas_boot_resource.absent: []
    """
    return state_helpers.absent(globals(), "boot_resource", name, profile)
