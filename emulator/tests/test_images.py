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

    file = admin.post("boot-sources/", url=URL, keyring_filename="/k").json["resource_uri"]
    refused = send("PUT", file.removeprefix("/MAAS/api/2.0/"), URL, "new")
    assert refused.status == 400
    assert "Only one of keyring_filename or keyring_data can be specified." in refused.text


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


# -- 3.8 ---------------------------------------------------------------------------------------


@pytest.fixture
def newest():
    return Caller(Region("3.8", import_seconds=0, index_seconds=0))


def test_a_new_region_of_3_8_has_a_source_and_a_selection(newest):
    (source,) = newest.get("boot-sources/").json
    shown = ("name", "url", "priority", "enabled", "skip_keyring_verification")
    assert [source[name] for name in shown] == [
        "MAAS Stable", "http://images.maas.io/ephemeral-v3/stable", 1, True, False,
    ]  # fmt: skip
    (selection,) = newest.get("boot-sources/1/selections/").json
    assert (selection["release"], selection["arches"]) == ("noble", ["amd64"])


@pytest.mark.parametrize(
    ("form", "status", "expected"),
    [
        ({"url": "http://a.example.com/x//"}, 201,
         {"url": "http://a.example.com/x", "name": "http://a.example.com/x", "priority": 2,
          "enabled": True, "skip_keyring_verification": False}),
        ({"url": "a.example.com/i.json/", "keyring_filename": ""}, 201,
         {"url": "http://a.example.com/i.json", "skip_keyring_verification": True}),
        ({"url": "http://a.example.com/i.json", "skip_keyring_verification": "false",
          "keyring_filename": ""}, 400,
         {"__all__": ["One of keyring_data or keyring_filename must be specified."]}),
        ({"enabled": "0", "priority": "70", "name": "A"}, 201,
         {"enabled": True, "priority": 70, "name": "A"}),
        ({"enabled": "false"}, 201, {"enabled": False}),
        ({"name": "MAAS Stable"}, 400, {"name": ["Boot source with this Name already exists."]}),
        ({"url": "http://images.maas.io/ephemeral-v3/stable/"}, 400,
         {"url": ["Boot source with this Url already exists."]}),
        ({"priority": "-1"}, 400,
         {"priority": ["Ensure this value is greater than or equal to 0."]}),
        ({"url": "/"}, 400, {"url": ["Enter a valid URL."]}),
    ],
)  # fmt: skip
def test_fields_of_a_source_in_3_8(newest, form, status, expected):
    form = {"url": "http://a.example.com/", "keyring_filename": "/k", **form}
    answer = newest.post("boot-sources/", **form)
    assert answer.status == status, answer.text
    assert expected.items() <= answer.json.items()


def test_a_priority_that_is_taken_is_a_conflict(newest):
    form = {"url": "http://a.example.com/", "keyring_filename": "/k"}
    assert newest.post("boot-sources/", **form, priority="1").status == 409
    assert newest.post("boot-sources/", **form).json["priority"] == 2
    assert newest.put("boot-sources/2/", priority="1").status == 409
    kept = newest.put("boot-sources/2/", priority="", enabled="", name="").json
    assert (kept["priority"], kept["enabled"], kept["name"]) == (2, True, kept["url"])


def test_a_selection_of_3_8_brings_the_architectures_there_were_and_takes_its_images_along(newest):
    newest.post("boot-sources/1/selections/", os="ubuntu", release="jammy", arches="*")
    newest.put("boot-sources/1/selections/2/", arches="amd64")

    def there():
        newest.post("boot-resources/?op=import")
        newest.region.tick()
        found = newest.get("boot-resources/").json
        return {(row["name"], row["architecture"].split("/")[0]) for row in found}

    both = {("ubuntu/jammy", "amd64"), ("ubuntu/jammy", "arm64")}
    assert both | {("ubuntu/noble", "amd64")} <= there()
    assert newest.delete("boot-sources/1/selections/2/").status == 204
    names = {row["name"] for row in newest.get("boot-resources/").json}
    assert "ubuntu/jammy" not in names
    assert "ubuntu/noble" in names
    # What a disabled source brought stays until its selection goes.
    newest.put("boot-sources/1/", enabled="false")
    assert ("ubuntu/noble", "amd64") in there()
    assert newest.delete("boot-sources/1/").status == 204
    assert "ubuntu/noble" not in {row["name"] for row in newest.get("boot-resources/").json}
    newest.post("boot-resources/?op=import")
    assert newest.get("boot-sources/").json == []


