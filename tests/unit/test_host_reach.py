"""Whether a region answers at a URL, and how long that is waited for."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from saltext.maas.host import reach
from saltext.maas.host.errors import HostError
from saltext.maas.release import Release
from support.misbehaving import Misbehaving, answer


@pytest.fixture
def nobody():
    """The URL of a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{free.getsockname()[1]}/MAAS"


def test_who_refuses_connections_is_waited_for_only_after_a_restart(nobody):
    started = time.monotonic()
    with pytest.raises(HostError, match=r"after 0\.2 s waiting .*: the connection was refused"):
        reach.wait_for_api(nobody, Release("3.7"), 60, patience=0.2)
    assert time.monotonic() - started < 5
    with pytest.raises(HostError, match=r"after 0\.4 s waiting .*: the connection was refused"):
        reach.wait_for_api(nobody, Release("3.7"), 0.4)


def _drip(connection):
    connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
    while not connection.server.stopping.wait(0.02):
        connection.wfile.write(b"x")


def test_what_drips_in_is_no_answer_in_time():
    with Misbehaving(_drip) as server:
        started = time.monotonic()
        assert reach.inspect(server.url, timeout=0.2) == ("no answer in time", None)
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (answer(200, "{}"), None),
        (answer(404), "it answered 404"),
        (answer(302, "", Location="http://h/login"), "it answered 302"),
        (answer(200, "x" * 2_000_000), "no connection"),
        (lambda connection: connection.reset(), "no connection"),
    ],
)
def test_reasons(step, reason):
    with Misbehaving(step) as server:
        assert reach.probe(server.url, timeout=5) == reason


def test_https_to_a_port_without_tls():
    def refuse(listener):
        taken, _ = listener.accept()
        with taken:
            taken.recv(9999)
            taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/MAAS"
        assert reach.probe(url, timeout=5) == reach.NO_TLS
        thread.join()


def test_an_answer_can_be_looked_into():
    with Misbehaving(answer(200, '{"eventloops": {}}', Date="today")) as server:
        reason, found = reach.inspect(server.url, timeout=5)
    assert (reason, found.content, found.headers["Date"]) == (None, b'{"eventloops": {}}', "today")
