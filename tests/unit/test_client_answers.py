"""What is answered with success is checked before it is believed."""

from __future__ import annotations

import pytest
from saltext.maas import errors
from saltext.maas.client import Client, Profile
from saltext.maas.client.shape import mistake
from saltext.maas.release import Release
from support.misbehaving import Misbehaving, answer

KEY = "consumer0123456789:token012345678901x:secret0123456789012345678901234"
PAGE = "<!DOCTYPE html>\n<html><body>Welcome</body></html>"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr("saltext.maas.client.session._FIRST_PAUSE", 0.001)


def client_of(server):
    client = Client(Profile(server.url, KEY, deadline=10))
    client._release = Release("3.7")
    return client


STRANGE = {
    "a web page": answer(200, PAGE, "text/html; charset=utf-8"),
    "a web page called JSON": answer(200, PAGE),
    "nothing": answer(200, ""),
    "nothing called text": answer(200, "", "text/plain"),
    "cut off": answer(200, '{"a": [1, 2'),
    "Python": answer(200, "{u'a': None}"),
    "too deep": answer(200, "[" * 200_000),
    "no UTF-8 at all": answer(200, '{"a": "\\ud800'),
}


@pytest.mark.parametrize("strange", list(STRANGE))
def test_success_that_is_none(strange):
    for method in ("GET", "POST", "PUT", "DELETE"):
        kind = errors.StrangeAnswer if method == "GET" else errors.WrongAnswer
        with Misbehaving(STRANGE[strange]) as server:
            with pytest.raises(kind, match=f"{method} /api/2.0/things/: the answer is") as raised:
                client_of(server).call(method, "things/")
            assert raised.value.carried_out is (False if method == "GET" else None)
            assert len(server.seen) == (4 if method == "GET" else 1)


@pytest.mark.parametrize("body", [
    "null", "7", '"no"', "true", "{}", "[null]", "[7]", "[[]]", "[{}]", '[{"id": "7"}]',
    '[{"id": null, "name": "a"}]', '[{"id": true, "name": "a"}]', '[{"id": 7.5, "name": "a"}]',
    '[{"id": 7, "name": "a"}, {"id": 8}]', '{"id": 7, "name": "a"}',
])  # fmt: skip
def test_another_form_than_what_is_expected(body):
    with Misbehaving(answer(200, body)) as server:
        with pytest.raises(errors.StrangeAnswer, match=r"GET /api/2\.0/things/: .* another form"):
            client_of(server).get("things/", expect=[{"id": int, "name": str}])
        assert len(server.seen) == 4


def test_what_is_expected():
    good = answer(200, '[{"id": 7, "name": "a", "more": null}]')
    with Misbehaving(answer(200, "[7]"), good) as server:
        found = client_of(server).get("things/", expect=[{"id": int, "name": str}])
        assert found == [{"id": 7, "name": "a", "more": None}]
    with Misbehaving(answer(200, "[7]")) as server, pytest.raises(errors.WrongAnswer):
        client_of(server).post("things/", expect=dict)


def test_bytes_and_texts_are_not_looked_into():
    data = b"<html>\xff\x00\r\n"
    with Misbehaving(answer(200, data, "application/binary")) as server:
        assert client_of(server).get("scripts/x", expect=bytes) == data
    with Misbehaving(answer(200, "<html>\u00fc", "application/binary")) as server:
        assert client_of(server).get("scripts/x", expect=str) == "<html>\u00fc"
    with Misbehaving(answer(200, "[1]")) as server:
        assert client_of(server).get("scripts/x", expect=str) == "[1]"
    with Misbehaving(answer(200, "", "application/binary")) as server:
        assert client_of(server).get("scripts/x", expect=str) == ""
        assert client_of(server).get("scripts/x", expect=bytes) == b""
    with Misbehaving(answer(200, PAGE, "text/html")) as server, pytest.raises(errors.StrangeAnswer):
        client_of(server).get("scripts/x", expect=str)


@pytest.mark.parametrize("status", [201, 202, 204])
def test_an_answer_without_content_where_none_is_due(status):
    with Misbehaving(answer(status, "", "text/plain")) as server:
        assert client_of(server).delete("things/1/") is None


