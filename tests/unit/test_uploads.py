"""Images that are uploaded: in pieces, by SHA-256, going on where an upload was cut off."""

from __future__ import annotations

import hashlib

import pytest
from maas_emulator.server import RegionServer
from saltext.maas import pillar
from saltext.maas.errors import BadInput, LostAnswer
from saltext.maas.reconcile import Snapshot, apply, desired_named, make_plan
from saltext.maas.reconcile.apply import Run
from saltext.maas.release import Release
from saltext.maas.resources import uploads
from support.reconciling import SHORT, assert_true, carried_out, errors, snapshot_of

SOURCES = {
    "1.7": ("http://images.example.com/ephemeral-v2/releases/", "trusty"),
    "2.4": ("http://images.example.com/ephemeral-v3/stable/", "bionic"),
    "3.7": ("http://images.example.com/ephemeral-v3/stable/", "jammy"),
    "3.8": ("http://images.example.com/ephemeral-v3/stable/", "jammy"),
}
NAME = "custom/rhel9/amd64"


@pytest.fixture(scope="module", params=list(SOURCES))
def region(request):
    """A region that knows the architecture amd64, since it has an image of it."""
    options = {"import_seconds": 0.1, "index_seconds": 0.05, "sync_seconds": 0.1}
    with RegionServer(release=request.param, **options) as server:
        url, release = SOURCES[request.param]
        only = {"os": "ubuntu", "release": release, "arches": ["amd64"]}
        if request.param == "1.7":
            only["labels"] = ["release"]
        carried_out(server, {"boot_sources": {url: {"selections": [only]}}})
        yield server


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(uploads, "_PIECE", 1000)
    monkeypatch.setattr(Run, "pause", lambda run, attempt, error: None)


@pytest.fixture
def image(tmp_path, request):
    """A file to upload, other than those of other tests."""
    path = tmp_path / "rhel9.tgz"
    path.write_bytes(request.node.name.encode() * 200)
    return path


