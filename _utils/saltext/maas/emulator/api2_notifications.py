"""``notifications/``."""

from __future__ import annotations

import json

from saltext.maas.emulator.crud import by_id, hide_newer, serve
from saltext.maas.emulator.forms import Check, not_a_choice
from saltext.maas.emulator.web import TEXT, Answer, Endpoint

notifications = Endpoint("notifications/", "NotificationsHandler", since="2.1")
notification = Endpoint("notifications/{id}/", "NotificationHandler", since="2.1")

_CATEGORIES = ("error", "warning", "success", "info")
_NEWER = {"dismissable": "2.5"}
_FIELDS = ("id", "ident", "user", "users", "admins", "message", "context", "category",
           "dismissable")  # fmt: skip


def _show(region, row):
    shown = {name: row[name] for name in _FIELDS}
    if row["user"]:
        shown["user"] = {"username": row["user"]}
    shown["resource_uri"] = f"/MAAS/api/2.0/notifications/{row['id']}/"
    return hide_newer(region.release, shown, _NEWER)


def _context(check, stored):
    given = check.form.get("context")
    if given in (None, ""):
        return stored["context"] if stored else {}
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            check.error("context", f"Enter a valid JSON. {error}")
            return {}
    if not isinstance(given, dict):
        check.error("context", "Context is not a mapping.")
        return {}
    return given


def _read(request, stored):
    region, check = request.region, Check(request, stored)
    user = stored["user"] if stored else None
    given = check.form.get("user")
    if given not in (None, ""):
        # Ids of users are not kept: a name is taken as well.
        given, people = str(given), list(region.users)
        by_number = people[int(given) - 1 : int(given)] if given.isdecimal() else []
        user = by_number[0] if by_number else given if given in region.users else None
        if user is None:
            check.error("user", not_a_choice("That choice"))
    fields = {
        "message": check.text("message", None, required=True),
        "ident": check.text("ident", None, longest=40) or None,
        "user": user,
        "users": check.boolean("users"),
        "admins": check.boolean("admins"),
        "category": check.choice("category", _CATEGORIES, "info"),
        "context": _context(check, stored),
    }
    # A change that does not say so takes the right to dismiss it away.
    dismissable = check.form.get("dismissable") if stored else True
    if check.has("dismissable"):
        dismissable = check.boolean("dismissable")
    others = [row for row in region.rows("notifications").values() if row is not stored]
    if fields["ident"] and any(row["ident"] == fields["ident"] for row in others):
        check.error("ident", "Notification with this Ident already exists.")
    check.done()
    gone = stored["dismissed"] if stored else []
    return {**fields, "dismissable": bool(dismissable), "dismissed": gone}


def _relevant(request, rows):
    user = request.user
    return [
        row
        for row in rows
        if user.username not in row["dismissed"]
        and (
            row["user"] == user.username
            or (row["user"] is None and (row["users"] or (user.is_superuser and row["admins"])))
        )
    ]


serve(notifications, notification, rows="notifications", model="Notification", show=_show,
      read=_read, chosen=_relevant)  # fmt: skip


@notification("POST", "dismiss")
def dismiss(request):
    """Not show it to this user any more."""
    row = by_id("notifications", "Notification")(request)
    if not row["dismissable"]:
        raise Answer(500, "Notification is not dismissable", TEXT)
    row["dismissed"].append(request.user.username)
