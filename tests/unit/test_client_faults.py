"""The client against a peer that misbehaves."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import time

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import errors
from saltext.maas.client import Client, Profile
from saltext.maas.client.transport import Transport
from saltext.maas.release import Release
from support.faults import FaultyProxy, first
from support.misbehaving import Misbehaving, answer, half, hang_up, slow

KEY = "consumer0123456789:token012345678901x:secret0123456789012345678901234"
OK = answer(200, "{}")
FAST = {"connect_timeout": 2.0, "read_timeout": 2.0, "deadline": 3.0, "release": Release("3.7")}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr("saltext.maas.client.session._FIRST_PAUSE", 0.01)


def client_of(server, **options):
    client = Client(Profile(server.url, KEY, **{**FAST, **options}))
    client._release = Release("3.7")
    return client


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.Invalid),
        (401, errors.NotAuthenticated),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.Unexpected),
        (409, errors.Conflict),
        (410, errors.Gone),
        (500, errors.Unexpected),
        (502, errors.Unavailable),
        (503, errors.Unavailable),
        (504, errors.Unavailable),
    ],
)
def test_every_status_has_its_type(status, kind):
    with Misbehaving(answer(status, "no", "text/plain")) as server:
        with pytest.raises(errors.MaasError) as raised:
            client_of(server).post("things/")
        assert type(raised.value) is kind
        assert raised.value.status == status
        assert f"{status} no" in str(raised.value)
        assert len(server.seen) == (4 if status == 503 else 1)


def test_what_was_being_handled_is_not_the_cause():
    with Misbehaving(answer(500, "the first error", "text/plain"), hang_up) as server:
        try:
            client_of(server).post("things/")
        except errors.Unexpected:
            with pytest.raises(errors.LostAnswer) as raised:
                client_of(server).post("things/")
        assert "reset" in str(raised.value)
        assert "the first error" not in str(raised.value)


def test_a_key_that_was_accepted_before_is_tried_again_for_a_while():
    skewed = [False]  # for the version
    with (
        RegionServer() as region,
        FaultyProxy(region, lambda *_: "clock-skew" if skewed.pop(0) else None) as proxy,
    ):
        client = Client(Profile(proxy.url, region.api_key))
        assert client.release

        def tries(*choices):
            skewed.extend(choices)
            before = client.requests
            with contextlib.suppress(errors.NotAuthenticated):
                assert client.get("zones/")
            assert not skewed
            return client.requests - before

        assert tries(True) == 1  # no key was accepted so far
        assert tries(False) == 1
        assert tries(True, True, False) == 3
        assert tries(True, True, True, True) == 4
        assert tries(True) == 1  # since that did not help


def test_503_is_tried_again_when_the_region_says():
    steps = answer(503, "busy", "text/plain", Retry_After="1"), OK
    with Misbehaving(*steps) as server:
        started = time.monotonic()
        assert client_of(server).get("things/") == {}
        assert time.monotonic() - started > 0.9
        assert len(server.seen) == 2


def test_every_try_is_signed_anew():
    with Misbehaving(answer(503), hang_up, answer(503), OK) as server:
        client_of(server).put("things/1/", data={"a": "b"}, repeat=True)
        nonces = [re.search(r'nonce="(\w+)"', s.headers["authorization"])[1] for s in server.seen]
        assert len(set(nonces)) == len(nonces) == 4


def test_the_deadline_holds_for_all_retries():
    with Misbehaving(answer(503)) as server:
        started = time.monotonic()
        with pytest.raises(errors.Unavailable):
            client_of(server, deadline=0.4).get("things/")
        assert time.monotonic() - started < 1.5
        assert len(server.seen) > 1


def test_a_longer_wait_than_the_deadline_is_not_begun():
    with Misbehaving(answer(503, Retry_After="60")) as server:
        started = time.monotonic()
        with pytest.raises(errors.Unavailable) as raised:
            client_of(server).get("things/")
        assert time.monotonic() - started < 1
        assert raised.value.retry_after == 60


def test_one_slow_answer_does_not_outlast_the_deadline():
    with Misbehaving(slow(30, OK)) as server:
        started = time.monotonic()
        with pytest.raises(errors.LostAnswer):
            client_of(server, read_timeout=20.0, deadline=0.5).get("things/")
        assert time.monotonic() - started < 3


def test_several_calls_keep_one_limit():
    with Misbehaving(slow(0.2, OK)) as server:
        client = client_of(server)
        started = time.monotonic()
        with pytest.raises(errors.MaasError), client.within(0.5):
            [client.get("things/") for _ in range(20)]
        assert 0.4 < time.monotonic() - started < 1.5
        with client.within(None):
            assert client.get("things/") == {}
        with pytest.raises(errors.Unreachable, match="no time is left"), client.within(0):
            client.get("things/")
        assert client.get("things/") == {}  # later calls are not concerned


def test_a_slow_answer_within_the_read_timeout_is_awaited():
    with Misbehaving(slow(0.5, OK)) as server:
        assert client_of(server, read_timeout=2.0).get("things/") == {}
        assert len(server.seen) == 1


def test_a_read_that_times_out_is_repeated():
    with Misbehaving(slow(5, OK), OK) as server:
        assert client_of(server, read_timeout=0.3).get("things/") == {}
        assert len(server.seen) == 2


@pytest.mark.parametrize("fault", [hang_up, half, slow(5, OK)])
def test_a_create_whose_answer_is_lost_is_not_repeated(fault):
    with Misbehaving(fault) as server:
        with pytest.raises(errors.LostAnswer):
            client_of(server, read_timeout=0.3).post("things/", data={"name": "x"})
        assert len(server.seen) == 1


LATER = {
    "409": answer(409, "<html><body>Conflict</body></html>", "text/html", Retry_After="0"),
    "429": answer(429, "slow down", "text/plain", Retry_After="0"),
    "503": answer(503, "starting", "text/plain", Retry_After="0"),
    "503 of a gateway": answer(503, "<html>Service Unavailable</html>", "text/html"),
    "503 without a time": answer(503, "no addresses left", "text/plain"),
}
PERHAPS = {
    "lost": hang_up, "half": half, "500": answer(500, "no", "text/plain"),
    "502": answer(502, "no", "text/plain"), "504": answer(504, "no", "text/plain"),
    "web page": answer(200, "<html></html>", "text/html"), "empty": answer(200, ""),
    "cut off": answer(200, "{'a': 1"), "a 503 too late": answer(503, "", Retry_After="0"),
}  # fmt: skip
WRITES = [("POST", None), ("POST", "import"), ("PUT", None), ("DELETE", None)]


@pytest.mark.parametrize("fault", list(LATER))
def test_what_was_not_carried_out_is_sent_again(fault):
    for method, op in [("GET", None), *WRITES]:
        with Misbehaving(LATER[fault], OK) as server:
            assert client_of(server).call(method, "things/", op=op) == {}, method
            assert len(server.seen) == 2, method


@pytest.mark.parametrize("fault", list(PERHAPS))
def test_a_write_that_may_have_been_carried_out_is_not_sent_again(fault):
    for method, op in WRITES:
        with Misbehaving(PERHAPS[fault], OK) as server:
            with pytest.raises(errors.MaasError) as raised:
                client_of(server).call(method, "machines/", op=op)
            assert raised.value.carried_out is None, method
            assert len(server.seen) == 1, method


@pytest.mark.parametrize("fault", list(PERHAPS))
def test_a_read_is_sent_again(fault):
    with Misbehaving(PERHAPS[fault], PERHAPS[fault], OK) as server:
        assert client_of(server).get("things/") == {}
        assert len(server.seen) == 3


def test_who_knows_better_says_so():
    with Misbehaving(hang_up, OK) as server:
        assert client_of(server).post("things/", op="import", repeat=True) == {}
    with Misbehaving(answer(500), OK) as server, pytest.raises(errors.Unexpected):
        client_of(server).call("GET", "things/", repeat=False)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "fault",
    [
        answer(409, "<html>Conflict</html>", "text/html", Retry_After="0"),
        answer(503, "no addresses left", "text/plain"),
        answer(503, "", "text/plain"),
    ],
)
def test_what_stays_is_not_tried_to_the_deadline(method, fault):
    with Misbehaving(fault) as server:
        with pytest.raises(errors.HttpError) as raised:
            client_of(server, deadline=60.0).call(method, "things/")
        assert raised.value.carried_out is False
        assert len(server.seen) == 4


def test_a_user_that_is_there_is_no_race():
    page = answer(409, "<html>Conflict</html>", "text/html", Retry_After="5")
    with Misbehaving(page) as server:
        with pytest.raises(errors.Conflict) as raised:
            client_of(server).post("users/", data={"username": "ops"})
        assert not raised.value.transient
        assert len(server.seen) == 1


@pytest.mark.parametrize("text", ["3600", "999999999", "Fri, 31 Dec 2999 23:59:59 GMT"])
@pytest.mark.parametrize("status", [409, 429, 503])
def test_nobody_waits_beyond_the_deadline(text, status):
    for method in ("GET", "POST", "PUT"):
        with Misbehaving(answer(status, "later", Retry_After=text)) as server:
            started = time.monotonic()
            with pytest.raises(errors.HttpError) as raised:
                client_of(server).call(method, "things/")
            assert time.monotonic() - started < 1, method
            assert raised.value.retry_after >= 3600, method
            assert len(server.seen) == 1, method


@pytest.mark.parametrize("text", ["soon", "-5", "1e9", "\u00b2", "", "nan"])
def test_a_wait_that_cannot_be_read_is_a_second(text):
    with Misbehaving(answer(503, "later", Retry_After=text)) as server:
        with pytest.raises(errors.Unavailable) as raised:
            client_of(server, deadline=0.5).get("things/")
        assert raised.value.retry_after == 1
        assert len(server.seen) == 1


def test_a_reset_before_the_request_was_read():
    with Misbehaving(OK, resets=2) as server:
        client = client_of(server)
        client._transport = Transport(client.profile)
        client._transport.reached = True  # else it would look whether TLS is spoken there
        assert client.get("things/") == {}
        assert server.accepted == 3


@pytest.fixture
def nobody():
    """The URL of a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{free.getsockname()[1]}/MAAS"


