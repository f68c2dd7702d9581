"""What happens at the same time: reads and writes of one run, and several runs."""

from __future__ import annotations

import threading
import time

import pytest
from saltext.maas import runtime, state_helpers
from saltext.maas.reconcile import apply, desired_object, make_plan
from support.misbehaving import Proxy
from support.reconciling import SHORT, errors, planned, snapshot_of

pytestmark = pytest.mark.usefixtures("impatient")

SOURCE = "http://images.example.com/ephemeral-v3/stable/"


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("late", [0, 1, 2])
def test_two_selections_of_one_new_source_while_an_answer_is_late(region, method, late):
    count = []

    def after(asked, target, body):
        if asked == method and "selections" in target:
            count.append(target)
            if len(count) == late + 1:
                time.sleep(0.4)
        return body

    chosen = [{"os": "ubuntu", "release": name, "arches": ["amd64"]} for name in ("jammy", "focal")]
    data = {"boot_sources": {SOURCE: {"selections": chosen}}}
    with Proxy(region, after=after) as proxy:
        snapshot, plan = planned(region, data, snapshot_of(region, proxy.url))
        apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert not planned(region, data)[1]


EVERYTHING = [
    desired_object("setting", {"name": "kernel_opts", "value": "quiet"}),
    desired_object("zone", {"name": "north", "description": "x"}),
    desired_object("resource_pool", {"name": "web"}),
    desired_object("tag", {"name": "gpu", "comment": "x"}),
    desired_object("package_repository", {"name": "tools", "url": "http://repo.example.com/tools"}),
    desired_object("script", {"name": "fans", "script": "#!/bin/sh\n"}),
    desired_object("notification", {"ident": "window", "message": "x"}),
    desired_object("user", {"username": "ops", "email": "ops@example.com", "password": "hunter2"}),
    desired_object("file", {"filename": "motd", "content": "x"}),
    desired_object("domain", {"name": "example.com", "ttl": 300}),
    desired_object("space", {"name": "dmz"}),
    desired_object("fabric", {"name": "dc1"}),
    desired_object("vlan", {"fabric": "dc1", "vid": 5, "mtu": 9000}),
    desired_object("subnet", {"cidr": "10.10.0.0/24", "vlan": "dc1/5"}),
    desired_object("subnet", {"cidr": "10.20.0.0/24", "vlan": "dc1/untagged"}),
    desired_object(
        "ip_range",
        {
            "start_ip": "10.10.0.50",
            "end_ip": "10.10.0.60",
            "type": "reserved",
            "subnet": "10.10.0.0/24",
        },
    ),
    desired_object(
        "reserved_ip",
        {"ip": "10.10.0.77", "mac_address": "52:54:00:00:00:77", "subnet": "10.10.0.0/24"},
    ),
    desired_object("ip_address", {"ip": "10.10.0.88"}),
    desired_object(
        "static_route",
        {"source": "10.10.0.0/24", "destination": "10.20.0.0/24", "gateway_ip": "10.10.0.1"},
    ),
    desired_object("dhcp_snippet", {"name": "ntp", "value": "option x 1;"}),
    desired_object("dns_resource", {"fqdn": "www.example.com", "ip_addresses": ["192.0.2.5"]}),
    desired_object(
        "dns_record", {"fqdn": "ftp.example.com", "rrtype": "CNAME", "rrdata": "www.example.com"}
    ),
    desired_object(
        "dns_record", {"fqdn": "example.com", "rrtype": "MX", "rrdata": "10 www.example.com"}
    ),
    desired_object("boot_source", {"url": SOURCE}),
    desired_object("boot_selection", {"source": SOURCE, "os": "ubuntu", "release": "jammy"}),
]


def at_once(*work):
    """Do several things in threads; what was raised is raised here."""
    raised = []

    def guarded(one):
        try:
            one()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    if raised:
        raise raised[0]


def test_two_runs_of_one_pillar_from_two_minions(region):
    """Both plan before either writes: each object is there once, and both succeed."""
    plans = []
    for _ in range(2):
        snapshot = snapshot_of(region)
        plans.append((snapshot, make_plan(snapshot, EVERYTHING)))
    at_once(*(lambda one=one: apply(*one, SHORT) for one in plans))
    for _, plan in plans:
        assert errors(plan) == {}
    taken = [change for _, plan in plans for change in plan.changes if change.taken_over]
    assert taken
    snapshot = snapshot_of(region)
    assert make_plan(snapshot, EVERYTHING).shown() == {}
    for one in EVERYTHING:
        assert not snapshot.duplicates(one.type, one.key), one.key
    assert len(snapshot.records("dhcp_snippet")) == 1


def salt(region, folder, run, **profile):
    """A Salt module's dunders on a minion, in one of its runs."""
    reach = {"url": region.url, "api_key": region.api_key, **profile}
    opts = {"id": "minion", "maas.root": "/nowhere", "cachedir": str(folder), "maas": reach}
    return {
        "__opts__": opts, "__pillar__": {}, "__context__": {}, "__salt__": {},
        "__instance_id__": run,
    }  # fmt: skip


def test_two_runs_on_one_minion_come_one_after_the_other(region, tmp_path):
    """The second reads the region again, though it had read it before it had to wait."""
    desired = [
        desired_object("zone", {"name": "north"}),
        desired_object("dhcp_snippet", {"name": "n", "value": "x;"}),
    ]
    runs = [salt(region, tmp_path, name) for name in ("one", "two")]
    for dunders in runs:
        snapshot = runtime.snapshot(dunders)
        with runtime.alone(dunders, snapshot):
            assert "north" not in snapshot.records("zone")
            assert "n" not in snapshot.records("dhcp_snippet")
    told = []
    at_once(*(
        lambda one=one: told.append(state_helpers.reconcile(one, "x", list(desired)))
        for one in runs
    ))  # fmt: skip
    assert [one["result"] for one in told] == [True, True]
    assert sorted(bool(one["changes"]) for one in told) == [False, True]
    assert len(snapshot_of(region).records("dhcp_snippet")) == 1


