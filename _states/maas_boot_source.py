"""Manage MAAS boot sources, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, keyring_filename=None, keyring_data=None, profile=None):
    """Make sure that a boot source is as described.  What is not named is left alone.

    Args:
        name: URL of the simplestreams mirror.
        keyring_filename: Keyring file on the region host; Ubuntu's own where neither is given.
        keyring_data: The keyring itself, in base64.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        http://images.maas.io/ephemeral-v3/stable/:
          maas_boot_source.present:
            - keyring_filename: /usr/share/keyrings/ubuntu-cloudimage-keyring.gpg
    """
    return state_helpers.present(
        globals(),
        "boot_source",
        name,
        profile,
        keyring_filename=keyring_filename,
        keyring_data=keyring_data,
    )


def absent(name, profile=None):
    """Make sure that there is no such boot source.

    Args:
        name: URL of the simplestreams mirror.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        http://images.maas.io/ephemeral-v3/stable/:
          maas_boot_source.absent: []
    """
    return state_helpers.absent(globals(), "boot_source", name, profile)
