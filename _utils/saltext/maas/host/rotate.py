"""A new shared secret for a region, in its file and its database at once.

MAAS has no command for this.  Up to 3.2 the region compares both places whenever a
cluster connects, so they change together, and nothing restarts: clusters that are
connected stay so.  From 3.3 on the region knows its secret from its start, and restarts.

Before the first change a mark is left on the disk, which goes when file and database agree
again.  A run that was killed leaves it behind; whoever comes next, to renew the secret or to
seal it, has the file follow the database, which holds either the old secret or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets

from saltext.maas import database
from saltext.maas.client.redact import HIDDEN
from saltext.maas.host import files, paths, region, services, shared_secret, transaction
from saltext.maas.host.errors import HostError
from saltext.maas.host.reach import wait_for_api
from saltext.maas.host.surface import Surface

#: From here on the secret is a row of its own, and is read at the region's start.
_AT_START = "3.3"
_PART = "rotation"


def rotate(surface: Surface, value: str | None = None, test: bool = False, wait: float = 180):
    """Give the region another shared secret (1.7 and later).

    What a killed run left is finished first.

    Args:
        surface: The region's host.
        value: Hex; made up where it is None.
        test: Only plan.
        wait: Seconds until the API has to answer where the region restarts.

    Returns:
        ``{"changes", "restarts": whether the region restarts, "restarted": [service]}``.

    Raises:
        HostError: The release has none, Vault holds it, the database cannot be reached, or the
            region did not come back; then the old one is put back.
    """
    surface.need("region")
    surface.path("secret")  # which releases before 1.7 do not have
    new = shared_secret.normal(value) if value else secrets.token_hex(16)
    told = {
        "changes": {"secret": {"old": HIDDEN, "new": HIDDEN}},
        "restarts": surface.release >= _AT_START,
        "restarted": [],
    }
    with _alone(surface):
        told["changes"] = {**_finish(surface, test), **told["changes"]}
        with database.connection(surface, write=not test) as conn:
            old = _present(surface, conn, test)
            if not test:
                _renew(surface, conn, old, new, told, wait)
    return told


def finish(surface: Surface) -> dict:
    """Finish what a killed rotation left, or put it back; the database says which.

    Returns:
        ``{"unfinished run": {"old", "new"}}``, or ``{}`` when nothing was left.

    Raises:
        HostError: The database cannot be reached, the file not be written, or another run is
            at work.
    """
    if files.read(_mark(surface)) is None:
        return {}
    with _alone(surface):
        return _finish(surface)


@contextlib.contextmanager
def _alone(surface):
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(transaction.locked(surface, _PART))
        except OSError as error:
            raise HostError(f"Nothing was changed: {files.reason(error)}.") from None
        yield


def _finish(surface, test=False):
    """Have file and region follow the database, where a mark says that they may not."""
    mark = files.read(_mark(surface))
    if mark is None:
        return {}
    if not test:
        with database.connection(surface) as conn:
            kept = database.secret(conn)
        if kept is None:
            raise HostError(
                "A rotation of the shared secret was stopped, and the database has none now; put "
                f"that right, and remove {surface.inside(_mark(surface))}."
            )
        _write(surface, shared_secret.normal(kept))
        if surface.release >= _AT_START and mark != _digest(kept):
            services.restart(surface, surface.fact("region_services"))
        paths.remove(_mark(surface))
    return {transaction.UNFINISHED: {"old": "stopped in its middle", "new": "finished"}}


def _present(surface, conn, test):
    """The secret that the database holds, once it was seen that it can be renewed."""
    if database.vault_enabled(conn):
        raise HostError(
            "The region keeps its shared secret in Vault; renew it there "
            "(global/rpc-shared), restart the region, then re-enrol the clusters."
        )
    old = database.secret(conn)
    if old is None:
        raise HostError("The region has no shared secret yet: it makes one when it starts.")
    there = shared_secret.read(surface)
    agree = there in (None, shared_secret.normal(old)) or surface.release >= _AT_START
    if not agree and not (test and files.read(_mark(surface)) is not None):
        raise HostError(
            f"The secret in {surface.inside(surface.path('secret'))} is not the database's, so "
            "that the region takes no cluster in: put that right first."
        )
    return old


def _renew(surface, conn, old, new, told, wait):
    _leave_mark(surface, _digest(old))
    try:
        with conn:
            database.replace_secret(conn, old, new)
            _write(surface, new)
    except Exception:
        # Whether the database took it is not always known, so it is asked.
        _finish(surface)
        raise
    if told["restarts"]:
        told["restarted"] = _restart_or_go_back(surface, conn, old, new, wait)
    paths.remove(_mark(surface))


def _restart_or_go_back(surface, conn, old, new, wait):
    try:
        restarted = services.restart(surface, surface.fact("region_services"))
        wait_for_api(region.read_config(surface)["url"], surface.release, wait)
    except HostError as error:
        _leave_mark(surface, "restart")
        with conn:
            database.replace_secret(conn, new, old)
        _finish(surface)
        raise HostError(f"{error} The old secret was put back.") from None
    return restarted


def _write(surface, value):
    """Have the file hold a secret, owner and mode as MAAS has them."""
    path = surface.path("secret")
    if shared_secret.read(surface) != value:
        files.sweep(path)
        files.replace(
            surface, path, value, shared_secret.normal, owner=("maas", "maas"), backup=False
        )
        files.own_secret(surface, path)


def _leave_mark(surface, text):
    """Leave the mark: a digest of the secret with which the region runs, where that is known."""
    path = _mark(surface)
    try:
        files.sweep(path)
        files.put(path, text.encode(), 0o600)
    except OSError as error:
        where, reason = surface.inside(path), files.reason(error)
        raise HostError(f"Nothing was changed: {where} cannot be written: {reason}.") from None


def _digest(secret):
    return hashlib.sha256(str(secret).encode()).hexdigest()


def _mark(surface):
    return os.path.join(surface.root, transaction.FOLDER, f"{_PART}.unfinished")
