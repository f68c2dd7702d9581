"""The secret that a region and its clusters share: its file and its form."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import stat

from saltext.maas.host import files, paths
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN

_HEX = re.compile(r"(?:[0-9a-f]{2})+")


def normal(value: str) -> str:
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
    """The secret in this host's file, or None when it has none.

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


def places(installation: Installation) -> dict:
    """Where the region's shared secret stands: every place with its value.

    Returns:
        ``{"values": {place: hex or None}, "owner": "user:group", "mode": "0640",
        "problems": [text]}``; places are ``file``, ``database`` (1.7 and later; its row
        differs from 3.3 on) and, where that has it, ``vault``.  Not for anybody's eyes.

    Raises:
        HostError: This release has no shared secret.
    """
    from saltext.maas.host import database, vault

    found = {"values": {}, "problems": [], **_owner_and_mode(installation)}
    try:
        found["values"]["file"] = read(installation)
    except HostError as error:
        found["problems"].append(str(error))
    try:
        with database.connection(installation, timeout=5) as conn:
            if database.vault_enabled(conn):
                found["values"]["vault"] = None
            else:
                found["values"]["database"] = database.secret(conn)
    except database.DatabaseError as error:
        found["problems"].append(str(error))
    if "vault" in found["values"]:
        try:
            found["values"]["vault"] = vault.read(installation, "global/rpc-shared").get("secret")
        except HostError as error:
            found["problems"].append(str(error))
            del found["values"]["vault"]
    return found


def _owner_and_mode(installation):
    path = installation.path("secret")
    try:
        there = paths.status(path)
    except (HostError, OSError):
        there = None
    if there is None:
        return {"owner": None, "mode": None}
    return {"owner": files.owner_of(there), "mode": f"{stat.S_IMODE(there.st_mode):04o}"}


def status(installation: Installation) -> dict:
    """Where the region's shared secret stands, without showing it.

    Returns:
        ``{"installed": bool, "places": {place: whether it is there}, "agree": bool or None,
        "leading": place, "owner", "mode", "problems": [{"problem", "consequence",
        "remedy"}]}``.  ``agree`` is None when fewer than two places could be read.

    Raises:
        HostError: No region here, or this release has no shared secret.
    """
    installation.need("region")
    found = places(installation)
    values = found["values"]
    stores = [name for name in ("vault", "database") if name in values]
    both = [value for value in values.values() if value]
    agree = len(set(both)) == 1 if len(both) > 1 else None
    problems = [_unreadable(text) for text in found["problems"]]
    if agree is False:
        problems.append(_differs(installation, stores[0]))
    if values.get("file") and (found["mode"] or "")[-1:] not in ("0", ""):
        problems.append(_open_to_all(installation, found["mode"]))
    return {
        "installed": bool(both),
        "places": {name: bool(value) for name, value in values.items()},
        "agree": agree,
        "leading": stores[0] if stores and installation.release >= "3.3" else "file",
        "owner": found["owner"],
        "mode": found["mode"],
        "problems": problems,
    }


def _unreadable(text):
    return {
        "problem": text,
        "consequence": "That place could not be compared.",
        "remedy": "Put right what the message says, and look again.",
    }


def _differs(installation, store):
    file = installation.inside(installation.path("secret"))
    if installation.release >= "3.3":
        return {
            "problem": f"The shared secret in {file} is not the one in the {store}.",
            "consequence": f"The {store}'s wins: the region writes {file} anew at its next start, "
            "and a cluster that was given the file's is refused.",
            "remedy": "Restart the region, and give the clusters its secret again.",
        }
    return {
        "problem": f"The shared secret in {file} is not the one in the {store}.",
        "consequence": "The region does not start its cluster connections (AssertionError: the "
        "secret stored in the database does not match the one on the filesystem).",
        "remedy": f"Move {file} away and restart the region, which writes the database's one; the "
        "clusters that were enrolled use that one.",
    }


def _open_to_all(installation, mode):
    file = installation.inside(installation.path("secret"))
    return {
        "problem": f"{file} has the mode {mode}: every user of this host may read it.",
        "consequence": "Whoever knows the secret can enrol a cluster.",
        "remedy": f"chmod 0640 {file}",
    }


def of_region(installation: Installation) -> str | None:
    """The region's shared secret, from the place that leads in its release.

    Returns:
        Hex, or None when the region has none yet.

    Raises:
        HostError: Until 3.2 file and database differ, which stops the region; from 3.3
            on neither database nor Vault nor file can be read.
    """
    found = places(installation)
    values = found["values"]
    file, kept = values.get("file"), values.get("database")
    if installation.release < "3.3" and file and kept and normal(kept) != file:
        problem = _differs(installation, "database")
        raise HostError(f"{problem['problem']} {problem['consequence']} {problem['remedy']}")
    for place in ("vault", "database", "file"):
        if values.get(place):
            return normal(values[place])
    if found["problems"] and "database" not in values and "file" not in values:
        raise HostError(found["problems"][0])
    return None


def write(installation: Installation, value: str) -> None:
    """Put the secret into its file ourselves, where no command takes it another way than as
    an argument (snap).

    Raises:
        HostError: It cannot be written.
    """
    path = installation.path("secret")
    paths.make_folder(os.path.dirname(path))
    owner = installation.fact("secret_owner")
    files.replace(installation, path, value, normal, owner=owner, backup=False)


def loose(installation: Installation) -> dict | None:
    """The change that owner and mode of the secret's file need, or None.

    Returns:
        ``{"old", "new"}``, such as ``0644 root:root`` and ``0640 maas:maas``.
    """
    now = paths.status(installation.path("secret"))
    user, group = installation.fact("secret_owner")
    desired, mode = f"0640 {user}:{group}", stat.S_IMODE(now.st_mode)
    old = f"{mode:04o} {_name(pwd.getpwuid, now.st_uid)}:{_name(grp.getgrgid, now.st_gid)}"
    # MAAS's own command leaves root as owner, which is as good.
    fine = {desired, f"0640 root:{group}"}
    known = _known(user, group)
    same = old in fine if known else mode == 0o640
    return None if same else {"old": old, "new": desired if known else f"0640 {old[5:]}"}


def _known(user, group):
    try:
        return bool(pwd.getpwnam(user) and grp.getgrnam(group))
    except KeyError:
        return False


def _name(look_up, number):
    with contextlib.suppress(KeyError):
        return look_up(number)[0]
    return str(number)


def install(installation: Installation, value: str, test: bool = False) -> dict:
    """Put a shared secret into the file of a region that has none yet.

    Args:
        installation: The region's host.
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
    from saltext.maas.host import transaction

    value = normal(value)
    now = read(installation)
    left = transaction.plan(installation, "secret")
    if now == value and not left:
        return {"changes": {}, "warnings": [], "restarted": []}
    if now is not None and now != value:
        raise HostError(
            "The region already has another shared secret, which its clusters use: "
            "give the clusters this region's secret, or leave the secret out of the pillar."
        )
    changes = left if now else {**left, "secret": {"old": None, "new": HIDDEN}}
    if test:
        return {"changes": changes, "warnings": [], "restarted": []}
    path = installation.path("secret")
    paths.make_folder(os.path.dirname(path))
    note = None
    names = installation.fact("region_services")
    with transaction.Change(installation, "secret", [path], services=names) as change:
        if now is None:
            files.replace(installation, path, value, normal, owner=("maas", "maas"))
            note = files.own_secret(installation, path)
    return {"changes": changes, "warnings": [note] if note else [], "restarted": change.restarted}