def test_states_of_one_run_read_no_more_than_once(region, tmp_path):
    dunders = salt(region, tmp_path, "one")
    state_helpers.present(dunders, "zone", {"name": "north", "description": "x"})
    region.requests.reset()
    state_helpers.present(dunders, "zone", {"name": "south", "description": "x"})
    assert region.requests.count("GET") == 0


def test_a_run_that_lasts_too_long_is_named(region, tmp_path):
    one, two = salt(region, tmp_path, "one"), salt(region, tmp_path, "two", deadline=0.3)
    with runtime.alone(one, runtime.snapshot(one)):
        region.requests.reset()
        found = state_helpers.present(two, "zone", {"name": "north"})
        assert found["result"] is False
        assert "another run on this minion (process " in found["comment"]
        assert (
            f"holds the lock of the region {region.url}: timed out after 0.3 s" in found["comment"]
        )
        assert region.requests.writes() == []
        # Who only looks waits for nobody.
        two["__opts__"]["test"] = True
        assert state_helpers.present(two, "zone", {"name": "north"})["result"] is None
    two["__opts__"]["test"] = False
    assert state_helpers.present(two, "zone", {"name": "north"})["result"] is True


def test_without_a_place_for_the_lock_the_work_is_done(region, tmp_path, caplog):
    (tmp_path / "maas").write_text("a file is in the way")
    found = state_helpers.present(salt(region, tmp_path, "one"), "zone", {"name": "north"})
    assert found["result"] is True
    assert "No lock in " in caplog.text


class Held:
    """Holds the first answers to some reads back until they are let go."""

    def __init__(self, path, count=1):
        self.path, self.left = path, count
        self.arrived, self.go = threading.Event(), threading.Event()

    def __call__(self, method, target, body):
        if method == "GET" and self.path in target and self.left:
            self.left -= 1
            self.arrived.set()
            assert self.go.wait(10)
        return body


def test_an_older_slower_read_does_not_overwrite_a_newer_one(region):
    held = Held("/zones/")
    with Proxy(region, after=held) as proxy:
        snapshot = snapshot_of(region, proxy.url)
        slow = threading.Thread(target=snapshot.reload, args=("zone",))
        slow.start()
        assert held.arrived.wait(10)
        snapshot_of(region).client.post("zones/", data={"name": "north"})
        # A read of the same objects by another way, as a nested store has one.
        with snapshot._noting_writes() as start:
            snapshot._read(snapshot.tables["zone"], "", start)
        assert "north" in snapshot.records("zone")
        held.go.set()
        slow.join(10)
        assert "north" in snapshot.records("zone")


@pytest.mark.parametrize("forget", ["drop", "drop_all", "forget a reference"])
def test_a_read_that_was_under_way_when_a_part_was_dropped_does_not_count(region, forget):
    held = Held("/subnets/")
    with Proxy(region, after=held) as proxy:
        snapshot = snapshot_of(region, proxy.url)
        slow = threading.Thread(target=snapshot.records, args=("subnet",))
        slow.start()
        assert held.arrived.wait(10)
        snapshot_of(region).client.post("subnets/", data={"cidr": "10.10.0.0/24"})
        if forget == "drop":
            snapshot.drop("subnet")
        elif forget == "drop_all":
            snapshot.drop_all("subnet")
        else:
            snapshot.forget("vlan", {"id": 4711, "fabric": "x", "vid": 1})
        held.go.set()
        slow.join(10)
        assert "10.10.0.0/24" in snapshot.records("subnet")


def test_our_own_write_stays_whatever_a_slow_read_says(region):
    held = Held("/zones/")
    with Proxy(region, after=held) as proxy:
        snapshot = snapshot_of(region, proxy.url)
        slow = threading.Thread(target=snapshot.reload, args=("zone",))
        slow.start()
        assert held.arrived.wait(10)
        raw = snapshot_of(region).client.post("zones/", data={"name": "north"})
        snapshot.fold("zone", raw)
        held.go.set()
        slow.join(10)
        assert "north" in snapshot.records("zone")


def test_an_index_may_be_dropped_while_it_is_grouped(region):
    """One groups, one reads and one drops, all the time: nobody waits for another for ever."""
    snapshot = snapshot_of(region)
    client = snapshot.client
    for number in range(5):
        client.post("subnets/", data={"cidr": f"10.{number}.0.0/24"})
    end = time.monotonic() + 0.7

    def repeatedly(work):
        def again():
            while time.monotonic() < end:
                work()

        return again

    def fold():
        for record in snapshot.records("subnet").values():
            snapshot.fold("subnet", dict(record.raw))

    work = (
        lambda: snapshot.group("subnet", "vlan"),
        lambda: sum(1 for _ in snapshot.records("subnet").values()),
        lambda: snapshot.drop("subnet"),
        lambda: snapshot.reload("subnet"),
        fold,
    )
    ended = []
    done = threading.Thread(
        target=lambda: ended.append(at_once(*map(repeatedly, work))), daemon=True
    )
    done.start()
    done.join(20)
    assert ended == [None]
    assert len(snapshot.records("subnet")) == 5
