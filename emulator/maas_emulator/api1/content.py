"""Files, license keys and commissioning scripts of API 1.0."""

from __future__ import annotations

import base64
import uuid

from maas_emulator.api1.cluster_images import keyed
from maas_emulator.forms_1x import ModelForm, Wrong, one_of, text, too_long
from maas_emulator.web import (
    BARE_JSON,
    HTML,
    TEXT,
    Answer,
    Endpoint,
    Invalid,
    Missing,
    Response,
    as_json,
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


_LONGEST_NAME = 255


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
        "anon_resource_uri": f"/MAAS/api/1.0/files/?key={row['key']}&op=get_by_key",
    }
    if "\n" not in row["name"]:  # which has no place in a path
        shown["resource_uri"] = f"/MAAS/api/1.0/files/{row['name']}/"
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
    if len(request.files) != 1:
        raise Answer(400, "Exactly one file must be supplied", TEXT)
    if len(name) > _LONGEST_NAME:
        raise Invalid({"filename": [too_long(name, _LONGEST_NAME)]}, BARE_JSON)
    if "file" not in request.files:
        raise Answer(500, "\"Key 'file' not found in <MultiValueDict>\"", TEXT)
    content = request.files["file"]
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


@files("GET", "get", anonymous=True)
def get_file(request):
    """Get the content of the latest file of that name, whoever owns it."""
    name = request.needed("filename")
    found = [row for row in request.region.rows("files").values() if row["name"] == name]
    return _raw(found[-1] if found else None)


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
    """Read a file with its content; a missing one differs from a missing path by a header."""
    row = _own_file(request, request.ids["name"])
    if row is None:
        raise Answer(404, "Not Found", HTML, {"Workaround": "bug1123986"})
    return _file_shown(row, content=True)


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


def need_changeable(request):
    """Refuse, with an error of the server, what MAAS would have to add something to."""
    if request.content_type == "application/x-www-form-urlencoded":
        raise Answer(500, "This QueryDict instance is immutable", TEXT)


class LicenseForm(ModelForm):
    """A license key, of a series that some cluster can deploy."""

    def __init__(self, request, stored=None):
        super().__init__(request, stored)
        offered = keyed(request.region)
        systems = list(dict.fromkeys(name for name, _ in offered))
        series = ["/".join(pair) for pair in offered]
        self.fields = {
            "osystem": one_of(systems, "osystem", required=True),
            "distro_series": one_of(series, "distro_series", required=True),
            "license_key": text(255, required=True),
        }
        if "osystem" in self.form and "distro_series" in self.form:
            given = self.form.get("distro_series")
            if "/" not in given:  # which may be left out
                need_changeable(request)
                self.form["distro_series"] = [f"{self.form.get('osystem')}/{given}"]

    def initial(self):
        if not self.stored:
            return {}
        series = f"{self.stored['osystem']}/{self.stored['distro_series']}"
        return {**self.stored, "distro_series": series}

    def clean(self):
        if len(self.cleaned) == len(self.fields):
            system, _, series = self.cleaned["distro_series"].partition("/")
            if system != self.cleaned["osystem"]:
                given = self.cleaned["osystem"]
                raise Wrong(
                    f"{series} in distro_series does not match with operating system {given}"
                )
            self.cleaned["distro_series"] = series

    def check_unique(self, excluded):
        if {"osystem", "distro_series"} & excluded:
            return
        same = {name: self.values[name] for name in _LICENSE[:2]}
        if _first(self.region.rows("license_keys"), **same) not in (None, self.stored):
            raise Wrong("License key with this operating system and distro series already exists.")


@licenses("GET")
def list_licenses(request):
    """List license keys."""
    rows = request.region.rows("license_keys").values()
    rows = sorted(rows, key=lambda row: (row["osystem"], row["distro_series"]))
    return [_license_shown(row) for row in rows]


@licenses("POST")
def add_license(request):
    """Add a license key."""
    return _license_shown(request.region.rows("license_keys").add(LicenseForm(request).read()))


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
    row.update(LicenseForm(request, row).read())
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
    shown = {"name": row["name"], "content": base64.b64encode(row["content"]).decode()}
    if "/" not in row["name"]:  # which has no place in a path
        shown["resource_uri"] = f"/MAAS/api/1.0/commissioning-scripts/{row['name']}"
    return shown


@scripts("GET")
def list_scripts(request):
    """List the names of commissioning scripts."""
    return sorted(row["name"] for row in request.region.rows("scripts").values())


@scripts("POST")
def add_script(request):
    """Add a commissioning script."""
    name, content = request.needed("name"), _content(request)
    rows = request.region.rows("scripts")
    if len(name) > _LONGEST_NAME:
        text = f"value too long for type character varying({_LONGEST_NAME})\n"
        raise Answer(500, text, TEXT)
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
    """Change a commissioning script, about which nothing is said then."""
    content = _content(request)
    _script_of(request)["content"] = content
    return as_json(None)


@script("DELETE")
def delete_script(request):
    """Delete a commissioning script."""
    return _remove(request.region.rows("scripts"), _script_of(request))
