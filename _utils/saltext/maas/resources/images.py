"""Boot sources and their selections."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from saltext.maas import site_manager
from saltext.maas.errors import Invalid, MaasError, NotFound, Unexpected
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import (
    Change,
    Changes,
    Desired,
    DesiredObjects,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.field import PredictedObject
from saltext.maas.resources.table import UNKNOWN, Field, PillarLocation, Record, Table

KEYRING = "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg"
_IDS_TRIED = 30  # how far past the last known boot source one more is looked for

DEFAULT_SOURCE_1X = "http://maas.ubuntu.com/images/ephemeral-v2/releases"
DEFAULT_SOURCE = "http://images.maas.io/ephemeral-v3/stable"

_KEYRING = {"keyring_filename", "keyring_data"}
_UNIQUE = {"name", "priority"}  # unique among all sources
_DISABLED = (
    "MAAS does not fetch the index of a disabled boot source, so nothing can be selected of it; "
    "enable it until it has its selections, or leave them out"
)


def same_url(url: str) -> str:
    """Return the form in which URLs of boot sources are compared.

    MAAS strips trailing slashes from 3.8 on, also of what it has stored; older releases keep them.
    """
    try:
        return urlunsplit(urlsplit(url)).rstrip("/")
    except ValueError:  # of an IPv6 address, which the check of the value refuses
        return url


#: The URL of a boot source where it only says which source is meant.
SOURCE = replace(kinds.URL, normal=lambda value: same_url(kinds.URL.normal(value) or ""))


def _default_name(values):
    return same_url(values.get("url") or "")


def _skips_verification(values):
    """MAAS's default of ``skip_keyring_verification`` for a new source."""
    return _default_name(values).endswith(".json")


def _default_keyring(values):
    own = values.get("skip_keyring_verification") or values.get("keyring_data")
    return None if own else KEYRING


class KeyringTable(Table):
    """Boot sources: of the region, or in 1.6 of a cluster each."""

    permission = "can_edit_boot_entities"

    def key(self, values: dict) -> str:
        return super().key({**values, "url": same_url(values["url"])})

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        found.pop("url", None)  # the key is the same, so that they differ in slashes at most
        return found

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        # MAAS fails (500) at an update of a source with a keyring of its own that lacks it.
        own = self.by_name["keyring_data"].value(record.raw)
        return {"keyring_data": own, **changed} if own and _KEYRING.isdisjoint(changed) else changed

    def form(self, snapshot: Snapshot, values: dict) -> tuple[dict, dict]:
        # One of the two holds, and it is Ubuntu's own where none is given.
        values = self._with_keyring(snapshot, values)
        if values.get("keyring_data"):
            values["keyring_filename"] = None
        else:
            values.pop("keyring_data", None)
        return super().form(snapshot, values)

    def predict_creation(self, snapshot: Snapshot, values: dict) -> PredictedObject:
        return super().predict_creation(snapshot, self._with_keyring(snapshot, values))

    @staticmethod
    def _with_keyring(snapshot, values):
        """The values of a new source, with the default keyring if it names none."""
        values = dict(values)
        if "url" in values and not (values.get("keyring_data") or values.get("keyring_filename")):
            if snapshot.release >= "3.8":
                values.setdefault("skip_keyring_verification", _skips_verification(values))
            values["keyring_filename"] = _default_keyring(values)
        return values


