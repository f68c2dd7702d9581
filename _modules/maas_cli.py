"""Profiles of the ``maas`` command for local users, in MAAS 1.5 and later."""

from __future__ import annotations

from saltext.maas import cli
from saltext.maas.host import cli_login


def profiles(user: str = "root") -> dict[str, dict]:
    """Show which regions a local user is logged in to; keys are not shown.

    Args:
        user (str): Local user.

    Returns:
        ``{name: {url, api_key, ca_file}}``; ``api_key`` only says whether there is one.

    Raises:
        CommandExecutionError: There is no such user, or no ``maas`` command here.

    CLI Example:

    .. code-block:: bash

        salt region maas_cli.profiles user=ubuntu
    """
    return cli_login.profiles(cli.installation(globals()), user)


def login(
    name: str,
    url: str | None = None,
    key_file: str | None = None,
    user: str = "root",
    ca_file: str | None = None,
    verify: bool | None = None,
    profile: str | dict | None = None,
) -> dict[str, dict]:
    """Log a local user in to a region.

    Args:
        name (str): Name of the profile.
        url (str): Region URL; that of these modules' profile by default.
        key_file (str): File with the API key; by default these modules' profile has the key.
        user (str): Local user.
        ca_file (str): PEM file with the CA of the region's certificate (3.2 and later).
        verify (bool): False does not check the certificate.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        What was changed, by field with old and new; empty if nothing.

    Raises:
        CommandExecutionError: The region refuses the key, or a value is wrong.

    CLI Example:

    .. code-block:: bash

        salt region maas_cli.login admin key_file=/root/maas.key user=ubuntu
    """
    reach = cli.reach(globals(), url, None, key_file, ca_file, verify, profile)
    return cli_login.log_in(cli.installation(globals()), name, user=user, **reach)["changes"]


def logout(name: str, user: str = "root") -> bool:
    """Remove a profile of a local user.

    Args:
        name (str): Name of the profile.
        user (str): Local user.

    Returns:
        Whether there was one.

    Raises:
        CommandExecutionError: There is no such user, or no ``maas`` command here.

    CLI Example:

    .. code-block:: bash

        salt region maas_cli.logout admin user=ubuntu
    """
    return bool(cli_login.log_out(cli.installation(globals()), name, user=user)["changes"])
