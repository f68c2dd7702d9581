"""The daemons of sandbox hosts: clusters, racks and the region's own restart.

A daemon takes its configuration only when it starts.  One that runs tries to
register until the region takes it, and writes to its log what MAAS would.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlencode, urlsplit

from maas_emulator import control, region_hosts
from maas_emulator.core import Region
from maas_emulator.hosts import agent, database, formats, openfga
from maas_emulator.hosts.sandbox import Sandbox

log = logging.getLogger(__name__)

#: Files that a region (3.5 and later) takes from its database if one of them is missing.
_CERTIFICATES = ("cluster.key", "cluster.pem", "cacerts.pem")


class Hosts:
    """The daemons of every sandbox in a folder.

    Args:
        region: The emulated region.
        base_url: Its URL, ``http://127.0.0.1:PORT/MAAS``.
        directory: Folder whose sub-folders are sandbox roots; more may come later.
        interval: Seconds between two looks at them.
        retry: Seconds between two tries of a daemon that was not taken in.
        servers: Where there are several hosts of the region: what each one serves, by host name
            (:class:`~maas_emulator.server.RegionServer`, started before).  It answers while the
            host's regiond runs.
    """

    def __init__(
        self,
        region: Region,
        base_url: str,
        directory: str | os.PathLike,
        interval: float = 0.3,
        retry: float = 1.0,
        servers: dict | None = None,
    ):
        self.region = region
        self.base_url = base_url.rstrip("/")
        self.directory = os.path.realpath(directory)
        self.servers = servers or {}
        for row in region.rows("regions").values() if self.servers else ():
            row["running"] = False  # until its host's regiond starts
        self._interval = interval
        self._retry = retry
        self._daemons: dict[str, list] = {}
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        control.trust(region, self.directory)

    def start(self) -> Hosts:
        """Look at the hosts in a thread of its own; returns self."""
        os.makedirs(self.directory, exist_ok=True)
        self._look()
        self._thread = threading.Thread(target=self._run, name="maas-hosts", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop all daemons, as when the lights go out: nothing is logged."""
        self._done.set()
        if self._thread:
            self._thread.join()
            self._thread = None
        for daemons in self._daemons.values():
            for daemon in daemons:
                if isinstance(daemon, openfga.Daemon):
                    daemon.disconnect()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.stop()

    def _run(self):
        while not self._done.wait(self._interval):
            self._look()

    def _look(self):
        found = {}
        for root in self._roots():
            try:
                found[root] = self._daemons.get(root) or self._welcome(root)
            except (OSError, ValueError, KeyError):
                log.exception("sandbox %s", root)  # perhaps it is just being removed
        for root, daemons in self._daemons.items():
            if root not in found:  # the host is gone
                for daemon in daemons:
                    daemon.disconnect()
        self._daemons = found
        for daemons in found.values():
            for daemon in daemons:
                try:
                    daemon.step()
                except Exception:  # one broken host must not stop the others
                    log.exception("sandbox %s", daemon.host.root)
                    daemon.pause(5)
        services = [
            one for some in found.values() for one in some if isinstance(one, openfga.Daemon)
        ]
        if services:
            self.region.permissions_known = any(one.listens for one in services)

    def connections_lost(self) -> None:
        """The region restarted: from 1.7 on its clusters have to connect anew."""
        for daemons in self._daemons.values():
            for daemon in daemons:
                if daemon.role == "cluster" and daemon.host.release >= "1.7":
                    daemon.disconnect()

    def _roots(self):
        try:
            names = sorted(os.listdir(self.directory))
        except FileNotFoundError:
            return []
        roots = [os.path.join(self.directory, name) for name in names]
        return [root for root in roots if os.path.exists(os.path.join(root, "emulator.json"))]

    def _welcome(self, root):
        host = Sandbox(root)
        info = host.info
        server = self.servers.get(info["hostname"])
        parts = urlsplit(server.url if server else self.base_url)
        control_url = f"{parts.scheme}://{parts.netloc}/_emulator"
        if info["url"] != control_url:
            info["url"] = control_url
            host.write("emulator.json", json.dumps(info, indent=1))
        kinds = {"region": _RegionDaemon, "cluster": _ClusterDaemon}
        found: list = [kinds[role](self, host) for role in host.roles]
        if "region" in host.roles and "openfga_socket" in host.files():
            found.append(openfga.Daemon(host))
        return found


class _Daemon:
    """A service of a host that is restarted after a change of its configuration."""

    role = ""

    def __init__(self, hosts, host):
        self.hosts = hosts
        self.host = host
        self.region = hosts.region
        self.name = host.trait(f"{self.role}_daemon")
        self._starts = None  # the start that the configuration was read at
        self._changed = None
        self._not_before = 0.0

    def pause(self, seconds: float) -> None:
        """Do nothing for a while."""
        self._not_before = time.monotonic() + seconds

    def step(self) -> None:
        """Look at the service manager, and do what is due."""
        changed = os.stat(self.host.path("var/lib/emulator/services.json")).st_mtime_ns
        if changed != self._changed:
            self._changed = changed
            now = self.host.service(self.name)
            if not now["running"]:
                self._starts = None
                self.disconnect()
            elif now["starts"] != self._starts:
                self._starts = now["starts"]
                self.disconnect()
                self.started()
                self._not_before = 0.0
        if self._starts is not None and time.monotonic() >= self._not_before:
            self.work()

    def started(self) -> None:
        """Read the configuration."""

    def work(self) -> None:
        """Go on with what is left to do."""

    def disconnect(self) -> None:
        """The daemon stopped."""


