"""``version/``, ``users/`` and ``account/``: who is there and with which keys."""

from __future__ import annotations

from maas_emulator.web import (
    TEXT,
    Answer,
    Endpoint,
    Missing,
    conflict,
    in_path,
    no_content,
)

version = Endpoint("version/", "VersionHandler")
users = Endpoint("users/", "UsersHandler")
user = Endpoint("users/{username}/", "UserHandler")
account = Endpoint("account/", "AccountHandler")

#: (capability, first release); what lies between 1.7 and 3.7 was not seen.
CAPABILITIES = (
    ("networks-management", "1.5"),
    ("static-ipaddresses", "1.6"),
    ("ipv6-deployment-ubuntu", "1.7"),
    ("devices-management", "1.8"),
    ("storage-deployment-ubuntu", "1.9"),
    ("network-deployment-ubuntu", "1.9"),
    ("bridging-interface-ubuntu", "2.1"),
    ("bridging-automatic-ubuntu", "2.1"),
    ("authenticate-api", "2.4"),
)

#: Accounts that MAAS makes for itself: (name, e-mail, administrator), by generation.
SYSTEM_USERS = {
    "1.0": (
        ("maas-init-node", "", False),
        ("maas-nodegroup-worker", "maas-nodegroup-worker@localhost", False),
    ),
    "2.0": (("MAAS", "maas@localhost", True),),
}


def seed(region):
    """Make the system's accounts."""
    for name, email, is_superuser in SYSTEM_USERS[region.release.api]:
        region.create_user(name, "", email, is_superuser)


#: What follows the version of the releases that were seen.
SUBVERSIONS = {"1.7": "+bzr3363", "1.9": "+bzr4599"}


@version("GET", anonymous=True)
def read_version(request):
    """Version and capabilities of this MAAS instance."""
    release = request.region.release
    answer: dict[str, object] = {}
    answer["capabilities"] = [name for name, since in CAPABILITIES if release >= since]
    if release >= "1.7":
        answer["version"] = ".".join(map(str, release.parts))
        answer["subversion"] = SUBVERSIONS.get(release.series, "")
    return answer


def show_user(region, person):
    """An account as the release shows it."""
    row = {
        "username": person.username,
        "email": person.email,
        "is_superuser": person.is_superuser,
    }
    release = region.release
    if release >= "2.0":
        row["resource_uri"] = f"/MAAS/api/2.0/users/{in_path(person.username)}/"
    if release >= "2.4":
        row["is_local"] = person.provider is None
    return row


@users("GET")
def list_users(request):
    """List users."""
    people = sorted(request.region.users.values(), key=lambda person: person.username)
    return [show_user(request.region, person) for person in people]


@users("GET", "whoami", since="2.0")
def whoami(request):
    """Retrieve the logged in user."""
    return show_user(request.region, request.user)


@users("POST", admin=True, needs="can_edit_identities")
def create_user(request):
    """Create a user account."""
    username = str(request.needed("username"))
    email = str(request.needed("email"))
    password = str(request.needed("password"))
    right = str(request.needed("is_superuser"))
    if right not in ("0", "1"):
        text = f"Not a valid Boolean value (0 or 1): '{right}'"
        raise Answer(500, text, TEXT)
    email = _stored_email(request.region.release, username, email)
    try:
        person = request.region.create_user(username, password, email, right == "1")
    except ValueError as error:
        field = error.args[1]
        raise _duplicate(request, field, {"username": username, "email": email}[field]) from None
    _first_key(request, username, right == "1")
    return show_user(request.region, person)


def _stored_email(release, username, email):
    """The address as it is stored; Django refuses what it cannot store."""
    if not username:
        raise Answer(500, "The given username must be set", TEXT)
    limits = (150, 254) if release >= "2.0" else (30, 75)
    for value, longest in zip((username, email), limits):
        if len(value) > longest:
            text = f"value too long for type character varying({longest})\n"
            raise Answer(500, text, TEXT)
    name, at, domain = email.strip().rpartition("@")
    if at:
        return f"{name}@{domain.lower()}"
    return email or None if release >= "2.0" else email


