"""The daemon maas-openfga of a region host of 3.8 and later: HTTP on a unix socket."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingUnixStreamServer

from maas_emulator.hosts import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from maas_emulator.hosts.sandbox import Sandbox

#: Keys of regiond.conf that it reads, without their prefix.
_READ = ("host", "name", "user", "pass")
#: A password that is the same as a part of a URL.
_PLAIN = re.compile(r"[\w.~!$&'()*+,;=:@-]*", re.ASCII)
_STORE = {"id": "00000000000000000000000000", "name": "MAAS"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self):
        if self.server.outdated():  # stopped or started again, which was not looked at yet
            self.close_connection = True
            return
        known = self.path.partition("?")[0] == "/stores"
        answer = {"stores": [_STORE], "continuation_token": ""} if known else {"code": "not_found"}
        body = json.dumps(answer).encode()
        self.send_response_only(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path, outdated):
        self.outdated = outdated
        place, name = os.path.split(path)
        os.makedirs(place, exist_ok=True)
        folder = os.open(place, os.O_PATH | os.O_DIRECTORY)
        try:  # the path alone may be longer than a socket's address can be
            super().__init__(f"/proc/self/fd/{folder}/{name}", _Handler)
        finally:
            os.close(folder)


class Daemon:
    """The service; it follows the service manager when it is looked at.

    Args:
        host: A region's host. ``host.peek("openfga")`` says what the service read when it started.
    """

    def __init__(self, host: Sandbox):
        self.host = host
        self._path = host.path("openfga_socket")
        self._name = "maas-openfga" if host.kind == "deb" else "maas"
        self._starts: int | None = None
        self._server: _Server | None = None

    @property
    def listens(self) -> bool:
        """Whether anybody who asks it gets an answer."""
        return self._server is not None

    def step(self) -> None:
        """Start, start again or stop, as the service manager says."""
        starts = self._now()
        if starts == self._starts:
            return
        self.disconnect()
        self._starts = starts
        if starts is None:
            return
        self._note_configuration()
        if self._logs_in():
            self._server = _Server(self._path, lambda: self._now() != starts)
            threading.Thread(
                target=self._server.serve_forever, args=(0.05,), name="maas-openfga", daemon=True
            ).start()

    def _now(self):
        service = self.host.service(self._name)
        return service["starts"] if service["running"] else None

    def _note_configuration(self):
        """Keep what it reads at this start; what is changed later it does not see."""
        keys = formats.read_yaml(self.host.read("region_config"))
        with self.host.state("openfga") as state:
            state.update({key: keys.get(f"database_{key}") for key in _READ}, starts=self._starts)

    def _logs_in(self):
        """Whether it would: it reads neither a port nor Vault, and ends without its database.

        The password becomes a part of a URL as it is.
        """
        keys = formats.read_yaml(self.host.read("region_config"))
        plain = _PLAIN.fullmatch(str(keys.get("database_pass") or ""))
        port = keys.get("database_port") or 5432
        return port == 5432 and bool(keys.get("database_name") and plain)

    def disconnect(self) -> None:
        """Stop listening."""
        self._starts = None
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def pause(self, seconds: float) -> None:
        """Look again at the next occasion; it has nothing to wait for."""
