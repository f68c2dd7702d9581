"""Runs of whole pillars through a network in which every fifth request meets a fault.

``python tests/support/campaign.py --api machines 1000`` runs a thousand seeds, and prints how many
runs each pillar needed until the region was as described.  A seed chooses the release, the faults,
whether the proxy speaks TLS, and whether the region is upgraded in the middle; ``--seed 15`` runs
that one alone.
"""

from __future__ import annotations

import argparse
import functools
import logging
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "_utils"), str(ROOT / "tests"), str(ROOT / "emulator")]

from maas_emulator import hardware, machines, scripts_run  # noqa: E402
from maas_emulator.server import RegionServer  # noqa: E402
from maas_emulator.upgrade import upgrade  # noqa: E402
from saltext.maas import pillar, region_plan  # noqa: E402
from saltext.maas.client import Client, Profile, session  # noqa: E402
from saltext.maas.errors import MaasError  # noqa: E402
from saltext.maas.machines import lifecycle  # noqa: E402
from saltext.maas.reconcile import Limits, Snapshot, apply, snapshot  # noqa: E402
from saltext.maas.reconcile.apply import Run  # noqa: E402
from saltext.maas.release import Release  # noqa: E402
from support.campaign_pillars import MACS, PILLARS, SMALL_MAC, second  # noqa: E402
from support.certificates import Certificates  # noqa: E402
from support.examples import CLUSTER  # noqa: E402
from support.faults import KINDS, PLAIN, FaultyProxy, share  # noqa: E402
from support.loader import load  # noqa: E402
from support.machine_regions import images_of_nodes  # noqa: E402
from support.reconciling import carried_out, cluster, rack, snapshot_of  # noqa: E402

RATE = 0.2
MOST = 3  # runs until the region has to be as described
IMAGES = "http://images.example.com/ephemeral-v3/stable"
#: States that a machine passes through once both pillars are true, with its status after each.
LIFE = {"deployed": 6, "powered": 6, "released": 4}
#: What a region can be upgraded to.
UPGRADES = {"1.7": "1.8", "3.7": "3.8"}
_LIMITS = Limits(enrol_seconds=5, catalogue_seconds=5, import_seconds=10, sync_seconds=10)
_QUICK = {"import_seconds": 0.0, "index_seconds": 0.0, "sync_seconds": 0.0, "machine_seconds": 0.02}


@dataclass(frozen=True)
class Case:
    """What a seed chooses.

    Attributes:
        api: ``1.0``, ``2.0`` or ``machines``, a key of ``PILLARS``.
        release: Of the region.
        seed: Of the faults.
        secure: Whether the proxy speaks TLS.
        upgraded: Number of the request at which the region is upgraded; 0 for never.
    """

    api: str
    release: str
    seed: int = 0
    secure: bool = False
    upgraded: int = 0

    @classmethod
    def of(cls, api: str, seed: int) -> Case:
        dice = random.Random(f"{api} {seed}")
        release = dice.choice(list(PILLARS[api]))
        upgraded = release in UPGRADES and dice.random() < 0.5
        return cls(api, release, seed, dice.random() < 0.5,
                   dice.randrange(1, 120) if upgraded else 0)  # fmt: skip

    @property
    def pillars(self) -> list[dict]:
        first = PILLARS[self.api][self.release]
        return [first, second(first)]

    @property
    def undisturbed(self) -> Case:
        """The same without what does not change what the region holds in the end."""
        return Case(self.api, self.release, upgraded=bool(self.upgraded))

    def __str__(self):
        more = [f"MAAS {self.release}"]
        more += ["TLS"] if self.secure else []
        more += [f"upgraded at request {self.upgraded}"] if self.upgraded else []
        return f"--api {self.api} --seed {self.seed} ({', '.join(more)})"


@dataclass
class Figures:
    """What a campaign met."""

    runs: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    requests: int = 0


# The regions


def machine(server, name="new", macs=MACS, disks=("sda", "sdb")) -> None:
    """A machine is enlisted and commissioned."""
    row = machines.new(server.region, hostname=name, architecture="amd64/generic")
    scripts_run.begin(server.region, row, 0)
    hardware.commissioned(
        server.region, row["system_id"],
        interfaces=[
            {"name": f"ens{number}", "mac_address": mac, "address": f"10.10.0.9{mac[-1]}/24"}
            for number, mac in enumerate(macs)
        ],
        disks=[{"name": name, "size": 100 * 10**9} for name in disks],
    )  # fmt: skip
    hardware.update(server.region, row["system_id"], status=machines.READY)


