"""Package repositories, license keys, notifications and files."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from markupsafe import Markup
from saltext.maas.errors import Forbidden, NotFound
from saltext.maas.release import Release
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, Run, Snapshot
from saltext.maas.resources.imports import image_names
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

#: The archives that every region has: where they are, and the architectures they are for.
_ARCHIVES = {
    "main_archive": ("http://archive.ubuntu.com/ubuntu", ["amd64", "i386"]),
    "ports_archive": ("http://ports.ubuntu.com/ubuntu-ports",
                      ["arm64", "armhf", "ppc64el", "s390x"], ["arm64", "armhf", "ppc64el"]),
}  # fmt: skip


_ARCHES = ("amd64", "i386", "armhf", "arm64", "ppc64el")
_REPOSITORY_URL = rules.Rule(
    "a URL with the host's full name or address, or ppa:OWNER/NAME",
    lambda url: re.match(r"ppa:[\w-]+/[\w-]+", url) is not None or rules.is_url(url),
)
_KNOWN_ARCHES = (
    rules.one_of(*_ARCHES, up_to="2.4"), rules.one_of(*_ARCHES, "s390x"),
)  # fmt: skip
#: No form says an empty list, so such a one goes as JSON.
_LIST = replace(kinds.NAMES, wire=lambda value: value or [])
_WORDS = (rules.matches(r"[^\s,]+", "words without blanks or commas"),)


class PackageRepository(Table):
    name = "package_repository"
    since = "2.1"
    collection = "package-repositories/"
    protected = ("main_archive", "ports_archive")
    required = ("url",)
    pillar = PillarLocation("package_repositories", "Package repositories.", "name")
    fields = (
        Field("name", rules=(rules.longest(41),), doc="Name, unique in the region; two are there "
              "from the start: ``main_archive`` and ``ports_archive``."),
        Field("url", rules=(_REPOSITORY_URL,), clearable=rules.NEVER,
              server_default=lambda values: _ARCHIVES.get(values.get("name"), (None,))[0],
              doc="URL, or ``ppa:OWNER/NAME``."),
        Field("distributions", _LIST, rules=_WORDS, doc="Distributions, such as jammy."),
        Field("components", _LIST, rules=_WORDS,
              doc="Components; not of the two that are always there."),
        Field("disabled_pockets", _LIST,
              rules=(rules.one_of("updates", "security", "backports", since="2.2"),),
              doc="Pockets not to use, such as security."),
        Field("disabled_components", _LIST, since="2.2",
              rules=(rules.one_of("restricted", "universe", "multiverse"),),
              doc="Components not to use, of the two that are always there."),
        Field("disable_sources", kinds.BOOLEAN, since="2.5", server_default=(True, False),
              doc="Whether deb-src lines are left out."),
        Field("arches", _LIST, rules=_KNOWN_ARCHES, clearable=rules.NEVER, doc="Architectures.",
              server_default=lambda values: _ARCHIVES.get(values.get("name"), (None, None))[1:]),
        Field("key", doc="Public key that signs it, in ASCII armour."),
        Field("enabled", kinds.BOOLEAN, server_default=True, doc="Whether it is used."),
    )  # fmt: skip

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        name, always = values["name"], self.protected
        if name in always and values.get("components"):
            yield "components", f"is not for {name}; disabled_components is"
        if name in always and values.get("enabled") is False:
            yield "enabled", f"MAAS cannot do without {name}"
        if name not in always and values.get("disabled_components"):
            yield "disabled_components", f"is for {' and '.join(always)} only"

    def as_json(self, data: dict) -> bool:
        return any(value == [] for value in data.values())

    example = {
        "name": "tools", "url": "http://repo.example.com/tools", "distributions": ["jammy"],
        "components": ["main"], "arches": ["amd64"], "enabled": True,
    }  # fmt: skip
    initial = tuple(
        {"id": number, "name": name, "url": url, "arches": arches, "enabled": True}
        for number, (name, (url, arches, *_)) in enumerate(_ARCHIVES.items(), 1)
    )


_SERIES_2_6 = (
    "win2008r2", "win2012", "win2012r2", "win2016", "win2016nano", "win2016-core", "win2016dc",
    "win2016dc-core", "win2019", "win2019-core", "win2019dc", "win2019dc-core", "win10ent",
)  # fmt: skip
_WITH_KEYS = (
    rules.one_of("win2012", "win2012r2", up_to="1.10"),
    rules.one_of("win2012", "win2012r2", "win2016", since="2.0", up_to="2.5"),
    rules.one_of(*_SERIES_2_6, since="2.6"),
)
_LICENSE_KEY = rules.matches(
    r"([A-Za-z0-9]{5}-){4}[A-Za-z0-9]{5}", "five groups of five letters and digits, with - between"
)


class LicenseKey(Table):
    name = "license_key"
    permission = "can_edit_license_keys"
    name_form = "{osystem}/{distro_series}"
    name_doc = "Operating system and series, as ``OSYSTEM/SERIES``."
    numbered = ""
    since = "1.6"
    collection = "license-keys/"
    identity = ("osystem", "distro_series")
    # MAAS takes one for an operating system that it, or up to 1.10 a cluster, has.
    after = ("image", "boot_resource", "cluster_image")
    pillar = PillarLocation(
        "license_keys", "License keys, for Windows.",
        needed=("osystem", "distro_series", "license_key"),
    )  # fmt: skip
    fields = (
        Field("osystem", rules=(rules.one_of("windows"),),
              doc="Operating system; only that of windows has keys."),
        Field("distro_series", rules=_WITH_KEYS, doc="Its series, such as win2012r2."),
        Field("license_key", secret=True, clearable=rules.NEVER,
              rules=(_LICENSE_KEY,), doc="The key."),
    )  # fmt: skip
    example = {
        "osystem": "windows", "distro_series": "win2012r2",
        "license_key": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
    }  # fmt: skip

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why a key cannot be as desired, seen before anything is sent."""
        if record is None and snapshot.client is not None and "image" in snapshot.tables:
            system = desired.values["osystem"]
            if not any(name.startswith(f"{system}/") for name in image_names(snapshot)):
                return f"MAAS takes a key only once it has an image of {system}"
        return super().problem(snapshot, desired, record)


