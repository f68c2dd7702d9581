"""Every exchange ends in time, and every body has a limit."""

from __future__ import annotations

import contextlib
import gzip
import math
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from saltext.maas import errors
from saltext.maas.client import Client, MaasError, Profile
from saltext.maas.reconcile import Snapshot
from saltext.maas.reconcile.apply import Run
from saltext.maas.reconcile.desired import DesiredObjects
from saltext.maas.reconcile.plan import Plan
from saltext.maas.release import Release
from support.misbehaving import Misbehaving, answer, slow

KEY = "consumer0123456789:token012345678901x:secret0123456789012345678901234"
OK = answer(200, "{}")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr("saltext.maas.client.session._FIRST_PAUSE", 0.01)


def client_of(url, **options):
    options = {"connect_timeout": 5.0, "read_timeout": 5.0, "deadline": 0.2, **options}
    client = Client(Profile(url, KEY, **options))
    client._release = Release("3.7")
    return client


def dripping(start):
    """Step: after this start a byte now and then, without end."""

    def step(connection):
        connection.wfile.write(start)
        while not connection.server.stopping.wait(0.03):
            connection.wfile.write(b"x")

    return step


DRIPS = {
    "status line": dripping(b"HTTP/1.1 2"),
    "header": dripping(b"HTTP/1.1 200 OK\r\nX-Slow: "),
    "body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"),
    "chunk": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n"),
    "body without a length": dripping(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"),
    "error": dripping(b"HTTP/1.1 500 No\r\nContent-Length: 999999\r\n\r\n"),
    "redirect": dripping(b"HTTP/1.1 302 No\r\nLocation: /\r\nContent-Length: 99999\r\n\r\n"),
}


@pytest.mark.parametrize(
    ("method", "drip"), [*(("GET", drip) for drip in DRIPS), ("POST", "header"), ("PUT", "body")]
)
def test_what_drips_in_is_given_up(method, drip):
    with Misbehaving(DRIPS[drip]) as server:
        started = time.monotonic()
        with pytest.raises(errors.LostAnswer, match="timed out after"):
            client_of(server.url).call(method, "things/")
        assert 0.15 < time.monotonic() - started < 2


def test_a_header_that_is_cut_off_leaves_no_traceback(caplog):
    def cut(connection):
        connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Le")

    with Misbehaving(cut, OK) as server:
        assert client_of(server.url, deadline=5).get("things/") == {}
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]


def test_the_connection_is_not_used_again():
    with Misbehaving(DRIPS["body"], OK) as server:
        client = client_of(server.url)
        with pytest.raises(errors.LostAnswer):
            client.post("things/")
        assert client.get("things/") == {}
        assert server.accepted == 2


def test_a_peer_that_takes_no_body():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/MAAS"
        started = time.monotonic()
        with pytest.raises(errors.LostAnswer, match="timed out"):
            client_of(url).post("things/", files={"content": b"x" * 20_000_000})
        assert time.monotonic() - started < 2


def test_a_peer_that_takes_a_body_slowly():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def sip():
            taken, _ = listener.accept()
            with taken:
                while not over.wait(0.02) and taken.recv(4096):
                    pass

        thread = threading.Thread(target=sip)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/MAAS"
        started = time.monotonic()
        with pytest.raises(errors.LostAnswer, match="timed out"):
            client_of(url).post("things/", files={"content": b"x" * 20_000_000})
        assert time.monotonic() - started < 2
        over.set()
        thread.join()


def test_nobody_shakes_hands():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/MAAS"
        started = time.monotonic()
        with pytest.raises(errors.MaasError):
            client_of(url).get("things/")
        assert time.monotonic() - started < 2


BIG = '{"a": "' + "x" * 1_100_000 + '"}'


def _send(head, body):
    def step(connection):
        connection.wfile.write(head + b"\r\n\r\n" + body)
        return True

    return step


JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PACKED = gzip.compress(b'"' + b"x" * 50_000_000 + b'"')
SIZES = {
    "announced": answer(200, BIG),
    "chunked": _send(
        JSON + b"Transfer-Encoding: chunked", b"10cccc\r\n" + b"x" * 0x10CCCC + b"\r\n0\r\n\r\n"
    ),
    "packed": _send(
        JSON + b"Content-Encoding: gzip\r\nContent-Length: %d" % len(PACKED), PACKED
    ),
}  # fmt: skip


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_body_beyond_the_limit(size, method):
    kind = errors.StrangeAnswer if method == "GET" else errors.WrongAnswer
    with Misbehaving(SIZES[size], OK) as server:
        client = client_of(server.url, deadline=30, max_body=1)
        with pytest.raises(kind, match="more than 1 MiB; maas:api:max_body allows more") as raised:
            client.call(method, "things/")
        assert raised.value.carried_out is (False if method == "GET" else None)
        assert len(server.seen) == 1
        assert client.get("things/") == {}  # what was left over is no answer to this


def test_a_body_within_the_limit():
    with Misbehaving(answer(200, BIG)) as server:
        assert client_of(server.url, deadline=30, max_body=2).get("things/")["a"]


def test_of_a_long_error_the_beginning_is_enough():
    with Misbehaving(answer(400, "no " * 1_000_000, "text/plain"), OK) as server:
        client = client_of(server.url, deadline=30, max_body=1)
        with pytest.raises(errors.Invalid) as raised:
            client.post("things/")
        assert len(str(raised.value)) < 1100
        assert client.get("things/") == {}


def test_a_wait_does_not_outlast_its_limit(monkeypatch):
    monkeypatch.setattr(Run, "last_check_seconds", 0.1)
    with Misbehaving(slow(30, OK)) as server:
        client = client_of(server.url, deadline=60)
        run = Run(Snapshot(client), Plan([], DesiredObjects([])))
        started = time.monotonic()
        with pytest.raises(
            MaasError, match=r"timed out after 0\.2 s waiting for the moon: .* timed"
        ):
            run.wait_for("the moon", lambda: client.get("things/"), 0.2)
        assert time.monotonic() - started < 2
        assert client._here.end == math.inf  # what comes later has its own time


@contextlib.contextmanager
def unanswered(address, port=0):
    """A port of which the queue is full, so that whoever connects waits."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server((address, port), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@pytest.fixture
def several(monkeypatch):
    """Makes a name mean several addresses."""
    real = socket.getaddrinfo

    def name(*addresses):
        def getaddrinfo(host, *args, **kwargs):
            hosts = addresses if host == "several.example.com" else (host,)
            return [found for one in hosts for found in real(one, *args, **kwargs)]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return name


@pytest.mark.parametrize("limit", ["connect_timeout", "deadline"])
def test_all_addresses_of_a_name_share_the_time_to_connect(several, limit):
    several("127.0.0.2", "127.0.0.3", "127.0.0.4")
    with (
        unanswered("127.0.0.2") as port,
        unanswered("127.0.0.3", port),
        unanswered("127.0.0.4", port),
    ):
        client = client_of(f"http://several.example.com:{port}/MAAS", **{"deadline": 5, limit: 0.6})
        client._patience = 0
        began = time.monotonic()
        with pytest.raises(errors.Unreachable, match="waiting for a connection"):
            client.get("things/")
        assert 0.5 < time.monotonic() - began < 1.2


def test_the_first_address_that_answers_is_taken(several):
    several("127.0.0.2", "127.0.0.1")
    with contextlib.ExitStack() as stack:
        port = urlsplit(stack.enter_context(Misbehaving(OK)).url).port
        stack.enter_context(unanswered("127.0.0.2", port))
        url = f"http://several.example.com:{port}/MAAS"
        assert client_of(url, deadline=3, connect_timeout=1).get("things/") == {}
