"""The administrator of a region's host: made, kept, its password changed only when asked."""

from __future__ import annotations

import re

import pytest
from saltext.maas.host import admins, database, terminal, users
from saltext.maas.host.errors import HostError
from support.fleet import Fleet, with_database

EMAIL = "ops@example.com"


@pytest.mark.postgres
@pytest.mark.parametrize("release", ["1.5", "1.9", "2.9", "3.7"])
def test_made_kept_and_changed_when_asked(postgres, tmp_path, release):
    with with_database(postgres, release, tmp_path / "hosts") as (fleet, config):
        _, installation = fleet.add("region", "region", database=config)
        first = ("ops", EMAIL, "first-pw")
        planned = admins.present(installation, *first, test=True)
        assert admins.present(installation, *first) == planned
        assert admins.present(installation, *first) == {"changes": {}, "warnings": []}
        # another password is none of our business, unless it is asked for
        other = ("ops", EMAIL, "second-pw")
        assert admins.present(installation, *other)["changes"] == {}
        planned = admins.present(installation, *other, enforce_password=True, test=True)
        assert set(planned["changes"]) == {"password"}
        assert admins.present(installation, *other, enforce_password=True) == planned
        assert fleet.region.users["ops"].password == "second-pw"
        assert admins.present(installation, *other, enforce_password=True)["changes"] == {}
        # the rights are kept
        with (
            database.connection(installation, write=True) as conn,
            conn,
            conn.cursor() as cursor,
        ):
            cursor.execute("UPDATE auth_user SET is_superuser = false")
        planned = admins.present(installation, *other, test=True)
        assert planned["changes"] == {"is_superuser": {"old": False, "new": True}}
        assert admins.present(installation, *other) == planned
        assert admins.present(installation, *other)["changes"] == {}
        result = admins.present(installation, "ops", "new@example.com", "x")["warnings"]
        assert EMAIL in result[0]
        owner = {EMAIL: "ops"}.get
        with pytest.raises(HostError, match="the user ops's already"):
            admins.present(installation, "bob", EMAIL, "x", email_owner=owner, test=True)
        for secret in ("first-pw", "second-pw"):
            assert secret not in fleet.argv_text() + repr(planned)


@pytest.mark.postgres
def test_from_3_8_on_an_administrator_is_in_their_group(postgres, tmp_path):
    with with_database(postgres, "3.8", tmp_path / "hosts") as (fleet, config):
        _, installation = fleet.add("region", "region", database=config)
        admins.present(installation, "ops", EMAIL, "pw")
        made = """
            CREATE SCHEMA openfga;
            CREATE TABLE maasserver_usergroup (id bigserial PRIMARY KEY, name varchar(256));
            INSERT INTO maasserver_usergroup (name) VALUES ('Users'), ('Administrators');
            CREATE TABLE openfga.tuple (
                store text, object_type text, object_id text, relation text, _user text,
                user_type text NOT NULL, ulid text NOT NULL UNIQUE,
                inserted_at timestamptz NOT NULL,
                PRIMARY KEY (store, object_type, object_id, relation, _user));
            UPDATE auth_user SET is_superuser = false;
        """
        with database.connection(installation, write=True) as conn:
            with conn, conn.cursor() as cursor:
                cursor.execute(made)
            for _ in range(2):
                with conn, conn.cursor() as cursor:
                    cursor.execute("UPDATE auth_user SET is_superuser = false")
                assert admins.present(installation, "ops", EMAIL, "pw")["changes"]
                with conn, conn.cursor() as cursor:
                    cursor.execute("SELECT _user, object_type, object_id, relation, user_type, "
                                   "length(store), ulid FROM openfga.tuple")  # fmt: skip
                    ((*told, ulid),) = cursor.fetchall()
                    cursor.execute("SELECT id FROM auth_user WHERE username = 'ops'")
                    user = cursor.fetchone()[0]
                assert told == [f"user:{user}", "group", "2", "member", "user", 26]
                assert re.fullmatch("0[0-9A-HJKMNP-TV-Z]{25}", ulid)


def test_without_the_database_the_api_tells_the_rights(tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        _, installation = fleet.add("region", "region", url=fleet.url)
        users.create_admin(installation, "ops", "pw", EMAIL)
        assert admins.present(installation, "ops", EMAIL, "pw")["changes"] == {}
        with pytest.raises(HostError, match="known to the region's database only"):
            admins.present(installation, "ops", EMAIL, "pw", enforce_password=True)


def test_keys_are_named_by_fingerprint_renamed_and_deleted(tmp_path):
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        _, installation = fleet.add("region", "region", url=fleet.url)
        users.create_admin(installation, "ops", "pw", EMAIL)
        key = users.generate_api_key(installation, "ops", "one")["key"]
        mark = users.fingerprint(key)
        assert (
            users.find_key(installation, "ops", mark)
            == users.find_key(installation, "ops", "one")
            == key
        )
        assert users.rename_api_key(installation, "ops", mark, "two") is True
        assert users.rename_api_key(installation, "ops", "two", "two") is False
        assert (
            users.delete_api_key(installation, "ops", users.find_key(installation, "ops", "two"))
            is True
        )
        with pytest.raises(HostError, match="no key with the name or fingerprint 'two'"):
            users.find_key(installation, "ops", "two")
        assert key.split(":")[2] not in fleet.argv_text()


@pytest.mark.parametrize("encoded", ["", "!", "pbkdf2_sha256$x$s$h", "bcrypt$1$2$3"])
def test_what_is_no_password_fits_none(encoded):
    assert admins.password_fits(encoded, "pw") is False


def test_without_pexpect_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(terminal, "pexpect", None)
    with Fleet("3.7", tmp_path / "hosts") as fleet:
        _, installation = fleet.add("region", "region", url=fleet.url)
        with pytest.raises(HostError, match="createadmin needs the Python library pexpect"):
            users.create_admin(installation, "ops", "pw", EMAIL)
