"""``notifications/``."""

from __future__ import annotations

import json

from maas_emulator import api_account, forms_2x
from maas_emulator.crud import by_id, hide_newer, serve
from maas_emulator.web import TEXT, Answer, Endpoint

notifications = Endpoint("notifications/", "NotificationsHandler", since="2.1")
notification = Endpoint("notifications/{id}/", "NotificationHandler", since="2.1")

_CATEGORIES = ("error", "warning", "success", "info")
_NEWER = {"dismissable": "2.5"}
_FIELDS = ("id", "ident", "users", "admins", "message", "context", "category",
           "dismissable")  # fmt: skip


def _show(region, row):
    person = region.users.get(row["user"])
    shown = {name: row[name] for name in _FIELDS}
    shown.update(
        user=api_account.show_user(region, person) if person else None,
        resource_uri=f"/MAAS/api/2.0/notifications/{row['id']}/",
    )
    return hide_newer(region.release, shown, _NEWER)


# -- the form ----------------------------------------------------------------------------------


def _context(value):
    """Any JSON; whether it is an object, only the whole notification tells."""
    if value in forms_2x.EMPTY:
        return None
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise forms_2x.Refused("Enter a valid JSON.") from None


def _fields(region):
    by_number = {str(user.number): name for name, user in region.users.items()}
    people = {name: name for name in region.users} if region.release >= "4.0" else {}
    return (
        forms_2x.text("ident", null=True, longest=40),
        forms_2x.reference("user", lambda value: {**people, **by_number}.get(str(value))),
        forms_2x.flag("users"),
        forms_2x.flag("admins"),
        forms_2x.text("message", required=True, default=""),
        forms_2x.Field("context", _context, default={}),
        forms_2x.choice("category", _CATEGORIES, default="info"),
        forms_2x.Field("dismissable", lambda value: value in (None, "true"), default=True),
    )


def _problem(row):
    """What is wrong with the whole: (field, message), or None."""
    if not isinstance(row["context"], dict):
        return "context", "Context is not a mapping."
    try:
        row["message"].format(**row["context"])
    except Exception:  # as many kinds as there are mistakes
        return "__all__", "Notification cannot be rendered."
    return None


def _read(request, stored):
    form = forms_2x.ModelForm(request, _fields(request.region), stored)
    form.read({"context": lambda value: {} if value is None else value})
    form.apply()
    form.row["category"] = form.row["category"] or "info"
    problem = _problem(form.row)
    if problem:
        form.error(*problem)
    form.unique("Notification", request.region.rows("notifications").values(), "ident")
    form.done()
    return {"dismissed": [], **form.row}


# -- MAAS's own --------------------------------------------------------------------------------

#: MAAS's own notices by number, and whether they can be dismissed.
NOTICES = {"MD4": False, "MD5": False, "MD6": True, "MD7": True}


def seed(region):
    """Give a new region of 3.8 the notice that DHCP snippets are deprecated."""
    if "3.8" <= region.release < "4.0":
        announce(region, "MD6")


def announce(region, notice):
    """Let a region show a notice of :data:`NOTICES` to administrators and to all others.

    Args:
        region: The region.
        notice: ``MD4`` (owner of the database), ``MD5`` (PostgreSQL older than 16), ``MD6`` (DHCP
            snippets) or ``MD7`` (a changed ``curtin_userdata``).
    """
    for kind in ("users", "admins"):
        ident = f"deprecation_{notice}_{kind}"
        rows = region.rows("notifications")
        if any(row["ident"] == ident for row in rows.values()):
            continue
        link = f"https://canonical.com/maas/deprecations/{notice}"
        rows.add({
            "ident": ident, "user": None, "users": kind == "users", "admins": kind == "admins",
            "message": f"Something in use is to go, see <a href='{link}'>{notice}</a>.",
            "context": {}, "category": "warning", "dismissable": NOTICES[notice], "dismissed": [],
        })  # fmt: skip


# -- operations --------------------------------------------------------------------------------


def _is_relevant(request, row):
    kind = "admins" if request.may("can_view_notifications") else "users"
    return row["user"] == request.user.username or row[kind]


def _relevant(request, rows):
    user = request.user
    return [row for row in rows if user.username not in row["dismissed"]
            and _is_relevant(request, row)]  # fmt: skip


serve(notifications, notification, rows="notifications", model="Notification", show=_show,
      read=_read, chosen=_relevant)  # fmt: skip

_notification = by_id("notifications", "Notification")


@notification("GET")
def read_notification(request):
    """Read one, unless it is for others."""
    row = _notification(request)
    if not (request.may("can_view_notifications") or _is_relevant(request, row)):
        raise Answer(403, b"", TEXT)
    return _show(request.region, row)


@notification("POST", "dismiss")
def dismiss(request):
    """Not show it to this user any more."""
    row = _notification(request)
    if not _is_relevant(request, row):
        raise Answer(403, b"", TEXT)
    if not row["dismissable"]:
        raise Answer(500, "Notification is not dismissable", TEXT)
    row["dismissed"].append(request.user.username)