def test_nobody_listens(nobody):
    client = Client(Profile(nobody, KEY, **FAST), patience=0.1)
    with pytest.raises(errors.Unreachable, match=re.escape(nobody)) as raised:
        client.release  # noqa: B018
    assert "refused" in str(raised.value)
    assert "maas:api:url" in str(raised.value)
    assert 1 < client.requests < 10


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_region_that_is_away_is_waited_for_as_long_as_was_said(nobody, method):
    for patience, tries in ((0, 1), (0.05, None)):
        client = Client(Profile(nobody, KEY, deadline=60), patience=patience)
        client._release = Release("3.7")
        started = time.monotonic()
        with pytest.raises(errors.Unreachable):
            client.call(method, "things/")
        assert client.requests == tries or (tries is None and client.requests > 1)
        assert time.monotonic() - started < 2


def test_a_region_that_restarts_is_waited_for(monkeypatch):
    monkeypatch.setattr("saltext.maas.client.session._PATIENCE", 0.01)
    with RegionServer(release="3.7") as region:
        choose = first("restart", path="/users/")
        with FaultyProxy(region, choose, away=0.2) as proxy:
            client = Client(Profile(proxy.url, region.api_key), patience=0.01)
            assert client.release.series == "3.7"
            assert client.get("users/")
            assert proxy.faults


