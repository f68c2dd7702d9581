"""Manage MAAS commissioning scripts, in MAAS up to 2.1."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, content=None, profile=None):
    """Make sure that a commissioning script is as described.  What is not named is left alone.

    Args:
        name: Name of the script; they run in the order of their names.
        content: The text; or, as ``!!binary``, what is no text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        50-fans:
          maas_commissioning_script.present:
            - content: |
                #!/bin/sh
                echo ok
    """
    return state_helpers.present(globals(), "commissioning_script", name, profile, content=content)


def absent(name, profile=None):
    """Make sure that there is no such commissioning script.

    Args:
        name: Name of the script; they run in the order of their names.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        50-fans:
          maas_commissioning_script.absent: []
    """
    return state_helpers.absent(globals(), "commissioning_script", name, profile)
