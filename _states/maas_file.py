"""Manage files that MAAS keeps for the API's user, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, content=None, profile=None):
    """Make sure that a file is as described.  What is not named is left alone.

    Args:
        name: Name of the file.
        content: The text in it; or, as !!binary, data that is no text.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        motd.txt:
          maas_file.present:
            - content: hello
    """
    return state_helpers.present(globals(), "file", name, profile, content=content)


def absent(name, profile=None):
    """Make sure that there is no such file.

    Args:
        name: Name of the file.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        motd.txt:
          maas_file.absent: []
    """
    return state_helpers.absent(globals(), "file", name, profile)
