"""Administrators and API keys by the region's own commands, where no API key exists yet."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from saltext.maas.client import Client, MaasError, Profile
from saltext.maas.host.config_files import read_config
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, failed
from saltext.maas.host.terminal import converse
from saltext.maas.redact import redact

_KEY = re.compile(r"^(\S+:\S+:\S+)(?: (.*))?$")
_NAME = re.compile(r"[\w.@+-]{1,150}")
_TIMEOUT = 120  # seconds for MAAS's command
# Texts of MAAS for what is there already; the first until 3.3, the second from 3.4 on.
_DUPLICATE = re.compile(r'unique constraint "auth_user_(username|email)_key"')
_EXISTS = re.compile(r"A user with the email \S+ already exists")


def _tool(installation, *arguments):
    installation.need("region")
    return [installation.fact("region_tool"), *arguments]


def _check(username, password=None):
    if not _NAME.fullmatch(username) or username.startswith("-"):
        raise HostError("A username has letters, digits and @ . + - _ only.")
    if password is not None and (not password or re.search(r"[\x00-\x1f]", password)):
        raise HostError("A password is one line of text, not empty.")


def refuse_taken(
    username: str, email: str, email_owner: Callable[[str], str | None] | None
) -> None:
    """Raise :class:`HostError` where an e-mail address is another user's."""
    owner = email_owner(email) if email_owner else None
    if owner is not None and owner != username:
        raise HostError(f"The e-mail address {email} is the user {owner}'s already.")


def exists(installation: Installation, username: str) -> bool:
    """Return whether the region has a user, administrator or not.

    Raises:
        HostError: The command failed for another reason.
    """
    return _apikey(installation, username) is not None


def _apikey(installation, username, *options):
    """What the region's command ``apikey`` printed; None where there is no such user."""
    _check(username)
    argv = _tool(installation, "apikey", "--username", username, *options)
    code, stdout, stderr = installation.run(argv)
    if code and "User does not exist" in stderr + stdout:
        return None
    if code:
        raise failed(argv, code, stderr or stdout)
    return stdout


def create_admin(
    installation: Installation,
    username: str,
    password: str,
    email: str,
    timeout: float = _TIMEOUT,
    email_owner: Callable[[str], str | None] | None = None,
) -> dict[str, bool]:
    """Create an administrator; the password goes over a terminal, never as an argument.

    Args:
        username: Login name.
        password: One line, not empty.
        email: E-mail address, which no other user may have.
        timeout: Seconds.
        email_owner: ``f(email) -> username or None`` to find out beforehand
            who has the address, such as in the database.

    Returns:
        ``{"created": True}``.

    Raises:
        HostError: The name or address is taken, or the command failed.
    """
    _check(username, password)
    if not email or re.search(r"\s", email) or email.startswith("-"):
        raise HostError(f"The administrator {username} needs an e-mail address.")
    refuse_taken(username, email, email_owner)
    argv = _tool(installation, "createadmin", "--username", username, "--email", email)
    code, output = converse(installation, argv, [password, password], timeout)
    if code == 0:
        return {"created": True}
    duplicate = _DUPLICATE.search(output)
    taken = duplicate.group(1) if duplicate else ""
    if not duplicate and _EXISTS.search(output):
        # Since 3.4 the text names the address also when it is the name that is taken.
        taken = "username" if exists(installation, username) else "email"
    if taken == "username":
        raise HostError(f"There is a user {username} already.")
    if taken:
        raise HostError(f"The e-mail address {email} is another user's already.")
    raise failed(argv, code, output, [password])


def set_password(installation: Installation, username: str, password: str) -> None:
    """Give a user another password, by standard input (1.9+) or a terminal.

    Raises:
        HostError: There is no such user, or the password was refused.
    """
    _check(username, password)
    if installation.release >= "1.9":
        argv = _tool(installation, "changepasswords")
        installation.check(argv, f"{username}:{password}\n", _TIMEOUT, hide=[password])
        return
    argv = _tool(installation, "changepassword", username)
    code, output = converse(installation, argv, [password, password], _TIMEOUT)
    if code:
        raise failed(argv, code, output, [password])


