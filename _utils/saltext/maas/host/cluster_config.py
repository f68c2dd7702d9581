"""Configure a cluster controller (1.x) or rack controller (2.0 and later) on its host."""

from __future__ import annotations

import re
from typing import Any

from saltext.maas import region_url
from saltext.maas.host import debconf, files, formats, logs, shared_secret, snap, transaction
from saltext.maas.host.errors import HostError
from saltext.maas.host.host_settings import CLUSTER_SETTINGS, available, desired
from saltext.maas.host.installation import Installation
from saltext.maas.redact import HIDDEN

_FILES = ("cluster_config", "pserv", "cluster_celery", "secret", "snap_mode")


def need(installation: Installation) -> None:
    """Make sure that this host is a cluster, or a snap that can become one.

    Raises:
        HostError: It is neither.
    """
    if not snap.unconfigured(installation):
        installation.need("cluster")


def read_config(installation: Installation) -> dict[str, Any]:
    """Read the local configuration, in one shape for all releases.

    Returns:
        ``{"urls": [region URL], "uuid": str or None, "system_id": str or None,
        "secret": bool, "settings": {name: value}, "debconf_url": str, "source": file}``;
        ``secret`` says whether one is installed.

    Raises:
        HostError: No cluster or rack controller here, or a file is broken.
    """
    need(installation)
    question = installation.fact("cluster_url_question")
    answers = debconf.show(installation, *installation.fact("cluster_packages")) if question else {}
    return {**read_files(installation), "debconf_url": answers.get(question, "")}


def read_files(installation: Installation) -> dict[str, Any]:
    """As :func:`read_config`, but from files alone: no command runs, no ``debconf_url``."""
    need(installation)
    path = installation.path("cluster_config")
    text, name = files.read(path), installation.inside(path)
    if installation.fact("cluster_format") == "shell":
        urls, uuid = formats.shell_read(text, "MAAS_URL"), formats.shell_read(text, "CLUSTER_UUID")
        if uuid is None and installation.has("cluster_celery"):
            uuid = formats.celery_uuid(files.read(installation.path("cluster_celery")))
    else:
        data = formats.yaml_read(text, name)
        urls, uuid = data.get("maas_url"), data.get("cluster_uuid")
    system_id = files.read(installation.path("maas_id")) if installation.has("maas_id") else None
    return {
        "urls": [urls] if isinstance(urls, str) else list(urls or ()),
        "uuid": uuid if installation.fact("has_cluster_uuid") else None,
        "system_id": (system_id or "").strip() or None,
        "secret": installation.has("secret") and shared_secret.read(installation) is not None,
        "settings": _settings(installation),
        "source": name,
    }


def _settings(installation):
    """The local settings as they hold: from the file, else by default where that is known."""
    if installation.has("pserv"):
        text = files.read(installation.path("pserv"))
        held = {one.name: formats.pserv_value(text, one.pserv)
                for one in CLUSTER_SETTINGS if one.pserv}  # fmt: skip
    else:
        path = installation.path("cluster_config")
        held = formats.yaml_read(files.read(path), installation.inside(path))
    found = {}
    for name, setting in available(installation, "cluster").items():
        default = installation.fact("tftp_root") if name == "tftp_root" else setting.default
        value = held.get(name)
        try:
            found[name] = default if value is None else setting.normal(value)
        except HostError:
            found[name] = value  # wrong, and so it differs from every desired value
    return found


