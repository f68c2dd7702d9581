"""Boot sources and selections of 1.6, where each cluster has its own."""

from __future__ import annotations

from saltext.maas.resources.images import SOURCE, BootSelection, BootSource, KeyringTable
from saltext.maas.resources.table import Field, Table

_CLUSTER = Field("cluster", ref="node_group", doc="UUID of the node group whose it is.")
_EXAMPLE = "http://images.example.com/ephemeral-v2/releases/"


class ClusterBootSource(KeyringTable):
    """Boot sources of single clusters."""

    since = up_to = "1.6"
    scope = "cluster"
    name = "cluster_boot_source"
    noun = "boot source of cluster"
    plural = "boot sources of clusters"
    identity = ("cluster", "url")
    key_form = "{cluster} {url}"
    within, parent = ("cluster",), "node_group"
    collection = "nodegroups/{uuid}/boot-sources/"
    fields = (_CLUSTER, *(one for one in BootSource.fields if not one.since))
    example = {"cluster": "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01", "url": _EXAMPLE}


class ClusterBootSelection(Table):
    """Boot source selections of single clusters; all of them are Ubuntu's."""

    since = up_to = "1.6"
    scope = "cluster"
    name = "cluster_boot_selection"
    noun = "boot source selection of cluster"
    plural = "boot source selections of clusters"
    identity = ("cluster", "source", "release")
    key_form = "{cluster} {source} {release}"
    within, parent = ("cluster", "source"), "cluster_boot_source"
    collection = "{resource_uri}selections/"
    example = {
        "cluster": "0f4a6c1e-8c5d-4d0e-9a53-6f0c0b7d0a01", "source": _EXAMPLE, "release": "trusty",
        "arches": ["amd64"],
    }  # fmt: skip
    fields = (
        _CLUSTER,
        Field("source", SOURCE, doc="URL of its boot source."),
        *(one for one in BootSelection.fields if one.name not in ("source", "os")),
    )
