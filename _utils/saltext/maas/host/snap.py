"""The first configuration of a region from the snap: ``maas init``."""

from __future__ import annotations

import os
from urllib.parse import quote

from saltext.maas.host import config_files, files, formats, paths
from saltext.maas.host.debconf import url_from_host
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import desired
from saltext.maas.host.installation import Installation, detect
from saltext.maas.host.reach import wait_for_api
from saltext.maas.host.transaction import Change
from saltext.maas.redact import HIDDEN

MODES = ("region+rack", "region")
_NEEDED = ("url", "database_host", "database_name", "database_user", "database_password")


def unconfigured(installation: Installation) -> bool:
    """Whether this is a snap that nobody initialised yet."""
    return installation.kind == "snap" and not installation.roles


def initialise(
    installation: Installation,
    mode: str = "region+rack",
    test: bool = False,
    wait: float = 300,
    verify: bool = True,
    ca_file: str | None = None,
    **settings,
) -> dict:
    """Initialise a snap that has no mode yet as a region.

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
        settings: As :func:`saltext.maas.host.region_config.configure` has them; URL and
            everything about the database are needed, the port is not.

    Returns:
        ``{"changes", "warnings", "restarted"}``.

    Raises:
        HostError: A setting is missing or wrong, the database refuses, or ``init`` failed.
    """
    if not unconfigured(installation):
        raise HostError("This snap was initialised already, or this is no snap.")
    installation.need_known()
    if mode not in MODES:
        raise HostError(f"snap mode must be one of {', '.join(MODES)}, not {str(mode)[:40]!r}.")
    want = desired(installation, settings)
    missing = [name for name in _NEEDED if not want.get(name)]
    if missing:
        raise HostError(f"To initialise the snap as {mode}, also give {', '.join(missing)}.")
    if verify:
        from saltext.maas.host.region_config import try_database

        try_database(want)
    shown = {name: HIDDEN if "password" in name else value for name, value in want.items()}
    changes = {"mode": {"old": "none", "new": mode}}
    changes.update({name: {"old": None, "new": value} for name, value in shown.items()})
    if test:
        return {"changes": changes, "warnings": [], "restarted": []}
    if installation.fact("init_asks"):
        restarted = _ask(installation, mode, want)
    else:
        restarted = _write(installation, mode, want)
    if verify:
        # It speaks https only after config-tls.
        secure = want["url"].startswith("https:")
        url = url_from_host(installation, "127.0.0.1") if secure else want["url"]
        wait_for_api(url, installation.release, wait, ca_file)
    return {"changes": changes, "warnings": [], "restarted": restarted}


def _ask(installation, mode, want):
    argv = ["maas", "init", mode, "--maas-url", want["url"], "--skip-admin"]
    if "num_workers" in want:
        argv += ["--num-workers", str(want["num_workers"])]
    password = want["database_password"]
    installation.check(
        argv, stdin=uri(want) + "\n", timeout=600, hide=[password, quote(password, "")]
    )
    told = detect(installation.root)
    if told is None or "region" not in told.roles:
        raise HostError("maas init ended, but the snap has no region mode.")
    rest = {
        name: value
        for name, value in want.items()
        if name not in (*_NEEDED, "database_port", "num_workers")
    }
    if not rest:
        return ["maas"]
    with Change(told, "region", config_files.paths(told, rest), services=["maas"]) as change:
        config_files.write(told, rest)
    return change.restarted


def uri(want: dict) -> str:
    """The database's URI as ``maas init`` wants it: it has to begin with ``postgres://``."""
    user, password = (
        quote(want["database_user"], ""),
        quote(want["database_password"], ""),
    )
    host, name = want["database_host"], quote(want["database_name"], "")
    if host.startswith("/"):
        host = quote(host, "")
    elif ":" in host:
        host = f"[{host}]"
    port = f":{want['database_port']}" if "database_port" in want else ""
    return f"postgres://{user}:{password}@{host}{port}/{name}"


def _write(installation, mode, want):
    place = installation.path("snap_mode")
    changing = [
        *config_files.paths(installation, want),
        installation.path("cluster_config"),
        place,
    ]
    with Change(installation, "region", changing, services=["maas"]) as change:
        for path in changing:
            paths.make_folder(os.path.dirname(path))
        config_files.write(installation, want)
        path = installation.path("cluster_config")
        name = installation.inside(path)
        text = formats.yaml_update(files.read(path), {"maas_url": want["url"]}, name)
        files.replace(installation, path, text)
        files.replace(installation, place, mode, mode=0o644)
        installation.check(["maas", "migrate"], timeout=600)  # which refuses without a mode
    return change.restarted