def _series(case):
    return "xenial" if case.release < "3.0" else "focal"


def new_region(case: Case) -> RegionServer:
    """A region with what enrols itself."""
    server = RegionServer(release=case.release, **_QUICK)
    server.start()
    described = case.pillars[0]
    if "machines" in described and case.api == "1.0":
        images_of_nodes(server)
    elif case.api == "1.0":
        cluster(server, CLUSTER, "10.10.0.2")
    else:
        rack(server, "rack-a", "10.10.0.2")
    if case.api == "machines":
        chosen = {"os": "ubuntu", "release": _series(case), "arches": ["amd64"]}
        carried_out(server, {"boot_sources": {IMAGES: {"selections": [chosen]}}})
        machine(server)
        machine(server, "other", [SMALL_MAC], ["sda"])
    return server


def contents(server) -> dict:
    """All that a region holds, without its ids."""
    region, found = snapshot_of(server), {}
    for name, table in region.tables.items():
        if name in ("setting", "cluster_image", "region_controller"):
            continue
        found[name] = sorted(
            str(sorted(table.values(region, raw).items(), key=str))
            for part in table.parts(region) for raw in region.raw(name, part)
        )  # fmt: skip
    found["setting"] = region.records("setting", "kernel_opts")["kernel_opts"].raw["value"]
    return found


# The runs


def _profile(server, proxy=None) -> Profile:
    if proxy is None:
        return Profile(server.url, server.api_key)
    ca_file = proxy.tls.ca_file if proxy.tls else ""
    return Profile(proxy.url, server.api_key, ca_file, deadline=4.0, read_timeout=0.5)


def _run(profile, described):
    """One run; what went wrong in it."""
    try:
        region = Snapshot(Client(profile))
        plan = region_plan.plan_of(region, described)
    except MaasError as error:
        return [f"plan: {error}"]
    problems = [f"cannot be applied: {one}" for one in plan.problems()]
    apply(region, plan, _LIMITS)
    return problems + [f"{one.name}: {one.error}" for one in plan.changes if one.error]


def undisturbed(case: Case) -> dict:
    """What a region holds after both pillars, where nothing goes wrong."""
    server = new_region(case)
    try:
        for described in case.pillars:
            problems = pillar.problems(described, Release(case.release))
            assert problems == [], problems
            problems = _run(_profile(server), described)
            assert problems == [], problems
            _upgrade(server, case)
        for function in LIFE if case.api == "machines" else ():
            done = _reached(_profile(server), case, function)
            assert done["result"], done["comment"]
        return contents(server)
    finally:
        server.stop()


def disturbed(case: Case, expected: dict, figures: Figures | None = None) -> list:
    """Apply both pillars, and states of a machine, through a faulty network.

    Each is applied up to :data:`MOST` times.

    Args:
        case: The region and its faults.
        expected: What :func:`undisturbed` returned.
        figures: Where what was met is counted.

    Returns:
        How many runs each of the two pillars, and each state, needed.

    Raises:
        AssertionError: The region was not as described after the last run, or holds something
            else than expected.
    """
    server, needed = new_region(case), []
    tls = _certificates() if case.secure else None
    choose = _upgrading(server, case, share(RATE, case.seed, tuple(KINDS) if tls else PLAIN))
    try:
        with FaultyProxy(server, choose, away=0.1, drip=0.05, later=0.02, tls=tls) as proxy:
            _PROXIES[proxy.url] = proxy
            for described in case.pillars:
                needed.append(_runs(proxy, server, described))
            for function in LIFE if case.api == "machines" else ():
                needed.append(_tries(proxy, server, case, function))
        _upgrade(server, case)  # if there were too few requests
        there = contents(server)
        wrong = {name: (there[name], expected[name]) for name in there
                 if there[name] != expected[name]}  # fmt: skip
        assert not wrong, wrong
    finally:
        server.stop()
    if figures:
        figures.runs.update(needed)
        figures.requests += proxy.count
        figures.faults.update(kind for _, kind, _, _ in proxy.faults)
    return needed


#: By their URLs; what a region carries out late, it has done when a run has waited for it.
_PROXIES: dict[str, FaultyProxy] = {}


@functools.cache
def _certificates():
    return Certificates()


def _upgrade(server, case):
    if case.upgraded and server.region.release < UPGRADES[case.release]:
        upgrade(server.region, UPGRADES[case.release])


