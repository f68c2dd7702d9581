"""Checks that regions and clusters share."""

from __future__ import annotations

import email.utils
import ipaddress
import json
import socket
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from saltext.maas.doctor.findings import Finding, ok, problem, unknown, warning
from saltext.maas.host import files, paths, reach, shared_secret
from saltext.maas.host.installation import Installation
from saltext.maas.release import newer_release_warnings

REFUSED_AFTER = 300  # seconds of difference beyond which MAAS refuses signatures
_GOOD_CLOCK = 10
#: Seconds to wait for an event loop, and for the list of them.
_RPC_TIMEOUT = 3
_TIME_SERVICE = "Run a time service (chrony, ntp) on all hosts of this MAAS."


def release(installation: Installation) -> list[tuple[str, Callable]]:
    """Return the check of a release that is newer than all that are known; none for others."""
    remedy = "Look for a newer version of saltext.maas."
    return [
        ("release", lambda line=line: warning(f"{line}.", remedy))
        for line in newer_release_warnings(installation.release)
    ]


def region_url(installation: Installation, url: str, ca_file: str | None = None) -> list[Finding]:
    """Check whether the region answers at a URL, and what time it has."""
    address = f"{url.rstrip('/')}/api/{installation.release.api}/version/"
    reason, answer = reach.inspect(address, ca_file)
    if reason:
        return problem(
            f"The region does not answer at {url}: {reason}.",
            "Check the URL, name resolution, firewalls, and that the region's services run.",
        )
    try:
        date = answer.headers.get("Date") or ""
        theirs = email.utils.parsedate_to_datetime(date).timestamp()
        compared = clock(time.time() - theirs, "region's")
    except (TypeError, ValueError):
        compared = unknown("The region's answer had no date.", "clock")
    return [*ok(f"The region answers at {url}."), *compared]


def clock(ahead: float, whose: str, check: str = "clock") -> list[Finding]:
    """Return what a difference between this host's clock and another means.

    Args:
        ahead: Seconds by which this host's clock is ahead.
        whose: The other clock's owner, such as ``region's``.
        check: The check's name.
    """
    text = f"This host's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the "
    text += f"{whose}."
    if abs(ahead) > REFUSED_AFTER:
        remedy = f"{_TIME_SERVICE} MAAS refuses requests beyond {REFUSED_AFTER} s."
        return problem(text, remedy, check)
    if abs(ahead) > _GOOD_CLOCK:
        return warning(text, _TIME_SERVICE, check)
    return ok(f"This host's clock agrees with the {whose}.", check)


def name_resolution(url: str, local: bool) -> list[Finding]:
    """Check whether the host of a URL has an address that others can use.

    Args:
        url: Region URL.
        local: Whether the region is on this host.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError):
        return problem(
            f"{host} has no address here.",
            "Put it into DNS or /etc/hosts of every host of this MAAS, or use an address "
            "in the region URL.",
        )
    loopback = [one for one in found if ipaddress.ip_address(one.split("%")[0]).is_loopback]
    if loopback and not local:
        return problem(
            f"{host} is this host itself ({loopback[0]}), but the region is elsewhere.",
            "Take the name out of the loopback lines of /etc/hosts, or use the region's "
            "address in the region URL.",
        )
    if loopback:
        return warning(
            f"{host} is {loopback[0]}, which means another host to everybody else.",
            "Use an address or name in the region URL that machines and clusters can reach.",
        )
    return ok(f"{host} is {', '.join(found)}.")


def secret(installation: Installation) -> list[Finding]:
    """Check whether the shared secret is there, with the right owner and mode."""
    if not installation.has("secret"):
        return []
    path = installation.path("secret")
    shown, there = installation.inside(path), paths.status(path)
    if shared_secret.read(installation) is None or there is None:
        return problem(
            f"{shown} is missing or empty.",
            "Install the region's secret: maas_cluster.configured or "
            "maas_cluster.secret_installed.",
        )
    mode, wrong = stat.S_IMODE(there.st_mode), []
    if mode & 0o027:
        wrong.append(f"mode {mode:04o} instead of 0640")
    snap = installation.kind == "snap"
    if not installation.sandbox:
        user, group = files.names_of(there)
        good = ("root",) if snap else ("maas", "root")
        if user not in good:
            wrong.append(f"owner {user} instead of {good[0]}")
        if not snap and "maas" not in (user, group):
            wrong.append(f"group {group}, so that MAAS cannot read it")
    if wrong:
        remedy = f"chown {'root:root' if snap else 'maas:maas'} {shown}; chmod 0640 {shown}"
        return problem(f"{shown} has {' and '.join(wrong)}.", remedy)
    return ok(f"{shown} is there, with the right owner and mode.")


def listeners(installation: Installation, role: str) -> list[Finding]:
    """Check whether this host's own services listen on their ports."""
    check = f"ports of the {role}"
    if installation.sandbox:
        return unknown("A sandbox shares its ports with the host that it is on.", check)
    import psutil  # not everywhere

    open_ports = set()
    for one in psutil.net_connections("inet"):
        if one.laddr and one.type == socket.SOCK_DGRAM:
            open_ports.add(("udp", one.laddr.port))
        elif one.laddr and one.status == psutil.CONN_LISTEN:
            open_ports.add(("tcp", one.laddr.port))
    ports = installation.fact(f"{role}_ports")
    closed = [f"{kind} {port}" for kind, port in ports if (kind, port) not in open_ports]
    if closed:
        names = ", ".join(installation.fact(f"{role}_services"))
        remedy = f"Start {names}, and look at what the log says."
        return problem(f"Nothing listens on {', '.join(closed)}.", remedy, check)
    shown = ", ".join(f"{kind} {port}" for kind, port in ports)
    return ok(f"All are listened on: {shown}.", check)


def connections(url: str, ca_file: str | None = None) -> list[Finding]:
    """Check whether the region's event loops can be reached, over which clusters talk to it."""
    reason, answer = reach.inspect(f"{url.rstrip('/')}/rpc/", ca_file, _RPC_TIMEOUT)
    try:
        loops = {} if reason else json.loads(answer.content)["eventloops"]
        ends = {(str(host), int(port)) for known in loops.values() for host, port in known}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        reason, ends = "its answer is invalid", set()
    if reason:
        return unknown(f"The region does not report its RPC endpoints: {reason}.")
    if not ends:
        return problem(
            "The region has no event loop running.",
            "Look at the region's log: it opens them once its database and secret are in order.",
        )
    with ThreadPoolExecutor(min(len(ends), 16)) as pool:
        opens = list(pool.map(_opens, ends))
    if not any(opens):
        shown = ", ".join(sorted(f"{host}:{port}" for host, port in ends)[:4])
        remedy = "Open TCP 5250 to 5259 (3.7: 5270) from clusters to regions."
        return problem(f"None of them can be reached: {shown}.", remedy)
    return ok(f"{sum(opens)} of {len(ends)} can be reached.")


def _opens(end):
    try:
        socket.create_connection(end, _RPC_TIMEOUT).close()
    except OSError:
        return False
    return True
