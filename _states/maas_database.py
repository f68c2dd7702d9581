"""Prepare PostgreSQL for a region: what Salt's states of PostgreSQL leave out.

The state tree ``maas.postgresql`` uses these beside Salt's ``postgres_user`` and
``postgres_database``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import runtime, state_helpers
from saltext.maas.host import postgresql
from saltext.maas.host.local_users import local_user

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions, Opts

    __salt__: Functions
    __opts__: Opts


def role_password(name: str, password: str | None = None, user: str = "postgres") -> dict[str, Any]:
    """Ensure that a role of PostgreSQL on this host has a password.

    ``postgres_user.present`` would pass what PostgreSQL stores of it to a command as an argument,
    and needs the password in a rendered state. Here it is read when the state runs, and the server
    gets only what it stores, by standard input.

    The server is the one that Salt's own states use: minion configuration ``postgres.host``,
    ``postgres.port``, ``postgres.user`` and ``postgres.bins_dir``.

    Args:
        name (str): Name of the role.
        password (str): Password, or an ``sdb://`` reference; never shown. The pillar's
            ``maas:region:database:password`` by default.
        user (str): Local user that ``psql`` runs as, where the server is on this host.

    Returns:
        dict: State return.

    .. code-block:: yaml

        maas:
          maas_database.role_password: []
    """
    test = bool(__opts__.get("test"))

    def work():
        given = runtime.revealed(globals(), password)
        given = given or runtime.pillar(globals(), "region", "database").get("password")
        host, port, role, folder = (
            str(__salt__["config.option"](f"postgres.{key}") or "")
            for key in ("host", "port", "user", "bins_dir")
        )
        account = None if host else local_user("/", user)
        server = postgresql.Server(account, host, port, role, folder)
        done = postgresql.set_password(server, name, given, test)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)
