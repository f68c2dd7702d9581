"""Reading and writing a collection of objects, for resources that do no more than that.

A module says how an object is shown and how its form is read; ``serve`` declares the five
operations on its endpoints::

    many = Endpoint("static-routes/", "StaticRoutesHandler", since="2.1")
    one = Endpoint("static-routes/{id}/", "StaticRouteHandler", since="2.1")
    serve(many, one, rows="static_routes", model="StaticRoute", show=_show, read=_read)
"""

from __future__ import annotations

import datetime
import email.utils
import re

from maas_emulator.web import TEXT, Answer, Missing, as_json, no_content

_NUMBER = "Field 'id' expected a number but got '{}'."
_NO_FIELD = "Cannot resolve keyword 'name' into field. Choices are: "
#: What 3.7 says where the id of an object must be a number and is none: an error of the server.
_NO_NUMBER = {
    **dict.fromkeys(("StaticRoute", "Notification"), _NUMBER),
    "ReservedIP": _NO_FIELD + "comment, created, id, ip, mac_address, subnet, subnet_id, updated",
}
#: The same of models that were seen to do so in 3.8.
_NO_NUMBER_3_8 = {
    **_NO_NUMBER,
    **dict.fromkeys(
        ("BootSource", "BootSourceSelection", "BootResource", "Pod", "SSHKey", "VLAN"), _NUMBER
    ),
    "DNSData": _NO_FIELD + "created, dnsresource, dnsresource_id, id, rrdata, rrtype, ttl, updated",
    "IPRange": _NO_FIELD + "comment, created, dhcpsnippet, end_ip, id, start_ip, subnet, subnet_id,"
    " type, updated, user, user_id",
}


def by_id(kind, model, name="id"):
    """A function that finds the object whose id is in a request's path, or answers 404.

    Args:
        kind: Name of the table in ``Region.rows``.
        model: What a 404 calls it.
        name: What the endpoint's path calls the id.
    """

    def find(request):
        ident = request.ids[name]
        if request.region.release < "2.0":
            need_number(ident)
        number_needed(model, request, ident)
        row = request.region.rows(kind).get(int(ident)) if ident.isdecimal() else None
        if row is None:
            raise Missing(model, request)
        return row

    return find


def number_needed(model, request, ident):
    """Fail as MAAS does where the id of an object of that model is no number.

    Raises:
        Answer: 500.
    """
    release = request.region.release
    texts = _NO_NUMBER_3_8 if release >= "3.8" else _NO_NUMBER if release >= "3.7" else {}
    if model in texts and not is_number(ident):
        raise Answer(500, texts[model].format(ident), TEXT)


def is_number(text):
    """Whether Python reads a text as a whole number."""
    try:
        return int(text) is not None
    except ValueError:
        return False


def need_number(ident):
    """Refuse an id that is no number as 1.x does: with an error of the server."""
    try:
        return int(ident)
    except ValueError:
        shown = ascii(re.sub(r"\s", " ", ident.lstrip())[:200])
        raise Answer(500, f"invalid literal for int() with base 10: {shown}", TEXT) from None


def by_name(kind, model):
    """A function that finds the object whose name is in a request's path, or answers 404."""

    def find(request):
        for row in request.region.rows(kind).values():
            if row["name"] == request.ids["name"]:
                return row
        raise Missing(model, request)

    return find


def serve(many, one, *, rows, model, show, read, find=None, chosen=None, admin=True,
          needs="can_edit_global_entities", status=200, before_delete=None):  # fmt: skip
    """Declare list, create, read, update and delete.

    Args:
        many: Endpoint of the collection.
        one: Endpoint of an object.
        rows: Name of the table in ``Region.rows``.
        model: What a 404 calls it.
        show: ``(region, row)`` to the data of an answer.
        read: ``(request, stored row or None)`` to the fields to store; raises ``Invalid``.
        find: ``(request)`` to the row that a path means; by id unless given.
        chosen: ``(request, rows)`` to the rows that a list has, all unless given.
        admin: Whether only administrators may write; ``"found"`` where others learn so only
            once it is known that there is what they want to change, and ``"silent"`` where they
            do not learn why.
        needs: Entitlement that ``"found"`` and ``"silent"`` ask for from 3.8 on.
        status: Of a creation.
        before_delete: ``(request, row)``, called first; refuses by raising.
    """
    find = find or by_id(rows, model)
    plain = admin if isinstance(admin, bool) else False

    def to_change(request):
        if admin == "silent":
            request.admin_only(needs)
        row = find(request)
        if admin == "found":
            request.admin_only(needs)
        return row

    def read_many(request):
        """List all."""
        found = request.region.rows(rows).values()
        found = chosen(request, list(found)) if chosen else found
        return [show(request.region, row) for row in found]

    def create(request):
        """Create one."""
        if admin == "silent":
            request.admin_only(needs)
        row = request.region.rows(rows).add(read(request, None))
        return as_json(show(request.region, row), status)

    def read_one(request):
        """Read one."""
        return show(request.region, find(request))

    def update(request):
        """Change one; what is not sent stays."""
        row = to_change(request)
        row.update(read(request, row))
        return show(request.region, row)

    def delete(request):
        """Delete one."""
        row = to_change(request)
        if before_delete:
            before_delete(request, row)
        del request.region.rows(rows)[row["id"]]
        return no_content()

    many("GET")(read_many)
    many("POST", admin=plain or admin == "found")(create)
    one("GET")(read_one)
    one("PUT", admin=plain)(update)
    one("DELETE", admin=plain)(delete)


def now():
    """The time as most answers write it (``2026-11-22T20:42:34.796Z``)."""
    text = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def mail_date():
    """The time as texts with revisions write it (``Sun, 22 Nov 2026 20:45:59 +0000``)."""
    return email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc))


def hide_newer(release, shown, since, until=None):
    """Take away the fields that came with a later release, or went with an earlier one.

    Args:
        release: Of the region.
        shown: Data of an answer, changed in place and returned.
        since: ``{field: first release}``.
        until: ``{field: first release without it}``.
    """
    for name, gone in (until or {}).items():
        if release >= gone:
            shown.pop(name, None)
    for name, first in since.items():
        if release < first:
            shown.pop(name, None)
    return shown
