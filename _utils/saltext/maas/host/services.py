"""MAAS's services, under upstart, systemd or snapd."""

from __future__ import annotations

from saltext.maas.host.surface import Surface, failed


def commands(surface: Surface) -> list[str]:
    """Commands that :func:`restart` needs."""
    if surface.kind == "snap":
        return ["snap"]
    return ["systemctl"] if surface.systemd else ["service"]


def restart(surface: Surface, names) -> list[str]:
    """Restart services once, each; one that is stopped is started.

    Returns:
        The names.

    Raises:
        HostError: One of them would not; it is named.
    """
    names = list(names)
    if surface.kind == "snap":
        surface.check(["snap", "restart", *names], timeout=300)
    elif surface.systemd:
        surface.check(["systemctl", "restart", *names], timeout=300)
    else:
        for name in names:
            argv = ["service", name, "restart"]
            code, stdout, stderr = surface.run(argv, timeout=300)
            if code:  # upstart does not restart what does not run
                code, stdout, stderr = surface.run(["service", name, "start"], timeout=300)
            if code:
                raise failed(argv, code, stderr or stdout)
    return names


def stop(surface: Surface, names) -> list[str]:
    """Stop services, those that run; they stay stopped until they are started or the host is.

    Returns:
        The names of those that ran.

    Raises:
        HostError: One of them would not; it is named.
    """
    names = [name for name in names if running(surface, name)]
    for name in names:
        if surface.kind == "snap":
            surface.check(["snap", "stop", name], timeout=300)
        elif surface.systemd:
            surface.check(["systemctl", "stop", name], timeout=300)
        else:
            surface.check(["service", name, "stop"], timeout=300)
    return names


def running(surface: Surface, name: str) -> bool:
    """Whether a service runs."""
    if surface.kind == "snap":
        _, stdout, _ = surface.run(["snap", "services", name])
        return " active" in stdout
    if surface.systemd:
        return surface.run(["systemctl", "is-active", name])[0] == 0
    if surface.find("initctl"):
        code, stdout, _ = surface.run(["initctl", "status", name])
        if code == 0:
            return "start/running" in stdout
    # A service with an init script, such as apache2.
    return surface.run(["service", name, "status"])[0] == 0


def status(surface: Surface) -> dict[str, bool]:
    """Which of this host's MAAS services run: ``{name: True or False}``."""
    names = []
    for role in ("region", "cluster"):
        if role in surface.roles:
            names += surface.fact(f"{role}_services") or ()
    return {name: running(surface, name) for name in names}