def _first_key(request, username, is_superuser):
    """An SSH key that comes with a new administrator (2.5); other users' is forgotten."""
    key = request.form.get("key")
    if key and is_superuser and request.region.release >= "2.5":
        row = {"key": str(key), "owner": username, "keysource": ""}
        request.region.rows("ssh_keys").add(row)


def _duplicate(request, field, value):
    """2.0 retries and gives up with a page, 1.x shows what the database said."""
    if request.region.release >= "2.0":
        return conflict()
    return Answer(
        500,
        f'duplicate key value violates unique constraint "auth_user_{field}_key"\n'
        f"DETAIL:  Key ({field})=({value}) already exists.\n",
        TEXT,
    )


@user("GET")
def read_user(request):
    """Retrieve user details."""
    person = request.region.users.get(request.ids["username"])
    if person is None:
        raise Missing("User", request)
    return show_user(request.region, person)


@user("DELETE", admin=True, since="1.9", needs="can_edit_identities")
def delete_user(request):
    """Delete a user."""
    region, name = request.region, request.ids["username"]
    if name == request.user.username:
        raise Answer(400, "An administrator cannot self-delete.", TEXT)
    heir = request.query.get("transfer_resources_to")
    if heir is not None and heir not in region.users and region.release >= "2.3":
        raise Missing("User", request)
    if heir is not None and region.release >= "2.3":
        _hand_over(region, name, heir)
    elif region.release >= "2.0":
        _refuse_owner(region, name)
    region.delete_user(name)
    return no_content()


_OWNED = ("machines", "devices", "ips", "ipranges", "ssh_keys", "files")


def _hand_over(region, name, heir):
    """Give what a user has to another one."""
    for kind in _OWNED:
        for row in region.rows(kind).values():
            for field in ("owner", "user"):
                if row.get(field) == name:
                    row[field] = heir


def _refuse_owner(region, name):
    """A user who has machines or addresses is not deleted."""

    def owned(*kinds):
        rows = [row for kind in kinds for row in region.rows(kind).values()]
        return sum(name in (row.get("owner"), row.get("user")) for row in rows)

    counts = {"node(s)": owned("machines", "devices")}
    if region.release >= "2.3":
        counts = {
            "static IP address(es)": owned("ips"),
            "IP range(s)": owned("ipranges"),
            **counts,
        }
    held = [f"{count} {what}" for what, count in counts.items() if count]
    if held:
        text = f"User {name} cannot be deleted: {', '.join(held)} are still allocated"
        raise Answer(400, text + ("" if region.release >= "2.3" else "."), TEXT)


@account("POST", "create_authorisation_token")
def create_token(request):
    """Create an authorisation token."""
    region = request.region
    token = region.new_token(request.user, request.form.get("name"))
    answer = {
        "consumer_key": token.consumer,
        "token_key": token.key,
        "token_secret": token.secret,
    }
    if region.release >= "2.1":
        answer["name"] = token.name
    return answer


@account("POST", "delete_authorisation_token")
def delete_token(request):
    """Delete an authorisation token."""
    token = _own_token(request, request.needed("token_key"))
    request.user.tokens.remove(token)
    request.region.consumers.pop(token.consumer, None)
    return no_content()


@account("POST", "update_token_name", since="2.1")
def rename_token(request):
    """Rename an authorisation token, given whole or by its key."""
    name = str(request.needed("name"))
    given = str(request.needed("token"))
    parts = given.split(":")
    _own_token(request, parts[1] if len(parts) == 3 else given).name = name
    return Answer(202, "Accepted", TEXT).response


@account("GET", "list_authorisation_tokens", since="2.1")
def list_tokens(request):
    """List the authorisation tokens of the logged in user."""
    return [{"name": token.name, "token": token.text} for token in request.user.tokens]


def _own_token(request, key):
    for token in request.user.tokens:
        if token.key == key:
            return token
    raise Missing("Token", request)
