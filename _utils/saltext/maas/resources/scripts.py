"""Commissioning, testing and release scripts."""

from __future__ import annotations

import base64

from saltext.maas.client.session import segment
from saltext.maas.resources import kinds
from saltext.maas.resources.field import Field
from saltext.maas.resources.place import Place
from saltext.maas.resources.table import Table

_TEXT = kinds.matching(r"^#!", "a script that starts with #!", of=kinds.RAW)
_HARDWARE = {"node": 0, "cpu": 1, "memory": 2, "storage": 3, "network": 4, "gpu": 5}


def _content(raw):
    """The newest text of a script."""
    history = raw.get("history") or ()
    newest = max(history, key=lambda one: one["id"], default={})
    data = newest.get("data")
    return base64.b64decode(data).decode("utf-8", "replace") if data else None


class Script(Table):
    name = "script"
    noun = "script"
    since = "2.2"
    collection = "scripts/"
    identity = ("name",)
    pillar = Place("scripts", "Scripts that run on machines. From 2.2 on.", "name")
    fields = (
        Field("name", doc="Name, unique in the region; a YAML header may name it too."),
        Field("script", _TEXT, read=_content, doc="The text, from #! on; a YAML header may say "
              "what is not said here."),
        Field("type", kinds.numbered(commissioning=0, testing=2, release=3), usual="testing",
              doc="commissioning, testing, or release from 3.5 on."),
        Field("title", doc="What a person calls it."),
        Field("description", doc="Free text."),
        Field("tags", kinds.COMMA_NAMES, doc="Tags by which it is chosen."),
        Field("timeout", kinds.DURATION, usual=0,
              doc="Time that it may take, in seconds; 0 for any."),
        Field("destructive", kinds.BOOLEAN, usual=False,
              doc="Whether it destroys what the disks hold."),
        Field("hardware_type", kinds.numbered(**_HARDWARE), since="2.3", usual="node",
              doc="What it looks at: node, cpu, memory, storage, network or gpu."),
        Field("parallel", kinds.numbered(disabled=0, instance=1, any=2), since="2.3",
              usual="disabled",
              doc="What it may run beside: disabled, instance or any."),
        Field("packages", kinds.MAPPING, since="2.3", until="3.4",
              doc="Packages that it needs: {apt: [...]}; from 3.5 on in the YAML header."),
        Field("for_hardware", kinds.COMMA_NAMES, since="2.4", doc="Hardware that it is for."),
        Field("may_reboot", kinds.BOOLEAN, since="2.4", usual=False,
              doc="Whether it may reboot the machine."),
        Field("recommission", kinds.BOOLEAN, since="2.4", usual=False,
              doc="Whether MAAS's own commissioning scripts run once more after it."),
        Field("apply_configured_networking", kinds.BOOLEAN, since="2.7", usual=False,
              doc="Whether the machine's own network is set up for it."),
        Field("comment", readable=False, doc="Said of this version of the text; free text."),
    )  # fmt: skip
    example = {
        "name": "check-fans", "script": "#!/bin/sh\necho ok\n", "type": "testing", "timeout": 60,
        "tags": ["fans"], "description": "do they turn",
    }  # fmt: skip
    changed = {"script": "#!/bin/sh\necho fine\n", "description": "do they still turn"}

    def read(self, snapshot, partition):
        shape = [self.shape(snapshot.release)]
        return snapshot.client.get(self.collection, expect=shape, include_script="true")

    def item(self, snapshot, raw):
        return f"scripts/{segment(raw['name'])}"

    def kept(self, raw):
        return bool(raw.get("default"))

    def exports(self, snapshot, record):
        return not self.kept(record.raw)

    def to_pillar(self, snapshot, values):
        tags = [tag for tag in values.get("tags") or () if tag not in _HARDWARE]
        return {**values, "tags": tags or None}

    def problem(self, snapshot, wanted, record):
        """Why a wish cannot come true, seen before anything is sent."""
        if record is None and not wanted.values.get("script"):
            return "script is missing"
        return super().problem(snapshot, wanted, record)

    def differences(self, snapshot, wanted, record):
        found = super().differences(snapshot, wanted, record)
        if "tags" in found:
            # MAAS adds the hardware that a script looks at.
            old, new = (set(part or ()) - _HARDWARE.keys() for part in found["tags"])
            if old == new:
                del found["tags"]
        return found

    def completed(self, raw, values, before):
        text = values.get("script") or (before and _content(before))
        return _with_text(raw, text)

    def update(self, run, wanted, record):
        changed = self.differences(run.snapshot, wanted, record)
        if not changed:
            return
        values = {name: new for name, (_, new) in changed.items()}
        if "script" in values and "comment" in wanted.values:
            values["comment"] = wanted.values["comment"]
        data, _ = self.form(run.snapshot, values)
        raw = run.client.put(self.item(run.snapshot, record.raw), data=data)
        self.keep(run, wanted, raw, replaces=record.raw)


def _with_text(raw, text):
    """An answer with the script's text, which only the list shows."""
    data = base64.b64encode((text or "").encode()).decode()
    newest = max((one["id"] for one in raw.get("history") or ()), default=0)
    return {**raw, "history": [{"id": newest, "data": data}]}


class CommissioningScript(Table):
    """A commissioning script of the releases before 2.2."""

    name = "commissioning_script"
    noun = "commissioning script"
    until = "2.1"
    collection = "commissioning-scripts/"
    identity = ("name",)
    pillar = Place(
        "commissioning_scripts", "Commissioning scripts. Up to 2.1; later there are scripts.",
        "name", needed=("content",),
    )  # fmt: skip
    fields = (
        Field("name", doc="Name; they run in the order of their names."),
        Field("content", kinds.RAW, doc="The text."),
    )
    example = {"name": "50-fans", "content": "#!/bin/sh\necho ok\n"}
    changed = {"content": "#!/bin/sh\necho fine\n"}

    def read(self, snapshot, partition):
        names = snapshot.client.get(self.collection, expect=[str])
        # The list holds names only.
        return [{"name": one, "content": self._content(snapshot, one)} for one in names]

    def _content(self, snapshot, name):
        return snapshot.client.get(self.item(snapshot, {"name": name}), expect=str)

    def item(self, snapshot, raw):
        return f"{self.collection}{segment(raw['name'])}"

    def form(self, snapshot, values):
        data = {"name": values["name"]} if "name" in values else {}
        return data, {"content": (values.get("content") or "").encode()}

    def completed(self, raw, values, before):
        text = base64.b64decode(raw["content"]).decode("utf-8", "replace")
        return {"name": raw["name"], "content": text}

    def update(self, run, wanted, record):
        if self.differences(run.snapshot, wanted, record):
            _, files = self.form(run.snapshot, {"content": wanted.values["content"]})
            run.client.put(self.item(run.snapshot, record.raw), files=files)
            # The answer says nothing of the text.
            raw = {"name": wanted.key, "content": self._content(run.snapshot, wanted.key)}
            self.keep(run, wanted, raw, replaces=record.raw)
