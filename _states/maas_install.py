"""Install MAAS on its host: what Salt's own states of packages leave out.

The state tree ``maas.install`` uses these around Salt's ``pkgrepo``, ``file``, ``pkg`` and
``maas_snap``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saltext.maas import runtime, state_helpers
from saltext.maas.errors import NotInstalledYet
from saltext.maas.host import install

if TYPE_CHECKING:
    from saltext.maas.salt_types import Functions, Opts

    __salt__: Functions
    __opts__: Opts


def prepared(name: str) -> dict[str, Any]:
    """Ensure that MAAS can be installed here as the pillar says, and that debconf has its answers.

    Fail before anything is changed if the release does not run on this host, is not where the
    pillar says, or if another MAAS is installed: this neither upgrades MAAS nor exchanges packages
    and snap. Then give debconf the URL of the region, so that the first configuration of the
    packages is right. Passwords are not given to debconf: MAAS's packages pass the
    administrator's to a command as an argument.

    All is taken from the pillar's ``maas:install``, ``maas:release`` and ``maas:region``.

    Args:
        name (str): Any text.

    Returns:
        dict: State return.

    .. code-block:: yaml

        maas can be installed:
          maas_install.prepared: []
    """
    test = bool(__opts__.get("test"))

    def work():
        plan = install.Plan(**__salt__["maas_install.plan"]())
        done = install.preseed(plan, runtime.root(globals()), test)
        if test and plan.missing:
            runtime.expect_installation(globals(), plan.missing)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)


def verified(name: str) -> dict[str, Any]:
    """Ensure that MAAS is installed as the pillar says, and that debconf keeps no password.

    Args:
        name (str): Any text.

    Returns:
        dict: State return.

    .. code-block:: yaml

        maas is installed:
          maas_install.verified: []
    """
    test = bool(__opts__.get("test"))

    def work():
        plan = install.Plan(**__salt__["maas_install.plan"]())
        try:
            found = runtime.installation(globals())
            for role in plan.missing:
                runtime.refuse_before_installation(globals(), found, role)
        except NotInstalledYet:
            return state_helpers.outcome(name, test, comment="It would be looked at then.")
        done = install.verify(plan, runtime.root(globals()), test)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)


def removable(name: str) -> dict[str, Any]:
    """Ensure that MAAS may be removed from this host, and that the region's database stays then.

    Fail unless the pillar has ``maas:install:absent: true``, or no MAAS is installed here. Answer
    debconf's questions of ``dbconfig-common``, which could otherwise drop the database.

    Args:
        name (str): Any text.

    Returns:
        dict: State return.

    .. code-block:: yaml

        maas may go:
          maas_install.removable: []
    """
    test = bool(__opts__.get("test"))

    def work():
        confirmed = runtime.pillar(globals(), "install").get("absent") is True
        done = install.make_removable(runtime.root(globals()), confirmed, test)
        return state_helpers.host_outcome(name, test, done)

    return state_helpers.guarded(name, work)