def test_texts_have_the_charset_that_they_name():
    for charset, said in (("utf-8", "utf-8"), ("latin-1", "iso-8859-1"), ("utf-8", "nonsense")):
        kind = f"text/plain; charset={said}"
        with Misbehaving(answer(200, "Z\u00fcrich".encode(charset), kind)) as server:
            assert client_of(server).get("things/") == "Z\u00fcrich"
    with Misbehaving(answer(200, "Z\u00fcrich", "text/plain")) as server:
        assert client_of(server).get("things/") == "Z\u00fcrich"


@pytest.mark.parametrize("path", [None, 7, "/", "/etc/passwd", {}, "http://h/MAAS"])
def test_a_path_of_the_region_that_is_none(path):
    with Misbehaving(answer(404)) as server, pytest.raises(errors.MaasError):
        client_of(server).get(path)


AWAY = [
    "[Errno 2] No such file or directory", "[Errno 111] Connection refused", "timed out",
    "Server disconnected without sending a response.",
    "Server error '503 Service Unavailable' for url 'http://unix/stores/0/check'\nMore: ...",
]  # fmt: skip


@pytest.mark.parametrize("text", AWAY)
def test_permissions_that_cannot_be_asked_for_are_waited_for_as_a_restart_is(text, monkeypatch):
    away = answer(500, text, "text/plain")
    for method in ("GET", "POST", "PUT"):
        with Misbehaving(away, away, answer(200, "{}")) as server:
            assert client_of(server).call(method, "things/") == {}
            assert len(server.seen) == 3
    monkeypatch.setattr("saltext.maas.client.session._RESTART", 0.05)
    with Misbehaving(away) as server:
        client = Client(Profile(server.url, KEY), patience=0.05)
        client._release = Release("3.8")
        with pytest.raises(errors.PermissionCheckFailed, match="is maas-openfga running") as raised:
            client.post("things/")
        assert raised.value.carried_out is False
        assert 1 < len(server.seen) < 20


@pytest.mark.parametrize("text", ["", "it has timed out", "[Errno 2] No such file: '/etc/x'"])
def test_any_other_500_is_unexpected(text):
    with Misbehaving(answer(500, text, "text/plain")) as server:
        with pytest.raises(errors.Unexpected):
            client_of(server).post("things/")
        assert len(server.seen) == 1


def test_a_right_that_the_user_lacks_is_named_with_what_to_do():
    said = "User does not have permission to ... should have permission 'can_edit_boot_entities'"
    with Misbehaving(answer(403, said, "text/plain")) as server:
        with pytest.raises(errors.Forbidden) as raised:
            client_of(server).post("boot-sources/")
        assert len(server.seen) == 1
    told = "give the entitlement can_edit_boot_entities to a group of this user, or put another"
    assert told in str(raised.value)
    assert "maas:api:api_key" in str(raised.value)


def test_a_signature_that_cannot_be_read_is_one_of_the_key():
    said = "'Bad Request: problems among the auth params: oauth_timestamp has an unexpected type'"
    with Misbehaving(answer(400, said, "text/plain")) as server:
        with pytest.raises(errors.NotAuthenticated, match="clocks agree"):
            client_of(server).get("things/")
        assert len(server.seen) == 1


def test_a_provider_that_does_not_answer_maas_is_no_gateway_that_does_not():
    said = "Failed to create OIDC provider: An error occurred while communicating"
    with Misbehaving(answer(502, said, "text/plain")) as server:
        with pytest.raises(errors.Invalid, match=r"502 Failed .*check issuer_url"):
            client_of(server).post("oidc-providers/")
        with pytest.raises(errors.Unavailable):
            client_of(server).post("things/")


@pytest.mark.parametrize(
    ("value", "shape", "told"),
    [
        (7, int, None),
        (True, int, "it is a truth value, not a whole number"),
        ("7", int, "it is a text, not a whole number"),
        (None, (str, None), None),
        (7, (str, None), "it is a whole number, not a text or null"),
        (None, object, None),
        ([], dict, "it is a list, not an object"),
        ([1, "2"], [int], "[1] is a text, not a whole number"),
        ({}, [int], "it is an object, not a list"),
        ({"a": {"b": []}}, {"a": {"b": [dict]}}, None),
        ({"a": {"b": [1]}}, {"a": {"b": [dict]}}, "a.b[0] is a whole number, not an object"),
        ({"a": {}}, {"a": {"b": str}}, "a has no b"),
        ([{}], [{"a": str}], "[0] has no a"),
        ([None], [{"a": str}], "[0] is null, not an object"),
    ],
)
def test_shapes(value, shape, told):
    assert mistake(value, shape) == told
