"""API keys of a region's users, on the region host."""

from __future__ import annotations

from saltext.maas import runtime
from saltext.maas.host import key_file, users

__func_alias__ = {"list_": "list"}


def list_(username: str) -> list[str | None]:
    """List the names of a user's API keys; the keys themselves are secrets and not shown.

    Args:
        username (str): Whose keys.

    Returns:
        A list of names; releases before 2.1 have none, and None stands for each key.

    Raises:
        CommandExecutionError: There is no such user, or no region here.

    CLI Example:

    .. code-block:: bash

        salt region maas_api_key.list admin
    """
    installation = runtime.installation(globals(), "region")
    return [key["name"] for key in users.api_keys(installation, username)]


def create(username: str, path: str, name: str | None = None) -> str:
    """Make an API key and put it into a file that only root can read.

    Args:
        username (str): Whose key.
        path (str): File to write, made with mode 0600.
        name (str): What to call it (2.1 and later).

    Returns:
        The path.  The key is a secret, so it does not become a job's return.

    Raises:
        CommandExecutionError: There is no such user, no region here, or the
            file cannot be written.

    CLI Example:

    .. code-block:: bash

        salt region maas_api_key.create admin /root/maas.key name=backup
    """
    installation = runtime.installation(globals(), "region")
    return key_file.write(installation, username, path, name)


def revoke(path: str, profile: str | dict | None = None) -> bool:
    """Revoke the API key in a file at the region; the file stays.

    Args:
        path (str): File with the key.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        Whether the key was valid.

    Raises:
        CommandExecutionError: The file holds no key, or MAAS cannot be asked.

    CLI Example:

    .. code-block:: bash

        salt region maas_api_key.revoke /root/maas.key
    """
    return key_file.revoke(runtime.client(globals(), profile), path)


def fingerprints(username: str) -> dict[str, str | None]:
    """List a user's API keys by name and fingerprint, by which :py:func:`delete` finds one.

    Args:
        username (str): Whose keys.

    Returns:
        ``{fingerprint: name or None}``; the keys themselves are not shown.

    Raises:
        CommandExecutionError: There is no such user, or no region here.

    CLI Example:

    .. code-block:: bash

        salt region maas_api_key.fingerprints admin
    """
    installation = runtime.installation(globals(), "region")
    return {
        users.fingerprint(one["key"]): one["name"] for one in users.api_keys(installation, username)
    }


def rename(username: str, which: str, name: str) -> bool:
    """Give an API key a name, in MAAS 2.1 and later.

    Args:
        username (str): Whose key.
        which (str): Its name or fingerprint.
        name (str): The new name.

    Returns:
        Whether it had another name before.

    Raises:
        CommandExecutionError: There is no such key, or the region refuses.

    CLI Example:

    .. code-block:: bash

        salt region maas_api_key.rename admin 3f0c9d2b77aa backup
    """
    return users.rename_api_key(runtime.installation(globals(), "region"), username, which, name)


def delete(username: str, which: str) -> bool:
    """Delete an API key in the region; its users are locked out.

    Args:
        username (str): Whose key.
        which (str): Its name or fingerprint.

    Returns:
        Whether it was there.

    Raises:
        CommandExecutionError: There is no such key, or the region refuses.

    CLI Example:

    .. code-block:: bash

        salt region maas_api_key.delete admin 3f0c9d2b77aa
    """
    installation = runtime.installation(globals(), "region")
    key = users.find_key(installation, username, which)
    return users.delete_api_key(installation, username, key)
