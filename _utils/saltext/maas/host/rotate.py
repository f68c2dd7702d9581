"""A new shared secret for a region, in its file and its database at once.

MAAS has no command for this.  Up to 3.2 the region compares both places whenever a
cluster connects, so they change together, and nothing restarts: clusters that are
connected stay so.  From 3.3 on the region knows its secret from its start, and restarts.

Before the first change a mark is left on the disk, which goes when file and database agree
again.  A run that was killed leaves it behind; whoever comes next, to renew the secret or to
seal it, has the file follow the database, which holds either the old secret or the new one.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import Any

from saltext.maas.host import (
    config_files,
    database,
    files,
    paths,
    region_member,
    services,
    shared_secret,
    transaction,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.host.reach import wait_for_api
from saltext.maas.redact import HIDDEN
from saltext.maas.region_hosts import RegionHost

#: From here on the secret is a row of its own, and is read at the region's start.
_AT_START = "3.3"
_PART = "rotation"


def rotate(
    installation: Installation, value: str | None = None, test: bool = False, wait: float = 180
) -> dict[str, Any]:
    """Give the region another shared secret (1.7 and later).

    What a killed run left is finished first.

    Args:
        value: Hex; made up where it is None.
        test: Only plan.
        wait: Seconds until the API has to answer where the region restarts.

    Returns:
        ``{"changes", "restarts": whether the region restarts, "restarted": [service]}``.

    Raises:
        HostError: The release has none, Vault holds it, the database cannot be reached, or the
            region did not come back; then the old one is put back.
    """
    installation.need("region")
    installation.path("secret")  # which releases before 1.7 do not have
    new = shared_secret.normal(value) if value else secrets.token_hex(16)
    restarted: list[str] = []
    with transaction.locked(installation, _PART):
        changes = {**_finish(installation, test), "secret": {"old": HIDDEN, "new": HIDDEN}}
        with database.connection(installation, write=not test) as conn:
            old = _present(installation, conn, test)
            if not test:
                restarted = _renew(installation, conn, old, new, wait)
    restarts = installation.release >= _AT_START
    return {"changes": changes, "restarts": restarts, "restarted": restarted}


def finish(installation: Installation) -> dict[str, dict]:
    """Finish what a killed rotation left, or put it back; the database says which.

    Returns:
        ``{"unfinished run": {"old", "new"}}``, or ``{}`` when nothing was left.

    Raises:
        HostError: The database cannot be reached, the file not be written, or another run is
            at work.
    """
    if files.read(_mark(installation)) is None:
        return {}
    with transaction.locked(installation, _PART):
        return _finish(installation)


def follow(
    installation: Installation, host: RegionHost | None = None, wait: float = 180
) -> dict[str, Any]:
    """Have a further host of a region use the secret that is in the database.

    Args:
        installation: The host.
        host: What the pillar says of it.
        wait: Seconds until the region has to answer where it restarts.

    Returns:
        ``{"changes", "restarted": [service]}``.

    Raises:
        HostError: The database has no secret, the file cannot be written, or the region did not
            come back.
    """
    installation.need("region")
    restarted: list[str] = []
    with transaction.locked(installation, _PART):
        with database.connection(installation) as conn:
            stored = database.secret(conn)
        if stored is None:
            raise HostError("The region's database has no shared secret.")
        value = shared_secret.normal(stored)
        if shared_secret.read(installation) == value:
            return {"changes": {}, "restarted": restarted}
        if installation.release >= _AT_START:
            # Which writes the file; that goes last, so that a killed run is made again.
            restarted = services.restart(installation, installation.fact("region_services"))
            if host:
                region_member.Member(host).wait(wait)
        _write(installation, value)
    return {"changes": {"secret": {"old": HIDDEN, "new": HIDDEN}}, "restarted": restarted}


def _finish(installation, test=False):
    """Have file and region follow the database, where a mark says that they may not."""
    mark = files.read(_mark(installation))
    if mark is None:
        return {}
    if not test:
        with database.connection(installation) as conn:
            stored = database.secret(conn)
        if stored is None:
            raise HostError(
                "A rotation of the shared secret was stopped, and the database has none now; put "
                f"that right, and remove {installation.inside(_mark(installation))}."
            )
        _write(installation, shared_secret.normal(stored))
        if installation.release >= _AT_START and mark != _digest(stored):
            services.restart(installation, installation.fact("region_services"))
        paths.remove(_mark(installation))
    return {transaction.UNFINISHED: {"old": "stopped in its middle", "new": "finished"}}


def _present(installation, conn, test):
    """The secret that the database holds, once it was seen that it can be renewed."""
    if database.vault_enabled(conn):
        raise HostError(
            "The region keeps its shared secret in Vault; renew it there "
            "(global/rpc-shared), restart the region, then re-enrol the clusters."
        )
    old = database.secret(conn)
    if old is None:
        raise HostError("The region has no shared secret yet: it makes one when it starts.")
    there = shared_secret.read(installation)
    agree = there in (None, shared_secret.normal(old)) or installation.release >= _AT_START
    if not agree and not (test and files.read(_mark(installation)) is not None):
        raise HostError(
            f"The secret in {installation.inside(installation.path('secret'))} is not the "
            "database's, so the region accepts no cluster: correct that first."
        )
    return old


def _renew(installation, conn, old, new, wait):
    """Put the new secret into database and file, and return the services that restarted."""
    _leave_mark(installation, _digest(old))
    try:
        with conn:
            database.replace_secret(conn, old, new)
            _write(installation, new)
    except Exception:
        # Whether the database took it is not always known, so it is asked.
        _finish(installation)
        raise
    restarted: list[str] = []
    if installation.release >= _AT_START:
        try:
            restarted = services.restart(installation, installation.fact("region_services"))
            url = config_files.read_config(installation)["url"]
            wait_for_api(url, installation.release, wait)
        except HostError as error:
            _leave_mark(installation, "restart")
            with conn:
                database.replace_secret(conn, new, old)
            _finish(installation)
            raise HostError(f"{error} The old secret was restored.") from None
    paths.remove(_mark(installation))
    return restarted


def _write(installation, value):
    """Have the file hold a secret, owner and mode as MAAS has them."""
    path = installation.path("secret")
    if shared_secret.read(installation) != value:
        files.sweep(path)
        files.replace(
            installation, path, value, shared_secret.normal, owner=("maas", "maas"), backup=False
        )
        files.own_secret(installation, path)


def _leave_mark(installation, text):
    """Leave the mark: a digest of the secret with which the region runs, where that is known."""
    path = _mark(installation)
    try:
        files.sweep(path)
        files.put(path, text.encode(), 0o600)
    except OSError as error:
        where, reason = installation.inside(path), files.reason(error)
        raise HostError(f"Nothing was changed: {where} cannot be written: {reason}.") from None


def _digest(secret):
    return hashlib.sha256(str(secret).encode()).hexdigest()


def _mark(installation):
    return os.path.join(installation.root, transaction.FOLDER, f"{_PART}.unfinished")
