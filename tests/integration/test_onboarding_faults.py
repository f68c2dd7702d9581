"""What can go wrong while a cluster is onboarded, done to real minions of a real master.

Each ends enrolled after one more event at the most; ``make test-onboard`` runs these.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import requests
from support.site import REGION, Listener, Site

pytestmark = [pytest.mark.salt, pytest.mark.fleet]

FAULTS = (
    "lost", "resumed", "hung", "busy", "down", "wrong", "full", "mended", "refused", "deaf",
)  # fmt: skip


@pytest.fixture(scope="module", params=["3.7", "1.7"])
def faulty(request, tmp_path_factory):
    """A site whose clusters are each for one fault; none is started yet."""
    folder = tmp_path_factory.mktemp("faults")
    with Site(request.param, folder, clusters=FAULTS, log_level="debug") as site:
        listener = Listener(site)
        yield site, listener
        listener.stop()


def enrolled(site, listener, minion, count=1, seconds=200):
    outcome = listener.wait([minion], count=count, seconds=seconds)[minion]
    assert (outcome["step"], outcome["state"]) == ("report", "done"), outcome


def failed(site, listener, minion, count=1, seconds=200):
    outcome = listener.wait([minion], count=count, seconds=seconds)[minion]
    assert outcome["state"] == "failed", outcome
    assert outcome["message"]
    assert "again" in outcome["todo"]
    return outcome


def await_step(listener, minion, step, state="running", seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if listener.of(minion, step, state):
            return
        time.sleep(0.05)
    raise AssertionError(f"{minion} never came to {step}: {listener.of(minion)}")


def test_a_minion_that_is_lost_is_taken_up_when_it_is_back(faulty):
    site, listener = faulty
    site.start_minions(["lost"])
    await_step(listener, "lost", "pillar")
    site.stop_process("lost", signal.SIGKILL)
    outcome = failed(site, listener, "lost")
    assert "did not answer" in outcome["message"]
    site.start_minions(["lost"])
    enrolled(site, listener, "lost", count=2)


def test_a_wrong_secret_that_was_installed_before_is_replaced(faulty):
    site, listener = faulty
    path = Path(site.host("wrong").path("secret"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("c0ffee" * 5)
    site.start_minions(["wrong"])
    enrolled(site, listener, "wrong")


def test_a_full_disk_is_reported_and_once_emptied_it_goes_on(faulty):
    site, listener = faulty
    place = os.path.dirname(site.host("full").path("cluster_config"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", place], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a file system of its own needs root")
    try:
        site.host("full").write("cluster_config", "")
        with contextlib.suppress(OSError), open(f"{place}/filler", "wb") as stream:
            while True:
                stream.write(b"x" * 4096)
                stream.flush()
        site.start_minions(["full"])
        outcome = failed(site, listener, "full")
        assert outcome["step"] == "configure"
        assert "space" in outcome["message"]
    finally:
        subprocess.run(["umount", place], check=True)
    site.fire("maas/cluster/onboard", {"id": "full"})
    enrolled(site, listener, "full", count=2)


def test_a_pillar_that_is_corrected_halfway(faulty):
    site, listener = faulty
    if site.old:
        wrong = {"interfaces": {"eth0": {"management": "dhcp", "ip": "10.99.0.300"}}}
    else:
        wrong = {"zone": "nowhere"}
    site.named["mended"] = wrong
    site.write_pillar()
    site.start_minions(["mended"])
    outcome = failed(site, listener, "mended")
    assert ("10.99.0.300" if site.old else "nowhere") in outcome["message"]
    site.named["mended"] = None
    site.write_pillar()
    site.fire("maas/cluster/onboard", {"id": "mended"})
    enrolled(site, listener, "mended", count=2)


def test_a_region_that_does_not_answer_for_a_while(faulty):
    site, listener = faulty
    region = site._running[0].pid
    os.kill(region, signal.SIGSTOP)
    try:
        site.start_minions(["hung"])
        outcome = failed(site, listener, "hung", seconds=100)
        assert REGION in outcome["message"]
    finally:
        os.kill(region, signal.SIGCONT)
    site.fire("maas/cluster/onboard", {"id": "hung"})
    enrolled(site, listener, "hung", count=2)


def test_a_region_that_answers_503_for_a_while(faulty):
    site, listener = faulty
    site.unavailable(600)
    try:
        site.start_minions(["busy"])
        outcome = failed(site, listener, "busy")
        assert "503" in outcome["message"]
    finally:
        site.unavailable(0)
    # Once it is under way, a short while costs no more than time.
    count = refusals(site)
    site.fire("maas/cluster/onboard", {"id": "busy"})
    await_step(listener, "busy", "secret")
    site.unavailable(10)
    enrolled(site, listener, "busy", count=2)
    assert refusals(site) > count


def test_a_region_that_is_down_for_a_while(faulty):
    site, listener = faulty
    site.outage(600)
    try:
        site.start_minions(["down"])
        outcome = failed(site, listener, "down")
        assert "without response" in outcome["message"]
    finally:
        site.outage(0)
    site.fire("maas/cluster/onboard", {"id": "down"})
    await_step(listener, "down", "secret")
    site.outage(10)
    ended = listener.wait(["down"], count=2)["down"]
    if ended["state"] == "failed":  # a write was cut off, and nobody knows whether it was done
        assert "again" in ended["todo"]
        site.fire("maas/cluster/onboard", {"id": "down"})
        enrolled(site, listener, "down", count=3)


def refusals(site):
    return len([one for one in site.requests() if one["status"] == 503])


def test_one_that_was_rejected_or_deleted_by_hand_is_onboarded_again(faulty):
    site, listener = faulty
    site.start_minions(["refused"])
    enrolled(site, listener, "refused")
    if site.old:
        uuid = site.record("refused")["cluster"]
        site.salt(REGION, "maas_api.post", "nodegroups/", "op=reject", f"uuid={uuid}")
        assert state_of(site, "refused") == "rejected"
    else:
        delete_rack(site, "refused")
        # The region had its daemon forget the secret.
        deadline = time.monotonic() + 10
        while site.host("refused").read("secret") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert site.host("refused").read("secret") is None
    site.fire("maas/cluster/onboard", {"id": "refused"})
    enrolled(site, listener, "refused", count=2)
    assert state_of(site, "refused") == ("accepted" if site.old else "connected")


def test_one_that_does_not_know_it_was_deleted_is_restarted(faulty):
    site, listener = faulty
    site.start_minions(["deaf"])
    enrolled(site, listener, "deaf")
    if site.old:
        return  # nothing that holds a node group's interfaces is deleted by hand
    place = site.host("deaf").path("emulator.json")
    info = json.loads(Path(place).read_text())
    Path(place).write_text(json.dumps({**info, "unreachable": True}))
    secret = site.host("deaf").read("secret")
    starts = site.host("deaf").peek("services")
    delete_rack(site, "deaf")
    time.sleep(2)
    assert site.host("deaf").read("secret") == secret
    assert site.host("deaf").peek("services") == starts
    assert state_of(site, "deaf") == "absent"
    site.fire("maas/cluster/onboard", {"id": "deaf"})
    enrolled(site, listener, "deaf", count=2)
    assert state_of(site, "deaf") == "connected"


def state_of(site, minion):
    look = site.salt(REGION, "maas_fleet.inspect", f"[{minion}]")[REGION]
    return look["clusters"][minion]["state"]


def delete_rack(site, minion):
    ident = site.host(minion).read("maas_id").strip()
    site.salt(REGION, "maas_api.delete", f"rackcontrollers/{ident}/", "force=true")
    assert minion not in site.salt(REGION, "maas_rack.list")[REGION]


def test_a_master_that_is_restarted_goes_on_with_the_next_event(faulty):
    site, listener = faulty
    site.start_minions(["resumed"])
    await_step(listener, "resumed", "secret")
    listener.stop()
    site.stop_process("master", signal.SIGKILL)
    site.start_master()
    site._await_minions()
    other = Listener(site)
    try:
        site.fire("maas/cluster/onboard", {"id": "resumed"})
        outcome = other.wait(["resumed"], seconds=240)["resumed"]
        assert (outcome["step"], outcome["state"]) == ("report", "done"), outcome
    finally:
        other.stop()


def test_in_the_end_each_is_there_once(faulty):
    site, _ = faulty
    look = site.salt(REGION, "maas_fleet.inspect")[REGION]["clusters"]
    # Nothing is left of any but those that were started, and none is there halfway.
    started = {minion for minion in FAULTS if site.record(minion)}
    good = {"accepted" if site.old else "connected"}
    assert {look[minion]["state"] for minion in started} == good
    assert {site.record(minion)["state"] for minion in started} == {"enrolled"}
    there = site.salt(REGION, "maas_node_group.list" if site.old else "maas_rack.list")[REGION]
    assert len(there) == len(started), sorted(there)
    raw = site.salt(REGION, "maas_api.get", *(
        ("nodegroups/", "op=list") if site.old else ("rackcontrollers/",)
    ))[REGION]  # fmt: skip
    names = [one["cluster_name" if site.old else "hostname"] for one in raw]
    assert len(names) == len(set(names)) == len(started), names
    assert requests.get(f"{site.url}/api/{'1.0' if site.old else '2.0'}/version/", timeout=10).ok
