"""Files, license keys and commissioning scripts of API 1.0."""

from __future__ import annotations

import base64
import uuid

from saltext.maas.emulator.api1_cluster_images import KEYED, deployable
from saltext.maas.emulator.forms import Check
from saltext.maas.emulator.web import (
    HTML,
    TEXT,
    Answer,
    Endpoint,
    Invalid,
    Missing,
    Response,
    as_text,
    no_content,
)

files = Endpoint("files/", "FilesHandler")
file_ = Endpoint("files/{name:.+?}/", "FileHandler")
licenses = Endpoint("license-keys/", "LicenseKeysHandler", restricted=True, since="1.6")
license_ = Endpoint(
    "license-key/{osystem}/{series}", "LicenseKeyHandler", restricted=True, since="1.6"
)
scripts = Endpoint("commissioning-scripts/", "CommissioningScriptsHandler", restricted=True)
script = Endpoint("commissioning-scripts/{name}", "CommissioningScriptHandler", restricted=True)


def _first(rows, **wanted):
    for row in rows.values():
        if all(row[name] == value for name, value in wanted.items()):
            return row
    return None


def _remove(rows, row):
    del rows[row["id"]]
    return no_content()


# -- files -------------------------------------------------------------------------------------


def _file_shown(row, content=False):
    shown = {
        "filename": row["name"],
        "resource_uri": f"/MAAS/api/1.0/files/{row['name']}/",
        "anon_resource_uri": f"/MAAS/api/1.0/files/?key={row['key']}&op=get_by_key",
    }
    if content:
        shown["content"] = base64.b64encode(row["content"]).decode()
    return shown


def _own_file(request, name):
    return _first(request.region.rows("files"), name=name, owner=request.user.username)


@files("GET", "list")
def list_files(request):
    """List the user's files."""
    prefix = request.query.get("prefix", "")
    rows = request.region.rows("files").values()
    mine = [row for row in rows if row["owner"] == request.user.username]
    mine.sort(key=lambda row: row["name"])
    return [_file_shown(row) for row in mine if row["name"].startswith(prefix)]


@files("POST", "add")
def add_file(request):
    """Store a file; one of that name is replaced."""
    name = request.form.get("filename")
    if not name:
        raise Answer(400, "Filename not supplied", TEXT)
    if not request.files:
        raise Answer(400, "File not supplied", TEXT)
    content = next(iter(request.files.values()))
    row = _own_file(request, name)
    if row is None:
        owner = request.user.username
        row = request.region.rows("files").add(
            {"name": name, "owner": owner, "key": str(uuid.uuid1()), "content": content}
        )
    row["content"] = content
    return as_text("", 201, HTML)


def _raw(row):
    if row is None:
        raise Answer(404, "File not found", TEXT)
    return Response(200, row["content"], HTML)


@files("GET", "get")
def get_file(request):
    """Get the content of a file."""
    return _raw(_own_file(request, request.needed("filename")))


@files("GET", "get_by_key", anonymous=True)
def get_by_key(request):
    """Get the content of a file by its key."""
    return _raw(_first(request.region.rows("files"), key=request.needed("key")))


def _file_of(request):
    row = _own_file(request, request.ids["name"])
    if row is None:
        raise Missing("FileStorage", request)
    return row


@file_("GET")
def read_file(request):
    """Read a file with its content."""
    return _file_shown(_file_of(request), content=True)


@file_("DELETE")
@file_("POST", "delete")
def delete_file(request):
    """Delete a file."""
    return _remove(request.region.rows("files"), _file_of(request))


# -- license keys ------------------------------------------------------------------------------

_LICENSE = ("osystem", "distro_series", "license_key")


def _license_shown(row):
    shown = {name: row[name] for name in _LICENSE}
    pair = f"{row['osystem']}/{row['distro_series']}"
    return {**shown, "resource_uri": f"/MAAS/api/1.0/license-key/{pair}"}


