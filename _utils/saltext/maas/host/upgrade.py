"""One host's part in an upgrade of MAAS: packages or snap, and what they lose on the way.

Each function can be called again after a run that was killed, and then does what is left.  What
the host was configured with is kept beside, readable by root alone, until all of it is found in
the files of the new release.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from typing import Any

from saltext.maas import parsing, poll
from saltext.maas.doctor import findings, upgrade_checks
from saltext.maas.errors import MaasError
from saltext.maas.host import (
    cluster_config,
    config_files,
    database,
    debconf,
    files,
    host_settings,
    paths,
    reach,
    services,
    shared_secret,
    transaction,
)
from saltext.maas.host import install as install_plan
from saltext.maas.host.errors import HostError
from saltext.maas.host.installation import Installation, detect, failed
from saltext.maas.redact import HIDDEN
from saltext.maas.release import Release

_PART = "upgrade"
#: Seconds that packages may take, the migration within their scripts included.
_LONG = 6 * 3600
#: What else is upgraded by name where it is installed: no package of a role requires it.
_BESIDE = ("maas", "maas-dhcp", "maas-dns")
#: The package that brings a database of its own, and migrates it.
_WHOLE = "maas-region-controller"
_LOCAL = (None, "", "localhost", "127.0.0.1", "::1")
_FORM = {"release": str, "kind": str, "roles": [str], "systemd": bool,
          "region": ({str: object}, None), "cluster": ({str: object}, None)}  # fmt: skip
_APT = ("-y", "-q", "-o", "Dpkg::Options::=--force-confdef", "-o",
        "Dpkg::Options::=--force-confold", "-o", "APT::Get::allow-change-held-packages=true",
        "-o", "APT::Get::allow-downgrades=false")  # fmt: skip


def host(root: str = "/") -> Installation:
    """Return what MAAS is on this host, also where a run was killed while packages came.

    Args:
        root: Folder that stands for ``/``.

    Raises:
        HostError: There is none.
    """
    found = detect(root)
    kept = _kept(found or Installation(Release("1.5"), "deb", frozenset(), root))
    if kept:  # packages that are half configured do not count as installed
        release = found.release if found else Release(kept["release"])
        systemd = found.systemd if found else kept["systemd"]
        return Installation(release, kept["kind"], frozenset(kept["roles"]), root, systemd)
    if found is None or not found.roles:
        raise HostError("No MAAS region, cluster or rack controller is installed on this host.")
    return found


def describe(installation: Installation) -> dict[str, Any]:
    """Return what a host has, for the plan of an upgrade.

    Returns:
        ``{"release", "kind", "roles", "ubuntu", "hostname", "began"}``: ``began`` is the
        release from which an upgrade was begun here and not ended, or None.
    """
    kept = _kept(installation)
    hostname = (files.read(os.path.join(installation.root, "etc/hostname")) or "").strip()
    return {
        "release": str(installation.release),
        "kind": installation.kind,
        "roles": sorted(installation.roles & {"region", "cluster"}),
        "ubuntu": upgrade_checks.ubuntu(installation) if installation.kind == "deb" else None,
        "hostname": hostname.partition(".")[0],
        "began": kept and kept["release"],
    }


def examine(installation: Installation, to: Release) -> list[dict[str, str]]:
    """Return what stands in the way of an upgrade of this host, or stops working after it.

    Args:
        installation: The host.
        to: The release of the next step.

    Returns:
        Findings of :func:`saltext.maas.doctor.upgrade_checks.checks`, those that are not ok.
    """
    if installation.release.parts[:2] >= to.parts[:2]:
        return []
    report = findings.run(upgrade_checks.checks(installation, to))
    return [one for one in report["findings"] if one["status"] != "ok"]


def controllers(installation: Installation) -> list[str]:
    """Return the host names of all region hosts that the database knows."""
    with database.connection(installation, timeout=30) as conn:
        return database.controllers(conn)


# stop and start


def stop(installation: Installation) -> list[str]:
    """Stop all of MAAS on this host, and keep it stopped until :func:`start`.

    Returns:
        The services that ran.

    Raises:
        HostError: One of them would not stop.
    """
    stopped = services.stop_all(installation)
    services.hold(installation)
    return stopped


def start(installation: Installation, wait: float = 600, ca_file: str | None = None) -> dict:
    """Start all of MAAS on this host, and wait until it works.

    Args:
        installation: The host.
        wait: Seconds until the region's API has to answer.
        ca_file: CA for an https URL.

    Returns:
        ``{"release": of the host, "api": what the API tells, or None, "running": {name: bool}}``.

    Raises:
        HostError: A service does not run, or the API does not answer, or tells another release.
    """
    services.release(installation)
    services.start_all(installation)
    told = None
    if "region" in installation.roles:
        url = config_files.read_config(installation)["url"]
        reach.wait_for_api(url, installation.release, wait, ca_file)
        told = poll.wait(lambda: _told(url, installation, ca_file), wait, longest=3)
        if not told and installation.release >= "2.0":
            raise HostError(f"The API at {url} does not tell MAAS {installation.release}.")
    running = services.status(installation)
    if not all(running.values()):
        names = ", ".join(name for name, runs in running.items() if not runs)
        raise HostError(f"After its start MAAS does not run: {names}.")
    return {"release": str(installation.release), "api": told or None, "running": running}


def _told(url, installation, ca_file):
    """The release that the API tells, once it is the host's; 1.x tells none."""
    if installation.release < "2.0":
        return ""
    reason, answer = reach.inspect(f"{url.rstrip('/')}/api/2.0/version/", ca_file)
    try:
        told = "" if reason else parsing.of_json(answer.content, {"version": str})["version"]
        same = Release(told).parts[:2] == installation.release.parts[:2]
    except ValueError:
        return None
    return told if same else None


