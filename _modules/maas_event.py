"""The events that MAAS logs about nodes, in MAAS 1.8 and later."""

from __future__ import annotations

from saltext.maas import events, module_helpers
from saltext.maas.errors import BadInput


def query(
    level: str | None = None,
    hostname: str | list[str] | None = None,
    limit: int = 100,
    before: int | None = None,
    after: int | None = None,
    profile: str | dict | None = None,
) -> list[dict]:
    """Read events, the newest first.

    Args:
        level (str): Least level: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or ``CRITICAL``.
        hostname (str or list of str): Only of the node of this name, or of a list of names.
        limit (int): How many at most, from 1 to 1000.
        before (int): Only what is older than the event of this id.
        after (int): Only what is newer than the event of this id.
        profile (str or dict): Region to use; see :ref:`profiles`.

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
