"""``scripts/``."""

from __future__ import annotations

import json
import shlex

from maas_emulator import forms_2x, texts
from maas_emulator import script_files as files
from maas_emulator.bodies import Form
from maas_emulator.crud import hide_newer, serve
from maas_emulator.web import TEXT, Answer, Endpoint, Missing, Response

scripts = Endpoint("scripts/", "NodeScriptsHandler", since="2.2")
script = Endpoint("scripts/{name}", "NodeScriptHandler", since="2.2")

_FLAGS = ("destructive", "may_reboot", "recommission", "apply_configured_networking")
_NEWER = {"apply_configured_networking": "2.7"}
_KINDS = ("script_type", "hardware_type", "parallel")
_KEYS = {"script_type": "type"}
#: What may be changed of the scripts that MAAS brings.
_FREE = ("tags", "timeout")
_NOT_DEFAULT = "Not allowed to change on default scripts."
_OVERRIDES = "May not override values defined in embedded YAML."
_ODD_NAME = "Name '{}' contains disallowed characters, e.g. space or quotes."
_LONE_COMMENT = '"comment" may only be used when specifying a "script" as well.'
_NO_HARDWARE = (
    "Hardware identifier '{}' must be a modalias, PCI ID, USB ID, system vendor, system product,"
    " system version, mainboard vendor, or mainboard product."
)


def _script(request):
    """The script that a path means by its name, or its number."""
    wanted = request.ids["name"]
    for row in request.region.rows("scripts").values():
        if wanted == (str(row["id"]) if wanted.isdigit() else row["name"]):
            return row
    raise Missing("Script", request)


def seed(region):
    """Make the scripts that MAAS brings."""
    for name, kind, hardware, parallel, timeout, tags in files.BUILT_IN:
        if region.release < files.BUILT_IN_SINCE.get(name, "2.0"):
            continue
        text = texts.add(region, "#!/bin/sh\n", f"Created by maas-{region.release}")
        row: dict = dict.fromkeys(_FLAGS, False)
        row.update(
            name=name, title=name, description="", type=kind, hardware_type=hardware,
            parallel=parallel, timeout=files.seconds(timeout), results={},
            parameters=files.BUILT_IN_PARAMETERS.get(name, {}), packages={}, for_hardware=[],
            default=True, revisions=[text], destructive="destructive" in tags,
            apply_configured_networking="network-validation" in tags,
        )  # fmt: skip
        row["tags"] = _tags(files.listed(tags), hardware, row["destructive"])
        region.rows("scripts").add(row)


def _tags(tags, hardware, destructive=False):
    """Tags of a script: those that say what MAAS knows of it come and go by themselves."""
    own = {name.lower(): ident == hardware for ident, (name, _) in files.HARDWARE.items()}
    tags = list(tags)
    for name, wanted in {"destructive": destructive, **own}.items():
        if wanted and name not in tags:
            tags.append(name)
        elif not wanted and name in tags:
            tags.remove(name)
    return tags


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
        **({} if "/" in row["name"] else {"resource_uri": f"/MAAS/api/2.0/scripts/{row['name']}"}),
    )
    return hide_newer(region.release, shown, _NEWER)


def _content(request):
    """The script's text: a field, or a file of whatever name."""
    sent = request.form.get("script")
    if sent is None and request.files:
        sent = next(iter(request.files.values())).decode("utf-8", "replace")
    return sent if sent is None else str(sent)


# -- the form ----------------------------------------------------------------------------------


def _fields(region, stored, draft):
    """All fields are read as they were sent; what was not sent stays as it is stored."""
    new = stored is None
    long = {"longest": 255}
    fields = [
        forms_2x.text("name", required=new, blank=False, **long),
        forms_2x.text("title", **long),
        forms_2x.text("description"),
        forms_2x.words("tags", model=(), python=_tag_list),
        *(
            forms_2x.text(name, default=files.DEFAULTS[name], key=_KEYS.get(name))
            for name in _KINDS
        ),
        forms_2x.text("packages", default={}),
        forms_2x.Field("timeout", _seconds, default=0),
        forms_2x.Field("script", lambda value: _text(value, new, draft), model=None),
        forms_2x.text("for_hardware", default=[]),
        *(forms_2x.flag(name) for name in _FLAGS),
    ]
    hidden = [name for name, since in _NEWER.items() if region.release < since]
    return [field for field in fields if field.name not in hidden]


