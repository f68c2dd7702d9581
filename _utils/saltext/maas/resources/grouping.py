"""Zones, resource pools and tags."""

from __future__ import annotations

from saltext.maas.resources import kinds
from saltext.maas.resources.field import Field
from saltext.maas.resources.nodes import member, named
from saltext.maas.resources.place import Place
from saltext.maas.resources.table import Table


class Zone(Table):
    name = "zone"
    noun = "zone"
    numbered = "2.0"
    collection = "zones/"
    identity = ("name",)
    protected = ("default",)
    pillar = Place("zones", "Physical zones.", "name")
    fields = (
        Field("name", kinds.WORD, doc="Name, unique in the region."),
        Field("description", doc="Free text."),
    )
    example = {"name": "north", "description": "by the window"}
    changed = {"description": "by the door"}

    def pristine(self, snapshot, partition):
        return [{"id": 1, "name": "default", "description": ""}]

    def hazard(self, snapshot, record):
        return member(snapshot, lambda node: named(node, "zone") == record.key)


class ResourcePool(Table):
    name = "resource_pool"
    noun = "resource pool"
    since = "2.4"
    collection = "resourcepools/"
    identity = ("name",)
    protected = ("default",)
    pillar = Place("resource_pools", "Resource pools. From 2.4 on.", "name")
    fields = (
        Field(
            "name",
            kinds.matching(r"^\w([\w -]*\w)?$", "a name of letters, digits, _, - and spaces"),
            doc="Name, unique in the region.",
        ),
        Field(
            "description",
            doc="Free text.",
            usual=lambda values: "Default pool" if values.get("name") == "default" else None,
        ),
    )
    example = {"name": "web", "description": "front ends"}
    changed = {"description": "front and back ends"}

    def pristine(self, snapshot, partition):
        return [{"id": 0, "name": "default", "description": "Default pool"}]

    def hazard(self, snapshot, record):
        return member(snapshot, lambda node: named(node, "pool") == record.key)


class Tag(Table):
    name = "tag"
    noun = "tag"
    numbered = ""
    collection = "tags/"
    list_op = "list"
    create_op = "new"
    identity = ("name",)
    pillar = Place("tags", "Tags; which machines have one is left to their definitions.", "name")
    fields = (
        Field("name", kinds.WORD, doc="Name, unique in the region."),
        Field(
            "definition", doc="XPath expression over a machine's hardware; it decides who has it."
        ),
        Field("comment", doc="Free text."),
        Field("kernel_opts", doc="Kernel options of the machines that have it."),
    )
    example = {
        "name": "gpu",
        "definition": "//node",
        "comment": "cards",
        "kernel_opts": "nomodeset",
    }
    changed = {"comment": "graphics cards", "kernel_opts": "quiet"}

    def hazard(self, snapshot, record):
        return member(snapshot, lambda node: record.key in node.get("tag_names", ()))
