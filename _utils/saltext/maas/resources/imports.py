"""The images that an import brings, and their copies on the clusters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from saltext.maas import poll
from saltext.maas.errors import MaasError, Unavailable
from saltext.maas.resources import kinds
from saltext.maas.resources.engine_types import (
    Change,
    Client,
    Desired,
    DesiredObjects,
    Predicted,
    Run,
    Snapshot,
)
from saltext.maas.resources.images import disabled_sources
from saltext.maas.resources.table import Field, Record, Table


class Image(Table):
    """An image in the region: one operating system release for one architecture."""

    name = "image"
    noun = "boot image"
    permission = "can_edit_boot_entities"
    since = "1.7"
    collection = "boot-resources/"
    identity = ("name", "architecture")
    name_form = "{name}/{architecture}"
    example = {"name": "ubuntu/jammy", "architecture": "amd64"}
    in_answers = {"architecture": str}
    created = "imported"
    shared_keys = True  # one for each sub-architecture
    after = ("setting before import", "boot_source", "boot_selection")
    can_update = can_delete = False
    fields = (
        Field("name", doc="Operating system and release, such as ubuntu/jammy."),
        Field("architecture", read=lambda raw: raw["architecture"].partition("/")[0],
              doc="Architecture, such as amd64; ``*`` for any."),
    )  # fmt: skip

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        records = snapshot.records(self.name)
        if desired.values["architecture"] != "*":
            return records.get(desired.key)
        prefix = desired.values["name"] + "/"
        return next((one for key, one in list(records.items()) if key.startswith(prefix)), None)

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        # The import takes what is selected when it starts.
        own = self._selections(desired, everything)
        return {(one.type, one.key) for one in own} if len(own) == 1 else set()

    def after_objects(self, desired: Desired, everything: DesiredObjects) -> set:
        # One successful selection is enough.
        return {(one.type, one.key) for one in self._selections(desired, everything)}

    @staticmethod
    def _selections(desired, everything):
        """The desired selections of an image."""
        system, _, release = desired.values["name"].partition("/")
        arch = desired.values["architecture"]
        return [
            one for one in everything.by("boot_selection", "release").get(release, ())
            if one.values["os"] == system and _selects(one.values, arch)
        ]  # fmt: skip

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return why no selection would import an image: all have problems, or are disabled."""
        changes = predicted.changes("boot_selection")
        problems = {one.desired.key: one.name for one in changes if one.problem}
        ending = f" {change.desired.values['name']}"
        own = {key for key in snapshot.claimed("boot_selection") if key.endswith(ending)}
        if own and own <= problems.keys():
            names = ", ".join(sorted(problems[key] for key in own)[:3])
            return f"skipped: dependency cannot be applied: {names}"
        disabled = disabled_sources(predicted) if snapshot.release >= "3.8" else ()
        if not disabled:
            return None
        name, arch = change.desired.values["name"], change.desired.values["architecture"]
        selections = predicted.by("boot_selection", "release").get(name.rpartition("/")[2], {})
        sources = {
            one["source"]
            for one in selections.values()
            if f"{one['os']}/{one['release']}" == name and _selects(one, arch)
        }
        if not sources or not sources <= disabled:
            return None
        urls = ", ".join(sorted(sources))
        return (
            f"only disabled boot sources have it selected: {urls}; enable one, or describe it with "
            "enabled: false"
        )

    def create(self, run: Run, desired: Desired) -> None:
        if self._unselected(run, desired):
            raise MaasError("skipped: the selections of it failed")
        images = [one for one in run.plan.desired(self.name)
                  if not (run.hopeless(one) or self._unselected(run, one))]  # fmt: skip
        run.once("import the selected images", lambda: self._import(run, images))

    def _unselected(self, run, desired):
        """Whether all selections of an image failed."""
        own = self._selections(desired, run.plan.everything)
        changes = [run.changes.get((one.type, one.key)) for one in own]
        return bool(own) and all(change is not None and not change.done for change in changes)

    def import_again(self, run: Run) -> None:
        """Import images again that 3.8 deleted together with a boot source or a selection."""
        changes = (
            (one, run.changes.get((one.type, one.key))) for one in run.plan.desired(self.name)
        )
        images = [one for one, change in changes if change is None or change.done]
        if images:
            run.snapshot.reload(self.name)
        if any(self.match(run.snapshot, one) is None for one in images):
            self._import(run, images)

    def _import(self, run, images):
        limit, total, unchanged = run.limits.import_seconds, len(images), poll.Unchanged()
        # 3.8 fetches the index of each source first, and does not count that as importing.
        new = run.snapshot.release >= "3.8"
        stalled = run.stalled_seconds + (run.limits.catalogue_seconds if new else 0)
        # One that runs already took the selections of its start, and a second is ignored.
        run.wait_for(
            "a running image import to end", lambda: not self._importing(run) or None, limit
        )
        run.client.post(self.collection, op="import", repeat=True)

        def complete():
            run.snapshot.reload(self.name, younger_than=run.poll_seconds)
            there = len([one for one in images if self._complete(run, one)])
            run.progress("image import", there, total)
            importing = self._importing(run)
            if there == total and not importing:
                return True
            idle = unchanged.seconds(object() if importing else there)
            if idle > stalled and run.snapshot.release >= "2.1":
                raise MaasError(
                    f"the import ended with {there} of {total} images: is what is missing "
                    "selected? See the region's log and notifications"
                )
            return None

        run.wait_for("the image import", complete, limit)

    def _importing(self, run):
        new = run.snapshot.release >= "2.1"
        return new and run.client.get(self.collection, op="is_importing", expect=bool)

    def _complete(self, run, desired):
        record = self.match(run.snapshot, desired)
        if record is None or run.snapshot.release >= "2.1":
            return record is not None
        # 1.x has no is_importing, but shows whether all files of an image are there.
        whole = run.client.get(self.item(run.snapshot, record.raw), expect=dict)
        return any(one["complete"] for one in whole.get("sets", {}).values())


