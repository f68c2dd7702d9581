"""A region controller's own configuration: URL, database, debugging, shared secret."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from saltext.maas.client.redact import HIDDEN
from saltext.maas.host import debconf, files, formats, services, shared_secret, transaction
from saltext.maas.host.errors import HostError
from saltext.maas.host.reach import wait_for_api
from saltext.maas.host.settings import available, wanted
from saltext.maas.host.surface import Surface
from saltext.maas.host.transaction import Change


def read_config(surface: Surface, secrets: bool = False) -> dict:
    """Read the region's local configuration, in one shape for all releases.

    Args:
        surface: The host.
        secrets: Show the database password instead of asterisks.

    Returns:
        ``{"url", "database": {"host", "port", "name", "user", "password"},
        "debug", ..., "sources": {setting: file or "default"}}``.

    Raises:
        HostError: No region here, or its file is broken.
    """
    surface.need("region")
    values, sources = _settings(surface)
    if values.get("database_password") and not secrets:
        values["database_password"] = HIDDEN
    database = {key: values.pop(f"database_{key}") for key in _DATABASE}
    return {**values, "database": database, "sources": sources}


_DATABASE = ("host", "port", "name", "user", "password")


def _settings(surface):
    path = surface.path("region_config")
    text = files.read(path)
    name = surface.inside(path)
    table = available(surface)
    if surface.fact("region_format") == "python":
        found = formats.python_read(text, name)
    else:
        data = formats.yaml_read(text, name)
        found = {item.name: data[item.key] for item in table.values() if item.key in data}
    values, sources = {"database_port": 5432}, {}
    for setting in table.values():
        there = setting.name in found
        value = found[setting.name] if there else _default(surface, setting)
        values[setting.name] = setting.normal(value if value is not None else setting.default)
        if setting.name == "database_port" and value == "":
            values[setting.name] = setting.default
        sources[setting.name] = name if there else "default"
    return values, sources


def _default(surface, setting):
    if setting.name == "url":
        return debconf.url_from_host(surface, "localhost")
    return setting.default


def plan(surface: Surface, **settings) -> dict:
    """What :func:`configure` would change.

    Args:
        surface: The host.
        settings: ``url``, ``database_host``, ``database_port``,
            ``database_name``, ``database_user``, ``database_password``,
            ``debug``, ``num_workers``, ... (see
            :data:`~saltext.maas.host.settings.SETTINGS`); None leaves alone.

    Returns:
        ``{"changes": {field: {"old", "new"}}, "warnings": [text]}``; secrets
        are asterisks, debconf questions are fields of their own.
    """
    surface.need("region")
    want = _checked(surface, settings)
    now, _ = _settings(surface)
    secret = {item.name for item in available(surface).values() if item.secret}
    changes = transaction.plan(surface, "region")
    for name, value in want.items():
        if now[name] != value:
            old, new = now[name], value
            if name in secret:
                old, new = (HIDDEN if old else None), HIDDEN
            changes[name] = {"old": old, "new": new}
    warnings = []
    if "url" in want:
        answers = debconf.plan_region(surface, want["url"]) if surface.kind == "deb" else {}
        changes.update(answers.get("changes", {}))
        warnings = answers.get("warnings", [])
    return {"changes": changes, "warnings": warnings}


def _checked(surface, settings):
    want = wanted(surface, settings)
    if "url" in want:
        parts = urlsplit(want["url"])
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise HostError("url must be a region URL, such as http://192.0.2.10:5240/MAAS.")
    return want


def configure(
    surface: Surface,
    test: bool = False,
    wait: float = 180,
    verify: bool = True,
    ca_file: str | None = None,
    **settings,
) -> dict:
    """Bring files, debconf and services to the given settings, or leave all as it was.

    Args:
        surface: The host.
        test: Only plan.
        wait: Seconds until the API has to answer after the restart.
        verify: Whether to wait for that answer at all.
        ca_file: CA for an https URL.
        settings: As in :func:`plan`.

    Returns:
        ``{"changes", "warnings", "restarted": [service]}``; the changes are
        the same as those planned.

    Raises:
        HostError: A step failed or the API did not come back; files, debconf
            and services were put back, or the text says which were not.
    """
    planned = plan(surface, **settings)
    if test or not planned["changes"]:
        return {**planned, "restarted": []}
    want = _checked(surface, settings)
    before, _ = _settings(surface)
    changed = {name: want[name] for name in planned["changes"] if name in want}
    answers = {name: item["new"] for name, item in planned["changes"].items() if name in _QUESTIONS}
    path = surface.path("region_config")

    def answers_again():
        if verify:
            wait_for_api(want.get("url", before["url"]), surface.release, wait, ca_file)

    package = surface.fact("region_packages")[0] if answers else None
    with Change(
        surface,
        "region",
        [path] if changed else [],
        [(package, question, "string") for question in answers],
        surface.fact("region_services") if changed else (),
        answers_again,
    ) as change:
        _write_settings(surface, path, changed)
        for question, value in answers.items():
            debconf.set_answer(surface, package, question, "string", value)
    return {**planned, "restarted": change.restarted}


_QUESTIONS = ("maas/default-maas-url",)


def _write_settings(surface, path, changed):
    if not changed:
        return
    name = surface.inside(path)
    if surface.fact("region_format") == "python":
        text = files.read(path)
        if text is None:
            raise HostError(f"{name} is missing; reinstall maas-region-controller.")
        files.back_up(path)
        new = formats.python_update(text, changed, name)
        _replace(surface, path, new, lambda on_disk: _expect(on_disk, changed, name))
        return
    table = available(surface)
    # A secret goes straight into the file: a command's arguments are for all to see.
    secret = {table[key].key: value for key, value in changed.items() if table[key].secret}
    options = []
    for key, value in changed.items():
        if not table[key].secret:
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            options += [table[key].option, shown]
    files.back_up(path)
    if options:
        surface.check([surface.fact("region_tool"), "local_config_set", *options])
    if secret:
        new = formats.yaml_update(files.read(path), secret, name)
        _replace(surface, path, new, lambda on_disk: formats.yaml_read(on_disk, name))


def _replace(surface, path, text, validate):
    files.replace(surface, path, text, validate, owner=("root", "maas"), backup=False)


def _expect(text, changed, name):
    found = formats.python_read(text, name)
    wrong = [key for key, value in changed.items() if str(found.get(key)) != str(value)]
    if wrong:
        raise HostError(f"{name} would not hold {', '.join(wrong)} after the edit.")


# The shared secret


def secret(surface: Surface) -> str | None:
    """The region's shared secret, or None when it has none yet (1.7 and later).

    Raises:
        HostError: This release has none at all, or its file is broken.
    """
    surface.need("region")
    return shared_secret.read(surface)


def install_secret(surface: Surface, value: str, test: bool = False) -> dict:
    """Give the region a shared secret, which only works while it has none.

    Args:
        surface: The host.
        value: Hex.
        test: Only plan.

    Returns:
        ``{"changes": {"secret": {"old", "new"}} or {}, "warnings": [],
        "restarted": [service]}``.

    From 3.3 on a secret in the region's database wins over the file, which the
    region then rewrites when it starts; the next call reports the difference.

    Raises:
        HostError: It has another one; which values is never said.
    """
    surface.need("region")
    value = shared_secret.normal(value)
    now = shared_secret.read(surface)
    if now == value:
        return {"changes": {}, "warnings": [], "restarted": []}
    if now is not None:
        raise HostError(
            "The region already has another shared secret, which its clusters use: "
            "give the clusters this region's secret, or leave the secret out of the pillar."
        )
    changes = {"secret": {"old": None, "new": HIDDEN}}
    if test:
        return {"changes": changes, "warnings": [], "restarted": []}
    path = surface.path("secret")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    files.replace(surface, path, value, shared_secret.normal, owner=("maas", "maas"))
    note = files.own_secret(surface, path)
    try:
        restarted = services.restart(surface, surface.fact("region_services"))
    except HostError as error:
        os.unlink(path)  # so that the next run tries again
        raise HostError(f"{error} The secret was taken out again.") from None
    return {"changes": changes, "warnings": [note] if note else [], "restarted": restarted}
