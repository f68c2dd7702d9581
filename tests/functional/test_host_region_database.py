"""What a region keeps in PostgreSQL and Vault: its shared secret, TLS, who is connected."""

from __future__ import annotations

import datetime
import json
import os
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from maas_emulator.hosts import sandbox
from saltext.maas.host import consistency, reach, region_config, shared_secret, tls, vault
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import detect
from support.vault import Vault

SECRET, OTHER = "c0ffee" * 5, "decade" * 5
_CONFIG = """CREATE TABLE maasserver_config (id serial PRIMARY KEY,
    name varchar(255) NOT NULL UNIQUE, value {})"""
_SECRET = "CREATE TABLE maasserver_secret (path text PRIMARY KEY, value jsonb NOT NULL)"
_VAULT = "CREATE TABLE maasserver_vaultsecret (path text PRIMARY KEY, deleted boolean NOT NULL)"
_NODE = "CREATE TABLE maasserver_node (id serial PRIMARY KEY, hostname varchar(255))"
_RPC = """CREATE TABLE maasserver_regionrackrpcconnection (id serial PRIMARY KEY,
    created timestamptz NOT NULL DEFAULT clock_timestamp(), rack_controller_id integer NOT NULL)"""


pytestmark = pytest.mark.usefixtures("fast")


@pytest.fixture
def make(postgres, tmp_path):
    """Make a region's host with a database of its release; returns box, installation and SQL."""
    opened = []

    def start(release, kind="deb"):
        context = postgres.database()
        there = context.__enter__()
        opened.append(context)
        tables = [_CONFIG.format("jsonb" if release == "3.7" else "text")]
        if release >= "2.0":
            tables += [_NODE, _RPC]
        if release >= "3.3":
            tables += [_SECRET, _VAULT]
        postgres.execute(there["name"], *tables)
        box = sandbox.create(
            tmp_path / "region", release, "region", kind=kind, database={**there, "password": "x"}
        )
        installation = detect(box.root)
        if installation.has("secret"):
            os.makedirs(os.path.dirname(installation.path("secret")), exist_ok=True)
        return box, installation, lambda *statements: postgres.execute(there["name"], *statements)

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def store(sql, release, value):
    """Put the shared secret where this release's region puts it."""
    if release >= "3.3":
        text = json.dumps({"secret": value})
        sql(f"INSERT INTO maasserver_secret VALUES ('global/rpc-shared', '{text}')")
    else:
        row = f"('rpc_shared_secret', '{json.dumps(value)}')"
        sql(f"INSERT INTO maasserver_config (name, value) VALUES {row}")


class TestSecret:
    @pytest.mark.parametrize("release", ["1.7", "1.10", "2.9", "3.2", "3.4", "3.7"])
    def test_where_it_stands(self, make, release):
        box, installation, sql = make(release)
        result = shared_secret.status(installation)
        assert (result["installed"], result["agree"], result["problems"]) == (False, None, [])
        assert shared_secret.of_region(installation) is None
        store(sql, release, SECRET)
        result = shared_secret.status(installation)
        assert result["places"] == {"file": False, "database": True}
        assert shared_secret.of_region(installation) == SECRET
        box.write("secret", SECRET, 0o640, "maas:maas")
        result = shared_secret.status(installation)
        assert (result["agree"], result["mode"], result["problems"]) == (True, "0640", [])
        assert result["leading"] == ("database" if release >= "3.3" else "file")
        assert shared_secret.of_region(installation) == SECRET
        assert consistency.check(installation) == []

    @pytest.mark.parametrize("release", ["1.7", "2.9", "3.2", "3.4", "3.7"])
    def test_a_difference_is_reported_with_what_follows(self, make, release):
        box, installation, sql = make(release)
        store(sql, release, SECRET)
        box.write("secret", OTHER, 0o640, "maas:maas")
        result = shared_secret.status(installation)
        assert result["agree"] is False
        (problem,) = result["problems"]
        if release >= "3.3":
            assert "takes precedence" in problem["consequence"]
            assert shared_secret.of_region(installation) == SECRET
        else:
            assert "does not start" in problem["consequence"]
            with pytest.raises(HostError, match="not the one in the database") as error:
                shared_secret.of_region(installation)
            assert SECRET not in str(error.value)
        found = consistency.check(installation)
        assert [one["setting"] for one in found] == ["shared_secret"]
        assert SECRET not in repr([result, found])
        assert OTHER not in repr([result, found])

    def test_a_file_that_everyone_may_read_is_reported(self, make):
        box, installation, _ = make("3.4")
        box.write("secret", SECRET, 0o644)
        (problem,) = shared_secret.status(installation)["problems"]
        assert problem["remedy"] == "chmod 0640 /var/lib/maas/secret"

    def test_before_1_7_there_is_none(self, make):
        _, installation, _ = make("1.6")
        with pytest.raises(HostError, match=r"MAAS 1\.6.* has no file for secret"):
            shared_secret.status(installation)


