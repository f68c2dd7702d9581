"""A snapd with a store that has MAAS, behind its socket in a sandbox.

Written from snapd's source and documentation, of which it has what MAAS's snap needs.
"""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from maas_emulator.hosts import sandbox

_FOREVER = "2126-01-01T00:00:00Z"


class Snapd(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Use it as a context manager.

    Args:
        root: Folder that stands for ``/``.
        role: What MAAS is going to be there: ``region``, ``cluster`` or ``region+cluster``.

    Attributes:
        actions: What was asked for, in order.
        snaps: What is installed, by name.
        seconds: How long a change takes.
        fails: Text of the error with which changes end, if any.
    """

    daemon_threads = True

    def __init__(self, root, role="region"):
        self.root, self.role = root, role
        self.actions, self.snaps, self.changes, self._timers = [], {}, {}, []
        self.seconds, self.fails = 0.0, None
        os.makedirs(root / "run", exist_ok=True)
        super().__init__(str(root / "run/snapd.socket"), _Handler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for timer in self._timers:
            timer.cancel()
            timer.join()
        self.shutdown()
        self.server_close()

    def begin(self, name, body):
        """Begin a change as if somebody had asked for it; returns its id."""
        number = str(len(self.changes) + 1)
        summary = f'{body["action"].capitalize()} "{name}" snap'
        change = {"id": number, "name": name, "summary": summary, "status": "Doing", "ready": False}
        self.changes[number] = change
        self.actions.append({"name": name, **body})
        timer = threading.Timer(self.seconds, self._end, (change, name, body))
        self._timers.append(timer)
        timer.start()
        return number

    def _end(self, change, name, body):
        if self.fails:
            change.update(status="Error", err=f"cannot perform the following tasks:\n{self.fails}")
        else:
            getattr(self, f"_{body['action']}")(name, body)
            change["status"] = "Done"
        change["ready"] = True

    def _install(self, name, body):
        track = body["channel"].partition("/")[0]
        version = "12.1"
        if name == "maas":
            box = sandbox.create(self.root, track, self.role, "host", kind="snap", configured=False)
            version = str(box.release)
        self.snaps[name] = {"name": name, "version": version, "revision": "7", "channel": "stable"}
        self._switch(name, body)

    def _switch(self, name, body):
        snap = self.snaps[name]
        snap["tracking-channel"] = body.get("channel", snap.get("tracking-channel"))
        if body.get("cohort-key"):
            snap["cohort-key"] = body["cohort-key"]

    def _hold(self, name, body):
        assert (body["time"], body["hold-level"]) == ("forever", "general")
        self.snaps[name]["hold"] = _FOREVER

    def _unhold(self, name, body):
        self.snaps[name].pop("hold", None)

    def _remove(self, name, body):
        del self.snaps[name]
        for folder in ("snap", "var/snap"):
            shutil.rmtree(self.root / folder / name, ignore_errors=True)
        (self.root / "emulator.json").unlink(missing_ok=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "local"

    def _answer(self, status, type, result, **more):
        body = json.dumps({"type": type, "status-code": status, "result": result, **more}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status, kind, message):
        self._answer(status, "error", {"message": message, "kind": kind})

    def do_GET(self):
        parts = urlsplit(self.path)
        where, query = parts.path.split("/")[2:], parse_qs(parts.query)
        if where[0] == "changes" and len(where) == 1:
            found = [one for one in self.server.changes.values() if not one["ready"]
                     and one["name"] in query["for"]]  # fmt: skip
            assert query["select"] == ["in-progress"]
            self._answer(200, "sync", found)
        elif where[0] == "changes":
            self._answer(200, "sync", self.server.changes[where[1]])
        elif where[1] in self.server.snaps:
            self._answer(200, "sync", self.server.snaps[where[1]])
        else:
            self._refuse(404, "snap-not-found", "snap not installed")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.rpartition("/")[2]
        there = name in self.server.snaps
        if any(one["name"] == name and not one["ready"] for one in self.server.changes.values()):
            self._refuse(409, "snap-change-conflict", f'snap "{name}" has changes in progress')
        elif body["action"] == "install" and there:
            self._refuse(400, "snap-already-installed", f'snap "{name}" is already installed')
        elif body["action"] != "install" and not there:
            self._refuse(404, "snap-not-installed", f'snap "{name}" is not installed')
        else:
            self._answer(202, "async", None, change=self.server.begin(name, body))


def wait_until(test, seconds=10):
    """Wait for something that happens in another thread."""
    end = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < end
        time.sleep(0.01)