class BootSource(KeyringTable):
    """Boot sources.

    From 3.8 on MAAS imports an image that several sources have from the one with the highest
    ``priority``, and nothing from sources that are not ``enabled``. A slash at the end of the URL
    makes no difference.
    """

    name = "boot_source"
    since = "1.7"
    collection = "boot-sources/"
    identity = ("url",)
    pillar = PillarLocation(
        "boot_sources", "Boot sources, by URL; in 1.6 each cluster gets them.", "url",
        since="1.6", name="URL",
    )  # fmt: skip
    after = ("setting before import",)
    example = {"url": "http://images.example.com/ephemeral-v3/stable"}
    fields = (
        Field("url", kinds.URL, rules=(rules.URL, rules.longest(200)),
              doc="URL of the simplestreams mirror; a slash at the end makes no difference."),
        Field("keyring_filename", server_default=_default_keyring, clearable=rules.NEVER,
              doc="Keyring file on the region host; Ubuntu's own where no keyring is given."),
        Field("keyring_data", kinds.BLOB, as_file=True, doc="The keyring itself, in base64."),
        Field("name", argument="source_name", since="3.8", rules=(rules.longest(255),),
              clearable=rules.NEVER, server_default=_default_name,
              doc="Name, unique in the region; the URL by default."),
        Field("priority", kinds.bounded(0, 2**31 - 1), since="3.8", server_default=UNKNOWN,
              doc="Priority, unique in the region: an image that several sources have is taken "
              "from the one with the highest. A new source gets the highest by default."),
        Field("enabled", kinds.BOOLEAN, since="3.8", server_default=True,
              doc="Whether images are imported from it."),
        Field("skip_keyring_verification", kinds.BOOLEAN, since="3.8",
              server_default=_skips_verification,
              doc="Whether its signatures are not verified, so that it needs no keyring; by "
              "default for a new source whose URL ends with ``.json``."),
    )  # fmt: skip

    def from_pillar(self, values: dict) -> dict:
        # An empty keyring is none: the other one is meant, or Ubuntu's own.
        return {
            name: value for name, value in values.items() if value != "" or name not in _KEYRING
        }

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        return site_manager.OWNED if site_manager.is_own(record.raw["url"]) else None

    # Names and priorities, which are unique

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why the keyring cannot be what is described."""
        stored = record and self.by_name["keyring_data"].value(record.raw)
        if stored and desired.values.get("keyring_filename"):
            # MAAS fails (500) without a file of keyring_data, and refuses both (400).
            return (
                "keyring_filename: MAAS cannot put a keyring file in place of keyring_data; "
                "delete the boot source; the next run creates it with the file"
            )
        raw = {**(record.raw if record else {"keyring_filename": KEYRING}), **desired.values}
        if raw.get("skip_keyring_verification") is False and not any(map(raw.get, _KEYRING)):
            return "keyring_filename or keyring_data is missing: verification needs a keyring"
        return super().problem(snapshot, desired, record)

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return which other source has the name or the priority."""
        for name in _UNIQUE if change.action != "delete" else ():
            value = change.desired.values.get(name)
            others = predicted.by(self.name, name).get(value, {}) if value is not None else {}
            for key in others.keys() - {change.desired.key}:
                return f"{name}: boot source {key} has {value!r}, too; describe another one for it"
        return None

    def after_objects(self, desired: Desired, everything: DesiredObjects) -> set:
        # MAAS gives new sources the next priority: keep the pillar's order, and leave described
        # priorities free.
        if _UNIQUE & desired.values.keys():
            return set()
        mine = everything.of(self.name)
        before = itertools.takewhile(lambda one: one is not desired, mine)
        return {(one.type, one.key) for one in mine if "priority" in one.values or one in before}

    def requires_changes(
        self, snapshot: Snapshot, change: Change, others: Changes
    ) -> Iterable[Change]:
        yield from super().requires_changes(snapshot, change, others)
        mine = [one for one in others.of(self.name)
                if one.action != "delete" and _UNIQUE & one.desired.values.keys()]  # fmt: skip
        taken = self._taken(mine)
        order = self._order(mine, taken) if change.id in taken else []
        for other in itertools.takewhile(lambda one: one is not change, order):
            # The other one frees what this one takes, or moves this one away.
            if other.id in taken[change.id] or change.id in taken[other.id]:
                yield other

    def _taken(self, changes):
        """The changes of the sources whose name or priority each change takes, by their ids."""
        holders = {
            (name, self.by_name[name].value(one.raw)): one
            for one in changes if one.raw is not None
            for name in _UNIQUE
        }  # fmt: skip
        found = {}
        for one in changes:
            wanted = [(name, one.desired.values.get(name)) for name in sorted(_UNIQUE)]
            others = [holders[item] for item in wanted if item in holders]
            found[one.id] = {other.id: other for other in others if other is not one}
        return found

    @staticmethod
    def _order(changes, taken):
        """Order changes so that each takes what an earlier one has freed.

        In a circle, the first one moves the source whose name or priority it takes.
        """
        found, seen = [], set()
        for first in sorted(changes, key=lambda one: one.desired.key):
            path = [first]
            while path:
                seen.add(path[-1].id)
                ahead = [one for one in taken[path[-1].id].values() if one.id not in seen]
                if ahead:
                    path.append(ahead[0])
                else:
                    found.append(path.pop())
        return list({one.id: one for one in found}.values())

    def _has(self, raw, name, value):
        return name in _UNIQUE and self.by_name[name].value(raw) == value

    def send_create(self, run: Run, values: dict) -> dict:
        self._make_room(run, self.key(values), values)
        return super().send_create(run, values)

    def send_update(self, run: Run, record: Record, values: dict) -> Any:
        self._make_room(run, record.key, values)
        return super().send_update(run, record, values)

    def _make_room(self, run, key, values):
        """Move sources whose name or priority is taken now and that change later."""
        for holder in list(run.snapshot.records(self.name).values()):
            change = run.changes.get((self.name, holder.key))
            taken = [name for name in values if self._has(holder.raw, name, values[name])]
            if taken and change and not change.problem and holder.key != key:
                with run.lock("priorities"):  # so that no two are moved to one free priority
                    self._move(run, change.desired, holder, taken)

    def _move(self, run, desired, holder, names):
        used = {self.by_name["priority"].value(one.raw)
                for one in run.snapshot.records(self.name).values()}  # fmt: skip
        used |= {one.values.get("priority") for one in run.plan.desired(self.name)}
        # The lowest free priority, so that no image is imported from it meanwhile.
        free = {
            "name": f"{holder.key} (moved)",
            "priority": next(one for one in itertools.count() if one not in used),
        }
        values = {name: free[name] for name in names}
        moved = replace(desired, values=values, absent=False)
        raw = super().send_update(run, holder, self.update_values(moved, holder, values))
        self.record_answer(run, moved, raw, replaces=holder.raw)

    def delete(self, run: Run, desired: Desired, record: Record) -> None:
        super().delete(run, desired, record)
        _import_deleted_images(run)

    # Reading

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
        keyring = {"id": 1, "keyring_filename": KEYRING}
        if snapshot.release >= "3.8":
            new = {"name": "MAAS Stable", "priority": 1, "enabled": True,
                   "skip_keyring_verification": False}  # fmt: skip
            return [{"url": DEFAULT_SOURCE, **keyring, **new}]
        return [] if snapshot.release >= "2.0" else [{"url": DEFAULT_SOURCE_1X, **keyring}]


