"""MAAS license keys, in MAAS 1.6 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all license keys.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_license_key.list
    """
    return module_helpers.list_all(globals(), "license_key", profile=profile)


def get(name, profile=None):
    """Show one license key.

    Args:
        name: Operating system and series, as ``OSYSTEM/SERIES``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such license key.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_license_key.get windows/win2012r2
    """
    return module_helpers.get(globals(), "license_key", name, profile)


def set_(name, license_key=None, profile=None):
    """Create a license key, or change the one that is there; what is not named is left alone.

    Args:
        name: Operating system and series, as ``OSYSTEM/SERIES``.
        license_key: The key.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_license_key.set windows/win2012r2 license_key=XXXXX-XXXXX-XXXXX-XXXXX-XXXXX
    """
    return module_helpers.save(globals(), "license_key", name, profile, license_key=license_key)


def delete(name, profile=None):
    """Delete a license key.

    Args:
        name: Operating system and series, as ``OSYSTEM/SERIES``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_license_key.delete windows/win2012r2
    """
    return module_helpers.remove(globals(), "license_key", name, profile)