class ClusterImage(Table):
    """The images that one cluster holds; up to 1.6 it imports them by itself."""

    name = "cluster_image"
    noun = "images of cluster"
    plural = "images of clusters"
    has_modules = False
    identity = ("cluster",)
    by_key = True
    can_delete = False
    created = "fetched"
    fields = (
        Field("cluster", doc="Host name of the rack, or uuid of the node group."),
        Field("images", kinds.NAMES, doc="Images such as ubuntu/jammy/amd64; ``*`` for any."),
    )

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        record = snapshot.find(_controller(snapshot).name, partition)
        if record is None:
            return []
        try:
            return [{"cluster": partition, **self._held(snapshot, record.raw)}]
        except Unavailable:  # a cluster that is down now and then is nothing unusual
            return [{"cluster": partition, "images": [], "connected": False}]

    @staticmethod
    def _held(snapshot, raw):
        path = _controller(snapshot).item(snapshot, raw)
        if snapshot.release >= "2.0":
            whole = {"images": [{"name": str, "architecture": str}]}
            answer = snapshot.client.get(path, op="list_boot_images", expect=whole)
            images = [f"{one['name']}/{one['architecture']}" for one in answer["images"]]
            return {"images": images, "connected": answer.get("connected", True)}
        shape = [{"release": str, "architecture": str}]
        images = [
            # 1.5 has images of Ubuntu only.
            f"{one.get('osystem', 'ubuntu')}/{one['release']}/{one['architecture']}"
            for one in snapshot.client.get(f"{path}boot-images/", expect=shape)
        ]
        # Up to 1.6 this is what the cluster reported last, connected or not.
        return {"images": images, "connected": True if snapshot.release >= "1.7" else None}

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        missing = _missing(desired, record)
        if not missing:
            return {}
        present = [image for image in desired.values["images"] if image not in missing]
        return {"images": (present, desired.values["images"])}

    def requires(self, desired: Desired, everything: DesiredObjects) -> set:
        found = {("image", "*"), ("rack", desired.key), ("node_group", desired.key)}
        for type in ("node_group_interface", "cluster_boot_source", "cluster_boot_selection"):
            own = everything.by(type, "cluster").get(desired.key, ())
            found.update((one.type, one.key) for one in own)
        return found

    def conflict(self, snapshot: Snapshot, change: Change, predicted: Predicted) -> str | None:
        """Return why a cluster will fetch nothing: there is none of that name, or it is pending."""
        controller = _controller(snapshot)
        cluster = predicted.of(controller.name).get(change.desired.key)
        if cluster is None:
            return f"there is no {controller.noun} {change.desired.key!r}"
        if cluster.get("status", "accepted") != "accepted":
            return f"the cluster is {cluster['status']}; accept it first"
        return None

    def create(self, run: Run, desired: Desired) -> None:
        self._fetch(run, desired, None)

    def update(self, run: Run, desired: Desired, record: Record) -> None:
        self._fetch(run, desired, record)

    def _fetch(self, run, desired, record):
        snapshot, limits = run.snapshot, run.limits
        controller = _controller(snapshot)
        path = controller.item(snapshot, snapshot.resolve(controller.name, desired.key))
        self._let_it_connect(run, desired, new=(controller.name, desired.key) in run.changes)
        if record is None:  # the cluster was not there yet
            snapshot.reload(self.name, desired.key, younger_than=run.poll_seconds)
            record = self.match(snapshot, desired)
        if snapshot.release < "3.5":  # from there on racks fetch images as they need them
            run.client.post(path, op="import_boot_images", repeat=True)
        alone = snapshot.release < "1.7"
        before, unchanged = _images_in(record), poll.Unchanged()

        def fetched():
            snapshot.reload(self.name, desired.key, younger_than=run.poll_seconds)
            found = self.match(snapshot, desired)
            missing, held = _missing(desired, found), _images_in(found)
            total = len(desired.values["images"])
            run.progress(f"images of {desired.label}", total - len(missing), total)
            # One import brings everything at once, so that what is missing then does not come.
            idle = unchanged.seconds(object() if held == before else held)
            if missing and alone and idle > run.stalled_seconds:
                raise MaasError(
                    f"the cluster has imported images, but not {', '.join(missing)}: is that "
                    "selected, and does the source have it?"
                )
            return None if missing else True

        what = "report the images of its import" if alone else "fetch the images"
        seconds = limits.import_seconds if alone else limits.sync_seconds
        run.wait_for(f"cluster {desired.label} to {what}", fetched, seconds)

    def _let_it_connect(self, run, desired, new):
        """Wait for a cluster that is not connected; not for long, unless it is new."""

        def connected():
            snapshot = run.snapshot
            if snapshot.release < "1.7":
                return self._any_connected(run) or None
            found = self.match(snapshot, desired)
            if found is None or not found.raw["connected"]:
                snapshot.reload(self.name, desired.key, younger_than=run.poll_seconds)
                found = self.match(snapshot, desired)
            return True if found is not None and found.raw["connected"] else None

        seconds = None if new else run.reconnect_seconds
        run.wait_for(f"cluster {desired.label} to connect", connected, seconds)

    @staticmethod
    def _any_connected(run):
        # Up to 1.6 nothing tells of one cluster, but power types are asked of connected ones.
        if not run.known("a cluster is connected"):
            if not run.client.get("nodegroups/", op="describe_power_types", expect=list):
                return False
            run.know("a cluster is connected")
        return True


