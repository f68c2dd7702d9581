"""Manage MAAS spaces, in MAAS 1.9 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, description=None, profile=None):
    """Make sure that a space is as described.  What is not named is left alone.

    Args:
        name: Name of the space.
        description: Free text; written at creation only.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        storage:
          maas_space.present: []

    """
    return state_helpers.present(
        globals(),
        "space",
        name,
        profile,
        description=description,
    )


def absent(name, profile=None):
    """Make sure that there is no such space.

    Args:
        name: Name of the space.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        storage:
          maas_space.absent: []
    """
    return state_helpers.absent(globals(), "space", name, profile)
