"""The doctor on sandbox hosts: each sickness is found, named, and given its remedy."""

from __future__ import annotations

import contextlib
import email.utils
import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from maas_emulator.hosts import sandbox
from saltext.maas import doctor
from saltext.maas.doctor import checks, region_checks
from saltext.maas.errors import BadInput
from saltext.maas.host import cluster_config, consistency, database, debconf, shared_secret
from saltext.maas.host.installation import Installation, detect
from saltext.maas.release import Release
from support.fleet import Fleet, lone

RELEASES = ["1.5", "1.9", "2.3", "3.7"]


def by_check(report):
    return {one["check"]: one for one in report["findings"]}


@pytest.fixture(params=RELEASES)
def fleet(request, tmp_path):
    with Fleet(request.param, tmp_path / "hosts") as fleet:
        yield fleet


@contextlib.contextmanager
def serving(answers, ahead=0.0):
    """A server on loopback that answers JSON by path, with a clock of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path)
            self.send_response_only(200 if body is not None else 404)
            self.send_header("Date", email.utils.formatdate(time.time() + ahead, usegmt=True))
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/MAAS"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_cluster_in_order(fleet):
    _, installation = fleet.add("c1")
    secret = fleet.region.secret if installation.release >= "1.7" else None
    cluster_config.configure(installation, url=fleet.url, secret=secret)
    found = by_check(doctor.examine_cluster(installation, url=fleet.url))
    assert found["region URL"]["status"] == "ok"
    assert found["clock"]["status"] == "ok"
    assert found["region URL in all places"]["status"] == "ok"
    assert (found["shared secret"]["status"] if secret else "ok") == "ok"
    assert fleet.region.secret not in repr(found)


def test_a_cluster_that_knows_no_region(fleet):
    _, installation = fleet.add("c1")
    report = doctor.examine_cluster(installation, url="http://region.example.com/MAAS")
    found = by_check(report)
    assert report["healthy"] is False
    assert report["problems"] == sum(
        one["status"] == "problem" for one in report["findings"]
    )  # fmt: skip
    # Up to 1.8 the package's file names localhost; later it is empty.
    result = "the pillar says http://region.example"
    result = "No region URL is configured" if installation.release >= "1.9" else result
    assert result in found["region URL in all places"]["found"]
    if installation.release >= "1.7":
        assert found["shared secret"]["status"] == "problem"
        assert "missing" in found["shared secret"]["found"]
    for one in report["findings"]:
        assert bool(one["remedy"]) or one["status"] in ("ok", "unknown"), one


def test_a_url_that_only_debconf_has_otherwise(fleet):
    _, installation = fleet.add("c1")
    cluster_config.configure(installation, url=fleet.url)
    package = installation.fact("cluster_packages")[0]
    question = installation.fact("cluster_url_question")
    debconf.set_answer(installation, package, question, "string", "http://old.example.com/MAAS")
    found = by_check(doctor.examine_cluster(installation))["region URL in all places"]
    assert found["status"] == "problem"
    assert f"{question} says http://old.example.com/MAAS" in found["found"]


def test_a_secret_that_others_may_read(tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        _, installation = fleet.add("c1")
        cluster_config.configure(installation, url=fleet.url, secret=fleet.region.secret)
        os.chmod(installation.path("secret"), 0o644)
        found = by_check(doctor.examine_cluster(installation))["shared secret"]
    assert found["status"] == "problem"
    assert "0644 instead of 0640" in found["found"]
    assert "chmod 0640" in found["remedy"]


@pytest.mark.parametrize(
    ("ahead", "status"), [(-400, "problem"), (-60, "warning"), (0, "ok"), (500, "problem")]
)
def test_clocks(ahead, status, tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        _, installation = fleet.add("c1")
        with serving({"/MAAS/api/2.0/version/": {}}, ahead) as url:
            answers, clock = checks.region_url(installation, url)
    assert (answers.status, clock.status) == ("ok", status)
    if status != "ok":
        assert ("behind" if ahead > 0 else "ahead of") in clock.found


def test_rpc_ports():
    with socket.create_server(("127.0.0.1", 0)) as open_door:
        there = open_door.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as other:
            gone = other.getsockname()[1]
        loops = {"region:pid=1": [["127.0.0.1", there]], "region:pid=2": [["127.0.0.1", gone]]}
        with serving({"/MAAS/rpc/": {"eventloops": loops}}) as url:
            assert checks.connections(url)[0].found == "1 of 2 can be reached."
        with serving({"/MAAS/rpc/": {"eventloops": {"a": [["127.0.0.1", gone]]}}}) as url:
            assert checks.connections(url)[0].status == "problem"
    with serving({"/MAAS/rpc/": {"eventloops": {}}}) as url:
        assert "no event loop" in checks.connections(url)[0].found
    for nonsense in ({"eventloops": 7}, [], {"eventloops": {"a": [["h", "x"]]}}):
        with serving({"/MAAS/rpc/": nonsense}) as url:
            assert checks.connections(url)[0].status == "unknown"
    assert checks.connections(f"http://127.0.0.1:{gone}/MAAS")[0].status == "unknown"


def test_names():
    assert checks.name_resolution("http://no-such-host.invalid/MAAS", False)[0].status == "problem"
    assert checks.name_resolution("http://localhost/MAAS", False)[0].status == "problem"
    assert checks.name_resolution("http://localhost/MAAS", True)[0].status == "warning"
    assert checks.name_resolution("http://192.0.2.1/MAAS", False)[0].status == "ok"


def test_arguments_are_checked_before_anything_is_sent(tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        _, installation = fleet.add("c1")
        with pytest.raises(BadInput) as error:
            doctor.examine_cluster(installation, addresses=["nonsense"], seconds=0)
    assert error.value.problems == [
        "addresses: 'nonsense' is no IPv4 address",
        "seconds: 0 is not a number above 0, up to 60",
    ]


def test_an_interface_that_is_not_there(tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        _, installation = fleet.add("c1")
        with pytest.raises(Exception, match="no network interface nic99"):
            doctor.examine_cluster(installation, interfaces=["nic99"])


# The region


@pytest.mark.parametrize("release", RELEASES)
def test_a_region_without_database_or_api(release, tmp_path):
    with Fleet(release, tmp_path / "hosts") as fleet:
        _, installation = fleet.add("region", "region", url="http://127.0.0.1:9/MAAS")
        report = doctor.examine_region(installation, url="http://maas.example.com/MAAS")
    found = by_check(report)
    assert not report["healthy"]
    assert "does not answer at http://127.0.0.1:9/MAAS" in found["region URL"]["found"]
    assert found["database"]["status"] == "problem"
    assert "pg_hba.conf" in found["database"]["remedy"]
    assert "the pillar says http://maas.example.com" in found["url in all places"]["found"]


@pytest.mark.postgres
@pytest.mark.parametrize("release", ["1.7", "3.2", "3.7"])
def test_a_region_database(release, tmp_path, postgres):
    uri = postgres.create(f"doctor_{release.replace('.', '_')}")
    other = "ab" * 16
    with Fleet(release, tmp_path / "hosts") as fleet:
        _, installation = fleet.add("region", "region", database=uri)
        with database.connection(installation, write=True) as conn, conn.cursor() as cursor:
            if release == "3.7":
                cursor.execute("CREATE TABLE maasserver_secret (path text, value jsonb)")
                cursor.execute(
                    "INSERT INTO maasserver_secret VALUES ('global/rpc-shared', %s)",
                    [json.dumps({"secret": other})],
                )
            else:
                cursor.execute("CREATE TABLE maasserver_config (name text, value text)")
                cursor.execute(
                    "INSERT INTO maasserver_config VALUES ('rpc_shared_secret', %s)",
                    [json.dumps(other)],
                )
            conn.commit()
        secret_file = Path(installation.path("secret"))
        secret_file.parent.mkdir(parents=True, exist_ok=True)
        secret_file.write_text("cd" * 16)
        secret_file.chmod(0o640)
        found = by_check(doctor.examine_region(installation))
        assert "PostgreSQL" in found["database"]["found"]
        assert found["database's clock"]["status"] == "ok"
        mismatch = found["shared_secret in all places"]
        assert mismatch["status"] == "problem"
        assert "is not the one in the database" in mismatch["found"]
        assert other not in repr(found)
        assert "cd" * 16 not in repr(found)
        secret_file.write_text(other)
        assert shared_secret.read(detect(installation.root)) == other
        found = by_check(doctor.examine_region(installation))
        assert "shared_secret in all places" not in found


@pytest.mark.parametrize(
    ("release", "number", "status"),
    [
        ("1.5", 90100, "ok"), ("1.5", 80400, "problem"), ("3.1", 90500, "ok"),
        ("3.2", 110000, "problem"),
        ("3.3", 110000, "problem"), ("3.3", 120010, "warning"), ("3.5", 140000, "ok"),
        ("3.7", 140000, "warning"), ("3.7", 160001, "ok"),
        ("3.8", 130022, "problem"), ("3.8", 150000, "warning"), ("3.8", 160001, "ok"),
    ],
)  # fmt: skip
def test_versions_of_postgresql(release, number, status):
    installation = Installation(Release(release), "deb", frozenset({"region"}))
    server = SimpleNamespace(server_version=number)
    (finding,) = region_checks._version(installation, database.version(server))
    assert finding.status == status
    assert bool(database.too_old(server, installation)) is (status == "problem")


@pytest.mark.parametrize("release", ["1.7", "3.7"])
def test_what_crosses_a_network_unencrypted_is_reported_once(release, tmp_path):
    box, installation = lone(tmp_path, release, "region", url="http://192.0.2.10:5240/MAAS")
    (found,) = consistency.unencrypted(installation, "http://region.example.com/MAAS")
    assert found["status"] == "warning"
    assert len(found["places"]) == 2
    assert "maas:api:ca_file" in found["remedy"]
    (finding,) = region_checks._encryption(installation, None)
    assert finding.status == "warning"
    for url in ("https://192.0.2.10:5443/MAAS", "http://127.0.0.1:5240/MAAS"):
        box = sandbox.create(tmp_path / url[-10:-5], release, "region", url=url)
        assert consistency.unencrypted(detect(box.root)) == []
