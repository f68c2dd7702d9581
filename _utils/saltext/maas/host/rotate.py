"""A new shared secret for a region, in its file and its database at once.

MAAS has no command for this.  Up to 3.2 the region compares both places whenever a
cluster connects, so they change together, and nothing restarts: clusters that are
connected stay so.  From 3.3 on the region knows its secret from its start, and restarts.
"""

from __future__ import annotations

import secrets

from saltext.maas import database
from saltext.maas.client.redact import HIDDEN
from saltext.maas.host import files, region, services, shared_secret
from saltext.maas.host.errors import HostError
from saltext.maas.host.reach import wait_for_api
from saltext.maas.host.surface import Surface

#: From here on the secret is a row of its own, and is read at the region's start.
_AT_START = "3.3"


def rotate(surface: Surface, value: str | None = None, test: bool = False, wait: float = 180):
    """Give the region another shared secret (1.7 and later).

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
    path = surface.path("secret")  # which releases before 1.7 do not have
    new = shared_secret.normal(value) if value else secrets.token_hex(16)
    restarts = surface.release >= _AT_START
    with database.connection(surface, write=not test) as conn:
        if database.vault_enabled(conn):
            raise HostError(
                "The region keeps its shared secret in Vault; renew it there "
                "(global/rpc-shared), restart the region, then re-enrol the clusters."
            )
        old = database.secret(conn)
        if old is None:
            raise HostError("The region has no shared secret yet: it makes one when it starts.")
        there = shared_secret.read(surface)
        if there not in (None, shared_secret.normal(old)) and not restarts:
            raise HostError(
                f"The secret in {surface.inside(path)} is not the database's, so that the region "
                "takes no cluster in: put that right first."
            )
        told = {
            "changes": {"secret": {"old": HIDDEN, "new": HIDDEN}},
            "restarts": restarts,
            "restarted": [],
        }
        if test:
            return told
        _swap(surface, conn, path, old, new)
        if restarts:
            told["restarted"] = _restart_or_go_back(surface, conn, path, old, new, wait)
    return told


def _swap(surface, conn, path, old, new):
    """Database and file, both or none."""
    snapshot = files.Snapshot(surface, [path])
    try:
        with conn:
            database.replace_secret(conn, old, new)
            files.replace(
                surface, path, new, shared_secret.normal, owner=("maas", "maas"), backup=False
            )
            files.own_secret(surface, path)
    except BaseException:
        snapshot.restore()
        raise


def _restart_or_go_back(surface, conn, path, old, new, wait):
    try:
        restarted = services.restart(surface, surface.fact("region_services"))
        wait_for_api(region.read_config(surface)["url"], surface.release, wait)
    except HostError as error:
        _swap(surface, conn, path, new, old)
        services.restart(surface, surface.fact("region_services"))
        raise HostError(f"{error} The old secret was put back.") from None
    return restarted
