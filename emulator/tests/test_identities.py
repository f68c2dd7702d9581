"""User groups with what they entitle to, and OIDC providers: what 3.8 brought."""

from __future__ import annotations

import pytest
from maas_emulator import entitlements, machines
from maas_emulator.api2 import oidc
from maas_emulator.core import Region

from .calls import Caller

PROVIDER = {
    "name": "sso",
    "issuer_url": "https://sso.example.com/realms/maas/",
    "client_id": "maas",
    "client_secret": "s3cr3t",
    "enabled": "true",
    "token_type": "jwt",
    "vendor": "keycloak",
    "redirect_uri": "https://maas.example.com/MAAS/r/login/oidc/callback",
    "scopes": "openid email",
}


@pytest.fixture
def admin():
    return Caller(Region("3.8"))


@pytest.fixture
def joe(admin):
    """A user of the group ``Users``."""
    admin.region.create_user("joe", "x", "joe@example.com")
    return Caller(admin.region, admin.region.new_api_key("joe"))


def test_only_3_8_has_them():
    for path in ("groups/", "oidc-providers/"):
        assert Caller(Region("3.7")).get(path).status == 404
        assert Caller(Region("3.8")).get(path).status == 200


# -- groups ------------------------------------------------------------------------------------


def test_default_groups_and_who_is_in_them(admin, joe):
    found = admin.get("groups/").json
    assert [(one["id"], one["name"]) for one in found] == [(2, "Users"), (1, "Administrators")]
    assert found[0]["resource_uri"] == "/MAAS/api/2.0/groups/2/"
    assert admin.post("users/", username="eve", email="eve@example.com", password="x",
                      is_superuser="1").status == 200  # fmt: skip
    members = admin.get("groups/1/?op=list_members").json
    assert [one["username"] for one in members] == ["eve", "admin"]
    assert admin.get("groups/2/?op=list_members").json == [
        {"username": "joe", "email": "joe@example.com"}
    ]
    rights = admin.get("groups/2/?op=list_entitlements").json
    assert {one["entitlement"] for one in rights} == set(entitlements.DEFAULT_GROUPS[1][2])
    assert rights[0]["resource_type"] == "maas"
    assert rights[0]["resource_id"] == 0


def test_a_group_is_made_changed_and_deleted(admin):
    made = admin.post("groups/", name="ops")
    assert (made.status, made.json["description"]) == (200, "")
    path = f"groups/{made.json['id']}/"
    assert admin.put(path, description="d").json == {**made.json, "description": "d"}
    assert admin.put(path, name="dev").json["name"] == "dev"
    assert admin.get(path).json["name"] == "dev"
    gone = admin.delete(path)
    assert (gone.status, gone.text) == (204, "")
    for answer in (admin.get(path), admin.put(path, name="x"), admin.delete(path)):
        assert (answer.status, answer.text) == (404, "UserGroup with id 3 not found.")


def test_what_groups_refuse(admin):
    assert admin.post("groups/").text == "Name is required."
    for answer in (admin.post("groups/", name="Users"), admin.put("groups/1/", name="Users")):
        assert answer.status == 500
        assert answer.text == "An instance with the same unique attributes already exists."
    assert admin.post("groups/", name="x" * 257).status == 500
    answer = admin.get("groups/Users/")
    assert (answer.status, answer.text) == (
        500,
        "invalid literal for int() with base 10: 'Users'",
    )
    assert len(admin.get("groups/").json) == 2


def test_members(admin, joe):
    add = ("groups/1/?op=add_member", "groups/1/?op=remove_member")
    assert [admin.post(path).text for path in add] == ["username is required."] * 2
    assert [admin.post(path, username="no").text for path in add] == ["User 'no' not found."] * 2
    assert admin.post("groups/9/?op=add_member", username="joe").status == 404
    done = admin.post(add[0], username="joe")
    assert (done.status, done.text) == (200, "OK")
    again = admin.post(add[0], username="joe")
    assert (again.status, again.content_type) == (409, "text/plain; charset=utf-8")
    assert "`joe`" in again.text
    assert "`1`" in again.text
    for _ in range(2):  # whoever is no member is not missed
        assert admin.post(add[1], username="joe").status == 204
    assert len(admin.get("groups/1/?op=list_members").json) == 1
    assert admin.delete("users/joe/").status == 204
    assert admin.get("groups/2/?op=list_members").json == []


