"""The client against a peer that misbehaves."""

from __future__ import annotations

import logging
import re
import socket
import time

import pytest
from saltext.maas.client import Client, Profile, errors
from saltext.maas.release import Release
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
        (410, errors.NotFound),
        (500, errors.Unexpected),
        (502, errors.Unavailable),
        (503, errors.Unavailable),
        (504, errors.Unavailable),
    ],
)
def test_every_status_has_its_type(status, kind):
    with Misbehaving(answer(status, "no", "text/plain")) as server:
        with pytest.raises(errors.MaasError) as told:
            client_of(server).post("things/", repeat=False)
        assert type(told.value) is kind
        assert told.value.status == status
        assert f"{status} no" in str(told.value)
        assert len(server.seen) == 1


def test_503_is_tried_again_when_the_region_says():
    steps = answer(503, "busy", "text/plain", Retry_After="1"), OK
    with Misbehaving(*steps) as server:
        started = time.monotonic()
        assert client_of(server).get("things/") == {}
        assert time.monotonic() - started > 0.9
        assert len(server.seen) == 2


def test_every_try_is_signed_anew():
    with Misbehaving(answer(503), hang_up, answer(503), OK) as server:
        client_of(server).put("things/1/", data={"a": "b"})
        nonces = [re.search(r'nonce="(\w+)"', s.headers["authorization"])[1] for s in server.seen]
        assert len(set(nonces)) == len(nonces) == 4


def test_the_deadline_is_kept_over_retries():
    with Misbehaving(answer(503)) as server:
        started = time.monotonic()
        with pytest.raises(errors.Unavailable):
            client_of(server, deadline=0.4).get("things/")
        assert time.monotonic() - started < 1.5
        assert len(server.seen) > 1


def test_a_longer_wait_than_the_deadline_is_not_begun():
    with Misbehaving(answer(503, Retry_After="60")) as server:
        started = time.monotonic()
        with pytest.raises(errors.Unavailable) as told:
            client_of(server).get("things/")
        assert time.monotonic() - started < 1
        assert told.value.retry_after == 60


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


@pytest.mark.parametrize("status", [503, 409])
def test_a_create_that_was_refused_for_now_is_left_to_the_caller(status):
    with Misbehaving(answer(status, "later", Retry_After="1"), OK) as server:
        with pytest.raises(errors.HttpError) as told:
            client_of(server).post("things/", data={"name": "x"})
        assert told.value.retry_after == 1
        assert len(server.seen) == 1


@pytest.mark.parametrize("fault", [hang_up, half])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_may_be_repeated_is(method, fault):
    with Misbehaving(fault, OK) as server:
        client_of(server).call(method, "things/1/")
        assert [seen.method for seen in server.seen] == [method] * 2


def test_an_operation_is_repeated_unless_told_otherwise():
    with Misbehaving(hang_up, OK) as server:
        client_of(server).post("things/", op="import")
        assert len(server.seen) == 2
    with Misbehaving(hang_up, OK) as server:
        with pytest.raises(errors.LostAnswer):
            client_of(server).post("things/", op="new", repeat=False)
        assert len(server.seen) == 1


def test_a_reset_before_the_request_was_read():
    with Misbehaving(OK, resets=2) as server:
        assert client_of(server).get("things/") == {}
        assert server.accepted == 3


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/MAAS"
        client = Client(Profile(url, KEY, **{**FAST, "deadline": 0.3}))
        with pytest.raises(errors.Unreachable, match=re.escape(url)):
            client.release  # noqa: B018
        assert client.requests > 1


def test_a_create_that_never_left_is_tried_again():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = Client(
            Profile(f"http://127.0.0.1:{free.getsockname()[1]}/MAAS", KEY, deadline=0.3)
        )
        client._release = Release("3.7")
        with pytest.raises(errors.Unreachable):
            client.post("things/", data={"name": "x"})
        assert client.requests > 1


def test_a_conflict_that_will_pass_and_one_that_will_not():
    page = answer(409, "<html><body>Conflict</body></html>", "text/html", Retry_After="0")
    with Misbehaving(page, OK) as server:
        assert client_of(server).put("things/1/", data={"a": 1}) == {}
        assert len(server.seen) == 2
    with Misbehaving(answer(409, "in use", "text/plain")) as server:
        with pytest.raises(errors.Conflict, match="in use") as told:
            client_of(server).put("things/1/", data={"a": 1})
        assert not told.value.transient
        assert len(server.seen) == 1


def test_a_web_page_is_not_shown():
    page = answer(409, "<!DOCTYPE html><HTML><p>lots</p></HTML>", "text/html", Retry_After="9")
    with Misbehaving(page) as server:
        with pytest.raises(errors.Conflict) as told:
            client_of(server).post("things/")
        assert str(told.value).endswith("409 the answer is a web page")
        assert told.value.retry_after == 9
        assert told.value.transient


def test_a_redirect_is_not_followed_and_told():
    place = "https://user:swordfish@other.example.com/MAAS/"
    with Misbehaving(answer(301, "", "text/html", Location=place)) as server:
        with pytest.raises(
            errors.Redirected, match=r"redirected to https://\*+@other\.example"
        ) as told:
            client_of(server).get("things/")
        assert "maas:api:url" in str(told.value)
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
        with pytest.raises(errors.MaasError) as told:
            client.post("users/", data={"password": "swordfish"}, hide=["swordfish"])
    logged = "\n".join(f"{record.name} {record.getMessage()}" for record in caplog.records)
    shown = "\n".join([chain(told.value), logged, repr(client), repr(client.profile)])
    for secret in [*KEY.split(":"), "swordfish"]:
        assert secret not in shown


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