class TestVault:
    @pytest.mark.parametrize("kind", ["deb", "snap"])
    def test_configured_migrated_and_read(self, make, kind):
        box, installation, sql = make("3.7", kind)
        store(sql, "3.7", SECRET)
        with Vault() as there:
            want = {"url": there.url, "approle_id": "role-1", "secrets_path": "maas"}
            with pytest.raises(HostError, match="wrapped_token is needed"):
                vault.configure(installation, **want)
            more = {**want, "wrapped_token": "wrapped-unlikely-1", "migrate": True}
            planned = vault.configure(installation, test=True, **more)
            assert vault.config(installation) is None
            done = vault.configure(installation, **more)
            assert done["changes"] == planned["changes"]
            assert done["changes"]["vault_enabled"] == {"old": False, "new": True}
            assert vault.config(installation) == {**want, "secrets_mount": "secret"}
            assert vault.configure(installation, **want, migrate=True)["changes"] == {}
            assert vault.status(installation)["status"] == "enabled"
            # the secret is where it was moved to
            assert there.secrets == {"maas/global/rpc-shared": {"secret": SECRET}}
            assert shared_secret.of_region(installation) == SECRET
            assert shared_secret.status(installation)["places"] == {"file": False, "vault": True}
            assert consistency.check(installation) == []
            # the region moves the database's login there as well
            box.write("maas_id", "abc123")
            there.secrets["maas/controller/abc123/database-creds"] = {
                "name": "moved", "user": "mover", "pass": "pw-unlikely"
            }  # fmt: skip
            text = "".join(
                line + "\n"
                for line in box.read("region_config").splitlines()
                if not line.startswith(("database_name", "database_user", "database_pass"))
            )
            box.write("region_config", text)
            result = region_config.read_config(installation, secrets=True)
            assert result["database"]["user"] == "mover"
            assert result["sources"]["database_user"] == "vault"
            done = region_config.configure(installation, verify=False, database_user="other")
            assert list(done["changes"]) == ["database_user"]
            assert "database_pass: pw-unlikely" in box.read("region_config")
        logged = json.dumps(box.argv_log())
        assert "unlikely" not in logged + repr(done)

    def test_a_token_that_vault_refuses_is_not_repeated(self, make):
        _, installation, _ = make("3.7")
        with Vault() as there, pytest.raises(HostError, match="configure failed") as message:
            vault.configure(installation, there.url, "role-1", "maas", wrapped_token="bad-unlikely")
        assert "bad-unlikely" not in str(message.value)
        assert vault.config(installation) is None

    def test_before_3_3_there_is_none(self, make):
        _, installation, _ = make("2.9")
        with pytest.raises(HostError, match=r"has no Vault integration; 3.3 and later"):
            vault.configure(installation, "http://127.0.0.1:1", "a", "b", wrapped_token="c")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A key and a certificate."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime(2020, 1, 1)
    cert = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(36500))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(pem, form, none))
    (folder / "cert.pem").write_bytes(cert.public_bytes(pem))
    return str(folder / "key.pem"), str(folder / "cert.pem")