def _license_cleaned(request, row=None):
    check = Check(request, row)
    values = {name: check.text(name, required=True) for name in _LICENSE}
    if all(values.values()):
        pair = values["osystem"], values["distro_series"]
        offered = KEYED if deployable(request.region) is not None else ()
        systems = sorted({name for name, _ in offered})
        if pair[0] not in systems:
            check.error("osystem", _not_valid(pair[0], "osystem", systems))
        if pair not in offered:
            pairs = ["/".join(item) for item in offered]
            check.error("distro_series", _not_valid("/".join(pair), "distro_series", pairs))
    check.done()
    same = {name: values[name] for name in _LICENSE[:2]}
    if _first(request.region.rows("license_keys"), **same) not in (None, row):
        text = "License key with this operating system and distro series already exists."
        raise Invalid({"__all__": [text]})
    return values


def _not_valid(value, label, choices):
    listed = ", ".join(f"'{item}'" for item in choices)
    return f"'{value}' is not a valid {label}.  It should be one of: {listed}."


@licenses("GET")
def list_licenses(request):
    """List license keys."""
    return [_license_shown(row) for row in request.region.rows("license_keys").values()]


@licenses("POST")
def add_license(request):
    """Add a license key."""
    if request.content_type == "application/x-www-form-urlencoded":
        raise Answer(500, "This QueryDict instance is immutable", TEXT)
    request.bound = True
    return _license_shown(request.region.rows("license_keys").add(_license_cleaned(request)))


def _license_of(request):
    wanted = {"osystem": request.ids["osystem"], "distro_series": request.ids["series"]}
    return _first(request.region.rows("license_keys"), **wanted)


@license_("GET")
def read_license(request):
    """Read a license key."""
    row = _license_of(request)
    if row is None:
        raise Missing("LicenseKey", request)
    return _license_shown(row)


@license_("PUT")
def update_license(request):
    """Change a license key."""
    row = _license_of(request)
    if row is None:
        raise Missing("LicenseKey", request)
    row.update(_license_cleaned(request, row))
    return _license_shown(row)


@license_("DELETE")
def delete_license(request):
    """Delete a license key; one that is not there is as good as deleted."""
    row = _license_of(request)
    return _remove(request.region.rows("license_keys"), row) if row else no_content()


# -- commissioning scripts ---------------------------------------------------------------------


def _script_of(request):
    row = _first(request.region.rows("scripts"), name=request.ids["name"])
    if row is None:
        raise Missing("CommissioningScript", request)
    return row


def _script_shown(row):
    return {
        "name": row["name"],
        "content": base64.b64encode(row["content"]).decode(),
        "resource_uri": f"/MAAS/api/1.0/commissioning-scripts/{row['name']}",
    }


@scripts("GET")
def list_scripts(request):
    """List the names of commissioning scripts."""
    return sorted(row["name"] for row in request.region.rows("scripts").values())


@scripts("POST")
def add_script(request):
    """Add a commissioning script."""
    name, content = request.needed("name"), _content(request)
    rows = request.region.rows("scripts")
    if _first(rows, name=name):
        text = (
            "duplicate key value violates unique constraint"
            ' "metadataserver_commissioningscript_name_key"\n'
            f"DETAIL:  Key (name)=({name}) already exists.\n"
        )
        raise Answer(500, text, TEXT)
    return _script_shown(rows.add({"name": name, "content": content}))


def _content(request):
    """The text of a script, which only a file can hold."""
    if "content" not in request.files:
        raise Answer(400, "No provided content!", TEXT)
    return request.files["content"]


@script("GET")
def read_script(request):
    """Read a commissioning script."""
    return Response(200, _script_of(request)["content"], "application/binary")


@script("PUT")
def update_script(request):
    """Change a commissioning script."""
    row = _script_of(request)
    row["content"] = _content(request)
    return _script_shown(row)


@script("DELETE")
def delete_script(request):
    """Delete a commissioning script."""
    return _remove(request.region.rows("scripts"), _script_of(request))
