"""``boot-resources/``: images that are there, uploads and the import."""

from __future__ import annotations

import datetime
import hashlib
import re

from maas_emulator import images
from maas_emulator.api2.bootsources import default_source
from maas_emulator.crud import by_id
from maas_emulator.forms import Check
from maas_emulator.web import (
    BARE_TEXT,
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

#: Operating systems that MAAS knows, as it lists them from 3.8 on.
_SYSTEMS = ["ubuntu", "ubuntu-core", "bootloader", "centos", "rhel", "custom", "windows", "suse",
            "esxi", "ol", "onie"]  # fmt: skip
_LINUX = ("ubuntu", "centos", "rhel", "ol")

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
    region, row = request.region, _resource(request)
    del region.rows("boot_resources")[row["id"]]
    _forget_files(region)
    return no_content()


def _forget_files(region):
    """Delete files from the disk that no resource uses."""
    disk = region.state.get("image_files", {})
    rows = region.rows("boot_resources").values()
    for digest in set(disk) - {item["sha256"] for row in rows for item in row["files"].values()}:
        del disk[digest]


# -- import ------------------------------------------------------------------------------------


@resources("POST", "import", admin=True)
def start_import(request):
    """Import the boot resources."""
    region = request.region
    if not region.rows("boot_sources") and region.release < "3.8":
        default_source(region)
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
    """Upload an image, whole or to be followed by its pieces; from 3.8 on always in pieces."""
    region = request.region
    check = Check(request)
    content = request.files.get("content") if region.release < "3.8" else None
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
    base = check.text("base_image", None) if region.release >= "3.1" else None
    if region.release >= "3.8":
        base = _check_3_8(region, check, name, digest, base)
    elif name and name.startswith("ubuntu/"):
        check.error("name", f"{name} is a reserved name")
    check.done()
    if region.release >= "3.8" and any(
        item["sha256"] == digest and item["size"] != size
        for row in region.rows("boot_resources").values()
        for item in row["files"].values()
    ):
        text = "File already exists with sha256 that is of different size."
        raise Answer(400, text, TEXT)
    filename, stored_as = FILETYPES[filetype]
    item = images.new_file(filename, stored_as, digest, size)
    if content is not None:
        item["stored"] = size
    version = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
    short = name if region.release >= "3.8" else _short(name)
    row = images.new_resource(
        "Uploaded", short, architecture, version, "uploaded", {filename: item}
    )
    row.update(subarches=architecture.partition("/")[2], title=check.text("title", ""))
    if base:
        row["base_image"] = base
    return as_json(_show(region, _store(region, row), whole=True), 201)


def _check_3_8(region, check, name, digest, base):
    """Check what 3.8 does of an upload; returns its base image, or None where it has none."""
    if digest and len(digest) != 64:
        bound = "least" if len(digest) < 64 else "most"
        text = f"Ensure this value has at {bound} 64 characters (it has {len(digest)})."
        check.error("sha256", text)
    problem = name and _bad_name(region, name)
    if problem:
        check.error("name", problem)
    system, slash, _ = (name or "").partition("/")
    if slash and system != "custom":
        return None
    if not base:
        series = str(region.settings["commissioning_distro_series"]).rpartition("/")[2]
        return f"ubuntu/{series}"
    problem = _bad_base(base.lower())
    if problem:
        check.error("base_image", problem)
    return base.lower()


def _bad_name(region, name):
    if "/" in name:
        parts = name.split("/")
        if len(parts) > 2:
            text = f"too many values to unpack (expected 2, got {len(parts)})"
            raise Answer(500, text, TEXT)
        if parts[0] not in _SYSTEMS:
            supported = f"supported operating systems: {_SYSTEMS}"
            return f"Unsupport operating system {parts[0]}, {supported}"
    reserved = set(_SYSTEMS)
    for source in region.rows("boot_sources").values():
        for item in source["catalogue"] or ():
            reserved |= {item.os, item.release, f"{item.os}/{item.release}"}
    if name in reserved or re.fullmatch(r"centos\d\d?", name):
        return f"{name} is a reserved name"
    return None


def _bad_base(base):
    system, _, series = base.partition("/")
    if base.count("/") != 1:
        return "a base image must follow the format: <osystem>/<series>"
    if system not in _LINUX:
        return "custom images require a valid non-custom OS type base image"
    if system == "ubuntu" and series not in images.SERIES:
        return "please select a valid base image OS and version"
    return None


def _store(region, row):
    """Keep an upload; one of that name and architecture before keeps its id, not its files."""
    rows, names = region.rows("boot_resources"), ("type", "name", "architecture")
    for old in rows.values():
        if all(old[name] == row[name] for name in names):
            if old["version"].startswith(row["version"]):  # of the same day
                day, _, number = old["version"].partition(".")
                row["version"] = f"{day}.{int(number or 0) + 1}"
            row["id"] = old["id"]
            if region.release >= "3.8":
                row["base_image"] = old.get("base_image")
            rows[old["id"]] = row
            _forget_files(region)
            return row
    return rows.add(row)


def _short(name):
    """``custom/`` is left out of what is shown."""
    return name[len("custom/") :] if name.startswith("custom/") else name


@upload("PUT", admin=True)
def upload_piece(request):
    """Upload the next piece of an image."""
    region, row = request.region, _resource(request)
    files = list(row["files"].values())
    number = request.ids["file"]
    if not number.isdecimal() or not 1 <= int(number) <= len(files):
        raise Missing("BootResourceFile", request)
    item = files[int(number) - 1]
    if region.release >= "3.8" and row["type"] != "Uploaded":
        raise Answer(403, "Cannot upload to a resource of type: 0.", TEXT)
    if item["stored"] >= item["size"]:
        raise Answer(400, "Cannot upload to a complete file.")
    if region.release >= "3.8":
        return _append(region, item, request.body)
    if item["stored"] + len(request.body) > item["size"]:
        raise Answer(400, "Too much data received.")
    item.setdefault("hash", hashlib.sha256()).update(request.body)
    item["stored"] += len(request.body)
    if item["stored"] == item["size"] and item["hash"].hexdigest() != item["sha256"]:
        item["stored"], item["hash"] = 0, hashlib.sha256()
        raise Answer(400, "Saved content does not match given SHA256 value.")
    return as_text("OK")


def _append(region, item, piece):
    """Append to the file on disk, which all uploads of the same digest share from 3.8 on.

    A piece that is too long deletes that file, but not the count of earlier pieces.
    """
    disk, digest = region.state.setdefault("image_files", {}), item["sha256"]
    size, content = disk.get(digest, (0, hashlib.sha256()))
    if size + len(piece) > item["size"]:
        disk.pop(digest, None)
        raise Answer(400, "Too much data received.", TEXT)
    content.update(piece)
    disk[digest] = (size + len(piece), content)
    if size + len(piece) == item["size"] and content.hexdigest() != digest:
        raise Answer(400, "Saved content does not match given SHA256 value.", TEXT)
    item["stored"] += len(piece)
    return as_text("OK", content_type=BARE_TEXT)
