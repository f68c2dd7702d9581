"""The images that an import brings, and their copies on the clusters."""

from __future__ import annotations

import re
import time

from saltext.maas.client.errors import MaasError, Unavailable
from saltext.maas.client.session import segment
from saltext.maas.release import Release
from saltext.maas.resources import kinds
from saltext.maas.resources.field import Field
from saltext.maas.resources.table import Table


class Image(Table):
    """An image in the region: one operating system release for one architecture."""

    name = "image"
    noun = "boot image"
    since = "1.7"
    collection = "boot-resources/"
    identity = ("name", "architecture")
    created = "imported"
    doubles = True  # one for each sub-architecture
    after = ("setting before import", "boot_source", "boot_selection")
    can_update = False
    can_delete = False
    fields = (
        Field("name", doc="Operating system and release, such as ubuntu/jammy."),
        Field(
            "architecture", read=lambda raw: raw["architecture"].partition("/")[0],
            doc="Architecture, such as amd64; * for any.",
        ),
    )  # fmt: skip

    def parse(self, name):
        name, _, architecture = str(name).rpartition("/")
        if not name:
            raise ValueError("must be OS/RELEASE/ARCHITECTURE, such as ubuntu/jammy/amd64")
        return {"name": name, "architecture": architecture}

    def match(self, snapshot, wanted):
        records = snapshot.records(self.name)
        if wanted.values["architecture"] != "*":
            return records.get(wanted.key)
        prefix = wanted.values["name"] + "/"
        return next(
            (record for key, record in list(records.items()) if key.startswith(prefix)), None
        )

    def differences(self, snapshot, wanted, record):
        return {}

    def needs(self, wanted, everything):
        # The import takes what is selected when it starts.
        system, _, release = wanted.values["name"].partition("/")
        selections = everything.by("boot_selection", "release").get(release, ())
        own = [one for one in selections if one.values["os"] == system]
        return {(one.type, one.key) for one in own} | {
            ("boot_source", one.values["source"]) for one in own
        }

    def create(self, run, wanted):
        images = [one for one in run.plan.wanted(self.name) if not run.hopeless(one)]
        run.once("import wanted images", lambda: self._import(run, images))

    def _import(self, run, images):
        if run.snapshot.release >= "2.0":
            self._let_a_running_import_end(run)
        run.client.post(self.collection, op="import", repeat=True)
        total, watch = len(images), _Watch(run.stalled_seconds)

        def complete():
            run.snapshot.reload(self.name, younger_than=run.poll_seconds)
            there = len([one for one in images if self._complete(run, one)])
            run.progress("image import", there, total)
            importing = self._importing(run)
            if there == total and not importing:
                return True
            if watch.stalled(there, importing) and run.snapshot.release >= "2.1":
                raise MaasError(
                    f"the import ended with {there} of {total} images: is what is missing "
                    "selected? The region's log and notifications tell more"
                )
            return None

        run.wait_for("the image import", complete, run.limits.import_seconds)

    def _let_a_running_import_end(self, run):
        # One that runs already took the selections of its start, and a second is ignored.
        run.wait_for(
            "a running image import to end",
            lambda: not self._importing(run) or None,
            run.limits.import_seconds,
        )

    def _importing(self, run):
        if run.snapshot.release < "2.1":
            return False
        return run.client.get(self.collection, op="is_importing", expect=bool)

    def _complete(self, run, wanted):
        record = self.match(run.snapshot, wanted)
        if record is None or run.snapshot.release >= "2.1":
            return record is not None
        # 1.x has no is_importing, but shows whether all files of an image are there.
        path = self.item(run.snapshot, record.raw)
        sets = run.client.get(path, expect=dict).get("sets", {})
        return any(one["complete"] for one in sets.values())


class _Watch:
    """Notices when something has neither run nor moved for a while."""

    def __init__(self, seconds):
        self._seconds = seconds
        self._done = None
        self._since = time.monotonic()

    def stalled(self, done, running) -> bool:
        if running or done != self._done:
            self._done, self._since = done, time.monotonic()
        return time.monotonic() - self._since > self._seconds


