"""Manage the region's enrolment with MAAS Site Manager (3.6 and later)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import pillar, runtime, state_helpers
from saltext.maas.host import msm

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def enrolled(
    name: str,
    token: str | None = None,
    metadata: dict[str, Any] | None = None,
    wait: float = 300,
) -> dict[str, Any]:
    """Ensure that the region is enrolled with the Site Manager that made a token.

    What is not given is taken from the pillar ``maas:region:site_manager``; without a token a
    region that is not enrolled fails. One that is enrolled with another Site Manager fails as well:
    withdraw it first. Site Manager then replaces the region's boot sources (3.7: deletes the
    others, with their selections; 3.8: disables them), and from 3.8 on its image selections and
    settings.

    Args:
        name (str): Any text.
        token (str): Enrolment token, or an ``sdb://`` reference; never shown. It is used once.
        metadata (dict): Location and contact of the region: ``country`` (two letters),
            ``city``, ``state``, ``address``, ``postal_code``, ``timezone``, ``note``,
            ``coordinates`` (``latitude``, ``longitude``). Sent with the request only.
        wait (float): Seconds within which somebody has to approve it in Site Manager; 0 is content
            with the request.

    Returns:
        dict: State return.

    .. code-block:: yaml

        site manager:
          maas_msm.enrolled:
            - token: sdb://vault/site-manager-token
            - metadata:
                country: DE
                city: Berlin
    """
    own = state_helpers.given(locals(), "name", "wait")
    test = bool(__opts__.get("test"))

    def work():
        described = runtime.pillar(globals(), "region", "site_manager")
        found = {**described, **runtime.revealed(globals(), own)}
        pillar.check({"region": {"site_manager": found}}, runtime.release(globals()))
        installation = runtime.installation(globals(), "region")
        done = msm.enrol(installation, wait=wait, test=test, **found)
        return state_helpers.host_outcome(name, test, done, globals())

    return state_helpers.guarded(name, work)


def withdrawn(name: str) -> dict[str, Any]:
    """Ensure that the region is not enrolled with a Site Manager, and has no open request.

    3.6 and 3.7 withdraw only what is not approved yet; there remove the region in Site Manager.
    From 3.8 on MAAS deletes Site Manager's boot source and enables its own one again.

    Args:
        name (str): Any text.

    Returns:
        dict: State return.

    .. code-block:: yaml

        no site manager:
          maas_msm.withdrawn: []
    """
    test = bool(__opts__.get("test"))

    def work():
        done = msm.withdraw(runtime.installation(globals(), "region"), test)
        return state_helpers.host_outcome(name, test, done, globals())

    return state_helpers.guarded(name, work)
