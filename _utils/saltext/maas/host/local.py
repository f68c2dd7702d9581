"""What only the region's own host can tell or do."""

from __future__ import annotations

from saltext.maas.host import database, users
from saltext.maas.host.installation import Installation
from saltext.maas.resources.users import SYSTEM_USERS


class Local:
    """The database and the commands of a region host, its ``installation``, behind one door."""

    def __init__(self, installation: Installation):
        self.installation = installation

    def _connected(self, write=False):
        return database.connection(self.installation, write)

    def router_ips(self) -> dict:
        """Return ``{(cluster uuid, interface name): router_ip}``, which API 1.0 never shows."""
        with self._connected() as connection:
            return database.router_ips(connection)

    def delete_node_group(self, uuid: str, test: bool = False) -> None:
        """Delete a node group, which API 1.0 cannot; with ``test`` only find out whether it could.

        Raises:
            StillUsed: Nodes or managed interfaces hang on it.
        """
        with self._connected(write=not test) as connection:
            database.delete_node_group(connection, uuid, test)

    def people(self) -> list[str]:
        """Return the users that somebody made, as far as the database can be reached."""
        try:
            with self._connected() as connection:
                found = database.usernames(connection)
        except database.DatabaseError:
            return []
        return [name for name in found if name not in SYSTEM_USERS]

    def email_owner(self, email: str) -> str | None:
        """Return who has an e-mail address, as far as the database can be reached."""
        try:
            with self._connected() as connection:
                return database.user_by_email(connection, email)
        except database.DatabaseError:
            return None

    def api_key(self, username: str) -> str | None:
        """Return an API key of a user, made if there is none; None if there is no such user."""
        if not users.exists(self.installation, username):
            return None
        keys = users.api_keys(self.installation, username)
        found = keys[0] if keys else users.generate_api_key(self.installation, username)
        return found["key"]