def plan(installation: Installation, url=None, uuid=None, secret=None, **settings: Any) -> dict:
    """Return what :func:`configure` would change.

    Args:
        url: Region URL, or a list of them (2.5 and later).
        uuid: Cluster uuid for a cluster that has none yet (until 1.10).
        secret: The region's shared secret in hex (1.7 and later).
        settings: ``tftp_port``, ``tftp_root``, ``debug``, ...; see
            :data:`~saltext.maas.host.host_settings.CLUSTER_SETTINGS`.

    Returns:
        ``{"changes": {field: {"old", "new"}}, "warnings": []}``; the secret
        reads as asterisks.

    Raises:
        HostError: A value is not possible here; see :func:`configure`.
    """
    now = read_config(installation)
    urls = None if url is None else _urls(installation, url)
    want = desired(installation, settings, "cluster")
    changes = transaction.plan(installation, "cluster")
    if snap.unconfigured(installation):
        if urls is None or secret is None:
            raise HostError("A new snap needs the region's url and secret to become a rack.")
        changes["mode"] = {"old": "none", "new": "rack"}
    if urls is not None:
        if now["urls"] != urls or _generator_differs(installation, urls[0]):
            changes["url"] = {"old": _one_or_all(now["urls"]), "new": _one_or_all(urls)}
        question = installation.fact("cluster_url_question")
        if question and now["debconf_url"] != urls[0]:
            changes[question] = {"old": now["debconf_url"], "new": urls[0]}
    if uuid is not None and (now["uuid"] != uuid or _uuid_missing(installation, uuid)):
        _check_uuid(installation, now["uuid"], uuid)
        changes["uuid"] = {"old": None, "new": uuid}
    for name, value in want.items():
        if now["settings"][name] != value:
            changes[name] = {"old": now["settings"][name], "new": value}
    if secret is not None:
        changes.update(_secret_changes(installation, now["secret"], secret))
    warnings = []
    if installation.kind == "snap" and "secret" in changes and "mode" not in changes:
        warnings.append(
            "maas config takes the secret as an argument only, which every user of the host "
            "could read, so it goes into its file directly."
        )
    return {"changes": changes, "warnings": warnings}


def _secret_changes(installation, there, secret):
    if not installation.has("secret"):
        raise HostError(
            f"MAAS {installation.release} has no shared secret: its clusters register over HTTP, "
            "and an administrator accepts them."
        )
    value = shared_secret.normal(secret)
    question = installation.fact("cluster_secret_question")
    found: dict[str, Any] = {}
    if shared_secret.read(installation) != value:
        if there and "region" in installation.roles:
            raise HostError(
                "This host is the region too, whose shared secret is another one: clusters "
                "take the region's, so leave the secret out here."
            )
        found["secret"] = {"old": HIDDEN if there else None, "new": HIDDEN}
    elif shared_secret.loose(installation):
        found["secret_file"] = shared_secret.loose(installation)
    if question and "region" not in installation.roles:
        package = installation.fact("cluster_packages")[0]
        old = debconf.get_answer(installation, package, question)
        if (old or "").lower() != value:
            found[question] = {"old": HIDDEN if old else None, "new": HIDDEN}
    return found


def _urls(installation, url):
    urls = [str(one).rstrip("/") for one in ([url] if isinstance(url, str) else url)]
    if not urls:
        raise HostError("url: at least one region URL is needed.")
    for one in urls:
        wrong = region_url.problem(one)
        if wrong:
            raise HostError(f"url: {wrong}")
    if len(urls) > 1 and not installation.fact("several_region_urls"):
        raise HostError(f"MAAS {installation.release} takes one region URL; several from 2.5 on.")
    return urls


def _one_or_all(urls):
    return urls[0] if len(urls) == 1 else urls or None


def _uuid_missing(installation, uuid):
    """Whether the older place of a 1.5 or 1.6 cluster's uuid has another one, or none."""
    if not installation.has("cluster_celery"):
        return False
    return formats.celery_uuid(files.read(installation.path("cluster_celery"))) != uuid


def _check_uuid(installation, now, uuid):
    if not installation.fact("has_cluster_uuid") or installation.release >= "2.0":
        raise HostError(f"MAAS {installation.release} has no cluster uuid to choose.")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,36}", uuid):
        raise HostError("A cluster uuid has at most 36 letters, digits, '.', '_' or '-'.")
    if now and now != uuid:
        raise HostError(
            f"This cluster has the uuid {now}; another one would make the region see a new "
            "cluster and keep the old one. Use this uuid, or leave it out of the pillar."
        )


