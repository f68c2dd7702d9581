"""A proxy before a region that lets go wrong, now and then, what goes wrong in a network.

``with FaultyProxy(region, every(5)) as proxy`` stands at ``proxy.url``; each fifth request meets
a fault, one kind after the other.  :data:`KINDS` names them, and :data:`CARRIED_OUT` those of
them behind which the region carried the request out all the same.  With ``tls`` the proxy speaks
TLS, and there are the faults of :data:`OF_TLS` besides.

A new fault is a function of an exchange, and a line in :data:`KINDS`.
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import re
import select
import socket
import threading
import time
from urllib.parse import urlsplit

from support.misbehaving import Connection

_PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body>%s</body></html>"
#: Seconds that a client may take for a TLS handshake.
_HANDSHAKE = 10
#: What a TLS server says to somebody who does not speak TLS.
TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"


class Answer:
    """What a region answered, or what stands in for it."""

    def __init__(self, status, body=b"", kind="text/plain", **headers):
        self.status, self.body, self.kind = status, body, kind
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Told", f"Content-Type: {self.kind}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode()


# Faults: each takes the exchange, which can be carried out or not, and says how to go on.


def refused(exchange):
    exchange.proxy.go_away(exchange.proxy.away / 4)


def reset_before(exchange):
    exchange.connection.reset()


def reset_after(exchange):
    exchange.carry_out()
    exchange.connection.reset()


def closed(exchange):
    exchange.carry_out()


def no_answer(exchange):
    """The client waits until its patience ends; every second time nothing was carried out."""
    if exchange.number % 2:
        exchange.carry_out()
    exchange.outwait()


def slow_header(exchange):
    found = exchange.carry_out()
    head = found.head()
    exchange.drip(head)
    return exchange.send(found.body)


def slow_body(exchange):
    found = exchange.carry_out()
    exchange.send(found.head())
    exchange.drip(found.body)
    return True


def conflict(exchange):
    page = _PAGE % (b"409", b"Conflict error")
    return exchange.reply(409, page, "text/html", Retry_After=exchange.proxy.retry_after)


def too_many(exchange):
    return exchange.reply(429, b"slow down", Retry_After=exchange.proxy.retry_after)


def broken(exchange):
    """An error of the region, behind which 1.8 may have stored what it was asked for."""
    if exchange.number % 2:
        exchange.carry_out()
    return exchange.reply(500, b"server closed the connection unexpectedly")


def bad_gateway(exchange):
    if exchange.number % 2:
        exchange.carry_out()
    return exchange.reply(502, _PAGE % (b"502", b"Bad Gateway"), "text/html")


def busy(exchange):
    return exchange.reply(503, b"starting", Retry_After=exchange.proxy.retry_after)


def busy_without_end(exchange):
    return exchange.reply(503, _PAGE % (b"503", b"Service Unavailable"), "text/html")


def carried_out_later(exchange):
    exchange.carry_out_later()
    return exchange.reply(504, _PAGE % (b"504", b"Gateway Timeout"), "text/html")


def truncated(exchange):
    found = exchange.carry_out()
    found.body = found.body[: len(found.body) // 2]
    return exchange.answer(found)


def cut_off(exchange):
    """Less is sent than was announced."""
    found = exchange.carry_out()
    exchange.send(found.head() + found.body[: len(found.body) // 2])


def wrong_json(exchange):
    exchange.carry_out()
    odd = (None, [], {}, "no", 7, [None], [[]], [{}], {"id": "7"}, [{"id": "7", "name": 7}])
    body = json.dumps(odd[exchange.number % len(odd)]).encode()
    return exchange.pretend(Answer(200, body, "application/json; charset=utf-8"))


def web_page(exchange):
    return exchange.reply(200, _PAGE % (b"Welcome", b"Please log in"), "text/html")


def another_object(exchange):
    """The answer that somebody else was to get; nothing is carried out."""
    found = exchange.proxy.another(exchange)
    return exchange.pretend(found or Answer(200, b"{}", "application/json"))


def empty(exchange):
    return exchange.reply(200, b"", "application/json")


def clock_skew(exchange):
    """A region whose clock is an hour ahead refuses the request's time stamp."""
    headers = exchange.seen.headers
    signed = re.sub(
        r'(oauth_timestamp=")(\d+)',
        lambda found: f"{found[1]}{int(found[2]) - 3600}",
        headers.get("authorization", ""),
    )
    exchange.seen.headers = {**headers, **({"authorization": signed} if signed else {})}
    return exchange.answer(exchange.carry_out())


