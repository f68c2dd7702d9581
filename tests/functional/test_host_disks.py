"""Hosts of regions and clusters whose disk takes nothing any more: read-only, or full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[2]

# In a mount namespace of its own: a small file system with a sandbox on it.
_PROGRAM = """
import json, os, subprocess, sys
from maas_emulator.hosts import sandbox
from saltext.maas.host import cluster_config, region_config, transaction
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, detect
from support import in_process

how, part, kind, release, folder = sys.argv[1:]
Installation.run = in_process.run
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", folder], check=True)
box = sandbox.create(os.path.join(folder, "host"), release, part, kind=kind)
installation = detect(box.root)

def state():
    names = ("region_config", "txlongpoll", "celery_config") if part == "region" else (
        "cluster_config", "pserv", "cluster_celery", "secret")
    return [box.read(name) for name in names if installation.has(name)], box.peek("debconf")

def run(test):
    try:
        if part == "region":
            return region_config.configure(
                installation, test=test, verify=False, url="http://192.0.2.8/MAAS")
        more = {"secret": "c0ffee" * 5} if installation.release >= "1.7" else {}
        url = "http://192.0.2.8/MAAS"
        return cluster_config.configure(installation, test=test, url=url, **more)
    except HostError as error:
        return str(error)

def fill():
    with open(os.path.join(folder, "ballast"), "wb", buffering=0) as stream:
        try:
            while stream.write(b"x" * 512):
                pass
        except OSError:
            pass

before = state()
if how == "full":
    fill()
elif how == "late":  # there is room for the journal, not for what comes then
    real = transaction.Transaction.__enter__
    def enter(self):
        real(self)
        fill()
        return self
    transaction.Transaction.__enter__ = enter
else:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
sandbox.Sandbox.append = lambda *words: None  # the fake commands' own log has no room
result = run(False)
same = state() == before
subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
if how != "read-only":
    os.unlink(os.path.join(folder, "ballast"))
if how == "late":
    transaction.Transaction.__enter__ = real
again = run(False)
print(json.dumps({"result": result, "same": same, "again": again, "then": run(False)}))
"""


@pytest.fixture(scope="module")
def mounts():
    """Skips where no mount namespace can be made."""
    argv = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is None or done.returncode:
        pytest.skip("no mount namespaces here; they need root")


@pytest.mark.parametrize(
    ("part", "kind", "release"),
    [
        ("region", "deb", "1.5"),
        ("region", "deb", "3.7"),
        ("region", "snap", "3.4"),
        ("cluster", "deb", "1.5"),
        ("cluster", "deb", "1.7"),
        ("cluster", "deb", "3.7"),
        ("cluster", "snap", "3.4"),
    ],
)
@pytest.mark.parametrize("how", ["read-only", "full", "late"])
def test_nothing_changes_and_the_next_run_does_it(mounts, tmp_path, how, part, kind, release):
    program = [sys.executable, "-c", _PROGRAM, how, part, kind, release, str(tmp_path)]
    done = subprocess.run(
        ["unshare", "--mount", *program],
        env={
            **os.environ,
            "PYTHONPATH": ":".join(
                str(_REPOSITORY / one) for one in ("_utils", "emulator", "tests")
            ),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert isinstance(result["result"], str), result
    assert "c0ffee" not in json.dumps(result)
    reason = "Read-only file system" if how == "read-only" else "No space left on device"
    assert reason in result["result"]
    assert "\n" not in result["result"]
    if how != "late":
        assert result["result"].startswith("Nothing was changed: ")
    assert result["same"]
    assert "url" in result["again"]["changes"], result
    assert result["then"]["changes"] == {}
