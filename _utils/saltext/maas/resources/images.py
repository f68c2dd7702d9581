"""Boot sources and their selections."""

from __future__ import annotations

import itertools

from saltext.maas.errors import Invalid, MaasError, NotFound, Unexpected
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, Run, Snapshot
from saltext.maas.resources.table import Field, PillarLocation, Record, Table

KEYRING = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"
_IDS_TRIED = 30  # how far past the last known boot source one more is looked for

DEFAULT_SOURCE_1X = "http://maas.ubuntu.com/images/ephemeral-v2/releases/"


class KeyringTable(Table):
    """Boot sources: of the region, or in 1.6 of a cluster each."""

    permission = "can_edit_boot_entities"

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        # One of the two holds, and it is Ubuntu's own where none is given.
        values = dict(values)
        data = values.pop("keyring_data", None)
        if data:
            values.update(keyring_data=data, keyring_filename=None)
        elif "url" in values:
            values["keyring_filename"] = values.get("keyring_filename") or KEYRING
        return super().form(snapshot, values)


class BootSource(KeyringTable):
    name = "boot_source"
    since = "1.7"
    collection = "boot-sources/"
    identity = ("url",)
    pillar = PillarLocation(
        "boot_sources", "Boot sources, by URL; in 1.6 each cluster gets them.", "url",
        since="1.6", name="URL",
    )  # fmt: skip
    after = ("setting before import",)
    example = {"url": "http://images.example.com/ephemeral-v3/stable/"}
    fields = (
        Field("url", kinds.URL, rules=(rules.URL, rules.longest(200)),
              doc="URL of the simplestreams mirror."),
        Field("keyring_filename", server_default=KEYRING, clearable=rules.NEVER,
              doc="Keyring file on the region host; Ubuntu's own where no keyring is given."),
        Field("keyring_data", kinds.BLOB, as_file=True, doc="The keyring itself, in base64."),
    )  # fmt: skip

    def from_pillar(self, values: dict) -> dict:
        # An empty keyring is none: the other one is meant, or Ubuntu's own.
        return {name: value for name, value in values.items() if value != ""}

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        try:
            return super().read(snapshot, partition)
        except Unexpected:
            if snapshot.release >= "2.0":
                raise
            # 1.x cannot list a source with binary keyring data, though it can show one.
            return self._one_by_one(snapshot.client)

    def _one_by_one(self, client):
        found: list[dict] = []
        missed = 0
        for number in itertools.count(1):
            if missed == _IDS_TRIED:
                return found
            try:
                path = f"{self.collection}{number}/"
                found.append(client.get(path, expect=self.shape(client.release)))
                missed = 0
            except NotFound:
                missed += 1

    def pristine(self, snapshot: Snapshot, partition: str) -> list[dict]:
        if snapshot.release >= "2.0":
            return []
        return [{"id": 1, "url": DEFAULT_SOURCE_1X, "keyring_filename": KEYRING}]


class BootSelection(Table):
    """Selections of a boot source."""

    name = "boot_selection"
    noun = "boot source selection"
    permission = "can_edit_boot_entities"
    since = "1.7"
    identity = ("source", "os", "release")
    within, parent = ("source",), "boot_source"
    key_form = "{source} {os}/{release}"
    collection = "boot-sources/{id}/selections/"
    pillar = PillarLocation(
        "selections", "What to import from it.", under="boot_source", parent="source",
        needed=("os", "release"), since="1.6",
    )  # fmt: skip
    after = ("setting before import",)
    scope = "source"
    list_by = "source"
    name_form = "{os}/{release}"
    name_doc = "``OS/RELEASE``, such as ``ubuntu/jammy``."
    example = {
        "source": "http://images.example.com/ephemeral-v3/stable/", "os": "ubuntu",
        "release": "jammy", "arches": ["amd64"],
    }  # fmt: skip
    fields = (
        Field("source", ref="boot_source", doc="URL of its boot source."),
        Field("os", doc="Operating system, such as ubuntu."),
        Field("release", doc="Release, such as jammy."),
        Field("arches", kinds.NAMES, default=["*"], clearable=rules.NEVER,
              doc="Architectures; ``*`` for all, the default."),
        Field("subarches", kinds.NAMES, default=["*"], clearable=rules.NEVER,
              doc="Sub-architectures; ``*`` for all, the default."),
        Field("labels", kinds.NAMES, default=["*"], clearable=rules.NEVER,
              doc="Labels; ``*`` for all, the default."),
    )  # fmt: skip

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        name = "commissioning_distro_series"
        series = snapshot.records("setting", name)[name].raw["value"] or ""
        if record.raw["release"] == series.rpartition("/")[2]:
            return "machines are commissioned with it"
        return None

    def pristine(self, snapshot: Snapshot, partition: str) -> list[dict]:
        if snapshot.release >= "2.0" or partition != DEFAULT_SOURCE_1X:
            return []
        only = {"os": "ubuntu", "release": "trusty", "arches": ["amd64"]}
        return [{"id": 1, "source": partition, **only, "subarches": ["*"], "labels": ["release"]}]

    def create(self, run: Run, desired: Desired) -> None:
        self._once_catalogued(run, desired, lambda: super(BootSelection, self).create(run, desired))

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        self._once_catalogued(
            run, desired, lambda: super(BootSelection, self).update(run, desired, record)
        )

    def _once_catalogued(self, run, desired, write):
        """Write a selection as soon as the region has fetched its source's index.

        MAAS fetches that in the background after a source is saved and refuses
        selections until then.  From 2.0 on the very first source is not
        fetched before an import has run, so one is started.
        """
        source = desired.values["source"]
        # A region that has images of a source's selections knows what there is.
        selected = run.snapshot.records(self.name, source).values()
        if _has_any(run.snapshot, [record.raw for record in selected]):
            run.know(("catalogue", source))

        def tried():
            there = run.known(("catalogue", source))  # before asking: an answer may come late
            try:
                write()
            except Invalid as error:
                if error.lacking:
                    raise MaasError(_lacks(desired, error.lacking)) from None
                if not error.not_in_catalogue or there:
                    raise
                if run.snapshot.release >= "2.0":
                    run.once("import", lambda: run.client.post(
                        "boot-resources/", op="import", repeat=True
                    ))  # fmt: skip
                run.last_error = error
                return None
            run.know(("catalogue", source))
            return True

        run.wait_for(f"the catalogue of {source}", tried, run.limits.catalogue_seconds)


def _has_any(snapshot, selections):
    names = {f"{one.get('os') or 'ubuntu'}/{one['release']}" for one in selections}
    return bool(names) and any(raw["name"] in names for raw in snapshot.raw("image"))


def _lacks(desired, fields):
    """What to do where a source has a release, but not all that is selected of it."""
    values = desired.values
    what = " and ".join(f"{name} {', '.join(values.get(name) or ())}" for name in fields)
    return (
        f"{values['source']} has images of {values['os']}/{values['release']}, but not of all of "
        f"{what}: select only what it has, or * for all of that"
    )