def restart(exchange):
    exchange.proxy.go_away(exchange.proxy.away)


def failover(exchange):
    """Another region process takes over; the one that was asked ends what it is at."""
    exchange.carry_out_later()
    exchange.proxy.go_away(exchange.proxy.away / 4)


def tls_error(exchange):
    """TLS where none is expected, or a handshake that is refused or breaks off."""
    if not exchange.proxy.handshake_with(("alert", "hang-up")[exchange.number % 2]):
        exchange.send(TLS_ALERT)


def expired_certificate(exchange):
    exchange.proxy.handshake_with("expired")


def other_certificate(exchange):
    exchange.proxy.handshake_with("other")


#: Behind these a request is carried out every second time.
_EVERY_SECOND_TIME = ("no-answer", "500", "502")
#: Every kind of fault by its name.
KINDS = {
    "refused": refused,
    "reset-before": reset_before,
    "reset-after": reset_after,
    "closed": closed,
    "no-answer": no_answer,
    "slow-header": slow_header,
    "slow-body": slow_body,
    "409": conflict,
    "429": too_many,
    "500": broken,
    "502": bad_gateway,
    "503": busy,
    "503-without-retry-after": busy_without_end,
    "504-carried-out-later": carried_out_later,
    "truncated-json": truncated,
    "cut-off": cut_off,
    "wrong-json": wrong_json,
    "web-page": web_page,
    "another-object": another_object,
    "empty": empty,
    "clock-skew": clock_skew,
    "restart": restart,
    "failover": failover,
    "tls-error": tls_error,
    "expired-certificate": expired_certificate,
    "other-certificate": other_certificate,
}
#: Those that need a proxy that speaks TLS: the next connection meets them.
OF_TLS = ("expired-certificate", "other-certificate")
#: Kinds for a proxy without TLS.
PLAIN = tuple(kind for kind in KINDS if kind not in OF_TLS)
#: Behind these the request was, or will be, carried out.
CARRIED_OUT = (
    "reset-after", "closed", "slow-header", "slow-body", "504-carried-out-later",
    "truncated-json", "cut-off", "wrong-json", "failover", *_EVERY_SECOND_TIME,
)  # fmt: skip


# Which request meets which fault


def share(rate: float, seed: int = 0, kinds=PLAIN):
    """Choose at random: a share of all requests, each with one of some kinds."""
    dice = random.Random(seed)

    def choose(number, method, target):
        return dice.choice(kinds) if dice.random() < rate else None

    return choose


def every(step: int, kinds=PLAIN):
    """Choose each ``step``-th request, one kind after the other."""
    todo = itertools.cycle(kinds)

    def choose(number, method, target):
        return next(todo) if number % step == 0 else None

    return choose


def first(kind: str, times: int = 1, method=None, path=""):
    """Choose the first requests with some method and path."""
    left = [times]

    def choose(number, asked, target):
        if left[0] and method in (None, asked) and path in target:
            left[0] -= 1
            return kind
        return None

    return choose


