"""Checks that regions and clusters share."""

from __future__ import annotations

import contextlib
import email.utils
import grp
import ipaddress
import json
import pwd
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from saltext.maas.doctor.findings import ok, problem, unknown, warning
from saltext.maas.host import paths, reach, shared_secret

_REFUSED_AFTER = 300  # seconds of difference beyond which MAAS refuses signatures
_GOOD_CLOCK = 10
_CLOCK = "Run a time service (chrony, ntp) on all hosts of this MAAS."


def region_url(installation, url: str, ca_file=None, timeout: float = 5):
    """Whether the region answers at a URL, and what time it has."""
    check, address = "region URL", f"{url.rstrip('/')}/api/{installation.release.api}/version/"
    reason, answer = reach.inspect(address, ca_file, timeout)
    if reason:
        return [
            problem(
                check,
                f"The region does not answer at {url}: {reason}.",
                "Check the URL, name resolution, firewalls, and that the region's services run.",
            )
        ]
    return [ok(check, f"The region answers at {url}."), *_clock(answer.headers.get("Date"))]


def _clock(date):
    try:
        theirs = email.utils.parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError):
        return [unknown("clock", "The region's answer had no date.")]
    return [clock(time.time() - theirs, "region's", _REFUSED_AFTER)]


def clock(ahead: float, whose: str, refused_after: float):
    """What a difference between this host's clock and another means.

    Args:
        ahead: Seconds by which this host's clock is ahead.
        whose: The other clock's owner, such as ``region's``.
        refused_after: Seconds of difference that do harm.
    """
    told = f"This host's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the "
    told += f"{whose}."
    if abs(ahead) > refused_after:
        return problem("clock", told, f"{_CLOCK} MAAS refuses requests beyond {refused_after} s.")
    if abs(ahead) > _GOOD_CLOCK:
        return warning("clock", told, _CLOCK)
    return ok("clock", f"This host's clock agrees with the {whose}.")


def name_resolution(url: str, local: bool):
    """Whether the host of a URL has an address that others can use.

    Args:
        url: Region URL.
        local: Whether the region is on this host.
    """
    host = urlsplit(url).hostname or ""
    check = "name resolution"
    try:
        found = sorted({entry[4][0] for entry in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError):
        return [
            problem(
                check,
                f"{host} has no address here.",
                "Put it into DNS or /etc/hosts of every host of this MAAS, or use an address "
                "in the region URL.",
            )
        ]
    loopback = [one for one in found if ipaddress.ip_address(one.split("%")[0]).is_loopback]
    if loopback and not local:
        return [
            problem(
                check,
                f"{host} is this host itself ({loopback[0]}), but the region is elsewhere.",
                "Take the name out of the loopback lines of /etc/hosts, or use the region's "
                "address in the region URL.",
            )
        ]
    if loopback:
        return [
            warning(
                check,
                f"{host} is {loopback[0]}, which means another host to everybody else.",
                "Use an address or name in the region URL that machines and clusters can reach.",
            )
        ]
    return [ok(check, f"{host} is {', '.join(found)}.")]


def secret(installation):
    """Whether the shared secret is there, with the right owner and mode."""
    check = "shared secret"
    if not installation.has("secret"):
        return []
    path = installation.path("secret")
    shown = installation.inside(path)
    if shared_secret.read(installation) is None:
        return [
            problem(
                check,
                f"{shown} is missing or empty.",
                "Install the region's secret: maas_cluster.configured or "
                "maas_cluster.secret_installed.",
            )
        ]
    info = paths.status(path)
    wrong = []
    if stat.S_IMODE(info.st_mode) & 0o027:
        wrong.append(f"mode {stat.S_IMODE(info.st_mode):04o} instead of 0640")
    if not installation.sandbox:
        user, group = _names(info)
        good = ("root",) if installation.kind == "snap" else ("maas", "root")
        if user not in good:
            wrong.append(f"owner {user} instead of {good[0]}")
        if installation.kind == "deb" and not (user == "maas" or group == "maas"):
            wrong.append(f"group {group}, so that MAAS cannot read it")
    if wrong:
        owner = "root:root" if installation.kind == "snap" else "maas:maas"
        return [
            problem(check, f"{shown} has {' and '.join(wrong)}.",
                    f"chown {owner} {shown}; chmod 0640 {shown}")
        ]  # fmt: skip
    return [ok(check, f"{shown} is there, with the right owner and mode.")]


def _names(info):
    user, group = str(info.st_uid), str(info.st_gid)
    with contextlib.suppress(KeyError):
        user = pwd.getpwuid(info.st_uid).pw_name
    with contextlib.suppress(KeyError):
        group = grp.getgrgid(info.st_gid).gr_name
    return user, group


def listeners(installation, role: str):
    """Whether this host's own services listen on their ports."""
    check = f"ports of the {role}"
    if installation.sandbox:
        return [unknown(check, "A sandbox shares its ports with the host that it is on.")]
    import psutil

    open_ports = set()
    for one in psutil.net_connections("inet"):
        if one.type == socket.SOCK_DGRAM:
            open_ports.add(("udp", one.laddr.port))
        elif one.status == psutil.CONN_LISTEN:
            open_ports.add(("tcp", one.laddr.port))
    desired = installation.fact(f"{role}_ports")
    closed = [f"{kind} {port}" for kind, port in desired if (kind, port) not in open_ports]
    if closed:
        names = ", ".join(installation.fact(f"{role}_services"))
        return [
            problem(check, f"Nothing listens on {', '.join(closed)}.",
                    f"Start {names}, and look at what the log says.")
        ]  # fmt: skip
    return [ok(check, f"All are listened on: {', '.join(f'{k} {p}' for k, p in desired)}.")]


def connections(url: str, ca_file=None, timeout: float = 3):
    """Whether the region's event loops can be reached, over which clusters talk to it."""
    check = "region's RPC ports"
    reason, answer = reach.inspect(f"{url.rstrip('/')}/rpc/", ca_file, timeout)
    try:
        loops = {} if reason else json.loads(answer.content)["eventloops"]
        ends = {(str(host), int(port)) for known in loops.values() for host, port in known}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        reason, ends = "its answer makes no sense", set()
    if reason:
        return [unknown(check, f"The region does not tell where they are: {reason}.")]
    if not ends:
        return [
            problem(check, "The region has no event loop running.",
                    "Look at the region's log: it opens them once its database and secret are "
                    "in order.")
        ]  # fmt: skip
    with ThreadPoolExecutor(min(len(ends), 16)) as pool:
        closed = [end for end, open in pool.map(lambda end: (end, _opens(end, timeout)), ends)
                  if not open]  # fmt: skip
    if len(closed) == len(ends):
        told = ", ".join(sorted(f"{host}:{port}" for host, port in closed)[:4])
        return [
            problem(check, f"None of them can be reached: {told}.",
                    "Open TCP 5250 to 5259 (3.7: 5270) from clusters to regions.")
        ]  # fmt: skip
    return [ok(check, f"{len(ends) - len(closed)} of {len(ends)} can be reached.")]


def _opens(end, timeout):
    try:
        socket.create_connection(end, timeout).close()
    except OSError:
        return False
    return True
