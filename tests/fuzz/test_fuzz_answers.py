"""Answers of a region that is broken or hostile, to all that asks it: read after read, changed."""

# ruff: noqa: E501 -- hostile values read best with many on a line

from __future__ import annotations

import contextlib
import json
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from saltext.maas import events, inventory, machine_events, pillar, region_plan
from saltext.maas.client import Client, Profile
from saltext.maas.machines import instances, lifecycle, view
from saltext.maas.reconcile import Snapshot, apply
from support import campaign
from support.campaign import Case
from support.hostile import bytes_of, examples, folder, harmless, mutated, texts, tried
from support.misbehaving import Instead, Misbehaving, Proxy, answer

CASES = [Case("2.0", "3.8")]
if not settings.default.derandomize:  # which are many inputs
    CASES += [
        Case("1.0", "1.5"),
        Case("1.0", "1.7"),
        Case("1.0", "1.9"),
        Case("2.0", "3.7"),
        Case("machines", "2.6"),
    ]
#: Statuses of answers, and the types that they say they are.
STATUSES = (
    200,
    200,
    200,
    200,
    200,
    200,
    204,
    302,
    400,
    401,
    403,
    404,
    409,
    410,
    418,
    500,
    502,
    503,
)
KINDS = ("application/json", "application/json; charset=utf-8", "application/json; charset=utf-16",
         "application/json; charset=unicode_escape", "application/json; charset=zlib_codec",
         "application/json; charset=nonsense", "text/html", "text/plain", "", "x")  # fmt: skip


def planned(client, case, root):
    plan = region_plan.plan_of(Snapshot(client), case.pillars[1])
    plan.shown(), plan.problems()
    return plan


def exported(client, case, root):
    found = pillar.export(Snapshot(client))
    pillar.write(str(root / "pillar"), pillar.files(found, "type"))
    return found


def unmanaged(client, case, root):
    return region_plan.unmanaged_of(Snapshot(client), {})


def nodes(client, case, root):
    found = inventory.read(client)
    inventory.of_minion(found, "web-1")
    return found


def machines(client, case, root):
    found = view.rows(client)
    view.counts_text(found)
    return found


def followed(client, case, root):
    if client.release >= "1.8":
        events.Follower(client, str(root / "events"), begin="oldest").step(lambda tag, data: None)
        events.Follower(client, str(root / "events"), begin="oldest").step(lambda tag, data: None)
    one = machine_events.MachineFollower(client, str(root), "u", begin="oldest")
    one.step(lambda tag, data: _a_tag(tag))


def _a_tag(tag):
    assert tag.isascii()
    assert ".." not in tag


def listed(client, case, root):
    instances.listed(client)
    instances.named(client, "web-1")
    return lifecycle.all_listed(client, {})


WORKS = (planned, planned, exported, exported, unmanaged, nodes, machines, followed, listed)


class Scene:
    """A region with objects of most types, and the answers to all reads of all works."""

    def __init__(self, case):
        self.case, self.server = case, campaign.new_region(case)
        campaign._run(campaign._profile(self.server), case.pillars[0])
        self.instead, self.answers = {}, {}
        self.proxy = Proxy(self.server, before=self.before, after=self.after).__enter__()
        for work in set(WORKS):
            self.recorded = self.answers.setdefault(work, {})
            with folder() as root:
                work(self.client(), case, root)

    def client(self):
        return Client(Profile(self.proxy.url, self.server.api_key, deadline=2.0, read_timeout=1.0))

    def before(self, method, target, body):
        return self.instead.get(_path(target), body) if method == "GET" else body

    def after(self, method, target, body):
        if method == "GET" and self.recorded is not None:
            self.recorded[_path(target)] = body
        return body

    def close(self):
        self.proxy.__exit__()
        self.server.stop()


def _path(target):
    """A target without what differs between two runs."""
    return unquote(target.partition("/api/")[2])


@pytest.fixture(scope="module", params=CASES, ids=str)
def scene(request):
    with pytest.MonkeyPatch.context() as patch:
        campaign.hurry(patch.setattr)
        found = Scene(request.param)
        found.recorded = None
        yield found
        found.close()


@st.composite
def answers(draw, good):
    """Another answer than a good one."""
    status, kind = draw(st.sampled_from(STATUSES)), draw(st.sampled_from(KINDS))
    how = draw(st.sampled_from(("value", "value", "value", "value", "bytes", "text", "encoded")))
    if how == "value":
        kind = "application/json"
        with contextlib.suppress(ValueError):
            good = json.dumps(draw(mutated(json.loads(good)))).encode()
    elif how == "bytes":
        good = draw(bytes_of(good))
    elif how == "text":
        good = draw(texts).encode("utf-8", "surrogatepass")
    else:
        code = draw(st.sampled_from(("utf-16", "utf-32", "utf-7", "latin-1", "utf-8-sig")))
        good = good.decode().encode(code, "replace")
    return Instead(good, status if draw(st.booleans()) else 200, kind)


@examples(3, 0.2)
@given(data=st.data())
def test_read(scene, data):
    work = data.draw(st.sampled_from(WORKS))
    path = data.draw(st.sampled_from(sorted(scene.answers[work])))
    scene.instead = {path: data.draw(answers(scene.answers[work][path]))}
    with folder() as root:
        tried("answer to a read", work, scene.client(), scene.case, root,
              secrets=(scene.server.api_key, scene.server.api_key.split(":")[2]), root=root)  # fmt: skip


#: What a write is answered with.
WRITTEN = [{"id": 7, "name": "x", "resource_uri": "/MAAS/api/2.0/x/7/", "system_id": "4y3h7n"}]


@examples(1, 0.1)
@given(data=st.data())
def test_write(scene, data):
    """Nothing is carried out, and each write is answered with something."""
    client = scene.client()
    scene.instead = {}
    region = Snapshot(client)
    plan = region_plan.plan_of(region, scene.case.pillars[1])
    given = data.draw(st.lists(answers(json.dumps(WRITTEN[0]).encode()), min_size=1, max_size=4))
    turns = iter(given * 1000)
    before, scene.proxy.before = scene.proxy.before, lambda method, target, body: (
        body if method == "GET" else next(turns))  # fmt: skip
    try:
        tried("answer to a write", apply, region, plan, campaign._LIMITS, seconds=4)
    finally:
        scene.proxy.before = before
    for one in plan.changes:
        if one.error:
            harmless(str(one.error), (scene.server.api_key,))
        assert not one.done or one.error is None


@examples(4, 0.2)
@given(data=st.data())
def test_version(data):
    """What says which release it is."""
    good = {"version": "3.7.1", "subversion": "x", "capabilities": ["a"]}
    old = {"resources": [{"name": "FabricsHandler", "anon": None, "auth": {"uri": "x"}}]}
    steps = [data.draw(answers(json.dumps(one).encode())) for one in (good, old, old)]
    made = [answer(one.status, one.body, one.kind) for one in steps]
    with Misbehaving(*made) as server:
        client = Client(Profile(server.url, deadline=0.5, read_timeout=0.5))
        tried("answer to a read", lambda: client.release)
