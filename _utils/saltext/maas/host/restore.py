"""A backup of a region brought back, on the same host or on a new one.

The dump is loaded into a database beside the region's.  Then both exchange their names in one
transaction and the files are written; what was there before stays until the region answers.  A run
that fails puts everything back.  One that was killed is put back by the next, which begins anew.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from saltext.maas import region_url
from saltext.maas.errors import BadInput
from saltext.maas.host import (
    backup,
    backup_files,
    config_files,
    database,
    debconf,
    migration,
    paths,
    postgres_tools,
    reach,
    services,
    transaction,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import available
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release

_PART = "restore"


class Restore:
    """One backup that is to come back to this host.

    Args:
        installation: The host, with MAAS installed.
        name: The backup; the newest by default.
        folder: Where the backups are.
        identity: File on this host with the private key.
        force: Replace a region that holds something, too.
        url: Region URL from now on; the backup's by default.
        login: The minion's ``postgres.*``, see :class:`saltext.maas.host.postgres_tools.Admin`.

    Raises:
        HostError: There is no such backup, or no region here.
    """

    def __init__(
        self,
        installation: Installation,
        name: str | None = None,
        folder: str = backup.FOLDER,
        identity: str | None = None,
        force: bool = False,
        url: str | None = None,
        login: dict | None = None,
    ):
        installation.need_supported("region")
        if url and (wrong := region_url.problem(url)):
            raise BadInput(f"url: {wrong}")
        self._url = url
        self._installation, self._force, self._login = installation, force, login or {}
        self._path = backup.find(installation, name, folder)
        self._manifest = backup.manifest_of(self._path)
        self._keys = backup.private_keys(installation, identity)
        self._server = config_files.read_config(installation, secrets=True)["database"]
        own = self._server["name"]
        self._loading = postgres_tools.beside(own, "restoring")
        self._before = postgres_tools.beside(own, "replaced")

    # What stands in the way

    def plan(self, host: str) -> dict[str, Any]:
        """Find out what would be done, and what forbids it.

        Args:
            host: This host's name.

        Returns:
            ``{"backup", "release", "made", "host", "parts", "steps", "problems", "warnings"}``;
            nothing is restored while there is a problem.
        """
        manifest = self._manifest
        warnings = []
        problems = [*self._other_release(), *self._other_server(), *self._damage()]
        if host != manifest["host"]:
            warnings.append(
                f"the backup is of {manifest['host']}, and this is {host}: the region is known by "
                "its maas_id, which comes back; shut the old host down for good"
            )
        if set(manifest["roles"]) != self._installation.roles:
            warnings.append(
                f"the backup's host was {' and '.join(manifest['roles'])}, and this one is "
                f"{' and '.join(sorted(self._installation.roles))}"
            )
        if manifest["vault"]:
            warnings.append("the region's secrets are in Vault: bring back those of the same time")
        if self._installation.release >= "3.5" and "images" not in manifest["parts"]:
            warnings.append(
                "images are not in the backup: MAAS downloads them again, but for those that were "
                "uploaded"
            )
        steps = ["stop MAAS", "load the database", "exchange the databases", "write the files",
                 "migrate the database", "start MAAS"]  # fmt: skip
        return {
            "backup": os.path.basename(self._path), "release": manifest["release"],
            "made": manifest["made"], "host": manifest["host"], "parts": sorted(manifest["parts"]),
            "steps": steps, "problems": problems, "warnings": warnings,
        }  # fmt: skip

    def _other_release(self):
        here, there = self._installation.release, Release(self._manifest["release"])
        same = here.series == there.series and here >= there
        if not same:
            yield (
                f"the backup is of MAAS {there}, and this host has {here}: install {there.series} "
                f"({there} or a later one of it)"
            )
        if self._installation.kind != self._manifest["kind"]:
            yield (
                f"the backup is of a {self._manifest['kind']}, and MAAS is here as a "
                f"{self._installation.kind}"
            )

    def _other_server(self):
        manifest = self._manifest
        try:
            with database.connect(self._server) as conn:
                version = database.version(conn)
                if version < manifest["postgresql"]:
                    yield (
                        f"the backup is of PostgreSQL {manifest['postgresql']:g}, and the server "
                        f"here is of {version:g}: it must not be older"
                    )
                # Of a run that was killed, the region's own is the other one.
                held = {} if self._force or self._unfinished() else database.contents(conn)
            if held:
                what = ", ".join(f"{number} {kind}" for kind, number in held.items())
                yield f"the region here holds {what}: say force=true to replace it"
            postgres_tools.find(self._installation, "pg_restore", manifest["pg_dump"])
            postgres_tools.find(self._installation, "psql", 0)
            postgres_tools.Admin(self._installation, self._server, self._login)
        except (HostError, database.DatabaseError) as error:
            yield str(error)

    def _unfinished(self):
        return transaction.unfinished(self._installation, _PART) is not None

    def _damage(self):
        if self._manifest["keys"] and not self._keys:
            yield "the backup is encrypted: give the file with its private key as identity"
            return
        try:
            backup.check_stored(self._path, self._manifest)
            backup.check_contents(self._installation, self._path, self._manifest, self._keys)
        except HostError as error:
            yield str(error)

    # Doing it

    def run(self, host: str, wait: float = 300) -> dict[str, Any]:
        """Bring the backup back.

        Args:
            host: This host's name.
            wait: Seconds until the region's API has to answer afterwards.

        Returns:
            What :meth:`plan` does.

        Raises:
            HostError: Something forbids it, or it failed; what was there before was put back.
        """
        installation = self._installation
        with transaction.locked(installation, f"{_PART}.run"):
            plan = self.plan(host)
            if plan["problems"]:
                raise HostError(f"Nothing was changed: {'; '.join(plan['problems'])}.")
            admin = postgres_tools.Admin(installation, self._server, self._login)
            if not self._unfinished():
                admin.drop(self._before)  # of a run that ended well
            strangers = backup_files.strangers(installation, self._names())
            changing = [os.path.join(installation.root, one) for one in self._names()] + strangers
            # It restarts nothing by itself: what is stopped here starts in the right order.
            with transaction.Transaction(
                installation, _PART, changing, mend=lambda: self._put_back(admin)
            ):
                services.stop_all(installation)
                # A host that restarts meanwhile must not start a region that is half there.
                services.hold(installation)
                self._put_back(admin, start=False)  # what a run that was killed has exchanged
                self._load(admin)
                admin.rename(
                    (self._server["name"], self._before), (self._loading, self._server["name"])
                )
                notes = self._write(strangers)
                migration.migrate(installation, again=True)
                self._start()
                url = config_files.read_config(installation)["url"]
                reach.wait_for_api(_at_home(installation, url), installation.release, wait)
            admin.drop(self._before)
        return {**plan, "warnings": [*plan["warnings"], *notes]}

    def _names(self):
        """The files that are written; images are never in the way of others."""
        with self._opened("files") as source:
            found = [member.name for member, _ in backup_files.unpack(source)]
        return [one for one in found if backup_files.goes_back(self._installation, one)]

    def _opened(self, part):
        return backup.opened(self._path, self._manifest["parts"][part], self._keys)

    def _load(self, admin):
        installation, version = self._installation, self._manifest["pg_dump"]
        with database.connect(self._server) as conn:
            conn.set_session(autocommit=True)
            migration.wait_for_silence(conn, backup.SILENCE)
        admin.create(self._loading)
        with self._opened("database") as source:
            lines, extensions = postgres_tools.contents(installation, version, source)
        admin.extend(self._loading, extensions)
        server = {**self._server, "name": self._loading}
        with self._opened("database") as source:
            postgres_tools.load(installation, server, version, lines, source)

    def _put_back(self, admin, start=True):
        """Have the region's database be the one that was there before, and nothing beside it."""
        own = self._server["name"]
        if admin.exists(self._before):
            admin.drop(self._loading)
            admin.rename((own, self._loading), (self._before, own))
        admin.drop(self._loading)
        if start:
            self._start()
        return True

    def _start(self):
        services.release(self._installation)
        services.start_all(self._installation)

    def _write(self, strangers):
        installation = self._installation
        own = self._own_settings()
        notes = []
        for part in ("images", "files"):
            if part not in self._manifest["parts"]:
                continue
            with self._opened(part) as source:
                for member, pieces in backup_files.unpack(source):
                    if backup_files.goes_back(installation, member.name):
                        pieces = own.get(member.name, lambda given: given)(pieces)
                        notes.append(backup_files.write(installation, member, pieces))
        for path in strangers:
            paths.remove(path)
        return [*dict.fromkeys(note for note in notes if note)]

    def _own_settings(self):
        """What puts this host's own logins into a file of the backup, by the file's name.

        They go in before the file is written: a run that is killed must still find its database.
        """
        installation = self._installation
        found, sources = config_files.values(installation)
        own = {
            name: value for name, value in found.items()
            if name.startswith(("database_", "broker_")) and sources.get(name) != "vault"
        }  # fmt: skip
        if self._url:
            own["url"] = self._url
        return {
            os.path.relpath(installation.path(one.place), installation.root): self._changing(
                one, own
            )
            for one in config_files.config_files(installation)
        }

    def _changing(self, file, own):
        defaults = {
            name: one.default for name, one in available(self._installation).items()
        } | {"database_port": 5432}  # fmt: skip

        def changed(pieces):
            text = b"".join(pieces).decode()
            where = self._installation.inside(self._installation.path(file.place))
            now = file.read(text, where)
            new = {
                name: value for name, value in own.items()
                if name in file.settings and now.get(name, defaults.get(name)) != value
            }  # fmt: skip
            return [file.update(text, new, where).encode() if new else text.encode()]

        return changed


def _at_home(installation, url):
    """Where the region of this very host answers, also before its name leads here."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1"):
        return url
    return debconf.url_from_host(installation, "127.0.0.1")