def test_entitlements(admin):
    pool = admin.post("resourcepools/", name="lab").json["id"]
    group = admin.post("groups/", name="ops").json["id"]
    path = f"groups/{group}/?op="

    def entitle(op="add_entitlement", **fields):
        wanted = {"resource_type": "pool", "resource_id": pool, "entitlement": "can_edit_machines"}
        wanted.update(fields)
        sent = {name: value for name, value in wanted.items() if value is not None}
        return admin.post(path + op, **sent)

    for _ in range(2):
        assert (entitle().status, entitle().text) == (200, "OK")
    other = entitle(resource_type="maas", resource_id=0, entitlement="can_view_operations")
    assert other.status == 200
    listed = admin.get(path + "list_entitlements").json
    assert listed == [
        {"resource_type": "pool", "resource_id": pool, "entitlement": "can_edit_machines"},
        {"resource_type": "maas", "resource_id": 0, "entitlement": "can_view_operations"},
    ]
    refused = {
        "resource_type is required.": {"resource_type": None},
        "resource_id is required.": {"resource_id": None},
        "resource_id must be an integer.": {"resource_id": "lab"},
        "entitlement is required.": {"entitlement": ""},
        "resource_id must be 0 for 'maas' type.": {"resource_type": "maas"},
    }
    for text, fields in refused.items():
        assert (entitle(**fields).status, entitle(**fields).text) == (400, text)
    for op in ("add_entitlement", "remove_entitlement"):
        unknown = entitle(op, entitlement="can_view_devices")
        assert unknown.status == 400
        assert "['can_edit_machines', " in unknown.text
        assert "OpenFGAEntitlementResourceType.MAAS" in entitle(op, resource_type="zone").text
    assert entitle(resource_id=77).text == "ResourcePool with id 77 not found."
    assert admin.delete(f"resourcepool/{pool}/").status == 204
    assert admin.get(path + "list_entitlements").json == listed  # of a pool that is gone
    for _ in range(2):
        assert entitle("remove_entitlement").status == 204
    assert admin.get(path + "list_entitlements").json == listed[1:]


def test_a_user_may_do_what_its_groups_may(admin, joe):
    refused = joe.get("groups/")
    assert refused.status == 403
    assert refused.text.endswith("should have permission 'can_view_identities'")
    assert joe.post("users/").text.endswith("should have permission 'can_edit_identities'")
    group = admin.post("groups/", name="ops").json["id"]
    admin.post(f"groups/{group}/?op=add_member", username="joe")
    admin.post(f"groups/{group}/?op=add_entitlement", resource_type="maas", resource_id=0,
               entitlement="can_edit_identities")  # fmt: skip
    assert joe.get("groups/").status == 200  # it brings along that joe may look
    assert joe.delete("groups/1/").status == 204
    assert admin.get("groups/").status == 403  # is_superuser alone is worth nothing
    # Whoever comes now is put into no group, as there is none any more.
    assert joe.post("users/", username="ann", email="ann@example.com", password="x",
                    is_superuser="1").status == 200  # fmt: skip
    assert Caller(admin.region, admin.region.new_api_key("ann")).get("groups/").status == 403


def test_nobody_knows_rights_while_the_service_is_down(admin):
    admin.region.permissions_known = False
    answer = admin.get("groups/")
    assert (answer.status, answer.text) == (500, "[Errno 111] Connection refused")
    assert admin.get("users/").status == 200
    admin.region.permissions_known = True
    assert admin.get("groups/").status == 200


def test_rights_in_pools(admin, joe):
    region, user = admin.region, admin.region.users["joe"]
    pool = region.rows("pools").add({"name": "lab", "description": ""}, 3)["id"]
    assert entitlements.granted(region, user, pool) == {
        "can_deploy_machines", "can_view_available_machines",
    }  # fmt: skip
    group = entitlements.add_group(region, "ops", "")
    group["members"].add(user.number)
    group["entitlements"].append(("pool", pool, "can_edit_machines"))
    assert entitlements.allowed(region, user, "can_view_machines", pool)
    assert not entitlements.allowed(region, user, "can_view_machines", 0)
    assert not entitlements.allowed(region, user, "can_view_machines")


# -- OIDC providers ----------------------------------------------------------------------------


