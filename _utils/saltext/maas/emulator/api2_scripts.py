"""``scripts/``."""

from __future__ import annotations

import re

from saltext.maas.emulator import script_files as files
from saltext.maas.emulator import texts
from saltext.maas.emulator.crud import by_name, hide_newer, serve
from saltext.maas.emulator.forms import Check
from saltext.maas.emulator.web import TEXT, Answer, Endpoint, Response

scripts = Endpoint("scripts/", "NodeScriptsHandler", since="2.2")
script = Endpoint("scripts/{name}", "NodeScriptHandler", since="2.2")

_script = by_name("scripts", "Script")
_FLAGS = ("destructive", "may_reboot", "recommission", "apply_configured_networking")
_NEWER = {"apply_configured_networking": "2.7"}
_KINDS = {
    "type": ("script_type", files.TYPE_WORDS, "script type",
             "Script type must be testing or commissioning", 2),
    "hardware_type": ("hardware_type", files.words_of(files.HARDWARE), "hardware type",
                      "Hardware type must be node, cpu, memory, storage, or gpu", 0),
    "parallel": ("parallel", files.words_of(files.PARALLEL), "script parallel",
                 "Script parallel must be disabled, instance, or any.", 0),
}  # fmt: skip


def seed(region):
    """Make the scripts that MAAS brings."""
    for name, kind, hardware, parallel, timeout, tags in files.BUILT_IN:
        if region.release < files.BUILT_IN_SINCE.get(name, "2.0"):
            continue
        text = texts.add(region, "#!/bin/sh\n", f"Created by maas-{region.release}")
        row = dict.fromkeys(_FLAGS, False)
        row.update(
            name=name, title=name, description="", type=kind, hardware_type=hardware,
            parallel=parallel, timeout=files.seconds(timeout), results={}, parameters={},
            packages={}, for_hardware=[], default=True, revisions=[text],
        )  # fmt: skip
        row["tags"] = _tags(files.listed(tags), hardware)
        region.rows("scripts").add(row)


def _tags(tags, hardware):
    """Tags of a script, the kind of its hardware among them."""
    own = files.HARDWARE[hardware][0].lower()
    return [*tags, own] if own not in tags else tags


def _show(region, row, data=False):
    copied = ("id", "name", "title", "description", "tags", "type", "hardware_type", "parallel",
              "results", "parameters", "packages", "for_hardware", "default", *_FLAGS)  # fmt: skip
    shown = {name: row[name] for name in copied}
    shown.update(
        type_name=files.TYPE_NAMES[row["type"]],
        hardware_type_name=files.HARDWARE[row["hardware_type"]][0],
        parallel_name=files.PARALLEL[row["parallel"]][0],
        timeout=files.duration(row["timeout"]),
        history=texts.history(row, "comment", data=data),
        resource_uri=f"/MAAS/api/2.0/scripts/{row['name']}",
    )
    return hide_newer(region.release, shown, _NEWER)


def _content(request):
    """The script's text: a field, or a file of whatever name."""
    sent = request.form.get("script")
    if sent is None and request.files:
        sent = next(iter(request.files.values())).decode("utf-8", "replace")
    return sent if sent is None else str(sent)


def _name(check, rows, stored):
    name = check.text("name", None, required=True, longest=255)
    if name and any(row["name"] == name and row is not stored for row in rows):
        check.error("name", "Script with this Name already exists.")
    elif name and not re.fullmatch(r"[\w.+-]+", name):
        check.error("name", "Name contains disallowed characters, e.g. space or quotes.")
    elif name in ("none", "all"):
        check.error("name", f'"{name}" is a reserved name.')
    return name


def _meta(check, text, stored):
    """What the script says of itself; form fields may not say otherwise."""
    if text is None:
        if stored is None:
            check.error("script", "Must be given a value")
        return {}
    if not text.startswith("#!/"):
        check.error("script", "Must start with shebang.")
    try:
        found = files.metadata(text)
    except ValueError as error:
        check.error("script", str(error))
        return {}
    if stored:  # kept as its users set them when a script is replaced
        found.pop("tags", None)
        found.pop("timeout", None)
    return found


def _chosen(check, field, meta, stored):
    """Type, hardware or parallelism: from the form or the script itself."""
    own, words, label, wrong, default = _KINDS[field]
    given = check.form.get(field, check.form.get(own))
    said = meta.get(own)
    value = given if given not in (None, "") else said
    if value in (None, ""):
        return stored[field] if stored else default
    try:
        found = files.number(value, words, label, wrong)
        if said is not None and files.number(said, words, label, wrong) != found:
            check.error(own, "May not override values defined in embedded YAML.")
        return found
    except ValueError as error:
        check.error(own, str(error))
        return default


