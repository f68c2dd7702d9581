"""``boot-resources/``: images that are there, uploads and the import."""

from __future__ import annotations

import datetime
import hashlib

from maas_emulator import images
from maas_emulator.api2.bootsources import add_source
from maas_emulator.crud import by_id
from maas_emulator.forms import Check
from maas_emulator.web import (
    TEXT,
    Answer,
    Endpoint,
    Missing,
    as_json,
    as_text,
    no_content,
)

resources = Endpoint("boot-resources/", "BootResourcesHandler")
resource = Endpoint("boot-resources/{id}/", "BootResourceHandler")
upload = Endpoint("boot-resources/{id}/upload/{file}/", "BootResourceFileUploadHandler")

#: What an uploaded file is stored as, by the ``filetype`` of the form.
FILETYPES = {
    "tgz": ("root.tgz", "root-tgz"),
    "tbz": ("root.tbz", "root-tbz"),
    "txz": ("root.txz", "root-txz"),
    "ddtgz": ("root-dd", "root-dd"),
    "ddtbz": ("root-dd.tar.bz2", "root-dd.tar.bz2"),
    "ddtxz": ("root-dd.tar.xz", "root-dd.tar.xz"),
    "ddtar": ("root-dd.tar", "root-dd.tar"),
    "ddbz2": ("root-dd.bz2", "root-dd.bz2"),
    "ddgz": ("root-dd.gz", "root-dd.gz"),
    "ddxz": ("root-dd.xz", "root-dd.xz"),
    "ddraw": ("root-dd.raw", "root-dd.raw"),
}


def seed(region):
    """Let settings that name a system, series or kernel choose among what is imported."""
    region.series_choices = lambda setting: _choices(region, setting)


def _choices(region, setting):
    if setting == "default_osystem":
        return images.systems(region)
    if setting == "default_min_hwe_kernel":
        return images.kernels(region, region.settings["commissioning_distro_series"])
    if setting == "default_distro_series":
        return images.series_of(region, region.settings["default_osystem"])
    names, current = images.imported_series(region), region.settings["commissioning_distro_series"]
    return names if not names or current in names else [current, *names]


def _show(region, row, whole=False):
    shown = {
        "id": row["id"],
        "type": row["type"],
        "name": row["name"],
        "architecture": row["architecture"],
        "last_deployed": None,
        "resource_uri": f"/MAAS/api/2.0/boot-resources/{row['id']}/",
    }
    for key in ("subarches", "title", "base_image"):
        if row.get(key) is not None:
            shown[key] = row[key]
    if region.release < "3.7":
        shown.pop("last_deployed")
    if whole:
        shown["sets"] = {row["version"]: _show_set(region, row)}
    return shown


def _show_set(region, row):
    files = {name: _show_file(region, row, item) for name, item in row["files"].items()}
    shown = {
        "version": row["version"],
        "label": row["label"],
        "size": sum(item["size"] for item in row["files"].values()),
        "complete": images.is_complete(row),
        "files": files,
    }
    if not shown["complete"]:
        stored = sum(item["stored"] for item in row["files"].values())
        shown["progress"] = _progress(region, stored, shown["size"])
    return shown


def _show_file(region, row, item):
    complete = item["stored"] >= item["size"]
    shown = {
        "filename": item["filename"],
        "filetype": item["filetype"],
        "sha256": item["sha256"],
        "filename_on_disk": item["sha256"][:7],
        "size": item["size"],
        "complete": complete,
    }
    if not complete:
        shown["progress"] = _progress(region, item["stored"], item["size"])
        if row["type"] == "Uploaded":
            number = list(row["files"].values()).index(item) + 1
            shown["upload_uri"] = f"/MAAS/api/2.0/boot-resources/{row['id']}/upload/{number}/"
    return shown


def _progress(region, stored, size):
    """A percentage; before 3.5 MAAS divides the wrong way round."""
    if region.release < "3.5":
        return size / stored if stored else 0
    return 100.0 * stored / (size or 1)


_resource = by_id("boot_resources", "BootResource")


@resources("GET")
def list_resources(request):
    """List boot resources."""
    region = request.region
    kinds = ["synced", "uploaded"]
    if region.release < "3.5":
        kinds.insert(1, "generated")
    wanted = request.query.get("type", "all")
    if wanted not in ["all", *kinds]:
        text = f"'{wanted}' is not a valid boot resource type. Available types: {kinds}"
        raise Answer(400, text, TEXT)
    rows = region.rows("boot_resources").values()
    chosen = [row for row in rows if wanted in ("all", row["type"].lower())]
    return [_show(region, row) for row in sorted(chosen, key=_order)]


