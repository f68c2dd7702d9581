"""The password of a role of PostgreSQL, set on the server's host by its superuser."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import unicodedata
from typing import Any, NamedTuple

from saltext.maas.errors import BadInput
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.host.local_users import Account
from saltext.maas.redact import HIDDEN
from saltext.maas.release import Release

_SCRAM = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)")
_ROUNDS = 4096


class Server(NamedTuple):
    """How the superuser reaches the server.

    Attributes:
        account: Local user that ``psql`` runs as; the one that runs this by default.
        host: Host name, address or directory of a socket; the default socket where it is empty.
        port: Port.
        user: Role.
        folder: Folder of ``psql``, if it is in none of the usual ones.
    """

    account: Account | None = None
    host: str = ""
    port: str = ""
    user: str = ""
    folder: str = ""


def set_password(server: Server, role: str, password: str, test: bool = False) -> dict[str, Any]:
    """Give a role a password, unless it has it.

    The server gets no password but what it stores of it, by standard input: nobody sees it among
    arguments, and the server cannot log it.

    Args:
        server: How to reach the server.
        role: Name of the role.
        password: Its password.
        test: Only find out.

    Returns:
        ``{"changes", "warnings", "restarted"}``.

    Raises:
        BadInput: There is no such role, or the password is empty.
        HostError: ``psql`` is missing or failed.

    PostgreSQL 9.1 and later.
    """
    if not password:
        raise BadInput(["password: is missing; give it here or in maas:region:database:password"])
    sql = f"SELECT rolpassword FROM pg_authid WHERE rolname = {_text(role)};"  # nosec B608 # quoted
    rows = _ask(server, sql)
    if not rows and not test:
        raise BadInput(
            [f"name: PostgreSQL has no role {role!r}; make it with postgres_user.present"]
        )
    stored = rows[0] if rows else ""
    if _matches(stored, role, password):
        return {"changes": {}, "warnings": [], "restarted": []}
    if not test:
        [way] = _ask(server, "SHOW password_encryption;")
        new = _scram(password) if way == "scram-sha-256" else _md5(role, password)
        _ask(server, f"ALTER ROLE {_name(role)} PASSWORD {_text(new)};")
    changes = {"password": {"old": HIDDEN if stored else None, "new": HIDDEN}}
    return {"changes": changes, "warnings": [], "restarted": []}


def _ask(server, statement):
    """Run a statement; returns the lines that it gives."""
    host = Installation(Release("3.8"), "deb", frozenset())  # whose commands these are
    argv = [os.path.join(server.folder, "psql")] if server.folder else ["psql"]
    argv += ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]
    for option, value in (("-h", server.host), ("-p", server.port), ("-U", server.user)):
        argv += [option, str(value)] if value else []
    code, stdout, stderr = host.run(argv, stdin=statement + "\n", account=server.account)
    if code:
        # Not the line with the statement, which may hold what is stored of a password.
        lines = [line for line in stderr.splitlines() if not line.startswith(("LINE ", " "))]
        reason = lines[0][:300] if lines else f"status {code}"
        raise HostError(f"PostgreSQL refused the superuser's request: {reason}")
    return stdout.splitlines()


def _text(value):
    if "\0" in value or "\n" in value:
        raise BadInput(["name: a role's name has one line"])
    return "'" + value.replace("'", "''") + "'"


def _name(value):
    return '"' + value.replace('"', '""') + '"'


def _matches(stored, role, password):
    parts = _SCRAM.fullmatch(stored)
    if parts:
        rounds, salt = int(parts[1]), base64.b64decode(parts[2])
        return hmac.compare_digest(stored, _scram(password, salt, rounds))
    return hmac.compare_digest(stored, _md5(role, password))


def _md5(role, password):
    # PostgreSQL's own form up to 13; it is no choice of ours.
    digest = hashlib.md5((password + role).encode(), usedforsecurity=False).hexdigest()
    return f"md5{digest}"


def _scram(password, salt=None, rounds=_ROUNDS):
    """What PostgreSQL stores of a password, by RFC 5803."""
    salt = os.urandom(16) if salt is None else salt
    prepared = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, rounds)

    def key(label):
        return hmac.digest(salted, label, "sha256")

    stored = hashlib.sha256(key(b"Client Key")).digest()
    texts = [base64.b64encode(one).decode() for one in (salt, stored, key(b"Server Key"))]
    return f"SCRAM-SHA-256${rounds}:{texts[0]}${texts[1]}:{texts[2]}"
