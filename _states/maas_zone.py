"""Manage MAAS physical zones, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, description=None, profile=None):
    """Make sure that a zone is as described.  What is not named is left alone.

    Args:
        name: Name of the zone.
        description: Free text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        north:
          maas_zone.present:
            - description: by the window
    """
    return state_helpers.present(globals(), "zone", name, profile, description=description)


def absent(name, profile=None):
    """Make sure that there is no such zone.

    Args:
        name: Name of the zone.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        north:
          maas_zone.absent: []
    """
    return state_helpers.absent(globals(), "zone", name, profile)
