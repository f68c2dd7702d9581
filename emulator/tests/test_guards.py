"""Who may do what from 3.8 on, where groups decide and no longer ``is_superuser``."""

from __future__ import annotations

import pytest
from maas_emulator.core import Region
from maas_emulator.entitlements import ENTITLEMENTS
from maas_emulator.guards import NEEDED

from .calls import Caller

TEXT = "User does not have permission to perform this operation."


@pytest.fixture
def admin():
    found = Caller(Region("3.8"))
    assert found.post("fabrics/", name="one").json["id"] == 1
    return found


@pytest.fixture
def plain(admin):
    admin.region.create_user("plain", "pw", "plain@example.com")
    return Caller(admin.region, admin.region.new_api_key("plain"))


def entitle(admin, *names):
    group = admin.post("groups/", name="ops").json["id"]
    for name in names:
        form = {"resource_type": "maas", "resource_id": 0, "entitlement": name}
        assert admin.post(f"groups/{group}/?op=add_entitlement", **form).status == 200
    admin.post(f"groups/{group}/?op=add_member", username="plain")


def test_what_is_guarded_is_there(admin):
    served = {
        (endpoint.name, *operation)
        for endpoint, operations in admin.region.routes.endpoints
        for operation in operations
    }
    assert NEEDED.keys() <= served
    assert set(NEEDED.values()) <= set(ENTITLEMENTS["maas"])


def test_a_refusal_names_the_entitlement(admin, plain):
    answer = plain.post("zones/", name="north")
    wanted = "The user should have permission 'can_edit_global_entities'"
    assert (answer.status, answer.text) == (403, f"{TEXT} {wanted}")
    assert "can_view_boot_entities" in plain.get("boot-sources/1/").text
    assert plain.get("commissioning-scripts/").text == "User is not allowed access to this API."
    assert (plain.put("fabrics/1/", name="x").status, plain.get("rackcontrollers/").json) == (
        403,
        [],
    )
    entitle(admin, "can_edit_global_entities", "can_view_boot_entities", "can_view_controllers")
    assert plain.post("zones/", name="north").status == 200
    assert plain.put("fabrics/1/", name="x").status == 200
    assert plain.get("boot-sources/1/").status == 200
    assert "can_edit_boot_entities" in plain.delete("boot-sources/1/").text
    assert plain.get("commissioning-scripts/").status == 200
    assert len(plain.get("regioncontrollers/").json) == 1
    assert plain.post("resourcepools/", name="x").text == ""


def test_an_administrator_in_no_group_may_do_nothing(admin):
    assert admin.post("groups/1/?op=remove_member", username="admin").status == 204
    assert admin.post("zones/", name="north").status == 403
    assert admin.get("users/?op=whoami").json["is_superuser"] is True


def test_nothing_guarded_works_while_permissions_are_unknown(admin):
    admin.region.permissions_known = False
    refused = admin.post("zones/", name="north")
    assert (refused.status, refused.text) == (500, "[Errno 111] Connection refused")
    assert admin.get("boot-sources/").status == 500
    assert admin.put("fabrics/1/", name="x").status == 500
    assert admin.get("zones/").status == 200