def carry(region, **values):
    """Plan and apply an upload; the next plan with the same values is empty."""
    desired = desired_named("boot_resource", NAME, values)
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [desired])
    assert plan.problems() == []
    region.requests.reset()
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert_true(region, snapshot)
    assert make_plan(snapshot_of(region), [desired]).shown() == {}
    return plan, region.requests.writes()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_goes_in_pieces_and_only_once(region, image):
    plan, writes = carry(region, path=str(image), title="RHEL 9", filetype="tgz")
    assert [change.action for change in plan.changes] in (["create"], ["update"])
    pieces = [entry for entry in writes if "/upload/" in entry.path]
    assert len(pieces) == -(-image.stat().st_size // 1000)

    plan, writes = carry(region, path=str(image))
    assert plan.shown() == {}
    assert writes == []
    # Who knows the SHA-256 needs no file.
    plan, writes = carry(region, sha256=digest(image).upper())
    assert writes == []
    plan, writes = carry(region, path=str(image) + ".gone", sha256=digest(image))
    assert writes == []


def test_a_missing_file_is_a_problem_although_there_is_an_image(region, image):
    """Nobody knows whether it is the one that is desired."""
    carry(region, path=str(image))
    desired = desired_named("boot_resource", NAME, {"path": str(image) + ".gone"})
    plan = make_plan(snapshot_of(region), [desired])
    assert [change.problem for change in plan.changes] == [
        f"path: '{image}.gone' cannot be read: No such file or directory"
    ]


def test_another_type_of_file_is_a_change(region, image):
    carry(region, path=str(image), filetype="tgz")
    plan, writes = carry(region, path=str(image), filetype="ddtgz")
    assert plan.shown()["boot_resource"][NAME] == {"filetype": {"old": "tgz", "new": "ddtgz"}}
    # 3.8 appends to the file that it has, deletes what becomes too long, and takes it anew.
    times = 2 if region.region.release >= "3.8" else 1
    assert len([entry for entry in writes if entry.path.endswith("/boot-resources/")]) == times


def test_a_file_that_changed_is_sent_again(region, image):
    carry(region, path=str(image))
    old = digest(image)
    image.write_bytes(image.read_bytes() + b"more")
    plan, writes = carry(region, path=str(image))
    assert plan.shown()["boot_resource"][NAME] == {"sha256": {"old": old, "new": digest(image)}}
    assert [entry for entry in writes if "/upload/" in entry.path]


def test_an_upload_that_was_cut_off_goes_on(region, image):
    client = snapshot_of(region).client
    data = {"name": "custom/rhel9", "architecture": "amd64/generic", "filetype": "tgz",
            "sha256": digest(image), "size": image.stat().st_size}  # fmt: skip
    made = client.post("boot-resources/", data=data)
    client.put(uploads._file(made)["upload_uri"], body=image.read_bytes()[:1500])

    plan, writes = carry(region, path=str(image))

    assert len([entry for entry in writes if "/upload/" in entry.path]) == len(writes)
    assert len(writes) == -(-(image.stat().st_size - 1500) // 1000)
    assert plan.shown()["boot_resource"][NAME] == {"sha256": {"old": None, "new": digest(image)}}


def test_a_lost_answer_does_not_send_a_piece_twice(region, image, monkeypatch):
    from saltext.maas.client import Client

    sent, put = [], Client.put

    def unlucky(self, path, data=None, files=None, **options):
        answer = put(self, path, data=data, files=files, **options)
        sent.append(path)
        if len(sent) in (1, 3):
            raise LostAnswer("the connection is gone")
        return answer

    monkeypatch.setattr(Client, "put", unlucky)
    carry(region, path=str(image))
    assert len(sent) == -(-image.stat().st_size // 1000)


def test_what_cannot_be_uploaded_is_a_problem_before_anything_is_sent(region, image, tmp_path):
    def told(**values):
        snapshot = snapshot_of(region)
        plan = make_plan(
            snapshot, [desired_named("boot_resource", "windows/win2022/amd64", values)]
        )
        assert [entry.method for entry in region.requests.writes()] == []
        (change,) = plan.changes
        return change.problem

    region.requests.reset()
    assert told() == "path is missing: there is no such image, or another one"
    assert "cannot be read: No such file" in told(path=str(tmp_path / "nothing"))
    assert f"has the SHA-256 {digest(image)}, not {'0' * 64}" in told(
        path=str(image), sha256="0" * 64
    )


def test_an_uploaded_image_can_be_deleted(region, image):
    carry(region, path=str(image))
    snapshot = snapshot_of(region)
    plan = make_plan(snapshot, [desired_named("boot_resource", NAME, {}, absent=True)])
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    left = snapshot_of(region)
    assert not any(
        left.records("boot_resource", part) for part in left.tables["boot_resource"].parts(left)
    )


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("custom/rhel9/amd64", "custom/rhel9/amd64/generic"),
        ("custom/rhel9/amd64/hwe-20.04", "custom/rhel9/amd64/hwe-20.04"),
        ("windows/win2012r2/amd64/generic", "windows/win2012r2/amd64/generic"),
        ("centos/centos70/amd64", "centos/centos70/amd64/generic"),
    ],
)
def test_a_name_ends_in_the_architecture(name, key):
    assert desired_named("boot_resource", name, {}).key == key


def test_a_name_without_an_architecture():
    from saltext.maas.errors import BadInput

    with pytest.raises(BadInput, match="must be NAME/ARCHITECTURE"):
        desired_named("boot_resource", "rhel9", {})


def test_a_url_is_fetched_when_it_is_needed(region, image):
    asked = []

    def fetch(url):
        asked.append(url)
        return str(image) if url == "salt://rhel9.tgz" else False

    def planned(**values):
        snapshot = Snapshot(snapshot_of(region).client, fetch=fetch)
        return snapshot, make_plan(snapshot, [desired_named("boot_resource", NAME, values)])

    snapshot, plan = planned(path="salt://rhel9.tgz")
    apply(snapshot, plan, SHORT)
    assert errors(plan) == {}
    assert asked == ["salt://rhel9.tgz"]
    assert planned(path="salt://rhel9.tgz", sha256=digest(image))[1].shown() == {}
    assert asked == ["salt://rhel9.tgz"]
    _, plan = planned(path="salt://nothing", sha256="0" * 64)
    assert "cannot be read: there is no such file" in plan.problems()[0]


def test_a_type_of_file_that_the_release_lacks_is_refused(region, image):
    release = snapshot_of(region).release
    desired = desired_named("boot_resource", NAME, {"path": str(image), "filetype": "txz"})
    if release >= "2.7":
        make_plan(snapshot_of(region), [desired])
        return
    with pytest.raises(BadInput, match=":filetype: 'txz' must be one of: tgz, ddtgz"):
        make_plan(snapshot_of(region), [desired])


@pytest.mark.parametrize("release", list(SOURCES))
def test_an_upload_before_any_import_is_a_problem(release, image):
    """MAAS takes an architecture only once it has imported an image of it."""
    desired = desired_named("boot_resource", NAME, {"path": str(image)})
    with RegionServer(release=release) as server:
        plan = make_plan(snapshot_of(server), [desired])
        assert [change.problem for change in plan.changes] == [
            "architecture: MAAS takes amd64 only once it has imported an Ubuntu image of it; "
            "import one first, or describe one under maas:boot_sources"
        ]
        imported = desired_named("image", f"ubuntu/{SOURCES[release][1]}/amd64", {})
        assert make_plan(snapshot_of(server), [imported, desired]).problems() == []

        # In a test run an earlier state of the same run imports it.
        snapshot = snapshot_of(server)
        snapshot.predict(make_plan(snapshot, [imported]))
        assert make_plan(snapshot, [desired]).problems() == []


# Names: 3.8 keeps ``custom/``


@pytest.fixture
def described(region, image):
    """Carry out a pillar's uploads; what the region then holds, by name."""

    def carry_out(*names, content=None):
        path = image.with_name(content) if content else image
        path.write_bytes(path.name.encode() * 200)
        data = {"boot_resources": [
            {"name": name, "architecture": "amd64", "path": str(path)} for name in names
        ]}  # fmt: skip
        _, plan = carried_out(region, data)
        client = snapshot_of(region).client
        uploaded = client.get("boot-resources/?type=uploaded")
        return plan.shown().get("boot_resource", {}), {one["name"]: one["id"] for one in uploaded}

    yield carry_out
    snapshot = snapshot_of(region)
    for part in snapshot.tables["boot_resource"].parts(snapshot):
        for record in snapshot.records("boot_resource", part).values():
            snapshot.client.delete(record.raw["resource_uri"])


def test_two_names_are_two_images_from_3_8_on(region, described):
    if region.region.release < "3.8":
        data = {"boot_resources": [
            {"name": name, "architecture": "amd64", "path": "/x"} for name in ("x", "custom/x")
        ]}  # fmt: skip
        assert pillar.problems(data, snapshot_of(region).release) == [
            "maas:boot_resources:1: is the same image as maas:boot_resources:0"
        ]
        return
    _, names = described("custom/x", "x")  # of one file, which MAAS stores once
    assert {"custom/x", "x"} <= names.keys()
    absent = desired_named("boot_resource", "custom/x/amd64", {}, absent=True)
    for left in (1, 0):  # what is gone is not looked for under the other name
        snapshot = snapshot_of(region)
        plan = make_plan(snapshot, [absent])
        assert len(plan.changes) == left
        apply(snapshot, plan, SHORT)
        assert errors(plan) == {}
    left = {one["name"] for one in snapshot_of(region).raw("image")}
    assert "x" in left
    assert "custom/x" not in left


def test_an_image_from_before_an_upgrade_is_found_and_kept(region, described):
    """Until 3.8 MAAS stored it without ``custom/``."""
    _, before = described("x")
    shown, after = described("custom/x")
    assert (shown, after) == ({}, before)
    shown, after = described("custom/x", content="newer")
    assert set(shown["custom/x/amd64/generic"]) == {"sha256"}
    assert after == before  # and the next version is one of the same image


@pytest.mark.parametrize("name", ["foo/x", "centos/8/x", "centos7", "windows", "custom/"])
def test_a_name_that_3_8_refuses_is_refused_before(name):
    data = {"boot_resources": [{"name": name, "architecture": "amd64", "path": "/x"}]}
    (problem,) = pillar.problems(data, Release("3.8"))
    assert problem.startswith(f"maas:boot_resources:0:name: {name!r} must be a name that is no ")
    assert pillar.problems(data, Release("2.1")) == []
