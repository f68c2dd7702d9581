"""Which release a region is, found out without being told."""

from __future__ import annotations

import json

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import errors
from saltext.maas.client import Client, Profile
from saltext.maas.release import SERIES, Release
from support.misbehaving import Misbehaving, answer

KEY = "consumer0123456789:token012345678901x:secret0123456789012345678901234"
LOGIN = answer(
    302, "", "text/html",
    Location="http://region/MAAS/accounts/login/?next=%2FMAAS%2Fapi%2F2.0%2Fversion%2F",
)  # fmt: skip
OLD = answer(200, '{"capabilities": ["networks-management"]}')
PAGE = answer(200, "<!DOCTYPE html><html>It works!</html>", "text/html")


def described(*names):
    return answer(200, json.dumps({"resources": [{"name": name} for name in names]}))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr("saltext.maas.client.session._FIRST_PAUSE", 0.001)


def client_of(server, release=None):
    hint = release and Release(release)
    return Client(Profile(server.url, KEY, deadline=5, release=hint))


@pytest.mark.parametrize("series", SERIES)
def test_every_release_is_found_with_nothing_but_its_url(series):
    with RegionServer(release=series) as server:
        assert Release(client_of(server).release.series) == series


@pytest.mark.parametrize(
    ("steps", "release"),
    [
        ([answer(200, '{"version": "3.7.3", "capabilities": []}')], "3.7.3"),
        ([answer(410), answer(200, '{"version": "1.8.2", "capabilities": []}')], "1.8.2"),
        ([LOGIN, answer(200, '{"version": "1.7.3", "capabilities": []}')], "1.7.3"),
        ([LOGIN, OLD, described("NodeGroupsHandler")], "1.5"),
        ([LOGIN, OLD, described("LicenseKeysHandler", "NodeGroupsHandler")], "1.6"),
        ([answer(503), answer(200, '{"version": "2.9.2", "capabilities": []}')], "2.9.2"),
        # MAAS that does not run from a package
        ([LOGIN, answer(200, '{"version": "unknown"}'), described("DevicesHandler")], "1.8"),
        (
            [LOGIN, answer(200, '{"version": "from source (+bzr7)"}'), described("FabricsHandler")],
            "1.9",
        ),
        # one faulty answer passes
        ([PAGE, answer(200, '{"version": "3.7.3"}')], "3.7.3"),
        ([answer(200, "[]"), answer(200, '{"version": "3.7.3"}')], "3.7.3"),
    ],
)
def test_the_release_is_found_out(steps, release):
    with Misbehaving(*steps) as server:
        client = client_of(server)
        assert client.release == release
        assert client.release == release
        assert len(server.seen) == len(steps)
        assert all("authorization" not in seen.headers for seen in server.seen)


@pytest.mark.parametrize("bad", [
    "{'capabilities': []}", "", "[]", "null", '"3.7"', "{}", '{"version": null}',
    '{"version": 3.7}', '{"version": "three"}', '{"version": "1.7.3"}', "[" * 100000,
])  # fmt: skip
def test_an_answer_without_a_version_is_no_release(bad):
    with Misbehaving(answer(200, bad)) as server, pytest.raises(errors.NoRegion) as raised:
        client_of(server).get("zones/")
    assert "GET /api/2.0/version/" in str(raised.value)
    assert "maas:api:url" in str(raised.value)


def test_a_web_page_is_no_release():
    with Misbehaving(PAGE) as server, pytest.raises(errors.NoRegion, match="is a web page"):
        client_of(server).get("zones/")


@pytest.mark.parametrize("strange", [PAGE, OLD, described("WebServer"), answer(404)])
def test_something_else_behind_a_login_page_is_no_release(strange):
    with Misbehaving(LOGIN, strange) as server, pytest.raises(errors.NoRegion):
        client_of(server).get("zones/")


@pytest.mark.parametrize("place", [
    "https://region.example.com/MAAS/api/2.0/version/",
    "http://other.example.com/MAAS/",
    "/MAAS/accounts/login/",
    "http://[bad/?next=",
])  # fmt: skip
def test_a_wrong_url_is_reported_as_such(place):
    with Misbehaving(answer(302, "", "text/html", Location=place)) as server:
        with pytest.raises(errors.Redirected, match="the region redirected to") as raised:
            client_of(server).get("zones/")
        assert place in str(raised.value)
        assert "put the right URL into maas:api:url" in str(raised.value)
        assert len(server.seen) == 1


def test_a_known_release_saves_the_second_question():
    with Misbehaving(OLD) as server:
        assert client_of(server, "1.6").release == "1.6"
        assert [seen.target for seen in server.seen] == ["/MAAS/api/1.0/version/"]


def test_a_wrong_release_in_the_profile_is_put_right():
    with Misbehaving(LOGIN, answer(200, '{"version": "1.7.3"}')) as server:
        assert client_of(server, "3.7").release == "1.7.3"
    told = answer(200, '{"version": "3.7.3"}')
    with Misbehaving(answer(410), told) as server:
        assert client_of(server, "1.7").release == "3.7.3"
