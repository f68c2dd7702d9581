"""Kill a change of a host before each thing that it does to the disk, and make it again.

``python tests/support/killing.py`` kills all of :data:`CASES` at all points, and prints how many
changes the next one completed.  A process of its own forks for every change; a sandbox's commands
run within these processes, so that the kill also meets them half way.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / one) for one in ("_utils", "emulator", "tests")]

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.link")
_STATE = "var/lib/emulator"
_STATES = ("debconf.json", "broker.json", "database.json")

SECRETS = (
    "pw-unlikely-7",
    "pw-unlikely-6",
    "Lxunlikely9",
    "Wxunlikely8",
    "c0ffee" * 5,
    "decade" * 5,
)
_REGION = {
    "url": "http://192.0.2.7/MAAS", "database_host": "db.example.com",
    "database_password": "pw-unlikely-7",
}  # fmt: skip
_BROKER = {"broker_longpoll_password": "Lxunlikely9", "broker_workers_password": "Wxunlikely8"}
_FIRST = {**_REGION, "database_name": "maasdb", "database_user": "maas", "debug": True}
_CLUSTER = {"url": "http://192.0.2.7/MAAS", "tftp_port": 6969}
_SECRET = {"secret": "c0ffee" * 5}
_SOURCES = [{"path": "http://images.example.com/", "selections": [{"release": "trusty"}]}]


def _case(call, release, settings, kind="deb", **more):
    role = "region" if call in ("region", "secret", "snap") else "cluster"
    return {"call": call, "release": release, "role": role, "settings": settings,
            "options": {"kind": kind, "uuid": "a-uuid", "database": {"password": "pw-unlikely-6"}},
            **more}  # fmt: skip


#: What is killed, by a name of each: a call of :func:`_calls`, and ``before`` it another of
#: ``cluster``.
CASES = {
    "region 1.5": _case("region", "1.5", {**_REGION, **_BROKER}),
    **{f"region {one}": _case("region", one, _REGION) for one in ("1.9", "2.9", "3.7")},
    **{f"region {one} snap": _case("region", one, _REGION, "snap") for one in ("2.4", "3.4")},
    "first secret 2.9": _case("secret", "2.9", {"value": "c0ffee" * 5}),
    "cluster 1.5": _case("cluster", "1.5", {**_CLUSTER, "uuid": "a-uuid"}),
    **{f"cluster {one}": _case("cluster", one, {**_CLUSTER, **_SECRET})
       for one in ("1.7", "1.9", "2.4", "3.7")},
    "cluster 3.7 snap": _case("cluster", "3.7", {**_CLUSTER, **_SECRET}, "snap"),
    **{f"another region {one}": _case(
        "cluster", one, {**_CLUSTER, **_SECRET},
        before={"url": "http://192.0.2.8/MAAS", "secret": "decade" * 5},
    ) for one in ("1.7", "3.7")},
    **{f"rack leaves {one}": _case("leave", one, {}, before={**_CLUSTER, **_SECRET})
       for one in ("1.9", "3.7")},
    **{f"first run of the snap {one}": _case("snap", one, _FIRST, "snap")
       for one in ("2.4", "3.7")},
    **{f"snap becomes a rack {one}": _case("cluster", one, {**_CLUSTER, **_SECRET}, "snap")
       for one in ("2.4", "3.7")},
    "image sources 1.5": _case("sources", "1.5", {"desired": _SOURCES}),
}  # fmt: skip
CASES["cluster 1.5"]["options"]["uuid"] = None
for _name in CASES:
    if "snap" in _name and not _name.endswith("snap"):
        CASES[_name]["options"]["configured"] = False


def swept(names, step: int) -> dict[str, list]:
    """Kill some of :data:`CASES` at each ``step``-th point, in a process of its own.

    Returns:
        By name, how often it was killed, and what is wrong.
    """
    done = subprocess.run(
        [sys.executable, __file__, "--json", "--step", str(step), *names],
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
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


def _calls():
    """What can be killed: called with an installation, ``test`` and settings."""
    from saltext.maas.host import (
        cluster_config,
        disconnect,
        pxe_images,
        region_config,
        shared_secret,
        snap,
    )
    from saltext.maas.host.installation import detect

    def region(installation, **settings):
        return region_config.configure(installation, verify=False, **settings)

    def first(installation, **settings):
        installation = detect(installation.root)
        if snap.unconfigured(installation) or snap.unfinished(installation):
            return snap.initialise(installation, verify=False, **settings)
        return region(installation, **settings)

    def cluster(installation, **settings):
        return cluster_config.configure(detect(installation.root), **settings)

    def leave(installation, test):
        return {"changes": {}} if test else {"changes": {}, **disconnect.leave(installation)}

    return {
        "region": region, "secret": shared_secret.install, "cluster": cluster, "snap": first,
        "sources": pxe_images.set_sources, "leave": leave,
    }  # fmt: skip


class _Change:
    """One case in a sandbox of its own."""

    def __init__(self, root, case):
        from maas_emulator.hosts import sandbox
        from saltext.maas.host.installation import detect

        calls = _calls()
        self.case, self.call = case, calls[case["call"]]
        self.box = sandbox.create(root, case["release"], case["role"], **case["options"])
        self.installation = detect(root)
        if "before" in case:
            forked(lambda: calls["cluster"](self.installation, test=False, **case["before"]))
        self.before = self.files()

    def run(self, test=False):
        return self.call(self.installation, test=test, **self.case["settings"])

    def files(self):
        """The files of the host that may change, with debconf and the broker."""
        found = {}
        for path in sorted(Path(self.box.root).rglob("*")):
            name = str(path.relative_to(self.box.root))
            kept = not name.startswith(("var/log/", _STATE)) and "bin/" not in name
            kept = kept and not name.endswith((".lock", ".bak", "emulator.json", ".token"))
            kept = kept and not re.fullmatch("[0-9a-f]{8}", path.suffix[1:])  # MAAS's own
            if path.is_file() and (kept or path.name in _STATES):
                found[name] = path.read_text(errors="replace")
        return found

    def loose(self):
        """Files with a secret that everybody may read, and copies that anybody else may."""
        for path in Path(self.box.root).rglob("*"):
            if path.is_file() and any(one in path.read_text(errors="replace") for one in SECRETS):
                mode = stat.S_IMODE(path.stat().st_mode)
                ours = "saltext-maas" in str(path)
                if mode & 0o007 or (ours and mode & 0o077 & ~self._mode_beside(path)):
                    yield f"{path.relative_to(self.box.root)} has the mode {mode:04o}"

    def _mode_beside(self, path):
        """The mode of the file that a temporary one is going to be."""
        there = path.with_name(path.name.split(".saltext-maas.")[0].lstrip("."))
        return stat.S_IMODE(there.stat().st_mode) if there.is_file() else 0o640

    def left(self):
        """What must not be there after the end: temporary files, journals, a missed restart."""
        for path in Path(self.box.root).rglob("*"):
            name = str(path.relative_to(self.box.root))
            if ".saltext-maas." in name and not name.endswith(".bak") and path.is_file():
                yield f"{name} is left"
            if (
                name.startswith("var/lib/saltext-maas/")
                and path.is_file()
                and path.suffix != ".lock"
            ):
                yield f"{name} is left"

    def late(self, since):
        """Services that did not restart after the last change of a file that they read."""
        if self.case["call"] not in ("region", "secret", "cluster", "snap"):
            return
        part = "cluster" if self.case["call"] == "cluster" else "region"
        now = self.files()
        changed = [
            Path(self.box.path(name)).stat().st_mtime_ns
            for name in now
            if now[name] != since.get(name) and name.startswith(("etc/", "var/snap/"))
        ]
        started = Path(self.box.path(f"{_STATE}/services.json")).stat().st_mtime_ns
        from saltext.maas.host.installation import detect

        for name in detect(self.box.root).fact(f"{part}_services"):
            if started < max(changed, default=0) or self.box.service(name)["starts"] < 2:
                yield f"{name} did not restart"


def _half(before, text, after):
    """Whether a text is neither of two, nor a whole one between them."""
    return text not in (before, after) and not _lines(text) <= _lines(before) | _lines(after)


def _lines(text):
    if (text or "").startswith("{"):
        return {f"{key}: {value}" for key, value in json.loads(text).items()}
    return set((text or "").splitlines())


def _killed(change, point, end):
    """Kill a change at a point, and finish it; whether it was killed, and what is wrong."""
    first = forked(change.run, point)
    if first and "error" in first:
        return False, [first["error"]], {}
    wrong, after = [*change.loose()], change.files()

    def repair():
        planned, done = change.run(test=True), change.run()
        late, again = [*change.late(change.before)], change.run()
        return {"planned": planned["changes"], "done": done["changes"], "late": late,
                "again": again["changes"]}  # fmt: skip

    then = forked(repair)
    if "error" in then:
        return first is None, [*wrong, then["error"]], {}
    if then["planned"] != then["done"]:
        wrong.append(("planned and done", then["planned"], then["done"]))
    wrong += [*then["late"], *then["again"], *change.left(), *change.loose()]
    now = change.files()
    expected = now if end is None else end
    wrong += [
        f"{name} is neither old nor new"
        for name in expected
        if _half(change.before.get(name), after.get(name), expected[name])
    ]
    wrong += [f"{name} differs" for name in {*now, *expected}
              if now.get(name) != expected.get(name)]  # fmt: skip
    return first is None, wrong, now


def _sweep(case, step):
    from saltext.maas.host.installation import Installation
    from support import in_process

    Installation.run = in_process.run
    os.fsync = lambda handle: None  # a killed process takes nothing from the kernel's memory
    kills, wrong, end = 0, [], None
    with tempfile.TemporaryDirectory() as folder:
        for point in (10**6, *range(0, 1000, step)):
            change = _Change(os.path.join(folder, "host", str(point), "host"), case)
            killed, found, now = _killed(change, point, end)
            wrong += [f"point {point}: {one}" for one in found]
            if end is None:
                end = now
            elif not killed:
                break
            kills += killed
    return kills, wrong


def main(arguments=None) -> int:
    """Run the sweep; the number of mistakes."""
    import argparse

    options = argparse.ArgumentParser(description="Kill changes of hosts at each write.")
    options.add_argument("--step", type=int, default=1, help="kill at each STEP-th point only")
    options.add_argument("--json", action="store_true", help="kills and mistakes of each case")
    options.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE")
    given = options.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    found = {}
    for name in given.cases:
        kills, wrong = found[name] = _sweep(CASES[name], given.step)
        if not given.json:
            print(
                f"{name}: {kills} kills, {len(wrong)} mistakes", *wrong[:20], sep="\n  ", flush=True
            )
    total, mistakes = (sum(column) for column in zip(*(
        (kills, len(wrong)) for kills, wrong in found.values()), strict=True))  # fmt: skip
    if given.json:
        json.dump(found, sys.stdout)
        return 0
    print(f"{total} kills, {mistakes} mistakes")
    return mistakes


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
