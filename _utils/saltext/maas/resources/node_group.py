"""Clusters of API 1.0: node groups and their interfaces."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from saltext.maas.errors import MaasError
from saltext.maas.release import Release
from saltext.maas.resources import kinds, rules
from saltext.maas.resources.engine_types import Desired, Predicted, Ranges, Run, Snapshot
from saltext.maas.resources.table import Field, Record, Table

#: uuid of the placeholder that a new region keeps for the first cluster to register.
PLACEHOLDER = "master"


_SAME = {"enabled": "accepted", "disabled": "rejected"}  # the words of 1.8 and later
_WORDS = kinds.choice(pending=0, accepted=1, rejected=2)
_STATUS = replace(
    _WORDS,
    allowed="one of: pending, accepted, rejected, enabled, disabled",
    normal=lambda value: _WORDS.normal(_SAME.get(value, value)),
    schema={"enum": ["pending", "accepted", "rejected", *_SAME]},
)


_ZONE = (
    rules.longest(80),
    # MAAS cuts a dot at the end off.
    rules.matches(
        r"((?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!$)|$))+",
        "a domain name such as maas.example.com",
        since="1.8",
    ),
)
_INTERFACE = rules.matches(
    r"[\w:.-]+",
    "a name of ASCII letters, digits and the signs _ : . -",
    since="1.6",
    flags=re.ASCII,
)


class NodeGroup(Table):
    """MAAS node groups.

    A node group cannot be created: the cluster registers itself, which is waited for. Deleting one
    works on the region host only, through its database, and is refused while it has nodes or
    managed interfaces.
    """

    name = "node_group"
    numbered = ""
    up_to = "1.10"
    collection = "nodegroups/"
    item_path = "nodegroups/{uuid}/"
    initial = (
        {"uuid": PLACEHOLDER, "cluster_name": "Cluster master", "name": "maas", "status": 1},
    )
    prunable = False
    list_op = "list"
    identity = ("uuid",)
    created = "enrolled"
    # The first cluster to register takes the placeholder over, so it goes before any does.
    deletes_first = True
    in_pillar = {"name": "dns_zone", "status": "accepted"}
    fields = (
        Field("uuid", doc="UUID of the cluster, as in its own configuration."),
        Field("cluster_name", clearable=rules.NEVER, rules=(rules.longest(100),),
              doc="Display name, unique in the region."),
        Field("name", argument="dns_zone", clearable=rules.NEVER, rules=_ZONE,
              doc="DNS zone of its machines."),
        Field("status", _STATUS, doc="Whether MAAS works with it; ``pending`` up to 1.7. "
              "``enabled`` and ``disabled`` are the words of 1.8 and later for ``accepted`` and "
              "``rejected``."),
    )  # fmt: skip
    example = {
        "uuid": "5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001", "cluster_name": "east",
        "status": "accepted",
    }  # fmt: skip

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why a node group cannot be pending."""
        if desired.values.get("status") == "pending" and snapshot.release >= "1.8":
            return f"MAAS {snapshot.release} knows no pending node groups, only up to 1.7"
        return super().problem(snapshot, desired, record)

    def create(self, run: Run, desired: Desired) -> None:
        def arrived():
            run.snapshot.reload(self.name, younger_than=run.poll_seconds)
            return self.match(run.snapshot, desired)

        record = run.wait_for(f"cluster {desired.label} ({desired.key}) to register", arrived)
        # The interfaces it reported have come along.
        run.snapshot.drop("node_group_interface", desired.key)
        self.update(run, desired, record)

    def send_update(self, run: Run, record: Record, values: dict) -> Any:
        status, rest = values.get("status"), dict(values)
        if status in ("accepted", "rejected"):
            run.client.post(self.collection, op=rest.pop("status")[:6], data={"uuid": record.key})
        if rest:
            return super().send_update(run, record, rest)
        # The answer was a sentence.
        return run.client.get(self.item(run.snapshot, record.raw), expect=dict)

    def deletion_problem(self, snapshot: Snapshot, desired: Desired, record: Record) -> str | None:
        """Return why the region's database cannot be used, or what it says against it."""
        local = snapshot.local
        if snapshot.client is None:
            return None  # planned on the region host, against a region that is still empty
        if local is None:
            return (
                "API 1.0 cannot delete a node group; run this on the region host, where the "
                "database can be reached"
            )
        try:
            local.delete_node_group(record.raw["uuid"], test=True)
        except MaasError as error:
            return str(error)
        return None

    def send_delete(self, run: Run, desired: Desired, record: Record) -> None:
        run.snapshot.local.delete_node_group(record.raw["uuid"])


