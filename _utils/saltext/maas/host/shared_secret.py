"""The secret that a region and its clusters share: where it is, in which form, and since when."""

from __future__ import annotations

import os
import re
import stat
from typing import Any

from saltext.maas.host import database, files, paths, transaction, vault
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN

_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def normal(value: object) -> str:
    """Check a secret and bring it into the form that MAAS writes.

    Args:
        value: Hex digits, an even number of them, in one line.

    Returns:
        It in lower case, without white space around it.

    Raises:
        HostError: It is something else; the text does not show it.
    """
    text = str(value).strip().lower()
    if not _HEX.fullmatch(text):
        raise HostError(
            "A shared secret, such as that of maas:region:shared_secret, is one line of "
            "hexadecimal digits, an even number of them."
        )
    return text


def read(installation: Installation) -> str | None:
    """Return the secret in this host's file, or None when it has none.

    Raises:
        HostError: This release has no shared secret, or the file is broken.
    """
    path = installation.path("secret")
    text = files.read(path)
    if text is None or not text.strip():
        return None
    try:
        return normal(text)
    except HostError:
        raise HostError(f"{installation.inside(path)} holds no hexadecimal secret.") from None


def places(installation: Installation) -> dict[str, Any]:
    """Return where the region's shared secret is: every place with its value.

    Returns:
        ``{"values": {place: hex or None}, "owner": "user:group", "mode": "0640",
        "problems": [text]}``; places are ``file``, ``database`` (1.7 and later; its row
        differs from 3.3 on) and, where that has it, ``vault``.  Not to be shown.

    Raises:
        HostError: This release has no shared secret.
    """
    values: dict[str, str | None] = {}
    problems: list[str] = []
    found = {"values": values, "problems": problems, **_owner_and_mode(installation)}
    try:
        values["file"] = read(installation)
    except HostError as error:
        problems.append(str(error))
    try:
        with database.connection(installation, timeout=5) as conn:
            in_vault = database.vault_enabled(conn)
            if not in_vault:
                values["database"] = database.secret(conn)
        if in_vault:
            values["vault"] = vault.read(installation, "global/rpc-shared").get("secret")
    except (database.DatabaseError, HostError) as error:
        problems.append(str(error))
    return found


def _owner_and_mode(installation):
    try:
        there = paths.status(installation.path("secret"))
    except OSError:
        there = None
    if there is None:
        return {"owner": None, "mode": None}
    return {"owner": ":".join(files.names_of(there)), "mode": f"{stat.S_IMODE(there.st_mode):04o}"}


def status(installation: Installation) -> dict[str, Any]:
    """Return where the region's shared secret is, without showing it.

    Returns:
        ``{"installed": bool, "places": {place: whether it is there}, "agree": bool or None,
        "leading": place, "owner", "mode", "problems": [{"problem", "consequence",
        "remedy"}]}``.  ``agree`` is None when fewer than two places could be read.

    Raises:
        HostError: No region here, or this release has no shared secret.
    """
    installation.need("region")
    found = places(installation)
    values, mode = found["values"], found["mode"]
    stores = [name for name in ("vault", "database") if name in values]
    known = [value for value in values.values() if value]
    agree = len(set(known)) == 1 if len(known) > 1 else None
    problems = [
        {
            "problem": text,
            "consequence": "That place could not be compared.",
            "remedy": "Put right what the message says, and look again.",
        }
        for text in found["problems"]
    ]
    if agree is False:
        problems.append(_differs(installation, stores[0]))
    if values.get("file") and (mode or "")[-1:] not in ("0", ""):
        file = installation.inside(installation.path("secret"))
        problems.append(
            {
                "problem": f"{file} has the mode {mode}: every user of this host may read it.",
                "consequence": "Whoever knows the secret can enrol a cluster.",
                "remedy": f"chmod 0640 {file}",
            }
        )
    return {
        "installed": bool(known),
        "places": {name: bool(value) for name, value in values.items()},
        "agree": agree,
        "leading": stores[0] if stores and installation.release >= "3.3" else "file",
        "owner": found["owner"],
        "mode": mode,
        "problems": problems,
    }