def test_a_provider_is_made_changed_and_deleted(admin):
    assert admin.get("oidc-providers/").json == "No OIDC providers found."
    assert admin.get("oidc-providers/?op=get_active").status == 404
    made = admin.post("oidc-providers/", **PROVIDER)
    assert made.status == 201
    assert made.json == {
        **PROVIDER, "id": 1, "issuer_url": "https://sso.example.com/realms/maas",
        "enabled": True, "token_type": "JWT", "vendor": "Keycloak",
    }  # fmt: skip
    assert admin.get("oidc-providers/").json == [made.json]
    assert admin.get("oidc-providers/1/").json == made.json
    assert admin.get("oidc-providers/?op=get_active").json == made.json
    assert admin.put("oidc-providers/1/", enabled="true", scopes="x").status == 409
    changed = admin.put("oidc-providers/1/", scopes="openid", issuer_url="https://b.example.com/")
    assert changed.json == {**made.json, "scopes": "openid", "issuer_url": "https://b.example.com"}
    assert admin.delete("oidc-providers/1/").status == 409
    assert admin.put("oidc-providers/1/", enabled="false").json["enabled"] is False
    assert admin.delete("oidc-providers/1/").status == 204
    for answer in (admin.get("oidc-providers/1/"), admin.put("oidc-providers/1/"),
                   admin.delete("oidc-providers/1/")):  # fmt: skip
        assert (answer.status, answer.text) == (404, "No OIDC provider found with ID: 1")


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"issuer_url": None}, 400, "Issuer URL must be a valid HTTP or HTTPS address."),
        ({"redirect_uri": "/x"}, 400, "Redirect URI must be a valid HTTP or HTTPS address."),
        ({"token_type": "saml"}, 400, "Invalid token type: SAML. Must be 'JWT' or 'Opaque'."),
        ({"vendor": "okta"}, 400, "Invalid vendor: okta. Must be one of: Generic, EntraID, "),
        ({"vendor": None}, 500, "'NoneType' object has no attribute 'upper'"),
        ({"scopes": None}, 500, "2 validation errors"),
        ({"enabled": "perhaps"}, 500, "2 validation errors"),
        ({"issuer_url": "https://sso.invalid"}, 502, "Failed to create OIDC provider: "),
        ({"issuer_url": "https://a.example.com/broken/"}, 502, "Failed to create OIDC provider: "),
        ({"client_id": "x" * 256}, 500, "(psycopg2.errors.StringDataRightTruncation)"),
    ],
)
def test_what_providers_refuse(admin, change, status, text):
    fields = {name: value for name, value in {**PROVIDER, **change}.items() if value is not None}
    answer = admin.post("oidc-providers/", **fields)
    assert (answer.status, answer.text[: len(text)]) == (status, text)
    # What the database refuses is shown whole.
    assert (PROVIDER["client_secret"] in answer.text) == ("client_id" in change)
    assert admin.get("oidc-providers/").json == "No OIDC providers found."


def test_one_enabled_provider_and_one_of_a_name(admin):
    assert admin.post("oidc-providers/", **PROVIDER).status == 201
    second = admin.post("oidc-providers/", **{**PROVIDER, "name": "two"})
    assert second.status == 409
    assert second.text.startswith("An enabled provider already exists.")
    taken = admin.post("oidc-providers/", **{**PROVIDER, "enabled": "false"})
    assert taken.text == "An OIDC provider with the same name already exists."
    off = {**PROVIDER, "name": "two", "enabled": "no"}
    assert admin.post("oidc-providers/", **off).status == 201
    assert admin.put("oidc-providers/2/", name="sso").status == 409
    assert admin.put("oidc-providers/2/", enabled="true").status == 409
    assert [one["id"] for one in admin.get("oidc-providers/").json] == [2, 1]
    bad = admin.put("oidc-providers/2/", issuer_url="https://sso.invalid/x")
    assert (bad.status, bad.text) == (502, "Failed to update OIDC provider: Bad gateway.")
    assert admin.get("oidc-providers/two/").status == 500
    assert admin.put("oidc-providers/two/", name="x").status == 500
    assert admin.put(f"oidc-providers/{2**63}/", name="x").status == 500


def test_users_of_a_provider(admin):
    region = admin.region
    admin.post("oidc-providers/", **PROVIDER)
    user = oidc.log_in(region, 1, "eve@example.com")
    eve = Caller(region, region.new_api_key(user.username))
    assert eve.get("users/eve@example.com/").json["is_local"] is False
    assert entitlements.groups_of(region, user) == []
    admin.put("oidc-providers/1/", enabled="false")
    assert not user.is_active
    assert eve.get("users/").status == 401
    admin.put("oidc-providers/1/", enabled="true")
    assert user.is_active
    assert eve.get("users/").status == 200


# -- nodes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("release", "status"), [("3.7", 200), ("3.8", 403)])
def test_nobody_changes_the_device_of_another_user(release, status):
    admin = Caller(Region(release))
    admin.region.create_user("joe", "x", "joe@example.com")
    joe = Caller(admin.region, admin.region.new_api_key("joe"))
    path = f"devices/{joe.post('devices/', mac_addresses='52:54:00:00:00:01').json['system_id']}/"
    assert admin.get(path).status == 200
    changed = admin.put(path, description="x")
    assert changed.status == status
    assert (changed.text == "") == (status == 403)


def test_machines_are_seen_by_what_their_pools_allow(admin, joe):
    region = admin.region
    pool = admin.post("resourcepools/", name="lab").json["id"]
    for name, owner, where in (("a", None, 0), ("b", "admin", 0), ("c", "admin", pool),
                               ("d", "joe", 0)):  # fmt: skip
        machines.new(region, system_id=name, owner=owner, pool=where)

    def seen():
        return [one["system_id"] for one in joe.get("machines/").json]

    assert seen() == ["a", "d"]
    group = entitlements.add_group(region, "ops", "")
    group["members"].add(region.users["joe"].number)
    group["entitlements"].append(("pool", pool, "can_view_machines"))
    assert seen() == ["a", "c", "d"]
    assert joe.put("machines/c/", description="x").status == 403
    group["entitlements"].append(("pool", pool, "can_edit_machines"))
    assert joe.get("machines/c/?op=power_parameters").status == 200
    assert joe.get("machines/b/").status == 403
    region.rows("user_groups").pop(2)  # Users
    assert seen() == ["c"]
