"""The client: what it sends, over how many connections, and profiles."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import errors
from saltext.maas.api_path import segment
from saltext.maas.client import Client, Profile
from saltext.maas.release import Release
from support.misbehaving import Misbehaving, answer, slow

KEY = "consumer0123456789:token012345678901x:secret0123456789012345678901234"


@pytest.fixture
def peer():
    with Misbehaving(answer(200, "{}")) as server:
        yield server


def client_of(peer, release="3.7", **options):
    client = Client(Profile(peer.url, KEY, **options))
    client._release = Release(release)
    return client


@pytest.fixture(scope="module", params=["3.7", "1.7"])
def region(request):
    with RegionServer(release=request.param) as server:
        yield server


# What is sent


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("release", ["3.7", "1.7"])
def test_a_call_without_data_has_no_body(peer, method, release):
    client_of(peer, release).call(method, "things/", op="do")
    (seen,) = peer.seen
    assert seen.body == b""
    assert "content-type" not in seen.headers
    assert seen.headers.get("content-length", "0") == "0"


def test_a_post_to_1_x_is_multipart(peer):
    client_of(peer, "1.7").post("things/", data={"name": "x", "arches": ["a", "b"], "on": True})
    (seen,) = peer.seen
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert seen.body.count(b'name="arches"') == 2
    assert b'name="name"\r\n\r\nx\r\n' in seen.body
    assert b"filename" not in seen.body


def test_a_put_to_1_x_and_a_post_to_2_0_are_plain_forms(peer):
    client_of(peer, "1.7").put("things/1/", data={"name": "x"})
    client_of(peer, "3.7").post("things/", data={"name": "x"})
    for seen in peer.seen:
        assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
        assert seen.body == b"name=x"


def test_a_file_is_a_part_with_its_bytes(peer):
    client_of(peer).post("things/", data={"url": "u"}, files={"keyring_data": b"\x00\xff\r\n"})
    (seen,) = peer.seen
    assert b'name="keyring_data"; filename="keyring_data"' in seen.body
    assert b"\r\n\r\n\x00\xff\r\n\r\n--" in seen.body


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"a": ["x", "y"]}, b"a=x&a=y"),
        ({"a": []}, b""),
        ({"a": True, "b": False}, b"a=true&b=false"),
        ({"a": None}, b"a="),
        ({"a": ""}, b"a="),
        ({"a": 0}, b"a=0"),
        ({"a": "ü b&c=d"}, b"a=%C3%BC+b%26c%3Dd"),
    ],
)
def test_forms(peer, data, body):
    client_of(peer).put("things/1/", data=data)
    assert peer.seen[0].body == body


def test_parameters_go_into_the_query(peer):
    client = client_of(peer)
    client.get("things/", op="list", id=["a", "b"], all=True)
    client.call("DELETE", "things/1/", params={"force": True})
    assert peer.seen[0].target == "/MAAS/api/2.0/things/?op=list&id=a&id=b&all=true"
    assert peer.seen[1].target == "/MAAS/api/2.0/things/1/?force=true"
    assert peer.seen[1].body == b""


@pytest.mark.parametrize("path", ["/MAAS/api/2.0/things/1/", "/api/2.0/things/1/", "things/1/"])
def test_a_resource_uri_can_be_called(peer, path):
    client_of(peer).get(path)
    assert peer.seen[0].target == "/MAAS/api/2.0/things/1/"


def test_a_segment_is_quoted():
    assert segment("a/b c?d") == "a%2Fb%20c%3Fd"
    assert segment("eth0:1") == "eth0:1"


def test_an_anonymous_client_signs_nothing(peer):
    client = Client(Profile(peer.url))
    client._release = Release("3.7")
    client.get("things/")
    assert "authorization" not in peer.seen[0].headers


def test_the_environment_is_not_ours_to_use(peer, monkeypatch, tmp_path):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password swordfish\n")
    monkeypatch.setenv("NETRC", str(netrc))
    Client(Profile(peer.url)).call("GET", "/api/2.0/things/")
    assert "authorization" not in peer.seen[0].headers


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", "[1]", [1]),
        ("application/json; charset=utf-8", '"on"', "on"),
        ("text/plain", "OK", "OK"),
        ("application/json", "null", None),
    ],
)
def test_answers(kind, body, expected):
    with Misbehaving(answer(200, body, kind)) as server:
        assert client_of(server).get("things/") == expected


def test_the_fields_of_a_refusal():
    body = '{"name": ["is taken", "is short"], "__all__": ["no"], "x": "y"}'
    with Misbehaving(answer(400, body)) as server, pytest.raises(errors.Invalid) as raised:
        client_of(server).post("things/", data={"name": "a"})
    assert raised.value.fields == {"name": ["is taken", "is short"], "__all__": ["no"], "x": ["y"]}
    assert str(raised.value).endswith("400 name: is taken is short; no; x: y")


@pytest.mark.parametrize("body", ["[1]", "no json", "{}", ""])
def test_a_refusal_without_fields(body):
    with Misbehaving(answer(400, body)) as server, pytest.raises(errors.Invalid) as raised:
        client_of(server).post("things/")
    assert raised.value.fields == {}
    assert not raised.value.duplicate


# Connections


def test_one_connection_serves_many_calls(peer):
    client = client_of(peer)
    for number in range(20):
        client.put(f"things/{number}/", data={"a": "b"})
    assert peer.accepted == 1
    assert client.requests == 20


def test_concurrent_calls_share_the_pool(peer):
    client = client_of(peer, concurrency=4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: client.get(f"things/{number}/"), range(80)))
    assert peer.accepted <= 4
    assert client.requests == 80


def test_no_more_requests_are_under_way_than_the_profile_allows(peer):
    under_way, most, lock = 0, 0, threading.Lock()

    def counted(connection):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        done = slow(0.005, answer(body="{}"))(connection)
        with lock:
            under_way -= 1
        return done

    peer.steps = [counted]
    client = client_of(peer, concurrency=2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: client.get(f"things/{number}/"), range(40)))
    assert most == 2
    assert peer.accepted == 2


def test_a_turn_is_waited_for_only_until_the_deadline(peer):
    peer.steps = [slow(0.5, answer(body="{}"))]
    client = client_of(peer, concurrency=1, deadline=0.2)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(client.get, "things/") for _ in range(2)]
        told = sorted(str(call.exception()) for call in calls)
    assert "no time is left" in " ".join(told)


def test_a_closed_client_can_be_used_again(peer):
    client = client_of(peer)
    client.get("things/")
    client.close()
    client.close()
    client.get("things/")
    assert peer.accepted == 2


# Against the embedded region


def test_a_client_finds_its_region(region):
    client = Client(Profile(region.url + "/", region.api_key))
    assert client.release == region.region.release
    assert isinstance(client.get("users/"), list)


def test_a_wrong_key_is_refused_and_not_shown(region):
    secret = "b" * 32
    key = region.api_key.rpartition(":")[0] + ":" + secret
    with pytest.raises(errors.NotAuthenticated) as raised:
        Client(Profile(region.url, key)).get("users/")
    for part in key.split(":"):
        assert part not in str(raised.value)


def test_errors_of_a_region(region):
    client = Client(Profile(region.url, region.api_key))
    with pytest.raises(errors.NotFound):
        client.get("nothing/")
    with pytest.raises(errors.NotFound):
        client.get("users/nobody/")
    with pytest.raises(errors.Invalid):
        client.post("users/", data={"username": "x"})
    with pytest.raises(errors.Unexpected):
        client.call("PUT", "users/")


def test_a_second_creation_is_a_duplicate():
    with RegionServer(release="3.7") as region:
        client = Client(Profile(region.url, region.api_key))
        client.post("fabrics/", data={"name": "dc1"})
        with pytest.raises(errors.Invalid) as raised:
            client.post("fabrics/", data={"name": "dc1"})
        assert raised.value.duplicate


# Profiles


def test_all_mistakes_of_a_profile_are_reported():
    values = {
        "url": "h", "api_key": "swordfish", "read_timeout": -1, "deadline": "long",
        "concurrency": True, "release": "1.4", "colour": "red", "verify": "no", "max_body": 0,
    }  # fmt: skip
    with pytest.raises(errors.BadInput) as raised:
        Profile.from_mapping(values)
    keys = {line.split(":")[2] for line in raised.value.problems}
    assert keys == {
        "url",
        "api_key",
        "read_timeout",
        "deadline",
        "concurrency",
        "release",
        "colour",
        "verify",
        "max_body",
    }
    assert "swordfish" not in str(raised.value)


def test_a_right_profile():
    profile = Profile.from_mapping(
        {"url": "http://h/MAAS/api/2.0/", "api_key": "a:b:c", "release": 3.7, "ca_file": None}
    )
    assert profile.url == "http://h/MAAS"
    assert profile.release == "3.7"
    assert "a:b:c" not in repr(profile)
