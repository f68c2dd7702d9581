"""Zones, resource pools and tags."""

from __future__ import annotations

from saltext.maas.resources import machine_tags, rules
from saltext.maas.resources.engine_types import Snapshot
from saltext.maas.resources.table import Field, PillarLocation, Record, Table
from saltext.maas.resources.xpath import is_xpath

_ASCII_WORD = (
    rules.matches(r"[A-Za-z0-9_-]+", "a word of ASCII letters, digits, _ and -"),
    rules.longest(256),
)
_ZONE_NAME = (
    rules.matches(r"[\w-]+", "a word of letters, digits, _ and -", up_to="2.3"),
    rules.WORD_1X, rules.MODEL_NAME, rules.longest(256),
)  # fmt: skip
_XPATH = rules.Rule("an XPath expression such as //node[@class='display']", is_xpath)


class Zone(Table):
    """Physical zones."""

    name = "zone"
    numbered = "2.0"
    collection = "zones/"
    protected = always = ("default",)
    node_part = "zone"
    pillar = PillarLocation("zones", "Physical zones.", "name")
    fields = (
        Field("name", rules=_ZONE_NAME, doc="Name, unique in the region."),
        Field("description", doc="Free text."),
    )
    example = {"name": "north", "description": "by the window"}
    initial = ({"id": 1, "name": "default", "description": ""},)


class ResourcePool(Table):
    name = "resource_pool"
    permission = "can_edit_machines"
    since = "2.4"
    collection = "resourcepools/"
    protected = always = ("default",)
    node_part = "pool"
    pillar = PillarLocation("resource_pools", "Resource pools.", "name")
    fields = (
        Field("name", rules=rules.BLANKS, doc="Name, unique in the region."),
        Field("description",
              server_default=lambda one: "Default pool" if one.get("name") == "default" else None,
              doc="Free text."),
    )  # fmt: skip
    example = {"name": "web", "description": "front ends"}
    initial = ({"id": 0, "name": "default", "description": "Default pool"},)


class Tag(Table):
    name = "tag"
    numbered = ""
    collection = "tags/"
    list_op = "list"
    create_op = "new"
    pillar = PillarLocation(
        "tags", "Tags; which machines have one is left to their definitions.", "name"
    )
    fields = (
        Field("name", rules=_ASCII_WORD, doc="Name, unique in the region."),
        Field("definition", rules=(_XPATH,),
              doc="XPath expression over a machine's hardware; it decides who has it."),
        Field("comment", doc="Free text."),
        Field("kernel_opts", doc="Kernel options of the machines that have it."),
    )  # fmt: skip
    example = {
        "name": "gpu", "definition": "//node", "comment": "cards", "kernel_opts": "nomodeset",
    }  # fmt: skip

    def never_pruned(self, snapshot: Snapshot, record: Record) -> str | None:
        return "MAAS adds it to machines itself" if record.key in machine_tags.OF_MAAS else None

    def used_by_node(self, snapshot: Snapshot, record: Record) -> str | None:
        for node in snapshot.records("node").values():
            if record.key in node.raw.get("tag_names", ()):
                return f"{node.key} has it"
        return None
