"""One host's part in an upgrade: packages and snap from each release to the next."""

from __future__ import annotations

import json
import os

import pytest
from maas_emulator.hosts import migrations, sandbox
from maas_emulator.hosts import upgrades as played
from maas_emulator.server import RegionServer
from saltext.maas.errors import BadInput
from saltext.maas.host import (
    cluster_config,
    config_files,
    debconf,
    migration,
    services,
    shared_secret,
    upgrade,
    upgrade_path,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, detect
from saltext.maas.host.layouts import fact
from saltext.maas.release import SERIES, Release

pytestmark = pytest.mark.usefixtures("fast")
SECRET = "c0ffee" * 5
PASSWORD = "pw-unlikely-9"


def path_of(kind, start, to):
    return [step.release for step in upgrade_path.steps(kind, Release(start), Release(to))]


@pytest.mark.parametrize(
    ("kind", "start", "to", "stops"),
    [
        ("deb", "1.5", "3.8", ["1.9", "2.3", "2.8", "3.2", "3.5", "3.7", "3.8"]),
        ("deb", "1.7.3", "1.9", ["1.9"]),
        ("deb", "2.0", "2.4", ["2.3", "2.4"]),
        ("deb", "2.4", "3.0", ["3.0"]),
        ("deb", "3.3", "3.7", ["3.7"]),
        ("deb", "3.7.1", "3.7.3", []),
        ("snap", "2.5", "4.0", ["2.7", "2.8", "3.1", "3.7", "3.8", "4.0"]),
        ("snap", "3.2", "3.8", ["3.7", "3.8"]),
        ("snap", "3.7", "4.0", ["3.8", "4.0"]),
    ],
)
def test_the_path(kind, start, to, stops):
    assert path_of(kind, start, to) == stops


@pytest.mark.parametrize(
    ("kind", "start", "to", "why"),
    [
        ("deb", "3.7", "3.6", r"to: MAAS 3\.6 is older than MAAS 3\.7, which is installed"),
        ("deb", "3.7", "4.0", r"to: MAAS 4\.0 has no Debian packages; upgrade to 3\.8, and move"),
        ("deb", "1.9", "1.10", r"to: MAAS 1\.10 has no Debian packages"),
    ],
)
def test_no_path(kind, start, to, why):
    with pytest.raises(BadInput, match=why):
        upgrade_path.steps(kind, Release(start), Release(to))


def test_every_release_has_a_path_to_the_next():
    """Each step is one that Ubuntu and the snap's epochs allow."""
    known = [one for one in SERIES if one != "1.10"]
    for kind in ("deb", "snap"):
        for start in known:
            if kind == "deb" or start >= "2.2":
                steps = upgrade_path.steps(kind, Release(start), Release("3.8"))
                assert len(steps) <= 7
                names = [start, *(step.release for step in steps)]
                assert [known.index(one) for one in names] == sorted(map(known.index, names))


@pytest.fixture
def make(tmp_path, postgres):
    with postgres.database() as there:

        def start(release, role="region+cluster", kind="deb", name="host", url=None):
            url = url or "http://127.0.0.1:9/MAAS"
            box = sandbox.create(
                tmp_path / name, release, role, kind=kind, url=url,
                database={**there, "port": None, "password": PASSWORD},
            )  # fmt: skip
            for path, text in migrations.files(box).items():
                box.write(path, text)
            if release >= "1.7":
                box.write("secret", SECRET, 0o640)
            return box, detect(box.root)

        yield start


def configured(installation):
    region = config_files.read_config(installation, secrets=True)
    cluster = cluster_config.read_files(installation)
    return {
        "url": region["url"],
        **{key: region["database"][key] for key in ("host", "name", "user", "password")},
        "urls": cluster["urls"],
        "uuid": cluster["uuid"],
        "secret": shared_secret.read(installation) if installation.has("secret") else None,
    }


def step(box, to, test_again=False):
    """Stop, install, migrate; as the runner does it."""
    installation = detect(box.root)
    upgrade.stop(installation)
    done = upgrade.install(installation, Release(to))
    installation = detect(box.root)
    migrated = migration.migrate(installation)
    return installation, done, migrated


def starts(box, installation):
    names = [
        name for role in ("cluster", "region") for name in installation.fact(f"{role}_stops")
    ]  # fmt: skip
    return [name for name in names if box.service(name)["running"]]


@pytest.mark.postgres
def test_packages_from_1_5_to_3_8_keep_what_was_configured(make):
    box, installation = make("1.5", url="http://region.example:8080/other/MAAS")
    cluster_config.configure(installation, url="http://127.0.0.1/MAAS", uuid=None)
    before = configured(installation)
    lost = {}
    for release in path_of("deb", "1.5", "3.8"):
        installation, done, migrated = step(box, release)
        assert done["to"] == str(installation.release)
        lost[release] = sorted(done["mended"])
        now = configured(installation)
        want = {**before, "secret": now["secret"]}
        if not installation.fact("has_cluster_uuid"):
            want["uuid"] = None
        assert now == want, release
        # The package's own script has migrated it, and nothing of MAAS was started by it.
        assert migrated["migrated"] is (release == "1.9")  # whose database is on another host
        assert starts(box, installation) == []
        services.release(installation)
        services.start_all(installation)
        every = [*installation.fact("cluster_stops"), *installation.fact("region_stops")]
        assert starts(box, installation) == every
        assert upgrade.describe(installation)["began"] is None
    assert lost.pop("1.9") == ["database_host", "url"]
    assert not any(lost.values())
    assert PASSWORD not in json.dumps(box.argv_log())
    calls = [argv for argv in box.argv_log() if "dbupgrade" in argv or "syncdb" in argv]
    assert len(calls) == 7  # syncdb once, dbupgrade six times


@pytest.mark.postgres
def test_the_snap_from_its_first_release_to_3_8(make):
    box, installation = make("2.4", kind="snap")
    before = configured(installation)
    for release in path_of("snap", "2.4", "3.8"):
        installation, done, migrated = step(box, release)
        assert (done["mended"], migrated["migrated"]) == ({}, False)
        now = configured(installation)
        assert now == {**before, "uuid": now["uuid"]}
        assert not box.service("maas")["running"]
        services.release(installation)
        assert box.service("maas")["running"]
    # A step that the epochs do not allow is refused by snapd, and what was kept stays for the next.
    box, installation = make("2.7", kind="snap", name="other")
    with pytest.raises(HostError, match="cannot read the current epoch of 1"):
        upgrade.install(installation, Release("3.7"))
    assert upgrade.describe(installation)["began"] == "2.7"
    assert upgrade.forget(installation)
    assert upgrade.describe(installation)["began"] is None


@pytest.mark.postgres
def test_a_region_whose_packages_do_not_migrate(make):
    """``maas-region-api`` alone, as on all but the first of several region hosts."""
    box, installation = make("3.6", "region")
    status = box.read("var/lib/dpkg/status")
    start = status.index("Package: maas-region-controller")
    box.write("var/lib/dpkg/status", status[:start])
    installation, _, migrated = step(box, "3.7")
    assert migrated == {"migrated": True, "missing": ["0026"]}
    assert "maas-region-controller" not in box.read("var/lib/dpkg/status")
    assert [argv for argv in box.argv_log() if "dbupgrade" in argv] == [
        ["maas-region", "dbupgrade"]
    ]
    words = next(argv for argv in box.argv_log() if argv[:2] == ["apt-get", "install"])
    assert words[-1] == "maas-region-api=1:3.7*"
    assert starts(box, installation) == []


@pytest.mark.postgres
def test_a_kill_anywhere_in_it_is_finished_by_the_next_call(make, monkeypatch):
    """Killed before each command; what was configured survives, as the first run wrote it down."""
    box, installation = make("1.7", url="http://region.example:8080/MAAS")
    before = configured(installation)
    real, count = Installation.run, [0]

    class Killed(BaseException):
        pass

    for point in range(40):
        left = [point]

        def run(self, *args, **kwargs):
            if left[0] == 0:  # noqa: B023
                raise Killed
            left[0] -= 1  # noqa: B023
            return real(self, *args, **kwargs)

        monkeypatch.setattr(Installation, "run", run)
        try:
            installation, _, _ = step(box, "1.9")
        except Killed:
            count[0] += 1
            continue
        break
    monkeypatch.setattr(Installation, "run", real)
    assert count[0] > 10
    assert configured(installation) == before
    assert not os.path.exists(os.path.join(box.root, "var/lib/saltext-maas/upgrade.before.json"))


def test_what_was_written_for_apt_leads_to_the_new_release(make):
    box, _ = make("3.5")
    where = "https://ppa.launchpadcontent.net/maas"
    box.write("etc/os-release", "ID=ubuntu\nVERSION_CODENAME=noble\n")
    box.write("etc/apt/preferences.d/maas", "Pin: version 1:3.5*\n")
    box.write(
        "etc/apt/sources.list.d/maas.list", f"deb [signed-by=/x] {where}/3.5/ubuntu jammy main\n"
    )
    step(box, "3.7")
    text = box.read("etc/apt/sources.list.d/maas.list")
    assert text == f"deb [signed-by=/x] {where}/3.7/ubuntu noble main\n"
    assert box.read("etc/apt/preferences.d/maas") is None


def test_what_is_kept_is_for_root_alone(make, monkeypatch):
    box, installation = make("3.6")

    def fail(*args):
        raise HostError("no space")

    monkeypatch.setattr(upgrade, "_packages", fail)
    with pytest.raises(HostError, match="no space"):
        upgrade.install(installation, Release("3.7"))
    path = os.path.join(box.root, "var/lib/saltext-maas/upgrade.before.json")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert PASSWORD in box.read("var/lib/saltext-maas/upgrade.before.json")


def test_debconf_is_right_before_packages_go_by_it(make):
    box, installation = make("1.7", url="http://region.example/MAAS")
    with box.state("debconf") as store:
        store["maas/default-maas-url"]["value"] = "wrong.example"
        store["maas-cluster-controller/maas-url"]["value"] = "http://wrong.example/MAAS"
    installation, done, _ = step(box, "1.9")
    assert done["mended"].keys() == {"database_host"}
    assert debconf.get_answer(installation, "x", "maas/default-maas-url") == "region.example"
    installation, done, _ = step(box, "2.3")
    assert done["mended"] == {}
    for question in ("maas-url", "shared-secret"):
        assert debconf.get_answer(installation, "x", f"maas-rack-controller/{question}")


def test_a_release_has_one_epoch_in_both_tables():
    """What the plan goes by is what snapd goes by."""
    for before in ("2.4", "2.6", "2.8", "2.9", "3.3", "3.5", "3.7"):
        for after in SERIES[SERIES.index(before) + 1 :]:
            here, there = Release(before), Release(after)
            direct = len(upgrade_path.steps("snap", here, there)) == 1
            assert fact("snap", "region_stops", there)
            box = object.__new__(sandbox.Sandbox)
            box._new = {"release": before, "kind": "snap", "role": "region"}
            try:
                played._refuse_epoch(box, after)
            except played.Refused:
                assert not direct
            else:
                assert direct or after == "2.5"


@pytest.mark.parametrize("release", ["2.9", "3.7"])
def test_from_packages_to_the_snap(make, release):
    box, installation = make(release)
    before = configured(installation)
    upgrade.stop(installation)
    kinds = set()
    for _ in range(2):  # once more changes nothing
        done = upgrade.install(upgrade.host(box.root), Release(release), kind="snap")
        found = detect(box.root)
        kinds.add(found.kind)
        assert done["mended"] == {}
        assert configured(found) == before
        assert box.read("var/snap/maas/common/snap_mode") == "region+rack"
        assert not box.service("maas")["running"]
        assert not os.path.exists(os.path.join(box.root, "var/snap/maas/common/maas/maas"))
    assert kinds == {"snap"}
    assert not [name for name, masked in box.peek("masked").items() if masked and name != "maas"]
    services.release(found)
    assert box.service("maas")["running"]


def test_a_snap_that_holds_data_is_left_alone(make):
    box, installation = make("3.7")
    box.write("var/snap/maas/common/maas/secret", "mine")
    with pytest.raises(HostError, match="/var/snap/maas/common/maas holds data of a snap"):
        upgrade.install(installation, Release("3.7"), kind="snap")
    assert detect(box.root).kind == "deb"
    with pytest.raises(HostError, match=r"Upgrade the packages to MAAS 3\.8 first"):
        upgrade.install(installation, Release("3.8"), kind="snap")


def test_an_api_of_another_release_is_no_start(make):
    with RegionServer("3.6", admin=None) as server:
        box, installation = make("3.7", url=server.url)
        upgrade.stop(installation)
        with pytest.raises(HostError, match=r"does not tell MAAS 3\.7\.3"):
            upgrade.start(installation, wait=0.3)
        server.region.release = box.release
        found = upgrade.start(installation, wait=5)
        assert (found["api"], all(found["running"].values())) == ("3.7.3", True)
