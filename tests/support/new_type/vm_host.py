"""VM hosts, in the way in which one adds a resource type: this file is all that it takes."""

from __future__ import annotations

from saltext.maas.resources import kinds, rules
from saltext.maas.resources.table import Field, PillarLocation, Table


class VmHost(Table):
    """VM hosts, on which MAAS makes virtual machines."""

    name = "vm_host"
    noun = "VM host"
    since = "2.9"
    removed = "4.0"
    collection = "vm-hosts/"
    identity = ("name",)
    pillar = PillarLocation("vm_hosts", "VM hosts.", "name", needed=("type",))
    fields = (
        Field("name", rules=(rules.longest(255),), doc="Name, unique in the region."),
        Field("type", kinds.choice("lxd", "virsh"), create_only=True, doc="What runs there."),
        Field("power_address", write_only=True, doc="Address or URL of the host; create-only."),
        Field(
            "zone", ref="zone", ref_attr="name", server_default="default", clearable=rules.NEVER,
            read=lambda raw: raw["zone"]["name"], doc="Name of its zone.",
        ),
        Field(
            "default_macvlan_mode", kinds.choice("bridge", "passthru", "private", "vepa"),
            clearable=rules.NEVER, doc="How its virtual machines share interfaces by default.",
        ),
    )  # fmt: skip
    example = {
        "name": "kvm-1.example.com", "type": "virsh", "power_address": "qemu+ssh://192.0.2.9/system",
        "default_macvlan_mode": "bridge",
    }  # fmt: skip
