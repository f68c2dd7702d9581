"""TLS of a region's own web server, in 3.2 and later: ``config-tls``."""

from __future__ import annotations

import hashlib
from typing import Any

from saltext.maas.host import database, files
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.host.reach import wait_for_api

PORT = 5443


def status(installation: Installation) -> dict[str, Any]:
    """Return whether TLS is on, from the region's database.

    Returns:
        ``{"enabled": bool, "port": int or None, "certificate": SHA-256 or None}``; with
        Vault the certificate is not in the database, and None.

    Raises:
        HostError: No region here, or a release before 3.2.
        DatabaseError: The database cannot be read.
    """
    found = _read(installation)
    return {**found, "certificate": _digest(found["certificate"])}


def _read(installation):
    _need(installation)
    with database.connection(installation, timeout=5) as conn:
        port = database.setting(conn, "tls_port")
        stored = database.own_secret(conn, "global/tls") or {}
        # First builds of 3.2 had them among the settings.
        pem = stored.get("cert") or database.setting(conn, "tls_cert")
    return {"enabled": bool(port), "port": port, "certificate": pem or None}


def _need(installation):
    installation.need_supported("region")
    if not installation.has("tls_command"):
        raise HostError(f"MAAS {installation.release} has no TLS of its own; 3.2 and later have.")


def _digest(pem):
    return hashlib.sha256(_blocks(pem).encode()).hexdigest() if pem else None


def _blocks(pem):
    """A PEM without what stands around its lines, so that equal ones compare equal."""
    return "\n".join(line.strip() for line in (pem or "").splitlines() if line.strip())


def enable(
    installation: Installation,
    key: str,
    cert: str,
    cacert: str | None = None,
    port: int = PORT,
    test: bool = False,
    wait: float = 60,
    url: str | None = None,
    ca_file: str | None = None,
    first: bool = False,
) -> dict[str, Any]:
    """Switch the region's web server to https with a key and a certificate.

    Args:
        key: Path of the private key on this host, readable by root only.
        cert: Path of the certificate.
        cacert: Path of the CA's chain.
        port: Its port.
        test: Only plan.
        wait: Seconds until the API has to answer.
        url: Where it has to answer; not asked without.
        ca_file: CA to trust then.
        first: Whether the region is only just being made, so that nothing can be read; with
            ``test``.

    Returns:
        ``{"changes": {"tls": {"old", "new"}} or {}, "warnings": [], "restarted": []}``: the
        region's web server takes it from the database by itself.

    Raises:
        HostError: A release before 3.2, a file that is missing or no PEM, the command
            failed, or the API did not answer; then TLS is as it was where that
            was off, or the text says what to do.
    """
    if not first:
        _need(installation)
    pem = _checked(key, cert, cacert, port)
    now = {"enabled": False} if first else _read(installation)
    held = now.get("certificate")
    same = held is None or _blocks(held) == _blocks(pem)
    if now["enabled"] and now["port"] == port and same:
        return {"changes": {}, "warnings": [], "restarted": []}
    changes = {"tls": {"old": _shown(now), "new": {"port": port, "certificate": _digest(pem)}}}
    if not test:
        options = ["--port", str(port), *(["--cacert", cacert] if cacert else [])]
        _run(installation, "enable", key, cert, *options)
        _verify(installation, now, url, wait, ca_file)
    return {"changes": changes, "warnings": [], "restarted": []}


def _checked(key, cert, cacert, port):
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise HostError(f"tls port must be a whole number from 1 to 65535, not {port!r}.")
    pem = _pem(cert, "cert", "CERTIFICATE")
    _pem(key, "key", "PRIVATE KEY")
    if cacert:
        _pem(cacert, "cacert", "CERTIFICATE")
    return pem


def disable(
    installation: Installation, test: bool = False, url: str | None = None
) -> dict[str, Any]:
    """Switch the region's web server back to http.

    Args:
        test: Only plan.
        url: Where it has to answer; not asked without.

    Returns:
        As :func:`enable`.

    Raises:
        HostError: A release before 3.2, the command failed, or the API did not answer.
    """
    now = _read(installation)
    if not now["enabled"]:
        return {"changes": {}, "warnings": [], "restarted": []}
    changes = {"tls": {"old": _shown(now), "new": None}}
    if not test:
        _run(installation, "disable")
        _verify(installation, None, url, 60)
    return {"changes": changes, "warnings": [], "restarted": []}


def _run(installation, *words):
    # It asks, since the other protocol is gone after this.
    installation.check([*installation.fact("tls_command"), *words], stdin="y\n")


def _shown(now):
    if not now["enabled"]:
        return None
    return {"port": now["port"], "certificate": _digest(now["certificate"])}


def _verify(installation, before, url, wait, ca_file=None):
    if not url:
        return
    try:
        wait_for_api(url, installation.release, wait, ca_file)
    except HostError as error:
        if before is None or before["enabled"]:
            raise HostError(f"{error} TLS was left as it is now.") from None
        _run(installation, "disable")
        raise HostError(f"{error} TLS was switched off again.") from None


def _pem(path, name, kind):
    text = files.read(path)
    if text is None:
        raise HostError(f"tls {name}: there is no file {path}.")
    if f"{kind}-----" not in text:
        raise HostError(f"tls {name}: {path} holds no {kind.lower()} in PEM form.")
    return text
