"""A cluster controller's (1.x) or rack controller's (2.0+) configuration and enrolment."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from saltext.maas.client.redact import HIDDEN
from saltext.maas.host import debconf, files, formats, logs, services, shared_secret
from saltext.maas.host.errors import HostError
from saltext.maas.host.surface import Surface


def read_config(surface: Surface) -> dict:
    """Read the local configuration, in one shape for all releases.

    Returns:
        ``{"urls": [region URL], "uuid": str or None, "system_id": str or None,
        "secret": bool, "debconf_url": str, "source": file}``; ``secret`` says
        whether one is installed.

    Raises:
        HostError: No cluster or rack controller here, or a file is broken.
    """
    surface.need("cluster")
    question = surface.fact("cluster_url_question")
    answers = debconf.show(surface, *surface.fact("cluster_packages")) if question else {}
    return {**read_files(surface), "debconf_url": answers.get(question, "")}


def read_files(surface: Surface) -> dict:
    """As :func:`read_config`, but from files alone: no command runs, no ``debconf_url``."""
    surface.need("cluster")
    path = surface.path("cluster_config")
    text, name = files.read(path), surface.inside(path)
    if surface.fact("cluster_format") == "shell":
        url = formats.shell_read(text, "MAAS_URL")
        urls, uuid = [url] if url else [], formats.shell_read(text, "CLUSTER_UUID")
    else:
        data = formats.yaml_read(text, name)
        urls, uuid = data.get("maas_url") or [], data.get("cluster_uuid")
        urls = [urls] if isinstance(urls, str) else list(urls)
    system_id = files.read(surface.path("maas_id")) if surface.has("maas_id") else None
    return {
        "urls": urls,
        "uuid": uuid if surface.fact("has_cluster_uuid") else None,
        "system_id": (system_id or "").strip() or None,
        "secret": surface.has("secret") and shared_secret.read(surface) is not None,
        "source": name,
    }


def plan(surface: Surface, url=None, uuid=None, secret=None) -> dict:
    """What :func:`configure` would change.

    Args:
        surface: The host.
        url: Region URL, or a list of them (2.5 and later).
        uuid: Cluster uuid for a cluster that has none yet (until 2.x).
        secret: The region's shared secret in hex (1.7 and later).

    Returns:
        ``{"changes": {field: {"old", "new"}}, "warnings": []}``; the secret
        reads as asterisks.

    Raises:
        HostError: A value is not possible here; see :func:`configure`.
    """
    now = read_config(surface)
    changes = {}
    if url is not None:
        urls = _urls(surface, url)
        if now["urls"] != urls or _generator_differs(surface, urls[0]):
            changes["url"] = {"old": _one_or_all(now["urls"]), "new": _one_or_all(urls)}
        question = surface.fact("cluster_url_question")
        if question and now["debconf_url"] != urls[0]:
            changes[question] = {"old": now["debconf_url"], "new": urls[0]}
    if uuid is not None and now["uuid"] != uuid:
        _check_uuid(surface, now["uuid"], uuid)
        changes["uuid"] = {"old": None, "new": uuid}
    if secret is not None and shared_secret.read(surface) != shared_secret.normal(secret):
        changes["secret"] = {"old": HIDDEN if now["secret"] else None, "new": HIDDEN}
    return {"changes": changes, "warnings": []}


def _urls(surface, url):
    urls = [one.rstrip("/") for one in ([url] if isinstance(url, str) else url)]
    for one in urls:
        parts = urlsplit(one)
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", one):
            raise HostError("url must be a region URL, such as http://192.0.2.10:5240/MAAS.")
    if not urls:
        raise HostError("At least one region URL is needed.")
    if len(urls) > 1 and not surface.fact("several_region_urls"):
        raise HostError(f"MAAS {surface.release} takes one region URL; several from 2.5 on.")
    return urls


def _one_or_all(urls):
    return urls[0] if len(urls) == 1 else urls or None


def _check_uuid(surface, now, uuid):
    if not surface.fact("has_cluster_uuid") or surface.release >= "2.0":
        raise HostError(f"MAAS {surface.release} has no cluster uuid to choose.")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,36}", uuid):
        raise HostError("A cluster uuid has at most 36 letters, digits, '.', '_' or '-'.")
    if now:
        raise HostError(
            f"This cluster has the uuid {now}; another one would make the region see a new "
            "cluster and keep the old one. Use this uuid, or leave it out of the pillar."
        )


def _generator_differs(surface, url):
    if not surface.has("pserv"):
        return False
    return formats.pserv_generator(files.read(surface.path("pserv"))) != (
        f"{url}/api/1.0/pxeconfig/"
    )


def configure(surface: Surface, url=None, uuid=None, secret=None, test: bool = False) -> dict:
    """Point a cluster or rack at its region, in files and debconf, and restart it once.

    Args:
        surface: The host.
        url: As in :func:`plan`; so are the others.
        uuid: Cluster uuid.
        secret: Shared secret.
        test: Only plan.

    Returns:
        ``{"changes", "warnings": [text], "restarted": [service], "mark": text}``;
        give the mark to
        :func:`~saltext.maas.host.enrolment.registered` so that it looks at what came after.

    Raises:
        HostError: A value is wrong, another uuid is in place, or a step failed;
            then the files are put back.
    """
    planned = plan(surface, url, uuid, secret)
    changes = planned["changes"]
    if test or not changes:
        return {**planned, "restarted": [], "mark": None}
    paths = [surface.path(name) for name in _FILES if surface.has(name)]
    snapshot = files.Snapshot(surface, paths)
    here, warnings = logs.mark(surface), list(planned["warnings"])
    question, restarted = surface.fact("cluster_url_question"), []
    try:
        if "url" in changes:
            _set_urls(surface, _urls(surface, url))
        if "uuid" in changes:
            _edit_shell(surface, "CLUSTER_UUID", uuid)
        if "secret" in changes:
            warnings += _set_secret(surface, shared_secret.normal(secret))
        if question in changes:
            _set_answer(surface, question, "string", changes[question]["new"])
        if {"url", "uuid", "secret"} & changes.keys():
            restarted = services.restart(surface, surface.fact("cluster_services"))
    except HostError as error:
        told = _roll_back(surface, snapshot, changes.get(question))
        raise HostError(f"{error} {told}") from None
    return {"changes": changes, "warnings": warnings, "restarted": restarted, "mark": here}


def _roll_back(surface, snapshot, answer):
    try:
        snapshot.restore()
        if answer:
            _set_answer(surface, surface.fact("cluster_url_question"), "string", answer["old"])
        services.restart(surface, surface.fact("cluster_services"))
    except (HostError, OSError):
        return "Not everything could be put back: look at the files and services of MAAS here."
    return "The files were put back."


_FILES = ("cluster_config", "pserv", "secret")


def _set_answer(surface, question, kind, value):
    package = surface.fact("cluster_packages")[0]
    debconf.set_answer(surface, package, question, kind, value)


def _set_urls(surface, urls):
    path = surface.path("cluster_config")
    command = surface.fact("cluster_url_command")
    files.back_up(path)
    if surface.has("pserv"):
        files.back_up(surface.path("pserv"))
    if command and command[-1].startswith("--"):
        argv = [part for one in urls for part in (command[-1], one)]
        surface.check([surface.fact("cluster_tool"), *command[:-1], *argv])
    elif command:
        surface.check([surface.fact("cluster_tool"), *command, urls[0]])
    else:
        _edit_shell(surface, "MAAS_URL", urls[0])
        pserv = surface.path("pserv")
        new = formats.pserv_set_generator(files.read(pserv) or "", urls[0])
        files.replace(surface, pserv, new, formats.yaml_read, mode=0o644, backup=False)
    if read_files(surface)["urls"] != urls:
        raise HostError(f"{surface.inside(path)} does not hold the region URL after the change.")


def _edit_shell(surface, key, value):
    path = surface.path("cluster_config")
    new = formats.shell_set(files.read(path), key, value)
    files.replace(surface, path, new, owner=("root", "maas"))


def _set_secret(surface, value):
    path = surface.path("secret")
    files.back_up(path)
    argv = [surface.fact("cluster_tool"), "install-shared-secret"]
    surface.check(argv, stdin=value + "\n", hide=[value])
    note = files.own_secret(surface, path)
    if shared_secret.read(surface) != value:
        raise HostError(f"{surface.inside(path)} does not hold the secret after the change.")
    question = surface.fact("cluster_secret_question")
    if question:
        # 1.7 and 1.8 install debconf's secret again with every upgrade.
        _set_answer(surface, question, "password", value)
    return [note] if note else []
