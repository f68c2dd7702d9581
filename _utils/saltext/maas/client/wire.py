"""HTTP of which every part ends in time: connecting, headers, bodies, and sending.

The timeouts of ``requests`` hold for one operation of a socket each, so that a peer that sends a
byte now and then holds a caller for ever.  Here each operation gets what is left until the end
that the whole exchange has.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

_CHUNK = 16 * 1024
_ENDLESS = 86400.0  # seconds
_exchange = threading.local()

# A header that was cut off is no news with a traceback: what it lacks shows in the answer.
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(
        lambda record: not str(record.msg).startswith("Failed to parse headers")
    )


class TooLarge(Exception):
    """A body has more bytes than may be read."""


class CutShort(Exception):
    """A body ended before its length was reached."""


#: What an exchange raises beside ``OSError``, as ``requests`` lets some of these through.
FAULTS = (HTTPError, TooLarge, CutShort)


def session(connections: int = 1, ca_file: str = "", verify: bool = True) -> Session:
    """Return a session whose exchanges end with :func:`deadline`.

    Args:
        connections: How many are kept open for later.
        ca_file: PEM file with the CA that signed the peer's certificate.
        verify: False switches certificate checking off.
    """
    http = _Session()
    http.trust_env = False  # a netrc or proxy of the minion's user is not ours to use
    http.verify = ca_file or verify
    http.headers["Accept"] = "application/json"
    adapter = _Adapter(pool_connections=1, pool_maxsize=connections)
    http.mount("http://", adapter)
    http.mount("https://", adapter)
    return http


@contextlib.contextmanager
def deadline(end: float) -> Iterator[None]:
    """Let the exchanges of this thread within this block end by some time.

    Args:
        end: Seconds, as ``time.monotonic`` counts them.  What is not done by then raises one of
            the exceptions that ``requests`` has for a timeout.
    """
    before = getattr(_exchange, "end", None)
    _exchange.end, _exchange.sent = end, False
    try:
        yield
    finally:
        _exchange.end = before


def sent() -> bool:
    """Return whether something was sent since this thread's latest :func:`deadline` began."""
    return getattr(_exchange, "sent", True)


def body(answer: Response, most: int, cut: bool = False) -> bytes:
    """Read the body of an answer that was asked for with ``stream=True``.

    Args:
        answer: The ``requests`` response; its connection is free afterwards.
        most: How many bytes it may have at most.
        cut: Return the first ``most`` bytes of a longer one.

    Raises:
        TooLarge: It has more.
        CutShort: The connection ended before the announced length.
    """
    announced = answer.headers.get("Content-Length", "")
    length = int(announced) if re.fullmatch("[0-9]{1,18}", announced) else 0
    if length > most and not cut:
        answer.close()
        raise TooLarge
    parts, size = [], 0
    try:
        for part in answer.iter_content(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > most:
                break
        else:
            if answer.raw.tell() < length:
                raise CutShort
            return b"".join(parts)
        if not cut:
            raise TooLarge
        return b"".join(parts)[:most]
    finally:
        if size > most or answer.raw.tell() < length:
            answer.close()  # what is left of it would be taken for the next answer


class _Session(Session):
    def get_redirect_target(self, resp):
        """Say that nothing redirects, as it would be followed far enough to read the body."""
        return None


class _Bounded:
    """A connected socket of which no operation lasts beyond the end of its exchange."""

    def __init__(self, sock):
        self._sock = sock
        self._timeout = self._current = sock.gettimeout()

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def settimeout(self, seconds):
        self._timeout = seconds
        self._limit(seconds)

    def _limit(self, seconds):
        if seconds != self._current:  # else a system call for nothing
            self._current = seconds
            self._sock.settimeout(seconds)

    def allow(self):
        """Give the next operation the time that there is."""
        end = getattr(_exchange, "end", None)
        if end is None:
            return
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is up")
        self._limit(left if self._timeout is None else min(left, self._timeout))

    def sendall(self, data):
        _exchange.sent = True
        rest = memoryview(data).cast("B")
        while rest:
            self.allow()
            rest = rest[self._sock.send(rest[: 4 * _CHUNK]) :]

    def makefile(self, mode="rb", *_, **__):
        return io.BufferedReader(_Reader(self, self._sock.makefile(mode, buffering=0)), _CHUNK)


class _Reader(io.RawIOBase):
    """What reads from a :class:`_Bounded` socket."""

    def __init__(self, sock, raw):
        super().__init__()
        self._sock, self._raw = sock, raw

    def readable(self):
        return True

    def readinto(self, buffer):
        self._sock.allow()
        return self._raw.readinto(buffer)

    def close(self):
        self._raw.close()
        super().close()


if TYPE_CHECKING:
    _Connection = HTTPConnection
else:
    _Connection = object


class _Connect(_Connection):
    def _new_conn(self):
        """Connect to the first address of the host that answers, within one timeout for all."""
        host, timeout = self._dns_host, self.timeout
        end = time.monotonic() + (timeout or _ENDLESS)
        try:
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return super()._new_conn()  # which raises what urllib3 has for it
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        try:
            for left in range(len(addresses), 0, -1):
                self._dns_host = addresses[-left]
                self.timeout = max(end - time.monotonic(), 0.001) / left
                try:
                    return super()._new_conn()
                except HTTPError:
                    if left == 1:
                        raise
        finally:
            self._dns_host, self.timeout = host, timeout

    def connect(self):
        super().connect()
        self.sock = _Bounded(self.sock)  # type: ignore[assignment]


class _Plain(_Connect, HTTPConnection):
    pass


class _Secure(_Connect, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs)
        pools = {"http": _PlainPool, "https": _SecurePool}
        self.poolmanager.pool_classes_by_scheme = pools


def speaks_tls(host: str, port: int, seconds: float) -> bool:
    """Return whether a server at a port takes part in a TLS handshake, whatever its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), seconds) as sock,
            context.wrap_socket(sock, server_hostname=host),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # TLS, though not a version that both know
    except (OSError, ValueError):
        return False


def speaks_http(host: str, port: int, seconds: float) -> bool:
    """Return whether a server at a port answers HTTP without TLS."""
    try:
        with socket.create_connection((host, port), seconds) as sock:
            sock.sendall(f"HEAD / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            return sock.recv(5) == b"HTTP/"
    except (OSError, UnicodeError):
        return False
