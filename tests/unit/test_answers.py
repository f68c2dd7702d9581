"""Answers are believed only as far as they show what was asked for."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl, urlencode

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import module_helpers, pillar, region_plan
from saltext.maas.errors import MaasError
from saltext.maas.reconcile import apply, desired_object, make_plan
from saltext.maas.reconcile.apply import Run
from saltext.maas.release import SERIES
from support.examples import EXAMPLES, around, changed, examples_for
from support.misbehaving import Instead, Proxy
from support.reconciling import SHORT, errors, snapshot_of

pytestmark = pytest.mark.usefixtures("impatient")

PAGE = "<!DOCTYPE html><html><body>Welcome</body></html>"
ODD = {
    "a web page": PAGE,
    "null": "null",
    "a number": "7",
    "a text": '"no"',
    "an empty list": "[]",
    "an empty object": "{}",
    "a list of null": "[null]",
    "objects without anything": "[{}]",
    "objects of another form": '[{"id": "x", "name": 7, "resource_uri": null, "vlans": 3}]',
    "cut off": '[{"id": 1, "na',
}
NEWEST = SERIES[-1]
TABLES = [table for table in EXAMPLES if not table.up_to or table.up_to >= "3"]


@pytest.fixture
def region():
    with RegionServer(release=NEWEST, index_seconds=0.0) as server:
        yield server


def made(region, desired, url=None):
    """Plan desired objects and carry them out."""
    snapshot = snapshot_of(region, url, deadline=1.0)
    plan = make_plan(snapshot, desired)
    apply(snapshot, plan, SHORT)
    return plan


def there(region, desired):
    """Whether the region holds what a desired object is for."""
    snapshot = snapshot_of(region)
    return snapshot.tables[desired.type].match(snapshot, desired) is not None


def only(method, what):
    """Let something become of the requests of one method alone."""
    return lambda asked, target, body: what(body) if asked == method else body


def unless_read(answer):
    """Answer every write so, and carry none out."""
    return lambda method, target, body: body if method == "GET" else Instead(answer)


def told_or_none(work):
    """What an error of ours says; nothing where there was none.  Any other goes through."""
    try:
        work()
    except MaasError as error:
        return str(error)
    return None


def plan_or_error(snapshot, desired):
    return told_or_none(lambda: make_plan(snapshot, desired)) or ""


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_what_is_read_in_another_form_is_one_error(region, table):
    desired = examples_for(table, NEWEST)
    made(region, desired)
    region.requests.reset()
    make_plan(snapshot_of(region), desired)
    paths = {entry.path for entry in region.requests} - {"/MAAS/api/2.0/version/"}
    own = snapshot_of(region).source(table)
    path = sorted(one for one in paths if own in one)[0]
    for odd in ODD.values():

        def instead(method, target, body, odd=odd):
            kind = "text/html" if odd == PAGE else "application/json"
            return Instead(odd, kind=kind) if target.partition("?")[0] == path else body

        with Proxy(region, before=instead) as proxy:
            told = plan_or_error(snapshot_of(region, proxy.url, deadline=1.0), desired)
        if odd == ODD["objects of another form"]:
            assert own in told or not told  # where name and number are all that is read
        else:
            assert odd == "[]" or own in told, odd


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_success_without_the_object_is_none(region, table):
    """Each write is answered with success, and never carried out."""
    made(region, examples_for(table, NEWEST, absent=True)[-1:])
    made(region, around(table, NEWEST))
    desired = examples_for(table, NEWEST)
    method = "POST"
    other_object = json.dumps(
        {"id": 4711, "name": "another", "resource_uri": "/MAAS/api/2.0/x/4711/"}
    )
    for body in ("null", "{}", "OK", other_object):
        with Proxy(region, before=only(method, lambda _, body=body: Instead(body))) as proxy:
            plan = made(region, desired, proxy.url)
        assert not [change.name for change in plan.changes if change.done], body
        assert not there(region, desired[-1])

    made(region, desired)
    other = examples_for(table, NEWEST, changed(table))[-1:]
    gone = examples_for(table, NEWEST, absent=True)[-1:]
    for again in (other, gone) if changed(table) else (gone,):
        for body in ("null", "{}", '"OK"', other_object):
            with Proxy(region, before=unless_read(body)) as proxy:
                plan = made(region, again, proxy.url)
            assert list(errors(plan)) == [change.name for change in plan.changes] != [], body
    assert there(region, desired[-1])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_write_that_was_carried_out_is_seen_behind_any_answer(region, table):
    made(region, examples_for(table, NEWEST, absent=True)[-1:])
    made(region, around(table, NEWEST))
    desired = examples_for(table, NEWEST)
    for odd in ("null", "{}", '{"id": 4711, "name": "another"}'):

        def altered(method, target, body, odd=odd):
            return body if method == "GET" else odd.encode()

        with Proxy(region, after=altered) as proxy:
            plan = made(region, desired, proxy.url)
            assert errors(plan) == {}
            assert there(region, desired[-1])
            gone = examples_for(table, NEWEST, absent=True)[-1:]
            plan = made(region, gone, proxy.url)
            assert errors(plan) == {}
            assert not there(region, desired[-1])


def without(name):
    """Take a field out of a form."""

    def change(body):
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
        return urlencode([pair for pair in pairs if pair[0] != name]).encode()

    return change


IGNORED = [
    (table, name) for table in TABLES for name in changed(table)
    if not (table.by_name[name].as_file or table.by_name[name].separate)
    and table.name not in ("file", "reserved_ip", "script")
]  # fmt: skip


@pytest.mark.parametrize(("table", "name"), IGNORED, ids=lambda one: getattr(one, "name", one))
def test_a_field_that_was_ignored_is_not_done(region, table, name):
    made(region, examples_for(table, NEWEST))
    other = examples_for(table, NEWEST, changed(table))
    change = only("PUT", without(table.by_name[name].wire_name))
    with Proxy(region, before=change) as proxy:
        plan = made(region, other, proxy.url)
    (told,) = errors(plan).values()
    assert re.search(rf"did not do it: .*\b{name} is .* instead of ", told)
    if table.by_name[name].secret:
        assert str(changed(table)[name]) not in told
    made(region, other)
    plan = made(region, examples_for(table, NEWEST))
    assert errors(plan) == {}


def test_an_unexpected_exception_fails_one_change_alone(region, monkeypatch, caplog):
    def broken(run, desired):
        raise KeyError(f"cidr {desired.values['password']}")

    user = {"username": "ops", "email": "ops@example.com", "password": "hunter2-secret"}
    desired = [
        desired_object("user", user),
        desired_object("zone", {"name": "north"}),
        desired_object("tag", {"name": "gpu"}),
    ]
    snapshot = snapshot_of(region)
    monkeypatch.setattr(snapshot.tables["user"], "create", broken)
    plan = make_plan(snapshot, desired)
    apply(snapshot, plan, SHORT)
    told = errors(plan)
    assert list(told) == ["user ops"]
    assert told["user ops"].startswith("unexpected KeyError: ")
    assert "Traceback" in caplog.text
    assert "hunter2" not in caplog.text + str(told)
    assert there(region, desired[1])
    assert there(region, desired[2])


def test_who_listens_to_progress_stops_nothing(region):
    def deaf(data):
        raise RuntimeError("no bus")

    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [desired_object("zone", {"name": "north"})])
    apply(snapshot, plan, SHORT, deaf)
    assert errors(plan) == {}


def meddled(region, desired, meddle):
    """Plan, let somebody else do something, and carry the plan out."""
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, desired)
    meddle(snapshot_of(region))
    apply(snapshot, plan, SHORT)
    return plan


def test_a_vlan_that_got_another_vid_meanwhile(region, caplog):
    fabric, vlan = desired_object("fabric", {"name": "dc1"}), {"fabric": "dc1", "vid": 100}
    made(region, [fabric, desired_object("vlan", vlan)])

    def meddle(snapshot):
        raw = snapshot.find("vlan", "dc1/100").raw
        snapshot.client.put(raw["resource_uri"], data={"vid": 101})

    desired = [fabric, desired_object("vlan", {**vlan, "mtu": 9000})]
    plan = meddled(region, desired, meddle)
    assert errors(plan) == {}
    assert [change.action for change in plan.changes] == ["create"]
    assert "the region answered with another VLAN, dc1/101" in caplog.text
    assert make_plan(snapshot_of(region), desired).shown() == {}


@pytest.mark.parametrize(
    ("type", "values", "new", "change"),
    [
        ("tag", {"name": "gpu"}, {"name": "card"}, {"comment": "x"}),
        ("script", {"name": "fans", "script": "#!/bin/sh\n"}, {"name": "air"}, {"title": "x"}),
        ("zone", {"name": "north"}, {"name": "south"}, {"description": "x"}),
    ],
)
def test_a_name_that_changed_meanwhile(region, type, values, new, change):
    made(region, [desired_object(type, values)])

    def meddle(snapshot):
        table = snapshot.tables[type]
        record = table.match(snapshot, desired_object(type, values))
        snapshot.client.put(table.item(snapshot, record.raw), data=new)

    desired = [desired_object(type, {**values, **change})]
    plan = meddled(region, desired, meddle)
    assert errors(plan) == {}
    (done,) = plan.changes
    assert done.action == "create"  # as there was none of this name any more
    assert done.shown()["old"] is None
    assert make_plan(snapshot_of(region), desired).shown() == {}


def test_a_range_that_was_moved_meanwhile(region, caplog):
    subnet = desired_object("subnet", {"cidr": "10.10.0.0/24"})
    span = {"start_ip": "10.10.0.50", "end_ip": "10.10.0.60", "type": "reserved",
            "subnet": "10.10.0.0/24"}  # fmt: skip
    made(region, [subnet, desired_object("ip_range", span)])

    def meddle(snapshot):
        raw = snapshot.find("ip_range", "10.10.0.50-10.10.0.60").raw
        data = {"start_ip": "10.10.0.70", "end_ip": "10.10.0.80"}
        snapshot.client.put(raw["resource_uri"], data=data)

    plan = meddled(region, [subnet, desired_object("ip_range", {**span, "comment": "x"})], meddle)
    assert errors(plan) == {}
    assert "the region answered with another IP range, 10.10.0.70-10.10.0.80" in caplog.text
    assert there(region, desired_object("ip_range", span))


def test_what_was_removed_meanwhile_is_created_again(region):
    desired = [
        desired_object("fabric", {"name": "dc1"}),
        desired_object("vlan", {"fabric": "dc1", "vid": 5}),
    ]
    made(region, desired)
    other = [desired[0], desired_object("vlan", {"fabric": "dc1", "vid": 5, "name": "five"})]

    def meddle(snapshot):
        snapshot.client.delete(snapshot.find("vlan", "dc1/5").raw["resource_uri"])

    plan = meddled(region, other, meddle)
    assert errors(plan) == {}
    assert [change.action for change in plan.changes] == ["create"]


def test_what_was_created_meanwhile_is_taken_over(region):
    def meddle(snapshot):
        snapshot.client.post("zones/", data={"name": "north", "description": "theirs"})

    desired = [
        desired_object("zone", {"name": "north", "description": "ours"}),
        desired_object("tag", {"name": "gpu"}),
    ]
    plan = meddled(region, desired, meddle)
    assert errors(plan) == {}
    assert [change.taken_over for change in plan.changes] == [True, False]
    assert make_plan(snapshot_of(region), desired).shown() == {}


def test_a_creation_that_was_carried_out_late_is_not_sent_twice(region):
    """The answer is lost, and the region is at work on it until it is looked at again."""
    seen, waiting = [], []

    def late(method, target, body):
        if method == "POST":
            waiting.append(body)
            return Instead("cut", status=504, kind="text/html")
        if "dhcp-snippets" in target:
            seen.append(target)
            if len(seen) == 4 and waiting:
                client.post("dhcp-snippets/", data=dict(parse_qsl(waiting.pop().decode())))
        return body

    client = snapshot_of(region).client
    desired = [desired_object("dhcp_snippet", {"name": "ntp", "value": "option x 1;"})]
    with Proxy(region, before=late) as proxy:
        plan = made(region, desired, proxy.url)
    assert errors(plan) == {}
    assert len(client.get("dhcp-snippets/")) == 1


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_copies_that_a_run_made_itself_are_removed(region, lost, monkeypatch):
    """Each creation is carried out after it was looked for, as if the region were very slow."""
    monkeypatch.setattr(Run, "many_lookups", 1)
    client, waiting, left = snapshot_of(region).client, [], [lost]

    def late(method, target, body):
        if method == "POST" and left[0]:
            left[0] -= 1
            waiting.append(dict(parse_qsl(body.decode())))
            return Instead("cut", status=504, kind="text/html")
        if method == "POST":
            for data in waiting:
                client.post("dhcp-snippets/", data=data)
        return body

    desired = [
        desired_object("dhcp_snippet", {"name": "ntp", "value": "option x 1;", "enabled": False})
    ]
    with Proxy(region, before=late) as proxy:
        plan = made(region, desired, proxy.url)
    assert errors(plan) == {}
    assert len(client.get("dhcp-snippets/")) == 1
    assert make_plan(snapshot_of(region), desired).shown() == {}


def test_a_duplicate_of_another_client_is_reported_and_left(region):
    def meddle(snapshot):
        snapshot.client.post("dhcp-snippets/", data={"name": "ntp", "value": "option y 2;"})

    desired = [desired_object("dhcp_snippet", {"name": "ntp", "value": "option x 1;"})]
    plan = meddled(region, desired, meddle)
    (told,) = errors(plan).values()
    assert "another client created a duplicate of this name (ids " in told
    assert len(snapshot_of(region).client.get("dhcp-snippets/")) == 2


#: What hangs on the objects of a region in a form that nobody would expect.
DEEP = [
    ("fabrics/", '[{"id": 0, "name": "fabric-0", "vlans": [{"id": 1, "vid": 0}]}]'),
    ("subnets/", '[{"id": 1, "cidr": "10.0.0.0/24", "vlan": "x", "name": "a"}]'),
    ("subnets/", '[{"id": 1, "cidr": "none", "vlan": null, "name": "a"}]'),
    ("ipranges/", '[{"id": 1, "start_ip": 5, "end_ip": [], "subnet": {}}]'),
    ("nodes/", '[{"hostname": "a", "interface_set": [7], "zone": "x", "tag_names": 3}]'),
    ("rackcontrollers/", '[{"hostname": "a", "service_set": [{}], "interface_set": 1}]'),
    ("domains/", '[{"id": 0, "name": ["x"]}]'),
    ("dnsresources/", '[{"id": 0, "fqdn": "a.maas", "ip_addresses": [{"ip": "nowhere"}]}]'),
    ("scripts/", '[{"name": "a", "history": [{"data": "%%%"}]}]'),
    ("notifications/", '[{"ident": "a", "category": "odd", "context": "no"}]'),
    ("zones/", '[{"name": {"a": 1}}]'),
    ("boot-sources/", '[{"id": 1, "url": "http://x/", "keyring_data": 7}]'),
    ("maas/", '[]'),
]  # fmt: skip


@pytest.mark.parametrize(("path", "odd"), DEEP, ids=lambda one: one[:20].strip("/["))
def test_whatever_asks_the_region_tells_one_error(region, path, odd, monkeypatch):
    """Plan, drift, export, what is not managed, and all objects of each type."""
    dunders = {"__opts__": {}, "__context__": {}, "__salt__": {}, "__pillar__": {}}
    claims = {"zone": True, "subnet": True, "domain": True, "fabric": True}

    def altered(method, target, body):
        return Instead(odd) if method == "GET" and f"/2.0/{path}" in target else body

    def snapshot():
        return snapshot_of(region, proxy.url, deadline=1.0)

    with Proxy(region, before=altered) as proxy:
        profile = {"url": proxy.url, "api_key": region.api_key, "deadline": 1.0}
        for work in (
            lambda: region_plan.drift(snapshot(), {"exclusive": claims, "prune": {"in_use": True}}),
            lambda: region_plan.unmanaged_of(snapshot(), {}),
            lambda: pillar.export(snapshot()),
            *(
                lambda one=one: module_helpers.list_all(dunders, one, {"profile": profile})
                for one, table in snapshot().tables.items()
                if path in table.collection
            ),
        ):
            told_or_none(work)


def test_copies_are_removed_though_the_network_goes_on_failing(region, monkeypatch):
    """The last answers are lost as well, and so are the first ones to what removes the copy."""
    monkeypatch.setattr(Run, "many_lookups", 1)
    client, kept, left = snapshot_of(region).client, [], [2]

    def late(method, target, body):
        if method == "POST" and "dhcp" in target:
            kept.append(dict(parse_qsl(body.decode())))
            return Instead("cut", status=504, kind="text/html")
        if method == "GET" and "dhcp" in target and len(kept) >= 5:
            while kept:
                client.post("dhcp-snippets/", data=kept.pop())
        if method == "DELETE" and left[0]:
            left[0] -= 1
            return Instead("gone", status=502, kind="text/html")
        return body

    desired = [desired_object("dhcp_snippet", {"name": "ntp", "value": "option x 1;"})]
    with Proxy(region, before=late) as proxy:
        plan = made(region, desired, proxy.url)
    assert errors(plan) == {}
    assert len(client.get("dhcp-snippets/")) == 1