class ClusterImage(Table):
    """The images that one cluster holds."""

    name = "cluster_image"
    noun = "images of cluster"
    since = "1.7"
    identity = ("cluster",)
    can_delete = False
    created = "fetched"
    fields = (
        Field("cluster", doc="Host name of the rack, or uuid of the node group."),
        Field("images", kinds.NAMES, doc="Images such as ubuntu/jammy/amd64."),
    )

    def partition(self, values):
        return values["cluster"]

    def part_of(self, key):
        return key

    def read(self, snapshot, partition):
        controller = _controller_type(snapshot.release)
        record = snapshot.records(controller).get(partition)
        if record is None:
            return []
        try:
            return [{"cluster": partition, "images": self._held(snapshot, record.raw)}]
        except Unavailable:  # a cluster that is down now and then is nothing unusual
            return [{"cluster": partition, "images": [], "connected": False}]

    @staticmethod
    def _held(snapshot, raw):
        if snapshot.release >= "2.0":
            path = f"rackcontrollers/{segment(raw['system_id'])}/"
            shape = {"images": [{"name": str, "architecture": str}]}
            images = snapshot.client.get(path, op="list_boot_images", expect=shape)["images"]
            return [f"{one['name']}/{one['architecture']}" for one in images]
        path = f"nodegroups/{segment(raw['uuid'])}/boot-images/"
        images = snapshot.client.get(path, expect=[{"release": str, "architecture": str}])
        return [f"{one['osystem']}/{one['release']}/{one['architecture']}" for one in images]

    def differences(self, snapshot, wanted, record):
        held = set(record.raw["images"])
        missing = [image for image in wanted.values["images"] if not _holds(held, image)]
        if not missing:
            return {}
        present = [image for image in wanted.values["images"] if image not in missing]
        return {"images": (present, wanted.values["images"])}

    def needs(self, wanted, everything):
        own = [
            one
            for type, field in (("rack", "hostname"), ("node_group", "uuid"),
                                ("node_group_interface", "cluster"))
            for one in everything.by(type, field).get(wanted.key, ())
        ]  # fmt: skip
        return {("image", "*"), *((one.type, one.key) for one in own)}

    def create(self, run, wanted):
        self.update(run, wanted, None)

    def update(self, run, wanted, record):
        controller = _controller_type(run.snapshot.release)
        raw = run.snapshot.resolve(controller, wanted.key)
        collection = "rackcontrollers" if controller == "rack" else "nodegroups"
        ident = segment(raw["system_id"] if controller == "rack" else raw["uuid"])
        if run.snapshot.release < "3.5":  # from there on racks fetch images as they need them
            run.client.post(f"{collection}/{ident}/", op="import_boot_images", repeat=True)

        def synced():
            run.snapshot.reload(self.name, wanted.key, younger_than=run.poll_seconds)
            found = self.match(run.snapshot, wanted)
            missing = (
                self.differences(run.snapshot, wanted, found) if found else {"images": ((), ())}
            )
            total = len(wanted.values["images"])
            run.progress(
                f"images of {wanted.label}", len(missing["images"][0]) if missing else total, total
            )
            return None if missing else True

        run.wait_for(f"cluster {wanted.label} to fetch the images", synced, run.limits.sync_seconds)


_CONTROLLERS = {"1.0": "node_group", "2.0": "rack"}


def _controller_type(release: Release) -> str:
    return _CONTROLLERS[release.api]


def _holds(held: set, image: str) -> bool:
    if not image.endswith("/*"):
        return image in held
    return any(one.startswith(image[:-1]) for one in held)


def image_names(snapshot):
    """Names such as ``ubuntu/jammy`` of the images that the region has, or will have."""
    yield from (raw["name"] for raw in snapshot.raw("image"))
    for type in ("image", "boot_resource"):
        # Their keys end with an architecture.
        yield from (re.sub(r"/[^/]+(/generic)?$", "", key) for key in snapshot.claimed(type))
