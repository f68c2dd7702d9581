"""``boot-sources/`` and their selections (1.7+), also under the paths 1.6 has them at.

In 1.6 each cluster has its own; from 1.7 on the old paths mean those of the region, whatever
cluster they name.
"""

from __future__ import annotations

import base64
from dataclasses import replace

from maas_emulator import netparse
from maas_emulator.api1 import catalogue, groups
from maas_emulator.crud import need_number
from maas_emulator.forms_1x import URL, Field, ModelForm, Wrong, text, too_long
from maas_emulator.web import TEXT, Answer, Endpoint, Missing, as_json, no_content

_MANY = "boot-sources/"
_ONE = "boot-sources/{id}/"
_SELECTIONS = _ONE + "selections/"
_SELECTION = _SELECTIONS + "{selection}/"
_OLD = "nodegroups/{uuid}/"


def _pair(path, name):
    """An endpoint and its old place."""
    return (
        Endpoint(path, name, restricted=True, since="1.7"),
        Endpoint(_OLD + path, name, restricted=True, since="1.6"),
    )


many, old_many = _pair(_MANY, "BootSourcesHandler")
one, old_one = _pair(_ONE, "BootSourceHandler")
selections, old_selections = _pair(_SELECTIONS, "BootSourceSelectionsHandler")
selection, old_selection = _pair(_SELECTION, "BootSourceSelectionHandler")

NO_KEYRING = "One of keyring_data or keyring_filename must be specified."
_LONGEST_URL, _LONGEST_PATH = 200, 100
_LISTS = ("arches", "subarches", "labels")
TWO_KEYRINGS = "Only one of keyring_filename or keyring_data can be specified."


def seed(region):
    """A new region has the public stream and trusty for amd64 selected; in 1.6 each cluster."""
    if region.release >= "1.7":
        add_default(region, None)


def add_default(region, group):
    """Make the source that MAAS begins with, for a cluster or (None) the region."""
    source = region.rows(catalogue.SOURCES).add(
        {
            "url": catalogue.DEFAULT_URL,
            "keyring_filename": catalogue.DEFAULT_KEYRING,
            "keyring_data": b"",
            "group": group and group["id"],
        }
    )
    catalogue.index(region, source)
    region.rows(catalogue.SELECTIONS).add(
        {
            "source": source["id"],
            "os": "ubuntu",
            "release": "trusty",
            "arches": ["amd64"],
            "subarches": ["*"],
            "labels": [catalogue.LABEL],
        }
    )


def sources_of(region, group):
    """The sources of a cluster of 1.6, which begins with the default one."""
    if not group.get("has_sources"):
        group["has_sources"] = True
        add_default(region, group)
    rows = region.rows(catalogue.SOURCES).values()
    return [row for row in rows if row["group"] == group["id"]]


def _asked(request):
    """The sources that the path is about."""
    if request.region.release < "1.7":
        return sources_of(request.region, groups.group_of(request))
    return list(request.region.rows(catalogue.SOURCES).values())


def _base(request):
    """Where the sources that the path is about have their place."""
    old = _OLD.format(uuid=request.ids["uuid"]) if request.region.release < "1.7" else ""
    return f"/MAAS/api/1.0/{old}boot-sources/"


def _shown(request, row):
    return {
        "id": row["id"],
        "url": row["url"],
        "keyring_filename": row["keyring_filename"],
        "keyring_data": base64.b64encode(row["keyring_data"]).decode(),
        "resource_uri": f"{_base(request)}{row['id']}/",
    }


def _source_of(request):
    ident = need_number(request.ids["id"])
    for row in _asked(request):
        if row["id"] == ident:
            return row
    raise Missing("BootSource", request)


@many("GET")
@old_many("GET")
def list_sources(request):
    """List boot sources, with keyrings as they are; a binary one breaks the list."""
    found = []
    for row in _asked(request):
        try:
            keyring = row["keyring_data"].decode()
        except UnicodeDecodeError as error:
            size = len(row["keyring_data"])
            byte = row["keyring_data"][error.start]
            text = (
                f"'utf8' codec can't decode byte 0x{byte:02x} in position {error.start}:"
                f" {error.reason}. You passed in <read-only buffer for 0x{id(row):x},"
                f" size {size}, offset 0 at 0x{id(row):x}> (<type 'buffer'>)"
            )
            raise Answer(500, text, TEXT) from None
        found.append({**_shown(request, row), "keyring_data": keyring})
    return found


@many("POST")
@old_many("POST")
def create_source(request):
    """Add a boot source."""
    old = request.region.release < "1.7"
    group = groups.group_of(request)["id"] if old else None
    row = {**SourceForm(request, _rivals(request)).read(), "group": group}
    request.region.rows(catalogue.SOURCES).add(row)
    catalogue.index(request.region, row)
    return as_json(_shown(request, row), 201)


def _rivals(request):
    """Sources that must not have the same URL; clusters of 1.6 may have them all alike."""
    return _asked(request) if request.region.release >= "1.7" else ()


