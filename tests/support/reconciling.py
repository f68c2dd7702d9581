"""Plan and apply pillars against a region, and look at what it then holds."""

from __future__ import annotations

from saltext.maas import pillar, region_plan
from saltext.maas.client import Client, Profile
from saltext.maas.reconcile import Limits, Snapshot, apply, make_plan

SHORT = Limits(enrol_seconds=5, catalogue_seconds=5, import_seconds=10, sync_seconds=10)


def snapshot_of(server, url=None, **options):
    """A new snapshot of a region, over a client of its own."""
    return Snapshot(Client(Profile(url or server.url, server.api_key, **options)))


def planned(server, data, snapshot=None, **options):
    """The snapshot and plan for a pillar, or for desired objects."""
    snapshot = snapshot or snapshot_of(server, **options)
    if isinstance(data, dict):
        assert pillar.problems(data, snapshot.release) == []
        data = pillar.desired_objects(data, snapshot.release)
    return snapshot, make_plan(snapshot, data)


def carried_out(server, data, limits=SHORT, **options):
    """Plan and apply; what changed must be what was planned, and a second plan empty."""
    snapshot, plan = planned(server, data, **options)
    _apply_as_planned(snapshot, plan, limits)
    left = planned(server, data)[1].shown()
    assert not left, left
    return snapshot, plan


def carried_out_and_true(server, desired):
    """The same for desired objects; the snapshot must be true, and a second run write nothing."""
    snapshot, plan = carried_out(server, desired)
    assert_true(server, snapshot)
    again, left = planned(server, desired)
    server.requests.reset()
    apply(again, left, SHORT)
    assert server.requests.writes() == []
    return plan


def pruned(server, data):
    """The same for a whole pillar with what its ``exclusive`` removes; what was shown."""
    snapshot = snapshot_of(server)
    plan = region_plan.plan_of(snapshot, data)
    shown = _apply_as_planned(snapshot, plan, SHORT)
    assert region_plan.plan_of(snapshot_of(server), data).shown() == {}
    assert_true(server, snapshot)
    return shown


def problems_of(server, data):
    """What of a pillar cannot be applied; a run sends nothing for it."""
    server.requests.reset()
    snapshot, plan = planned(server, data)
    apply(snapshot, plan, SHORT)
    assert server.requests.writes() == []
    return plan.problems()


def _apply_as_planned(snapshot, plan, limits):
    shown = plan.shown()
    assert plan.problems() == []
    apply(snapshot, plan, limits)
    assert errors(plan) == {}, errors(plan)
    assert plan.shown(done_only=True) == shown
    return shown


def errors(plan):
    """What failed, by the change's name."""
    return {change.name: change.error for change in plan.changes if not change.done}


def contents(snapshot, parts):
    """All readable values of some ``(type, partition)``, by key."""
    found = {}
    for name, partition in parts:
        table = snapshot.tables[name]
        fields = [
            field for field in table.fields if field.readable and field.holds_for(snapshot.release)
        ]
        found[name, partition] = {
            key: {
                field.name: table.value(snapshot, field, record.raw)
                if field.separate
                else field.value(record.raw)
                for field in fields
            }
            for key, record in snapshot.records(name, partition).items()
        }
    return found


def assert_true(server, snapshot):
    """What a snapshot folded in is what the region says."""
    parts = sorted(
        (name, where[1]) for where, part in snapshot._parts.items() for name in part.index
    )
    ours, theirs = contents(snapshot, parts), contents(snapshot_of(server), parts)
    for part in parts:
        assert ours[part] == theirs[part], (part, ours[part], theirs[part])


def rack(server, name, ip, mask="255.255.255.0"):
    """A rack controller registers and connects."""
    mac = "52:54:00:" + ":".join(f"{int(part):02x}" for part in ip.split(".")[1:])
    interface = {"name": "eth0", "mac": mac, "ip": ip, "subnet_mask": mask}
    ident = server.region.register_controller(hostname=name, interfaces=[interface])
    server.region.controller_connected(ident, True)
    return ident


def cluster(server, uuid, ip, connected=True):
    """A 1.x cluster registers, and connects."""
    mac = "52:54:00:" + ":".join(f"{int(part):02x}" for part in ip.split(".")[1:])
    interface = {"name": "eth0", "mac": mac, "ip": ip, "subnet_mask": "255.255.255.0"}
    server.region.register_controller(uuid=uuid, hostname="host", interfaces=[interface])
    server.region.controller_connected(uuid, connected)
