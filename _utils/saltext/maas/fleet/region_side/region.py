"""The region of a minion, as a fleet asks it: its collections are read at most once."""

from __future__ import annotations

import dataclasses

from saltext.maas import pillar, runtime
from saltext.maas.client import Client
from saltext.maas.errors import MaasError
from saltext.maas.host import cluster_config
from saltext.maas.reconcile import Limits, Snapshot, apply, make_plan
from saltext.maas.resources.node_group import PLACEHOLDER


class Region:
    """The region of this minion.

    Args:
        dunders: A Salt module's ``globals()``, on the region's minion.
        deadline: Seconds within which it has to answer, if less than the profile says.
    """

    def __init__(self, dunders, deadline=None):
        self._dunders = dunders
        reach = runtime.profile(dunders)
        if deadline:
            reach = dataclasses.replace(reach, deadline=min(reach.deadline, deadline))
        client = Client(reach)
        self.release = client.release
        self.snapshot = Snapshot(client, local=runtime.local_door(dunders, client.release))
        self.type = "rack" if self.release >= "2.0" else "node_group"

    def key(self, minion, values) -> str:
        """By what the region knows a cluster."""
        if self.type == "rack":
            return pillar.hostname(minion, values)
        return pillar.cluster_uuid(minion, values)

    def state(self, key) -> str:
        record = self.snapshot.records(self.type).get(key)
        if record is None:
            return "absent"
        values = self.values(self.type, record)
        if self.type == "node_group":
            return values["status"]
        return "connected" if values["connected"] else "disconnected"

    def strangers(self, known) -> dict:
        """``{name: {"cluster": key, "state"}}`` of clusters at work whose keys are not known.

        The one on the region's own host is none: region and cluster share their files there.
        """
        known = {*known, PLACEHOLDER, self._own()}
        found = {}
        for key, record in self.snapshot.records(self.type).items():
            state = self.state(key)
            if key not in known and state in ("accepted", "connected"):
                name = record.raw.get("cluster_name") or key
                found[name] = {"cluster": key, "state": state}
        return found

    def _own(self):
        try:
            if self.type == "rack":
                return runtime.hostname(self._dunders).partition(".")[0]
            here = runtime.installation(self._dunders)
            has = here is not None and "cluster" in here.roles
            return cluster_config.read_files(here)["uuid"] if has else None
        except (OSError, MaasError):
            return None

    def dhcp(self, keys) -> dict:
        """``{cluster: [VLAN or interface it serves]}``."""
        found = {}
        if self.type == "node_group":
            for key in keys:
                for name, record in self.snapshot.records("node_group_interface", key).items():
                    values = self.values("node_group_interface", record)
                    if values.get("management") not in (None, "unmanaged"):
                        found.setdefault(key, []).append(str(values.get("interface") or name))
            return found
        for vlan, record in self.snapshot.records("dhcp").items():
            values = self.values("dhcp", record)
            if values.get("enabled"):
                for rack in (values.get("primary_rack"), values.get("secondary_rack")):
                    if rack:
                        found.setdefault(rack, []).append(vlan)
        return found

    def in_sync(self, desired) -> bool | None:
        """Whether a cluster holds what a desired object names."""
        table = self.snapshot.tables["cluster_image"]
        record = table.match(self.snapshot, desired)
        return None if record is None else not table.differences(self.snapshot, desired, record)

    def values(self, type, record) -> dict:
        """A record's values, as the type's table has them."""
        return self.snapshot.tables[type].values(self.snapshot, record.raw)

    def carry_out(self, desired_objects, limits=None, report=None, test=False):
        """Plan what is wished and, unless it is a test, do it; returns the plan."""
        plan = make_plan(self.snapshot, desired_objects)
        if plan.changes and not test:
            apply(self.snapshot, plan, limits or Limits(), report)
        return plan
