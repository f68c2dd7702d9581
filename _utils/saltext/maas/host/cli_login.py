"""Profiles of the ``maas`` command: which region a local user is logged in to, with which key.

They are in an sqlite file of each user; the layout is the same from 1.5 to 3.8.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
import tempfile
from typing import Any

from saltext.maas import region_url
from saltext.maas.client import Client, Profile
from saltext.maas.client.profile import api_key_fits
from saltext.maas.errors import MaasError
from saltext.maas.host import files, paths
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.host.local_users import Account, local_user
from saltext.maas.redact import HIDDEN

_NAME = re.compile(r"[A-Za-z0-9_][\w.@+-]{0,99}")
_COMMANDS = ("login", "logout", "list", "refresh")  # what no profile can be called
_FILE, _CERTIFICATES = ".maascli.db", ".maascli.certs"
MISSING = (
    "The command maas is not installed on this host: install the package maas-cli of "
    "the region's release, or its snap."
)


def _located(installation: Installation, user: str) -> tuple[Account, str]:
    """The local user, and the file of its profiles."""
    who = local_user(installation.root, user)
    # A snap's commands have a home of their own below the user's.
    folder = "snap/maas/current" if installation.kind == "snap" else ""
    return who, os.path.join(who.home, folder, _FILE)


def profiles(installation: Installation, user: str = "root") -> dict[str, dict[str, Any]]:
    """Return the profiles of one local user.

    Args:
        installation: A host with the ``maas`` command.
        user: Login name.

    Returns:
        ``{name: {"url", "api_key": asterisks or None, "ca_file": path or None}}``.

    Raises:
        HostError: There is no such user, or the file is broken.
    """
    return {
        name: {
            "url": data["url"],
            "api_key": HIDDEN if data.get("credentials") else None,
            "ca_file": data.get("cacerts"),
        }
        for name, data in _stored(*_located(installation, user)).items()
    }


def _stored(who, path) -> dict[str, dict]:
    content = files.read_bytes(path, who.uid)
    if content is None:
        return {}
    try:
        found = {name: json.loads(data) for name, data in _rows(content)}
        if not all(isinstance(data, dict) and data.get("url") for data in found.values()):
            raise ValueError
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return {}
        raise HostError(f"{path} cannot be read: {error}.") from None
    except (sqlite3.Error, ValueError):
        raise HostError(f"{path} holds no profiles of the maas command.") from None
    return found


def _rows(content):
    """Rows of a database, read from a copy: its user must not be able to exchange it meanwhile."""
    with tempfile.TemporaryDirectory(prefix="saltext-maas-") as folder:
        copy = os.path.join(folder, "profiles.db")
        with open(copy, "wb") as stream:
            stream.write(content)
        with contextlib.closing(sqlite3.connect(copy)) as database:
            return database.execute("SELECT name, data FROM profiles ORDER BY name").fetchall()


def plan(
    installation: Installation,
    name: str,
    url: str,
    api_key: str | None,
    user: str = "root",
    ca_file: str | None = None,
    verify: bool = True,
) -> dict[str, Any]:
    """Return what :func:`log_in` would change.

    Args:
        installation: A host with the ``maas`` command.
        name: What the profile is called.
        url: Region URL.
        api_key: ``consumer:token:secret``; never shown, never an argument.  None for a plan
            with a key that is yet to be made, which the region cannot be asked with.
        user: Local user whose profile it is.
        ca_file: PEM file for an https URL (3.2 and later).
        verify: False does not check the certificate.

    Returns:
        ``{"changes": {field: {"old", "new"}}, "warnings": []}``.

    Raises:
        HostError: A value is wrong, or the region refuses the key.
    """
    _check(installation, name, url, api_key, ca_file)
    who, path = _located(installation, user)
    described = _region(installation, url, api_key, ca_file, verify) if api_key else {}
    stored, changes = _stored(who, path).get(name), {}
    if stored is None:
        changes["profile"] = {"old": None, "new": name}
    now = stored or {}
    held = ":".join(now.get("credentials") or ())
    desired = _api(installation, url)
    if now.get("url") != desired:
        changes["url"] = {"old": now.get("url"), "new": desired}
    if api_key is None or not hmac.compare_digest(held, api_key):
        changes["api_key"] = {"old": HIDDEN if held else None, "new": HIDDEN}
    if ca_file and _certificates(now.get("cacerts")) != files.read(ca_file):
        changes["ca_file"] = {"old": now.get("cacerts"), "new": ca_file}
    known = now.get("description")
    if described and known is not None and _differs(known, described):
        changes["api"] = {"old": "description of another release", "new": "this region's"}
    return {"changes": {**changes, **_loose(who, path)}, "warnings": []}


def _check(installation, name, url, api_key, ca_file):
    _check_name(name)
    wrong = region_url.problem(url or "")
    if wrong:
        raise HostError(f"url: {wrong}")
    if api_key is not None and not api_key_fits(str(api_key)):
        raise HostError("api_key: must have the form consumer:token:secret.")
    if ca_file and installation.release < "3.2":
        raise HostError(
            f"ca_file: the maas command of {installation.release} takes none; 3.2 does."
        )
    if ca_file and not os.path.isfile(ca_file):
        raise HostError(f"ca_file: there is no file {ca_file}.")
    if not installation.find("maas"):
        raise HostError(MISSING)


def _check_name(name):
    if not _NAME.fullmatch(str(name)) or name in _COMMANDS:
        raise HostError(
            f"{name!r} cannot be a profile's name: letters, digits and _ . @ + - only, and no "
            f"command ({', '.join(_COMMANDS)})."
        )


def _api(installation, url):
    return f"{region_url.base(url)}/api/{installation.release.api}/"


def _region(installation, url, api_key, ca_file, verify):
    """The region's description of its API, once it took the key."""
    reach = Profile(
        url, api_key, ca_file or "", verify, release=installation.release,
        deadline=30, read_timeout=20,
        place="maas_cli",
    )  # fmt: skip
    client = Client(reach, patience=0)
    try:
        # 1.5 and 1.6 would store a wrong key without a word.
        if installation.release >= "2.0":
            client.get("users/", op="whoami", expect=dict)
        else:
            client.get("zones/", expect=list)
        return client.get("describe/", expect=dict)
    except MaasError as error:
        raise HostError(
            f"The maas command of {installation.release} cannot use {url} with this key: {error}"
        ) from None
    finally:
        client.close()


