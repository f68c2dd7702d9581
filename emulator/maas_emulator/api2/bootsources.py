"""``boot-sources/`` and their selections."""

from __future__ import annotations

import base64

from maas_emulator import images
from maas_emulator.crud import by_id, now
from maas_emulator.forms import REQUIRED, Check, is_url
from maas_emulator.settings import default_series
from maas_emulator.web import (
    BARE_JSON,
    TEXT,
    Answer,
    Endpoint,
    Invalid,
    Missing,
    as_json,
    conflict,
    no_content,
)

sources = Endpoint("boot-sources/", "BootSourcesHandler", restricted=True)
source = Endpoint("boot-sources/{id}/", "BootSourceHandler", restricted=True)
selections = Endpoint(
    "boot-sources/{id}/selections/", "BootSourceSelectionsHandler", restricted=True
)
selection = Endpoint(
    "boot-sources/{id}/selections/{selection}/", "BootSourceSelectionHandler", restricted=True
)

#: Fields that 3.8 has added.
_NEW_FIELDS = ("name", "priority", "enabled", "skip_keyring_verification")
_HIGHEST = 2**31 - 1

_source = by_id("boot_sources", "BootSource")
_any_selection = by_id("selections", "BootSourceSelection", "selection")


def seed(region):
    """Give a new region of 3.8 the source and the selection that its database starts with."""
    if region.release >= "3.8":
        default_source(region)


def default_source(region):
    """Make the source of the public mirror, with a selection of what commissioning uses."""
    row = {
        "url": images.default_url(region.release),
        "keyring_filename": images.DEFAULT_KEYRING,
        "keyring_data": b"",
    }
    if region.release >= "3.8":
        row |= {"name": "MAAS Stable", "priority": 1, "enabled": True}
        row |= {"skip_keyring_verification": False}
    parent = add_source(region, row)
    if region.release >= "3.8":  # which reads the index by itself, as it starts
        images.importer(region).fetch(parent)
    series = region.settings.get("commissioning_distro_series")
    chosen = {
        "boot_source_id": parent["id"],
        "os": "ubuntu",
        "release": str(series or default_series(region.release)).rpartition("/")[2],
        "arches": ["amd64"],
        "subarches": ["*"],
        "labels": ["*"],
    }
    images.choose_arches(region.rows("selections").add(chosen), parent)


def _show(row):
    return {
        "id": row["id"],
        "url": row["url"],
        **{name: row[name] for name in _NEW_FIELDS if name in row},
        "keyring_filename": row["keyring_filename"],
        "keyring_data": base64.b64encode(row["keyring_data"]).decode(),
        "created": row["created"],
        "updated": row["updated"],
        "resource_uri": f"/MAAS/api/2.0/boot-sources/{row['id']}/",
    }


def _read_form(request, stored=None):
    check = Check(request, stored)
    data = request.files.get("keyring_data", b"")
    if stored and stored["keyring_data"] and not data:
        # What is stored goes through the form again, which wants a file and fails.
        raise Answer(500, "'memoryview' object has no attribute 'read'", TEXT)
    url = check.text("url", None, required=True, longest=200)
    more = _read_new_fields(check, url) if request.region.release >= "3.8" else {}
    url = more.get("url", url)
    others = [row for row in request.region.rows("boot_sources").values() if row is not stored]
    if url and not is_url(url):
        check.error("url", "Enter a valid URL.")
    else:
        for name in ("name", "url"):
            taken = {row.get(name) for row in others}
            if (url if name == "url" else more.get(name)) in taken - {None}:
                text = f"Boot source with this {name.capitalize()} already exists."
                check.error(name, text)
    filename = check.text("keyring_filename", "")
    if data and filename:
        text = "Only one of keyring_filename or keyring_data can be specified."
        check.error("__all__", text)
    elif not data and not filename and not more.get("skip_keyring_verification"):
        text = "One of keyring_data or keyring_filename must be specified."
        check.error("__all__", text)
    check.done()
    if more and more["priority"] is None:
        more["priority"] = max((row["priority"] for row in others), default=0) + 1
    if more and any(row["priority"] == more["priority"] for row in others):
        raise conflict()  # only the database knows, and MAAS tries again for some seconds
    return {
        "url": url,
        **more,
        "keyring_filename": filename,
        "keyring_data": data,
        "updated": now(),
    }


def _read_new_fields(check, url):
    """The fields that 3.8 added; the URL, without trailing slashes, is the default name."""
    if check.has("url") and not check.form.get("url"):
        check.errors["url"], url = [REQUIRED], None
    if url and "://" not in url:
        url = f"http://{url}"
    url = url and url.rstrip("/")
    stored = check.stored or {}
    skip = _yes_or_no(check.form.get("skip_keyring_verification"))
    if skip is None:
        skip = stored.get("skip_keyring_verification", (url or "").endswith(".json"))
    enabled = _yes_or_no(check.form.get("enabled"))
    return {
        "url": url,
        "name": check.text("name", None, longest=255) or url,
        "priority": check.integer("priority", None, low=0, high=_HIGHEST),
        "enabled": stored.get("enabled", True) if enabled is None else enabled,
        "skip_keyring_verification": skip,
    }


