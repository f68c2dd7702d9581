"""A small HTTP server that answers as it is told, or not at all."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from dataclasses import dataclass


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    target: str
    headers: dict
    body: bytes


def answer(status=200, body="", kind="application/json", **headers):
    """Step: answer with this; header names take ``_`` for ``-``."""

    def step(connection):
        lines = [f"HTTP/1.1 {status} Told", f"Content-Type: {kind}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        data = body if isinstance(body, bytes) else body.encode()
        lines.append(f"Content-Length: {len(data)}")
        connection.wfile.write("\r\n".join([*lines, "", ""]).encode() + data)
        return True

    return step


@dataclass
class Instead:
    """An answer in place of the region's."""

    body: str
    status: int = 200
    kind: str = "application/json"


def slow(seconds, then):
    """Step: wait first."""

    def step(connection):
        connection.server.stopping.wait(seconds)
        return then(connection)

    return step


def hang_up(connection):
    """Step: reset the connection after the request was read."""
    connection.reset()


def half(connection):
    """Step: announce more than is sent."""
    connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
    connection.reset()


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        with self.server.lock:
            self.server.accepted += 1
            refused = self.server.resets > 0
            self.server.resets -= refused
        if refused:
            self.reset()
            return
        try:
            while self._one():
                pass
        except (OSError, ValueError):
            pass

    def read_request(self):
        line = self.rfile.readline().decode()
        if not line.strip():
            return None
        method, target, _ = line.split()
        headers = {}
        while True:
            line = self.rfile.readline().decode()
            if not line:
                return None  # the client went away: half a request is none
            if not line.strip():
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        body = self.rfile.read(length)
        return Seen(method, target, headers, body) if len(body) == length else None

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass

    def _one(self):
        seen = self.read_request()
        if seen is None:
            return False
        with self.server.lock:
            self.server.seen.append(seen)
            steps = self.server.steps
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        return step(self)


class Served:
    """Lets a server serve in a thread of its own, as long as a ``with`` block lasts."""

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc_info):
        self.shutdown()
        self.server_close()


class Misbehaving(Served, socketserver.ThreadingTCPServer):
    """Works through steps, one for each request; the last one stays.

    Attributes:
        seen: Every request.
        accepted: Number of connections.
        resets: How many connections are reset before anything is read.
        wrap: The ``ssl.SSLContext`` of a server that speaks TLS.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, *steps, resets=0, wrap=None):
        self.wrap = wrap
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.steps, self.seen = list(steps), []
        self.accepted, self.resets = 0, resets
        super().__init__(("127.0.0.1", 0), Connection)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/MAAS"

    def __exit__(self, *exc_info):
        self.stopping.set()
        super().__exit__(*exc_info)

    def finish_request(self, request, client_address):
        if self.wrap:
            try:
                request = self.wrap.wrap_socket(request, server_side=True)
            except OSError:
                return  # the client does not trust us, or speaks no TLS
        super().finish_request(request, client_address)


def _never(method, target):
    return False


class Proxy(Served, socketserver.ThreadingTCPServer):
    """Hands every connection on to a region; chosen requests and answers get lost, or are altered.

    Attributes:
        lose: Called with method and target of a request that was answered; a true
            result drops the connection in place of the answer.
        before: Called with method, target and body of a request; returns the body that the
            region gets, or an :class:`Instead` that keeps the request from it.
        after: Called with method, target and the body of an answer; returns the one to send.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, server, lose=_never, before=None, after=None):
        self.region, self.lose = server, lose
        self.before, self.after = before, after
        self.lost = []
        super().__init__(("127.0.0.1", 0), _Relay)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/MAAS"


class _Relay(Connection):
    def handle(self):
        try:
            while self._one():
                pass
        except (OSError, ValueError):
            pass

    def _one(self):
        seen = self.read_request()
        if seen is None:
            return False
        method, target, body = seen.method, seen.target, seen.body
        if self.server.before:
            body = self.server.before(method, target, body)
        if isinstance(body, Instead):
            return answer(body.status, body.body, body.kind)(self)
        response = self.server.region.answer(method, target, seen.headers, body)
        if self.server.after:
            response.body = self.server.after(method, target, response.body)
        if self.server.lose(method, target):
            self.server.lost.append((method, target))
            self.reset()
            return False
        head = [f"HTTP/1.1 {response.status} Told", f"Content-Type: {response.content_type}"]
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        head.append(f"Content-Length: {len(response.body)}")
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + response.body)
        return True
