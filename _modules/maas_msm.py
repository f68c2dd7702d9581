"""The region's enrolment with MAAS Site Manager, by MAAS's own command on the region's host."""

from __future__ import annotations

import dataclasses
from typing import Any

from saltext.maas import pillar, runtime
from saltext.maas.errors import BadInput
from saltext.maas.host import msm


def status() -> dict[str, Any]:
    """Show the state of the region's enrolment with Site Manager.

    Returns:
        ``{state, host, since, confirmed}``: ``none``, ``pending`` (Site Manager has to approve
        it), ``connected`` or ``disconnected``; the Site Manager's host name; since when, as MAAS
        writes it; and whether the region's database confirms the state.

    Raises:
        CommandExecutionError: No region is installed here, its release has no such command, or the
            command failed.

    Holds for MAAS 3.6 and later.

    CLI Example:

    .. code-block:: bash

        salt region maas_msm.status
    """
    return dataclasses.asdict(msm.status(runtime.installation(globals(), "region")))


def enrol(token: str | None = None, wait: float = 300, test: bool = False) -> dict[str, Any]:
    """Enrol the region with Site Manager, as the state :py:func:`maas_msm.enrolled` does.

    Args:
        token (str): An ``sdb://`` reference to the enrolment token; the pillar's
            ``maas:region:site_manager:token`` by default. The token itself is refused, since Salt
            writes arguments down.
        wait (float): Seconds within which it has to be approved in Site Manager; 0 does not wait.
        test (bool): Only show what would be done.

    Returns:
        ``{changes, warnings, restarted}``; the token is never shown.

    Raises:
        CommandExecutionError: The token is missing or wrong, the region is enrolled elsewhere, the
            command failed, or the enrolment was not approved in time.

    Holds for MAAS 3.6 and later.

    CLI Example:

    .. code-block:: bash

        salt region maas_msm.enrol
        salt region maas_msm.enrol token=sdb://vault/site-manager wait=0
    """
    if token is not None and not str(token).startswith("sdb://"):
        raise BadInput(["token: give an sdb:// reference, or the pillar's site_manager:token"])
    described = runtime.pillar(globals(), "region", "site_manager")
    given = {"token": runtime.revealed(globals(), token)} if token else {}
    found = {**described, **given}
    pillar.check({"region": {"site_manager": found}}, runtime.release(globals()))
    installation = runtime.installation(globals(), "region")
    return msm.enrol(installation, wait=wait, test=test, **found)


def withdraw(test: bool = False) -> dict[str, Any]:
    """End the region's enrolment with Site Manager, or its request for one.

    Args:
        test (bool): Only show what would be done.

    Returns:
        ``{changes, warnings, restarted}``.

    Raises:
        CommandExecutionError: The command failed, or the release withdraws no enrolment that is
            approved (3.6 and 3.7).

    Holds for MAAS 3.6 and later.

    CLI Example:

    .. code-block:: bash

        salt region maas_msm.withdraw
    """
    return msm.withdraw(runtime.installation(globals(), "region"), test)
