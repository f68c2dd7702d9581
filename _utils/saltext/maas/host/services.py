"""MAAS's services, under upstart, systemd or snapd."""

from __future__ import annotations

from collections.abc import Iterable

from saltext.maas.host import layouts
from saltext.maas.host.installation import Installation, failed
from saltext.maas.release import Release

#: In the order in which they are stopped.
ROLES = ("cluster", "region")


def commands(installation: Installation) -> list[str]:
    """Return the commands that :func:`restart` needs."""
    if installation.kind == "snap":
        return ["snap"]
    return ["systemctl"] if installation.systemd else ["service"]


def restart(installation: Installation, names: Iterable[str]) -> list[str]:
    """Restart services once, each; one that is stopped is started.

    Returns:
        The names.

    Raises:
        HostError: One of them would not; it is named.
    """
    names = list(names)
    if installation.kind == "snap" or installation.systemd:
        installation.check([*commands(installation), "restart", *names], timeout=300)
        return names
    for name in names:
        argv = _command(installation, "restart", name)
        code, stdout, stderr = installation.run(argv, timeout=300)
        if code:  # upstart does not restart what does not run
            code, stdout, stderr = installation.run(
                _command(installation, "start", name), timeout=300
            )
        if code:
            raise failed(argv, code, stderr or stdout)
    return names


def stop(installation: Installation, names: Iterable[str]) -> list[str]:
    """Stop services, those that run; they stay stopped until they are started or the host is.

    Returns:
        The names of those that ran.

    Raises:
        HostError: One of them would not; it is named.
    """
    names = [name for name in names if not _stopped(installation, name)]
    for name in names:
        installation.check(_command(installation, "stop", name), timeout=300)
    return names


def stop_all(installation: Installation, roles: Iterable[str] = ROLES) -> list[str]:
    """Stop all of MAAS on this host that works with the database: the rack, then the region.

    The snap has a single service, which is stopped for either role.  DHCP stops with the rack;
    what serves boot files, the proxy and DNS goes on.

    Args:
        roles: Of ``cluster`` and ``region``; those that the host has count.

    Returns:
        The names of the services that ran, in the order in which they were stopped.

    Raises:
        HostError: One of them would not; it is named.

    MAAS 1.5 to 3.8.
    """
    return stop(installation, _all(installation, roles, children=True))


def start_all(installation: Installation, roles: Iterable[str] = ROLES) -> list[str]:
    """Start all that :func:`stop_all` stops, the other way round.

    From 2.0 on the rack starts DHCP itself, once it is connected to the region.

    Returns:
        The names of the services that did not run before.

    Raises:
        HostError: One of them would not; it is named.

    MAAS 1.5 to 3.8.
    """
    roles = list(roles)
    wanted = [*reversed(_all(installation, roles, children=False))]
    started = [name for name in wanted if not running(installation, name)]
    for name in started:
        installation.check(_command(installation, "start", name), timeout=300)
    if {"cluster"} & installation.roles & set(roles) and not installation.systemd:
        for name in installation.fact("cluster_children") or ():
            # It refuses where there is nothing for it to do.
            installation.run(_command(installation, "start", name), timeout=300)
    return started


def hold(installation: Installation) -> None:
    """Keep what is stopped from being started by packages, a refresh or a start of the host.

    Upstart's jobs are not held.

    Raises:
        HostError: The command failed.
    """
    if installation.kind == "snap":
        installation.check(["snap", "stop", "--disable", "maas"], timeout=300)
    elif installation.systemd:
        installation.check(["systemctl", "mask", *_every()], timeout=300)


def release(installation: Installation) -> None:
    """End what :func:`hold` began; the snap is started by it.

    Raises:
        HostError: The command failed.
    """
    if installation.kind == "snap":
        installation.check(["snap", "start", "--enable", "maas"], timeout=300)
    elif installation.systemd:
        installation.check(["systemctl", "unmask", *_every()], timeout=300)


def _every():
    """The services of all releases from 2.0 on, as those of a later one come with an upgrade."""
    rows = [
        row
        for name in ("cluster_stops", "cluster_children", "region_stops")
        for since, row in layouts.DEB[name]
        if Release(since) >= "1.7"
    ]
    return sorted({name for row in rows for name in row if name.startswith("maas-")})


def _all(installation, roles, children):
    names: list[str] = []
    for role in ROLES:
        if role in installation.roles and role in roles:
            names += installation.fact(f"{role}_stops") or ()
            if children:
                names += installation.fact(f"{role}_children") or ()
    return [*dict.fromkeys(names)]


def _command(installation, verb, name):
    old = commands(installation) == ["service"]
    return [*commands(installation), *([name, verb] if old else [verb, name])]


def _stopped(installation, name):
    """Whether a service neither runs nor tries to, as one that ends over and over again does."""
    if installation.kind != "snap" and installation.systemd:
        state = installation.run(["systemctl", "is-active", name])[1].strip()
        return state not in ("active", "activating", "reloading", "deactivating")
    return not running(installation, name)


def running(installation: Installation, name: str) -> bool:
    """Return whether a service runs."""
    if installation.kind == "snap":
        _, stdout, _ = installation.run(["snap", "services", name])
        return " active" in stdout
    if installation.systemd:
        return installation.run(["systemctl", "is-active", name])[0] == 0
    if installation.find("initctl"):
        code, stdout, _ = installation.run(["initctl", "status", name])
        if code == 0:
            return "start/running" in stdout
    # A service with an init script, such as apache2.
    return installation.run(["service", name, "status"])[0] == 0


def status(installation: Installation) -> dict[str, bool]:
    """Return which of this host's MAAS services run: ``{name: True or False}``."""
    names: list[str] = []
    for role in ("region", "cluster"):
        if role in installation.roles:
            names += installation.fact(f"{role}_services") or ()
    return {name: running(installation, name) for name in names}
