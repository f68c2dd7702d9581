"""Kill a run of ``configure`` before each thing that it does to the disk, and run it again.

In a process of its own, which forks for every run: ``python -m support.killing JOB``
with a job of ``release``, ``part``, ``role``, ``folder``, ``settings``, ``kind``.  A sandbox's
commands run within these processes, so that the kill also meets them half way.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve()
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.link")


def every_point(**job) -> list[dict]:
    """Kill at every point; returns one report for each.

    A report has ``before`` and ``after`` the kill (files by path), ``planned`` (the changes
    of the second run as its test run tells them), ``done`` (those it made), ``again``
    (those of a third run), ``end`` (files after it), ``late`` (services that did not
    restart after the last change of a configuration file), ``unfinished`` (whether a
    journal is left).
    """
    done = subprocess.run(
        [sys.executable, "-m", "support.killing", json.dumps(job)],
        env={
            **os.environ,
            "PYTHONPATH": ":".join(
                str(_HERE.parents[2] / one) for one in ("_utils", "emulator", "tests")
            ),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def _die_at(point):
    left = [point]

    def hook(event, args):
        writes = event == "open" and isinstance(args[2], int) and args[2] & _WRITES
        if event in _EVENTS or writes:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def forked(work, point=None):
    """Run in a child; its result, or None when it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            if point is not None:
                _die_at(point)
            result = work()
        except BaseException as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        os.write(writer, json.dumps(result).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else None


def full_disk(work, size: int = 0):
    """Run in this process, which is a child, where no file grows beyond some bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        return work()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def _files(box, names):
    return {name: box.read(name) for name in names}


def _late(box, names, services):
    def stamp(path):
        return os.stat(path).st_mtime_ns if os.path.exists(path) else 0

    changed = max(stamp(box.path(name)) for name in names)
    started = stamp(box.path("var/lib/emulator/services.json"))
    return [name for name in services if started < changed or box.service(name)["starts"] < 2]


def _main(job):
    from maas_emulator.hosts import sandbox
    from saltext.maas.host import cluster_config, region_config, shared_secret
    from saltext.maas.host.installation import Installation, detect
    from saltext.maas.host.transaction import unfinished
    from support import in_process

    Installation.run = in_process.run
    os.fsync = lambda handle: None  # a killed process takes nothing from the kernel's memory
    part = job["part"]
    module = {"region": region_config, "cluster": cluster_config}[part]
    configure = shared_secret.install if job.get("call") == "install_secret" else module.configure
    extra = {"verify": False} if configure == region_config.configure else {}
    extra.update(job.get("extra") or {})
    options = job.get("options") or {}
    reports = []
    for point in range(1000):
        root = os.path.join(job["folder"], str(point))
        box = sandbox.create(root, job["release"], job["role"], **options)
        installation = detect(root)
        names = [name for name in job["files"] if name in box.files() or "/" in name]
        services = list(installation.fact(f"{part}_services"))
        before = _files(box, names)

        def work(test=False, installation=installation):
            return configure(installation, test=test, **extra, **job["settings"])

        first = forked(work, point)
        if first and "error" in first:
            raise SystemExit(f"point {point}: {first['error']}")
        report = {"before": before, "after": _files(box, names), "killed": first is None}

        def repair(work=work, box=box, names=names, services=services):
            result = {"planned": work(test=True), "done": work()}
            return {**result, "late": _late(box, names, services), "again": work()}

        then = forked(repair)
        if "error" in then:
            raise SystemExit(f"after point {point}: {then['error']}")
        report.update(then)
        report["end"] = _files(box, names)
        report["litter"] = [
            os.path.join(folder, name)
            for folder, _, found in os.walk(root)
            for name in found
            if ".saltext-maas." in name and not name.endswith(".bak")
        ]
        report["state"] = box.peek(job["state"]) if job.get("state") else None
        report["unfinished"] = unfinished(installation, job.get("journal", part)) is not None
        reports.append(report)
        if first is not None:
            break
    json.dump(reports, sys.stdout)


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