def _generator_differs(installation, url):
    if not installation.has("pserv"):
        return False
    generator = formats.pserv_generator(files.read(installation.path("pserv")))
    return generator != f"{url}/api/1.0/pxeconfig/"


def configure(
    installation: Installation,
    url=None,
    uuid=None,
    secret=None,
    test: bool = False,
    **settings: Any,
) -> dict:
    """Point a cluster or rack at its region, in files and debconf, and restart it once.

    All of it is one :class:`~saltext.maas.host.transaction.Transaction`: a run that was
    killed is taken up by the next one.  The rack's identity (``maas_id``) is left alone.

    Args:
        url: As in :func:`plan`; so are the others.
        uuid: Cluster uuid.
        secret: Shared secret.
        test: Only plan.
        settings: More local settings.

    Returns:
        ``{"changes", "warnings": [text], "restarted": [service], "mark": text}``;
        give the mark to
        :func:`~saltext.maas.host.enrolment.registered` so that it looks at what came after.

    Raises:
        HostError: A value is wrong, another uuid is in place, or a step failed;
            then the files are put back.
    """
    planned = plan(installation, url, uuid, secret, **settings)
    changes = planned["changes"]
    if test or not changes:
        return {**planned, "restarted": [], "mark": None}
    mark, warnings = logs.mark(installation), list(planned["warnings"])
    package = (installation.fact("cluster_packages") or ("",))[0]  # the snap has no questions
    questions: dict[str, str] = {
        installation.fact("cluster_url_question"): "string",
        installation.fact("cluster_secret_question"): "password",
    }
    asked = [(package, one, kind) for one, kind in questions.items() if one in changes]
    quiet = {*questions, "secret_file", transaction.UNFINISHED}
    with transaction.Transaction(
        installation,
        "cluster",
        [installation.path(name) for name in _FILES if installation.has(name)],
        asked,
        installation.fact("cluster_services") if changes.keys() - quiet else (),
    ) as run:
        # Debconf first: where it refuses, no file has changed yet.
        for _, question, kind in asked:
            value = changes[question]["new"] if kind == "string" else shared_secret.normal(secret)
            debconf.set_answer(installation, package, question, kind, value)
        if "mode" in changes:
            snap.make_rack(installation, _urls(installation, url)[0], shared_secret.normal(secret))
        if "url" in changes:
            _set_urls(installation, _urls(installation, url))
        if "uuid" in changes:
            _set_uuid(installation, uuid)
        if {"secret", "secret_file"} & changes.keys():
            warnings += _set_secret(installation, shared_secret.normal(secret))
        want = desired(installation, settings, "cluster")
        _set_settings(installation, {name: want[name] for name in want if name in changes})
    return {"changes": changes, "warnings": warnings, "restarted": run.restarted, "mark": mark}


def restore(
    installation: Installation,
    urls: list[str],
    uuid: str | None,
    secret: str | None,
    settings: dict,
) -> dict[str, dict]:
    """Bring the files back to what they held before an upgrade; nothing restarts.

    Args:
        urls: Region URLs; none are left alone.
        uuid: Cluster uuid, where the release has one.
        secret: Shared secret in hex, where the release has one.
        settings: More local settings; those that the release does not have are left out.

    Returns:
        ``{field: {"old", "new"}}`` of what differed; the secret is asterisks.

    Raises:
        HostError: A file cannot be written, or would not hold it.
    """
    now = read_files(installation)
    changes: dict[str, dict] = {}
    urls = urls if installation.fact("several_region_urls") else urls[:1]
    if urls and now["urls"] != urls:
        changes["url"] = {"old": _one_or_all(now["urls"]), "new": _one_or_all(urls)}
        _set_urls(installation, urls)
    if uuid and now["uuid"] != uuid:
        changes["uuid"] = {"old": now["uuid"], "new": uuid}
        _set_uuid(installation, uuid)
    if secret and shared_secret.read(installation) != secret:
        changes["secret"] = {"old": HIDDEN if now["secret"] else None, "new": HIDDEN}
        _set_secret(installation, secret)
    wrong = {
        name: value for name, value in settings.items()
        if name in now["settings"] and now["settings"][name] != value
    }  # fmt: skip
    _set_settings(installation, wrong)
    changes.update({n: {"old": now["settings"][n], "new": value} for n, value in wrong.items()})
    return changes