def _tag_list(value):
    found = [item.strip() for item in str(value).split(",")] if value not in forms_2x.EMPTY else []
    missing = [number for number, item in enumerate(found, 1) if not item]
    if missing:
        text = "Item {} in the array did not validate: This field is required."
        raise forms_2x.Refused(*(text.format(number) for number in missing))
    return found


def _seconds(value):
    try:
        return 0 if value in forms_2x.EMPTY else files.seconds(value)
    except ValueError:
        raise forms_2x.Refused("Enter a valid duration.") from None


def _text(value, new, draft):
    if value is None:
        if new:
            raise forms_2x.Refused("Must be given a value")
        return None
    draft.add(*value)
    return value


def _packages(text, before):
    """JSON; what is none is an error of the server."""
    if text == "":
        return before
    try:
        return files.mapping(text)
    except ValueError as error:
        raise Answer(500, str(error)) from None


class _Form(forms_2x.ModelForm):
    """A script's form: a first error found in its text has it read as it is by then."""

    def __init__(self, request, stored, draft, sent):
        self.region, self.draft = request.region, draft
        self.read_already = False
        fields = _fields(request.region, stored, draft)
        super().__init__(request, fields, stored, sent, merge=False)
        self.results = dict((stored or {}).get("results", {}))
        self.parameters = dict((stored or {}).get("parameters", {}))

    def note(self, name, *messages):
        self.full_clean()
        super().note(name, *messages)

    def full_clean(self):
        """Read the fields and look at them together, once."""
        if self.read_already:
            return
        self.read_already = True
        before = self.row
        hooks = {
            "packages": lambda text: _packages(text, before["packages"]),
            "for_hardware": lambda text: self._hardware(text, before["for_hardware"]),
        }
        self.read(hooks)
        if self.stored:
            for field in self.fields:
                if field.name not in self.data and field.model is not None:
                    self.cleaned[field.name] = self.stored[field.key]
        for name in _KINDS:
            self._kind(name, before[_KEYS.get(name, name)])
        self.apply()
        self.unique("Script", self.region.rows("scripts").values(), "name")

    def _kind(self, name, before):
        value = self.cleaned[name]
        if value == "":
            self.cleaned[name] = before
            return
        try:
            self.cleaned[name] = files.number(name, value, self.region.release)
        except ValueError as error:
            self.cleaned[name] = before
            self.note(name, str(error))

    def _hardware(self, text, before):
        if text == "":
            return before
        try:
            found = json.loads(text)
        except ValueError:
            found = text
        found = found.split(",") if isinstance(found, str) else found
        if not isinstance(found, list):
            self.note("for_hardware", "Must be a list or string")
            return before
        for item in found:
            if not files.is_hardware(item):
                self.note("for_hardware", _NO_HARDWARE.format(item))
        return found

    def take_metadata(self, text):
        """What the script says of itself, which the form may not say otherwise."""
        if text and not text.splitlines()[0].startswith("#!/"):
            self.note("script", "Must start with shebang.")
        try:
            found = files.metadata(text)
        except ValueError as error:
            self.note("script", str(error))
            return
        self.results = found.pop("results", {})
        self.parameters = found.pop("parameters", {})
        for name in _FREE:  # kept as its users set them when a script is replaced
            value = found.pop(name, None)
            if value is not None and self.stored is None and name not in self.data:
                self.data[name] = [",".join(value) if isinstance(value, list) else str(value)]
        for name in ("packages", "for_hardware"):
            value = found.pop(name, None)
            if value is not None and name not in self.data:
                self.data[name] = [json.dumps(value)]
        known = {field.name for field in self.fields}
        for name, value in found.items():
            if name not in known:
                continue
            if name not in self.data:
                self.data[name] = [value]
            elif not self._same(name, value, self.data.get(name)):
                self.note(name, _OVERRIDES)

    def _same(self, name, said, sent):
        if name != "script_type":
            return said == sent
        try:
            numbers = [files.number(name, value, self.region.release) for value in (said, sent)]
        except ValueError:
            return False
        return numbers[0] == numbers[1]

    def check_rest(self):
        """What is only looked at when all else is known to be right or wrong."""
        if not self.errors and self.stored and self.stored["default"]:
            for field in self.fields:
                if field.name in self.data and field.name not in _FREE:
                    self.note(field.name, _NOT_DEFAULT)
        name = self.data.get("name")
        if name is not None:
            name = str(name)
            if name.lower() == "none":
                self.note("name", '"none" is a reserved name.')
            if name.isdigit():
                self.note("name", "Cannot be a number.")
            if shlex.quote(name) != name and self.region.release >= "3.6":
                self.note("name", _ODD_NAME.format(name))
        if "comment" in self.data:
            self.note("comment", _LONE_COMMENT)


