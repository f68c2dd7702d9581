"""Kill runs at each of their requests, and look at what the next runs make of it.

A run is killed before each request is taken, and after each that writes was carried out, before
its answer is seen.

``python tests/support/crashes.py`` kills at every boundary of every run, and prints how many runs
each needed until the region was as after an undisturbed one.

All begin as forks, the region, the run that is killed and those that follow, so that a kill takes
neither a start of Python nor a region that is built anew.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import stat
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / one) for one in ("_utils", "emulator", "tests")]

from saltext.maas.reconcile.apply import Run  # noqa: E402
from saltext.maas.resources import uploads  # noqa: E402
from support import campaign, crash_pillars, loader  # noqa: E402
from support.faults import FaultyProxy  # noqa: E402
from support.killing import forked  # noqa: E402

RELEASES = ("1.7", "1.9", "2.6", "3.7", "3.8")
MOST = 2  # runs after the kill until the region has to be as described


class Kill(NamedTuple):
    """What came of one.

    Attributes:
        run: Release and name of the run that was killed.
        point: Where that was.
        comments: Of the runs that the region needed after it.
        wrong: What is not as it has to be.
    """

    run: str
    point: str
    comments: list
    wrong: list


class _Run:
    """Runs of ``maas_region.managed`` with one pillar, against forks of one region."""

    def __init__(self, server, described):
        self.server, self.described = server, described
        self.states = loader.load("_states/maas_region.py")

    def __call__(self, url, cache, test=False):
        self.states.__dict__.update(
            __opts__={"id": "region", "cachedir": cache, "test": test},
            __pillar__={"maas": self.described},
            __context__={},
        )
        profile = {"url": url, "api_key": self.server.api_key, "deadline": 60}
        return self.states.managed("all", profile=profile)

    def undisturbed(self, test=False):
        """Bring this process's own region to what is described."""
        self.server.requests.reset()
        with tempfile.TemporaryDirectory() as cache, FaultyProxy(self.server, _no_fault) as proxy:
            result = self(proxy.url, cache, test)
            assert result["result"] is (None if test else True), result["comment"]
            writes = len(self.server.requests.writes())
            requests, contents = proxy.count, self._contents(proxy)
        while threading.active_count() > 1:  # whose locks a fork would keep for ever
            time.sleep(0.001)
        return requests, writes, contents

    def killed(self, number, written):
        """Kill a fork at a request; what came of it, or None where it had ended before that."""
        with tempfile.TemporaryDirectory() as cache:
            proxy = _KillingProxy(self.server, number, written)
            victim = os.fork()
            if victim == 0:
                self(proxy.url, cache)
                os._exit(0)
            proxy.victim = victim
            with proxy:
                _, status = os.waitpid(victim, 0)
                proxy.victim = None
                if not os.WIFSIGNALED(status):
                    return None
                wrong = [*_readable(cache)]
                comments = []
                while len(comments) < MOST:
                    planned, done = self(proxy.url, cache, test=True), self(proxy.url, cache)
                    comments.append(done["comment"])
                    if done["result"]:
                        break
                if planned["changes"] != done["changes"]:
                    wrong.append(("planned and done", planned["changes"], done["changes"]))
                wrong += [] if done["result"] else comments
                return {"comments": comments, "wrong": wrong, "contents": self._contents(proxy)}

    def _contents(self, proxy):
        """All that the API shows but ids, and how many rows the region has of each kind."""
        self.server.url = proxy.url
        found = campaign.contents(self.server)
        rows = {kind: len(rows) for kind, rows in self.server.region._rows.items()}
        rows["events"] = 0  # a run that is killed may have caused some more
        return {**found, "rows": {kind: count for kind, count in rows.items() if count}}


def _no_fault(number, method, target):
    return None


def _readable(folder):
    """Files with a secret, or that others may read."""
    for path in Path(folder).rglob("*"):
        if path.is_file():
            if stat.S_IMODE(path.stat().st_mode) != 0o600:
                yield f"{path.name} can be read by others"
            if crash_pillars.SECRET in path.read_text(errors="replace"):
                yield f"{path.name} has a secret"


class _KillingProxy(FaultyProxy):
    """Kills the client before some request is taken, or after some write was carried out."""

    def __init__(self, region, number, written):
        super().__init__(region, _no_fault)
        self.left, self.written = number, written
        self.victim = None

    def fault(self, method, target):
        with self._lock:
            self.count += 1
            self.left -= not self.written or method != "GET"
            met = self.victim and self.left == 0
            self.left -= met is True
        return self.count, self._kill if met else None

    def _kill(self, exchange):
        if self.written:
            exchange.carry_out()
        os.kill(self.victim, signal.SIGKILL)
        return False


def sweep(release: str, step: int = 1) -> Iterator[Kill]:
    """Kill each run of a release, one after the other, at each ``step``-th of its points."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "rhel9.tgz")
        image.write_bytes(b"image" * 500)
        server = crash_pillars.region(release)
        server.stop()
        stages = crash_pillars.stages(release, str(image))
        _Run(server, stages["first run"]).undisturbed(test=True)  # imports what all forks need
        for order, (name, described) in enumerate(stages.items()):
            run = _Run(server, described)
            requests, writes, expected = _whole(forked(run.undisturbed))
            points = [(number, False) for number in range(1, requests + 1)]
            points += [(number, True) for number in range(1, writes + 1)]
            for number, written in points[order % step :: step]:
                found = _whole(forked(lambda: run.killed(number, written)))  # noqa: B023
                if found is None:  # it asked less often whether the region was ready
                    continue
                there = found["contents"]
                differ = [(kind, there.get(kind), expected.get(kind))
                          for kind in {*there, *expected}
                          if there.get(kind) != expected.get(kind)]  # fmt: skip
                point = f"{'after write' if written else 'before request'} {number}"
                yield Kill(f"MAAS {release}, {name}", point, found["comments"],
                           found["wrong"] + differ)  # fmt: skip
            run.undisturbed()


def _whole(found):
    assert not found or "error" not in found, found["error"]
    return found


def hurry(patch) -> None:
    """Have runs pause briefly, and send images in small pieces."""
    campaign.hurry(patch)
    patch(Run, "settle", lambda run: None)  # nothing is carried out late here
    patch(uploads, "_PIECE", 1000)


def main(arguments=None) -> int:
    """Run the sweep; the number of kills that it did not get over."""
    options = argparse.ArgumentParser(description="Kill runs at each of their requests.")
    options.add_argument("--step", type=int, default=1, help="kill at each STEP-th point only")
    options.add_argument("releases", nargs="*", default=RELEASES, metavar="RELEASE")
    given = options.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    hurry(setattr)
    kills, right = Counter(), Counter()
    for release in given.releases:
        for kill in sweep(release, given.step):
            kills[kill.run] += 1
            right[kill.run, len(kill.comments)] += not kill.wrong
            if len(kill.comments) > 1:
                print(f"{kill.run}, {kill.point}, then: {kill.comments[0][:1500]}", flush=True)
            if kill.wrong:
                print(f"{kill.run}, {kill.point}: {str(kill.wrong)[:1500]}", flush=True)
    for run, count in kills.items():
        after = ", ".join(f"{right[run, number]} after {number}" for number in (1, MOST))
        print(f"{run}: {count} kills, right again after so many runs: {after}")
    failed = kills.total() - right.total()
    print(f"{kills.total()} kills, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
