"""Measure how long ``salt-call test.ping`` takes with and without the extension.

``python bench/start.py [PAIRS]`` makes two virtual environments out of its own, one without the
extension, and calls them in turn.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

import common
import yaml


def environment(folder: Path, extension: bool) -> list[str]:
    """A virtual environment with the packages of this one; returns the command to run."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    told = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    there = Path(subprocess.run(told, stdout=subprocess.PIPE, text=True, check=True).stdout.strip())
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        own = package.name.startswith(("saltext", "__editable__.saltext", "maas_emulator"))
        if (extension or not own) and not (there / package.name).exists():
            (there / package.name).symlink_to(package)
    config = {"root_dir": str(folder), "file_client": "local", "id": "bench"}
    (folder / "minion").write_text(yaml.safe_dump(config))
    tool = Path(sys.executable).with_name("salt-call")
    return [str(python), str(tool), "-c", str(folder), "--local", "test.ping"]


def call(command: list[str]) -> tuple[float, float]:
    """Run it; returns its wall and CPU time."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert "True" in process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def main(pairs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        commands = [
            environment(Path(folder) / name, name == "with") for name in ("with", "without")
        ]
        for command in commands:
            call(command)
        runs = [[call(command) for command in commands] for _ in range(pairs)]
    rows = []
    for number, what in enumerate(("wall s", "CPU s")):
        ours, others = ([run[side][number] for run in runs] for side in (0, 1))
        rows.append({
            "salt-call test.ping": what, "with": statistics.median(ours),
            "without": statistics.median(others),
            "difference ms": 1000 * statistics.median(a - b for a, b in zip(ours, others)),
        })  # fmt: skip
    print(common.table(rows))


if __name__ == "__main__":
    with common.bytecode():
        main(int((sys.argv[1:] or ["15"])[0]))
