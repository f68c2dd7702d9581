"""``files/``."""

from __future__ import annotations

import base64
import uuid

from maas_emulator.web import (
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


def _find(request, name):
    for row in request.region.rows("files").values():
        if row["name"] == name and row["owner"] == request.user.username:
            return row
    return None


def _show(row, content=False):
    shown = {
        "filename": row["name"],
        "anon_resource_uri": f"/MAAS/api/2.0/files/?op=get_by_key&key={row['key']}",
        "resource_uri": f"/MAAS/api/2.0/files/{row['name']}/",
    }
    if content:
        shown["content"] = base64.b64encode(row["content"]).decode()
    return shown


@files("GET")
def list_files(request):
    """List the user's files."""
    prefix = request.query.get("prefix", "")
    rows = request.region.rows("files").values()
    mine = [row for row in rows if row["owner"] == request.user.username]
    mine = [row for row in mine if row["name"].startswith(prefix)]
    return [_show(row) for row in sorted(mine, key=lambda row: row["name"])]


@files("POST")
def add_file(request):
    """Store a file; one of that name is replaced."""
    name = request.form.get("filename")
    if not name:
        raise Answer(400, "Filename not supplied", TEXT)
    if len(name) > 255:
        message = f"Ensure this value has at most 255 characters (it has {len(name)})."
        raise Invalid({"filename": [message]})
    if len(request.files) != 1:
        raise Answer(400, "Exactly one file must be supplied", TEXT)
    content = next(iter(request.files.values()))
    row = _find(request, name)
    if row is None:
        fields = {"name": name, "owner": request.user.username, "key": str(uuid.uuid1())}
        row = request.region.rows("files").add(fields)
    row["content"] = content
    return as_text("", 201, HTML)


def _needed(request, name):
    """A file that there is; its 404 is a page's."""
    row = _find(request, name)
    if row is None:
        raise Answer(404, "Not Found", HTML)
    return row


@files("GET", "get")
def get_file(request):
    """Get the content of a file."""
    row = _find(request, request.needed("filename"))
    if row is None:
        raise Missing("FileStorage", request)
    return Response(200, row["content"], HTML)


@files("GET", "get_by_key", anonymous=True)
def get_by_key(request):
    """Get the content of a file by its key."""
    key = request.needed("key")
    for row in request.region.rows("files").values():
        if row["key"] == key:
            return Response(200, row["content"], HTML)
    raise Missing("FileStorage", request)


@files("DELETE")
def delete_named_file(request):
    """Delete the file that the query names."""
    row = _needed(request, request.needed("filename"))
    del request.region.rows("files")[row["id"]]
    return no_content()


@file_("GET")
def read_file(request):
    """Read a file with its content."""
    return _show(_needed(request, request.ids["name"]), content=True)


@file_("DELETE")
def delete_file(request):
    """Delete a file."""
    row = _needed(request, request.ids["name"])
    del request.region.rows("files")[row["id"]]
    return no_content()
