"""Texts with revisions: what DHCP snippets and scripts hold."""

from __future__ import annotations

import base64

from saltext.maas.emulator.crud import mail_date
from saltext.maas.emulator.web import TEXT, Answer, Invalid


def add(region, value, comment=None):
    """A new revision; ids run through all kinds of texts."""
    row = {"value": value, "comment": comment, "created": mail_date()}
    return region.rows("texts").add(row)


def latest(row):
    """The newest revision's value."""
    return row["revisions"][-1]["value"]


def history(row, *fields, data=False):
    """Revisions as the API shows them, the newest first.

    Args:
        row: The object that has ``revisions``.
        fields: Which of ``value`` and ``comment`` to show.
        data: Whether to show the value in base64 as ``data``.
    """
    shown = []
    for text in reversed(row["revisions"]):
        item = {"id": text["id"], "created": text["created"]}
        item.update((name, text[name]) for name in fields)
        if data:
            item["data"] = base64.b64encode(text["value"].encode()).decode()
        shown.append(item)
    return shown


def revert(request, row):
    """Forget the revisions after one that is named by its id or counted from the end.

    Raises:
        Invalid, Answer: ``to`` is missing, no number, or there is no such revision.
    """
    wanted = request.needed("to")
    try:
        number = int(wanted)
    except (TypeError, ValueError):
        raise Invalid({"to": ["Must be an id or a negative number"]}) from None
    revisions = row["revisions"]
    if number <= 0:
        keep = len(revisions) + number
        if keep < 1:
            raise Answer(400, f"Goes too far back: only {len(revisions)} revisions", TEXT)
    else:
        ids = [text["id"] for text in revisions]
        if number not in ids:
            raise Answer(404, f"No revision with id {number}", TEXT)
        keep = ids.index(number) + 1
    del revisions[keep:]