def test_an_image_belongs_to_the_source_of_the_highest_priority(newest):
    newest.post("boot-sources/", url="http://a.example.com", keyring_filename="/k")
    newest.region.tick()

    def imported():
        newest.post("boot-resources/?op=import")
        newest.region.tick()
        names = {row["name"] for row in newest.get("boot-resources/").json}
        return "ubuntu/noble" in names

    assert imported()
    newest.post("boot-sources/2/selections/", os="ubuntu", release="noble", arches="amd64")
    assert imported()
    assert newest.delete("boot-sources/1/").status == 204  # the other one has brought it by now
    assert "ubuntu/noble" in {row["name"] for row in newest.get("boot-resources/").json}
    assert newest.delete("boot-sources/2/").status == 204
    assert "ubuntu/noble" not in {row["name"] for row in newest.get("boot-resources/").json}


def upload(caller, content, **form):
    digest = hashlib.sha256(content).hexdigest()
    form = {"architecture": "amd64/generic", "sha256": digest, "size": len(content), **form}
    return caller.post("boot-resources/", **form)


def piece(caller, resource, content):
    (stored,) = caller.get(f"boot-resources/{resource}/").json["sets"].values()
    (file,) = stored["files"].values()
    answer = caller.send("PUT", file["upload_uri"], content, "application/octet-stream")
    return answer.status, answer.text


@pytest.fixture
def imported(newest):
    newest.post("boot-resources/?op=import")
    newest.region.tick()
    return newest


@pytest.mark.parametrize(
    ("form", "status", "expected"),
    [
        ({"name": "custom/x"}, 201, {"name": "custom/x", "base_image": "ubuntu/noble"}),
        ({"name": "x", "base_image": "Ubuntu/Jammy"}, 201, {"base_image": "ubuntu/jammy"}),
        ({"name": "windows/2022"}, 201, {"name": "windows/2022", "type": "Uploaded"}),
        ({"name": "noble"}, 400, {"name": ["noble is a reserved name"]}),
        ({"name": "centos7"}, 400, {"name": ["centos7 is a reserved name"]}),
        ({"name": "x", "base_image": "x"}, 400,
         {"base_image": ["a base image must follow the format: <osystem>/<series>"]}),
        ({"name": "x", "sha256": "ab"}, 400,
         {"sha256": ["Ensure this value has at least 64 characters (it has 2)."]}),
        ({"name": "x", "size": ""}, 400, {"size": ["This field is required."]}),
    ],
)  # fmt: skip
def test_uploads_of_3_8(imported, form, status, expected):
    answer = upload(imported, b"abc", **form)
    assert answer.status == status, answer.text
    assert expected.items() <= answer.json.items()


def test_uploads_of_3_8_are_files_by_their_digest(imported):
    first = upload(imported, b"abc", name="custom/x").json["id"]
    assert upload(imported, b"abc", name="custom/x", size=4).text == (
        "File already exists with sha256 that is of different size."
    )
    assert piece(imported, first, b"ab") == (200, "OK")
    assert piece(imported, first, b"c") == (200, "OK")
    # Another upload of the same content finds that file, and has its first piece refused.
    second = upload(imported, b"abc", name="custom/y").json["id"]
    assert piece(imported, second, b"abc") == (400, "Too much data received.")
    assert piece(imported, second, b"abc") == (200, "OK")
    third = upload(imported, b"abcd", name="custom/z").json["id"]
    assert piece(imported, third, b"abce")[1].startswith("Saved content does not match")