def test_a_conflict_that_will_pass_and_one_that_will_not():
    page = answer(409, "<html><body>Conflict</body></html>", "text/html", Retry_After="0")
    with Misbehaving(page, OK) as server:
        assert client_of(server).put("things/1/", data={"a": 1}) == {}
        assert len(server.seen) == 2
    with Misbehaving(answer(409, "in use", "text/plain")) as server:
        with pytest.raises(errors.Conflict, match="in use") as raised:
            client_of(server).put("things/1/", data={"a": 1})
        assert not raised.value.transient
        assert len(server.seen) == 1


def test_a_web_page_is_not_shown():
    page = answer(409, "<!DOCTYPE html><HTML><p>lots</p></HTML>", "text/html", Retry_After="9")
    with Misbehaving(page) as server:
        with pytest.raises(errors.Conflict) as raised:
            client_of(server).post("things/")
        assert str(raised.value).endswith("409 the answer is a web page")
        assert raised.value.retry_after == 9
        assert raised.value.transient


def test_a_redirect_is_reported_and_not_followed():
    place = "https://user:swordfish@other.example.com/MAAS/"
    with Misbehaving(answer(301, "", "text/html", Location=place)) as server:
        with pytest.raises(
            errors.Redirected, match=r"redirected to https://\*+@other\.example"
        ) as raised:
            client_of(server).get("things/")
        assert "maas:api:url" in str(raised.value)
        assert len(server.seen) == 1


