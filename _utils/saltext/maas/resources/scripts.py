"""Commissioning, testing and release scripts."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from saltext.maas import parsing
from saltext.maas.errors import NotFound
from saltext.maas.release import Release
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, Run, Snapshot
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

_TEXT = kinds.matching(r"^#!", "a script that starts with #!", of=kinds.RAW)
_NAME = (
    rules.Rule("a name that is neither 'none' nor a number",
               lambda name: name.lower() != "none" and not name.isdigit()),
    rules.Rule("a name without blanks, quotes and other letters than ASCII's",
               lambda name: shlex.quote(name) == name, since="2.3"),
    rules.longest(255),
)  # fmt: skip
_NO_SLASH = rules.Rule("a name without a slash", lambda name: "/" not in name)
_STARTS = rules.Rule("a script that starts with #!/", lambda text: text.startswith("#!/"), "2.3")
_FOR_HARDWARE = rules.matches(
    r"modalias:.+|(pci|usb):[\da-f]{4}:[\da-f]{4}|"
    r"(system_(vendor|product|version)|mainboard_(vendor|product)):.*",
    "modalias:..., pci:VVVV:PPPP, usb:VVVV:PPPP, system_vendor:..., system_product:..., "
    "system_version:..., mainboard_vendor:... or mainboard_product:...",
    flags=re.I,
)
_AS_JSON = replace(kinds.NAMES, wire=lambda value: json.dumps(value or []))
_HEADER = re.compile(r"\s*#\s*-+\s*(Start|End) MAAS 1\.0 script metadata\s+-+", re.I)
_HARDWARE = {"node": 0, "cpu": 1, "memory": 2, "storage": 3, "network": 4, "gpu": 5}


def _content(raw):
    """The newest text of a script."""
    history = raw.get("history") or ()
    data = max(history, key=lambda one: one["id"])["data"] if history else None
    return base64.b64decode(data).decode("utf-8", "replace") if data else None


def _header(text):
    """What the YAML in a script's own comments says of it.

    Raises:
        ValueError: It cannot be read.
    """
    lines, inside = [], False
    for line in (text or "").splitlines()[1:]:
        if _HEADER.search(line):
            if inside:
                break
            inside = True
        elif inside and line.strip():
            if "#" not in line:
                raise ValueError("has a header with a line that does not begin with #")
            lines.append(line.partition("#")[2])
    try:
        found = parsing.of_yaml("\n".join(lines))
    except ValueError as error:
        raise ValueError(f"has a header that is {error}") from None
    return found if isinstance(found, dict) else {}


class Script(Table):
    """Commissioning, testing and release scripts."""

    name = "script"
    since = "2.2"
    collection = "scripts/"
    item_path = "scripts/{name}"
    required = ("script",)
    pillar = PillarLocation("scripts", "Scripts that run on machines.", "name")
    fields = (
        Field("name", rules=_NAME,
              doc="Name, unique in the region; a YAML header may name it too."),
        Field("script", _TEXT, read=_content, rules=(_STARTS,),
              doc="The text, from ``#!`` on; a YAML header may say what is not said here."),
        Field("type", kinds.numbered(commissioning=0, testing=2, release=3, deployment=4),
              rules=(
                  rules.one_of("commissioning", "testing", up_to="3.4"),
                  rules.one_of("commissioning", "testing", "release", up_to="3.7"),
              ),
              server_default="testing",
              doc="When it runs; ``release`` from 3.5 on, ``deployment`` from 3.8 on."),
        Field("title", rules=(rules.longest(255),), doc="What a person calls it."),
        Field("description", doc="Free text."),
        Field("tags", kinds.COMMA_NAMES, doc="Tags by which it is chosen."),
        Field("timeout", kinds.DURATION, server_default=0,
              doc="Time that it may take, in seconds or as ``H:MM:SS``; 0 for any."),
        Field("destructive", kinds.BOOLEAN, server_default=False,
              doc="Whether it destroys what the disks hold."),
        Field("hardware_type", kinds.numbered(**_HARDWARE), since="2.3", server_default="node",
              doc="What it looks at."),
        Field("parallel", kinds.numbered(disabled=0, instance=1, any=2), since="2.3",
              server_default="disabled", argument="script_parallel",
              doc="What it may run beside: nothing, itself on another disk or interface, or any."),
        Field("packages", kinds.MAPPING, since="2.3", up_to="3.4", doc="Packages that it needs, "
              "such as ``{apt: [ipmitool]}``; from 3.5 on the YAML header says so."),
        # Empty text leaves it alone, where an empty list in JSON clears it.
        Field("for_hardware", _AS_JSON, since="2.4", rules=(_FOR_HARDWARE,),
              doc="Hardware that it is for, such as pci:8086:1234."),
        Field("may_reboot", kinds.BOOLEAN, since="2.4", server_default=False,
              doc="Whether it may reboot the machine."),
        Field("recommission", kinds.BOOLEAN, since="2.4", server_default=False,
              doc="Whether MAAS's own commissioning scripts run once more after it."),
        Field("apply_configured_networking", kinds.BOOLEAN, since="2.7", server_default=False,
              doc="Whether the machine's own network is set up for it."),
        Field("comment", write_only=True, doc="Comment on this version of the text."),
    )  # fmt: skip
    example = {
        "name": "check-fans", "script": "#!/bin/sh\necho ok\n", "type": "testing", "timeout": 60,
        "tags": ["fans"], "description": "do they turn",
    }  # fmt: skip

    def validate(self, values: dict, release: Release | None) -> Iterator[tuple[str, str]]:
        yield from super().validate(values, release)
        if release is not None and release < "2.3":
            return
        try:
            header = _header(values.get("script"))
        except ValueError as error:
            yield "script", str(error)
            return
        for name, (word, said) in self._in_both(values, header).items():
            if said != values[name]:
                wrong = f"{values[name]!r} is not what the script's header says"
                yield name, f"{wrong}: {word}: {said!r}"

    def _in_both(self, values, header):
        """What a script's header says of the fields that are named too: ``{name: (word, value)}``.

        MAAS compares them to the letter, and refuses even what means the same.
        """
        found = {}
        for name in _SAID_ONCE & values.keys():
            word = "script_type" if name == "type" else name
            if header.get(word) is not None:
                try:
                    found[name] = (word, self.by_name[name].kind.clean(header[word]))
                except ValueError:
                    found[name] = (word, header[word])
        return found

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        data, files = super().form(snapshot, values)
        if values.get("script") and snapshot.release >= "2.3":
            for name in self._in_both(values, _header(values["script"])):
                if name not in ("name", "type"):
                    del data[name]
        return data, files

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        shape = [self.shape(snapshot.release)]
        return snapshot.client.get(self.collection, expect=shape, include_script="true")

    def protection(self, snapshot: Snapshot, record: Record) -> str | None:
        return "MAAS itself needs this script" if record.raw.get("default") else None

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        return not record.raw.get("default")

    def to_pillar(self, snapshot: Snapshot, values: dict) -> dict:
        tags = [tag for tag in values.get("tags") or () if tag not in ("node", "destructive")]
        return {**values, "tags": tags or None}

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        if "tags" in found:
            # MAAS itself adds and removes those of the hardware type and of destructive scripts.
            old, new = (set(part or ()) - {*_HARDWARE, "destructive"} for part in found["tags"])
            if old == new:
                del found["tags"]
        return found

    def complete_answer(self, raw: dict, values: dict, before: dict | None) -> dict:
        # Only the list shows the text.
        text = values.get("script") or (before and _content(before)) or ""
        data = base64.b64encode(text.encode()).decode()
        newest = max((one["id"] for one in raw.get("history") or ()), default=0)
        return {**raw, "history": [{"id": newest, "data": data}]}

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        # The comment is one on a version of the text.
        given = "script" in changed and "comment" in desired.values
        return {**changed, "comment": desired.values["comment"]} if given else changed


#: Fields that a script's header and a form may both say, though only the same.
_SAID_ONCE = {"name", "title", "description", "type", "hardware_type", "parallel", "destructive",
              "may_reboot", "recommission", "apply_configured_networking"}  # fmt: skip


class CommissioningScript(Table):
    """Commissioning scripts."""

    name = "commissioning_script"
    up_to = "2.1"
    collection = "commissioning-scripts/"
    item_path = "commissioning-scripts/{name}"
    pillar = PillarLocation(
        "commissioning_scripts", "Commissioning scripts; later releases have scripts.",
        "name", needed=("content",),
    )  # fmt: skip
    fields = (
        Field("name", rules=(_NO_SLASH, rules.longest(255)),
              doc="Name; they run in the order of their names."),
        Field("content", kinds.CONTENT, as_file=True,
              doc="The text; or, as ``!!binary``, what is no text."),
    )  # fmt: skip
    example = {"name": "50-fans", "content": "#!/bin/sh\necho ok\n"}

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        names = snapshot.client.get(self.collection, expect=[str])
        # The list holds names only.
        return [self._whole(snapshot, one) for one in names]

    def _whole(self, snapshot, name):
        content = None
        # MAAS takes a name with a slash, and never finds that again.
        with contextlib.suppress(NotFound):
            content = snapshot.client.get(self.item(snapshot, {"name": name}), expect=bytes)
        return {"name": name, "content": content}

    def exports(self, snapshot: Snapshot, record: Record) -> bool:
        return record.raw.get("content") is not None

    def left_out(self, snapshot: Snapshot, record: Record) -> str:
        content = record.raw.get("content")
        if content is None:
            return "MAAS does not find it by its name, and so nothing can change or remove it"
        return "" if content else "it is empty"

    def send_create(self, run: Run, values: dict) -> dict:
        return super().send_create(run, {"content": None, **values})

    def complete_answer(self, raw: dict, values: dict, before: dict | None) -> dict:
        return raw if before else {**raw, "content": base64.b64decode(raw["content"])}

    def send_update(self, run: Run, record: Record, values: dict) -> Any:
        super().send_update(run, record, values)
        return self._whole(run.snapshot, record.key)  # the answer says nothing of the text
