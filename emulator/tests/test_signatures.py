"""Who signed a request, and how it is refused."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from maas_emulator import oauth
from maas_emulator.core import Region
from oauthlib import oauth1

from .calls import RELEASES, Caller, steps


@pytest.fixture(params=RELEASES)
def admin(request):
    return Caller(Region(request.param))


@pytest.mark.parametrize(
    ("release", "text"),
    [
        ("1.5", "Invalid access token: bad"),
        ("1.7", "Authorization Error: 'Invalid access token: bad'"),
        ("3.7", "Authorization Error: 'Invalid access token: bad'"),
    ],
)
def test_bad_token_is_refused_in_the_words_of_the_release(release, text):
    region = Region(release)
    consumer, _, secret = Caller(region).key.split(":")
    answer = Caller(region, f"{consumer}:bad:{secret}").get("users/")
    assert (answer.status, answer.text) == (401, text)
    assert answer.headers["WWW-Authenticate"] == 'OAuth realm="OAuth"'


def test_old_future_and_repeated_requests(admin):
    assert "Expired timestamp" in admin.send("GET", "users/", header=admin.header("a", 1000)).text
    late = admin.header("b", 10**11)
    assert admin.send("GET", "users/", header=late).status == 200
    again = admin.send("GET", "users/", header=late)
    assert again.status == 401
    assert "Nonce already used: b" in again.text


def test_unsigned_calls(admin):
    nobody = Caller(admin.region, "")
    assert nobody.get("users/").text == "Forbidden"
    settings = nobody.get("maas/?op=get_config&name=maas_name")
    assert settings.status == (403 if admin.region.release < "2.0" else 401)


def test_deleted_user_and_token_lose_access():
    region = Region("3.7")
    admin = Caller(region)
    admin.post("users/", username="bob", email="b@example.com", password="p", is_superuser=0)
    bob = Caller(region, region.new_api_key("bob"))
    made = bob.post("account/?op=create_authorisation_token", name="second").json
    second = Caller(
        region, ":".join((made["consumer_key"], made["token_key"], made["token_secret"]))
    )
    assert second.get("users/?op=whoami").json["username"] == "bob"
    assert [item["name"] for item in bob.get("account/?op=list_authorisation_tokens").json] == [
        "MAAS consumer",
        "second",
    ]
    bob.post("account/?op=delete_authorisation_token", token_key=made["token_key"])
    assert second.get("users/").status == 401
    assert admin.delete("users/bob/").status == 204
    assert bob.get("users/").status == 401


def test_nonces_are_forgotten_once_they_are_too_old():
    nonces = oauth.Nonces()
    assert nonces.add("a", 1000.0)
    assert not nonces.add("a", 1000.0 + 2 * oauth.MAX_AGE)
    assert nonces.add("a", 1001.0 + 2 * oauth.MAX_AGE)
    assert not nonces.add("a", 1001.0 + 2 * oauth.MAX_AGE)
    assert len(nonces) == 1


def test_a_nonce_costs_the_same_however_many_there_are():
    nonces = oauth.Nonces(limit=50_000)
    costs = [steps(nonces.add, number, 1000.0) for number in range(60_000)]
    assert len(nonces) == 50_000
    costs += [steps(nonces.add, number, 10_000.0) for number in range(60_000, 110_000)]
    assert len(nonces) == 50_000  # none of those that were there before
    assert max(costs) < 20
    assert not nonces.add(109_999, 10_000.0)


def signed(region, method, url, body=None, **headers):
    """The answer to a request that oauthlib signed by HMAC-SHA1."""
    consumer, token, secret = region.api_keys("admin")[0][1].split(":")
    client = oauth1.Client(consumer, resource_owner_key=token, resource_owner_secret=secret)
    if body:
        body = urlencode(body)
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    url, headers, body = client.sign(url, method, body, headers)
    found = {name.lower(): value for name, value in headers.items()}
    target = url.partition("example.com")[2]
    body = (body or "").encode()
    return region.answer(method, target, {**found, "host": "region.example.com"}, body)


def test_hmac_signs_query_and_posted_form():
    region = Region("3.7")
    users = "http://region.example.com/MAAS/api/2.0/users/"
    assert signed(region, "GET", users + "?op=whoami").status == 200
    tags = "http://region.example.com/MAAS/api/2.0/tags/"
    assert signed(region, "POST", tags, {"name": "x", "comment": "a b&c\u00e9"}).status == 200
    assert region.rows("tags")[1]["comment"] == "a b&c\u00e9"
    refused = signed(region, "PUT", tags + "x/", {"comment": "y"})  # as MAAS leaves it out
    assert refused.status == 401
    assert b"Expected signature base string: PUT&http%3A%2F%2Fregion.example.com" in refused.body


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"oauth_signature_method": "RSA-SHA1"}, 401, "Signature method RSA-SHA1 not supported"),
        ({"oauth_timestamp": "soon"}, 500, "invalid literal for int()"),
        ({"oauth_nonce": None}, 401, "Forbidden"),
    ],
)
def test_other_headers(change, status, text):
    admin = Caller(Region("3.7"))
    header = admin.header()
    for name, value in change.items():
        header = re.sub(f'{name}="[^"]*"', f'{name}="{value}"' if value else 'x="y"', header)
    answer = admin.send("GET", "users/", header=header)
    assert (answer.status, text in answer.text) == (status, True)
