"""Show what MAAS is to be installed on this host."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from saltext.maas import pillar, runtime
from saltext.maas.host import install, installation

if TYPE_CHECKING:
    from saltext.maas.salt_types import Grains, Opts

    __grains__: Grains
    __opts__: Opts


def plan() -> dict[str, Any]:
    """Show what ``maas.install`` installs here, and what prevents it; nothing is changed.

    It follows from the pillar's ``maas:install``, ``maas:release`` and ``maas:region``.

    Returns:
        ``{kind, role, release, packages, repository, pin, questions, channel, cohort, hold,
        interrupted, missing, problems}``: packages with their versions, arguments of Salt's
        ``pkgrepo.managed``, APT's preferences, debconf's answers (none is secret), the snap's
        channel and cohort, whether dpkg was stopped within its work, roles that are not installed
        yet, and a line for each reason why it cannot be installed.

    Holds for MAAS 1.5 and later; the snap from 2.7 on.

    CLI Example:

    .. code-block:: bash

        salt region maas_install.plan
    """
    return dataclasses.asdict(_plan())


def installed() -> dict[str, Any]:
    """Show which packages of MAAS, or whether its snap, are installed here.

    Returns:
        ``{kind, packages}``: ``deb``, ``snap`` or None, and packages with their versions.

    CLI Example:

    .. code-block:: bash

        salt region maas_install.installed
    """
    root = runtime.root(globals())
    found, packages = runtime.installation(globals()), installation.packages(root)
    return {"kind": found.kind if found else None, "packages": packages}


def _plan():
    described = runtime.as_written(globals())
    sections = {
        key: described[key] for key in ("release", "install", "region") if described.get(key)
    }
    problems = pillar.problems(sections)
    if problems:
        return install.Plan(problems=problems)
    named = pillar.controllers(described).get(__opts__["id"])
    return install.make_plan(
        described, named and named.values, dict(__grains__), runtime.root(globals())
    )
