"""Manage MAAS users, in MAAS 1.5 and later.

Deleting users needs 1.9 or later.
"""

from __future__ import annotations

from saltext.maas import state_helpers


def present(name, email=None, password=None, is_superuser=None, profile=None):
    """Make sure that a user is as described.  What is not named is left alone.

    Args:
        name: User name.
        email: E-mail address, unique in the region; needed for a new user.
        password: Password for a new user; MAAS's API cannot change it later.
        is_superuser: Whether it is an administrator; fixed at creation.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        ops:
          maas_user.present:
            - email: ops@example.com
            - password: sdb://vault/maas-ops
    """
    return state_helpers.present(
        globals(),
        "user",
        name,
        profile,
        email=email,
        password=password,
        is_superuser=is_superuser,
    )


def absent(name, profile=None):
    """Make sure that there is no such user.

    Args:
        name: User name.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        ops:
          maas_user.absent: []
    """
    return state_helpers.absent(globals(), "user", name, profile)