#: How the names of MAAS's own notifications begin, which come and go.
_OWN = (
    "commissioning_release_", "commissioning_series_", "controller_out_of_date_", "deprecation_",
    "dhcp_disabled_", "ip_exhaustion__subnet_", "kernel_crash_", "regiond-reverse-proxy-cert-",
    "release_notification", "upgrade_", "Image importer", "Image manifest fetcher (",
    "Image synchronization", "Sync selection ", "bootresources_export_from_db",
    "maas-import-pxe-files script",
)  # fmt: skip
#: Whole names of others.
_PARTS_OF_MAAS = ("clusters", "provisioning server")


def _unfilled(values):
    """Return why MAAS cannot fill the gaps of a message; None if it can."""
    try:
        Markup(values.get("message") or "").format(**(values.get("context") or {}))  # nosec B704 # not shown
    except Exception as error:  # whatever is wrong with a format, MAAS refuses it
        lacking = f"{error} is not in the context" if isinstance(error, KeyError) else error
        return (
            f"cannot be filled in: {lacking}; {{name}} stands for a value of the context, and "
            "{{ and }} for braces"
        )
    return None


_TRUE_OR_FALSE = replace(kinds.BOOLEAN, wire=lambda value: str(value).lower())
#: Among which ids a notification is looked for that MAAS does not list: how many, and how far
#: past the newest one that it lists.
_IDS_TRIED, _IDS_AHEAD = 60, 15


