"""``oidc-providers/``: providers with which users log in over OpenID Connect (3.8).

Issuers are never contacted. One whose host ends in ``.invalid`` cannot be
reached, one with ``/broken/`` in its path has none; every other one has.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from maas_emulator.bodies import Form
from maas_emulator.crud import need_number
from maas_emulator.web import HTML, TEXT, Answer, Endpoint, Response, as_json

providers = Endpoint("oidc-providers/", "OidcProvidersHandler", since="3.8")
provider = Endpoint("oidc-providers/{id}/", "OidcProviderHandler", since="3.8")

_VIEW = "can_view_identities"
_EDIT = "can_edit_identities"
_ROWS = "oidc_providers"
_FIELDS = ("name", "issuer_url", "client_id", "client_secret", "enabled", "token_type", "vendor",
           "redirect_uri", "scopes")  # fmt: skip
_TOKEN_TYPES = {"JWT": "JWT", "OPAQUE": "Opaque"}
_VENDORS = ("Generic", "EntraID", "Auth0", "Keycloak")
_LONGEST = {
    "issuer_url": 512,
    **dict.fromkeys(("name", "client_id", "client_secret", "scopes"), 255),
}
_TRUE, _FALSE = ("1", "on", "t", "true", "y", "yes"), ("0", "off", "f", "false", "n", "no")
_ON_A_PAGE = 100


def log_in(region, ident, email):
    """Let a user log in with a provider, which creates an account that is in no group.

    Args:
        region: The region.
        ident: Id of the provider, which is enabled.
        email: Address of the user at the provider, and name of the account.

    Returns:
        The :class:`~maas_emulator.records.User`.
    """
    user = region.users.get(email)
    return user or region.create_user(email, "", email, provider=ident)


def _enabled(region):
    return next((row for row in region.rows(_ROWS).values() if row["enabled"]), None)


def _find(request, ident):
    row = request.region.rows(_ROWS).get(ident)
    if row is None:
        raise Answer(404, f"No OIDC provider found with ID: {request.ids['id']}")
    return row


def _show(row):
    return {"id": row["id"], **{name: row[name] for name in _FIELDS}}


# -- the form ----------------------------------------------------------------------------------


def _check_url(value, label):
    parts = urlsplit(value or "")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Answer(400, f"{label} must be a valid HTTP or HTTPS address.")


def _upper(value):
    if value is None:
        raise Answer(500, "'NoneType' object has no attribute 'upper'", TEXT)
    return value.upper()


def _token_type(value):
    asked = _upper(value)
    if asked not in _TOKEN_TYPES:
        raise Answer(400, f"Invalid token type: {asked}. Must be 'JWT' or 'Opaque'.")
    return _TOKEN_TYPES[asked]


def _vendor(value):
    for name in _VENDORS:
        if name.upper() == _upper(value):
            return name
    raise Answer(400, f"Invalid vendor: {value}. Must be one of: {', '.join(_VENDORS)}.")


def _form(request):
    """What MAAS reads here: a form, but no JSON."""
    return Form() if request.is_json else request.form


def _read(form, names):
    """The fields to store; those that are not valid are errors of the server, but for some."""
    values = {name: form.get(name) for name in names}
    for name, label in (("issuer_url", "Issuer URL"), ("redirect_uri", "Redirect URI")):
        if name in values:
            _check_url(values[name], label)
    for name, read in (("token_type", _token_type), ("vendor", _vendor)):
        if name in values:
            values[name] = read(values[name])
    wrong = [name for name, value in values.items() if value is None]
    if "enabled" in values:
        word = str(values["enabled"]).lower()
        if word not in _TRUE + _FALSE and "enabled" not in wrong:
            wrong.append("enabled")
        values["enabled"] = word in _TRUE
    if wrong:
        count, kind = 2 * len(wrong), "bool" if wrong[0] == "enabled" else "str"
        text = f"{count} validation errors for OAuthProviderBuilder\n{wrong[0]}.{kind}\n"
        raise Answer(500, f"{text}  Input should be a valid {kind}", TEXT)
    if "issuer_url" in values:
        values["issuer_url"] = values["issuer_url"].rstrip("/")
    return values


def _ask_issuer(values, doing):
    """Refuse an issuer that MAAS could not read the configuration of."""
    parts = urlsplit(values["issuer_url"])
    if (parts.hostname or "").endswith(".invalid"):
        raise Answer(502, f"Failed to {doing} OIDC provider: Bad gateway.")
    if "/broken/" in f"{parts.path}/":
        raise Answer(502, f"Failed to {doing} OIDC provider: Bad gateway.")


def _check_stored(region, values, row):
    """Refuse what the database refuses; MAAS handles only a name that exists."""
    others = [one for one in region.rows(_ROWS).values() if one is not row]
    if any(one["name"] == values.get("name") for one in others):
        raise Answer(409, "An OIDC provider with the same name already exists.")
    for name, longest in _LONGEST.items():
        if len(values.get(name, "")) > longest:
            text = f"value too long for type character varying({longest})\n"
            text = f"(psycopg2.errors.StringDataRightTruncation) {text}"
            # MAAS shows what it wanted to store, the secret with the rest.
            raise Answer(500, f"{text}\n[SQL: INSERT INTO maasserver_oidc_provider]\n"
                         f"[parameters: {values}]")  # fmt: skip


def _refuse_second(doing):
    text = "An enabled provider already exists. Disable the existing provider before"
    return Answer(409, f"{text} {doing}.")


# -- operations --------------------------------------------------------------------------------


@providers("GET", needs=_VIEW)
def list_providers(request):
    """List the providers, the newest first; that there are none is a text."""
    rows = request.region.rows(_ROWS)
    newest = sorted(rows.values(), key=lambda row: -row["id"])[:_ON_A_PAGE]
    return as_json([_show(row) for row in newest] or "No OIDC providers found.")


@providers("GET", "get_active", needs=_VIEW)
def read_active(request):
    """Read the provider that is enabled."""
    row = _enabled(request.region)
    if row is None:
        raise Answer(404, "No enabled OIDC provider found.")
    return _show(row)


@providers("POST", needs=_EDIT)
def create_provider(request):
    """Create a provider; only one is enabled at a time."""
    region, values = request.region, _read(_form(request), _FIELDS)
    if values["enabled"] and _enabled(region):
        raise _refuse_second("creating a new one")
    _ask_issuer(values, "create")
    _check_stored(region, values, None)
    return as_json(_show(region.rows(_ROWS).add(values)), 201)


@provider("GET", needs=_VIEW)
def read_provider(request):
    """Read a provider, with its secret."""
    return _show(_find(request, need_number(request.ids["id"])))


@provider("PUT", needs=_EDIT)
def update_provider(request):
    """Change what is sent; the enabled one cannot be enabled again."""
    region, form = request.region, _form(request)
    values = _read(form, [name for name in _FIELDS if name in form])
    if values.get("enabled") and _enabled(region):
        raise _refuse_second("enabling this one")
    if "issuer_url" in values:
        _ask_issuer(values, "update")
    row = _find(request, _database_number(request.ids["id"]))
    _check_stored(region, values, row)
    was = row["enabled"]
    row.update(values)
    if was != row["enabled"]:
        for person in region.users.values():
            if person.provider == row["id"]:
                person.is_active = row["enabled"]
    return _show(row)


def _database_number(text):
    """An id as PostgreSQL reads it, which is asked with the text of the path."""
    try:
        number = int(text)
    except ValueError:
        wrong = f'invalid input syntax for type bigint: "{text}"'
        raise Answer(500, f"(psycopg2.errors.InvalidTextRepresentation) {wrong}\n") from None
    if abs(number) >= 2**63:
        wrong = f'value "{text}" is out of range for type bigint'
        raise Answer(500, f"(psycopg2.errors.NumericValueOutOfRange) {wrong}\n")
    return number


@provider("DELETE", needs=_EDIT)
def delete_provider(request):
    """Delete a provider that is not enabled."""
    row = _find(request, need_number(request.ids["id"]))
    if row["enabled"]:
        raise Answer(409, "Provider is currently enabled and cannot be deleted.")
    region = request.region
    for person in [one for one in region.users.values() if one.provider == row["id"]]:
        person.provider = 0  # a provider that does not exist
    del region.rows(_ROWS)[row["id"]]
    return Response(204, b"", HTML)
