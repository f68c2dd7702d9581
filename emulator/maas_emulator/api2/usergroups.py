"""``groups/``: user groups, their members and entitlements (3.8)."""

from __future__ import annotations

from maas_emulator import entitlements
from maas_emulator.crud import is_number, need_number
from maas_emulator.web import BARE_TEXT, TEXT, Answer, Endpoint, as_text, no_content

groups = Endpoint("groups/", "UserGroupsHandler", since="3.8")
group = Endpoint("groups/{id}/", "UserGroupHandler", since="3.8")

_VIEW = "can_view_identities"
_EDIT = "can_edit_identities"
_LONGEST = 256
#: How Python shows the types of resources.
_TYPES = (
    "[<OpenFGAEntitlementResourceType.MAAS: 'maas'>, <OpenFGAEntitlementResourceType.POOL: 'pool'>]"
)


def seed(region):
    """Make the default groups, before the first users."""
    if region.release >= entitlements.SINCE:
        entitlements.make_default_groups(region)


def _show(row):
    uri = f"/MAAS/api/2.0/groups/{row['id']}/"
    fields = {name: row[name] for name in ("id", "name", "description")}
    return {**fields, "resource_uri": uri}


def _group(request):
    """The group of a path, whose id must be a number."""
    number = need_number(request.ids["id"])
    row = request.region.rows("user_groups").get(number)
    if row is None:
        raise Answer(404, f"UserGroup with id {request.ids['id']} not found.")
    return row


def _form(request, text="'NoneType' object has no attribute 'get'"):
    """The fields of a body; one of a type that has none is an error of the server."""
    if not request.bound:
        raise Answer(500, text, TEXT)
    return request.form


def _required(form, name, text):
    value = form.get(name)
    if not value:
        raise Answer(400, text)
    return value


def _stored(request, row, **values):
    """Values as the database takes them.

    Raises:
        Answer: 500, as MAAS does not catch what the database refuses.
    """
    others = [one for one in request.region.rows("user_groups").values() if one is not row]
    taken = any(one["name"] == str(values.get("name")) for one in others)
    if taken or None in values.values():
        raise Answer(500, "An instance with the same unique attributes already exists.")
    if len(str(values.get("name", ""))) > _LONGEST:
        text = f"value too long for type character varying({_LONGEST})"
        raise Answer(500, f"(psycopg2.errors.StringDataRightTruncation) {text}\n")
    return {name: str(value) for name, value in values.items()}


@groups("GET", needs=_VIEW)
def list_groups(request):
    """List all user groups, the newest first."""
    rows = request.region.rows("user_groups").values()
    return [_show(row) for row in sorted(rows, key=lambda row: -row["id"])]


@groups("POST", needs=_EDIT)
def create_group(request):
    """Create a user group."""
    form = _form(request)
    name = _required(form, "name", "Name is required.")
    values = _stored(request, None, name=name, description=form.get("description", ""))
    return _show(entitlements.add_group(request.region, **values))


@group("GET", needs=_VIEW)
def read_group(request):
    """Read a user group."""
    return _show(_group(request))


@group("PUT", needs=_EDIT)
def update_group(request):
    """Change name or description; what is not sent stays."""
    row = _group(request)
    form = _form(request, "argument of type 'NoneType' is not a container or iterable")
    sent = {name: form.get(name) for name in ("name", "description") if name in form}
    row.update(_stored(request, row, **sent))
    return _show(row)


@group("DELETE", needs=_EDIT)
def delete_group(request):
    """Delete a user group with its entitlements; a default one, too."""
    del request.region.rows("user_groups")[_group(request)["id"]]
    return no_content()


# -- members -----------------------------------------------------------------------------------


@group("GET", "list_members", needs=_VIEW)
def list_members(request):
    """List the members, the newest users first."""
    row = _group(request)
    people = sorted(request.region.users.values(), key=lambda person: -person.number)
    return [
        {"username": person.username, "email": person.email}
        for person in people
        if person.number in row["members"]
    ]


def _username(request):
    return str(_required(_form(request), "username", "username is required."))


def _person(request, username):
    person = request.region.users.get(username)
    if person is None:
        raise Answer(404, f"User '{username}' not found.")
    return person


@group("POST", "add_member", needs=_EDIT)
def add_member(request):
    """Put a user into the group."""
    person = _person(request, _username(request))
    row = _group(request)
    if person.number in row["members"]:
        text = "User `{}` is already a member of the group with ID `{}`."
        raise Answer(409, text.format(person.username, request.ids["id"]))
    row["members"].add(person.number)
    return as_text("OK", content_type=BARE_TEXT)


@group("POST", "remove_member", needs=_EDIT)
def remove_member(request):
    """Remove a user from the group; it is no error if it is no member."""
    username = _username(request)
    row = _group(request)
    row["members"].discard(_person(request, username).number)
    return no_content()


# -- entitlements ------------------------------------------------------------------------------


@group("GET", "list_entitlements", needs=_VIEW)
def list_entitlements(request):
    """List the group's entitlements, also to deleted pools."""
    names = ("resource_type", "resource_id", "entitlement")
    return [dict(zip(names, one)) for one in _group(request)["entitlements"]]


def _entitlement(request):
    """The group and (type, id, entitlement) of a request, once they are known to be valid."""
    row, form = _group(request), _form(request)
    kind = str(_required(form, "resource_type", "resource_type is required."))
    ident = form.get("resource_id")
    if ident is None:
        raise Answer(400, "resource_id is required.")
    if not is_number(ident):
        raise Answer(400, "resource_id must be an integer.")
    name = str(_required(form, "entitlement", "entitlement is required."))
    if kind not in entitlements.ENTITLEMENTS:
        text = f"Resource type {kind} is not defined. Valid resource types are: {_TYPES}"
        raise Answer(400, text)
    valid = list(entitlements.ENTITLEMENTS[kind])
    if name not in valid:
        text = f"Entitlement {name} is not defined the requested resource type."
        raise Answer(400, f"{text} Valid entitlements are: {valid}")
    return row, (kind, int(ident), name)


@group("POST", "add_entitlement", needs=_EDIT)
def add_entitlement(request):
    """Add an entitlement; it is no error if the group has it already."""
    row, wanted = _entitlement(request)
    kind, ident, _ = wanted
    if kind == "pool" and ident not in request.region.rows("pools"):
        raise Answer(404, f"ResourcePool with id {ident} not found.")
    if kind == "maas" and ident != 0:
        raise Answer(400, "resource_id must be 0 for 'maas' type.")
    row["entitlements"] = [one for one in row["entitlements"] if one != wanted] + [wanted]
    return as_text("OK", content_type=BARE_TEXT)


@group("POST", "remove_entitlement", needs=_EDIT)
def remove_entitlement(request):
    """Remove an entitlement; it is no error if the group does not have it."""
    row, wanted = _entitlement(request)
    row["entitlements"] = [one for one in row["entitlements"] if one != wanted]
    return no_content()