def _yes_or_no(value):
    """The value of a choice between yes, no and unknown; None is unknown."""
    return {"true": True, "True": True, "2": True, "false": False, "False": False,
            "3": False}.get(str(value))  # fmt: skip


def add_source(region, fields):
    """Store a new source and have its index read."""
    row = {**fields, "catalogue": None}
    row["created"] = row.setdefault("updated", now())
    region.rows("boot_sources").add(row)
    images.importer(region).fetch_later(row)
    return row


@sources("GET")
def list_sources(request):
    """List boot sources."""
    return [_show(row) for row in request.region.rows("boot_sources").values()]


@sources("POST")
def create_source(request):
    """Create a boot source."""
    return as_json(_show(add_source(request.region, _read_form(request))), 201)


@source("GET")
def read_source(request):
    """Read a boot source."""
    return _show(_source(request))


@source("PUT")
def update_source(request):
    """Update a boot source."""
    row = _source(request)
    row.update(_read_form(request, row))
    images.importer(request.region).fetch_later(row)
    return _show(row)


@source("DELETE")
def delete_source(request):
    """Delete a boot source with its selections."""
    region, row = request.region, _source(request)
    table = region.rows("selections")
    for item in list(table.values()):
        if item["boot_source_id"] == row["id"]:
            _delete_selection(region, item)
    del region.rows("boot_sources")[row["id"]]
    return no_content()


# -- selections --------------------------------------------------------------------------------


def _show_selection(region, row):
    uri = f"/MAAS/api/2.0/boot-sources/{row['boot_source_id']}/selections/{row['id']}/"
    shown = {**row, "resource_uri": uri}
    shown.pop("chosen", None)
    if region.release < "2.1":
        del shown["boot_source_id"]
    return shown


def _selection(request):
    parent = _source(request)
    row = _any_selection(request)
    if row["boot_source_id"] != parent["id"]:
        raise Missing("BootSourceSelection", request)
    return row


def _read_selection(request, parent, stored=None):
    """Check a selection against the catalogue of its source."""
    check = Check(request, stored)
    fields = {"os": check.text("os"), "release": check.text("release")}
    for name in ("arches", "subarches", "labels"):
        given = request.form.getlist(name) if check.has(name) else None
        fields[name] = given if given is not None else list((stored or {}).get(name, []))
    known = [
        item
        for item in parent["catalogue"] or ()
        if fields["os"] in ("", item.os) and item.release == fields["release"]
    ]
    if not known:
        check.error(
            "os",
            f"OS {fields['os']} with release {fields['release']} has no available images"
            " for download",
        )
    else:
        offered = {
            "arches": {item.arch for item in known},
            "subarches": {item.subarch for item in known},
            "labels": {item.label for item in known},
        }
        for name, values in offered.items():
            if not set(fields[name]) <= values and "*" not in fields[name]:
                check.error(name, f"No available images to download for {fields[name]}")
    check.done()
    for other in request.region.rows("selections").values():
        same = all(other[key] == fields[key] for key in ("os", "release"))
        if other is not stored and other["boot_source_id"] == parent["id"] and same:
            text = "Boot source selection with this Boot source, Os and Release already exists."
            raise Invalid({"__all__": [text]}, BARE_JSON)
    return fields


@selections("GET")
def list_selections(request):
    """List the selections of a boot source."""
    parent = _source(request)
    rows = request.region.rows("selections").values()
    return [
        _show_selection(request.region, row)
        for row in rows
        if row["boot_source_id"] == parent["id"]
    ]


@selections("POST")
def create_selection(request):
    """Create a selection."""
    parent = _source(request)
    fields = _read_selection(request, parent)
    fields["boot_source_id"] = parent["id"]
    row = request.region.rows("selections").add(fields)
    images.choose_arches(row, parent)
    return _show_selection(request.region, row)


@selection("GET")
def read_selection(request):
    """Read a selection."""
    return _show_selection(request.region, _selection(request))


@selection("PUT")
def update_selection(request):
    """Update a selection."""
    row, parent = _selection(request), _source(request)
    row.update(_read_selection(request, parent, row))
    images.choose_arches(row, parent)
    return _show_selection(request.region, row)


@selection("DELETE")
def delete_selection(request):
    """Delete a selection, up to 3.7 unless it brings the images that commissioning uses."""
    region, row = request.region, _selection(request)
    if region.release >= "3.8":
        _delete_selection(region, row)
        return no_content()
    commissioning = str(region.settings["commissioning_distro_series"]).rpartition("/")[2]
    in_use = row["os"] == "ubuntu" and row["release"] == commissioning
    if in_use and commissioning in images.imported_series(region):
        text = (
            f"Unable to delete {row['os']} {row['release']}. "
            "It is the operating system used for commissioning."
        )
        raise Answer(400, text, TEXT)
    del region.rows("selections")[row["id"]]
    return no_content()


def _delete_selection(region, row):
    """Delete a selection; from 3.8 on its images are deleted as well."""
    del region.rows("selections")[row["id"]]
    if region.release >= "3.8":
        images.importer(region).drop(row)
