"""Manage the snap of MAAS, or another one, for which Salt has no state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import runtime, state_helpers
from saltext.maas.host import snapd

if TYPE_CHECKING:
    from saltext.maas.salt_types import Opts

    __opts__: Opts


def installed(
    name: str,
    channel: str,
    cohort: str | None = None,
    hold: bool | None = None,
    wait: float = 1800,
) -> dict[str, Any]:
    """Ensure that a snap is installed and follows a channel.

    A snap that is installed is not refreshed: another risk or cohort holds from its next refresh
    on, and one that follows another track fails, since that is an upgrade. Work that snapd has
    begun, as for a run that was killed, is waited for first.

    Args:
        name (str): Name of the snap, such as ``maas``.
        channel (str): ``TRACK/RISK``, such as ``3.7/stable``.
        cohort (str): Key of a cohort, by which all hosts get the same revision; as it is, by
            default.
        hold (bool): Whether its refreshes are held for ever; as it is, by default. For snapd 2.58
            and later.
        wait (float): Seconds that snapd may take for each step.

    Returns:
        dict: State return.

    .. code-block:: yaml

        maas:
          maas_snap.installed:
            - channel: 3.7/stable
            - hold: true
    """
    test = bool(__opts__.get("test"))

    def work():
        done = snapd.install(name, channel, cohort, hold, runtime.root(globals()), test, wait)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)


def absent(name: str, initialised: bool = False, wait: float = 600) -> dict[str, Any]:
    """Ensure that a snap is not installed; snapd keeps a snapshot of its data for some time.

    Args:
        name (str): Name of the snap.
        initialised (bool): Whether to remove also a MAAS that is a region or a rack.
        wait (float): Seconds that snapd may take.

    Returns:
        dict: State return.

    .. code-block:: yaml

        maas-test-db:
          maas_snap.absent: []
    """
    test = bool(__opts__.get("test"))

    def work():
        done = snapd.remove(name, initialised, runtime.root(globals()), test, wait)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)
