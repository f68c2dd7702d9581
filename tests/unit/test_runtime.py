"""Where profile, pillar and secrets come from, and how long a snapshot lives."""

from __future__ import annotations

import socket
import sys
from collections import UserDict

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas import runtime
from saltext.maas.errors import BadInput, MaasError

KEY = "consumer:token:secret"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    monkeypatch.delenv("MAAS_URL", raising=False)
    monkeypatch.delenv("MAAS_API_KEY", raising=False)


@pytest.fixture
def salt(tmp_path):
    """A Salt module's dunders, on a host without MAAS."""
    return {
        "__opts__": {"maas.root": str(tmp_path)},
        "__pillar__": UserDict(),  # a mapping and no dict, as Salt's
        "__context__": {},
        "__salt__": {"sdb.get": {"sdb://vault/key": KEY}.get},
    }


def test_an_explicit_profile_wins(salt, monkeypatch):
    monkeypatch.setenv("MAAS_URL", "http://env/MAAS")
    salt["__opts__"]["maas"] = {"url": "http://opts/MAAS"}
    found = runtime.profile(salt, {"url": "http://given/MAAS", "api_key": KEY})
    assert found.url == "http://given/MAAS"


def test_minion_configuration_wins_over_pillar(salt):
    salt["__opts__"]["maas"] = {"url": "http://opts/MAAS", "api_key": KEY}
    salt["__pillar__"]["maas"] = {"api": {"url": "http://pillar/MAAS"}}
    assert runtime.profile(salt).url == "http://opts/MAAS"


def test_pillar_wins_over_environment(salt, monkeypatch):
    monkeypatch.setenv("MAAS_URL", "http://env/MAAS")
    salt["__pillar__"]["maas"] = {"api": {"url": "http://pillar/MAAS", "api_key": KEY}}
    assert runtime.profile(salt).url == "http://pillar/MAAS"


def test_the_environment_fills_in(salt, monkeypatch):
    monkeypatch.setenv("MAAS_URL", "http://env:5240/MAAS/api/2.0/")
    monkeypatch.setenv("MAAS_API_KEY", KEY)
    found = runtime.profile(salt)
    assert (found.url, found.api_key) == ("http://env:5240/MAAS", KEY)


def test_the_regions_own_url_is_the_last_resort_in_pillar(salt):
    salt["__pillar__"]["maas"] = {"region": {"url": "http://region/MAAS"}}
    assert runtime.profile(salt).url == "http://region/MAAS"


def test_a_named_profile_is_looked_up(salt):
    salt["__pillar__"]["lab"] = {"url": "http://lab/MAAS", "api_key": "sdb://vault/key"}
    found = runtime.profile(salt, "lab")
    assert (found.url, found.api_key) == ("http://lab/MAAS", KEY)


def test_an_unknown_name_is_reported(salt):
    with pytest.raises(BadInput, match="profile 'lab' is neither in minion configuration nor"):
        runtime.profile(salt, "lab")


def test_a_missing_url_is_reported(salt):
    with pytest.raises(BadInput, match="maas:api:url: is missing"):
        runtime.profile(salt)


def test_a_reference_that_cannot_be_resolved_is_reported(salt):
    salt["__opts__"]["maas"] = {"url": "http://opts/MAAS", "api_key": "sdb://vault/nothing"}
    told = "maas:api_key: sdb reference sdb://vault/nothing could not be resolved: the minion.s "
    told += "configuration, read at its start, has no profile vault, or its store has no such key"
    with pytest.raises(BadInput, match=told):
        runtime.profile(salt)


def test_a_reference_with_a_mistake_is_not_the_password(salt):
    salt["__pillar__"]["maas"] = {"users": {"ops": {"password": "sdb:/vault/key"}}}
    with pytest.raises(BadInput, match="maas:users:ops:password: a text that begins with 'sdb' "):
        runtime.pillar(salt)


def test_a_driver_that_fails_says_no_more_than_that(salt):
    def fails(reference):
        raise RuntimeError("token s.secret is denied")

    salt["__salt__"]["sdb.get"] = fails
    salt["__pillar__"]["maas"] = {"users": {"ops": {"password": "sdb://vault/key"}}}
    with pytest.raises(BadInput, match="driver failed with RuntimeError") as found:
        runtime.pillar(salt)
    assert "secret is denied" not in str(found.value)


def test_references_are_resolved_wherever_they_stand(salt):
    salt["__pillar__"]["maas"] = {"users": {"ops": {"password": "sdb://vault/key", "x": [1]}}}
    assert runtime.pillar(salt, "users") == {"ops": {"password": KEY, "x": [1]}}
    assert runtime.pillar(salt, "nowhere", "at", "all") == {}


def test_a_missing_role_is_reported(salt):
    with pytest.raises(MaasError, match="No MAAS region is installed"):
        runtime.installation(salt, "region")


def test_the_release_is_that_of_the_pillar_or_of_the_host(salt, tmp_path):
    assert runtime.release(salt) is None
    sandbox.create(tmp_path / "host", "3.7", "region", url="http://127.0.0.1/MAAS")
    salt["__opts__"]["maas.root"] = str(tmp_path / "host")
    assert runtime.release(salt).series == "3.7"
    salt["__pillar__"]["maas"] = {"release": "1.7"}
    assert runtime.release(salt).series == "1.7"


