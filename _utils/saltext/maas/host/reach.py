"""Does a region answer at a URL?"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from saltext.maas import poll
from saltext.maas.host import database
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.release import Release

REFUSED = "the connection was refused"
UNTRUSTED = "its certificate is not trusted"
NO_TLS = "there is no TLS at its port"
#: Seconds for which a region that nobody has just restarted is waited for while its host refuses
#: connections; and any whose certificate is not trusted, or that has no TLS.
PATIENCE = 15.0
_MOST = 1024 * 1024  # bytes that are read of an answer


def wait_for_api(
    url: str,
    release: Release,
    wait: float = 180,
    ca_file: str | None = None,
    patience: float | None = None,
) -> None:
    """Wait until a region's API answers.

    Args:
        url: Region URL.
        release: Its release, for the API's path.
        wait: Seconds.
        ca_file: CA for https.
        patience: Seconds of ``wait`` for which connections may be refused; all of them by
            default, for a region that was just restarted.

    Raises:
        HostError: It did not; the text has the last reason.
    """
    brief = {REFUSED: wait if patience is None else patience, UNTRUSTED: PATIENCE, NO_TLS: PATIENCE}
    unchanged, why = poll.Unchanged(), [""]

    def answers():
        reason = probe(f"{url.rstrip('/')}/api/{release.api}/version/", ca_file)
        if reason is None:
            return True
        why[0] = reason
        return False if unchanged.seconds(reason) >= brief.get(reason, wait) else None

    if not poll.wait(answers, wait, longest=3):
        seconds = min(wait, brief.get(why[0], wait))
        raise HostError(f"{poll.timed_out(seconds, f'the API at {url}', why[0])}.")


class ConnectedRacks:
    """The racks that are connected before a restart, to see them come back after it.

    Only the database of 2.0 and later tells; elsewhere, and where it cannot be
    reached, no rack is known and nothing is waited for.
    """

    def __init__(self, installation: Installation):
        self._installation = installation
        self._since = None
        self.names, self._since = self._ask()

    def _ask(self):
        if self._installation.release < "2.0":
            return [], None
        try:
            with database.connection(self._installation, timeout=5) as conn:
                return database.connected_racks(conn, self._since), database.now(conn)
        except database.DatabaseError:
            return [], None

    def wait(self, seconds: float = 180) -> list[str]:
        """Wait until they are connected again.

        Returns:
            A warning with the names of those that are not, or nothing.
        """
        missing = list(self.names)

        def back():
            connected = self._ask()[0] if missing else ()
            missing[:] = [name for name in self.names if name not in connected]
            return None if missing else True

        if not missing or poll.wait(back, seconds, longest=3):
            return []
        return [
            f"{poll.timed_out(seconds, 'racks to connect again', ', '.join(missing))}; see "
            "maas_cluster.doctor there."
        ]


def probe(url: str, ca_file: str | None = None, timeout: float = 5) -> str | None:
    """GET a URL; return None when it answers 200, else the reason in a few words."""
    return inspect(url, ca_file, timeout)[0]


def inspect(url: str, ca_file: str | None = None, timeout: float = 5) -> tuple[str | None, Any]:
    """GET a URL.

    Args:
        url: The URL.
        ca_file: CA for https.
        timeout: Seconds for all of it.

    Returns:
        ``(None, answer)`` when it answers 200, else ``(reason in a few words, answer or None)``;
        an answer has ``headers``, and its body in ``content`` as bytes.
    """
    # Slow, and most runs ask no region.
    import requests
    from saltext.maas.client import wire

    with wire.session(ca_file=ca_file or "") as http, wire.deadline(time.monotonic() + timeout):
        try:
            answer = http.get(url, timeout=timeout, allow_redirects=False, stream=True)
            found = SimpleNamespace(headers=answer.headers, content=wire.body(answer, _MOST))
        except requests.exceptions.SSLError as error:
            return UNTRUSTED if "CERTIFICATE" in str(error).upper() else NO_TLS, None
        except (OSError, *wire.FAULTS) as error:
            if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error):
                return "no answer in time", None
            return REFUSED if "refused" in str(error) else "no connection", None
        good = answer.status_code == 200
        return None if good else f"it answered {answer.status_code}", found


def check_region_url(
    url: str,
    release: Release | str | None = None,
    ca_file: str | None = None,
) -> dict:
    """Find out whether a region answers at a URL, as a cluster would ask it.

    Args:
        url: Region URL.
        release: Its release where known; decides which API path to try.
        ca_file: CA for https.

    Returns:
        ``{"reachable": bool, "reason": str or None}``.
    """
    base = url.rstrip("/")
    apis = [Release(release).api] if release else ["2.0", "1.0"]
    reason = None
    for path in ("rpc/", *(f"api/{api}/version/" for api in apis)):
        why = probe(f"{base}/{path}", ca_file)
        if why is None:
            return {"reachable": True, "reason": None}
        reason = reason or why
        if not why.startswith("it answered"):
            break
    return {"reachable": False, "reason": reason}
