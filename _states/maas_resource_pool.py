"""Manage MAAS resource pools, in MAAS 2.4 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, description=None, profile=None):
    """Make sure that a resource pool is as described.  What is not named is left alone.

    Args:
        name: Name of the pool.
        description: Free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        web:
          maas_resource_pool.present:
            - description: front ends
    """
    return state_helpers.present(globals(), "resource_pool", name, profile, description=description)


def absent(name, profile=None):
    """Make sure that there is no such resource pool.

    Args:
        name: Name of the pool.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        web:
          maas_resource_pool.absent: []
    """
    return state_helpers.absent(globals(), "resource_pool", name, profile)