def test_a_snapshot_lives_for_one_state_run(salt, monkeypatch):
    salt["__opts__"]["maas"] = {"url": "http://127.0.0.1:1/MAAS", "api_key": KEY, "release": "3.7"}
    salt["__opts__"]["lab"] = salt["__opts__"]["maas"]
    salt["__instance_id__"] = "1"
    monkeypatch.setattr(runtime, "new_snapshot", lambda *_, **__: object())
    first = runtime.snapshot(salt)
    assert runtime.snapshot(salt) is first
    assert runtime.snapshot(salt, "lab") is not first
    assert runtime.snapshot(salt) is first
    salt["__instance_id__"] = "2"
    assert runtime.snapshot(salt) is not first


def test_without_a_key_a_real_run_says_what_to_do(salt):
    salt["__opts__"]["maas"] = {"url": "http://127.0.0.1:1/MAAS"}
    with pytest.raises(MaasError, match=r"no API key for http://127.0.0.1:1/MAAS"):
        runtime.snapshot(salt)


def test_a_region_host_is_asked_where_it_is_now(salt, tmp_path):
    sandbox.create(tmp_path / "host", "3.7", "region", url="http://now:5240/MAAS")
    salt["__opts__"]["maas.root"] = str(tmp_path / "host")
    salt["__pillar__"]["maas"] = {"region": {"url": "http://soon:5240/MAAS"}}
    assert runtime.profile(salt).url == "http://now:5240/MAAS"


def test_a_pillar_that_did_not_render_is_an_error_wherever_it_is_read(salt):
    mistakes = ["Rendering SLS 'maas' failed: could not find expected ':'"]
    salt["__pillar__"].update(maas={"zones": {}}, _errors=mistakes)
    told = "the pillar of this minion could not be rendered: Rendering SLS 'maas' failed"
    salt["__pillar__"]["_errors"] = mistakes * 2  # as of a file that two others include
    with pytest.raises(BadInput, match=f"{told}[^;]*$"):
        runtime.described(salt)
    for read in (runtime.described, runtime.pillar, runtime.profile, runtime.release):
        with pytest.raises(BadInput, match=told):
            read(salt)
    with pytest.raises(BadInput, match=told):
        runtime.profile(salt, "lab")
    # What needs no pillar is not concerned.
    assert runtime.described(salt, {"zones": {}}) == {"zones": {}}
    salt["__opts__"]["lab"] = {"url": "http://lab/MAAS", "api_key": KEY}
    assert runtime.profile(salt, "lab").url == "http://lab/MAAS"


@pytest.mark.parametrize(
    ("whole", "told"),
    [
        ({}, "maas: is missing in the pillar of this minion"),
        ({"other": 1}, "maas: is missing in the pillar of this minion"),
        ({"maas": None}, "maas: is empty, and must be a mapping"),
        ({"maas": []}, "maas: is a list, and must be a mapping"),
        ({"maas": "zones"}, "maas: is a str, and must be a mapping"),
    ],
)
def test_a_missing_description_does_not_mean_an_empty_region(salt, whole, told):
    salt["__pillar__"].update(whole)
    with pytest.raises(BadInput, match=told):
        runtime.described(salt)


def test_an_empty_description_is_one(salt):
    salt["__pillar__"]["maas"] = {}
    assert runtime.described(salt) == {}


def test_a_description_can_be_fetched_anew(salt):
    salt["__pillar__"]["maas"] = {"zones": {"old": None}}
    salt["__salt__"]["pillar.items"] = lambda: {"maas": {"zones": {"new": None}}}
    assert runtime.described(runtime.refreshed(salt)) == {"zones": {"new": None}}
    assert runtime.described(salt) == {"zones": {"old": None}}


def test_a_pillar_that_is_fetched_anew_brings_its_profile(salt):
    reach = {"url": "http://127.0.0.1:9/MAAS", "api_key": KEY, "release": "3.7"}
    salt["__pillar__"]["maas"] = {"api": reach}
    old = runtime.client(salt)
    salt["__salt__"]["pillar.items"] = lambda: {"maas": {"api": {**reach, "api_key": "x:y:z"}}}
    now = runtime.refreshed(salt)
    assert runtime.client(now).profile.api_key == "x:y:z"
    assert runtime.client(now) is runtime.client(now)
    assert runtime.client(salt) is old


def test_what_is_given_is_resolved_like_the_pillar(salt):
    data = {"users": {"ops": {"password": "sdb://vault/key"}}}
    assert runtime.described(salt, data) == {"users": {"ops": {"password": KEY}}}


def tries(salt):
    """How often a region that refuses connections is asked."""
    client = runtime.client(salt)
    with pytest.raises(MaasError, match="is the region running"):
        client.get("zones/")
    return client.requests


def test_a_region_that_is_away_is_waited_for_only_after_a_restart(salt, monkeypatch):
    monkeypatch.setattr("saltext.maas.client.session._PATIENCE", 0.0)
    monkeypatch.setattr("saltext.maas.client.session._FIRST_PAUSE", 0.01)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/MAAS"
        salt["__opts__"]["maas"] = {"url": url, "api_key": KEY, "deadline": 0.5}
        salt["__opts__"]["test"] = True
        assert tries(salt) == 1
        runtime.note_restart(salt)
        salt["__context__"].pop("saltext.maas")
        assert tries(salt) == 1
        salt["__opts__"]["test"] = False
        salt["__context__"].pop("saltext.maas")
        assert tries(salt) > 1


def test_one_message_for_a_library_that_is_missing(salt, monkeypatch):
    salt["__opts__"]["maas"] = {"url": "http://127.0.0.1:1/MAAS", "api_key": KEY}
    monkeypatch.setitem(sys.modules, "requests_oauthlib", None)
    monkeypatch.delitem(sys.modules, "saltext.maas.client.transport", raising=False)
    with pytest.raises(MaasError, match="the Python library requests_oauthlib is not installed"):
        runtime.client(salt).get("zones/")
