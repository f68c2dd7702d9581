"""The events that MAAS logs about nodes, in MAAS 1.8 and later."""

from __future__ import annotations

from saltext.maas import objects


def query(level=None, hostname=None, limit=100, before=None, after=None, profile=None):
    """Read events, the newest first.

    Args:
        level: Least level: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or ``CRITICAL``.
        hostname: Only of the node of this name, or of a list of names.
        limit: How many at most, from 1 to 1000.
        before: Only what is older than the event of this id.
        after: Only what is newer than the event of this id.
        profile: How to reach the region; see :ref:`profiles`.

    Returns:
        A list of mappings with ``id``, ``created``, ``level``, ``type``, ``description`` and more.

    Raises:
        CommandExecutionError: MAAS refuses, or cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_event.query level=ERROR limit=20
    """
    client = objects.asked(globals(), "1.8", "events", profile)
    given = {
        "level": level, "hostname": hostname, "limit": limit, "before": before, "after": after,
    }  # fmt: skip
    parameters = {name: value for name, value in given.items() if value is not None}
    return client.get("events/", op="query", **parameters)["events"]
