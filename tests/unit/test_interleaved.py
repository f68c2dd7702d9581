"""Another client acts between two requests of a run: at every boundary with ``make races``."""

from __future__ import annotations

import copy
import itertools
import re

import pytest
from maas_emulator import hardware, machines
from maas_emulator.server import RegionServer
from saltext.maas.errors import BadInput, Invalid
from saltext.maas.reconcile import apply, desired_object, make_plan
from saltext.maas.reconcile.run import Run
from saltext.maas.release import Release
from saltext.maas.resources.kinds import BOOLEAN, TEXT
from support import campaign, racing
from support.campaign import Case, contents
from support.campaign_pillars import PILLARS
from support.examples import around, changed, known, manage_network
from support.machine_regions import images_and_rack
from support.reconciling import SHORT, errors, planned, snapshot_of
from support.strategies import tables

#: Cases with a distance of boundaries, and all boundaries for ``make races``.
SOME = [
    pytest.param(Case("1.0", "1.7"), 24, id="1.7"),
    pytest.param(Case("machines", "3.8"), 150, id="machines-3.8"),
    *(
        pytest.param(Case(api, one), 1, id=f"{api}-{one}-all", marks=pytest.mark.races)
        for api, ones in PILLARS.items() for one in ones
    ),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """Nothing that was read is trusted before something is deleted, however short ago it was."""
    campaign.hurry(monkeypatch.setattr)
    monkeypatch.setattr(Run, "trust_seconds", 0.0)


def applied(server, described):
    report = racing.run(server.url, server.api_key, described)
    assert report.errors == {}
    return report


def met_other(error):
    """Whether a sequence of requests ended as it met what another run has made."""
    said = ("the next run continues", "not as described; left: ", " instead of ")
    return any(text in error for text in said)


def new_region(case, *pillars):
    """What makes a region that has some pillars applied."""

    def make():
        server = campaign.new_region(case)
        for one in pillars:
            applied(server, one)
        return server

    return make


def left(server, described):
    """What a run would change: ``{(type, label, field): what is there}``."""
    shown = planned(server, described)[1].shown()
    return {
        (type, label, name): pair["old"]
        for type, ones in shown.items() for label, one in ones.items()
        for name, pair in (one.items() if "old" not in one else [("", {"old": one["old"]})])
    }  # fmt: skip


# Two runs


@pytest.mark.parametrize("phase", ["first", "pruning and layout"])
@pytest.mark.parametrize(("case", "step"), SOME)
def test_another_run_of_the_same_pillar(case, step, phase):
    """There is one of each in the end, and both runs succeed and say who created what."""
    first, second = case.pillars
    described = first if phase == "first" else second
    make = new_region(case, *(() if phase == "first" else (first,)))
    alone = make()
    applied(alone, described)
    expected = contents(alone)
    alone.stop()

    def race(server, at):
        return racing.at_boundary(
            server, described, at, lambda: racing.run(server.url, server.api_key, described)
        )

    for at, server, one, other in racing.boundaries(make, race, step):
        assert other.errors == {}, at
        if one.errors:  # between its requests the disk was partitioned, and the next run tidies up
            assert one.errors.keys() <= {"machine web-1", "machine web-2"}, (at, one.errors)
            assert all(met_other(text) for text in one.errors.values()), (at, one.errors)
            applied(server, described)
        assert contents(server) == expected, at
        created = [
            (type, label)
            for report in (one, other) for type, changes in report.done.items()
            for label, change in changes.items()
            if change.get("new") and change.get("old", 1) is None and type != "dhcp"
            and (type, label) not in report.taken_over
        ]  # fmt: skip
        twice = {one for one in created if created.count(one) > 1}
        if any(path.startswith("POST files/") for path in one.requests[at : at + 1]):
            twice.discard(("file", "motd.txt"))  # it has looked, and MAAS replaces it silently
        assert twice == set(), at


def with_other_values(described):
    """The pillar of somebody who wants something else of the same objects."""
    found = copy.deepcopy(described)
    found["zones"] = {"north": {"description": "by the wall"}, "south": {"description": "cold"}}
    found["tags"]["gpu"]["comment"] = "boards"
    for place, values in (
        ("files:motd.txt", {"content": "bye\n"}),
        ("domains:example.com", {"ttl": 600}),
        ("subnets:10.10.0.0/24", {"gateway_ip": "10.10.0.254"}),
        ("machines:web-1", {"description": "middle row"}),
    ):
        kind, _, name = place.partition(":")
        found.get(kind, {}).get(name, {}).update(values)
    return found


@pytest.mark.parametrize(("case", "step"), SOME)
def test_another_run_of_a_pillar_with_other_values(case, step):
    """Each field has one of the two values, and a run reports what it has made true."""
    ours = case.pillars[0]
    theirs = with_other_values(ours)

    def race(server, at):
        return racing.at_boundary(
            server, ours, at, lambda: racing.run(server.url, server.api_key, theirs)
        )

    for at, server, one, other in racing.boundaries(new_region(case), race, step):
        assert other.errors == {}, at
        # A sequence of requests that meets what the other run has made ends, and says so.
        for error in one.errors.values():  # or its answer shows the other value already
            assert met_other(error), (at, error)
        not_ours, not_theirs = left(server, ours), left(server, theirs)
        assert not_ours or not_theirs, at
        neither = {f"{type} {label}" for type, label, _ in not_ours.keys() & not_theirs.keys()}
        assert neither <= one.errors.keys(), at
        for report, missing in ((one, not_ours), (other, not_theirs)):
            for type, label, _ in missing:  # it was there, and the other run has changed it since
                failed = f"{type} {label}" in report.errors
                assert failed or label in report.done.get(type, ()), (at, type, label)


# A person


@pytest.mark.parametrize(("case", "step"), SOME)
def test_what_somebody_changes_is_not_deleted(case, step):
    """A zone that is to go is kept if somebody changes it once the plan is made."""
    first, second = case.pillars

    def race(server, at):
        def person():
            client = snapshot_of(server).client
            there = any(one["name"] == "south" for one in client.get("zones/"))
            return there and bool(client.put("zones/south/", data={"description": "mine"}))

        return racing.at_boundary(server, second, at, person)

    outcomes = set()
    for at, server, report, was_there in racing.boundaries(new_region(case, first), race, step):
        requests = report.requests
        planned_later = at <= requests.index("GET zones/")
        deleted_next = requests[at : at + 1] == ["DELETE zones/south/"]
        noticed = was_there and not planned_later and not deleted_next and at < len(requests)
        told = {
            "zone south": "another client changed its description after the plan was made; run "
            "again if it is to go"
        }
        assert report.errors == (told if noticed else {}), at
        assert ("south" in snapshot_of(server).records("zone")) == noticed, at
        outcomes.add(noticed)
    assert step > 1 or outcomes == {True, False}


@pytest.mark.parametrize(
    ("case", "step"), [SOME[1], *(one for one in SOME[2:] if one.values[0].api == "machines")]
)
def test_what_somebody_puts_on_a_disk_is_not_deleted(case, step):
    """Somebody adds a logical volume while disks and interfaces are changed."""
    first, second = case.pillars

    def race(server, at):
        def person():
            client = snapshot_of(server).client
            (machine,) = client.get("machines/", mac_address=campaign.MACS[0])
            path = f"nodes/{machine['system_id']}/"
            (group,) = client.get(f"{path}volume-groups/")
            try:
                client.post(
                    f"{path}volume-group/{group['id']}/", op="create_logical_volume",
                    data={"name": "mine", "size": 5 * 10**9},
                )  # fmt: skip
            except Invalid:  # as the run has used all space
                return None
            return path

        return racing.at_boundary(server, second, at, person)

    outcomes = set()
    for at, server, report, path in racing.boundaries(new_region(case, first), race, step):
        if path is None:
            outcomes.add("no space")
            continue
        names = {one["name"] for one in snapshot_of(server).client.get(f"{path}blockdevices/")}
        planned_later = at <= report.requests.index("GET machines/")
        assert ("vg0-mine" in names) != planned_later, at
        if not planned_later and at < len(report.requests):
            assert "machine web-1" in report.errors, at
        outcomes.add("kept" if "vg0-mine" in names else "in the plan")
    assert "kept" in outcomes or step > 1


@pytest.mark.parametrize(
    ("case", "step"), [one for one in SOME[2:] if one.values[0].api == "machines"]
)
def test_what_somebody_puts_a_node_into_is_not_pruned(case, step):
    """Somebody puts a device that is not described into a zone, and tags it, that are to go."""
    first, second = case.pillars

    def make():
        server = new_region(case, first)()
        values = {"hostname": "other", "mac_addresses": "52:54:00:00:00:99"}
        snapshot_of(server).client.post("devices/", data=values)
        return server

    def race(server, at):
        def person():
            client = snapshot_of(server).client
            (device,) = client.get("devices/", hostname="other")
            there = {one["name"] for one in client.get("zones/")} & {"south"}
            there |= {one["name"] for one in client.get("tags/")} & {"old"}
            if "south" in there:
                client.put(f"devices/{device['system_id']}/", data={"zone": "south"})
            if "old" in there:
                client.post("tags/old/", op="update_nodes", data={"add": device["system_id"]})
            return there

        try:
            return racing.at_boundary(server, second, at, person)
        except BadInput as refused:
            return racing.Report({}, set(), {"": str(refused)}, [""] * (at + 1)), None

    outcomes = set()
    for at, server, report, there in racing.boundaries(make, race, step):
        now = snapshot_of(server)
        held = set(now.records("zone")) & {"south"} | set(now.records("tag")) & {"old"}
        deleted_next = {
            name for name, path in (("south", "zones/south/"), ("old", "tags/old/"))
            if report.requests[at : at + 1] == [f"DELETE {path}"]
        }  # fmt: skip
        if "" in report.errors:
            assert re.search("would be removed, but (device )?other ", report.errors[""]), at
            assert held == {"south", "old"}, at
            outcomes.add("refused")
        elif there is not None and at < len(report.requests):
            assert held == there - deleted_next, at
            assert {one.split()[1] for one in report.errors} == held, at
            outcomes.add("kept" if held else "gone before")
    assert outcomes == {"refused", "kept", "gone before"}


@pytest.mark.parametrize("described", [{"architecture": "amd64/hwe-22.04"}, {"hostname": "web-9"}])
def test_a_machine_that_somebody_deploys_is_not_changed(described):
    case = Case("machines", "3.7")
    server = new_region(case, case.pillars[0])()
    try:
        client = snapshot_of(server).client
        (web,) = client.get("machines/", hostname="web-1")
        wanted = {"hostname": "web-1", "system_id": web["system_id"], **described}
        snapshot, plan = planned(server, [desired_object("machine", wanted)])
        assert plan.shown() != {}
        hardware.update(server.region, web["system_id"], status=machines.DEPLOYED, owner="ops")
        apply(snapshot, plan, SHORT)
        (error,) = errors(plan).values()
        assert error.startswith(f"{next(iter(described))}: it is Deployed and owned by ops; in_use")
        (now,) = client.get("machines/", hostname="web-1")
        assert (now["architecture"], now["status_name"]) == (web["architecture"], "Deployed")
    finally:
        server.stop()


def test_a_machine_that_somebody_deploys_is_not_deleted():
    case = Case("machines", "3.7")
    server = new_region(case, case.pillars[0])()
    try:
        snapshot, plan = planned(
            server, [desired_object("machine", {"hostname": "web-1"}, absent=True)]
        )
        ident = snapshot.records("machine")["web-1"].raw["system_id"]
        hardware.update(server.region, ident, status=machines.DEPLOYED, owner="ops")
        apply(snapshot, plan, SHORT)
        assert "another client changed its" in errors(plan)["machine web-1"] or (
            "it is Deployed and owned by ops; release: true" in errors(plan)["machine web-1"]
        )
        assert "web-1" in snapshot_of(server).records("machine")
    finally:
        server.stop()


def test_what_was_made_anew_under_the_same_name_is_not_deleted(region):
    described = desired_object("tag", {"name": "gpu"})
    snapshot, plan = planned(region, [described])
    apply(snapshot, plan, SHORT)
    gone = desired_object("fabric", {"name": "dc1"}, absent=True)
    client = snapshot_of(region).client
    first = client.post("fabrics/", data={"name": "dc1"})
    snapshot, plan = planned(region, [gone])
    client.delete(f"fabrics/{first['id']}/")
    client.post("fabrics/", data={"name": "dc1"})
    apply(snapshot, plan, SHORT)
    assert "another client replaced it" in errors(plan)["fabric dc1"]
    assert "dc1" in snapshot_of(region).records("fabric")


# Fields that are not described


def two_fields(table, release):
    """Pairs of fields that can be changed, each with the new value; None inverts a switch."""
    found = dict(known(table, changed(table), release))
    for one in table.fields:
        if one.holds_for(Release(release)) and not one.option:
            if one.kind is BOOLEAN:
                found.setdefault(one.name, None)
            elif one.kind is TEXT and one.name in ("description", "comment"):
                found.setdefault(one.name, "other words")
    free = {
        name: value for name, value in found.items()
        for one in [table.by_name[name]]
        if name not in table.identity and one.readable and one.writable and not one.create_only
        and not one.secret
    }  # fmt: skip
    free.pop("admins", None)  # of a notification, which some user must see
    return list(itertools.permutations(free.items(), 2))


def pairs():
    for release in ("1.7", "2.4", "3.8"):
        for table in tables(release):
            for one, two in two_fields(table, release):
                quick = release == "3.8" and table.name in ("dhcp_snippet", "reserved_ip")
                yield pytest.param(
                    table, release, dict([one]), dict([two]),
                    id=f"{release}-{table.name}-{one[0]}-{two[0]}",
                    marks=[] if quick else pytest.mark.races,
                )  # fmt: skip


@pytest.mark.parametrize(("table", "release", "ours", "theirs"), list(pairs()))
def test_a_field_that_is_not_described_stays_as_somebody_left_it(table, release, ours, theirs):
    with RegionServer(release, import_seconds=0, index_seconds=0, sync_seconds=0) as server:
        if release < "2.0":
            manage_network(server)
        elif table.name == "machine":
            images_and_rack(server)
        example = known(table, table.example, release)
        snapshot, plan = planned(
            server, [*around(table, release), desired_object(table.name, example)]
        )
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
        values = snapshot.tables[table.name].values
        record = snapshot.tables[table.name].match(snapshot, desired_object(table.name, example))
        now = values(snapshot, record.raw)
        if table.name == "machine" and release >= "2.0":  # up to 2.7 it is commissioned at once
            hardware.update(
                server.region, record.raw["system_id"], status=machines.READY, owner=None
            )
        identity = {name: example[name] for name in table.identity}
        ours, theirs = (
            desired_object(table.name, {**identity, **{
                name: not now[name] if value is None else value for name, value in one.items()
            }})
            for one in (ours, theirs)
        )  # fmt: skip
        snapshot, plan = planned(server, [ours])
        other, others = planned(server, [theirs])
        apply(other, others, SHORT)
        assert errors(others) == {}
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
        assert make_plan(snapshot_of(server), [ours]).shown() == {}
        assert make_plan(snapshot_of(server), [theirs]).shown() == {}
