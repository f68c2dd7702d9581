"""What was seen of a running 1.9.5, of which there is no recording."""

from __future__ import annotations

import pytest
from maas_emulator.core import Region

from .calls import Caller

UUID = "11111111-1111-4111-8111-111111111111"
GROUP = f"nodegroups/{UUID}/"


@pytest.fixture
def admin():
    region = Region("1.9.5")
    region.register_controller(
        uuid=UUID, hostname="c1",
        interfaces=[{"name": "eth0", "ip": "10.0.0.1", "subnet_mask": "255.255.255.0"}],
    )  # fmt: skip
    return Caller(region)


@pytest.mark.parametrize(
    ("method", "path", "form", "status", "text"),
    [
        ("GET", "nodegroups?op=list", {}, 404, "Unknown API endpoint: /MAAS/api/1.0/nodegroups."),
        ("GET", "nosuch/", {}, 404, "Unknown API endpoint: /MAAS/api/1.0/nosuch/."),
        ("GET", "nodegroups/?op=bogus", {}, 400, "Unrecognised signature: method=GET op=bogus"),
        ("GET", "users/?op=whoami", {}, 400, "Unrecognised signature: method=GET op=whoami"),
        ("DELETE", "users/nosuch/", {}, 204, ""),
        ("DELETE", "users/admin/", {}, 400, "An administrator cannot self-delete."),
        ("PUT", GROUP, {"status": "0"}, 400, "Select a valid choice. 0 is not one of"),
        ("PUT", GROUP, {"status": "2"}, 200, '"status": 2'),
        ("PUT", GROUP, {"name": "bad name!"}, 400, "Label contains disallowed characters"),
        ("PUT", GROUP + "interfaces/eth0/", {"ip": ""}, 400, "This field is required."),
        ("PUT", GROUP + "interfaces/eth0/", {"ip": "", "management": "2"}, 500,
         "invalid IPNetwork None/255.255.255.0"),
        ("POST", "maas/?op=set_config", {"name": "enlistment_domain", "value": "x"}, 400,
         "enlistment_domain is not a valid config setting"),
    ],
)  # fmt: skip
def test_answers(admin, method, path, form, status, text):
    call = {"GET": admin.get, "DELETE": admin.delete, "POST": admin.post, "PUT": admin.put}[method]
    answer = call(path, **form)
    assert (answer.status, text in answer.text) == (status, True), answer.text


def test_accept_enables_and_reject_disables(admin):
    for op, status in (("reject", 2), ("accept", 1)):
        assert admin.post(f"nodegroups/?op={op}", uuid=UUID).status == 200
        assert admin.get(GROUP).json["status"] == status


def test_there_are_19_settings(admin):
    text = admin.get("maas/?op=get_config&name=nosuch").text
    assert len(text.partition("valid settings are: ")[2].split(",")) == 19
