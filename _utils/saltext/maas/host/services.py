"""MAAS's services, under upstart, systemd or snapd."""

from __future__ import annotations

from collections.abc import Iterable

from saltext.maas.host.installation import Installation, failed


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
        argv = ["service", name, "restart"]
        code, stdout, stderr = installation.run(argv, timeout=300)
        if code:  # upstart does not restart what does not run
            code, stdout, stderr = installation.run(["service", name, "start"], timeout=300)
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
    names = [name for name in names if running(installation, name)]
    for name in names:
        old = commands(installation) == ["service"]
        words = [name, "stop"] if old else ["stop", name]
        installation.check([*commands(installation), *words], timeout=300)
    return names


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
