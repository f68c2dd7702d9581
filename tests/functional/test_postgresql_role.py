"""The password of a role of a real PostgreSQL."""

from __future__ import annotations

import secrets
import shutil

import pytest
from saltext.maas.errors import BadInput
from saltext.maas.host import postgresql
from saltext.maas.host.errors import HostError
from saltext.maas.host.postgresql import Server, set_password

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not shutil.which("psql"), reason="needs the command psql"),
]
PASSWORDS = ("pw-Ünlikely'9\"$x", "other \\ pw")


@pytest.fixture
def server(postgres):
    return Server(None, postgres.host, postgres.port, postgres.user)


@pytest.fixture
def role(postgres):
    name = f'odd "role" {secrets.token_hex(4)}'
    quoted = name.replace('"', '""')
    postgres.execute("postgres", f'CREATE ROLE "{quoted}" LOGIN')
    yield name
    postgres.execute("postgres", f'DROP ROLE "{quoted}"')


def stored(postgres, role):
    query = f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'"
    [[found]] = postgres.execute("postgres", query)
    return found


@pytest.mark.parametrize("way", ["scram-sha-256", "md5"])
def test_set_and_kept(postgres, server, role, way):
    postgres.execute("postgres", f"ALTER ROLE {postgres.user} SET password_encryption = '{way}'")
    try:
        for password in PASSWORDS:
            planned = set_password(server, role, password, test=True)
            done = set_password(server, role, password)
            assert done["changes"] == planned["changes"]
            assert password not in str(done)
            assert set_password(server, role, password)["changes"] == {}
        ours = stored(postgres, role)
        assert ours.startswith(way[:3].upper() if way != "md5" else "md5")
        # What the server makes of it itself is the same to us.
        quoted, text = role.replace('"', '""'), PASSWORDS[0].replace("'", "''")
        postgres.execute("postgres", f"ALTER ROLE \"{quoted}\" PASSWORD '{text}'")
        assert stored(postgres, role) != ours
        assert set_password(server, role, PASSWORDS[0])["changes"] == {}
    finally:
        postgres.execute("postgres", f"ALTER ROLE {postgres.user} RESET password_encryption")


def test_what_is_refused(server, role):
    with pytest.raises(BadInput, match="PostgreSQL has no role 'nobody'"):
        set_password(server, "nobody", "x")
    with pytest.raises(BadInput, match="password: is missing"):
        set_password(server, role, "")
    with pytest.raises(HostError, match="refused the superuser's request") as caught:
        set_password(server._replace(user="nobody"), role, PASSWORDS[0])
    assert PASSWORDS[0] not in str(caught.value)


def test_no_argument_is_secret(server, role, monkeypatch):
    seen = []
    run = postgresql.Installation.run
    monkeypatch.setattr(
        postgresql.Installation, "run",
        lambda self, argv, **more: seen.append(argv) or run(self, argv, **more),
    )  # fmt: skip
    set_password(server, role, PASSWORDS[0])
    assert len(seen) == 3
    assert not [word for argv in seen for word in argv if "SCRAM" in word or "md5" in word]
