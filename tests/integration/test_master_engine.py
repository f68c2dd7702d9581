"""The engine in a real master: MAAS's events and machines reach the bus, restarts lose none."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from maas_emulator import hardware
from support.machine_regions import region_with_image
from support.reconciling import carried_out

from demo.lab import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.salt


@contextlib.contextmanager
def master(folder):
    """A salt-master, and a function that waits for one of MAAS's events."""
    import salt.config

    door = folder / "run/master_event_pub.ipc"
    door.unlink(missing_ok=True)
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("salt-master")), "-c", str(folder)],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "_utils")},
    )  # fmt: skip
    try:
        opts = salt.config.master_config(str(folder / "master"))
        deadline = time.monotonic() + 60
        while not door.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with contextlib.closing(_Bus(opts)) as bus:
            yield bus.wait
    finally:
        os.killpg(process.pid, 15)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


class _Bus:
    def __init__(self, opts):
        import salt.utils.event

        self._bus = salt.utils.event.get_event("master", opts=opts, listen=True)

    def wait(self, tag, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self._bus.get_event(wait=1, tag="maas/", full=True)
            if found and found["tag"] == tag:
                return found["data"]
        raise AssertionError(f"no {tag} within {seconds} s")

    def close(self):
        self._bus.destroy()


def configure(folder, region):
    folder.mkdir()
    user = os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip()
    (folder / "master").write_text(
        yaml.safe_dump(
            {
                "root_dir": str(folder), "pki_dir": "pki", "cachedir": "cache", "sock_dir": "run",
                "pidfile": "pid", "log_file": "log", "key_logfile": "keylog", "user": user,
                "interface": "127.0.0.1", "publish_port": free_port(), "ret_port": free_port(),
                "worker_threads": 1, "log_level": "quiet", "log_level_logfile": "warning",
                "engines_dirs": [str(REPOSITORY / "_engines")],
                "maas": {"url": region.url, "api_key": region.api_key},
                "engines": [
                    {"maas_events": {"interval": 0.2, "begin": "oldest"}},
                    {"machines": {"engine_module": "maas_events", "follow": "machines",
                                  "interval": 0.2, "begin": "oldest"}},
                ],
            }
        )
    )  # fmt: skip


def happen(region, kind, description=""):
    row = region.region.rows("events").add(
        {"type": kind, "level": "ERROR", "description": description, "username": "admin",
         "node": "abc123", "hostname": "web1", "created": "Tue, 24 Nov. 2026 10:00:00"}
    )  # fmt: skip
    return row["id"]


def test_events_reach_the_bus_and_survive_a_restart(tmp_path):
    folder = tmp_path / "m"
    new = {"architecture": "amd64", "power_type": "manual", "mac_addresses": ["52:54:00:00:00:01"]}
    with region_with_image("3.7") as region:
        carried_out(region, {"machines": {"web1": new}})
        (ident,) = (row["system_id"] for row in region.region.rows("machines").values())
        region.requests.reset()
        configure(folder, region)
        first = happen(region, "Failed deployment", "no power")
        with master(folder) as wait:
            assert wait("maas/machine/added")["status"] == "New"
            second = happen(region, "Releasing")
            event = wait("maas/event/releasing")
            assert (event["id"], event["hostname"]) == (second, "web1")
            hardware.update(region.region, ident, status=11)
            event = wait("maas/machine/failed_deployment")
            assert (event["hostname"], event["status"]) == ("web1", "Failed deployment")
        missed = happen(region, "Failed deployment", "while nobody looked")
        with master(folder) as wait:
            event = wait("maas/event/failed_deployment")
            while event["id"] == first:
                event = wait("maas/event/failed_deployment")
            assert (event["id"], event["description"]) == (missed, "while nobody looked")
        assert region.requests.writes() == []
        assert region.api_key.split(":")[2] not in (folder / "log").read_text(errors="replace")
