"""Manage the profiles of the ``maas`` command for local users, in MAAS 1.5 and later.

The command has to be installed, in the region's release: package ``maas-cli``, which every
region and cluster has, or the snap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import cli, state_helpers
from saltext.maas.host import cli_login

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def profile_present(
    name: str,
    url: str | None = None,
    api_key: str | None = None,
    key_file: str | None = None,
    user: str = "root",
    ca_file: str | None = None,
    verify: bool | None = None,
    profile: str | dict | None = None,
) -> dict[str, Any]:
    """Ensure that a local user is logged in to a region with the ``maas`` command.

    The key goes to the command by standard input; it is neither shown nor returned.  A
    profile that was made for another release of the region is refreshed, and a file with
    keys that others could read is closed to them.

    What is not given is taken from the profile of these modules (see :ref:`profiles`), so on
    a region host nothing need be given.

    Args:
        name (str): Name of the profile, as in ``maas NAME machines read``.
        url (str): Region URL.
        api_key (str): Key, or an ``sdb://`` reference.
        key_file (str): File with the key instead, such as :py:func:`maas_api_key.present` makes.
        user (str): Local user whose profile it is.
        ca_file (str): PEM file with the CA of the region's certificate (3.2 and later).
        verify (bool): False does not check the certificate.
        profile (str or dict): Region to use; see :ref:`profiles`.

    Returns:
        dict: State return; keys are shown as asterisks.

    .. code-block:: yaml

        admin:
          maas_cli.profile_present:
            - url: http://192.0.2.10:5240/MAAS
            - key_file: /root/maas.key
            - user: ubuntu
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = cli.installation(globals())
        reach = cli.reach(globals(), url, api_key, key_file, ca_file, verify, profile)
        done = cli_login.log_in(installation, name, test=test, user=user, **reach)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)


def profile_absent(name: str, user: str = "root") -> dict[str, Any]:
    """Ensure that a local user has no such profile.  The key itself stays valid.

    Args:
        name (str): Name of the profile.
        user (str): Local user.

    Returns:
        dict: State return.

    .. code-block:: yaml

        admin:
          maas_cli.profile_absent:
            - user: ubuntu
    """
    test = bool(__opts__.get("test"))

    def work():
        installation = cli.installation(globals())
        return state_helpers.host_outcome(
            name, test, cli_login.log_out(installation, name, user=user, test=test)
        )

    return state_helpers.guarded(name, work)