def _order(row):
    return row["type"], row["name"], row["architecture"]


@resource("GET")
def read_resource(request):
    """Read a boot resource."""
    return _show(request.region, _resource(request), whole=True)


@resource("DELETE", admin=True)
def delete_resource(request):
    """Delete a boot resource."""
    row = _resource(request)
    del request.region.rows("boot_resources")[row["id"]]
    return no_content()


# -- import ------------------------------------------------------------------------------------


def _default_source(region):
    """What the import service makes when there is no source: the public mirror."""
    fields = {
        "url": images.DEFAULT_URL,
        "keyring_filename": images.DEFAULT_KEYRING,
        "keyring_data": b"",
    }
    source = add_source(region, fields)
    region.rows("selections").add(
        {
            "boot_source_id": source["id"],
            "os": "ubuntu",
            "release": str(region.settings["commissioning_distro_series"]).rpartition("/")[2],
            "arches": ["amd64"],
            "subarches": ["*"],
            "labels": ["*"],
        }
    )


@resources("POST", "import", admin=True)
def start_import(request):
    """Import the boot resources."""
    region = request.region
    if not region.rows("boot_sources"):
        _default_source(region)
    images.importer(region).start()
    return as_text("Import of boot resources started")


@resources("POST", "stop_import", admin=True, since="2.1")
def stop_import(request):
    """Stop the import of boot resources."""
    images.importer(request.region).stop()
    return as_text("Import of boot resources is being stopped")


@resources("GET", "is_importing", since="2.1")
def is_importing(request):
    """Tell whether an import is running."""
    return images.importer(request.region).running


# -- uploads -----------------------------------------------------------------------------------


@resources("POST", admin=True)
def create_resource(request):
    """Upload an image, whole or to be followed by its pieces."""
    region = request.region
    check = Check(request)
    content = request.files.get("content")
    name = check.text("name", None, required=True)
    architecture = check.text("architecture", None, required=True)
    digest, size = check.form.get("sha256"), None
    if content is None:
        digest = check.text("sha256", None, required=True)
        size = check.integer("size", required=True)
    else:
        digest, size = hashlib.sha256(content).hexdigest(), len(content)
    usable = images.architectures(region)
    if architecture and architecture not in usable:
        listed = ", ".join(f"'{item}'" for item in usable) or "''"
        check.error(
            "architecture",
            f"'{architecture}' is not a valid architecture.  It should be one of: {listed}.",
        )
    filetype = check.choice("filetype", FILETYPES, "tgz")
    if name and name.startswith("ubuntu/"):
        check.error("name", f"{name} is a reserved name")
    check.done()
    filename, stored_as = FILETYPES[filetype]
    item = images.new_file(filename, stored_as, digest, size)
    if content is not None:
        item["stored"] = size
    version = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
    row = images.new_resource(
        "Uploaded", _short(name), architecture, version, "uploaded", {filename: item}
    )
    row.update(subarches=architecture.partition("/")[2], title=check.text("title", ""))
    if check.form.get("base_image") and region.release >= "3.1":
        row["base_image"] = check.text("base_image")
    return as_json(_show(region, _store(region, row), whole=True), 201)


def _store(region, row):
    """Keep an upload; one of that name and architecture before keeps its id, not its files."""
    rows, names = region.rows("boot_resources"), ("type", "name", "architecture")
    for old in rows.values():
        if all(old[name] == row[name] for name in names):
            if old["version"].startswith(row["version"]):  # of the same day
                day, _, number = old["version"].partition(".")
                row["version"] = f"{day}.{int(number or 0) + 1}"
            row["id"] = old["id"]
            rows[old["id"]] = row
            return row
    return rows.add(row)


def _short(name):
    """``custom/`` is left out of what is shown."""
    return name[len("custom/") :] if name.startswith("custom/") else name


@upload("PUT", admin=True)
def upload_piece(request):
    """Upload the next piece of an image."""
    row = _resource(request)
    files = list(row["files"].values())
    number = request.ids["file"]
    if not number.isdecimal() or not 1 <= int(number) <= len(files):
        raise Missing("BootResourceFile", request)
    item = files[int(number) - 1]
    if item["stored"] >= item["size"]:
        raise Answer(400, "Cannot upload to a complete file.")
    if item["stored"] + len(request.body) > item["size"]:
        raise Answer(400, "Too much data received.")
    item.setdefault("hash", hashlib.sha256()).update(request.body)
    item["stored"] += len(request.body)
    if item["stored"] == item["size"] and item["hash"].hexdigest() != item["sha256"]:
        item["stored"], item["hash"] = 0, hashlib.sha256()
        raise Answer(400, "Saved content does not match given SHA256 value.")
    return as_text("OK")
