"""What the tests of both deliveries share: a clean tree and Salt's tools in their own folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
#: What a minion gets at most, in bytes: it takes time and memory there.
LARGEST_WHEEL = 920 * 1024
LARGEST_SYNC = 2440 * 1024

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "_build", "*.egg-info", "__pycache__", ".*_cache",
    ".hypothesis",
)  # fmt: skip


def clean_tree(folder: Path) -> Path:
    """Copy the repository as a fresh clone has it."""
    return Path(shutil.copytree(REPOSITORY, folder, ignore=_LEFT_OUT))


def loader_files(kind: str) -> list[str]:
    """The names of the files of a loader type, such as ``modules``."""
    return sorted(path.name for path in (REPOSITORY / f"_{kind}").glob("*.py"))


def resource_files() -> dict[str, Path]:
    """The files of the Salt resources, by their paths below ``_resources``."""
    folder = REPOSITORY / "_resources"
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.py"))}


#: Prints what Salt finds of a resource type: what it discovers, and its execution modules.
RESOURCES = """
import json, sys, salt.config, salt.loader
opts = salt.config.minion_config(sys.argv[1])
pillar = {"resources": {sys.argv[2]: {"resource_ids": ["dc1"]}}}
opts.update(grains={}, pillar=pillar, master_uri="")
found = salt.loader.resource(opts)
modules = salt.loader.resource_modules(opts, sys.argv[2], resource_funcs=found)
print(json.dumps([found[f"{sys.argv[2]}.discover"](opts), sorted(modules)]))
"""


def kinds() -> list[str]:
    """The loader types that this project has."""
    return sorted(
        path.name[1:]
        for path in REPOSITORY.glob("_*")
        if path.name != "_utils" and any(path.glob("*.py"))
    )


#: Functions that resources have, by their type.
OF_RESOURCES = {
    "maas_region": {"maas_region.plan", "state.apply", "test.ping", "maas_zone.list"},
    "maas_machine": {"maas_machine.deploy", "state.apply", "test.ping", "grains.items"},
}


class Salt:
    """Salt's tools without master or daemon, in one folder.

    Args:
        folder: For configuration, cache and everything else.
        python: Python's options before the program, such as ``-S``.
        path: What ``PYTHONPATH`` is.
        options: Configuration besides.
    """

    def __init__(self, folder: Path, path: str, python=(), **options):
        self.python = [sys.executable, *python]
        self.environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        self.folder = folder
        folder.mkdir()
        common = {
            "root_dir": str(folder), "cachedir": str(folder / "cache"), "pki_dir": "pki",
            "sock_dir": "run", "log_file": str(folder / "log"), "log_level_logfile": "warning",
            "verify_env": False, "enable_fqdns_grains": False, **options,
        }  # fmt: skip
        minion = {**common, "id": "host", "file_client": "local", "maas.root": str(folder)}
        (folder / "minion").write_text(yaml.safe_dump(minion))
        (folder / "master").write_text(yaml.safe_dump(common))

    def call(self, function: str, *arguments: str):
        """``salt-call --local``: what the function returns."""
        # A failed state makes for a failed call; what it returned is still told.
        done = self._start("salt_call", "--local", "--out=json", function, *arguments)
        assert done.stdout.strip(), done.stderr
        return json.loads(done.stdout)["local"]

    def runner(self, function: str, *arguments: str):
        """``salt-run``: what the runner returns."""
        done = self._start("salt_run", "--out=json", function, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _start(self, tool, *arguments):
        program = f"from salt.scripts import {tool}; {tool}()"
        return self.python_program(
            program, "-c", str(self.folder), "--log-level=critical", *arguments
        )

    def python_program(self, program: str, *arguments: str) -> subprocess.CompletedProcess:
        """Run a Python program as the tools are run."""
        return subprocess.run(
            [*self.python, "-c", program, *arguments],
            env=self.environment, cwd=self.folder, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=180,
        )  # fmt: skip
