"""Boot sources and selections of 1.6, where each cluster has its own."""

from __future__ import annotations

from saltext.maas.api_path import segment
from saltext.maas.resources.field import Field
from saltext.maas.resources.images import BootSelection, BootSource
from saltext.maas.resources.table import Table

_CLUSTER = Field("cluster", ref="node_group", doc="UUID of the node group whose it is.")
_EXAMPLE = "http://images.example.com/ephemeral-v2/releases/"


class _OfCluster(Table):
    since = "1.6"
    up_to = "1.6"
    scope = "cluster"
    pillar = None
    after = ()

    def part_of(self, key):
        return key.rpartition(" ")[0]

    def form(self, snapshot, values):
        ours = ("cluster", "source")
        return super().form(snapshot, {k: v for k, v in values.items() if k not in ours})

    def pristine(self, snapshot, partition):
        return []


class ClusterBootSource(_OfCluster, BootSource):
    """Boot sources of single clusters."""

    name = "cluster_boot_source"
    noun = "boot source of cluster"
    plural = "boot sources of clusters"
    identity = ("cluster", "url")
    within = "cluster"
    fields = (_CLUSTER, *BootSource.fields)
    example = {"cluster": "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01", "url": _EXAMPLE}

    def partition(self, values):
        return values["cluster"]

    def parts(self, snapshot):
        return sorted(snapshot.records("node_group"))

    def key(self, values):
        return f"{values['cluster']} {values['url']}"

    def read(self, snapshot, partition):
        if partition not in snapshot.records("node_group"):
            return []
        path = self.create_path(snapshot, {"cluster": partition})
        found = snapshot.client.get(path, expect=[{"id": int, "url": str, "resource_uri": str}])
        return [{**one, "cluster": partition} for one in found]

    def create_path(self, snapshot, values):
        return f"nodegroups/{segment(values['cluster'])}/boot-sources/"


class ClusterBootSelection(_OfCluster):
    """Boot source selections of single clusters; all of them are Ubuntu's."""

    name = "cluster_boot_selection"
    noun = "boot source selection of cluster"
    plural = "boot source selections of clusters"
    identity = ("cluster", "source", "release")
    example = {
        "cluster": "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01", "source": _EXAMPLE, "release": "trusty",
        "arches": ["amd64"],
    }  # fmt: skip
    fields = (
        _CLUSTER,
        Field("source", doc="URL of its boot source."),
        *(one for one in BootSelection.fields if one.name not in ("source", "os")),
    )

    def partition(self, values):
        return f"{values['cluster']} {values['source']}"

    def parts(self, snapshot):
        sources = snapshot.tables["cluster_boot_source"]
        return [key for part in sources.parts(snapshot)
                for key in snapshot.records(sources.name, part)]  # fmt: skip

    def key(self, values):
        return f"{values['cluster']} {values['source']} {values['release']}"

    def read(self, snapshot, partition):
        if snapshot.find("cluster_boot_source", partition) is None:
            return []
        cluster, _, source = partition.partition(" ")
        path = self.create_path(snapshot, {"cluster": cluster, "source": source})
        found = snapshot.client.get(path, expect=[{"id": int, "release": str, "resource_uri": str}])
        return [{**one, "cluster": cluster, "source": source} for one in found]

    def create_path(self, snapshot, values):
        source = snapshot.resolve("cluster_boot_source", self.partition(values))
        return f"{source['resource_uri']}selections/"

    def recognise(self, raw):
        super().recognise({"cluster": None, "source": None, **raw})  # which no answer names

    def complete_answer(self, raw, values, before):
        return {**raw, "cluster": values["cluster"], "source": values["source"]}

    def update(self, run, desired, record):
        changed = self.differences(run.snapshot, desired, record)
        if changed:
            data, _ = self.form(run.snapshot, {name: new for name, (_, new) in changed.items()})
            raw = run.client.put(self.item(run.snapshot, record.raw), data=data)
            self.record_answer(run, desired, raw, replaces=record.raw)

    def requires(self, desired, everything):
        found = super().requires(desired, everything)
        return found | {("cluster_boot_source", self.partition(desired.values))}
