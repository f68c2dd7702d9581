"""TLS on one side only, certificates, and what a profile's URL says about them."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import errors
from saltext.maas.client import Client, Profile, wire
from saltext.maas.release import Release
from support.certificates import Certificates
from support.faults import TLS_ALERT, FaultyProxy, first
from support.misbehaving import Misbehaving, answer, hang_up

KEY = "consumer0123456789:token012345678901x:secret0123456789012345678901234"
OK = answer(200, '{"version": "3.7.3"}')


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


@pytest.fixture
def secure(certificates):
    """A server that speaks TLS."""
    with Misbehaving(OK, wrap=certificates.good) as server:
        yield server


def release_at(url, **options):
    return Client(Profile(url, KEY, **{"deadline": 30.0, **options})).release


def test_a_pinned_certificate(secure, certificates):
    url = secure.url.replace("http:", "https:")
    assert release_at(url, ca_file=certificates.ca_file) == "3.7.3"
    with pytest.raises(errors.Untrusted, match=r"CERTIFICATE_VERIFY_FAILED.*maas:api:ca_file"):
        release_at(url)


def alert(connection):
    connection.wfile.write(TLS_ALERT)


def quickly(url, match):
    started = time.monotonic()
    with pytest.raises(errors.Untrusted, match=match) as raised:
        release_at(url, connect_timeout=0.3)
    assert time.monotonic() - started < 3
    assert raised.value.lasting
    assert "maas:api:url" in str(raised.value)


def test_plain_http_to_a_port_with_tls(secure):
    quickly(secure.url, "wants TLS: put https://")


@pytest.mark.parametrize("step", [
    answer(400, "<html>400 The plain HTTP request was sent to HTTPS port</html>", "text/html"),
    answer(400, "Client sent an HTTP request to an HTTPS server.\n", "text/plain"),
])  # fmt: skip
def test_servers_that_say_they_want_tls(step):
    with Misbehaving(step) as server:
        quickly(server.url, "wants TLS: put https://")


def test_a_connection_that_was_disturbed_once_is_asked_again():
    with Misbehaving(alert, OK) as server:
        assert release_at(server.url) == "3.7.3"


def test_a_port_that_refuses_a_handshake_with_an_alert_speaks_tls():
    def refuse():
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(TLS_ALERT)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=refuse)
        thread.start()
        assert wire.speaks_tls(*server.getsockname(), 5)
        thread.join()


@pytest.mark.parametrize("release", ["3.7", "1.7"])
def test_tls_to_a_plain_region(release):
    with RegionServer(release=release) as region:
        quickly(region.url.replace("http:", "https:"), "does not speak TLS: put http://")


def test_tls_to_another_plain_server():
    with Misbehaving(OK) as server:
        quickly(server.url.replace("http:", "https:"), "does not speak TLS: put http://")


def test_what_hangs_up_once_is_not_taken_for_tls():
    with Misbehaving(hang_up, OK, OK) as server:
        assert release_at(server.url) == "3.7.3"


def test_an_alert_of_a_region_that_was_reached_is_a_fault_like_others():
    with Misbehaving(OK, alert, answer(200, "[]")) as server:
        assert Client(Profile(server.url, KEY, deadline=30)).get("zones/") == []


@pytest.mark.parametrize("kind", ["expired-certificate", "other-certificate", "tls-error"])
def test_a_certificate_that_was_good_before_is_looked_at_again(certificates, kind):
    with (
        RegionServer() as region,
        FaultyProxy(region, first(kind, path="zones"), tls=certificates) as proxy,
    ):
        client = Client(Profile(proxy.url, region.api_key, certificates.ca_file))
        assert [one["name"] for one in client.get("zones/")] == ["default"]
        assert client.post("zones/", data={"name": "north"})["name"] == "north"


def never(number, method, target):
    return None


def test_a_certificate_that_stays_bad_is_an_error_at_once(certificates):
    with RegionServer() as region, FaultyProxy(region, never, tls=certificates) as proxy:
        client = Client(Profile(proxy.url, region.api_key, certificates.ca_file))
        assert client.release
        for _ in range(20):
            proxy.handshake_with("expired")
        proxy.go_away(0)
        with pytest.raises(errors.Untrusted, match="certificate has expired"):
            client.get("fabrics/")
        tried = client.requests
        with pytest.raises(errors.Untrusted, match="certificate has expired"):
            client.get("fabrics/")
        assert client.requests == tried + 1


@pytest.mark.parametrize(
    ("url", "unencrypted"),
    [
        ("http://192.0.2.10:5240/MAAS", True),
        ("http://region.example.com/MAAS", True),
        ("http://localhost.example.com/MAAS", True),
        ("http://[2001:db8::1]/MAAS", True),
        ("http://127.0.0.1:5240/MAAS", False),
        ("http://127.8.8.8/MAAS", False),
        ("http://[::1]/MAAS", False),
        ("http://localhost:5240/MAAS", False),
        ("https://192.0.2.10:5443/MAAS", False),
    ],
)
def test_who_can_read_what_is_sent(url, unencrypted):
    assert Profile(url, release=Release("3.7")).unencrypted is unencrypted
