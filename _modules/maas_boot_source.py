"""MAAS boot sources, in MAAS 1.7 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all boot sources.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_source.list
    """
    return module_helpers.list_all(globals(), "boot_source", profile=profile)


def get(name, profile=None):
    """Show one boot source.

    Args:
        name: URL of the simplestreams mirror.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such boot source.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_source.get http://images.maas.io/ephemeral-v3/stable/
    """
    return module_helpers.get(globals(), "boot_source", name, profile)


def set_(name, keyring_filename=None, keyring_data=None, profile=None):
    """Create a boot source, or change the one that is there; what is not named is left alone.

    Args:
        name: URL of the simplestreams mirror.
        keyring_filename: Keyring file on the region host; Ubuntu's own where neither is given.
        keyring_data: The keyring itself, in base64.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_source.set http://images.maas.io/ephemeral-v3/stable/ keyring_filename=/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg
    """
    return module_helpers.save(
        globals(),
        "boot_source",
        name,
        profile,
        keyring_filename=keyring_filename,
        keyring_data=keyring_data,
    )


def delete(name, profile=None):
    """Delete a boot source.

    Args:
        name: URL of the simplestreams mirror.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_boot_source.delete http://images.maas.io/ephemeral-v3/stable/
    """
    return module_helpers.remove(globals(), "boot_source", name, profile)
