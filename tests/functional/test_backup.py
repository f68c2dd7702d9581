"""A region's backup, and its restore on another host, with a real PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tracemalloc
from pathlib import Path

import pytest
from saltext.maas.doctor import region_checks
from saltext.maas.errors import BadInput, MaasError
from saltext.maas.host import age, backup
from saltext.maas.host.errors import HostError
from saltext.maas.host.restore import Restore
from support.backups import OTHER, PASSWORD, Site, called, die_at, owners
from support.killing import forked
from support.loader import load

pytest.importorskip("pyrage", reason="pyrage is not installed")
pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("fast")]

QUICK = [("1.9", "deb"), ("3.7", "deb")]
MORE = [("1.5", "deb"), ("1.7", "deb"), ("2.0", "deb"), ("2.4", "snap"), ("2.9", "snap"),
        ("3.4", "deb"), ("3.5", "snap"), ("3.8", "deb"), ("3.8", "snap")]  # fmt: skip
RELEASES = [*QUICK, *(pytest.param(*one, marks=pytest.mark.life) for one in MORE)]
STEPS = [pytest.param(97, id="few"), pytest.param(4, id="many", marks=pytest.mark.life)]


@pytest.fixture
def make(postgres, tmp_path):
    sites = []

    def start(release, kind="deb", **options):
        sites.append(Site(postgres, tmp_path / "hosts", release, kind, **options))
        return sites[-1]

    yield start
    for site in sites:
        site.close()


def made(site, **options):
    options = {"keys": [site.public], "images": True, **options}
    planned = backup.create(site.installation, "old", test=True, **options)
    done = backup.create(site.installation, "old", **options)
    assert {**done, "name": None, "size": None} == planned
    return done


def folder(box):
    return Path(box.root, "var/backups/maas")


@pytest.mark.parametrize(("release", "kind"), RELEASES)
def test_a_restore_on_another_host_equals_the_original(make, release, kind):
    site = make(release, kind)
    before = site.rows(site.installation)
    done = made(site)
    assert done["parts"] == ["database", *(["images"] if release >= "3.5" else []), "files"]
    site.carry(done["name"])
    login = site.database(site.target)
    restore = Restore(site.target, identity=site.identity)
    planned = restore.plan("new")
    assert planned["problems"] == []
    assert "the backup is of old" in planned["warnings"][0]
    result = restore.run("new", wait=20)
    assert {**result, "warnings": []} == {**planned, "warnings": []}
    after = site.rows(site.target)
    migrations = {one for one in after if "migration" in one or "alembic" in one}
    for name in before.keys() - migrations:
        assert after[name] == before[name] or name in ("indexes", "sequences", "constraints"), name
        assert set(map(str, before[name])) <= set(map(str, after[name]))
    assert site.database(site.target) == login  # its own
    for name in ("secret", "maas_id"):
        if site.installation.has(name):
            new = Path(site.target.path(name))
            assert new.read_text() == Path(site.installation.path(name)).read_text()
            assert new.stat().st_mode == os.stat(site.installation.path(name)).st_mode
    if release >= "3.5":
        images = Path(site.target.path("images"))
        assert (images / "abc1234").read_text() == "i" * 70000
        assert (images / "custom/loader.efi").read_text() == "loader"
    names = {
        name for (name,) in site.postgres.execute("postgres", "SELECT datname FROM pg_database")
    }
    assert not [name for name in names if name.endswith(("_restoring", "_replaced"))]


def damage(path, how):
    """Change a file's bytes; its size stays where that is possible."""
    data = bytearray(path.read_bytes())
    if how == "bit":
        data[len(data) // 2] ^= 1
    elif how == "cut":
        data = data[: len(data) - 70_000]
    else:  # chunks of age, which are 64 KiB and a tag
        size = 65536 + 16
        start = data.index(b"\n--- ") + 49 + 16
        data[start : start + 2 * size] = (
            data[start + size : start + 2 * size] + data[start : start + size]
        )
    path.write_bytes(data)


def forge(path, part):
    """Have the manifest agree with what is stored, as somebody can who changes a backup."""
    import hashlib

    manifest = json.loads((path / "manifest.json").read_text())
    there = manifest["parts"][part]
    data = (path / there["file"]).read_bytes()
    there.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_what_was_changed_is_never_restored(make):
    site = make("3.4")  # its images are in the database
    first = made(site)["name"]
    name = site.database(site.installation)["name"]
    site.postgres.execute(name, "INSERT INTO maasserver_zone (name) VALUES ('one more')")
    second = made(site)["name"]
    before = site.rows(site.target)
    path = folder(site.new) / first
    for part, how, forged, says in (
        ("database", "bit", False, "database.dump.age is damaged"),
        ("database", "cut", False, "database.dump.age is damaged"),
        ("files", "bit", False, "files.tar.age is damaged"),
        ("database", "bit", True, "was changed, or is cut off"),
        ("database", "cut", True, "was changed, or is cut off"),
        ("database", "chunks", True, "was changed, or is cut off"),
        ("files", "bit", True, "was changed, or is cut off"),
    ):
        shutil.rmtree(path, ignore_errors=True)
        site.carry(first)
        file = next(path.glob(f"{part}.*"))
        damage(file, how)
        if forged:
            forge(path, part)
        assert bool(backup.listing(site.target)[0]["problem"]) is (how == "cut" and not forged)
        restore = Restore(site.target, first, identity=site.identity)
        (problem,) = restore.plan("new")["problems"]
        assert says in problem
        with pytest.raises(HostError, match=f"Nothing was changed: .*{says}"):
            restore.run("new")
        assert site.rows(site.target) == before
    # a part of another backup, of the same key
    shutil.rmtree(path)
    site.carry(first)
    other = folder(site.old) / second
    shutil.copy(other / "database.dump.age", path / "database.dump.age")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["parts"]["database"] = json.loads((other / "manifest.json").read_text())["parts"][
        "database"
    ]
    (path / "manifest.json").write_text(json.dumps(manifest))
    (problem,) = Restore(site.target, first, identity=site.identity).plan("new")["problems"]
    assert "parts are of different backups" in problem
    (path / "manifest.json").write_text("{}")
    with pytest.raises(HostError, match=r"manifest.json is missing or damaged"):
        Restore(site.target, first, identity=site.identity)


def test_what_forbids_a_restore(make, tmp_path):
    site = make("3.7")
    name = made(site)["name"]
    site.carry(name)

    def problems(identity=site.identity, **options):
        return Restore(site.target, name, identity=identity, **options).plan("new")["problems"]

    assert problems() == []
    assert problems(None) == [
        "the backup is encrypted: give the file with its private key as identity"
    ]
    other = tmp_path / "other.key"
    age.write_key(str(other))
    assert "was encrypted for another key" in problems(str(other))[0]
    other.chmod(0o644)
    with pytest.raises(HostError, match="chmod 0600"):
        problems(str(other))
    manifest = folder(site.new) / name / "manifest.json"
    said = json.loads(manifest.read_text())
    for change, says in (
        ({"release": "3.6.1"}, "is of MAAS 3.6.1, and this host has 3.7"),
        ({"release": "3.7.99"}, r"install 3.7 \(3.7.99 or a later one"),
        ({"kind": "snap"}, "is of a snap, and MAAS is here as a deb"),
        ({"postgresql": 99, "pg_dump": 99}, "is of PostgreSQL 99, and the server here is of 1"),
    ):
        manifest.write_text(json.dumps({**said, **change}))
        with pytest.raises(HostError, match=f"Nothing was changed: .*{says}"):
            Restore(site.target, name, identity=site.identity).run("new")
    manifest.write_text(json.dumps(said))
    database = site.database(site.target)["name"]
    site.postgres.execute(
        database,
        "INSERT INTO auth_user (username, email) VALUES ('a', 'a@example.com'), ('MAAS', NULL)",
    )
    assert problems() == []  # the one whom the installation makes
    site.postgres.execute(
        database,
        "INSERT INTO auth_user (username, email) VALUES ('b', 'b@example.com')",
        "CREATE TABLE maasserver_node (id serial, node_type integer)",
        "INSERT INTO maasserver_node (node_type) VALUES (0), (0), (3)",
    )
    assert problems() == [
        "the region here holds 2 users, 2 machines and devices: say force=true to replace it"
    ]
    assert problems(force=True) == []


def test_backups_are_private_kept_and_listed(make):
    site = make("1.9")
    before = os.umask(0)
    try:
        names = [made(site, keep=3)["name"] for _ in range(3)]
    finally:
        os.umask(before)
    for path in [folder(site.old), *folder(site.old).rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    listed = backup.listing(site.installation)
    assert [one["name"] for one in listed] == names[::-1]
    assert all(one["encrypted"] and one["problem"] is None for one in listed)
    assert backup.verify(site.installation, identity=site.identity)["name"] == names[-1]
    assert made(site, keep=3)["deleted"] == names[:1]
    assert backup.last(site.installation)["name"] == backup.listing(site.installation)[0]["name"]
    # One that is damaged does not count, and the last good one stays.
    for one in backup.listing(site.installation)[:2]:
        damage(folder(site.old) / one["name"] / "database.dump.age", "bit")
    assert backup.prune(site.installation, keep=1, test=True) == []
    assert backup.prune(site.installation, keep=1) == []
    with pytest.raises(HostError, match="is damaged"):
        backup.verify(site.installation)
    made(site, keep=1, keys=[])
    assert len(backup.listing(site.installation)) == 1
    for wrong in (0, "3", True):
        with pytest.raises(BadInput, match=r"keep: .* must be a number from 1"):
            backup.create(site.installation, "old", keep=wrong)
    with pytest.raises(MaasError, match="key: must be a public key"):
        backup.create(site.installation, "old", keys=[site.private])


def test_the_module_and_the_doctor_know_the_last_one(make):
    site = make("3.7")
    options = {"maas.root": site.old.root, "id": "region"}
    module = load("_modules/maas_backup.py", opts=options)
    assert module.age_of_last() == {"name": None, "folder": None, "seconds": None}
    assert module.list_() == []
    planned = module.create(key=site.public, test=True)
    done = module.create(key=site.public)
    assert {**done, "name": None, "size": None} == planned
    assert "images are not in the backup" in done["warnings"][0]
    assert module.age_of_last()["name"] == done["name"] == module.list_()[0]["name"]
    assert module.verify(identity=site.identity)["release"].startswith("3.7")
    assert module.prune(keep=1) == {"deleted": []}

    def found():
        examined = region_checks.examine(site.installation)["findings"]
        return next((one for one in examined if one["check"] == "backup"), None)

    assert found()["status"] == "ok"
    last = Path(site.old.root, "var/lib/saltext-maas/backup.last")
    last.write_text(json.dumps({**json.loads(last.read_text()), "made": 1.0}))
    assert found()["status"] == "warning"
    last.unlink()
    assert found() is None
    options.update({"maas.root": site.new.root, "postgres.user": site.postgres.user})
    site.carry(done["name"])
    planned = module.restore(identity=site.identity, test=True)
    assert module.restore(identity=site.identity, wait=20) == planned


def test_a_folder_in_which_others_write_is_refused(make):
    site = make("1.9")
    name = made(site)["name"]
    site.carry(name)
    for path in (folder(site.new) / name, folder(site.new)):
        path.chmod(0o770)
        with pytest.raises(HostError, match="Others than root may write to"):
            Restore(site.target, name, identity=site.identity)
        path.chmod(0o700)
    folder(site.old).chmod(0o777)
    with pytest.raises(HostError, match="Others than root may write to"):
        backup.create(site.installation, "old")
    assert backup.names(site.installation) == [name]


def test_vault_is_named_with_what_is_to_be_saved_there(make):
    site = make("3.7")
    config = Path(site.installation.path("region_config"))
    with config.open("a") as stream:
        stream.write(
            "vault_url: http://vault.example.com:8200\nvault_secrets_path: maas/region\n"
            "vault_approle_id: a\nvault_secret_id: b\n"
        )
    done = made(site)
    (remark,) = [one for one in done["warnings"] if "Vault" in one]
    assert "secret/maas/region of http://vault.example.com:8200" in remark
    site.carry(done["name"])
    warnings = Restore(site.target, identity=site.identity).plan("new")["warnings"]
    assert any("bring back those of the same time" in one for one in warnings)


@pytest.mark.life
def test_size_takes_no_memory(make):
    site = make("3.7")
    with open(os.path.join(site.installation.path("images"), "large"), "wb") as stream:
        stream.truncate(110 * 1024 * 1024)
    tracemalloc.start()
    name = made(site)["name"]
    site.carry(name)
    Restore(site.target, identity=site.identity).run("new", wait=20)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 80 * 1024 * 1024  # of which 64 are for reading a file of any size
    assert os.path.getsize(os.path.join(site.target.path("images"), "large")) == 110 * 1024 * 1024


def test_passwords_and_keys_are_shown_nowhere(make, capfd, caplog):
    site = make("3.7")
    done = made(site)
    site.carry(done["name"])
    result = Restore(site.target, identity=site.identity).run("new", wait=20)
    seen = called(site.old) + called(site.new) + repr(done) + repr(result) + caplog.text
    seen += "".join(capfd.readouterr()) + site.fleet.argv_text()
    seen += (folder(site.old) / done["name"] / "manifest.json").read_text()
    assert "PGPASSFILE=" in seen
    for secret in (PASSWORD, OTHER, site.private, site.fleet.region.secret):
        assert secret not in seen
    stored = b"".join(one.read_bytes() for one in folder(site.old).rglob("*.age"))
    for secret in (PASSWORD, site.fleet.region.secret):
        assert secret.encode() not in stored
    for box in (site.old, site.new):
        assert litter(box) == []


def test_a_region_without_rights_is_loaded_with_salts_own_login(make):
    site = make("3.7", role=True)
    name = made(site)["name"]
    site.carry(name)
    with pytest.raises(HostError, match=r"psql failed|may not create a database"):
        Restore(site.target, name, identity=site.identity).run("new", wait=20)
    login = {"user": site.postgres.user, "host": site.postgres.host, "pass": "x"}
    restore = Restore(site.target, name, identity=site.identity, login=login)
    assert restore.plan("new")["problems"] == []
    restore.run("new", wait=20)
    role = site.database(site.target)["user"]
    assert owners(site.postgres, site.database(site.target)["name"]) == {role}


def litter(box):
    """What must not be left on a host after the end."""
    return [
        str(path) for path in Path(box.root).rglob("*")
        if path.suffix == ".partial"
        or (".saltext-maas." in path.name and path.suffix != ".bak")
        or (path.parent.name == "saltext-maas" and path.suffix not in (".lock", ".last"))
    ]  # fmt: skip


def databases(site):
    found = site.postgres.execute("postgres", "SELECT datname FROM pg_database")
    return {name for (name,) in found if name.endswith(("_restoring", "_replaced"))}


def killed(work, point):
    """Whether work in a child was killed; it must not fail."""
    ended = forked(lambda: (die_at(point), work(), {"ended": True})[2])
    assert ended in (None, {"ended": True}), ended
    return ended is None


@pytest.mark.life
@pytest.mark.parametrize("step", [97, 4], ids=["few", "many"])
def test_a_restore_that_is_killed_anywhere_is_completed_or_put_back(make, step, monkeypatch):
    site = make("3.7")
    site.carry(made(site)["name"])
    database = site.database(site.target)["name"]
    config = Path(site.target.path("region_config"))

    def restore():
        return Restore(site.target, identity=site.identity, force=True).run("new", wait=20)

    def marked():
        found = site.postgres.execute(database, "SELECT 1 FROM auth_user WHERE username = 'mark'")
        return bool(found)

    def silent(*_, **__):
        raise HostError("It does not answer.")

    restore()
    complete, text = site.rows(site.target), config.read_text()
    kills = 0
    for point in range(0, 1000, step):
        site.postgres.execute(database, "INSERT INTO auth_user (username) VALUES ('mark')")
        config.write_text(f"{text}num_workers: 3\n")
        if not killed(restore, point):
            break
        kills += 1
        if kills % 3 == 0:  # the next run fails: all is as it was at first
            journal = Path(site.new.root, "var/lib/saltext-maas/restore/journal.json")
            before = not marked() and not journal.exists()  # the end had come
            with monkeypatch.context() as patch:
                patch.setattr("saltext.maas.host.restore.reach.wait_for_api", silent)
                with pytest.raises(HostError, match=r"does not answer. Files"):
                    restore()
            assert marked() is not before, point
            assert ("num_workers" in config.read_text()) is not before, point
            assert all(site.new.service(name)["running"] for name in site.new.service_names())
            assert databases(site) == set()
        restore()
        assert site.rows(site.target) == complete, point
        assert config.read_text() == text
        assert databases(site) == set()
        assert litter(site.new) == []
    assert kills >= 200 // step, kills


@pytest.mark.parametrize("step", STEPS)
def test_a_backup_that_is_killed_anywhere_is_none(make, step):
    site = make("3.7")

    def create():
        backup.create(site.installation, "old", keys=[site.public], images=True, stop=True, keep=1)

    create()
    good, kills = backup.names(site.installation), 0
    for point in range(0, 1000, step):
        ended = not killed(create, point)
        now = backup.names(site.installation)
        assert now
        assert set(now) <= {*good} or len(now) <= 2
        for name in now:
            assert backup.verify(site.installation, name, identity=site.identity)
        if ended:
            break
        kills += 1
        if kills % 5 == 0:
            create()
            assert all(site.old.service(name)["running"] for name in ("maas-regiond",))
            assert litter(site.old) == []
            good = backup.names(site.installation)
            assert len(good) == 1
    assert kills > 20 // step, kills


def test_a_restore_that_fails_is_put_back(make, monkeypatch):
    site = make("3.7")
    site.carry(made(site)["name"])
    before = site.rows(site.target), Path(site.target.path("region_config")).read_text()
    Path(site.target.path("secret")).unlink(missing_ok=True)

    def silent(*_, **__):
        raise HostError("It does not answer.")

    for where in ("postgres_tools.load", "migration.migrate", "reach.wait_for_api"):
        with monkeypatch.context() as patch:
            patch.setattr(f"saltext.maas.host.restore.{where}", silent)
            with pytest.raises(HostError, match=r"It does not answer. Files, debconf and services"):
                Restore(site.target, identity=site.identity).run("new")
        after = site.rows(site.target), Path(site.target.path("region_config")).read_text()
        assert after == before
        assert databases(site) == set()
        assert litter(site.new) == []
        assert not Path(site.target.path("maas_id")).exists()
        assert site.new.service("maas-regiond")["running"]
