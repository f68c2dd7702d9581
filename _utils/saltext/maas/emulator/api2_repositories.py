"""``package-repositories/``."""

from __future__ import annotations

import re

from saltext.maas.emulator.crud import hide_newer, serve
from saltext.maas.emulator.forms import Check, is_url
from saltext.maas.emulator.web import TEXT, Answer, Endpoint

repositories = Endpoint("package-repositories/", "PackageRepositoriesHandler", since="2.1")
repository = Endpoint("package-repositories/{id}/", "PackageRepositoryHandler", since="2.1")

LISTS = ("distributions", "disabled_pockets", "disabled_components", "components", "arches")
ARCHES = ("amd64", "arm64", "armhf", "i386", "ppc64el", "s390x")
PORTS = ["armhf", "arm64", "ppc64el", "s390x"]
#: What a list may hold: pockets and components that can be left out of an Ubuntu archive.
CHOICES = {
    "disabled_pockets": ("pocket", ("updates", "security", "backports")),
    "disabled_components": ("component", ("restricted", "universe", "multiverse")),
}
_NEWER = {"disabled_components": "2.2", "disable_sources": "2.5"}


def seed(region):
    """Make the two Ubuntu archives that cannot be deleted."""
    for name, url, arches in (
        ("main_archive", "http://archive.ubuntu.com/ubuntu", ["amd64", "i386"]),
        ("ports_archive", "http://ports.ubuntu.com/ubuntu-ports", PORTS),
    ):
        row = {item: [] for item in LISTS}
        row.update(name=name, url=url, arches=arches, key="", enabled=True, default=True)
        region.rows("package_repositories").add({**row, "disable_sources": True})


def _show(region, row):
    names = ("id", "name", "url", *LISTS, "disable_sources", "key", "enabled")
    shown = {name: row[name] for name in names}
    shown["resource_uri"] = f"/MAAS/api/2.0/package-repositories/{row['id']}/"
    return hide_newer(region.release, shown, _NEWER)


def _words(check, name, stored):
    """A list: repeated, or separated by commas."""
    if not check.has(name):
        return stored[name] if stored else []
    given = ",".join(str(value) for value in check.form.getlist(name) if value is not None)
    return [word.strip() for word in given.split(",") if word.strip()]


def _read(request, stored):
    check = Check(request, stored)
    name = check.text("name", None, required=True, longest=41)
    rows = request.region.rows("package_repositories").values()
    if name and any(row["name"] == name and row is not stored for row in rows):
        check.error("name", "Package repository with this Name already exists.")
    url = check.text("url", None, required=True)
    if url and not is_url(url) and not re.fullmatch(r"ppa:[^/\s]+/[^/\s]+", url):
        check.error("url", "Enter a valid repository URL or PPA location.")
    fields = {item: _words(check, item, stored) for item in LISTS}
    if not fields["arches"]:
        fields["arches"] = ["amd64", "i386"]
    for arch in fields["arches"]:
        if arch not in ARCHES:
            listed = ", ".join(ARCHES)
            text = f"'{arch}' is not a valid architecture. Known architectures: {listed}"
            check.error("arches", text)
    for item, (label, choices) in CHOICES.items():
        for word in fields[item]:
            if word not in choices:
                text = f"'{word}' is not a valid Ubuntu archive {label}. "
                check.error(item, f"{text}You can only disable {', '.join(choices)}.")
    default = bool(stored and stored["default"])
    enabled = check.boolean("enabled", True)
    if default and not enabled:
        check.error("__all__", "Default repositories may not be disabled.")
    key = check.text("key")
    disable_sources = check.boolean("disable_sources", False)
    check.done()
    fields.update(name=name, url=url, key=key, enabled=enabled)
    return {**fields, "disable_sources": disable_sources, "default": default}


def _before_delete(request, row):
    if row["default"]:
        raise Answer(400, "Cannot delete default Ubuntu archives.", TEXT)


serve(repositories, repository, rows="package_repositories", model="PackageRepository",
      show=_show, read=_read, before_delete=_before_delete)  # fmt: skip
