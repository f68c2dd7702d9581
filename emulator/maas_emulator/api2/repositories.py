"""``package-repositories/``."""

from __future__ import annotations

import re

from maas_emulator import forms_2x
from maas_emulator.bodies import Form
from maas_emulator.crud import hide_newer, serve
from maas_emulator.forms import is_url
from maas_emulator.web import TEXT, Answer, Endpoint

repositories = Endpoint("package-repositories/", "PackageRepositoriesHandler", since="2.1")
repository = Endpoint("package-repositories/{id}/", "PackageRepositoryHandler", since="2.1")

LISTS = ("distributions", "disabled_pockets", "disabled_components", "components", "arches")
ARCHES = ("amd64", "arm64", "armhf", "i386", "ppc64el", "s390x")
MAIN = ["amd64", "i386"]
PORTS = ["armhf", "arm64", "ppc64el", "s390x"]
#: What a list may hold: pockets and components that can be left out of an Ubuntu archive.
CHOICES = {
    "disabled_pockets": ("pocket", ("updates", "security", "backports")),
    "disabled_components": ("component", ("restricted", "universe", "multiverse")),
}
_CUSTOM = "This is a custom repository. Please update 'components' instead."
_DEFAULT = "This is a default Ubuntu repository. Please update 'disabled_components' instead."
_NEWER = {"disabled_components": "2.2", "disable_sources": "2.5"}


def seed(region):
    """Make the two Ubuntu archives that cannot be deleted."""
    for name, url, arches in (
        ("main_archive", "http://archive.ubuntu.com/ubuntu", MAIN),
        ("ports_archive", "http://ports.ubuntu.com/ubuntu-ports", PORTS),
    ):
        row: dict = {item: [] for item in LISTS}
        row.update(name=name, url=url, arches=arches, key="", enabled=True, default=True)
        region.rows("package_repositories").add({**row, "disable_sources": True})


def _show(region, row):
    names = ("id", "name", "url", *LISTS, "disable_sources", "key", "enabled")
    shown = {name: row[name] for name in names}
    shown["resource_uri"] = f"/MAAS/api/2.0/package-repositories/{row['id']}/"
    return hide_newer(region.release, shown, _NEWER)


# -- the form ----------------------------------------------------------------------------------


def _url(value):
    """A URL, to which ``http://`` may be added, or the place of a PPA."""
    text = "" if value in forms_2x.EMPTY else str(value).strip()
    if not text or re.search(rf"ppa:{_LABEL}/{_LABEL}", text):
        return text
    if "://" not in text and ":" not in text.partition("/")[0]:
        text = f"http://{text}"
    if not is_url(text):
        raise forms_2x.Refused("Enter a valid repository URL or PPA location.")
    return text


_LABEL = r"[a-z\u00a1-\uffff0-9](?:[a-z\u00a1-\uffff0-9-]{0,61}[a-z\u00a1-\uffff0-9])?"


def _fields(region):
    fields = [
        forms_2x.text("name", required=True, model=(forms_2x.at_most(41),), default=""),
        forms_2x.Field("url", _url, required=True, model=(forms_2x.at_most(200),)),
        forms_2x.texts("distributions"),
        forms_2x.texts("disabled_pockets"),
        forms_2x.texts("disabled_components"),
        forms_2x.flag("disable_sources", True),
        forms_2x.texts("components"),
        forms_2x.texts("arches"),
        forms_2x.text("key", default=""),
        forms_2x.flag("enabled", True),
    ]
    return [field for field in fields if region.release >= _NEWER.get(field.name, "2.1")]


def _hooks(form, default):
    """What each list may hold, in the order in which the fields are read."""

    def arches(words):
        for word in words:
            if word not in ARCHES:
                listed = ", ".join(ARCHES)
                text = f"'{word}' is not a valid architecture. Known architectures: {listed}"
                raise forms_2x.Refused(text)
        return words or (PORTS if form.cleaned.get("name") == "ports_archive" else MAIN)

    def left_out(label, choices):
        def check(words):
            if words in ([""], ["None"], ["[]"]):
                return []
            if label == "component" and words and not default:
                raise forms_2x.Refused(_CUSTOM)
            for word in words:
                if word not in choices:
                    text = f"'{word}' is not a valid Ubuntu archive {label}. You can only disable"
                    raise forms_2x.Refused(f"{text} {list(choices)}.")
            return words

        return check

    def components(words):
        if default and words:
            raise forms_2x.Refused(_DEFAULT)
        return words

    hooks = {name: left_out(*choices) for name, choices in CHOICES.items()}
    return {**hooks, "arches": arches, "components": components}


def _read(request, stored):
    region = request.region
    default = bool(stored and stored["default"])
    sent = Form(request.form)
    if stored is None:
        sent.setdefault("enabled", [True])
    form = forms_2x.ModelForm(request, _fields(region), stored, sent)
    form.read(_hooks(form, default))
    if default and not form.cleaned.get("enabled"):
        form.error("__all__", "Default repositories may not be disabled.")
    form.apply()
    rows = region.rows("package_repositories").values()
    form.unique("Package repository", rows, "name")
    form.done()
    new = {"disabled_components": [], "disable_sources": False, "default": False}
    return {**new, **form.row}


def archive(region, arches):
    """The default repository for one of some architectures, or None."""
    for row in region.rows("package_repositories").values():
        if row["default"] and row["enabled"] and set(row["arches"]) & set(arches):
            return row
    return None


def _before_delete(request, row):
    if row in (archive(request.region, MAIN), archive(request.region, PORTS)):
        raise Answer(400, "Cannot delete default Ubuntu archives.", TEXT)


serve(repositories, repository, rows="package_repositories", model="PackageRepository",
      show=_show, read=_read, before_delete=_before_delete)  # fmt: skip
