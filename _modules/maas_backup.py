"""Backups of the region on this host, and their restore.

``salt-run maas.backup`` and ``maas.restore`` use these; they are documented in :doc:`../backup`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from saltext.maas import runtime
from saltext.maas.host import age, backup

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts

__func_alias__ = {"list_": "list"}


def _region():
    return runtime.installation(globals(), "region")


def create(
    key: str | Sequence[str] | None = None,
    folder: str = backup.FOLDER,
    keep: int = backup.KEEP,
    images: bool = False,
    stop: bool = False,
    test: bool = False,
) -> dict[str, Any]:
    """Make a backup of the region on this host, read it back, and delete those that are too many.

    The region may run meanwhile: the dump of its database is of one moment.

    Args:
        key (str or list): Public key of `age <https://age-encryption.org>`_ (``age1…``), or
            several, each of whose private keys opens the backup. Without one it is not encrypted.
        folder (str): Where the backups are on this host; made for root alone.
        keep (int): How many good backups to keep, this one among them.
        images (bool): Whether the images' files are in it, too (3.5 and later; up to 3.4
            the database holds the images).
        stop (bool): Whether MAAS on this host is stopped meanwhile, so that database and images
            are of the same moment; all other hosts of the region must be stopped already.
        test (bool): Only show what would be done.

    Returns:
        ``{name, parts, encrypted, stopped, deleted, size, warnings}``: the backup's name, the
        names of those that were deleted, and the size in bytes; name and size are None with
        ``test``.

    Raises:
        CommandExecutionError: There is no region here, its database or ``pg_dump`` cannot be
            used, or what was written is not what is read back; the backups that there were stay.

    CLI Example:

    .. code-block:: bash

        salt region maas_backup.create key=age1… keep=14
    """
    done = backup.create(
        _region(), runtime.hostname(globals()), folder, key or (), keep, images, stop, test
    )
    return done


def list_(folder: str = backup.FOLDER) -> list[dict[str, Any]]:
    """Return the backups on this host, the newest first.

    Args:
        folder (str): Where they are.

    Returns:
        A list of ``{name, made, release, host, parts, encrypted, size, problem}``; ``made`` is in
        seconds since the epoch, and ``problem`` None where all files are there in their size.

    Raises:
        CommandExecutionError: There is no region here.

    CLI Example:

    .. code-block:: bash

        salt region maas_backup.list
    """
    return backup.listing(_region(), folder)


def verify(
    name: str | None = None, folder: str = backup.FOLDER, identity: str | None = None
) -> dict[str, Any]:
    """Read a backup back, and raise where it is damaged.

    Without the private key, checksums are compared. With it, or where nothing is encrypted, the
    dump is read to its end by ``pg_restore``, and all files are unpacked.

    Args:
        name (str): The backup; the newest by default.
        folder (str): Where it is.
        identity (str): File on this host, for root alone, with the private key.

    Returns:
        The backup's manifest.

    Raises:
        CommandExecutionError: It is damaged, there is none, or the key is another one.

    CLI Example:

    .. code-block:: bash

        salt region maas_backup.verify 20261128T153400Z identity=/root/backup.key
    """
    return backup.verify(_region(), name, folder, identity)


def prune(
    folder: str = backup.FOLDER, keep: int = backup.KEEP, test: bool = False
) -> dict[str, list[str]]:
    """Delete all backups but the newest good ones; the last good one always stays.

    Args:
        folder (str): Where they are.
        keep (int): How many good ones to keep.
        test (bool): Only show what would be done.

    Returns:
        ``{deleted: [name]}``.

    Raises:
        CommandExecutionError: There is no region here, or one cannot be deleted.

    CLI Example:

    .. code-block:: bash

        salt region maas_backup.prune keep=3 test=true
    """
    return {"deleted": backup.prune(_region(), folder, keep, test)}


def age_of_last() -> dict[str, Any]:
    """Return how old the last good backup is that was made on this host.

    Returns:
        ``{name, folder, seconds}``; all None where there was none.

    Raises:
        CommandExecutionError: There is no region here.

    CLI Example:

    .. code-block:: bash

        salt region maas_backup.age_of_last
    """
    found = backup.last(_region())
    if found is None:
        return {"name": None, "folder": None, "seconds": None}
    seconds = max(0, int(time.time() - found["made"]))
    return {"name": found["name"], "folder": found["folder"], "seconds": seconds}


def restore(
    name: str | None = None,
    folder: str = backup.FOLDER,
    identity: str | None = None,
    force: bool = False,
    url: str | None = None,
    wait: float = 300,
    test: bool = False,
) -> dict[str, Any]:
    """Bring a backup back to this host, on which the same release of MAAS is installed.

    MAAS is stopped, the database loaded beside the present one and put in its place, files are
    written, the database is migrated, and MAAS started. What was there comes back if that fails;
    after a kill, the same call puts it back and begins anew. The host keeps its own login to the
    database.

    Args:
        name (str): The backup; the newest in the folder by default.
        folder (str): Where it is on this host.
        identity (str): File on this host, for root alone, with the private key of age.
        force (bool): Also replace a region that holds users, machines or networks.
        url (str): Region URL from now on; that of the backup by default.
        wait (float): Seconds until the region's API has to answer.
        test (bool): Only show what would be done, and what forbids it.

    Returns:
        ``{backup, release, made, host, parts, steps, problems, warnings}``; while there is a
        problem, nothing is restored.

    Raises:
        CommandExecutionError: Something forbids it (another release, an older PostgreSQL, a
            region that is not empty, a damaged backup, another key), or it failed; the text says
            what was put back.

    CLI Example:

    .. code-block:: bash

        salt new-region maas_backup.restore identity=/root/backup.key test=true
    """
    from saltext.maas.host.restore import Restore

    login = {
        key: runtime.revealed(globals(), __opts__[f"postgres.{key}"])
        for key in ("user", "pass", "host", "port", "maintenance_db")
        if __opts__.get(f"postgres.{key}")
    }
    found = Restore(_region(), name, folder, identity, force, url, login)
    host = runtime.hostname(globals())
    return found.plan(host) if test else found.run(host, wait)


def make_key(path: str) -> str:
    """Write a new private key of age to a file on this host, and return its public key.

    Keep the private key away from the region, and more than once: without it no backup can be
    read. The tool ``age-keygen`` makes the same.

    Args:
        path (str): The file; it must not exist.

    Returns:
        The public key, ``age1…``.

    Raises:
        CommandExecutionError: The file exists, or cannot be written.

    CLI Example:

    .. code-block:: bash

        salt-call --local maas_backup.make_key /root/maas-backup.key
    """
    return age.write_key(path)
