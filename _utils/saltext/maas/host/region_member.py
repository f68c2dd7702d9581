"""A host's part in a region that has several hosts: as which controller it starts, and how.

When a region starts it looks for its own node by the file ``maas_id``, and where the database has
no such node, by its host's name and MAC addresses, among nodes of all kinds.  So whom MAAS would
take it for is found out before its first start: a deployed machine with that name would become a
region controller.
"""

from __future__ import annotations

import dataclasses
import glob
import json
import os
from typing import Any

from saltext.maas import poll
from saltext.maas.host import (
    config_files,
    database,
    files,
    migration,
    paths,
    reach,
    services,
    shared_secret,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN
from saltext.maas.region_hosts import RegionHost
from saltext.maas.release import Release

# NODE_TYPE
_RACK, _REGION, _BOTH = 2, 3, 4
_NOUNS = {0: "machine", 1: "device", _RACK: "rack controller"}
#: What a region takes from its database only where one of them is missing (3.5 and later).
_CERTIFICATES = ("cluster.key", "cluster.pem", "cacerts.pem")


@dataclasses.dataclass(frozen=True)
class Member:
    """A region host before it is configured.

    Attributes:
        host: What the pillar says of it.
        changes: What has to change so that it joins the region; none where it belongs to it.
        stale: Files of another installation, which have to go before its first start.
        secret: The shared secret to install in hex, or None.
    """

    host: RegionHost
    changes: dict[str, dict] = dataclasses.field(default_factory=dict)
    stale: tuple[str, ...] = ()
    secret: str | None = dataclasses.field(default=None, repr=False)

    def paths(self, installation: Installation) -> list[str]:
        """Return the files that :meth:`prepare` touches."""
        secret = [installation.path("secret")] if self.secret else []
        return [*dict.fromkeys([*self.stale, *secret])]

    def prepare(self, installation: Installation) -> None:
        """Make the host ready for its first start in the region."""
        for path in self.stale:
            paths.remove(path)
        if self.secret:
            shared_secret.write(installation, self.secret)
            owner = installation.fact("secret_owner")
            files.own_secret(installation, installation.path("secret"), *owner)

    def wait(self, seconds: float) -> None:
        """Wait until this host's own region answers, and is one of those that run.

        The region's URL does not show that: behind it another host may answer.

        Raises:
            HostError: It does not in time.
        """
        why = [""]

        def runs():
            hosts, why[0] = running(self.host.url)
            if not why[0] and self.host.hostname not in hosts:
                why[0] = f"no process of {self.host.hostname} is connected to the others"
            return None if why[0] else True

        if not poll.wait(runs, seconds, longest=3):
            raise HostError(f"{poll.timed_out(seconds, f'the region at {self.host.url}', why[0])}.")


def running(url: str, timeout: float = 5, ca_file: str | None = None) -> tuple[set[str], str]:
    """Ask one region host which region hosts run.

    The path is served without TLS too, and answered from the database.

    Args:
        url: Of the host's own web server, or of the region.
        timeout: Seconds.
        ca_file: CA for https.

    Returns:
        ``(their host names, "")``, or an empty set and why it does not answer.
    """
    reason, answer = reach.inspect(f"{url}/rpc/", ca_file, timeout)
    if reason:
        return set(), reason
    try:
        loops = json.loads(answer.content)["eventloops"]
        return {str(name).partition(":")[0] for name in loops}, ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return set(), "its answer is invalid"


def examine(
    installation: Installation, host: RegionHost, settings: dict, secret: str | None = None
) -> Member:
    """Find out whether this host belongs to the region, or how it is to join it.

    Args:
        installation: The host; a snap may have no mode yet.
        host: What the pillar says of it.
        settings: Of the region, as they are going to be: ``database_host`` and so on.
        secret: The region's shared secret in hex, where another host has sealed it for this one.

    Raises:
        HostError: MAAS would take this host for something else, has another release or no
            database yet; nothing was changed.
        DatabaseError: The database cannot be asked.
    """
    login = {key: settings.get(f"database_{key}") for key in config_files.DATABASE}
    name, macs = _own_name(installation), mac_addresses(installation.root)
    if name != host.hostname:
        raise HostError(
            f"Nothing was changed: this host calls itself {name}, and the pillar "
            f"{host.hostname}: correct maas:region:hosts:{host.minion}:hostname, or the host's "
            "name."
        )
    path = installation.path("maas_id")
    own = (files.read(path) or "").strip() or None
    with database.connect(login, timeout=10) as conn:
        nodes = database.own_nodes(conn, own, name, macs)
        if nodes is None and host.first and not installation.roles:
            return Member(host)  # a snap, whose first configuration makes the tables
        if nodes is None:
            raise HostError(
                "Nothing was changed: the region's database has no tables of MAAS yet. On the "
                "first region host install maas-region-controller, or run maas-region dbupgrade "
                "once; the others follow."
            )
        known = next((one for one in nodes if own and one["system_id"] == own), None)
        ours = known is not None and known["node_type"] in (_REGION, _BOTH)
        # While it runs MAAS has decided already.
        if known and ours and (known["hostname"] == name or _runs(installation)):
            return Member(host)
        _same_release(installation, conn)
        matches = [known] if known and installation.release >= "2.1" else nodes
        _refuse(installation, name, known, matches)
    stale = _stale(installation, None if known else path)
    node = matches[0] if matches else None
    changes: dict[str, Any] = {"region host": {"old": None, "new": _as_whom(name, node)}}
    for one in stale:
        changes[installation.inside(one)] = {"old": "of another installation", "new": None}
    if secret and installation.release >= "3.3":
        secret = None  # the region writes its file itself, from the database or Vault
    there = _secret_there(installation)
    if secret and shared_secret.normal(secret) != there:
        changes["secret"] = {"old": HIDDEN if there else None, "new": HIDDEN}
    else:
        secret = None
    return Member(host, changes, tuple(stale), secret and shared_secret.normal(secret))


def _own_name(installation):
    if not installation.sandbox:
        import socket

        return socket.gethostname().partition(".")[0]
    text = files.read(os.path.join(installation.root, "etc/hostname")) or ""
    return text.strip().partition(".")[0]


def mac_addresses(root: str) -> list[str]:
    """Return the MAC addresses of all network interfaces of a host."""
    found = set()
    for path in glob.glob(os.path.join(glob.escape(root), "sys/class/net/*/address")):
        try:
            with open(path, encoding="ascii", errors="replace") as stream:
                text = stream.read(64).strip().lower()
        except OSError:
            continue
        if len(text) == 17 and text != "00:00:00:00:00:00":
            found.add(text)
    return sorted(found)


def _same_release(installation, conn):
    """Refuse a release that the other hosts of the region, or its tables, do not have."""
    ours = installation.release.parts[:2]
    for name, version in database.region_versions(conn):
        if Release(version).parts[:2] != ours:
            raise HostError(
                f"Nothing was changed: this host has MAAS {installation.release}, and region host "
                f"{name} {version}. All hosts of a region need the same release."
            )
    lacking = migration.missing(installation, conn)
    if lacking:
        raise HostError(
            f"Nothing was changed: the region's database lacks migrations of MAAS "
            f"{installation.release}, such as {lacking[0]}. A host that joins never migrates it: "
            "install the release of the other hosts, or upgrade the region first."
        )


def _refuse(installation, name, known, matches):
    others = ", ".join(f"{_noun(one)} {one['hostname']} ({one['system_id']})" for one in matches)
    if len(matches) > 1:
        raise HostError(
            f"Nothing was changed: MAAS would not start here, since several of its nodes have "
            f"this host's name or one of its MAC addresses: {others}. Delete those that are no "
            "more, or rename this host."
        )
    for one in matches:
        if one["node_type"] not in (_RACK, _REGION, _BOTH):
            raise HostError(
                f"Nothing was changed: MAAS would turn {others} into a region controller, since "
                f"it has this host's name or one of its MAC addresses. Rename this host ({name}), "
                "or delete that node in MAAS if it is no more."
            )
        if one is known and one["hostname"] != name:
            where = installation.inside(installation.path("maas_id"))
            raise HostError(
                f"Nothing was changed: {where} is that of {others}, so that MAAS would take this "
                f"host ({name}) for it. If this host is a copy of that one, remove {where} here; "
                "if it was renamed, name it in MAAS first."
            )
        if one is not known and one["runs"]:
            raise HostError(
                f"Nothing was changed: MAAS would take this host for {others}, which runs. Give "
                "this host another name; if that one is lost, wait 90 seconds until MAAS has "
                "noticed."
            )


def _noun(node):
    return _NOUNS.get(node["node_type"], "region controller")


def _as_whom(name, node):
    return f"as {_noun(node)} {node['hostname']}" if node else f"as {name}, which is new"


def _stale(installation, maas_id):
    """What another installation has left, which MAAS would keep."""
    found = [maas_id] if maas_id and files.read(maas_id) is not None else []
    if installation.has("certificates"):
        folder = installation.path("certificates")
        found += [os.path.join(folder, name) for name in _CERTIFICATES]
    if installation.release < "3.3" and installation.has("secret"):
        # A region that finds none writes the database's; with another one it takes no racks.
        found.append(installation.path("secret"))
    return [path for path in found if paths.status(path) is not None]


def _runs(installation):
    names = installation.fact("region_services") if "region" in installation.roles else ()
    return any(services.running(installation, name) for name in names)


def _secret_there(installation):
    try:
        return shared_secret.read(installation)
    except HostError:
        return None


def status(installation: Installation, host: RegionHost) -> dict[str, Any]:
    """Return how a region host is; see :py:func:`maas_region.host_status`."""
    hosts, reason = running(host.url)
    return {
        "url": host.url,
        "answers": not reason,
        "reason": reason or None,
        "running": sorted(hosts),
        "release": str(installation.release),
        "services": services.status(installation),
    }
