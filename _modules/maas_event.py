"""The events that MAAS logs about nodes, in MAAS 1.8 and later."""

from __future__ import annotations

from saltext.maas import events, module_helpers
from saltext.maas.errors import BadInput


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
    client = module_helpers.client_since(globals(), "1.8", "events", profile)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 1000:
        raise BadInput(f"limit: {limit!r} must be a whole number from 1 to 1000")
    given = {"level": level, "hostname": hostname, "before": before, "after": after}
    parameters = {name: value for name, value in given.items() if value is not None}
    return events.Pages(client).read(limit, **parameters)[::-1]
