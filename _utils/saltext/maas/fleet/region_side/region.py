"""The region of a minion, as a fleet asks it: its collections are read at most once."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from saltext.maas import pillar as pillar_of
from saltext.maas import runtime
from saltext.maas.client import Client
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.host import cluster_config
from saltext.maas.lock import Held
from saltext.maas.pillar import controllers
from saltext.maas.reconcile import Limits, Snapshot, apply, desired_object, make_plan
from saltext.maas.resources.node_group import PLACEHOLDER
from saltext.maas.resources.nodes import subnet_ids, vlan_ids


def open_region(dunders, deadline: float | None = None) -> NodeGroups | Racks:
    """Return the region of this minion.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        deadline: Seconds within which the region has to answer, if less than the profile says.

    Raises:
        MaasError: The pillar cannot be read, or the region cannot be asked.
    """
    runtime.described(dunders)  # report its mistakes before the region is asked
    profile = runtime.profile(dunders)
    if deadline:
        profile = dataclasses.replace(profile, deadline=min(profile.deadline, deadline))
    return region_of(dunders, Client(profile))


def region_of(dunders, client: Client) -> NodeGroups | Racks:
    """Return what :func:`open_region` does, for an existing client."""
    pillar = runtime.described(dunders)
    region = NodeGroups if client.release.api == "1.0" else Racks
    return region(dunders, pillar, client)


class _Region:
    """What regions of all releases have in common.

    Attributes:
        pillar: What the pillar says about the region.
        clusters: The controllers that it names, by minion.
        type, identity: Resource type of a cluster, and the field that identifies one.
    """

    type: str
    identity: str
    states: Callable[[], dict[str, str]]
    own: Callable[[], str | None]
    without_dhcp: Callable[[str, str | None], tuple[list, dict[str, dict]]]
    machines_of: Callable[[str, str | None], list[str]]

    def __init__(self, dunders, pillar: dict, client: Client):
        self.dunders = dunders
        self.release = client.release
        self.snapshot = Snapshot(client, local=runtime.local_door(dunders, client.release))
        self.pillar = pillar
        self.clusters = controllers(pillar)

    def described(self, minion: str) -> dict:
        """Return what the pillar says about a minion's controller."""
        return self.clusters[minion].values if minion in self.clusters else {}

    def values(self, type: str, part: str = "") -> dict[str, dict]:
        """Return the values of all records of a type, or of one part of them, by key."""
        table, records = self.snapshot.tables[type], self.snapshot.records(type, part)
        return {key: table.values(self.snapshot, one.raw) for key, one in records.items()}

    def state(self, key: str) -> str:
        """Return how far the region has a cluster; ``absent`` where it does not."""
        return self.states().get(key, "absent")

    def unnamed(self, known: Iterable[str]) -> dict[str, dict]:
        """Return ``{name: {"cluster": key, "state"}}`` of clusters at work that are not known.

        The one on the region's own host is none of them: both share their files there.
        """
        skipped: set = {*known, PLACEHOLDER}
        with contextlib.suppress(OSError, MaasError):
            skipped.add(self.own())
        records = self.snapshot.records(self.type)
        return {
            records[key].raw.get("cluster_name") or key: {"cluster": key, "state": state}
            for key, state in self.states().items()
            if key not in skipped and state in ("accepted", "connected")
        }

    def in_sync(self, desired: Any) -> bool | None:
        """Return whether a cluster holds the images that it shall; None where unknown."""
        table = self.snapshot.tables["cluster_image"]
        record = table.match(self.snapshot, desired)
        return None if record is None else not table.differences(self.snapshot, desired, record)

    @contextlib.contextmanager
    def alone(self, test: bool = False) -> Iterator[Held | None]:
        """Let no other run on this minion write to the region within this block.

        Yields:
            The lock; with ``test``, which writes nothing and waits for nobody, None.

        Raises:
            MaasError: Another run goes on for longer than the profile's deadline.
        """
        if test:
            yield None
            return
        with runtime.alone(self.dunders, self.snapshot) as lock:
            yield lock

    def carry_out(
        self,
        desired_objects: list,
        lock: Held | None,
        limits: Limits | None = None,
        report: Callable[[dict], object] | None = None,
    ) -> Any:
        """Plan desired objects and, with the lock of :meth:`alone`, apply the plan; return it."""
        plan = make_plan(self.snapshot, desired_objects)
        if plan.changes and lock is not None:
            lock.writing()
            apply(self.snapshot, plan, limits or Limits(), report)
        return plan


