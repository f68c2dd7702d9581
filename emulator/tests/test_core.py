"""Routes, accounts and settings of a region, in each generation of the API."""

from __future__ import annotations

import pytest
from maas_emulator.core import Region
from maas_emulator.release import Release
from maas_emulator.settings import settings_of
from maas_emulator.web import Endpoint, Routes

from .calls import RELEASES, Caller


@pytest.fixture(params=RELEASES)
def admin(request):
    return Caller(Region(request.param))


def test_every_release_starts_and_tells_its_version(admin):
    answer = Caller(admin.region, "").get("version/")
    assert answer.status == 200
    assert ("version" in answer.json) == (admin.region.release >= "1.7")


def test_settings_have_the_count_that_is_known():
    counts = {"1.5": 12, "1.7": 16, "1.9": 19, "2.0": 20, "2.4": 33, "2.9": 52, "3.3": 60}
    counts.update({"3.5": 64, "3.6": 66, "3.7": 66})
    assert {name: len(settings_of(Release(name))) for name in counts} == counts


def test_missing_slash_is_redirected_in_1x_only():
    answer = Caller(Region("1.7")).get("users?a=1")
    assert answer.status == 301
    assert answer.headers["Location"] == "http://127.0.0.1/MAAS/api/1.0/users/?a=1"
    assert Caller(Region("1.9")).get("users").text == "Unknown API endpoint: /MAAS/api/1.0/users."


@pytest.mark.parametrize(
    ("release", "text"),
    [
        ("1.7", "Unrecognised signature: GET nosuch"),
        ("1.9", "Unrecognised signature: method=GET op=nosuch"),
        ("3.7", "Unrecognised signature: method=GET op=nosuch"),
    ],
)
def test_unknown_operation(release, text):
    answer = Caller(Region(release)).get("users/?op=nosuch")
    assert (answer.status, answer.text) == (400, text)


def test_method_that_is_not_there(admin):
    answer = admin.send("PATCH", "users/")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")


def test_operation_in_body_and_in_path():
    admin = Caller(Region("3.7"))
    assert admin.post("maas/", op="set_config", name="maas_name", value="x").text == "OK"
    assert admin.get("maas/?op=get_config&name=maas_name").json == "x"
    assert admin.get("users/op-whoami").json["username"] == "admin"


def test_old_api_is_gone_in_2x():
    admin = Caller(Region("2.4"))
    assert admin.get("/MAAS/api/1.0/nodegroups/").status == 410
    assert admin.get("/MAAS/api/version/").text == "2.0"


def test_duplicate_user_as_each_generation_answers_it():
    form = {"username": "admin", "email": "x@example.com", "password": "p", "is_superuser": "0"}
    old = Caller(Region("1.7")).post("users/", **form)
    assert old.status == 500
    assert "auth_user_username_key" in old.text
    new = Caller(Region("3.7")).post("users/", **form)
    assert (new.status, new.headers["Retry-After"]) == (409, "5")
    assert new.content_type.startswith("text/html")


def test_plain_user_may_not_administrate(admin):
    region = admin.region
    region.create_user("bob", "p", "bob@example.com")
    bob = Caller(region, region.new_api_key("bob"))
    form = {"username": "x", "email": "x@example.com", "password": "p", "is_superuser": "0"}
    answer = bob.post("users/", **form)
    assert (answer.status, answer.text) == (403, "This method is reserved for admin users.")


def test_admin_account_is_made_once():
    region = Region("3.7")
    with pytest.raises(ValueError, match="exists"):
        region.create_admin("admin", "p", "other@example.com")
    with pytest.raises(ValueError, match="taken"):
        region.create_admin("other", "p", "admin@example.com")
    assert Region("3.7", admin=None).users.keys() == {"MAAS"}


def test_settings_are_checked(admin):
    def put(name, value):
        return admin.post("maas/?op=set_config", name=name, value=value)

    assert put("nosuch", "x").json.keys() == {"nosuch"}
    assert put("http_proxy", "nonsense").json == {"http_proxy": ["Enter a valid URL."]}
    assert put("http_proxy", "http://proxy.example.com:3128/").text == "OK"
    assert put("http_proxy", "").text == "OK"
    assert admin.get("maas/?op=get_config&name=http_proxy").json == ""
    assert put("enable_third_party_drivers", "off").text == "OK"
    assert admin.get("maas/?op=get_config&name=enable_third_party_drivers").json is True
    assert put("enable_third_party_drivers", "False").text == "OK"
    assert admin.get("maas/?op=get_config&name=enable_third_party_drivers").json is False


def test_old_setting_name_still_works_later():
    admin = Caller(Region("3.7"))
    assert admin.post("maas/?op=set_config", name="ntp_server", value="10.0.0.1").text == "OK"
    assert admin.get("maas/?op=get_config&name=ntp_servers").json == "10.0.0.1"


def test_keys_are_not_in_reprs():
    region = Region("3.7")
    key = region.api_keys("admin")[0][1]
    shown = repr(region.users) + repr(region.consumers["".join(key.split(":")[0])][0])
    assert not any(part in shown for part in key.split(":"))


def test_unforeseen_error_becomes_its_text(monkeypatch):
    admin = Caller(Region("3.7"))

    def fail(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr("maas_emulator.api_account.show_user", fail)
    answer = admin.get("users/")
    assert (answer.status, answer.text) == (500, "out of order")


def test_template_with_its_own_pattern():
    endpoint = Endpoint("subnets/{subnet:[^/]+(?:/\\d+)?}/")
    endpoint("GET")(lambda request: None)
    routes = Routes([endpoint], Release("3.7"))
    assert routes.find("subnets/10.0.0.0/24/")[2] == {"subnet": "10.0.0.0/24"}
    assert routes.find("subnets/5/")[2] == {"subnet": "5"}
    assert routes.find("subnets/5/nosuch/") is None


def test_operations_come_and_go_with_releases():
    endpoint = Endpoint("things/", since="2.0")
    endpoint("GET")(lambda request: "read")
    endpoint("POST", since="3.0", until="3.5")(lambda request: "made")
    assert Routes([endpoint], Release("1.9")).find("things/") is None
    assert len(Routes([endpoint], Release("2.9")).find("things/")[1]) == 1
    assert len(Routes([endpoint], Release("3.0")).find("things/")[1]) == 2
    assert len(Routes([endpoint], Release("3.5")).find("things/")[1]) == 1


def test_description_lists_the_routes(admin):
    described = Caller(admin.region, "").get("describe/").json
    assert any(item["name"] == "UsersHandler" for item in described["resources"])


@pytest.mark.parametrize("which", ["1.5", "1.7", "1.9"])
def test_all_but_the_api_of_1x_asks_for_a_login(which):
    admin = Caller(Region(which))
    for key in (admin.key, ""):
        caller = Caller(admin.region, key)
        caller.prefix = "/MAAS/api/2.0/"
        answer = caller.get("version/")
        assert (answer.status, answer.text) == (302, "")
        _, _, place = answer.headers["Location"].partition("/MAAS/")
        assert place == "accounts/login/?next=%2FMAAS%2Fapi%2F2.0%2Fversion%2F"
    page = admin.region.answer("GET", "/MAAS/" + place, {})
    assert (page.status, page.content_type) == (200, "text/html; charset=utf-8")
    assert admin.region.answer("GET", "/MAAS/api/1.0/", {}).status == 404