# packages and snap


def install(
    installation: Installation,
    to: Release,
    version: str | None = None,
    repository: str | None = None,
    channel: str | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """Bring packages or snap of this host to a release, and its configuration with them.

    MAAS has to be stopped with :func:`stop`; nothing of it is started here.

    Args:
        installation: The host, of the old release or, after a run that was killed, of the new one.
        to: The release.
        version: Version that packages begin with; the newest of the release by default.
        repository: What ``add-apt-repository`` adds first, such as ``ppa:maas/3.8``.
        channel: The snap's channel; ``RELEASE/stable`` by default.
        kind: ``snap`` to move from packages to the snap of the same release (2.7 and later).

    Returns:
        ``{"from", "to": releases, "mended": {setting: {"old", "new"}}}``: what the packages had
        lost or changed, and was put back; passwords are asterisks.

    Raises:
        HostError: A command failed, or the release is another one after it.
    """
    with transaction.locked(installation, _PART):
        before = _keep(installation)
        if kind == "snap":
            _to_snap(installation, to, channel)
        elif installation.kind == "snap":
            _refresh(installation, to, channel)
        else:
            _packages(installation, to, version, repository, before)
        found = detect(installation.root)
        if found is None or found.release.parts[:2] != to.parts[:2]:
            raise HostError(f"After its upgrade this host has MAAS {found and found.release}.")
        mended = _mend(found, before)
        services.stop_all(found)  # upstart's jobs are not held
        paths.remove(_place(installation))
    return {"from": before["release"], "to": str(found.release), "mended": mended}


def _packages(installation, to, version, repository, before):
    _answers(installation, to, before)
    installation.check(["dpkg", "--configure", "-a"], timeout=_LONG)
    install_plan.follow(installation.root, to)
    if repository:
        installation.check(["add-apt-repository", "-y", repository], timeout=600)
    installation.check(["apt-get", "update", "-q"], timeout=1800)
    names = _names(installation, to)
    prefix = version or f"{'1:' if to >= '2.9' else ''}{to.series}"
    argv = ["apt-get", "install", *_APT, *(f"{name}={prefix}*" for name in names)]
    code, _, stderr = installation.run(argv, timeout=_LONG)
    if not code:
        return
    # Perhaps by what the scripts had lost by then, such as the database's host.
    then = dataclasses.replace(installation, release=to)
    if before["region"] and os.path.exists(then.path("region_config")) and _mend(then, before):
        installation.check(["dpkg", "--configure", "-a"], timeout=_LONG)
        return
    lines = [line for line in stderr.splitlines() if line.strip()]
    found = [number for number, line in enumerate(lines) if line.startswith("dpkg: error")]
    text = " ".join(lines[max(found[0] - 1, 0) : found[0] + 1]) if found else stderr
    hide = [value for name, value in (before["region"] or {}).items() if "password" in name]
    raise failed(argv, code, text, hide)


def _names(installation, to):
    """The packages to name: those of the host's roles by their new names, and what is beside."""
    then = Installation(to, "deb", installation.roles)
    have = install_plan.packages(installation.root)
    names: list[str] = []
    if "region" in installation.roles:
        names += [one for one in then.fact("region_packages") if one != _WHOLE or one in have]
    if "cluster" in installation.roles:
        names += then.fact("cluster_packages")
    return names + [one for one in _BESIDE if one in have]


def _answers(installation, to, before):
    """Give debconf what the scripts of the packages go by, so that they keep what holds."""
    now = installation.release
    if before["region"] and now < "2.0":  # up to 1.8 each upgrade makes the URL of it
        planned = debconf.plan_region(installation, before["region"]["url"])["changes"]
        package = installation.fact("region_packages")[0]
        for question, change in planned.items():
            debconf.set_answer(installation, package, question, "string", change["new"])
        if before["region"].get("database_host") not in _LOCAL and to >= "1.9" > now:
            # The script of 1.9 takes the database to be on this host, and migrates that one.
            question = "maas-region-controller/dbconfig-install"
            debconf.set_answer(installation, package, question, "boolean", "false")
    cluster = before["cluster"]
    if not cluster or not cluster["urls"] or now >= "2.0":
        return
    for one in (installation, Installation(to, "deb", installation.roles, installation.root)):
        package = one.fact("cluster_packages")[0]
        for question, kind, value in (
            (one.fact("cluster_url_question"), "string", cluster["urls"][0]),
            (one.fact("cluster_secret_question"), "password", cluster["secret"]),
        ):
            if question and value:
                debconf.set_answer(installation, package, question, kind, value)


def _refresh(installation, to, channel):
    if installation.release.parts[:2] == to.parts[:2]:
        return
    argv = ["snap", "refresh", "maas", f"--channel={channel or f'{to.series}/stable'}"]
    # Up to 2.6 the snap is installed in devmode, which its refresh to 2.7 needs, too.
    argv += ["--devmode"] if installation.release < "2.7" else []
    installation.check(argv, timeout=_LONG)


def _to_snap(installation, to, channel):
    """Move from packages to the snap, by the script that the snap brings."""
    here = detect(installation.root)
    if installation.kind == "snap":
        return
    if here and here.release.parts[:2] != to.parts[:2]:
        raise HostError(f"Upgrade the packages to MAAS {to} first; they are {here.release}.")
    root = installation.root
    if not os.path.exists(os.path.join(root, "snap/maas/current")):
        channel = channel or f"{to.series}/stable"
        installation.check(["snap", "install", "maas", f"--channel={channel}"], timeout=_LONG)
    installation.check(["snap", "stop", "--disable", "maas"], timeout=300)
    if here and here.kind == "deb":
        _clear(installation)
        script = os.path.join(root, "snap/maas/current/bin/maas-deb-migrate")
        installation.check([script], timeout=_LONG)
        install_plan.make_removable(root, confirmed=True)  # the database stays
        names = sorted(install_plan.packages(root))
        installation.check(["apt-get", "remove", "-y", "-q", *names], timeout=_LONG)
    services.release(installation)  # its units, which are gone


def _clear(installation):
    """Remove the empty folders that the snap made where the script moves the data to."""
    there = os.path.join(installation.root, "var/snap/maas/common/maas")
    if not os.path.exists(os.path.join(installation.root, "var/lib/maas")):
        return  # it was moved by a run that was killed
    if any(names for _, _, names in os.walk(there)):
        raise HostError(f"{installation.inside(there)} holds data of a snap; purge that first.")
    shutil.rmtree(there, ignore_errors=True)


# what was configured


def _place(installation):
    return os.path.join(installation.root, transaction.FOLDER, f"{_PART}.before.json")


def _kept(installation):
    text = files.read(_place(installation))
    try:
        return None if text is None else parsing.of_json(text, _FORM)
    except ValueError:
        raise HostError(f"{installation.inside(_place(installation))} is broken.") from None


def _keep(installation):
    """Write down what this host is configured with, unless a run that was killed did so."""
    kept = _kept(installation)
    if kept is not None:
        return kept
    found: dict[str, Any] = {
        "release": str(installation.release), "kind": installation.kind,
        "roles": sorted(installation.roles), "systemd": installation.systemd,
        "region": None, "cluster": None,
    }  # fmt: skip
    if "region" in installation.roles:
        # Where Vault has the database's login, no file has it, and none shall.
        found["region"] = {
            name: values[0][0] for name, values in config_files.read_all(installation).items()
        }
        found["region"].setdefault("url", config_files.read_config(installation)["url"])
    if "cluster" in installation.roles:
        cluster = cluster_config.read_files(installation)
        cluster["settings"] = cluster_config.chosen_settings(installation)
        cluster["secret"] = shared_secret.read(installation) if cluster["secret"] else None
        found["cluster"] = cluster
    try:
        files.sweep(_place(installation))
        files.put(_place(installation), json.dumps(found).encode(), 0o600)
    except OSError as error:
        where, reason = installation.inside(_place(installation)), files.reason(error)
        raise HostError(f"Nothing was changed: {where} cannot be written: {reason}.") from None
    return found


def forget(installation: Installation) -> bool:
    """Remove what was kept for an upgrade that is not going on; return whether there was any."""
    return bool(paths.remove(_place(installation)))


def _mend(installation, before):
    """Put back what the packages' scripts lost: ``{setting: {"old", "new"}}``."""
    mended: dict[str, dict] = {}
    if before["region"]:
        mended.update(_mend_region(installation, before["region"]))
    if before["cluster"]:
        mended.update(_mend_cluster(installation, before["cluster"]))
    return mended


def _mend_region(installation, before):
    table = host_settings.available(installation)
    now, sources = config_files.values(installation)
    wrong = {
        name: value
        for name, value in before.items()
        # RabbitMQ's passwords are made anew by each upgrade, and gone in 1.7.
        if name in table and not name.startswith("broker_") and now.get(name) != value
        and sources.get(name) != "vault"
    }  # fmt: skip
    config_files.write(installation, wrong)
    return {
        name: {"old": HIDDEN, "new": HIDDEN}
        if table[name].secret
        else {"old": now.get(name), "new": value}
        for name, value in wrong.items()
    }


def _mend_cluster(installation, before):
    secret = before["secret"] if installation.has("secret") else None
    uuid = before["uuid"] if installation.fact("has_cluster_uuid") else None
    return cluster_config.restore(installation, before["urls"], uuid, secret, before["settings"])


def connected(installation: Installation, names: list[str], wait: float = 300) -> list[str]:
    """Wait until racks are connected to the region (2.0 and later).

    Args:
        installation: A region's host.
        names: Their host names.
        wait: Seconds.

    Returns:
        Those that are not.
    """
    missing = list(names)

    def all_are():
        with contextlib.suppress(MaasError), database.connection(installation, timeout=10) as conn:
            there = database.connected_racks(conn)
            missing[:] = [one for one in names if one not in there]
        return True if not missing else None

    if installation.release < "2.0":
        return []
    poll.wait(all_are, wait, longest=3)
    return missing