def chosen_settings(installation: Installation) -> dict[str, Any]:
    """Return those local settings that are not as the release has them by default."""
    table = available(installation, "cluster")
    return {
        name: value
        for name, value in _settings(installation).items()
        if value != (installation.fact("tftp_root") if name == "tftp_root" else table[name].default)
    }


def _set_urls(installation, urls):
    command = installation.fact("cluster_url_command")
    if command:
        option = [command[-1]] if command[-1].startswith("--") else []
        argv = [*command[: len(command) - len(option)]]
        for one in urls:
            argv += [*option, one]
        installation.check([installation.fact("cluster_tool"), *argv])
    elif installation.fact("cluster_format") == "yaml":
        _edit_yaml(installation, {"maas_url": _one_or_all(urls)})
    else:
        _edit_shell(installation, "MAAS_URL", urls[0])
    # The command of 1.7 and 1.8 leaves a comment and a port alone.
    if _generator_differs(installation, urls[0]):
        path = installation.path("pserv")
        new = formats.pserv_set_generator(files.read(path) or "", urls[0])
        files.replace(installation, path, new, formats.yaml_read, mode=0o644, backup=False)
    if read_files(installation)["urls"] != urls:
        name = installation.inside(installation.path("cluster_config"))
        raise HostError(f"{name} does not hold the region URL after the change.")


def _set_uuid(installation, uuid):
    if installation.fact("cluster_format") == "yaml":
        _edit_yaml(installation, {"cluster_uuid": uuid})
        return
    _edit_shell(installation, "CLUSTER_UUID", uuid)
    if installation.has("cluster_celery"):
        path = installation.path("cluster_celery")
        new = formats.celery_set_uuid(files.read(path), uuid)
        files.replace(installation, path, new, owner=("root", "maas"), backup=False)


def _set_settings(installation, changed):
    """Put local settings into the file that holds them; all else in it stays."""
    if changed and installation.has("pserv"):
        path = installation.path("pserv")
        text = files.read(path) or ""
        for setting in CLUSTER_SETTINGS:
            if setting.name in changed:
                text = formats.pserv_set(text, setting.pserv, str(changed[setting.name]))
        files.replace(installation, path, text, formats.yaml_read, mode=0o644, backup=False)
    elif changed:
        _edit_yaml(installation, changed)


def _edit_yaml(installation, changed):
    path = installation.path("cluster_config")
    new = formats.yaml_update(files.read(path), changed, installation.inside(path))
    owner = ("root", "root") if installation.kind == "snap" else ("root", "maas")
    files.replace(installation, path, new, formats.yaml_read, owner=owner, backup=False)


def _edit_shell(installation, key, value):
    path = installation.path("cluster_config")
    new = formats.shell_set(files.read(path), key, value)
    files.replace(installation, path, new, owner=("root", "maas"), backup=False)


def _set_secret(installation, value):
    path = installation.path("secret")
    if shared_secret.read(installation) != value:
        if installation.kind == "snap":
            shared_secret.write(installation, value)
        else:
            argv = [installation.fact("cluster_tool"), "install-shared-secret"]
            installation.check(argv, stdin=value + "\n", hide=[value])
    note = files.own_secret(installation, path, *installation.fact("secret_owner"))
    if shared_secret.read(installation) != value:
        raise HostError(f"{installation.inside(path)} does not hold the secret after the change.")
    return [note] if note else []