class FaultyProxy:
    """Hands requests on to a region, but for those that meet a fault.

    Args:
        region: A ``RegionServer``, or the URL of any region, such as
            ``http://127.0.0.1:5240/MAAS``.
        choose: Called with number, method and target of a request, one at a time; returns a
            name of :data:`KINDS` or None.
        away: Seconds for which a restarting region is away; one that refuses, a quarter of it.
        drip: Seconds that a slow header or body takes, unless the client goes away earlier.
        later: Seconds after its 504 at which a request is carried out; None for not before
            :meth:`wait_for_late`.
        retry_after: What ``Retry-After`` says where a fault has it.
        tls: The :class:`~support.certificates.Certificates` of a proxy that speaks TLS.

    Attributes:
        url: The region's URL by way of the proxy.
        faults: ``(number, kind, method, target)`` of each fault so far.
        count: How many requests came in.
    """

    def __init__(self, region, choose, away=0.3, drip=0.5, later=0.1, retry_after="0", tls=None):
        self.choose, self.away, self.drip, self.later = choose, away, drip, later
        self.retry_after, self.tls = retry_after, tls
        self.faults, self.count = [], 0
        self.emptied: list[int] = []  # reads that were answered with a list that is wrongly empty
        self.forward = _to_url(region) if isinstance(region, str) else _to_region(region)
        path = urlsplit(region if isinstance(region, str) else region.url).path
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._answers = []  # (method, target, answer) of the latest good ones
        self._connections = set()
        self._late = []  # threads
        self._handshakes = []  # what the next ones meet
        self._back = 0.0  # monotonic time from which it listens again
        # Bound by its number, a socket keeps the port while it does not listen.
        probe = socket.create_server(("127.0.0.1", 0))
        self._address = probe.getsockname()
        probe.close()
        self._listener = socket.create_server(self._address, backlog=64)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._address[1]}{path}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self.stopping.set()
        self._thread.join()
        self._listener.close()
        self._drop_all()
        self.wait_for_late()

    def go_away(self, seconds: float) -> None:
        """Refuse connections for a while, and drop those that are there."""
        with self._lock:
            if not self._back:
                # Twice would leave it shut, though it listens again.
                self._listener.shutdown(socket.SHUT_RDWR)
            self._back = max(self._back, time.monotonic() + seconds)
        self._drop_all()

    def do_later(self, function) -> None:
        """Call a function once its time has come."""
        timer = threading.Timer(self.later or 0, function)
        with self._lock:
            self._late.append(timer)
        if self.later is not None:
            timer.start()

    def wait_for_late(self) -> None:
        """Return once all was carried out that is carried out late."""
        with self._lock:
            late, self._late = self._late, []
        for timer in late:
            if self.later is None:
                timer.start()
            timer.join()

    def handshake_with(self, what: str) -> bool:
        """Let the next TLS handshake meet a certificate, ``alert`` or ``hang-up``.

        Returns:
            Whether the proxy speaks TLS at all.
        """
        if self.tls:
            with self._lock:
                self._handshakes.append(what)
        return bool(self.tls)

    def fault(self, method, target):
        """Decide about one request; returns its number and the fault that it meets, or None."""
        with self._lock:
            self.count += 1
            kind = self.choose(self.count, method, target)
            if kind:
                self.faults.append((self.count, kind, method, target))
            return self.count, kind and KINDS[kind]

    def remember(self, method, target, answer):
        """Keep a good answer, for somebody who shall get another's."""
        with self._lock:
            self._answers = [*self._answers[-19:], (method, target, answer)]

    def another(self, exchange):
        """A good answer to another request of the same method, or to any other."""
        with self._lock:
            others = [one for one in self._answers if one[1] != exchange.seen.target]
        alike = [one for one in others if one[0] == exchange.seen.method]
        return (alike or others or [(None, None, None)])[-1][2]

    def _serve(self):
        while not self.stopping.is_set():
            with self._lock:
                left = self._back - time.monotonic()
                if self._back and left <= 0:
                    self._back = 0.0
                    self._listener.listen(64)
            if left > 0:
                self.stopping.wait(min(left, 0.02))
                continue
            if not select.select([self._listener], [], [], 0.02)[0]:
                continue
            try:
                connection, address = self._listener.accept()
            except OSError:
                continue  # it went away in between
            threading.Thread(target=self._relay, args=(connection, address), daemon=True).start()

    def _relay(self, connection, address):
        try:
            connection = self._secured(connection)
        except OSError:
            connection.close()
            return  # the client does not trust us
        with self._lock:
            self._connections.add(connection)
        try:
            _Relayed(connection, address, self)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _secured(self, connection):
        """The connection, after its TLS handshake if there is to be one."""
        if not self.tls:
            return connection
        connection.settimeout(_HANDSHAKE)
        with self._lock:
            which = self._handshakes.pop(0) if self._handshakes else "good"
        if which in ("alert", "hang-up"):
            connection.recv(4096)
            connection.sendall(TLS_ALERT if which == "alert" else b"")
            raise ConnectionAbortedError
        secured = getattr(self.tls, which).wrap_socket(connection, server_side=True)
        secured.settimeout(None)
        return secured

    def _drop_all(self):
        with self._lock:
            gone = list(self._connections)
        for connection in gone:
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # also of a TLS socket
            except OSError:
                pass


