"""Boot sources, selections and the import, with a clock of their own."""

from __future__ import annotations

import hashlib
import json

import pytest
from maas_emulator.core import Region

from .calls import Caller, Clock

URL = "http://mirror.example.com/ephemeral-v3/stable/"
JAMMY = {"os": "ubuntu", "release": "jammy", "arches": ["amd64"], "subarches": "*", "labels": "*"}


@pytest.fixture
def admin():
    return Caller(Region("3.7", import_seconds=10, index_seconds=1, sync_seconds=3))


@pytest.fixture
def clock(admin):
    return Clock(admin.region)


def add(admin, url=URL):
    return admin.post("boot-sources/", url=url, keyring_filename="/k.gpg").json["id"]


def select(admin, source, **fields):
    return admin.post(f"boot-sources/{source}/selections/", **{**JAMMY, **fields})


def test_catalogue_of_a_second_source_comes_after_a_while(admin, clock):
    add(admin)
    source = add(admin, URL + "second/")
    assert "no available images" in select(admin, source).text
    clock.wait(1.1)
    assert select(admin, source).status == 200


def test_first_source_has_no_catalogue_until_an_import_ran(admin, clock):
    source = add(admin)
    clock.wait(100)
    assert select(admin, source).status == 400
    admin.put(f"boot-sources/{source}/", url=URL + "other/")
    clock.wait(100)
    assert select(admin, source).status == 400
    admin.post("boot-resources/?op=import")
    assert select(admin, source).status == 200


@pytest.mark.parametrize("url", ["http://mirror.invalid/x/", "http://mirror.example.com/empty/"])
def test_mirror_without_images(admin, clock, url):
    add(admin)
    source = add(admin, url)
    clock.wait(100)
    assert select(admin, source).status == 400


def test_import_shows_its_progress(admin, clock):
    source = add(admin)
    admin.post("boot-resources/?op=import")
    clock.wait(11)
    select(admin, source)
    admin.post("boot-resources/?op=import")
    assert admin.get("boot-resources/?op=is_importing").json is True
    clock.wait(4)
    some = admin.get("boot-resources/").json
    assert 0 < len(some) < 6
    states = [admin.get(f"boot-resources/{item['id']}/").json["sets"] for item in some]
    complete = [next(iter(sets.values()))["complete"] for sets in states]
    assert True in complete
    assert False in complete
    clock.wait(7)
    assert admin.get("boot-resources/?op=is_importing").json is False
    assert len(admin.get("boot-resources/").json) == 6


def test_import_without_a_source_makes_the_default_one(admin, clock):
    assert admin.post("boot-resources/?op=import").status == 200
    clock.wait(11)
    (source,) = admin.get("boot-sources/").json
    (selection,) = admin.get(f"boot-sources/{source['id']}/selections/").json
    assert (selection["release"], selection["arches"]) == ("noble", ["amd64"])
    names = {item["name"] for item in admin.get("boot-resources/").json}
    assert "ubuntu/noble" in names


def test_next_import_removes_what_is_no_longer_selected(admin, clock):
    source = add(admin)
    admin.post("boot-resources/?op=import")
    clock.wait(11)
    chosen = select(admin, source).json["id"]
    select(admin, source, release="noble")
    admin.post("boot-resources/?op=import")
    clock.wait(11)
    assert admin.delete(f"boot-sources/{source}/selections/{chosen}/").status == 204
    admin.post("boot-resources/?op=import")
    clock.wait(11)
    names = {item["name"] for item in admin.get("boot-resources/").json}
    assert "ubuntu/jammy" not in names
    assert "ubuntu/noble" in names


def test_stopped_import_ends_soon_and_brings_nothing_more(admin, clock):
    admin.post("boot-resources/?op=import")
    clock.wait(2)
    before = len(admin.get("boot-resources/").json)
    admin.post("boot-resources/?op=stop_import")
    assert admin.get("boot-resources/?op=is_importing").json is True
    clock.wait(2)
    assert admin.get("boot-resources/?op=is_importing").json is False
    clock.wait(20)
    assert len(admin.get("boot-resources/").json) == before


def test_racks_follow_the_import(admin, clock):
    ident = admin.region.register_controller(hostname="r", interfaces=[])

    def state():
        return admin.get(f"rackcontrollers/{ident}/?op=list_boot_images").json["status"]

    assert state() == "unknown"
    admin.region.controller_connected(ident, True)
    admin.post("boot-resources/?op=import")
    assert state() == "region-importing"
    clock.wait(10)
    assert state() == "syncing"
    clock.wait(3.1)
    assert state() == "synced"


def test_commissioning_series_can_be_set_and_is_kept_once_imported(admin, clock):
    form = {"name": "commissioning_distro_series", "value": "noble"}
    assert "'---'" in admin.post("maas/?op=set_config", **form).text
    admin.post("boot-resources/?op=import")
    clock.wait(11)
    assert admin.post("maas/?op=set_config", **form).text == "OK"
    assert "used for commissioning" in admin.delete("boot-sources/1/selections/1/").text


def test_source_with_key_data_wants_the_file_again(admin):
    def send(method, path, url, data):
        body = (
            f'--b\r\nContent-Disposition: form-data; name="url"\r\n\r\n{url}\r\n'
            '--b\r\nContent-Disposition: form-data; name="keyring_data"; filename="k"\r\n\r\n'
            f"{data}\r\n--b--\r\n"
        )
        return admin.send(method, path, body.encode(), "multipart/form-data; boundary=b")

    assert send("POST", "boot-sources/", URL, "key").json["keyring_data"] == "a2V5"
    assert admin.put("boot-sources/1/", url=URL + "x/").status == 500
    assert send("PUT", "boot-sources/1/", URL + "x/", "new").json["keyring_data"] == "bmV3"


def test_upload_in_pieces(admin, clock):
    admin.post("boot-resources/?op=import")
    clock.wait(11)
    content = b"0123456789"
    digest = hashlib.sha256(content).hexdigest()
    made = admin.post(
        "boot-resources/", name="custom/img", architecture="amd64/generic", sha256=digest,
        size=len(content),
    ).json  # fmt: skip
    uri = next(iter(next(iter(made["sets"].values()))["files"].values()))["upload_uri"]
    for piece in (content[:6], content[6:]):
        assert admin.send("PUT", uri, piece, "application/octet-stream").status == 200
    (shown,) = admin.get(f"boot-resources/{made['id']}/").json["sets"].values()
    assert shown["complete"]
    answer = admin.send("PUT", uri, b"x", "application/octet-stream")
    assert answer.text == "Cannot upload to a complete file."


def test_second_upload_of_a_name_replaces_the_files(admin, clock):
    admin.post("boot-resources/?op=import")
    clock.wait(10)
    fields = {"name": "custom/mine", "architecture": "amd64/generic", "size": 3}
    first = admin.post("boot-resources/", sha256="a" * 64, **fields).json
    second = admin.post("boot-resources/", sha256="b" * 64, **fields).json
    assert second["id"] == first["id"]
    (day,) = first["sets"]
    (version,) = second["sets"]
    assert version == f"{day}.1"
    (file,) = second["sets"][version]["files"].values()
    assert file["sha256"] == "b" * 64
    assert len(admin.get("boot-resources/?type=uploaded").json) == 1


def test_json_body_of_a_selection(admin, clock):
    source = add(admin)
    admin.post("boot-resources/?op=import")
    body = json.dumps({**JAMMY, "subarches": ["*"], "labels": ["*"]}).encode()
    path = f"boot-sources/{source}/selections/"
    assert admin.send("POST", path, body, "application/json").json["arches"] == ["amd64"]
