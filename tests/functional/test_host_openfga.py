"""A region's host of 3.8: maas-openfga, and what it and ``dbupgrade`` want of PostgreSQL."""

from __future__ import annotations

import os

import pytest
from maas_emulator.hosts import openfga as played
from saltext.maas import doctor
from saltext.maas.host import layouts, openfga, region_config, region_host, snap
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from support.fleet import Fleet, lone, wait_for

pytestmark = pytest.mark.usefixtures("fast")


@pytest.fixture(params=["deb", "snap"])
def fleet(request, tmp_path):
    with Fleet("3.8", tmp_path / "hosts") as fleet:
        fleet.kind = request.param
        yield fleet


def other(fleet):
    return fleet.url.replace("127.0.0.1", "localhost")


def permissions(installation):
    report = doctor.examine_region(installation)
    return [one for one in report["findings"] if one["check"] == "permissions"]


def test_it_restarts_with_the_region_and_is_waited_for(fleet, commands, monkeypatch):
    box, installation = fleet.add("region", "region", kind=fleet.kind)
    wait_for(lambda: openfga.failure(installation) is None)
    (finding,) = permissions(installation)
    assert finding["status"] == "ok"
    done = region_config.configure(installation, url=other(fleet), wait=10)
    service = "maas-openfga" if fleet.kind == "deb" else "maas"
    assert service in done["restarted"]
    assert "maas-openfga" not in repr(done["warnings"])
    assert openfga.failure(installation) is None
    # It ends again and again, as without its database: MAAS would refuse most requests.
    monkeypatch.setattr(played.Daemon, "_logs_in", lambda self: False)
    before = box.read("region_config")
    with pytest.raises(HostError, match=r"waiting for maas-openfga: .*were restored"):
        region_config.configure(installation, url=fleet.url, wait=2)
    assert box.read("region_config") == before
    (finding,) = permissions(installation)
    assert finding["status"] == "problem"
    assert "openfga-http.sock: No such file" in finding["found"]


def test_it_restarts_with_what_it_reads_of_the_database(fleet, postgres):
    box, installation = fleet.add("region", "region", kind=fleet.kind, url=fleet.url)
    want = {"database_password": "pw-unlikely9"}
    with postgres.database() as there:
        want.update({f"database_{key}": there[key] for key in ("host", "name", "user")})
        done = region_config.configure(installation, wait=10, **want)
    # The database is new, so that the region makes its tables in it.
    assert {*want, "database_tables"} == done["changes"].keys()
    read = box.peek("openfga")
    assert {key: read[key] for key in ("host", "name", "user", "pass")} == {
        "host": there["host"], "name": there["name"], "user": there["user"],
        "pass": "pw-unlikely9",
    }  # fmt: skip
    assert (
        read["starts"] == box.service("maas" if fleet.kind == "snap" else "maas-openfga")["starts"]
    )
    assert region_config.configure(installation, **want)["restarted"] == []
    assert "pw-unlikely9" not in fleet.argv_text() + repr(done)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"database_port": 5433}, "does not read database_port (5433)"),
        ({"database_password": "p@ss/word"}, "put database_password into a URL unquoted"),
    ],
    ids=["port", "password"],
)
def test_what_it_cannot_read_is_a_warning(tmp_path, commands, settings, text):
    _, installation = lone(tmp_path, "3.8", "region")
    want = {"url": "http://192.0.2.7:5240/MAAS", **settings}
    planned = region_config.configure(installation, test=True, verify=False, **want)
    done = region_config.configure(installation, verify=False, **want)
    assert done["changes"] == planned["changes"]
    (warning,) = done["warnings"]
    assert text in warning
    assert planned["warnings"] == [warning]
    assert "p@ss" not in repr(done)
    # A run that changes nothing says so as well, and the doctor does.
    assert region_config.configure(installation, verify=False)["warnings"] == [warning]
    (finding,) = permissions(installation)
    assert text in finding["remedy"]


def test_vault_is_a_warning(tmp_path):
    _, installation = lone(tmp_path, "3.8", "region", kind="snap", configured=False)
    vault = {"url": "http://192.0.2.8:8200", "approle_id": "a", "secrets_path": "maas"}
    settings = {
        "url": "http://192.0.2.7:5240/MAAS", "database_host": "127.0.0.1",
        "database_port": 5432, "database_name": "maasdb", "database_user": "maas",
        "database_password": "x",
    }  # fmt: skip
    # The database is tried; without one nothing else is planned.
    with pytest.raises(HostError, match="Nothing was changed: No connection"):
        region_host.configure(installation, {**settings, "database_port": 9}, test=True)
    older = detect(lone(tmp_path / "old", "3.7", "region")[0].root)
    assert openfga.obstacles(older, {"database_port": 1}, in_vault=True) == []
    _, installation = lone(tmp_path / "new", "3.8", "region")
    vault["wrapped_token"] = "t"
    done = region_host.configure(installation, {}, vault_desired=vault, test=True)
    (warning,) = done["warnings"]
    assert "does not read Vault" in warning


def test_postgresql_is_refused_before_the_first_configuration(tmp_path, postgres, monkeypatch):
    with postgres.database() as there:
        role = f"{there['name']}_role"
        postgres.execute("postgres", f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        try:
            _refused(tmp_path, postgres, monkeypatch, {**there, "user": role})
        finally:
            postgres.execute(there["name"], f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def _refused(tmp_path, postgres, monkeypatch, there):
    _, installation = lone(tmp_path, "3.8", "region", kind="snap", configured=False)
    want = {f"database_{key}": there[key] for key in ("host", "port", "name", "user")}
    want.update(url="http://192.0.2.7:5240/MAAS", database_password="x")
    with pytest.raises(HostError, match=r"may not create schemas .*GRANT CREATE ON DATABASE"):
        snap.initialise(installation, test=True, **want)
    postgres.execute("postgres", f"GRANT CREATE ON DATABASE {there['name']} TO {there['user']}")
    assert snap.initialise(installation, test=True, **want)["changes"]
    moved = "UPDATE pg_extension SET extnamespace = '{}'::regnamespace WHERE extname = 'pgcrypto'"
    postgres.execute(there["name"], "CREATE SCHEMA elsewhere", moved.format("elsewhere"))
    with pytest.raises(HostError, match="ALTER EXTENSION pgcrypto SET SCHEMA public"):
        snap.initialise(installation, test=True, **want)
    postgres.execute(there["name"], moved.format("public"))
    monkeypatch.setitem(layouts.SNAP, "postgresql_oldest", (("1.5", 99),))
    with pytest.raises(HostError, match=r"is too old: MAAS 3.8.* needs 99 or later"):
        snap.initialise(installation, test=True, **want)
    assert not os.path.exists(installation.path("region_config"))