class TestTls:
    @pytest.mark.parametrize(("kind", "release"), [("deb", "3.4"), ("snap", "3.7")])
    def test_on_and_off(self, make, pair, kind, release):
        box, installation, _ = make(release, kind)
        assert tls.status(installation) == {"enabled": False, "port": None, "certificate": None}
        planned = tls.enable(installation, *pair, test=True)
        done = tls.enable(installation, *pair)
        assert done["changes"] == planned["changes"]
        assert done["changes"]["tls"]["new"]["port"] == 5443
        assert tls.status(installation)["enabled"]
        assert tls.enable(installation, *pair)["changes"] == {}
        found = consistency.check(installation)  # the URL still says http
        assert [one["setting"] for one in found] == ["tls"]
        assert ":5443/MAAS" in found[0]["remedy"]
        assert tls.enable(installation, *pair, port=6443)["changes"]["tls"]["old"]["port"] == 5443
        assert consistency.config(installation)["tls"]["port"] == 6443
        assert tls.disable(installation)["changes"]["tls"]["new"] is None
        assert tls.disable(installation)["changes"] == {}
        assert consistency.check(installation) == []
        assert "PRIVATE" not in json.dumps(box.argv_log())

    def test_it_is_off_again_when_the_api_does_not_answer(self, make, pair):
        _, installation, _ = make("3.7")
        with pytest.raises(HostError, match=r"the API at .*TLS was switched off again"):
            tls.enable(installation, *pair, wait=0.1, url="https://127.0.0.1:9/MAAS")
        assert not tls.status(installation)["enabled"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"key": "/nowhere"}, "tls key: there is no file /nowhere"),
            ({"cert": "/etc/hostname"}, "tls cert: /etc/hostname holds no certificate"),
            ({"port": 70000}, "tls port must be a whole number from 1 to 65535"),
        ],
    )
    def test_bad_input(self, make, pair, change, message):
        _, installation, _ = make("3.7")
        with pytest.raises(HostError, match=message):
            tls.enable(installation, **{"key": pair[0], "cert": pair[1], **change})

    def test_before_3_2_there_is_none(self, make, pair):
        _, installation, _ = make("2.9")
        with pytest.raises(HostError, match=r"has no TLS of its own; 3.2 and later have"):
            tls.enable(installation, *pair)


def test_a_database_that_refuses_the_login_changes_nothing(make):
    box, installation, _ = make("3.7")
    before = box.read("region_config"), box.peek("services")
    for test in (True, False):
        with pytest.raises(
            HostError, match=r"Nothing was changed: No connection.*nobody"
        ) as message:
            region_config.configure(
                installation, test=test, database_user="nobody", database_password="pw-unlikely"
            )
        assert "pw-unlikely" not in str(message.value)
    assert (box.read("region_config"), box.peek("services")) == before


class TestRacksComeBack:
    @pytest.mark.parametrize("release", ["2.0", "3.7"])
    def test_they_are_waited_for(self, make, release):
        _, installation, sql = make(release)
        sql("INSERT INTO maasserver_node (hostname) VALUES ('rack1'), ('rack2')")
        sql("INSERT INTO maasserver_regionrackrpcconnection (rack_controller_id) VALUES (1), (2)")
        racks = reach.ConnectedRacks(installation)
        assert racks.names == ["rack1", "rack2"]

        def later():
            time.sleep(0.3)
            sql("INSERT INTO maasserver_regionrackrpcconnection (rack_controller_id) VALUES (2)")
            time.sleep(0.3)
            sql("INSERT INTO maasserver_regionrackrpcconnection (rack_controller_id) VALUES (1)")

        thread = threading.Thread(target=later)
        thread.start()
        assert racks.wait(20) == []
        thread.join()

    def test_one_that_does_not_is_named_and_nothing_is_put_back(self, make, monkeypatch):
        _, installation, sql = make("3.4")
        sql("INSERT INTO maasserver_node (hostname) VALUES ('rack1')")
        sql("INSERT INTO maasserver_regionrackrpcconnection (rack_controller_id) VALUES (1)")
        monkeypatch.setattr(reach, "wait_for_api", lambda *words: None)
        done = region_config.configure(installation, debug=True, wait=0.2)
        assert any(
            "timed out after 0.2 s waiting for racks to connect again: rack1" in text
            for text in done["warnings"]
        )
        assert region_config.read_config(installation)["debug"] is True