def _upgrading(server, case, choose):
    """Choose as a function does, but for one request: behind it, the region is upgraded."""

    def chosen(number, method, target):
        if number == case.upgraded:
            _upgrade(server, case)
            return "restart"
        return choose(number, method, target)

    return chosen


def _runs(proxy, server, described) -> int:
    """How many runs a pillar needs until the region is as described, and the run says so."""
    for number in range(1, MOST + 1):
        seen = len(proxy.emptied)
        problems = _run(_profile(server, proxy), described)
        proxy.wait_for_late()
        left = region_plan.plan_of(snapshot_of(server), described).shown()
        if not problems and not left:
            return number
        # Nobody can tell a list that is empty from one that ought not to be.
        emptied = proxy.emptied[seen:]
        assert problems or emptied, (number, "success was reported, but this is left", left)
    raise AssertionError((problems, left))


def _reached(profile, case, function):
    """One run of a state of the machine; its return."""
    own = {name: getattr(profile, name) for name in
           ("url", "api_key", "ca_file", "deadline", "read_timeout")}  # fmt: skip
    state = load(
        "_states/maas_machine.py", {"test": False, "maas": own, "id": "minion"},
        __context__={}, __salt__={"event.send": lambda tag, data: None},
    )  # fmt: skip
    given = {"deployed": {"distro_series": _series(case)}, "powered": {"on": False}}
    return getattr(state, function)("web-1", timeout=4, **given.get(function, {}))


def _tries(proxy, server, case, function) -> int:
    """How many runs a state of the machine needs until it is reached, and the run says so."""
    for number in range(1, MOST + 1):
        done = _reached(_profile(server, proxy), case, function)
        proxy.wait_for_late()
        raw = snapshot_of(server).records("machine")["web-1"].raw
        if done["result"]:
            assert raw["status"] == LIFE[function], (function, raw["status_name"])
            return number
    raise AssertionError((function, done["comment"]))


def hurry(patch) -> None:
    """Shorten all pauses, by a function such as ``monkeypatch.setattr``."""
    patch(Run, "poll_seconds", 0.02)
    patch(Run, "stalled_seconds", 2.0)
    patch(Run, "settle", lambda run: _PROXIES[run.client.profile.url].wait_for_late())
    patch(Run, "pause", lambda run, attempt, error: time.sleep(0.005 * 2**attempt))
    patch(snapshot, "_PAUSE", 0.005)
    patch(lifecycle, "FIRST_PAUSE", 0.02)
    patch(lifecycle, "LONGEST_PAUSE", 0.05)
    patch(session, "_FIRST_PAUSE", 0.005)
    patch(session, "_LONGEST_PAUSE", 0.05)


# The campaign


def main(argv: list[str] | None = None) -> int:
    """Run a campaign; the number of seeds that failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("seeds", type=int, nargs="?", default=500, help="of each API")
    parser.add_argument("--api", choices=PILLARS, action="append", help="default: all of them")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--start", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--jobs", type=int, default=4, help="how many at once")
    chosen = parser.parse_args(argv)
    logging.disable(logging.CRITICAL)
    hurry(setattr)
    seeds = range(chosen.start, chosen.start + chosen.seeds)
    if chosen.seed is not None:
        seeds = range(chosen.seed, chosen.seed + 1)
    return sum(_campaign(api, seeds, chosen.jobs) for api in chosen.api or PILLARS)


def _campaign(api, seeds, jobs) -> int:
    figures, began = Figures(), time.monotonic()
    cases = [Case.of(api, seed) for seed in seeds]
    expected = {one: undisturbed(one) for one in {case.undisturbed for case in cases}}

    def tried(case):
        try:
            disturbed(case, expected[case.undisturbed], figures)
        except AssertionError as error:
            print(f"{case}: {str(error)[:1500]}", flush=True)
            return 1
        return 0

    failed = 0
    with ThreadPoolExecutor(jobs) as pool:
        for number, one in enumerate(pool.map(tried, cases), 1):
            failed += one
            if number % 100 == 0:
                print(f"API {api}: {number} of {len(cases)} seeds, {failed} failed", flush=True)
    runs = ", ".join(f"{times} after {number}" for number, times in sorted(figures.runs.items()))
    faults = ", ".join(f"{kind} {times}" for kind, times in sorted(figures.faults.items()))
    print(
        f"API {api}: {len(cases)} seeds, {failed} failed, in {time.monotonic() - began:.0f} s\n"
        f"pillars and states true after so many runs: {runs}\n"
        f"{figures.requests} requests, {figures.faults.total()} faults: {faults}",
        flush=True,
    )
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