def read_form(request, stored, kind=None):
    """The fields of a script, from a form and its text."""
    sent, text = Form(request.form), _content(request)
    draft = texts.Draft(request.region, stored["revisions"] if stored else ())
    if text is not None:
        comment = sent.pop("comment", [None])[-1]
        sent["script"] = [(text, comment)]
    if kind is not None:
        sent["script_type"] = [kind]
    elif "type" in sent and "script_type" not in sent:
        sent["script_type"] = sent.pop("type")
    form = _Form(request, stored, draft, sent)
    try:
        if text is not None:
            form.take_metadata(text)
        form.full_clean()
        form.check_rest()
        form.done()
    except Answer:
        draft.drop()
        raise
    row = form.row
    row["tags"] = _tags(row["tags"], row["hardware_type"], row["destructive"])
    row.update(results=form.results, parameters=form.parameters, revisions=draft.revisions)
    return {**dict.fromkeys(_FLAGS, False), "default": False, **row}


# -- operations --------------------------------------------------------------------------------


def _wanted(request, rows):
    """Filters of the list: type, hardware, and names or tags."""
    for field, name in (("type", "script_type"), ("hardware_type", "hardware_type")):
        given = request.query.get(field)
        if given is not None:
            try:
                asked = files.number(name, given, request.region.release)
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
        raise Answer(400, f"{asked} not found in history", TEXT)
    return Response(200, texts.latest(row), "application/binary")


@script("POST", "revert", admin=True)
def revert_script(request):
    """Go back to an earlier revision."""
    wanted = request.needed("to")
    try:
        number = int(wanted)
    except (TypeError, ValueError):
        text = "Invalid to: Please enter an integer value"
        raise Answer(400, text, TEXT) from None
    row = _script(request)
    if row["default"]:
        raise Answer(400, "Unable to revert default script", TEXT)
    texts.revert(row, number)
    return _show(request.region, row)


@script("POST", "add_tag", admin=True)
def add_tag(request):
    """Add a tag."""
    row, name = _script(request), str(request.needed("tag"))
    if "," in name:
        raise Answer(400, 'Tag may not contain a ",".', TEXT)
    tags = row["tags"] if name in row["tags"] else [*row["tags"], name]
    row["tags"] = _tags(tags, row["hardware_type"], row["destructive"])
    return _show(request.region, row)


@script("POST", "remove_tag", admin=True)
def remove_tag(request):
    """Remove a tag."""
    row, name = _script(request), request.needed("tag")
    tags = [tag for tag in row["tags"] if tag != name]
    row["tags"] = _tags(tags, row["hardware_type"], row["destructive"])
    return _show(request.region, row)
