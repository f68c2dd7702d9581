"""MAAS notifications, in MAAS 2.2 and later."""

from __future__ import annotations

from saltext.maas import module_helpers

__func_alias__ = {"list_": "list", "set_": "set"}


def list_(profile=None):
    """List all notifications.

    Args:
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{key: {field: value}}``.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_notification.list
    """
    return module_helpers.list_all(globals(), "notification", profile=profile)


def get(name, profile=None):
    """Show one notification.

    Args:
        name: Identifier of the notification, of up to 40 letters.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        ``{field: value}``, or None if there is no such notification.

    Raises:
        CommandExecutionError: The region cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_notification.get window
    """
    return module_helpers.get(globals(), "notification", name, profile)


def set_(
    name,
    message=None,
    category=None,
    users=None,
    admins=None,
    context=None,
    dismissable=None,
    profile=None,
):
    """Create a notification, or change the one that is there; what is not named is left alone.

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
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_notification.set window message="Maintenance on Monday" category=warning
    """
    return module_helpers.save(
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


def delete(name, profile=None):
    """Delete a notification.

    Args:
        name: Identifier of the notification, of up to 40 letters.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_notification.delete window
    """
    return module_helpers.remove(globals(), "notification", name, profile)