def test_a_ca_file_that_is_not_there():
    client = Client(Profile("https://127.0.0.1:1/MAAS", KEY, ca_file="/nonexistent/ca.pem"))
    started = time.monotonic()
    with pytest.raises(errors.Untrusted, match=r"ca\.pem"):
        client.release  # noqa: B018
    assert time.monotonic() - started < 5


def chain(error):
    """All texts of an exception and what led to it, requests that they hold included."""
    seen, todo = [], [error]
    while todo:
        one = todo.pop()
        if one is None or any(one is other for other in seen):
            continue
        seen.append(one)
        todo += [one.__cause__, one.__context__]
        todo += [arg for arg in one.args if isinstance(arg, BaseException)]
    texts = []
    for one in seen:
        texts += [str(one), repr(one), repr(vars(one))]
        request = getattr(one, "request", None)
        if request is not None:
            texts += [repr(request.headers), repr(request.body), request.url]
    return "\n".join(texts)


FAULTS = {
    "signature": answer(
        401,
        "Invalid signature. Expected signature base string: "
        "consumer0123&secret0123456789012345678901234",
        "text/plain",
    ),
    "token": answer(401, "Invalid access token: token012345678901x", "text/plain"),
    "nonce": answer(401, "Nonce already used: abcdef", "text/plain"),
    "whole-key": answer(500, f"key {KEY}", "text/plain"),
    "password": answer(400, '{"password": ["swordfish is too short"]}'),
    "password-as-text": answer(500, "IntegrityError: (swordfish)", "text/plain"),
    "uri": answer(500, "postgres://maas:swordfish@db/maasdb", "text/plain"),
    "lost": hang_up,
    "half": half,
    "slow": slow(3, OK),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_no_secret_is_shown_or_logged(fault, caplog):
    for name in ["", *logging.root.manager.loggerDict]:
        caplog.set_level(1, logger=name)
    with Misbehaving(FAULTS[fault]) as server:
        client = client_of(server, read_timeout=0.3)
        with pytest.raises(errors.MaasError) as raised:
            client.post("users/", data={"password": "swordfish"}, hide=["swordfish"])
    logged = "\n".join(f"{record.name} {record.getMessage()}" for record in caplog.records)
    shown = "\n".join([chain(raised.value), logged, repr(client), repr(client.profile)])
    for secret in [*KEY.split(":"), "swordfish"]:
        assert secret not in shown


def test_a_password_in_a_url_is_hidden_wherever_it_stands():
    said = "proxy http://me:sword%20fish@p:1/ (sword%20fish) no"
    data = {"http_proxy": "http://me:sword%20fish@p:1/"}
    refused = pytest.raises(errors.Invalid)
    with Misbehaving(answer(400, said, "text/plain")) as server, refused as raised:
        client_of(server).put("maas/", data=data)
    assert "sword" not in chain(raised.value)


def test_no_secret_is_logged_when_all_is_well(caplog):
    for name in ["", *logging.root.manager.loggerDict]:
        caplog.set_level(1, logger=name)
    with Misbehaving(OK) as server:
        client = client_of(server)
        client.get("things/")
        client.put("things/1/", data={"a": "swordfish"})
        assert any(record.name.startswith("urllib3") for record in caplog.records)
    for secret in [*KEY.split(":"), "swordfish"]:
        assert secret not in caplog.text