class NodeGroups(_Region):
    """A region of 1.x, whose clusters are node groups."""

    type, identity = "node_group", "uuid"

    def key(self, minion: str) -> str:
        """Return the uuid of a minion's cluster."""
        return pillar_of.cluster_uuid(minion, self.described(minion))

    def states(self) -> dict[str, str]:
        """Return ``{uuid: "pending", "rejected" or "accepted"}``."""
        return {key: one["status"] for key, one in self.values(self.type).items()}

    def own(self) -> str | None:
        """Return the uuid of the cluster on the region's own host, if there is one."""
        here = runtime.installation(self.dunders)
        has_cluster = here is not None and "cluster" in here.roles
        return cluster_config.read_files(here)["uuid"] if has_cluster else None

    def _served(self, key):
        """``{name: its values}`` of the interfaces on which a cluster serves DHCP."""
        off = (None, "unmanaged")
        found = self.values("node_group_interface", key)
        return {str(name): one for name, one in found.items() if one.get("management") not in off}

    def dhcp(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """Return ``{cluster: [interface on which it serves DHCP]}``."""
        return {
            key: [str(one.get("interface") or name) for name, one in self._served(key).items()]
            for key in keys
        }

    def without_dhcp(self, minion: str, successor: str | None) -> tuple[list, dict[str, dict]]:
        """Return the desired objects that take a cluster off DHCP, and what changes where."""
        if successor:
            raise BadInput("successor: in MAAS 1.x no other cluster can serve a cluster's network")
        key = self.key(minion)
        served = self._served(key)
        desired = [
            desired_object(
                "node_group_interface",
                {"cluster": key, "name": one["name"], "management": "unmanaged"},
            )
            for one in served.values()
        ]
        return desired, {name: {"old": minion, "new": None, "enabled": True} for name in served}

    def machines_of(self, key: str, successor: str | None) -> list[str]:
        """Return the host names of a node group's nodes."""
        nodes = self.snapshot.client.get("nodes/", op="list", expect=[{"hostname": str}])
        return sorted(
            one["hostname"] for one in nodes if (one.get("nodegroup") or {}).get("uuid") == key
        )


class Racks(_Region):
    """A region of 2.0 and later, whose clusters are rack controllers."""

    type, identity = "rack", "hostname"

    def key(self, minion: str) -> str:
        """Return the host name of a minion's rack."""
        return pillar_of.hostname(minion, self.described(minion))

    def states(self) -> dict[str, str]:
        """Return ``{host name: "disconnected" or "connected"}``."""
        return {
            key: "connected" if one["connected"] else "disconnected"
            for key, one in self.values(self.type).items()
        }

    def own(self) -> str:
        """Return the name of the region's own host."""
        return runtime.hostname(self.dunders).partition(".")[0]

    def _served(self):
        """``{VLAN: (the racks that it names, whether DHCP is on)}``."""
        return {
            vlan: (
                [rack for rack in (one.get("primary_rack"), one.get("secondary_rack")) if rack],
                bool(one.get("enabled")),
            )
            for vlan, one in self.values("dhcp").items()
        }

    def dhcp(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """Return ``{rack: [VLAN that it serves]}``."""
        served = self._served().items()
        return {key: [vlan for vlan, (racks, on) in served if on and key in racks] for key in keys}

    def without_dhcp(self, minion: str, successor: str | None) -> tuple[list, dict[str, dict]]:
        """Return the desired objects that take a rack off DHCP, and what changes where."""
        key = self.key(minion)
        other = self.key(successor) if successor else None
        if other and self.state(other) != "connected":
            raise MaasError(f"{successor}: cannot take over: it is not connected to the region")
        desired, changes = [], {}
        for vlan, (racks, on) in self._served().items():
            if key not in racks:
                continue
            heir = next((one for one in racks if one != key), None)
            if heir is None and other and on:
                self._need_interface(successor, other, vlan)
                heir = other
            changes[vlan] = {"old": racks, "new": heir, "enabled": on}
            if on and not heir:
                desired.append(desired_object("dhcp", {"vlan": vlan}, absent=True))
            else:  # MAAS deletes no rack that a VLAN names, even while DHCP is off
                fields = {"vlan": vlan, "primary_rack": heir or "", "secondary_rack": ""}
                desired.append(desired_object("dhcp", fields))
        return desired, changes

    def _need_interface(self, minion, key, vlan):
        here = {self.snapshot.records("dhcp")[vlan].raw["id"]}
        subnets = {one.raw["id"] for one in self.snapshot.group("subnet", "vlan").get(vlan, ())}
        raw = self.snapshot.records("rack")[key].raw
        if not here & vlan_ids(raw) and not subnets & subnet_ids(raw):
            raise MaasError(f"{minion}: cannot take over DHCP on {vlan}: it has no interface there")

    def machines_of(self, key: str, successor: str | None) -> list[str]:
        """Return the host names of machines on VLANs that only this rack serves, or relays to."""
        served = {} if successor else self._served()
        alone = {vlan for vlan, (racks, on) in served.items() if on and racks == [key]}
        if not alone:
            return []
        records = self.snapshot.records("dhcp")
        ids = {
            records[vlan].raw["id"]
            for vlan, one in self.values("dhcp").items()
            if vlan in alone or one.get("relay_vlan") in alone
        }
        return sorted(
            one["hostname"]
            for one in self.snapshot.client.get("machines/", expect=[{"hostname": str}])
            if ids & vlan_ids(one)
        )


#: A region of any release.
Region: TypeAlias = NodeGroups | Racks