def _differs(installation, store):
    file = installation.inside(installation.path("secret"))
    problem = f"The shared secret in {file} is not the one in the {store}."
    if installation.release >= "3.3":
        return {
            "problem": problem,
            "consequence": f"The {store}'s takes precedence: the region rewrites {file} at its "
            "next start, and a cluster that was given the file's is refused.",
            "remedy": "Restart the region, and give the clusters its secret again.",
        }
    return {
        "problem": problem,
        "consequence": "The region does not start its cluster connections (AssertionError: the "
        "secret stored in the database does not match the one on the filesystem).",
        "remedy": f"Move {file} away and restart the region, which writes the database's one; the "
        "clusters that were enrolled use that one.",
    }


def of_region(installation: Installation) -> str | None:
    """Return the region's shared secret, from the place that leads in its release.

    Returns:
        Hex, or None when the region has none yet.

    Raises:
        HostError: No region here, or a release without such a secret (before 1.7). Until 3.2 file
            and database differ, which stops the region; from 3.3 on neither database nor Vault
            nor file can be read.
    """
    installation.need("region")
    found = places(installation)
    values = found["values"]
    file, stored = values.get("file"), values.get("database")
    if installation.release < "3.3" and file and stored and normal(stored) != file:
        raise HostError(" ".join(_differs(installation, "database").values()))
    for place in ("vault", "database", "file"):
        if values.get(place):
            return normal(values[place])
    if found["problems"] and "database" not in values and "file" not in values:
        raise HostError(found["problems"][0])
    return None


def write(installation: Installation, value: str) -> None:
    """Write the secret's file, where a command takes the secret as an argument only (snap).

    Raises:
        HostError: It cannot be written.
    """
    path = installation.path("secret")
    paths.make_folder(os.path.dirname(path))
    owner = installation.fact("secret_owner")
    files.replace(installation, path, value, normal, owner=owner, backup=False)


def loose(installation: Installation) -> dict[str, str] | None:
    """Return the change that owner and mode of the secret's file need, or None.

    Returns:
        ``{"old", "new"}``, such as ``0644 root:root`` and ``0640 maas:maas``.
    """
    now = paths.status(installation.path("secret"))
    if now is None:
        return None
    user, group = installation.fact("secret_owner")
    owner, mode = ":".join(files.names_of(now)), f"{stat.S_IMODE(now.st_mode):04o}"
    known = files.numbers_of(user, group) is not None
    # MAAS's own command leaves root as owner, which is as good.
    fine = owner in (f"{user}:{group}", f"root:{group}") or not known
    if mode == "0640" and fine:
        return None
    return {"old": f"{mode} {owner}", "new": f"0640 {f'{user}:{group}' if known else owner}"}


def install(installation: Installation, value: str, test: bool = False) -> dict[str, Any]:
    """Give a region a shared secret, which only works while it has none.

    Args:
        value: Hex.
        test: Only plan.

    Returns:
        ``{"changes": {"secret": {"old", "new"}} or {}, "warnings": [],
        "restarted": [service]}``.

    From 3.3 on a secret in the region's database wins over the file, which the
    region then rewrites when it starts; the next call reports the difference.

    Raises:
        HostError: It has another one; which values is never said.
    """
    installation.need_supported("region")
    value = normal(value)
    now = read(installation)
    left = transaction.plan(installation, "secret")
    if now is not None and now != value:
        raise HostError(
            "The region already has another shared secret, which its clusters use: "
            "give the clusters this region's secret, or leave the secret out of the pillar."
        )
    changes = left if now else {**left, "secret": {"old": None, "new": HIDDEN}}
    done: dict[str, Any] = {"changes": changes, "warnings": [], "restarted": []}
    if test or not changes:
        return done
    path = installation.path("secret")
    paths.make_folder(os.path.dirname(path))
    names = installation.fact("region_services")
    with transaction.Transaction(installation, "secret", [path], services=names) as run:
        if now is None:
            files.replace(installation, path, value, normal, owner=("maas", "maas"))
            note = files.own_secret(installation, path)
            done["warnings"] = [note] if note else []
    return {**done, "restarted": run.restarted}
