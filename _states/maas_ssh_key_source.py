"""Manage sSH keys that MAAS fetches for the API's user, in MAAS 2.1 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, profile=None):
    """Make sure that a source of SSH keys exists.

    Args:
        name: ``lp:ID`` for Launchpad or ``gh:ID`` for GitHub.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        gh:octocat:
          maas_ssh_key_source.present: []
    """
    return state_helpers.present(globals(), "ssh_key_source", name, profile)


def absent(name, profile=None):
    """Make sure that there is no such source of SSH keys.

    Args:
        name: ``lp:ID`` for Launchpad or ``gh:ID`` for GitHub.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        gh:octocat:
          maas_ssh_key_source.absent: []
    """
    return state_helpers.absent(globals(), "ssh_key_source", name, profile)
