"""TLS on one side only, certificates, and what a profile's URL says about them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from maas_emulator.server import RegionServer
from saltext.maas import errors
from saltext.maas.client import Client, Profile
from saltext.maas.release import Release
from support.faults import TLS_ALERT
from support.misbehaving import Misbehaving, answer, hang_up

KEY = "consumer0123456789:token012345678901x:secret0123456789012345678901234"
OK = answer(200, '{"version": "3.7.3"}')


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A PEM file with key and certificate of 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "region")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "region.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(pem)
    )  # fmt: skip
    return str(path)


@pytest.fixture
def secure(certificate):
    """A server that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Misbehaving(OK, wrap=context) as server:
        yield server


def release_at(url, **options):
    return Client(Profile(url, KEY, **{"deadline": 30.0, **options})).release


def test_a_pinned_certificate(secure, certificate):
    url = secure.url.replace("http:", "https:")
    assert release_at(url, ca_file=certificate) == "3.7.3"
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
    alert,
    answer(400, "<html>400 The plain HTTP request was sent to HTTPS port</html>", "text/html"),
    answer(400, "Client sent an HTTP request to an HTTPS server.\n", "text/plain"),
])  # fmt: skip
def test_servers_that_say_they_want_tls(step):
    with Misbehaving(step) as server:
        quickly(server.url, "wants TLS: put https://")


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
