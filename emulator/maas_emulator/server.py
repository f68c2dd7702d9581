"""A region behind HTTP/1.1 on loopback."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import unquote

from maas_emulator import control
from maas_emulator.core import Region
from maas_emulator.records import Options
from maas_emulator.web import Response, as_json

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_MAX_BODY = 64 * 1024 * 1024


class _Connection(socketserver.StreamRequestHandler):
    """One keep-alive connection; parsing by hand keeps a simple call below a millisecond."""

    server: _Server
    disable_nagle_algorithm = True
    rbufsize = 65536

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self):
        self.server.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass  # the client went away with an answer on its way

    def handle(self):
        try:
            while self._one():
                pass
        except (OSError, ValueError):
            pass  # the client went away, or does not speak HTTP

    def _one(self):
        line = self.rfile.readline(65537)
        if not line.strip():
            return False
        method, target, version = line.decode("latin-1").split()
        headers = {}
        while True:
            line = self.rfile.readline(65537)
            if line in (b"\r\n", b"\n"):
                break
            if not line:
                raise ValueError("the client went away within the headers")
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(headers)
        if body is None:
            self._send(Response(413, b""), method, close=True)
            return False
        region = self.server.owner.region
        down = region.clock() < region.down_until or not self.server.owner.is_up()
        if down and not target.startswith("/_emulator/"):
            return False
        connection = headers.get("connection", "").lower()
        close = connection == "close" or (version == "HTTP/1.0" and connection != "keep-alive")
        response = self.server.owner.answer(method, target, headers, body)
        self._send(response, method, close)
        return not close

    def _body(self, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline(1024).partition(b";")[0], 16)
                parts.append(self._read(size))
                self.rfile.readline(1024)
                if not size:
                    return b"".join(parts)
        length = int(headers.get("content-length") or 0)
        if length > _MAX_BODY:
            return None
        return self._read(length)

    def _read(self, length):
        """Read a body or a piece of it; as with MAAS, half a request is none."""
        found = self.rfile.read(length)
        if len(found) < length:
            raise ValueError("the client went away within the body")
        return found

    def _send(self, response, method, close):
        head = [
            f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, 'Unknown')}",
            f"Content-Type: {response.content_type}",
            f"Content-Length: {len(response.body)}",
            f"Date: {formatdate(usegmt=True)}",
        ]
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        if close:
            head.append("Connection: close")
        body = b"" if method == "HEAD" else response.body
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + body)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port, owner):
        self.owner = owner
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Connection)


class Requests:
    """A view of a region's request log that can be reset."""

    def __init__(self, region):
        self._region = region
        self._start = 0

    def reset(self):
        """Forget what was logged so far."""
        self._start = self._region.log.total

    def entries(self, method=None, path=None):
        """Logged :class:`~maas_emulator.records.Entry` since the last reset.

        Args:
            method: Only this verb.
            path: Only paths that contain this text.

        Raises:
            LookupError: There were more requests than are kept (50,000).
        """
        return [
            entry
            for entry in self._region.log.since(self._start)
            if (method is None or entry.method == method) and (path is None or path in entry.path)
        ]

    def count(self, method=None, path=None):
        """How many :meth:`entries` there are."""
        return len(self.entries(method, path))

    def writes(self):
        """Entries that may have changed something (everything but GET)."""
        return [entry for entry in self.entries() if entry.method != "GET"]

    def __len__(self):
        return self.count()

    def __iter__(self):
        return iter(self.entries())


class RegionServer:
    """An emulated region that listens on 127.0.0.1, also as a context manager.

    Args:
        release: MAAS release it plays.
        port: TCP port; 0 takes a free one.
        admin: (username, e-mail) of the administrator to make, or None.
        region: Serve this region, as another host of it, instead of a new one.
        options: Further fields of :class:`~maas_emulator.core.Options`.

    Attributes:
        url: ``http://127.0.0.1:PORT/MAAS``.
        region: The :class:`~maas_emulator.core.Region`.
        api_key: Key of that administrator, or None.
        requests: :class:`Requests`.
    """

    def __init__(
        self,
        release="3.7",
        port=0,
        admin=("admin", "admin@example.com"),
        region=None,
        **options,
    ):
        self.region = region or Region(release, Options(admin=admin, **options))
        admin = self.region.options.admin
        self.api_key = self.region.api_keys(admin[0])[0][1] if admin else None
        self.requests = Requests(self.region)
        self._server = _Server(port, self)
        self.port = self._server.server_address[1]
        #: Whether the host that this is served on runs; connections are closed where it does not.
        self.is_up: Callable[[], bool] = lambda: True
        if region is None:
            self.region.rpc_port = self.port
        self.url = f"http://127.0.0.1:{self.port}/MAAS"
        self._thread = None

    def start(self):
        """Accept connections in a thread of its own."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="maas-emulator", daemon=True
        )
        self._thread.start()
        return self

    def stop(self):
        """Stop, close every connection and free the port."""
        if self._thread:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        for connection in list(self._server.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed already

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.stop()

    def answer(self, method, target, headers, body):
        """Answer one request: the region's API, or ``/_emulator/VERB`` for fake commands."""
        path = unquote(target.partition("?")[0])
        if not path.startswith("/_emulator/"):
            return self.region.answer(method, target, headers, body)
        try:
            payload = json.loads(body or b"{}")
        except ValueError:
            return as_json({"error": "the body is not JSON"}, 400)
        verb = path[len("/_emulator/") :].strip("/")
        try:
            status, data = control.dispatch(self.region, verb, payload)
        except Exception as error:
            status, data = 500, {"error": str(error)}
        return as_json(data, status)