class BootSelection(Table):
    """Selections of a boot source.

    ``*`` is compared as it is. From 3.8 on MAAS replaces it by one selection for each architecture
    of the source, when it is saved and whenever the index of the source is fetched.
    """

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
        "source": "http://images.example.com/ephemeral-v3/stable", "os": "ubuntu",
        "release": "jammy", "arches": ["amd64"],
    }  # fmt: skip
    fields = (
        Field("source", SOURCE, ref="boot_source", doc="URL of its boot source."),
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
        if site_manager.is_own(record.raw["source"]):
            return site_manager.OWNED
        name = "commissioning_distro_series"
        series = snapshot.records("setting", name)[name].raw["value"] or ""
        if record.raw["release"] == series.rpartition("/")[2]:
            return "machines are commissioned with it"
        return None

    def pristine(self, snapshot: Snapshot, partition: str) -> list[dict]:
        only = {"id": 1, "source": partition, "os": "ubuntu", "arches": ["amd64"]}
        if snapshot.release >= "3.8" and partition == DEFAULT_SOURCE:
            return [{**only, "release": "noble", "subarches": ["*"], "labels": ["*"]}]
        if snapshot.release < "2.0" and partition == DEFAULT_SOURCE_1X:
            return [{**only, "release": "trusty", "subarches": ["*"], "labels": ["release"]}]
        return []

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return why MAAS refuses a selection: the source is new and disabled."""
        source = change.desired.values["source"]
        new = any(one.desired.key == source for one in predicted.changes("boot_source")
                  if one.action == "create")  # fmt: skip
        return _DISABLED if new and source in disabled_sources(predicted) else None

    def create(self, run: Run, desired: Desired) -> None:
        self._once_catalogued(run, desired, lambda: super(BootSelection, self).create(run, desired))

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        self._once_catalogued(
            run, desired, lambda: super(BootSelection, self).update(run, desired, record)
        )

    def delete(self, run: Run, desired: Desired, record: Record) -> None:
        super().delete(run, desired, record)
        _import_deleted_images(run)

    def _once_catalogued(self, run, desired, write):
        """Write a selection as soon as the region has fetched its source's index.

        MAAS fetches that in the background after a source is saved and refuses
        selections until then.  From 2.0 on the very first source is not
        fetched before an import has run, so one is started.
        """
        source = desired.values["source"]
        found = run.snapshot.find("boot_source", source)
        disabled = found is not None and found.raw.get("enabled") is False
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
                if disabled:
                    raise MaasError(_DISABLED) from None
                if run.snapshot.release >= "2.0":
                    run.once("import", lambda: run.client.post(
                        "boot-resources/", op="import", repeat=True
                    ))  # fmt: skip
                run.last_error = error
                return None
            run.know(("catalogue", source))
            return True

        run.wait_for(f"the catalogue of {source}", tried, run.limits.catalogue_seconds)


def disabled_sources(predicted: Predicted) -> set[str]:
    """Return the URLs of the boot sources that a plan leaves disabled, which 3.8 can."""
    sources = predicted.of("boot_source")
    return {url for url, values in sources.items() if values.get("enabled") is False}


def _import_deleted_images(run):
    """Import images again that 3.8 deleted, if another selection has them."""
    if run.snapshot.release >= "3.8":
        run.snapshot.drop("image")
        with run.lock("image import"):
            run.snapshot.tables["image"].import_again(run)


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