class Notification(Table):
    name = "notification"
    permission = "can_edit_notifications"
    since = "2.2"
    collection = "notifications/"
    identity = ("ident",)
    pillar = PillarLocation(
        "notifications", "Notifications in the web interface.", "ident",
        needed=("message",), name="IDENT",
    )  # fmt: skip
    fields = (
        Field("ident", rules=(rules.longest(40),),
              doc="A name of up to 40 letters, unique in the region."),
        Field("message", clearable=rules.NEVER,
              doc="Text; ``{name}`` stands for a value of the context."),
        Field("category", kinds.choice("error", "warning", "success", "info"),
              server_default="info", doc="How it is shown."),
        Field("users", kinds.BOOLEAN, server_default=False, doc="Whether users see it."),
        Field("admins", kinds.BOOLEAN, default=True,
              doc="Whether administrators see it; true for a new one."),
        Field("context", kinds.MAPPING, doc="Values for the message."),
        Field("dismissable", _TRUE_OR_FALSE, since="2.8", server_default=True,
              doc="Whether a user can dismiss it."),
    )  # fmt: skip
    example = {"ident": "window", "message": "hi {who}", "category": "warning", "users": True,
               "context": {"who": "all"}}  # fmt: skip

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        wrong = _unfilled(values) if {"message", "context"} <= values.keys() else None
        if wrong:
            yield "message", wrong
        if values.get("admins") is False and not values.get("users"):
            yield "users", "must be true where admins is false; no user would see it"

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why the message cannot be shown with the context, one of which the region has."""
        held = self.values(snapshot, record.raw) if record is not None else {}
        wrong = _unfilled({**held, **desired.values})
        return f"message: {wrong}" if wrong else super().problem(snapshot, desired, record)

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        listed = super().read(snapshot, partition)
        # Those without a name cannot be identified.
        found = [one for one in listed if one.get("ident", True)]
        missing = snapshot.claimed(self.name) - {one.get("ident") for one in found}
        return found + (self._unlisted(snapshot, listed, missing) if missing else [])

    def _unlisted(self, snapshot, listed, idents):
        """Return desired ones that MAAS does not list: dismissed, or not for the API's user.

        An administrator can read each of them by its id, so the newest ids are tried.
        """
        known = {one["id"] for one in listed}
        newest = max(known, default=0) + _IDS_AHEAD
        tried = [one for one in range(newest, 0, -1) if one not in known][:_IDS_TRIED]
        found = snapshot.client.each(lambda number: self._by_id(snapshot.client, number), tried)
        return [one for one in found if one is not None and one.get("ident") in idents]

    def _by_id(self, client, number):
        try:
            return client.get(f"{self.collection}{number}/", expect={"id": int})
        except (NotFound, Forbidden):
            return None

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        return not (record.key.startswith(_OWN) or record.key in _PARTS_OF_MAAS)

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        # MAAS takes no word on it for false.
        sent = {name: record.raw[name] for name in ("dismissable",) if name in record.raw}
        return {**sent, **changed}


class File(Table):
    """Files that MAAS keeps for the API's user."""

    name = "file"
    numbered = ""
    collection = "files/"
    item_path = "files/{filename}/"
    list_op = "list"
    create_op = "add"
    overwrites = True
    identity = ("filename",)
    personal = True
    pillar = PillarLocation("files", "Files that MAAS keeps for the API's user.", "filename",
                   needed=("content",), name="FILENAME")  # fmt: skip
    fields = (
        Field("filename", rules=(rules.longest(255),), doc="Name."),
        Field("content", kinds.CONTENT, api="file", as_file=True,
              read=lambda raw: _decoded(raw.get("content")),
              doc="The text in it; or, as ``!!binary``, data that is no text."),
    )  # fmt: skip
    example = {"filename": "motd.txt", "content": "hello\n"}

    def left_out(self, snapshot: Snapshot, record: Record) -> str:
        return "" if record.raw.get("content") else "it is empty"

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        names = [one["filename"] for one in super().read(snapshot, partition)]
        # The list says nothing of the content.
        return [self._whole(snapshot, name) for name in names]

    def _whole(self, snapshot, name):
        return snapshot.client.get(
            self.item(snapshot, {"filename": name}), expect={"filename": str}
        )

    def send_create(self, run: Run, values: dict) -> dict:
        super().send_create(run, {"content": None, **values})
        return self._whole(run.snapshot, values["filename"])  # the answer is empty

    def send_update(self, run: Run, record: Record, values: dict) -> Any:
        # A file of the same name takes the place of the one before.
        return self.send_create(run, {"filename": record.key, **values})


def _decoded(content):
    return None if content is None else base64.b64decode(content)
