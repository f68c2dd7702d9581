"""The faulty proxy does what its kinds of faults say."""

from __future__ import annotations

import http.client
import re
import ssl
import time
from urllib.parse import urlsplit

import pytest
from maas_emulator.server import RegionServer
from saltext.maas.client import Client, Profile
from saltext.maas.errors import NotAuthenticated
from support import faults
from support.certificates import Certificates
from support.faults import FaultyProxy, every, first, share

PATH = "/MAAS/api/2.0/version/"


@pytest.fixture(scope="module")
def region():
    with RegionServer(release="3.7") as server:
        yield server


@pytest.fixture(scope="module")
def certificates():
    return Certificates()


def ask(proxy, timeout=5, headers=()):
    """Status and body of one answer, or what went wrong."""
    address = urlsplit(proxy.url)
    if proxy.tls:
        context = ssl.create_default_context(cafile=proxy.tls.ca_file)
        connection = http.client.HTTPSConnection(
            address.hostname, address.port, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
    try:
        connection.request("GET", PATH, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error), error
    finally:
        connection.close()


@pytest.mark.parametrize("by_url", [False, True])
def test_without_a_fault_it_is_the_region(region, by_url):
    with FaultyProxy(region.url if by_url else region, lambda *_: None) as proxy:
        status, body = ask(proxy)
    assert status == 200
    assert b'"version": "3.7' in body
    assert proxy.count == 1
    assert not proxy.faults


EXPECTED = {
    "409": 409, "429": 429, "500": 500, "502": 502, "503": 503, "503-without-retry-after": 503,
    "504-carried-out-later": 504, "slow-header": 200, "slow-body": 200, "truncated-json": 200,
    "wrong-json": 200, "web-page": 200, "another-object": 200, "empty": 200,
    "reset-before": ConnectionResetError, "reset-after": ConnectionResetError,
    "refused": http.client.RemoteDisconnected, "restart": http.client.RemoteDisconnected,
    "closed": http.client.RemoteDisconnected, "tls-error": http.client.BadStatusLine,
    "failover": http.client.RemoteDisconnected, "cut-off": http.client.IncompleteRead,
    "no-answer": TimeoutError, "clock-skew": 200,
}  # fmt: skip


@pytest.mark.parametrize("kind", faults.PLAIN)
def test_each_kind(region, kind):
    region.requests.reset()
    with FaultyProxy(region, first(kind), away=0.1, drip=0.02, later=0.01) as proxy:
        found, body = ask(proxy, timeout=0.2 if kind == "no-answer" else 5)
        assert found is EXPECTED[kind] or found == EXPECTED[kind], body
        assert [one[1] for one in proxy.faults] == [kind]
        limit = time.monotonic() + 5
        while ask(proxy)[0] != 200:  # a refusal or a restart passes
            assert time.monotonic() < limit
    # The request after the fault is one; of those carried out every second time it was the first.
    expected = 1 + (kind in (*faults.CARRIED_OUT, "clock-skew"))
    while len(region.requests) < expected:
        assert time.monotonic() < limit
        time.sleep(0.005)
    assert len(region.requests) == expected


@pytest.mark.parametrize(("kind", "reason"), [
    ("expired-certificate", "CERTIFICATE_VERIFY_FAILED.*expired"),
    ("other-certificate", "CERTIFICATE_VERIFY_FAILED"),
    ("tls-error", "EOF|reset"),
])  # fmt: skip
def test_a_handshake_that_fails(region, certificates, kind, reason):
    with FaultyProxy(region, first(kind), tls=certificates) as proxy:
        assert ask(proxy)[0] is http.client.RemoteDisconnected
        found, error = ask(proxy)
        assert issubclass(found, OSError), found
        assert re.search(reason, str(error)), error
        assert ask(proxy)[0] == 200


@pytest.mark.parametrize("kind", ["reset-after", "no-answer", "restart", "slow-body"])
def test_faults_behind_tls(region, certificates, kind):
    with FaultyProxy(region, first(kind), away=0.1, drip=0.02, tls=certificates) as proxy:
        found, body = ask(proxy, timeout=0.5)
        if kind == "slow-body":
            assert found == 200
        else:
            assert issubclass(found, OSError), body
        limit = time.monotonic() + 5
        while ask(proxy)[0] != 200:
            assert time.monotonic() < limit


def test_a_region_with_another_clock_refuses_what_is_signed(region):
    with FaultyProxy(region, first("clock-skew", path="zones")) as proxy:
        client = Client(Profile(proxy.url, region.api_key))
        with pytest.raises(NotAuthenticated, match="Expired timestamp"):
            client.get("zones/")
        assert client.get("zones/")


def test_while_it_is_away_no_connection_is_made(region):
    with FaultyProxy(region, first("restart"), away=60) as proxy:
        ask(proxy)
        assert ask(proxy)[0] is ConnectionRefusedError


def test_which_requests_meet_a_fault():
    choose = every(2, ("500", "502"))
    assert [choose(n, "GET", "/") for n in range(1, 7)] == [None, "500", None, "502", None, "500"]
    choose = first("500", 2, "POST", "fabrics")
    asked = [("GET", "/fabrics/"), ("POST", "/x/"), *[("POST", "/fabrics/")] * 3]
    assert [choose(0, *one) for one in asked] == [None, None, "500", "500", None]
    chosen = [share(0.2, seed=7)(n, "GET", "/") for n in range(3)]
    assert chosen == [share(0.2, seed=7)(n, "GET", "/") for n in range(3)]
    choose = share(0.2, seed=3)
    met = [choose(n, "GET", "/") for n in range(2000)]
    assert 300 < len(list(filter(None, met))) < 500
    assert set(met) == {None, *faults.PLAIN}
