"""A region controller's own configuration: URL, database, broker, debugging, shared secret."""

from __future__ import annotations

import contextlib

from saltext.maas.client.redact import HIDDEN
from saltext.maas.host import (
    broker,
    debconf,
    documents,
    reach,
    region_broker,
    shared_secret,
    transaction,
    vault,
)
from saltext.maas.host.errors import HostError
from saltext.maas.host.settings import available, wanted
from saltext.maas.host.surface import Surface
from saltext.maas.host.transaction import Change

_DATABASE = ("host", "port", "name", "user", "password")
_BROKER = ("host", "longpoll_password", "workers_host", "workers_password")


def read_config(surface: Surface, secrets: bool = False) -> dict:
    """Read the region's local configuration from its files, in one shape for all releases.

    Args:
        surface: The host.
        secrets: Show passwords instead of asterisks.

    Returns:
        ``{"url", "database": {"host", "port", "name", "user", "password"},
        "debug", ..., "sources": {setting: file or "default"}}``, in 1.5 and 1.6 with
        ``"broker": {"host", "longpoll_password", "workers_host", "workers_password"}``.

    Raises:
        HostError: No region here, or a file is broken.
    """
    surface.need("region")
    values, sources = _settings(surface)
    if not secrets:
        for item in available(surface).values():
            if item.secret and values.get(item.name):
                values[item.name] = HIDDEN
    database = {key: values.pop(f"database_{key}") for key in _DATABASE}
    told = {**values, "database": database, "sources": sources}
    if "broker_host" in values:
        told["broker"] = {key: told.pop(f"broker_{key}") for key in _BROKER}
    return told


def values(surface: Surface) -> tuple[dict, dict]:
    """Every setting's value, passwords too, and its source; never for anybody's eyes.

    Returns:
        ``({setting: value}, {setting: file, "vault" or "default"})``.
    """
    return _settings(surface)


def _read_all(surface):
    found = documents.read_all(surface)
    if "database_name" not in found and surface.has("vault_command") and vault.config(surface):
        with contextlib.suppress(HostError):  # then the defaults are shown
            for name, value in vault.database_login(surface).items():
                found.setdefault(name, []).append((value, "vault"))
    return found


