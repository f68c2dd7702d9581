"""``boot-resources/``: imported and uploaded images of API 1.0 (1.7+)."""

from __future__ import annotations

import hashlib
import time

from maas_emulator.api1 import catalogue
from maas_emulator.api1.cluster_images import sync_all
from maas_emulator.api1.content import need_changeable
from maas_emulator.crud import by_id, need_number
from maas_emulator.forms_1x import ModelForm, Wrong, choice, number, one_of, text
from maas_emulator.web import (
    HTML,
    TEXT,
    Answer,
    Endpoint,
    Missing,
    as_json,
    as_text,
    no_content,
)

many = Endpoint("boot-resources/", "BootResourcesHandler", since="1.7")
one = Endpoint("boot-resources/{id}/", "BootResourceHandler", since="1.7")
upload = Endpoint(
    "boot-resources/{id}/upload/{file}/", "BootResourceFileUploadHandler", since="1.7"
)

_FILTERS = {
    "all": None,
    "synced": catalogue.SYNCED,
    "generated": catalogue.GENERATED,
    "uploaded": catalogue.UPLOADED,
}
#: (filetype of an upload, the file's name in its set).
_FILETYPES = {"tgz": "root-tgz", "ddtgz": "root-dd"}


def _summary(row):
    return {
        "id": row["id"],
        "type": catalogue.TYPES[row["rtype"]],
        "name": row["name"],
        "architecture": row["architecture"],
        "subarches": ",".join(row["subarches"]),
        "resource_uri": f"/MAAS/api/1.0/boot-resources/{row['id']}/",
        **row["extra"],
    }


def _whole(row):
    sets = {one["version"]: _set_shown(row, one) for one in row["sets"]}
    return {**_summary(row), "sets": sets}


def _set_shown(row, one):
    size = sum(file["size"] for file in one["files"])
    shown = {
        "version": one["version"],
        "label": one["label"],
        "size": size,
        "complete": catalogue.is_complete(one),
        "files": {file["filename"]: _file_shown(row, file) for file in one["files"]},
    }
    if not shown["complete"]:
        shown["progress"] = _progress(sum(file["have"] for file in one["files"]), size)
    return shown


def _file_shown(row, file):
    shown = {
        "filename": file["filename"],
        "filetype": file["filename"],
        "sha256": file["sha256"],
        "size": file["size"],
        "complete": catalogue.is_complete(file),
    }
    if not shown["complete"]:
        shown["progress"] = _progress(file["have"], file["size"])
        if row["rtype"] != catalogue.SYNCED:
            shown["upload_uri"] = f"/MAAS/api/1.0/boot-resources/{row['id']}/upload/{file['id']}/"
    return shown


def _progress(have, size):
    # MAAS divides the wrong way round.
    return size / have if have else 0


@many("GET")
def list_resources(request):
    """List boot resources."""
    kind = request.query.get("type", "all")
    if kind not in _FILTERS:
        raise Answer(400, f"Bad type '{kind}'", TEXT)
    wanted = _FILTERS[kind]
    rows = request.region.rows(catalogue.RESOURCES).values()
    chosen = [row for row in rows if wanted in (None, row["rtype"])]
    chosen.sort(key=lambda row: (row["rtype"], row["name"], row["architecture"]))
    return [_summary(row) for row in chosen]


@many("POST", "import", admin=True)
def import_resources(request):
    """Import what is selected, in the background."""
    catalogue.start_import(request.region, sync_all)
    return as_text("Import of boot resources started", content_type=HTML)


class ResourceForm(ModelForm):
    """An upload; without content it tells size and hash of what follows."""

    def __init__(self, request, content):
        super().__init__(request)
        self.content = content
        usable = catalogue.usable_architectures(self.region) or [""]
        self.fields = {
            "name": text(255, required=True),
            "title": text(),
            "architecture": one_of(usable, "architecture", required=True),
            "filetype": choice(tuple(_FILETYPES), required=True),
        }
        if content is None:
            self.fields["sha256"] = text(64, shortest=64, required=True)
            self.fields["size"] = number(required=True)

    def clean(self):
        if self.content == b"":
            raise Wrong({"content": ["The submitted file is empty."]})


@many("POST", admin=True)
def create_resource(request):
    """Upload an image, whole or (with its size and hash) in parts that follow."""
    region = request.region
    if "filetype" not in request.form:
        need_changeable(request)
        request.form["filetype"] = ["tgz"]
    content = request.files.get("content")
    values = ResourceForm(request, content).read()
    architecture, filetype = values["architecture"], values["filetype"]
    if content is None:
        size, sha256 = values["size"], values["sha256"]
    else:
        size, sha256 = len(content), hashlib.sha256(content).hexdigest()
    resource = _resource(region, values["name"], architecture, values["title"])
    have = 0 if content is None else size
    file = catalogue.new_file(region, _FILETYPES[filetype], size, sha256, have)
    today = time.strftime("%Y%m%d", time.gmtime())
    generated = resource["rtype"] == catalogue.GENERATED
    resource["sets"].append(
        {
            "version": catalogue.next_version(resource, today),
            "label": "generated" if generated else "uploaded",
            "files": [file],
        }
    )
    return as_json(_whole(resource), 201)


def _resource(region, name, architecture, title):
    """The uploaded resource of that name; one named like OS/SERIES counts as generated."""
    rtype = catalogue.GENERATED if "/" in name else catalogue.UPLOADED
    rows = region.rows(catalogue.RESOURCES)
    for row in rows.values():
        if (row["rtype"], row["name"], row["architecture"]) == (rtype, name, architecture):
            row["extra"]["title"] = title
            return row
    return rows.add(
        {
            "rtype": rtype,
            "name": name,
            "architecture": architecture,
            "subarches": (architecture.partition("/")[2],),
            "extra": {"title": title},
            "sets": [],
        }
    )


_resource_of = by_id(catalogue.RESOURCES, "BootResource")


@one("GET")
def read_resource(request):
    """Read a boot resource with its sets."""
    return _whole(_resource_of(request))


@one("DELETE", admin=True)
def delete_resource(request):
    """Delete a boot resource; an unknown one is an error of the server."""
    ident = need_number(request.ids["id"])
    rows = request.region.rows(catalogue.RESOURCES)
    if ident not in rows:
        raise Answer(500, "BootResource matching query does not exist.", TEXT)
    del rows[ident]
    return no_content()


@upload("PUT", admin=True)
def upload_part(request):
    """Take the next part of an upload."""
    row = _resource_of(request)
    ident = request.ids["file"]
    file = catalogue.file_of(request.region, int(ident)) if ident.isdecimal() else None
    if file is None or not any(file in one["files"] for one in row["sets"]):
        raise Missing("BootResourceFile", request)
    if catalogue.is_complete(file):
        raise Answer(400, "Cannot upload to a complete file.", TEXT)
    content = file["content"] + request.body
    if len(content) > file["size"]:
        raise Answer(400, "Too much data received.", TEXT)
    done = len(content) == file["size"]
    if done and hashlib.sha256(content).hexdigest() != file["sha256"]:
        raise Answer(400, "Saved content does not match given SHA256 value.", TEXT)
    file["have"] = len(content)
    file["content"] = b"" if done else content
    return as_text("OK")
