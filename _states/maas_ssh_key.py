"""Manage public SSH keys of the API's user, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, profile=None):
    """Make sure that an SSH key exists.

    Args:
        name: The public key in OpenSSH's form; its comment does not count.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIuVwqNpMlNHVdXRwW8dBsyKfCkDZ3yVj1H5Oe2VvS4s ops:
          maas_ssh_key.present: []
    """
    return state_helpers.present(globals(), "ssh_key", name, profile)


def absent(name, profile=None):
    """Make sure that there is no such SSH key.

    Args:
        name: The public key in OpenSSH's form; its comment does not count.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIuVwqNpMlNHVdXRwW8dBsyKfCkDZ3yVj1H5Oe2VvS4s ops:
          maas_ssh_key.absent: []
    """
    return state_helpers.absent(globals(), "ssh_key", name, profile)