class _RegionDaemon(_Daemon):
    role = "region"

    def __init__(self, hosts, host):
        super().__init__(hosts, host)
        self._seen = None
        self._started = False
        self._has_secret = "secret" in host.files()
        self._server = hosts.servers.get(host.info["hostname"])
        self._ident = None
        if self._server:
            self._server.is_up = self._is_current

    def _is_current(self):
        """Whether it runs as it was started last: a restart ends it at once."""
        now = self.host.service(self.name)
        return self._ident is not None and now["running"] and now["starts"] == self._starts

    def _file(self):
        return (self.host.read("secret") or "").strip()

    def work(self) -> None:
        """Up to 3.2 the secret is read anew for each cluster that connects."""
        if self._server and self._ident is None:
            self._begin()
        if not self._has_secret or self.host.release >= "3.3":
            return
        text = self._file()
        new = text and text not in (self._seen, self.region.secret)
        if new and text == database.shared_secret(self.host):
            self.region.secret = text
        self._seen = text

    def started(self) -> None:
        self.region.release = self.host.release  # another one after an upgrade
        self._look_at_postgresql()
        if self._started:
            self.hosts.connections_lost()
        self._started = True
        if self._server is None:
            self._take_secret()

    def _take_secret(self):
        """Use the region's secret; False where up to 3.2 the file has another one."""
        text = self._file()
        known = "secret" in vars(self.region)
        if known and self.host.release >= "3.3" and text != self.region.secret:
            self.region.secret = database.shared_secret(self.host) or self.region.secret
        if not self._has_secret or text == self.region.secret:
            return True
        if text and not known:
            self.region.secret = text  # the region has none of its own yet
        elif text and self.host.release < "3.3":
            message = (
                "AssertionError: The secret stored in the database does not match the secret "
                "stored on the filesystem"
            )
            self.host.log("maas-regiond", message, "region_log")
            return False
        else:
            self.host.write("secret", self.region.secret, 0o640, "maas:maas")
        return True

    def _begin(self):
        """Take the host's part in the region; where that fails, MAAS tries again every 3 s."""
        self.pause(self.hosts._retry)
        host = self.host
        try:
            if self.region.options.database:
                with database.transaction(host) as cursor:
                    database.setting(cursor, "maas_name")
            if not self._take_secret():
                return
            known = (host.read("maas_id") or "").strip() or None
            facts = host.info["hostname"], known, host.info["interfaces"], self._server.port
            self._ident = region_hosts.started(self.region, *facts)
        except Exception as error:
            host.log("maas-regiond", f"Error during start-up: {error}", "region_log")
            return
        host.write("maas_id", self._ident, 0o640, "maas:maas")
        folder = host.trait("certificates")
        if folder and not all(map(host.read, (f"{folder}/{one}" for one in _CERTIFICATES))):
            for name in _CERTIFICATES:
                host.write(f"{folder}/{name}", f"{name} of {id(self.region)}\n", 0o600)

    def disconnect(self) -> None:
        """The regiond ended, and says so."""
        if self._ident is not None:
            region_hosts.ended(self.region, self._ident)
        self._ident = None

    def _look_at_postgresql(self):
        """A region does not come up with a PostgreSQL that is too old for its release."""
        version, oldest = self.host.info.get("postgresql"), self.host.trait("postgresql")
        if version is None or oldest is None:
            return
        refused = version < oldest
        self.region.unavailable_until = float("inf") if refused else 0.0
        if refused:
            text = (
                "Error starting: Connection to database cannot be established.\n"
                "maasserver.plugin.UnsupportedDBException: "
                f"Unsupported postgresql server version ({version}) detected"
            )
            keys = formats.read_yaml(self.host.read("region_config"))
            if self.host.release >= "3.8" and keys.get("use_json_logging", True):
                text = _json_line("critical", text, "-")
            for line in text.splitlines():
                self.host.log("maas-regiond", line, "region_log")


