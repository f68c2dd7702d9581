"""What is written on minion and master can be read by its owner alone, whatever the umask."""

from __future__ import annotations

import os
import re
import stat
from types import SimpleNamespace

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import (
    atomic_file,
    cache,
    events,
    lock,
    machine_events,
    machine_resource,
    metrics,
    pillar,
    region_resource,
    seal,
)
from saltext.maas.checked import Checked
from saltext.maas.client import Client, Profile
from saltext.maas.fleet import regions, roll
from saltext.maas.fleet import upgrade as fleet_upgrade
from saltext.maas.fleet.minions import Answer
from saltext.maas.fleet.region_side import claims, health
from saltext.maas.fleet.store import Store
from saltext.maas.minions.master_side import Minions
from saltext.maas.release import Release
from support.loader import REPOSITORY, load

KEYS = SimpleNamespace(of=lambda minion: {}, accepted=set)


def dunders(folder):
    opts = {"id": "minion", "cachedir": str(folder), "maas.minions": {"regions": ["minion"]},
            "maas.fleet": {"region": "region"}}  # fmt: skip
    return {"__opts__": opts, "__context__": {}, "__pillar__": {}, "__salt__": {}}


def held(folder, server):
    with lock.held(f"{folder}/maas", server.url, 1) as one:
        one.writing()


def queue(folder, server):
    store = Store(f"{folder}/maas-fleet")
    store.enqueue("rack-1", "start")
    with store.working():
        there = [one for one in folder.rglob("*") if one.is_file()]
        assert {stat.S_IMODE(one.stat().st_mode) for one in there} == {0o600}
    store.close()
    assert len(there) >= 3  # those that the database has only while it is open, too


def onboarded(folder, server):
    with Minions(dunders(folder)["__opts__"], KEYS) as minions:
        minions._save()


def release(folder, server):
    region_resource._release(dunders(folder), Profile(server.url, server.api_key), True)


def resource(folder, server):
    path = machine_resource._path(dunders(folder), "maas")
    with machine_resource._locked(path):
        machine_resource._record(path, None, 1.0, [])


def plan(folder, server):
    salt = SimpleNamespace(ask_signed=lambda *args, **kwargs: Answer("+ tag gpu"))
    regions.plan(dunders(folder), output=f"{folder}/plan.html", salt=salt)


def nodes(folder, server):
    profile = Profile(server.url, server.api_key)
    assert cache.NodeCache(lambda: Client(profile), str(folder), server.url).nodes(5)


def follower(folder, server):
    client = Client(Profile(server.url, server.api_key))
    events.Follower(client, f"{folder}/maas/events.json")._store({})
    machine_events.MachineFollower(client, str(folder), "maas").step(print)


def upgrading(folder, server):
    path = f"{folder}/maas-fleet/upgrade-region.json"
    run = fleet_upgrade._Upgrade(None, "region", Release("3.8"), path, {})
    run.journal = {"to": "3.8"}
    run._write()


#: By the file that writes.  Those of MAAS's own hosts keep owner and mode of what they replace, and
#: are tested with them.
WRITERS = {
    "atomic_file.py": lambda folder, server: atomic_file.put(f"{folder}/file", "x", lasting=True),
    "cache.py": nodes,
    "checked.py": lambda folder, server: Checked(f"{folder}/maas/checked").note("pillar", {}),
    "events.py": follower,
    "fleet/region_side/claims.py": lambda folder, server: claims.claim(
        dunders(folder), "1", "one", {"rack-1": {"digest": "x", "enrolled": False}}, 9, 0),
    "fleet/region_side/health.py": lambda folder, server: health.record_run(dunders(folder), None,
                                                                         True),
    "fleet/regions.py": plan,
    "fleet/roll.py": lambda folder, server: roll._note(f"{folder}/maas-fleet/roll.json", ["a"]),
    "fleet/store.py": queue,
    "fleet/upgrade.py": upgrading,
    "lock.py": held,
    "machine_events.py": follower,
    "machine_resource.py": resource,
    "metrics.py": lambda folder, server: metrics.write(str(folder), "maas_up 1\n"),
    "minions/master_side.py": onboarded,
    "pillar/export.py": lambda folder, server: pillar.write(f"{folder}/pillar", {"init.sls": "{}"}),
    "region_resource.py": release,
    "seal.py": lambda folder, server: seal._remember(f"{folder}/opened", "0" * 32, 2**40),
    "_beacons/maas_drift.py": lambda folder, server: load(
        "_beacons/maas_drift.py", dunders(folder)["__opts__"]
    )._keep(f"{folder}/maas_drift/last", "x"),
}  # fmt: skip
#: What others have to read: a collector of metrics, and the master's Salt its own pillar's folder.
OPEN = {"maas.prom": 0o644, "pillar": 0o777}


@pytest.fixture(scope="module")
def server():
    with RegionServer("3.7") as server:
        yield server


@pytest.mark.parametrize("writer", list(WRITERS))
def test_only_the_owner_can_read_it(writer, tmp_path, server):
    before = os.umask(0)
    try:
        WRITERS[writer](tmp_path, server)
    finally:
        os.umask(before)
    found = {path: path.stat() for path in tmp_path.rglob("*")}
    assert any(stat.S_ISREG(one.st_mode) for one in found.values())
    for path, one in found.items():
        usual = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(one.st_mode) == OPEN.get(path.name, usual), path
        assert one.st_uid == os.geteuid()


def test_every_writer_is_tested():
    """One that is added needs a line above."""
    library = REPOSITORY / "_utils/saltext/maas"
    files = {path.relative_to(library).as_posix(): path for path in library.rglob("*.py")}
    files |= {path.relative_to(REPOSITORY).as_posix(): path
              for path in REPOSITORY.glob("_[a-z]*/*.py")}  # fmt: skip
    writes = re.compile(r"atomic_file\.put|FileLock\(|O_CREAT|sqlite3\.connect\(|mkstemp\(|"
                        r"open\([^)\n]*, ?\"[wxa]|\.write_(text|bytes)\(")  # fmt: skip
    found = {name for name, path in files.items() if writes.search(path.read_text())}
    assert {name for name in found if not name.startswith("host/")} == {*WRITERS}


def test_a_plan_is_written_over_no_device_and_through_no_link(tmp_path):
    there = tmp_path / "there"
    there.write_text("somebody else's")
    (tmp_path / "plan.html").symlink_to(there)
    plan(tmp_path, None)
    assert there.read_text() == "somebody else's"
    assert (tmp_path / "plan.html").read_text() == "+ tag gpu\n"
    with pytest.raises(regions.MaasError, match="/dev/null cannot be written: it is no regular"):
        regions.plan(dunders(tmp_path), output="/dev/null",
                     salt=SimpleNamespace(ask_signed=lambda *a, **k: Answer("")))  # fmt: skip