def _controller(snapshot):
    """The table of clusters: node groups, from 2.0 on racks."""
    return snapshot.tables["rack" if snapshot.release >= "2.0" else "node_group"]


def _selects(selection: dict, arch: str) -> bool:
    return arch == "*" or not {arch, "*"}.isdisjoint(selection.get("arches") or ["*"])


def start(client: Client) -> str:
    """Start the import of what is selected; up to 1.6 in each accepted cluster.

    Args:
        client: The region's client.

    Returns:
        What MAAS says.
    """
    if client.release < "1.7":
        return client.post("nodegroups/", op="import_boot_images", repeat=True)
    return client.post("boot-resources/", op="import")


def _images_in(record) -> set:
    return set(record.raw["images"]) if record else set()


def _missing(desired, record) -> list:
    """The desired images that a cluster does not hold; all where there is no record of it."""
    held = _images_in(record)
    return [image for image in desired.values["images"] if not _holds(held, image)]


def _holds(held: set, image: str) -> bool:
    if "*" not in image:
        return image in held
    return any(fnmatchcase(one, image) for one in held)


def image_names(snapshot: Snapshot) -> Iterator[str]:
    """Yield names such as ``ubuntu/jammy`` of the images that the region has, or will have."""
    yield from (raw["name"] for raw in snapshot.raw("image"))
    for type in ("image", "boot_resource"):
        # Their keys end with an architecture.
        yield from (re.sub(r"/[^/]+(/generic)?$", "", key) for key in snapshot.claimed(type))