def have_names(installation: Installation) -> bool:
    """Return whether API keys have names (2.1 and later)."""
    return installation.release >= "2.1"


def need_names(installation: Installation) -> None:
    """Raise :class:`HostError` before 2.1, where API keys have no names."""
    if not have_names(installation):
        raise HostError(f"API keys of MAAS {installation.release} have no names; 2.1 has.")


def api_keys(installation: Installation, username: str) -> list[dict[str, Any]]:
    """Return a user's API keys.

    Returns:
        ``[{"name": str or None, "key": "consumer:token:secret"}]``; names
        from 2.1 on.  The keys are secrets.

    Raises:
        HostError: There is no such user.
    """
    return _keys(installation, username, *(["--with-names"] if have_names(installation) else []))


def _keys(installation, username, *options):
    text = _apikey(installation, username, *options)
    if text is None:
        raise HostError(f"There is no user {username}.")
    found = (_KEY.match(line.strip()) for line in text.splitlines())
    return [{"name": match.group(2), "key": match.group(1)} for match in found if match]


def generate_api_key(
    installation: Installation, username: str, name: str | None = None
) -> dict[str, Any]:
    """Make another API key for a user.

    Args:
        username: Whose.
        name: What to call it (2.1 and later; ignored before).

    Returns:
        ``{"name", "key"}``; the key is a secret.

    Raises:
        HostError: There is no such user.
    """
    name = name if name and have_names(installation) else None
    keys = _keys(installation, username, "--generate", *(["--name", name] if name else []))
    if not keys:
        raise HostError("apikey --generate printed no key.")
    return {"name": name, "key": keys[-1]["key"]}


def delete_api_key(
    installation: Installation, username: str, key: str, url: str | None = None
) -> bool:
    """Delete an API key over the region's API, signed with that key itself.

    The command's ``--delete`` takes the whole key as an argument, for all
    users of the host to see, so it is not used.

    Args:
        username: Whose key it is; a key that is not this user's is not deleted.
        key: ``consumer:token:secret``.
        url: Region URL; by default the one of this host's configuration.

    Returns:
        Whether it was there.

    Raises:
        HostError: The region refused.
    """
    if key not in [item["key"] for item in api_keys(installation, username)]:
        return False
    token = key.split(":")[1]
    data = {"token_key": token}
    _ask_with(installation, key, "delete_authorisation_token", data, "deleted", url)
    return True


def _ask_with(installation, key, op, data, done, url=None):
    """Have the region change an API key, by a request that this key signs."""
    url = url or read_config(installation)["url"]
    client = Client(Profile(url, key, release=installation.release))
    try:
        client.post("account/", op=op, data=data, hide=[key.split(":")[1]])
    except MaasError as error:
        text = redact(str(error), key.split(":"))
        raise HostError(f"The API key was not {done}: {text}") from None
    finally:
        client.close()


def fingerprint(key: str) -> str:
    """Return what names a key without showing it: 12 hex digits of its hash."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def matching(keys: list[dict[str, Any]], which: str) -> list[str]:
    """Return those of some keys, as :func:`api_keys` has them, of a name or fingerprint."""
    return [one["key"] for one in keys if which in (one["name"], fingerprint(one["key"]))]


def find_key(installation: Installation, username: str, which: str) -> str:
    """Return the one key of a user with a name or :func:`fingerprint`.

    Raises:
        HostError: None or several fit, or there is no such user.
    """
    found = matching(api_keys(installation, username), which)
    if len(found) != 1:
        many = f"{len(found)} keys" if found else "no key"
        raise HostError(f"{username} has {many} with the name or fingerprint {which!r}.")
    return found[0]


def rename_api_key(installation: Installation, username: str, which: str, name: str) -> bool:
    """Give an API key another name over the region's API, signed with that key (2.1 and later).

    The command's ``--update`` takes the whole key as an argument, so it is not used.

    Returns:
        Whether it had another name before.

    Raises:
        HostError: There is no such key, or this release has no names.
    """
    need_names(installation)
    key = find_key(installation, username, which)
    if {"name": name, "key": key} in api_keys(installation, username):
        return False
    data = {"token": key.split(":")[1], "name": name}
    _ask_with(installation, key, "update_token_name", data, "renamed")
    return True