def _settings(surface, found=None):
    found = _read_all(surface) if found is None else found
    values, sources = {"database_port": 5432}, {}
    for setting in available(surface).values():
        places = found.get(setting.name)
        if places:
            values[setting.name], sources[setting.name] = places[0]
        else:
            values[setting.name], sources[setting.name] = _default(surface, setting), "default"
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
        are asterisks, debconf questions and users of RabbitMQ are fields of their own.
    """
    return _plan(surface, settings).told()


class _Plan:
    """What is wanted and what differs, for one run."""

    def __init__(self, before, sources, want, changes, warnings):
        self.before = before
        self.sources = sources
        self.want = want
        self.changes = changes
        self.warnings = warnings

    def told(self):
        return {"changes": self.changes, "warnings": self.warnings}

    def settings(self):
        changed = {name: self.want[name] for name in self.changes if name in self.want}
        if _LOGIN & changed.keys() and "vault" in self.sources.values():
            # The region moves them to Vault again when it starts, all three together.
            changed = {**{name: self.before[name] for name in _LOGIN}, **changed}
        return changed

    def answers(self):
        return {name: self.changes[name]["new"] for name in self.changes if name in _QUESTIONS}

    def users(self):
        """Settings whose user of RabbitMQ gets its password."""
        fields = {name: region_broker.FIELD.format(user) for name, user in broker.USERS.items()}
        return [name for name, field in fields.items() if field in self.changes]


_LOGIN = {"database_name", "database_user", "database_password"}
_QUESTIONS = ("maas/default-maas-url",)


def _plan(surface, settings):
    surface.need("region")
    surface.need_known()
    want = wanted(surface, settings)
    found = _read_all(surface)
    now, sources = _settings(surface, found)
    if {"url", "broker_host"} & want.keys() and "broker_host" in now:
        want["broker_workers_host"] = region_broker.workers_host({**now, **want})
    table = available(surface)
    changes, warnings = transaction.plan(surface, "region"), []
    for name, value in want.items():
        others = [one for one, _ in found.get(name, [(now[name], "")]) if one != value]
        if not others:
            continue
        old, new = others[0], value
        if table[name].secret:
            old, new = (HIDDEN if old else None), HIDDEN
        changes[name] = {"old": old, "new": new}
    if "url" in want and surface.kind == "deb":
        answers = debconf.plan_region(surface, want["url"])
        changes.update(answers["changes"])
        warnings += answers["warnings"]
    told = region_broker.plan(surface, want, {**now, **want})
    changes.update(told["changes"])
    warnings += told["warnings"]
    return _Plan(now, sources, want, changes, warnings)


def configure(
    surface: Surface,
    test: bool = False,
    wait: float = 180,
    verify: bool = True,
    ca_file: str | None = None,
    **settings,
) -> dict:
    """Bring files, debconf, RabbitMQ and services to the given settings, or leave all as it was.

    Args:
        surface: The host.
        test: Only plan.
        wait: Seconds until the API has to answer after the restart, and again
            until the clusters that were connected before are connected again.
        verify: Whether to try the database's login first, and to wait for that answer.
        ca_file: CA for an https URL.
        settings: As in :func:`plan`.

    Returns:
        ``{"changes", "warnings", "restarted": [service]}``; the changes are
        the same as those planned.

    Raises:
        HostError: A value is wrong, the database refuses, a step failed or the API
            did not come back; files, debconf and services were put back, or
            the text says which were not.
    """
    planned = _plan(surface, settings)
    changed, warnings = planned.settings(), planned.warnings
    if verify and any(name.startswith("database_") for name in changed):
        warnings += try_database({**planned.before, **changed})
    if test or not planned.changes:
        return {**planned.told(), "restarted": []}
    answers, users = planned.answers(), planned.users()
    package = surface.fact("region_packages")[0] if answers else None
    values = {**planned.before, **planned.want}
    clusters = reach.Clusters(surface) if verify else None

    def is_back():
        if verify:
            reach.wait_for_api(values["url"], surface.release, wait, ca_file)
            warnings.extend(clusters.wait(wait))

    with Change(
        surface,
        "region",
        documents.paths(surface, changed),
        [(package, question, "string") for question in answers],
        _to_restart(surface, {*changed, *users}),
        is_back,
        # A run that was killed may have changed RabbitMQ as well.
        lambda: (
            (users or transaction.UNFINISHED in planned.changes)
            and region_broker.mend(surface, _settings(surface)[0])
        ),
    ) as change:
        # Debconf first: where it refuses, no file has changed yet.
        for question, value in answers.items():
            debconf.set_answer(surface, package, question, "string", value)
        documents.write(surface, changed)
        for name in users:
            broker.set_password(surface, broker.USERS[name], planned.want[name])
    return {**planned.told(), "restarted": change.restarted}


def reconfigure(
    surface: Surface,
    test: bool = False,
    wait: float = 180,
    verify: bool = True,
    ca_file: str | None = None,
) -> dict:
    """Run ``dpkg-reconfigure`` of the region's package and keep every setting as it is.

    For what only the packages' scripts do.  Debconf is given the host of the URL before, since
    an empty or a wrong answer breaks the URL; afterwards what the scripts changed is put
    back: another URL, or the RabbitMQ passwords that 1.5 and 1.6 make up each time.

    Args:
        surface: The host, with packages.
        test: Only plan.
        wait: Seconds until the API has to answer.
        verify: Whether to wait for that.
        ca_file: CA for an https URL.

    Returns:
        ``{"changes": {"maas-region-controller": {"old", "new"}}, "warnings", "restarted"}``.

    Raises:
        HostError: A snap, no region here, a step failed, or the API did not come back;
            then all was put back.
    """
    surface.need("region")
    surface.need_known()
    if surface.kind != "deb":
        raise HostError("There is no dpkg-reconfigure for the snap.")
    package = surface.fact("region_packages")[0]
    before, _ = _settings(surface)
    answers = debconf.plan_region(surface, before["url"])["changes"]
    changes = {
        **transaction.plan(surface, "region"),
        **answers,
        package: {"old": "configured", "new": "configured again"},
    }
    if test:
        return {"changes": changes, "warnings": [], "restarted": []}
    all_settings = available(surface)
    put_back = []
    with Change(
        surface,
        "region",
        documents.paths(surface, all_settings),
        [(package, question, "string") for question in _QUESTIONS],
        _to_restart(surface, all_settings),
        (lambda: reach.wait_for_api(before["url"], surface.release, wait, ca_file))
        if verify
        else None,
        lambda: region_broker.mend(surface, _settings(surface)[0]),
    ) as change:
        for question, item in answers.items():
            debconf.set_answer(surface, package, question, "string", item["new"])
        debconf.reconfigure(surface, package)
        after = documents.read_all(surface)
        put_back = [
            name
            for name, value in before.items()
            if name in all_settings and any(one != value for one, _ in after.get(name, ()))
        ]
        documents.write(surface, {name: before[name] for name in put_back})
        region_broker.mend(surface, _settings(surface)[0])
    warnings = [f"The package had changed {', '.join(put_back)}; put back."] if put_back else []
    return {"changes": changes, "warnings": warnings, "restarted": change.restarted}


def _to_restart(surface, changed):
    if not changed:
        return []
    names = list(surface.fact("region_services"))
    if any(name.startswith("broker_") for name in changed):
        names += surface.fact("broker_services") or ()
    return names


def try_database(values: dict) -> list[str]:
    """Log in to a database as the region would.

    Args:
        values: Its settings, ``database_host`` and so on.

    Returns:
        A warning when it could not be tried, else nothing.

    Raises:
        HostError: It refuses.
    """
    from saltext.maas import database

    described = {key: values.get(f"database_{key}") for key in _DATABASE}
    try:
        with database.connect(described, timeout=10):
            return []
    except database.DriverMissing as error:
        return [f"The database was not tried: {error}"]
    except database.DatabaseError as error:
        raise HostError(f"Nothing was changed: {error}") from None


# The shared secret


def secret(surface: Surface) -> str | None:
    """The region's shared secret from wherever its release keeps it (1.7 and later).

    Args:
        surface: The host.

    Returns:
        Hex, or None when the region has none yet.

    Raises:
        HostError: This release has none at all, its places disagree in a way that
            stops the region, or none of them can be read.
    """
    surface.need("region")
    return shared_secret.of_region(surface)


def install_secret(surface: Surface, value: str, test: bool = False) -> dict:
    """Give the region a shared secret, which only works while it has none.

    Args:
        surface: The host.
        value: Hex.
        test: Only plan.

    Returns:
        See :func:`saltext.maas.host.shared_secret.install`.

    Raises:
        HostError: It has another one; which values is never said.
    """
    surface.need("region")
    surface.need_known()
    return shared_secret.install(surface, value, test)
