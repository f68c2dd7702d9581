"""Texts with revisions: what DHCP snippets and scripts hold."""

from __future__ import annotations

import base64

from maas_emulator.crud import mail_date
from maas_emulator.web import TEXT, Answer


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


class Draft:
    """A text of a form, which takes an id even when the form is refused in the end.

    Args:
        region: The region.
        revisions: Those that the object has.
    """

    def __init__(self, region, revisions=()):
        self._region = region
        self._new = None
        self.revisions = list(revisions)

    def add(self, value, comment=None):
        """Make it the newest text, unless it is that already."""
        value = str(value).replace("\r\n", "\n")
        if not self.revisions or value != self.revisions[-1]["value"]:
            self._new = add(self._region, value, comment)
            self.revisions.append(self._new)

    def drop(self):
        """Forget it."""
        if self._new is not None:
            del self._region.rows("texts")[self._new["id"]]


def revert(row, number):
    """Forget the revisions after one that is named by its id or counted from the end.

    Raises:
        Answer: 400, there is no such revision.
    """
    revisions = row["revisions"]
    if number <= 0:
        keep = len(revisions) + number
        if keep < 1:
            raise Answer(400, "Goes too far back.", TEXT)
    else:
        ids = [text["id"] for text in revisions]
        if number not in ids:
            raise Answer(400, f"{number} not found in history", TEXT)
        keep = ids.index(number) + 1
    del revisions[keep:]
