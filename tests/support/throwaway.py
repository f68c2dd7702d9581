"""Throwaway root file systems: an overlay over ``/``, in namespaces of their own.

What runs inside sees this machine's files, changes only a copy in memory, has a network of
its own with nothing but loopback, and is ended together with the namespace.  The real ``/``
is never written to, and nothing is removed by path: mounts and files go away with their last
process.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
_LIBRARY = f"{REPOSITORY / '_utils'}:{REPOSITORY / 'emulator'}:{REPOSITORY}:{REPOSITORY / 'tests'}"
_NEEDS = ("unshare", "nsenter", "chroot", "mount", "ip")

# Reads its own process id as it is outside of the new process namespace, then waits for the
# end of its input, which comes with `close` or with the death of whoever started it.
_HOLD = """\
set -e
read outside rest < /proc/self/stat
mount -t tmpfs -o mode=755 throwaway "$0"
mkdir "$0/hosts"
ip link set lo up
echo "$outside"
exec cat
"""
_ROOT = """\
set -e
base=$0 name=$1
mkdir -p "$base/layers/$name/upper" "$base/layers/$name/work" "$base/hosts/$name"
mount -t overlay -o "lowerdir=/,upperdir=$base/layers/$name/upper,workdir=$base/layers/$name/work" \
    overlay "$base/hosts/$name"
mount -t proc proc "$base/hosts/$name/proc"
mount --rbind /dev "$base/hosts/$name/dev"
mount -t tmpfs -o mode=755 run "$base/hosts/$name/run"
mount -t tmpfs -o mode=1777 tmp "$base/hosts/$name/tmp"
"""


def _hidden():
    """What our own programs need and a new ``/tmp`` or ``/run`` would hide."""
    places = {str(REPOSITORY), sys.prefix, sys.base_prefix}
    return sorted(place for place in places if place.startswith(("/tmp/", "/run/")))


class Room:
    """A namespace with throwaway roots in it, each of them a host.

    Use it as a context manager.

    Raises:
        OSError: At the start, when this machine does not allow it.
    """

    def __enter__(self):
        self._folder = tempfile.mkdtemp(prefix="maas-throwaway-")  # stays empty out here
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--pid", "--net", "--fork",
             "--kill-child", "sh", "-c", _HOLD, self._folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        line = self._holder.stdout.readline()
        if not line.strip():
            reason = self._holder.stderr.read().strip()
            self.close()
            raise OSError(f"no throwaway root: {reason}")
        self._pid = line.strip()
        self._started = []
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End every process of the namespace, and with them all mounts."""
        for process in getattr(self, "_started", ()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        with contextlib.suppress(BrokenPipeError):
            self._holder.stdin.close()
        try:
            self._holder.wait(10)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()
        self._holder.stdout.close()
        self._holder.stderr.close()
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)  # only ever an empty folder

    @property
    def hosts(self) -> str:
        """Folder of all roots, as processes of the namespace see it."""
        return f"{self._folder}/hosts"

    def enter(self, *argv) -> list[str]:
        """``argv`` to run in the namespace, outside of any of its roots."""
        return ["nsenter", "-t", self._pid, "-m", "-p", "-n", "--", *argv]

    def root(self, name: str, folders=()) -> Root:
        """Make a root.

        Args:
            name: Its name, unique in the room.
            folders: Folders of this machine to show inside, such as that of a socket.
        """
        script = _ROOT + "".join(
            f'mkdir -p "$base/hosts/$name"{folder}\n'
            f'mount -o {how} {folder} "$base/hosts/$name"{folder}\n'
            for how, folder in [
                *(("bind,ro", shlex.quote(one)) for one in _hidden()),
                *(("bind", shlex.quote(str(one))) for one in folders),
            ]
        )
        done = subprocess.run(
            self.enter("sh", "-c", script, self._folder, name),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise OSError(f"no throwaway root: {done.stderr.strip()}")
        return Root(self, name)

    def start(self, *argv, **options) -> subprocess.Popen:
        """Start a process in the namespace that ends with it."""
        process = subprocess.Popen(
            self.enter(*argv), stdin=subprocess.DEVNULL, start_new_session=True,
            env=environment(), **options,
        )  # fmt: skip
        self._started.append(process)
        return process

    def share_users(self, root):
        """Let processes outside of the roots know the users of one of them, by name."""
        for name in ("passwd", "group"):
            subprocess.run(
                self.enter("mount", "--bind", f"{root.seen}/etc/{name}", f"/etc/{name}"),
                check=True, capture_output=True,
            )  # fmt: skip


class Root:
    """One throwaway root.

    Args:
        room: Where it is.
        name: Its name there.

    Attributes:
        path: Its files, as this process can reach them; absolute symbolic links lead astray.
        seen: The same folder for processes of the namespace.
    """

    def __init__(self, room, name):
        self.room = room
        self.name = name
        self.seen = f"{room.hosts}/{name}"
        self.path = Path(f"/proc/{room._pid}/root{self.seen}")

    def run(self, *argv, stdin="", check=True, timeout=120, env=None):
        """Run a command inside, as root; returns the finished process.

        Raises:
            AssertionError: It failed, unless ``check`` is False.
        """
        done = subprocess.run(
            self.room.enter("chroot", self.seen, *map(str, argv)),
            input=stdin, capture_output=True, text=True, timeout=timeout, check=False,
            env=environment(env), cwd="/",
        )  # fmt: skip
        if check:
            output = f"{argv}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            assert done.returncode == 0, output
        return done

    def python(self, code, stdin="", check=True, timeout=120):
        """Run Python code inside, with the library of this checkout."""
        return self.run(sys.executable, "-c", code, stdin=stdin, check=check, timeout=timeout)

    def read(self, path):
        """Text of a file, or None."""
        try:
            return (self.path / path.lstrip("/")).read_text()
        except FileNotFoundError:
            return None

    def write(self, path, text, mode=0o644):
        """Write a file."""
        target = self.path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def owner(self, path):
        """``user:group mode`` of a file, by the root's own names."""
        return self.run("stat", "-c", "%U:%G %04a", path).stdout.strip()

    def mount(self, *arguments):
        """Mount something; the target is a path as seen inside."""
        self.run("mount", *arguments)


def environment(more=None):
    """What a command inside needs: this checkout's library, English, no questions."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C",
        "DEBIAN_FRONTEND": "noninteractive",
        "PYTHONPATH": _LIBRARY,
        **(more or {}),
    }


def impossible(*commands) -> str | None:
    """Why there can be no throwaway root here, or None.

    Args:
        commands: What tests need besides, such as ``dpkg-reconfigure``.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root"
    missing = [name for name in (*_NEEDS, *commands) if not shutil.which(name)]
    if missing:
        return f"needs the commands {', '.join(missing)}"
    try:
        with Room() as room:
            room.root("trial").run("true")
    except (OSError, AssertionError) as error:
        return str(error)
    return None


def needed(*commands):
    """The mark of tests that throwaway roots are needed for; see :func:`impossible`."""
    why = impossible(*commands)
    return pytest.mark.skipif(bool(why), reason=str(why))
