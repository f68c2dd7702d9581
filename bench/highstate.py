"""Measure a highstate with nothing to change, Salt included: python bench/highstate.py [COUNT ...]

Real ``salt-call state.highstate`` of the whole pillar, once to create and once more to measure.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
import yaml

STATES = {"everything": {"maas_region.managed": []}}


def minion(folder: Path, count: int, url: str, api_key: str) -> list[str]:
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
        "states/all.sls": STATES,
        "pillar/top.sls": {"base": {"*": ["maas"]}},
        "pillar/maas.sls": {"maas": common.pillar(count)},
    }.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
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
    with common.region() as (url, api_key), tempfile.TemporaryDirectory() as folder:
        command = minion(Path(folder), count, url, api_key)
        highstate(command)
        state, wall = highstate(command)
    assert not state["changes"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"objects": count, "state s": state["duration"] / 1000, "salt-call s": wall,
            "peak MiB": peak}  # fmt: skip


def main(args):
    counts = [int(arg) for arg in args] or [10, 100, 1000]
    print(common.table([measure(count) for count in counts]))


if __name__ == "__main__":
    main(sys.argv[1:])
