"""Manage MAAS license keys, in MAAS 1.6 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, license_key=None, profile=None):
    """Make sure that a license key is as described.  What is not named is left alone.

    Args:
        name: Operating system and series, as ``OSYSTEM/SERIES``.
        license_key: The key.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        windows/win2012r2:
          maas_license_key.present:
            - license_key: sdb://vault/win2012r2
    """
    return state_helpers.present(globals(), "license_key", name, profile, license_key=license_key)


def absent(name, profile=None):
    """Make sure that there is no such license key.

    Args:
        name: Operating system and series, as ``OSYSTEM/SERIES``.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        windows/win2012r2:
          maas_license_key.absent: []
    """
    return state_helpers.absent(globals(), "license_key", name, profile)
