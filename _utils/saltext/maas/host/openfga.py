"""The service maas-openfga, which regiond of 3.8 and later asks what a user may do."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
from typing import Any

from saltext.maas import poll
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation

_SERVICE = "maas-openfga"
#: Characters that maas-openfga and dbupgrade can put into a database URL, as they do not quote.
_UNQUOTED = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=-]*")
_PORT = 5432
_TIMEOUT = 5  # seconds for connecting, and again for the answer
_CONSEQUENCE = "MAAS fails every request that needs a permission"


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__(_SERVICE, timeout=timeout)
        self._folder, self._name = os.path.split(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        folder = os.open(self._folder, os.O_PATH | os.O_DIRECTORY)
        try:  # the path alone may be longer than a socket's address can be
            self.sock.connect(f"/proc/self/fd/{folder}/{self._name}")
        finally:
            os.close(folder)


def failure(installation: Installation) -> str | None:
    """Return why maas-openfga does not answer from its database; None when it does.

    MAAS 3.8 and later.
    """
    path = installation.path("openfga_socket")
    connection = _UnixConnection(path, _TIMEOUT)
    try:
        connection.request("GET", "/stores?page_size=1")
        answer = connection.getresponse()
        body = answer.read(1024 * 1024)
        if answer.status != 200:
            return f"it answers with status {answer.status}"
        sane = isinstance(json.loads(body).get("stores"), list)
        return None if sane else "its answer is invalid"
    except OSError as error:
        why = "timed out" if isinstance(error, TimeoutError) else error.strerror or "no answer"
        return f"{installation.inside(path)}: {why}"
    except (http.client.HTTPException, ValueError, AttributeError):
        return "its answer is invalid"
    finally:
        connection.close()


def obstacles(
    installation: Installation, settings: dict[str, Any], in_vault: bool
) -> list[tuple[str, str]]:
    """Return what prevents maas-openfga from using the region's database.

    It reads ``database_host``, ``database_name``, ``database_user`` and ``database_pass`` of
    ``regiond.conf`` only.

    Args:
        settings: ``database_port``, ``database_user`` and so on.
        in_vault: Whether the region keeps, or is going to keep, its secrets in Vault.

    Returns:
        Pairs of what is wrong and its remedy; none before 3.8.
    """
    if not installation.has("openfga_socket"):
        return []
    found = []
    if settings.get("database_port") not in (None, "", _PORT):
        text = f"{_SERVICE} does not read database_port ({settings['database_port']})"
        text += f" and connects to port {_PORT}; without it {_CONSEQUENCE}."
        found.append((text, f"Let PostgreSQL, or a proxy before it, listen on {_PORT}."))
    if in_vault:
        text = f"{_SERVICE} does not read Vault, to which the region moves database_name, "
        text += f"database_user and database_pass; without a login {_CONSEQUENCE}."
        found.append((text, f"Do not use Vault with MAAS {installation.release}."))
    names = ("database_name", "database_user", "database_password")
    odd = [one for one in names if not _UNQUOTED.fullmatch(str(settings.get(one) or ""))]
    if odd:
        text = f"{_SERVICE} and dbupgrade put {' and '.join(odd)} into a URL unquoted."
        found.append((text, "Use letters, digits and . _ ~ ! $ & ' ( ) * + , ; = - only there."))
    return found


def wait(installation: Installation, seconds: float) -> None:
    """Wait until maas-openfga answers; nothing is waited for before 3.8.

    Raises:
        HostError: It did not; the text has the last reason.
    """
    if not installation.has("openfga_socket"):
        return
    why = [""]

    def answers():
        reason = failure(installation)
        why[0] = reason or ""
        return None if reason else True

    if not poll.wait(answers, seconds, longest=2):
        raise HostError(f"{poll.timed_out(seconds, _SERVICE, why[0])}; see its log.")