class _Exchange:
    """One request and what becomes of it."""

    def __init__(self, proxy, connection, seen, number):
        self.proxy, self.connection, self.seen, self.number = proxy, connection, seen, number

    def carry_out(self) -> Answer:
        seen = self.seen
        return self.proxy.forward(seen.method, seen.target, seen.headers, seen.body)

    def carry_out_later(self) -> None:
        self.proxy.do_later(self.carry_out)

    def outwait(self) -> None:
        """Send nothing until the client goes away."""
        connection = self.connection.connection
        while not self.proxy.stopping.is_set():
            if select.select([connection], [], [], 0.02)[0]:
                return

    def send(self, data: bytes) -> bool:
        self.connection.wfile.write(data)
        return True

    def answer(self, found: Answer) -> bool:
        return self.send(found.head() + found.body)

    def pretend(self, found: Answer) -> bool:
        """Send what is not true; that a list is wrongly empty, nobody can tell from the answer."""
        if self.seen.method == "GET" and found.body == b"[]":
            self.proxy.emptied.append(self.number)
        return self.answer(found)

    def reply(self, *what, **headers) -> bool:
        return self.answer(Answer(*what, **headers))

    def drip(self, data: bytes) -> None:
        """Send a little at a time."""
        pieces = 20
        size = max(1, -(-len(data) // pieces))
        for start in range(0, len(data), size):
            self.proxy.stopping.wait(self.proxy.drip / pieces)
            self.connection.wfile.write(data[start : start + size])


class _Relayed(Connection):
    """One connection of a client."""

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
        proxy = self.server
        number, fault = proxy.fault(seen.method, seen.target)
        exchange = _Exchange(proxy, self, seen, number)
        if fault:
            return fault(exchange)
        found = exchange.carry_out()
        if 200 <= found.status < 300 and found.body:
            proxy.remember(seen.method, seen.target, found)
        return exchange.answer(found)


def _to_region(server):
    def forward(method, target, headers, body):
        found = server.answer(method, target, headers, body)
        answer = Answer(found.status, found.body, found.content_type)
        answer.headers = dict(found.headers)
        return answer

    return forward


def _to_url(url):
    parts = urlsplit(url)

    def forward(method, target, headers, body):
        connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=120)
        try:
            kept = {name: value for name, value in headers.items() if name != "connection"}
            connection.request(method, target, body or None, kept)
            found = connection.getresponse()
            answer = Answer(found.status, found.read(), found.headers.get("Content-Type", ""))
            for name in ("Retry-After", "Location", "WWW-Authenticate"):
                if found.headers.get(name):
                    answer.headers[name] = found.headers[name]
            return answer
        finally:
            connection.close()

    return forward