def read_form(request, stored, kind=None):
    """The fields of a script, from a form and its text."""
    check = Check(request, stored)
    text = _content(request)
    meta = _meta(check, text, stored)
    for name in ("name", "title", "description"):
        if meta.get(name) is not None and not check.has(name):
            check.form[name] = [str(meta[name])]
        elif check.has(name) and name in meta and check.form.get(name) != meta[name]:
            check.error(name, "May not override values defined in embedded YAML.")
    if kind is not None:
        check.form["type"] = [kind]
    fields = {
        "name": _name(check, request.region.rows("scripts").values(), stored),
        "title": check.text("title"),
        "description": check.text("description"),
    }
    fields.update((name, _chosen(check, name, meta, stored)) for name in _KINDS)
    for name in _FLAGS:
        fields[name] = check.boolean(name, bool(meta.get(name, False)))
    before = stored or {}
    readers = {"timeout": files.seconds, "tags": files.listed, "packages": files.mapping,
               "for_hardware": files.listed}  # fmt: skip
    empty = {"timeout": 0, "tags": [], "packages": {}, "for_hardware": []}
    for name, reader in readers.items():
        given = check.form.get(name, meta.get(name))
        try:
            fields[name] = before.get(name, empty[name]) if given is None else reader(given)
        except ValueError:
            wrong = "Enter a valid duration." if name == "timeout" else "Must be valid JSON."
            check.error(name, wrong)
    if "tags" in fields:
        fields["tags"] = _tags(fields["tags"], fields["hardware_type"])
    check.done()
    fields["results"] = meta.get("results", before.get("results", {}))
    fields["parameters"] = meta.get("parameters", before.get("parameters", {}))
    revisions = list(before.get("revisions", []))
    if text is not None and (not revisions or revisions[-1]["value"] != text):
        comment = request.form.get("comment") or None
        revisions.append(texts.add(request.region, text, comment))
    return {**fields, "revisions": revisions, "default": before.get("default", False)}


def _wanted(request, rows):
    """Filters of the list: type, hardware, and names or tags."""
    for field in ("type", "hardware_type"):
        given = request.query.get(field)
        if given:
            _, words, label, wrong, _ = _KINDS[field]
            try:
                asked = files.number(given, words, label, wrong)
            except ValueError as error:
                raise Answer(400, str(error), TEXT) from None
            rows = [row for row in rows if row[field] == asked]
    asked = files.listed(request.query.get("filters"))
    if asked:
        rows = [row for row in rows if row["name"] in asked or set(asked) & set(row["tags"])]
    return rows


def refuse_default(request, row):
    if row["default"]:
        raise Answer(400, "Unable to delete default script", TEXT)


def _whole(request, row):
    data = str(request.query.get("include_script", "")).lower() in ("true", "1", "yes", "on")
    return _show(request.region, row, data)


serve(scripts, script, rows="scripts", model="Script", show=_show, read=read_form, find=_script,
      before_delete=refuse_default)  # fmt: skip


@scripts("GET")
def list_scripts(request):
    """List scripts."""
    rows = list(request.region.rows("scripts").values())
    return [_whole(request, row) for row in _wanted(request, rows)]


@script("GET")
def read_script(request):
    """Read a script, on request with its text in base64."""
    return _whole(request, _script(request))


@script("GET", "download")
def download_script(request):
    """The text of a script, of one revision on request."""
    row = _script(request)
    asked = request.query.get("revision", request.query.get("rev"))
    for text in row["revisions"]:
        if asked is not None and str(text["id"]) == asked:
            return Response(200, text["value"], "application/binary")
    if asked is not None:
        raise Answer(404, f"{asked} not found in history", TEXT)
    return Response(200, texts.latest(row), "application/binary")


@script("POST", "revert", admin=True)
def revert_script(request):
    """Go back to an earlier revision."""
    row = _script(request)
    texts.revert(request, row)
    return _show(request.region, row)


@script("POST", "add_tag", admin=True)
def add_tag(request):
    """Add a tag."""
    row, name = _script(request), str(request.needed("tag"))
    if "," in name:
        raise Answer(400, 'Tag may not contain a ",".', TEXT)
    row["tags"] = [*(tag for tag in row["tags"] if tag != name), name]
    return _show(request.region, row)


@script("POST", "remove_tag", admin=True)
def remove_tag(request):
    """Remove a tag."""
    row, name = _script(request), request.needed("tag")
    row["tags"] = [tag for tag in row["tags"] if tag != name]
    return _show(request.region, row)
