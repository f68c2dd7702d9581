"""Manage MAAS notifications, in MAAS 2.2 and later."""

from __future__ import annotations

from saltext.maas import state_helpers


def present(
    name,
    message=None,
    category=None,
    users=None,
    admins=None,
    context=None,
    dismissable=None,
    profile=None,
):
    """Make sure that a notification is as described.  What is not named is left alone.

    Args:
        name: Identifier of the notification, of up to 40 letters.
        message: Text; {name} stands for a value of the context.
        category: error, warning, success or info.
        users: Whether users see it.
        admins: Whether administrators see it; true.
        context: Values for the message.
        dismissable: Whether a user can dismiss it (2.8 and later).
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return; ``changes`` hold old and new values by field.

    .. code-block:: yaml

        window:
          maas_notification.present:
            - message: Maintenance on {day}
            - category: warning
            - users: true
            - context: {day: Monday}
    """
    return state_helpers.present(
        globals(),
        "notification",
        name,
        profile,
        message=message,
        category=category,
        users=users,
        admins=admins,
        context=context,
        dismissable=dismissable,
    )


def absent(name, profile=None):
    """Make sure that there is no such notification.

    Args:
        name: Identifier of the notification, of up to 40 letters.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A state's return.

    .. code-block:: yaml

        window:
          maas_notification.absent: []
    """
    return state_helpers.absent(globals(), "notification", name, profile)