class SourceForm(ModelForm):
    """A boot source, with a keyring in a file or one that is sent as a file."""

    fields = {"url": replace(URL, required=True), "keyring_filename": text()}
    defaults = {"url": "", "keyring_filename": "", "keyring_data": b""}

    def __init__(self, request, others, stored=None):
        super().__init__(request, stored)
        self.others = others
        self.keyring = request.files.get("keyring_data")

    def clean(self):
        self.cleaned["keyring_data"] = self.keyring

    def clean_url(self, url):
        if len(url) > _LONGEST_URL:
            raise Wrong(too_long(url, _LONGEST_URL))
        return url

    def check_object(self, excluded):
        given = bool(self.values["keyring_filename"]) + bool(self.values["keyring_data"])
        if given != 1:
            raise Wrong(TWO_KEYRINGS if given else NO_KEYRING)

    def check_unique(self, excluded):
        urls = [other["url"] for other in self.others if other is not self.stored]
        if "url" not in excluded and self.values["url"] in urls:
            raise Wrong({"url": ["Boot source with this Url already exists."]})

    def read(self):
        values = super().read()
        if len(values["keyring_filename"]) > _LONGEST_PATH:
            text_ = f"value too long for type character varying({_LONGEST_PATH})\n"
            raise Answer(500, text_, TEXT)
        return values


@one("GET")
@old_one("GET")
def read_source(request):
    """Read a boot source."""
    return _shown(request, _source_of(request))


@one("PUT")
@old_one("PUT")
def update_source(request):
    """Change a boot source; one with a keyring in the database cannot be changed."""
    row = _source_of(request)
    if row["keyring_data"]:
        raise Answer(500, "'buffer' object has no attribute 'read'", TEXT)
    row.update(SourceForm(request, _rivals(request), row).read())
    catalogue.index(request.region, row)
    return _shown(request, row)


@one("DELETE")
@old_one("DELETE")
def delete_source(request):
    """Delete a boot source with its selections."""
    row = _source_of(request)
    del request.region.rows(catalogue.SOURCES)[row["id"]]
    chosen = request.region.rows(catalogue.SELECTIONS)
    for other in [other for other in chosen.values() if other["source"] == row["id"]]:
        del chosen[other["id"]]
    return no_content()


# -- selections --------------------------------------------------------------------------------


def _selection_shown(request, row):
    names = ["id", "os", "release", "arches", "subarches", "labels"]
    if request.region.release < "1.7":
        names.remove("os")
    shown = {name: row[name] for name in names}
    shown["resource_uri"] = f"{_base(request)}{row['source']}/selections/{row['id']}/"
    return shown


def _selection_of(request):
    source = _source_of(request)
    row = request.region.rows(catalogue.SELECTIONS).get(need_number(request.ids["selection"]))
    if row is None or row["source"] != source["id"]:
        raise Missing("BootSourceSelection", request)
    return row


@selections("GET")
@old_selections("GET")
def list_selections(request):
    """List the selections of a boot source."""
    source = _source_of(request)
    rows = request.region.rows(catalogue.SELECTIONS).values()
    return [_selection_shown(request, row) for row in rows if row["source"] == source["id"]]


@selections("POST")
@old_selections("POST")
def create_selection(request):
    """Add a selection to a boot source."""
    source = _source_of(request)
    row = {**SelectionForm(request, source).read(), "source": source["id"]}
    return _selection_shown(request, request.region.rows(catalogue.SELECTIONS).add(row))


class SelectionForm(ModelForm):
    """A selection of a boot source."""

    fields = {
        "os": text(20),
        "release": text(20),
        **{name: Field(list, empty=[], many=True) for name in _LISTS},
    }
    defaults = {"os": "", "release": ""}

    def __init__(self, request, source, stored=None):
        super().__init__(request, stored)
        self.source = source
        if self.release < "1.7":
            self.fields = {k: field for k, field in self.fields.items() if k != "os"}

    def clean(self):
        if self.release >= "1.7":  # before, there is no catalogue to look into
            for name in ("os", "release"):
                if name not in self.cleaned:
                    raise Answer(500, f"u'{name}'", TEXT)
            self._check_offered(self.cleaned["os"], self.cleaned["release"])

    def _check_offered(self, system, series):
        offered = catalogue.products(self.source, system, series)
        if not offered:
            end = "has no available images for download"
            self.set_error("os", f"OS {system} with release {series} {end}")
            return
        known = {
            "arches": {product[2] for product in offered},
            "subarches": catalogue.offered_kernels(self.source, offered),
            "labels": {catalogue.LABEL},
        }
        for name, choices in known.items():
            given = self.cleaned[name]
            if not set(given) <= choices and "*" not in given:
                listed = ", ".join(map(netparse.written, given))
                self.set_error(name, f"No available images to download for [{listed}]")

    def outside(self):
        return {"boot_source"}

    def check_unique(self, excluded):
        if "boot_source" in excluded:
            return
        for other in self.region.rows(catalogue.SELECTIONS).values():
            mine = other is not self.stored and other["source"] == self.source["id"]
            if mine and all(other[name] == self.values[name] for name in ("os", "release")):
                start = "Boot source selection with this Boot source, Os and Release"
                raise Wrong(f"{start} already exists.")


@selection("GET")
@old_selection("GET")
def read_selection(request):
    """Read a selection."""
    return _selection_shown(request, _selection_of(request))


@selection("PUT")
@old_selection("PUT")
def update_selection(request):
    """Change a selection."""
    row = _selection_of(request)
    row.update(SelectionForm(request, _source_of(request), row).read())
    return _selection_shown(request, row)


@selection("DELETE")
@old_selection("DELETE")
def delete_selection(request):
    """Delete a selection."""
    del request.region.rows(catalogue.SELECTIONS)[_selection_of(request)["id"]]
    return no_content()
