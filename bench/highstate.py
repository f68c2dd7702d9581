"""Measure a highstate with nothing to change, Salt included: python bench/highstate.py [COUNT ...]

Real ``salt-call state.highstate`` of the whole pillar, once to create, and then in turn with one of
the same pillar whose only state is ``test.nop``.  ``ours s`` is the median difference: all that the
extension takes, with its imports and the region's time.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
import yaml

STATE, NOTHING = "maas_region.managed", "test.nop"
PAIRS = 7


def minion(folder: Path, state: str, count: int, url: str, api_key: str) -> list[str]:
    """Write a minion's configuration, states and pillar; returns the command to run."""
    config = {
        "root_dir": str(folder),
        "file_client": "local",
        "file_roots": {"base": [str(folder / "states")]},
        "pillar_roots": {"base": [str(folder / "pillar")]},
        "maas": {"url": url, "api_key": api_key},
        "user": os.environ.get("USER") or "root",
    }
    for name, content in {
        "minion": config,
        "states/top.sls": {"base": {"*": ["all"]}},
        "states/all.sls": {"everything": {state: []}},
        "pillar/top.sls": {"base": {"*": ["maas"]}},
        "pillar/maas.sls": {"maas": common.pillar(count)},
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))
    tool = str(Path(sys.executable).with_name("salt-call"))
    return [tool, "-c", str(folder), "--local", "--out=json", "--log-level=error",
            "state.highstate"]  # fmt: skip


def highstate(command: list[str]) -> tuple[dict, float]:
    """Run it; returns the state's return and the wall time of all of salt-call."""
    started = time.perf_counter()
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    (state,) = json.loads(told.stdout)["local"].values()
    assert state["result"], state["comment"]
    return state, time.perf_counter() - started


def measure(count: int) -> dict:
    """One row."""
    with common.region() as region, tempfile.TemporaryDirectory() as folder:
        commands = [minion(Path(folder) / name, name, count, *region) for name in (STATE, NOTHING)]
        for command in commands:
            highstate(command)
        pairs = [[highstate(command) for command in commands] for _ in range(PAIRS)]
    assert not any(state["changes"] for (state, _), _ in pairs)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "objects": count,
        "state s": statistics.median(state["duration"] for (state, _), _ in pairs) / 1000,
        "salt-call s": statistics.median(wall for (_, wall), _ in pairs),
        "ours s": statistics.median(wall - other for (_, wall), (_, other) in pairs),
        "peak MiB": peak,
    }


def main(args):
    counts = [int(arg) for arg in args] or [10, 100, 1000]
    with common.bytecode():
        print(common.table([measure(count) for count in counts]))


if __name__ == "__main__":
    main(sys.argv[1:])
