"""The first configuration of a snap, as a region or as a rack: ``maas init``."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from saltext.maas.host import (
    config_files,
    files,
    formats,
    openfga,
    paths,
    region_config,
    region_member,
    transaction,
)
from saltext.maas.host.debconf import url_from_host
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import desired
from saltext.maas.host.installation import Installation, detect
from saltext.maas.host.reach import wait_for_api
from saltext.maas.host.transaction import Transaction
from saltext.maas.redact import HIDDEN

MODES = ("region+rack", "region")
_NEEDED = ("url", "database_host", "database_name", "database_user", "database_password")


def unconfigured(installation: Installation) -> bool:
    """Return whether this is a snap that nobody initialised yet."""
    return installation.kind == "snap" and not installation.roles


def unfinished(installation: Installation) -> bool:
    """Return whether a run that made this snap a region was stopped before its end.

    The snap has its mode before the database is migrated, and the region does not start then.
    """
    return installation.kind == "snap" and files.read(_mark(installation)) is not None


def _mark(installation):
    return os.path.join(installation.root, transaction.FOLDER, "snap.unfinished")


def make_rack(installation: Installation, url: str, secret: str) -> None:
    """Initialise the snap as a rack; the secret answers the command's question for it.

    Args:
        url: Region URL.
        secret: In hex; goes by standard input, since the option ``--secret`` would show it
            to every user of the host.

    Raises:
        HostError: The command failed, or the snap is no rack after it.

    Snap 2.2 to 3.7: ``maas init --mode rack`` before 2.8, ``maas init rack`` since.
    """
    words = ["--mode", "rack"] if installation.release < "2.8" else ["rack"]
    argv = ["maas", "init", *words, "--maas-url", url, "--force"]
    installation.check(argv, f"{secret}\n", 300, hide=[secret])
    if (files.read(installation.path("snap_mode")) or "").strip() != "rack":
        raise HostError("maas init ended well, but the snap is no rack controller after it.")


def initialise(
    installation: Installation,
    mode: str = "region+rack",
    test: bool = False,
    wait: float = 300,
    verify: bool = True,
    ca_file: str | None = None,
    member: region_member.Member | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Initialise a snap that has no mode yet as a region, or finish what a stopped run began.

    From 2.8 on the database's URI is given to ``maas init`` through its standard input.
    Before, that command fails when it has to ask, and would take the password as
    an argument only: the files are written as it writes them, the database
    migrated with ``maas migrate``, and the snap restarted.

    Args:
        installation: The host, a snap of 2.2 or later.
        mode: ``region+rack`` or ``region``.
        test: Only plan.
        wait: Seconds until the API has to answer.
        verify: Whether to try the database first, and to wait for that answer.
        ca_file: CA for an https URL.
        member: Its part in a region that has several hosts, whose database is not migrated then.
        settings: As :func:`saltext.maas.host.region_config.configure` has them; URL and
            everything about the database are needed, the port is not.

    Returns:
        ``{"changes", "warnings", "restarted"}``.

    Raises:
        HostError: A setting is missing or wrong, the database refuses, or ``init`` failed.
    """
    stopped = unfinished(installation)
    if not unconfigured(installation) and not stopped:
        raise HostError("This snap was initialised already, or this is no snap.")
    installation.need_supported()
    if mode not in MODES:
        raise HostError(f"snap mode must be one of {', '.join(MODES)}, not {str(mode)[:40]!r}.")
    want = desired(installation, settings)
    missing = [name for name in _NEEDED if not want.get(name)]
    if missing:
        raise HostError(f"To initialise the snap as {mode}, also give {', '.join(missing)}.")
    warnings = [" ".join(pair) for pair in openfga.obstacles(installation, want, in_vault=False)]
    if verify:
        warnings += region_config.try_database(installation, want, upgrades=True)
    changes: dict[str, dict] = {"mode": {"old": "none", "new": mode}}
    if stopped:
        changes[transaction.UNFINISHED] = {"old": "stopped in its middle", "new": "finished"}
    for name, value in want.items():
        changes[name] = {"old": None, "new": HIDDEN if "password" in name else value}
    joins = bool(member and member.changes)
    if member:
        changes.update(member.changes)
    if test:
        return {"changes": changes, "warnings": warnings, "restarted": []}
    with transaction.locked(installation, "snap"):
        _leave_mark(installation)
        if member and joins:
            member.prepare(installation)
        if installation.fact("init_asks"):
            restarted = _ask(installation, mode, want)
        else:
            restarted = _write(installation, mode, want, migrate=not joins)
        paths.remove(_mark(installation))
    if verify:
        _wait(installation, want["url"], wait, ca_file, member)
    return {"changes": changes, "warnings": warnings, "restarted": restarted}


def _wait(installation, url, wait, ca_file, member):
    """Wait until the region answers."""
    if member:
        member.wait(wait)
    else:
        if url.startswith("https:"):  # which it speaks only after config-tls
            url = url_from_host(installation, "127.0.0.1")
        wait_for_api(url, installation.release, wait, ca_file)
    region_config.wait_for_openfga(installation, wait)


def _leave_mark(installation):
    try:
        files.sweep(_mark(installation))
        files.put(_mark(installation), b"", 0o600)
    except OSError as error:
        where, reason = installation.inside(_mark(installation)), files.reason(error)
        raise HostError(f"Nothing was changed: {where} cannot be written: {reason}.") from None


def _ask(installation, mode, want):
    argv = ["maas", "init", mode, "--maas-url", want["url"], "--skip-admin"]
    argv += ["--force"] if installation.roles else []  # a stopped run gave it a mode
    done = {*_NEEDED, "database_port"}
    if "num_workers" in want and installation.release < "3.8":  # then it is a local setting only
        argv += ["--num-workers", str(want["num_workers"])]
        done.add("num_workers")
    password = want["database_password"]
    hide = [password, quote(password, "")]
    installation.check(argv, stdin=uri(want) + "\n", timeout=600, hide=hide)
    found = detect(installation.root)
    if found is None or "region" not in found.roles:
        raise HostError("maas init ended, but the snap has no region mode.")
    rest = {name: value for name, value in want.items() if name not in done}
    if not rest:
        return ["maas"]
    with Transaction(found, "region", config_files.paths(found, rest), services=["maas"]) as run:
        config_files.write(found, rest)
    return run.restarted


def uri(want: dict) -> str:
    """Return the database's URI as ``maas init`` needs it: it has to begin with ``postgres://``."""
    user, password = quote(want["database_user"], ""), quote(want["database_password"], "")
    host, name = want["database_host"], quote(want["database_name"], "")
    if host.startswith("/"):
        host = quote(host, "")
    elif ":" in host:
        host = f"[{host}]"
    port = f":{want['database_port']}" if "database_port" in want else ""
    return f"postgres://{user}:{password}@{host}{port}/{name}"


def _write(installation, mode, want, migrate):
    place, rack = installation.path("snap_mode"), installation.path("cluster_config")
    changing = [*config_files.paths(installation, want), rack, place]
    with Transaction(installation, "region", changing, services=["maas"]) as run:
        for path in changing:
            paths.make_folder(os.path.dirname(path))
        config_files.write(installation, want)
        url = {"maas_url": want["url"]}
        text = formats.yaml_update(files.read(rack), url, installation.inside(rack))
        files.replace(installation, rack, text)
        files.replace(installation, place, mode, mode=0o644)
        if migrate:
            installation.check(["maas", "migrate"], timeout=600)  # which refuses without a mode
    return run.restarted