def _differs(stored, described):
    both = [one.get("hash") for one in (stored, described)]
    return both[0] != both[1] if all(both) else stored != described


def _certificates(path):
    """What a profile's file of certificates holds; the profile is its user's, so is the path."""
    try:
        return files.read(path) if path else None
    except HostError:
        return None


def _loose(who, path):
    """The change for a file that others may read, or that is not its user's."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return {}
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        raise HostError(f"{path} is a symbolic link; a file with keys must not be one.")
    if mode & 0o077 or found.st_uid != who.uid:
        old = f"{mode:04o} of {found.st_uid}"
        return {"permissions": {"old": old, "new": f"0600 of {who.uid}"}}
    return {}


def log_in(
    installation: Installation,
    name: str,
    url: str,
    api_key: str | None,
    test: bool = False,
    user: str = "root",
    ca_file: str | None = None,
    verify: bool = True,
) -> dict[str, Any]:
    """Log a local user in to a region, or refresh what the command stores about it.

    Args:
        installation: A host with the ``maas`` command.
        name: What the profile is called.
        url: Region URL.
        api_key: Goes to the command by standard input.
        test: Only plan.
        user, ca_file, verify: As in :func:`plan`.

    Returns:
        ``{"changes", "warnings"}``.

    Raises:
        HostError: A value is wrong, the region refuses, or the command failed.
    """
    planned = plan(installation, name, url, api_key, user, ca_file, verify)
    if test or not planned["changes"]:
        return planned
    who, path = _located(installation, user)
    _tighten(who, path)
    if planned["changes"].keys() - {"permissions"}:
        argv = ["maas", "login", name, _api(installation, url), "-"]
        argv += ["--cacerts", ca_file] if ca_file else []
        argv += [] if verify else ["--insecure"]
        key = api_key or ""
        installation.check(argv, f"{key}\n", hide=key.split(":"), account=who)
        _tighten(who, path)
        stored = _stored(who, path).get(name) or {}
        if not hmac.compare_digest(":".join(stored.get("credentials") or ()), key):
            raise HostError(f"{path} does not hold the profile {name} after maas login.")
    return planned


def _tighten(who, path):
    try:
        there = paths.status(path, who.uid)
        if there is None:
            return
        # Another's file is only given away where no link of that user led to it.
        theirs = there.st_uid == who.uid
        with paths.opened(path, who.uid if theirs else 0) as handle:
            if os.fstat(handle).st_uid != who.uid:
                if theirs:
                    raise HostError(f"{path} changed meanwhile; nothing was done to it.")
                paths.give(handle, path, who.uid, who.gid)
            os.fchmod(handle, 0o600)
    except OSError as error:
        raise HostError(f"{path} cannot be given to {who.name}: {error.strerror}.") from None


def log_out(
    installation: Installation, name: str, user: str = "root", test: bool = False
) -> dict[str, Any]:
    """Remove a profile, with its key and certificates; works without the command too.

    Returns:
        ``{"changes": {name: {"old", "new"}} or {}, "warnings": []}``.

    Raises:
        HostError: There is no such user, or the file cannot be changed.
    """
    _check_name(name)
    who, path = _located(installation, user)
    now = _stored(who, path).get(name)
    if now is None:
        return {"changes": {}, "warnings": []}
    if not test:
        if installation.find("maas"):
            installation.check(["maas", "logout", name], account=who)
        if name in _stored(who, path):
            _delete(who, path, name)
        paths.remove(os.path.join(os.path.dirname(path), _CERTIFICATES, f"{name}.pem"))
    return {"changes": {name: {"old": {"url": now["url"]}, "new": None}}, "warnings": []}


#: Run as the profile's user, who could exchange the file by a link.
_DELETE = """
import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1])) as database, database:
    database.execute("PRAGMA secure_delete = ON")
    database.execute("DELETE FROM profiles WHERE name = ?", (sys.argv[2],))
"""


def _delete(who, path, name):
    argv = [sys.executable, "-I", "-c", _DELETE, path, name]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, **who.identity)
    except OSError as error:
        why = f"{argv[0]} cannot be run as {who.name}: {error.strerror}"
        raise HostError(f"{path} cannot be changed: {why}.") from None
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise HostError(f"{path} cannot be changed: {why}.")