class _ClusterDaemon(_Daemon):
    role = "cluster"

    def __init__(self, hosts, host):
        super().__init__(hosts, host)
        self._ident = None
        self._urls, self._uuid, self._secret = [], None, None
        self._json_lines = True

    def started(self) -> None:
        host = self.host
        text = host.read("cluster_config")
        if host.kind == "deb" and host.release < "1.9":
            names = formats.read_shell(text)
            urls, self._uuid = names.get("MAAS_URL", ""), names.get("CLUSTER_UUID")
        else:
            keys = formats.read_yaml(text)
            urls = keys.get("maas_url", "http://localhost:5240/MAAS")
            self._uuid = keys.get("cluster_uuid")
            self._json_lines = keys.get("use_json_logging", True)
        self._urls = [urls] if isinstance(urls, str) else urls
        self._read_secret()

    def _read_secret(self):
        self._secret = None
        if "secret" in self.host.files():
            self._secret = (self.host.read("secret") or "").strip().lower() or None

    def work(self) -> None:
        host = self.host
        if self._ident is not None:
            if host.release >= "2.0" and not self._known() and not host.info.get("unreachable"):
                self._deleted()
            return
        self.pause(self.hosts._retry)
        if host.release < "1.7":
            self._register_over_http()
            return
        if self._secret is None:
            # Up to 1.8 it starts again every few seconds without one; later it looks for the file
            # at each attempt, or for the first minutes.
            self._read_secret()
            if self._secret is None:
                self._log("No shared secret is installed; waiting.")
                return
        if not any(self._reaches(url) for url in self._urls):
            asked = ", ".join(f"{url}/rpc/" for url in self._urls)
            self._log(f"Region not available: refused. (While requesting RPC info at {asked}).")
            return
        event_loop = f"{self.region.options.hostname}:pid={os.getpid()}"
        if self._secret != self.region.secret:
            self._log(f"Event-loop '{event_loop}' FAILED authentication; dropping connection.")
            return
        self._log(f"Event-loop '{event_loop}' authenticated.")
        self._register(event_loop)

    def _reaches(self, url):
        blocked = self.host.info.get("firewalled") or ()
        return urlsplit(url).hostname not in blocked and _same_region(url, self.hosts.base_url)

    def _register_over_http(self):
        """What a cluster of 1.5 or 1.6 does: it asks the region's API, which knows no secret."""
        reported = [
            {"interface": one["name"], "ip": one["ip"], "subnet_mask": one["subnet_mask"]}
            for one in self.host.info["interfaces"]
        ]
        form = urlencode({"uuid": self._uuid or "", "interfaces": json.dumps(reported)})
        url = f"{self._urls[0]}/api/1.0/nodegroups/?op=register"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, form.encode(), timeout=10) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
        except (OSError, ValueError, HTTPException):
            self._log("Could not register with region controller: [Errno 111] Connection refused.")
            return
        if status == 200:
            self.region.controller_connected(self._uuid, True)
            self._ident = self._uuid
        elif status == 403:  # the job ends; only a new start asks again
            self._log("This system has been rejected as a cluster controller.")
            self.host.set_service(self.name, running=False)
        elif status != 202:
            self._log(f"Could not register with region controller: {status}.")

    def _register(self, event_loop):
        host, info = self.host, self.host.info
        has_id = "maas_id" in host.files()
        known = (host.read("maas_id") or "").strip() if has_id else None
        ident = self.region.register_controller(
            uuid=self._uuid,
            hostname=info["hostname"],
            interfaces=info["interfaces"],
            system_id=known or None,
        )
        if has_id:
            host.write("maas_id", ident, 0o640, "maas:maas")
            release = self.region.release
            version = f" with MAAS version {release}" if release >= "2.4" else ""
            self._log(f"Rack controller '{ident}' registered (via {event_loop}){version}.")
            agent.write_config(host, self.region.options.hostname, self._urls, self._secret)
        else:
            self._log(f"Cluster '{ident}' registered (via {event_loop}).")
        self.region.controller_connected(ident, True)
        self._ident = ident

    def _known(self):
        with self.region.lock:
            return any(
                row["system_id"] == self._ident for row in self.region.rows("racks").values()
            )

    def _deleted(self):
        """What the region has a rack do that it deletes, if it reaches it."""
        host, self._ident = self.host, None
        if host.release < "2.9":
            host.set_service(self.name, running=False)
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(host.path("secret"))
        host.set_service(self.name, running=True)

    def disconnect(self) -> None:
        if self._ident is None:
            return
        with contextlib.suppress(KeyError, LookupError):  # the region may have deleted it
            self.region.controller_connected(self._ident, False)
        self._ident = None

    def _log(self, text):
        host = self.host
        if host.release >= "3.8" and self._json_lines:
            text = _json_line("info", text, "provisioningserver.rpc")
        host.log("maas-rackd" if host.release >= "2.0" else self.name, text)


def _json_line(level, text, system):
    """A line of the logs of 3.8, a whole traceback in it."""
    record = {"level": level, "message": text, "name": system}
    return json.dumps({**record, "trace_id": None, "thread": "MainThread:1"})


def _same_region(url, base_url):
    """Whether a URL leads to the emulated region, by whichever name of loopback."""
    asked, ours = urlsplit(url), urlsplit(base_url)
    if asked.scheme != ours.scheme or asked.path.rstrip("/") != ours.path:
        return False
    try:
        return _port(asked) == _port(ours) and _loopback(asked.hostname or "")
    except ValueError:
        return False


def _port(parts):
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _loopback(name):
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
