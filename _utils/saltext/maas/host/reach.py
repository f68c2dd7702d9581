"""Does a region answer at a URL?"""

from __future__ import annotations

import time
from types import SimpleNamespace

from saltext.maas.host.errors import HostError
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
    deadline = time.monotonic() + wait
    brief = {REFUSED: wait if patience is None else patience, UNTRUSTED: PATIENCE, NO_TLS: PATIENCE}
    since, pause = {}, 0.1
    while True:
        reason = probe(f"{url.rstrip('/')}/api/{release.api}/version/", ca_file)
        if reason is None:
            return
        now = time.monotonic()
        lasted = now - since.setdefault(reason, now)
        limit = brief.get(reason, wait)
        if now + pause > deadline or lasted + pause > limit:
            within = f"within {min(wait, limit):g} s"
            raise HostError(f"The API did not answer at {url} {within} ({reason}).")
        time.sleep(pause)
        pause = min(pause * 1.5, 3)


class Clusters:
    """The racks that are connected before a restart, to see them come back after it.

    Args:
        installation: The region's host.

    Only the database of 2.0 and later tells; elsewhere, and where it cannot be
    reached, no rack is known and nothing is waited for.
    """

    def __init__(self, installation):
        self._installation = installation
        self.names, self._since = [], None
        found = self._ask()
        if found:
            self.names, self._since = found

    def _ask(self):
        from saltext.maas.host import database

        if self._installation.release < "2.0":
            return None
        try:
            with database.connection(self._installation, timeout=5) as conn:
                return database.connected_racks(conn, self._since), database.now(conn)
        except database.DatabaseError:
            return None

    def wait(self, seconds: float = 180) -> list[str]:
        """Wait until they are connected again.

        Returns:
            A warning with the names of those that are not, or nothing.
        """
        missing = list(self.names)
        deadline = time.monotonic() + seconds
        pause = 0.1
        while missing:
            back = (self._ask() or ([], None))[0]
            missing = [name for name in self.names if name not in back]
            if not missing or time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
            pause = min(pause * 1.5, 3)
        if not missing:
            return []
        return [
            f"Not connected again within {seconds:g} s: {', '.join(missing)}; see "
            "maas_cluster.doctor there."
        ]


def probe(url: str, ca_file: str | None = None, timeout: float = 5) -> str | None:
    """GET a URL; None when it answers 200, else the reason in a few words."""
    return look(url, ca_file, timeout)[0]


def look(url: str, ca_file: str | None = None, timeout: float = 5) -> tuple:
    """GET a URL.

    Args:
        url: The URL.
        ca_file: CA for https.
        timeout: Seconds for all of it.

    Returns:
        ``(None, answer)`` when it answers 200, else ``(reason in a few words, answer or None)``;
        an answer has ``headers``, and its body in ``content`` as bytes.
    """
    import requests
    from saltext.maas.client import wire

    with wire.session(ca_file=ca_file or "") as http, wire.until(time.monotonic() + timeout):
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
    timeout: float = 5,
    ca_file: str | None = None,
) -> dict:
    """Find out whether a region answers at a URL, as a cluster would ask it.

    Args:
        url: Region URL.
        release: Its release where known; decides which API path to try.
        timeout: Seconds for each try.
        ca_file: CA for https.

    Returns:
        ``{"reachable": bool, "reason": str or None}``.
    """
    base = url.rstrip("/")
    apis = [Release(release).api] if release else ["2.0", "1.0"]
    reason = None
    for path in ("rpc/", *(f"api/{api}/version/" for api in apis)):
        told = probe(f"{base}/{path}", ca_file, timeout)
        if told is None:
            return {"reachable": True, "reason": None}
        reason = reason or told
        if not told.startswith("it answered"):
            break
    return {"reachable": False, "reason": reason}