def _name(raw):
    """An interface's name; up to 1.6 that of the network interface."""
    return raw.get("name") or raw.get("interface")


class NodeGroupInterface(Table):
    """Interfaces of a cluster."""

    name = "node_group_interface"
    noun = "cluster interface"
    numbered = ""
    up_to = "1.10"
    create_op = "new"
    identity = ("cluster", "name")
    scope = list_by = "cluster"
    within, parent = ("cluster",), "node_group"
    collection = "nodegroups/{uuid}/interfaces/"
    item_path = "nodegroups/{cluster}/interfaces/{name}/"
    list_op = "list"
    in_pillar = {
        "name": "", "ip_range_low": "dynamic_range:low", "ip_range_high": "dynamic_range:high",
        "static_ip_range_low": "static_range:low", "static_ip_range_high": "static_range:high",
    }  # fmt: skip
    example = {
        "cluster": "5d6c8a2e-6f0b-4a65-9d1c-0c55c1a6a001", "name": "eth0", "management": "dhcp",
        "ip": "10.10.0.2", "subnet_mask": "255.255.255.0", "ip_range_low": "10.10.0.100",
        "ip_range_high": "10.10.0.150",
    }  # fmt: skip
    fields = (
        Field("cluster", ref="node_group", doc="UUID of the cluster's node group."),
        Field("name", since="1.7", read=_name, rules=(_INTERFACE,),
              doc="Name; that of the network interface where not given."),
        Field("management", kinds.choice(unmanaged=0, dhcp=1, dhcp_and_dns=2),
              doc="What MAAS serves there."),
        Field("interface", clearable=rules.NEVER, doc="Network interface, such as eth0."),
        Field("ip", kinds.ADDRESS, clearable=rules.NEVER, doc="The cluster's own address there."),
        Field("subnet_mask", kinds.NETMASK, doc="Netmask."),
        Field("broadcast_ip", kinds.ADDRESS, clearable=rules.NEVER,
              doc="Broadcast address; MAAS computes it."),
        Field("router_ip", kinds.ADDRESS,
              doc="Router; up to 1.8 only the database shows it. From 1.9 on that of the subnet."),
        Field("ip_range_low", kinds.ADDRESS, doc="First address of the dynamic range."),
        Field("ip_range_high", kinds.ADDRESS, doc="Last address of the dynamic range."),
        Field("static_ip_range_low", kinds.ADDRESS, since="1.6", doc="First static address."),
        Field("static_ip_range_high", kinds.ADDRESS, since="1.6", doc="Last static address."),
    )  # fmt: skip

    def in_use_by(self, snapshot: Snapshot, record: Record) -> str | None:
        managed = self.by_name["management"].value(record.raw) != "unmanaged"
        return "DHCP is served there" if managed else None

    def match(self, snapshot: Snapshot, desired: Desired) -> Record | None:
        """Return the interface of this name, else the one of its network interface.

        Several may share a network interface: one for each address family, and from 1.9
        on those of its aliases; then the address identifies it.
        """
        records = snapshot.records(self.name, desired.values["cluster"])
        if desired.key in records:
            return records[desired.key]
        device = _device(snapshot, desired.values.get("interface"))
        ip = desired.values.get("ip")
        others = snapshot.claimed(self.name)  # what another name is desired is that one
        same = [
            record for record in list(records.values())
            if record.key not in others
            and _device(snapshot, record.raw["interface"]) == device
            and _is_ipv6(record.raw.get("ip")) == _is_ipv6(ip)
        ]  # fmt: skip
        if len(same) > 1:
            same = [record for record in same if self.by_name["ip"].value(record.raw) == ip]
        return same[0] if len(same) == 1 else None

    def read(self, snapshot: Snapshot, partition: str) -> list[dict]:
        routers = snapshot.local.router_ips() if snapshot.local else {}
        found = []
        for one in super().read(snapshot, partition):
            raw = {**one, "name": _name(one)}
            if (partition, raw["name"]) in routers:
                raw["router_ip"] = routers[partition, raw["name"]]
            found.append(raw)
        return found

    def shape(self, release: Release) -> dict:
        return {"interface": str}

    def value(self, snapshot: Snapshot, field: Field, raw: dict) -> Any:
        if field.name == "router_ip" and "router_ip" not in raw and snapshot.release >= "1.9":
            subnet = snapshot.find("subnet", self.cidr(raw))
            return field.kind.clean(subnet.raw.get("gateway_ip")) if subnet else None
        return super().value(snapshot, field, raw)

    @staticmethod
    def cidr(raw: dict) -> str:
        """Return the network that an interface is on, as text; empty where it has no mask."""
        if not raw.get("ip") or not raw.get("subnet_mask"):
            return ""
        return str(kinds.network_of(raw["ip"], raw["subnet_mask"]))

    def differences(self, snapshot: Snapshot, desired: Desired, record: Record) -> dict:
        found = super().differences(snapshot, desired, record)
        if "router_ip" not in record.raw and snapshot.release < "1.9":
            found.pop("router_ip", None)
        found.pop("name", None)  # it follows from the identity
        devices = {_device(snapshot, one) for one in found.get("interface", ())}
        if len(devices) == 1:
            del found["interface"]  # MAAS took an alias for its network interface
        return found

    def problem(self, snapshot: Snapshot, desired: Desired, record: Record | None) -> str | None:
        """Return why an interface cannot be as desired, seen before anything is sent."""
        if record is not None and snapshot.release >= "1.9":
            old, new = self.differences(snapshot, desired, record).get("router_ip", ("", ""))
            if old and new is None:
                return (
                    f"MAAS {snapshot.release} cannot clear router_ip {old} of a cluster interface; "
                    f"clear gateway_ip of subnet {self.cidr(record.raw)} instead"
                )
        asked = desired.values.get("broadcast_ip")
        computed = _broadcast({**(record.raw if record else {}), **desired.values})
        if asked and computed and asked != computed and snapshot.release >= "1.9":
            return (
                f"broadcast_ip must be {computed}, which MAAS {snapshot.release} computes from ip "
                "and subnet_mask; leave it out"
            )
        return super().problem(snapshot, desired, record)

    def occupied_ranges(self, snapshot: Snapshot, values: dict, predicted: Predicted) -> Ranges:
        """Up to 1.6 a network interface is one cluster interface, up to 1.8 one for IPv4."""
        device = values.get("interface") or values.get("name")
        old = snapshot.release < "1.7"
        if snapshot.release < "1.9" and device and (old or not _is_ipv6(values.get("ip"))):
            yield f"{values['cluster']} {device}", 0, 0

    def send_create(self, run: Run, values: dict) -> dict:
        # A managed one must name it.
        return super().send_create(run, {"interface": values.get("name"), **values})

    def complete_answer(self, raw: dict, values: dict, before: dict | None) -> dict:
        own = {"name": _name(raw)}
        if before is None or "router_ip" in values or "router_ip" in before:
            own["router_ip"] = values.get("router_ip", (before or {}).get("router_ip"))
        return {**own, **raw}

    def is_about(self, desired: Desired, raw: dict, replaces: dict | None) -> bool:
        # Up to 1.6 MAAS calls it after its network interface, and so does a match.
        same = raw.get("interface") == desired.values.get("interface")
        return same or super().is_about(desired, raw, replaces)

    def after_write(self, snapshot: Snapshot, new: dict | None, old: dict | None) -> None:
        # From 1.9 on the network of an interface, and its router, are a subnet's.
        if snapshot.release >= "1.9" and new is not None:
            snapshot.drop_all("vlan")
            snapshot.drop("subnet")

    def update_values(self, desired: Desired, record: Record, changed: dict) -> dict:
        # MAAS checks ranges, mask and management together, so they go together.
        values = {name: desired.values[name] for name in desired.values if name != "name"}
        if {"ip", "subnet_mask"} & changed.keys():
            # MAAS leaves the old one, which it then refuses.
            values.setdefault("broadcast_ip", _broadcast({**record.raw, **values}))
        return values


def _broadcast(values):
    if not values.get("subnet_mask") or not values.get("ip"):
        return None
    return str(kinds.network_of(values["ip"], values["subnet_mask"]).broadcast_address)


def _is_ipv6(address):
    return ":" in str(address or "")


def _device(snapshot, interface):
    """The network interface that MAAS notes: from 1.9 on without the number of an alias."""
    return str(interface or "").partition(":")[0] if snapshot.release >= "1.9" else interface
